package registry_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tariff"
)

const (
	tokenHome  = "04140001001"
	walletHome = "04140001019"
)

// priced publishes a tariff with one price.
func (w *world) priced(t *testing.T, name string, rate money.MicroRate) {
	t.Helper()
	b := flat("KES")
	b.Blocks = []tariff.Block{{Rate: rate}}
	added, err := w.AddTariff(t.Context(), boss(), registry.NewTariff{Name: name, Body: b})
	if err != nil || added.Refused() {
		t.Fatalf("publish tariff %s: %v %s", name, err, added.Detail())
	}
}

// homes registers a token meter and a wallet meter on the tariff domestic, at 2.50, beside shops at 5.00 and lifeline at 1.00.
func (w *world) homes(t *testing.T) {
	t.Helper()
	w.domestic(t)
	w.add(t, tokenMeter(tokenHome))
	w.add(t, registry.NewMeter{Number: walletHome, Mode: registry.PrepayWallet, Tariff: "domestic"})
	w.priced(t, "shops", 5_000_000)
	w.priced(t, "lifeline", 1_000_000)
}

// fourEyes lets the rule of two people apply.
func (w *world) fourEyes(t *testing.T) {
	t.Helper()
	if s, err := w.ChangeSettings(t.Context(), boss(), registry.SettingsChange{FourEyes: yes(true), FourEyesAlone: true}); err != nil || s.Refused() {
		t.Fatalf("%v %s", err, s.Detail())
	}
}

func (w *world) changeTariff(t *testing.T, meter string, c registry.ChangingTariff) registry.ChangedTariff {
	t.Helper()
	c.Reason = "a test"
	out, err := w.ChangeTariff(t.Context(), boss(), meter, c)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// tariffs describes the tariffs of a meter, the oldest first.
func (w *world) tariffs(t *testing.T, meter string) string {
	t.Helper()
	list, err := w.AccountTariffs(t.Context(), boss(), meter, registry.Page{})
	if err != nil || list.Refused() {
		t.Fatalf("%v %s", err, list.Detail())
	}
	var out []string
	for _, a := range list.Data {
		out = append([]string{fmt.Sprintf("%s %s %s", a.Name, a.From.Format("02T15:04"), a.State)}, out...)
	}
	return strings.Join(out, ", ")
}

// TestAHomeBecomesAShop: at once, from a moment that has not come, and back. What the page says changes when the moment comes.
func TestAHomeBecomesAShop(t *testing.T) {
	for _, meter := range []string{tokenHome, walletHome} {
		w := newWorld(t)
		w.homes(t)
		w.now = w.now.Add(time.Hour)
		out := w.changeTariff(t, meter, registry.ChangingTariff{Tariff: "shops"})
		if out.Refused() || out.Waits != nil || !out.Alone || !out.AtOnce || !out.From.Equal(w.now) {
			t.Fatalf("%s: %+v", meter, out)
		}
		wantTariffs := func(want, shown string) {
			t.Helper()
			if got := w.tariffs(t, meter); got != want || w.show(t, meter).Tariff != shown {
				t.Errorf("%s: %s, and the page shows %s; want %s and %s", meter, got, w.show(t, meter).Tariff, want, shown)
			}
		}
		wantTariffs("domestic 20T08:00 past, shops 20T09:00 in force", "shops")
		w.now = w.now.Add(time.Hour)
		from := w.now.Add(24 * time.Hour)
		out = w.changeTariff(t, meter, registry.ChangingTariff{Tariff: "domestic", From: from})
		if out.Refused() || out.Alone || !out.From.Equal(from) {
			t.Fatalf("%s, planned: %+v", meter, out)
		}
		wantTariffs("domestic 20T08:00 past, shops 20T09:00 in force, domestic 21T10:00 planned", "shops")
		w.now = from
		wantTariffs("domestic 20T08:00 past, shops 20T09:00 past, domestic 21T10:00 in force", "domestic")
		if got := w.audited(t, store.FirstTenant)["account.tariff"]; got != 2 {
			t.Errorf("%d changes in the audit log, want 2", got)
		}
	}
}

// TestAPlannedTariffIsWithdrawn: the tariff from before goes on, also beyond the moment, and another change can be planned.
func TestAPlannedTariffIsWithdrawn(t *testing.T) {
	w := newWorld(t)
	w.homes(t)
	from := w.now.Add(time.Hour)
	w.changeTariff(t, tokenHome, registry.ChangingTariff{Tariff: "shops", From: from})
	refused(t, "another change", w.changeTariff(t, tokenHome, registry.ChangingTariff{Tariff: "lifeline"}).Refusal, nil, refusal.TariffInvalid)
	w.now = from.Add(-time.Minute)
	refused(t, "a minute before it begins", w.changeTariff(t, tokenHome, registry.ChangingTariff{Withdraw: true}).Refusal, nil, refusal.TariffInvalid)
	w.now = from.Add(-2 * time.Minute)
	out := w.changeTariff(t, tokenHome, registry.ChangingTariff{Withdraw: true})
	if out.Refused() || out.Withdraws != 1 || out.Before.Name != "shops" || out.After.Name != "domestic" {
		t.Fatalf("%+v", out)
	}
	refused(t, "withdrawn again", w.changeTariff(t, tokenHome, registry.ChangingTariff{Withdraw: true}).Refusal, nil, refusal.TariffInvalid)
	if out := w.changeTariff(t, tokenHome, registry.ChangingTariff{Tariff: "lifeline", From: from}); out.Refused() {
		t.Fatalf("%s", out.Detail())
	}
	if got, want := w.tariffs(t, tokenHome), "domestic 20T08:00 in force, shops 20T09:00 withdrawn, lifeline 20T09:00 planned"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	w.now = from
	if got, want := w.tariffs(t, tokenHome), "domestic 20T08:00 past, shops 20T09:00 withdrawn, lifeline 20T09:00 in force"; got != want {
		t.Errorf("once it has begun: %s, want %s", got, want)
	}
}

// TestTariffsThatAMeterCannotGet lists the refusals of a change.
func TestTariffsThatAMeterCannotGet(t *testing.T) {
	w := newWorld(t)
	w.homes(t)
	solar, err := w.AddTariff(t.Context(), boss(), registry.NewTariff{Name: "solar", Body: byTime()})
	if err != nil || solar.Refused() {
		t.Fatal(err, solar.Detail())
	}
	soon, err := w.AddTariff(t.Context(), boss(), registry.NewTariff{Name: "soon", Body: flat("KES"), EffectiveFrom: w.now.Add(time.Hour)})
	if err != nil || soon.Refused() {
		t.Fatal(err, soon.Detail())
	}
	stock := tokenMeter("04140001027")
	stock.Status = registry.Stock
	w.add(t, stock)
	type changing = registry.ChangingTariff
	for name, c := range map[string]struct {
		meter  string
		change registry.ChangingTariff
		want   refusal.Code // empty: it is possible
	}{
		"no tariff":                         {tokenHome, changing{}, refusal.InvalidRequest},
		"an unknown tariff":                 {tokenHome, changing{Tariff: "nowhere"}, refusal.TariffMissing},
		"an unknown meter":                  {"04140009996", changing{Tariff: "shops"}, refusal.MeterNotFound},
		"the same tariff":                   {tokenHome, changing{Tariff: "domestic"}, refusal.TariffInvalid},
		"in the past":                       {tokenHome, changing{Tariff: "shops", From: w.now.Add(-2 * time.Minute)}, refusal.TariffInvalid},
		"in six years":                      {tokenHome, changing{Tariff: "shops", From: w.now.AddDate(6, 0, 0)}, refusal.TariffInvalid},
		"tokens by time of use":             {tokenHome, changing{Tariff: "solar"}, refusal.TariffInvalid},
		"a wallet by time of use":           {walletHome, changing{Tariff: "solar"}, ""},
		"a tariff that has not begun":       {tokenHome, changing{Tariff: "soon"}, refusal.TariffInvalid},
		"the same once it has begun":        {tokenHome, changing{Tariff: "soon", From: w.now.Add(time.Hour)}, ""},
		"a meter in the store room":         {stock.Number, changing{Tariff: "shops"}, ""},
		"no change that could be withdrawn": {tokenHome, changing{Withdraw: true}, refusal.TariffInvalid},
	} {
		c.change.Reason = "a test"
		plan, err := w.PlanTariffChange(t.Context(), boss(), c.meter, c.change)
		if err != nil || plan.Code != c.want {
			t.Errorf("%s: %q %s, %v; want %q", name, plan.Code, plan.What, err, c.want)
		}
	}
	out, err := w.ChangeTariff(t.Context(), boss(), tokenHome, registry.ChangingTariff{Tariff: "shops"})
	refused(t, "without a reason", out.Refusal, err, refusal.InvalidRequest)
	out, err = w.ChangeTariff(t.Context(), as(access.Operator), tokenHome, registry.ChangingTariff{Tariff: "shops", Reason: "a test"})
	refused(t, "a cashier", out.Refusal, err, refusal.Forbidden)
	out, err = w.ChangeTariff(t.Context(), access.SystemActor(w.other, "test"), tokenHome, registry.ChangingTariff{Tariff: "shops", Reason: "a test"})
	refused(t, "another utility", out.Refusal, err, refusal.MeterNotFound)
	if got, want := w.tariffs(t, tokenHome), "domestic 20T08:00 in force"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	// A tariff by time of use would take the tokens of a meter that gets the tariff later.
	w.changeTariff(t, tokenHome, registry.ChangingTariff{Tariff: "shops", From: w.now.Add(time.Hour)})
	v, err := w.AddVersion(t.Context(), boss(), registry.NewVersion{Tariff: "shops", Body: byTime(), EffectiveFrom: w.now.Add(2 * time.Hour)})
	refused(t, "a version under a token meter that is planned", v.Refusal, err, refusal.TariffInvalid)
}

// TestWhatBecomesCheaperTakesTwoPeople: a home may become a shop at once. The way back, and whatever else makes something cheaper, waits for a second
// person, who sees what the next purchase and a usual month cost before and after.
func TestWhatBecomesCheaperTakesTwoPeople(t *testing.T) {
	w := newWorld(t)
	w.homes(t)
	w.priced(t, "promotion", 6_000_000)
	cheap := flat("KES")
	cheap.Blocks = []tariff.Block{{Rate: 100_000}}
	v, err := w.AddVersion(t.Context(), boss(), registry.NewVersion{Tariff: "promotion", Body: cheap, EffectiveFrom: w.now.Add(48 * time.Hour)})
	if err != nil || v.Refused() {
		t.Fatal(err, v.Detail())
	}
	w.fourEyes(t)
	for name, c := range map[string]struct {
		change registry.ChangingTariff
		waits  bool
	}{
		"dearer":                        {registry.ChangingTariff{Tariff: "shops"}, false},
		"dearer, later":                 {registry.ChangingTariff{Tariff: "shops", From: w.now.Add(time.Hour)}, false},
		"cheaper":                       {registry.ChangingTariff{Tariff: "lifeline"}, true},
		"dearer today, cheaper in days": {registry.ChangingTariff{Tariff: "promotion"}, true},
	} {
		for _, meter := range []string{tokenHome, walletHome} {
			plan, err := w.PlanTariffChange(t.Context(), boss(), meter, c.change)
			if err != nil || plan.Refused() || plan.Alone == c.waits {
				t.Errorf("%s, meter %s: alone %t, %v %s", name, meter, plan.Alone, err, plan.Detail())
			}
		}
	}
	if out := w.changeTariff(t, tokenHome, registry.ChangingTariff{Tariff: "shops"}); out.Refused() || out.Waits != nil {
		t.Fatalf("a home becomes a shop: %+v", out)
	}
	out := w.changeTariff(t, tokenHome, registry.ChangingTariff{Tariff: "domestic"})
	if out.Waits == nil || w.show(t, tokenHome).Tariff != "shops" {
		t.Fatalf("the way back: %+v, and the meter is on %s", out, w.show(t, tokenHome).Tariff)
	}
	a := out.Waits
	summary := `change the tariff of meter 04140001001 from "shops" to "domestic" at once; reason: a test`
	if a.Act != access.ActMeterTariff || a.Summary != summary {
		t.Errorf("a second person is asked for %s to %s, want %s", a.Act, a.Summary, summary)
	}
	// 20 kWh at 5.00 and 15 % cost 115.00, which buy 20.0 kWh of a shop and 40.0 kWh of a home.
	for _, want := range []string{`"name":"tariff","before":{"text":"shops"},"after":{"text":"domestic"}`,
		`"name":"next-purchase","after":{"minor":11500,"currency":"KES"}`,
		`"name":"buys","before":{"unit":"energy","number":20000},"after":{"unit":"energy","number":40000}`,
		`"name":"usual-month","before":{"minor":57500,"currency":"KES"},"after":{"minor":28750,"currency":"KES"}`} {
		if !strings.Contains(a.Effect, want) {
			t.Errorf("the second person sees %s, without %s", a.Effect, want)
		}
	}
	if done := w.approve(t, a); done.Refused() || done.Object != "meter "+tokenHome {
		t.Fatalf("done under its approval: %+v", done)
	}
	if got := w.show(t, tokenHome).Tariff; got != "domestic" {
		t.Errorf("the meter is on %s, want domestic", got)
	}
	// Whoever withdraws a dearer tariff makes something cheaper, too.
	w.changeTariff(t, walletHome, registry.ChangingTariff{Tariff: "shops", From: w.now.Add(time.Hour)})
	if out := w.changeTariff(t, walletHome, registry.ChangingTariff{Withdraw: true}); out.Waits == nil {
		t.Errorf("the withdrawal of a dearer tariff: %+v", out)
	}
}

// TestAnAccountHasTheTariffThatItGotLast: not the one with which it was opened. Whoever moves in may keep that one alone.
func TestAnAccountHasTheTariffThatItGotLast(t *testing.T) {
	w := newWorld(t)
	w.homes(t)
	w.changeTariff(t, walletHome, registry.ChangingTariff{Tariff: "shops"})
	m := w.show(t, walletHome).Meter
	w.exec(t, func(tx *store.Tx) error {
		got, err := tx.AccountTariff(m.Account, w.now)
		if err != nil {
			return err
		}
		name, _, err := tx.TariffName(got)
		if name != "shops" {
			t.Errorf("the account is on %s, want shops", name)
		}
		return err
	})
}

// TestAMeterThatHasLeftGetsNoTariff: another meter may supply the account that the row of a removed or replaced meter still names.
func TestAMeterThatHasLeftGetsNoTariff(t *testing.T) {
	w := newWorld(t)
	w.homes(t)
	m := w.show(t, tokenHome).Meter
	for status, listed := range map[registry.Status]bool{registry.Active: true, registry.Blocked: true,
		registry.Removed: false, registry.Scrapped: false} {
		w.exec(t, func(tx *store.Tx) error {
			_, err := tx.C.Exec(`UPDATE meter SET status = $1 WHERE tenant_id = $2 AND n = $3`, string(status), tx.Tenant, m.N)
			return err
		})
		plan, err := w.PlanTariffChange(t.Context(), boss(), tokenHome, registry.ChangingTariff{Tariff: "shops"})
		if err != nil || plan.Refused() != status.HasLeft() || plan.Refused() && plan.Code != refusal.AccountClosed {
			t.Errorf("a %s meter: %v %s", status, err, plan.Detail())
		}
		list, err := w.AccountTariffs(t.Context(), boss(), tokenHome, registry.Page{})
		if err != nil || list.Refused() == listed {
			t.Errorf("the tariffs of a %s meter: %v %s", status, err, list.Detail())
		}
	}
}

// TestAChangeBeginsAfterWhatIsPriced: a meter whose clock is ahead was rated up to a time that is still to come.
func TestAChangeBeginsAfterWhatIsPriced(t *testing.T) {
	w := newWorld(t)
	w.homes(t)
	m, rated := w.show(t, walletHome).Meter, w.now.Add(time.Minute)
	w.exec(t, func(tx *store.Tx) error {
		_, err := tx.C.Exec(`UPDATE wallet SET register_wh = 0, at = $1 WHERE tenant_id = $2 AND meter = $3`, rated, tx.Tenant, m.N)
		return err
	})
	for _, from := range []time.Time{{}, w.now.Add(time.Second)} {
		plan, err := w.PlanTariffChange(t.Context(), boss(), walletHome, registry.ChangingTariff{Tariff: "shops", From: from})
		if err != nil || plan.Refused() || !plan.From.Equal(rated) {
			t.Errorf("a change from %s begins %s, %v %s; want %s", from, plan.From, err, plan.Detail(), rated)
		}
	}
}

// TestAPlanEndsWithItsAccount: a change that is planned for a moment after the move-out, or for that very moment, never begins. Nobody gets its
// tariff as the one that the meter had before.
func TestAPlanEndsWithItsAccount(t *testing.T) {
	for _, meter := range []string{tokenHome, walletHome} {
		for name, after := range map[string]time.Duration{"a week after": 7 * 24 * time.Hour, "at the moment of": 0} {
			w := newWorld(t)
			w.homes(t)
			w.now = w.now.Add(time.Hour)
			leaves := w.now.Add(24 * time.Hour)
			plan := w.changeTariff(t, meter, registry.ChangingTariff{Tariff: "lifeline", From: leaves.Add(after)})
			if plan.Refused() || plan.Waits != nil {
				t.Fatalf("%+v", plan)
			}
			w.now = leaves
			m := w.show(t, meter).Meter
			w.exec(t, func(tx *store.Tx) error {
				_, err := tx.C.Exec(`UPDATE account SET status = 'closed', closed_at = $1 WHERE tenant_id = $2 AND id = $3`,
					leaves, tx.Tenant, m.Account)
				if err == nil {
					_, err = tx.C.Exec(`UPDATE meter SET status = 'installed' WHERE tenant_id = $1 AND n = $2`, tx.Tenant, m.N)
				}
				return err
			})
			for _, now := range []time.Time{leaves, leaves.Add(8 * 24 * time.Hour)} {
				w.now = now
				if got, want := w.tariffs(t, meter), "domestic 20T08:00 in force, lifeline "+plan.From.Format("02T15:04")+" withdrawn"; got != want {
					t.Errorf("%s, %s the move-out, seen at %s: %s, want %s", meter, name, now, got, want)
				}
			}
			w.fourEyes(t)
			in := registry.MovingIn{Tariff: "lifeline", Customer: &registry.NewCustomer{Name: "Otieno"}, Reason: "new lease"}
			if out, err := w.MoveIn(t.Context(), as(access.Owner), meter, in); err != nil || out.Refused() || out.Waits == nil {
				t.Errorf("%s, %s the move-out: one person moves in on the planned tariff: %v %s", meter, name, err, out.Detail())
			}
		}
	}
}

// TestThePlannedChangeCanAlwaysBeWithdrawn: also the last one that an account may have.
func TestThePlannedChangeCanAlwaysBeWithdrawn(t *testing.T) {
	w := newWorld(t)
	w.homes(t)
	m := w.show(t, tokenHome).Meter
	w.exec(t, func(tx *store.Tx) error {
		shops, _, err := tx.TariffByName("shops")
		for n := 1; err == nil && n <= registry.MaxTariffChanges-2; n++ {
			c := registry.TariffChange{Account: m.Account, N: n, Tariff: shops, From: w.now, By: "test", Reason: "a test", At: w.now}
			if c.ID, err = tx.NewID(); err == nil {
				err = tx.AddTariffChange(c)
			}
		}
		return err
	})
	plan := registry.ChangingTariff{Tariff: "lifeline", From: w.now.Add(time.Hour)}
	if out := w.changeTariff(t, tokenHome, plan); out.Refused() {
		t.Fatal(out.Detail())
	}
	if out := w.changeTariff(t, tokenHome, registry.ChangingTariff{Withdraw: true}); out.Refused() {
		t.Fatal(out.Detail())
	}
	refused(t, "one more change", w.changeTariff(t, tokenHome, plan).Refusal, nil, refusal.TariffInvalid)
}

// racing is a transaction in which another one comes before the lock of an account.
type racing struct {
	registry.Tx
	first func() error
}

type racingTariffs struct {
	registry.TariffTx
	racing racing
}

type racingChanges struct {
	registry.TariffChangeTx
	racing racing
}

func (r racing) Tariffs() registry.TariffTx { return racingTariffs{r.Tx.Tariffs(), r} }

func (r racingTariffs) Changing() registry.TariffChangeTx {
	return racingChanges{r.TariffTx.Changing(), r.racing}
}

func (r racingChanges) PricedAccount(meter int64) (registry.PricedAccount, bool, error) {
	a, found, err := r.TariffChangeTx.PricedAccount(meter)
	if err == nil {
		err = r.racing.first()
	}
	return a, found, err
}

// TestAChangeReadsTheMeterUnderTheLock: a meter that was removed, or that supplies another account, since it was found gets no tariff.
func TestAChangeReadsTheMeterUnderTheLock(t *testing.T) {
	for _, set := range []string{`status = 'removed'`, `account_id = NULL`} {
		w := newWorld(t)
		w.homes(t)
		w.exec(t, func(tx *store.Tx) error {
			other := racing{tx, func() error {
				return tx.Must(`UPDATE meter SET `+set+` WHERE tenant_id = $1 AND number = $2`, tx.Tenant, tokenHome)
			}}
			out, err := w.ChangeTariffIn(other, boss(), tokenHome, registry.ChangingTariff{Tariff: "shops", Reason: "a test"})
			refused(t, set, out.Refusal, err, refusal.AccountClosed)
			return nil
		})
	}
}
