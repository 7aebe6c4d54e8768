package shoptest_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
)

// clerks are two people of the utility: one whose meters are recorded, and one who recorded some of them.
func (s *shop) clerks() (juma, asha access.PersonRow) {
	s.t.Helper()
	juma = access.PersonRow{ID: id.ID{7}, Email: "juma@example.org", Name: "Juma", Role: access.Operator, Password: "x", CreatedAt: s.clock.Now()}
	asha = access.PersonRow{ID: id.ID{8}, Email: "asha@example.org", Name: "Asha", Role: access.Owner, Password: "x", CreatedAt: s.clock.Now()}
	s.do(func(tx *store.Tx) error {
		if err := tx.AddPersonRow(juma); err != nil {
			return err
		}
		return tx.AddPersonRow(asha)
	})
	return juma, asha
}

// own records a meter or a telephone as that of a person.
func (s *shop) own(of, by access.PersonRow, kind access.OwnKind, number string) access.Own {
	s.t.Helper()
	o := access.Own{Person: of.ID, Kind: kind, Number: number, Key: access.OwnKey(kind, number), By: "person " + by.Email, CreatedAt: s.clock.Now()}
	s.do(func(tx *store.Tx) (err error) {
		if o.ID, err = tx.NewID(); err != nil {
			return err
		}
		return tx.Owns().AddOwn(o)
	})
	return o
}

// ended ends a record.
func (s *shop) ended(o access.Own) {
	s.t.Helper()
	o.EndedAt, o.EndedBy = s.clock.Now(), "person asha@example.org"
	s.do(func(tx *store.Tx) error { return tx.Owns().EndOwn(o) })
}

// calledBy gives the customer of a meter a telephone number.
func (s *shop) calledBy(meter, phone string) {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		_, err := tx.C.Exec(`UPDATE customer SET phone = $1 WHERE id IN (SELECT a.customer_id FROM account a JOIN meter m ON m.account_id = a.id WHERE m.number = $2)`, phone, meter)
		return err
	})
}

// wantOwn compares the open alarms about payments for own meters with parts that each of them must have.
func (s *shop) wantOwn(name string, want ...[]string) {
	s.t.Helper()
	got := s.alarms(string(metering.AlarmPaymentOwn))
	if len(got) != len(want) {
		s.t.Errorf("%s: %d alarms %q, want %d", name, len(got), got, len(want))
		return
	}
	for _, parts := range want { // alarms of one moment have no order
		lacks := func(alarm, part string) bool { return !strings.Contains(alarm, part) }
		if !slices.ContainsFunc(got, func(alarm string) bool {
			return !slices.ContainsFunc(parts, func(part string) bool { return lacks(alarm, part) })
		}) {
			s.t.Errorf("%s: no alarm of %q says %q", name, got, parts)
		}
	}
}

// TestAPaymentToSomebodysOwnMeterRaisesAnAlarm: whoever knows a provider's secret makes payments, and makes them for the own meter. Everybody is told,
// with the names of the person and of whoever recorded the meter, once for each payment, in the transaction of its sale.
func TestAPaymentToSomebodysOwnMeterRaisesAnAlarm(t *testing.T) {
	s := openPaid(t, nil)
	tariff := s.publish("domestic", flat(), long())
	own, phoned, strange := s.meter(1, place{tariff: tariff}), s.meter(2, place{tariff: tariff}), s.meter(3, place{tariff: tariff})
	s.calledBy(phoned, "+254711000222")
	juma, asha := s.clerks()
	of := s.own(juma, asha, access.OwnMeter, own)
	s.own(asha, asha, access.OwnPhone, "0711 000 222")

	s.paid("TX1", 50_000, strange)
	s.work()
	s.wantOwn("a stranger's meter")

	s.paid("TX2", 50_000, own)
	s.work()
	s.send(paidBody("TX2", 50_000, "KES", own)) // told again
	s.work()
	first := []string{"500.00 KES", "by bank", own, "own meter of Juma (by asha@example.org)"}
	s.wantOwn("an own meter", first)

	s.paid("TX3", 60_000, phoned)
	s.work()
	second := []string{"600.00 KES", "telephone", "of Asha (by asha@example.org)"}
	s.wantOwn("an own telephone", first, second)

	s.paid("TX4", 70_000, "rent") // nobody's meter: a person decides which
	s.work()
	s.wantOwn("a parked payment", first, second)
	parked, err := s.Payments.List(t.Context(), owner(), payment.Filter{State: payment.Parked}, registry.Page{})
	if err != nil || len(parked.Payments) != 1 {
		t.Fatal(err, len(parked.Payments))
	}
	done, err := s.Payments.Apply(t.Context(), owner(), payment.Decision{Payment: parked.Payments[0].Payment.Name(), Meter: own})
	if err != nil || done.Refused() {
		t.Fatal(err, done.Detail())
	}
	s.work()
	s.wantOwn("a payment that a person used", first, second, []string{"700.00 KES", own})

	s.ended(of)
	s.clock.add(access.OwnAfter - time.Hour)
	row := s.rowOf(own)
	s.do(func(tx *store.Tx) error { return tx.ClearAlarm(row, metering.AlarmPaymentOwn) })
	s.paid("TX5", 80_000, own)
	s.work()
	s.wantOwn("a record that ended not long ago", second, []string{"800.00 KES", "of Juma"})

	s.clock.add(2 * time.Hour)
	s.paid("TX6", 90_000, own)
	s.work()
	s.wantOwn("a record that ended long ago", second, []string{"800.00 KES"})
	s.verified()
}

// TestARowOfAStatementForAnOwnMeterRaisesAnAlarm although no call of the provider brought it.
func TestARowOfAStatementForAnOwnMeterRaisesAnAlarm(t *testing.T) {
	s := openPaid(t, nil)
	st, meter := s.statements(), s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	juma, _ := s.clerks()
	s.own(juma, juma, access.OwnMeter, meter)
	first := s.clock.Now()
	s.clock.add(72 * time.Hour)
	s.upload(st, mt940(first, 2, 100_000, bankRow{0, "B1", meter, "AMINA", 50_000}, bankRow{1, "B2", meter, "BEN", 70_000}))
	s.wantOwn("two rows", []string{"500.00 KES", "of Juma (by juma@example.org)"}, []string{"700.00 KES"})
}

// TestAVoucherForAnOwnMeterRaisesAnAlarm: whoever prints vouchers knows their PINs.
func TestAVoucherForAnOwnMeterRaisesAnAlarm(t *testing.T) {
	s := openVouchers(t, openWith(t, true, false), 2)
	s.paidFor(1, 2)
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	juma, _ := s.clerks()
	s.own(juma, juma, access.OwnMeter, meter)
	if out := s.redeem(1, meter); out.Refused() {
		t.Fatal(out.Detail())
	}
	s.wantOwn("a voucher", []string{"by voucher", "of Juma"})
}

// TestEveryProvidersPaymentForAnOwnMeterRaisesAnAlarm once, however often its calls and statements name the payment.
func TestEveryProvidersPaymentForAnOwnMeterRaisesAnAlarm(t *testing.T) {
	all := playedProviders()
	for _, kind := range slices.Sorted(maps.Keys(all)) {
		t.Run(kind, func(t *testing.T) {
			w := openWorld(t, all[kind], 3, nil)
			meter := w.meter(1, place{tariff: w.publish("domestic", flat(), long())})
			juma, _ := w.clerks()
			w.own(juma, juma, access.OwnMeter, meter)
			began := w.sim.Now()
			for n := range 5 { // the provider may fail some
				w.played.pay(w, n+1, meter, int64(50_000+100*n))
			}
			w.pass(2*time.Hour, 10*time.Second)
			w.state(began)
			sold, told := w.sales(), int64(len(w.alarms(string(metering.AlarmPaymentOwn))))
			if sold == 0 || told != sold {
				t.Errorf("%d alarms about %d sales", told, sold)
			}
		})
	}
}

// TestAnAlarmAboutAnOwnMeterIsNotCrowdedOut: many alarms of a meter do not stop it, and many of it do not stop another alarm.
func TestAnAlarmAboutAnOwnMeterIsNotCrowdedOut(t *testing.T) {
	s := openPaid(t, nil)
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	juma, _ := s.clerks()
	s.own(juma, juma, access.OwnMeter, meter)
	row := s.rowOf(meter)
	s.do(func(tx *store.Tx) error {
		for i := range 120 {
			if err := tx.RaiseOwnAlarm(row, metering.Alarm{Code: metering.AlarmPaymentOwn, Text: strings.Repeat("x", i+1)}); err != nil {
				return err
			}
		}
		return tx.RaiseAlarm(row, metering.Alarm{Code: metering.AlarmTamper, Text: "tamper"})
	})
	if n := len(s.alarms(string(metering.AlarmTamper))); n != 1 {
		t.Errorf("%d alarms about tampering, want 1", n)
	}
	s.do(func(tx *store.Tx) error {
		for i := range 120 {
			if err := tx.RaiseAlarm(row, metering.Alarm{Code: metering.AlarmUnreadable, Text: strings.Repeat("y", i+1)}); err != nil {
				return err
			}
		}
		return nil
	})
	s.paid("TX1", 50_000, meter)
	s.work()
	if n := len(s.alarms(string(metering.AlarmPaymentOwn))); n != 121 {
		t.Errorf("%d alarms about own meters, want 121", n)
	}
}

// TestAnAlarmAboutAnOwnMeterEndsByItself after a month, and stays in the list.
func TestAnAlarmAboutAnOwnMeterEndsByItself(t *testing.T) {
	s := openPaid(t, nil)
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	juma, _ := s.clerks()
	s.own(juma, juma, access.OwnMeter, meter)
	s.paid("TX1", 50_000, meter)
	s.work()
	for _, c := range []struct {
		after time.Duration
		open  int
	}{{payment.OwnFor - time.Hour, 1}, {2 * time.Hour, 0}} {
		s.clock.add(c.after)
		if err := payment.NewWorker(s.Payments).Sweep(t.Context(), tenant); err != nil {
			t.Fatal(err)
		}
		if n := len(s.alarms(string(metering.AlarmPaymentOwn))); n != c.open {
			t.Errorf("%d open alarms %s later, want %d", n, c.after, c.open)
		}
	}
	if n := s.number(`SELECT COUNT(*) FROM alarm WHERE code = 'payment-own'`); n != 1 {
		t.Errorf("%d alarms in the list, want 1", n)
	}
}

// rowOf returns the row number of a meter.
func (s *shop) rowOf(number string) int64 {
	s.t.Helper()
	return s.number(`SELECT n FROM meter WHERE number = $1`, number)
}
