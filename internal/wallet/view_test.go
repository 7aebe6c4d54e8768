package wallet_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// useTill is a meter that used 1 Wh on the 1st of September, 2 Wh on the 2nd and so on, up to the 30th, newest first.
func useTill(t *testing.T) *till {
	d := newTill(t, 1000, 1)
	for day := 30; day >= 1; day-- {
		d.usage = append(d.usage, wallet.DayUse{Day: fmt.Sprintf("2026-09-%02d", day), Units: unit.Energy(day), Debit: 2, Estimated: 1})
	}
	return d
}

// TestUseByPeriod adds days up to weeks and months. The 1st of September 2026 is a Tuesday.
func TestUseByPeriod(t *testing.T) {
	for _, c := range []struct {
		by       wallet.Period
		from, to string
		want     []string
	}{
		{"", "2026-09-29", "", []string{"day 2026-09-30 30 2 1", "day 2026-09-29 29 2 1"}},
		{wallet.ByDay, "", "2026-09-02", []string{"day 2026-09-02 2 2 1", "day 2026-09-01 1 2 1"}},
		{wallet.ByWeek, "", "2026-09-14", []string{"week 2026-09-14 14 2 1", "week 2026-09-07 70 14 7", "week 2026-08-31 21 12 6"}},
		{wallet.ByMonth, "", "", []string{"month 2026-09-01 465 60 30"}},
	} {
		d := useTill(t)
		got, err := d.wallets().Use(t.Context(), system(), wallet.UseAsked{Meter: tillNumber, By: c.by, From: c.from, To: c.to})
		var text []string
		for _, u := range got.Data {
			text = append(text, fmt.Sprintf("%s %s %d %d %d", u.Period, u.First, u.Units, u.Debit, u.Estimated))
		}
		if err != nil || got.Refused() || got.Currency != "KES" || got.Next != "" || !slices.Equal(text, c.want) {
			t.Errorf("by %s: %q, %q, %v; want %q", c.by, text, got.What, err, c.want)
		}
	}
}

// TestPagesOfUse: each page continues with the period before the last period of the previous page. The last page is exactly full.
func TestPagesOfUse(t *testing.T) {
	for _, c := range []struct {
		by    wallet.Period
		limit int
		pages int
		rows  int
	}{{wallet.ByDay, 7, 5, 30}, {wallet.ByDay, 30, 1, 30}, {wallet.ByDay, 15, 2, 30}, {wallet.ByWeek, 1, 5, 5}, {wallet.ByWeek, 5, 1, 5}, {wallet.ByMonth, 1, 1, 1}} {
		d := useTill(t)
		asked := wallet.UseAsked{Meter: tillNumber, By: c.by, Page: registry.Page{Limit: c.limit}}
		pages, rows, units := 0, 0, unit.Energy(0)
		for {
			got, err := d.wallets().Use(t.Context(), system(), asked)
			if err != nil || got.Refused() {
				t.Fatal(err, got.Detail())
			}
			pages, rows = pages+1, rows+len(got.Data)
			for _, u := range got.Data {
				units += u.Units
			}
			if asked.Page.Cursor = got.Next; got.Next == "" {
				break
			}
		}
		if pages != c.pages || rows != c.rows || units != 465 {
			t.Errorf("by %s in pages of %d: %d rows in %d pages, %d Wh; want %d in %d, 465", c.by, c.limit, rows, pages, units, c.rows, c.pages)
		}
	}
	d := useTill(t)
	got, err := d.wallets().Use(t.Context(), system(), wallet.UseAsked{Meter: tillNumber, Page: registry.Page{Limit: 7}})
	if err != nil {
		t.Fatal(err)
	}
	if other, err := d.wallets().Use(t.Context(), system(), wallet.UseAsked{Meter: tillNumber, By: wallet.ByWeek, Page: registry.Page{Cursor: got.Next}}); err != nil || !other.Refused() {
		t.Errorf("a cursor of days in a list of weeks: %d rows, %v", len(other.Data), err)
	}
	place := registry.Cursor(sealer{}, 1, "use:day"+id.ID{14: 1}.Text(id.Meter), id.ID{1})
	if none, err := d.wallets().Use(t.Context(), system(), wallet.UseAsked{Meter: tillNumber, Page: registry.Page{Cursor: place}}); err != nil || none.Refused() || len(none.Data) > 0 {
		t.Errorf("a cursor of no day: %+v, %v; want nothing more", none, err)
	}
	earlier, err := d.wallets().Use(t.Context(), system(), wallet.UseAsked{Meter: tillNumber, To: "2026-09-03", Page: registry.Page{Cursor: got.Next}})
	if err != nil || len(earlier.Data) != 3 {
		t.Errorf("a cursor beyond the last day asked for: %d rows, %v; want 3", len(earlier.Data), err)
	}
}

// TestAFullPageOfPeriodsHasWholeOnes: each period has all of its days, and the page says that there are more periods.
func TestAFullPageOfPeriodsHasWholeOnes(t *testing.T) {
	d := newTill(t, 1000, 1)
	for day := time.Date(2026, 5, 31, 0, 0, 0, 0, time.UTC); len(d.usage) < 3100; day = day.AddDate(0, 0, -1) { // the end of a week and of a month
		d.usage = append(d.usage, used(day.Format(time.DateOnly), 1, 1))
	}
	for by, first := range map[wallet.Period]string{wallet.ByDay: "2026-02-21", wallet.ByWeek: "2024-07-01", wallet.ByMonth: "2018-02-01"} {
		got, err := d.wallets().Use(t.Context(), system(), wallet.UseAsked{Meter: tillNumber, By: by, Page: registry.Page{Limit: 100}})
		if err != nil || len(got.Data) != 100 || got.Next == "" {
			t.Fatalf("by %s: %d periods, %v; want 100 and more", by, len(got.Data), err)
		}
		last, want := got.Data[99], map[wallet.Period]unit.Energy{wallet.ByDay: 1, wallet.ByWeek: 7, wallet.ByMonth: 28}[by]
		if last.First != first || last.Units != want {
			t.Errorf("by %s: the last begins on %s with %d days, want %s with %d", by, last.First, last.Units, first, want)
		}
	}
}

// TestWhatUseRefuses: Use refuses invalid dates, unknown meters, pages that are too large, and actors without the right.
func TestWhatUseRefuses(t *testing.T) {
	for _, c := range []struct {
		name  string
		by    access.Actor
		asked wallet.UseAsked
		want  refusal.Code
	}{
		{"no date", system(), wallet.UseAsked{Meter: tillNumber, From: "yesterday"}, refusal.InvalidRequest},
		{"no date either", system(), wallet.UseAsked{Meter: tillNumber, To: "2026-13-01"}, refusal.InvalidRequest},
		{"another meter", system(), wallet.UseAsked{Meter: "06000001237"}, refusal.MeterNotFound},
		{"no meter", system(), wallet.UseAsked{Meter: "x"}, refusal.MeterNotFound},
		{"too much at a time", system(), wallet.UseAsked{Meter: tillNumber, Page: registry.Page{Limit: registry.MaxLimit + 1}}, refusal.InvalidRequest},
		{"no right", access.Actor{Tenant: 1, Role: access.VendorAPI}, wallet.UseAsked{Meter: tillNumber}, refusal.Forbidden},
	} {
		if got, err := useTill(t).wallets().Use(t.Context(), c.by, c.asked); err != nil || got.Code != c.want || len(got.Data) != 0 {
			t.Errorf("%s: %q with %d rows, %v; want %q", c.name, got.Code, len(got.Data), err, c.want)
		}
	}
	d := useTill(t)
	d.usage = []wallet.DayUse{{Day: "2026-09-31"}}
	if _, err := d.wallets().Use(t.Context(), system(), wallet.UseAsked{Meter: tillNumber}); err == nil || !strings.Contains(err.Error(), "read a day of use") {
		t.Errorf("a day that is none: %v", err)
	}
}

// TestDifferencesGoOnWhereTheyStopped pages through meters whose numbers need up to eight bytes.
func TestDifferencesGoOnWhereTheyStopped(t *testing.T) {
	for _, rows := range []int{0, 1, 3, 4, 7} {
		d := newTill(t, 1000, 1)
		for i := range rows {
			d.differing = append(d.differing, wallet.Difference{Meter: wallet.MeterFacts{N: 250 + int64(i)*(math.MaxInt64/8)}})
		}
		var got []wallet.Difference
		page, pages := registry.Page{Limit: 3}, 0
		for {
			p, err := d.wallets().Differences(t.Context(), system(), page)
			if err != nil || p.Refused() {
				t.Fatal(err, p.Detail())
			}
			got, pages = append(got, p.Data...), pages+1
			if page.Cursor = p.Next; p.Next == "" {
				break
			}
		}
		if want := max(1, (rows+2)/3); len(got) != rows || pages != want {
			t.Errorf("%d rows in %d pages, want %d in %d", len(got), pages, rows, want)
		}
	}
	d := newTill(t, 1000, 1)
	if p, err := d.wallets().Differences(t.Context(), access.Actor{Tenant: 1, Role: access.VendorAPI}, registry.Page{}); err != nil || p.Code != refusal.Forbidden {
		t.Errorf("no right: %q, %v", p.Code, err)
	}
	if p, err := d.wallets().Differences(t.Context(), system(), registry.Page{Limit: -1}); err != nil || p.Code != refusal.InvalidRequest {
		t.Errorf("a negative page: %q, %v", p.Code, err)
	}
}

// TestWhereASupplyStands checks every state of a supply, what it waits for and whether a key must be pressed.
func TestWhereASupplyStands(t *testing.T) {
	off := func(d *till) { d.pays(-100_000) }
	for _, c := range []struct {
		name  string
		do    func(*till)
		want  wallet.SupplyState
		press bool
	}{
		{"on", func(*till) {}, wallet.SupplyOn, false},
		{"nothing told", func(d *till) { d.seen[1].Relay = "" }, wallet.SupplyUnknown, false},
		{"armed", func(d *till) { d.seen[1].Relay = "armed" }, wallet.SupplyArmed, true},
		{"armed, and unwanted", func(d *till) {
			off(d)
			d.seen[1].Relay = "armed"
		}, wallet.SupplyOff, false},
		{"a window", func(d *till) {
			d.tenant.Supply.Windows = []string{"all 00:00-24:00"}
			off(d)
		}, wallet.SupplyWaiting, false},
		{"to be cut", off, wallet.SupplyCutting, false},
		{"cut", func(d *till) {
			off(d)
			d.does(1, wallet.CommandCut)
			d.seen[1].Relay = "open"
		}, wallet.SupplyOff, false},
		{"paid again", func(d *till) {
			off(d)
			d.does(1, wallet.CommandCut)
			d.seen[1].Relay = "open"
			d.pays(5000)
		}, wallet.SupplyConnecting, true},
		{"the next lease is on its way", func(d *till) {
			d.passes(36 * time.Hour)
			d.settles()
			d.seen[1].Relay = "open"
		}, wallet.SupplyConnecting, false},
		{"open, and nothing on its way", func(d *till) { d.seen[1].Relay = "open" }, wallet.SupplyOff, false},
	} {
		d := newTill(t, 100_000, 1)
		c.do(d)
		v, err := d.wallets().Supply(t.Context(), system(), tillNumber)
		if err != nil || v.Refused() || v.Stand != c.want || v.Press != c.press || v.Wanted != wallet.Wanted(d.rows[0].State) {
			t.Errorf("%s: stands %q, press %t, %v; want %q, %t", c.name, v.Stand, v.Press, err, c.want, c.press)
		}
	}
}

// TestWhatASupplyShows checks the figures besides the state.
func TestWhatASupplyShows(t *testing.T) {
	d := newTill(t, 10_000, 1)
	d.tenant.Policy.CutOff = 100
	d.held = 40
	d.usage = []wallet.DayUse{used("2026-11-17", 1000, 500), used("2026-11-16", 1000, 500), used("2026-11-15", 1000, 500)}
	d.version.Body.Fixed = []tariff.FixedCharge{{Name: "service", Amount: 100, Per: tariff.PerDay}}
	d.passes(time.Hour).reads(1, 4000, supply.Closed)
	v, err := d.wallets().Supply(t.Context(), system(), tillNumber)
	if err != nil || v.Number != "m1" || *v.Available != (money.Amount{Minor: 10_000 - 1150 - 40, Currency: "KES"}) || v.Lease.Max != 20_000 || v.LeaseLeft != 16_000 || v.Waiting {
		t.Errorf("%+v, %v", v, err)
	}
	if want := (wallet.Days{Estimated: true, Least: 14, Likely: 14, Most: 14}); v.Days != want {
		t.Errorf("lasts %+v, want %+v", v.Days, want)
	}
	if want := "use of 1 from 2026-11-04 to 2026-11-17"; !slices.Contains(d.wrote, want) {
		t.Errorf("asked %q, want %q", d.wrote, want)
	}
}

// TestHowLongASupplyWaits: a notice ends with its time, friendly hours with the calendar, by the meter's clock. No other rule has an end.
func TestHowLongASupplyWaits(t *testing.T) {
	for _, c := range []struct {
		name  string
		do    func(*till)
		block wallet.CutoffDelay
		until time.Duration // 0 for no end
	}{
		{"a notice that was given", func(d *till) {
			d.tenant.Supply.Notice = 3600
			d.pays(-100_000)
			d.warned(1)
			d.passes(10 * time.Minute)
		}, wallet.BlockNotice, 50 * time.Minute},
		{"a notice that is on its way", func(d *till) {
			d.tenant.Supply.Notice = 3600
			d.pays(-100_000)
		}, wallet.BlockNotice, 0},
		{"a window", func(d *till) {
			d.tenant.Supply.Windows = []string{"wed 12:00-13:30"}
			d.pays(-100_000)
			d.passes(10*time.Minute + time.Second)
		}, wallet.BlockFriendly, 80*time.Minute - time.Second},
		{"a window of a week", func(d *till) {
			d.tenant.Supply.Windows = []string{"all 00:00-24:00"}
			d.pays(-100_000)
		}, wallet.BlockFriendly, 0},
		{"special days that end in less than eight days", func(d *till) {
			d.tenant.Supply.SpecialDays = eightDays("00:00-11:59")
			d.pays(-100_000)
		}, wallet.BlockFriendly, 8*24*time.Hour - time.Minute},
		{"special days that last longer", func(d *till) {
			d.tenant.Supply.SpecialDays = eightDays("00:00-12:00")
			d.pays(-100_000)
		}, wallet.BlockFriendly, 0},
		{"protected", func(d *till) {
			d.seen[1].Protected = true
			d.pays(-100_000)
			d.warned(1)
		}, wallet.BlockProtected, 0},
	} {
		d := newTill(t, 100_000, 1)
		c.do(d)
		v, err := d.wallets().Supply(t.Context(), system(), tillNumber)
		want := time.Time{}
		if c.until > 0 {
			want = d.now.Add(c.until)
		}
		if err != nil || v.Stand != wallet.SupplyWaiting || v.Block != c.block || !v.Until.Equal(want) {
			t.Errorf("%s: %q %q until %s, %v; want %q until %s", c.name, v.Stand, v.Block, v.Until, err, c.block, want)
		}
	}
}

// eightDays returns eight special days from now on, and after them a day with these hours.
func eightDays(last string) (days []string) {
	for day := 18; day < 26; day++ {
		days = append(days, fmt.Sprintf("2026-11-%d", day))
	}
	return append(days, "2026-11-26 "+last)
}

// TestTheLeaseThatIsShown: the view shows the lease in the meter, with the meter's answer to the next lease.
func TestTheLeaseThatIsShown(t *testing.T) {
	for _, c := range []struct {
		state, answer string
		max           unit.Energy
		waiting       bool
		unwilling     string
	}{{"queued", "", 20_000, true, ""}, {"done", "", 30_000, false, ""}, {"failed", "mode", 20_000, false, "mode"}, {"failed", "counter", 20_000, false, ""}, {"expired", "", 20_000, false, ""}} {
		d := newTill(t, 100_000, 1)
		d.passes(6*time.Hour).reads(1, 10_000, supply.Closed)
		o := d.order(1, wallet.CommandLease)
		o.Signed, o.State, o.Answer = true, c.state, c.answer
		v, err := d.wallets().Supply(t.Context(), system(), tillNumber)
		if err != nil || v.Lease.Max != c.max || v.LeaseLeft != c.max-10_000 || v.Waiting != c.waiting || v.Unwilling != c.unwilling {
			t.Errorf("%s %s: lease to %d, %d left, waiting %t, unwilling %q, %v", c.state, c.answer, v.Lease.Max, v.LeaseLeft, v.Waiting, v.Unwilling, err)
		}
	}
	d := newTill(t, 100_000, 1)
	d.passes(jump)
	d.order(1, wallet.CommandLease).State, d.order(1, wallet.CommandLease).Since = "sent", d.now
	d.passes(-jump)
	if v, err := d.wallets().Supply(t.Context(), system(), tillNumber); err != nil || v.Waiting {
		t.Errorf("a lease that was sent by a clock that was ahead is still waited for: %+v, %v", v, err)
	}
}
