"""Opting out: whether what somebody wrote to us means "no more messages", in Portuguese, Spanish or English.

Only a whole text counts. A bare word inside a sentence means something else more often than not: "tem como parar a
dor?" and "quero cancelar a consulta" come from people who want an answer. A phrase counts when it names what it wants
to be rid of: messages, all that we send, or the list. What is merely angry ("chega", "me deixa em paz"), or may be the
end of an order ("não quero mais nada"), is for a person to read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection
from enum import Enum
from functools import lru_cache

from broadcast.domain.manners import LONGEST, without_manners
from broadcast.domain.phrases import DEFAULT_WORDS
from broadcast.domain.spelling import each, plain, spelled_out


class Source(str, Enum):
    """Where we know an opt-out from; the instance's name follows."""

    MESSAGE = "message to"  #: the person wrote it
    MENU = "preference at"  #: the person chose it in the gateway's menu
    ANSWER = "gateway of"  #: the gateway turned a message down for it

    def at(self, instance: str) -> str:
        """As the suppression list has it."""
        return f"{self.value} {instance}"

    @property
    def alone(self) -> str:
        """The same for who may not know the instance."""
        return self.value.partition(" ")[0]


def seen(source: str, may_use: Callable[[str], bool]) -> str:
    """Where an opt-out is known from, without an instance that the reader may not use."""
    of = next((one for one in Source if source.startswith(one.at(""))), None)
    return of.alone if of and not may_use(source.removeprefix(of.at(""))) else source


#: What people separate words with who did not read that it is the comma, and an equals sign that came too late.
_NOT_IN_A_WORD = re.compile(r"[=;|\r\n]")

_MARKS = "[\u0300-\u036f]*"
#: "No, I do": what comes after it counts alone. Of a text whose accents stand apart.
_ANSWER = re.compile(rf"\W*n{_MARKS}(?:a?{_MARKS}o{_MARKS})?\s*[,;!]+(.*\w.*)", re.IGNORECASE | re.DOTALL)
#: After a no, these answer a question about something else ("shall we keep your order?" "no, cancel").
_ANSWERS = frozenset(
    each(
        "cancelar|remover|excluir|parar|podem parar|vocês podem parar|não quero|detener|baja|salir|pueden parar|"
        "no quiero|dar de baja|darse de baja|cancel|remove|quit"
    )
)
#: So long must a phrase be to mean the same with a courtesy. With fewer words it may be the answer to a question,
_LEAST_WORDS = 3
#: unless it is about nothing but a list.
_OF_LISTS = re.compile(r"descadastr|desinscrev|desuscrib|unsub|opt ?out|optout")


def wants_out(text: str, words: Collection[str] = DEFAULT_WORDS) -> bool:
    """Whether the whole text is one of the words or phrases; case, accents, punctuation and emoji do not matter."""
    words = _in_plain_form(frozenset(words))
    answer = _ANSWER.fullmatch(unicodedata.normalize("NFD", text))
    means, said = (_answered, plain(answer[1])) if answer else (_said, plain(text))
    return means(said, words) or means(spelled_out(said), words)


#: What a button below a message may say that answers what the message asks, whatever else it means when written:
#: "Confirmar / Cancelar" below a reminder, "Alta / Baja" below a survey.
_CHOICES = frozenset(
    each(
        "não|no|cancelar|cancel|remover|remove|excluir|não quero|no quiero|não receber|não quero promoção|baja|"
        "dar de baja|quit|podem parar|vocês podem parar|pueden parar"
    )
)
#: What only a button says, unless the operator has other words instead of ours.
_LABELS = frozenset(each("bloquear|block", "|contato|contacto|contact|mensagens|mensajes|messages"))
#: So long must be what stands behind a button: "2" and "n" are names of buttons, whatever an operator takes them for.
_LEAST_LETTERS = 3


def chose_out(label: str, behind: str | None, words: Collection[str] = DEFAULT_WORDS) -> bool:
    """Whether a tap means it: by what the button says, or by the word of ours that whoever made it put behind it.

    A tap answers what we asked, so that what answers other questions as well does not count.
    """
    words = _in_plain_form(frozenset(words))
    told = [label, *([behind] if behind and len(plain(behind)) >= _LEAST_LETTERS else [])]
    means_us = any(wants_out(one, words) and not _is_choice(one) for one in told)
    return means_us or (plain(label) in _LABELS and words >= DEFAULT_WORDS)


def _is_choice(text: str) -> bool:
    return not _CHOICES.isdisjoint(_cores(plain(text)) | _cores(spelled_out(plain(text))))


def _said(said: str, words: frozenset[str]) -> bool:
    """Whether this is one of them, once or repeated, or a long one or two with courtesies or a reason."""
    return said in words or _once(said) in words or any(_means(core, words) for core in _cores(said))


def _means(core: str, words: frozenset[str]) -> bool:
    """Whether this is a long one of them, or two in a row ("me tira da lista, não quero mais mensagens")."""
    if core in words:
        return _is_long(core)
    if len(core) > LONGEST:
        return False
    ends = (place for place, letter in enumerate(core) if letter == " ")
    return any(core[:end] in words and _is_long(core[:end]) and _is_one(core[end + 1 :], words) for end in ends)


def _is_one(said: str, words: frozenset[str]) -> bool:
    return any(core in words and _is_long(core) for core in without_manners(said))


def _answered(said: str, words: frozenset[str]) -> bool:
    """Whether this means us after a no as well: a phrase, or a word of ours that answers nothing else."""
    cores = _cores(said)
    names_us = any(core in words and (_is_long(core) or core in DEFAULT_WORDS) for core in cores)
    return names_us and _ANSWERS.isdisjoint(cores) and _said(said, words)


def _cores(said: str) -> frozenset[str]:
    """What it may come down to: said once, without courtesies and reasons."""
    return frozenset(map(_once, without_manners(_once(said))))


def _once(said: str) -> str:
    """What is said again and again ("sair sair"), said once."""
    spoken = said.split()
    for size in (size for size in range(1, len(spoken) // 2 + 1) if len(spoken) % size == 0):
        if spoken[:size] * (len(spoken) // size) == spoken:
            return " ".join(spoken[:size])
    return said


def _is_long(phrase: str) -> bool:
    return len(phrase.split()) >= _LEAST_WORDS or _OF_LISTS.search(phrase) is not None


def mentions(text: str, words: Collection[str] = DEFAULT_WORDS) -> bool:
    """Whether one of the words or phrases stands anywhere in the text, as in "reply SAIR to leave"."""
    said = f" {plain(text)} "
    forms = f"{said}\n {spelled_out(said)} "
    return any(f" {word} " in forms for word in _in_plain_form(frozenset(words)))


@lru_cache(maxsize=8)  # one set of words an installation
def _in_plain_form(words: frozenset[str]) -> frozenset[str]:
    # A word of nothing but punctuation would make every text of nothing but punctuation an opt-out.
    return frozenset(map(plain, words)) - {""}


def read_words(text: str) -> frozenset[str]:
    """The opt-out words of a setting, in plain form: comma separated, with ours, or instead of ours after a first "=".

    Raises ValueError with the remedy.
    """
    given = text.strip()
    instead = given.startswith("=")
    entries = [entry for entry in given.removeprefix("=").split(",") if entry.strip()]
    if any(_NOT_IN_A_WORD.search(entry.strip()) for entry in entries):
        raise ValueError('separate the words with commas, and write "=" only before the first one')
    words = frozenset(map(plain, entries))
    if "" in words:
        raise ValueError("write each opt-out word with letters or digits, such as SAIR")
    if instead and not words:
        raise ValueError('write at least one word after the "=", such as =SAIR, or leave it out to use ours')
    return words if instead else DEFAULT_WORDS | words
