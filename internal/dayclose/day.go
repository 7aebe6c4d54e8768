// Package dayclose closes local days of the books. The figures of a closed day are stored once and never change. A journal whose time is in a
// closed day is posted at the beginning of the first open day, and keeps its own time.
//
// Start at [Days]. [Next] and [Sum] are the rules: which day may be closed next, and what its figures are.
package dayclose

import (
	"cmp"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
)

// Rest is how long after its end a day can be closed. Requests of the day may wait for so long in a queue.
const Rest = 10 * time.Minute

// Period is a local day of the books. From the first closed day on, periods have no gap.
type Period struct {
	Date     string // 2026-11-20
	From, To time.Time
}

// Over reports whether the day may be closed as far as the time matters.
func (p Period) Over(now time.Time) bool { return !now.Before(p.To.Add(Rest)) }

// First returns the day that contains a moment, as the first day to close. Everything before it is its opening balance.
func First(at time.Time) Period {
	from := localday.Of(at)
	return Period{Date: from.Format(time.DateOnly), From: from, To: localday.Next(from)}
}

// Next returns the day after a closed one. It begins when the closed day ended, even if the utility has moved to another time zone since
// then. So the first day in another zone can be longer or shorter than others.
func Next(last Period, zone *time.Location) Period {
	dated, err := localday.Parse(last.Date, zone)
	if err != nil { // a closed day always has a date
		dated = localday.Of(last.From.In(zone))
	}
	p := First(localday.Next(dated))
	if !last.To.Before(p.To) {
		p = First(last.To.In(zone))
	}
	p.From = last.To
	return p
}

// Side is a sum of the postings of a day on one account: those of one kind of journal, and only debits or only credits.
type Side struct {
	Account ledger.AccountRef
	Kind    ledger.Kind
	Lines   int64
	Amount  money.Minor // debit positive
}

// Line has the figures of one account. A customer's and a meter's accounts are added up by their code.
type Line struct {
	Code    ledger.Code `json:"code"`
	Subject string      `json:"subject,omitempty"`
	Opening money.Minor `json:"opening"` // signed, debit positive
	Debit   money.Minor `json:"debit"`
	Credit  money.Minor `json:"credit"` // positive
	Closing money.Minor `json:"closing"`
}

// Kind has the journals of one kind.
type Kind struct {
	Kind     ledger.Kind `json:"kind"`
	Journals int64       `json:"journals"`
	Debits   money.Minor `json:"debits"` // equal to the credits
}

// Seller has the sales, and the sales of vouchers, into one till, from one vendor's account, or from money that came another way.
type Seller struct {
	Code      ledger.Code `json:"code"`
	Subject   string      `json:"subject,omitempty"`
	Sales     int64       `json:"sales"`
	Sold      money.Minor `json:"sold"`
	Reversals int64       `json:"reversals"`
	PaidBack  money.Minor `json:"paid_back"`
}

// Figures are the figures of a day, all of them from its journals.
type Figures struct {
	Journals int64       `json:"journals"`
	Debits   money.Minor `json:"debits"` // of all journals; equal to the credits
	Kinds    []Kind      `json:"kinds"`
	Sellers  []Seller    `json:"sellers"`
	Lines    []Line      `json:"accounts"`
}

// CashSeller is a seller with the cash that came in for sales and vouchers outside any shift. It is in the till main, and nobody counts it.
type CashSeller struct {
	Seller   string // as stored: "person amina@example.org"
	Sales    int64  // vouchers that were sold together are one
	Sold     money.Minor
	Reversed money.Minor // part of Sold that was given back
}

// own lists the codes whose accounts have a line each: those of tills, banks, providers, vendors, programmes and levies.
func own(c ledger.Code) bool {
	switch c {
	case ledger.Till, ledger.Bank, ledger.Clearing, ledger.VendorReceivable, ledger.SubsidyReceivable, ledger.LevyPayable, ledger.Float:
		return true
	}
	return false
}

// Grouped returns the account under which a day's figures count a posting.
func Grouped(a ledger.AccountRef) ledger.AccountRef {
	if !own(a.Code) {
		a.Subject = ""
	}
	return a
}

// Sum makes the figures of a day. The parameter before has the lines of the day before, or the balances before the first closed day. The
// journals of the day are counted by kind in kinds.
func Sum(before []Line, kinds []Kind, sides []Side) Figures {
	lines := map[ledger.AccountRef]*Line{}
	line := func(a ledger.AccountRef) *Line {
		a = Grouped(a)
		if lines[a] == nil {
			lines[a] = &Line{Code: a.Code, Subject: a.Subject}
		}
		return lines[a]
	}
	for _, b := range before {
		line(ledger.AccountRef{Code: b.Code, Subject: b.Subject}).Opening += b.Closing
	}
	f := Figures{Kinds: slices.Clone(kinds), Sellers: sellers(sides), Lines: []Line{}}
	for _, s := range sides {
		l := line(s.Account)
		if s.Amount > 0 {
			l.Debit += s.Amount
		} else {
			l.Credit -= s.Amount
		}
	}
	for _, k := range f.Kinds {
		f.Journals, f.Debits = f.Journals+k.Journals, f.Debits+k.Debits
	}
	for _, l := range lines {
		if l.Closing = l.Opening + l.Debit - l.Credit; l.Opening != 0 || l.Debit != 0 || l.Credit != 0 {
			f.Lines = append(f.Lines, *l)
		}
	}
	slices.SortFunc(f.Lines, func(a, b Line) int { return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.Subject, b.Subject)) })
	slices.SortFunc(f.Kinds, func(a, b Kind) int { return cmp.Compare(a.Kind, b.Kind) })
	return f
}

// Balanced reports whether the figures of a day balance: every line adds up, and the lines sum to zero.
func (f Figures) Balanced() bool {
	var opening, closing, debit, credit money.Minor
	for _, l := range f.Lines {
		if l.Opening+l.Debit-l.Credit != l.Closing {
			return false
		}
		opening, closing, debit, credit = opening+l.Opening, closing+l.Closing, debit+l.Debit, credit+l.Credit
	}
	return opening == 0 && closing == 0 && debit == credit && debit == f.Debits
}

// sellers adds up sales, vouchers sold and reversals by the account that took the money. A reversal gives back on the credit side of that account: the
// mirror of a vendor's commission is on the other side, and no sale.
func sellers(sides []Side) []Seller {
	all := map[ledger.AccountRef]*Seller{}
	for _, s := range sides {
		switch s.Account.Code {
		case ledger.Till, ledger.Float, ledger.VendorReceivable, ledger.Clearing, ledger.Unapplied:
		default:
			continue
		}
		a := Grouped(s.Account)
		sold := s.Amount > 0 && (s.Kind == ledger.Vend || s.Kind == ledger.TopUp || s.Kind == ledger.VoucherSold)
		back := s.Amount < 0 && s.Kind == ledger.Reversal
		if !sold && !back {
			continue
		}
		if all[a] == nil {
			all[a] = &Seller{Code: a.Code, Subject: a.Subject}
		}
		if sold {
			all[a].Sales, all[a].Sold = all[a].Sales+s.Lines, all[a].Sold+s.Amount
		} else {
			all[a].Reversals, all[a].PaidBack = all[a].Reversals+s.Lines, all[a].PaidBack-s.Amount
		}
	}
	out := []Seller{}
	for _, s := range all {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b Seller) int { return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.Subject, b.Subject)) })
	return out
}

// PendingKind is a kind of thing that is open at the end of a day.
type PendingKind string

// Kinds of pending things.
const (
	OpenShift   PendingKind = "open_shift" // a till that was opened before the end of the day and is not counted
	Unfinished  PendingKind = "unfinished_sale"
	Reversing   PendingKind = "reversing_sale"
	Unconfirmed PendingKind = "unconfirmed_reversal"
	Doubtful    PendingKind = "doubtful_reading"
	Waiting     PendingKind = "approval"
	Restored    PendingKind = "restore" // the database was restored from a backup, so sales of the day may be missing
)

// Stops reports whether the day cannot be closed before the thing is settled. Others can be accepted: what follows from them is posted in an
// open day.
func (o PendingKind) Stops() bool { return o == OpenShift }

// Pending is one open thing.
type Pending struct {
	Kind  PendingKind `json:"kind"`
	ID    string      `json:"id"`    // as its own list shows it; empty for a restore
	Title string      `json:"title"` // till, receipt, meter or action
	Since time.Time   `json:"since"`
}

// Closed is a closed day.
type Closed struct {
	Period
	ID       id.ID
	Zone     string
	Currency string
	Figures  Figures
	Pending  []Pending // what was open when the day was closed
	ClosedAt time.Time
	ClosedBy string
	Note     string
	Epoch    int64  // how often the database has begun anew after a restore
	Seal     int64  // number of the newest seal before the closing
	Head     string // its signed head
}
