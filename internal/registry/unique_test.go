package registry_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
)

func TestOneNumberIsRegisteredOnceHoweverManyTry(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	var added, exists atomic.Int32
	var wg sync.WaitGroup
	const tries = 16
	for range tries {
		wg.Go(func() {
			a, err := w.AddMeter(t.Context(), boss(), tokenMeter(number))
			switch {
			case err != nil:
				t.Error(err)
			case a.Code == refusal.MeterExists:
				exists.Add(1)
			case !a.Refused():
				added.Add(1)
			default:
				t.Error(a.Detail())
			}
		})
	}
	wg.Wait()
	if added.Load() != 1 || exists.Load() != tries-1 {
		t.Errorf("%d added, %d refused, want 1 and %d", added.Load(), exists.Load(), tries-1)
	}
}

// TestDatabaseRefusesDoubles writes rows without the use cases, to check that the database enforces uniqueness too.
func TestDatabaseRefusesDoubles(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	a := w.add(t, tokenMeter(number))
	m, k := a.Meter.Meter, *a.Meter.Key
	for name, double := range map[string]func(tx *store.Tx) error{
		"number": func(tx *store.Tx) error { m := m; m.ID[0], m.N = 9, 99; return tx.AddMeterRow(m, nil, nil) },
		"dense": func(tx *store.Tx) error {
			m := m
			m.ID[0], m.Number = 9, "04140001019"
			return tx.AddMeterRow(m, nil, nil)
		},
		"meter": func(tx *store.Tx) error {
			m := m
			m.N, m.Number = 99, "04140001019"
			return tx.AddMeterRow(m, nil, nil)
		},
		"current key": func(tx *store.Tx) error {
			k := k
			k.ID[0] = 9
			return tx.AddMeterKey(k)
		},
		"tariff name": func(tx *store.Tx) error {
			i, err := tx.NewID()
			if err != nil {
				return err
			}
			return tx.AddTariffRow(i, "domestic")
		},
		"API key": func(tx *store.Tx) error {
			for range 2 {
				i, err := tx.NewID()
				if err != nil {
					return err
				}
				if err := tx.AddKey(access.Key{ID: i, Role: access.Owner, CreatedAt: w.now}, [32]byte{1}); err != nil {
					return err
				}
			}
			return nil
		},
		"e-mail address": func(tx *store.Tx) error {
			for range 2 {
				i, err := tx.NewID()
				if err != nil {
					return err
				}
				if err := tx.AddPersonRow(access.PersonRow{ID: i, Email: "a@example.org", Role: access.Owner, CreatedAt: w.now}); err != nil {
					return err
				}
			}
			return nil
		},
	} {
		err := w.engine.Run(t.Context(), store.FirstTenant, store.Sale, func(tx *store.Tx) (bool, error) { return false, double(tx) })
		if !errors.Is(err, store.ErrConflict) {
			t.Errorf("%s twice: got %v, want %v", name, err, store.ErrConflict)
		}
	}
	past := k // a past key does not count as a second current key
	past.ID[0], past.State = 9, "past"
	w.exec(t, func(tx *store.Tx) error { return tx.AddMeterKey(past) })
	if got := w.show(t, number).Key; got == nil || got.ID != k.ID {
		t.Errorf("the meter's current key is %+v, want %+v", got, k)
	}
	if _, err := w.AddCustomer(t.Context(), boss(), registry.NewCustomer{Name: "after the conflicts"}); err != nil {
		t.Errorf("after the conflicts: %v", err)
	}
}
