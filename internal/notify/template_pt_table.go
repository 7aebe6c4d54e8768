package notify

// Portuguese, with the letters that the GSM alphabet has (é à) and without the marks that it has not.
var portuguese = map[Purpose]string{
	PurposeToken:         "{token} = {units} kWh, {amount}, contador {meter}. Digite os 20 digitos no contador e #. {utility}",
	PurposeTokenFree:     "{token} = {units} kWh gratis, contador {meter}. Digite os 20 digitos no contador e #. {utility}",
	PurposeTokenStep:     "{token} = passo {step} de {of}: {units} kWh, {amount}, contador {meter}. Digite os passos por ordem, # a cada um.",
	PurposeKeyChange:     "{token} = passo {step} de {of}: chave nova, contador {meter}. Digite os passos por ordem, # a cada um, em 24 horas.",
	PurposeRecharge:      "Recebemos {amount} para o contador {meter}. Saldo {balance}. {press} {utility}",
	PurposeLow1:          "Contador {meter}: restam {balance}. Pague em breve para manter a luz. {utility}",
	PurposeLow2:          "Contador {meter}: restam apenas {balance}. Pague agora, ou a luz desliga quando acabar. {utility}",
	PurposeCutSoon:       "Contador {meter}: nada resta, saldo {balance}. A luz desliga {when}. Pague agora para a manter. {utility}",
	PurposeCutOff:        "A luz do contador {meter} foi desligada. Saldo {balance}. Pague para a ter de volta, ou pergunte. {utility}",
	PurposeRestored:      "A luz do contador {meter} volta. Saldo {balance}. {press} {utility}",
	PurposeReversal:      "A sua compra de {units} kWh por {amount}, contador {meter}, foi anulada. Nao use o seu codigo. {utility}",
	PurposeReversalMoney: "O seu pagamento de {amount} para o contador {meter} foi anulado. Saldo {balance}. {utility}",

	PurposeBalance:        "Contador {meter}: restavam {left} kWh em {at}. O valor atual esta no visor do contador.",
	PurposeBalanceUnknown: "O contador {meter} ainda nao disse o seu saldo. Leia-o no visor do contador.",
	PurposeWallet:         "Contador {meter}: restam {balance} pela leitura de {at} (estimativa). Nos livros: {settled}.",
	PurposeWalletSettled:  "Contador {meter}: {settled} nos livros. O contador ainda nao disse o que se usou desde entao.",
	PurposeLast:           "{token} = {units} kWh, {amount}, contador {meter}, compra de {at}. Digite os 20 digitos e #.",
	PurposeLastStep:       "{token} = passo {step} de {of}: {units} kWh, {amount}, contador {meter}, compra de {at}. Digite os passos por ordem.",
	PurposeLastKey:        "{token} = passo {step} de {of}: chave nova, contador {meter}, compra de {at}. Digite os passos por ordem, # a cada um.",
	PurposeLastNone:       "Ainda nao se comprou nenhum codigo para o contador {meter}.",
	PurposeLastPending:    "O codigo do ultimo pagamento do contador {meter} ainda nao esta feito. Nao pague de novo: pergunte em minutos. {call}",
	PurposeLastReversed:   "A ultima compra do contador {meter} foi anulada: o seu codigo nao vale e nao se envia de novo. {call}",
	PurposeLastWallet:     "O contador {meter} nao precisa de codigo: o que paga funciona por si. Envie SALDO para ver o saldo.",
	PurposeUsage:          "O contador {meter} usou {used} kWh em 7 dias, {mean} kWh por dia, ontem {day} kWh.",
	PurposeUsageUnknown:   "O contador {meter} nao disse o consumo dos 7 dias passados. Veja o menu 2 do contador.",
	PurposeHelp:           "SALDO, CODIGO ultimo codigo, CONSUMO, STOP/START avisos. Com varios contadores ponha o numero atras. {call}",
	PurposeUnknown:        "Nao se percebe, nada mudou. Envie SALDO, CODIGO, CONSUMO ou AJUDA.",
	PurposeChoose:         "Qual contador? Envie {word} e o numero, ou {word} 1, {word} 2...: {meters}",
	PurposeNotYours:       "Esse contador nao esta entre os seus, nada se diz. Os seus: {meters}",
	PurposeNotHere:        "Isto nao é o contador: nada foi carregado. Digite os 20 digitos no contador e #{sim}.",
	PurposeStopped:        "Nao ha mais avisos a este numero. Codigos, respostas e avisos de corte continuam. START ativa-os de novo.",
	PurposeStarted:        "Os avisos voltam a este numero. STOP termina-os.",
	PurposeLater:          "Demasiadas mensagens: esta fica sem resposta. Nada mudou. Tente daqui a uma hora.",
	PurposePublic:         "Este numero serve clientes de {utility} a partir do telefone registado. Nada mudou. {call}",
}

var portuguesePhrases = phrase{
	press: "Prima # no contador para ligar.",
	soon:  "em breve",
	at:    "em",
	sim:   ", ou envie *02# e os digitos para {sim}",
	more:  "e mais {n}",
	call:  "Ajuda:",
}
