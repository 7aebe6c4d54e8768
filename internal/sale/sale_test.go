package sale_test

import (
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/codeblock"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// TestHowFarAheadOfTheClockATIDMayLie: a TID may lie one day ahead of the clock. In the first day after a restore it
// may lie two days ahead. The limit is always at least one day after the last TID that a restore may have lost.
func TestHowFarAheadOfTheClockATIDMayLie(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Date(2026, 11, 20, 12, 0, 30, 0, time.UTC)
	minute := now.Truncate(time.Minute)
	for _, c := range []struct {
		name           string
		restored, lost time.Time
		reach, given   time.Duration // times after the minute
	}{
		{"never restored", time.Time{}, time.Time{}, day, day},
		{"just restored", minute, time.Time{}, 2 * day, 2 * day},
		{"restored almost a day ago", now.Add(-day + 1), time.Time{}, 2 * day, 2 * day},
		{"restored a day ago", now.Add(-day), time.Time{}, day, 2*day - time.Minute},
		{"restored a day and a minute ago", now.Add(-day - time.Minute), time.Time{}, day, 2*day - 2*time.Minute},
		{"restored two days ago", now.Add(-2*day + time.Minute), time.Time{}, day, day},
		{"restored long ago", now.Add(-9 * day), time.Time{}, day, day},
		{"lost less", minute, minute, 2 * day, 2 * day},
		{"lost as much", minute, minute.Add(day), 2 * day, 2 * day},
		{"lost more", minute, minute.Add(day + time.Minute), 2*day + time.Minute, 2*day + time.Minute},
		{"lost more, long ago", now.Add(-9 * day), minute.Add(time.Minute), day + time.Minute, day + time.Minute},
	} {
		if got := sale.Reach(now, c.restored, c.lost).Sub(minute); got != c.reach {
			t.Errorf("%s: up to %s after now, want %s", c.name, got, c.reach)
		}
		if got := sale.IssuedUpTo(now, c.restored, c.lost).Sub(minute); got != c.given {
			t.Errorf("%s: given up to %s after now, want %s", c.name, got, c.given)
		}
	}
}

// TestUnitsOnTokens: every token except the last carries the most units that a token can hold.
func TestUnitsOnTokens(t *testing.T) {
	const full = unit.MaxToken
	for units, want := range map[unit.Energy][]unit.Energy{-1: nil, 0: nil, 1: {1}, full: {full}, full + 1: {full, 1}, 2*full + 5: {full, full, 5}} {
		if got := sale.OnTokens(units); !slices.Equal(got, want) {
			t.Errorf("%d Wh: %v, want %v", units, got, want)
		}
	}
}

// TestWhichTokensCarryFreeUnits: the free units fill the first tokens of a sale.
func TestWhichTokensCarryFreeUnits(t *testing.T) {
	tokens := []sale.Token{{ID: id.ID{1}}, {ID: id.ID{2}}, {ID: id.ID{3}}}
	for free, want := range map[unit.Energy]string{0: "[false false false]", 5: "[true false false]", unit.MaxToken + 1: "[true true false]", 5 * unit.MaxToken: "[true true true]"} {
		s := sale.Sale{Free: free, Tokens: tokens}
		var got []bool
		for _, k := range tokens {
			got = append(got, s.CarriesFree(k))
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%d Wh free: %v, want %s", free, got, want)
		}
	}
	if (sale.Sale{Free: 5, Tokens: tokens}).CarriesFree(sale.Token{ID: id.ID{9}}) {
		t.Error("a token of another sale carries free units")
	}
}

// TestWhatASaleIs checks the properties of a sale. Is it a recharge or a test? Does an SMS say that its token was loaded?
// Where did its money come from?
func TestWhatASaleIs(t *testing.T) {
	line := []sale.Line{{Kind: sale.LineWallet, VAT: 15}, {VAT: 99}}
	for _, c := range []struct {
		name     string
		sale     sale.Sale
		recharge bool
		journal  ledger.Kind
		advance  money.Minor
	}{
		{"energy", sale.Sale{Lines: line}, false, ledger.Vend, 0},
		{"a recharge", sale.Sale{Mode: registry.PrepayWallet, Lines: line}, true, ledger.TopUp, 15},
		{"a recharge without lines", sale.Sale{Mode: registry.PrepayWallet}, true, ledger.TopUp, 0},
		{"a recharge of one line", sale.Sale{Mode: registry.PrepayWallet, Lines: line[:1]}, true, ledger.TopUp, 15},
	} {
		if s := c.sale; s.Recharge() != c.recharge || s.Journal() != c.journal || s.Advance() != c.advance {
			t.Errorf("%s: a recharge %t, %s, advance %d", c.name, s.Recharge(), s.Journal(), s.Advance())
		}
	}
	for heard, tokens := range map[bool][]sale.Token{false: {{State: sale.TokenAccepted}, {State: sale.TokenSent}}, true: {{State: sale.TokenAccepted}, {State: sale.TokenHeard}}} {
		if got := (sale.Sale{Tokens: tokens}).Heard(); got != heard {
			t.Errorf("heard of %v: %t", tokens, got)
		}
	}
	if got := (sale.Sale{Meter: sale.MeterRef{Simulated: true}}).Memo() + "/" + (sale.Sale{}).Memo(); got != "TEST/" {
		t.Errorf("memos %s", got)
	}
	vendor := id.ID{15: 4}
	if got := (sale.Sale{Till: "main", Vendor: vendor}).Source(); got != (ledger.AccountRef{Code: ledger.Till, Subject: "main"}) {
		t.Errorf("the tenant's money comes from %+v", got)
	}
	s := sale.Sale{Till: "main", Vendor: vendor, Seller: sale.Seller{Account: 1}} // the lowest account there is
	if got := s.Source(); got != (ledger.AccountRef{Code: 1, Subject: vendor.Text(id.Vendor)}) {
		t.Errorf("a vendor's money comes from %+v", got)
	}
}

// TestTheHashOfAnOrder: the hash shows whether two requests are the same, even years later, so its form never changes.
func TestTheHashOfAnOrder(t *testing.T) {
	order := func() sale.Sale {
		return sale.Sale{Vendor: id.ID{1}, Meter: sale.MeterRef{ID: id.ID{2}}, Tender: money.Amount{Minor: 300, Currency: "KES"}, Deliver: []string{"sms", "mqtt"}}
	}
	first := order().OrderHash()
	if got, want := hex.EncodeToString(first[:]), "938893eb456eae9f906c3b3d27ea6f10bbb3cb8d3cc0343b52a46259e76abfa4"; got != want {
		t.Errorf("the hash is %s, want %s", got, want)
	}
	for name, change := range map[string]func(*sale.Sale){
		"another vendor":   func(s *sale.Sale) { s.Vendor = id.ID{} },
		"another meter":    func(s *sale.Sale) { s.Meter.ID = id.ID{3} },
		"another amount":   func(s *sale.Sale) { s.Tender.Minor++ },
		"another currency": func(s *sale.Sale) { s.Tender.Currency = "UGX" },
		"another way":      func(s *sale.Sale) { s.Deliver = s.Deliver[:1] },
		"one way of two":   func(s *sale.Sale) { s.Deliver = []string{"smsmqtt"} },
	} {
		s := order()
		if change(&s); s.OrderHash() == first {
			t.Errorf("%s: the same hash", name)
		}
	}
}

// TestWhatMayBeTendered: a payment may be from 0 to the maximum, in a known currency.
func TestWhatMayBeTendered(t *testing.T) {
	for _, c := range []struct {
		amount money.Amount
		what   string
	}{
		{money.Amount{Minor: 0, Currency: "KES"}, ""},
		{money.Amount{Minor: money.MaxMinor, Currency: "KES"}, ""},
		{money.Amount{Minor: -1, Currency: "KES"}, "An amount of -1 minor units is out of range."},
		{money.Amount{Minor: money.MaxMinor + 1, Currency: "KES"}, fmt.Sprintf("An amount of %d minor units is out of range.", money.MaxMinor+1)},
		{money.Amount{Minor: math.MinInt64, Currency: "KES"}, fmt.Sprintf("An amount of %d minor units is out of range.", math.MinInt64)},
		{money.Amount{Minor: 1, Currency: "kes"}, `"kes" is not an ISO 4217 currency code.`},
		{money.Amount{Minor: 1}, `"" is not an ISO 4217 currency code.`},
	} {
		no := sale.CheckTender(c.amount)
		if no.What != c.what || no.Refused() && (no.Code != refusal.AmountInvalid || no.Not != "No money was taken and no token was made.") {
			t.Errorf("%+v: %+v, want %q", c.amount, no, c.what)
		}
	}
}

// TestWhereAMonthStands: free units count in the blocks unless the tariff excludes them. Free units are due only once.
func TestWhereAMonthStands(t *testing.T) {
	var body tariff.Body
	body.Free.Units = 50_000
	month := sale.Month{Units: 70_000, Free: 50_000}
	if got := month.Position(body); got != 70_000 {
		t.Errorf("the account stands at %d Wh", got)
	}
	body.Free.Apart = true
	if got := month.Position(body); got != 20_000 {
		t.Errorf("with free units apart, the account stands at %d Wh", got)
	}
	if got := month.FreeDue(body); got != 50_000 {
		t.Errorf("%d Wh are due", got)
	}
	month.FreeClaimed = true
	if got := month.FreeDue(body); got != 0 {
		t.Errorf("%d Wh are due once more", got)
	}
}

// TestThePageShowsFreeUnitsOfAChangedTariff works out a row of docs/reference/tariffs.md#another-tariff-for-a-meter. Free units come once in a
// month, whichever tariff gave them.
func TestThePageShowsFreeUnitsOfAChangedTariff(t *testing.T) {
	page, err := os.ReadFile("../../docs/reference/tariffs.md")
	if err != nil {
		t.Fatal(err)
	}
	home, shop := tariff.Body{Currency: "KES"}, tariff.Body{Currency: "KES", Blocks: []tariff.Block{{UpTo: 50_000, Rate: 2_400_000}, {Rate: 3_200_000}}}
	home.Free.Units, shop.Free.Units = 10_000, 20_000
	apart := shop
	apart.Free.Apart = true
	given := sale.Month{Units: 45_000, Free: home.Free.Units, FreeClaimed: true}
	kwh := func(e unit.Energy) int64 { return int64(e / unit.KilowattHour) }
	steps := func(b tariff.Body, tender money.Minor) string {
		a, err := tariff.Allocate(tariff.Purchase{Body: b, Tender: tender, Month: given.Position(b), FreeApart: true})
		if err != nil || a.Units != 10_000 {
			t.Errorf("%d buys %d Wh, %v", tender, a.Units, err)
		}
		var out []string
		for _, s := range a.Steps {
			out = append(out, fmt.Sprintf("%d × %d.%02d", kwh(s.Units), s.Rate/1_000_000, s.Rate%1_000_000/10_000))
		}
		return strings.Join(out, " and ")
	}
	said := codeblock.Row(string(page), "free units")
	for _, want := range []string{
		fmt.Sprintf("home %d kWh, shop %d kWh", kwh(sale.Month{}.FreeDue(home)), kwh(sale.Month{}.FreeDue(shop))),
		fmt.Sprintf("If the %d kWh were given out in November, shop gives %d kWh in November. Otherwise it gives its %d kWh",
			kwh(given.Free), kwh(given.FreeDue(shop)), kwh(sale.Month{}.FreeDue(shop))),
		fmt.Sprintf("with %d kWh free and %d kWh bought, the next 10 kWh at 2.40 up to 50 kWh and then 3.20 cost %s",
			kwh(given.Free), kwh(given.Units-given.Free), steps(shop, 2800)),
		fmt.Sprintf("They cost %s if shop does not count free units", steps(apart, 2400)),
	} {
		if !strings.Contains(said, want) {
			t.Errorf("the row of free units in docs/reference/tariffs.md says %q, and does not say %q", said, want)
		}
	}
}

// TestWhichJobsGiveUnits checks the two kinds of jobs that give units. All other kinds change a meter.
func TestWhichJobsGiveUnits(t *testing.T) {
	for kind, want := range map[sale.JobKind]bool{sale.FreeIssue: true, sale.Replacement: true, sale.KeyChange: false, sale.ClearCredit: false, sale.ClearTamper: false, sale.PowerLimit: false} {
		if kind.GivesUnits() != want {
			t.Errorf("%s gives units: %t", kind, !want)
		}
	}
}

// TestALineIsWrittenForAReader checks the text form of lines, which lists of differences show.
func TestALineIsWrittenForAReader(t *testing.T) {
	left := money.Minor(7)
	l := sale.Line{Kind: sale.LineDebt, Ref: "debt_1", Amount: 100, VAT: 13}
	if got := l.String(); got != "debt debt_1 100 (tax 13)" {
		t.Error(got)
	}
	l.Left, l.Steps = &left, []sale.Step{{Units: 1000, Rate: 2_500_000, Amount: 250}}
	if got := l.String(); got != "debt debt_1 100 (tax 13) leaving 7, 1000 Wh at 2500000 for 250" {
		t.Error(got)
	}
}

// TestSealedDigitsAreNotPrinted: formatting and logging hide sealed digits. The test also checks that
// each token's digits are sealed under a separate context.
func TestSealedDigitsAreNotPrinted(t *testing.T) {
	if got := fmt.Sprintf("%v %s", sale.Sealed("secret"), sale.Sealed("secret")); got != "sealed digits sealed digits" {
		t.Error(got)
	}
	if a, b := sale.TokenContext(id.ID{1}), sale.TokenContext(id.ID{2}); a == b || a != "token:"+(id.ID{1}).Text(id.Token) {
		t.Errorf("contexts %s and %s", a, b)
	}
}

// TestNoSealingIsZero: a sale without a sealing state does not count as being in the log.
func TestNoSealingIsZero(t *testing.T) {
	if got := []sale.Sealing{sale.InLog, sale.NotSealed, sale.NoHead, sale.HeadTooOld}; !slices.Equal(got, []sale.Sealing{1, 2, 3, 4}) {
		t.Errorf("%d", got)
	}
}
