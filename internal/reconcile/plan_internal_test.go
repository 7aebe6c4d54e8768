package reconcile

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/statement"
)

// storedTx is a transaction in which a plan reads what is stored.
type storedTx struct {
	Tx
	unread []File
	rows   []Row
	called []payment.Payment
	broken string // the call that fails
	read   []string
}

var errStored = errors.New("the store failed")

func (s *storedTx) Reconciling() Rows     { return storedRows{tx: s} }
func (s *storedTx) Comparing() Comparison { return storedComparison{tx: s} }

// note records a call with its period, and fails if it is the broken one.
func (s *storedTx) note(call string, from, to time.Time) error {
	s.read = append(s.read, call+" "+from.Format(time.RFC3339)+" "+to.Format(time.RFC3339))
	if call == s.broken {
		return errStored
	}
	return nil
}

type storedRows struct {
	Rows
	tx *storedTx
}

func (r storedRows) UnreadFiles(int) ([]File, error) {
	return r.tx.unread, r.tx.note("unread", time.Time{}, time.Time{})
}

type storedComparison struct {
	Comparison
	tx *storedTx
}

func (c storedComparison) NamedRows(_ string, from, to time.Time) ([]Row, error) {
	return c.tx.rows, c.tx.note("rows", from, to)
}

func (c storedComparison) UnclaimedPayments(_ string, from, to time.Time) ([]payment.Payment, error) {
	return c.tx.called, c.tx.note("payments", from, to)
}

// TestWhatAFileIsComparedWith reads the rows of other files and the payments of calls, a day before and after the file's own days.
func TestWhatAFileIsComparedWith(t *testing.T) {
	own, other := rowOf(t, "500 20 bank=B1"), rowOf(t, "700 20 bank=B2")
	own.File, other.File = id.ID{15: 7}, id.ID{15: 8}
	f := File{ID: id.ID{15: 7}, Provider: "bank", From: novemberDay(20), To: novemberDay(22)}
	tx := &storedTx{rows: []Row{own, other}}
	tx.called = []payment.Payment{{ID: id.ID{15: 1}, Txn: "qk1", Amount: money.Amount{Minor: 500, Currency: "KES"}, PaidAt: novemberDay(20).UTC()}}
	older, err := olderRows(tx, f, nairobiZone())
	if err != nil || len(older) != 2 {
		t.Fatal(err, len(older))
	}
	if older[0].File != other.File || older[0].Called {
		t.Errorf("the first row is %+v", older[0])
	}
	r := older[1]
	if !r.Called || r.Txn != "qk1" || r.Key != tx.called[0].Name() || r.Amount != 500 || r.Currency != "KES" || r.Kind != statement.Payment || r.At.Location().String() != "EAT" {
		t.Errorf("the payment of a call is %+v", r)
	}
	if want := (statement.Names{statement.Own: "QK1", statement.Bank: "QK1", statement.Transfer: "QK1"}); r.Names != want {
		t.Errorf("its names are %q, want %q", r.Names, want)
	}
	if want := []string{"rows 2026-11-19T00:00:00+03:00 2026-11-23T00:00:00+03:00", "payments 2026-11-19T00:00:00+03:00 2026-11-23T00:00:00+03:00"}; !slices.Equal(tx.read, want) {
		t.Errorf("read %q, want %q", tx.read, want)
	}
	for _, call := range []string{"rows", "payments"} {
		tx.broken = call
		if _, err := olderRows(tx, f, nairobiZone()); !errors.Is(err, errStored) {
			t.Errorf("%s fail, and the error is %v", call, err)
		}
	}
}

// TestOneFileAtATime lets the oldest unread file of a provider go first.
func TestOneFileAtATime(t *testing.T) {
	f := File{ID: id.ID{15: 7}, Provider: "bank"}
	for name, c := range map[string]struct {
		unread []File
		want   error
	}{
		"none":                            {},
		"itself":                          {unread: []File{f}},
		"an earlier one":                  {unread: []File{{ID: id.ID{15: 6}, Provider: "bank"}}, want: errTaken},
		"a later one":                     {unread: []File{{ID: id.ID{15: 8}, Provider: "bank"}}},
		"an earlier one of another":       {unread: []File{{ID: id.ID{15: 6}, Provider: "mpesa"}}},
		"an earlier one behind a later":   {unread: []File{{ID: id.ID{15: 8}, Provider: "bank"}, {ID: id.ID{15: 6}, Provider: "bank"}}, want: errTaken},
		"an earlier one behind another's": {unread: []File{{ID: id.ID{15: 1}, Provider: "mpesa"}, {ID: id.ID{15: 6}, Provider: "bank"}}, want: errTaken},
	} {
		if err := mayTake(&storedTx{unread: c.unread}, f); !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if err := mayTake(&storedTx{broken: "unread"}, f); !errors.Is(err, errStored) {
		t.Errorf("the store fails, and the error is %v", err)
	}
}

// TestWhichNamesAreLookedUp lists each name once, as it is stored: of a payment that a call brought, in the spelling of the call.
func TestWhichNamesAreLookedUp(t *testing.T) {
	called := rowOf(t, "500 20 called=qk1")
	called.Names[statement.Own], called.Names[statement.Bank] = "QK1", "QK1"
	for name, c := range map[string]struct {
		rows [][]Row
		want []string
	}{
		"nothing":                               {},
		"an own id stands for itself":           {rows: [][]Row{rowsOf(t, []string{"500 20 own=QK1"})}},
		"a name of the bank":                    {rows: [][]Row{rowsOf(t, []string{"500 20 bank=B1"})}, want: []string{"B1"}},
		"all kinds but the own":                 {rows: [][]Row{rowsOf(t, []string{"500 20 own=Q1 e2e=E1 cust=C1"})}, want: []string{"E1", "C1"}},
		"contents are no name":                  {rows: [][]Row{rowsOf(t, []string{"500 20 text=a"})}},
		"each name once":                        {rows: [][]Row{rowsOf(t, []string{"500 20 bank=B1", "700 20 bank=B1"}), rowsOf(t, []string{"500 20 bank=B1", "500 20 bank=B2"})}, want: []string{"B1", "B2"}},
		"a row of an earlier version":           {rows: [][]Row{nil, rowsOf(t, []string{"500 20 old=nonref1"})}, want: []string{"nonref1"}},
		"a call's payment in its own spelling":  {rows: [][]Row{rowsOf(t, []string{"500 20 own=QK1"}), {called}}, want: []string{"QK1", "qk1"}},
		"a name that is also the row's payment": {rows: [][]Row{rowsOf(t, []string{"500 20 tx=T1"})}, want: []string{"T1"}},
	} {
		if got := namesOf(c.rows...); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestAFileClaimsACallsPaymentInAnotherSpelling keeps the name under which the payment was stored.
func TestAFileClaimsACallsPaymentInAnotherSpelling(t *testing.T) {
	tx := &storedTx{called: []payment.Payment{{ID: id.ID{15: 1}, Txn: "qk1", Amount: money.Amount{Minor: 500, Currency: "KES"}, PaidAt: novemberDay(20)}}}
	older, err := olderRows(tx, File{From: novemberDay(20), To: novemberDay(21)}, nairobiZone())
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{"500 20 own=QK1": "new qk1", "500 20 own=QK2": "new QK2", "500 20 bank=QK1": "new qk1", "500 20 text=a": "same qk1 row-a-1", "700 20 own=QK1": "new QK1", "500 20 e2e=QK1 text=a": "same qk1 row-a-1"} {
		if got := verdicts(decideRows([]Row{rowOf(t, line)}, older, nil, nairobiZone())); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: %q, want %s", line, got, want)
		}
	}
}

// TestWhatIsStoredOfARow keeps what a person must decide about.
func TestWhatIsStoredOfARow(t *testing.T) {
	f := File{ID: id.ID{15: 7}, Format: statement.Camt}
	row := rowOf(t, "500 20 bank=B1").Row
	for fate, want := range map[fate]Row{
		isNew:         {Key: "k", File: f.ID, Format: f.Format},
		isPerhapsSame: {Key: "k", File: f.ID, Format: f.Format, State: RowWaiting, SameAs: "B0"},
	} {
		want.Row, want.Txn = row, "B1/2"
		want.Row.Txn = "B1/2"
		if got := (decidedRow{decision{fate: fate, key: "k", txn: "B1/2", sameAs: "B0"}, row, ""}).toStore(f); got != want {
			t.Errorf("fate %d: %+v, want %+v", fate, got, want)
		}
	}
}
