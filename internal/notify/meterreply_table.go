package notify

// The texts of meters (contract §5) by language of the meter's configuration: English, Swahili, French. "%" stands for a
// figure. They are compared without case and without marks on letters, because gateways write ASCII.
var (
	replyAccepted = []string{"Recharge OK. % kWh added.", "Umeme umeongezwa: % kWh.", "Recharge OK. % kWh ajoutés."}
	replyDone     = []string{"Token accepted.", "Tokeni imekubaliwa.", "Code accepté."}
	replyPart     = []string{"Part of a key change accepted. Send the other tokens of the set.", "Sehemu ya kubadili ufunguo imekubaliwa. Tuma tokeni nyingine za seti.", "Partie du changement de clé acceptée. Envoyez les autres codes du lot."}
	replyUsed     = []string{"this recharge card has been used!", "Tokeni hii imeshatumika!", "Ce code a déjà été utilisé !"}
	replyRejected = []string{"Token rejected.", "Tokeni imekataliwa.", "Code refusé."}
	replyBalance  = []string{"Balance % kWh", "Salio % kWh", "Solde % kWh", "Left to use % kWh", "Imebaki % kWh", "Reste % kWh"}
	replyTokens   = []string{"Last tokens:", "Tokeni za mwisho:", "Derniers codes :"}
	replyNoTokens = []string{"No tokens yet.", "Bado hakuna tokeni.", "Aucun code pour le moment."}
)

// rowWords are what stands for a figure in a row of the last tokens.
var rowWords = map[RowResult][]string{
	RowUsed:    {"used", "imetumika", "deja util."},
	RowWrong:   {"wrong", "si sahihi", "faux"},
	RowRefused: {"refused", "imekataa", "refuse"},
	RowDone:    {"done", "tayari", "fait"},
	RowPart:    {"part", "sehemu", "partie"},
}
