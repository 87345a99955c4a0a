"""What people write who want no more messages: words and phrases in Portuguese, Spanish and English.

A phrase names what it wants to be rid of: messages, all that we send, or the list. Rows of choices, spelled out.
"""

from __future__ import annotations

from broadcast.domain.portuguese import PORTUGUESE
from broadcast.domain.spelling import each

_ES_SENT = "mensaje|mensajes"
_ES_WRITTEN = f"{_ES_SENT}|publicidad|propaganda|promociones|ofertas|spam"
_ES_PUSHED = "mensajes promocionales|mensajes publicitarios|mensajes de publicidad|marketing"
_ES_NONE = "ningún mensaje|ningún mensaje más|más ningún mensaje|ningún tipo de mensaje"
_ES_THOSE = "sus mensajes|tus mensajes|estos mensajes|esos mensajes|este tipo de mensajes|ese tipo de mensajes"
_ES_FROM = "|de ustedes|de este número|de la empresa"
_ES_MAY = "pueden|puede|puedes|podrían|podría"
_ES_LIST = "de la lista"
_ES_CONTACTS = "de los contactos"
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
        "|por favor|favor",
        "stop|baja|salir|quiero salir|quiero salirme|detener promociones|parar|pare|paren|desuscribir|desuscribirme|"
        "desuscríbame|desuscríbeme|desuscríbanme|cancelar suscripción|elimíname|elimíneme|elimínenme|bórrame|"
        "bórreme|bórrenme|no envíes más|no envíe más|no envíen más|no mandes más|no mande más|no manden más|"
        "pueden parar",
        "|por favor|gracias",
    ),
    *each("|quiero", "darme de baja|dame de baja|denme de baja|deme de baja|me doy de baja|desuscribirme"),
    *each("|quiero", "darme de baja|desuscribirme|dame de baja|denme de baja", "de la lista"),
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
        f"{_ES_WRITTEN}|{_ES_THOSE}|{_ES_PUSHED}",
    ),
    *each(_ES_MAY, "dejar|parar", "de", "mandarme|enviarme", f"|{_ES_WRITTEN}|{_ES_THOSE}|{_ES_PUSHED}"),
    *each(_ES_MAY, "dejar|parar", "de escribirme"),
    *each("deja|deje|dejen|paren", "de", "mandar|enviar|mandarme|enviarme|escribirme"),
    *each(
        "|quiero|quisiera",
        "dejar|parar",
        "de recibir",
        f"{_ES_WRITTEN}|{_ES_THOSE}|{_ES_PUSHED}",
        _ES_FROM,
    ),
    *each("|quiero|quisiera", "dejar|parar", "de recibir", "|de ustedes|de este número"),
    *each(
        "no quiero|ya no quiero|no deseo|ya no deseo",
        "recibir|recibir más|más recibir|seguir recibiendo",
        f"{_ES_WRITTEN}|{_ES_THOSE}|{_ES_PUSHED}|{_ES_NONE}|nada",
        _ES_FROM,
    ),
    *each(
        "no quiero|ya no quiero|no deseo|ya no deseo",
        "recibir|recibir más|más recibir|seguir recibiendo",
        "|de ustedes|de este número",
    ),
    *each(
        "quiero|quisiera|deseo|prefiero|me gustaría|solicito",
        "no recibir|no recibir más|no seguir recibiendo",
        f"{_ES_WRITTEN}|{_ES_THOSE}|{_ES_PUSHED}|{_ES_NONE}|nada",
        _ES_FROM,
    ),
    *each("quiero|quisiera|deseo|prefiero|me gustaría|solicito", "no recibir más"),
    *each("no quiero|ya no quiero|no deseo", f"promociones|ofertas|{_ES_PUSHED}"),
    *each("no quiero|ya no quiero|no deseo", "recibir nada más"),
    *each("no quiero|ya no quiero|no deseo", "recibir|", f"{_ES_SENT}|publicidad|{_ES_THOSE}", "|más|de ustedes"),
    *each("no|basta de|no quiero|ya no quiero|no deseo", "más", _ES_WRITTEN, _ES_FROM),
    *each("basta de", "mensajes|publicidad|spam"),
    *each("no quiero|ya no quiero", "que me", "manden|envíen", "|más", _ES_WRITTEN),
    *each("no quiero|ya no quiero", "que me", "escriban|contacten", "|más"),
    *each("no autorizo", "|más", "|el envío de|que me envíen|que me manden", f"mensajes|{_ES_PUSHED}"),
    *each("no me|ya no me", _ES_SEND, "|más", f"{_ES_WRITTEN}|{_ES_PUSHED}|{_ES_NONE}"),
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
    *each("saca|saque|saquen|sacar|retira|retire|retiren|retirar", "mi número|mi contacto|mi nombre", _ES_LIST),
    *each(
        f"salir|salirme|quiero salir|quiero salirme|remover|{_ES_REMOVE_ME}",
        _ES_LIST,
    ),
    *each(_ES_REMOVE_ME, _ES_CONTACTS),
    *each(f"|quiero|{_ES_MAY}", _ES_TO_REMOVE_ME, _ES_LIST),
    *each(f"|{_ES_MAY}", _ES_TO_REMOVE_ME, _ES_CONTACTS),
    *each("me", _ES_MAY, _ES_TO_REMOVE, _ES_LIST),
    *each("quiero que me", _ES_THEY_REMOVE, _ES_LIST),
)

_EN_SENT = "messages|texts|msgs"
_EN_WRITTEN = f"{_EN_SENT}|promotions|ads|spam"
_EN_PUSHED = "promotional messages|marketing messages|marketing|ads|promotions|offers"
_EN_FROM = "|from you|from this number|from your company|from this company"
_EN_ASKED = "|can you|could you|would you|you can|will you"
_EN_WISH = "i want to|i would like to|id like to"
_EN_NO_WISH = "i dont want|i do not want|dont want|i dont wish|i do not wish|i no longer want|i no longer wish"
_EN_LIST = "the list"

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
    *each(f"|{_EN_WISH}", "unsubscribe|unsubscribe me|be removed", "from", _EN_LIST),
    *each(
        f"|{_EN_WISH}",
        "stop receiving",
        f"messages|texts|your messages|these messages|these texts|{_EN_PUSHED}",
        _EN_FROM,
    ),
    *each(
        _EN_ASKED,
        "stop sending",
        "|me",
        f"|these|this|{_EN_WRITTEN}|{_EN_PUSHED}|these messages|these texts|any more messages",
    ),
    *each(_EN_ASKED, "stop", "messaging me|texting me|contacting me|spamming me|writing to me|writing me|spam"),
    *each("stop", "messaging|texting|spamming"),
    *each("stop|cancel", "|all|all the|all your|the|these|your", _EN_SENT),
    *each("dont|do not|never", "message|text|write to", "me", "|again|anymore|any more"),
    *each("dont|do not", "send", "|me", "|any|any more|anymore|more", f"{_EN_SENT}|{_EN_PUSHED}"),
    *each("dont|do not", "send", "|me", "anymore|any more"),
    *each("dont|do not", "send me", "anything", "|else|more|anymore|any more"),
    *each("dont|do not|never", "contact me", "|again|anymore|any more"),
    *each(_EN_NO_WISH, "to receive|to get", "anything", "|else|more|anymore", "|from you"),
    *each(
        _EN_NO_WISH,
        "|to receive|to get",
        "|any|any more|more|your|these",
        _EN_SENT,
        f"|anymore{_EN_FROM}",
    ),
    *each(_EN_NO_WISH, "|to receive|to get", "|any|any more|more|your", _EN_PUSHED, _EN_FROM),
    *each(
        "i would prefer|id prefer|i prefer|i would like|id like|i wish",
        "not to receive|to not receive|to no longer receive",
        "|any|any more|more|your|these",
        f"{_EN_SENT}|{_EN_PUSHED}",
        _EN_FROM,
    ),
    *each("no more", _EN_WRITTEN),
    *each("remove|delete", "my", "number|contact"),
    *each("|can you|could you", "take|get|remove|delete", "me|my number|my name", "off|off of|from", _EN_LIST),
    *each("|can you|could you", "remove|delete", "me|my number", "from", "|the|your", "contacts"),
)

#: What is taken for an opt-out where the operator says nothing else, in plain form. "Não quero" is a refusal of us when
#: it stands alone; with a "thank you" it declines an offer, and whoever made that wants to know.
DEFAULT_WORDS: frozenset[str] = frozenset((*PORTUGUESE, *_SPANISH, *_ENGLISH))
