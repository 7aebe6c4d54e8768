package storetest

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/tier"
)

func tariffTests() []test {
	return []test{
		{"versions come back whole, by page and by moment", tariffVersions},
		{"of two versions of one moment the later one counts", replacedVersions},
		{"a withdrawn version never begins", withtariffVersions},
		{"what was bought on a tariff is found by month and meter", tariffUses},
		{"what receipts say of the utility comes back", receiptHead},
	}
}

// wholeBody returns a tariff body with every element.
func wholeBody(rate money.MicroRate) tariff.Body {
	return tariff.Body{Currency: "KES", VATBps: 1500, Rounding: tariff.Nearest, MinVend: 5, MaxVend: 900, MaxDeduction: 5000,
		Levies: []tariff.Levy{{Name: "rural", Percent: 500}}, Fixed: []tariff.FixedCharge{{Name: "service", Amount: 9800, Per: tariff.PerMonth}},
		Fee: tariff.VendFee{Amount: 250}, Free: tariff.Free{Units: 50_000, Apart: true},
		Seasons: []tariff.Season{{Name: "low", From: tariff.MonthDay{Month: time.March, Day: 1}, Blocks: []tariff.Block{{Rate: rate}}},
			{Name: "high", From: tariff.MonthDay{Month: time.June, Day: 1}, TOU: &tariff.TOU{Rates: []tariff.Rate{{Name: "all", Rate: rate}},
				Windows: []tariff.Window{{Days: 1 << tariff.Monday, From: 60, To: 120}}, Holidays: []tariff.Holiday{{Date: "2026-12-25", As: tariff.Sunday}}}}}}
}

// publishVersions publishes the versions of a tariff, which begin so long after base.
func publishVersions(t *testing.T, e store.Engine, begin ...time.Duration) (of id.ID) {
	t.Helper()
	must(t, e, func(tx *store.Tx) (err error) {
		if of, err = tx.NewID(); err != nil {
			return err
		}
		if err := tx.AddTariffRow(of, "domestic"); err != nil {
			return err
		}
		for n, after := range begin {
			v := tariff.Version{TariffID: of, N: n + 1, EffectiveFrom: base().Add(after), Body: wholeBody(money.MicroRate(n + 1))}
			if v.ID, err = tx.NewID(); err != nil {
				return err
			}
			if err := tx.AddTariffVersion(v, "test"); err != nil {
				return err
			}
		}
		return nil
	})
	return of
}

// replacedVersions has two versions of one moment. The one that was published later counts, also while none has begun.
func replacedVersions(t *testing.T, r Rig) {
	e := r.Open(t)
	of := publishVersions(t, e, 2*time.Hour, time.Hour, time.Hour)
	letThrough(e)
	must(t, e, func(tx *store.Tx) error {
		for at, want := range map[time.Duration]int{0: 3, time.Hour: 3, 2 * time.Hour: 1} {
			all, err := tx.TariffsInForce(base().Add(at), id.ID{}, 10)
			if err != nil || len(all) != 1 || all[0].N != want {
				t.Errorf("after %s the list of tariffs has %+v, %v; want version %d", at, all, err, want)
			}
			v, found, err := tx.TariffVersionAt(of, base().Add(at))
			if err != nil || found != (at > 0) || found && v.N != want {
				t.Errorf("after %s: version %d, %t, %v; want %d once it has begun", at, v.N, found, err, want)
			}
		}
		var order []int
		all, err := tx.VersionsOf(of)
		for _, v := range all {
			order = append(order, v.N)
		}
		if got := fmt.Sprint(order); err != nil || got != "[3 1]" {
			t.Errorf("they take effect in the order %s, %v; want [3 1]", got, err)
		}
		return nil
	})
}

// priceVersions are the versions of a tariff, and the number of the one that begins at each hour after base; 0 for none.
type priceVersions struct {
	all    []tariff.Version
	begins [5]int
}

// drawVersions draws versions that are published, replaced and withdrawn. A moment has no version if the last thing done about it is a withdrawal.
func drawVersions(rnd *rand.Rand) (d priceVersions) {
	for n := range 1 + rnd.IntN(10) {
		hour := rnd.IntN(len(d.begins))
		v := tariff.Version{N: n + 1, EffectiveFrom: base().Add(time.Duration(hour) * time.Hour), Body: wholeBody(money.MicroRate(n + 1))}
		if d.begins[hour] != 0 && rnd.IntN(2) == 0 {
			v.Withdraws, d.begins[hour] = d.begins[hour], 0
		} else {
			d.begins[hour] = v.N
		}
		d.all = append(d.all, v)
	}
	return d
}

// versionAt returns the number of the version in force at an hour, or of the first one if none has begun; begun is false for that one.
func (d priceVersions) versionAt(hour int) (n int, begun bool) {
	for ; hour >= 0; hour-- {
		if d.begins[hour] != 0 {
			return d.begins[hour], true
		}
	}
	for _, n := range d.begins {
		if n != 0 {
			return n, false
		}
	}
	return 0, false
}

// listNumbers returns the numbers of the versions that begin, in this order.
func (d priceVersions) listNumbers() []int {
	return slices.DeleteFunc(slices.Clone(d.begins[:]), func(n int) bool { return n == 0 })
}

// withtariffVersions has tariffs whose versions are drawn. All that reads them agrees on which of them begin.
func withtariffVersions(t *testing.T, r Rig) {
	e := r.Open(t)
	letThrough(e)
	rnd := rand.New(rand.NewPCG(tier.Seed(t), 0))
	tariffs := map[id.ID]priceVersions{}
	for i := range tier.TariffHistories.N() {
		d, hours := drawVersions(rnd), rnd.Perm(len(priceVersions{}.begins))
		var of id.ID
		must(t, e, func(tx *store.Tx) (err error) {
			if of, err = tx.NewID(); err != nil {
				return err
			}
			if err := tx.AddTariffRow(of, fmt.Sprint("tariff ", i)); err != nil {
				return err
			}
			for _, v := range d.all {
				v.TariffID = of
				if v.ID, err = tx.NewID(); err != nil {
					return err
				}
				if err := tx.AddTariffVersion(v, "test"); err != nil {
					return err
				}
			}
			return nil
		})
		tariffs[of] = d
		must(t, e, func(tx *store.Tx) error { return compareVersions(t, tx, of, d, hours) })
	}
	must(t, e, func(tx *store.Tx) error {
		for hour := -1; hour < len(priceVersions{}.begins); hour++ {
			list, err := tx.TariffsInForce(base().Add(time.Duration(hour)*time.Hour), id.ID{}, len(tariffs)+1)
			if err != nil {
				return err
			}
			got := map[id.ID]int{}
			for _, v := range list {
				got[v.TariffID] = v.N
			}
			for of, d := range tariffs {
				if want, _ := d.versionAt(hour); got[of] != want {
					t.Errorf("at hour %d the list of tariffs has version %d, want %d of %v", hour, got[of], want, d.begins)
				}
			}
		}
		return nil
	})
}

// compareVersions reads a tariff in one transaction, at hours in any order, so that a version which the transaction remembers is compared too.
func compareVersions(t *testing.T, tx *store.Tx, of id.ID, d priceVersions, hours []int) error {
	for _, hour := range hours {
		begin := base().Add(time.Duration(hour) * time.Hour)
		for i, at := range []time.Time{begin, begin.Add(30 * time.Minute), begin.Add(-time.Microsecond)} {
			want, begun := d.versionAt(hour - i/2)
			if v, found, err := tx.TariffVersionAt(of, at); err != nil || found != begun || found && (v.N != want || v.Withdraws != 0) {
				t.Errorf("%s: version %d is in force, %t, %v; want %d, %t of %v", at, v.N, found, err, want, begun, d.begins)
			}
		}
	}
	var got []int
	order, err := tx.VersionsOf(of)
	for _, v := range order {
		got = append(got, v.N)
	}
	if want := d.listNumbers(); err != nil || !slices.Equal(got, want) {
		t.Errorf("versions %v begin in this order, %v; want %v", got, err, want)
	}
	all, err := tx.TariffVersions(of, id.ID{}, len(d.all)+1)
	if err != nil || len(all) != len(d.all) {
		t.Errorf("%d versions, %v; want %d", len(all), err, len(d.all))
		return err
	}
	for i, v := range all {
		wrote := d.all[len(d.all)-1-i]
		if v.N != wrote.N || v.Withdraws != wrote.Withdraws || v.Begins(all) != slices.Contains(d.begins[:], v.N) {
			t.Errorf("version %d withdraws %d, begins %t; want version %d, which withdraws %d, and of %v", v.N, v.Withdraws, v.Begins(all), wrote.N,
				wrote.Withdraws, d.begins)
		}
	}
	return nil
}

func tariffVersions(t *testing.T, r Rig) {
	e := r.Open(t)
	of := publishVersions(t, e, 0, time.Hour, 2*time.Hour)
	fetched(t, e, func(tx *store.Tx) error { _, err := tx.TariffVersions(of, id.ID{}, 2); return err },
		func(tx *store.Tx) error { _, _, err := tx.TariffVersionAt(of, base()); return err },
		func(tx *store.Tx) error { _, err := tx.TariffSellsTokens(of); return err })
	letThrough(e)
	must(t, e, func(tx *store.Tx) error {
		first, err := tx.TariffVersions(of, id.ID{}, 2)
		if err != nil || len(first) != 2 || first[0].N != 3 || first[1].N != 2 {
			t.Fatalf("the newest two versions: %+v, %v", first, err)
		}
		if !reflect.DeepEqual(first[0].Body, wholeBody(3)) {
			t.Errorf("version 3 is %+v, want %+v", first[0].Body, wholeBody(3))
		}
		rest, err := tx.TariffVersions(of, first[1].ID, 2)
		if err != nil || len(rest) != 1 || rest[0].N != 1 || rest[0].Name != "domestic" {
			t.Errorf("those before version 2: %+v, %v", rest, err)
		}
		for at, want := range map[time.Duration]int{0: 1, time.Hour: 2, 90 * time.Minute: 2, 5 * time.Hour: 3} {
			if v, found, err := tx.TariffVersionAt(of, base().Add(at)); err != nil || !found || v.N != want {
				t.Errorf("after %s: version %d, %t, %v; want %d", at, v.N, found, err, want)
			}
		}
		if selling, err := tx.TariffSellsTokens(of); err != nil || selling {
			t.Errorf("a tariff without accounts sells tokens: %t, %v", selling, err)
		}
		return nil
	})
}

func tariffUses(t *testing.T, r Rig) {
	e := r.Open(t)
	h := addHousehold(t, e, 1)
	of := h.meter.ID // the tariff of a household's account
	must(t, e, func(tx *store.Tx) error {
		for month, wh := range map[string]int{"2026-08": 100, "2026-09": 200, "2026-10": 300, "2026-11": 400} {
			if _, err := tx.C.Exec(`INSERT INTO usage_month (tenant_id, account_id, month, units_wh) VALUES ($1, $2, $3, $4)`, tx.Tenant, h.account, month, wh); err != nil {
				return err
			}
		}
		return nil
	})
	fetched(t, e, func(tx *store.Tx) error { _, err := tx.TariffUses(of, "2026-09", "2026-10", 10); return err },
		func(tx *store.Tx) error { _, err := tx.TariffSellsTokens(of); return err })
	letThrough(e)
	must(t, e, func(tx *store.Tx) error {
		uses, err := tx.TariffUses(of, "2026-09", "2026-10", 10)
		if want := fmt.Sprintf("[{%[1]s 2026-09 0.200 kWh} {%[1]s 2026-10 0.300 kWh}]", h.meter.Number); err != nil || fmt.Sprint(uses) != want {
			t.Errorf("September and October: %v, %v; want %s", uses, err, want)
		}
		if uses, err := tx.TariffUses(of, "2026-01", "2026-12", 3); err != nil || len(uses) != 3 {
			t.Errorf("at most three: %v, %v", uses, err)
		}
		if selling, err := tx.TariffSellsTokens(of); err != nil || !selling {
			t.Errorf("a tariff with a token account sells tokens: %t, %v", selling, err)
		}
		return nil
	})
}

func receiptHead(t *testing.T, r Rig) {
	e := r.Open(t)
	want := registry.ReceiptHead{Address: "1 Shore Street", Contact: "+254 700 000000", Message: "Report “theft”"}
	must(t, e, func(tx *store.Tx) error {
		s, err := tx.TenantSettings()
		if err != nil {
			return err
		}
		s.Receipt = want
		return tx.PutTenantSettings(s)
	})
	must(t, e, func(tx *store.Tx) error {
		s, err := tx.TenantSettings()
		if err == nil && s.Receipt != want {
			t.Errorf("receipts say %+v, want %+v", s.Receipt, want)
		}
		return err
	})
}
