package payment

// Tests of what the worker writes for each call, answer and sale, and that it loses no error of the store.

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/early"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/rowstest"
)

var update = flag.Bool("update", false, "write the transcripts again")

// scene is one step of the worker, on rows that the test sets up.
type scene struct {
	name string
	rows func(*rows) // sets up; nil for a provider that can be asked, without payments
	step func(*rows) (job.Verdict, error)
}

// play compares what scenes write with a transcript. It then runs each scene again and again, and lets one call on the rows fail after the other.
func play(t *testing.T, scenes []scene) {
	t.Helper()
	transcribe(t, scenes)
	for _, s := range scenes {
		t.Run(s.name, func(t *testing.T) {
			survivesNoFailure(t, func(t *testing.T) (*rows, func() error) {
				r := s.on(t)
				return r, func() error { _, err := s.step(r); return err }
			})
		})
	}
}

// on returns the rows of a scene.
func (s scene) on(t *testing.T) *rows {
	r := newRows(t)
	if s.rows != nil {
		s.rows(r)
	}
	return r
}

// transcribe compares what scenes write with a transcript.
func transcribe(t *testing.T, scenes []scene) {
	t.Helper()
	var got strings.Builder
	for _, s := range scenes {
		r := s.on(t)
		v, err := s.step(r)
		if err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
		fmt.Fprintf(&got, "# %s\n", s.name)
		for _, l := range r.Wrote {
			fmt.Fprintf(&got, "%s\n", l)
		}
		fmt.Fprintf(&got, "%s\n\n", v)
	}
	compare(t, got.String())
}

// compare compares a transcript with its file.
func compare(t *testing.T, got string) {
	t.Helper()
	file := filepath.Join("testdata", t.Name()+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	wanted := strings.Split(string(want), "\n\n")
	for i, is := range strings.Split(got, "\n\n") {
		if i >= len(wanted) || is != wanted[i] {
			t.Errorf("the transcript %s has\n%s\nwant\n%s", file, is, wanted[min(i, len(wanted)-1)])
		}
	}
	if got != string(want) {
		t.Errorf("the transcript %s differs", file)
	}
}

// paid returns the notice of a payment of 500.
func paid(change ...func(*Notice)) Notice {
	n := Notice{Kind: Paid, Txn: "AB1", Amount: kes(500), Reference: meterOne, Payer: "+254711000001", PaidAt: noon().Add(-time.Minute)}
	for _, c := range change {
		c(&n)
	}
	return n
}

func signed(n *Notice)  { n.Signed = true }
func fetched(n *Notice) { n.Fetched = true }
func undone(n *Notice)  { n.Kind = Undone }
func more(n *Notice)    { n.Amount = kes(600) }
func less(n *Notice)    { n.Amount = kes(200) }

// stored returns payment 1 of 500 as a notice brought it.
func stored(change ...func(*Payment)) Payment {
	p := Payment{ID: name(1), Provider: "mpesa", Txn: "AB1", Amount: kes(500), Reference: meterOne, Payer: "+254711000001", PaidAt: noon().Add(-time.Minute),
		State: Received, SeenAt: noon()}
	for _, c := range change {
		c(&p)
	}
	return p
}

func confirmed(p *Payment)              { p.ConfirmedAt, p.Proof = noon().Add(-time.Hour), Asked }
func is(s State) func(*Payment)         { return func(p *Payment) { p.State = s } }
func because(why Reason) func(*Payment) { return func(p *Payment) { p.Reason = why } }
func having(p ...Payment) func(*rows)   { return func(r *rows) { r.payments = append(r.payments, p...) } }
func cannotAsk(r *rows)                 { r.adapter.asks = false }
func says(a Answer) func(*rows)         { return func(r *rows) { r.adapter.answer = a } }
func all(f ...func(*rows)) func(*rows) {
	return func(r *rows) {
		for _, g := range f {
			g(r)
		}
	}
}
func does(kind string, n byte, attempts int) func(*rows) (job.Verdict, error) {
	return func(r *rows) (job.Verdict, error) { return r.send(r.worker(), kind, about(n), attempts) }
}

// reads reads a call with notices.
func reads(notices ...Notice) func(*rows) (job.Verdict, error) {
	return func(r *rows) (job.Verdict, error) {
		r.calls, r.adapter.notices = []Call{r.call(Incoming{What: "c2b", Body: []byte("a call"), At: noon()})}, notices
		return r.send(r.worker(), kindRead, item{Call: r.calls[0].ID.Text(id.Call)}, 0)
	}
}

// imports reads rows of a statement for which somebody answers.
func imports(proof Proof, notices ...Notice) func(*rows) (job.Verdict, error) {
	return func(r *rows) (job.Verdict, error) {
		w := r.worker()
		if err := w.ps.HearStatement(r, r.provider, notices, proof); err != nil {
			return job.Verdict{}, err
		}
		return r.send(w, kindRead, item{Call: r.calls[0].ID.Text(id.Call)}, 0)
	}
}

func TestACallIsRead(t *testing.T) {
	lower := func(n *Notice) { n.Txn = " ab1 " }
	bare := func(n *Notice) { n.Reference, n.Payer = "", "" }
	without := func(p *Payment) { p.Reference, p.Payer = "", "" }
	play(t, []scene{
		{"a new payment", nil, reads(paid())},
		{"a new payment, without a time", nil, reads(paid(func(n *Notice) { n.PaidAt = time.Time{} }))},
		{"a signed one of a provider that cannot be asked", cannotAsk, reads(paid(signed))},
		{"above the limit of one payment", all(cannotAsk, func(r *rows) { r.provider.Single = 499 }), reads(paid(signed))},
		{"above the limit of a day", all(cannotAsk, func(r *rows) { r.signed.Total, r.signedOld.Total = 3001, 1000 }), reads(paid(signed))},
		{"up to the limit of a day", all(cannotAsk, func(r *rows) { r.signed.Total, r.signedOld.Total = 3000, 1000 }), reads(paid(signed))},
		{"its total was confirmed later", all(cannotAsk, func(r *rows) { r.signed = SignedTotal{Total: 7, At: noon().Add(time.Second)} }), reads(paid(signed))},
		{"of a statement of two people", cannotAsk, imports(Stated, paid())},
		{"of a statement whose number was registered later", all(cannotAsk, func(r *rows) {
			r.byPhone = []Found{{Meter: "1", Since: noon()}}
		}), imports(Stated, paid(func(n *Notice) { n.Reference, n.Agreed = "0711 000 001", NoMeterAgreed }))},
		{"of a statement of one person", cannotAsk, imports(StatedAlone, paid())},
		{"in another currency", all(cannotAsk, func(r *rows) { r.currency = "UGX" }), reads(paid(signed))},
		{"of another provider too", all(cannotAsk, having(stored(confirmed, func(p *Payment) { p.Provider = "bank" }))), reads(paid(signed))},
		{"of another provider, unconfirmed", all(cannotAsk, having(stored(func(p *Payment) { p.Provider = "bank" }))), reads(paid(signed))},
		{"again, while its answer is awaited", having(stored()), reads(paid())},
		{"again, when confirmed", having(stored(confirmed)), reads(paid())},
		{"again, with a blank and small letters", all(having(stored(confirmed)), func(r *rows) { r.adapter.names = UpperName }), reads(paid(lower))},
		{"again, stored as it came", all(having(stored(confirmed, func(p *Payment) { p.Txn = " ab1 " })), func(r *rows) { r.adapter.names = UpperName }), reads(paid(lower))},
		{"again, with another amount", having(stored(confirmed)), reads(paid(more, signed))},
		{"again, with another amount that anybody can send", having(stored(confirmed)), reads(paid(more))},
		{"again, with another amount before the answer", having(stored()), reads(paid(more, fetched))},
		{"again, when rejected", having(stored(is(Rejected), because(NeverTaken))), reads(paid())},
		{"again, when its answer differed", having(stored(is(Parked), because(AnswerDiffers))), reads(paid())},
		{"again, when rejected as a twin", having(stored(is(Rejected)), stored(confirmed, func(p *Payment) { p.ID, p.Provider = name(2), "bank" })), reads(paid())},
		{"again, when rejected, of a provider that cannot be asked", all(cannotAsk, having(stored(is(Rejected), because(NeverTaken)))), reads(paid())},
		{"again, with the reference that it lacked", having(stored(confirmed, is(Parked), because(UnknownReference), without)), reads(paid())},
		{"again, with the reference, but with a payer of its own", having(stored(confirmed, func(p *Payment) { p.Reference = "" })), reads(paid(func(n *Notice) { n.Payer = "B" }))},
		{"again, with the reference, when used", having(stored(confirmed, is(Applied), without)), reads(paid())},
		{"again, with the reference, when given back", having(stored(confirmed, is(Refunded), without)), reads(paid())},
		{"again, without a reference", having(stored(confirmed, is(Parked), because(UnknownReference), without)), reads(paid(bare))},
		{"a statement confirms what was too much", all(cannotAsk, having(stored(is(Parked), because(AboveCeiling)))), imports(Stated, paid())},
		{"a statement of one person does not", all(cannotAsk, having(stored(is(Parked), because(AboveCeiling)))), imports(StatedAlone, paid())},
		{"a statement with another amount does not", all(cannotAsk, having(stored(is(Parked), because(AboveCeiling)))), imports(Stated, paid(less))},
		{"a statement, of a provider that can be asked", having(stored(is(Parked), because(AboveCeiling))), imports(Stated, paid())},
		{"a statement, about what another provider brought", all(cannotAsk, having(stored(is(Parked), because(OtherProvider)))), imports(Stated, paid())},
		{"two notices", nil, reads(paid(), paid(func(n *Notice) { n.Txn = "AB2" }))},
		{"unreadable", func(r *rows) { r.adapter.broken = errors.New("no JSON") }, reads()},
		{"without a name", nil, reads(paid(func(n *Notice) { n.Txn = " " }))},
		{"with a name of control characters", nil, reads(paid(func(n *Notice) { n.Txn = "A\x01" }))},
		{"with a long name", nil, reads(paid(func(n *Notice) { n.Txn = strings.Repeat("A", MaxTxn+1) }))},
		{"with the longest name", nil, reads(paid(func(n *Notice) { n.Txn = strings.Repeat("A", MaxTxn) }))},
		{"without an amount", nil, reads(paid(func(n *Notice) { n.Amount.Minor = 0 }))},
		{"with too many notices", nil, reads(make([]Notice, MaxNotices+1)...)},
		{"with control characters in its text", nil, reads(paid(func(n *Notice) { n.Reference, n.Payer = "a\nb", "c\td" }))},
		{"with long texts", nil, reads(paid(func(n *Notice) { n.Reference, n.Payer = strings.Repeat("é", 60), strings.Repeat("x", 200) }))},
		{"while the clock is in doubt", func(r *rows) { r.doubt = true }, reads(paid())},
	})
}

// answer returns an answer with an outcome about the whole amount.
func answer(o Outcome, change ...func(*Answer)) Answer {
	a := Answer{Outcome: o, Amount: kes(500)}
	for _, c := range change {
		c(&a)
	}
	return a
}

func neverAnswers(r *rows) { r.adapter.silent = errors.New("no route to host") }

func mustFit(r *rows) {
	r.adapter.answers = []AnswerRule{{OfReceiver, InAnswer, "receiver", func(said string, _ Payment) bool { return said == "600001" }}}
}

func TestAnAnswerIsActedOn(t *testing.T) {
	asks := func(n int) func(*rows) (job.Verdict, error) { return does(kindConfirm, 1, n) }
	other := func(a *Answer) { a.Said = map[Aspect][]string{OfReceiver: {"600002"}} }
	full := func(a *Answer) { a.PaidAt, a.Reference, a.Payer = noon().Add(-time.Second+1), "x\ny", "Z\t" }
	part := func(a *Answer) { a.Part = kes(200) }
	later := func(a *Answer) { a.Question = "Q1" }
	play(t, []scene{
		{"took", all(having(stored()), says(answer(Took))), asks(0)},
		{"took, with a time, a reference and a payer", all(having(stored()), says(answer(Took, full))), asks(0)},
		{"took another amount", all(having(stored()), says(Answer{Outcome: Took, Amount: kes(499)})), asks(0)},
		{"took, and gave a part back", all(having(stored()), says(answer(Took, part))), asks(0)},
		{"took, after a notice of a part", all(having(stored(because(PartBack), func(p *Payment) { p.Amount = kes(200) })), says(answer(Took))), asks(0)},
		{"took, in another currency", all(having(stored()), says(answer(Took)), func(r *rows) { r.currency = "UGX" }), asks(0)},
		{"took more than its notice says", all(having(stored()), says(Answer{Outcome: Took, Amount: kes(600)})), asks(0)},
		{"took nothing", all(having(stored()), says(Answer{Outcome: Took, Amount: kes(0)})), asks(0)},
		{"took an unknown currency", all(having(stored()), says(Answer{Outcome: Took})), asks(0)},
		{"took, of another provider too", all(having(stored(), stored(confirmed, func(p *Payment) { p.ID, p.Provider = name(2), "bank" })), says(answer(Took))), asks(0)},
		{"fits", all(mustFit, having(stored()), says(answer(Took, func(a *Answer) { a.Said = map[Aspect][]string{OfReceiver: {"600001"}} }))), asks(0)},
		{"about another receiver", all(mustFit, having(stored()), says(answer(Took, other))), asks(0)},
		{"never, about another receiver", all(mustFit, having(stored()), says(answer(Never, other))), asks(0)},
		{"back, about another receiver", all(mustFit, having(stored()), says(answer(Back, other))), asks(0)},
		{"undecided, about another receiver", all(mustFit, having(stored()), says(answer(Pending, other))), asks(0)},
		{"gave back", all(having(stored()), says(answer(Back))), asks(0)},
		{"never, the first time", all(having(stored()), says(answer(Never))), asks(0)},
		{"never, the first time after many tries", all(having(stored(because(Unanswered))), says(answer(Never))), asks(9)},
		{"never, again", all(having(stored(because(NeverTaken))), says(answer(Never))), asks(2)},
		{"never, before the last pause", all(having(stored(because(NeverTaken))), says(answer(Never))), asks(5)},
		{"never, after the last pause", all(having(stored(because(NeverTaken))), says(answer(Never))), asks(6)},
		{"undecided", all(having(stored()), says(answer(Pending))), asks(1)},
		{"undecided, again", all(having(stored(because(Undecided))), says(answer(Pending))), asks(2)},
		{"undecided, after never", all(having(stored(because(NeverTaken))), says(answer(Pending))), asks(2)},
		{"undecided, after a notice of a part", all(having(stored(because(PartBack))), says(answer(Pending))), asks(2)},
		{"answers later", all(having(stored()), says(answer(Pending, later))), asks(0)},
		{"answers later, after two that it knows no such payment", all(having(stored()), says(answer(Pending, later)), func(r *rows) { r.nevers = 3 }), asks(0)},
		{"silent", all(having(stored()), neverAnswers), asks(0)},
		{"silent, again", all(having(stored(because(Unanswered), func(p *Payment) { p.Detail = "no route to host" })), neverAnswers), asks(3)},
		{"silent, in other words", all(having(stored(because(Unanswered), func(p *Payment) { p.Detail = "timeout" })), neverAnswers), asks(3)},
		{"silent, after a notice of a part", all(having(stored(because(PartBack))), neverAnswers), asks(0)},
		{"about a confirmed payment", all(having(stored(confirmed)), says(answer(Took))), asks(0)},
		{"about a parked payment", all(having(stored(is(Parked))), says(answer(Took))), asks(0)},
		{"about an unknown payment", says(answer(Took)), asks(0)},
	})
}

func TestAProviderIsAskedWhetherItGaveAPaymentBack(t *testing.T) {
	asks := func(n int) func(*rows) (job.Verdict, error) { return does(kindCheck, 1, n) }
	applied := stored(confirmed, is(Applied), func(p *Payment) { p.Meter = meterOne })
	other := func(a *Answer) { a.Said = map[Aspect][]string{OfReceiver: {"600002"}} }
	part := func(a *Answer) { a.Part = kes(200) }
	later := func(a *Answer) { a.Question = "Q1" }
	play(t, []scene{
		{"a used one went back", all(having(applied), says(answer(Back))), asks(0)},
		{"a used one went back in part", all(having(applied), says(answer(Took, part))), asks(0)},
		{"nothing went back, the first time", all(having(applied), says(answer(Took))), asks(0)},
		{"nothing went back, after the last pause", all(having(applied), says(answer(Took))), asks(6)},
		{"the answer comes later", all(having(applied), says(answer(Pending, later))), asks(0)},
		{"the answer comes later, after three tries", all(having(applied), says(answer(Pending, later))), asks(3)},
		{"the answer comes later, after the last pause", all(having(applied), says(answer(Pending, later))), asks(6)},
		{"silent", all(having(applied), neverAnswers), asks(3)},
		{"about another receiver", all(mustFit, having(applied), says(answer(Back, other))), asks(0)},
		{"a parked one went back", all(having(stored(confirmed, is(Parked), because(UnknownReference))), says(answer(Back))), asks(0)},
		{"an unconfirmed parked one went back", all(having(stored(is(Parked), because(AboveCeiling))), says(answer(Back))), asks(0)},
		{"an unconfirmed one went back", all(having(stored()), says(answer(Back))), asks(0)},
		{"a refunded one went back", all(having(stored(confirmed, is(Refunded))), says(answer(Back))), asks(0)},
		{"an unknown one", says(answer(Back)), asks(0)},
	})
}

func TestMoneyGoesBack(t *testing.T) {
	back := func(n ...func(*Notice)) func(*rows) (job.Verdict, error) { return reads(paid(append(n, undone)...)) }
	whole := func(n *Notice) { n.Whole = true }
	dollars := func(n *Notice) { n.Amount.Currency = "USD" }
	applied := stored(confirmed, is(Applied))
	was := func(minor int64) func(*Payment) {
		return func(p *Payment) { p.Back, p.BackAt, p.Reason = moneyOf(minor), noon().Add(-time.Hour), PartBack }
	}
	play(t, []scene{
		{"before the payment is known", nil, back()},
		{"before the payment is known, signed", nil, back(signed)},
		{"before the payment is known, of a provider that cannot be asked", cannotAsk, back(signed)},
		{"unproved, of a provider that cannot be asked", all(cannotAsk, having(applied)), back()},
		{"as a whole, unknown", cannotAsk, back(signed, whole)},
		{"as a whole, of a larger payment", all(cannotAsk, having(applied)), back(signed, whole, less)},
		{"as a whole, in another currency", all(cannotAsk, having(applied)), back(signed, whole, dollars)},
		{"as a whole, of the amount", all(cannotAsk, having(applied)), back(signed, whole)},
		{"of a provider that can be asked", having(applied), back()},
		{"of a provider that can be asked, a signed part", having(applied), back(signed, less)},
		{"of a provider that can be asked, signed", having(applied), back(signed)},
		{"a part of a used payment", all(cannotAsk, having(applied)), back(signed, less)},
		{"a part of a used payment, of a statement of one person", all(cannotAsk, having(applied)), imports(StatedAlone, paid(undone, less))},
		{"a smaller part of a used payment", all(cannotAsk, having(stored(confirmed, is(Applied), was(300)))), back(signed, less)},
		{"the same part of a used payment", all(cannotAsk, having(stored(confirmed, is(Applied), was(200), func(p *Payment) { p.Detail = "2.00 KES of 5.00 KES" }))), back(signed, less)},
		{"a larger part of a used payment", all(cannotAsk, having(stored(confirmed, is(Applied), was(100)))), back(signed, less)},
		{"a part of a used payment that an earlier version recorded", all(cannotAsk, having(stored(confirmed, is(Applied), because(PartBack)))), back(signed, less)},
		{"a part of a payment that waits for its sale", all(cannotAsk, having(stored(confirmed))), back(signed, less)},
		{"a part of one that waits, of a statement of one person", all(cannotAsk, having(stored(confirmed))), imports(StatedAlone, paid(undone, less))},
		{"a part of an unconfirmed payment", all(cannotAsk, having(stored())), back(signed, less)},
		{"a part of a refunded payment", all(cannotAsk, having(stored(confirmed, is(Refunded)))), back(signed, less)},
		{"a part of a payment that went back", all(cannotAsk, having(stored(confirmed, is(Parked), because(GivenBack)))), back(signed, less)},
		{"more than the payment", all(cannotAsk, having(applied)), back(signed, more)},
		{"the whole of a used payment", all(cannotAsk, having(applied)), back(signed)},
		{"the whole, of a statement of one person", all(cannotAsk, having(applied)), imports(StatedAlone, paid(undone))},
		{"the whole again", all(cannotAsk, having(stored(confirmed, is(Applied), because(GivenBack), func(p *Payment) { p.Back, p.BackAt = 500, noon() }))), back(signed)},
		{"the whole after a part", all(cannotAsk, having(stored(confirmed, is(Applied), was(200)))), back(signed)},
		{"a second part, remembered", all(cannotAsk, having(stored(is(Rejected), because(GivenBack), func(p *Payment) { p.Amount = kes(100) }))), back(signed, less)},
		{"a smaller second part, remembered", all(cannotAsk, having(stored(is(Rejected), because(GivenBack)))), back(signed, less)},
		{"of a rejected payment in another currency", all(cannotAsk, having(stored(is(Rejected), because(GivenBack)))), back(signed, dollars)},
		{"a part of a payment that was never taken", all(cannotAsk, having(stored(is(Rejected), because(NeverTaken), func(p *Payment) { p.Amount = kes(100) }))), back(signed, less)},
		{"a part, of a used payment that went back", all(cannotAsk, having(stored(confirmed, is(Applied), because(GivenBack), func(p *Payment) { p.Amount, p.Back, p.BackAt = kes(100), 100, noon() }))), back(signed, less)},
		{"then the payment, of which it was a part", all(cannotAsk, having(stored(is(Rejected), because(GivenBack), func(p *Payment) { p.Amount, p.PaidAt = kes(200), noon() }))), reads(paid(signed))},
		{"then the payment, unproved", all(cannotAsk, having(stored(is(Rejected), because(GivenBack), func(p *Payment) { p.Amount = kes(200) }))), reads(paid(func(n *Notice) { n.PaidAt = time.Time{} }))},
		{"then the payment, in another currency", all(cannotAsk, having(stored(is(Rejected), because(GivenBack)))), reads(paid(signed, dollars))},
		{"then the payment, which was the whole", all(cannotAsk, having(stored(is(Rejected), because(GivenBack)))), reads(paid(signed))},
		{"then the payment, whose twin another provider brought", all(cannotAsk, having(stored(is(Rejected), because(GivenBack), func(p *Payment) { p.Amount = kes(200) }), stored(confirmed, func(p *Payment) { p.ID, p.Provider = name(2), "bank" }))), reads(paid(signed))},
	})
}

func moneyOf(minor int64) money.Minor { return money.Minor(minor) }

func TestAProviderCallsWithItsAnswer(t *testing.T) {
	question := func(r *rows) {
		r.questions = []Question{{Provider: "mpesa", Name: "Q1", Payment: name(1), AskedAt: noon().Add(-time.Second)}}
	}
	reply := func(a Answer, change ...func(*Notice)) func(*rows) (job.Verdict, error) {
		n := Notice{Kind: Replied, Question: "Q1", Answer: a}
		for _, c := range change {
			c(&n)
		}
		return reads(n)
	}
	named := func(txn string) func(*Notice) { return func(n *Notice) { n.Txn = txn } }
	other := func(a *Answer) { a.Said = map[Aspect][]string{OfReceiver: {"600002"}} }
	applied := stored(confirmed, is(Applied))
	play(t, []scene{
		{"took", all(question, having(stored(because(AnswerLater)))), reply(answer(Took))},
		{"took, by its own spelling", all(question, having(stored()), func(r *rows) { r.adapter.names = UpperName }), reply(answer(Took), named(" ab1"))},
		{"about another payment", all(question, having(stored())), reply(answer(Took), named("AB2"))},
		{"to a question that is not stored yet", having(stored()), reply(answer(Took))},
		{"to a question that is not stored", having(stored()), func(r *rows) (job.Verdict, error) {
			r.calls, r.adapter.notices = []Call{r.call(Incoming{})}, []Notice{{Kind: Replied, Question: "Q1", Answer: answer(Took)}}
			r.calls[0].ReceivedAt = noon().Add(-EarlyWait)
			return r.send(r.worker(), kindRead, item{Call: r.calls[0].ID.Text(id.Call)}, 0)
		}},
		{"to a question that is not stored, about an unknown payment", nil, func(r *rows) (job.Verdict, error) {
			r.calls, r.adapter.notices = []Call{r.call(Incoming{})}, []Notice{{Kind: Replied, Question: "Q1", Txn: "AB7", Answer: answer(Took)}}
			r.calls[0].ReceivedAt = noon().Add(-EarlyWait)
			return r.send(r.worker(), kindRead, item{Call: r.calls[0].ID.Text(id.Call)}, 0)
		}},
		{"to a question that is not stored yet, while too many wait", all(having(stored()), func(r *rows) { r.waiting = early.MaxWaiting }), reply(answer(Took))},
		{"to a question that is not stored yet, after nearly two minutes", having(stored()), func(r *rows) (job.Verdict, error) {
			r.calls, r.adapter.notices = []Call{r.call(Incoming{})}, []Notice{{Kind: Replied, Question: "Q1", Answer: answer(Took)}}
			r.calls[0].ReceivedAt = noon().Add(-EarlyWait + 1)
			return r.send(r.worker(), kindRead, item{Call: r.calls[0].ID.Text(id.Call)}, 0)
		}},
		{"to a question about an unknown payment", question, reply(answer(Took))},
		{"took nothing", all(question, having(stored())), reply(Answer{Outcome: Took})},
		{"took, about a payment that is used", all(question, having(applied)), reply(answer(Took))},
		{"undecided", all(question, having(stored())), reply(answer(Pending))},
		{"never, the first time", all(question, having(stored()), func(r *rows) { r.nevers = 1 }), reply(answer(Never))},
		{"never, as often as it is asked", all(question, having(stored()), func(r *rows) { r.nevers = len(pauses) }), reply(answer(Never))},
		{"never, too often", all(question, having(stored()), func(r *rows) { r.nevers = len(pauses) + 1 }), reply(answer(Never))},
		{"never, about a payment that is used", all(question, having(applied)), reply(answer(Never))},
		{"back", all(question, having(stored())), reply(answer(Back))},
		{"back, about a payment that is used", all(question, having(applied)), reply(answer(Back))},
		{"about another receiver", all(mustFit, question, having(stored())), reply(answer(Took, other))},
		{"about another receiver, when used", all(mustFit, question, having(applied)), reply(answer(Took, other))},
		{"about another receiver, twice", all(mustFit, question, having(applied)), func(r *rows) (job.Verdict, error) {
			n := Notice{Kind: Replied, Question: "Q1", Answer: answer(Took, other)}
			return reads(n, n)(r)
		}},
	})
}

// TestACallComesBeforeItsRequest: a provider that names a request only in its answer may call about the request before the answer is stored.
func TestACallComesBeforeItsRequest(t *testing.T) {
	telephones := func(r *rows) { r.handle = "ws_1" }
	asked := func(change ...func(*PaymentRequest)) func(*rows) {
		q := PaymentRequest{ID: name(9), Provider: "mpesa", Meter: meterOne, Amount: kes(500), Phone: "+254711000001",
			State: AskRequested, MadeAt: noon(), EndsAt: noon().Add(promptTime)}
		for _, c := range change {
			c(&q)
		}
		return func(r *rows) { telephones(r); r.requests = append(r.requests, q) }
	}
	named := func(q *PaymentRequest) { q.Handle = "ws_1" }
	of := func(request string) func(*Notice) {
		return func(n *Notice) { n.Request, n.Reference = request, "" }
	}
	ofOur := of(name(9).Text(id.PaymentRequest))
	decided := Notice{Kind: Decided, Request: "ws_1"}
	bare := func(p *Payment) { p.Reference, p.Payer = "", "254 *** 001" }
	told := func(p *Payment) { p.Request, p.Meter = name(9), meterOne }
	later := func(notices ...Notice) func(*rows) (job.Verdict, error) { // when the call has waited
		return func(r *rows) (job.Verdict, error) {
			r.calls, r.adapter.notices = []Call{r.call(Incoming{})}, notices
			r.calls[0].ReceivedAt = noon().Add(-EarlyWait)
			return r.send(r.worker(), kindRead, item{Call: r.calls[0].ID.Text(id.Call)}, 0)
		}
	}
	waits := func(until time.Duration, about byte) func(*rows) {
		return func(r *rows) {
			a := early.Answer{Kind: early.Call, Source: "mpesa", Name: "ws_1", Content: []byte(name(50).Text(id.Call)), Until: noon().Add(until)}
			if a.About = (id.ID{}); about != 0 {
				a.About = name(about)
			}
			r.early = append(r.early, a)
		}
	}
	asks := func(r *rows) (job.Verdict, error) {
		return r.send(r.worker(), kindRequest, item{Request: name(9).Text(id.PaymentRequest)}, 0)
	}
	play(t, []scene{
		{"it was paid", telephones, reads(paid(of("ws_1")))},
		{"it was paid, and that is told again", all(telephones, having(stored(bare))), reads(paid(of("ws_1")))},
		{"it was paid, while too many calls wait", all(telephones, func(r *rows) { r.waiting = early.MaxWaiting }), reads(paid(of("ws_1")))},
		{"it was paid, and is stored", asked(named), reads(paid(of("ws_1")))},
		{"it was paid, under our name", telephones, reads(paid(ofOur))},
		{"it was paid, and the answer never came", telephones, later(paid(of("ws_1")))},
		{"it was paid, of a provider that asks no telephone", nil, reads(paid(of("ws_1")))},
		{"it was decided", telephones, reads(decided)},
		{"it was decided, and is stored", asked(named), reads(decided)},
		{"it was decided, and the answer never came", telephones, later(decided)},
		{"it was decided, while too many calls wait", all(telephones, func(r *rows) { r.waiting = early.MaxWaiting }), reads(decided)},
		{"then the answer comes", all(asked(), waits(time.Minute, 1)), asks},
		{"then the answer comes, to a request that was settled", all(asked(), waits(time.Minute, 1), func(r *rows) { r.settles = true }), asks},
		{"then its payment waits for its meter", all(telephones, having(stored(confirmed, bare)), waits(time.Second, 1)), does(kindApply, 1, 0)},
		{"then its payment has waited long enough", all(telephones, having(stored(confirmed, bare)), waits(0, 1)), does(kindApply, 1, 0)},
		{"then a payment waits, and another call does", all(telephones, having(stored(confirmed, bare)), waits(time.Second, 0)), does(kindApply, 1, 0)},
		{"then it finds its confirmed payment", all(asked(named), having(stored(confirmed, bare, func(p *Payment) { p.ConfirmedAt = noon().Add(time.Second) }))), reads(paid(of("ws_1")))},
		{"then it finds its parked payment", all(asked(named), having(stored(confirmed, bare, is(Parked), because(UnknownReference), func(p *Payment) { p.ConfirmedAt = noon().Add(time.Second) }))), reads(paid(of("ws_1")))},
		{"a call that came after the confirmation finds none", all(asked(named), having(stored(confirmed, bare))), reads(paid(of("ws_1")))},
		{"a call about a payment that knows its request", all(asked(named), having(stored(confirmed, bare, told))), reads(paid(of("ws_1")))},
	})
}

func TestAConfirmedPaymentIsSold(t *testing.T) {
	applies := func(n int) func(*rows) (job.Verdict, error) { return does(kindApply, 1, n) }
	open := func(change ...func(*Payment)) func(*rows) { return having(stored(append(change, confirmed)...)) }
	refused := func(c refusal.Code, text string) func(*rows) {
		return func(r *rows) { r.seller.refuses = refusal.Refusal{Code: c, Text: text, What: "what happened"} }
	}
	refers := func(text string) func(*Payment) { return func(p *Payment) { p.Reference = text } }
	phone := func(r *rows) { r.byPhone = []Found{{Meter: "04140001019"}} }
	request := func(r *rows) {
		r.requests = []PaymentRequest{{ID: name(30), Provider: "mpesa", Meter: meterOne, Amount: kes(500), State: AskRequested, MadeAt: noon().Add(-likeTime)}}
	}
	play(t, []scene{
		{"to the meter that its reference names", open(), applies(0)},
		{"to the meter that it has", open(func(p *Payment) { p.Meter, p.Tries = "04140001019", 2 }), applies(0)},
		{"and answers a request", all(open(), request), applies(0)},
		{"and answers no request, which is too old", all(open(), request, func(r *rows) { r.requests[0].MadeAt = noon().Add(-likeTime - 1) }), applies(0)},
		{"no meter has its reference", all(open(), func(r *rows) { r.byNumber = nil }), applies(0)},
		{"two have it", all(open(), func(r *rows) { r.byNumber = []Found{{Meter: "1"}, {Meter: "2"}} }), applies(0)},
		{"its reference is mended", all(open(refers("4140001OO1")), func(r *rows) { r.byNumber, r.byMended = nil, []Found{{Meter: meterOne}} }), applies(0)},
		{"its reference is a telephone number", all(open(refers("0711 000 001")), phone), applies(0)},
		{"its reference is empty", all(open(refers(" \u200e")), phone), applies(0)},
		{"its reference is empty, and the payer's telephone counts", all(open(refers("")), phone), func(r *rows) (job.Verdict, error) {
			w := r.worker()
			w.ps.c.PayerPhone = true
			return r.send(w, kindApply, about(1), 0)
		}},
		{"its reference is empty, and the payer's telephone is new", all(open(refers("")), func(r *rows) { r.byPhone = []Found{{Meter: "1", Since: noon().Add(-time.Hour)}} }), func(r *rows) (job.Verdict, error) {
			w := r.worker()
			w.ps.c.PayerPhone = true
			return r.send(w, kindApply, about(1), 0)
		}},
		{"its reference is a telephone number that was registered later", all(open(refers("0711 000 001")), func(r *rows) {
			r.byPhone = []Found{{Meter: "1", Since: noon().Add(-time.Second)}}
		}), applies(0)},
		{"the sale is refused", all(open(), refused("no-tariff", "no-tariff")), applies(0)},
		{"the key store is locked", all(open(), refused(refusal.KeystoreLocked, "locked")), applies(2)},
		{"the sale failed", all(open(), refused(refusal.OutcomeUnknown, saleFailed)), applies(2)},
		{"the sale failed for good", all(open(), refused("no-tariff", saleFailed)), applies(2)},
		{"it is not confirmed", having(stored()), applies(0)},
		{"it is parked", open(is(Parked)), applies(0)},
		{"it is unknown", nil, applies(0)},
	})
}

func TestWhichRefusalsPass(t *testing.T) {
	passing := []refusal.Code{refusal.KeystoreLocked, refusal.ClockUntrusted, refusal.VendInProgress, refusal.IdempotencyRunning, refusal.StorageUnavailable,
		refusal.StorageFull, refusal.OutcomeUnknown, refusal.IssuerUnknown, refusal.RateLimited, refusal.Internal}
	for _, c := range passing {
		if !passes(c) {
			t.Errorf("%s does not pass", c)
		}
	}
	for _, c := range []refusal.Code{"", "no-tariff", refusal.NotFound} {
		if passes(c) {
			t.Errorf("%s passes", c)
		}
	}
}

func TestAParkedPaymentIsLookedAtAgain(t *testing.T) {
	registered := func(a job.Registration) func(*rows) (job.Verdict, error) {
		return func(r *rows) (job.Verdict, error) {
			body, err := json.Marshal(a)
			if err != nil {
				return job.Verdict{}, err
			}
			return r.worker().Send(r.t.Context(), 1, job.Claim{Item: job.Item{Lane: job.LanePayment, Key: "registration", Kind: job.KindRegistration, Body: body}})
		}
	}
	parked := stored(confirmed, is(Parked), because(UnknownReference))
	unsold := stored(confirmed, is(Parked), because(NotSold), func(p *Payment) { p.ID, p.Txn, p.Meter, p.Detail = name(2), "AB2", meterOne, "no tariff" })
	phoned := stored(confirmed, is(Parked), because(UnknownReference), func(p *Payment) { p.Reference = "0711 000 001" })
	changes := func(n byte, to Payment) func(*rows) { // between the look and the transaction
		return func(r *rows) { r.between = func() { r.payments[n] = to } }
	}
	play(t, []scene{
		{"its meter is registered", having(parked), registered(job.Registration{Meter: meterOne})},
		{"another meter is registered", having(stored(confirmed, is(Parked), because(UnknownReference), func(p *Payment) { p.Reference = "rent" })), registered(job.Registration{Meter: meterOne})},
		{"its meter is registered, and another has the number too", all(having(parked), func(r *rows) { r.byNumber = []Found{{Meter: "1"}, {Meter: "2"}} }), registered(job.Registration{Meter: meterOne})},
		{"its telephone number is registered", all(having(phoned), func(r *rows) {
			r.byPhone = []Found{{Meter: "1", Since: noon()}}
		}), registered(job.Registration{Phone: "+254711000001"})},
		{"prices", having(parked, unsold), registered(job.Registration{Prices: true})},
		{"prices, but it is refused again", all(having(unsold), func(r *rows) { r.seller.refuses = refusal.Refusal{Code: "no-tariff"} }), registered(job.Registration{Prices: true})},
		{"it was rejected meanwhile", all(having(parked), changes(0, stored(is(Rejected)))), registered(job.Registration{Meter: meterOne})},
		{"it has another reason meanwhile", all(having(parked), changes(0, stored(confirmed, is(Parked), because(SaleReversed)))), registered(job.Registration{Meter: meterOne})},
		{"it is no longer booked", all(having(parked), changes(0, stored(is(Parked), because(UnknownReference)))), registered(job.Registration{Meter: meterOne})},
		{"two pages of them", func(r *rows) {
			for n := range 502 { // the first helps, so the first page is full again without it
				p := parked
				p.ID, p.Txn = id.ID{14: byte(n / 200), 15: byte(n % 200)}, fmt.Sprint(n)
				if p.Reference = "rent"; n == 0 || n == 501 {
					p.Reference = meterOne
				}
				p.ID[13] = 1
				r.payments = append(r.payments, p)
			}
		}, registered(job.Registration{Meter: meterOne})},
	})
}

func TestAnItemIsSentToItsStep(t *testing.T) {
	send := func(c job.Claim) func(*rows) (job.Verdict, error) {
		return func(r *rows) (job.Verdict, error) { return r.worker().Send(r.t.Context(), 1, c) }
	}
	claim := func(kind, key, body string, attempts int) job.Claim {
		return job.Claim{Attempts: attempts, Item: job.Item{Lane: job.LanePayment, Key: key, Kind: kind, Body: []byte(body)}}
	}
	payment := name(1).Text(id.Payment)
	body := fmt.Sprintf(`{"payment":%q}`, payment)
	play(t, []scene{
		{"no item", nil, send(claim(kindApply, payment, "{", 0))},
		{"no registration", nil, send(claim(job.KindRegistration, payment, `{"meter":1}`, 0))},
		{"to wake, where nothing sleeps", nil, send(claim(kindAwake, "awake mpesa", `{"provider":"mpesa"}`, 0))},
		{"to wake", having(stored(because(Unanswered)), stored(func(p *Payment) { p.ID = name(2) })), send(claim(kindAwake, "awake mpesa", `{"provider":"mpesa"}`, 0))},
		{"no call", nil, send(claim(kindRead, payment, body, 0))},
		{"no request", nil, send(claim(kindRequest, payment, body, 0))},
		{"no request to follow", nil, send(claim(kindFollow, payment, body, 0))},
		{"no payment", nil, send(claim(kindApply, payment, `{"payment":"x"}`, 0))},
		{"no step", nil, send(claim("dance", payment, body, 0))},
		{"a question under the payment's key", nil, send(claim(kindConfirm, payment, body, 0))},
		{"a check under the payment's key", nil, send(claim(kindCheck, payment, body, 0))},
		{"too many attempts", nil, send(claim(kindApply, payment, body, renewAfter))},
		{"nearly too many attempts", nil, send(claim(kindApply, payment, body, renewAfter-1))},
		{"an unknown request", nil, send(claim(kindRequest, payment, fmt.Sprintf(`{"request":%q}`, name(1).Text(id.PaymentRequest)), 0))},
		{"an unknown request to follow", nil, send(claim(kindFollow, payment, fmt.Sprintf(`{"request":%q}`, name(1).Text(id.PaymentRequest)), 0))},
		{"to give back what is not parked", having(stored()), send(claim(kindReturn, payment, body, 0))},
		{"to owe what is not used", having(stored()), send(claim(kindOwe, payment, body, 0))},
		{"a call that was read", func(r *rows) { r.calls = []Call{{ID: name(50), State: CallRead}} }, send(claim(kindRead, payment, fmt.Sprintf(`{"call":%q}`, name(50).Text(id.Call)), 0))},
		{"a call of an unknown provider", func(r *rows) { r.calls = []Call{{ID: name(50), State: CallNew, Provider: name(9)}} }, send(claim(kindRead, payment, fmt.Sprintf(`{"call":%q}`, name(50).Text(id.Call)), 0))},
	})
}

func TestAProvidersCallIsReceived(t *testing.T) {
	path := strings.Repeat("0a", PathBytes)
	hash, _ := hashPath(path)
	known := func(r *rows) { r.provider.PathHash = hash }
	heard := func(path string) func(*rows) (job.Verdict, error) {
		return func(r *rows) (job.Verdict, error) {
			h, err := r.worker().ps.Receive(r.t.Context(), 1, path, Incoming{What: "c2b", Body: []byte("a call")})
			r.Wrote = append(r.Wrote, fmt.Sprintf("found %t, refused %v, status %d, %d calls of the store", h.Found, h.Refuse, h.Reply.Status, len(r.Made)))
			return job.Done(), err
		}
	}
	before := func(state CallState) func(*rows) {
		return func(r *rows) {
			c := r.call(Incoming{What: "c2b", Body: []byte("a call")})
			sum := sha256.Sum256([]byte("c2b\x00a call"))
			c.Hash, c.State = sum[:], state
			r.calls = []Call{c}
		}
	}
	play(t, []scene{
		{"at its address", known, heard(path)},
		{"at another address", known, heard(strings.Repeat("0b", PathBytes))},
		{"at no address", known, heard("x")},
		{"at a short address", known, heard("0a")},
		{"at its address in capital letters", known, heard(strings.ToUpper(path))},
		{"of a provider that is off", all(known, func(r *rows) { r.provider.DisabledAt = noon() }), heard(path)},
		{"without a proof", all(known, func(r *rows) { r.adapter.unproof = errors.New("no signature") }), heard(path)},
		{"again, before it was read", all(known, before(CallNew)), heard(path)},
		{"again, after it was read", all(known, before(CallRead)), heard(path)},
		{"again, after it was unreadable", all(known, before(CallUnreadable)), heard(path)},
	})
}

func TestAProviderLearnsWhetherItMayTakeAPayment(t *testing.T) {
	for _, c := range []struct {
		name  string
		asks  bool
		set   func(*rows)
		reply string
	}{
		{"its reference means a meter", true, nil, "the verdict is "},
		{"its reference means none", true, func(r *rows) { r.byNumber = nil }, "the verdict is unknown-reference"},
		{"nobody knows in time", true, func(r *rows) { r.byNumber, r.Broken = nil, 1 }, "the verdict is "},
		{"the call does not ask", false, nil, ""},
	} {
		r := newRows(t)
		if c.set != nil {
			c.set(r)
		}
		reply := r.worker().ps.reply(t.Context(), 1, checker{&r.adapter, c.asks}, Incoming{Body: []byte(meterOne)})
		if string(reply.Body) != c.reply || reply.Status != 200 {
			t.Errorf("%s: status %d, %q", c.name, reply.Status, reply.Body)
		}
	}
}

func TestAnAdapterIsMadeFromWhatIsSealed(t *testing.T) {
	r := newRows(t)
	w := r.worker()
	p := r.provider
	p.Config, p.SealedPath = []byte("config"), sealer{}.Seal(PathContext(p.ID), []byte("abc"))
	if _, err := w.ps.adapter(p); err != nil || string(r.setup.Config) != "config" || r.setup.Secrets != nil || r.setup.Address != "" {
		t.Errorf("without secrets and address: %+v, %v", r.setup, err)
	}
	p.Sealed = sealer{}.Seal(SecretContext(p.ID), []byte("secret"))
	w.ps.c.Hooks = "https://example.net/hooks/pay/"
	if _, err := w.ps.adapter(p); err != nil || string(r.setup.Secrets) != "secret" || r.setup.Address != "https://example.net/hooks/pay/abc/" {
		t.Errorf("with secrets and address: %+v, %v", r.setup, err)
	}
	r.adapterBroken = errors.New("no such kind")
	if _, err := w.ps.adapter(p); !errors.Is(err, r.adapterBroken) {
		t.Errorf("without an adapter: %v", err)
	}
	r.adapterBroken = nil
	p.Sealed = sealer{}.Seal(SecretContext(name(9)), []byte("secret"))
	if _, err := w.ps.adapter(p); err == nil {
		t.Error("secrets of another provider were opened")
	}
	p.Sealed, p.SealedPath = nil, nil
	if _, err := w.ps.adapter(p); err == nil {
		t.Error("an address that is not sealed was opened")
	}
}

func TestASweepFindsWhatNobodyTold(t *testing.T) {
	sweeps := func(times int) func(*rows) (job.Verdict, error) {
		return func(r *rows) (job.Verdict, error) {
			w := r.worker()
			now := noon()
			w.ps.c.Now = func() time.Time { return now }
			for range times {
				if err := w.Sweep(r.t.Context(), 1); err != nil {
					return job.Verdict{}, err
				}
				now = now.Add(40 * time.Minute)
			}
			return job.Done(), nil
		}
	}
	// The sweep goes on when a list cannot be read, so it does not return each failure of the store.
	transcribe(t, []scene{
		{"nothing", nil, sweeps(1)},
		{"a parked payment whose meter is there", having(stored(confirmed, is(Parked), because(UnknownReference), func(p *Payment) { p.SeenAt = noon().Add(-5 * time.Hour) })), sweeps(1)},
		{"a parked payment whose meter is not there", all(having(stored(confirmed, is(Parked), because(UnknownReference))), func(r *rows) { r.byNumber = nil }), sweeps(2)},
		{"a parked payment that a person gives back meanwhile", all(having(stored(confirmed, is(Parked), because(UnknownReference))), func(r *rows) {
			r.listed = func() { r.payments[0] = stored(confirmed, is(Refunded)) }
		}), sweeps(1)},
		{"a part that nobody owes", having(stored(confirmed, is(Applied), func(p *Payment) { p.Back = 200 })), sweeps(1)},
		{"a list of two pages", func(r *rows) {
			r.lists = map[string]page{"": {paid: []Notice{paid()}, next: "2"}, "2": {paid: []Notice{paid(func(n *Notice) { n.Txn = "AB2" }), {Txn: " "}}}}
		}, sweeps(4)},
		{"a list since the last time", func(r *rows) { r.lists, r.provider.ListedTo = map[string]page{}, noon().Add(-time.Hour) }, sweeps(1)},
		{"a list that cannot be read for long", func(r *rows) { r.lists = map[string]page{"": {broken: errors.New("no route to host")}} }, sweeps(4)},
		{"a list without an end", func(r *rows) {
			r.lists = map[string]page{"": {next: "", broken: nil}, "x": {next: "x"}}
			r.lists[""] = page{next: "x"}
		}, func(r *rows) (job.Verdict, error) {
			err := r.worker().list(r.t.Context(), 1, r.provider)
			r.Wrote = []string{fmt.Sprintf("%d pages: %v", len(r.Wrote), err)}
			return job.Done(), nil
		}},
		{"of a provider that is off", func(r *rows) { r.lists, r.provider.DisabledAt = map[string]page{}, noon() }, sweeps(1)},
	})
}

func TestAContradictionIsReadBack(t *testing.T) {
	r := newRows(t)
	r.payments = []Payment{stored(confirmed)}
	r.hears(paid(more, signed))
	in, err := r.worker().ps.openCall(r.calls[1])
	if err != nil {
		t.Fatal(err)
	}
	if payment, said, is := Contradicted(in); payment != name(1).Text(id.Payment) || said != kes(600) || !is {
		t.Errorf("it contradicts %q by %s: %t", payment, said, is)
	}
	for _, in := range []Incoming{{Body: in.Body}, {Contradicts: in.Contradicts, Body: []byte("{")}} {
		if payment, _, is := Contradicted(in); payment != "" || is {
			t.Errorf("%+v contradicts %q", in, payment)
		}
	}
}

// TestASilentProviderIsAskedOneByOne checks that after three questions without an answer only one question in fifteen seconds is asked.
func TestASilentProviderIsAskedOneByOne(t *testing.T) {
	r := newRows(t)
	r.payments = []Payment{stored()}
	neverAnswers(r)
	w := r.worker()
	for range 5 {
		if _, err := r.send(w, kindConfirm, about(1), 0); err != nil {
			t.Fatal(err)
		}
	}
	if r.adapter.asked != 3 {
		t.Errorf("asked %d times", r.adapter.asked)
	}
}

// TestTheEndOfASilenceWakesAllQuestions plays an outage of a provider: its first answer wakes the questions about all payments that sleep, once.
func TestTheEndOfASilenceWakesAllQuestions(t *testing.T) {
	r := newRows(t)
	for n := range byte(60) {
		r.payments = append(r.payments, stored(func(p *Payment) { p.ID, p.Txn = name(n+1), fmt.Sprint("AB", n+1) }))
	}
	r.payments[58].Provider = "bank"
	w := r.worker()
	asks := func(n byte) int {
		t.Helper()
		r.Wrote = nil
		if _, err := r.send(w, kindConfirm, about(n), 0); err != nil {
			t.Fatal(err)
		}
		orders := 0
		for _, l := range r.Wrote {
			if l == `order awake now: awake mpesa {"provider":"mpesa"}` {
				orders++
			}
		}
		return orders
	}
	says(answer(Pending))(r)
	if n := asks(1); n != 1 {
		t.Errorf("the first answer after the start ordered %d wakes", n)
	}
	if n := asks(2); n != 0 {
		t.Errorf("the second answer ordered %d wakes", n)
	}
	neverAnswers(r)
	for n := range byte(60) {
		r.payments[n].Reason = Unanswered
	}
	if n := asks(3); n != 0 {
		t.Errorf("no answer ordered %d wakes", n)
	}
	r.adapter.silent = nil
	r.Broken = len(r.Made) + 3 // the transaction fails, so its order is lost
	if _, err := r.send(w, kindConfirm, about(4), 0); !errors.Is(err, rowstest.ErrStore) {
		t.Fatalf("a broken store: %v", err)
	}
	r.Broken = 0
	if n := asks(5); n != 1 {
		t.Errorf("the first answer after the silence ordered %d wakes", n)
	}
	r.Wrote = nil
	if v, err := r.send(w, kindAwake, item{Provider: "mpesa"}, 0); err != nil || v != job.Done() {
		t.Fatalf("%s, %v", v, err)
	}
	for n := byte(1); n <= 60; n++ {
		wakes, want := 0, 1
		for _, l := range r.Wrote {
			if l == fmt.Sprintf("wake payment p%d question", n) {
				wakes++
			}
		}
		if n == 5 || n == 59 { // asked since, or another provider's
			want = 0
		}
		if wakes != want {
			t.Errorf("payment %d is woken %d times, want %d", n, wakes, want)
		}
	}
}

// TestACheckWakesTheQuestionsToo asks whether a payment went back, after a silence.
func TestACheckWakesTheQuestionsToo(t *testing.T) {
	r := newRows(t)
	r.payments = []Payment{stored(confirmed, is(Applied))}
	says(answer(Took))(r)
	r.sends(kindCheck, about(1), 0)
	r.Wants(t, "ask about AB1", `order awake now: awake mpesa {"provider":"mpesa"}`)
	r.doubt = true
	w := r.worker()
	if _, err := r.send(w, kindCheck, about(1), 0); err != nil {
		t.Fatal(err)
	}
	r.Wants(t, "ask about AB1")
	r.doubt = false
	if _, err := r.send(w, kindCheck, about(1), 0); err != nil {
		t.Fatal(err)
	}
	r.Wants(t, "ask about AB1", `order awake now: awake mpesa {"provider":"mpesa"}`)
}
