// Package receipt has the only model of a receipt: the content of a tax invoice, without any layout. Layouts are adapters. The JSON form
// ([apiv1.Receipt]) is made in this package, because it has the fields of the model itself.
//
// A [Receipt] carries tokens that mask themselves. Rendering a receipt reveals their digits, so digits are filled in only for a reader who
// may see them. For all others Token.Digits is the zero token, which renders as a mask. [Receipt.Check] proves that the printed figures
// add up.
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

// The titles of a receipt.
const (
	TaxInvoice = "TAX INVOICE"
	CreditNote = "CREDIT NOTE" // reverses a sale
	Payment    = "RECEIPT"     // for a payment that is not a supply: a recharge of a wallet
	// A simulated meter gets no tax document, because nothing was supplied.
	TestReceipt = "TEST RECEIPT"
	TestCredit  = "TEST CREDIT NOTE"
)

// Receipt holds the whole content of a receipt.
type Receipt struct {
	Title    string
	Copy     int    // number of the copy; 0 for the first print
	Reversed bool   // the sale was reversed afterwards
	Reverses string // number of the receipt that a credit note reverses
	// Cancelled means, on a credit note, that the meter will never load the tokens. If it is false, nobody could ask the meter, and the
	// tokens may still load.
	Cancelled bool
	Test      bool // the meter is simulated: every form is marked TEST and is not a tax document
	No        string
	// Epoch is "2kxrm" after the first restore from a copy: the epoch, with letters that the restore drew. Without it, receipt numbers from before
	// and after the restore may be the same.
	Epoch  string
	Fiscal string    // code of a fiscal device, if the country requires one
	At     time.Time // time of the sale, in the tenant's zone

	Utility string
	Address string // address of the utility
	Contact string
	VATNo   string

	Sale      string // identity of the sale, as a text
	ClientRef string
	Vendor    string
	Till      string
	Operator  string

	Customer   string
	Erased     bool   // the customer's name was erased, because the customer asked for it
	Account    string // identity of the account, as a text
	Place      string // address of the supply
	Meter      string
	STS        STS
	TariffName string
	Version    int // version of the tariff
	Currency   money.Currency

	Tokens []Token     // tokens in the order of entry
	Units  unit.Energy // energy of all tokens
	Steps  []Step
	Others []Part // fees, charges and debts, net of tax, in the order of the allocation
	Levies []Part

	Tendered money.Minor
	Net      money.Minor // price of the energy without tax and levies
	VATBps   money.Bps   // tax rate of energy
	VAT      money.Minor // all tax of the sale
	CarryIn  money.Minor
	CarryOut money.Minor
	Change   money.Minor // money given back in cash, not part of Tendered

	// PressKey means, on a recharge, that the meter waits for a key before it closes its relay, so there may be no voltage at home yet.
	// Every form of the receipt asks for the key.
	PressKey bool

	// Balance is the balance of the wallet right after a recharge; nil for any other sale. It is no part of the sealed core, because the
	// books have it.
	Balance *Balance

	Message string // message from the utility to its customers

	// Today means that nothing says what some of the names and addresses were at the time of the paper, so they are today's.
	Today bool

	// Link is the address at which the server explains the sale to somebody who signs in; empty if the server has no public address. Forms
	// with a picture show it as a QR code.
	Link string
}

// Balance is what a wallet had at a time.
type Balance struct {
	Amount money.Minor
	At     time.Time
}

// STS holds the data of the key under which the tokens were made. A meter workshop asks for these data.
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
	Engineering = "engineering" // clears credit or tampering, or sets a limit
	Replacement = "replacement" // units given back without payment
)

// Token is one token on a receipt.
type Token struct {
	Kind   string
	Digits sts.Token
	Units  unit.Energy
	Amount money.Minor // price of the token's units, with levies and tax; 0 for tokens that are not sold
}

// Step is a line "kWh @ price" of one block.
type Step struct {
	Units  unit.Energy
	Rate   money.MicroRate
	Amount money.Minor // amount without tax
}

// Part is a receipt line for something other than energy.
type Part struct {
	Kind   string // the kind of the sale's line
	Ref    string
	Label  string      // the name that people know; if it is empty, Ref is shown
	Amount money.Minor // amount without tax
	VAT    money.Minor // tax on the amount, included in Receipt.VAT
	// Left is the amount that is still unpaid after the sale, including tax; nil for a charge without an end.
	Left *money.Minor
}

// Wallet is the kind of a recharge's only part: money paid into a wallet.
const Wallet = string(sale.LineWallet)

// Recharge reports whether money was paid into a wallet. Such a receipt has no energy and no tokens. It has tax only if the payment itself
// is taxed.
func (r Receipt) Recharge() bool { return len(r.Others) == 1 && r.Others[0].Kind == Wallet }

// Hidden is printed in place of digits that a reader may not see.
const Hidden = "**** **** **** **** ****"

// Reveal returns the token's digits in five groups of four, as they are printed and typed, or [Hidden] if the digits may not be shown.
func (t Token) Reveal() string {
	if t.Digits == (sts.Token{}) {
		return Hidden
	}
	return t.Digits.RevealGrouped()
}

// Ordered returns the receipt's tokens in the order in which a customer enters them: the tokens of a key change first.
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

// Mark is a warning at the top of a receipt. Its name is part of the JSON form.
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

// EnergyGross returns the price of the energy, with its levies and their tax.
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

// Price divides the price of the energy among the sale's tokens, in proportion to their units. The method of largest remainders makes the
// tokens' amounts sum to the price.
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

// Credited returns the credit note that reverses a sale: every amount of the sale's receipt with the opposite sign, under a new number.
// The credit note lists the tokens, so that nobody enters them. The parameter cancelled means that the meter will never load them.
func (r Receipt) Credited(no string, at time.Time, cancelled bool) Receipt {
	c := r
	title := CreditNote
	if r.Test {
		title = TestCredit
	}
	c.Cancelled, c.PressKey, c.Balance = cancelled, false, nil
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

// ErrTest means that a receipt of a simulated meter calls itself a tax document. It must not be handed out.
var ErrTest = errors.New("a test receipt is not a tax document")

// ErrSum means that a receipt does not add up in its printed form. It must not be handed out.
var ErrSum = errors.New("the receipt does not add up")

// Check adds up the receipt in its printed form. The price lines, the tax and the change carried forward must sum to the payment plus the
// change brought forward. The steps must sum to the price of the energy, and so must the prices of the tokens. The units must equal the
// units of the tokens.
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
