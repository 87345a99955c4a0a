"""What people write, spelled alike: small letters without accents, punctuation and emoji, and nothing cut short."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import product

#: Left out of a word instead of ending it, so that "don't" and "dont" are one.
_APOSTROPHES = frozenset("'\N{RIGHT SINGLE QUOTATION MARK}\N{MODIFIER LETTER APOSTROPHE}")
#: Unicode categories that nobody sees: accents once they are split off, variation selectors, joiners, keycaps.
_UNSEEN = frozenset({"Mn", "Me", "Cf"})


def plain(text: str) -> str:
    """The words alone: small letters without accents, one blank between them, no punctuation and no emoji."""
    seen = (
        character if character.isalnum() else " "
        for character in unicodedata.normalize("NFKD", text).casefold()
        if character not in _APOSTROPHES and unicodedata.category(character) not in _UNSEEN
    )
    return " ".join("".join(seen).split())


#: What is cut short -> what is meant.
_SHORT = {
    "vc": "voce",
    **dict.fromkeys(("vcs", "vces"), "voces"),
    "pra": "para",
    "pro": "para o",
    "q": "que",
    "td": "tudo",
    "msg": "mensagem",
    "msgs": "mensagens",
    **dict.fromkeys(("msj", "msjs"), "mensajes"),
    **dict.fromkeys(("pf", "pff", "pfv", "pfvr"), "por favor"),
    **dict.fromkeys(("obrigada", "obg", "obgd", "obgda", "brigado", "brigada", "vlw"), "obrigado"),
    **dict.fromkeys(("pls", "plz"), "please"),
    **dict.fromkeys(("thx", "tks"), "thanks"),
}
#: Whose last letter people keep pressed: "sairrr".
_STRETCHED = frozenset(
    {"sair", "parar", "pare", "parem", "mais", "descadastrar", "stop", "unsubscribe", "baja", "salir"}
)
_STRETCH = re.compile(r"([a-z])\1+$")


#: What is said in many ways, each of them in plain form -> one of them.
_ALIKE = tuple(
    (re.compile(rf"\b(?:{many})\b"), one)
    for many, one in (
        ("por gentileza", "por favor"),
        ("(?:o|a|os|as) (?=meu |minha |suas )", ""),
        (
            "d(?:a|essa|esta|a sua|e sua|a tua) lista(?: de (?:voces|contatos|transmissao|mensagens|envio))*",
            "da lista",
        ),
        ("(?:dos|dos seus|de seus) contatos(?: de voces)?", "dos contatos"),
        ("(?:da|dessa|desta|da sua|de sua) (?:empresa|loja)", "da empresa"),
        ("desse numero", "deste numero"),
        (
            "de (?:(?:la|esta|esa|su|tu) lista|(?:sus|tus) listas)(?: de (?:ustedes|contactos|difusion|mensajes))*",
            "de la lista",
        ),
        ("de (?:los|sus|tus) contactos", "de los contactos"),
        ("de (?:la|esta|esa|su) empresa", "de la empresa"),
        ("(?:(?:the|this|that|your) )?(?:mailing |contact )?lists?", "the list"),
    )
)


def spelled_out(said: str) -> str:
    """What people write, in plain form, as they mean it: "vcs" is "voces", "sairrr" is "sair".

    An "n" (or "ñ") is a no where more follows it. Of many ways to say one thing there is one left.
    """
    *words, last = said.split() or [""]
    spelled = " ".join([*("nao" if word == "n" else _spelled_out(word) for word in words), _spelled_out(last)])
    for many, one in _ALIKE:
        spelled = many.sub(one, spelled)
    return spelled


def _spelled_out(word: str) -> str:
    short = _STRETCH.sub(r"\1", word)
    return short if short in _STRETCHED else _SHORT.get(word, word)


def each(*places: str) -> Iterable[str]:
    """Every phrase that takes one of the choices, written `this|that`, at each place; an empty choice is no word."""
    choices = ([plain(choice) for choice in place.split("|")] for place in places)
    return (" ".join(filter(None, words)) for words in product(*choices))
