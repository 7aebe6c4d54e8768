package apiv1

// Receipt is a receipt, or a credit note, in its JSON form. The order and the names of its members never change: receipts are
// stored as files and checked without a server.
type Receipt struct {
	Title         string         `json:"title" enum:"TAX INVOICE,CREDIT NOTE,RECEIPT,TEST RECEIPT,TEST CREDIT NOTE" doc:"RECEIPT: a recharge of a wallet on which no tax is owed yet. The TEST titles are those of simulated meters"`
	Marks         []string       `json:"marks,omitempty" doc:"Words to print above the title: TEST, COPY with its number, REVERSED"`
	Copy          int            `json:"copy,omitempty" doc:"Number of the copy; missing on the original"`
	Test          bool           `json:"test,omitempty" doc:"The meter is simulated"`
	No            string         `json:"receipt_no" example:"main-000001" doc:"Number of the receipt. The number of a credit note ends in -R"`
	Reverses      string         `json:"reverses_receipt_no,omitempty" doc:"On a credit note: number of the receipt whose sale was reversed"`
	Cancelled     *bool          `json:"tokens_cancelled,omitempty" doc:"On a credit note: true if the meter will never load the tokens; false if it could not confirm that"`
	Epoch         string         `json:"epoch,omitempty" example:"2" doc:"Part of receipt_no after the slash: how often the database had been restored from a backup, plus 1, and letters that the restore drew. Missing before the first restore"`
	Fiscal        string         `json:"fiscal_code,omitempty" doc:"Code of a fiscal device, in countries that require one"`
	At            string         `json:"at" format:"date-time" example:"2026-11-20T11:00:00+03:00" doc:"When the sale was completed or reversed, in the utility's time zone, to the second"`
	Utility       string         `json:"utility" doc:"Name of the utility"`
	Address       string         `json:"utility_address,omitempty" doc:"Address of the utility"`
	Contact       string         `json:"utility_contact,omitempty" doc:"How customers reach the utility"`
	VATNo         string         `json:"vat_no,omitempty" doc:"Tax number of the utility"`
	Sale          string         `json:"vend" example:"vnd_01jd00000000000000000000000" doc:"Id of the sale"`
	ClientRef     string         `json:"client_ref" doc:"The seller's own reference of the sale"`
	Vendor        string         `json:"vendor,omitempty" doc:"Name of the vendor that sold; missing if the utility sold"`
	Till          string         `json:"till" example:"main" doc:"Till of the sale: code of the vendor, or main for the utility's own"`
	Operator      string         `json:"operator" doc:"Who sold: a person or an API key"`
	Customer      string         `json:"customer,omitempty" doc:"Name of the customer"`
	Account       string         `json:"account" example:"acc_01jd00000000000000000000000" doc:"Id of the customer's account"`
	Place         string         `json:"address,omitempty" doc:"Address that the meter supplies"`
	Meter         string         `json:"meter" example:"04140001001" doc:"Number of the meter"`
	STS           ReceiptSTS     `json:"sts" doc:"Key of the meter under which the tokens were made; empty on a recharge of a wallet"`
	Tariff        string         `json:"tariff" example:"domestic" doc:"Name of the tariff"`
	TariffVersion int            `json:"tariff_version,omitempty" doc:"Version of the tariff"`
	Tokens        []ReceiptToken `json:"tokens" doc:"In the order in which the customer enters them: key changes first"`
	UnitsWh       int64          `json:"units_wh" example:"34700" doc:"Energy of all tokens, in Wh"`
	UnitsKWh      string         `json:"units_kwh" example:"34.7" doc:"units_wh in kWh"`
	Steps         []ReceiptStep  `json:"steps" doc:"Energy by price; the amounts sum to net_minor"`
	Others        []ReceiptPart  `json:"others,omitempty" doc:"Fees, charges, debts, and money put into a wallet, each without tax"`
	Levies        []ReceiptPart  `json:"levies,omitempty" doc:"Levies on the energy, each without tax"`
	Currency      string         `json:"currency" example:"KES" doc:"ISO 4217 code of all amounts"`
	TenderMinor   int64          `json:"tender_minor" doc:"What the customer paid; negative on a credit note, as are all its amounts. net_minor, vat_minor, carry_minor, others and levies, less carry_in_minor, sum to it"`
	NetMinor      int64          `json:"net_minor" doc:"Price of the energy without tax and levies"`
	VATBps        int64          `json:"vat_bps" example:"1500" doc:"Tax rate of the energy in basis points: 1500 is 15 %"`
	VATMinor      int64          `json:"vat_minor" doc:"All tax of the sale"`
	CarryInMinor  int64          `json:"carry_in_minor" doc:"Change brought forward from earlier purchases"`
	CarryMinor    int64          `json:"carry_minor" doc:"Change carried forward to the next purchase"`
	ChangeMinor   int64          `json:"change_minor,omitempty" doc:"Change given back in cash; not part of tender_minor"`
	BalanceMinor  *int64         `json:"balance_minor,omitempty" doc:"Balance of the wallet right after the recharge; missing for any other sale"`
	BalanceAt     string         `json:"balance_at,omitempty" doc:"When that balance was booked"`
	PressKey      bool           `json:"press_key,omitempty" doc:"On a recharge: somebody must press # on the meter for the supply to return"`
	Message       string         `json:"message,omitempty" doc:"Message of the utility to all customers"`
	Today         bool           `json:"details_of_today,omitempty" doc:"Some of the names and addresses are today's: nothing says what they were when the sale was completed or reversed"`
	Erased        bool           `json:"customer_erased,omitempty" doc:"The customer's name was erased, because the customer asked for it"`
	Proof         *ReceiptProof  `json:"proof,omitempty" doc:"Proof that the sale is in the sealed log; only on request"`
}

// ReceiptSTS is the key under which the tokens of a receipt were made.
type ReceiptSTS struct {
	SGC string `json:"sgc" example:"123456" doc:"Supply group code"`
	KRN int    `json:"krn" example:"1" doc:"Key revision number"`
	TI  string `json:"ti" example:"01" doc:"Tariff index"`
	TT  string `json:"tt" example:"02" doc:"Token technology: 02 is the numeric keypad"`
	EA  string `json:"ea" example:"07" doc:"Encryption algorithm, 07 or 11"`
}

// ReceiptToken is a token on a receipt.
type ReceiptToken struct {
	Kind        string `json:"kind" enum:"sale,free,key_change" doc:"sale: units that were paid for; free: free basic units; key_change: changes the meter's key and carries no units"`
	Digits      string `json:"digits" example:"1234 5678 9012 3456 7890" doc:"20 digits in groups of four; masked without the token.show right"`
	UnitsWh     int64  `json:"units_wh" doc:"Energy in Wh; 0 on a key change"`
	UnitsKWh    string `json:"units_kwh" doc:"units_wh in kWh"`
	AmountMinor int64  `json:"amount_minor" doc:"Price of its units, levies and tax included; 0 if it was not paid for"`
}

// ReceiptStep is the energy of a receipt at one price.
type ReceiptStep struct {
	UnitsWh     int64  `json:"units_wh" doc:"Energy in Wh"`
	UnitsKWh    string `json:"units_kwh" doc:"units_wh in kWh"`
	RateMicro   int64  `json:"rate_micro" example:"2500000" doc:"Millionths of the major unit per kWh, without tax"`
	Price       string `json:"price" example:"2.50" doc:"rate_micro in the major unit"`
	AmountMinor int64  `json:"amount_minor" doc:"Amount without tax"`
}

// ReceiptPart is an amount on a receipt that was not paid for energy, such as a fee or a debt.
type ReceiptPart struct {
	Kind        string `json:"kind" enum:"fee,fixed,debt,levy,wallet" doc:"fixed: a charge that fell due; wallet: money put into the wallet"`
	Ref         string `json:"ref,omitempty" doc:"Name of the fee, charge or levy, or id of the debt"`
	Label       string `json:"label,omitempty" doc:"What it is, for people; if missing, show ref"`
	AmountMinor int64  `json:"amount_minor" doc:"Amount without tax"`
	VATMinor    int64  `json:"vat_minor,omitempty" doc:"Tax of the line, which is part of the receipt's vat_minor"`
	LeftMinor   *int64 `json:"left_minor,omitempty" doc:"Amount left to pay after this sale, tax included; missing if it is paid only once"`
}

// ReceiptProof shows without a server that the sale of a receipt is in the sealed log.
type ReceiptProof struct {
	Form   string   `json:"form" doc:"Format of the proof: paywatt proof 1"`
	Paper  string   `json:"paper" doc:"Sealed core of the receipt; its SHA-256 begins after"`
	At     int64    `json:"at_us" doc:"Time in microseconds since 1970"`
	Action string   `json:"action" doc:"Action of the sealed row: vend.sell"`
	Object string   `json:"object" doc:"Id of the sale"`
	After  string   `json:"after" doc:"Details of the sealed row"`
	Rest   string   `json:"rest" doc:"Hash of the rest of the row, which only an auditor may see; hexadecimal"`
	Pos    int64    `json:"pos" doc:"Position of the row in the log"`
	Path   []string `json:"path" doc:"Hashes from the row's leaf to the root of the head, base64"`
	Head   string   `json:"head" doc:"The signed head"`
}
