package sale

import (
	"fmt"
	"slices"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/unit"
)

// LineKind is the kind of a sale's line.
type LineKind string

// form holds the properties of a kind of line.
type form struct {
	kind    LineKind
	charge  bool // the payment goes to a charge, before the purchase buys energy
	account ledger.Code
	whose   whose
}

// whose is a type that selects one of the accounts of a code. The selected account gets the money of a line.
type whose int

const (
	only    whose = iota // the code has one account
	account              // the account of the customer
	ref                  // the account that the line's Ref names
	owed                 // the account that holds the debt named by the line's Ref
)

func (k LineKind) form() form {
	if i := slices.IndexFunc(forms, func(f form) bool { return f.kind == k }); i >= 0 {
		return forms[i]
	}
	return form{kind: k}
}

// Charge reports whether the line is a payment towards a charge, made before the purchase bought energy. Such a line has its own tax. It
// appears among the receipt's charges and in the sale's journal.
func (k LineKind) Charge() bool { return k.form().charge }

// Credited returns the account in the books that a line of the sale pays. It returns false for lines without their own account: free units
// and carry.
func (s Sale) Credited(l Line) (ledger.AccountRef, bool) {
	f := l.Kind.form()
	to := ledger.AccountRef{Code: f.account}
	switch f.whose {
	case account:
		to.Subject = s.Account.Text(id.Account)
	case ref:
		to.Subject = l.Ref
	case owed:
		to.Subject = ledger.SubjectOf(s.Account, l.Ref)
	}
	return to, f.account != 0
}

// Line is one line of a sale, as answers and receipts show it.
type Line struct {
	Kind   LineKind    `json:"kind"`
	Ref    string      `json:"ref,omitempty"`
	Label  string      `json:"label,omitempty"` // the name that people know, such as the kind of a debt
	Amount money.Minor `json:"amount_minor"`
	// Left is the part of the charge or debt that was still unpaid after this sale, including tax; nil for a charge without an end.
	Left  *money.Minor `json:"left_minor,omitempty"`
	Steps []Step       `json:"steps,omitempty"` // steps of the energy line: the part of each block of the tariff
	VAT   money.Minor  `json:"-"`               // tax of this line, which is part of the vat line
}

// Step is the part of the energy in one block of the tariff. The amounts of the steps sum to the amount of the energy line.
type Step struct {
	Units  unit.Energy     `json:"units_wh"`
	Rate   money.MicroRate `json:"rate_micro"`
	Amount money.Minor     `json:"amount_minor"`
}

// String formats a line for a person who compares two sales.
func (l Line) String() string {
	text := fmt.Sprintf("%s %s %d (tax %d)", l.Kind, l.Ref, l.Amount, l.VAT)
	if l.Left != nil {
		text += fmt.Sprintf(" leaving %d", *l.Left)
	}
	for _, s := range l.Steps {
		text += fmt.Sprintf(", %d Wh at %d for %d", s.Units, s.Rate, s.Amount)
	}
	return text
}
