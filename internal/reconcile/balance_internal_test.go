package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/statement"
)

func novemberDay(n int) time.Time { return time.Date(2026, 11, n, 0, 0, 0, 0, nairobiZone()) }

// pagesOf makes what files say about days from lines such as "20 1000 1700 in=700 acct=1 file=2 part". Without balances the line has - for them.
func pagesOf(t *testing.T, lines []string) (out []PageDay) {
	t.Helper()
	for n, line := range lines {
		words := strings.Fields(line)
		p := PageDay{Account: "70000", Currency: "KES", Whole: true, File: id.ID{15: byte(n + 1)}, Balanced: words[1] != "-"}
		day := 0
		_, _ = fmt.Sscan(words[0], &day)
		p.Day = novemberDay(day)
		if p.Balanced {
			var opening, closing int64
			if _, err := fmt.Sscan(words[1]+" "+words[2], &opening, &closing); err != nil {
				t.Fatal(err)
			}
			p.Opening, p.Closing = money.Minor(opening), money.Minor(closing)
		}
		for _, w := range words[3:] {
			what, value, _ := strings.Cut(w, "=")
			switch what {
			case "in":
				_, _ = fmt.Sscan(value, (*int64)(&p.PaidIn))
			case "acct":
				p.Account = value
			case "cur":
				p.Currency = value
			case "file":
				p.File = id.ID{14: 1, 15: value[0]}
			case "part":
				p.Whole = false
			}
		}
		out = append(out, p)
	}
	return out
}

// TestTheBalancesOfADay is the comparison of a day with the balances of its statements, as a table. All days are 20 November.
func TestTheBalancesOfADay(t *testing.T) {
	for _, c := range []struct {
		name    string
		pages   []string
		before  []string
		rows    []string
		waits   bool // no file was written after the day
		want    []string
		unknown string
	}{
		{name: "agrees", pages: []string{"20 1000 1700 in=700"}, before: []string{"19 900 1000"}, rows: []string{"500 20 acct=70000", "200 20 acct=70000"}},
		{name: "the first statement", pages: []string{"20 1000 1700 in=700"}, rows: []string{"700 20 acct=70000"}, unknown: "first-statement"},
		{name: "a row was lost", pages: []string{"20 1000 1700 in=700"}, before: []string{"19 900 1000"}, rows: []string{"500 20 acct=70000"}, want: []string{"sums 700/500", "balance 700/500"}},
		{name: "a row counts twice", pages: []string{"20 1000 1700 in=700"}, before: []string{"19 900 1000"}, rows: []string{"700 20 acct=70000", "700 20 acct=70000"}, want: []string{"balance 700/1400"}},
		{name: "a fee was lost", pages: []string{"20 1000 1690 in=700"}, before: []string{"19 900 1000"}, rows: []string{"700 20 acct=70000"}, want: []string{"balance 690/700"}},
		{name: "fees and payments", pages: []string{"20 1000 1690 in=700"}, before: []string{"19 900 1000"}, rows: []string{"700 20 acct=70000", "-10 20 acct=70000 kind=fee"}},
		{name: "other money that came in is no payment", pages: []string{"20 1000 1700 in=700"}, before: []string{"19 900 1000"}, rows: []string{"700 20 acct=70000 kind=other"}, want: []string{"sums 700/0"}},
		{name: "a statement is missing between", pages: []string{"20 1000 1700 in=700"}, before: []string{"18 800 900"}, rows: []string{"700 20 acct=70000"}, want: []string{"gap 1000/900"}},
		{name: "the page begins the day before, and a statement is missing", pages: []string{"20 1000 1700 in=700 file=1"}, before: []string{"18 800 900", "19 1000 1000 file=1 part"}, rows: []string{"700 20 acct=70000"}, want: []string{"gap 1000/900"}},
		{name: "the page before it is there", pages: []string{"20 1000 1700 in=700 file=1"}, before: []string{"18 800 900", "19 900 1000 part", "19 1000 1000 file=1 part"}, rows: []string{"700 20 acct=70000"}},
		{name: "the page begins in the evening before", pages: []string{"20 1000 1700 in=700 file=1"}, before: []string{"18 800 900", "19 900 950 part", "19 950 1000 file=1 part"}, rows: []string{"700 20 acct=70000"}},
		{name: "the day before is in the same file", pages: []string{"20 1000 1700 in=700 file=1"}, before: []string{"18 800 900", "19 1000 1000 file=1"}, rows: []string{"700 20 acct=70000"}},
		{name: "days without movement between", pages: []string{"20 1000 1700 in=700"}, before: []string{"11 800 1000"}, rows: []string{"700 20 acct=70000"}},
		{name: "the newest statement counts", pages: []string{"20 1000 1700 in=700"}, before: []string{"11 800 900", "18 950 1000"}, rows: []string{"700 20 acct=70000"}},
		{name: "the order of statements does not matter", pages: []string{"20 1000 1700 in=700"}, before: []string{"18 950 1000", "11 800 900"}, rows: []string{"700 20 acct=70000"}},
		{name: "another account's statement is none", pages: []string{"20 1000 1700 in=700"}, before: []string{"19 1 2 acct=99999"}, rows: []string{"700 20 acct=70000"}, unknown: "first-statement"},
		{name: "another currency's statement is none", pages: []string{"20 1000 1700 in=700"}, before: []string{"19 1 2 cur=UGX"}, rows: []string{"700 20 acct=70000"}, unknown: "first-statement"},
		{name: "a statement without balances is none", pages: []string{"20 1000 1700 in=700"}, before: []string{"19 - -"}, rows: []string{"700 20 acct=70000"}, unknown: "first-statement"},
		{name: "two files of the day", pages: []string{"20 1000 1700 in=700", "20 1000 1700 in=700"}, before: []string{"19 900 1000"}, rows: []string{"700 20 acct=70000"}},
		{name: "halves that join", pages: []string{"20 1000 1500 in=500", "20 1500 1700 in=200"}, before: []string{"19 900 1000"}, rows: []string{"500 20 acct=70000", "200 20 acct=70000"}},
		{name: "halves, the second first", pages: []string{"20 1500 1700 in=200", "20 1000 1500 in=500"}, before: []string{"19 900 1000"}, rows: []string{"500 20 acct=70000", "200 20 acct=70000"}},
		{name: "a half and the whole", pages: []string{"20 1000 1500 in=500", "20 1000 1700 in=700"}, before: []string{"19 900 1000"}, rows: []string{"500 20 acct=70000 after=1500", "200 20 acct=70000 after=1700"}},
		{name: "the end and the whole", pages: []string{"20 1500 1700 in=200", "20 1000 1700 in=700"}, before: []string{"19 900 1000"}, rows: []string{"500 20 acct=70000 after=1500", "200 20 acct=70000 after=1700"}},
		{name: "parts that overlap", pages: []string{"20 1000 1500 in=500", "20 1200 1700 in=500"}, before: []string{"19 900 1000"}, rows: []string{"200 20 acct=70000 after=1200", "300 20 acct=70000 after=1500", "200 20 acct=70000 after=1700"}},
		{name: "parts that do not join", pages: []string{"20 1000 1500 in=500", "20 1600 1700 in=100"}, before: []string{"19 900 1000"}, rows: []string{"500 20 acct=70000 after=1500", "100 20 acct=70000 after=1700"}, want: []string{"balance 0/600"}},
		{name: "a file of a part of the day gives way", pages: []string{"20 1000 1500 in=500 part", "20 1000 1700 in=700"}, before: []string{"19 900 1000"}, rows: []string{"500 20 acct=70000", "200 20 acct=70000"}},
		{name: "the last statement in halves", pages: []string{"20 1000 1700 in=700"}, before: []string{"19 800 900", "19 900 1000"}, rows: []string{"700 20 acct=70000"}},
		{name: "a day without movement", pages: []string{"20 1000 1000"}, before: []string{"19 900 1000"}},
		{name: "a day whose money left again", pages: []string{"20 1000 1000 in=500"}, before: []string{"19 900 1000"}, rows: []string{"500 20 acct=70000", "-500 20 acct=70000 kind=withdrawal"}},
		{name: "no balances", pages: []string{"20 - - in=700"}, rows: []string{"700 20 acct=70000"}, unknown: "no-balances"},
		{name: "no balances, and a payment is lost", pages: []string{"20 - - in=700"}, rows: []string{"500 20 acct=70000"}, want: []string{"sums 700/500"}, unknown: "no-balances"},
		{name: "two files of one account have parts of the payments", pages: []string{"20 - - in=500", "20 - - in=200"}, rows: []string{"500 20 acct=70000", "200 20 acct=70000"}, unknown: "no-balances"},
		{name: "two pages of one file", pages: []string{"20 - - in=500 file=1", "20 - - in=200 file=1"}, rows: []string{"500 20 acct=70000"}, want: []string{"sums 700/500"}, unknown: "no-balances"},
		{name: "no page at all", rows: []string{"500 20"}, unknown: "no-balances"},
		{name: "two accounts", pages: []string{"20 1000 1700 in=700", "20 5000 5100 in=100 acct=80000"}, before: []string{"19 900 1000", "19 4000 5000 acct=80000"}, rows: []string{"700 20 acct=70000", "100 20 acct=80000"}},
		{name: "two accounts, and one lost a row", pages: []string{"20 1000 1700 in=700", "20 5000 5100 in=100 acct=80000"}, before: []string{"19 900 1000", "19 4000 5000 acct=80000"}, rows: []string{"700 20 acct=70000"}, want: []string{"sums 100/0", "balance 100/0"}},
		{name: "one account in two writings", pages: []string{"20 1000 1700 in=700", "20 1000 1700 in=700 acct=KE0170000"}, before: []string{"19 900 1000"}, rows: []string{"700 20 acct=KE0170000"}},
		{name: "rows of earlier versions name no account", pages: []string{"20 1000 1700 in=700"}, before: []string{"19 900 1000"}, rows: []string{"700 20"}},
		{name: "they are of no account if there are two", pages: []string{"20 1000 1700", "20 5000 5000 acct=80000"}, before: []string{"19 900 1000", "19 4000 5000 acct=80000"}, rows: []string{"700 20"}, want: []string{"balance 700/0"}},
		{name: "a file that names no account", pages: []string{"20 1000 1700 in=700 acct="}, before: []string{"19 900 1000"}, rows: []string{"700 20"}},
		{name: "another currency", pages: []string{"20 1000 1700 in=700"}, before: []string{"19 900 1000"}, rows: []string{"700 20 acct=70000", "900 20 acct=70000 cur=UGX"}},
		{name: "only parts of the day", waits: true, pages: []string{"20 1000 1500 in=500 part"}, rows: []string{"100 20"}, unknown: "part-of-day"},
		{name: "no file after the day", waits: true},
	} {
		d := Day{From: novemberDay(20), To: novemberDay(21), Stated: !c.waits, Rows: rowsOf(t, c.rows), Pages: pagesOf(t, c.pages), Before: pagesOf(t, c.before)}
		found, _ := compareBalances(d)
		var got []string
		for _, x := range found {
			got = append(got, fmt.Sprintf("%s %d/%d", x.Kind, x.Stated, x.Paid))
			if !strings.Contains(x.Key, "2026-11-20") || !strings.HasSuffix(x.Key, x.Note) || x.Currency != "KES" || !x.At.Equal(d.From) {
				t.Errorf("%s: difference %+v does not name its day and account", c.name, x)
			}
		}
		if !slices.Equal(got, c.want) || unknownText(d) != c.unknown {
			t.Errorf("%s:\n got %q, not compared %q\nwant %q, not compared %q", c.name, got, unknownText(d), c.want, c.unknown)
		}
	}
}

// TestADayWithRowsOfTheirOwnBalances does not ask for balances of the file: M-Pesa's rows have balances.
func TestADayWithRowsOfTheirOwnBalances(t *testing.T) {
	rows := rowsOf(t, []string{"700 20 own=Q1 acct=70000"})
	rows[0].Balanced = true
	for _, pages := range [][]string{nil, {"20 - - in=700"}} {
		if got := unknownText(Day{From: novemberDay(20), To: novemberDay(21), Stated: true, Rows: rows, Pages: pagesOf(t, pages)}); got != "" {
			t.Errorf("not compared: %s", got)
		}
	}
}

// TestWhatAFileSaysAboutItsDays splits the balances of pages by day.
func TestWhatAFileSaysAboutItsDays(t *testing.T) {
	zone := nairobiZone()
	rows := rowsOf(t, []string{"500 20 text=a", "-100 20 text=b kind=fee", "300 22 text=c", "200 22 text=d", "50 20 text=e"})
	rows[4].Page = 1
	pages := []statement.Page{
		{Account: "A1", Currency: "KES", Opening: 1000, Closing: 1900, Balanced: true, From: novemberDay(20), To: novemberDay(23)},
		{Account: "B1", Currency: "UGX", From: novemberDay(20), To: novemberDay(21)},
	}
	f := File{ID: id.ID{15: 7}, AddedAt: novemberDay(22)}
	var got []string
	for _, d := range pageDays(f, pages, rows, zone) {
		got = append(got, fmt.Sprint(d.Day.Day(), d.Page, d.Account, d.Currency, d.Opening, d.Closing, d.Balanced, d.Credits, d.PaidIn, d.Whole))
		if d.File != f.ID {
			t.Errorf("the file of %+v is %v", d, d.File)
		}
	}
	want := []string{
		fmt.Sprint(20, 0, "A1", "KES", 1000, 1400, true, 1, 500, true), fmt.Sprint(21, 0, "A1", "KES", 1400, 1400, true, 0, 0, true),
		fmt.Sprint(22, 0, "A1", "KES", 1400, 1900, true, 2, 500, false), fmt.Sprint(20, 1, "B1", "UGX", 0, 50, false, 1, 50, true),
	}
	if !slices.Equal(got, want) {
		t.Errorf("days\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestAPageIsWholeOnlyOnDaysThatItCovers even if it was uploaded long after them.
func TestAPageIsWholeOnlyOnDaysThatItCovers(t *testing.T) {
	f := File{ID: id.ID{15: 7}, AddedAt: novemberDay(25)}
	for _, c := range []struct {
		name     string
		from, to time.Time
		want     string
	}{
		{"days", novemberDay(20), novemberDay(22), "20 true, 21 true"},
		{"up to noon", novemberDay(20), novemberDay(21).Add(12 * time.Hour), "20 true, 21 false"},
		{"from noon", novemberDay(20).Add(12 * time.Hour), novemberDay(22), "20 false, 21 true"},
		{"up to the last second", novemberDay(20), novemberDay(22).Add(-time.Second), "20 true, 21 false"},
		{"from the first second", novemberDay(20).Add(time.Second), novemberDay(22), "20 false, 21 true"},
	} {
		var got []string
		for _, d := range pageDays(f, []statement.Page{{From: c.from, To: c.to}}, nil, nairobiZone()) {
			got = append(got, fmt.Sprint(d.Day.Day(), " ", d.Whole))
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: %s, want %s", c.name, strings.Join(got, ", "), c.want)
		}
	}
}

// TestALongPageListsItsDaysWithRows keeps a page of many years short.
func TestALongPageListsItsDaysWithRows(t *testing.T) {
	p := statement.Page{From: novemberDay(1), To: novemberDay(1).AddDate(0, 0, maxPageDays+1)}
	if got := listedDays(p, map[time.Time]int{novemberDay(9): 1, novemberDay(3): 1}, nairobiZone()); len(got) != 2 || !got[0].Equal(novemberDay(3)) {
		t.Errorf("days %v", got)
	}
	p.To = novemberDay(1).AddDate(0, 0, maxPageDays)
	if got := listedDays(p, map[time.Time]int{}, nairobiZone()); len(got) != maxPageDays {
		t.Errorf("%d days, want %d", len(got), maxPageDays)
	}
	if got := listedDays(statement.Page{}, map[time.Time]int{novemberDay(3): 1}, nairobiZone()); len(got) != 1 {
		t.Errorf("days %v", got)
	}
}
