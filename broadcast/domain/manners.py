"""What people say around what they want: greetings, courtesies, their reasons, and to which number."""

from __future__ import annotations

import re
from collections.abc import Iterator

from broadcast.domain.spelling import each

#: Said before or after a phrase, these change nothing.
_COURTESIES = (
    "por favor|pfv|pf|por gentileza|favor|obrigado|obrigada|muito obrigado|muito obrigada|desde já agradeço|desculpa|"
    "desculpe|oi|olá|bom dia|boa tarde|boa noite|tudo bem|tudo bom|td bem|tudo bem com você|tudo bem com vocês|"
    "gracias|muchas gracias|disculpe|disculpa|hola|buen día|buenos días|buenas tardes|buenas noches|qué tal|"
    "cómo estás|cómo está|cómo están|"
    "please|pls|kindly|thanks|thank you|sorry|hi|hello|hey|good morning|good afternoon|good evening|how are you"
)
#: Why somebody wants no more. None of them says by itself that they do, nor takes what follows back: "não me interessa"
#: would ("não me interessa sair da lista").
_REASONS = (
    "número errado|telefone errado|pessoa errada|engano|foi engano|é engano|não tenho interesse|"
    "não tenho mais interesse|sem interesse|não estou interessado|não estou interessada|não conheço|não conheço vocês|"
    "não conheço você|não conheço a empresa|não conheço essa empresa|não conheço esta empresa|não sou cliente|"
    "não sou mais cliente|nunca fui cliente|não sou eu|não sou essa pessoa|não é meu|chega|"
    "este número não é dele|este número não é dela|esse número não é dele|esse número não é dela|"
    "número equivocado|se equivocó de número|se equivocaron de número|no tengo interés|"
    "no estoy interesado|no estoy interesada|no los conozco|no conozco|no conozco la empresa|no soy cliente|"
    "ya no soy cliente|não obrigado|não obrigada|não muito obrigado|não muito obrigada|"
    "wrong number|wrong person|not interested|im not interested|i am not interested|i dont know you|not a customer|"
    "im not a customer|i am not a customer"
)
#: Said before a phrase alone: what joins it to a reason, that it is a wish, and a short word of the same meaning.
_OPENINGS = (
    "stop|pare|parem|sair|mas|então|por isso|quero que|quero que vocês|gostaria que|gostaria que vocês|"
    "desejo que|peço que|peço para|"
    "solicito que|"
    "pero|así que|quiero que|quisiera que|pido que|les pido que|solicito que|"
    "but|so|i want you to|i would like you to|id like you to"
)
#: Said after a phrase alone.
_ENDINGS = (
    "para mim|para este número|para esse número|para o meu número|para meu número|neste número|nesse número|"
    "no meu número|no meu whatsapp|no meu celular|imediatamente|ok|"
    "não me interessa|no me interesa|a mí|a este número|a mi número|a mi whatsapp|inmediatamente|"
    "nunca mais|to this number|to my number|immediately"
)


def _one_of(*choices: str) -> str:
    # The longest first: "não conheço vocês" is not "não conheço" and something else.
    return "|".join(sorted({*each("|".join(choices))}, key=len, reverse=True))


_BEFORE = re.compile(f"(?:{_one_of(_COURTESIES, _REASONS, _OPENINGS)}) ")
_BEHIND = re.compile(f"(.*?) (?:{_one_of(_COURTESIES, _REASONS, _ENDINGS)})")
#: So many of them are taken off at either end.
_AT_MOST = 5
#: A text longer than this, in characters, is a story: nothing is taken off it.
LONGEST = 250


def without_manners(said: str) -> Iterator[str]:
    """What is left of a text in plain form as one after the other is taken off, first of all the text itself."""
    yield said
    head: str | None = said if len(said) <= LONGEST else None
    for _ in range(_AT_MOST):
        if head is None:
            return
        yield from _shortened(head)
        match = _BEFORE.match(head)
        head = head[match.end() :] if match else None
        if head is not None:
            yield head


def _shortened(said: str) -> Iterator[str]:
    for _ in range(_AT_MOST):
        match = _BEHIND.fullmatch(said)
        if match is None:
            return
        said = match[1]
        yield said
