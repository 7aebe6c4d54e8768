// Package reconcile compares three records of the same money: the provider's statement, the payments, and the journals of the books. What
// does not agree is a difference, with a kind, an owner and a suggested act, until it is settled.
//
// Start at [Reconcile], the rule. [Statements] takes statement files, keeps what each day showed, and closes days without differences.
package reconcile

import (
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/statement"
)

// Kind says what does not agree.
type Kind string

// Kinds of differences.
const (
	NoPayment     Kind = "no-payment"       // the statement has it, but no confirmed payment does
	NotStated     Kind = "not-in-statement" // a confirmed payment is not in the statement
	Amount        Kind = "amount"           // statement and payment have different amounts
	Currency      Kind = "currency"         // statement and payment have different currencies
	Reversed      Kind = "reversed"         // the statement says that it was given back, but the payment is used or still in the books
	NotGivenBack  Kind = "not-given-back"   // the books say that it was given back, but the statement does not
	NoJournal     Kind = "no-journal"       // a confirmed payment is not in the books
	JournalAlone  Kind = "journal-alone"    // a journal belongs to no payment
	JournalAmount Kind = "journal-amount"   // payment and journal have different amounts
	Twice         Kind = "twice"            // the statement has it twice
	Gap           Kind = "gap"              // the provider's balance does not go on where the row before it ended
	FeeUnbooked   Kind = "fee"              // a fee is not in the books
	UnreadCall    Kind = "unreadable-call"  // a call of the provider could not be read; a payment may be in it
	PerhapsSame   Kind = "perhaps-same"     // a row is perhaps the same movement as an older one, and credits nobody until a person decides
	OtherContents Kind = "other-contents"   // rows of different days have the payment's name: one of them credits nobody
	Sums          Kind = "sums"             // a file has more payments on the day than the rows that count
	Balance       Kind = "balance"          // the rows that count do not lead from the day's opening balance to its closing balance
	Contradiction Kind = "contradiction"    // the provider said something else about a payment than before, or answered about other money
)

// Kinds lists the kinds of differences.
func Kinds() []Kind {
	return []Kind{
		NoPayment, NotStated, Amount, Currency, Reversed, NotGivenBack, NoJournal, JournalAlone, JournalAmount, Twice,
		Gap, FeeUnbooked, UnreadCall, PerhapsSame, OtherContents, Sums, Balance, Contradiction,
	}
}

// aboutCall reports whether a difference of the kind is about something that the provider sent. Comparing a day does not find it, so it is not over
// because a comparison does not find it.
func (k Kind) aboutCall() bool { return k == UnreadCall || k == Contradiction }

// Owner returns who looks after a difference of the kind until somebody is named: those who keep the books, or those who run the server,
// because a journal that is missing or alone is a fault of the program or of the database.
func (k Kind) Owner() string {
	switch k {
	case NoJournal, JournalAlone, JournalAmount:
		return "owner"
	}
	return "accountant"
}

// Act is what to do about a difference, as a suggestion.
type Act string

// Suggested acts.
const (
	CheckPayment     Act = "check-payment"      // look at the payment: confirm a parked one, or let the provider be asked again
	AskProvider      Act = "ask-provider"       // ask the provider; if it never took the money, reverse the sale
	CorrectAmount    Act = "correct-amount"     // reverse the sale, give the payment back in the books, and take the right amount
	ReverseSale      Act = "reverse-sale"       // reverse the sale, and record that the payment was given back
	GiveBack         Act = "give-back"          // give the money back at the provider, or find the row of the statement that did
	Verify           Act = "verify"             // run paywatt verify: the database or the program is at fault
	WaitForStatement Act = "wait-for-statement" // fetch the statement again, or the one that lies between
	SettleFees       Act = "settle-fees"        // post the fees with the provider's invoice, and settle the difference
	DecideRow        Act = "decide-row"         // settle it if the row is the same movement, or take it as another payment
	CheckRows        Act = "check-rows"         // compare the rows with the statement: one is missing, or counts twice
	ReadCall         Act = "read-call"          // look at the call; read it again after an upgrade, or settle it with the payment that it was about
)

// Act returns the suggested act.
func (k Kind) Act() Act {
	switch k {
	case NoPayment:
		return CheckPayment
	case NotStated, Twice, Contradiction:
		return AskProvider
	case Amount, Currency:
		return CorrectAmount
	case Reversed:
		return ReverseSale
	case NotGivenBack:
		return GiveBack
	case Gap:
		return WaitForStatement
	case FeeUnbooked:
		return SettleFees
	case UnreadCall:
		return ReadCall
	case PerhapsSame:
		return DecideRow
	case OtherContents, Sums, Balance:
		return CheckRows
	}
	return Verify
}

// Slack is how far the provider's and our time of the same payment may be apart. A payment shortly before midnight may be in the statement of the
// next day.
const Slack = 15 * time.Minute

// Row is a row of a statement with what the books know about it.
type Row struct {
	statement.Row
	Booked bool // a fee that is in the books
	Key    string
	File   id.ID
	Format statement.Format // of the file
	State  RowState
	SameAs string // of a row that waits, and of one that is the same as another: the name of that row's payment
	Named  bool   // it was stored with its names; earlier versions kept none
	Called bool   // no row: a payment that a call of the provider brought, and that no row claims
}

// Journal is a journal that moved a provider's money.
type Journal struct {
	ID     string
	Kind   ledger.Kind
	Ref    string      // name of the payment
	Amount money.Minor // on the provider's clearing account: positive if money came in
	At     time.Time
}

// Day is what there is to compare about one day of a provider.
type Day struct {
	From, To time.Time
	Stated   bool // statements that were uploaded after the day cover all of it, for each account
	// Opening is the balance at the end of the day before, if a statement says it.
	Opening *money.Minor
	// Rows are the rows of the day. Elsewhere are the names of payments that rows of other days have, and BackElsewhere of those that such rows
	// give back.
	Rows                     []Row
	Elsewhere, BackElsewhere map[string]bool
	// Payments are those that the rows name, and those whose time is in the day, from [Slack] before its begin to Slack before its end.
	Payments []payment.Payment
	// Journals are those of the payments, and those that were posted in the day.
	Journals []Journal
	// Waiting are rows of the day that are perhaps the same as others. They do not count.
	Waiting []Row
	// Claims are rows of other days that name a payment which a row of the day names too.
	Claims []Row
	// Pages is what files say about the day, and Before about earlier days.
	Pages, Before []PageDay
}

// Difference is one thing that does not agree.
type Difference struct {
	Kind     Kind
	Key      string // the same difference has the same key, whenever it is found and whatever its figures are
	Txn      string
	Payment  string // name of the payment
	Stated   money.Minor
	Paid     money.Minor
	Booked   money.Minor
	Currency string
	Note     string // a state, a reason, or another currency
	At       time.Time
}

// Reconcile compares a day. The order of rows, payments and journals does not matter.
func Reconcile(d Day) []Difference {
	c := dayCheck{day: d, byTxn: map[string]*payment.Payment{}, byName: map[string]*payment.Payment{}, stated: map[string]bool{}, back: map[string]bool{}, taken: map[string]money.Minor{}}
	for i := range d.Payments {
		p := &d.Payments[i]
		c.byTxn[p.Txn], c.byName[p.Name()] = p, p
	}
	rows := slices.Clone(d.Rows)
	slices.SortStableFunc(rows, func(a, b Row) int { return a.At.Compare(b.At) })
	for _, r := range rows {
		if r.Kind == statement.Reversal && r.Of != "" {
			c.back[r.Of] = true
			c.taken[r.Of] -= r.Amount
		}
	}
	c.rows(rows)
	c.payments()
	c.alone()
	c.gaps(rows)
	c.waiting()
	c.claims(rows)
	found, _ := compareBalances(d)
	return append(c.out, found...)
}

// waiting lists the rows that a person must decide about.
func (c *dayCheck) waiting() {
	for _, r := range c.day.Waiting {
		d := Difference{Kind: PerhapsSame, Key: hex.EncodeToString([]byte(r.Key)), Txn: r.SameAs, Stated: r.Amount, Currency: r.Currency, At: r.At}
		d.Note = cut(strings.Trim(r.Payer+" · "+r.Reference, " ·"))
		if p := c.byTxn[r.SameAs]; p != nil {
			d.Payment, d.Paid = p.Name(), p.Amount.Minor
		}
		c.add(d)
	}
}

// claims finds payments that a row of an earlier day names too: they are one payment for two rows.
func (c *dayCheck) claims(rows []Row) {
	claimed := map[string]Row{}
	for _, o := range c.day.Claims {
		if first, has := claimed[o.Txn]; !has || o.At.Before(first.At) {
			claimed[o.Txn] = o
		}
	}
	seen := map[string]bool{}
	for _, r := range rows {
		o, has := claimed[r.Txn]
		if !has || seen[r.Txn] || r.Kind != statement.Payment || !o.At.Before(r.At) {
			continue
		}
		seen[r.Txn] = true
		d := Difference{Kind: OtherContents, Key: r.Txn + " " + r.At.Format(time.DateOnly), Txn: r.Txn, Stated: r.Amount, Currency: r.Currency, At: r.At, Note: o.At.Format(time.DateOnly)}
		if p := c.byTxn[r.Txn]; p != nil {
			d.Payment, d.Paid = p.Name(), p.Amount.Minor
		}
		c.add(d)
	}
}

// dayCheck is a comparison under way.
type dayCheck struct {
	day           Day
	byTxn, byName map[string]*payment.Payment
	stated        map[string]bool        // names of payments that a row of the day has
	back          map[string]bool        // names of payments that a row of the day gives back
	taken         map[string]money.Minor // and how much of each
	out           []Difference
}

func (c *dayCheck) add(d Difference) { c.out = append(c.out, d) }

// rows compares each row with its payment.
func (c *dayCheck) rows(rows []Row) {
	seen := map[string]bool{}
	repeated := map[string]int{} // its place in c.out
	for _, r := range rows {
		d := Difference{Key: r.Txn, Txn: r.Txn, Stated: r.Amount, Currency: r.Currency, At: r.At}
		id := string(r.Kind) + " " + r.Txn
		if seen[id] {
			if at, has := repeated[id]; has {
				c.out[at].Stated += r.Amount // what the statement has too often
				continue
			}
			d.Kind, d.Note = Twice, string(r.Kind)
			if r.Kind != statement.Payment {
				d.Key = id
			}
			repeated[id] = len(c.out)
			c.add(d)
			continue
		}
		seen[id] = true
		switch r.Kind {
		case statement.Payment:
			c.paid(r, d)
		case statement.Reversal:
			c.givenBack(r, d)
		case statement.Fee:
			if !r.Booked {
				d.Kind = FeeUnbooked
				c.add(d)
			}
		}
	}
}

// paid compares a row about a payment.
func (c *dayCheck) paid(r Row, d Difference) {
	c.stated[r.Txn] = true
	p := c.byTxn[r.Txn]
	if p == nil {
		if !c.back[r.Txn] {
			d.Kind = NoPayment
			c.add(d)
		}
		return
	}
	d.Payment, d.Paid = p.Name(), p.Amount.Minor
	switch {
	case (p.State == payment.Rejected || p.State == payment.Refunded) && (p.Reason == payment.GivenBack || c.back[r.Txn]):
	case p.Reason != payment.OtherCurrency && p.ConfirmedAt.IsZero(): // unconfirmed or rejected
		d.Kind, d.Note = NoPayment, note(p)
		c.add(d)
	case p.Amount.Currency != r.Currency:
		d.Kind, d.Note = Currency, p.Amount.Currency
		c.add(d)
	case p.Amount.Minor != r.Amount:
		d.Kind = Amount
		c.add(d)
	}
}

// note describes the state of a payment.
func note(p *payment.Payment) string {
	if p.Reason == payment.NoReason {
		return string(p.State)
	}
	return string(p.State) + ": " + string(p.Reason)
}

// givenBack compares a row that gives a payment back.
func (c *dayCheck) givenBack(r Row, d Difference) {
	d.Kind = Reversed
	p := c.byTxn[r.Of]
	if p == nil {
		if r.Of == "" || !c.named(r.Of) {
			d.Note = r.Of
			c.add(d)
		}
		return
	}
	if p.State == payment.Refunded || p.State == payment.Rejected || p.State == payment.Applied && p.Owed >= c.taken[r.Of] {
		return
	}
	d.Key, d.Txn, d.Payment, d.Paid, d.Note = p.Txn, p.Txn, p.Name(), p.Amount.Minor, note(p)
	d.Stated = -c.taken[r.Of] // all parts of the day are one difference
	if !slices.ContainsFunc(c.out, func(x Difference) bool { return x.Kind == Reversed && x.Key == d.Key }) {
		c.add(d)
	}
}

// named reports whether a row of the day has the payment, wherever it stands.
func (c *dayCheck) named(txn string) bool {
	return slices.ContainsFunc(c.day.Rows, func(r Row) bool { return r.Kind == statement.Payment && r.Txn == txn })
}

// payments compares each confirmed payment with the statement and with its journals.
func (c *dayCheck) payments() {
	in, out, taken := map[string]Journal{}, map[string]Journal{}, map[string]Journal{}
	for _, j := range c.day.Journals {
		switch j.Kind {
		case ledger.Payment:
			in[j.Ref] = j
		case ledger.Returned:
			out[j.Ref] = j
		case ledger.TakenBack: // in parts, perhaps
			j.Amount += taken[j.Ref].Amount
			taken[j.Ref] = j
		}
	}
	for i := range c.day.Payments {
		p := &c.day.Payments[i]
		d := Difference{Key: p.Txn, Txn: p.Txn, Payment: p.Name(), Paid: p.Amount.Minor, Currency: p.Amount.Currency, Note: note(p), At: p.PaidAt}
		confirmed := !p.ConfirmedAt.IsZero()
		if c.day.Stated && (confirmed || p.Reason == payment.OtherCurrency) && c.ofDay(p.PaidAt) && !c.stated[p.Txn] && !c.day.Elsewhere[p.Txn] {
			d.Kind = NotStated
			c.add(d)
		}
		var paidIn, givenBack money.Minor // what the books must have
		if confirmed {
			paidIn = p.Amount.Minor
		}
		if confirmed && p.State == payment.Refunded {
			givenBack = -p.Amount.Minor
			c.returned(d, out)
		}
		c.booked(d, in, paidIn, "")
		c.booked(d, out, givenBack, " back")
		c.booked(d, taken, -p.Owed, " taken back")
		c.returned(d, taken)
	}
}

// returned compares a payment that was given back in the books on this day, or that the customer owes again, with the statement. A provider may state it on a later day: then the
// difference settles itself.
func (c *dayCheck) returned(d Difference, out map[string]Journal) {
	j, has := out[d.Payment]
	if !c.day.Stated || !has || j.At.Before(c.day.From) || !j.At.Before(c.day.To) || c.back[d.Txn] || c.day.BackElsewhere[d.Txn] {
		return
	}
	d.Kind, d.Booked, d.At = NotGivenBack, j.Amount, j.At
	c.add(d)
}

// ofDay reports whether the day's statement should have a payment of this time.
func (c *dayCheck) ofDay(at time.Time) bool {
	return !at.Before(c.day.From.Add(-Slack)) && at.Before(c.day.To.Add(-Slack))
}

// booked compares what the books must have of a payment with its journal. Of a payment that was never confirmed, they must have nothing.
func (c *dayCheck) booked(d Difference, journals map[string]Journal, want money.Minor, more string) {
	j, has := journals[d.Payment]
	d.Key += more
	if want != 0 {
		d.Paid = max(want, -want) // of what the customer owes, perhaps only a part
	}
	switch {
	case !has && want != 0:
		d.Kind = NoJournal
	case j.Amount != want:
		d.Kind, d.Booked, d.At = JournalAmount, j.Amount, j.At
	default:
		return
	}
	c.add(d)
}

// alone finds journals without a payment.
func (c *dayCheck) alone() {
	for _, j := range c.day.Journals {
		if c.byName[j.Ref] == nil && !j.At.Before(c.day.From) && j.At.Before(c.day.To) {
			c.add(Difference{Kind: JournalAlone, Key: j.ID, Payment: j.Ref, Booked: j.Amount, Note: string(j.Kind), At: j.At})
		}
	}
}

// gaps finds where the provider's running balance does not go on. Rows of the same second have no order, so it does not follow the rows: the
// balance before each row must be the balance after another one. Only the first row of the day begins with a balance of its own.
func (c *dayCheck) gaps(rows []Row) {
	rows = balanced(rows)
	after := map[money.Minor]int{}
	if c.day.Opening != nil {
		after[*c.day.Opening]++
	}
	for _, r := range rows {
		after[r.Balance]++
	}
	var open []Row
	for _, r := range rows {
		if before := r.Balance - r.Amount; after[before] > 0 {
			after[before]--
		} else {
			open = append(open, r)
		}
	}
	if c.day.Opening == nil && len(open) > 0 { // the first row of all
		open = open[1:]
	}
	for _, r := range open {
		c.add(Difference{Kind: Gap, Key: string(r.Kind) + " " + r.Txn, Txn: r.Txn, Stated: r.Balance - r.Amount, Currency: r.Currency, At: r.At})
	}
}

// balanced returns the rows with a balance. A row that stands in the statement twice with the same balance counts once.
func balanced(rows []Row) (out []Row) {
	type same struct {
		kind    statement.Kind
		txn     string
		balance money.Minor
	}
	seen := map[same]bool{}
	for _, r := range rows {
		if k := (same{r.Kind, r.Txn, r.Balance}); r.Balanced && !seen[k] {
			seen[k] = true
			out = append(out, r)
		}
	}
	return out
}

// Closing returns the provider's balance after all rows of a day: the one with which no other row begins. It returns false if no row has a
// balance, or if that cannot be told.
func Closing(rows []Row) (money.Minor, bool) {
	rows = balanced(rows)
	slices.SortStableFunc(rows, func(a, b Row) int { return a.At.Compare(b.At) })
	before := map[money.Minor]int{}
	for _, r := range rows {
		before[r.Balance-r.Amount]++
	}
	last, found := money.Minor(0), false
	for _, r := range rows {
		if before[r.Balance] > 0 {
			before[r.Balance]--
		} else {
			last, found = r.Balance, true
		}
	}
	return last, found
}
