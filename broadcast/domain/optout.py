"""Opting out: whether what somebody wrote to us means "no more messages", in Portuguese, Spanish or English.

Only a whole text counts. A bare word inside a sentence means something else more often than not: "tem como parar a
dor?" and "quero cancelar a consulta" come from people who want an answer. A phrase counts when it names what it wants
to be rid of: messages, all that we send, or the list. What is merely angry ("chega", "me deixa em paz"), or may be the
end of an order ("não quero mais nada"), is for a person to read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from functools import lru_cache
from itertools import product

#: Left out of a word instead of ending it, so that "don't" and "dont" are one.
_APOSTROPHES = frozenset("'\N{RIGHT SINGLE QUOTATION MARK}\N{MODIFIER LETTER APOSTROPHE}")
#: Unicode categories that nobody sees: accents once they are split off, variation selectors, joiners, keycaps.
_UNSEEN = frozenset({"Mn", "Me", "Cf"})
#: What people separate words with who did not read that it is the comma, and an equals sign that came too late.
_NOT_IN_A_WORD = re.compile(r"[=;|\r\n]")


def _plain(text: str) -> str:
    """The words alone: small letters without accents, one blank between them, no punctuation and no emoji."""
    seen = (
        character if character.isalnum() else " "
        for character in unicodedata.normalize("NFKD", text).casefold()
        if character not in _APOSTROPHES and unicodedata.category(character) not in _UNSEEN
    )
    return " ".join("".join(seen).split())


def _each(*places: str) -> Iterable[str]:
    """Every phrase that takes one of the choices, written `this|that`, at each place; an empty choice is no word."""
    return (_plain(" ".join(words)) for words in product(*(place.split("|") for place in places)))


_PORTUGUESE = (
    *_each("cancelar|remover|não quero"),
    *_each(
        "|por favor",
        "sair|parar|pare|parem|descadastrar|me descadastre|me descadastra|desinscrever|quero sair|eu quero sair|"
        "me remova|me removam|cancelar inscrição",
        "|por favor|pfv|pf|obrigado|obrigada",
    ),
    *_each("|quero|quero me|me", "descadastrar|descadastre|descadastra|desinscrever|desinscreva"),
    *_each(
        "|quero|pode|podem",
        "pare|parem|para|parar",
        "de",
        "me mandar|me enviar|mandar|enviar|mandar me|enviar me",
        "|mensagem|mensagens|msg|msgs|propaganda|propagandas|promoção|promoções",
    ),
    *_each(
        "|quero|eu quero|gostaria de",
        "parar|deixar",
        "de receber",
        "|mensagem|mensagens|msg|msgs|suas mensagens|essas mensagens|propaganda|propagandas|promoções",
        "|de vocês",
    ),
    *_each(
        "não quero|não desejo|não gostaria de|eu não quero",
        "receber|mais receber|receber mais",
        "|mensagem|mensagens|msg|msgs|suas mensagens|essas mensagens|propaganda|propagandas|promoções|nada",
        "|de vocês",
    ),
    *_each("não quero mais|não quero|chega de", "mensagem|mensagens|msg|msgs|suas mensagens", "|de vocês"),
    *_each("não me", "mande|mandem|manda|envie|enviem|envia", "|mais", "mensagem|mensagens|msg|msgs"),
    *_each("não me", "mande|mandem|manda|envie|enviem|envia", "mensagem|mensagens|msg|msgs", "mais"),
    *_each("não", "mande|mandem|envie|enviem", "mais", "nada|mensagem|mensagens|msg|msgs", "|para mim|pra mim"),
    *_each("não me", "mande|mandem|manda|envie|enviem|envia", "mais|mais nada|nada mais"),
    *_each(
        "sair|quero sair|tirar|remover|me tirar|me remover|me tira|me tire|me tirem|me remove|me remova|me removam|"
        "me retira|me retire|me exclui|me exclua|quero ser removido|quero ser removida|não quero mais fazer parte",
        "da lista|dessa lista|desta lista|da sua lista|da lista de vocês",
        "|de contatos|de transmissão|de mensagens|de envio",
    ),
    *_each(
        "tira|tire|tirem|tirar|remove|remova|removam|remover|retira|retire|retirar|exclui|exclua|excluir",
        "meu número|meu contato|meu telefone",
        "da lista|dessa lista|desta lista|da sua lista|da lista de vocês",
    ),
    *_each("remove|remova|removam|remover|exclui|exclua|excluir|apague|apagar", "|o", "meu número|meu contato"),
    *_each("|quero", "cancelar|cancela|cancele|cancelem", "|a|minha", "inscrição"),
    *_each("|quero", "cancelar|cancela|cancele|cancelem", "|o|os", "envio|envios|recebimento", "|de mensagens"),
)

_SPANISH = (
    *_each("cancelar|detener|no quiero|desuscribirse"),
    *_each(
        "|por favor",
        "baja|salir|quiero salir|parar|pare|paren|desuscribir|desuscribirme|cancelar suscripción",
        "|por favor|gracias",
    ),
    *_each("|quiero", "darme de baja|dame de baja|denme de baja|desuscribirme"),
    *_each("|quiero", "cancelar|cancela|cancelen", "|la|mi", "suscripción"),
    *_each(
        "deja|deje|dejen|para|pare|paren",
        "de",
        "mandarme|enviarme|escribirme|mandar|enviar",
        "mensaje|mensajes|msj|publicidad|promociones",
    ),
    *_each("deja|deje|dejen", "de", "mandarme mensajes|enviarme mensajes|escribirme"),
    *_each(
        "|quiero|quisiera",
        "dejar|parar",
        "de recibir",
        "|mensajes|sus mensajes|estos mensajes|publicidad|promociones",
        "|de ustedes",
    ),
    *_each(
        "no quiero|ya no quiero|no deseo|ya no deseo",
        "recibir|recibir más|más recibir",
        "|mensajes|sus mensajes|estos mensajes|publicidad|promociones|nada",
        "|de ustedes",
    ),
    *_each("no quiero|ya no quiero|no deseo", "recibir nada más"),
    *_each("no quiero|ya no quiero", "recibir|", "mensajes|publicidad", "|más|de ustedes"),
    *_each("no quiero más", "mensajes|publicidad", "|de ustedes"),
    *_each("no me", "mandes|mande|manden|envíes|envíe|envíen", "|más", "mensajes|publicidad"),
    *_each("no me", "mandes|mande|manden|envíes|envíe|envíen", "mensajes|publicidad", "más"),
    *_each("no me", "mandes|mande|manden|envíes|envíe|envíen", "más|más nada|nada más"),
    *_each("no", "mandes|mande|manden|envíes|envíe|envíen", "más", "nada|mensajes|publicidad"),
    *_each("no me", "escribas|escriba|escriban", "más"),
    *_each(
        "elimina|elimine|eliminen|eliminar|borra|borre|borren|borrar|quita|quite|quiten|quitar",
        "mi número|mi contacto",
        "|de la lista|de esta lista|de su lista|de tu lista",
    ),
    *_each(
        "salir|quiero salir|sacarme|quitarme|borrarme|eliminarme|sácame|sáqueme|sáquenme|quítame|quíteme|quítenme|"
        "bórrame|bórreme|bórrenme|elimíname|elimíneme|elimínenme",
        "de la lista|de esta lista|de su lista|de tu lista",
        "|de contactos|de difusión|de mensajes",
    ),
)

_ENGLISH = (
    *_each("stop all|stopall|cancel|remove|quit"),
    *_each(
        "|please|pls",
        "stop|unsubscribe|unsubscribe me|opt out|optout|opt me out|remove me",
        "|please|pls|thanks|thank you",
    ),
    *_each("|i want to|i would like to|id like to", "unsubscribe|opt out"),
    *_each(
        "|i want to|i would like to|id like to",
        "stop receiving",
        "messages|texts|your messages|these messages|these texts|promotions",
        "|from you",
    ),
    *_each("stop sending", "|me", "messages|texts|msgs|these messages|these texts|promotions|ads|spam"),
    *_each("stop", "messaging me|texting me|contacting me|messages|texts|sending messages|writing to me"),
    *_each("dont|do not|never", "message|text|write to", "me", "|again|anymore|any more"),
    *_each("dont|do not", "send me", "|any|any more|more", "messages|texts"),
    *_each("dont|do not", "send me", "anything", "|else|more|anymore|any more"),
    *_each("dont|do not", "contact me", "|again|anymore|any more"),
    *_each("i dont want|i do not want|dont want", "to receive|to get", "anything", "|else|more|anymore", "|from you"),
    *_each(
        "i dont want|i do not want|dont want",
        "|to receive|to get",
        "|any|any more|more|your|these",
        "messages|texts",
        "|anymore|from you",
    ),
    *_each("no more", "messages|texts"),
    *_each("remove|delete", "my", "number|contact"),
    *_each("take|get|remove|delete", "me|my number", "off|from", "|the|this|your", "list|mailing list|contact list"),
)

#: What is taken for an opt-out where the operator says nothing else, in plain form. "Não quero" is a refusal of us when
#: it stands alone; with a "thank you" it declines an offer, and whoever made that wants to know.
DEFAULT_WORDS: frozenset[str] = frozenset((*_PORTUGUESE, *_SPANISH, *_ENGLISH))

#: Said before or after a phrase, these change nothing. The short phrases that may have one have it in the tables above.
_COURTESIES = "por favor|pfv|pf|favor|obrigado|obrigada|gracias|please|pls|thanks|thank you"
_POLITE = re.compile(rf"(?:(?:{_COURTESIES}) )?(.+?)(?: (?:{_COURTESIES}))?")
#: So long must a phrase be to mean the same with a courtesy. With fewer words it may be the answer to a question.
_LEAST_WORDS = 3


def wants_out(text: str, words: Collection[str] = DEFAULT_WORDS) -> bool:
    """Whether the whole text is one of the words or phrases; case, accents, punctuation and emoji do not matter."""
    said, words = _plain(text), _in_plain_form(frozenset(words))
    return said in words or _without_courtesies(said) in words


def _without_courtesies(said: str) -> str:
    """The phrase inside; nothing where it is a short one."""
    match = _POLITE.fullmatch(said)
    return match[1] if match and len(match[1].split()) >= _LEAST_WORDS else ""


@lru_cache(maxsize=8)  # one set of words an installation
def _in_plain_form(words: frozenset[str]) -> frozenset[str]:
    # A word of nothing but punctuation would make every text of nothing but punctuation an opt-out.
    return frozenset(map(_plain, words)) - {""}


def read_words(text: str) -> frozenset[str]:
    """The opt-out words of a setting, in plain form: comma separated, with ours, or instead of ours after a first "=".

    Raises ValueError with the remedy.
    """
    given = text.strip()
    instead = given.startswith("=")
    entries = [entry for entry in given.removeprefix("=").split(",") if entry.strip()]
    if any(_NOT_IN_A_WORD.search(entry.strip()) for entry in entries):
        raise ValueError('separate the words with commas, and write "=" only before the first one')
    words = frozenset(map(_plain, entries))
    if "" in words:
        raise ValueError("write each opt-out word with letters or digits, such as SAIR")
    if instead and not words:
        raise ValueError('write at least one word after the "=", such as =SAIR, or leave it out to use ours')
    return words if instead else DEFAULT_WORDS | words
