package notify

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// Purpose names the purpose of a message, and so its template. The names are stored with messages, so never rename a purpose.
type Purpose string

// Messages about an event.
const (
	// PurposeToken brings the only token of a sale.
	PurposeToken Purpose = "token"
	// PurposeTokenFree brings a token without a payment: free units, or a replacement.
	PurposeTokenFree Purpose = "token-free"
	// PurposeTokenStep brings one of several credit tokens: [Args].Step is its number, and Of is their count.
	PurposeTokenStep Purpose = "token-step"
	// PurposeKeyChange brings one token of a key change, to be entered in the order of [Args].Step.
	PurposeKeyChange Purpose = "key-change"
	// PurposeRecharge says that a wallet was recharged.
	PurposeRecharge Purpose = "recharge"
	// PurposeLow1 and PurposeLow2 warn of a low balance. PurposeCutSoon warns that the supply goes off at the time [Args].At (zero: soon).
	PurposeLow1    Purpose = "low-1"
	PurposeLow2    Purpose = "low-2"
	PurposeCutSoon Purpose = "cut-announced"
	// PurposeCutOff says that the supply went off, and PurposeRestored says that it comes back.
	PurposeCutOff   Purpose = "cut-off"
	PurposeRestored Purpose = "restored"
	// PurposeUnread says that the meter's unmodified device cannot be read, and that the supply goes off if that stays so.
	PurposeUnread Purpose = "device-unread"
	// PurposeReversal says that a sale of energy was reversed. PurposeReversalMoney says that a wallet's recharge was reversed.
	PurposeReversal      Purpose = "reversal"
	PurposeReversalMoney Purpose = "reversal-money"
	// PurposePaymentBack says that the provider of a payment took money back after a sale had used it (Amount).
	PurposePaymentBack Purpose = "payment-back"
	// PurposePhoneChanged tells an old number that the customer has another one. PurposeSIMChanged tells a customer that the meter's
	// SIM has another number.
	PurposePhoneChanged Purpose = "phone-changed"
	PurposeSIMChanged   Purpose = "sim-changed"
)

// Answers to a customer's message.
const (
	PurposeBalance        Purpose = "balance"         // a token meter's credit, with its time (Left, At)
	PurposeBalanceUnknown Purpose = "balance-unknown" // the meter has not reported its credit
	PurposeWallet         Purpose = "wallet"          // the settled balance, and the live estimate with its time (Settled, Balance, At)
	PurposeWalletSettled  Purpose = "wallet-settled"  // the settled balance alone, because the meter has not reported its use
	PurposeLast           Purpose = "last-token"      // the last token again
	PurposeLastStep       Purpose = "last-token-step" // the last token, if its sale has several tokens
	PurposeLastKey        Purpose = "last-key-change" // a token of the key change that belongs to the last sale
	PurposeLastNone       Purpose = "last-none"
	PurposeLastPending    Purpose = "last-pending" // the last sale is paid, but its token is not made yet
	PurposeLastReversed   Purpose = "last-reversed"
	PurposeLastWallet     Purpose = "last-wallet"   // a wallet needs no tokens
	PurposeUsage          Purpose = "usage"         // use of seven days, mean of a day, use of yesterday (Used, Mean, Day)
	PurposeUsageUnknown   Purpose = "usage-unknown" // the use is unknown, and the meter has a menu that shows it
	PurposeUsageNone      Purpose = "usage-none"    // the use is unknown, and the meter has no such menu
	PurposeWalletUsage    Purpose = "wallet-usage"  // use of today, yesterday and this month, with its time (Today, Day, Used, At)
	PurposeHelp           Purpose = "help"
	PurposeUnknown        Purpose = "unknown-word"
	PurposeChoose         Purpose = "choose-meter" // a list of meters to choose from (Meters, More)
	PurposeNotYours       Purpose = "not-among-yours"
	PurposeNotHere        Purpose = "not-here" // the customer wrote a command that only a meter understands
	PurposeStopAsk        Purpose = "stop-ask" // asks whether warnings should end, with the word that ends them (Word)
	PurposeStopped        Purpose = "stopped"
	PurposeStarted        Purpose = "started"
	PurposeLater          Purpose = "later"
	PurposePublic         Purpose = "public-help" // the only answer to a stranger
	PurposePage           Purpose = "page"        // the address of the customer's page (Page)
	PurposePageNone       Purpose = "page-none"   // there is no such page, or no address under which customers reach it

	PurposeVoucherDone     Purpose = "voucher-done" // the voucher was redeemed, and its token goes to somebody else (Amount, Meter)
	PurposeVoucherWrong    Purpose = "voucher-wrong"
	PurposeVoucherMistyped Purpose = "voucher-mistyped"
	PurposeVoucherMeter    Purpose = "voucher-meter" // the message does not say for which meter
	PurposeVoucherUsed     Purpose = "voucher-used"  // for another meter (Serial)
	PurposeVoucherOver     Purpose = "voucher-over"  // expired or ended (Serial)
	PurposeVoucherReversed Purpose = "voucher-reversed"
	PurposeVoucherMany     Purpose = "voucher-many"  // too many wrong PINs
	PurposeVoucherLater    Purpose = "voucher-later" // the sale was refused, and the voucher is still good
	PurposeBuyAsked        Purpose = "buy-asked"     // the telephone will be asked to pay (Amount, Meter)
	PurposeBuyWaiting      Purpose = "buy-waiting"   // it was asked before and has not answered
	PurposeBuyHow          Purpose = "buy-how"       // the message has no amount (Word)
	PurposeBuyNone         Purpose = "buy-none"      // no provider can ask a telephone
	PurposeBuyOften        Purpose = "buy-often"
	PurposeBuyRefused      Purpose = "buy-refused" // no such meter, or not a possible amount
)

// Args are the figures and names in a message, as the message's row stores them. They do not include a token's digits: [Render]
// gets the digits when the message is sent.
type Args struct {
	Meter    string      `json:"meter,omitempty"`
	Test     bool        `json:"test,omitempty"` // the meter is simulated, so the message is marked as a test
	Utility  string      `json:"utility,omitempty"`
	Contact  string      `json:"contact,omitempty"` // whom people call for help
	Currency string      `json:"currency,omitempty"`
	Amount   money.Minor `json:"amount_minor,omitempty"`
	Settled  money.Minor `json:"settled_minor,omitempty"` // the settled balance
	Balance  money.Minor `json:"balance_minor,omitempty"` // the live estimate
	Units    unit.Energy `json:"units_wh,omitempty"`
	Left     unit.Energy `json:"left_wh,omitempty"`
	Used     unit.Energy `json:"used_wh,omitempty"`
	Mean     unit.Energy `json:"mean_wh,omitempty"`
	Day      unit.Energy `json:"day_wh,omitempty"`
	Today    unit.Energy `json:"today_wh,omitempty"`
	// At is written unchanged, so it must be in the tenant's time zone.
	At time.Time `json:"at,omitzero"`
	// Step is the number of a token, from 1, among the tokens to enter in order. Of is their count.
	Step int `json:"step,omitempty"`
	Of   int `json:"of,omitempty"`
	// Press means that a key must be pressed at the meter.
	Press bool `json:"press_key,omitempty"`
	// Meters are the meters to choose from, at most MaxChoices of them; More is the number of meters left out.
	Meters []string `json:"meters,omitempty"`
	More   int      `json:"more,omitempty"`
	// Word is the keyword to write before a number.
	Word string `json:"word,omitempty"`
	// SIM is the number of the meter's SIM; empty if the meter has none.
	SIM string `json:"sim,omitempty"`
	// Serial is the serial number of a voucher, which everybody may see.
	Serial string `json:"serial,omitempty"`
	// Page is the address of the customer's page. It is a secret, so it is set when the message is sent and is in no row.
	Page string `json:"-"`
	// Hidden writes [hiddenFigure] in place of every amount and every figure of energy. It is decided when the message is sent.
	Hidden bool `json:"-"`
	// Account is the account of a wallet's notice: the notice counts as sent for all meters of the account.
	Account string `json:"account,omitempty"`
}

// Limits in a message. Names are cut. Figures, meter numbers and token digits are never cut.
const (
	// MaxName is the largest number of characters of a name in a message. A longer name is cut and ends in a point ("Rural Electrificat.").
	MaxName = 20
	// MaxContact is the largest number of characters of the contact line. A longer line is reduced to its telephone number; if it has no
	// number it is cut like a name.
	MaxContact = 28
	// MaxPage is the greatest length of the address of a customer's page in a message. A longer one is not sent.
	MaxPage = 64
	// maxLetters is the number of characters of a message, each one septet.
	maxLetters = 160
	// MaxChoices is the largest number of meters that a message lists to choose from.
	MaxChoices = 4
)

// hiddenFigure stands in a notice for a figure that the telephone's holder may not know yet.
const hiddenFigure = "***"

// Rendered is the text of a message. It may hold the digits of a token, so it has no printable form.
type Rendered struct{ text string }

// Reveal returns the text. Only a route may get it, in an [Outgoing].
func (r Rendered) Reveal() string { return r.text }

const maskedText = "notify.Rendered(masked)"

// String returns a mask.
func (r Rendered) String() string { return maskedText }

// Format writes a mask for every verb.
func (r Rendered) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, maskedText) }

// MarshalText writes a mask.
func (r Rendered) MarshalText() ([]byte, error) { return []byte(maskedText), nil }

// NeedsToken reports whether messages of a purpose bring a token, whose digits [Render] then needs.
func (p Purpose) NeedsToken() bool { return strings.Contains(templates[English][p], "{token}") }

// phrase holds the pieces of text that templates share, in one language.
type phrase struct {
	press string // says that a key must be pressed
	soon  string // replaces a missing time
	at    string // precedes a time
	sim   string // says how to send a token to the meter's SIM
	more  string // follows an incomplete list
	call  string // precedes the contact line
}

// Render writes a message: one short message of at most 160 characters of the GSM alphabet, with any names and figures. A
// purpose that brings a token needs the parameter token ([Purpose.NeedsToken]); all other purposes ignore it. Render
// returns an error for an unknown purpose, an unknown currency or a missing token. Then the message must not be sent.
func Render(l Language, p Purpose, a Args, token sts.Token) (Rendered, error) {
	if l >= languages {
		l = English
	}
	text, ok := templates[l][p]
	if !ok {
		return Rendered{}, fmt.Errorf("write a message: no template %q in %s", p, l)
	}
	if strings.Contains(text, "{page}") && a.Page == "" {
		return Rendered{}, fmt.Errorf("write a message %s: it has no address of a page", p)
	}
	if p.NeedsToken() && token == (sts.Token{}) {
		return Rendered{}, fmt.Errorf("write a message %s: it has no token", p)
	}
	currency, known := money.CurrencyOf(a.Currency)
	if !known && (strings.Contains(text, "{amount}") || strings.Contains(text, "{balance}") || strings.Contains(text, "{settled}")) {
		return Rendered{}, fmt.Errorf("write a message %s: unknown currency %q", p, a.Currency)
	}
	amount := func(m money.Minor) string { return currency.Code + " " + money.Format(m, currency) }
	units := func(e unit.Energy) string { return e.KWh(1) }
	if a.Hidden {
		amount, units = func(money.Minor) string { return hiddenFigure }, func(unit.Energy) string { return hiddenFigure }
	}
	f := phrases[l]
	pairs := []string{
		"{meter}", a.Meter, "{amount}", amount(a.Amount), "{settled}", amount(a.Settled), "{balance}", amount(a.Balance),
		"{units}", units(a.Units), "{left}", units(a.Left), "{used}", units(a.Used), "{mean}", units(a.Mean), "{day}", units(a.Day), "{today}", units(a.Today),
		"{at}", moment(a.At), "{when}", f.when(a.At), "{step}", fmt.Sprint(a.Step), "{of}", fmt.Sprint(a.Of), "{word}", a.Word,
		"{press}", onlyIf(a.Press, f.press), "{sim}", onlyIf(a.SIM != "", strings.ReplaceAll(f.sim, "{sim}", a.SIM)),
		"{utility}", cutName(plainLetters(a.Utility), MaxName), "{meters}", f.choices(a), "{call}", f.help(a), "{page}", a.Page, "{serial}", a.Serial,
	}
	if p.NeedsToken() {
		pairs = append(pairs, "{token}", token.RevealGrouped())
	}
	out := onlyIf(a.Test, "TEST ") + strings.Join(strings.Fields(strings.NewReplacer(pairs...).Replace(text)), " ")
	return Rendered{out + a.pageAfter(p, out)}, nil
}

// pageAfter returns the address of the customer's page as the end of a message about a sale, if the message has room for it; else "".
func (a Args) pageAfter(p Purpose, text string) string {
	if a.Page == "" || !p.tellsSale() || utf8.RuneCountInString(text)+1+len(a.Page) > maxLetters {
		return ""
	}
	return " " + a.Page
}

// tellsSale reports whether messages of the purpose tell a customer of a whole sale, so that the address of the customer's page may follow.
func (p Purpose) tellsSale() bool {
	return p == PurposeToken || p == PurposeTokenFree || p == PurposeRecharge
}

// onlyIf returns s if the condition holds, else "".
func onlyIf(is bool, s string) string {
	if is {
		return s
	}
	return ""
}

// moment writes a time that readers of all languages understand: day, month, hour.
func moment(t time.Time) string { return t.Format("02.01 15:04") }

func (f phrase) when(t time.Time) string {
	if t.IsZero() {
		return f.soon
	}
	return f.at + " " + moment(t)
}

// help writes the contact line.
func (f phrase) help(a Args) string {
	if strings.TrimSpace(a.Contact) == "" {
		return ""
	}
	line := strings.TrimSpace(plainLetters(a.Contact))
	if len(line) > MaxContact {
		line = or(phoneIn(line), line)
	}
	return f.call + " " + cutName(line, MaxContact)
}

// phoneIn returns the longest piece of a line that can be a telephone number; empty if the line has none.
func phoneIn(line string) string {
	best := ""
	for _, piece := range strings.FieldsFunc(line, func(r rune) bool { return !strings.ContainsRune("+0123456789 -", r) }) {
		if piece = strings.Trim(piece, " -"); len(piece) > len(best) && len(piece) >= minPhone && len(piece) <= MaxContact {
			best = piece
		}
	}
	return best
}

// minPhone is the smallest number of characters of a telephone number.
const minPhone = 6

// or returns a, or b if a is empty.
func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// choices lists meters with the numbers by which the customer chooses them.
func (f phrase) choices(a Args) string {
	var parts []string
	for i, m := range a.Meters[:min(len(a.Meters), MaxChoices)] {
		parts = append(parts, fmt.Sprintf("%d=%s", i+1, m))
	}
	list := strings.Join(parts, ", ")
	if more := a.More + max(0, len(a.Meters)-MaxChoices); more > 0 {
		list += " " + strings.ReplaceAll(f.more, "{n}", fmt.Sprint(more))
	}
	return list
}

// cutName shortens a name to at most the given number of characters. A shortened name ends with a point.
func cutName(s string, most int) string {
	s = strings.TrimSpace(s)
	if len(s) <= most {
		return s
	}
	return strings.TrimRight(s[:most-1], " .,-") + "."
}

// Letters that are not in the GSM alphabet or that not every telephone shows, and their replacements.
const (
	markedLetters = "ÀÁÂÃÄÅÇÈÉÊËÌÍÎÏÑÒÓÔÕÖÙÚÛÜÝàáâãäåçèéêëìíîïñòóôõöùúûüýÿŁłŚśŠšŻżŹźŽžĆćČčŃńĘęĄąŐőŰűŞşĞğİıŌōŪūƁɓƊɗƘƙƳƴẸẹỌọṢṣ\u2018\u2019\u201c\u201d\u2013\u2014\u00a0\u202f"
	plainLetter   = "AAAAAACEEEEIIIINOOOOOUUUUYaaaaaaceeeeiiiinooooouuuuyyLlSsSsZzZzZzCcCcNnEeAaOoUuSsGgIiOoUuBbDdKkYyEeOoSs''\"\"--  "
)

// plainLetters writes a name in the characters that GSM and ASCII have in common, one septet each. Letters lose their accents.
// Line ends and control characters become blanks. Any other character outside that set becomes a question mark.
func plainLetters(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c < ' ' || c == 0x7f:
			return ' '
		case c < 0x7f && !strings.ContainsRune("`^{}\\[]~|", c):
			return c
		}
		if plain := unmark(c); plain < 0x7f && plain != c {
			return plain
		}
		return '?'
	}, s)
}
