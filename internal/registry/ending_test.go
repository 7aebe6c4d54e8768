package registry_test

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/silence"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
)

// TestTheLifeOfAMeterIsAsItsPageSays compares the table of docs/operate/running.md with the function, for every pair of statuses.
func TestTheLifeOfAMeterIsAsItsPageSays(t *testing.T) {
	page, err := os.ReadFile("../../docs/operate/running.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "<!-- life -->")
	table, _, ended := strings.Cut(table, "<!-- end -->")
	if !ended {
		t.Fatal("the page has no table of the life of a meter")
	}
	said := map[[2]registry.Status]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\| `(\\w+)` \\|").FindAllStringSubmatch(table, -1) {
		said[[2]registry.Status{registry.Status(row[1]), registry.Status(row[2])}] = true
	}
	for _, from := range registry.Statuses() {
		for _, to := range registry.Statuses() {
			if pair := [2]registry.Status{from, to}; from.MayBecome(to) != said[pair] {
				t.Errorf("%s may become %s: %t, and the page says %t", from, to, from.MayBecome(to), said[pair])
			}
			delete(said, [2]registry.Status{from, to})
		}
	}
	if len(said) > 0 {
		t.Errorf("the page has statuses that no meter can have: %v", said)
	}
}

// endMeter asks for a step towards the end of the meter.
func (w *world) endMeter(t *testing.T, by access.Actor, to registry.Status, reason string) registry.ChangedMeter {
	t.Helper()
	do := w.RemoveMeter
	if to == registry.Scrapped {
		do = w.ScrapMeter
	}
	out, err := do(t.Context(), by, number, reason)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestAMeterIsRemovedAndThenScrapped: no step passes over another one, and a meter that supplies somebody takes none. A removed meter cannot sign in,
// has no link key, shows no account, and its SIM is free. No list has it, unless it is asked for.
func TestAMeterIsRemovedAndThenScrapped(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	const other = "04140001019"
	added := w.add(t, registry.NewMeter{Number: number, Mode: registry.PrepayWallet, Tariff: "domestic", SIM: "+254700000200", Feeder: "North",
		Customer: &registry.NewCustomer{Name: "Amina A."}})
	second := w.add(t, registry.NewMeter{Number: other, Mode: registry.PrepayWallet, Tariff: "domestic"})
	who, ok := w.letsIn(t, number, added.MQTTPassword.Reveal())
	if !ok {
		t.Fatal("the meter's password does not let it in")
	}
	for _, to := range []registry.Status{registry.Removed, registry.Scrapped} {
		if no := w.endMeter(t, boss(), to, "burnt"); no.Text != "meter-still-supplies" {
			t.Errorf("a meter in service may become %s: %v", to, no.Refusal)
		}
		if no := w.endMeter(t, boss(), to, " "); no.Text != "change-without-reason" {
			t.Errorf("%s without a reason: %v", to, no.Refusal)
		}
		if no := w.endMeter(t, as(access.Support), to, "burnt"); no.Code != refusal.Forbidden {
			t.Errorf("%s without the right: %v", to, no.Refusal)
		}
	}
	w.now = w.now.Add(time.Hour)
	w.exec(t, func(tx *store.Tx) error {
		return tx.AccountClose(added.Meter.Meter.Account, w.now, registry.CreditLeft{})
	})
	w.exec(t, func(tx *store.Tx) error {
		n := added.Meter.Meter.N
		return errors.Join(tx.RaiseAlarm(n, metering.Alarm{Code: silence.AlarmMeter, Text: "silent"}),
			tx.RaiseAlarm(n, metering.Alarm{Code: metering.AlarmTamper, Text: "opened"}),
			tx.RaiseAlarm(second.Meter.Meter.N, metering.Alarm{Code: silence.AlarmMeter, Text: "silent"}))
	})
	if no := w.endMeter(t, boss(), registry.Scrapped, "burnt"); no.Text != "meter-not-to-scrap" {
		t.Errorf("a meter that may still hang is scrapped: %v", no.Refusal)
	}
	out := w.endMeter(t, boss(), registry.Removed, "burnt")
	if out.Refused() || out.Meter.Status != registry.Removed || out.Meter.SIM != "" || out.Wallet != nil ||
		!out.Customer.ID.IsZero() || out.Feeder != "" {
		t.Errorf("removed: %s %+v", out.Detail(), out.MeterView)
	}
	w.exec(t, func(tx *store.Tx) error {
		var open []string
		err := tx.C.Query(`SELECT code, meter FROM alarm WHERE cleared_at IS NULL ORDER BY code, meter`, func(r core.Row) error {
			open = append(open, fmt.Sprint(r.Text(0), " ", r.Int(1)))
			return nil
		})
		want := []string{fmt.Sprint("meter-silent ", second.Meter.Meter.N), fmt.Sprint("tamper ", added.Meter.Meter.N)}
		if !slices.Equal(open, want) {
			t.Errorf("open alarms: %v, want %v", open, want)
		}
		return err
	})
	if _, ok := w.letsIn(t, number, added.MQTTPassword.Reveal()); ok || w.stays(t, who) {
		t.Error("the password of a removed meter lets it in, or the meter stays")
	}
	if _, ok, err := w.CertifiedIdentity(t.Context(), number); ok || err != nil {
		t.Errorf("the certificate of a removed meter lets it in, %v", err)
	}
	if changed, err := w.LoginsChanged(t.Context(), w.now.Add(-time.Minute), w.now); err != nil || len(changed) != 1 {
		t.Errorf("the servers learn of %v, %v", changed, err)
	}
	w.exec(t, func(tx *store.Tx) error {
		if _, _, _, found, err := tx.LinkKey(out.Meter.N); found || err != nil {
			t.Errorf("a removed meter has a link key: %t, %v", found, err)
		}
		return tx.SetSIM(second.Meter.Meter.ID, "+254700000200")
	})
	w.wantMeters(t, registry.MeterFilter{}, other)
	w.wantMeters(t, registry.MeterFilter{Find: "0414"}, other)
	w.wantMeters(t, registry.MeterFilter{Status: "removed"}, number)
	w.wantMeters(t, registry.MeterFilter{Status: "scrapped"})
	w.wantMeters(t, registry.MeterFilter{Status: registry.EveryStatus}, number, other)
	list, err := w.Meters(t.Context(), boss(), registry.MeterFilter{Status: "lost"}, registry.Page{})
	if err != nil || list.Code != refusal.InvalidRequest {
		t.Errorf("an unknown status: %v, %v", list.Refusal, err)
	}
	gone, err := w.GoneMeters(t.Context(), boss(), 10)
	if err != nil || len(gone.Data) != 1 || gone.Data[0].Number != number || gone.Data[0].Customer != added.Meter.Customer.ID {
		t.Errorf("gone are %+v, %v", gone, err)
	}
	feeder := "South"
	moved, err := w.ChangeMeter(t.Context(), boss(), number, registry.MeterChange{Feeder: &feeder, Reason: "moved"})
	if err != nil || moved.Text != "change-of-gone-meter" {
		t.Errorf("the feeder of a place is changed through a removed meter: %v, %v", moved.Refusal, err)
	}
	if no, err := w.SetSIM(t.Context(), boss(), number, "+254700000300"); err != nil || no.Text != "change-of-gone-meter" {
		t.Errorf("a removed meter gets a SIM: %v, %v", no.Refusal, err)
	}
	if no := w.endMeter(t, boss(), registry.Removed, "burnt"); no.Text != "meter-not-to-remove" {
		t.Errorf("removed twice: %v", no.Refusal)
	}
	if out := w.endMeter(t, boss(), registry.Scrapped, "burnt"); out.Refused() || out.Meter.Status != registry.Scrapped {
		t.Errorf("scrapped: %s %+v", out.Detail(), out.Meter)
	}
	if no := w.endMeter(t, boss(), registry.Scrapped, "burnt"); no.Text != "meter-not-to-scrap" {
		t.Errorf("scrapped twice: %v", no.Refusal)
	}
	if n := w.audited(t, store.FirstTenant); n["meter.remove"] != 1 || n["meter.scrap"] != 1 {
		t.Errorf("the audit log has %v", n)
	}
}

// TestAMeterInStockIsScrapped: its account ends with it, so that no fees are charged to it.
func TestAMeterInStockIsScrapped(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	stock := tokenMeter(number)
	stock.Status = registry.Stock
	added := w.add(t, stock)
	if out := w.endMeter(t, boss(), registry.Scrapped, "burnt"); out.Refused() || out.Meter.Status != registry.Scrapped {
		t.Fatalf("scrapped: %s %+v", out.Detail(), out.Meter)
	}
	w.exec(t, func(tx *store.Tx) error {
		account, found, err := tx.PricedAccount(added.Meter.Meter.N)
		if !found || account.Status != "closed" {
			t.Errorf("the account of the scrapped meter is %s, found %t", account.Status, found)
		}
		return err
	})
	w.wantMeters(t, registry.MeterFilter{})
	w.wantMeters(t, registry.MeterFilter{Status: "scrapped"}, number)
}

// TestAPlannedTariffOfARemovedMeterDoesNothing: the account may be another meter's by now, so nobody takes the change back through this one either.
func TestAPlannedTariffOfARemovedMeterDoesNothing(t *testing.T) {
	w := newWorld(t)
	w.homes(t)
	from := w.now.Add(time.Hour)
	w.changeTariff(t, walletHome, registry.ChangingTariff{Tariff: "shops", From: from})
	m := w.show(t, walletHome).Meter
	w.exec(t, func(tx *store.Tx) error { return tx.EndMeter(m, registry.Removed) })
	if out := w.changeTariff(t, walletHome, registry.ChangingTariff{Withdraw: true}); out.Text != "tariff-change-without-account" {
		t.Errorf("the change is taken back through the removed meter: %v", out.Refusal)
	}
	w.now = from
	if got := w.show(t, walletHome).Tariff; got != "" {
		t.Errorf("when the planned change begins, the removed meter is on tariff %s", got)
	}
}

// wantMeters checks which meters a filter lists.
func (w *world) wantMeters(t *testing.T, f registry.MeterFilter, want ...string) {
	t.Helper()
	list, err := w.Meters(t.Context(), boss(), f, registry.Page{})
	if err != nil || list.Refused() {
		t.Fatalf("%+v: %v %s", f, err, list.Detail())
	}
	var got []string
	for _, m := range list.Data {
		got = append(got, m.Meter.Number)
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%+v lists %v, want %v", f, got, want)
	}
}

// TestAMainMeterIsNotRemoved: the losses of a feeder follow from its main meter, so a removal of that would hide them.
func TestAMainMeterIsNotRemoved(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	added := w.add(t, registry.NewMeter{Number: number, Mode: registry.PrepayWallet, Tariff: "domestic"})
	measures := func(feeder string) {
		t.Helper()
		out, err := w.ChangeMeter(t.Context(), boss(), number, registry.MeterChange{Measures: &feeder, Reason: "main meter"})
		if err != nil || out.Refused() {
			t.Fatal(err, out.Detail())
		}
	}
	measures("Riverside")
	w.exec(t, func(tx *store.Tx) error {
		return tx.AccountClose(added.Meter.Meter.Account, w.now, registry.CreditLeft{})
	})
	if no := w.endMeter(t, boss(), registry.Removed, "burnt"); no.Text != "removal-of-main-meter" {
		t.Errorf("a main meter is removed: %v", no.Refusal)
	}
	w.exec(t, func(tx *store.Tx) error { _, err := tx.SetMeasures(added.Meter.Meter.N, ""); return err })
	if out := w.endMeter(t, boss(), registry.Removed, "burnt"); out.Refused() {
		t.Errorf("a meter that measures no feeder is not removed: %s", out.Detail())
	}
}
