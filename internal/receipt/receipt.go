// Package receipt is the one model of a receipt: what a tax invoice must say, without any layout. Layouts are adapters;
// the JSON form ([apiv1.Receipt]) is made here because it is the model itself.
//
// A [Receipt] carries tokens that mask themselves. Whoever renders one reveals them, so it is made only for a reader
// who may see digits; for all others Token.Digits is the zero token and renders as a mask. [Receipt.Check] proves that
// what is printed adds up.
package receipt

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// Titles of a receipt.
const (
	TaxInvoice = "TAX INVOICE"
	CreditNote = "CREDIT NOTE" // takes a sale back
	Payment    = "RECEIPT"     // of a payment that is no supply: a recharge of a wallet
	// Of a simulated meter there is no tax document: nothing was supplied.
	TestReceipt = "TEST RECEIPT"
	TestCredit  = "TEST CREDIT NOTE"
)

// Receipt is everything a receipt says.
type Receipt struct {
	Title    string
	Copy     int    // which copy it is; 0 for the first print
	Reversed bool   // the sale was taken back afterwards
	Reverses string // number of the receipt that a credit note takes back
	// Cancelled says of a credit note that the meter will never load its tokens; else nobody could ask it, and they may
	// load still.
	Cancelled bool
	Test      bool // a simulated meter: marked TEST everywhere, no tax document
	No        string
	Epoch     string    // "2" after the first restore from a copy: numbers of that time and before it may look alike
	Fiscal    string    // code of a fiscal device, where the country has one
	At        time.Time // in the tenant's zone

	Utility string
	Address string // of the utility
	Contact string
	VATNo   string

	Sale      string // identity text
	ClientRef string
	Vendor    string
	Till      string
	Operator  string

	Customer   string
	Account    string // identity text
	Place      string // address that is supplied
	Meter      string
	STS        STS
	TariffName string
	Version    int // of the tariff
	Currency   money.Currency

	Tokens []Token     // in the order in which they are entered
	Units  unit.Energy // of all tokens
	Steps  []Step
	Others []Part // fees, charges and debts, net of tax, in the order of the allocation
	Levies []Part

	Tendered money.Minor
	Net      money.Minor // energy without tax and levies
	VATBps   money.Bps   // of energy
	VAT      money.Minor // all tax of the sale
	CarryIn  money.Minor
	CarryOut money.Minor
	Change   money.Minor // given back in cash, beyond Tendered

	// PressKey says of a recharge that the meter waits for a key before it closes its relay: nobody at home may expect
	// voltage. Every form of the receipt says so.
	PressKey bool

	Message string // from the utility to its customers
}

// STS are the facts under which the tokens were made; a meter shop asks for them.
type STS struct {
	SGC string
	KRN int
	TI  string
	TT  string
	EA  string
}

// Kinds of tokens on a receipt.
const (
	SaleToken   = "sale"
	FreeToken   = "free"
	KeyChange   = "key_change"  // entered before the credit, in their order
	Engineering = "engineering" // clears credit or a tamper, sets a limit
	Replacement = "replacement" // units given back for nothing
)

// Token is one token on a receipt.
type Token struct {
	Kind   string
	Digits sts.Token
	Units  unit.Energy
	Amount money.Minor // what its units cost, levies and tax among it; 0 for others than sales
}

// Step is a line "kWh @ price" of one block.
type Step struct {
	Units  unit.Energy
	Rate   money.MicroRate
	Amount money.Minor // without tax
}

// Part is a line of something else that was paid.
type Part struct {
	Kind   string // that of the sale's line
	Ref    string
	Label  string      // what people call it; else Ref is shown
	Amount money.Minor // without tax
	VAT    money.Minor // stands in Receipt.VAT
	// Left is what is still to be paid of it after the sale, tax included; nil where nothing runs down.
	Left *money.Minor
}

// Wallet is the kind of the one part of a recharge: money put into a wallet.
const Wallet = string(sale.LineWallet)

// Recharge reports whether money was put into a wallet: then no energy was sold, and there are no tokens, and no tax unless it
// is owed with the payment.
func (r Receipt) Recharge() bool { return len(r.Others) == 1 && r.Others[0].Kind == Wallet }

// Hidden stands for the digits that a reader may not see.
const Hidden = "**** **** **** **** ****"

// Reveal is the token's digits in five groups of four, as they are printed and typed, or [Hidden] where there are none
// to show.
func (t Token) Reveal() string {
	if t.Digits == (sts.Token{}) {
		return Hidden
	}
	return t.Digits.RevealGrouped()
}

// Ordered is the receipt's tokens in the order in which a customer enters them: key changes first.
func (r Receipt) Ordered() []Token {
	out := slices.Clone(r.Tokens)
	rank := func(t Token) int {
		switch t.Kind {
		case KeyChange:
			return 0
		case FreeToken:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(out, func(a, b Token) int { return rank(a) - rank(b) })
	return out
}

// Mark is what a reader must know of a receipt before anything else. Its name stands in the JSON form.
type Mark string

// Marks of a receipt.
const (
	MarkTest     Mark = "TEST"
	MarkCopy     Mark = "COPY"
	MarkReversed Mark = "REVERSED"
)

// Marks lists the marks of a receipt in their order.
func (r Receipt) Marks() []Mark {
	var out []Mark
	if r.Test {
		out = append(out, MarkTest)
	}
	if r.Copy > 0 {
		out = append(out, MarkCopy)
	}
	if r.Reversed {
		out = append(out, MarkReversed)
	}
	return out
}

// EnergyGross is what the energy cost, its levies and their tax among it.
func (r Receipt) EnergyGross() money.Minor {
	sum := r.Net + r.VAT
	for _, l := range r.Levies {
		sum += l.Amount
	}
	for _, p := range r.Others {
		sum -= p.VAT
	}
	return sum
}

// Price shares what the energy cost over the sale's tokens, by their units and with the largest remainders, so that
// the amounts of the tokens sum to it.
func (r *Receipt) Price() error {
	var weights []int64
	for _, t := range r.Tokens {
		if t.Kind == SaleToken {
			weights = append(weights, int64(t.Units))
		}
	}
	if len(weights) == 0 {
		return nil
	}
	sign, gross := money.Minor(1), r.EnergyGross()
	if gross < 0 {
		sign, gross = -1, -gross
	}
	parts, err := money.LargestRemainder(gross, weights...)
	if err != nil {
		return fmt.Errorf("price the tokens of receipt %s: %w", r.No, err)
	}
	for i := range r.Tokens {
		if r.Tokens[i].Kind == SaleToken {
			r.Tokens[i].Amount, parts = sign*parts[0], parts[1:]
		}
	}
	return nil
}

// Credited is the credit note that takes a sale back: every amount of its receipt with the other sign, under a number
// of its own. The tokens stay on it, so that nobody enters them; cancelled says that the meter will never load them.
func (r Receipt) Credited(no string, at time.Time, cancelled bool) Receipt {
	c := r
	title := CreditNote
	if r.Test {
		title = TestCredit
	}
	c.Cancelled, c.PressKey = cancelled, false
	c.Title, c.Reverses, c.No, c.At, c.Copy, c.Reversed = title, r.No, no, at, 0, false
	c.Steps, c.Others, c.Levies, c.Tokens = slices.Clone(r.Steps), slices.Clone(r.Others), slices.Clone(r.Levies), slices.Clone(r.Tokens)
	for i := range c.Steps {
		c.Steps[i].Amount = -c.Steps[i].Amount
	}
	for _, parts := range [][]Part{c.Others, c.Levies} {
		for i := range parts {
			parts[i].Amount, parts[i].VAT, parts[i].Left = -parts[i].Amount, -parts[i].VAT, nil
		}
	}
	for i := range c.Tokens {
		c.Tokens[i].Amount = -c.Tokens[i].Amount
	}
	for _, m := range []*money.Minor{&c.Tendered, &c.Net, &c.VAT, &c.CarryIn, &c.CarryOut, &c.Change} {
		*m = -*m
	}
	return c
}

// Credits reports whether this is a credit note.
func (r Receipt) Credits() bool { return r.Reverses != "" }

// ErrTest means that a receipt of a simulated meter calls itself a tax document. Nothing of it may be handed out.
var ErrTest = errors.New("a test receipt is not a tax document")

// ErrSum means that a receipt does not add up as it is printed. Nothing of it may be handed out.
var ErrSum = errors.New("the receipt does not add up")

// Check adds the receipt up as it is printed: its lines and tax and what is carried on, less what was carried in, are
// what was tendered; the steps are the energy's price; units are those of the tokens; tokens cost what energy cost.
func (r Receipt) Check() error {
	if r.Test && (r.Title == TaxInvoice || r.Title == CreditNote) {
		return fmt.Errorf("%w: receipt %s is titled %s", ErrTest, r.No, r.Title)
	}
	sum, steps := r.Net+r.VAT+r.CarryOut-r.CarryIn, money.Minor(0)
	for _, parts := range [][]Part{r.Others, r.Levies} {
		for _, p := range parts {
			sum += p.Amount
		}
	}
	if sum != r.Tendered {
		return fmt.Errorf("%w: the lines of receipt %s sum to %d, but %d was tendered", ErrSum, r.No, sum, r.Tendered)
	}
	var stepUnits, units, free unit.Energy
	for _, s := range r.Steps {
		steps += s.Amount
		stepUnits += s.Units
	}
	if len(r.Steps) > 0 && steps != r.Net {
		return fmt.Errorf("%w: the price steps of receipt %s sum to %d, but its energy costs %d", ErrSum, r.No, steps, r.Net)
	}
	var cost money.Minor
	sold := false
	for _, t := range r.Tokens {
		units += t.Units
		cost += t.Amount
		if t.Kind == SaleToken {
			sold = true
		} else {
			free += t.Units
		}
	}
	if units != r.Units || units-free != stepUnits {
		return fmt.Errorf("%w: the tokens of receipt %s carry %d Wh (%d Wh free), but its units are %d Wh and its price steps have %d Wh", ErrSum, r.No, units, free, r.Units, stepUnits)
	}
	if sold && cost != r.EnergyGross() {
		return fmt.Errorf("%w: the tokens of receipt %s cost %d, but its energy costs %d", ErrSum, r.No, cost, r.EnergyGross())
	}
	return nil
}
