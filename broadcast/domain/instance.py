"""An instance as somebody registered it: what speaks for it, where that is, and with which credentials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Instance:
    """Without a `dialect`, it is sent through the gateway that the settings name, and the rest is empty."""

    id: str
    dialect: str | None = None
    url: str = ""
    open_credentials: Mapping[str, str] = field(default_factory=dict)  #: those that are no secret
    secret_names: frozenset[str] = frozenset()  #: which secrets are in `sealed`
    sealed: str = field(default="", repr=False)  #: the secrets, encrypted
    check_numbers: bool | None = None  #: whether numbers are asked about before they are sent to; None: by the dialect
    version: int = 0  #: counts the registrations of this id; 0 before the first

    @property
    def binding(self) -> str:
        """What the secrets are encrypted for: they are good for nothing elsewhere."""
        return "\n".join((self.id, self.dialect or "", self.url))
