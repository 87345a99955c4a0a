"""What a medium is called and what type it has: by its address, unless that speaks of another kind."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from pathlib import PurePosixPath

from broadcast.domain.content import Kind, file_name

#: kind -> the ending and the type of one whose address does not say, or says that it is a page or a script
_ELSE: Mapping[Kind, tuple[str, str]] = {
    Kind.IMAGE: (".jpg", "image/jpeg"),
    Kind.VIDEO: (".mp4", "video/mp4"),
    Kind.AUDIO: (".mp3", "audio/mpeg"),
}


def named(kind: Kind, url: str) -> tuple[str, str | None]:
    """The medium's name, "" where its address has none, and its type, None for a document of an unknown sort.

    Gateways take the type from the name: `photo.php` would be no image.
    """
    name = file_name(url)
    mimetype, _ = mimetypes.guess_type(name)
    if kind not in _ELSE or (mimetype or "").startswith(f"{kind.value}/"):
        return name, mimetype
    ending, usual = _ELSE[kind]
    return (PurePosixPath(name).stem + ending if name else ""), usual
