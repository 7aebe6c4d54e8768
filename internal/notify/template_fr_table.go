package notify

// French, with the marks that the GSM alphabet has (é è à ù) and without those that it has not.
var french = map[Purpose]string{
	PurposeToken:         "{token} = {units} kWh, {amount}, compteur {meter}. Tapez les 20 chiffres au compteur, puis #. {utility}",
	PurposeTokenFree:     "{token} = {units} kWh gratuits, compteur {meter}. Tapez les 20 chiffres au compteur, puis #. {utility}",
	PurposeTokenStep:     "{token} = étape {step} sur {of}: {units} kWh, {amount}, compteur {meter}. Tapez les étapes en ordre, # après chacune.",
	PurposeKeyChange:     "{token} = étape {step} sur {of}: nouvelle clé, compteur {meter}. Tapez les étapes en ordre, # après chacune, en 24 heures.",
	PurposeRecharge:      "{amount} payés pour le compteur {meter}. Solde {balance}. {press} {utility}",
	PurposeLow1:          "Compteur {meter}: il reste {balance}. Payez vite pour garder le courant. {utility}",
	PurposeLow2:          "Compteur {meter}: plus que {balance}. Payez maintenant, sinon le courant sera coupé. {utility}",
	PurposeCutSoon:       "Compteur {meter}: crédit épuisé, solde {balance}. Coupure {when}. Payez maintenant pour garder le courant. {utility}",
	PurposeCutOff:        "Le courant du compteur {meter} est coupé. Solde {balance}. Payez pour le rétablir, ou demandez-nous. {utility}",
	PurposeRestored:      "Le courant du compteur {meter} revient. Solde {balance}. {press} {utility}",
	PurposeReversal:      "Votre achat de {units} kWh pour {amount}, compteur {meter}, est annulé. N'utilisez pas son code. {utility}",
	PurposeReversalMoney: "Votre paiement de {amount} pour le compteur {meter} est annulé. Solde {balance}. {utility}",

	PurposeBalance:        "Compteur {meter}: il restait {left} kWh le {at}. Le chiffre actuel est à l'écran du compteur.",
	PurposeBalanceUnknown: "Le compteur {meter} n'a pas encore dit son solde. Lisez-le à l'écran du compteur.",
	PurposeWallet:         "Compteur {meter}: reste {balance} selon son relevé du {at} (estimation). Dans les livres: {settled}.",
	PurposeWalletSettled:  "Compteur {meter}: {settled} dans les livres. Le compteur n'a pas encore dit ce qui a été utilisé depuis.",
	PurposeLast:           "{token} = {units} kWh, {amount}, compteur {meter}, achat du {at}. Tapez les 20 chiffres, puis #.",
	PurposeLastStep:       "{token} = étape {step} sur {of}: {units} kWh, {amount}, compteur {meter}, achat du {at}. Tapez-les en ordre.",
	PurposeLastKey:        "{token} = étape {step} sur {of}: nouvelle clé, compteur {meter}, achat du {at}. Tapez-les en ordre, # après chacune.",
	PurposeLastNone:       "Aucun code n'a encore été acheté pour le compteur {meter}.",
	PurposeLastPending:    "Le dernier code du compteur {meter} n'est pas encore fait. Ne repayez pas: redemandez dans quelques minutes. {call}",
	PurposeLastReversed:   "Le dernier achat du compteur {meter} est annulé: son code n'est pas valable et n'est pas renvoyé. {call}",
	PurposeLastWallet:     "Le compteur {meter} n'a pas besoin de code: votre paiement suffit. Envoyez SOLDE pour le solde.",
	PurposeUsage:          "Compteur {meter}: {used} kWh en 7 jours, {mean} kWh par jour, hier {day} kWh.",
	PurposeUsageUnknown:   "Le compteur {meter} n'a pas dit sa consommation des 7 derniers jours. Voyez le menu 2 du compteur.",
	PurposeHelp:           "SOLDE, CODE dernier code, CONSO consommation, STOP/START alertes. Plusieurs compteurs: ajoutez le numéro. {call}",
	PurposeUnknown:        "Message non compris, rien n'a changé. Envoyez SOLDE, CODE, CONSO ou AIDE.",
	PurposeChoose:         "Quel compteur? Envoyez {word} et le numéro, ou {word} 1, 2...: {meters}",
	PurposeNotYours:       "Ce compteur n'est pas à vous, rien n'est dit. Vos compteurs: {meters}",
	PurposeNotHere:        "Ceci n'est pas le compteur: rien n'a été chargé. Tapez les 20 chiffres au compteur, puis #{sim}.",
	PurposeStopped:        "Plus d'alertes à ce numéro. Codes, réponses et avis de coupure viennent toujours. START rétablit les alertes.",
	PurposeStarted:        "Les alertes reviennent à ce numéro. STOP les arrete.",
	PurposeLater:          "Trop de messages: celui-ci reste sans réponse. Rien n'a changé. Réessayez dans une heure.",
	PurposePublic:         "Ce numéro sert les clients de {utility} depuis leur téléphone enregistré. Rien n'a changé. {call}",
}

var frenchPhrases = phrase{
	press: "Appuyez sur # au compteur pour allumer.",
	soon:  "sous peu",
	at:    "le",
	sim:   ", ou envoyez *02# et les chiffres au {sim}",
	more:  "et {n} autres",
	call:  "Aide:",
}
