package shoptest_test

import (
	cryptorand "crypto/rand"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/internal/vending"
)

// Sizes of the linearizability test of payments.
const (
	linearCallers  = 16
	linearPayments = 80
)

// payOp is an operation on one payment: a call of the provider (took, back), a decision of a person (apply, refund, reverse), or a look.
type payOp struct {
	kind string
	n    int
}

// payOut is its outcome: done or refused, and the state that a look saw.
type payOut struct {
	done bool
	seen string
}

// payStates are the states that a look can see. A payment that its provider took back after it was used has a state of its own.
var payStates = []string{"none", "received", "parked", "applied", "refunded", "rejected", "applied-back", "parked-back"}

// Positions in payStates.
const (
	payNone = iota
	payReceived
	payParked
	payApplied
	payRefunded
	payRejected
	payAppliedBack
	payParkedBack
)

// mostBacks stands for many calls that are not read yet.
const mostBacks = 2

// payBit is one state: what a look sees, whether a call "took" arrived, and how many calls "back" are not read yet.
func payBit(state int, took bool, backs int) uint64 {
	n := state*2*(mostBacks+1) + backs*2
	if took {
		n++
	}
	return 1 << n
}

// payMove is what may follow from a state by the program's own steps, or by an operation.
type payMove func(state int, took bool, backs int, to func(state int, took bool, backs int))

// apply returns all states that follow from a set of states.
func (m payMove) apply(set uint64) (out uint64) {
	for n := range payStates {
		for backs := range mostBacks + 1 {
			for _, took := range []bool{false, true} {
				if set&payBit(n, took, backs) != 0 {
					m(n, took, backs, func(n int, took bool, backs int) { out |= payBit(n, took, min(backs, mostBacks)) })
				}
			}
		}
	}
	return out
}

// payInside are the program's own steps: it reads calls, and sells.
func payInside(n int, took bool, backs int, to func(int, bool, int)) {
	switch {
	case n == payNone && took:
		to(payReceived, took, backs)
	case n == payReceived:
		to(payParked, took, backs)
		to(payApplied, took, backs)
	}
	if backs == 0 {
		return
	}
	next, known := map[int]int{payNone: payRejected, payReceived: payRefunded, payParked: payRefunded, payApplied: payAppliedBack, payParkedBack: payRefunded}[n]
	if !known {
		next = n
	}
	to(next, took, backs-1)
	if backs == mostBacks {
		to(next, took, backs)
	}
}

// closed adds to a set of states what the program may make of them.
func closed(set uint64) uint64 {
	for {
		more := set | payMove(payInside).apply(set)
		if more == set {
			return set
		}
		set = more
	}
}

// payOutside is what an operation does. A state that does not fit the outcome has no successor.
func payOutside(in payOp, out payOut) payMove {
	return func(n int, took bool, backs int, to func(int, bool, int)) {
		person := func(moves map[int]int) {
			next, can := moves[n]
			switch {
			case out.done && can:
				to(next, took, backs)
			case !out.done && (!can || in.kind == "reverse"): // a sale cannot be reversed for other reasons too
				to(n, took, backs)
			}
		}
		switch in.kind {
		case "took":
			to(n, true, backs)
		case "back":
			to(n, took, backs+1)
		case "look":
			if payStates[n] == out.seen {
				to(n, took, backs)
			}
		case "apply":
			person(map[int]int{payParked: payReceived})
		case "refund":
			person(map[int]int{payParked: payRefunded, payParkedBack: payRefunded})
		case "reverse":
			person(map[int]int{payApplied: payParked, payAppliedBack: payParkedBack})
		}
	}
}

// payModel is the model of one payment. Each operation takes effect at one moment between its call and its answer, and the program's own steps at
// any later moment. So the state of the model is the set of states in which the payment can be.
func payModel() porcupine.Model {
	return porcupine.Model{
		Partition: func(h []porcupine.Operation) [][]porcupine.Operation {
			by := make([][]porcupine.Operation, linearPayments)
			for _, o := range h {
				by[o.Input.(payOp).n] = append(by[o.Input.(payOp).n], o)
			}
			return by
		},
		Init: func() any { return closed(payBit(payNone, false, 0)) },
		Step: func(state, input, output any) (bool, any) {
			next := closed(payOutside(input.(payOp), output.(payOut)).apply(state.(uint64)))
			return next != 0, next
		},
		DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v -> %+v", input, output) },
	}
}

// TestDecisionsAboutPaymentsAreLinearizable lets 16 callers bring, apply, give back and reverse the same payments.
func TestDecisionsAboutPaymentsAreLinearizable(t *testing.T) {
	s := openPaidFast(t)
	tariff := s.publish("domestic", flat(), long())
	meters := make([]string, linearPayments)
	for i := range meters {
		meters[i] = s.meter(i+1, place{tariff: tariff})
	}
	kinds := strings.Fields("took took took took back apply apply apply apply apply refund reverse reverse reverse reverse reverse look look look look")
	var history []porcupine.Operation
	var mu sync.Mutex
	begin := time.Now()
	record := func(caller int, in payOp, do func() payOut) {
		called := time.Since(begin)
		out := do()
		returned := time.Since(begin)
		mu.Lock()
		defer mu.Unlock()
		history = append(history, porcupine.Operation{ClientId: caller, Input: in, Call: int64(called), Output: out, Return: int64(returned)})
	}
	stop := make(chan struct{})
	var worker, callers sync.WaitGroup
	worker.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				s.drain()
			}
		}
	})
	seed := tier.Seed(t)
	for c := range linearCallers {
		callers.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(c)))
			for n := range tier.PaymentCalls.N() {
				if n%3 == 0 {
					s.drain()
				}
				in := payOp{kinds[r.IntN(len(kinds))], r.IntN(linearPayments)}
				record(c, in, func() payOut { return s.operate(in, meters[in.n]) })
			}
		})
	}
	callers.Wait()
	close(stop)
	worker.Wait()
	s.drain()
	s.verified()
	switch got := porcupine.CheckOperationsTimeout(payModel(), history, await.Limit); got {
	case porcupine.Ok:
	case porcupine.Unknown:
		t.Errorf("%s: after %v nobody knows whether the history of %d operations is legal", await.NotInTime, await.Limit, len(history))
	default:
		t.Errorf("the history of %d operations is %s", len(history), got)
	}
	twice := s.number(`SELECT COUNT(*) FROM (SELECT payment_id FROM vend WHERE state = 'completed' AND payment_id IS NOT NULL GROUP BY payment_id HAVING COUNT(*) > 1) twice`)
	both := s.number(`SELECT COUNT(*) FROM payment p JOIN vend v ON v.tenant_id = p.tenant_id AND v.payment_id = p.id WHERE p.status = 'refunded' AND v.state = 'completed'`)
	if twice+both > 0 {
		t.Errorf("%d payments were credited twice, and %d credited and given back", twice, both)
	}
	done := controlled(t, history)
	t.Logf("%d operations of %d callers on %d payments; done: %v", len(history), linearCallers, linearPayments, done)
}

// controlled counts what was carried out, and checks that the model refuses a payment that is given back twice.
func controlled(t *testing.T, history []porcupine.Operation) map[string]int {
	t.Helper()
	done := map[string]int{}
	for _, o := range history {
		if o.Output.(payOut).done {
			done[o.Input.(payOp).kind]++
		}
	}
	for _, kind := range []string{"apply", "refund", "reverse"} {
		if done[kind] == 0 {
			t.Errorf("no %s was carried out", kind)
		}
	}
	again := slices.Clone(history) // a control: a payment that was given back twice
	for _, o := range history {
		if o.Input.(payOp).kind == "refund" && o.Output.(payOut).done {
			o.Call, o.Return = history[len(history)-1].Return+1, history[len(history)-1].Return+2
			again = append(again, o)
			break
		}
	}
	if got := porcupine.CheckOperationsTimeout(payModel(), again, await.Limit); got != porcupine.Illegal {
		t.Errorf("a payment that is given back twice is %s", got)
	}
	return done
}

// openPaidFast opens a shop with signed payments whose store runs every closure once.
func openPaidFast(t *testing.T) *payShop {
	t.Helper()
	return openPaidAs(t, openWith(t, true, false), nil)
}

// operate carries out an operation.
func (s *payShop) operate(in payOp, meter string) payOut {
	txn := fmt.Sprint("TX", in.n)
	find := func() (payment.Payment, bool) {
		l, err := s.Payments.List(s.t.Context(), owner(), payment.Filter{}, registry.Page{Limit: 100})
		if err != nil {
			s.t.Error(err)
		}
		for _, v := range l.Payments {
			if v.Payment.Txn == txn {
				return v.Payment, true
			}
		}
		return payment.Payment{}, false
	}
	switch in.kind {
	case "took", "back":
		body := paidBody(txn, 50_000, "KES", "rent")
		if in.kind == "back" {
			body = strings.Replace(body, "taken", "charged_back", 1)
		}
		s.sendAs("msg_"+cryptorand.Text(), body)
		return payOut{done: true}
	}
	p, found := find()
	if in.kind == "look" || !found {
		seen := "none"
		if found {
			if seen = string(p.State); p.Reason == payment.GivenBack && (p.State == payment.Applied || p.State == payment.Parked) {
				seen += "-back"
			}
		}
		if in.kind != "look" {
			return payOut{}
		}
		return payOut{seen: seen}
	}
	d := payment.Decision{Payment: p.Name(), Meter: meter, Reason: "test"}
	switch in.kind {
	case "apply":
		out, err := s.Payments.Apply(s.t.Context(), owner(), d)
		return payOut{done: err == nil && !out.Refused()}
	case "refund":
		out, err := s.Payments.Refund(s.t.Context(), owner(), d)
		return payOut{done: err == nil && !out.Refused()}
	}
	if p.Sale.IsZero() {
		return payOut{}
	}
	out, err := s.Reverse(s.t.Context(), owner(), vending.PendingReversal{Sale: p.Sale.Text(id.Vend), Reason: "test"})
	return payOut{done: err == nil && !out.Refused() && out.Value.State == sale.ReversalDone}
}

// drain carries out what is due, for a worker beside others.
func (s *payShop) drain() {
	worker := payment.NewWorker(s.Payments)
	var claims []job.Claim
	s.do(func(tx *store.Tx) (err error) {
		claims, err = tx.OutboxClaim(job.LanePayment, "", "test", s.clock.Now().Add(time.Minute), 10)
		return err
	})
	for _, c := range claims {
		v, err := worker.Send(s.t.Context(), tenant, c)
		if err != nil {
			s.t.Errorf("step %s: %v", c.Kind, err)
		}
		s.do(func(tx *store.Tx) error {
			if v.String() == "done" {
				_, err := tx.OutboxDone(c.ID, "test")
				return err
			}
			_, err := tx.OutboxRetry(c.ID, "test", s.clock.Now(), v.String())
			return err
		})
	}
}
