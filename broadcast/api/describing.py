"""How the calls are described in /openapi.json: what each view says of itself, and what is true of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from apispec import APISpec, BasePlugin
from marshmallow import Schema

from broadcast.api.shown import SCHEMAS, ref

#: A caller presents one of them.
SECURITY: Mapping[str, dict[str, Any]] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key, or a Supabase user's token."},
    "apikey": {"type": "apiKey", "in": "header", "name": "apikey", "description": "A key."},
}
#: name in a path -> what it is
IN_PATHS: Mapping[str, dict[str, Any]] = {
    "campaign": {"description": "The campaign's id.", "example": "campaign-123"},
    "phone": {"description": "A person's number, as a contact's is written.", "example": "5511999990001"},
    "instance": {"description": "The instance's name.", "example": "loja"},
    "event": {"description": "The callback's id, its `webhook-id`.", "example": "cb_617259f85355b718852f_1"},
}
_TEXT = {"type": "string"}
_WAIT = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}}
#: HTTP status of a Problem -> when, and its headers
PROBLEMS: Mapping[int, tuple[str, dict[str, Any]]] = {
    400: ("The body is not JSON, or not all of it can be read.", {}),
    401: ("No key, or one that is not known.", {}),
    403: ("The key has not the scope, or may not use this instance.", {}),
    404: ("There is none such, or none that the key may see.", {}),
    409: ("Another body has this id, the move cannot be made from here, or a setting does not allow it.", {}),
    413: ("The body is too large.", {}),
    415: ("The body is not said to be JSON, or is compressed.", {}),
    422: ("Fields are wrong; each is named.", {}),
    429: ("This caller asks too often.", _WAIT),
    503: ("Redis is away or full. Send the same request again.", _WAIT),
}
#: What may be called next about a campaign that was accepted.
GOES_ON: Mapping[str, dict[str, Any]] = {
    name: {"operationId": f"campaigns_{name}", "parameters": {"campaign": "$response.body#/campaignId"}}
    for name in ("one", "contacts", "pause", "resume", "cancel")
}
OF_ALL = (401, 403, 429, 503)
OF_BODIES = (400, 413, 415, 422)


def call(
    *,
    shows: Mapping[int, str | tuple[str, ...]],
    asks: type[Schema] | tuple[type[Schema], ...] | None = None,
    query: type[Schema] | None = None,
    examples: Mapping[str, Any] | None = None,
    or_shows: str | None = None,
    or_asks: Mapping[str, str] | None = None,
    conflicts: bool = False,
    names: bool = False,
) -> dict[str, Any]:
    """What `blueprint.doc` takes. `shows`: status -> the answer's schema, or several; `asks`: the body's, the same.

    `or_shows` is a content type of text that is answered as well; `or_asks` such a one that is taken -> its example.
    `names`: what stands in the path may be wrong, and is named then.
    """
    of_it = (*OF_BODIES, *((409,) if conflicts else ())) if asks else (409,) if conflicts else ()
    described: dict[str, Any] = {
        "responses": {
            **{str(status): _answer(status, name, or_shows) for status, name in shows.items()},
            **problems(*of_it, *((422,) if query or names else ())),
        }
    }
    if asks:
        body: dict[str, Any] = {"schema": {"oneOf": list(asks)} if isinstance(asks, tuple) else asks}
        if examples:
            body["examples"] = {name: {"value": value} for name, value in examples.items()}
        others = {kind: {"examples": {kind: {"value": text}}} for kind, text in (or_asks or {}).items()}
        described["requestBody"] = {"required": True, "content": {"application/json": body, **others}}
    if query:
        described["parameters"] = [{"in": "query", "schema": query}]
    return described


def problems(*statuses: int) -> dict[str, Any]:
    """How it may fail."""
    return {str(status): _problem(status) for status in statuses}


def _answer(status: int, names: str | tuple[str, ...], or_text: str | None) -> dict[str, Any]:
    schema = ref(names) if isinstance(names, str) else {"anyOf": [ref(name) for name in names]}
    content = {"application/json": {"schema": schema}, **({or_text: {"schema": _TEXT}} if or_text else {})}
    shown = {"description": HTTPStatus(status).phrase, "content": content}
    return {**shown, "links": GOES_ON} if names == "Acceptance" else shown


def _problem(status: int) -> dict[str, str]:
    return {"$ref": f"#/components/responses/Problem{status}"}


class Common(BasePlugin):
    """Says for every call what is true of all, so that no view has to."""

    def init_spec(self, spec: APISpec) -> None:
        """The parts that all calls refer to."""
        spec.options["security"] = [{name: []} for name in SECURITY]
        for name, scheme in SECURITY.items():
            spec.components.security_scheme(name, scheme)
        for name, schema in SCHEMAS.items():
            spec.components.schema(name, schema)
        for status, (description, headers) in PROBLEMS.items():
            content = {"application/problem+json": {"schema": ref("Problem")}}
            shown = {"description": description, "content": content, **({"headers": headers} if headers else {})}
            spec.components.response(f"Problem{status}", shown)

    def schema_helper(self, name: str, definition: dict[Any, Any], **options: Any) -> dict[str, Any]:  # noqa: ARG002 - the same
        """What the fields of a shape have to do with each other."""
        return dict(getattr(options.get("schema"), "together", {}))

    def path_helper(
        self,
        path: str | None = None,  # noqa: ARG002 - apispec fixes the signature
        operations: dict[Any, Any] | None = None,  # noqa: ARG002 - the same
        parameters: list[dict[Any, Any]] | None = None,
        **_: Any,
    ) -> None:
        """What stands in a path."""
        for parameter in parameters or ():
            parameter.update(IN_PATHS.get(parameter["name"], {}))

    def operation_helper(
        self, path: str | None = None, operations: dict[Any, Any] | None = None, *, rule: Any = None, **_: Any
    ) -> None:
        """The call's name, and the problems that any call may end with, or one that names something in its path."""
        of_this = (*OF_ALL, 404) if "{" in (path or "") else OF_ALL
        for operation in (operations or {}).values():
            operation["operationId"] = rule.endpoint.replace(".", "_")
            answers = operation.setdefault("responses", {})
            for status in of_this:
                answers.setdefault(str(status), _problem(status))
            operation["responses"] = dict(sorted(answers.items(), key=lambda item: str(item[0])))
