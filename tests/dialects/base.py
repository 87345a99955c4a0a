"""What the one contract asks of each dialect: its adapter, its stand-in, and ways to provoke every answer and call."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar

from broadcast.domain.contact import Status
from broadcast.domain.content import Kind, Template
from broadcast.gateways.base import Gateway, Message

#: What webhook calls are known by.
SECRET = "5ecre7-of-the-webhooks-0123456789"
#: A person whose number many Brazilian accounts have in another form than the one that is dialled.
ANA = "5531999990001"


class Can(Enum):
    """What one dialect can and another cannot."""

    SEND_TEMPLATES = "it sends templates"
    ECHO_REFERENCES = "its receipts bring our reference back"
    TAKE_IDS = "it takes an id of ours"
    ECHO_MESSAGES = "it tells of each message that left"
    HOLD_BACK_ONE = "it throttles one contact alone"
    CLOSE_ONE_CAMPAIGN = "it stops one campaign alone"
    KEEP_OPT_OUTS = "it knows who wants to hear no more"
    SIGN_BODIES = "it signs what it posts"
    SAY_OPEN = "it tells that an instance opened"
    CHALLENGE = "it asks before it posts"


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A message that the far side has; `phone` in the form that it keeps."""

    message_id: str
    instance: str
    phone: str
    kind: str
    text: str
    raw: Any  #: the stand-in's own


@dataclass(frozen=True)
class Call:
    """A webhook call as it comes in; `path` is what follows the instance in the address."""

    headers: Mapping[str, str]
    body: bytes
    path: str = ""


class Dialect(ABC):
    """One dialect and its stand-in, running."""

    name: ClassVar[str]
    can: ClassVar[frozenset[Can]]
    #: their word -> ours
    words: ClassVar[Mapping[str, Status]]
    #: the header that a call is known by
    signature: ClassVar[str]
    instance: str = "loja-01"
    stranger: str = "999"  #: an instance that the far side does not have
    url: str

    @classmethod
    @abstractmethod
    def running(cls) -> AbstractContextManager[Dialect]:
        """The dialect with a stand-in that listens."""

    @staticmethod
    @abstractmethod
    def adapter(url: str, *, key: str, timeout_s: float, secret: str | None) -> Gateway:
        """Our side."""

    key: ClassVar[str]  #: the one that the stand-in knows

    def gateway(self, *, url: str | None = None, key: str | None = None, timeout_s: float = 5) -> Gateway:
        """Our side, talking to the stand-in."""
        return self.adapter(url or self.url, key=key or self.key, timeout_s=timeout_s, secret=SECRET)

    def message(self, kind: Kind = Kind.TEXT, **changes: Any) -> Message:
        """A message that is fine."""
        url = None if kind is Kind.TEXT else f"https://cdn.example/a/{_FILES[kind]}"
        given = {"instance": self.instance, "phone": ANA, "kind": kind, "text": "Olá, Ana", "media_url": url}
        return Message(**{"reference": "natal:7", **given, **changes})

    @staticmethod
    @abstractmethod
    def is_send(request: bytes) -> bool:
        """Whether these bytes ask for a message to be sent."""

    @abstractmethod
    def taken(self) -> list[Taken]:
        """Every message that the far side has, in order."""

    # What the next send meets.

    @abstractmethod
    def nobody_has(self, phone: str) -> None:
        """The number is not on WhatsApp."""

    @abstractmethod
    def too_many(self, *, retry_after_s: int | None) -> None:
        """HTTP 429."""

    @abstractmethod
    def throttled(self) -> None:
        """The dialect's own way to say that WhatsApp wants less of us."""

    @abstractmethod
    def doubtful(self) -> None:
        """An answer that does not say whether the message left."""

    @abstractmethod
    def disconnected(self) -> None:
        """The instance is logged out, or its number is not registered."""

    def hold_back_one(self) -> None:
        """Can.HOLD_BACK_ONE."""
        raise NotImplementedError

    def close_one_campaign(self) -> Message:
        """Can.CLOSE_ONE_CAMPAIGN: the message that cannot be sent to anybody, while others can."""
        raise NotImplementedError

    def opted_out(self) -> None:
        """Can.KEEP_OPT_OUTS."""
        raise NotImplementedError

    template: Template | None = None

    # What the far side posts.

    @abstractmethod
    def told(self, taken: Taken, word: str) -> dict[str, Any]:
        """How far a message got."""

    @abstractmethod
    def written(self, phone: str, text: str) -> dict[str, Any]:
        """A person wrote."""

    @abstractmethod
    def connection(self, *, is_open: bool) -> dict[str, Any]:
        """The instance opened or closed."""

    @abstractmethod
    def call(self, payload: Mapping[str, Any], *, secret: str = SECRET) -> Call:
        """The call with this payload."""

    def echoed(self, taken: Taken) -> dict[str, Any]:
        """Can.ECHO_MESSAGES: a message left."""
        raise NotImplementedError

    def wished(self, phone: str, *, stops: bool) -> dict[str, Any]:
        """Can.KEEP_OPT_OUTS: a person wants no more, or wants more again."""
        raise NotImplementedError


_FILES: Mapping[Kind, str] = {
    Kind.IMAGE: "foto%20nova.jpg",
    Kind.VIDEO: "festa.mp4",
    Kind.AUDIO: "recado.mp3",
    Kind.DOCUMENT: "tabela.pdf",
}

Running = Iterator[Dialect]
