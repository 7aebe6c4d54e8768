package vending_test

import (
	"crypto/rand"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/storetest"
)

// TestAStatementIsSoldAsItWasAgreed: somebody changes telephones after a second person approved a statement, and before its rows are sold. Each row is
// sold to the meter that the second person saw, and a row without a meter waits for a person, whatever it names by now.
func TestAStatementIsSoldAsItWasAgreed(t *testing.T) {
	s := openPaid(t, nil)
	tariff := s.publish("domestic", flat(), long())
	seen, other := s.meter(1, place{tariff: tariff}), s.meter(2, place{tariff: tariff})
	s.foundBy(seen, "+254711000222")
	s.foundBy(other, "+254711000333")
	st := s.statements()
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
	out, err := acc.Decide(t.Context(), second, up.Waits.Name(), access.Decision{Allow: true, Shown: shown.Now.Shown})
	if err != nil || out.Refused() || out.Done.Refused() {
		t.Fatalf("approved: %v %s %s", err, out.Detail(), out.Done.Detail())
	}
	s.foundBy(seen, "+254711000555")
	s.foundBy(other, "+254711000222")
	third := s.meter(3, place{tariff: tariff})
	s.foundBy(third, "+254711000444")
	s.work()
	if err := payment.NewWorker(s.Payments).Sweep(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	s.work()
	s.want(map[string]string{"QK1": "applied  statement", "QK2": "parked unknown-reference statement"}, 1)
	for meter, want := range map[string]int64{seen: 1, other: 0, third: 0} {
		if got := s.number(`SELECT COUNT(*) FROM vend WHERE meter = (SELECT n FROM meter WHERE number = $1)`, meter); got != want {
			t.Errorf("%d sales to meter %s, want %d", got, meter, want)
		}
	}
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
