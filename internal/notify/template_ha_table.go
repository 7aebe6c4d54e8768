package notify

// Hausa, with plain b, d, k and y for the hooked letters, which the GSM alphabet has not and few telephones write.
var hausa = map[Purpose]string{
	PurposeToken:         "{token} = {units} kWh, {amount}, mita {meter}. Rubuta lambobi 20 a mita, sannan #. {utility}",
	PurposeTokenFree:     "{token} = {units} kWh kyauta, mita {meter}. Rubuta lambobi 20 a mita, sannan #. {utility}",
	PurposeTokenStep:     "{token} = mataki {step} cikin {of}: {units} kWh, {amount}, mita {meter}. Rubuta su a jere, # bayan kowanne.",
	PurposeKeyChange:     "{token} = mataki {step} cikin {of}: sabon makulli, mita {meter}. Rubuta su a jere, # bayan kowanne, duk cikin awa 24.",
	PurposeRecharge:      "Mun karbi {amount} na mita {meter}. Saura {balance}. {press} {utility}",
	PurposeLow1:          "Mita {meter}: saura {balance}. Ku biya da wuri don kada wuta ta dauke. {utility}",
	PurposeLow2:          "Mita {meter}: saura {balance} kawai. Ku biya yanzu, in ba haka ba za a yanke wuta idan ya kare. {utility}",
	PurposeCutSoon:       "Mita {meter}: kudi ya kare, saura {balance}. Za a yanke wuta {when}. Ku biya yanzu don kada a yanke. {utility}",
	PurposeCutOff:        "An yanke wutar mita {meter}. Saura {balance}. Ku biya don a dawo da ita, ko ku tambaye mu. {utility}",
	PurposeRestored:      "Wutar mita {meter} tana dawowa. Saura {balance}. {press} {utility}",
	PurposeReversal:      "An soke sayen {units} kWh na {amount}, mita {meter}. Kada ku shigar da token dinsa. {utility}",
	PurposeReversalMoney: "An soke biyan {amount} na mita {meter}. Saura {balance}. {utility}",

	PurposeBalance:        "Mita {meter}: akwai saura {left} kWh a {at}. Adadin yanzu yana allon mita.",
	PurposeBalanceUnknown: "Mita {meter} ba ta fadi saurarta ba tukuna. Ku duba allon mita.",
	PurposeWallet:         "Mita {meter}: saura {balance} bisa karatun {at} (kiyasi). A littafi: {settled}.",
	PurposeWalletSettled:  "Mita {meter}: {settled} a littafi. Mita ba ta fadi abin da aka yi amfani da shi ba tun sannan.",
	PurposeLast:           "{token} = {units} kWh, {amount}, mita {meter}, an saya {at}. Rubuta lambobi 20 a mita, sannan #.",
	PurposeLastStep:       "{token} = mataki {step} cikin {of}: {units} kWh, {amount}, mita {meter}, an saya {at}. Rubuta su a jere.",
	PurposeLastKey:        "{token} = mataki {step} cikin {of}: sabon makulli, mita {meter}, an saya {at}. Rubuta su a jere, # bayan kowanne.",
	PurposeLastNone:       "Ba a sayi token na mita {meter} ba tukuna.",
	PurposeLastPending:    "Ba a gama yin token na biyan karshe na mita {meter} ba. Kada ku sake biya: ku tambaya bayan mintuna kadan. {call}",
	PurposeLastReversed:   "An soke sayen karshe na mita {meter}: token dinsa ba ya aiki kuma ba a sake aika shi. {call}",
	PurposeLastWallet:     "Mita {meter} ba ta bukatar token: abin da kuka biya yana aiki da kansa. Aika SAURA don sanin saura.",
	PurposeUsage:          "Mita {meter} ta yi amfani da {used} kWh cikin kwana 7, {mean} kWh a rana, jiya {day} kWh.",
	PurposeUsageUnknown:   "Mita {meter} ba ta fadi amfanin kwana 7 da suka wuce ba. Ku duba menu 2 a mita.",
	PurposeHelp:           "SAURA, TOKEN na karshe, AMFANI, STOP/START gargadi. In mitoci da yawa ne, sa lambar mita a bayan kalmar. {call}",
	PurposeUnknown:        "Ba a gane ba, babu abin da ya canza. Aika SAURA, TOKEN, AMFANI ko TAIMAKO.",
	PurposeChoose:         "Wace mita? Aika {word} da lambarta, ko {word} 1, {word} 2...: {meters}",
	PurposeNotYours:       "Wannan mitar ba taku ba ce, don haka ba a fadi komai ba. Naku: {meters}",
	PurposeNotHere:        "Wannan ba mita ba ce: ba a loda komai ba. Rubuta lambobi 20 a mita, sannan #{sim}.",
	PurposeStopped:        "Ba sauran gargadi zuwa wannan lamba. Token, amsoshi da sanarwar yanke wuta za su ci gaba da zuwa. START yana dawo da gargadi.",
	PurposeStarted:        "Gargadi zai sake zuwa wannan lamba. STOP yana dakatar da shi.",
	PurposeLater:          "Sakonni sun yi yawa: ba a amsa wannan ba. Babu abin da ya canza. Ku sake gwadawa bayan awa daya.",
	PurposePublic:         "Wannan lamba ta abokan cinikin {utility} ce masu waya da rajista. Babu abin da ya canza. {call}",
}

var hausaPhrases = phrase{
	press: "Danna # a mita don kunna wuta.",
	soon:  "nan ba da dadewa ba",
	at:    "ranar",
	sim:   ", ko aika *02# da lambobin zuwa {sim}",
	more:  "da wasu {n}",
	call:  "Taimako:",
}
