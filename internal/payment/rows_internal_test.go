package payment

// Rows in memory for tests of this room's rules, with a provider, a seller and a sealer that the tests steer.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/early"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/rowstest"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/vending"
)

// meterOne is the number of the meter that most references name.
const meterOne = "04140001001"

// noon is the time of every transaction.
func noon() time.Time { return time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC) }

// name returns the identity of the n-th row of its kind.
func name(n byte) id.ID { return id.ID{15: n} }

func kes(minor money.Minor) money.Amount { return money.Amount{Minor: minor, Currency: "KES"} }

// rows are one provider and its payments in memory, with their own door.
type rows struct {
	Tx
	t *testing.T
	rowstest.Calls
	adapter       adapter
	seller        seller
	last          byte  // number of the newest identity
	doubt         bool  // the clock is in doubt
	setup         Setup // that the last adapter was made from
	adapterBroken error
	lists         map[string]page // the provider's list of payments, by the name of the page; nil if it has none
	between       func()          // what others do between a look and the transaction behind it
	listed        func()          // what others do after parked payments were listed, and before one of them is locked

	provider  Provider
	payments  []Payment
	calls     []Call
	requests  []PaymentRequest
	questions []Question
	early     []early.Answer
	waiting   int    // answers that wait besides these
	handle    string // the provider's name of the next request, if it asks telephones
	settles   bool   // a payment settles the first request while its provider is asked
	nevers    int    // answers that the provider knows no such payment
	signed    SignedTotal
	signedOld SignedTotal // a day ago
	currency  string
	byNumber  []Found // what the store finds for a number or an account
	byMended  []Found // what it finds for a mended number
	byPhone   []Found
}

// newRows returns rows with a provider that can be asked, and a customer with one meter.
func newRows(t *testing.T) *rows {
	t.Helper()
	r := &rows{t: t, last: 100, adapter: adapter{asks: true, names: ExactName}, currency: "KES",
		provider: Provider{ID: name(1), Name: "mpesa", Single: 1000, Daily: 2500},
		byNumber: []Found{{Meter: meterOne}}}
	r.adapter.rows = r
	return r
}

// worker returns a worker over the rows.
func (r *rows) worker() Worker {
	return NewWorker(New(Config{Door: r, Sealer: sealer{}, Seller: r, Now: noon,
		Adapter: func(_ string, s Setup) (Adapter, error) {
			r.setup = s
			if r.lists != nil {
				return lister{&r.adapter}, r.adapterBroken
			}
			if r.handle != "" {
				return telephoning{&r.adapter}, r.adapterBroken
			}
			return &r.adapter, r.adapterBroken
		},
		Deliver: func(_ Tx, meter string) ([]string, error) { return []string{"sms " + meter}, r.Fails("Deliver") },
		MayDate: func(once.Clock) (sale.Times, refusal.Refusal, error) {
			if r.doubt {
				return sale.Times{}, refusal.Refusal{Code: refusal.ClockUntrusted}, r.Fails("MayDate")
			}
			return sale.Times{}, refusal.Refusal{}, r.Fails("MayDate")
		}}))
}

// sends carries out an item of the outbox, which must not fail.
func (r *rows) sends(kind string, i item, attempts int) job.Verdict {
	r.t.Helper()
	v, err := r.send(r.worker(), kind, i, attempts)
	if err != nil {
		r.t.Fatal(err)
	}
	return v
}

func (r *rows) send(w Worker, kind string, i item, attempts int) (job.Verdict, error) {
	body, err := json.Marshal(i)
	if err != nil {
		r.t.Fatal(err)
	}
	key := i.Payment
	if kind == kindConfirm || kind == kindCheck {
		key = questionKey(i.Payment)
	}
	return w.Send(r.t.Context(), 1, job.Claim{Attempts: attempts, Item: job.Item{Lane: job.LanePayment, Key: key, Kind: kind, Body: body}})
}

// about returns the item about the n-th payment.
func about(n byte) item { return item{Payment: name(n).Text(id.Payment)} }

// hears stores a call with notices and reads it. It returns what the worker says.
func (r *rows) hears(notices ...Notice) job.Verdict {
	r.t.Helper()
	r.calls = append(r.calls, r.call(Incoming{Body: []byte("a call"), At: noon()}))
	r.adapter.notices = notices
	return r.sends(kindRead, item{Call: r.calls[len(r.calls)-1].ID.Text(id.Call)}, 0)
}

// call returns a new call with a content.
func (r *rows) call(in Incoming) Call {
	plain, err := json.Marshal(in)
	if err != nil {
		r.t.Fatal(err)
	}
	c := Call{ID: name(byte(50 + len(r.calls))), Provider: r.provider.ID, What: in.What, State: CallNew, ReceivedAt: noon()}
	c.Sealed = sealer{}.Seal(callContext(c.ID), plain)
	return c
}

// survivesNoFailure runs a scenario again and again, and lets one call on the rows fail after the other. Each time the scenario must return that
// failure: an error that is lost would commit half of the work.
func survivesNoFailure(t *testing.T, scenario func(*testing.T) (*rows, func() error)) {
	t.Helper()
	whole, run := scenario(t)
	if err := run(); err != nil {
		t.Fatalf("without a failure: %v", err)
	}
	for n := 1; n <= len(whole.Made); n++ {
		r, run := scenario(t)
		r.Broken = n
		if err := run(); !errors.Is(err, rowstest.ErrStore) {
			t.Errorf("call %d, %s, fails: the work returns %v", n, whole.Made[n-1], err)
		}
	}
}

// The following methods are those of the door and of the transaction.

func (r *rows) Do(_ context.Context, _ access.Tenant, fn func(Tx) (bool, error)) error {
	if _, err := fn(r); err != nil {
		return err
	}
	return r.Fails("commit")
}

func (r *rows) View(_ context.Context, _ access.Tenant, fn func(Tx) error) error {
	if err := fn(r); err != nil {
		return err
	}
	if r.between != nil && len(r.payments) > 0 {
		r.between()
		r.between = nil
	}
	return r.Fails("view")
}

func (r *rows) Moment() time.Time   { return noon() }
func (r *rows) Books() ledger.Books { return books{r: r} }
func (r *rows) Payments() PaymentTx { return paying{r: r} }
func (r *rows) Requests() RequestTx { return asking{r: r} }

func (r *rows) NewID() (id.ID, error) {
	r.last++
	return name(r.last), r.Fails("NewID")
}

func (r *rows) AuditLog(e access.Entry) error {
	return r.Writes("%s: %s", e.Action, e.After)
}

func (r *rows) Enqueue(i job.Item) (id.ID, error) {
	when := "now"
	if !i.NextAt.IsZero() {
		when = "in " + i.NextAt.Sub(noon()).String()
	}
	return id.ID{}, r.Writes("order %s %s: %s %s", i.Kind, when, short(i.Key), short(string(i.Body)))
}

func (r *rows) OutboxWake(lane, key string) error {
	return r.Writes("wake %s %s", lane, short(key))
}

// short writes identities of rows as their kind and number.
func short(text string) string {
	for n := range byte(255) {
		for _, k := range []struct {
			name string
			id   string
		}{{"p", name(n).Text(id.Payment)}, {"c", name(n).Text(id.Call)}, {"r", name(n).Text(id.PaymentRequest)}, {"v", name(n).Text(id.Provider)}} {
			text = strings.ReplaceAll(text, k.id, fmt.Sprintf("%s%d", k.name, n))
		}
	}
	return text
}

func (r *rows) Sell(_ context.Context, by access.Actor, o vending.Purchase) (vending.Sold, error) {
	err := r.Writes("sell %s for %s by %s, %s, to %v", o.Meter, o.Tender, by, short(o.ClientRef), o.Deliver)
	return vending.Sold{Refusal: r.seller.refuses}, err
}

func (r *rows) Quote(_ context.Context, _ access.Actor, meter string, tender money.Amount) (vending.Quoted, error) {
	return vending.Quoted{Refusal: r.seller.refuses}, r.Fails("Quote " + meter + " " + tender.String())
}

// seller is what the tests let a sale answer.
type seller struct{ refuses refusal.Refusal }

// books are the books of the test's utility.
type books struct {
	ledger.Books
	r *rows
}

func (b books) NewID() (id.ID, error) { return id.ID{}, b.r.Fails("Books.NewID") }

func (b books) Currency() (string, int, error) { return b.r.currency, 2, b.r.Fails("Currency") }

func (b books) Post(j ledger.Journal) (ledger.Breach, error) {
	return ledger.Breach{}, b.r.Writes("post %s %s %s %d at %s", j.Kind, short(j.Ref), j.Memo, j.Postings[0].Amount, j.PostedAt.Format("15:04"))
}

// paying holds the rows of payments.
type paying struct {
	PaymentTx
	r *rows
}

func (p paying) ProviderByID(i id.ID) (Provider, bool, error) {
	return p.r.provider, i == p.r.provider.ID, p.r.Fails("ProviderByID")
}

func (p paying) ProviderByName(n string) (Provider, bool, error) {
	return p.r.provider, n == p.r.provider.Name, p.r.Fails("ProviderByName")
}

func (p paying) ProviderByPath(hash []byte) (Provider, bool, error) {
	if !bytes.Equal(hash, p.r.provider.PathHash) {
		return Provider{}, false, p.r.Fails("ProviderByPath")
	}
	return p.r.provider, true, p.r.Fails("ProviderByPath")
}

func (p paying) CallByID(i id.ID) (Call, bool, error) {
	for _, c := range p.r.calls {
		if c.ID == i {
			return c, true, p.r.Fails("CallByID")
		}
	}
	return Call{}, false, p.r.Fails("CallByID")
}

func (p paying) CallByHash(provider id.ID, hash []byte) (Call, bool, error) {
	for _, c := range p.r.calls {
		if c.Provider == provider && bytes.Equal(c.Hash, hash) {
			return c, true, p.r.Fails("CallByHash")
		}
	}
	return Call{}, false, p.r.Fails("CallByHash")
}

func (p paying) AddCall(c Call) (bool, error) {
	if slices.ContainsFunc(p.r.calls, func(o Call) bool { return o.Provider == c.Provider && bytes.Equal(o.Hash, c.Hash) }) {
		return false, p.r.Fails("AddCall")
	}
	p.r.calls = append(p.r.calls, c)
	return true, p.r.Writes("call c%d %s %s: %s, received %s, read %s", c.ID[15], c.What, c.State, c.Note, clock(c.ReceivedAt), clock(c.ReadAt))
}

func clock(at time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return at.Format("15:04:05.999999999")
}

func (p paying) PutCall(c Call) error {
	for i := range p.r.calls {
		if p.r.calls[i].ID == c.ID {
			p.r.calls[i] = c
		}
	}
	return p.r.Writes("call c%d is %s: %s, read %s", c.ID[15], c.State, c.Note, clock(c.ReadAt))
}

func (p paying) AddPayment(n Payment) (bool, error) {
	if slices.ContainsFunc(p.r.payments, func(o Payment) bool { return o.Provider == n.Provider && o.Txn == n.Txn }) {
		return false, p.r.Fails("AddPayment")
	}
	p.r.payments = append(p.r.payments, n)
	return true, p.r.Writes("new %s seen %s", line(n), clock(n.SeenAt))
}

func (p paying) PutPayment(n Payment) error {
	for i := range p.r.payments {
		if p.r.payments[i].ID == n.ID {
			p.r.payments[i] = n
		}
	}
	return p.r.Writes("put %s", line(n))
}

// line writes what a test wants to know about a payment.
func line(p Payment) string {
	text := fmt.Sprintf("p%d %s %s", p.ID[15], p.Txn, p.State)
	for _, more := range []struct {
		what, says string
	}{{"because", string(p.Reason)}, {"detail", short(p.Detail)}, {"of", p.Amount.String()}, {"for", p.Reference}, {"from", p.Payer}, {"paid", clock(p.PaidAt)},
		{"proof", string(p.Proof)}, {"meter", p.Meter}} {
		if more.says != "" {
			text += " " + more.what + " " + more.says
		}
	}
	if !p.ConfirmedAt.IsZero() {
		text += " confirmed " + clock(p.ConfirmedAt)
	}
	if p.AloneTotal != nil {
		text += fmt.Sprintf(" total %d", *p.AloneTotal)
	}
	if p.Back != 0 || !p.BackAt.IsZero() {
		text += fmt.Sprintf(" back %d at %s", p.Back, clock(p.BackAt))
	}
	if p.Tries != 0 {
		text += fmt.Sprintf(" tries %d", p.Tries)
	}
	if !p.Request.IsZero() {
		text += fmt.Sprintf(" request r%d", p.Request[15])
	}
	return text
}

func (p paying) PaymentByID(i id.ID) (Payment, bool, error) {
	for _, n := range p.r.payments {
		if n.ID == i {
			return n, true, p.r.Fails("PaymentByID")
		}
	}
	return Payment{}, false, p.r.Fails("PaymentByID")
}

func (p paying) PaymentNamed(provider, txn string) (Payment, bool, error) {
	for _, n := range p.r.payments {
		if n.Provider == provider && n.Txn == txn {
			return n, true, p.r.Fails("PaymentNamed")
		}
	}
	return Payment{}, false, p.r.Fails("PaymentNamed")
}

func (p paying) PaymentsNamed(txn string, max int) (out []Payment, err error) {
	for _, n := range p.r.payments {
		if n.Txn == txn && len(out) < max {
			out = append(out, n)
		}
	}
	return out, p.r.Fails("PaymentsNamed")
}

func (p paying) SignedBefore(provider string, before time.Time) (SignedTotal, error) {
	if provider != p.r.provider.Name {
		return SignedTotal{}, p.r.Fails("SignedBefore")
	}
	if before.Equal(noon().Add(-24 * time.Hour)) {
		return p.r.signedOld, p.r.Fails("SignedBefore a day ago")
	}
	return p.r.signed, p.r.Fails("SignedBefore")
}

func (p paying) PayableMeters(r Reference, _ int) ([]Found, error) {
	typed := ReadReference(p.r.reference())
	if len(r.Phones) == 0 && len(typed.Mended) > 0 && slices.Equal(r.Numbers, typed.Mended) {
		return p.r.byMended, p.r.Fails("PayableMeters, mended")
	}
	if len(r.Numbers) == 0 && r.Account.IsZero() {
		return nil, p.r.Fails("PayableMeters, none")
	}
	return p.r.byNumber, p.r.Fails("PayableMeters")
}

// reference returns the reference of the newest payment.
func (r *rows) reference() string {
	if len(r.payments) == 0 {
		return ""
	}
	return r.payments[len(r.payments)-1].Reference
}

func (p paying) CalledMeters(r Reference, _ int) ([]Found, error) {
	if len(r.Phones) == 0 {
		return nil, p.r.Fails("CalledMeters, none")
	}
	return p.r.byPhone, p.r.Fails("CalledMeters")
}

// asking holds the rows of requests and questions.
type asking struct {
	RequestTx
	r *rows
}

func (a asking) RequestByID(i id.ID) (PaymentRequest, bool, error) {
	for _, q := range a.r.requests {
		if q.ID == i {
			return q, true, a.r.Fails("RequestByID")
		}
	}
	return PaymentRequest{}, false, a.r.Fails("RequestByID")
}

func (a asking) RequestByHandle(provider, handle string) (PaymentRequest, bool, error) {
	for _, q := range a.r.requests {
		if q.Provider == provider && q.Handle == handle {
			return q, true, a.r.Fails("RequestByHandle")
		}
	}
	return PaymentRequest{}, false, a.r.Fails("RequestByHandle")
}

func (a asking) RequestLike(p Payment, since time.Time) (PaymentRequest, bool, error) {
	for _, q := range a.r.requests {
		if q.Meter == p.Meter && q.Amount == p.Amount && !q.MadeAt.Before(since) {
			return q, true, a.r.Fails("RequestLike")
		}
	}
	return PaymentRequest{}, false, a.r.Fails("RequestLike")
}

func (a asking) PutRequest(q PaymentRequest) error {
	return a.r.Writes("put request r%d %s paid by p%d", q.ID[15], q.State, q.Payment[15])
}

func (a asking) AddQuestion(q Question) error {
	a.r.questions = append(a.r.questions, q)
	return a.r.Writes("question %s to %s about p%d at %s", q.Name, q.Provider, q.Payment[15], clock(q.AskedAt))
}

func (a asking) QuestionNamed(provider, name string) (Question, bool, error) {
	for _, q := range a.r.questions {
		if q.Provider == provider && q.Name == name {
			return q, true, a.r.Fails("QuestionNamed")
		}
	}
	return Question{}, false, a.r.Fails("QuestionNamed")
}

func (a asking) QuestionKnown(provider, name string) (bool, error) {
	known := slices.ContainsFunc(a.r.questions, func(q Question) bool { return q.Provider == provider && q.Name == name })
	return known, a.r.Fails("QuestionKnown")
}

func (a asking) AnswerQuestion(q Question, at time.Time, o Outcome) error {
	return a.r.Writes("question %s answered %s at %s", q.Name, o, clock(at))
}

func (a asking) AnswersLike(_ id.ID, o Outcome) (int, error) {
	if o != Never {
		return 0, a.r.Fails("AnswersLike")
	}
	return a.r.nevers, a.r.Fails("AnswersLike")
}

func (a asking) ParkedAfter(after id.ID, max int) ([]Payment, error) {
	return a.parked(after, max, UnknownReference, ManyReferences), a.r.Fails("ParkedAfter")
}

func (a asking) ParkedUnsold(after id.ID, max int) ([]Payment, error) {
	return a.parked(after, max, NotSold), a.r.Fails("ParkedUnsold")
}

func (a asking) UnansweredAfter(provider string, after id.ID, max int) (out []Payment, err error) {
	for _, p := range a.r.payments {
		if p.Provider == provider && p.State == Received && p.ConfirmedAt.IsZero() && p.Reason == Unanswered && bytes.Compare(p.ID[:], after[:]) > 0 && len(out) < max {
			out = append(out, p)
		}
	}
	return out, a.r.Fails("UnansweredAfter")
}

func (a asking) parked(after id.ID, max int, reasons ...Reason) (out []Payment) {
	for _, p := range a.r.payments {
		if p.State == Parked && slices.Contains(reasons, p.Reason) && bytes.Compare(p.ID[:], after[:]) > 0 && len(out) < max {
			out = append(out, p)
		}
	}
	if a.r.listed != nil && len(out) > 0 {
		a.r.listed()
	}
	return out
}

// overtaking holds the answers that came before their questions.
type overtaking struct{ r *rows }

func (r *rows) Early() early.Tx { return overtaking{r} }

func (o overtaking) LockEarly(k early.Kind, source string) error {
	return o.r.Fails("LockEarly " + string(k) + " " + source)
}

func (o overtaking) AddEarly(a early.Answer) error {
	if !slices.ContainsFunc(o.r.early, func(b early.Answer) bool { return b.Name == a.Name && bytes.Equal(b.Hash, a.Hash) }) {
		o.r.early = append(o.r.early, a)
	}
	return o.r.Writes("%s %s of %s waits for %s until %s, about p%d", a.Kind, short(string(a.Content)), a.Source, a.Name, clock(a.Until), a.About[15])
}

func (o overtaking) CountEarly(_ early.Kind, source string, _ int) (int, error) {
	return o.r.waiting + len(o.r.early), o.r.Fails("CountEarly " + source)
}

func (o overtaking) EarlyNamed(k early.Kind, source, name string, max int) (out []early.Answer, err error) {
	for _, a := range o.r.early {
		if a.Kind == k && a.Source == source && a.Name == name && len(out) < max {
			out = append(out, a)
		}
	}
	return out, o.r.Fails("EarlyNamed " + name)
}

func (o overtaking) EarlyAbout(payment id.ID) (until time.Time, found bool, err error) {
	for _, a := range o.r.early {
		if a.About == payment {
			until, found = a.Until, true
		}
	}
	return until, found, o.r.Fails("EarlyAbout")
}

func (o overtaking) EarlyOver(early.Kind, time.Time, int) ([]early.Answer, error) { return nil, nil }

func (o overtaking) DropEarly(a early.Answer) error {
	o.r.early = slices.DeleteFunc(o.r.early, func(b early.Answer) bool { return bytes.Equal(a.Hash, b.Hash) })
	return o.r.Writes("%s %s of %s waits no longer", a.Kind, short(string(a.Content)), a.Source)
}

// adapter is a provider that says what the test wants.
type adapter struct {
	rows    *rows
	asks    bool
	names   NameRule
	answers []AnswerRule
	notices []Notice
	broken  error // of Read
	unproof error // of Prove
	answer  Answer
	silent  error // of Ask
	asked   int
}

func (a *adapter) Prove(Incoming) error            { return a.unproof }
func (a *adapter) Read(Incoming) ([]Notice, error) { return a.notices, a.broken }
func (a *adapter) Reply(Incoming) Reply            { return Reply{Status: 200} }
func (a *adapter) Rules() Rules                    { return Rules{Names: a.names, Answers: a.answers} }
func (a *adapter) Asks() bool                      { return a.asks }
func (a *adapter) Ask(ctx context.Context, p Payment) (Answer, error) {
	a.asked++
	a.rows.Wrote = append(a.rows.Wrote, "ask about "+p.Txn)
	if _, limited := ctx.Deadline(); !limited {
		return Answer{}, errors.New("the question has no limit of time")
	}
	return a.answer, a.silent
}

// sealer writes the context in front of what it seals.
type sealer struct{}

func (sealer) Seal(context string, plain []byte) []byte { return append([]byte(context+"|"), plain...) }

func (sealer) Open(context string, sealed []byte) ([]byte, error) {
	plain, ok := bytes.CutPrefix(sealed, []byte(context+"|"))
	if !ok {
		return nil, errors.New("sealed for another context")
	}
	return plain, nil
}

func (sealer) Hash(context string, data []byte) []byte { return append([]byte(context), data...) }

// page is a page of a provider's list.
type page struct {
	paid   []Notice
	next   string
	broken error
}

// lister is an adapter whose provider lists what it took.
type lister struct{ *adapter }

func (l lister) Back() time.Duration { return 48 * time.Hour }

func (l lister) List(ctx context.Context, from, to time.Time, name string) ([]Notice, string, error) {
	if _, limited := ctx.Deadline(); !limited {
		return nil, "", errors.New("the list has no limit of time")
	}
	l.rows.Wrote = append(l.rows.Wrote, fmt.Sprintf("list page %q from %s to %s", name, from.Format("02 15:04"), to.Format("02 15:04")))
	p := l.rows.lists[name]
	return p.paid, p.next, p.broken
}

// telephoning is an adapter whose provider asks telephones, and says only then by which name it knows the request.
type telephoning struct{ *adapter }

func (a telephoning) Repeats() bool { return false }
func (a telephoning) OnPage() bool  { return false }
func (a telephoning) Request(context.Context, Request) (RequestAnswer, error) {
	if a.rows.settles {
		a.rows.requests[0].State = AskPaid
	}
	return RequestAnswer{Handle: a.rows.handle}, nil
}
func (a telephoning) Follow(context.Context, Request) (RequestOutcome, error) {
	return RequestOutcome{}, errors.New("not asked")
}

// checker is an adapter whose provider asks whether it may take a payment.
type checker struct {
	*adapter
	asks bool
}

func (c checker) Check(in Incoming) (Notice, bool) { return Notice{Reference: string(in.Body)}, c.asks }
func (c checker) Verdict(_ Incoming, why Reason) Reply {
	return Reply{Status: 200, Body: []byte("the verdict is " + why)}
}

func (p paying) ProviderPage(id.ID, int) ([]Provider, error) {
	return []Provider{p.r.provider}, p.r.Fails("ProviderPage")
}

func (p paying) PaymentBacklog(before time.Time) (OpenPayments, error) {
	var b OpenPayments
	for _, n := range p.r.payments {
		if n.State == Parked && n.SeenAt.Before(before) {
			b.Parked++
		}
	}
	return b, p.r.Fails("PaymentBacklog")
}

func (p paying) NewestPaid(string) (time.Time, error) { return time.Time{}, p.r.Fails("NewestPaid") }

func (p paying) BackUnowed(int) (out []Payment, err error) {
	for _, n := range p.r.payments {
		if n.State == Applied && n.Owed < n.Back {
			out = append(out, n)
		}
	}
	return out, p.r.Fails("BackUnowed")
}

func (a asking) SetListed(_ id.ID, to time.Time) error {
	return a.r.Writes("listed to %s", to.Format("02 15:04"))
}

func (r *rows) UpdateAlarm(_ int64, a metering.Alarm) error {
	return r.Writes("alarm %s: %s", a.Code, a.Text)
}
func (r *rows) ClearServerAlarm(_ string, code metering.AlarmCode) error {
	return r.Fails("ClearServerAlarm " + string(code))
}
func (r *rows) EndOldAlarms(code metering.AlarmCode, _ time.Time) error {
	return r.Fails("EndOldAlarms " + string(code))
}
