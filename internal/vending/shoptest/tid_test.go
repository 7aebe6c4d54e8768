package shoptest_test

import (
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/vendor"
	"github.com/paywatt/paywatt/sts"
)

func TestTokensOfOneMinuteTakeTheNextMinutes(t *testing.T) {
	s := open(t, true)
	s.clock.set(s.at("2026-11-21T00:00:30Z"))
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	midnight, err := sts.Base2014.TIDAt(s.at("2026-11-21T00:00:00Z"))
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range []sts.TID{midnight, midnight + 2, midnight + 3} { // 00:01 is reserved
		if got := s.sell(order(m, 10000, fmt.Sprintf("key-number-%d", n))).Sale.Tokens[0].TID; got != want {
			t.Errorf("sale %d got TID %d, want %d", n, got, want)
		}
	}
	s.clock.set(s.at("2026-11-22T00:01:10Z"))
	if got := s.sell(order(m, 10000, "key-number-9")).Sale.Tokens[0].TID; got != midnight+1440+2 {
		t.Errorf("a token of 00:01 got TID %d, want that of 00:02, %d", got, midnight+1440+2)
	}
}

// lastTID sets the newest TID of a meter's key to this number of minutes after the test's time.
func lastTID(t *testing.T, minutes int64) func([]registry.Key) []registry.Key {
	now, err := sts.Base2014.TIDAt(monday())
	if err != nil {
		t.Fatal(err)
	}
	return func(k []registry.Key) []registry.Key {
		k[0].LastTID = sts.TID(int64(now) + minutes)
		return k
	}
}

func TestTIDsRunAtMostADayAhead(t *testing.T) {
	s := open(t, true)
	domestic := s.publish("domestic", flat(), monday())
	last := s.meter(1, place{tariff: domestic, keys: lastTID(t, sale.MaxAhead-1)})
	if got := s.sell(order(last, 10000, "key-number-1")); got.Sale.Tokens[0].TID == 0 {
		t.Error("the last allowed minute was not given")
	}
	s.refused(order(last, 10000, "key-number-2"), refusal.TooManyTokens)
	split := s.meter(2, place{tariff: domestic, keys: lastTID(t, sale.MaxAhead-1)})
	s.refused(order(split, 1_000_000, "key-number-3"), refusal.TooManyTokens) // the first of its three tokens would fit
	s.audit()
}

func TestBaseDatesAreNeverTruncated(t *testing.T) {
	s := open(t, true)
	domestic := s.publish("domestic", flat(), s.at("2000-01-01T00:00:00Z"))
	base := func(b sts.BaseDate) func([]registry.Key) []registry.Key {
		return func(k []registry.Key) []registry.Key { k[0].BaseDate = b; return k }
	}
	over := s.meter(1, place{tariff: domestic, keys: base(sts.Base1993)})
	early := s.meter(2, place{tariff: domestic, keys: base(sts.Base2035)})
	for m, key := range map[string]string{over: "key-number-1", early: "key-number-2"} {
		if sold := s.refused(order(m, 10000, key), refusal.BaseDateExpired); vending.MoneyMoved(sold.Code) != vending.MovedNo {
			t.Errorf("money moved: %s", vending.MoneyMoved(sold.Code))
		}
	}
	s.clock.set(s.at("2045-11-24T20:15:00Z"))
	m := s.meter(3, place{tariff: domestic})
	if got := s.sell(order(m, 10000, "key-number-3")).Sale.Tokens[0].TID; got != sts.MaxTID {
		t.Errorf("the last minute of base date 2014 = TID %d, want %d", got, sts.MaxTID)
	}
	s.refused(order(m, 10000, "key-number-4"), refusal.BaseDateExpired)
	s.clock.set(s.at("2045-11-24T20:16:00Z"))
	s.refused(order(s.meter(4, place{tariff: domestic}), 10000, "key-number-5"), refusal.BaseDateExpired)
}

func TestKeysThatCannotSell(t *testing.T) {
	s := open(t, true)
	domestic := s.publish("domestic", flat(), monday())
	now, err := sts.Base2014.TIDAt(monday())
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		name string
		keys func([]registry.Key) []registry.Key
		want refusal.Code
	}{
		{"initialisation key", func(k []registry.Key) []registry.Key { k[0].KT = sts.DITK; return k }, refusal.KeyTypeForbidden},
		{"default key", func(k []registry.Key) []registry.Key { k[0].KT = sts.DDTK; return k }, refusal.KeyTypeForbidden},
		{"common key", func(k []registry.Key) []registry.Key { k[0].KT = sts.DCTK; return k }, refusal.KeyTypeForbidden},
		{"expired key", func(k []registry.Key) []registry.Key { k[0].KEN = uint8(now>>16) - 1; return k }, refusal.KeyExpired},
		{"key in its last period", func(k []registry.Key) []registry.Key { k[0].KEN = uint8(now >> 16); return k }, ""},
		{"no key", func([]registry.Key) []registry.Key { return nil }, refusal.KeyMissing},
		{"planned change", func(k []registry.Key) []registry.Key {
			next := k[0]
			next.ID[15]++
			next.State = "planned"
			return append(k, next)
		}, refusal.KeyChangeRequired},
	} {
		m := s.meter(i, place{tariff: domestic, keys: c.keys})
		if sold := s.refused(order(m, 10000, fmt.Sprintf("key-number-%d", i)), c.want); c.want == "" && sold.Sale.State != sale.Completed {
			t.Errorf("%s: %s", c.name, sold.Sale.State)
		}
	}
}

func TestAnIssuedKeyChangeIsTakenAsDone(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday()), keys: func(k []registry.Key) []registry.Key {
		next := k[0]
		next.ID[15]++
		next.State, next.TI = "issued", "02"
		return append(k, next)
	}})
	sold := s.sell(order(m, 10000, "key-number-1"))
	k := s.key(sold.Sale)
	if got := s.opened(m, k, sold.Issued.Reveal(0)); k.TI != "02" || got.Result != sts.Accept {
		t.Errorf("sold under tariff index %s, and the new key reads %s", k.TI, got.Result)
	}
}

func TestMetersThatCannotBuy(t *testing.T) {
	s := open(t, true)
	domestic, later := s.publish("domestic", flat(), monday()), s.publish("later", flat(), monday().Add(time.Hour))
	for i, c := range []struct {
		p    place
		want refusal.Code
	}{
		{place{tariff: domestic, meter: func(m *registry.Meter) { m.Status = registry.Blocked }}, refusal.MeterBlocked},
		{place{tariff: domestic, meter: func(m *registry.Meter) { m.Status = registry.Stock }}, refusal.MeterBlocked},
		{place{tariff: domestic, meter: func(m *registry.Meter) { m.Mode = registry.Postpay }}, refusal.InvalidRequest},
		{place{tariff: domestic, meter: func(m *registry.Meter) { m.Account[0]++ }}, refusal.AccountClosed},
		{place{tariff: later}, refusal.TariffMissing},
	} {
		s.refused(order(s.meter(i, c.p), 10000, fmt.Sprintf("key-number-%d", i)), c.want)
	}
	s.clock.add(time.Hour)
	s.sell(order(s.meter(9, place{tariff: later}), 10000, "key-number-9"))
}

func TestAClockBehindTheNewestTokenSellsNothing(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday().Add(-24*time.Hour))})
	s.sell(order(m, 10000, "key-number-1"))
	s.clock.add(-vending.MaxClockBack)
	tid := s.sell(order(m, 10000, "key-number-2")).Sale.Tokens[0].TID
	s.clock.add(-time.Second)
	if sold := s.refused(order(m, 10000, "key-number-3"), refusal.ClockUntrusted); sold.Reply.Status != 0 {
		t.Error("a refusal of the moment was stored")
	}
	s.clock.set(monday())
	if next := s.sell(order(m, 10000, "key-number-3")); next.Sale.Tokens[0].TID != tid+1 {
		t.Errorf("after the clock was set right TID %d, want %d", next.Sale.Tokens[0].TID, tid+1)
	}
	s.audit()
}

// TestASaleHasTheTimeOfItsTransaction: a server that uses its database's clock knows that clock's time only once a transaction has begun.
// Its own clock was moved before. A token issued in the future would stop all servers until that time.
func TestASaleHasTheTimeOfItsTransaction(t *testing.T) {
	tid, err := sts.Base2014.TIDAt(monday())
	if err != nil {
		t.Fatal(err)
	}
	for _, local := range []bool{true, false} {
		for _, moved := range []time.Duration{45 * time.Minute, -45 * time.Minute} {
			s := open(t, local)
			m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday().Add(-24*time.Hour))})
			shop := s.vendor(vendor.NewVendor{})
			s.payIn(shop, 10000, "BANK-0001")
			s.clock.add(moved)
			s.door.before = func(int) error { s.clock.set(monday()); return nil }
			sold := s.sellAs(clerk(shop), order(m, 10000, "key-number-1"))
			if sold.Refused() {
				t.Fatal(sold.Detail())
			}
			if got := sold.Sale.Tokens[0]; !sold.Sale.PricedAt.Equal(monday()) || !got.IssuedAt.Equal(monday()) || got.TID != tid {
				t.Errorf("a clock that was %s off until the transaction began: priced at %s, token %d issued at %s; want %s and %d",
					moved, sold.Sale.PricedAt, got.TID, got.IssuedAt, monday(), tid)
			}
			s.audit()
		}
	}
}

func TestAfterARestoreNoTIDOfTheLostTimeReturns(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	lost := s.sell(order(m, 10000, "key-number-1")).Sale
	s.lose()
	sale := s.sell(order(m, 10000, "key-number-2")).Sale
	if sale.Tokens[0].TID <= lost.Tokens[0].TID {
		t.Errorf("in the minute of the restore TID %d, want one after %d", sale.Tokens[0].TID, lost.Tokens[0].TID)
	}
	if after := regexp.MustCompile(`^main-000001/2[a-z]{4}$`); lost.ReceiptNo != "main-000001" || !after.MatchString(sale.ReceiptNo) {
		t.Errorf("receipts %s and %s, want main-000001 and main-000001/2 with four letters", lost.ReceiptNo, sale.ReceiptNo)
	}
}

// TestVerifyFindsTIDsOfTheLostTimeGivenFree: after a restore, every key has a limit, and no TID up to this limit is issued. Lowering the
// limit would make customers pay for tokens that their meters reject as used.
func TestVerifyFindsTIDsOfTheLostTimeGivenFree(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.sell(order(m, 10000, "key-number-1"))
	s.do(func(tx *storeTx) error { _, err := tx.BeginEpoch(tx.Now, store.Branch{}); return err })
	s.crash()
	s.clock.add(time.Minute)
	s.sell(order(m, 10000, "key-number-2"))
	s.meter(2, place{tariff: s.tariffOf(m)}) // the meter's key is new
	s.verified()
	for name, sql := range map[string]string{
		"all TIDs":               `UPDATE meter_key SET tid_floor = 0`,
		"one TID of one meter":   `UPDATE meter_key SET tid_floor = tid_floor - 1 WHERE id = (SELECT id FROM meter_key ORDER BY id LIMIT 1)`,
		"one TID of a new meter": `UPDATE meter_key SET tid_floor = tid_floor - 1 WHERE id = (SELECT id FROM meter_key ORDER BY id DESC LIMIT 1)`,
		"that it was restored":   `DELETE FROM meta WHERE key = 'restored_minute'`,
		"that it was, and a TID": `DELETE FROM meta WHERE key = 'restored_minute'; UPDATE meter_key SET tid_floor = 0`,
	} {
		r := s.after(s.trust(), script(sql))
		if !slices.ContainsFunc(r.Findings, func(f store.Finding) bool { return f.Rule == "key" }) {
			t.Errorf("%s: not found: %+v", name, r.Findings)
		}
	}
	s.verified()
}
