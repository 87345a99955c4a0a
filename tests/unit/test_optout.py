"""Who wants no more messages, told from who uses the same words for something else."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.domain.optout import chose_out, mentions, read_words, wants_out
from broadcast.domain.phrases import DEFAULT_WORDS

PORTUGUESE = [
    "SAIR",
    "sair",
    "Parar",
    "PARE",
    "CANCELAR",
    "Descadastrar",
    "me descadastre",
    "quero me descadastrar",
    "REMOVER",
    "NÃO QUERO",
    "nao quero",
    "Descadastre-me",
    "Não receber",
    "Remova-me",
    "exclua-me, por favor",
    "Me retire",
    "Excluir",
    "n quero",
    "N, quero sair",
    "Ñ quero",
    "ñ quero mais receber mensagens",
    "n quero receber mais nada",
    "tira meu número",
    "retira o meu contato",
    "Parar promoções",
    "Interromper promoções",
    "Não, quero sair",
    "pare de me mandar",
    "Pare de me mandar mensagens",
    "para de mandar mensagem",
    "pode parar de me enviar mensagens",
    "não quero mais receber",
    "Não quero mais receber mensagens!",
    "não quero receber mais nada de vocês",
    "eu não quero mais receber propaganda",
    "não quero mais mensagens de vocês",
    "não me mande mais mensagens",
    "não me enviem mensagens mais",
    "chega de mensagens",
    "me tira da lista",
    "Me tire dessa lista, por favor",
    "por favor me tirem da lista de transmissão",
    "sair da lista",
    "quero sair da lista",
    "remova meu número da lista",
    "quero ser removida da lista",
    "cancelar inscrição",
    "Quero cancelar minha inscrição.",
    "cancelar o envio de mensagens",
    "cancelar recebimento",
    "quero sair",
    "Eu quero sair, por favor",
    "Sair, por favor",
    "por favor, pare",
    "Pare por favor!",
    "parem pfv",
    "sair, obrigada",
    "me descadastre por favor",
    "cancelar inscrição, por favor",
    "me remova",
    "me remova da lista",
    "remover da lista",
    "remover meu contato",
    "Por favor, remova o meu número",
    "excluir meu número da lista",
    "parar de receber",
    "Parar de receber mensagens",
    "quero parar de receber",
    "quero parar de receber mensagens de vocês",
    "quero deixar de receber propaganda",
    "não quero mais receber mensagens de vocês",
    "nao quero receber mais nada",
    "não quero mais receber nada",
    "não me mande mais",
    "não me mande mais nada",
    "Não me enviem mais nada, por favor",
    "não mandem mais mensagens",
    "não envie mais nada para mim",
    "não quero mais fazer parte dessa lista",
    "não envie mais",
    "Não mande mais",
    "não enviem mais, por favor",
    "não envie mais mensagens",
    "Não manda mais mensagem!",
    "favor não enviar mais mensagens",
    "não enviar mensagens",
    "não receber mais",
    "não mais mensagens",
    "sem mais mensagens",
    "chega de propaganda",
    "não quero essas mensagens",
    "não quero mais receber mensagens desse número",
    "não quero receber esse tipo de mensagem",
    "não gostaria mais de receber mensagens",
    "não autorizo o envio de mensagens",
    "pare de enviar",
    "pare de enviar mensagens para mim",
    "pare com as mensagens",
    "podem parar com essas mensagens",
    "parar mensagens",
    "suspender o envio de mensagens",
    "cancelar as mensagens",
    "não entre mais em contato",
    "não me chame mais",
    "não me mande mais promoções",
    "remover meu número",
    "favor retirar meu número da lista",
    "Retire meu número",
    "apaga meu contato",
    "tira meu nome da lista",
    "descadastrar meu número",
    "quero ser descadastrada",
    "Descadastro",
    "pode me tirar da lista",
    "gostaria de sair da lista",
    "gostaria de ser removido da lista",
    "me retirem da lista",
    "desinscreva-me",
    "remova-me da lista",
    "Removam-me da sua lista, por favor",
    "exclua-me da lista",
    "excluir-me",
    "retire-me da lista",
    "retirem-me",
    "retira-me",
    "remover-me da lista",
    "tire-me desta lista",
    "me exclui da lista",
    "me remove dessa lista",
    "me tira de sua lista",
    "me apaga da lista de contatos",
    "me deletem da lista",
    "podem remover-me da lista?",
    "poderia me excluir da lista",
    "quero que me tirem da lista",
    "quero me retirar da lista",
    "me tira dos seus contatos",
    "remova-me dos contatos",
    "quero ser excluído da lista",
    "Bom dia! Não quero mais receber mensagens.",
    "Oi, por favor, me tire da lista. Obrigada!",
    "Não, obrigado. Não quero receber mensagens",
    "não quero mais receber mensagens de vcs",
    "me tira da lista de vcs",
    "não quero receber nenhuma mensagem",
    "não quero receber mensagens promocionais",
    "não quero mais receber mensagens desta empresa",
    "não quero receber mensagens dessa empresa",
    "nao quero mais receber mensagens da empresa",
    "não mande mais mensagens para este número",
    "não mande mais mensagens pra esse número",
    "não mande mais mensagens neste número",
    "não manda mais",
    "não manda mais mensagem",
    "não envia mais",
    "não quero promoções",
    "não quero promoção",
    "não quero ofertas",
    "não quero marketing",
    "stop por favor",
    "favor descadastrar",
    "favor me descadastrar",
    "quero me descadastrar da lista",
    "por gentileza, não enviar mais mensagens",
    "Oi, tudo bem? Não quero mais receber mensagens",
    "oi td bem? não quero mais receber mensagens",
    "boa tarde, tudo bem? me tira da lista",
    "quero que parem de me mandar mensagens",
    "poderia parar de me enviar mensagens?",
    "podem parar",
    "Podem parar, por favor",
    "gostaria de não receber mais mensagens",
    "desejo não receber mais mensagens",
    "retire meu número da lista de transmissão",
    "Número errado, não me mande mais mensagens",
    "Não tenho interesse, me tira da lista",
    "não conheço, me tira da lista",
    "não sou cliente! não quero receber mensagens",
    "remova da lista",
    "remove da lista",
    "obrigado, mas não quero mais receber mensagens",
    "não autorizo mais o envio de mensagens",
    "sairrr",
    "Sairr",
    "SAIRRRR!!",
    "pareee",
    "stoppp",
    "🛑 NAO QUERO MAIS RECEBER MENSAGENS DE VCS 🛑",
    "me tira da lista, número errado",
    "n quero msg de vcs",
    "quero que vcs parem de me mandar msg",
    "peço que não me mandem mais mensagens",
    "não tenho interesse em receber mensagens",
    "pfv me tira da lista vlw",
    "não manda mais msg pra mim",
    "por gentileza, sair",
    "favor sair",
    "vcs podem parar de mandar msgs?",
    "não quero receber propaganda da loja",
    "não, obrigado, mas não quero mais receber mensagens",
    "não me mande mais mensagens promocionais",
    "Número errado. Favor descadastrar",
    "oi, quero me descadastrar",
    "Oi, descadastrar",
    "gostaria que parassem de me mandar mensagens",
    "eu não quero mais receber mensagens de vocês por favor",
]

SPANISH = [
    "BAJA",
    "baja.",
    "Darse de baja",
    "me doy de baja, gracias",
    "Salir",
    "DETENER",
    "No quiero",
    "darme de baja",
    "Dame de baja",
    "quiero darme de baja",
    "cancelar suscripción",
    "cancela mi suscripción",
    "no quiero recibir más",
    "No quiero recibir más mensajes",
    "ya no quiero recibir mensajes",
    "no deseo recibir publicidad",
    "no quiero más mensajes",
    "no me manden más mensajes",
    "No me escriban más",
    "deja de mandarme mensajes",
    "dejen de enviarme publicidad",
    "dejen de escribirme",
    "sácame de la lista",
    "Bórrenme de su lista, gracias",
    "quiero salir de la lista de difusión",
    "quiero salir",
    "Detener promociones",
    "Salir, por favor",
    "Baja por favor",
    "por favor paren",
    "desuscribirme por favor",
    "dejar de recibir mensajes",
    "quiero dejar de recibir",
    "quisiera dejar de recibir sus mensajes",
    "no quiero recibir más mensajes de ustedes",
    "no quiero recibir mensajes de ustedes",
    "no quiero recibir nada más",
    "ya no quiero recibir nada",
    "no me manden más nada",
    "no me envíen nada más",
    "no manden más mensajes",
    "eliminar mi contacto",
    "borren mi número, por favor",
    "quiten mi número de su lista",
    "eliminarme de la lista",
    "no más mensajes",
    "No más publicidad, por favor",
    "basta de mensajes",
    "no envíen más",
    "no manden más, por favor",
    "no enviar más mensajes",
    "no enviar mensajes",
    "ya no me manden mensajes",
    "ya no quiero más mensajes",
    "no quiero sus mensajes",
    "no quiero recibir este tipo de mensajes",
    "no quiero seguir recibiendo mensajes",
    "no quiero que me manden mensajes",
    "no quiero que me escriban",
    "no me contacten más",
    "no autorizo el envío de mensajes",
    "dejen de enviar",
    "dejen de enviar mensajes",
    "paren de mandar mensajes",
    "solicito la baja",
    "quiero que me den de baja",
    "dar de baja mi número",
    "cancelar mensajes",
    "detener mensajes",
    "anular mi suscripción",
    "desuscríbanme",
    "quiero salirme de la lista",
    "saquen mi número de la lista",
    "remuevan mi número",
    "Elimínenme, por favor",
    "quítenme de la lista",
    "elimíname de la lista",
    "sáquenme de esta lista",
    "Retírenme de su lista",
    "remuéveme de la lista de contactos",
    "bórrame de tus contactos",
    "¿me pueden quitar de la lista?",
    "pueden sacarme de la lista por favor",
    "quiero que me borren de sus listas",
    "Hola, buenos días, no quiero más mensajes",
    "no quiero recibir ningún mensaje",
    "quisiera no recibir más mensajes",
    "número equivocado, no me manden más mensajes",
    "no soy cliente, sáquenme de la lista",
    "¿podrían dejar de enviarme mensajes?",
    "pueden parar",
    "Hola, ¿qué tal? No quiero recibir más mensajes",
    "gracias, pero no quiero recibir más mensajes",
    "quiero que me saquen de la lista de difusión",
    "no quiero promociones",
    "no quiero recibir mensajes promocionales",
    "no quiero recibir mensajes de esta empresa",
    "no manden más mensajes a este número",
    "salirrr",
    "bajaaa",
    "stop gracias",
    "no autorizo más el envío de mensajes",
    "quiero que dejen de mandarme mensajes",
]

ENGLISH = [
    "STOP",
    "Stop.",
    "stop please",
    "Stop promotions",
    "No, stop please",
    "Stop all",
    "UNSUBSCRIBE",
    "unsubscribe me",
    "I want to unsubscribe",
    "I'd like to opt out",
    "Opt-out",
    "CANCEL",
    "stop sending me messages",
    "Please stop sending me these messages",
    "stop texting me",
    "don't message me again",
    "dont text me",
    "Do not send me any more messages",
    "I don't want to receive messages from you",
    "no more messages, please",
    "take me off the list",
    "Take me off your list, thanks",
    "remove me from this list",
    "remove my number from your mailing list",
    "Unsubscribe, please",
    "please unsubscribe me",
    "opt out please",
    "stop, thank you",
    "remove me",
    "Please remove me",
    "remove me from list",
    "get me off this list",
    "delete my number",
    "remove my contact please",
    "stop receiving messages",
    "I want to stop receiving these messages",
    "don't send me anything else",
    "I don't want to receive anything from you",
    "do not contact me again",
    "stop contacting me",
    "Stop all messages",
    "stop all, please",
    "Please stop all texts",
    "stop these messages",
    "stop sending",
    "stop sending me these",
    "stop messaging",
    "stop spamming me",
    "cancel all messages",
    "no more spam",
    "don't send any more messages",
    "do not send messages",
    "don't send me anymore messages",
    "don't send anymore",
    "I no longer wish to receive messages",
    "I do not want to get texts anymore",
    "unsub",
    "unsubscribe my number",
    "Unsubscribe me from this list",
    "unsubscribe from all your messages",
    "opt out of messages",
    "I opt out",
    "I want to be removed from your list",
    "I would like to be removed",
    "Hi, please take me off this list, thank you",
    "take me off of your list",
    "Can you remove me from the list, please?",
    "remove my name from your lists",
    "delete me from your contacts",
    "Wrong number, please stop texting me",
    "Could you stop sending me messages?",
    "Thanks but I don't want to receive messages",
    "Sorry, not interested, take me off your list",
    "I don't want marketing",
    "I would prefer not to receive messages",
    "Hi, how are you? Please remove me from your list",
    "stoppp",
    "I don't want to receive promotional messages",
    "don't send messages to this number",
    "I want you to stop texting me",
    "Hello, unsubscribe me",
]

AGAIN = [
    "SAIR SAIR",
    "Sair! Sair! Sair!",
    "PARE\nPARE",
    "stop stop stop",
    "baja, baja",
    "cancelar cancelar",
    "quero sair, quero sair",
    "sair sairr",
    "me tira da lista, não quero mais receber mensagens",
    "Stop. Não quero mais receber",
    "Esse número não é dela, não mandem mais mensagens",
    "não envie mais mensagens pro meu número",
    "deixem de me mandar mensagens",
    "não quero receber mensagens de vocês nunca mais",
    "Por favor me remova da lista, por favor não me mande mais mensagens, obrigada",
    "no quiero recibir más mensajes, sáquenme de la lista",
    "please stop texting me. Take me off your list!",
    "não me mande mais mensagens!! Não me mande mais mensagens, por favor",
]

DRESSED = [
    "  sair  ",
    "\n\tSAIR\r\n",
    "S\u00c1IR",
    "*SAIR*",
    "_sair_",
    "«parar»",
    "“PARAR”",
    "STOP!!!",
    "STOP \U0001f6d1\U0001f6d1",
    "\U0001f621 pare \U0001f44b\U0001f3fd",
    "sair\u200d\ufe0f",
    "sa\u200bir",
    "can\u00adcelar",
    "\u200esair\u200f",
    "\uff33\uff34\uff2f\uff30",
    "\U0001d412\U0001d400\U0001d408\U0001d411",
    "na\u0303o quero",
    "nao   quero",
    "não... quero",
    "Me  tira\nda lista",
    "don\u2019t message me",
    "opt—out",
]


@pytest.mark.parametrize("text", [*PORTUGUESE, *SPANISH, *ENGLISH, *AGAIN, *DRESSED])
def test_who_wants_out_is_heard(text: str) -> None:
    assert wants_out(text)


OTHER_MATTERS = [
    # Portuguese
    "tem como parar a dor?",
    "cancelar envio",
    "cancela o envio",
    "quero cancelar o envio",
    "Não, quero",
    "não! quero.",
    "quero cancelar a consulta de amanhã",
    "quero cancelar",
    "preciso cancelar meu horário",
    "cancelar minha assinatura do plano",
    "vou sair agora",
    "quero sair mais cedo hoje",
    "posso sair com o curativo?",
    "não quero agendar hoje",
    "não quero, obrigado",
    "Não quero não, obrigada!",
    "não quero esse, quero o azul",
    "não quero receber em casa, vou buscar",
    "não quero mais receber o boleto pelo correio",
    "me tira da lista de espera",
    "sair da lista de espera",
    "me tira uma dúvida",
    "pare de me mandar isso para o endereço antigo",
    "para",
    "para amanhã",
    "pode parar na frente do prédio?",
    "remover o siso dói?",
    "quero remover uma tatuagem",
    "como faço para descadastrar o cartão?",
    "não me mandaram a mensagem de confirmação",
    "não recebi mensagens",
    "quero receber mensagens",
    "quero receber mais mensagens",
    "o ônibus não pare",
    "chega",
    "chega amanhã?",
    "me deixa em paz",
    "cancelar 2",
    "sair e voltar",
    "cancelar por favor",
    "vocês podem parar de cobrar taxa?",
    "quero sair mais cedo",
    "quero sair do plano",
    "quero sair com vocês",
    "quero parar",
    "quero parar de fumar",
    "parar de receber visitas",
    "quero parar de receber o boleto em papel",
    "quando vou parar de receber o benefício?",
    "não quero mais",
    "não quero mais nada",
    "não quero mais nada, obrigado",
    "não me mande mais fotos",
    "não me mande mais nada para o endereço antigo",
    "não mande mais fotos",
    "não envie mais pedidos",
    "não envie o boleto",
    "Não, cancelar",
    "não, cancelar, por favor",
    "Não! Cancelar!",
    "não, remover",
    "não, excluir",
    "não, darse de baja",
    "excluir o pedido",
    "n quero o azul",
    "N, quero",
    "ñ, quero",
    "N, quero receber",
    "n; quero receber mais",
    "n, mande mais",
    "n\u0303, cancelar",
    "Não, parar",
    "Não, não quero",
    "cancelar pedido",
    "cancelar o pedido",
    "cancelar a mensagem de aniversário do bolo",
    "cancelar plano",
    "parar de fumar",
    "parar de tomar o remédio",
    "pare com o remédio",
    "não, envie mais mensagens",
    "não receber visitas",
    "não quero a promoção",
    "sem mais",
    "o aplicativo não envia mais mensagens",
    "não entre em contato com o hospital",
    "remover meu número do cartão",
    "apagar meu nome",
    "tira meu nome da lista de espera",
    "descadastrar meu cartão",
    "bom dia",
    "bom dia, sair mais cedo?",
    "oi, não quero",
    "sair sair mais cedo",
    "quero quero",
    "não me remova da lista",
    "não, não me remova da lista",
    "não quero que me tirem da lista",
    "me remova do grupo",
    "remova-me do grupo",
    "me tira do grupo da família",
    "remova-me da lista de espera",
    "me exclui da lista de presença",
    "por que me tiraram da lista?",
    "me tira da escala",
    "remover meu cartão",
    "remover meu siso",
    "remover meu contato de emergência",
    "remover por favor",
    "me remova a dúvida",
    "me remova da lista de espera",
    "pare por favor na portaria",
    "número errado",
    "não tenho interesse",
    "não conheço",
    "não sou cliente",
    "não tenho interesse, obrigado",
    "cancelar meu pedido",
    "sair amanhã?",
    "posso sair da lista?",
    "como faço para sair da lista?",
    "por que estou recebendo mensagens?",
    "não me interessa sair da lista",
    "não tenho interesse em sair da lista",
    "não quero sair da lista",
    "não quero parar de receber mensagens",
    "não quero deixar de receber promoções",
    "obrigado, mas não quero",
    "oi, tudo bem?",
    "não tenho interesse, não quero",
    "não conheço, cancelar",
    "pode parar",
    "quero receber mensagens de vcs",
    "vcs mandaram mensagem?",
    "não parem de me mandar mensagens",
    "não quero que parem de me mandar mensagens",
    "ontem eu não quis mais receber mensagens do banco",
    "parrar",
    "sairx",
    "no me interesa salir de la lista",
    "vcs podem parar de cobrar taxa?",
    "não quero receber nenhuma mensagem de cobrança do banco itaú",
    "não mande mais para o endereço antigo",
    "não, podem parar",
    "quero parar de receber da empresa",
    "parar de receber da empresa",
    "não quero, parar de receber mensagens",
    "não quero sair da lista, quero receber mensagens",
    "me tira da lista, cancelar",
    "me tira da lista de espera, não quero mais receber mensagens da clínica do João",
    # Spanish
    "la presión está baja",
    "baja el precio por favor",
    "¿puede dar de baja mi línea?",
    "quiero dar de baja el servicio de internet",
    "no quiero esa talla",
    "no quiero, gracias",
    "quiero salir a las cinco",
    "no puedo salir hoy",
    "quiero cancelar la cita de mañana",
    "no quiero recibir el paquete hoy",
    "deja de doler con la pastilla?",
    "no me escriban la receta todavía",
    "sácame una duda",
    "sácame de la lista de espera",
    "no me quiten de la lista",
    "no quiero que me saquen de la lista",
    "quítenme de la lista de espera",
    "sáquenme del grupo",
    "¿por qué me quitaron de la lista?",
    "quiero recibir más mensajes",
    "detener el sangrado",
    "quiero salir temprano",
    "dejar de recibir visitas",
    "no quiero nada más",
    "no quiero nada más, gracias",
    "no me manden más fotos",
    "borrar mi número de tarjeta",
    "pare por favor en la esquina",
    "alto",
    "¿Está alta la presión? No, baja",
    "No, baja",
    "No, salir",
    "no, cancelar",
    "no, no quiero",
    "no más",
    "no, más mensajes",
    "más mensajes",
    "no envíen más fotos",
    "no quiero promociones en la compra",
    "cancelar pedido",
    "dejar de fumar",
    "dejen de enviar el paquete a esa dirección",
    "saca mi número para la fila",
    "solicito la baja del servicio",
    "hola",
    "número equivocado",
    "no tengo interés",
    "no soy cliente",
    "gracias, pero no",
    "no me interesa salir de la lista",
    "no quiero que dejen de mandarme mensajes",
    "no quiero dejar de recibir mensajes",
    "no, pueden parar",
    # English
    "where does the bus stop?",
    "stop by at five",
    "please don't stop",
    "non-stop",
    "can't stop laughing",
    "I want to cancel my appointment",
    "cancel the order",
    "remove the red one",
    "take me off hold",
    "put me on the list",
    "don't unsubscribe me",
    "do not take me off the list",
    "please don't remove me from your list",
    "did you remove me from the list?",
    "remove me from the group",
    "how do I unsubscribe from the gym?",
    "send me more messages",
    "I don't want the blue one",
    "no thanks",
    "cancel please",
    "remove please",
    "remove me from the waiting list",
    "remove my appointment",
    "delete my number plate photo",
    "I want to stop smoking",
    "stop receiving visitors",
    "don't send me anything by post",
    "I don't want anything else",
    "please stop by",
    "unstoppable",
    "stopping",
    "No, cancel",
    "no, cancel please",
    "No, remove",
    "stop sending the order to the old address",
    "stop all traffic",
    "cancel all orders",
    "cancel my subscription",
    "no more",
    "no more sugar please",
    "I want to be removed from the waiting list",
    "unsubscribe from the gym",
    "hello hello",
    "wrong number",
    "not interested",
    "can you stop by at five",
    "you can stop",
    "i would like to receive messages",
    "don't stop sending me messages",
    "i don't want you to stop texting me",
    "how do i stop texts from my bank",
    # nothing at all
    "",
    "   ",
    "...",
    "\U0001f6d1",
    "\u200d\ufe0f",
    "ok",
    "2",
    "1\ufe0f\u20e3",
    "por favor",
    "please",
    "s a i r",
]


@pytest.mark.parametrize("text", OTHER_MATTERS)
def test_the_same_words_in_another_matter_are_left_alone(text: str) -> None:
    assert not wants_out(text)


@pytest.mark.parametrize("word", sorted(DEFAULT_WORDS)[::60])
@pytest.mark.parametrize("rest", ["{} a consulta", "eu disse {} ontem", "can you {} now?", "{}x", "x{}"])
def test_a_longer_text_around_a_word_is_another_text(word: str, rest: str) -> None:
    assert not wants_out(rest.format(word))


@given(st.text() | st.text(st.characters(categories=["Cs", "Mn", "Cf", "So", "Co"])))
def test_no_text_is_too_strange_to_be_read(text: str) -> None:
    assert wants_out(text) in {True, False}
    assert not wants_out(text, frozenset())


SILENT = st.text("  \t\n.,;:!?*_~-()[]\"'…¡¿\U0001f6d1\U0001f44d\u2764\ufe0f\u200d\u200b", max_size=6)
ACCENTS = st.text("\u0300\u0301\u0302\u0303\u0308\u0327", max_size=2)


@st.composite
def dressed(draw: st.DrawFn, word: str) -> str:
    """The word in any case, with any accents, and with punctuation, emoji and blanks about it and between its words."""
    letters = [
        draw(SILENT) + " " + draw(SILENT)
        if letter == " "
        else draw(st.sampled_from([letter, letter.upper()])) + draw(ACCENTS)
        for letter in word
    ]
    form = draw(st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
    return unicodedata.normalize(form, draw(SILENT) + "".join(letters) + draw(SILENT))


@given(st.data(), st.sampled_from(sorted(DEFAULT_WORDS)))
def test_case_accents_punctuation_and_emoji_change_nothing(data: st.DataObject, word: str) -> None:
    assert wants_out(data.draw(dressed(word)))


@given(st.data(), st.sampled_from([text for text in OTHER_MATTERS if text.isascii() and "'" not in text]))
def test_nor_do_they_make_an_opt_out_of_what_is_none(data: st.DataObject, text: str) -> None:
    assert not wants_out(data.draw(dressed(text)))


@given(st.text(min_size=1))
def test_a_word_of_the_operators_is_heard_as_it_is_written(word: str) -> None:
    heard = wants_out(word, {word})
    assert heard == wants_out(f" {word}! ", {word})
    assert heard or not any(character.isalnum() for character in unicodedata.normalize("NFKD", word).casefold())


@pytest.mark.parametrize("text", ["2", "chega", "me deixa em paz"])
def test_a_setting_adds_to_our_words(text: str) -> None:
    words = read_words(" 2, Chega!,me deixa em paz, ")
    assert words > DEFAULT_WORDS
    assert wants_out(text, words)
    assert not wants_out(text)


def test_a_setting_replaces_our_words() -> None:
    words = read_words("=Não, 2️⃣")
    assert words == {"nao", "2"}
    assert wants_out("NAO", words)
    assert not wants_out("SAIR", words)


@pytest.mark.parametrize("text", ["N", "n!", "ñ", "n n"])
def test_an_n_of_the_operators_is_that_letter(text: str) -> None:
    words = read_words("=N, ñ quero")
    assert words == {"n", "n quero"}
    assert wants_out(text, words)
    assert wants_out("Ñ quero", words)
    assert not wants_out("não", words)
    assert not wants_out("não quero", words)
    assert mentions("Responda N para sair", words)
    assert not mentions("Não saia", words)


def test_an_n_alone_is_no_no() -> None:
    assert wants_out("não", read_words("=não"))
    assert not wants_out("n", read_words("=não"))


def test_a_digit_is_the_same_in_its_box() -> None:
    assert wants_out("1\ufe0f\u20e30\ufe0f\u20e3", read_words("10"))


def test_a_word_of_punctuation_alone_is_no_word() -> None:
    assert not wants_out("?", {"!"})


def test_a_courtesy_changes_no_short_word() -> None:
    # "Two, please" is an order, not an opt-out.
    assert not wants_out("2 por favor", read_words("2"))


@pytest.mark.parametrize("text", ["não, 2", "No, two"])
def test_a_short_word_of_the_operators_after_a_no_answers_something_else(text: str) -> None:
    assert not wants_out(text, read_words("2, two"))


@given(st.data(), st.sampled_from(sorted(DEFAULT_WORDS)), st.integers(2, 5))
def test_who_says_it_again_and_again_means_it(data: st.DataObject, word: str, times: int) -> None:
    assert wants_out(data.draw(SILENT).join(f" {word} " for _ in range(times)))


@pytest.mark.parametrize(
    "text",
    ["oi " * 20_000 + "sair", "sair da lista " * 17 + "x", "sair " * 20_000 + "x", "bom dia " * 9_999, "a " * 32_768],
)
def test_a_flood_of_words_is_read_in_no_time(text: str) -> None:
    began = time.process_time()
    assert not wants_out(text)
    assert time.process_time() - began < 1


ANSWERS = [
    "Cancelar",
    "\u274c Cancelar",
    "CANCEL",
    "Não",
    "Não!",
    "No",
    "Não quero",
    "No quiero",
    "Não, cancelar",
    "Não receber",
    "Não quero promoção",
    "Excluir",
    "Remover",
    "Remove",
    "Podem parar",
    "Baja",
    "Dar de baja",
    "Confirmar",
    "Quero receber",
]


@pytest.mark.parametrize("label", ANSWERS)
def test_a_tap_that_answers_our_question_is_no_opt_out(label: str) -> None:
    assert not chose_out(label, None)
    assert not chose_out(label, label)
    assert not chose_out(label, "x1")
    assert not chose_out("Confirmar", label)


@pytest.mark.parametrize(
    "label",
    [
        "Sair",
        "\U0001f6d1 Parar",
        "STOP",
        "Descadastrar",
        "Não quero receber",
        "Não quero promoções",
        "Sair da lista",
        "Bloquear",
        "Bloquear contato",
        "Block",
        "Parar promoções",
        "Interromper promoções",
        "Stop promotions",
        "Darse de baja",
        "Salir",
    ],
)
def test_a_tap_on_a_button_that_says_so_is_an_opt_out(label: str) -> None:
    assert chose_out(label, None)
    assert chose_out(label, "x1")


@pytest.mark.parametrize("behind", ["PARAR", "STOP", "SAIR", "OPT_OUT", "opt-out", "UNSUBSCRIBE", "sair_da_lista"])
def test_an_opt_out_behind_a_button_counts_whatever_it_says(behind: str) -> None:
    assert chose_out("Cancelar", behind)
    assert chose_out("", behind)


def test_an_operators_words_hold_for_taps_but_not_for_the_names_of_buttons() -> None:
    assert chose_out("Me deixa em paz", None, read_words("me deixa em paz, 2"))
    assert not chose_out("Ver mais", "2", read_words("2"))
    assert not chose_out("Bloquear", None, read_words("=SAIR"))
    assert not chose_out("Cancelar", None, read_words("=SAIR, cancelar"))
    assert wants_out("cancelar")


def test_a_setting_without_words_is_our_words() -> None:
    assert read_words("") == read_words(" , ") == DEFAULT_WORDS


@pytest.mark.parametrize(
    ("text", "wants"),
    [
        ("queria sair da lista", True),
        ("Queria parar de receber mensagens", True),
        ("Não, obrigada. Me tira da lista", True),
        ("queria receber mensagens", False),
        ("não queria sair da lista", False),
        ("não, obrigado", False),
    ],
)
def test_a_wish_in_the_past_is_one_and_a_thank_you_is_none(text: str, wants: bool) -> None:
    assert wants_out(text, DEFAULT_WORDS) is wants


@pytest.mark.parametrize(
    ("given_", "remedy"),
    [
        ("=", "at least one word"),
        ("= , ", "at least one word"),
        ("SAIR, !!", "letters or digits"),
        ("\U0001f6d1", "letters or digits"),
        ("SAIR;PARAR", "commas"),
        ("SAIR|PARAR", "commas"),
        ("SAIR\nPARAR", "commas"),
        ("SAIR, =PARAR", "before the first"),
        ("==SAIR", "before the first"),
    ],
)
def test_a_wrong_setting_names_its_remedy(given_: str, remedy: str) -> None:
    with pytest.raises(ValueError, match=remedy):
        read_words(given_)


@given(st.text() | st.lists(st.text(), max_size=5).map(",".join))
def test_a_setting_is_read_or_refused(text: str) -> None:
    try:
        words = read_words(text)
    except ValueError:
        return
    assert words
    assert read_words("=" + ",".join(words)) == words


def test_every_word_of_the_setting_is_read_again_as_it_is() -> None:
    words = read_words("=N, ñ quero, n n, S/N, 2, ...chega!") | DEFAULT_WORDS
    assert read_words("=" + ",".join(words)) == words
    assert all(wants_out(word, words) for word in words)
