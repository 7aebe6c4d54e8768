package wallet_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/wire"
)

// posted returns the journals since the last call, one per line.
func (d *rig) posted() string {
	var out []string
	for _, j := range d.booked {
		out = append(out, string(j.Kind)+" "+strings.TrimSpace(postings(j)))
	}
	d.booked = nil
	return strings.Join(out, "\n")
}

// levied is 2.50 per kWh with two levies and 15 % tax.
func levied() tariff.Body {
	b := flat()
	b.Levies = []tariff.Levy{{Name: "rural", Percent: 500}, {Name: "regulator", Rate: 30_000, Untaxed: true}}
	return b
}

// TestUseIsPostedWithItsLevies uses 10 kWh: 25.00 less rounding, levies of 1.25 and 0.30, and 3.94 of tax.
func TestUseIsPostedWithItsLevies(t *testing.T) {
	d := newRig(t, 100_000, 1)
	d.version.Body = levied()
	d.passes(6*time.Hour).reads(1, 10_000, supply.Closed)
	d.moves(0)
	if got, want := d.posted(), "usage 2000 3048; 4000 -2499; 2021rural -125; 2021regulator -30; 2020 -394;"; got != want {
		t.Errorf("posted %q, want %q", got, want)
	}
	if d.money != 100_000-3048 || d.rows[0].Accrued != 0 {
		t.Errorf("%d are left and %d accrued, want the use taken and nothing accrued", d.money, d.rows[0].Accrued)
	}
	d.moves(0)
	if got := d.posted(); got != "" {
		t.Errorf("posted again: %q", got)
	}
}

// TestLeviesOfSeveralVersionsAreOneLineEach posts use across a change of the tariff.
func TestLeviesOfSeveralVersionsAreOneLineEach(t *testing.T) {
	a, b := levied(), levied()
	b.Levies[0].Percent, b.Levies[1] = 0, tariff.Levy{Name: "city", Rate: 100_000}
	at := noon(t)
	p := newPlant(t, version(1, at.AddDate(-1, 0, 0), a), version(2, at.Add(time.Hour), b))
	p.read(at, 0)
	p.read(at.Add(2*time.Hour), 2000)
	p.read(at.Add(3*time.Hour), 3000)
	versions := map[id.ID]tariff.Version{{15: 1}: p.terms.Versions[0], {15: 2}: p.terms.Versions[1]}
	find := func(v id.ID) (tariff.Version, error) { return versions[v], nil }
	next, j, err := wallet.Entry(p.s, wallet.MeterFacts{ID: id.ID{1}, Account: id.ID{2}}, find, at)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := postings(j), "2000 902; 4000 -749; 2021rural -13; 2021regulator -3; 2021city -20; 2020 -117; "; got != want {
		t.Errorf("posted %q, want %q", got, want)
	}
	if next.Accrued != 0 || next.Parts != nil || next.Posted != 1 || next.PostedWh != 3000 || !next.PostedTo.Equal(p.s.At) || !next.SettledAt.Equal(at) {
		t.Errorf("afterwards %+v", next)
	}
	again, j, err := wallet.Entry(next, wallet.MeterFacts{}, find, at.Add(time.Hour))
	if err != nil || len(j.Postings) != 0 || again.Posted != 1 || !again.SettledAt.Equal(at.Add(time.Hour)) {
		t.Errorf("nothing is accrued: journal %+v, state %+v (%v)", j, again, err)
	}
	broken := errors.New("no version")
	if _, _, err := wallet.Entry(p.s, wallet.MeterFacts{}, func(id.ID) (tariff.Version, error) { return tariff.Version{}, broken }, at); !errors.Is(err, broken) {
		t.Errorf("a tariff that cannot be read: %v", err)
	}
}

// TestTheMemoOfUse follows the spans of two journals, and reads them back.
func TestTheMemoOfUse(t *testing.T) {
	d := newRig(t, 100_000, 1)
	d.rows[0].Meter.ID = id.ID{7}
	d.passes(time.Hour).reads(1, 1000, supply.Closed)
	d.moves(0)
	d.rows[0].Meter.Simulated = true
	d.passes(30*time.Minute).reads(1, 1500, supply.Closed)
	d.moves(0)
	want := []string{"1000 Wh to 1000 from 2026-11-18T12:00:00Z to 2026-11-18T13:00:00Z", "500 Wh to 1500 from 2026-11-18T13:00:00Z to 2026-11-18T13:30:00Z TEST"}
	if len(d.booked) != len(want) {
		t.Fatalf("%d journals, want %d", len(d.booked), len(want))
	}
	for i, j := range d.booked {
		if j.Memo != want[i] || j.Kind != ledger.Usage {
			t.Errorf("journal %d: %s %q, want %q", i+1, j.Kind, j.Memo, want[i])
		}
		s, ok := wallet.ParseSpan(j.Memo)
		if !ok || s.String() != j.Memo || s.Test != (i == 1) {
			t.Errorf("journal %d is read back as %+v (%t)", i+1, s, ok)
		}
		meter, n, ok := wallet.ParseUseRef(j.Ref)
		if !ok || meter != (id.ID{7}) || n != int64(i+1) {
			t.Errorf("journal %d: reference %q is meter %v, number %d (%t)", i+1, j.Ref, meter, n, ok)
		}
	}
	good := want[0]
	for _, bad := range []string{"", "paid", good + " and more", strings.Replace(good, "Wh", "kWh", 1), strings.Replace(good, " to 1000", " by 1000", 1),
		strings.Replace(good, "from", "since", 1), strings.Replace(good, "1000 Wh", "x Wh", 1), strings.Replace(good, "to 1000", "to x", 1),
		strings.Replace(good, "Z to 2026", "Z till 2026", 1), strings.Replace(good, "from 2026", "from x026", 1), strings.Replace(good, "to 2026", "to x026", 1)} {
		if s, ok := wallet.ParseSpan(bad); ok {
			t.Errorf("%q is read as %+v", bad, s)
		}
	}
	ref := wallet.UseRef(id.ID{7}, 12)
	for _, bad := range []string{"", strings.TrimSuffix(ref, "/12"), strings.TrimSuffix(ref, "12"), "x/12", ref + "x"} {
		if _, _, ok := wallet.ParseUseRef(bad); ok {
			t.Errorf("%q is read as a reference", bad)
		}
	}
}

// TestWhenUseIsPosted: use is posted every hour, and at once if a threshold is crossed or money comes in. Until then the use is accrued,
// and already reduces the available amount.
func TestWhenUseIsPosted(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(*till)
		want bool
	}{
		{"a reading", func(d *till) { d.settles() }, false},
		{"a payment", func(d *till) { d.pays(100) }, true},
		{"a hold that ends", func(d *till) { d.moves(0) }, true},
		{"a warning", func(d *till) {
			d.tenant.Policy.Warn1 = 9713
			d.settles()
		}, true},
		{"a cut-off", func(d *till) {
			d.tenant.Policy.CutOff = 9900
			d.settles()
		}, true},
		{"the hour", func(d *till) {
			d.due = []id.ID{{15: 1}}
			if n, err := d.wallets().SettleDue(t.Context(), system()); n != 1 || err != nil {
				t.Errorf("%d accounts posted, %v; want 1", n, err)
			}
		}, true},
	} {
		d := newTill(t, 10_000, 1)
		d.tenant.Policy.Warn1, d.tenant.Policy.Warn2 = 200, 100
		d.passes(time.Hour).reads(1, 1000, supply.Closed) // use for 2.87
		if d.rows[0].Accrued != 287 || d.posted() != "" {
			t.Fatalf("%s: %d accrued after a reading, want 287 and no journal", c.name, d.rows[0].Accrued)
		}
		c.do(d)
		if got, want := d.posted(), map[bool]string{true: "usage 2000 287; 4000 -250; 2020 -37;"}[c.want]; got != want {
			t.Errorf("%s: posted %q, want %q", c.name, got, want)
		}
		if got := d.rows[0].Accrued == 0; got != c.want {
			t.Errorf("%s: %d are accrued afterwards", c.name, d.rows[0].Accrued)
		}
	}
}

// TestWhatIsReservedOrAccruedIsNotLeft: the available amount is the wallet less the accrued and held amounts.
func TestWhatIsReservedOrAccruedIsNotLeft(t *testing.T) {
	d := newRig(t, 10_000, 2)
	d.passes(time.Hour).reads(1, 1000, supply.Closed)
	d.reads(2, 2000, supply.Closed)
	d.held = 400
	before, after := d.settles().Money, d.moves(0).Money
	if want := (wallet.Money{Wallet: 10_000, Held: 400, Accrued: 862}); before != want || before.Available() != 8738 {
		t.Errorf("%+v, %d left, want %+v", before, before.Available(), want)
	}
	if want := (wallet.Money{Wallet: 9138, Held: 400}); after != want {
		t.Errorf("posted: %+v, want %+v", after, want)
	}
	if got := d.moves(0); got.Posted != 0 || got.AnyDecision() {
		t.Errorf("nothing more to post: %+v", got)
	}
}

// TestTaxThatWasTakenInAdvance: the tax that top-ups have paid covers the tax on use. Use owes tax only after that tax is used up.
func TestTaxThatWasTakenInAdvance(t *testing.T) {
	d := newTill(t, 100_000, 2)
	for i := range d.rows {
		d.rows[i].Meter.Advanced = 100
	}
	d.version.Body.Fixed = []tariff.FixedCharge{{Name: "service", Amount: 100, Per: tariff.PerDay}}
	use := func(register int) string {
		d.wrote = nil
		d.passes(time.Hour)
		for n := range d.rows {
			r := &d.rows[n]
			r.State, _ = wallet.Take(r.State, wallet.Reading{Memory: rigMemory, Seq: r.Seq + 1, At: d.now, ReceivedAt: d.now, Up: r.Up + 1, Clock: wire.ClockValid, Register: r.Register + 1000}, wallet.Terms{
				Zone: d.tenant.Zone, Phases: 1, Versions: d.tariff()})
		}
		if _, err := wallet.SettleAccount(d, id.ID{15: 1}, d.now, true); err != nil {
			t.Fatal(err)
		}
		return d.posted() + "\n" + strings.Join(d.wrote, "; ")
	}
	for i, want := range []string{
		"usage 2000 287; 4000 -250; 1400 -37;\nusage 2000 287; 4000 -250; 1400 -37;\nadvanced -37; advanced -37",
		"usage 2000 288; 4000 -250; 2020 -12; 1400 -26;\nusage 2000 288; 4000 -250; 2020 -38;\nadvanced -26",
		"usage 2000 287; 4000 -250; 2020 -37;\nusage 2000 287; 4000 -250; 2020 -37;\n",
	} {
		if got := use(i); got != want {
			t.Errorf("step %d:\n%s\nwant\n%s", i+1, got, want)
		}
	}
	for i := range d.rows {
		d.rows[i].Meter.Advanced = 5
	}
	d.wrote = nil
	if n, err := d.wallets().ChargeDays(t.Context(), system()); err != nil || n != 3 {
		t.Fatalf("%d days charged, %v", n, err)
	}
	if got, want := d.posted()+"\n"+strings.Join(d.wrote, "; "), "charge 2000 115; 4010 -100; 2020 -10; 1400 -5;\ncharge 2000 115; 4010 -100; 2020 -15;\n"+
		"charge 2000 115; 4010 -100; 2020 -15;\nadvanced -5"; got != want {
		t.Errorf("daily charges:\n%s\nwant\n%s", got, want)
	}
}

// TestAPostingThatIsRefusedFails: no limit may stop the posting of use.
func TestAPostingThatIsRefusedFails(t *testing.T) {
	d := newRig(t, 100_000, 1)
	d.passes(time.Hour).reads(1, 1000, supply.Closed)
	d.breach = ledger.Breach{Account: ledger.AccountRef{Code: ledger.Wallet}, Balance: 1, Limit: ledger.Limit{Bound: ledger.NotAbove}}
	_, err := wallet.SettleAccount(d, id.ID{15: 1}, d.now, true)
	if err == nil || !strings.Contains(err.Error(), "would pass its limit") {
		t.Errorf("a posting was refused, and settling came to %v", err)
	}
	d.breach, d.rows = ledger.Breach{}, nil
	if got, err := wallet.SettleAccount(d, id.ID{15: 1}, d.now, true); err != nil || got.Posted != 0 || len(got.Rows) != 0 || got.Money != (wallet.Money{}) {
		t.Errorf("an account without meters: %+v, %v", got, err)
	}
}

// TestEachMinorUnitIsChargedOnce: a fraction of a minor unit is charged once it is whole.
func TestEachMinorUnitIsChargedOnce(t *testing.T) {
	d := newRig(t, 100_000, 1)
	var all money.Minor
	for i := range 7 {
		d.passes(time.Hour).reads(1, d.rows[0].Register+137, supply.Closed)
		d.moves(0)
		for _, j := range d.booked {
			all += j.Postings[0].Amount
		}
		d.booked = nil
		if want := money.Minor(137 * (i + 1) * 2875 / 10_000); all != want {
			t.Errorf("%d readings: %d posted, want %d", i+1, all, want)
		}
	}
}
