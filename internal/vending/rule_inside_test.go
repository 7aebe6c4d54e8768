package vending

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// TestATimeZoneIsReadOnce: a sale is priced inside its transaction, and must not read files there.
func TestATimeZoneIsReadOnce(t *testing.T) {
	v := New(Config{Now: time.Now})
	zone, err := v.zone("Africa/Nairobi")
	if err != nil || zone.String() != "Africa/Nairobi" {
		t.Fatalf("%v %v", zone, err)
	}
	if again, err := v.zone("Africa/Nairobi"); err != nil || again != zone {
		t.Errorf("read again: %v", err)
	}
	if _, err := v.zone("Africa/Nowhere"); err == nil || !strings.HasPrefix(err.Error(), "time zone of the tenant: ") {
		t.Errorf("an unknown zone: %v", err)
	}
}

// TestOneMoreReversalADay: at the limit one more reversal is refused, by number and by the value of the day's reversed sales.
func TestOneMoreReversalADay(t *testing.T) {
	const most = "juma reversed sales for 90.00 KES today. This one, for 10.01 KES, would exceed the limit of 100.00 KES a day."
	for name, c := range map[string]struct {
		had    sale.Reversals
		tender money.Minor
		limit  money.Minor
		says   string
	}{
		"the last by number":     {sale.Reversals{Number: 2}, 1, 10_000, ""},
		"one more":               {sale.Reversals{Number: 3}, 1, 10_000, "juma reversed 3 sales today. The limit is 3 a day."},
		"up to the value":        {sale.Reversals{Value: 9000}, 1000, 10_000, ""},
		"a minor unit beyond it": {sale.Reversals{Value: 9000}, 1001, 10_000, most},
		"no limit of the value":  {sale.Reversals{Value: 9000}, 1 << 40, -1, ""},
		"the default":            {sale.Reversals{Value: 99_999_999}, 1, 0, ""},
		"beyond the default":     {sale.Reversals{Value: 99_999_999}, 2, 0, "juma reversed sales for 999999.99 KES today. This one, for 0.02 KES, would exceed the limit of 1000000.00 KES a day."},
	} {
		l := registry.Limits{ReversalsADay: 3, ReversalValueADay: c.limit}
		if no := beyond("juma", "", c.had, money.Amount{Minor: c.tender, Currency: "KES"}, l); no.What != c.says || no.Refused() && no.Code != refusal.DailyLimit {
			t.Errorf("%s: %q, want %q", name, no.What, c.says)
		}
	}
}

// alarms is a transaction that stores the alarms of a meter.
type alarms struct {
	Tx
	ReversalTx
	open   sale.Reversals
	opened metering.Alarm
	clear  metering.AlarmCode
}

func (a *alarms) Reversals() ReversalTx { return a }

func (a *alarms) Unconfirmed(int64) (sale.Reversals, error) { return a.open, nil }

func (a *alarms) UpdateAlarm(_ int64, opened metering.Alarm) error { a.opened = opened; return nil }

func (a *alarms) ClearAlarm(_ int64, code metering.AlarmCode) error { a.clear = code; return nil }

// TestTheAlarmCountsUnconfirmedReversals: the alarm ends with the last unconfirmed reversal.
func TestTheAlarmCountsUnconfirmedReversals(t *testing.T) {
	const rest = ". The money was given back, but the meter has not confirmed that it will never load the tokens."
	for number, want := range map[int64]string{0: "", 1: "A sale for 12.00 KES to this meter was reversed" + rest, 2: "2 sales for 12.00 KES to this meter were reversed" + rest} {
		a := alarms{open: sale.Reversals{Number: number, Value: 1200}}
		if err := tellUnconfirmed(&a, sale.Sale{Tender: money.Amount{Minor: 700, Currency: "KES"}}); err != nil {
			t.Fatal(err)
		}
		if a.opened.Text != want || (a.opened.Code == metering.AlarmReversalUnconfirmed) != (number > 0) || (a.clear == metering.AlarmReversalUnconfirmed) != (number == 0) {
			t.Errorf("%d sales: alarm %+v, cleared %q; want %q", number, a.opened, a.clear, want)
		}
	}
}

// TestWhatTheClockKnows checks what ends a doubt about the clock. The time of the newest token counts as a time when the clock was right. A
// person's confirmation ends the doubt about a moved clock, unless the confirmation is older than the moment when the move was noticed.
func TestWhatTheClockKnows(t *testing.T) {
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		newest time.Duration // age of the newest token
		doubt  bool
	}{"a token of yesterday": {24 * time.Hour, false}, "one of a second before": {24*time.Hour + time.Second, true}} {
		var g clockGuard
		g.start(at)
		g.ask(at, sale.Times{}, sale.ClockRecord{})
		if no := g.look(at, sale.Times{LastTrusted: at.Add(-100 * time.Hour), Newest: at.Add(-c.newest)}); no.Refused() != c.doubt || g.open() != c.doubt {
			t.Errorf("%s: in doubt %t, asked %t; want %t", name, no.Refused(), g.open(), c.doubt)
		}
	}
	own, off := at, time.Duration(0)
	g := clockGuard{running: func() time.Time { return own }}
	now := func() time.Time { return own.Add(off) }
	g.start(now())
	off = 2 * time.Hour
	noticed := now()
	if !g.again(now()).Refused() {
		t.Fatal("a move of two hours is not noticed")
	}
	own = own.Add(time.Minute)
	if !g.again(now()).Refused() {
		t.Fatal("it settles itself")
	}
	if no := g.look(now(), sale.Times{Trusted: noticed.Add(-time.Second)}); !no.Refused() {
		t.Error("a word of before the move settles it")
	}
	if no := g.look(now(), sale.Times{Trusted: noticed}); no.Refused() {
		t.Errorf("a word of the moment in which it was noticed does not: %s", no.What)
	}
	own = own.Add(time.Hour)
	if no := g.again(now()); no.Refused() {
		t.Errorf("settled, and asked again: %s", no.What)
	}
}

// TestWhatIsOfNoToken checks the code of a failed sale, and the amount of a charge that is left after a deduction. It also checks the texts
// of refusals about the clock, and the refusal of TIDs too far in the future.
func TestWhatIsOfNoToken(t *testing.T) {
	if failure("") != refusal.IssuerRefused || failure(refusal.KeyMissing) != refusal.KeyMissing {
		t.Errorf("failures answer with %s and %s", failure(""), failure(refusal.KeyMissing))
	}
	if left := leftAfter(tariff.Deduction{Charge: tariff.Charge{Outstanding: 500}, Gross: 120}); left == nil || *left != 380 {
		t.Errorf("500 less 120 leaves %v", left)
	}
	if left := leftAfter(tariff.Deduction{Charge: tariff.Charge{Outstanding: 500, Endless: true}, Gross: 120}); left != nil {
		t.Errorf("a fee of every purchase has %d left", *left)
	}
	says := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	for said, want := range map[time.Time]string{{}: "This approval does not name the time of the clock. The clock says 2026-11-20 08:00 UTC now.",
		says.Add(-time.Hour): "This approval was given when the clock said 2026-11-20 07:00 UTC. The clock says 2026-11-20 08:00 UTC now."} {
		if no := otherClock(said, says); no.What != want {
			t.Errorf("%q, want %q", no.What, want)
		}
	}
	if no := (Clock{Moved: 2*time.Hour + 400*time.Millisecond}).Doubt(); no.What != "The server's clock was moved by 2 h." {
		t.Errorf("%q", no.What)
	}
	p := priced{point: sound(), key: sound().Keys[0], tokens: []unit.Energy{unit.FromTenths(10)}}
	p.key.LastTID, _ = sts.Base2014.TIDAt(says.Add(sale.MaxAhead * time.Minute))
	if no := p.number(says.Add(59*time.Second), sale.Times{}); no.Code != refusal.TooManyTokens || !strings.HasSuffix(no.What, fmt.Sprintf(" more than %d minutes ahead.", sale.MaxAhead)) {
		t.Errorf("%q", no.What)
	}
}

// TestAPurchaseForNothing: a purchase without money is refused if the free units of the month were claimed, or if there are no free units.
func TestAPurchaseForNothing(t *testing.T) {
	for name, c := range map[string]struct {
		free    tariff.Free
		claimed bool
		want    refusal.Code
	}{
		"free units that were claimed":             {tariff.Free{Units: 100}, true, refusal.FBEAlreadyIssued},
		"free units that others may claim":         {tariff.Free{Units: 100}, false, refusal.AmountInvalid},
		"claimed by a tariff that gives no longer": {tariff.Free{}, true, refusal.AmountInvalid},
	} {
		if no := nothingTendered(sound(), tariff.Body{Free: c.free}, sale.Month{FreeClaimed: c.claimed}); no.Code != c.want {
			t.Errorf("%s: %q, want %q", name, no.Code, c.want)
		}
	}
}

// TestASwapCarriesUpToTheMostUnits: the most units that one sale can carry still reach the new meter, and a
// watt-hour more is refused.
func TestASwapCarriesUpToTheMostUnits(t *testing.T) {
	facts := swapFacts{Old: sale.Point{Mode: registry.PrepayToken, Status: registry.Active, AccountStatus: "active"},
		New: sale.Point{Mode: registry.PrepayToken, Status: registry.Stock}, Reported: true}
	facts.New.Meter.N = 1
	for left, want := range map[unit.Energy]string{MaxUnits: "", MaxUnits + 1: "swap-balance-negative"} {
		facts.Balance = left
		s, no := decideSwap(facts, Swap{}, time.Time{})
		if no.Text != want || !no.Refused() && s.Units != left {
			t.Errorf("%d Wh left: %d Wh and refusal %q, want refusal %q", left, s.Units, no.Text, want)
		}
	}
}

// TestWhatIsPromised checks the limits that the pages in docs/reference name.
func TestWhatIsPromised(t *testing.T) {
	for name, c := range map[string]struct{ is, want time.Duration }{
		"a quote holds":                           {QuoteLife, 5 * time.Minute},
		"a pushed token waits":                    {PushLife, 90 * 24 * time.Hour},
		"a clock may stand before the last token": {MaxClockBack, 10 * time.Minute},
		"a server may be off":                     {MaxClockRest, 24 * time.Hour},
		"a meter has to cancel a token":           {CancelLife, 10 * time.Minute},
		"a sale is left to its maker":             {ReferLife, 30 * time.Second},
	} {
		if c.is != c.want {
			t.Errorf("%s for %s, want %s", name, c.is, c.want)
		}
	}
}

// TestWhatATokenIsClaimedBackFor: the shares of a sale's tokens sum to its price, including tax and levies. Free units cost nothing.
func TestWhatATokenIsClaimedBackFor(t *testing.T) {
	s := sale.Sale{Free: 500, Tokens: []sale.Token{{ID: id.ID{1}, Units: 500}, {ID: id.ID{2}, Units: 1000}, {ID: id.ID{3}, Units: 1000}, {ID: id.ID{4}, Units: 1000}},
		Lines: []sale.Line{{Kind: sale.LineFixed, Amount: 900, VAT: 100}, {Kind: sale.LineFree}, {Kind: sale.LineEnergy, Amount: 100, VAT: 16}, {Kind: sale.LineLevy, Ref: "rural", Amount: 5},
			{Kind: sale.LineVAT, Amount: 116}, {Kind: sale.LineCarry, Amount: 7}}}
	for i, want := range [][]money.Minor{nil, {-33, -2, -5}, {-34, -1, -6}, {-33, -2, -5}} {
		got, err := valueOf(s, s.Tokens[i])
		if err != nil || len(got) != len(want) {
			t.Fatalf("token %d: %+v %v, want %v", i, got, err, want)
		}
		for n, p := range got {
			account := []ledger.AccountRef{{Code: ledger.RevenueEnergy}, {Code: ledger.LevyPayable, Subject: "rural"}, {Code: ledger.VATPayable}}[n]
			if p.Amount != want[n] || p.Account != account {
				t.Errorf("token %d: %+v, want %d of %+v", i, p, want[n], account)
			}
		}
	}
	s.Lines = []sale.Line{{Kind: sale.LineEnergy, Amount: 100}}
	if got, err := valueOf(s, s.Tokens[1]); err != nil || len(got) != 1 {
		t.Errorf("without tax: %+v %v, want the energy alone", got, err)
	}
	if _, err := shareOf(1<<62, 1, 1<<62, 1); err == nil {
		t.Error("a share that no integer holds is taken")
	}
	if _, err := shareOf(1<<62, 1<<62, -1<<62, 1); err == nil {
		t.Error("a part before that no integer holds is taken")
	}
}

// funding is a transaction that has only one tariff.
type funding struct {
	Tx
	SoldTx
	body tariff.Body
}

func (f funding) Sold() SoldTx { return f }

func (f funding) TariffVersion(id.ID) (tariff.Version, error) {
	return tariff.Version{Body: f.body}, nil
}

// TestWhatAProgrammeOwes: a programme owes the price of the free units, with tax. Units that cannot be priced are an error.
func TestWhatAProgrammeOwes(t *testing.T) {
	tx := funding{body: tariff.Body{Currency: "KES", VATBps: 1500, Free: tariff.Free{Units: 50_000, Funded: 1_200_000}}}
	var e ledger.SaleEntry
	if err := fund(nil, sale.Sale{}, &e); err != nil || len(e.Funding) != 0 {
		t.Errorf("no free units: %+v %v", e.Funding, err)
	}
	if err := fund(tx, sale.Sale{Free: 50_000}, &e); err != nil || len(e.Funding) != 3 || e.Funding[0].Amount != 6900 || e.Funding[0].Account.Subject != FreeProgramme {
		t.Errorf("50 kWh: %+v %v, want 69.00", e.Funding, err)
	}
	tx.body.Currency = "XXX"
	if err := fund(tx, sale.Sale{Free: 50_000}, &ledger.SaleEntry{}); err == nil {
		t.Error("free units in an unknown currency are funded")
	}
}

// oneTime is an issuer that counts the calls of Look.
type oneTime struct {
	Issuer
	looked *int
}

func (o oneTime) Look() Issuer { *o.looked++; return Issuer(nil) }

// TestAnIssuerLooksOnceForARequest: the issuer that Look returns serves the request. An issuer without Look serves the request itself.
func TestAnIssuerLooksOnceForARequest(t *testing.T) {
	looked := 0
	if got := lookedAt(oneTime{looked: &looked}); got != nil || looked != 1 {
		t.Errorf("%v after %d looks, want what the look gave", got, looked)
	}
	type plain struct{ Issuer }
	if got := lookedAt(plain{}); got != (plain{}) {
		t.Errorf("%v, want the issuer itself", got)
	}
}

// TestALateWordAboutAnUnknownToken: a late answer about an unknown token is an error, not an answer about another token.
func TestALateWordAboutAnUnknownToken(t *testing.T) {
	v := New(Config{Now: time.Now})
	s := sale.Sale{ID: id.ID{1}, Tokens: []sale.Token{{ID: id.ID{2}}}}
	if err := v.confirmOne(nil, access.Actor{}, s, sale.Cancel{Token: id.ID{3}}); err == nil || !strings.Contains(err.Error(), "does not belong to sale "+s.ID.Text(id.Vend)) {
		t.Errorf("%v", err)
	}
	if out, err := v.reclaimFrom(nil, access.Actor{}, s, sale.Token{ID: id.ID{2}, State: sale.TokenAccepted}); err != nil || out.done {
		t.Errorf("claimed back twice: %+v %v", out, err)
	}
}
