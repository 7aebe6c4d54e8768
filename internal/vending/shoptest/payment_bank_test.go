package shoptest_test

import (
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/reconcile"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/statement"
	"github.com/paywatt/paywatt/internal/store"
)

// bankRow is a credit in a bank's file.
type bankRow struct {
	day              int    // after the first day of the file
	name             string // what follows // in field 61; empty for none
	reference, payer string
	amount           int64 // cents; negative if money left
}

// mt940 writes a bank's statement that covers some days, from an opening balance on.
func mt940(first time.Time, days int, opening int64, rows ...bankRow) []byte {
	var b strings.Builder
	balance := func(tag string, at time.Time, amount int64) {
		fmt.Fprintf(&b, ":%s:C%sKES%d,%02d\r\n", tag, at.Format("060102"), amount/100, amount%100)
	}
	b.WriteString(":20:STMT\r\n:25:0123456789\r\n:28C:1/1\r\n")
	balance("60F", first.AddDate(0, 0, -1), opening)
	for _, r := range rows {
		mark, amount := "C", r.amount
		if amount < 0 {
			mark, amount = "D", -amount
		}
		own := "NONREF"
		if r.name != "" {
			own += "//" + r.name
		}
		fmt.Fprintf(&b, ":61:%s%s%d,%02dNTRF%s\r\n", first.AddDate(0, 0, r.day).Format("060102"), mark, amount/100, amount%100, own)
		fmt.Fprintf(&b, ":86:/ORDP//NAME/%s/REMI/%s\r\n", r.payer, r.reference)
		opening += r.amount
	}
	balance("62F", first.AddDate(0, 0, days-1), opening)
	b.WriteString("-\r\n")
	return []byte(b.String())
}

// day returns the state of a day's reconciliation and how many differences are open.
func (s *payShop) day(st *reconcile.Statements, at time.Time) string {
	s.t.Helper()
	r, err := st.Run(s.t.Context(), owner(), "bank", at.Format(time.DateOnly))
	if err != nil || r.Refused() {
		s.t.Fatal(err, r.Detail())
	}
	return fmt.Sprintf("%s %d", r.State, r.Unsettled)
}

// open lists the kinds of the open differences.
func (s *payShop) openKinds(st *reconcile.Statements) (out []string) {
	s.t.Helper()
	l, err := st.Items(s.t.Context(), owner(), reconcile.Filter{Provider: "bank", Open: true}, registry.Page{})
	if err != nil || l.Refused() {
		s.t.Fatal(err, l.Detail())
	}
	for _, i := range l.Items {
		out = append(out, string(i.Kind))
	}
	return out
}

// A bank that writes NONREF in every row names nothing: three payers are three payments, and nobody's day closes without their money.
func TestABanksNonrefNamesNoPayment(t *testing.T) {
	s := openPaid(t, nil)
	st, meter := s.statements(), s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	first := s.clock.Now()
	s.clock.add(72 * time.Hour)
	s.upload(st, mt940(first, 2, 100_000, bankRow{0, "NONREF", meter, "AMINA", 50_000}, bankRow{0, "NONREF", meter, "BEN", 70_000}, bankRow{1, "NONREF", meter, "CHEBET", 50_000}))
	if n := s.sales(); n != 3 {
		t.Errorf("%d of 3 payers got a sale", n)
	}
	for day := range 2 {
		if got := s.day(st, first.AddDate(0, 0, day)); got != "closed 0" {
			t.Errorf("day %d is %s: %v", day, got, s.openKinds(st))
		}
	}
	s.verified()
}

// A second export of a day sells nothing again: what cannot be told apart from an earlier row waits for a person.
func TestASecondExportOfADaySellsNothingAgain(t *testing.T) {
	s := openPaid(t, nil)
	st, meter := s.statements(), s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	first := s.clock.Now()
	s.clock.add(48 * time.Hour)
	s.upload(st, mt940(first, 1, 100_000, bankRow{0, "", meter, "AMINA", 50_000}, bankRow{0, "", meter, "BEN", 70_000}))
	s.upload(st, mt940(first, 1, 100_000, bankRow{0, "", meter, "Amina W.", 50_000}, bankRow{0, "", meter, "Ben K.", 70_000}))
	s.upload(st, mt940(first, 1, 100_000, bankRow{0, "B1", meter, "AMINA", 50_000}, bankRow{0, "B2", meter, "BEN", 70_000}))
	if n := s.sales(); n != 2 {
		t.Errorf("two payments were sold %d times", n)
	}
	if got := s.day(st, first); !strings.HasPrefix(got, "open ") {
		t.Errorf("the day is %s, although nobody decided about the second export", got)
	}
	s.verified()
}

// perhapsSame returns the open differences about rows that wait for a person, by amount.
func (s *payShop) perhapsSame(st *reconcile.Statements) map[int64]reconcile.Item {
	s.t.Helper()
	l, err := st.Items(s.t.Context(), owner(), reconcile.Filter{Provider: "bank", Kind: reconcile.PerhapsSame, Open: true}, registry.Page{})
	if err != nil || l.Refused() {
		s.t.Fatal(err, l.Detail())
	}
	out := map[int64]reconcile.Item{}
	for _, i := range l.Items {
		out[int64(i.Stated)] = i
	}
	return out
}

// A person decides about a row that may be an older one: it is the same, or it is another payment. The day's balance shows a wrong decision.
func TestAPersonDecidesAboutARowThatMayBeAnOlderOne(t *testing.T) {
	s := openPaid(t, nil)
	st, meter := s.statements(), s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	first := s.clock.Now()
	s.clock.add(48 * time.Hour)
	f := s.upload(st, mt940(first, 1, 100_000, bankRow{0, "", meter, "AMINA", 50_000}, bankRow{0, "", meter, "BEN", 70_000}))
	if f.New != 2 || f.Doubtful != 0 {
		t.Errorf("first file: %d new, %d doubtful", f.New, f.Doubtful)
	}
	if f = s.upload(st, mt940(first, 1, 100_000, bankRow{0, "", meter, "Amina W.", 50_000}, bankRow{0, "", meter, "Ben K.", 70_000})); f.New != 0 || f.Doubtful != 2 {
		t.Errorf("second file: %d new, %d doubtful", f.New, f.Doubtful)
	}
	if got := s.day(st, first); got != "open 2" {
		t.Errorf("the day is %s: %v", got, s.openKinds(st))
	}
	waiting := s.perhapsSame(st)
	same, another := waiting[50_000], waiting[70_000]
	if same.Payment == "" || same.Paid != 50_000 || !strings.Contains(same.Note, "Amina W.") {
		t.Errorf("the difference does not show both rows: %+v", same)
	}
	if c, err := st.Close(t.Context(), owner(), same.Name(), reconcile.Settlement{Why: "the bank's second export"}); err != nil || c.Refused() {
		t.Fatal(err, c.Detail())
	}
	s.work()
	if n := s.sales(); n != 2 {
		t.Errorf("%d sales after a row was the same, want 2", n)
	}
	if c, err := st.Close(t.Context(), owner(), another.Name(), reconcile.Settlement{Why: "Ben paid twice", Another: true}); err != nil || c.Refused() {
		t.Fatal(err, c.Detail())
	}
	s.work()
	if n := s.sales(); n != 3 {
		t.Errorf("%d sales after a row was another payment, want 3", n)
	}
	if got := s.day(st, first); got != "open 1" || fmt.Sprint(s.openKinds(st)) != "[balance]" {
		t.Errorf("the wrong decision is not found: the day is %s: %v", got, s.openKinds(st))
	}
	if c, err := st.Close(t.Context(), owner(), another.Name(), reconcile.Settlement{Why: "again", Another: true}); err != nil || !c.Refused() {
		t.Errorf("a settled row was decided again (%v)", err)
	}
	if l, err := st.Items(t.Context(), owner(), reconcile.Filter{Kind: reconcile.Balance}, registry.Page{}); err != nil || len(l.Items) != 1 {
		t.Errorf("differences %+v (%v)", l.Items, err)
	} else if c, err := st.Close(t.Context(), owner(), l.Items[0].Name(), reconcile.Settlement{Why: "x", Another: true}); err != nil || !c.Refused() {
		t.Errorf("a balance was taken as a payment (%v)", err)
	}
	s.verified()
}

// TestReconciliationFindsASwallowAndADouble plants, in the stored rows, what a fault of the program would leave: a row that no longer counts, and a
// row that counts twice. Each is found by the comparison of the day alone.
func TestReconciliationFindsASwallowAndADouble(t *testing.T) {
	for name, c := range map[string]struct {
		plant func(*store.Tx, reconcile.Row) error
		want  string
	}{
		"swallow": {func(tx *store.Tx, r reconcile.Row) error {
			r.State = reconcile.RowSame
			return tx.Reconciling().PutStatementRow("bank", r)
		}, "balance sums not-in-statement"},
		"double": {func(tx *store.Tx, r reconcile.Row) error {
			r.Key, r.Txn = r.Key[1:]+"x", "AGAIN"
			_, err := tx.Reconciling().AddStatementRow("bank", r)
			return err
		}, "balance no-payment"},
		"one payment for two rows": {func(tx *store.Tx, r reconcile.Row) error {
			r.Key, r.At = r.Key[1:]+"x", r.At.Add(-24*time.Hour)
			_, err := tx.Reconciling().AddStatementRow("bank", r)
			return err
		}, "other-contents"},
	} {
		s := openPaidFast(t)
		st, meter := s.statements(), s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
		first := s.clock.Now()
		s.clock.add(48 * time.Hour)
		s.upload(st, mt940(first, 1, 100_000, bankRow{0, "B1", meter, "AMINA", 50_000}, bankRow{0, "B2", meter, "BEN", 70_000}))
		s.do(func(tx *store.Tx) error {
			rows, err := tx.Comparing().StatementRows("bank", first.Add(-48*time.Hour), first.Add(48*time.Hour))
			if err != nil || len(rows) != 2 {
				return fmt.Errorf("%d rows: %w", len(rows), err)
			}
			return c.plant(tx, rows[0])
		})
		state := s.day(st, first)
		for _, kind := range strings.Fields(c.want) {
			if !strings.Contains(fmt.Sprint(s.openKinds(st)), kind) || !strings.HasPrefix(state, "open") {
				t.Errorf("%s: the day is %s with %v, want %s", name, state, s.openKinds(st), c.want)
			}
		}
	}
}

// TestOnlyTheBooksDiffer changes the books of a day whose statement and payments agree: the day stays open.
func TestOnlyTheBooksDiffer(t *testing.T) {
	for change, want := range map[string]string{
		`UPDATE posting SET amount = amount * 2`: "open 1[journal-amount]",
		`DELETE FROM posting`:                    "open 1[no-journal]",
	} {
		s := openPaidFast(t)
		st, first := s.statements(), s.clock.Now()
		s.clock.add(48 * time.Hour)
		s.upload(st, mt940(first, 1, 100_000, bankRow{0, "B1", "rent", "AMINA", 50_000}))
		s.do(func(tx *store.Tx) error {
			_, err := tx.C.Exec(change + ` WHERE journal_id IN (SELECT id FROM journal WHERE kind = 'payment')`)
			return err
		})
		if got := s.day(st, first) + fmt.Sprint(s.openKinds(st)); got != want {
			t.Errorf("%s: the day is %s, want %s", change, got, want)
		}
	}
}

// TestAPaymentIsGivenBackOnALaterDay compares the later day: the payment was booked before, so nothing is missing in the books.
func TestAPaymentIsGivenBackOnALaterDay(t *testing.T) {
	s := openPaidFast(t)
	st, first := s.statements(), s.clock.Now()
	s.paid("QK1", 50_000, "rent")
	s.work()
	s.clock.add(48 * time.Hour)
	l, err := s.Payments.List(t.Context(), owner(), payment.Filter{}, registry.Page{})
	if err != nil || len(l.Payments) != 1 {
		t.Fatal(err, len(l.Payments))
	}
	if out, err := s.Payments.Refund(t.Context(), owner(), payment.Decision{Payment: l.Payments[0].Payment.Name(), Reason: "paid by mistake"}); err != nil || out.Refused() {
		t.Fatal(err, out.Detail())
	}
	s.clock.add(48 * time.Hour)
	if got := s.day(st, first.Add(48*time.Hour)) + fmt.Sprint(s.openKinds(st)); got != "waiting 0[]" {
		t.Errorf("the day of the refund is %s", got)
	}
}

// TestAStatementMayBeMissing names the statement that is missing between two, and heals when it arrives.
func TestAStatementMayBeMissing(t *testing.T) {
	s := openPaidFast(t)
	st, meter := s.statements(), s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	first := s.clock.Now()
	third := first.AddDate(0, 0, 2)
	s.clock.add(120 * time.Hour)
	s.upload(st, mt940(first, 1, 100_000, bankRow{0, "B1", meter, "AMINA", 50_000}))
	s.upload(st, mt940(third, 1, 220_000, bankRow{0, "B3", meter, "CHEBET", 30_000}))
	if r, err := st.Run(t.Context(), owner(), "bank", first.Format(time.DateOnly)); err != nil || r.State != reconcile.Closed || r.Unknown != reconcile.FirstStatement {
		t.Errorf("the first statement: %+v (%v)", r, err)
	}
	if got := s.day(st, third) + fmt.Sprint(s.openKinds(st)); got != "open 1[gap]" {
		t.Errorf("after a gap the day is %s", got)
	}
	s.upload(st, mt940(first.AddDate(0, 0, 1), 1, 150_000, bankRow{0, "B2", meter, "BEN", 70_000}))
	if got := s.day(st, third); got != "closed 0" {
		t.Errorf("the missing statement came, and the day is %s: %v", got, s.openKinds(st))
	}
	s.upload(st, mt940(first.AddDate(0, 0, -1), 1, 100_000))
	if r, err := st.Run(t.Context(), owner(), "bank", first.Format(time.DateOnly)); err != nil || r.State != reconcile.Closed || r.Unknown != "" || r.Rows != 1 {
		t.Errorf("the statement before the first came: %+v (%v)", r, err)
	}
}

// A file that an earlier version imported adds nothing when it is imported again, also if that version took NONREF for a name and swallowed payers.
// These are found as differences.
func TestAFileOfAnEarlierVersionAddsNothing(t *testing.T) {
	s := openPaidFast(t)
	st, meter := s.statements(), s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	first := s.clock.Now()
	s.clock.add(72 * time.Hour)
	rows := []bankRow{{0, "NONREF", meter, "AMINA", 50_000}, {1, "NONREF", meter, "BEN", 50_000}, {1, "B7", meter, "CHEBET", 30_000}, {1, "", meter, "DIDA", 20_000}}
	s.upload(st, mt940(first, 2, 100_000, rows...))
	s.do(func(tx *store.Tx) error { // what the first versions stored
		for _, sql := range []string{`UPDATE statement_row SET named = 0, account = '', after_balance = NULL, reference = '', payer = '', date_only = 0`,
			`UPDATE statement_row SET txn = 'NONREF' WHERE amount = 50000`, `DELETE FROM statement_name`, `DELETE FROM statement_day`} {
			if _, err := tx.C.Exec(sql); err != nil {
				return err
			}
		}
		return nil
	})
	before := s.sales()
	again := append([]byte("\r\n"), mt940(first, 2, 100_000, rows...)...) // other bytes, so it is another file
	if f := s.upload(st, again); f.New != 0 || f.Doubtful != 0 {
		t.Errorf("%d new rows and %d doubtful ones, want none", f.New, f.Doubtful)
	}
	if n := s.sales(); n != before {
		t.Errorf("%d sales, want %d", n, before)
	}
	s.day(st, first.AddDate(0, 0, 1))
	if kinds := fmt.Sprint(s.openKinds(st)); !strings.Contains(kinds, string(reconcile.OtherContents)) {
		t.Errorf("the payer that was left out is not found: %s", kinds)
	}
}

// TestEveryFileOfAnEarlierVersionAddsNothing stores the rows of files as the first versions stored them, whose columns the upgrade fills with
// nothing, and imports the files again. internal/reconcile/testdata/old.txt was written by those versions.
func TestEveryFileOfAnEarlierVersionAddsNothing(t *testing.T) {
	const folder = "../../reconcile/testdata/"
	old, err := os.ReadFile(folder + "old.txt")
	if err != nil {
		t.Fatal(err)
	}
	for name, count := range map[string]int{"nonref.sta": 6, "batch.xml": 3, "receipts.csv": 3, "kinds.csv": 7} {
		file, err := os.ReadFile(folder + name)
		if err != nil {
			t.Fatal(err)
		}
		s := openPaidFast(t)
		st := s.statements()
		s.clock.add(72 * time.Hour)
		stored := 0
		s.do(func(tx *store.Tx) error {
			stored = 0
			if _, err := tx.C.Exec(`UPDATE tenant SET tz = 'Africa/Nairobi'`); err != nil {
				return err
			}
			f := reconcile.File{Provider: "bank", Format: statement.Recognise(file), Sum: []byte("an older file"), Sealed: []byte{1}, State: reconcile.FileRead, Rows: count, By: "till3"}
			f.From, f.To, f.AddedAt = monday().AddDate(0, 0, -1), monday().AddDate(0, 0, 1), monday().AddDate(0, 0, 2)
			var err error
			if f.ID, err = tx.NewID(); err != nil {
				return err
			}
			if _, err := tx.Reconciling().AddStatementFile(f); err != nil {
				return err
			}
			for line := range strings.Lines(string(old)) {
				c := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
				if c[0] != name {
					continue
				}
				key, err := hex.DecodeString(c[2])
				if err != nil {
					return err
				}
				at, err := time.Parse(time.RFC3339, c[8])
				if err != nil {
					return err
				}
				amount, err := strconv.ParseInt(c[6], 10, 64)
				if err != nil {
					return err
				}
				stored++
				if _, err := tx.C.Exec(`INSERT INTO statement_row (tenant_id, provider, key, file_id, line, kind, txn, of_txn, at, amount, currency)
					VALUES ($1, 'bank', $2, $3, $4, $5, $6, $7, $8, $9, $10)`, tx.Tenant, key, f.ID, stored, c[4], c[3], c[5], at, amount, c[7]); err != nil {
					return err
				}
			}
			return nil
		})
		if f := s.upload(st, file); f.Rows != count || f.New != 0 || f.Doubtful != 0 || stored != count {
			t.Errorf("%s: of %d rows %d are new and %d doubtful; %d were stored", name, f.Rows, f.New, f.Doubtful, stored)
		}
		if got := s.states(); len(got) != 0 {
			t.Errorf("%s: payments %v", name, got)
		}
	}
}
