package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/statement"
)

// noticesOf says what the rows of an M-Pesa file mean for the payments, such as "paid Q1 500".
func noticesOf(t *testing.T, rows ...string) (out []string) {
	t.Helper()
	const head = "Short Code:,600000\n\nReceipt No.,Completion Time,Details,Transaction Status,Paid In,Withdrawn,Balance,Reason Type,Linked Transaction ID\n"
	file, o := []byte(head+strings.Join(rows, "\n")+"\n"), statement.Options{Currency: "KES"}
	back := givenBack(rowsOfFile(t, file, o))
	_, err := statement.Read(statement.MPesa, strings.NewReader(string(file)), o, func(r statement.Row) error {
		n, says := notice(r, back)
		if !says {
			return nil
		}
		text := fmt.Sprintf("%s %s %d %s", n.Kind, n.Txn, n.Amount.Minor, n.Amount.Currency)
		if n.Whole {
			text += " whole"
		}
		if !n.PaidAt.Equal(r.At) || n.Signed {
			t.Errorf("%s: the notice is %+v", r.Txn, n)
		}
		out = append(out, text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestWhatAFileSaysAboutPayments credits a payment unless the same file gives it back whole. A part that is given back is a difference for a person.
func TestWhatAFileSaysAboutPayments(t *testing.T) {
	const (
		paid     = "Q1,20-11-2026 11:00:00,,Completed,5.00,,,Pay Bill,"
		whole    = "R1,20-11-2026 12:00:00,,Completed,,5.00,,Reversal,Q1"
		part     = "R1,20-11-2026 12:00:00,,Completed,,2.00,,Reversal,Q1"
		rest     = "R2,20-11-2026 13:00:00,,Completed,,3.00,,Reversal,Q1"
		cent     = "R2,20-11-2026 13:00:00,,Completed,,2.99,,Reversal,Q1"
		nameless = "R3,20-11-2026 13:00:00,,Completed,,5.00,,Reversal,"
		fee      = "Q1,20-11-2026 11:00:00,,Completed,,0.05,,Pay Bill Charge,"
		bank     = "W1,20-11-2026 14:00:00,,Completed,,9.00,,Business Payment to Bank,"
		other    = "Q2,20-11-2026 15:00:00,,Completed,7.00,,,Pay Bill,"
	)
	for _, c := range []struct {
		name string
		rows []string
		want []string
	}{
		{"a payment", []string{paid}, []string{"paid Q1 500 KES"}},
		{"a payment that goes back", []string{paid, whole}, []string{"undone Q1 500 KES"}},
		{"the row that gives back stands first", []string{whole, paid}, []string{"undone Q1 500 KES"}},
		{"it goes back in two parts", []string{paid, part, rest}, []string{"undone Q1 500 KES"}},
		{"all but a cent goes back", []string{paid, part, cent}, []string{"paid Q1 500 KES"}},
		{"a part goes back", []string{paid, part}, []string{"paid Q1 500 KES"}},
		{"a payment of an earlier file goes back", []string{whole}, []string{"undone Q1 500 KES whole"}},
		{"only its charge is in this file", []string{fee, whole}, []string{"undone Q1 500 KES whole"}},
		{"its charge stands behind it", []string{paid, fee, part}, []string{"paid Q1 500 KES"}},
		{"what goes back has no name", []string{nameless}, nil},
		{"charges and withdrawals say nothing", []string{fee, bank}, nil},
		{"another payment stays", []string{paid, other, whole}, []string{"undone Q1 500 KES", "paid Q2 700 KES"}},
	} {
		if got := noticesOf(t, c.rows...); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// rowsOfFile reads the rows of a file as they are compared.
func rowsOfFile(t *testing.T, file []byte, o statement.Options) []Row {
	t.Helper()
	rows, _, err := readRows(File{Format: statement.MPesa}, file, o)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestADamagedFileGivesNoRows ends with the error instead.
func TestADamagedFileGivesNoRows(t *testing.T) {
	if _, _, err := readRows(File{Format: statement.MPesa}, []byte("no statement"), statement.Options{}); err == nil {
		t.Error("the file was read")
	}
}

// TestTheKeyOfARow is the same for the same contents in any file, and another one for each twin in one file.
func TestTheKeyOfARow(t *testing.T) {
	row := statement.Row{Kind: statement.Payment, Legacy: "Q1", Of: "Q0", Amount: 500, Currency: "KES", At: novemberDay(20)}
	keys := rowKeys{}
	first, second, third := string(keys.of(row)), string(keys.of(row)), string(keys.of(row))
	if first == second || second == third || first == third {
		t.Error("twins of one file have one key")
	}
	again := rowKeys{}
	if string(again.of(row)) != first || string(again.of(row)) != second {
		t.Error("the same file has other keys")
	}
	if got := fmt.Sprintf("%x", first); got != "a1af3b7c946f8b0083f4c8fe41f7a214" {
		t.Errorf("the key is %s: rows that are stored have other keys", got)
	}
	if got := fmt.Sprintf("%x", second); got != "7d2dd47a82489f906fd7533945ee5b08" {
		t.Errorf("the key of a twin is %s: rows that are stored have other keys", got)
	}
	for name, change := range map[string]func(*statement.Row){
		"kind":     func(r *statement.Row) { r.Kind = statement.Fee },
		"name":     func(r *statement.Row) { r.Legacy = "Q2" },
		"payment":  func(r *statement.Row) { r.Of = "Q2" },
		"amount":   func(r *statement.Row) { r.Amount++ },
		"currency": func(r *statement.Row) { r.Currency = "UGX" },
		"time":     func(r *statement.Row) { r.At = r.At.Add(time.Second) },
	} {
		other := row
		if change(&other); string(rowKeys{}.of(other)) == first {
			t.Errorf("another %s has the same key", name)
		}
	}
	for name, change := range map[string]func(*statement.Row){
		"new name":  func(r *statement.Row) { r.Txn = "T9" },
		"payer":     func(r *statement.Row) { r.Payer = "AMINA" },
		"reference": func(r *statement.Row) { r.Reference = "rent" },
	} {
		other := row
		if change(&other); string(rowKeys{}.of(other)) != first {
			t.Errorf("another %s has another key", name)
		}
	}
}

// TestAFileWaitsForAnEarlierOne of the same provider that is still being stored.
func TestAFileWaitsForAnEarlierOne(t *testing.T) {
	file := func(n byte, provider string) File {
		return File{ID: [16]byte{15: n}, Provider: provider, State: FileReading}
	}
	for name, c := range map[string]struct {
		unread []File
		waits  bool
	}{
		"alone":                          {[]File{file(5, "bank")}, false},
		"an earlier file":                {[]File{file(5, "bank"), file(4, "bank")}, true},
		"a later file":                   {[]File{file(5, "bank"), file(6, "bank")}, false},
		"another provider's file":        {[]File{file(5, "bank"), file(4, "mpesa")}, false},
		"another provider's, and an own": {[]File{file(4, "mpesa"), file(4, "bank")}, true},
	} {
		m := newMemory()
		m.files = c.unread
		if err := mayTake(m, file(5, "bank")); (err == errTaken) != c.waits || err != nil && !c.waits {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAnUploadIsDescribed to the person who must agree, and in the audit log.
func TestAnUploadIsDescribed(t *testing.T) {
	f := File{Provider: "bank", Format: statement.Swift, Rows: 2, From: novemberDay(20), To: novemberDay(21), Sum: []byte{0xAB, 0xCD}, Proof: payment.Stated}
	if got, want := f.terms(), "provider=bank format=mt940 rows=2 from=2026-11-20T00:00:00+03:00 to=2026-11-21T00:00:00+03:00 sha256=abcd"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
