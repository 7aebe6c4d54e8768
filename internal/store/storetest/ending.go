package storetest

import (
	"errors"
	"testing"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
)

// endedMeter checks that a meter that was removed and then scrapped keeps its account, has nothing with which it could sign in, and is only in the
// lists that ask for it. A registration that was taken back is in none.
func endedMeter(t *testing.T, r Rig) {
	e := r.Open(t)
	h, back, stays := addHousehold(t, e, 78), addHousehold(t, e, 79), addHousehold(t, e, 80)
	must(t, e, func(tx *store.Tx) error { return tx.RemoveMeter(back.meter) })
	lists := func(status string, want ...string) {
		t.Helper()
		look(t, e, func(tx *store.Tx) (struct{}, error) {
			standings, err := tx.MeterStandings(registry.StandingFilter{Status: status}, id.ID{}, 10)
			var got []string
			for _, s := range standings {
				got = append(got, s.Number)
			}
			if len(got) != len(want) || len(want) > 0 && got[0] != want[0] {
				t.Errorf("the status %q lists %v, want %v", status, got, want)
			}
			return struct{}{}, err
		})
	}
	lists("", h.meter.Number, stays.meter.Number)
	status := registry.Active
	for _, to := range []registry.Status{registry.Removed, registry.Scrapped} {
		must(t, e, func(tx *store.Tx) error {
			known, err := tx.ReadEnding(h.meter)
			if err != nil || known.Meter.Status != status || known.ReplacedBy != "" || known.Measures != "" {
				t.Errorf("known is %+v, %v", known, err)
			}
			return errors.Join(err, tx.EndMeter(known.Meter, to))
		})
		status = to
		must(t, e, func(tx *store.Tx) error {
			rec, _, err1 := tx.MeterRecord(h.meter.ID)
			password, next, err2 := tx.LockMeterLogin(h.meter.ID)
			_, _, _, signed, err3 := tx.LinkKey(h.meter.N)
			records, err4 := tx.MeterRecords(id.ID{}, 10)
			gone, err5 := tx.GoneMeters(10)
			found, err6 := tx.MetersNumbered(h.meter.Number[:9], 10)
			whole, err7 := tx.MetersNumbered(h.meter.Number, 10)
			if rec.Meter.Status != to || rec.Meter.Account != h.meter.Account || !rec.Customer.ID.IsZero() || rec.TariffName != "" ||
				rec.Meter.LoginEndsAt.IsZero() {
				t.Errorf("%s: the meter is %+v", to, rec)
			}
			if password != nil || next != nil || signed {
				t.Errorf("%s: password %x %x, signed %t", to, password, next, signed)
			}
			if len(records) != 1 || len(gone) != 1 || gone[0].Number != h.meter.Number || len(found) != 1 || len(whole) != 1 {
				t.Errorf("%s: %d records, gone %v, found %d and %d", to, len(records), gone, len(found), len(whole))
			}
			return errors.Join(err1, err2, err3, err4, err5, err6, err7)
		})
		lists("", stays.meter.Number)
		lists(string(to), h.meter.Number)
		lists(registry.EveryStatus, h.meter.Number, stays.meter.Number)
	}
	lists(string(registry.Removed))
}
