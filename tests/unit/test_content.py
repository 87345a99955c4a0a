"""A message's text: filled for each contact, varied among them, and never more than text."""

from __future__ import annotations

import re
from collections import Counter
from string import ascii_letters

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.domain.content import missing, render

VALUES = {"name": "Ana"}


def variants(text: str, *, of: int = 300) -> Counter[str]:
    return Counter(render(text, VALUES, variant=f"c1:{number}") for number in range(of))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Oi {{name}}, {{ city | sua cidade }}!", {"Oi Ana, sua cidade!"}),
        ("[[Oi|Olá|Bom dia]]!", {"Oi!", "Olá!", "Bom dia!"}),
        ("Oi[[, tudo bem?|]]", {"Oi, tudo bem?", "Oi"}),
        ("[[Oi {{name}}|Olá, {{city|amigo}}]].", {"Oi Ana.", "Olá, amigo."}),
        ("[[a|b]][[a|b]]", {"aa", "ab", "ba", "bb"}),
        (r"\[[a|b]] [[a|b]]", {"[[a|b]] a", "[[a|b]] b"}),
        (r"C:\[x] \o/", {r"C:\[x] \o/"}),
        ("[[só um]]", {"[[só um]]"}),
        ("[[{{city|aí}}]]", {"[[aí]]"}),
        ("[[a|b]", {"[[a|b]"}),
        ("[a|b]]", {"[a|b]]"}),
        ("[[[a|b]]]", {"[a]", "[b]"}),
        ("[[a|[[b|c]]]]", {"[[a|b]]", "[[a|c]]"}),
        ("{[[{name}}|{{name}]]}", {"{{name}}}", "{{{name}}"}),
        ("{{city|[[a|b]]}}", {"[[a|b]]"}),
        ("", {""}),
    ],
)
def test_a_text_is_filled_and_varied_and_the_rest_of_it_stands(text: str, said: set[str]) -> None:
    assert variants(text).keys() == said


def test_the_same_contact_gets_the_same_text_on_every_host_and_in_every_run() -> None:
    text = "[[Oi|Olá|Bom dia]] [[1|2|3|4|5]]"
    # Written down: were this to change, a retry during an update would send another text.
    assert [render(text, {}, variant=f"c1:{number}") for number in range(4)] == ["Oi 2", "Oi 3", "Bom dia 5", "Olá 2"]


def test_each_option_gets_its_share() -> None:
    shares = variants("[[Oi|Olá|Bom dia]]", of=3000)
    assert min(shares.values()) > 900


def test_a_variable_is_missing_in_whichever_option_it_stands() -> None:
    assert missing("Oi {{name}} {{code}} {{x|y}}", VALUES) == ["code"]
    assert missing(r"[[Oi {{code}}|Olá {{other}}]] \[[{{last}}]] {{code}}", VALUES) == ["code", "other", "last"]


@given(st.text(), st.text())
def test_a_value_is_never_read_as_a_template(before: str, value: str) -> None:
    value = f"{{{{other}}}}[[a|b]]{value}"
    plain = re.sub(r"[{\[\\]", "", before)
    filled = render(f"{{{{name}}}}{plain}[[{{{{name}}}}|{{{{name}}}}]]", {"name": value, "other": "x"}, variant="c1:0")
    assert filled == f"{value}{plain}{value}"


#: Texts that are made of what means something, in any order.
MARKS = st.lists(
    st.sampled_from(
        ["{{", "}}", "[[", "]]", "|", "\\", "name", "{", "}", "[", "]", " ", "{{name}}", "{{x|y}}", "[[a|b]]"]
    )
    | st.text(max_size=3)
    | st.sampled_from(
        ["{0.__class__}", "%(name)s", "$name", "{% x %}", "{{ 7*7 }}", "{{name.__class__}}", "{{name()}}"]
    )
).map("".join)


@given(MARKS, st.dictionaries(st.sampled_from(["name", "x", "a"]), MARKS), st.text(max_size=9))
def test_no_text_breaks_rendering_or_grows_beyond_its_values(text: str, values: dict[str, str], variant: str) -> None:
    said = render(text, values, variant=variant)
    longest = max((len(value) for value in values.values()), default=0)
    # A variable is five characters at the least: {{x}}.
    assert len(said) <= len(text) + len(text) // 5 * longest
    assert said == render(text, values, variant=variant)


@given(MARKS, st.dictionaries(st.sampled_from(["name", "x"]), st.text(ascii_letters, min_size=1)), st.text(max_size=9))
def test_a_message_says_nothing_but_its_own_words_and_the_contacts(
    text: str, values: dict[str, str], variant: str
) -> None:
    said, own = Counter(render(text, values, variant=variant)), Counter(text)
    given_ = Counter({letter: count * len(text) for letter, count in Counter("".join(values.values())).items()})
    assert said <= own + given_


class Asked(dict[str, str]):
    """Values that remember which of them were asked for."""

    def get(self, name: str, default: object = None) -> str:  # type: ignore[override]
        self[name] = ""
        return ""


@given(MARKS, st.text(max_size=9))
def test_what_rendering_asks_for_is_missing_or_has_a_default(text: str, variant: str) -> None:
    asked = Asked()
    render(text, asked, variant=variant)
    with_default = {name for name in asked if re.search(rf"\{{\{{\s*{name}\s*\|", text)}
    assert asked.keys() <= {*missing(text, {}), *with_default}
