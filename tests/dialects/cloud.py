"""Meta's Cloud API under the contract, against a stand-in for the Graph API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar

from broadcast.domain.contact import Status
from broadcast.domain.content import Template
from broadcast.gateways.base import Gateway, Message
from broadcast.gateways.cloud import Cloud
from tests.dialects.base import SECRET, Call, Can, Dialect, Taken
from tests.standins.cloud import NUMBER_ID, TOKEN, Graph, change, failure, graph


class CloudDialect(Dialect):
    name = "cloud"
    can = frozenset(
        {
            Can.SEND_TEMPLATES,
            Can.ECHO_REFERENCES,
            Can.HOLD_BACK_ONE,
            Can.CLOSE_ONE_CAMPAIGN,
            Can.KEEP_OPT_OUTS,
            Can.SIGN_BODIES,
            Can.CHALLENGE,
        }
    )
    words: ClassVar[Mapping[str, Status]] = {
        "sent": Status.SENT,
        "delivered": Status.DELIVERED,
        "read": Status.READ,
        "played": Status.READ,
        "failed": Status.FAILED,
    }
    signature = "X-Hub-Signature-256"
    key = TOKEN
    instance = NUMBER_ID
    template = Template(
        name="promo",
        language="pt_BR",
        components=({"type": "body", "parameters": [{"type": "text", "text": "Ana"}]},),
    )

    def __init__(self, meta: Graph) -> None:
        self._meta = meta
        self.url = meta.url

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Dialect]:
        with graph(templates={("promo", "pt_BR"): 1}, app_secret=SECRET) as meta:
            yield cls(meta)

    @staticmethod
    def adapter(url: str, *, key: str, timeout_s: float, secret: str | None) -> Gateway:
        return Cloud(url, key, timeout_s=timeout_s, app_secret=secret, verify_token=secret)

    @staticmethod
    def is_send(request: bytes) -> bool:
        return request.startswith(b"POST ")

    def taken(self) -> list[Taken]:
        return [
            Taken(
                message_id=sent.message_id,
                instance=sent.number_id,
                phone=sent.wa_id,
                kind=sent.body["type"],
                text=_text(sent.body[sent.body["type"]]),
                raw=sent,
            )
            for sent in self._meta.ledger
        ]

    def nobody_has(self, phone: str) -> None:
        self._meta.fail_next(131026, details=f"{phone} cannot be reached")

    def too_many(self, *, retry_after_s: int | None) -> None:
        headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
        self._meta.answer_next(429, "<html>", headers)

    def throttled(self) -> None:
        self._meta.fail_next(80007, status=429)

    def doubtful(self) -> None:
        self._meta.answer_next(502, "<html>Bad Gateway</html>")

    def disconnected(self) -> None:
        self._meta.fail_next(133010)

    def hold_back_one(self) -> None:
        self._meta.fail_next(131056)

    def close_one_campaign(self) -> Message:
        assert self.template is not None
        return self.message(template=replace(self.template, name="unheard_of"))

    def opted_out(self) -> None:
        self._meta.fail_next(131050)

    def told(self, taken: Taken, word: str) -> dict[str, Any]:
        errors = [failure(131000)] if self.words.get(word) is Status.FAILED else None
        return self._meta.status(taken.raw, word, errors=errors)

    def written(self, phone: str, text: str) -> dict[str, Any]:
        item = {"from": phone, "id": "wamid.IN1", "timestamp": "1768469460", "type": "text", "text": {"body": text}}
        return change("messages", messages=[item])

    def connection(self, *, is_open: bool) -> dict[str, Any]:
        return change("account_update", event="ACCOUNT_REINSTATED" if is_open else "ACCOUNT_DELETED")

    def wished(self, phone: str, *, stops: bool) -> dict[str, Any]:
        wish = {"wa_id": phone, "category": "marketing_messages", "value": "stop" if stops else "resume"}
        return change("user_preferences", user_preferences=[wish])

    def call(self, payload: Mapping[str, Any], *, secret: str = SECRET) -> Call:
        body, headers = replace(self._meta, app_secret=secret).signed(dict(payload))
        return Call(headers, body)


def _text(content: Mapping[str, Any]) -> str:
    return str(content.get("body") or content.get("caption") or "")
