"""What the API says of a wrong field, in the words of whoever fills in a form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask_babel import gettext, lazy_gettext

from broadcast.dashboard.rows import row_title
from broadcast.domain.lines import NO_TEXT

_ = lazy_gettext

#: what the API says of a wrong field, where people meet it
PROBLEMS: Mapping[str, Any] = {
    "must not be empty, in any": _("Whatever is chosen of [[this|that]], something must be left to say."),
    "must not be empty": _("Write something here."),
    "has a {{…}} that is no variable": _(
        "Between {{ and }} stands a column's name, such as {{name}}. One of these is none."
    ),
    "has characters that cannot be sent": _("has characters that cannot be sent"),
    "is not a cursor of ours": _("This address leads to no page of a list."),
    "Must be one of": _("There is no such choice."),
    "is in the past": _("This is in the past."),
    "is more than ten years ahead": _("This is more than ten years ahead."),
    "must have no blanks in it": _("The address has blanks in it: write each of them as %20."),
    "must be an http or https address": _("This must be an address that begins with https://."),
    "must be on the internet, and is a": _(
        "Use an address on the internet. Of others, MEDIA_ALLOW_PRIVATE=1 lets gateways fetch."
    ),
    "must be 1 to 128 characters": _("Use 1 to 128 characters, without / ? # % and without blanks around them."),
    "must be another name": _("Choose another name: this one has a meaning of its own here."),
    "must have 1 to": _("There must be at least one contact, and at most 100,000."),
    "must be null when mediaType is text": _("A text has no medium: choose another kind, or leave this empty."),
    "must be of a-z, 0-9 and _": _("Use small letters without accents, digits and _ only."),
    "must be such as pt_BR": _("This must be such as pt_BR or en_US."),
    "cannot be sent: this instance's gateway knows no templates": _(
        "Only instances on Meta's Cloud API send templates, and this one is not."
    ),
    "must be text with a template": _("A template's medium goes into its header: choose Text here."),
    "Length must be between 1": _("Write something here, and not too much."),
    "must be left out of an open campaign": _("Leave this empty: you add the files after the preview, one by one."),
    "has too many contacts": _("A campaign has a million contacts at most: this file would be too much."),
    "the body has no column": _("The list's first line names no column such as telefone or phone."),
    "the body has no numbers": _("The list has no numbers."),
    "the body has no list": _("The file has no list of contacts: JSON is a list of them, or has one called contacts."),
    "the body is neither a list": _(
        "The file has no list of contacts: JSON is a list of them, or has one called contacts."
    ),
    "the body has a line": _(
        "A line of the file is too long to be a contact's. Save the list as CSV, a contact a line."
    ),
    "the body is not UTF-8": _("The file is not in UTF-8. Save it in that, and choose it again."),
    "the body is not CSV": _(
        "The file cannot be read to its end. Is there a quotation mark that is never closed? Correct it, and choose it "
        "again: nobody is added twice."
    ),
    "the body has several columns that may": _(
        "Several columns may have the numbers, and some may be somebody else's. Call the one that has them telefone."
    ),
    "the body has several columns": _(
        "A row has several columns, and no title says which is the number. Name them in the first line: phone;name."
    ),
    "the body ": _("The file cannot be read to its end. Correct it, and choose it again: nobody is added twice."),
    "must have at most": _("This is too long for this kind of message."),
    "must be empty: audio has no caption": _("Audio has no caption: leave the message empty."),
    "are written beside a file": _("A file is chosen as well. Choose it alone, or leave it out and write them here."),
    "the list is not CSV": _("This cannot be read to its end. Is there a quotation mark that is never closed?"),
    "the list has no numbers": _("The list has no numbers."),
    "the list has no column": _("The list's first line names no column such as telefone or phone."),
    "the list has more cells": _(
        "A row has more cells than there are titles. Put what has the separator in it between quotation marks."
    ),
    "the list has several columns that may": _(
        "Several columns may have the numbers, and some may be somebody else's. Call the one that has them telefone."
    ),
    "the list has several columns": _(
        "A row has several columns, and no title says which is the number. Name them in the first line: phone;name."
    ),
    "the list has more than": _("The list is too long: 100,000 contacts at most."),
}
#: where a table breaks off
_AT_ROW = re.compile(r" at row (\d+)[:,] ")


def in_words(detail: str) -> str:
    """What is wrong with a field, and in which row; the API's own words where there are no others."""
    if detail.endswith(NO_TEXT) or f"{NO_TEXT};" in detail:
        said: str = gettext(
            "This is no table in text, whatever the file's name says: it may be a workbook, a PDF or a web page. Open "
            "it in Excel or LibreOffice, and save it as CSV UTF-8."
        )
        return said
    text = next((text for words, text in PROBLEMS.items() if detail.startswith(words)), None)
    if text is None:
        return detail
    at = _AT_ROW.search(detail)
    return f"{text} ({row_title(int(at[1]))})" if at else str(text)
