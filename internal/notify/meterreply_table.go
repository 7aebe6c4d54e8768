package notify

// The texts of meters (docs/reference/sms-texts.md#what-meters-answer) in English, Swahili and French, the languages of a meter's
// configuration. They are in the form for comparison ([foldReply]), and "%" is the place of a figure. A test parses every
// text that a meter can write.
var (
	replyAccepted = []string{"recharge ok. % kwh added.", "umeme umeongezwa: % kwh.", "recharge ok. % kwh ajoutes."}
	replyDone     = []string{"token accepted.", "tokeni imekubaliwa.", "code accepte."}
	replyPart     = []string{"part of a key change accepted. send the other tokens of the set.", "sehemu ya kubadili ufunguo imekubaliwa. tuma tokeni nyingine za seti.", "partie du changement de cle acceptee. envoyez les autres codes du lot."}
	replyUsed     = []string{"this recharge card has been used!", "tokeni hii imeshatumika!", "ce code a deja ete utilise!"}
	replyRejected = []string{"token rejected.", "tokeni imekataliwa.", "code refuse."}
	replyBalance  = []string{"balance % kwh", "salio % kwh", "solde % kwh", "left to use % kwh", "imebaki % kwh", "reste % kwh"}
	replyToken    = []string{"token ", "tokeni ", "code "}
	replyTokens   = []string{"last tokens:", "tokeni za mwisho:", "derniers codes:"}
	replyNoTokens = []string{"no tokens yet.", "bado hakuna tokeni.", "aucun code pour le moment."}
)

// rowWords are the words in place of a figure in a row of the last tokens.
var rowWords = map[RowResult][]string{
	RowUsed:    {"used", "imetumika", "deja util."},
	RowWrong:   {"wrong", "si sahihi", "faux"},
	RowRefused: {"refused", "imekataa", "refuse"},
	RowDone:    {"done", "tayari", "fait"},
	RowPart:    {"part", "sehemu", "partie"},
}
