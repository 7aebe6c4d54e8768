package storetest

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tariff"
)

func tariffTests() []test {
	return []test{
		{"versions come back whole, by page and by moment", tariffVersions},
		{"of two versions of one moment the later one counts", replacedVersions},
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
		if got := fmt.Sprint(order); err != nil || got != "[2 3 1]" {
			t.Errorf("they take effect in the order %s, %v; want [2 3 1]", got, err)
		}
		return nil
	})
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
