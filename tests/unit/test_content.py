"""A message's text: filled for each contact, varied among them, and never more than text."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Mapping
from itertools import chain, product
from string import ascii_letters
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.domain.columns import plain
from broadcast.domain.content import Content, Kind, Needs, Template, fill, foreign_mark, loose_mark, too_long
from broadcast.domain.filling import MOST_KEPT, Choice, Variable, parsed, render, unreadable
from broadcast.domain.folding import longest_on_one_line, on_one_line
from broadcast.domain.foreign import COMMON
from broadcast.domain.naming import Values, form_of
from broadcast.engine.accepting import sort_out
from tests.builders import an_order

VALUES = {"name": "Ana"}


def missing(text: str, values: Mapping[str, str]) -> list[str]:
    return parsed(text).missing(Values(values))


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


def test_a_text_of_thousands_of_options_is_taken_apart_at_once() -> None:
    options = [f"{{{{x{number}}}}}" for number in range(4000)]
    began = time.process_time()
    assert len(parsed(f"[[{'|'.join(options)}]]").variables) == 4000
    assert time.process_time() - began < 1


def test_a_message_is_taken_apart_once_for_all_of_its_contacts() -> None:
    texts = [f"Oi {{{{name|você}}}}, {number}" for number in range(MOST_KEPT + 1)]  # more than are kept
    components = [{"parameters": [{"type": "text", "text": text} for text in texts]}]
    content = Content(kind=Kind.TEXT, text="", template=Template(name="a", language="pt_BR", components=components))
    before = parsed.cache_info().misses
    assert len(list(sort_out(an_order(contacts=20, content=content), country="BR"))) == 20
    assert parsed.cache_info().misses - before == len(texts)
    variants(texts[-1], of=20)
    assert parsed.cache_info().misses - before == len(texts)


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


def place(component: str, text: str = "{{x}}", kind: str = "text") -> dict[str, Any]:
    return {"type": component, "parameters": [{"type": kind, kind: text}]}


def a_content(
    text: str = "", *components: dict[str, Any], kind: Kind = Kind.TEXT, media_url: str | None = None
) -> Content:
    template = Template(name="a", language="pt_BR", components=components) if components else None
    return Content(kind=kind, text=text, media_url=media_url, template=template)


CARD = {"type": "carousel", "cards": [{"card_index": 0, "components": [place("body")]}]}


@pytest.mark.parametrize(
    ("content", "length", "detail"),
    [
        (a_content("{{x}}" * 4), 1024, ""),
        (a_content("{{x}}" * 4 + "é"), 1024, "4097/4096"),
        (a_content("[[{{x}}ab|{{x}}{{y|}}]][[a|{{x|b}}]]"), 2047, ""),
        (a_content("[[{{x}}ab|{{x}}{{y|}}]][[a|{{x|b}}]]"), 2048, "4098/4096"),
        (a_content("{{x}}", kind=Kind.IMAGE), 1024, ""),
        (a_content("{{x}}", kind=Kind.IMAGE), 1025, "1025/1024"),
        (a_content("{{x}}" * 9, place("body")), 32_768, ""),
        (a_content("", place("body")), 32_769, "32769/32768"),
        (a_content("", place("body"), place("header")), 60, ""),
        (a_content("", place("body"), place("header")), 61, "61/60"),
        (a_content("", place("body"), place("button")), 1025, "1025/1024"),
        (a_content("", place("button", kind="coupon_code")), 513, "513/512"),
        (a_content("", CARD), 1024, ""),
        (a_content("", CARD), 1025, "1025/1024"),
    ],
)
def test_what_is_filled_is_measured_in_its_longest_option(content: Content, length: int, detail: str) -> None:
    values = {"x": "é" * length}
    assert Needs(content).why_not(values) == ("too_long" * bool(detail), detail)
    assert {too_long(fill(content, values, variant=f"c1:{number}")) for number in range(20)} >= {detail}


@pytest.mark.parametrize(
    ("text", "value", "detail"),
    [
        ("{{x}}", "é" * 30 + "\n" * 40 + "é" * 29, ""),
        ("{{x}}", "é" * 30 + "\n" * 40 + "é" * 30, "61/60"),
        ("{{x}}", "é" * 28 + " " * 4 + "é" * 28, ""),
        ("{{x}}", "é" * 28 + " " * 4 + "é" * 29, "61/60"),
        ("{{x}}  {{x}}", " " * 3 + "é" * 25 + " " * 2, ""),  # four before, one between, two after
        ("{{x}}  {{x}}", " " * 3 + "é" * 28 + " " * 2, "62/60"),
        ("[[{{x}}|{{x}} ]]    a", "é" * 55, ""),
        ("[[{{x}}|{{x}} ]]    a", "é" * 56, "61/60"),
        ("[[a|{{x}}\u00a0]] [[b|  {{x}}]]", "é" * 28, ""),
        ("[[a|{{x}}\u00a0]] [[b|  {{x}}]]", "é" * 29, "62/60"),
    ],
)
def test_a_place_of_a_template_is_measured_as_it_is_sent(text: str, value: str, detail: str) -> None:
    content = a_content("", place("header", text))
    assert Needs(content).why_not({"x": value}) == ("too_long" * bool(detail), detail)
    assert {too_long(fill(content, {"x": value}, variant=f"c1:{number}")) for number in range(40)} >= {detail}


BLANKS = st.text("a \n\u00a0", max_size=7)
OPTIONS = st.lists(BLANKS | st.just("{{x}}"), min_size=2, max_size=3).map(lambda options: f"[[{'|'.join(options)}]]")


@given(st.lists(BLANKS | OPTIONS | st.just("{{x}}"), max_size=4).map("".join), BLANKS)
def test_the_longest_option_on_one_line_is_the_longest_that_anybody_gets(text: str, value: str) -> None:
    def said(piece: str | Variable) -> str:
        return piece if isinstance(piece, str) else value

    pieces = parsed(text).pieces
    options = product(*(piece.options if isinstance(piece, Choice) else [(piece,)] for piece in pieces))
    texts = ["".join(map(said, chain.from_iterable(option))) for option in options]
    assert longest_on_one_line(pieces, said) == max(len(on_one_line(one)) for one in texts)


@given(MARKS, st.dictionaries(st.sampled_from(["name", "x"]), MARKS), st.integers(0, 40))
def test_a_text_that_fits_is_never_longer(text: str, values: dict[str, str], most: int) -> None:
    over = parsed(text).over(Values(values), most)
    lengths = {len(render(text, values, variant=f"c1:{number}")) for number in range(30)}
    assert over == 0 or over > most
    assert max(lengths) <= (over or most)


@given(st.text(), st.text())
def test_a_value_is_never_read_as_a_template(before: str, value: str) -> None:
    value = f"{{{{other}}}}[[a|b]]{value}"
    plain = re.sub(r"[{\[\\]", "", before)
    filled = render(f"{{{{name}}}}{plain}[[{{{{name}}}}|{{{{name}}}}]]", {"name": value, "other": "x"}, variant="c1:0")
    assert filled == f"{value}{plain}{value}"


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

    def get(self, name: str, default: object = None) -> str:  # type: ignore[override]  # only this is asked of it
        self[name] = ""
        return ""


@given(MARKS, st.text(max_size=9))
def test_what_rendering_asks_for_is_missing_or_has_a_default(text: str, variant: str) -> None:
    asked = Asked()
    render(text, asked, variant=variant)
    with_default = {name for name in asked if re.search(rf"\{{\{{\s*{re.escape(name)}\s*\|", text)}
    assert asked.keys() <= {*missing(text, {}), *with_default}


TITLES = {
    "preco": "10",
    "data_de_vencimento": "1/1",
    "valor_(r$)": "5",
    "1": "um",
    "nome completo": "Ana Lima",
    "name": "Ana",
}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{preço}} {{ PREÇO }} {{preco}}", "10 10 10"),
        ("{{Data de Vencimento}}|{{data-de  vencimento}}", "1/1|1/1"),
        ("{{Valor (R$)}} {{valor_r}}", "5 5"),
        ("{{1}} {{nome-completo}} {{nome}} {{Name}}", "um Ana Lima Ana Ana"),
        ("[[{{Preço|?}}|{{preço}}]]", "10"),
    ],
)
def test_a_name_is_known_however_it_is_written(text: str, said: str) -> None:
    assert render(text, TITLES, variant="c1:0") == said
    assert missing(text, TITLES) == []
    assert unreadable(text) is None


def test_the_very_name_goes_before_those_like_it_and_a_blank_value_before_none() -> None:
    assert render("{{nome}} {{name}} {{NAME}}", {"name": "Ana", "nome": "Bia"}, variant="") == "Bia Ana Ana"
    assert render("{{preço}}", {"preço": "", "Preço": "9"}, variant="") == "9"
    assert missing("{{Preço}} {{Data de Vencimento}} {{x y|z}}", {"preco": ""}) == ["Preço", "Data de Vencimento"]


@given(st.text(max_size=7))  # seven letters are never taken apart into more than a name may have
def test_a_column_has_the_name_of_its_title(title: str) -> None:
    # A title of signs alone is no name, even where something is left of it.
    assert form_of(title) in {form_of(plain(title).replace(" ", "_")), ""}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Oi {{}}", "{{}}"),
        ("Oi {{ - }}!", "{{ - }}"),
        ("{{|x}}", "{{|x}}"),
        ("[[Oi {{|x}}|Olá]]", "{{|x}}"),
        ("{{a [x]}}", "{{a [x]}}"),
        ("{{" + "a" * 129 + "}}", "{{" + "a" * 129 + "}}"),
        ("{{a|b|c}} {{a", None),
        ("{{a}} {{ b }} {{c|[[d|e]]}} {x} }} {{", None),
        (r"\[[x]] [[{{a}}|{{b|c}}]]", None),
    ],
)
def test_what_looks_like_a_variable_and_is_none_is_found(text: str, found: str | None) -> None:
    assert unreadable(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Oi {{name", "{{"),
        ("Oi name}}", "}}"),
        ("{{name|{{x}}}}", "{{"),
        ("[[a|[[b|c]]]]", "[["),
        ("[[Oi {{name|Olá]]", "{{"),
        ("[[Oi|Olá", "[["),
        ("{{name}} }} [[", "}}"),
        ("[[Oi]] {{name}}", "[["),
        ("[[]]", "[["),
        ("[[a|b]] {{name|[[a|b]]}}", "[["),
        ("{{name|[[}}", "[["),
        (r"\[[x]] {{{name}}} [[x|]] [[{{a}}|{{b|c}}]] {x} [y] ]] {{a|[x]}}", None),
    ],
)
def test_a_mark_without_a_partner_is_found(text: str, found: str | None) -> None:
    assert loose_mark(Content(kind=Kind.TEXT, text=text)) == found
    template = Template(name="a", language="pt_BR", components=[{"parameters": [{"type": "text", "text": text}]}])
    assert loose_mark(Content(kind=Kind.TEXT, text="{{", template=template)) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Oi {nome}, tudo bem?", "{nome}"),
        ("{Oi|Olá} {{nome}}", "{Oi|Olá}"),
        ("[Oi|Olá] {{nome}}", "[Oi|Olá]"),
        ("Oi [nome]", "[nome]"),
        ("Oi [ Vencimento ]", "[ Vencimento ]"),
        ("#promo: oi #nome#!", "#nome#"),
        ("50% de desconto, %NOME%", "%NOME%"),
        ("Oi <Primeiro Nome>", "<Primeiro Nome>"),
        ("Vence em #vencimento#", "#vencimento#"),
        ("Oi ${cidade}", "{cidade}"),
        ("[[Oi {nome}|Olá]] {{name}}", "{nome}"),
        ("Por R$ 10 [1] (2) {3} {} [] [x] <3 <b>oi</b> 10% a 20% #promo #natal #name", None),
        ("Fale com <ana@nome.com.br>, ou em https://x.example/a#nome?b=%20nome%20", None),
        ('{"nome": "Ana", "x": "a|b"} {nome: Ana} { a, b } [a, b] [ | ] {1|2} [10|20]', None),
        (r"{{name}} {{nome|amigo}} [[Oi|Olá]] \[[x|y]] {{{name}}} [[a|[b]]", None),
        ("#nome da loja# e [cidade]", None),
        ("1#2#1 [1] %1%", None),
    ],
)
def test_other_tools_marks_are_found(text: str, found: str | None) -> None:
    assert foreign_mark(Content(kind=Kind.TEXT, text=text), {"Vencimento", "1"}) == found


def test_the_common_names_are_written_as_they_are_looked_for() -> None:
    assert {form_of(name) for name in COMMON} == COMMON


@given(MARKS)
def test_what_is_readable_leaves_no_variable_as_it_stands(text: str) -> None:
    text = text.replace("[", "")
    if unreadable(text) is None:
        assert not re.search(r"\{\{[^{}]*\}\}", render(text, Always(), variant=""))


class Always(dict[str, str]):
    """A value for every name."""

    def get(self, name: str, default: object = None) -> str:  # type: ignore[override]  # only this is asked of it
        return "v"
