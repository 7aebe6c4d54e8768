package notify

// keywords are the words of each language in lower case and without marks; the first of each is the one that texts name.
// A word may stand in several languages, but never for two different things.
var keywords = [languages][WordNotHere][]string{
	English: {
		WordBalance: {"bal", "balance", "credit", "units", "left"},
		WordLast:    {"last", "token", "tokens", "resend"},
		WordUsage:   {"use", "used", "usage", "consumption"},
		WordHelp:    {"help", "info", "menu"},
		WordStop:    {"stop", "unsubscribe", "stopall"},
		WordStart:   {"start", "subscribe", "unstop"},
	},
	French: {
		WordBalance: {"solde", "credit", "reste"},
		WordLast:    {"code", "dernier", "codes", "jeton"},
		WordUsage:   {"conso", "consommation", "usage"},
		WordHelp:    {"aide", "info", "menu"},
		WordStop:    {"stop", "arret", "arreter"},
		WordStart:   {"start", "reprendre"},
	},
	Swahili: {
		WordBalance: {"salio", "baki"},
		WordLast:    {"tokeni", "mwisho", "token"},
		WordUsage:   {"matumizi", "nimetumia"},
		WordHelp:    {"msaada", "usaidizi"},
		WordStop:    {"stop", "acha", "simamisha"},
		WordStart:   {"start", "anza", "rudisha"},
	},
	Spanish: {
		WordBalance: {"saldo", "credito"},
		WordLast:    {"codigo", "ultimo", "ficha"},
		WordUsage:   {"consumo", "uso"},
		WordHelp:    {"ayuda", "info", "menu"},
		WordStop:    {"stop", "parar", "baja"},
		WordStart:   {"start", "iniciar", "alta"},
	},
	Portuguese: {
		WordBalance: {"saldo", "credito"},
		WordLast:    {"codigo", "ultimo", "recarga"},
		WordUsage:   {"consumo", "uso"},
		WordHelp:    {"ajuda", "info", "menu"},
		WordStop:    {"stop", "parar", "cancelar"},
		WordStart:   {"start", "iniciar", "ativar"},
	},
	Hausa: {
		WordBalance: {"saura", "ragowa"},
		WordLast:    {"token", "karshe", "lambobi"},
		WordUsage:   {"amfani"},
		WordHelp:    {"taimako", "agaji"},
		WordStop:    {"stop", "daina", "tsaya"},
		WordStart:   {"start", "fara", "dawo"},
	},
}
