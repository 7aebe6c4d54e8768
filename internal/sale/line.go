package sale

import (
	"fmt"
	"slices"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/unit"
)

// LineKind says what a line of a sale is for.
type LineKind string

// form is what there is to know of a kind of line.
type form struct {
	kind    LineKind
	charge  bool   // something that a purchase pays before it buys energy
	account ledger.Code
	whose   whose
}

// whose says which of a code's accounts takes the money of a line.
type whose int

const (
	only    whose = iota // the code has one account
	account              // the customer's
	ref                  // the one that the line's Ref names
	owed                 // that of the customer's debt that the line's Ref names
)

func (k LineKind) form() form {
	if i := slices.IndexFunc(forms, func(f form) bool { return f.kind == k }); i >= 0 {
		return forms[i]
	}
	return form{kind: k}
}

// Charge reports whether the line is what a purchase paid of a charge before it bought energy. Such a line has its own tax,
// is a line of the receipt's charges, and is a line of the sale's journal.
func (k LineKind) Charge() bool { return k.form().charge }

// Credited returns the account in the books that a line of the sale pays, and false for lines that have none of their own:
// free units, and what is carried.
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
	Label  string      `json:"label,omitempty"` // what it is, for people: the kind of a debt
	Amount money.Minor `json:"amount_minor"`
	// Left is what was still to be paid of the charge or debt after this sale, tax included; nil where nothing runs down.
	Left  *money.Minor `json:"left_minor,omitempty"`
	Steps []Step       `json:"steps,omitempty"` // of the energy line: what each block of the tariff contributed
	VAT   money.Minor  `json:"-"`               // tax that belongs to this line and stands in the vat line
}

// Step is the part of the energy that fell into one block of the tariff; the amounts of the steps sum to the energy
// line's.
type Step struct {
	Units  unit.Energy     `json:"units_wh"`
	Rate   money.MicroRate `json:"rate_micro"`
	Amount money.Minor     `json:"amount_minor"`
}

// String writes a line for a reader of differences.
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
