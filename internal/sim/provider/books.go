package provider

import (
	"fmt"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/money"
)

// State is what became of a payment.
type State string

// The states. A payment that is partly given back stays taken; Returned says how much.
const (
	Pending     State = "pending"      // the payer has not answered yet; no money moved
	Taken       State = "taken"        // the provider has the money for the merchant
	Reversed    State = "reversed"     // taken, then given back by the mobile operator
	Refunded    State = "refunded"     // taken, then given back because the merchant asked
	ChargedBack State = "charged_back" // taken, then given back because the payer's bank asked
	Expired     State = "expired"      // the payer did not answer; no money moved
	Cancelled   State = "cancelled"    // the payer or the merchant said no; no money moved
	Failed      State = "failed"       // the payer had too little money, or the wrong PIN; no money moved
)

// Payment is what the books say about a payment.
type Payment struct {
	ID        string    `json:"id,omitempty"`      // receipt; empty before it is taken
	Request   string    `json:"request,omitempty"` // identity of the merchant's request, if there was one
	Provider  Provider  `json:"provider"`
	State     State     `json:"state"`
	Amount    int64     `json:"amount_minor"`
	Currency  string    `json:"currency"`
	Returned  int64     `json:"returned_minor,omitempty"`
	Fee       int64     `json:"fee_minor,omitempty"`
	Reference string    `json:"reference"` // as the payer or the request wrote it
	Payer     string    `json:"payer,omitempty"`
	Name      string    `json:"name,omitempty"`
	Account   string    `json:"account,omitempty"` // short code of M-Pesa
	Code      string    `json:"code,omitempty"`    // the provider's code of a failure
	At        time.Time `json:"at"`                // taken, or requested while it is not
}

// Entry is one line of a provider's account. Every movement of money is one.
type Entry struct {
	N        int       `json:"n"`
	At       time.Time `json:"at"`
	Provider Provider  `json:"provider"`
	Currency string    `json:"currency"`
	Kind     EntryKind `json:"kind"`
	ID       string    `json:"id"`                // receipt of the line; a fee has that of its payment
	Payment  string    `json:"payment,omitempty"` // receipt of the payment that it belongs to
	Amount   int64     `json:"amount_minor"`      // negative if money leaves the account
	Balance  int64     `json:"balance_minor"`     // of the account, after the line
}

// EntryKind says why money moved.
type EntryKind string

// The kinds of entries.
const (
	EntryPayment    EntryKind = "payment"
	EntryFee        EntryKind = "fee"
	EntryReversal   EntryKind = "reversal"
	EntryRefund     EntryKind = "refund"
	EntryChargeback EntryKind = "chargeback"
	EntryWithdrawal EntryKind = "withdrawal" // the merchant moves money to its bank
)

// Forgery is a callback about a payment that the provider never took.
type Forgery struct {
	ID       string    `json:"id"`
	Provider Provider  `json:"provider"`
	Kind     string    `json:"kind"`
	Amount   int64     `json:"amount_minor"`
	Currency string    `json:"currency"`
	At       time.Time `json:"at"`
}

// Total sums up one account.
type Total struct {
	Provider  Provider `json:"provider"`
	Currency  string   `json:"currency"`
	Payments  int      `json:"payments"` // that were taken, also if they were given back later
	Taken     int64    `json:"taken_minor"`
	Returned  int64    `json:"returned_minor"`
	Fees      int64    `json:"fees_minor"`
	Withdrawn int64    `json:"withdrawn_minor"`
	Balance   int64    `json:"balance_minor"` // Taken - Returned - Fees - Withdrawn
}

// Books are the books of all providers at a time.
type Books struct {
	At       time.Time `json:"at"`
	Totals   []Total   `json:"totals"`
	Payments []Payment `json:"payments"` // in the order in which they began
	Entries  []Entry   `json:"entries"`
	Forged   []Forgery `json:"forged"`
}

// payment is a payment with what its provider needs to go on with it.
type payment struct {
	Payment
	buyGoods  bool
	short     string // BusinessShortCode of the request
	merchant  string // MerchantRequestID
	callback  string // URL of the request
	result    string // text that belongs to Code
	third     string // ThirdPartyTransID from the validation
	external  string // externalId or client_reference_id
	intent    string // Stripe's payment_intent
	fields    map[string]any
	began     time.Time
	answering bool // a validation is under way
	async     bool // Stripe: completed, but not paid yet
}

type accountKey struct {
	provider Provider
	currency string
}

// book is the books as the simulator keeps them.
type book struct {
	payments  []*payment
	byID      map[Provider]map[string]*payment
	byRequest map[Provider]map[string]*payment
	entries   []Entry
	balance   map[accountKey]int64
	forged    []Forgery
}

func newBook() book {
	b := book{byID: map[Provider]map[string]*payment{}, byRequest: map[Provider]map[string]*payment{}, balance: map[accountKey]int64{}}
	for _, p := range All() {
		b.byID[p], b.byRequest[p] = map[string]*payment{}, map[string]*payment{}
	}
	return b
}

// open adds a payment that is not taken yet.
func (b *book) open(p *payment) error {
	if len(b.payments) >= maxPayments {
		return fmt.Errorf("more than %d payments: %w", maxPayments, errFull)
	}
	b.payments = append(b.payments, p)
	if p.Request != "" {
		b.byRequest[p.Provider][p.Request] = p
	}
	return nil
}

// post moves money into an account, or out of it if the amount is negative.
func (b *book) post(at time.Time, p Provider, currency string, kind EntryKind, id, payment string, amount int64) Entry {
	key := accountKey{p, currency}
	b.balance[key] += amount
	e := Entry{N: len(b.entries) + 1, At: at, Provider: p, Currency: currency, Kind: kind, ID: id, Payment: payment, Amount: amount, Balance: b.balance[key]}
	b.entries = append(b.entries, e)
	return e
}

// find returns the payment with a receipt or a request.
func (b *book) find(p Provider, id string) (*payment, error) {
	if found := b.byID[p][id]; found != nil {
		return found, nil
	}
	if found := b.byRequest[p][id]; found != nil {
		return found, nil
	}
	return nil, fmt.Errorf("payment %q of %s: %w", id, p, ErrUnknown)
}

// Books returns a copy of the books.
func (s *Simulator) Books() Books {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := Books{At: s.now(), Payments: make([]Payment, 0, len(s.books.payments)), Entries: slices.Clone(s.books.entries), Forged: slices.Clone(s.books.forged)}
	for _, p := range s.books.payments {
		out.Payments = append(out.Payments, p.Payment)
	}
	out.Totals = totals(out.Entries)
	return out
}

// totals sums up the entries of each account, in the order in which the accounts appear.
func totals(entries []Entry) []Total {
	var out []Total
	at := map[accountKey]int{}
	for _, e := range entries {
		key := accountKey{e.Provider, e.Currency}
		i, known := at[key]
		if !known {
			i = len(out)
			at[key] = i
			out = append(out, Total{Provider: e.Provider, Currency: e.Currency})
		}
		t := &out[i]
		switch e.Kind {
		case EntryPayment:
			t.Payments++
			t.Taken += e.Amount
		case EntryFee:
			t.Fees -= e.Amount
		case EntryWithdrawal:
			t.Withdrawn -= e.Amount
		default:
			t.Returned -= e.Amount
		}
		t.Balance += e.Amount
	}
	return out
}

// Check says what is wrong with the books: a balance that is not the sum of its lines, a receipt that was used twice, a payment
// whose lines are not its amount, or a forged receipt that exists.
func (b Books) Check() error {
	balance, moved, taken := map[accountKey]int64{}, map[Provider]map[string]int64{}, map[Provider]map[string]bool{}
	for _, p := range All() {
		moved[p], taken[p] = map[string]int64{}, map[string]bool{}
	}
	for i, e := range b.Entries {
		key := accountKey{e.Provider, e.Currency}
		balance[key] += e.Amount
		switch {
		case e.N != i+1:
			return fmt.Errorf("entry %d has the number %d", i+1, e.N)
		case e.Balance != balance[key]:
			return fmt.Errorf("entry %d: balance %d, want %d", e.N, e.Balance, balance[key])
		case e.Kind == EntryPayment && taken[e.Provider][e.ID]:
			return fmt.Errorf("entry %d: receipt %s was used before", e.N, e.ID)
		}
		if e.Kind == EntryPayment {
			taken[e.Provider][e.ID] = true
		}
		if e.Payment != "" && e.Kind != EntryFee {
			moved[e.Provider][e.Payment] += e.Amount
		}
	}
	for _, p := range b.Payments {
		if got, want := moved[p.Provider][p.ID], p.Amount-p.Returned; p.ID != "" && got != want {
			return fmt.Errorf("payment %s: its lines are %d, want %d", p.ID, got, want)
		}
		if p.ID != "" != taken[p.Provider][p.ID] {
			return fmt.Errorf("payment %s %s is %s, and its receipt was taken: %v", p.ID, p.Request, p.State, taken[p.Provider][p.ID])
		}
	}
	for _, f := range b.Forged {
		if taken[f.Provider][f.ID] {
			return fmt.Errorf("the forged receipt %s exists", f.ID)
		}
	}
	return nil
}

// feeOf is the fee of a payment, rounded half up.
func feeOf(amount, bps int64) (int64, error) {
	return money.MulDiv(amount, bps, int64(money.Whole), money.HalfUp)
}

// major writes an amount in major units with all decimals: "500.00" KES, "20000" UGX.
func major(amount int64, currency string) string {
	c, known := money.CurrencyOf(currency)
	if !known {
		c = money.Currency{Code: currency, Exp: 2}
	}
	return money.Format(money.Minor(amount), c)
}

// minor reads an amount in major units.
func minor(text, currency string) (int64, error) {
	c, known := money.CurrencyOf(currency)
	if !known {
		return 0, fmt.Errorf("currency %q: %w", currency, ErrInvalid)
	}
	m, err := money.Parse(text, c)
	if err != nil {
		return 0, fmt.Errorf("amount %q: %w", text, ErrInvalid)
	}
	return int64(m), nil
}
