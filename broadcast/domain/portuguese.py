"""What people write who want no more messages, in Portuguese: rows of choices, spelled out."""

from __future__ import annotations

from broadcast.domain.spelling import each

_SENT = "mensagem|mensagens"
_PUSHED = "mensagens promocionais|mensagens publicitárias|mensagens de propaganda|mensagens de marketing|marketing"
_NONE = "nenhuma mensagem|mensagem nenhuma|mais nenhuma mensagem|nenhuma mensagem mais|nenhum tipo de mensagem"
_WRITTEN = f"{_SENT}|propaganda|propagandas|promoção|promoções|ofertas|spam"
_THOSE = "suas mensagens|essas mensagens|estas mensagens|esse tipo de mensagem|este tipo de mensagem"
_SOURCE = "de vocês|deste número"
_FROM = f"|{_SOURCE}|da empresa"
_LIST = "da lista"
_CONTACTS = "dos contatos"
_REMOVE = (
    "tira|tire|tirem|remove|remova|removam|retira|retire|retirem|exclui|exclua|excluam|apaga|apague|apaguem|deleta|"
    "delete|deletem"
)
_TO_REMOVE = "tirar|remover|retirar|excluir|apagar|deletar"
_MINE = "meu número|meu contato|meu telefone"
_SEND = "mande|mandem|envie|enviem|mandar|enviar"
_SEND_ME = f"{_SEND}|manda|envia"
_STOP = "pare|parem|para|parar|parassem|deixe|deixem"
_MAY = "pode|podem|poderia|poderiam|vocês podem|vocês poderiam"
_HAVE_REMOVED = f"|quero|{_MAY}"

PORTUGUESE = (
    *each("cancelar|remover|excluir|não quero"),
    *each(
        "|por favor|favor|please",
        "stop|sair|parar|pare|parem|descadastrar|me descadastre|me descadastra|desinscrever|quero sair|eu quero sair|"
        "gostaria de sair|queria sair|desejo sair|me remova|me removam|me remove|me exclua|me excluam|me exclui|"
        "descadastro|"
        "remova me|removam me|remover me|exclui me|exclua me|excluam me|excluir me|retira me|retire me|retirem me|"
        "retirar me|me retire|me retirem|me retira|"
        "cancelar inscrição|descadastre me|não receber|não envie mais|não enviem mais|não mande mais|não mandem mais|"
        "me descadastrar|não manda mais|não envia mais|podem parar|vocês podem parar",
        "|por favor|obrigado|gracias",
    ),
    *each(
        "|quero|queria|gostaria de|desejo|preciso|podem|poderiam",
        "|me",
        "descadastrar|descadastre|descadastra|descadastrem|desinscrever|desinscreva",
    ),
    *each(
        "|quero|queria|gostaria de|desejo|podem|poderiam|poderia", "|me", "descadastrar|descadastre|desinscrever", _LIST
    ),
    *each("quero", "|o|meu", "descadastro|descadastramento"),
    *each("quero ser descadastrado|quero ser descadastrada"),
    *each("|quero", "descadastrar|descadastre|descadastra|descadastrem", _MINE),
    *each("descadastrar|desinscrever|desinscreva", "me"),
    *each(
        f"|quero|{_MAY}",
        _STOP,
        "de",
        "me mandar|me enviar|mandar|enviar|mandar me|enviar me",
        f"|{_WRITTEN}|{_PUSHED}",
    ),
    *each(
        f"|{_MAY}",
        _STOP,
        "de",
        "me mandar|me enviar|mandar|enviar",
        _THOSE,
    ),
    *each(f"|{_MAY}", _STOP, "com", f"as mensagens|as propagandas|{_THOSE}"),
    *each("pare|parem|parar|interromper|suspender|stop", "|as|todas as", "mensagens|propagandas"),
    *each(
        "|quero|eu quero|queria|eu queria|gostaria de|desejo|preciso",
        "parar|deixar",
        "de receber",
        f"{_WRITTEN}|{_THOSE}|{_PUSHED}",
        _FROM,
    ),
    *each("|quero|eu quero|queria|eu queria|gostaria de|desejo", "parar|deixar", "de receber", f"|{_SOURCE}"),
    *each(
        "não quero|não desejo|não gostaria de|não gostaria mais de|eu não quero|não tenho interesse em|"
        "não tenho mais interesse em|não aceito",
        "receber|mais receber|receber mais",
        f"{_WRITTEN}|{_THOSE}|{_PUSHED}|{_NONE}|nada",
        _FROM,
    ),
    *each(
        "não quero|não desejo|não gostaria de|não gostaria mais de|eu não quero",
        "receber|mais receber|receber mais",
        f"|{_SOURCE}",
    ),
    *each(
        "|quero|queria|gostaria de|desejo|prefiro|solicito",
        "não receber|não receber mais|não mais receber",
        f"{_WRITTEN}|{_PUSHED}|{_NONE}|nada",
        _FROM,
    ),
    *each("|quero|queria|gostaria de|desejo|prefiro|solicito", "não receber mais|não mais receber"),
    *each("não quero mais|não quero|chega de", f"{_SENT}|propaganda|propagandas|spam|{_THOSE}|{_PUSHED}", _FROM),
    *each("não quero|não quero mais|chega de", "promoções|promoção|ofertas", _FROM),
    *each("não|sem", "mais", f"{_SENT}|propaganda|propagandas|spam"),
    *each("|eu", "não autorizo", "|mais", "|o envio de|que me enviem|que me mandem", f"{_SENT}|{_PUSHED}"),
    *each("não me", _SEND_ME, "|mais", f"{_WRITTEN}|{_PUSHED}|{_NONE}"),
    *each("não me", _SEND_ME, _WRITTEN, "mais"),
    *each("não", _SEND, "mais", f"nada|{_WRITTEN}|{_PUSHED}"),
    *each("não", "manda|envia", "mais", f"{_WRITTEN}|{_PUSHED}"),
    *each("não", "mandar|enviar", f"mais|{_SENT}|{_PUSHED}"),
    *each("não me", _SEND_ME, "mais|mais nada|nada mais"),
    *each("não", "entre|entrem", "|mais", "em contato", "|comigo"),
    *each("não me", "chame|chamem|contate|contatem|escreva|escrevam", "mais"),
    *each(
        "|quero|queria|gostaria de|desejo|pode|podem",
        "sair|tirar|remover|ser removido|ser removida|ser excluído|ser excluída|ser retirado|ser retirada",
        _LIST,
    ),
    *each("sair|não quero mais fazer parte", _CONTACTS),
    *each("não quero mais fazer parte", _LIST),
    # The pronoun stands before the verb ("me remova") or after it ("remova-me").
    *each("me", _REMOVE, _LIST),
    *each("me", _REMOVE, _CONTACTS),
    *each(_REMOVE, "me", _LIST),
    *each(_REMOVE, "me", _CONTACTS),
    *each(f"|{_MAY}", "me", _TO_REMOVE, _LIST),
    *each(f"|{_MAY}", "me", _TO_REMOVE, _CONTACTS),
    *each("quero|gostaria de|desejo", "me", _TO_REMOVE, _LIST),
    *each(f"|{_MAY}", _TO_REMOVE, "me", _LIST),
    *each(f"|{_MAY}", _TO_REMOVE, "me", _CONTACTS),
    *each(_REMOVE, _LIST),
    *each(_HAVE_REMOVED, f"{_REMOVE}|{_TO_REMOVE}", f"{_MINE}|meu nome", _LIST),
    *each(_HAVE_REMOVED, f"{_REMOVE}|{_TO_REMOVE}", "meu número|meu contato"),
    *each("|quero", "cancelar|cancela|cancele|cancelem", "|a|minha", "inscrição"),
    *each("|quero", "cancelar|cancela|cancele|cancelem|suspender", "|o|os", "envio|envios", "de mensagens"),
    *each("|quero", "cancelar|cancela|cancele|cancelem", "|o", "recebimento", "|de mensagens"),
    *each("|quero", "cancelar|cancela|cancele|cancelem", "|as|suas|todas as", "mensagens"),
    *each("parar|interromper", "promoções"),  # "interromper": the button that Meta puts below a template
)
