package payment

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/early"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/vending"
)

// Tx is the part of a transaction that payments need.
type Tx interface {
	once.Clock
	Once() once.Tx
	Eyes() access.EyesTx
	Books() ledger.Books
	Debts() debt.Tx
	Payments() PaymentTx
	Requests() RequestTx
	Early() early.Tx
	NewID() (id.ID, error)
	AuditLog(access.Entry) error
	// Moment returns when the transaction began, by the store's clock: UTC, whole microseconds.
	Moment() time.Time
	Enqueue(job.Item) (id.ID, error)
	// OutboxWake makes the waiting items of a key due now.
	OutboxWake(lane, key string) error
	Messages() notify.SaleTx
	VendSale(sale id.ID) (sale.Sale, bool, error)
	// UpdateAlarm opens an alarm about payments (meter 0), or gives it a new text. ClearServerAlarm ends it.
	UpdateAlarm(meter int64, a metering.Alarm) error
	ClearServerAlarm(server string, code metering.AlarmCode) error
	// EndOldAlarms ends the alarms of all meters with a code that were raised before a time.
	EndOldAlarms(code metering.AlarmCode, before time.Time) error
}

// PaymentTx reads and writes the rows of providers and payments.
type PaymentTx interface {
	// AddProvider stores a new provider; false means that the name is taken.
	AddProvider(Provider) (bool, error)
	// SetProvider ends the use of a provider at a time, or begins it again if the time is zero.
	SetProvider(provider id.ID, disabled time.Time) error
	// SetProviderSecrets stores the secrets of a provider, those before them, and its address.
	SetProviderSecrets(Provider) error
	// ProviderByID reads a provider and locks it, because its payments share a ceiling.
	ProviderByID(id.ID) (Provider, bool, error)
	ProviderByName(name string) (Provider, bool, error)
	ProviderByPath(hash []byte) (Provider, bool, error)
	ProviderPage(after id.ID, max int) ([]Provider, error)

	// AddCall stores what a provider sent; false means that the same was stored before.
	AddCall(Call) (bool, error)
	// CallByID and CallByHash read a call and lock it.
	CallByID(id.ID) (Call, bool, error)
	CallByHash(provider id.ID, hash []byte) (Call, bool, error)
	PutCall(Call) error

	// AddPayment stores a payment; false means that its provider has named it before.
	AddPayment(Payment) (bool, error)
	PutPayment(Payment) error
	// PaymentByID and PaymentNamed read a payment and lock it.
	PaymentByID(id.ID) (Payment, bool, error)
	PaymentNamed(provider, txn string) (Payment, bool, error)
	// PaymentsNamed reads the payments to which providers gave a name, and locks them.
	PaymentsNamed(txn string, max int) ([]Payment, error)
	// PaymentPage lists payments, newest first, before the given one or from the newest on.
	PaymentPage(f Filter, before id.ID, max int) ([]Payment, error)
	// SignedBefore returns what signatures, or statements of one person alone, have confirmed for a provider before a time; zero time for all.
	SignedBefore(provider string, before time.Time) (SignedTotal, error)
	// PaymentBacklog counts what waits for a person; of parked payments those that became known before a time. NewestPaid returns when the newest payment
	// of a provider was paid, zero for none.
	PaymentBacklog(before time.Time) (OpenPayments, error)
	NewestPaid(provider string) (time.Time, error)
	// BackUnowed lists used payments of which the provider took back more than the customer owes in the books, and locks them.
	BackUnowed(max int) ([]Payment, error)
	// PayableMeters and CalledMeters list meters that a reference may mean: by number or account, and by telephone number.
	PayableMeters(r Reference, max int) ([]Found, error)
	CalledMeters(r Reference, max int) ([]Found, error)
	// CanText reports whether the customer of a meter has a telephone number.
	CanText(meter string) (bool, error)
}

// RequestTx reads and writes the rows of requests to pay, and of questions that providers answer later.
type RequestTx interface {
	AddRequest(PaymentRequest) error
	PutRequest(PaymentRequest) error
	// RequestByID and RequestByHandle read a request and lock it.
	RequestByID(id.ID) (PaymentRequest, bool, error)
	RequestByHandle(provider, handle string) (PaymentRequest, bool, error)
	// RequestLike finds the newest request since a time that a payment may answer.
	RequestLike(p Payment, since time.Time) (PaymentRequest, bool, error)
	// RequestsTo and RequestsBy count requests since a time: to a telephone, and of somebody.
	RequestsTo(phone string, since time.Time) (int64, error)
	RequestsBy(actor string, since time.Time) (int64, error)
	RequestPage(before id.ID, max int) ([]PaymentRequest, error)
	AddQuestion(Question) error
	// QuestionNamed finds a question without an answer, and locks it.
	QuestionNamed(provider, name string) (Question, bool, error)
	// QuestionKnown reports whether a question is stored, with or without an answer.
	QuestionKnown(provider, name string) (bool, error)
	AnswerQuestion(q Question, at time.Time, o Outcome) error
	// AnswersLike counts the answers with an outcome about a payment.
	AnswersLike(payment id.ID, o Outcome) (int, error)
	// SetListed stores up to when the list of a provider was read.
	SetListed(provider id.ID, to time.Time) error
	// ParkedAfter lists payments for which no meter was found, oldest first.
	ParkedAfter(after id.ID, max int) ([]Payment, error)
	// UnansweredAfter lists payments that their provider has not confirmed because it was silent, oldest first.
	UnansweredAfter(provider string, after id.ID, max int) ([]Payment, error)
	// ParkedUnsold lists payments whose sale was refused, oldest first.
	ParkedUnsold(after id.ID, max int) ([]Payment, error)
}

// Filter says which payments to list. Empty fields name all.
type Filter struct {
	State     State
	Provider  string
	Reference string
	From, To  time.Time // when they became known
}

// Seller makes sales; a *vending.Vending is one.
type Seller interface {
	Sell(ctx context.Context, by access.Actor, o vending.Purchase) (vending.Sold, error)
	// Quote says what a sale would be, or why it would be refused.
	Quote(ctx context.Context, by access.Actor, meter string, tender money.Amount) (vending.Quoted, error)
}

// Config has the parts that Payments needs. Every field but Hooks and Log is required.
type Config struct {
	Door access.Door[Tx]
	// Adapter returns what speaks to a provider.
	Adapter func(kind string, s Setup) (Adapter, error)
	// Draw draws the signing secret of a kind whose secret the utility chooses; shown is empty for any other kind. Nil draws none.
	Draw func(kind string, given []byte) (secrets []byte, shown string, err error)
	// SameProof reports whether two sets of secrets have the same one by which a kind proves its calls. Nil: never.
	SameProof func(kind string, before, after []byte) bool
	// CheckTyped refuses settings that a person typed if they could be taken for others, or returns nil. Either text may be empty. It shows
	// nothing of the secrets. Nil refuses none.
	CheckTyped func(kind string, config, secrets []byte) error
	// Hooks begins the public addresses that providers call, with a slash at its end; empty if the server has none.
	Hooks  string
	Seller Seller
	Sealer registry.Sealer
	Rand   io.Reader
	// PayerPhone allows the payer's registered telephone number as the reference of a payment without one.
	PayerPhone bool
	// Server is the name of this server if it is one of several of its database.
	Server string
	// Deliver returns the routes by which a meter's tokens are delivered.
	Deliver func(tx Tx, meter string) ([]string, error)
	Now     func() time.Time
	MayDate func(once.Clock) (sale.Times, refusal.Refusal, error)
	Log     *slog.Logger
}

// Payments carries out the use cases of this package.
type Payments struct {
	c       Config
	answers once.Answers[Tx]

	mu      sync.Mutex
	parked  map[access.Tenant]id.ID // where the last sweep of parked payments stopped
	failing map[id.ID]time.Time     // since when the list of a provider cannot be read
	lists   map[id.ID]time.Time     // of each provider: the end of the first list since its ListedTo was stored
	silent  map[id.ID]*silence      // of each provider that was asked
}

// New makes a Payments.
func New(c Config) *Payments {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Payments{c: c, parked: map[access.Tenant]id.ID{}, lists: map[id.ID]time.Time{}, silent: map[id.ID]*silence{}, failing: map[id.ID]time.Time{}, answers: once.Answers[Tx]{Door: c.Door, Sealer: c.Sealer, MayDate: c.MayDate}}
}

func (ps *Payments) parkedAfter(t access.Tenant) id.ID {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return ps.parked[t]
}

func (ps *Payments) setParkedAfter(t access.Tenant, p id.ID) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.parked[t] = p
}

// firstListed returns the end of the first list since a provider's ListedTo was stored. If there is none, it is the given one.
func (ps *Payments) firstListed(provider id.ID, to time.Time) time.Time {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if _, known := ps.lists[provider]; !known {
		ps.lists[provider] = to
	}
	return ps.lists[provider]
}

func (ps *Payments) setListed(provider id.ID, to time.Time) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.lists[provider] = to
}

// mayAsk reports whether a provider may be asked now.
func (ps *Payments) mayAsk(provider id.ID) bool {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.silent[provider] == nil {
		ps.silent[provider] = &silence{}
	}
	return ps.silent[provider].asks(ps.c.Now())
}

// asked takes note of whether a provider answered a question.
func (ps *Payments) asked(provider id.ID, answered bool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.silent[provider].heard(ps.c.Now(), answered)
}

// beginWaking is beginWaking of a provider's silence.
func (ps *Payments) beginWaking(provider id.ID) bool {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return ps.silent[provider].beginWaking()
}

// endWaking is endWaking of a provider's silence.
func (ps *Payments) endWaking(provider id.ID, ordered bool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.silent[provider].endWaking(ordered)
}

// actor is who acts when the program itself handles a payment.
func actor(t access.Tenant) access.Actor { return access.SystemActor(t, "payments") }

// PathContext is the context of the sealed secret part of a provider's address.
func PathContext(provider id.ID) string { return "provider path " + provider.Text(id.Provider) }

// SecretContext is the context of a provider's sealed secrets.
func SecretContext(provider id.ID) string { return "provider secrets " + provider.Text(id.Provider) }

func callContext(call id.ID) string { return "provider call " + call.Text(id.Call) }

// HookPath begins the addresses that payment providers call. The part after it is a secret.
const HookPath = "/hooks/pay/"

// PathBytes is the length of the secret part of a provider's address. In the address it is written as hexadecimal digits, because some
// providers refuse addresses with certain words.
const PathBytes = 16

// hashPath hashes the secret part of an address. It is random, so it needs no key.
func hashPath(path string) ([]byte, bool) {
	secret, err := hex.DecodeString(path)
	if err != nil || len(secret) != PathBytes || hex.EncodeToString(secret) != path {
		return nil, false
	}
	sum := sha256.Sum256(append([]byte("paywatt provider path 1"), secret...))
	return sum[:], true
}

// adapter returns what speaks to a provider.
func (ps *Payments) adapter(p Provider) (Adapter, error) {
	config, private, said, err := splitReach(p.Config)
	if err != nil {
		return nil, fmt.Errorf("set up provider %s: %w", p.Name, err)
	}
	setup := Setup{Config: config, Reach: p.reachOf(private, said)}
	if setup.Secrets, err = ps.secretsOf(p); err != nil {
		return nil, err
	}
	if ps.c.Hooks != "" {
		path, err := ps.c.Sealer.Open(PathContext(p.ID), p.SealedPath)
		if err != nil {
			return nil, fmt.Errorf("open the address of provider %s: %w", p.Name, err)
		}
		setup.Address = ps.c.Hooks + string(path) + "/"
	}
	a, err := ps.c.Adapter(p.Kind, setup)
	return a, fault.Wrap(err, "set up provider %s", p.Name)
}

// secretsOf opens the secrets of a provider; nil if it has none.
func (ps *Payments) secretsOf(p Provider) ([]byte, error) {
	if len(p.Sealed) == 0 {
		return nil, nil
	}
	plain, err := ps.c.Sealer.Open(SecretContext(p.ID), p.Sealed)
	return plain, fault.Wrap(err, "open the secrets of provider %s", p.Name)
}

// prove checks a call with the secrets of its provider, or with those before them while both are in use.
func (ps *Payments) prove(p Provider, a Adapter, in Incoming) error {
	refused := a.Prove(in)
	if refused == nil || len(p.SealedOld) == 0 || !p.OldUntil.After(in.At) {
		return refused
	}
	p.Sealed = p.SealedOld
	old, err := ps.adapter(p)
	if err != nil || old.Prove(in) != nil {
		return refused
	}
	return nil
}

// Heard is the outcome of a provider's call.
type Heard struct {
	Found  bool  // the address belongs to a provider that is heard
	Refuse error // the provider's own scheme does not prove the call
	Reply  Reply // what to answer, if the call is stored
}

// Refused is always false: what is not stored has written nothing.
func (Heard) Refused() bool { return false }

// Receive stores what a provider sent. When it returns a reply without an error, the call is durable. The same call is stored once,
// and read again when it is repeated.
func (ps *Payments) Receive(ctx context.Context, t access.Tenant, path string, in Incoming) (Heard, error) {
	hash, ok := hashPath(path)
	if !ok {
		return Heard{}, nil
	}
	p, err := access.Look(ctx, ps.c.Door, t, func(tx Tx) (Provider, error) {
		p, _, err := tx.Payments().ProviderByPath(hash)
		return p, err
	})
	if err != nil || p.ID.IsZero() || p.Disabled() {
		return Heard{}, fault.Wrap(err, "find the provider that calls")
	}
	a, err := ps.adapter(p)
	if err != nil {
		return Heard{}, err
	}
	in.At = access.Stored(ps.c.Now())
	if err := ps.prove(p, a, in); err != nil {
		ps.c.Log.Warn("call of a provider refused", "provider", p.Name, "what", in.What, "from", in.From, "error", err)
		return Heard{Found: true, Refuse: err}, nil
	}
	plain, err := json.Marshal(in)
	if err != nil {
		return Heard{}, fmt.Errorf("write a provider's call: %w", err)
	}
	sum := sha256.Sum256(append([]byte(in.What+"\x00"), in.Body...))
	out, err := access.Through(ctx, ps.c.Door, t, func(tx Tx) (Heard, error) {
		c := Call{Provider: p.ID, What: in.What, Hash: sum[:], State: CallNew, ReceivedAt: in.At}
		var err error
		if c.ID, err = tx.NewID(); err != nil {
			return Heard{}, err
		}
		c.Sealed = ps.c.Sealer.Seal(callContext(c.ID), plain)
		added, err := tx.Payments().AddCall(c)
		if err == nil && !added {
			added, err = readAgain(tx, &c)
		}
		if err == nil && added {
			err = enqueue(tx, c.ID.Text(id.Call), kindRead, item{Call: c.ID.Text(id.Call)}, time.Time{})
		}
		return Heard{Found: true}, err
	})
	if err == nil {
		out.Reply = ps.reply(ctx, t, a, in)
	}
	return out, fault.Wrap(err, "store a call of provider %s", p.Name)
}

// checkTime is how long the look at a reference may take while a provider waits for the verdict.
const checkTime = 3 * time.Second

// reply returns the answer to a stored call. A provider that asks whether it may take a payment learns whether its reference means a meter, if
// that is known in time.
func (ps *Payments) reply(ctx context.Context, t access.Tenant, a Adapter, in Incoming) Reply {
	c, can := a.(Checker)
	if !can {
		return a.Reply(in)
	}
	n, asks := c.Check(in)
	if !asks {
		return a.Reply(in)
	}
	limited, stop := context.WithTimeout(ctx, checkTime)
	defer stop()
	why, err := access.Look(limited, ps.c.Door, t, func(tx Tx) (Reason, error) {
		_, why, err := NewWorker(ps).meterOf(tx, Payment{Reference: n.Reference, Payer: n.Payer})
		return why, err
	})
	if err != nil {
		ps.c.Log.Warn("reference of a payment not looked up in time", "error", err)
		why = NoReason
	}
	return c.Verdict(in, why)
}

// readAgain makes a stored call new, because its provider repeats it: the payment in it may have been rejected too early. It returns false if
// the call still waits to be read.
func readAgain(tx Tx, c *Call) (bool, error) {
	old, found, err := tx.Payments().CallByHash(c.Provider, c.Hash)
	if err != nil || !found || old.State == CallNew {
		return false, err
	}
	old.State, *c = CallNew, old
	return true, tx.Payments().PutCall(old)
}

// Kinds of items in the lane of payments, in the order of a payment's way.
const (
	kindRead    = "read"    // read a call
	kindConfirm = "confirm" // ask the provider
	kindApply   = "apply"   // find the meter and sell
	kindCheck   = "check"   // ask the provider whether it gave the payment back
	kindAwake   = "awake"   // ask a provider at once about all payments about which it was silent
)

// item is the content of an item in the lane of payments.
type item struct {
	Call    string `json:"call,omitempty"`
	Payment string `json:"payment,omitempty"`
	Request string `json:"request,omitempty"`
	// Provider is the name of the provider whose silence ended.
	Provider string `json:"provider,omitempty"`
	// Account is the account that a person chose by its meter. The payment buys for no other one; empty if nobody chose.
	Account string `json:"account,omitempty"`
}

// enqueue orders work about a payment or a call. Work about one payment is done in order. Each call has a key of its own, so that a call
// which cannot be read now does not stop the others.
func enqueue(tx Tx, key, kind string, i item, at time.Time) error {
	body, err := json.Marshal(i)
	if err == nil {
		_, err = tx.Enqueue(job.Item{Lane: job.LanePayment, Key: key, Kind: kind, Body: body, NextAt: at})
	}
	return fault.Wrap(err, "order work about a payment")
}

// enqueueFor orders work about a payment.
func enqueueFor(tx Tx, p Payment, kind string) error {
	return enqueue(tx, p.Name(), kind, item{Payment: p.Name()}, time.Time{})
}

// enqueueSale orders the sale of a payment, for the account that a person chose if one did.
func enqueueSale(tx Tx, p Payment) error {
	i := item{Payment: p.Name()}
	if !p.account.IsZero() {
		i.Account = p.account.Text(id.Account)
	}
	return enqueue(tx, p.Name(), kindApply, i, time.Time{})
}

// questionKey is the key of the questions about a payment. A question sleeps until its provider may know more, for up to an hour. Under the payment's
// own key it would hold back what an answer, a statement or a person has ordered in the meantime.
func questionKey(payment string) string { return payment + " question" }

// enqueueQuestion orders a question about a payment, and that a question which sleeps is asked now.
func enqueueQuestion(tx Tx, p Payment, kind string) error {
	if err := wakeQuestion(tx, p); err != nil {
		return err
	}
	return enqueue(tx, questionKey(p.Name()), kind, item{Payment: p.Name()}, time.Time{})
}

// wakeQuestion makes a sleeping question about a payment due now, because something was heard about the payment.
func wakeQuestion(tx Tx, p Payment) error {
	return tx.OutboxWake(job.LanePayment, questionKey(p.Name()))
}

// ToApply returns the work that finds the sale of a confirmed payment, or makes it.
func ToApply(p Payment, at time.Time) (job.Item, error) {
	body, err := json.Marshal(item{Payment: p.Name()})
	return job.Item{Lane: job.LanePayment, Key: p.Name(), Kind: kindApply, Body: body, NextAt: at}, err
}

// book enters a confirmed payment in the books (P2 of docs/reference/postings.md), where it waits for its use. The journal's kind and
// reference are unique, so a payment cannot be booked twice.
func book(tx Tx, p *Payment, proof Proof) error {
	// The currency is read first: on PostgreSQL this locks the tenant's row, so of two payments that are booked in the same moment the later one
	// sees the earlier one as its twin.
	code, _, err := tx.Books().Currency()
	if err != nil {
		return err
	}
	if proof != Person {
		twin, err := twinOf(tx, *p)
		if err != nil {
			return err
		}
		if twin != "" {
			return park(tx, p, OtherProvider, twin)
		}
	}
	if code != p.Amount.Currency { // the books cannot hold it; a person must give it back
		p.State, p.Reason, p.Proof = Parked, OtherCurrency, proof
		return note(tx, *p, "payment.park", tx.Payments().PutPayment(*p))
	}
	p.Proof, p.ConfirmedAt, p.Reason, p.Detail = proof, tx.Moment(), NoReason, ""
	if proof == Signed || proof == StatedAlone {
		before, err := tx.Payments().SignedBefore(p.Provider, time.Time{})
		if err != nil {
			return err
		}
		*p = before.followedBy(*p)
	}
	j := ledger.Journal{Kind: ledger.Payment, Ref: p.Name(), PostedAt: p.ConfirmedAt, Memo: p.Provider + " " + p.Txn,
		Postings: ledger.PaymentReceived(p.Provider, p.Name(), p.Amount.Minor)}
	if _, err := ledger.Enter(tx.Books(), j); err != nil {
		return err
	}
	if err := note(tx, *p, "payment.confirm", tx.Payments().PutPayment(*p)); err != nil {
		return err
	}
	if err := requestPaid(tx, *p); err != nil {
		return err
	}
	return enqueueSale(tx, *p)
}

// twinOf names the payment that another provider brought and that may be the same as p; empty for none. One till can have two providers, such as
// its operator's interface and the texts of its telephone.
func twinOf(tx Tx, p Payment) (string, error) {
	others, err := tx.Payments().PaymentsNamed(p.Txn, maxOfThese)
	for _, o := range others {
		if o.isTwinOf(p) {
			return o.Name(), err
		}
	}
	return "", err
}

// note writes the audit row of what the program did with a payment, unless err says that it failed.
func note(tx Tx, p Payment, action string, err error) error {
	if err != nil {
		return err
	}
	e := actor(0).Entry(action, p.Name())
	e.At, e.After = tx.Moment(), fmt.Sprintf("state=%s reason=%s amount=%d proof=%s meter=%s", p.State, p.Reason, p.Amount.Minor, p.Proof, p.Meter)
	return tx.AuditLog(e)
}
