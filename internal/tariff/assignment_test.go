package tariff_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/tariff"
)

// Tariffs of these tests, and the hours of a day at which things begin.
var (
	home, shop, farm = id.ID{15: 1}, id.ID{15: 2}, id.ID{15: 3}
	errUnread        = errors.New("cannot be read")
)

func hour(h int) time.Time { return time.Date(2026, 11, 20, h, 0, 0, 0, time.UTC) }

// versionsFrom returns versions of a tariff that begin at some hours, numbered from 1.
func versionsFrom(of id.ID, hours ...int) (out []tariff.Version) {
	for n, h := range hours {
		out = append(out, tariff.Version{ID: id.ID{14: of[15], 15: byte(n + 1)}, TariffID: of, N: n + 1, EffectiveFrom: hour(h)})
	}
	return out
}

// nameOf names a tariff of these tests.
func nameOf(i id.ID) string { return map[id.ID]string{home: "home", shop: "shop", farm: "farm"}[i] }

func TestAnAccountHasTheTariffThatBeganLast(t *testing.T) {
	l := tariff.Assignments{{Tariff: shop, From: hour(8)}, {Tariff: home, From: hour(10)}, {Tariff: farm, From: hour(12)},
		{Tariff: home, From: hour(12)}}
	const tick = time.Microsecond
	for _, c := range []struct {
		at         time.Time
		want, next string
		since      time.Time
	}{
		{hour(0), "home", "shop 8", time.Time{}},
		{hour(8).Add(-tick), "home", "shop 8", time.Time{}},
		{hour(8), "shop", "home 10", hour(8)},
		{hour(10).Add(-tick), "shop", "home 10", hour(8)},
		{hour(10), "home", "home 12", hour(10)},
		{hour(12), "home", "", hour(12)},
		{hour(23), "home", "", hour(12)},
	} {
		next := ""
		if n, found := l.Next(c.at); found {
			next = fmt.Sprint(nameOf(n.Tariff), " ", n.From.Hour())
		}
		if got := nameOf(l.At(home, c.at)); got != c.want || next != c.next || !l.Since(c.at).Equal(c.since) {
			t.Errorf("at %s: %s since %s, next %q; want %s since %s, next %q", c.at, got, l.Since(c.at), next, c.want, c.since, c.next)
		}
	}
	var none tariff.Assignments
	if _, found := none.Next(hour(0)); found || none.At(shop, hour(0)) != shop || !none.Since(hour(0)).IsZero() {
		t.Error("an account that was never changed has another tariff than its first")
	}
}

func TestVersionsOfAnAccountBeginWithItsTariff(t *testing.T) {
	all := map[id.ID][]tariff.Version{home: versionsFrom(home, 1, 9), shop: versionsFrom(shop, 2, 7, 11), farm: versionsFrom(farm, 20)}
	of := func(i id.ID) ([]tariff.Version, error) { return all[i], nil }
	toShop := tariff.Assignment{Tariff: shop, From: hour(8)}
	for name, c := range map[string]struct {
		first id.ID
		later tariff.Assignments
		want  string
	}{
		"never changed":                    {home, nil, "home.1@1 home.2@9"},
		"changed between versions":         {home, tariff.Assignments{{Tariff: shop, From: hour(8)}}, "home.1@1 shop.2@8 shop.3@11"},
		"changed as a version begins":      {home, tariff.Assignments{{Tariff: shop, From: hour(11)}}, "home.1@1 home.2@9 shop.3@11"},
		"to and fro":                       {home, tariff.Assignments{toShop, {Tariff: home, From: hour(10)}}, "home.1@1 shop.2@8 home.2@10"},
		"two at one moment":                {home, tariff.Assignments{toShop, {Tariff: home, From: hour(8)}}, "home.1@1 home.1@8 home.2@9"},
		"to one that begins later":         {home, tariff.Assignments{{Tariff: farm, From: hour(8)}}, "home.1@1 farm.1@20"},
		"from one that never began":        {farm, tariff.Assignments{{Tariff: shop, From: hour(8)}}, "shop.2@8 shop.3@11"},
		"before the first version of both": {home, tariff.Assignments{{Tariff: shop, From: hour(0)}}, "shop.1@2 shop.2@7 shop.3@11"},
	} {
		got, err := c.later.Versions(c.first, of)
		text := ""
		for _, v := range got {
			text += fmt.Sprintf(" %s.%d@%d", nameOf(v.TariffID), v.N, v.EffectiveFrom.Hour())
		}
		if err != nil || text != " "+c.want {
			t.Errorf("%s:%s, %v; want %s", name, text, err, c.want)
		}
	}
	if all[shop][1].EffectiveFrom != hour(7) {
		t.Error("the version itself was changed")
	}
	_, err := tariff.Assignments{{Tariff: shop, From: hour(8)}}.Versions(home, func(i id.ID) ([]tariff.Version, error) {
		if i == shop {
			return nil, errUnread
		}
		return all[i], nil
	})
	if !errors.Is(err, errUnread) {
		t.Errorf("a tariff that cannot be read: %v", err)
	}
}

func TestTheVersionInForcePricesTheAccountSinceTheLaterOfBoth(t *testing.T) {
	all := map[id.ID][]tariff.Version{home: versionsFrom(home, 1, 9), shop: versionsFrom(shop, 2, 11)}
	find := func(i id.ID, at time.Time) (v tariff.Version, found bool, err error) {
		for _, o := range all[i] {
			if !o.EffectiveFrom.After(at) {
				v, found = o, true
			}
		}
		return v, found, nil
	}
	later := tariff.Assignments{{Tariff: shop, From: hour(8)}}
	for at, want := range map[int]string{0: "", 5: "home.1@1", 8: "shop.1@8", 10: "shop.1@8", 11: "shop.2@11", 23: "shop.2@11"} {
		v, found, err := later.InForce(home, hour(at), find)
		got := ""
		if found {
			got = fmt.Sprintf("%s.%d@%d", nameOf(v.TariffID), v.N, v.EffectiveFrom.Hour())
		}
		if err != nil || got != want {
			t.Errorf("at %d: %s, %v; want %s", at, got, err, want)
		}
	}
	unread := func(id.ID, time.Time) (tariff.Version, bool, error) { return tariff.Version{}, false, errUnread }
	if _, _, err := later.InForce(home, hour(0), unread); !errors.Is(err, errUnread) {
		t.Errorf("a version that cannot be read: %v", err)
	}
}
