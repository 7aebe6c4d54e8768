package shoptest_test

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/reconcile"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/storetest"
)

// TestAStatementIsSoldAsItWasAgreed: somebody changes telephones after a second person approved a statement, and before its rows are sold. Each row is
// sold to the meter that the second person saw, and a row without a meter waits for a person, whatever it names by now. So it is too if the server ends
// before it has stored the rows, and if the second person did not say what they were shown. If somebody takes away what they saw, all rows wait.
func TestAStatementIsSoldAsItWasAgreed(t *testing.T) {
	for name, c := range map[string]struct{ ends, saysNothing, takenAway bool }{
		"at once": {}, "the server ends before": {ends: true}, "nobody says what was shown": {saysNothing: true}, "somebody takes it away": {ends: true, takenAway: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := openPaid(t, nil)
			tariff := s.publish("domestic", flat(), long())
			seen, other := s.meter(1, place{tariff: tariff}), s.meter(2, place{tariff: tariff})
			s.foundBy(seen, "+254711000222")
			s.foundBy(other, "+254711000333")
			st := s.statementsThrough(endingDoor{s.statementDoor(), func() bool {
				return c.ends && s.number(`SELECT COUNT(*) FROM statement_file WHERE state = 'reading'`) > 0
			}})
			acc, err := access.New(access.Config{Hasher: storetest.Hasher{}, FactorOptional: true, Now: s.clock.Now, Rand: rand.Reader,
				Argon: access.Argon{Time: 1, MemoryKiB: 8, Threads: 1}, Door: store.DoorTo(s.engine, store.Sale, func(tx *store.Tx) access.Tx { return tx })})
			if err != nil {
				t.Fatal(err)
			}
			acc.Serve(st.Executors())
			s.fourEyes()
			file := mpesaStatement(s.clock.Now(), statedRow{"QK1", "0711000222", 20_000}, statedRow{"QK2", "0711000444", 30_000})
			up, err := st.Upload(t.Context(), owner(), "bank", file, "")
			if err != nil || up.Waits == nil {
				t.Fatalf("a statement without a second person: %v %s", err, up.Detail())
			}
			second := owner()
			second.Name, second.Answers = "finance", id.ID{15: 2}
			shown, err := acc.Approval(t.Context(), second, up.Waits.Name())
			if err != nil || shown.Refused() || shown.Now == nil {
				t.Fatalf("the second person sees %+v, %v", shown, err)
			}
			decision := access.Decision{Allow: true, Shown: shown.Now.Shown}
			if c.saysNothing {
				decision.Shown = ""
			}
			out, err := acc.Decide(t.Context(), second, up.Waits.Name(), decision)
			if errors.Is(err, errEnded) != c.ends || err != nil && !c.ends || out.Refused() || out.Done.Refused() {
				t.Fatalf("approved: %v %s %s", err, out.Detail(), out.Done.Detail())
			}
			s.foundBy(seen, "+254711000555")
			s.foundBy(other, "+254711000222")
			third := s.meter(3, place{tariff: tariff})
			s.foundBy(third, "+254711000444")
			if c.takenAway {
				s.do(func(tx *store.Tx) error {
					_, err := tx.C.Exec(`UPDATE statement_file SET agreed_enc = NULL`)
					return err
				})
			}
			if err := s.statements().Continue(t.Context(), tenant); err != nil {
				t.Fatal(err)
			}
			s.work()
			if err := payment.NewWorker(s.Payments).Sweep(t.Context(), tenant); err != nil {
				t.Fatal(err)
			}
			s.work()
			first, sold := "applied  statement", int64(1)
			if c.takenAway {
				first, sold = "parked unknown-reference statement", 0
			}
			s.want(map[string]string{"QK1": first, "QK2": "parked unknown-reference statement"}, sold)
			for meter, want := range map[string]int64{seen: sold, other: 0, third: 0} {
				if got := s.number(`SELECT COUNT(*) FROM vend WHERE meter = (SELECT n FROM meter WHERE number = $1)`, meter); got != want {
					t.Errorf("%d sales to meter %s, want %d", got, meter, want)
				}
			}
		})
	}
}

var errEnded = errors.New("the server has ended")

// endingDoor is the door of a server that ends once something has happened.
type endingDoor struct {
	access.Door[reconcile.Tx]
	ended func() bool
}

func (d endingDoor) Do(ctx context.Context, t access.Tenant, fn func(reconcile.Tx) (bool, error)) error {
	if d.ended() {
		return errEnded
	}
	return d.Door.Do(ctx, t, fn)
}

// foundBy gives the customer of a meter a telephone number by which payments find the meter.
func (s *shop) foundBy(meter, phone string) {
	s.t.Helper()
	s.calledBy(meter, phone)
	s.do(func(tx *store.Tx) error {
		_, err := tx.C.Exec(`UPDATE customer SET search = 'amina ' || phone WHERE id IN (SELECT a.customer_id FROM account a JOIN meter m ON m.account_id = a.id WHERE m.number = $1)`, meter)
		return err
	})
}

// TestDecoysHideNobodyFromAPayment: whoever registers meters for a number with the same last digits does not push the payer's own meter out of what
// is looked at, so that only another meter with the payer's number is left.
func TestDecoysHideNobodyFromAPayment(t *testing.T) {
	s := openPaid(t, nil)
	const number, alike = "+254712345678", "+199912345678"
	domestic := s.publish("domestic", flat(), monday())
	s.foundBy(s.meter(1, place{tariff: domestic}), number)
	for n := range 6 {
		s.foundBy(s.meter(2+n, place{tariff: domestic}), alike)
	}
	s.foundBy(s.meter(9, place{tariff: domestic}), number)
	s.clock.add(48 * time.Hour)
	s.paid("TX1", 10_000, "0712345678")
	s.work()
	if n := s.sales(); n != 0 {
		t.Errorf("%d sales for a number of two customers, want the payment parked", n)
	}
}
