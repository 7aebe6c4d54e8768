package vending

import (
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// wish returns a valid request for tokens of a kind, with the changes that a test makes.
func wish(kind sale.JobKind, change func(*Ask)) Ask {
	a := Ask{Meter: "04000000011", Kind: kind, ReasonCode: "test"}
	a.Once = access.Once{Principal: "key engineer", Key: "job-key-1"}
	switch {
	case kind.GivesUnits():
		a.Units = 1000
	case kind == sale.PowerLimit:
		a.PowerW = 5000
	}
	if change != nil {
		change(&a)
	}
	return a
}

// TestWhatARequestForTokensMayAsk checks every limit at the last value that is accepted and the first that is not.
func TestWhatARequestForTokensMayAsk(t *testing.T) {
	const units, watts = "units_wh must be a multiple of 100, greater than 0 and at most 13106400.", "power_w must be from 1 to 18000000."
	set := func(kind sale.JobKind, n int64) Ask {
		return wish(kind, func(a *Ask) {
			if kind == sale.PowerLimit {
				a.PowerW = n
			} else {
				a.Units = unit.Energy(n)
			}
		})
	}
	because := func(reason string) Ask { return wish(sale.ClearTamper, func(a *Ask) { a.Reason = reason }) }
	for name, c := range map[string]struct {
		a    Ask
		says string // how the refusal begins; empty: accepted
	}{
		"the least units":             {set(sale.FreeIssue, 100), ""},
		"no units":                    {set(sale.FreeIssue, 0), units},
		"units below zero":            {set(sale.Replacement, -100), units},
		"half a tenth":                {set(sale.FreeIssue, 150), units},
		"eight full tokens":           {set(sale.Replacement, 13_106_400), ""},
		"more than eight tokens":      {set(sale.Replacement, 13_106_500), units},
		"one watt":                    {set(sale.PowerLimit, 1), ""},
		"no watts":                    {set(sale.PowerLimit, 0), watts},
		"watts below zero":            {set(sale.PowerLimit, -1), watts},
		"nearly the most watts":       {set(sale.PowerLimit, 17_999_624), ""},
		"the most watts":              {set(sale.PowerLimit, 18_000_000), "A token cannot carry exactly 18000000 W."},
		"a watt more":                 {set(sale.PowerLimit, 18_000_001), watts},
		"watts between two codes":     {set(sale.PowerLimit, 20_001), "A token cannot carry exactly 20001 W."},
		"a reason of 200 letters":     {because(strings.Repeat("ዕ", 200)), ""},
		"a reason of 201 letters":     {because(strings.Repeat("ዕ", 201)), "A reason can have at most 200 characters."},
		"a reason that is no text":    {because("\xff"), "A reason can have at most 200 characters."},
		"an unknown reason code":      {wish(sale.ClearTamper, func(a *Ask) { a.ReasonCode = "because" }), "reason_code must be one of meter_swap, lost_balance, "},
		"units of a clearing token":   {set(sale.ClearCredit, 100), "Only free units and replacements can have units_wh."},
		"watts of free units":         {wish(sale.FreeIssue, func(a *Ask) { a.PowerW = 1 }), "Only a power limit can have power_w."},
		"an unknown kind":             {wish("magic", nil), "There are no tokens of kind \"magic\"."},
		"a key change as planned":     {wish(sale.KeyChange, nil), ""},
		"a key change to no key":      {wish(sale.KeyChange, func(a *Ask) { a.Key = &NextKey{TI: "1"} }), "ti must have 2 digits."},
		"neither a key nor approval":  {wish(sale.ClearTamper, func(a *Ask) { a.Once = access.Once{} }), "The request has no Idempotency-Key"},
		"clearing the credit is free": {wish(sale.ClearCredit, nil), ""},
	} {
		if _, no := c.a.check(access.Actor{}); no.Refused() != (c.says != "") || !strings.HasPrefix(no.What, c.says) {
			t.Errorf("%s: %q, want %q", name, no.What, c.says)
		}
	}
	for _, code := range ReasonCodes() {
		if _, no := wish(sale.ClearTamper, func(a *Ask) { a.ReasonCode = code }).check(access.Actor{}); no.Refused() {
			t.Errorf("reason code %s: %s", code, no.Detail())
		}
	}
	under := access.Actor{Approval: id.ID{7}}
	for ref, a := range map[string]Ask{"key engineer/job-key-1": wish(sale.ClearTamper, nil), under.Approval.Text(id.Approval): wish(sale.ClearTamper, func(a *Ask) { a.Once = access.Once{} })} {
		if got, no := a.check(under); got != ref || no.Refused() {
			t.Errorf("the request is named %q (%s), want %q", got, no.Detail(), ref)
		}
	}
}

// sound is a meter that can buy.
func sound() sale.Point {
	return sale.Point{Meter: sale.MeterRef{N: 4, Number: "04000000011"}, Mode: registry.PrepayToken, Status: registry.Active, Account: id.ID{3},
		AccountStatus: "active", Currency: "KES", TZ: "UTC", Limits: registry.DefaultLimits(), Keys: []registry.Key{{ID: id.ID{1}, KT: sts.DUTK, KEN: 255,
			BaseDate: sts.Base2014, State: registry.KeyCurrent}}}
}

// TestWhichMetersAreSoldTo checks that a refusal names the first reason, in the order in which somebody can act on the reasons.
func TestWhichMetersAreSoldTo(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*sale.Point)
		want   refusal.Code
	}{
		"a sound meter":              {func(*sale.Point) {}, ""},
		"a wallet":                   {func(p *sale.Point) { p.Mode = registry.PrepayWallet }, ""},
		"a meter that is read":       {func(p *sale.Point) { p.Mode, p.Status = registry.Postpay, registry.Blocked }, refusal.InvalidRequest},
		"a blocked meter":            {func(p *sale.Point) { p.Status, p.Account = registry.Blocked, id.ID{} }, refusal.MeterBlocked},
		"a meter of nobody":          {func(p *sale.Point) { p.Account = id.ID{} }, refusal.AccountClosed},
		"a closed account":           {func(p *sale.Point) { p.AccountStatus = "closed" }, refusal.AccountClosed},
		"a tenant without a tariff":  {func(p *sale.Point) { p.Currency = "" }, refusal.TariffMissing},
		"a tenant of other currency": {func(p *sale.Point) { p.Currency = "UGX" }, refusal.CurrencyMismatch},
	} {
		p := sound()
		c.change(&p)
		if no := sellable(p, money.Amount{Minor: 100, Currency: "KES"}); no.Code != c.want {
			t.Errorf("%s: %q, want %q", name, no.Code, c.want)
		}
	}
}

// TestTheKeyOfASale checks that a sale uses the key that the meter will have when the credit is entered. The order of the keys in the list
// does not matter.
func TestTheKeyOfASale(t *testing.T) {
	key := func(n byte, state string, kt sts.KeyType) registry.Key {
		return registry.Key{ID: id.ID{n}, State: state, KT: kt}
	}
	for name, c := range map[string]struct {
		keys []registry.Key
		want byte // 0: refused
		says string
	}{
		"one key":                        {[]registry.Key{key(1, registry.KeyCurrent, sts.DUTK)}, 1, ""},
		"a set is out":                   {[]registry.Key{key(1, registry.KeyCurrent, sts.DUTK), key(2, registry.KeyIssued, sts.DUTK)}, 2, ""},
		"a set is out, listed first":     {[]registry.Key{key(2, registry.KeyIssued, sts.DUTK), key(1, registry.KeyCurrent, sts.DUTK)}, 2, ""},
		"a change is planned":            {[]registry.Key{key(1, registry.KeyCurrent, sts.DUTK), key(2, registry.KeyPlanned, sts.DUTK)}, 0, "A key change is planned"},
		"no key":                         {nil, 0, "Meter 04000000011 has no STS key"},
		"a key of another time":          {[]registry.Key{key(1, "past", sts.DUTK)}, 0, "Meter 04000000011 has no STS key"},
		"a common key":                   {[]registry.Key{key(1, registry.KeyCurrent, sts.DCTK)}, 0, "The key of meter 04000000011 is of type 3 (DCTK). Many meters share it"},
		"the default key":                {[]registry.Key{key(1, registry.KeyCurrent, sts.DDTK)}, 0, "The key of meter 04000000011 is of type 1 (DDTK). Meters refuse credit under such a key."},
		"a set to a common key":          {[]registry.Key{key(1, registry.KeyCurrent, sts.DUTK), key(2, registry.KeyIssued, sts.DCTK)}, 0, "The key of meter 04000000011 is of type 3"},
		"from a common key to an unique": {[]registry.Key{key(1, registry.KeyCurrent, sts.DCTK), key(2, registry.KeyIssued, sts.DUTK)}, 2, ""},
	} {
		p := sound()
		p.Keys = c.keys
		got, no := pickKey(p)
		if got.ID != (id.ID{c.want}) || no.Refused() != (c.want == 0) || !strings.HasPrefix(no.What, c.says) {
			t.Errorf("%s: key %d, %q; want %d, %q", name, got.ID[0], no.What, c.want, c.says)
		}
	}
}

// TestUnitsThatNoTokenCarriesAreNotSold checks that only units that a token can carry exactly are sold. The code of a token rounds up, so
// the meter would load more units than the customer paid for.
func TestUnitsThatNoTokenCarriesAreNotSold(t *testing.T) {
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	for units, want := range map[unit.Energy]refusal.Code{1_638_300: "", 1_638_400: "", 1_638_500: refusal.VendTooLarge, 1_639_300: refusal.VendTooLarge,
		1_820_162_500: refusal.VendTooLarge, 150: refusal.VendTooLarge} {
		p := priced{point: sound(), key: sound().Keys[0], tokens: []unit.Energy{100, units}}
		no := p.number(at, sale.Times{})
		if no.Code != want || want != "" && no.What != "A token cannot carry exactly "+units.KWh(1)+" kWh." {
			t.Errorf("%d Wh: %q, want %q", units, no.Detail(), want)
		}
		s := sale.Sale{Tokens: []sale.Token{{Units: units}}}
		if _, err := orders(s, sts.Attributes{}, 255); (err != nil) != (units > 1_820_162_400) {
			t.Errorf("%d Wh are ordered: %v", units, err)
		}
	}
}

// bench is a transaction that makes identities. Other calls fail.
type bench struct{ Tx }

func (b bench) NewID() (id.ID, error) { return id.ID{9}, nil }

// TestWhichMetersGetTokensForNothing checks that a meter gets tokens for nothing if it can take a token and has no sale under way.
func TestWhichMetersGetTokensForNothing(t *testing.T) {
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		change func(*sale.Point)
		times  sale.Times
		want   refusal.Code
	}{
		"an active meter":             {func(*sale.Point) {}, sale.Times{}, ""},
		"a blocked one":               {func(p *sale.Point) { p.Status = registry.Blocked }, sale.Times{}, ""},
		"one of nobody":               {func(p *sale.Point) { p.Account = id.ID{} }, sale.Times{}, ""},
		"a wallet":                    {func(p *sale.Point) { p.Mode = registry.PrepayWallet }, sale.Times{}, refusal.MeterBlocked},
		"one in stock":                {func(p *sale.Point) { p.Status = registry.Stock }, sale.Times{}, refusal.MeterBlocked},
		"a removed one":               {func(p *sale.Point) { p.Status = registry.Removed }, sale.Times{}, refusal.MeterBlocked},
		"a scrapped one":              {func(p *sale.Point) { p.Status = registry.Scrapped }, sale.Times{}, refusal.MeterBlocked},
		"one with a sale under way":   {func(p *sale.Point) { p.Busy = true }, sale.Times{}, refusal.VendInProgress},
		"one without a key":           {func(p *sale.Point) { p.Keys = nil }, sale.Times{}, refusal.KeyMissing},
		"after a token of the future": {func(*sale.Point) {}, sale.Times{Newest: at.Add(MaxClockBack + time.Second)}, refusal.ClockUntrusted},
		"one of an expired key":       {func(p *sale.Point) { p.Keys[0].KEN = 0 }, sale.Times{}, refusal.KeyExpired},
	} {
		p := sound()
		c.change(&p)
		v := New(Config{Now: time.Now})
		j, no, err := v.reserveJob(bench{}, access.Actor{}, wish(sale.ClearTamper, nil), p, at, c.times)
		if err != nil || no.Code != c.want {
			t.Errorf("%s: %v %q, want %q", name, err, no.Code, c.want)
		}
		if c.want == "" && (len(j.Tokens) != 1 || j.Tokens[0].Class != 2 || j.Tokens[0].SubClass != sts.ManageClearTamper || !j.Tokens[0].IssuedAt.Equal(at) || j.State != sale.Held) {
			t.Errorf("%s: %+v", name, j)
		}
	}
}

// TestAKeyChangeNeedsAKeyToBeginFrom checks that a key change is refused to a meter without a key. It also checks that a key of the newer
// algorithm takes four tokens.
func TestAKeyChangeNeedsAKeyToBeginFrom(t *testing.T) {
	for ea, want := range map[sts.EA]string{sts.EA07: "\x03\x04", sts.EA11: "\x03\x04\x08\x09"} {
		p := sound()
		p.Keys[0].EA = ea
		j := sale.Job{CreatedAt: time.Unix(1, 0)}
		if no, err := planChange(bench{}, &j, wish(sale.KeyChange, func(a *Ask) { a.Key = &NextKey{KRN: 2} }), p); err != nil || no.Refused() {
			t.Fatalf("%s: %v %s", ea, err, no.Detail())
		}
		got := ""
		for _, k := range j.Tokens {
			got += string(rune(k.SubClass))
			if k.Class != 2 || k.Meter != 4 || !k.IssuedAt.Equal(j.CreatedAt) {
				t.Errorf("%s: token %+v", ea, k)
			}
		}
		if got != want || j.Unplanned == nil || j.Unplanned.State != registry.KeyPlanned || !j.Unplanned.From.Equal(j.CreatedAt) || j.NewKey != j.Unplanned.ID || j.Key != p.Keys[0].ID {
			t.Errorf("%s: sub-classes %x of %+v, want %x", ea, got, j, want)
		}
	}
	p := sound()
	p.Keys = nil
	if no, err := planChange(bench{}, &sale.Job{}, wish(sale.KeyChange, func(a *Ask) { a.Key = &NextKey{KRN: 2} }), p); err != nil || no.Code != refusal.KeyMissing {
		t.Errorf("a meter without a key: %v %q", err, no.Code)
	}
}
