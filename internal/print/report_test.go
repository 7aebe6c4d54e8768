package print_test

import (
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/print"
	"github.com/paywatt/paywatt/internal/print/font"
	"github.com/paywatt/paywatt/internal/print/printtest"
	"github.com/paywatt/paywatt/internal/till"
	"github.com/paywatt/paywatt/internal/words"
)

func house() print.House {
	return print.House{Name: "Lake Power", Zone: time.FixedZone("EAT", 3*3600), At: time.Date(2026, 11, 24, 18, 5, 0, 0, time.UTC)}
}

// shift is a closed shift with a shortage.
func shift() till.View {
	at := time.Date(2026, 11, 24, 5, 0, 0, 0, time.UTC)
	return till.View{Currency: "KES", Shift: till.Shift{ID: id.ID{1}, Till: "main", Operator: "person Zawadi Ɗanjuma", Opening: 50000, OpenedAt: at, ClosedAt: at.Add(9 * time.Hour),
		ClosedBy: "person Zawadi Ɗanjuma", Expected: 150000, Counted: 149950, Note: "a coin fell under the counter"},
		Cash: till.Cash{Sales: 10, Sold: 120000, Reversals: 1, PaidBack: -10000, PaidOut: -10000, FirstPaper: "main-000001", LastPaper: "main-000010", Units: 416_400,
			Breakdown: []till.Part{{Code: 4000, Amount: 104100}, {Code: 2020, Amount: 15615}, {Code: 2060, Amount: 285}}}}
}

// statement has a line of each kind, with a name from the right, and more lines than a page.
func statement() print.Statement {
	st := print.Statement{Account: "acc_01jd00000000000000000000000", Customer: "أمينة بنت محمد", Place: "12 Lake Road", Meters: []string{"04140001001"}, Wallet: true,
		Currency: money.Currency{Code: "KES", Exp: 2}, From: "2026-11-01", To: "2026-11-30", Opening: 2500, Paid: 60 * 5000, Units: 3_500}
	balance := st.Opening
	for i := range 60 {
		l := print.StatementLine{At: time.Date(2026, 11, 1, i, 30, 0, 0, time.UTC), Kind: "wallet-line", Value: "recharge", Receipt: "main-000017", Meter: "04140001001", Paid: 5000, Change: 5000}
		if i%2 == 1 {
			l = print.StatementLine{At: l.At, Kind: "wallet-line", Value: "use", Units: 3_500, Change: -4987}
		}
		balance += l.Change
		l.Balance = balance
		st.Lines = append(st.Lines, l)
	}
	st.Closing = balance
	return st
}

// TestReportsAsPDF: poppler reads each figure of a Z report and of a statement, in every language, with the time and the zone.
func TestReportsAsPDF(t *testing.T) {
	all, err := words.Open()
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range []string{"en", "fr", "sw", "ar"} {
		say := all.For(code).Plain()
		v, st := shift(), statement()
		kes := st.Currency
		want := []string{"main", "Zawadi Ɗanjuma", "main-000001", say.Figure(120000, kes), say.Figure(150000, kes), say.Figure(149950, kes), say.Figure(-50, kes), say.Figure(104100, kes),
			say.Figure(285, kes), "EAT"}
		sees(t, code+": Z report", print.Shift(say, house(), v), want)
		want = []string{"12 Lake Road", "04140001001", "main-000017", say.Figure(st.Opening, kes), say.Figure(st.Closing, kes), "+03:00", "EAT", "أمينة بنت محمد"}
		for _, l := range st.Lines {
			want = append(want, say.Figure(l.Balance, kes))
		}
		sees(t, code+": statement", st.Sheet(say, house()), want)
	}
}

func sees(t *testing.T, name string, s print.Sheet, want []string) {
	t.Helper()
	b, err := print.PDF(s, house().At)
	if err != nil {
		t.Fatal(err)
	}
	said := spaced(textOf(t, b))
	for _, w := range want {
		if !strings.Contains(said, spaced(w)) {
			t.Errorf("%s: no %q in\n%s", name, w, said)
		}
	}
}

// TestAZReportOnARoll: the report fits both rolls, and its lines are those of the text.
func TestAZReportOnARoll(t *testing.T) {
	dots, err := font.Open()
	if err != nil {
		t.Fatal(err)
	}
	s := print.Shift(english(t), house(), shift())
	for _, roll := range rolls() {
		b, err := print.ESCPOS(s, roll)
		if err != nil {
			t.Fatal(err)
		}
		got, err := printtest.Decode(roll.Columns, b, dots)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range got.Lines {
			if line = strings.TrimSpace(line); line != "" && !strings.Contains(s.Text(roll.Columns), line) {
				t.Errorf("%+v prints %q, which the text lacks:\n%s", roll, line, s.Text(roll.Columns))
			}
		}
	}
}
