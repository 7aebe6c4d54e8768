package payment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/early"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/vending"
)

// Limits of the work.
const (
	askTime  = 20 * time.Second // for one question to a provider
	maxFound = 5                // meters that are read for one reference

	clockPause = time.Minute // while the clock is in doubt

	renewAfter = job.MaxAttempts - 10 // attempts after which a new item replaces one that the outbox would soon give up
)

// Worker carries out the steps of payments. Each step looks at the present state first, so repeating it is harmless.
type Worker struct{ ps *Payments }

// NewWorker makes a Worker.
func NewWorker(ps *Payments) Worker { return Worker{ps} }

// done is the value of a transaction that is never refused.
type done struct{ verdict job.Verdict }

func (done) Refused() bool { return false }

// Send carries out one step.
func (w Worker) Send(ctx context.Context, t access.Tenant, c job.Claim) (job.Verdict, error) {
	var i item
	if err := json.Unmarshal(c.Body, &i); err != nil {
		return job.Dead("not an item of payments: " + err.Error()), nil
	}
	if c.Attempts >= renewAfter {
		return w.renew(ctx, t, c)
	}
	if c.Kind == job.KindRegistration {
		return w.lookAgain(ctx, t, c)
	}
	if c.Kind == kindRead {
		call, err := id.Parse(id.Call, i.Call)
		if err != nil {
			return job.Dead("no such call"), nil
		}
		return w.read(ctx, t, call)
	}
	if c.Kind == kindAwake {
		return w.wakeUnanswered(ctx, t, i.Provider)
	}
	if c.Kind == kindRequest || c.Kind == kindFollow {
		request, err := id.Parse(id.PaymentRequest, i.Request)
		if err != nil {
			return job.Dead("no such request"), nil
		}
		if c.Kind == kindFollow {
			return w.follow(ctx, t, request, c.Attempts)
		}
		return w.request(ctx, t, request, c.Attempts)
	}
	payment, err := id.Parse(id.Payment, i.Payment)
	if err != nil {
		return job.Dead("no such payment"), nil
	}
	if asks := c.Kind == kindConfirm || c.Kind == kindCheck; asks && c.Key != questionKey(i.Payment) {
		return w.moveQuestion(ctx, t, c)
	}
	switch c.Kind {
	case kindConfirm:
		return w.confirm(ctx, t, payment, c.Attempts)
	case kindApply:
		return w.apply(ctx, t, payment, i.Account, c.Attempts)
	case kindCheck:
		return w.check(ctx, t, payment, c.Attempts)
	case kindReturn:
		return w.giveBackThere(ctx, t, payment)
	case kindOwe:
		return w.owe(ctx, t, payment)
	}
	return job.Dead("payments have no step " + strconv.Quote(c.Kind)), nil
}

// renew orders the work of an item again. A payment's work is never given up, however long the clock is in doubt or a provider is silent.
func (w Worker) renew(ctx context.Context, t access.Tenant, c job.Claim) (job.Verdict, error) {
	out, err := access.Through(ctx, w.ps.c.Door, t, func(tx Tx) (done, error) {
		_, err := tx.Enqueue(job.Item{Lane: c.Lane, Key: c.Key, Kind: c.Kind, Body: c.Body, NextAt: tx.Moment().Add(job.LongestPause)})
		return done{job.Done()}, err
	})
	return out.verdict, err
}

// moveQuestion gives a question that an earlier version ordered under the payment's own key the key of questions.
func (w Worker) moveQuestion(ctx context.Context, t access.Tenant, c job.Claim) (job.Verdict, error) {
	var i item
	if err := json.Unmarshal(c.Body, &i); err != nil {
		return job.Dead("not an item of payments: " + err.Error()), nil
	}
	out, err := access.Through(ctx, w.ps.c.Door, t, func(tx Tx) (done, error) {
		_, err := tx.Enqueue(job.Item{Lane: c.Lane, Key: questionKey(i.Payment), Kind: c.Kind, Body: c.Body})
		return done{job.Done()}, err
	})
	return out.verdict, err
}

// do runs the transaction of a step. While the clock is in doubt, the step waits.
func (w Worker) do(ctx context.Context, t access.Tenant, fn func(Tx) (job.Verdict, error)) (job.Verdict, error) {
	out, err := access.Through(ctx, w.ps.c.Door, t, func(tx Tx) (done, error) {
		if _, no, err := w.ps.c.MayDate(tx); err != nil || no.Refused() {
			return done{job.Again(tx.Moment().Add(clockPause), string(no.Code))}, err
		}
		v, err := fn(tx)
		return done{v}, err
	})
	return out.verdict, err
}

// read understands a call, and stores the payments that it names. What cannot be read stays for a person.
func (w Worker) read(ctx context.Context, t access.Tenant, call id.ID) (job.Verdict, error) {
	return w.do(ctx, t, func(tx Tx) (job.Verdict, error) {
		c, found, err := tx.Payments().CallByID(call)
		if err != nil || !found || c.State != CallNew {
			return job.Done(), err
		}
		waiting, err := w.readCall(tx, &c) // perhaps a key is missing; then the call is read later
		if err == nil && waiting {
			return job.Again(c.ReceivedAt.Add(EarlyWait), "the call answers a question that is not stored yet"), nil
		}
		return job.Done(), err
	})
}

// readCall reads a call that is locked, and stores what became of it. A call that waits for its question stays as it is.
func (w Worker) readCall(tx Tx, c *Call) (waiting bool, err error) {
	p, found, err := tx.Payments().ProviderByID(c.Provider)
	if err != nil || !found {
		return false, err
	}
	a, in, err := w.open(p, *c)
	if err != nil {
		return false, err
	}
	was := *c
	notices, err := understand(a, in)
	c.State, c.Note, c.ReadAt = CallRead, "", tx.Moment()
	if err != nil {
		c.State, c.Note = CallUnreadable, cut(err.Error(), MaxDetail)
		w.ps.c.Log.Error("call of a provider cannot be read", "provider", p.Name, "call", c.ID.Text(id.Call), "error", err)
	}
	for _, n := range notices {
		f, missing, err := w.readNotice(tx, p, a, was, n, n.proof(in.Statement))
		if err == nil && (f == waitedInVain || f == cannotWait) {
			err = noteInVain(tx, p, a, c, n, f, missing)
		}
		if err != nil {
			return false, err
		}
		waiting = waiting || f == waits
	}
	if waiting {
		*c = was
		return true, nil
	}
	if !tx.Moment().Before(c.ReceivedAt.Add(EarlyWait)) {
		if err := early.Drop(tx.Early(), waitingCall(p, *c)); err != nil {
			return false, err
		}
	}
	return false, tx.Payments().PutCall(*c)
}

// heard acts on a notice.
func (w Worker) heard(tx Tx, p Provider, a Adapter, n Notice, proof Proof) error {
	switch n.Kind {
	case Undone:
		return w.undone(tx, p, a, n, proof)
	case Decided:
		return told(tx, p, n)
	case Replied:
		return w.replied(tx, p, a, n)
	}
	return w.take(tx, p, a, n, proof)
}

// open opens a call and sets up the adapter that reads it.
func (w Worker) open(p Provider, c Call) (a Adapter, in Incoming, err error) {
	if a, err = w.ps.adapter(p); err != nil {
		return nil, in, err
	}
	in, err = w.ps.openCall(c)
	return a, in, err
}

// openCall opens what a provider sent.
func (ps *Payments) openCall(c Call) (in Incoming, err error) {
	plain, err := ps.c.Sealer.Open(callContext(c.ID), c.Sealed)
	if err == nil {
		err = json.Unmarshal(plain, &in)
	}
	return in, fault.Wrap(err, "open call %s", c.ID.Text(id.Call))
}

// understand reads the notices of a call.
func understand(a Adapter, in Incoming) ([]Notice, error) {
	var notices []Notice
	var err error
	if in.Statement != Unproved {
		err = json.Unmarshal(in.Body, &notices)
	} else {
		notices, err = a.Read(in)
	}
	if err == nil && len(notices) > MaxNotices {
		err = fmt.Errorf("it has %d notices, more than %d", len(notices), MaxNotices)
	}
	for _, n := range notices {
		if err == nil {
			err = checkNotice(n)
		}
	}
	if err != nil {
		return nil, err
	}
	return notices, nil
}

// checkNotice checks a notice of moved money.
func checkNotice(n Notice) error {
	if n.moves() && (strings.TrimSpace(n.Txn) == "" || len(n.Txn) > MaxTxn || !access.Printable(n.Txn) || !isReal(n.Amount)) {
		return fmt.Errorf("a payment needs a printable name of at most %d bytes, an amount above 0 and a currency", MaxTxn)
	}
	return nil
}

// isReal reports whether a provider can have taken an amount.
func isReal(a money.Amount) bool {
	_, known := money.CurrencyOf(a.Currency)
	return known && a.Minor > 0 && a.Minor <= money.MaxMinor
}

// plain replaces control characters, which no database takes everywhere.
func plain(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, text)
}

// take stores a payment that a notice names for the first time. A repeated notice changes nothing, except that the
// provider is asked again about a rejected payment, and a statement confirms what was too much for a signature.
func (w Worker) take(tx Tx, provider Provider, a Adapter, n Notice, proof Proof) error {
	n = n.folded(a.Rules().Names)
	p, added, err := first(tx, provider, n, Received, NoReason)
	if err != nil {
		return err
	}
	if !added {
		if err := w.ps.keepContradiction(tx, provider, a, p, n, proof); err != nil {
			return err
		}
		if proof == Stated && !a.Asks() && p.needsPerson() && p.Reason == AboveCeiling && p.Amount == n.Amount {
			p.State, p.Meter = Received, n.agreedMeter(proof)
			if err := book(tx, &p, Stated); err != nil {
				return err
			}
			return w.parkUnseen(tx, n, &p)
		}
		linked, err := learn(tx, provider, &p, n)
		if err != nil {
			return err
		}
		if wasPart(a, p, n) {
			return w.rest(tx, provider, a, p, n, proof)
		}
		if !again(a, p) {
			if err := linkedLate(tx, p, linked); err != nil || !waitsForAnswer(p) {
				return err
			}
			return wakeQuestion(tx, p)
		}
		if twin, err := twinOf(tx, p); err != nil || twin != "" { // somebody decided that the other one is the payment
			return err
		}
		p.State, p.Reason = Received, NoReason
		if err := note(tx, p, "payment.again", tx.Payments().PutPayment(p)); err != nil {
			return err
		}
	}
	if agreed := n.agreedMeter(proof); agreed != "" {
		p.Meter = agreed
	}
	if err := w.decide(tx, provider, a, &p, proof); err != nil || proof != Stated {
		return err
	}
	return w.parkUnseen(tx, n, &p)
}

// parkUnseen leaves the payment of a statement's row to a person if the second person saw no meter beside the row: what the row names by now, nobody has
// agreed to.
func (w Worker) parkUnseen(tx Tx, n Notice, p *Payment) error {
	if n.Agreed != NoMeterAgreed || p.State != Received || !p.Booked() || p.Meter != "" {
		return nil
	}
	_, why, err := w.meterOf(tx, *p)
	if err != nil {
		return err
	}
	if why == NoReason { // it means a meter by now
		why = UnknownReference
	}
	return park(tx, p, why, "")
}

// learn takes what a later notice about a payment adds: the request that it answers, or the reference that the first notice lacked.
func learn(tx Tx, provider Provider, p *Payment, n Notice) (changed bool, err error) {
	if changed, err = link(tx, provider, p, n); err != nil {
		return false, err
	}
	if p.Reference == "" && n.Reference != "" && p.State != Applied && p.State != Refunded {
		p.Reference, changed = cut(plain(n.Reference), MaxReference), true
		if p.Payer == "" {
			p.Payer = cut(plain(n.Payer), MaxPayer)
		}
	}
	return changed, nil
}

// linkedLate stores what was learned about a payment. If no meter was found before, the payment is tried again.
func linkedLate(tx Tx, p Payment, changed bool) error {
	if !changed {
		return nil
	}
	if p.State == Parked && p.Booked() && !p.isAsAgreed() && p.Reason.NoMeter() {
		return rematch(tx, p)
	}
	if err := tx.Payments().PutPayment(p); err != nil || p.State != Received || !p.Booked() {
		return err
	}
	if !p.Request.IsZero() { // a payment without one was compared with the requests when it came, and pays no later one
		if err := requestPaid(tx, p); err != nil {
			return err
		}
	}
	return tx.OutboxWake(job.LanePayment, p.Name())
}

// rematch looks again for the meter of a parked payment.
func rematch(tx Tx, p Payment) error {
	p.State, p.Reason, p.Detail = Received, NoReason, ""
	if err := note(tx, p, "payment.rematch", tx.Payments().PutPayment(p)); err != nil {
		return err
	}
	if err := requestPaid(tx, p); err != nil {
		return err
	}
	return enqueueFor(tx, p, kindApply)
}

// first stores the payment of a notice in a state, or returns the payment that its provider has named before.
func first(tx Tx, provider Provider, n Notice, state State, why Reason) (p Payment, added bool, err error) {
	p = Payment{Provider: provider.Name, Txn: n.Txn, Amount: n.Amount, Reference: cut(plain(n.Reference), MaxReference), Payer: cut(plain(n.Payer), MaxPayer),
		PaidAt: access.Stored(n.PaidAt), State: state, Reason: why, SeenAt: tx.Moment()}
	if n.PaidAt.IsZero() {
		p.PaidAt = p.SeenAt
	}
	if n.Raw != n.Txn {
		if old, found, err := paymentNamed(tx, provider, n); err != nil || found {
			return old, false, err
		}
	}
	if p.ID, err = tx.NewID(); err != nil {
		return p, false, err
	}
	if _, err = link(tx, provider, &p, n); err != nil {
		return p, false, err
	}
	if added, err = tx.Payments().AddPayment(p); err != nil || added {
		return p, added, note(tx, p, "payment.receive", err)
	}
	p, found, err := tx.Payments().PaymentNamed(provider.Name, n.Txn)
	if err == nil && !found {
		err = fmt.Errorf("payment %q of provider %s is neither new nor known", n.Txn, provider.Name)
	}
	return p, false, err
}

// paymentNamed finds the payment of a notice. An earlier version stored names as they came.
func paymentNamed(tx Tx, provider Provider, n Notice) (Payment, bool, error) {
	p, found, err := tx.Payments().PaymentNamed(provider.Name, n.Txn)
	if err != nil || found || n.Raw == n.Txn {
		return p, found, err
	}
	return tx.Payments().PaymentNamed(provider.Name, n.Raw)
}

// ask asks a provider about a payment.
func (w Worker) ask(ctx context.Context, provider Provider, p Payment) (Answer, error) {
	a, err := w.ps.adapter(provider)
	if err != nil {
		return Answer{}, err
	}
	if !w.ps.mayAsk(provider.ID) {
		return Answer{}, errSilent
	}
	limited, stop := context.WithTimeout(ctx, askTime)
	defer stop()
	answer, err := a.Ask(limited, p)
	w.ps.asked(provider.ID, err == nil)
	return judged(a.Rules(), p, answer), err
}

// errSilent says that a question was not asked.
var errSilent = errors.New("the provider has not answered the last questions")

// again reports whether a repeated notice is a reason to ask the provider again. Only the provider can say that it took a rejected payment, or that its
// first answer was about other money.
func again(a Adapter, p Payment) bool { return a.Asks() && (p.State == Rejected || p.answerDiffers()) }

// decide confirms a payment by what proves it, or orders the question to its provider.
func (w Worker) decide(tx Tx, provider Provider, a Adapter, p *Payment, proof Proof) error {
	all, err := tx.Payments().SignedBefore(provider.Name, time.Time{})
	if err != nil {
		return err
	}
	old, err := tx.Payments().SignedBefore(provider.Name, tx.Moment().Add(-24*time.Hour))
	if err != nil {
		return err
	}
	switch Confirm(Policy{Asks: a.Asks(), Single: provider.Single, Daily: provider.Daily}, proof, p.Amount.Minor, all.Total-old.Total) {
	case Ask:
		return enqueueQuestion(tx, *p, kindConfirm)
	case Take:
		return book(tx, p, proof)
	}
	return park(tx, p, AboveCeiling, "")
}

// confirm asks the provider about a payment and acts on the answer.
func (w Worker) confirm(ctx context.Context, t access.Tenant, payment id.ID, asked int) (job.Verdict, error) {
	p, provider, err := w.known(ctx, t, payment)
	if err != nil || p.State != Received || !p.ConfirmedAt.IsZero() {
		return job.Done(), err
	}
	answer, silent := w.ask(ctx, provider, p)
	unanswered := silent
	if unanswered == nil && answer.Outcome == Took && !isReal(answer.Amount) {
		unanswered = errors.New("the provider's answer has no amount above 0, or no currency")
	}
	return w.actOn(ctx, t, provider, silent, func(tx Tx) (job.Verdict, error) {
		if err := lockQuestions(tx, provider.Name, answer.Question); err != nil {
			return job.Verdict{}, err
		}
		p, found, err := tx.Payments().PaymentByID(payment)
		if err != nil || !found || p.State != Received || !p.ConfirmedAt.IsZero() {
			return job.Done(), err
		}
		return w.answered(tx, provider, p, answer, unanswered, asked)
	})
}

// answered acts on a provider's answer about a payment.
func (w Worker) answered(tx Tx, provider Provider, p Payment, answer Answer, unanswered error, asked int) (job.Verdict, error) {
	pause, last := NextQuestion(asked)
	again := tx.Moment().Add(pause)
	switch {
	case unanswered != nil:
		why := cut(unanswered.Error(), MaxDetail)
		if p.Reason == Unanswered && p.Detail == why || p.Reason == PartBack { // which the answer will tell how to read
			return job.Again(again, why), nil
		}
		p.Reason, p.Detail = Unanswered, why
		return job.Again(again, why), tx.Payments().PutPayment(p)
	case answer.Question != "":
		nevers, err := tx.Requests().AnswersLike(p.ID, Never)
		if err != nil {
			return job.Verdict{}, err
		}
		if err := askedLater(tx, p, answer); err != nil {
			return job.Verdict{}, err
		}
		pause, _ := NextQuestion(nevers)
		return job.Again(tx.Moment().Add(max(pause, answerPause)), "the provider answers later"), sayWaits(tx, p, AnswerLater)
	case answer.Outcome == Took:
		part := answer.Part
		if p.Reason == PartBack && part.Minor == 0 {
			part = p.Amount // what its notice said was given back
		}
		answer.fill(&p)
		if err := unlink(tx, &p, p.Payer); err != nil {
			return job.Verdict{}, err
		}
		if err := book(tx, &p, Asked); err != nil || p.State == Parked {
			return job.Done(), err
		}
		return job.Done(), partBack(tx, &p, part, true)
	case answer.Outcome == Differs:
		if err := w.ps.keepAnswer(tx, provider, p, answer); err != nil {
			return job.Verdict{}, err
		}
		return job.Done(), park(tx, &p, AnswerDiffers, answer.Why)
	case answer.Outcome == Back:
		p.State, p.Reason, p.Proof = Rejected, GivenBack, Asked
		return job.Done(), note(tx, p, "payment.reject", tx.Payments().PutPayment(p))
	case answer.Outcome == Never && p.Reason != NeverTaken: // count from this answer on: the earlier tries got none
		p.Reason, p.Detail = NeverTaken, ""
		if err := enqueue(tx, questionKey(p.Name()), kindConfirm, item{Payment: p.Name()}, tx.Moment().Add(pauses[0])); err != nil {
			return job.Verdict{}, err
		}
		return job.Done(), tx.Payments().PutPayment(p)
	case answer.Outcome == Never && last:
		p.State, p.Reason, p.Proof = Rejected, NeverTaken, Asked
		return job.Done(), note(tx, p, "payment.reject", tx.Payments().PutPayment(p))
	}
	if answer.Outcome == Pending {
		if err := sayWaits(tx, p, Undecided); err != nil {
			return job.Verdict{}, err
		}
	}
	return job.Again(again, "the provider says: "+string(answer.Outcome)), nil
}

// sayWaits stores what an unconfirmed payment waits for, so that people see it. It keeps what the answer will need, and what the provider said before.
func sayWaits(tx Tx, p Payment, why Reason) error {
	if p.Reason == why || p.Reason == PartBack || p.Reason == NeverTaken {
		return nil
	}
	p.Reason, p.Detail = why, ""
	return tx.Payments().PutPayment(p)
}

// fill gives a payment what its provider says about it.
func (a Answer) fill(p *Payment) {
	p.Amount = a.Amount
	if !a.PaidAt.IsZero() {
		p.PaidAt = access.Stored(a.PaidAt)
	}
	if a.Reference != "" {
		p.Reference = cut(plain(a.Reference), MaxReference)
	}
	if a.Payer != "" {
		p.Payer = cut(plain(a.Payer), MaxPayer)
	}
}

// known reads a payment and its provider.
func (w Worker) known(ctx context.Context, t access.Tenant, payment id.ID) (Payment, Provider, error) {
	var provider Provider
	p, err := access.Look(ctx, w.ps.c.Door, t, func(tx Tx) (Payment, error) {
		p, found, err := tx.Payments().PaymentByID(payment)
		if err == nil && found {
			provider, _, err = tx.Payments().ProviderByName(p.Provider)
		}
		return p, err
	})
	return p, provider, err
}

// apply finds the meter that a payment is for, and sells. The sale marks the payment as used in its own transaction, so a payment that is
// still open was not used, whatever happened to an earlier try. The payment buys for no other account than the chosen one, if a person chose one.
func (w Worker) apply(ctx context.Context, t access.Tenant, payment id.ID, chosen string, tried int) (job.Verdict, error) {
	var p Payment
	var deliver []string
	v, err := w.do(ctx, t, func(tx Tx) (job.Verdict, error) {
		var found bool
		var err error
		if p, found, err = tx.Payments().PaymentByID(payment); err != nil || !found || p.State != Received || !p.Booked() {
			p = Payment{}
			return job.Done(), err
		}
		if p.Meter == "" {
			waiting, err := w.matchPayment(tx, &p)
			if err == nil && waiting {
				p = Payment{}
				return job.Again(tx.Moment().Add(earlyAgain), "its request is not stored yet"), nil
			}
			if err != nil || p.State == Parked {
				return job.Done(), err
			}
		} else if err := w.checkAccount(tx, &p, chosen); err != nil || p.State == Parked {
			return job.Done(), err
		}
		deliver, err = w.ps.c.Deliver(tx, p.Meter)
		return job.Verdict{}, err
	})
	if err != nil || v != (job.Verdict{}) {
		return v, err
	}
	sold, err := w.ps.c.Seller.Sell(ctx, actor(t), vending.Purchase{Meter: p.Meter, Tender: p.Amount, Payment: p.ID, Account: p.account,
		Deliver: deliver, ClientRef: p.Name() + "." + strconv.Itoa(p.Tries)})
	if err != nil || !sold.Refused() {
		return job.Done(), err
	}
	pause, _ := NextQuestion(tried)
	return w.do(ctx, t, func(tx Tx) (job.Verdict, error) { return w.unsold(tx, payment, sold.Refusal, pause) })
}

// matchPayment finds the meter of a payment, or parks the payment. It does neither while the request may still be stored that says the meter.
func (w Worker) matchPayment(tx Tx, p *Payment) (waiting bool, err error) {
	meter, why, err := w.meterOf(tx, *p)
	if err != nil {
		return false, err
	}
	if why.NoMeter() {
		if waiting, err = awaitsRequest(tx, *p); err != nil || waiting {
			return waiting, err
		}
	}
	if why != NoReason {
		return false, park(tx, p, why, "")
	}
	p.Meter, p.account = meter.Meter, meter.Account
	if err := requestPaid(tx, *p); err != nil {
		return false, err
	}
	return false, tx.Payments().PutPayment(*p)
}

// checkAccount parks a payment whose meter supplies another account by now than the one that the payment is for: the one that a person chose, or the
// one that the meter supplied when the payer paid, or was asked to pay.
func (w Worker) checkAccount(tx Tx, p *Payment, chosen string) error {
	found, err := tx.Payments().PayableMeters(Reference{Numbers: []string{p.Meter}}, maxFound)
	switch {
	case err != nil:
		return err
	case len(found) == 0 && chosen != "":
		return park(tx, p, AccountNewer, "")
	case len(found) == 0: // the refusal of the sale says more
		return nil
	}
	p.account = found[0].Account
	if chosen != "" {
		if p.account.Text(id.Account) == chosen {
			return nil
		}
		return park(tx, p, AccountNewer, "")
	}
	made := p.madeAt(tx.Moment())
	if !p.Request.IsZero() {
		r, asked, err := tx.Requests().RequestByID(p.Request)
		if err != nil {
			return err
		}
		if asked && r.MadeAt.Before(made) {
			made = r.MadeAt
		}
	}
	if found[0].Opened.After(made) {
		return park(tx, p, AccountNewer, "")
	}
	return nil
}

// meterOf finds the meter that a payment is for. If the payer typed no reference, the payer's own telephone number is the reference where the
// configuration allows it.
func (w Worker) meterOf(tx Tx, p Payment) (Found, Reason, error) { return w.ps.MeterOf(tx, p) }

// MeterOf finds the meter that a payment would be for if it were confirmed now, or the reason why a person must decide. A telephone number is read as it
// was when the payer paid.
func (ps *Payments) MeterOf(tx Tx, p Payment) (Found, Reason, error) {
	made := p.madeAt(tx.Moment())
	if strings.TrimSpace(registry.PlainDigits(p.Reference)) == "" {
		if !ps.c.PayerPhone {
			return Found{}, UnknownReference, nil
		}
		called, err := tx.Payments().CalledMeters(ReadReference(p.Payer), maxFound)
		if err != nil {
			return Found{}, NoReason, err
		}
		meter, why := MatchPayer(called, made)
		return meter, why, nil
	}
	r := ReadReference(p.Reference)
	named, err := tx.Payments().PayableMeters(r, maxFound)
	if err != nil {
		return Found{}, NoReason, err
	}
	mended, err := tx.Payments().PayableMeters(Reference{Numbers: r.Mended}, maxFound)
	if err != nil {
		return Found{}, NoReason, err
	}
	called, err := tx.Payments().CalledMeters(r, maxFound)
	if err != nil {
		return Found{}, NoReason, err
	}
	meter, why := Match(named, mended, called, made)
	return meter, why, nil
}

// Refusals of a sale by their names.
const (
	saleFailed   = "sale-failed"           // the sale exists and failed
	accountMoved = "payment-account-moved" // the meter supplies another account since the payment was looked at
)

// unsold decides what follows from a refused sale: another try if the refusal will pass by itself, otherwise the payment is parked.
func (w Worker) unsold(tx Tx, payment id.ID, why refusal.Refusal, pause time.Duration) (job.Verdict, error) {
	p, found, err := tx.Payments().PaymentByID(payment)
	if err != nil || !found || p.State != Received || !p.Booked() {
		return job.Done(), err
	}
	if why.Text == accountMoved {
		return job.Done(), park(tx, &p, AccountNewer, "")
	}
	if why.Text == saleFailed {
		p.Tries++ // another sale needs another reference
	}
	if passes(why.Code) {
		p.Reason, p.Detail = NotSold, cut(why.Detail(), MaxDetail)
		return job.Again(tx.Moment().Add(pause), string(why.Code)), tx.Payments().PutPayment(p)
	}
	if why.Text != saleFailed {
		p.Tries++
	}
	return job.Done(), park(tx, &p, NotSold, why.Detail())
}

// passes reports whether a refusal of a sale passes without a person's decision about the payment.
func passes(c refusal.Code) bool {
	switch c {
	case refusal.KeystoreLocked, refusal.ClockUntrusted, refusal.VendInProgress, refusal.IdempotencyRunning, refusal.StorageUnavailable,
		refusal.StorageFull, refusal.OutcomeUnknown, refusal.IssuerUnknown, refusal.RateLimited, refusal.TimeZoneUnknown, refusal.Internal:
		return true
	}
	return false
}

// park leaves a payment to a person.
func park(tx Tx, p *Payment, why Reason, detail string) error {
	p.State, p.Reason, p.Detail = Parked, why, cut(detail, MaxDetail)
	return note(tx, *p, "payment.park", tx.Payments().PutPayment(*p))
}

// cut shortens a text to a number of bytes, at the end of a character.
func cut(text string, max int) string {
	if len(text) <= max {
		return text
	}
	for max > 0 && !utf8.RuneStart(text[max]) {
		max--
	}
	return text[:max]
}
