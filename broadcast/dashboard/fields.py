"""What the dashboard's forms have in common: what a field says, and where what the API says of it is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flask_wtf import FlaskForm

from broadcast.errors import FieldError

#: So many problems are shown at one field.
MOST = 5


class Form(FlaskForm):  # type: ignore[misc]  # Flask-WTF ships no types
    """A form whose fields become a request of the API."""

    class Meta:
        """Every form of the dashboard is protected before its view is called."""

        csrf = False


def text_of(field: Any) -> str:
    """What was written into a field, without blanks around it."""
    return (field.data or "").strip()


def show_problems(
    form: Form,
    problems: Sequence[FieldError],
    *,
    field_at: Callable[[str], str | None],
    said: Callable[[FieldError], str],
) -> list[str]:
    """Put each problem at its field, by what follows the pointer's first slash; return those that have none."""
    homeless = []
    for problem in problems:
        name = field_at(problem.pointer.strip("/"))
        if name is None:
            homeless.append(f"{problem.pointer}: {problem.detail}")
        elif len(form[name].errors) < MOST:
            form[name].errors = [*form[name].errors, said(problem)]
    return homeless
