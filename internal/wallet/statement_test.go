package wallet_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
)

// statementTill is an account in Nairobi with two days of bookings.
func statementTill(t *testing.T) *till {
	d := newTill(t, 1000, 1)
	d.tenant.Zone = nairobi(t)
	day := time.Date(2026, 11, 17, 0, 0, 0, 0, d.tenant.Zone)
	use := func(units, register unit.Energy, from, to int) string {
		return wallet.Span{Units: units, Register: register, From: day.Add(time.Duration(from) * time.Hour), To: day.Add(time.Duration(to) * time.Hour)}.String()
	}
	d.opening = 500
	for _, b := range []struct {
		kind   ledger.Kind
		hour   int
		amount money.Minor
		memo   string
		ref    string
	}{
		{ledger.Usage, 1, -30, use(100, 100, -1, 0), "u/1"},
		{ledger.TopUp, 8, 1000, "", "main-000001"},
		{ledger.Charged, 9, -5, "service", "c 1"},
		{ledger.Usage, 10, -40, use(140, 240, -2, 9), "u/2"},
		{ledger.Charged, 11, -6, "service", "c 2"},
		{ledger.Usage, 12, -50, "unreadable", "u/3"},
		{ledger.Usage, 23, -10, use(20, 260, 2, 3), "u/4"},
		{ledger.Goodwill, 24, 70, "", "g/1"},
		{ledger.Usage, 26, -11, use(33, 293, 20, 25), "u/5"},
	} {
		d.journals = append(d.journals, wallet.Booked{Kind: b.kind, At: day.Add(time.Duration(b.hour) * time.Hour), Amount: b.amount, Memo: b.memo, Ref: b.ref})
	}
	return d
}

func lineText(l wallet.Line) string {
	text := fmt.Sprintf("%s %s %d = %d", l.Day, l.Kind, l.Amount, l.Balance)
	if l.Units > 0 {
		text += fmt.Sprintf(", %d Wh from %s to %s", l.Units, l.From.UTC().Format("02T15"), l.To.UTC().Format("02T15"))
	}
	if l.Journals != 0 {
		text += fmt.Sprintf(", %d of %q", l.Journals, l.Ref)
	}
	return text
}

// TestAStatement checks that a statement adds up use and charges by day, and shows the right balance after each line.
func TestAStatement(t *testing.T) {
	d := statementTill(t)
	s, err := d.wallets().Statement(t.Context(), system(), id.ID{15: 1}.Text(id.Account), "2026-11-17", "2026-11-18", registry.Page{})
	if err != nil || s.Refused() {
		t.Fatal(err, s.Detail())
	}
	var got []string
	for _, l := range s.Lines {
		got = append(got, lineText(l))
	}
	want := []string{
		"2026-11-17 opening 0 = 500",
		`2026-11-17 recharge 1000 = 1500, 1 of "main-000001"`,
		`2026-11-17 charge -11 = 1489, 2 of ""`,
		`2026-11-17 use -130 = 1359, 260 Wh from 16T19 to 17T06, 4 of ""`,
		`2026-11-18 goodwill 70 = 1429, 1 of "g/1"`,
		`2026-11-18 use -11 = 1418, 33 Wh from 17T17 to 17T22, 1 of ""`,
		"2026-11-18 closing 0 = 1418",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if s.Opening != 500 || s.Closing != 1418 || s.Currency != "KES" || s.Account != (id.ID{15: 1}) || s.Next != "" {
		t.Errorf("%+v", s)
	}
	if first, use, last := s.Lines[0].At, s.Lines[3].At, s.Lines[len(s.Lines)-1].At; !first.Equal(time.Date(2026, 11, 16, 21, 0, 0, 0, time.UTC)) ||
		!use.Equal(d.journals[6].At) || !last.Equal(time.Date(2026, 11, 18, 21, 0, 0, 0, time.UTC)) {
		t.Errorf("lines at %s, %s and %s", first, use, last)
	}
}

// TestPagesOfAStatement: each page continues where the previous page ended. The last page is exactly full.
func TestPagesOfAStatement(t *testing.T) {
	d := statementTill(t)
	for _, limit := range []int{1, 3, 6, 7, 8} {
		page, lines, pages := registry.Page{Limit: limit}, 0, 0
		for {
			s, err := d.wallets().Statement(t.Context(), system(), tillNumber, "2026-11-17", "2026-11-18", page)
			if err != nil || s.Refused() || s.Closing != 1418 {
				t.Fatal(err, s.Detail(), s.Closing)
			}
			lines, pages = lines+len(s.Lines), pages+1
			if page.Cursor = s.Next; s.Next == "" {
				break
			}
		}
		if want := (7 + limit - 1) / limit; lines != 7 || pages != want {
			t.Errorf("%d lines in %d pages of %d, want 7 in %d", lines, pages, limit, want)
		}
	}
	s, err := d.wallets().Statement(t.Context(), system(), tillNumber, "2026-11-17", "2026-11-18", registry.Page{Limit: 3})
	if err != nil {
		t.Fatal(err)
	}
	if other, err := d.wallets().Statement(t.Context(), system(), tillNumber, "2026-11-16", "2026-11-18", registry.Page{Cursor: s.Next}); err != nil || !other.Refused() {
		t.Errorf("a cursor of another statement: %+v, %v", other.Lines, err)
	}
}

// TestTheDaysOfAStatement checks which days are included, and which are refused.
func TestTheDaysOfAStatement(t *testing.T) {
	const bad, many = " is not a date.", "A statement can cover at most 100 days."
	for _, c := range []struct {
		from, to string
		want     string
		refused  string
	}{
		{"", "", "booked from 2026-11-01T00:00:00+03:00 to 2026-11-19T00:00:00+03:00", ""},
		{"2026-10-30", "", "booked from 2026-10-30T00:00:00+03:00 to 2026-11-19T00:00:00+03:00", ""},
		{"", "2026-09-15", "booked from 2026-09-01T00:00:00+03:00 to 2026-09-16T00:00:00+03:00", ""},
		{"2026-09-15", "2026-09-15", "booked from 2026-09-15T00:00:00+03:00 to 2026-09-16T00:00:00+03:00", ""},
		{"2026-01-01", "2026-04-10", "booked from 2026-01-01T00:00:00+03:00 to 2026-04-11T00:00:00+03:00", ""}, // the range has 100 days
		{"2026-01-01", "2026-04-11", "", many},
		{"2026-09-16", "2026-09-15", "", "A statement cannot begin on 2026-09-16 and end on 2026-09-15, which is earlier."},
		{"2026-09", "", "", `"2026-09"` + bad}, {"", "tomorrow", "", `"tomorrow"` + bad}, {"2026-09-01", "2026-9-1", "", `"2026-9-1"` + bad}, {"x", "2026-09-01", "", `"x"` + bad},
	} {
		d := statementTill(t)
		s, err := d.wallets().Statement(t.Context(), system(), tillNumber, c.from, c.to, registry.Page{})
		if got := strings.Join(d.wrote, "; "); err != nil || got != c.want || s.What != c.refused {
			t.Errorf("from %q to %q: asked %q, refused %q, %v; want %q, %q", c.from, c.to, got, s.What, err, c.want, c.refused)
		}
	}
}

// TestAStatementOverTheEndOfSummerTime: a hundred days may be an hour longer.
func TestAStatementOverTheEndOfSummerTime(t *testing.T) {
	d := newTill(t, 1000, 1)
	d.tenant.Zone = santiago(t)
	for to, want := range map[string]bool{"2026-06-09": true, "2026-06-10": false} { // from 2 March on; the range includes 5 April
		if s, err := d.wallets().Statement(t.Context(), system(), tillNumber, "2026-03-02", to, registry.Page{}); err != nil || s.Refused() == want {
			t.Errorf("up to %s: %q, %v; want it shown %t", to, s.What, err, want)
		}
	}
}

// TestWhoseStatement checks which account a statement is for, and which requests are refused.
func TestWhoseStatement(t *testing.T) {
	d := statementTill(t)
	for _, c := range []struct {
		name, account string
		by            access.Actor
		want          refusal.Code
	}{
		{"an account", id.ID{15: 1}.Text(id.Account), system(), ""},
		{"a meter's number", tillNumber, system(), ""},
		{"a meter's identity", id.ID{14: 1}.Text(id.Meter), system(), ""},
		{"another account", id.ID{15: 2}.Text(id.Account), system(), refusal.NotFound},
		{"another meter", "06000001237", system(), refusal.NotFound},
		{"another meter's identity", id.ID{14: 2}.Text(id.Meter), system(), refusal.NotFound},
		{"no number", "x", system(), refusal.InvalidRequest},
		{"no right", tillNumber, access.Actor{Tenant: 1, Role: access.VendorAPI}, refusal.Forbidden},
	} {
		s, err := d.wallets().Statement(t.Context(), c.by, c.account, "", "", registry.Page{})
		if err != nil || s.Code != c.want && !(c.want == refusal.InvalidRequest && s.Refused()) || (c.want != "") != (len(s.Lines) == 0) {
			t.Errorf("%s: %q %q with %d lines, %v; want %q", c.name, s.Code, s.What, len(s.Lines), err, c.want)
		}
	}
	d.journals = slices.Repeat(d.journals[1:2], 10_000)
	if s, err := d.wallets().Statement(t.Context(), system(), tillNumber, "", "", registry.Page{}); err != nil || s.Refused() || len(s.Lines) != registry.DefaultLimit {
		t.Errorf("10,000 journals: %q, %d lines, %v", s.What, len(s.Lines), err)
	}
	d.journals = append(d.journals, d.journals[0])
	if s, err := d.wallets().Statement(t.Context(), system(), tillNumber, "", "", registry.Page{}); err != nil || s.Code != refusal.InvalidRequest {
		t.Errorf("10,001 journals: %q, %d lines, %v", s.What, len(s.Lines), err)
	}
}

// TestAHundredDaysAreAllowedWhereClocksChangeByTwoHours: the clocks of a station in Antarctica change by two hours. The limit counts days,
// not hours.
func TestAHundredDaysAreAllowedWhereClocksChangeByTwoHours(t *testing.T) {
	zone, err := time.LoadLocation("Antarctica/Troll")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		from, to string
		want     bool
	}{
		{"2026-09-01", "2026-12-09", true}, {"2026-09-01", "2026-12-10", false}, // over the 25th of October
		{"2026-02-01", "2026-05-11", true}, {"2026-02-01", "2026-05-12", false}, // over the 29th of March
	} {
		d := newTill(t, 1000, 1)
		d.tenant.Zone = zone
		if s, err := d.wallets().Statement(t.Context(), system(), tillNumber, c.from, c.to, registry.Page{}); err != nil || s.Refused() == c.want {
			t.Errorf("from %s to %s: %q, %v; want it shown %t", c.from, c.to, s.What, err, c.want)
		}
	}
}
