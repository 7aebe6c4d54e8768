package notify

// Spanish, with the letters that the GSM alphabet has (é ñ) and without the marks that it has not.
var spanish = map[Purpose]string{
	PurposeToken:         "{token} = {units} kWh, {amount}, medidor {meter}. Escriba los 20 digitos en el medidor y #. {utility}",
	PurposeTokenFree:     "{token} = {units} kWh gratis, medidor {meter}. Escriba los 20 digitos en el medidor y #. {utility}",
	PurposeTokenStep:     "{token} = paso {step} de {of}: {units} kWh, {amount}, medidor {meter}. Escriba los pasos en orden, # tras cada uno.",
	PurposeKeyChange:     "{token} = paso {step} de {of}: clave nueva, medidor {meter}. Escriba los pasos en orden, # tras cada uno, en 24 horas.",
	PurposeRecharge:      "Recibimos {amount} para el medidor {meter}. Saldo {balance}. {press} {utility}",
	PurposeLow1:          "Medidor {meter}: quedan {balance}. Pague pronto para conservar la luz. {utility}",
	PurposeLow2:          "Medidor {meter}: solo quedan {balance}. Pague ahora o la luz se corta al acabarse. {utility}",
	PurposeCutSoon:       "Medidor {meter}: no queda nada, saldo {balance}. La luz se corta {when}. Pague ahora para conservarla. {utility}",
	PurposeCutOff:        "La luz del medidor {meter} fue cortada. Saldo {balance}. Pague para recuperarla, o consulte. {utility}",
	PurposeRestored:      "Vuelve la luz del medidor {meter}. Saldo {balance}. {press} {utility}",
	PurposeReversal:      "Su compra de {units} kWh por {amount}, medidor {meter}, fue anulada. No use su codigo. {utility}",
	PurposeReversalMoney: "Su pago de {amount} para el medidor {meter} fue anulado. Saldo {balance}. {utility}",

	PurposeBalance:        "Medidor {meter}: quedaban {left} kWh el {at}. La cifra actual se ve en la pantalla del medidor.",
	PurposeBalanceUnknown: "El medidor {meter} no ha dicho su saldo. Léalo en la pantalla del medidor.",
	PurposeWallet:         "Medidor {meter}: quedan {balance} por su lectura del {at} (estimado). En los libros: {settled}.",
	PurposeWalletSettled:  "Medidor {meter}: {settled} en los libros. El medidor no ha dicho lo que se uso desde entonces.",
	PurposeLast:           "{token} = {units} kWh, {amount}, medidor {meter}, compra del {at}. Escriba los 20 digitos y #.",
	PurposeLastStep:       "{token} = paso {step} de {of}: {units} kWh, {amount}, medidor {meter}, compra del {at}. Escriba los pasos en orden.",
	PurposeLastKey:        "{token} = paso {step} de {of}: clave nueva, medidor {meter}, compra del {at}. Escriba los pasos en orden, # tras cada uno.",
	PurposeLastNone:       "No se ha comprado ningun codigo para el medidor {meter}.",
	PurposeLastPending:    "El codigo del ultimo pago del medidor {meter} no esta hecho. No pague otra vez: pregunte en unos minutos. {call}",
	PurposeLastReversed:   "La ultima compra del medidor {meter} fue anulada: su codigo no vale y no se envia de nuevo. {call}",
	PurposeLastWallet:     "El medidor {meter} no necesita codigo: lo que paga funciona solo. Envie SALDO para ver el saldo.",
	PurposeUsage:          "El medidor {meter} uso {used} kWh en 7 dias, {mean} kWh por dia, ayer {day} kWh.",
	PurposeUsageUnknown:   "El medidor {meter} no ha dicho su consumo de los 7 dias pasados. Mire el menu 2 del medidor.",
	PurposeHelp:           "SALDO, CODIGO ultimo codigo, CONSUMO, STOP/START avisos. Con varios medidores ponga el numero detras. {call}",
	PurposeUnknown:        "No se entiende, nada ha cambiado. Envie SALDO, CODIGO, CONSUMO o AYUDA.",
	PurposeChoose:         "Cual medidor? Envie {word} y su numero, o {word} 1, {word} 2...: {meters}",
	PurposeNotYours:       "Ese medidor no esta entre los suyos, no se dice nada. Los suyos: {meters}",
	PurposeNotHere:        "Esto no es el medidor: nada fue cargado. Escriba los 20 digitos en el medidor y #{sim}.",
	PurposeStopped:        "No hay mas avisos a este numero. Codigos, respuestas y avisos de corte siguen llegando. START los activa de nuevo.",
	PurposeStarted:        "Los avisos llegan otra vez a este numero. STOP los termina.",
	PurposeLater:          "Demasiados mensajes: este queda sin respuesta. Nada ha cambiado. Intente en una hora.",
	PurposePublic:         "Este numero atiende a clientes de {utility} desde su teléfono registrado. Nada ha cambiado. {call}",
}

var spanishPhrases = phrase{
	press: "Pulse # en el medidor para encender.",
	soon:  "pronto",
	at:    "el",
	sim:   ", o envie *02# y los digitos al {sim}",
	more:  "y {n} mas",
	call:  "Ayuda:",
}
