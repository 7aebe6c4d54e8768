package wallet_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/supply"
)

// accounts returns the identities of n accounts.
func accounts(n int) (out []id.ID) {
	for i := range n {
		out = append(out, id.ID{13: byte(i >> 8), 14: byte(i), 15: 1})
	}
	return out
}

// TestWatchLooksAtEverySupplyThatIsDue lets the notice period before a cut-off end. Nothing else happens at that time, so only the job can
// find out that it is over.
func TestWatchLooksAtEverySupplyThatIsDue(t *testing.T) {
	d := newTill(t, 2875, 1)
	d.tenant.Supply.Notice = 1800
	d.pays(-2875)
	d.warned(1)
	d.says()
	d.passes(30 * time.Minute)
	d.due = accounts(1)
	if n, err := d.wallets().Watch(t.Context(), system()); n != 1 || err != nil {
		t.Errorf("looked at %d accounts, %v; want 1", n, err)
	}
	d.want("the notice has run out", "disconnect m1; supply-off m1")
	for _, many := range []int{0, 1, 19, 20, 21, 47} {
		d.due, d.settled, d.wrote = accounts(many), nil, nil
		n, err := d.wallets().Watch(t.Context(), system())
		if n != many || err != nil || !slices.Equal(d.settled, accounts(many)) {
			t.Errorf("%d accounts were due: %d were looked at, %d settled, %v", many, n, len(d.settled), err)
		}
		if want := slices.Repeat([]string{"due by 12:30:00"}, many/20+1); !slices.Equal(d.wrote, want) {
			t.Errorf("%d accounts were due: asked %q, want %q", many, d.wrote, want)
		}
	}
	d.due, d.settled = accounts(6000), nil
	if n, err := d.wallets().Watch(t.Context(), system()); n != 5000 || len(d.settled) != 5000 || err != nil {
		t.Errorf("of 6000 accounts %d were looked at, %v; want no more than 5000 at a time", n, err)
	}
}

// TestSettleDueGoesOnToTheEnd posts for a long list of accounts. Only the first of them has used energy that is not posted yet.
func TestSettleDueGoesOnToTheEnd(t *testing.T) {
	for _, many := range []int{0, 1, 20, 21, 45} {
		d := newTill(t, 100_000, 1)
		d.passes(90*time.Minute).reads(1, 1000, supply.Closed)
		d.passes(30 * time.Second)
		d.due, d.settled = accounts(many), nil
		n, err := d.wallets().SettleDue(t.Context(), system())
		if want := min(many, 1); n != want || err != nil || !slices.Equal(d.settled, accounts(many)) {
			t.Errorf("%d accounts: posted for %d, settled %d, %v; want %d and all", many, n, len(d.settled), err, want)
		}
		if !strings.HasPrefix(d.wrote[0], "due before 13:00:00 ") {
			t.Errorf("%d accounts: asked for %q, want those that were not settled in this hour", many, d.wrote[0])
		}
		if got := d.rows[0].SettledAt; many > 0 && !got.Equal(d.now) {
			t.Errorf("%d accounts: settled at %s", many, got)
		}
	}
}

// TestADailyChargeThatTakesTheLastMoneyCutsAtOnce: charging ends with a decision about the supply.
func TestADailyChargeThatTakesTheLastMoneyCutsAtOnce(t *testing.T) {
	d := newTill(t, 300, 1)
	d.version.Body.Fixed = []tariff.FixedCharge{{Name: "service", Amount: 100, Per: tariff.PerDay}}
	d.settles()
	d.says()
	if n, err := d.wallets().ChargeDays(t.Context(), system()); n != 3 || err != nil {
		t.Fatalf("%d days charged, %v; want 3", n, err)
	}
	d.want("three days at 1.15", "disconnect m1; supply-off m1")
	if d.money != 300-345 {
		t.Errorf("%d are left, want -45", d.money)
	}
}

// TestWhatADailyChargePosts checks each journal.
func TestWhatADailyChargePosts(t *testing.T) {
	d := newTill(t, 100_000, 1)
	d.version.Body.Fixed = []tariff.FixedCharge{{Name: "service", Amount: 100, Per: tariff.PerDay}, {Name: "rent", Amount: 3000, Per: tariff.PerMonth, Untaxed: true}}
	charge := func(simulated bool) (out []string) {
		d.booked, d.charged = nil, "2026-11-17"
		d.uncharged = []wallet.ChargeAccount{{Meter: wallet.MeterFacts{N: 1, Account: id.ID{15: 1}, Simulated: simulated, LastSeen: d.now, NewestAt: d.now.UnixMicro()}}}
		if n, err := d.wallets().ChargeDays(t.Context(), system()); n != 1 || err != nil {
			t.Fatalf("%d days charged, %v; want 1", n, err)
		}
		for _, j := range d.booked {
			out = append(out, string(j.Kind)+" "+strings.TrimPrefix(j.Ref, id.ID{15: 1}.Text(id.Account))+" "+j.Memo+": "+postings(j))
		}
		return out
	}
	if got, want := charge(false), []string{"charge  2026-11-18 service, rent: 2000 215; 4010 -200; 2020 -15; "}; !slices.Equal(got, want) {
		t.Errorf("posted %q, want %q", got, want)
	}
	if got, want := charge(true), []string{"charge  2026-11-18 service, rent TEST: 2000 215; 4010 -200; 2020 -15; "}; !slices.Equal(got, want) {
		t.Errorf("for a simulated meter: posted %q, want %q", got, want)
	}
	for _, length := range []int{194, 195, 196, 300} {
		d.version.Body.Fixed[0].Name, d.version.Body.Fixed = strings.Repeat("x", length), d.version.Body.Fixed[:1]
		charge(true)
		if got, want := len(d.booked[0].Memo), min(length, 195)+5; got != want {
			t.Errorf("a name of %d bytes: a memo of %d, want %d", length, got, want)
		}
	}
	d.version.Body.Fixed = nil
	d.charged = ""
	if n, err := d.wallets().ChargeDays(t.Context(), system()); n != 0 || err != nil || d.charged != "2026-11-18" {
		t.Errorf("without fixed charges %d days were charged up to %q, %v; want none up to today", n, d.charged, err)
	}
}

// TestWhichDaysAreCharged: charges begin on the day after the last charged day, or on the day of the opening, but never more than 400 days
// ago.
func TestWhichDaysAreCharged(t *testing.T) {
	for _, c := range []struct {
		name    string
		opened  int // how many days ago the account was opened
		charged string
		begins  int // how many days ago the tariff began
		want    int
	}{
		{"opened today", 0, "", 500, 1},
		{"charged up to yesterday", 9, "2026-11-17", 500, 1},
		{"charged up to today", 9, "2026-11-18", 500, 0},
		{"a month", 30, "", 500, 31},
		{"a month and a day", 31, "", 500, 32},
		{"three months", 92, "", 500, 93},
		{"longer than days are charged for", 450, "", 500, 400},
		{"opened before its tariff began", 9, "", 4, 4},
	} {
		d := newTill(t, 1_000_000, 1)
		d.versions = []tariff.Version{version(1, d.now.AddDate(0, 0, -c.begins), flat())}
		d.versions[0].Body.Fixed = []tariff.FixedCharge{{Name: "service", Amount: 1, Per: tariff.PerDay}}
		d.charged = c.charged
		d.uncharged = []wallet.ChargeAccount{{Meter: wallet.MeterFacts{N: 1, Account: id.ID{15: 1}, Active: true}, OpenedAt: d.now.AddDate(0, 0, -c.opened)}}
		n, err := d.wallets().ChargeDays(t.Context(), system())
		if n != c.want || err != nil || d.charged != "2026-11-18" || len(d.booked) != c.want {
			t.Errorf("%s: %d days charged up to %q, %d journals, %v; want %d", c.name, n, d.charged, len(d.booked), err, c.want)
		}
	}
}

// TestAnAccountThatOpensAfterItsTariffBeginsIsCharged: an account is charged on its opening day, although no tariff version was in force
// when that day began.
func TestAnAccountThatOpensAfterItsTariffBeginsIsCharged(t *testing.T) {
	d := newTill(t, 100_000, 1)
	d.versions = []tariff.Version{version(1, d.now.Add(-time.Hour), flat())}
	d.versions[0].Body.Fixed = []tariff.FixedCharge{{Name: "service", Amount: 100, Per: tariff.PerDay}}
	for after, want := range map[time.Duration]int{-30 * time.Minute: 1, -time.Hour: 1, -61 * time.Minute: 0} {
		d.charged = ""
		d.uncharged = []wallet.ChargeAccount{{Meter: wallet.MeterFacts{N: 1, Account: id.ID{15: 1}, Active: true}, OpenedAt: d.now.Add(after)}}
		if n, err := d.wallets().ChargeDays(t.Context(), system()); n != want || err != nil {
			t.Errorf("opened %s ago: %d days charged, %v; want %d", -after, n, err, want)
		}
	}
}

// TestDailyChargesRunOnceADay: later runs of the day look only for accounts opened since, and for simulated meters, which count their own
// days.
func TestDailyChargesRunOnceADay(t *testing.T) {
	d := newTill(t, 100_000, 1)
	d.version.Body.Fixed = []tariff.FixedCharge{{Name: "service", Amount: 1, Per: tariff.PerDay}}
	d.now = d.now.Add(11*time.Hour + 30*time.Minute)
	d.tenant.Zone = nairobi(t) // in Nairobi it is the 19th
	d.uncharged = []wallet.ChargeAccount{}
	for range 20 {
		d.uncharged = append(d.uncharged, wallet.ChargeAccount{Meter: wallet.MeterFacts{N: int64(len(d.uncharged) + 1), Account: id.ID{15: 1}}, OpenedAt: d.now})
	}
	for i, want := range [][]string{{"2026-11-19", "2026-11-19", "2026-11-19"}, {"", "", ""}} {
		d.asked, d.charged = nil, "2026-11-19"
		if _, err := d.wallets().ChargeDays(t.Context(), system()); err != nil || !slices.Equal(d.asked, want) {
			t.Errorf("run %d: listed with %q, %v; want %q", i+1, d.asked, err, want)
		}
	}
	if !d.ran["wallet charges 2026-11-19"] || len(d.ran) != 1 {
		t.Errorf("noted %v, want the 19th", d.ran)
	}
	for many, want := range map[int]int{16: 3, 15: 2} {
		all := d.uncharged
		d.uncharged, d.asked = d.uncharged[:many], nil
		if _, err := d.wallets().ChargeDays(t.Context(), system()); err != nil || len(d.asked) != want {
			t.Errorf("%d accounts in lists of 8: asked %d times, %v; want %d", many, len(d.asked), err, want)
		}
		d.uncharged = all
	}
}
