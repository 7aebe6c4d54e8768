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

// priced returns a flat tariff at a price in millionths.
func priced(rate money.MicroRate) tariff.Body {
	b := flat("KES")
	b.Blocks[0].Rate = rate
	return b
}

// byTime returns a tariff with prices by time of use, which cannot price tokens.
func byTime() tariff.Body {
	return tariff.Body{Currency: "KES", TOU: &tariff.TOU{Rates: []tariff.Rate{{Name: "all-day", Rate: 1}}}}
}

func TestVersionsBeginOneAfterTheOther(t *testing.T) {
	w := newWorld(t)
	first := w.domestic(t)
	publish := func(from time.Time, b tariff.Body) registry.AddedTariff {
		t.Helper()
		a, err := w.AddVersion(t.Context(), boss(), registry.NewVersion{Tariff: "domestic", Body: b, EffectiveFrom: from})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	june := w.now.AddDate(0, 6, 0)
	if a := publish(june, priced(1_000_000)); a.Refused() || a.Version.N != 2 || a.Version.Name != "domestic" || a.Version.TariffID != first.TariffID {
		t.Fatalf("a version to come: %+v %s", a.Version, a.Detail())
	}
	// A version that begins before another version is in force until that version begins.
	if a := publish(w.now.AddDate(0, 1, 0), priced(3_000_000)); a.Refused() || a.Version.N != 3 {
		t.Fatalf("one in between: %+v %s", a.Version, a.Detail())
	}
	for name, c := range map[string]struct {
		from time.Time
		body tariff.Body
		want refusal.Code
		says string
	}{
		"the same moment":  {june, priced(1_000_000), refusal.TariffInvalid, "Version 2 begins at"},
		"the past":         {w.now.Add(-2 * time.Minute), priced(1_000_000), refusal.TariffInvalid, "has passed"},
		"the far future":   {w.now.AddDate(6, 0, 0), priced(1_000_000), refusal.TariffInvalid, "five years"},
		"no price":         {june.Add(time.Hour), tariff.Body{Currency: "KES"}, refusal.TariffInvalid, "blocks"},
		"another currency": {june.Add(time.Hour), flat("UGX"), refusal.CurrencyMismatch, "currency"},
	} {
		a := publish(c.from, c.body)
		if refused(t, name, a.Refusal, nil, c.want); !strings.Contains(a.What, c.says) {
			t.Errorf("%s: %q does not say %q", name, a.What, c.says)
		}
	}
	w.now = w.now.AddDate(0, 2, 0)
	page, err := w.TariffVersions(t.Context(), boss(), "domestic", registry.Page{Limit: 2})
	if err != nil || page.Refused() {
		t.Fatal(err, page.Detail())
	}
	got := ""
	for page.Next != "" || len(page.Data) > 0 {
		for _, v := range page.Data {
			got += fmt.Sprintf("%d %s; ", v.N, page.Standing(v))
		}
		if page.Next == "" {
			break
		}
		if page, err = w.TariffVersions(t.Context(), boss(), first.TariffID.Text("trf_"), registry.Page{Limit: 2, Cursor: page.Next}); err != nil {
			t.Fatal(err)
		}
	}
	if want := "3 in force; 2 to come; 1 past; "; got != want {
		t.Errorf("versions two months later: %q, want %q", got, want)
	}
	if n := w.audited(t, store.FirstTenant)["tariff.publish"]; n != 3 {
		t.Errorf("%d publications are audited, want 3", n)
	}
}

func TestAFirstVersionDoesNotBeginInThePast(t *testing.T) {
	w := newWorld(t)
	a, err := w.AddTariff(t.Context(), boss(), registry.NewTariff{Name: "old", Body: flat("KES"), EffectiveFrom: w.now.AddDate(0, 0, -1)})
	refused(t, "yesterday", a.Refusal, err, refusal.TariffInvalid)
	a, err = w.AddTariff(t.Context(), boss(), registry.NewTariff{Name: "new", Body: flat("KES"), EffectiveFrom: w.now.Add(-30 * time.Second)})
	if err != nil || a.Refused() || !a.Version.EffectiveFrom.Equal(w.now) {
		t.Errorf("half a minute ago: %+v, %v %s; want to begin at once", a.Version, err, a.Detail())
	}
}

func TestTimeOfUseIsForWalletsOnly(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	a, err := w.AddTariff(t.Context(), boss(), registry.NewTariff{Name: "solar", Body: byTime()})
	if err != nil || a.Refused() {
		t.Fatalf("publish for wallet meters: %v %s", err, a.Detail())
	}
	n := tokenMeter("04140001001")
	n.Tariff = "solar"
	m, err := w.AddMeter(t.Context(), boss(), n)
	refused(t, "a token meter", m.Refusal, err, refusal.TariffInvalid)
	w.add(t, registry.NewMeter{Number: "04140001001", Mode: registry.PrepayWallet, Tariff: "solar"})

	// A tariff that token meters use, now or later, refuses a version that cannot price tokens.
	w.add(t, tokenMeter("04140001019"))
	v, err := w.AddVersion(t.Context(), boss(), registry.NewVersion{Tariff: "domestic", Body: byTime(), EffectiveFrom: w.now.Add(time.Hour)})
	refused(t, "a version under token meters", v.Refusal, err, refusal.TariffInvalid)
	later, err := w.AddTariff(t.Context(), boss(), registry.NewTariff{Name: "later", Body: flat("KES")})
	if err != nil || later.Refused() {
		t.Fatal(err, later.Detail())
	}
	if v, err = w.AddVersion(t.Context(), boss(), registry.NewVersion{Tariff: "later", Body: byTime(), EffectiveFrom: w.now.Add(time.Hour)}); err != nil || v.Refused() {
		t.Fatal(err, v.Detail())
	}
	n = tokenMeter("04140001027")
	n.Tariff = "later"
	m, err = w.AddMeter(t.Context(), boss(), n)
	refused(t, "a token meter on a tariff that will be by time of use", m.Refusal, err, refusal.TariffInvalid)
}

func TestVersionsNeedTheRight(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	v, err := w.AddVersion(t.Context(), as(access.Operator), registry.NewVersion{Tariff: "domestic", Body: flat("KES")})
	refused(t, "a cashier publishes", v.Refusal, err, refusal.Forbidden)
	page, err := w.TariffVersions(t.Context(), as("stranger"), "domestic", registry.Page{})
	refused(t, "a device reads", page.Refusal, err, refusal.Forbidden)
	page, err = w.TariffVersions(t.Context(), access.SystemActor(w.other, "test"), "domestic", registry.Page{})
	refused(t, "another tenant reads", page.Refusal, err, refusal.NotFound)
}

// TestAVersionThatHasNotBegunIsReplacedOrWithdrawn: both take effect at the moment at which the version would have begun, because a month's fee
// is that of the version in force when the month began. The version stays in the list.
func TestAVersionThatHasNotBegunIsReplacedOrWithdrawn(t *testing.T) {
	w := newWorld(t)
	first := w.domestic(t)
	publish := func(n registry.NewVersion) registry.AddedTariff {
		t.Helper()
		n.Tariff = "domestic"
		a, err := w.AddVersion(t.Context(), boss(), n)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	inForce := func(at time.Time) (v tariff.Version) {
		t.Helper()
		if err := w.engine.View(t.Context(), boss().Tenant, func(tx *store.Tx) (err error) {
			v, _, err = tx.TariffVersionAt(first.TariffID, at)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return v
	}
	june := w.now.AddDate(0, 6, 0)
	if a := publish(registry.NewVersion{Body: priced(31_000_000), EffectiveFrom: june}); a.Refused() || a.Version.N != 2 {
		t.Fatal(a.Version.N, a.Detail())
	}
	if a := publish(registry.NewVersion{Body: priced(3_100_000), Replaces: 2}); a.Refused() || a.Version.N != 3 || !a.Version.EffectiveFrom.Equal(june) {
		t.Fatalf("replaced by version %d from %s: %s", a.Version.N, a.Version.EffectiveFrom, a.Detail())
	}
	if v := inForce(june); v.N != 3 {
		t.Errorf("when it would begin, version %d is in force, want 3", v.N)
	}
	back := publish(registry.NewVersion{Withdraws: true, Replaces: 3})
	if back.Refused() || back.Version.N != 4 || back.Version.Body.Blocks[0].Rate != first.Body.Blocks[0].Rate {
		t.Fatalf("withdrawn by version %d at %v: %s", back.Version.N, back.Version.Body.Blocks, back.Detail())
	}
	if v := inForce(june); v.N != 4 {
		t.Errorf("after the withdrawal, version %d is in force, want 4", v.N)
	}
	list, err := w.TariffVersions(t.Context(), boss(), "domestic", registry.Page{})
	if err != nil || list.Refused() {
		t.Fatal(err, list.Detail())
	}
	var standing []string
	for _, v := range list.Data {
		standing = append(standing, fmt.Sprint(v.N, " ", list.Standing(v)))
	}
	if got, want := strings.Join(standing, ", "), "4 to come, 3 replaced, 2 replaced, 1 in force"; got != want {
		t.Errorf("the versions are %s, want %s", got, want)
	}
	for name, c := range map[string]struct {
		n    registry.NewVersion
		says string
	}{
		"one in force":      {registry.NewVersion{Body: priced(1), Replaces: 1}, "Version 1 began at"},
		"one that is gone":  {registry.NewVersion{Body: priced(1), Replaces: 2}, "Version 4 has taken the place of version 2."},
		"none":              {registry.NewVersion{Body: priced(1), Replaces: 9}, "has no version 9"},
		"no number":         {registry.NewVersion{Withdraws: true}, "has no version 0"},
		"a negative number": {registry.NewVersion{Body: priced(1), Replaces: -1}, "has no version -1"},
		"at another time": {registry.NewVersion{Body: priced(1), Replaces: 4, EffectiveFrom: june.Add(time.Second)},
			"begins when that one would have begun"},
		"at its time":        {registry.NewVersion{Body: priced(1), EffectiveFrom: june}, "you can replace it"},
		"the only one":       {registry.NewVersion{Withdraws: true, Replaces: 1}, "Version 1 began at"},
		"by no price at all": {registry.NewVersion{Body: tariff.Body{Currency: "KES"}, Replaces: 4}, "blocks"},
	} {
		if a := publish(c.n); !a.Refused() || !strings.Contains(a.Detail(), c.says) {
			t.Errorf("%s: %q, want %q", name, a.Detail(), c.says)
		}
	}
	w.now = june.Add(-time.Minute)
	if a := publish(registry.NewVersion{Body: priced(1), Replaces: 4}); !strings.Contains(a.Detail(), "Version 4 began at") {
		t.Errorf("a minute before it begins: %q", a.Detail())
	}
	a, err := w.AddTariff(t.Context(), boss(), registry.NewTariff{Name: "later", Body: flat("KES"), EffectiveFrom: w.now.Add(time.Hour)})
	if err != nil || a.Refused() {
		t.Fatal(err, a.Detail())
	}
	a, err = w.AddVersion(t.Context(), boss(), registry.NewVersion{Tariff: "later", Withdraws: true, Replaces: 1})
	if err != nil || !strings.Contains(a.Detail(), "Version 1 is the first version.") {
		t.Errorf("a first version is withdrawn: %v %q", err, a.Detail())
	}
}
