"""What people write who want no more messages: words and phrases in Portuguese, Spanish and English.

A phrase names what it wants to be rid of: messages, all that we send, or the list.
"""

from __future__ import annotations

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


def spelled_out(said: str) -> str:
    """What people write, in plain form, with "n quero" and "ñ quero" as they are meant: a no, where more follows it."""
    *words, last = said.split() or [""]
    return " ".join([*("nao" if word == "n" else word for word in words), last])


def each(*places: str) -> Iterable[str]:
    """Every phrase that takes one of the choices, written `this|that`, at each place; an empty choice is no word."""
    choices = ([plain(choice) for choice in place.split("|")] for place in places)
    return (" ".join(filter(None, words)) for words in product(*choices))


_PT_SENT = "mensagem|mensagens|msg|msgs"
_PT_WRITTEN = f"{_PT_SENT}|propaganda|propagandas|promoção|promoções|ofertas|spam"
_PT_THOSE = (
    "suas mensagens|as suas mensagens|essas mensagens|estas mensagens|esse tipo de mensagem|este tipo de mensagem"
)
_PT_FROM = "|de vocês|desse número|deste número"
_PT_LIST = "da lista|dessa lista|desta lista|da sua lista|de sua lista|da tua lista|da lista de vocês"
_PT_CONTACTS = "dos contatos|dos seus contatos|de seus contatos|dos contatos de vocês"
_PT_LIST_OF = "|de contatos|de transmissão|de mensagens|de envio"
_PT_REMOVE = (
    "tira|tire|tirem|remove|remova|removam|retira|retire|retirem|exclui|exclua|excluam|apaga|apague|apaguem|deleta|"
    "delete|deletem"
)
_PT_TO_REMOVE = "tirar|remover|retirar|excluir|apagar|deletar"
_PT_MINE = "meu número|meu contato|meu telefone"
_PT_SEND = "mande|mandem|envie|enviem|mandar|enviar"
_PT_SEND_ME = f"{_PT_SEND}|manda|envia"

_PORTUGUESE = (
    *each("cancelar|remover|excluir|não quero"),
    *each(
        "|por favor",
        "sair|parar|pare|parem|descadastrar|me descadastre|me descadastra|desinscrever|quero sair|eu quero sair|"
        "gostaria de sair|desejo sair|me remova|me removam|me remove|me exclua|me excluam|me exclui|descadastro|"
        "remova me|removam me|remover me|exclui me|exclua me|excluam me|excluir me|retira me|retire me|retirem me|"
        "retirar me|me retire|me retirem|me retira|"
        "cancelar inscrição|descadastre me|não receber|não envie mais|não enviem mais|não mande mais|não mandem mais",
        "|por favor|pfv|pf|obrigado|obrigada",
    ),
    *each("|quero|quero me|me", "descadastrar|descadastre|descadastra|desinscrever|desinscreva"),
    *each("quero", "|o|meu", "descadastro|descadastramento"),
    *each("quero ser descadastrado|quero ser descadastrada"),
    *each("|quero", "descadastrar|descadastre|descadastra|descadastrem", "|o", _PT_MINE),
    *each("descadastrar|desinscrever|desinscreva", "me"),
    *each(
        "|quero|pode|podem",
        "pare|parem|para|parar",
        "de",
        "me mandar|me enviar|mandar|enviar|mandar me|enviar me",
        f"|{_PT_WRITTEN}",
    ),
    *each(
        "pare|parem|para|parar",
        "de",
        "me mandar|me enviar|mandar|enviar",
        f"{_PT_SENT}|{_PT_THOSE}",
        "|para mim|pra mim|para este número|para esse número",
    ),
    *each("|pode|podem", "pare|parem|para|parar", "com", f"as mensagens|as propagandas|{_PT_THOSE}"),
    *each("pare|parem|parar|interromper|suspender|stop", "|as|todas as", "mensagens|propagandas"),
    *each(
        "|quero|eu quero|gostaria de",
        "parar|deixar",
        "de receber",
        f"|{_PT_WRITTEN}|{_PT_THOSE}",
        _PT_FROM,
    ),
    *each(
        "não quero|não desejo|não gostaria de|não gostaria mais de|eu não quero",
        "receber|mais receber|receber mais",
        f"|{_PT_WRITTEN}|{_PT_THOSE}|nada",
        _PT_FROM,
    ),
    *each("|quero", "não receber mais", f"|{_PT_SENT}"),
    *each("não receber", _PT_SENT),
    *each("não quero mais|não quero|chega de", f"{_PT_SENT}|propaganda|propagandas|spam|{_PT_THOSE}", _PT_FROM),
    *each("não quero mais|chega de", "promoções|ofertas", _PT_FROM),
    *each("não|sem", "mais", "mensagem|mensagens|msg|msgs|propaganda|propagandas|spam"),
    *each("|eu", "não autorizo", "|o envio de", _PT_SENT),
    *each("não me", _PT_SEND_ME, "|mais", _PT_WRITTEN),
    *each("não me", _PT_SEND_ME, _PT_WRITTEN, "mais"),
    *each("não", _PT_SEND, "mais", f"nada|{_PT_WRITTEN}", "|para mim|pra mim"),
    *each("não", "manda|envia", "mais", _PT_SENT, "|para mim|pra mim"),
    *each("não", "mandar|enviar", f"mais|{_PT_SENT}"),
    *each("não me", _PT_SEND_ME, "mais|mais nada|nada mais"),
    *each("não", "entre|entrem", "|mais", "em contato", "|comigo"),
    *each("não me", "chame|chamem|contate|contatem|escreva|escrevam", "mais"),
    *each(
        "|quero|gostaria de|desejo|pode|podem",
        "sair|tirar|remover|ser removido|ser removida|ser excluído|ser excluída|ser retirado|ser retirada",
        _PT_LIST,
        _PT_LIST_OF,
    ),
    *each("sair|não quero mais fazer parte", _PT_CONTACTS),
    *each("não quero mais fazer parte", _PT_LIST, _PT_LIST_OF),
    # The pronoun stands before the verb ("me remova") or after it ("remova-me").
    *each("|quero que", "me", _PT_REMOVE, _PT_LIST, _PT_LIST_OF),
    *each("|quero que", "me", _PT_REMOVE, _PT_CONTACTS),
    *each(_PT_REMOVE, "me", _PT_LIST, _PT_LIST_OF),
    *each(_PT_REMOVE, "me", _PT_CONTACTS),
    *each("|pode|podem|poderia|poderiam", "me", _PT_TO_REMOVE, _PT_LIST, _PT_LIST_OF),
    *each("|pode|podem|poderia|poderiam", "me", _PT_TO_REMOVE, _PT_CONTACTS),
    *each("|quero|gostaria de|desejo", "me", _PT_TO_REMOVE, _PT_LIST, _PT_LIST_OF),
    *each("|pode|podem|poderia|poderiam", _PT_TO_REMOVE, "me", _PT_LIST, _PT_LIST_OF),
    *each("|pode|podem|poderia|poderiam", _PT_TO_REMOVE, "me", _PT_CONTACTS),
    *each(
        "|quero|pode|podem",
        "tira|tire|tirem|tirar|remove|remova|removam|remover|retira|retire|retirem|retirar|exclui|exclua|excluir|"
        "apaga|apague|apaguem|apagar",
        "|o",
        f"{_PT_MINE}|meu nome",
        _PT_LIST,
    ),
    *each(
        "|quero|pode|podem",
        "tira|tire|tirem|tirar|remove|remova|removam|remover|retira|retire|retirem|retirar|exclui|exclua|excluam|excluir|apaga|apague|apaguem|"
        "apagar|delete|deleta|deletem|deletar",
        "|o",
        "meu número|meu contato",
    ),
    *each("|quero", "cancelar|cancela|cancele|cancelem", "|a|minha", "inscrição"),
    *each("|quero", "cancelar|cancela|cancele|cancelem|suspender", "|o|os", "envio|envios", "de mensagens"),
    *each("|quero", "cancelar|cancela|cancele|cancelem", "|o", "recebimento", "|de mensagens"),
    *each("|quero", "cancelar|cancela|cancele|cancelem", "|as|suas|todas as", "mensagens"),
    *each("parar|interromper", "promoções"),  # "interromper": the button that Meta puts below a template
)

_ES_SENT = "mensaje|mensajes|msj|msjs"
_ES_WRITTEN = f"{_ES_SENT}|publicidad|propaganda|promociones|ofertas|spam"
_ES_THOSE = "sus mensajes|tus mensajes|estos mensajes|esos mensajes|este tipo de mensajes|ese tipo de mensajes"
_ES_FROM = "|de ustedes|de este número"
_ES_LIST = "de la lista|de esta lista|de esa lista|de su lista|de tu lista|de sus listas|de tus listas"
_ES_LIST_OF = "|de contactos|de difusión|de mensajes"
_ES_CONTACTS = "de los contactos|de sus contactos|de tus contactos"
_ES_REMOVE_ME = (
    "sácame|sáqueme|sáquenme|quítame|quíteme|quítenme|bórrame|bórreme|bórrenme|elimíname|elimíneme|elimínenme|"
    "remuéveme|remuévame|remuévanme|retírame|retíreme|retírenme"
)
_ES_TO_REMOVE = "sacar|quitar|borrar|eliminar|remover|retirar"
_ES_TO_REMOVE_ME = "sacarme|quitarme|borrarme|eliminarme|removerme|retirarme"
_ES_THEY_REMOVE = (
    "saques|saque|saquen|quites|quite|quiten|borres|borre|borren|elimines|elimine|eliminen|remuevas|remueva|remuevan|"
    "retires|retire|retiren"
)
_ES_SEND = "mandes|mande|manden|envíes|envíe|envíen"

_SPANISH = (
    *each("cancelar|detener|no quiero|desuscribirse|dar de baja|darse de baja"),
    *each(
        "|por favor",
        "baja|salir|quiero salir|quiero salirme|detener promociones|parar|pare|paren|desuscribir|desuscribirme|"
        "desuscríbame|desuscríbeme|desuscríbanme|cancelar suscripción|elimíname|elimíneme|elimínenme|bórrame|"
        "bórreme|bórrenme|no envíes más|no envíe más|no envíen más|no mandes más|no mande más|no manden más",
        "|por favor|gracias",
    ),
    *each("|quiero", "darme de baja|dame de baja|denme de baja|deme de baja|me doy de baja|desuscribirme"),
    *each("quiero|solicito", "|la|mi", "baja"),
    *each("quiero que", "me den|me dé", "de baja"),
    *each("dar|den|dé", "de baja", "mi número|mi contacto"),
    *each("|quiero", "cancelar|cancela|cancelen|anular", "|la|mi", "suscripción"),
    *each("|quiero", "cancelar|detener|parar|stop", "|los|sus|estos", "mensajes"),
    *each("cancelar|detener|parar", "|el", "envío de mensajes"),
    *each(
        "deja|deje|dejen|dejar|para|pare|paren|parar",
        "de",
        "mandarme|enviarme|escribirme|mandar|enviar",
        f"{_ES_WRITTEN}|{_ES_THOSE}",
    ),
    *each("deja|deje|dejen|paren", "de", "mandar|enviar|mandarme|enviarme|escribirme"),
    *each(
        "|quiero|quisiera",
        "dejar|parar",
        "de recibir",
        f"|{_ES_WRITTEN}|{_ES_THOSE}",
        _ES_FROM,
    ),
    *each(
        "no quiero|ya no quiero|no deseo|ya no deseo",
        "recibir|recibir más|más recibir|seguir recibiendo",
        f"|{_ES_WRITTEN}|{_ES_THOSE}|nada",
        _ES_FROM,
    ),
    *each("no quiero|ya no quiero|no deseo", "recibir nada más"),
    *each("no quiero|ya no quiero|no deseo", "recibir|", f"{_ES_SENT}|publicidad|{_ES_THOSE}", "|más|de ustedes"),
    *each("no|basta de|no quiero|ya no quiero|no deseo", "más", _ES_WRITTEN, _ES_FROM),
    *each("basta de", "mensajes|publicidad|spam"),
    *each("no quiero|ya no quiero", "que me", "manden|envíen", "|más", _ES_WRITTEN),
    *each("no quiero|ya no quiero", "que me", "escriban|contacten", "|más"),
    *each("no autorizo", "|el envío de", "mensajes"),
    *each("no me|ya no me", _ES_SEND, "|más", _ES_WRITTEN),
    *each("no me|ya no me", _ES_SEND, _ES_WRITTEN, "más"),
    *each("no me", _ES_SEND, "más|más nada|nada más"),
    *each("no|ya no", f"{_ES_SEND}|mandar|enviar", "más", f"nada|{_ES_WRITTEN}"),
    *each("no|ya no", f"{_ES_SEND}|mandar|enviar", "mensajes|publicidad"),
    *each("no", "mandar|enviar", "más"),
    *each("no me|ya no me", "escribas|escriba|escriban|contactes|contacte|contacten", "|más"),
    *each(
        "elimina|elimine|eliminen|eliminar|borra|borre|borren|borrar|quita|quite|quiten|quitar|remover|remueva|"
        "remuevan",
        "mi número|mi contacto",
        f"|{_ES_LIST}",
    ),
    *each("saca|saque|saquen|sacar", "mi número|mi contacto|mi nombre", _ES_LIST),
    *each(
        f"salir|salirme|quiero salir|quiero salirme|remover|{_ES_REMOVE_ME}",
        _ES_LIST,
        _ES_LIST_OF,
    ),
    *each(_ES_REMOVE_ME, _ES_CONTACTS),
    *each("|quiero|pueden|puede|puedes|podrían|podría", _ES_TO_REMOVE_ME, _ES_LIST, _ES_LIST_OF),
    *each("|pueden|puede|puedes|podrían|podría", _ES_TO_REMOVE_ME, _ES_CONTACTS),
    *each("me", "pueden|puede|puedes|podrían|podría", _ES_TO_REMOVE, _ES_LIST, _ES_LIST_OF),
    *each("quiero que me", _ES_THEY_REMOVE, _ES_LIST, _ES_LIST_OF),
)

_EN_SENT = "messages|texts|msgs"
_EN_WRITTEN = f"{_EN_SENT}|promotions|ads|spam"
_EN_WISH = "i want to|i would like to|id like to"
_EN_NO_WISH = "i dont want|i do not want|dont want|i dont wish|i do not wish|i no longer want|i no longer wish"
_EN_LIST = "|the|this|that|your", "list|lists|mailing list|mailing lists|contact list|contact lists"

_ENGLISH = (
    *each("stopall|stop promotions|cancel|remove|quit"),
    *each(
        "|please|pls",
        "stop|stop all|unsubscribe|unsubscribe me|unsub|unsub me|opt out|optout|opt me out|i opt out|remove me",
        "|please|pls|thanks|thank you",
    ),
    *each(_EN_WISH, "unsubscribe|opt out|be removed|be unsubscribed"),
    *each("unsubscribe from|unsubscribe me from|opt out of", "|all|the|these|your|all your", _EN_SENT),
    *each("unsubscribe my number"),
    *each(f"|{_EN_WISH}", "unsubscribe|unsubscribe me|be removed", "from", *_EN_LIST),
    *each(
        f"|{_EN_WISH}",
        "stop receiving",
        "messages|texts|your messages|these messages|these texts|promotions",
        "|from you",
    ),
    *each("stop sending", "|me", f"|these|this|{_EN_WRITTEN}|these messages|these texts|any more messages"),
    *each("stop", "messaging me|texting me|contacting me|spamming me|writing to me|writing me|spam"),
    *each("stop", "messaging|texting|spamming"),
    *each("stop|cancel", "|all|all the|all your|the|these|your", _EN_SENT),
    *each("dont|do not|never", "message|text|write to", "me", "|again|anymore|any more"),
    *each("dont|do not", "send", "|me", "|any|any more|anymore|more", _EN_SENT),
    *each("dont|do not", "send", "|me", "anymore|any more"),
    *each("dont|do not", "send me", "anything", "|else|more|anymore|any more"),
    *each("dont|do not|never", "contact me", "|again|anymore|any more"),
    *each(_EN_NO_WISH, "to receive|to get", "anything", "|else|more|anymore", "|from you"),
    *each(
        _EN_NO_WISH,
        "|to receive|to get",
        "|any|any more|more|your|these",
        _EN_SENT,
        "|anymore|from you",
    ),
    *each("no more", _EN_WRITTEN),
    *each("remove|delete", "my", "number|contact"),
    *each("|can you|could you", "take|get|remove|delete", "me|my number|my name", "off|off of|from", *_EN_LIST),
    *each("|can you|could you", "remove|delete", "me|my number", "from", "|the|your", "contacts"),
)

#: What is taken for an opt-out where the operator says nothing else, in plain form. "Não quero" is a refusal of us when
#: it stands alone; with a "thank you" it declines an offer, and whoever made that wants to know.
DEFAULT_WORDS: frozenset[str] = frozenset((*_PORTUGUESE, *_SPANISH, *_ENGLISH))
