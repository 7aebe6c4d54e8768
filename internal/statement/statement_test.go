package statement_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/sim/provider"
	"github.com/paywatt/paywatt/internal/statement"
	"github.com/paywatt/paywatt/internal/tier"
)

// day is the day of the statements, and nairobi the zone of its dates.
func day() time.Time { return time.Date(2026, 11, 21, 0, 0, 0, 0, nairobi()) }

func nairobi() *time.Location { return time.FixedZone("EAT", 3*60*60) }

// simulated fills three days of a provider's account; that of the statements is the second.
func simulated(t testing.TB, p provider.Provider, payments int) *provider.Simulator {
	t.Helper()
	clock := day().Add(-10 * time.Hour)
	sim := provider.New(provider.Config{Seed: 7, FeeBps: 55, Now: func() time.Time { return clock }, Manual: true})
	pay := func(amount int64, reference string) string {
		t.Helper()
		paid, err := sim.Pay(provider.Order{Provider: p, Amount: amount, Reference: reference, Payer: "254712345126", Name: "Amina, \"Odhiambo\""})
		if err != nil {
			t.Fatal(err)
		}
		return paid.ID
	}
	pay(123_400, "before")
	clock = day().Add(time.Minute)
	var first string
	for i := range payments {
		name := pay(int64(100*(i%900+10)), fmt.Sprintf("0414 %04d 001", i%5))
		if i == 0 {
			first = name
		}
		clock = clock.Add(time.Second)
	}
	pay(50_000, "KES & <x>")
	pay(50_000, "KES & <x>") // equal to the one before
	if _, err := sim.Reverse(p, first); err != nil {
		t.Fatal(err)
	}
	if _, err := sim.Withdraw(p, "", 70_000); err != nil {
		t.Fatal(err)
	}
	clock = day().AddDate(0, 0, 1).Add(time.Minute)
	pay(77_700, "after")
	return sim
}

func read(t testing.TB, f statement.Format, file []byte) ([]statement.Row, statement.Summary) {
	t.Helper()
	var rows []statement.Row
	s, err := statement.Read(f, bytes.NewReader(file), statement.Options{Zone: nairobi()}, func(r statement.Row) error { rows = append(rows, r); return nil })
	if err != nil {
		t.Fatalf("%v\n%s", err, file[:min(len(file), 2000)])
	}
	return rows, s
}

func TestEveryFormReadsWhatTheBankBooked(t *testing.T) {
	forms := []struct {
		name   string
		p      provider.Provider
		f      statement.Format
		o      provider.StatementOptions
		unreal bool // rows have no names, or only the end of them
	}{
		{"M-Pesa", provider.Daraja, statement.MPesa, provider.StatementOptions{Format: provider.MPesaCSV}, false},
		{"M-Pesa, ISO dates and failed payments", provider.Daraja, statement.MPesa, provider.StatementOptions{Format: provider.MPesaCSV, ISO: true, Extras: true}, false},
		{"CAMT.053", provider.Bank, statement.Camt, provider.StatementOptions{Format: provider.CAMT053}, false},
		{"CAMT.053 8 with a pending entry", provider.Bank, statement.Camt, provider.StatementOptions{Format: provider.CAMT053, Newer: true, Extras: true}, false},
		{"CAMT.053 old with a pending entry", provider.Bank, statement.Camt, provider.StatementOptions{Format: provider.CAMT053, Extras: true}, false},
		{"CAMT.053 with one entry for all payments", provider.Bank, statement.Camt, provider.StatementOptions{Format: provider.CAMT053, Batch: true}, false},
		{"CAMT.053 without names", provider.Bank, statement.Camt, provider.StatementOptions{Format: provider.CAMT053, NoIDs: true}, true},
		{"MT940", provider.Bank, statement.Swift, provider.StatementOptions{Format: provider.MT940}, true},
		{"MT940 without names", provider.Bank, statement.Swift, provider.StatementOptions{Format: provider.MT940, NoIDs: true}, true},
	}
	for _, form := range forms {
		t.Run(form.name, func(t *testing.T) {
			sim := simulated(t, form.p, 30)
			file, err := sim.Statement(form.p, day(), form.o)
			if err != nil {
				t.Fatal(err)
			}
			if got := statement.Recognise(file); got != form.f {
				t.Errorf("recognised as %s", got)
			}
			rows, s := read(t, form.f, file)
			want := map[string]int{}
			n := 0
			for _, e := range sim.Books().Entries {
				if e.Provider != form.p || !e.At.Before(day().AddDate(0, 0, 1)) || e.At.Before(day()) {
					continue
				}
				n++
				want[line(string(kindOf(e.Kind)), e.ID, e.Amount, form.unreal)]++
			}
			names := map[string]bool{}
			for _, r := range rows {
				want[line(string(r.Kind), r.Txn, int64(r.Amount), form.unreal)]--
				names[string(r.Kind)+r.Txn] = true
				if r.At.Before(day()) || !r.At.Before(day().AddDate(0, 0, 1)) || r.Currency != "KES" {
					t.Errorf("row %+v is of another day or currency", r)
				}
			}
			for what, missing := range want {
				if missing != 0 {
					t.Errorf("%d times missing (or, if negative, too often): %s", missing, what)
				}
			}
			if len(rows) != n || s.Rows != n || len(names) != n {
				t.Errorf("%d rows, %d counted, %d names, want %d", len(rows), s.Rows, len(names), n)
			}
			if !s.From.Equal(day()) || !s.To.Equal(day().AddDate(0, 0, 1)) {
				t.Errorf("the file covers %s to %s", s.From, s.To)
			}
			if form.f != statement.MPesa && !s.Balanced {
				t.Error("the balances were not checked")
			}
			again, _ := read(t, form.f, file)
			if fmt.Sprint(again) != fmt.Sprint(rows) {
				t.Error("the same file read again has other rows")
			}
		})
	}
}

func kindOf(k provider.EntryKind) statement.Kind {
	switch k {
	case provider.EntryPayment:
		return statement.Payment
	case provider.EntryFee:
		return statement.Fee
	case provider.EntryWithdrawal:
		return statement.Withdrawal
	}
	return statement.Reversal
}

func line(kind, name string, amount int64, unreal bool) string {
	if unreal {
		name = ""
	}
	return fmt.Sprint(kind, " ", name, " ", amount)
}

func TestARowOfMPesaHasItsParts(t *testing.T) {
	sim := simulated(t, provider.Daraja, 2)
	file, err := sim.Statement(provider.Daraja, day(), provider.StatementOptions{Format: provider.MPesaCSV})
	if err != nil {
		t.Fatal(err)
	}
	rows, s := read(t, statement.MPesa, file)
	if s.Account != "600000" {
		t.Errorf("account %q", s.Account)
	}
	for _, r := range rows {
		if !r.Balanced {
			t.Errorf("row %+v has no balance", r)
		}
		if r.Kind == statement.Reversal && r.Of == "" {
			t.Errorf("the reversal %+v does not name its payment", r)
		}
		if r.Kind == statement.Payment && (r.Reference == "" || !strings.Contains(r.Payer, "Odhiambo")) {
			t.Errorf("the payment %+v has no reference or payer", r)
		}
	}
}

// swift is an MT940 file that is right.
const swift = ":20:STMT1\r\n:25:12345\r\n:28C:1/1\r\n:60F:C251231KES1000,00\r\n:61:2601010102C500,5NTRFREF//B1\r\nmore\r\n:86:?20METER ?21 04140001001?32AMINA\r\n" +
	":61:260102RC100,00NRTIREF//B2\r\n:61:260102DR0,55NCHGREF//B1\r\n:61:260102RD1,NTRFREF//B3\r\n:61:2601021231C7,NTRFNONREF\r\n:62F:C260102KES1407,95\r\n-\r\n"

func TestMarksAndDatesOfMT940(t *testing.T) {
	rows, s := read(t, statement.Swift, []byte(swift))
	var got []string
	for _, r := range rows {
		got = append(got, fmt.Sprint(r.At.Format(time.DateOnly), " ", r.Kind, " ", int64(r.Amount), " ", r.Reference, "|", r.Payer))
	}
	want := []string{"2026-01-02 payment 50050 METER 04140001001|AMINA", "2026-01-02 reversal -10000 |", "2026-01-02 fee -55 |", "2026-01-02 other 100 |", "2025-12-31 payment 700 |"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("rows\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if s.Opening != 100_000 || s.Closing != 140_795 || s.Account != "12345" {
		t.Errorf("summary %+v", s)
	}
	wrapped := "{1:F01BANKKENAXXXX0000000000}{2:I940BANKKENAXXXXN}{4:\r\n" + strings.TrimSuffix(swift, "-\r\n") + "-}\r\n"
	if again, _ := read(t, statement.Swift, []byte(wrapped+wrapped)); len(again) != 10 {
		t.Errorf("two messages in one file: %d rows", len(again))
	}
}

func TestFilesThatOverlapGiveARowTheSameName(t *testing.T) {
	sim := simulated(t, provider.Bank, 10)
	o := provider.StatementOptions{Format: provider.MT940, NoIDs: true}
	one, err := sim.Statement(provider.Bank, day(), o)
	two, err2 := sim.Statement(provider.Bank, day().AddDate(0, 0, 1), o)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	rows, _ := read(t, statement.Swift, one)
	both, _ := read(t, statement.Swift, append(bytes.Clone(one), two...))
	for i, r := range rows {
		if both[i].Txn != r.Txn {
			t.Errorf("row %d is %s in one file and %s in the other", i, r.Txn, both[i].Txn)
		}
	}
}

func TestAFileThatIsTooLongIsRefused(t *testing.T) {
	tier.Slow(t)
	const head = "Receipt No.,Completion Time,Transaction Status,Paid In,Withdrawn\n"
	const row = "QK12AB34CD,2026-11-20 11:00:00,Completed,5.00,\n"
	failed := "Q,2026-11-20 11:00:00,Failed,5.00," + strings.Repeat("x", 989) + "\n" // 1024 bytes
	bytesOf := func(n int) string {                                                  // a file of so many bytes
		file := head + row
		file += strings.Repeat(failed, (n-len(file))/len(failed))
		return file + strings.Repeat("\n", n-len(file))
	}
	for name, c := range map[string]struct {
		file    string
		refused bool
	}{
		"most rows":      {head + strings.Repeat(row, statement.MaxRows), false},
		"too many rows":  {head + strings.Repeat(row, statement.MaxRows+1), true},
		"most bytes":     {bytesOf(statement.MaxBytes), false},
		"too many bytes": {bytesOf(statement.MaxBytes + 1), true},
	} {
		_, err := statement.Read(statement.MPesa, strings.NewReader(c.file), statement.Options{}, func(statement.Row) error { return nil })
		if wrong := (*statement.Damaged)(nil); errors.As(err, &wrong) != c.refused {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// counted counts the bytes that were read.
type counted struct {
	in *bytes.Reader
	n  int
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.n += n
	return n, err
}

// TestALargeFileIsReadRowByRow reads 20,000 payments with their fees, in each format. The first row is passed on long before the end is read.
func TestALargeFileIsReadRowByRow(t *testing.T) {
	tier.Slow(t)
	for f, o := range map[statement.Format]provider.StatementOptions{
		statement.MPesa: {Format: provider.MPesaCSV}, statement.Camt: {Format: provider.CAMT053, Batch: true}, statement.Swift: {Format: provider.MT940},
	} {
		file, err := simulated(t, provider.Bank, 20_000).Statement(provider.Bank, day(), o)
		if err != nil {
			t.Fatal(err)
		}
		in := &counted{in: bytes.NewReader(file)}
		began, n, first := time.Now(), 0, 0
		_, err = statement.Read(f, in, statement.Options{Zone: nairobi()}, func(statement.Row) error {
			if n++; n == 1 {
				first = in.n
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if first > 64<<10 {
			t.Errorf("%s: the first row came after %d bytes", f, first)
		}
		t.Logf("%s: %d rows of %d kB in %s", f, n, len(file)>>10, time.Since(began).Round(time.Millisecond))
	}
}

// TestTheLimitsOfARow are those of amounts and of names.
func TestTheLimitsOfARow(t *testing.T) {
	const head = "Receipt No.,Completion Time,Transaction Status,Paid In,Withdrawn\n"
	row := func(name, in, out string) string {
		return head + name + ",2026-11-20 11:00:00,Completed," + in + "," + out + "\n"
	}
	most := fmt.Sprintf("%d.%02d", money.MaxMinor/100, money.MaxMinor%100)
	more := fmt.Sprintf("%d.%02d", (money.MaxMinor+1)/100, (money.MaxMinor+1)%100)
	long := strings.Repeat("Q", statement.MaxTxn)
	for name, c := range map[string]struct {
		file string
		want string // of the refusal; empty if the file is read
	}{
		"largest amount":     {row("Q1", most, ""), ""},
		"larger amount":      {row("Q1", more, ""), "amount"},
		"largest withdrawal": {row("Q1", "", most), ""},
		"larger withdrawal":  {row("Q1", "", more), "amount"},
		"longest name":       {row(long, "1", ""), ""},
		"longer name":        {row(long+"Q", "1", ""), "more than 100 bytes"},
	} {
		_, err := statement.Read(statement.MPesa, strings.NewReader(c.file), statement.Options{}, func(statement.Row) error { return nil })
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestMPesasDaysAreNairobis, wherever the utility is.
func TestMPesasDaysAreNairobis(t *testing.T) {
	const file = "Receipt No.,Completion Time,Transaction Status,Paid In,Withdrawn\nQ1,2026-11-20 01:00:00,Completed,5.00,\n"
	s, err := statement.Read(statement.MPesa, strings.NewReader(file), statement.Options{Zone: time.FixedZone("far west", -8*60*60)}, func(statement.Row) error { return nil })
	if begin := time.Date(2026, 11, 20, 0, 0, 0, 0, nairobi()); err != nil || !s.From.Equal(begin) || !s.To.Equal(begin.AddDate(0, 0, 1)) {
		t.Errorf("days %s to %s (%v)", s.From, s.To, err)
	}
}
