package reconcile

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/statement"
)

func nairobiZone() *time.Location { return time.FixedZone("EAT", 3*60*60) }

// rowOf makes a row from a line such as "500 20 bank=B1 e2e=E7 text=amina after=1500 acct=123 at=11". A row without more has the content of its
// text, and its key is its content or its name.
func rowOf(t *testing.T, line string) Row {
	t.Helper()
	words := strings.Fields(line)
	var amount, day, hour int
	if _, err := fmt.Sscan(words[0]+" "+words[1], &amount, &day); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	r := Row{Named: true, Format: statement.Swift}
	r.Amount, r.Currency, r.Kind = money.Minor(amount), "KES", statement.Payment
	text := ""
	for _, w := range words[2:] {
		what, value, _ := strings.Cut(w, "=")
		switch what {
		case "own":
			r.Names[statement.Own], r.Txn = value, value
		case "bank":
			r.Names[statement.Bank], r.Txn = value, value
		case "entry":
			r.Names[statement.Entry], r.Txn = value, value
		case "tx":
			r.Names[statement.Transfer], r.Txn = value, value
		case "e2e":
			r.Names[statement.EndToEnd] = value
		case "cust":
			r.Names[statement.Customer] = value
		case "text":
			text = value
		case "acct":
			r.Account = value
		case "kind":
			r.Kind = statement.Kind(value)
		case "at":
			_, _ = fmt.Sscan(value, &hour)
		case "after":
			var after int
			_, _ = fmt.Sscan(value, &after)
			r.After, r.HasAfter = money.Minor(after), true
		case "state":
			r.State = RowState(value)
		case "same":
			r.SameAs = value
		case "old":
			r.Named, r.Txn, r.Names = false, value, statement.Names{}
		case "called":
			r.Called, r.Txn = true, value
			r.Names = statement.Names{}
		case "of":
			r.Of = value
		case "format":
			r.Format = statement.Format(value)
		case "cur":
			r.Currency = value
		case "number":
			r.Txn = "row-" + text + "-" + value
		default:
			t.Fatalf("%q: unknown word %q", line, w)
		}
	}
	r.At = time.Date(2026, 11, day, hour, 0, 0, 0, nairobiZone())
	r.Content = fmt.Sprintf("row-%s", text)
	if r.Txn == "" {
		r.Txn = r.Content + "-1"
	}
	r.Legacy = r.Txn
	r.Key = fmt.Sprint(r.Txn, r.Amount, r.At.Unix(), r.Called)
	return r
}

func rowsOf(t *testing.T, lines []string) (out []Row) {
	t.Helper()
	seen := map[string]int{}
	for _, l := range lines {
		r := rowOf(t, l)
		if seen[r.Key]++; seen[r.Key] > 1 {
			if isContent(r.Txn) {
				r.Txn = statement.ContentName(r.Content, seen[r.Key])
				r.Legacy = r.Txn
			}
			r.Key = fmt.Sprint(r.Key, "#", seen[r.Key])
		}
		out = append(out, r)
	}
	return out
}

// verdicts writes decisions as "known", "new TXN" and "same TXN" with the name of the older payment.
func verdicts(decided []decision) (out []string) {
	for _, d := range decided {
		switch d.fate {
		case isKnown:
			out = append(out, "known")
		case isNew:
			out = append(out, "new "+d.txn)
		case isPerhapsSame:
			out = append(out, "same "+d.sameAs+" "+d.txn)
		}
	}
	return out
}

// TestWhatTheRowsOfAFileAre is the rule as a table: rows of earlier files, rows of the file, and what each of these is.
func TestWhatTheRowsOfAFileAre(t *testing.T) {
	use := func(kind statement.NameKind, name string, amount, day int) NameUse {
		return NameUse{Kind: kind, Name: name, Amount: money.Minor(amount), Currency: "KES", At: time.Date(2026, 11, day, 0, 0, 0, 0, nairobiZone())}
	}
	for _, c := range []struct {
		name        string
		older, file []string
		uses        []NameUse
		want        []string
	}{
		{name: "first file", file: []string{"500 20 bank=B1", "700 20 text=ben"}, want: []string{"new B1", "new row-ben-1"}},
		{name: "the same name and contents", older: []string{"500 20 bank=B1"}, file: []string{"500 20 bank=B1 at=11"}, want: []string{"known"}},
		{name: "another name is another payment", older: []string{"500 20 bank=B1"}, file: []string{"500 20 bank=B2"}, want: []string{"new B2"}},
		{name: "a name for two amounts is none", file: []string{"500 20 bank=B1 text=a", "700 20 bank=B1 text=b"}, want: []string{"new row-a-1", "new row-b-1"}},
		{name: "a name for two days is none", file: []string{"500 20 bank=B1 text=a", "500 21 bank=B1 text=b"}, want: []string{"new row-a-1", "new row-b-1"}},
		{name: "a name for two currencies is none", file: []string{"500 20 bank=B1 text=a", "500 20 cur=UGX bank=B1 text=b"}, want: []string{"new row-a-1", "new row-b-1"}},
		{name: "a name for money in and out is none", file: []string{"500 20 bank=B1 text=a", "-500 20 bank=B1 text=b kind=withdrawal"}, want: []string{"new row-a-1", "new row-b-1"}},
		{name: "an earlier file spoils a name", uses: []NameUse{use(statement.Bank, "B1", 700, 3)}, file: []string{"500 20 bank=B1 text=a"}, want: []string{"new row-a-1"}},
		{name: "an earlier file with the same contents spoils none", uses: []NameUse{use(statement.Bank, "B1", 500, 20)}, file: []string{"500 20 bank=B1 text=a"}, want: []string{"new B1"}},
		{name: "a use as another kind spoils none", uses: []NameUse{use(statement.Customer, "B1", 700, 3)}, file: []string{"500 20 bank=B1 text=a"}, want: []string{"new B1"}},
		{name: "a row of an earlier version spoils its name", uses: []NameUse{{AnyKind: true, Name: "B1", Amount: 700, Currency: "KES", At: time.Unix(0, 0)}}, file: []string{"500 20 tx=B1 text=a"}, want: []string{"new row-a-1"}},
		{name: "a spoiled name proves no difference", uses: []NameUse{use(statement.Bank, "B2", 700, 3)}, older: []string{"500 20 bank=B1"}, file: []string{"500 20 bank=B2 text=a"}, want: []string{"same B1 row-a-1"}},
		{name: "a provider's own id stays one", file: []string{"500 20 own=Q1", "700 20 own=Q1"}, want: []string{"new Q1", "new Q1"}},
		{name: "a provider's own id is known by it, whatever else has it", older: []string{"500 20 own=Q1"}, file: []string{"700 20 own=Q1", "500 20 own=Q1 at=3"}, want: []string{"new Q1", "known"}},
		{name: "names that are none do not make rows one", older: []string{"500 20 text=a"}, file: []string{"500 20 e2e=E1 text=b", "500 20 text=c"}, want: []string{"same row-a-1 row-b-1", "new row-c-1"}},
		{name: "three dashes are no contents", older: []string{"500 20 old=row-x"}, file: []string{"500 20 bank=ROW-X at=3"}, want: []string{"known"}},
		{name: "own ids never wait", older: []string{"500 20 own=Q1"}, file: []string{"500 20 own=Q2"}, want: []string{"new Q2"}},
		{name: "an own id waits for a row without one", older: []string{"500 20 text=a"}, file: []string{"500 20 own=Q2"}, want: []string{"same row-a-1 Q2"}},
		{name: "an own id does not wait for a call's payment of another name", older: []string{"500 20 called=Q1"}, file: []string{"500 20 own=Q2"}, want: []string{"new Q2"}},
		{name: "a reversal that names its payment is new", older: []string{"-500 20 text=a kind=withdrawal"}, file: []string{"-500 20 text=b kind=reversal of=Q1"}, want: []string{"new row-b-1"}},
		{name: "an own id again", older: []string{"500 20 own=Q1"}, file: []string{"500 20 own=Q1 at=11"}, want: []string{"known"}},
		{name: "no names: written alike", older: []string{"500 20 text=a"}, file: []string{"500 20 text=a"}, want: []string{"known"}},
		{name: "no names: another spelling waits", older: []string{"500 20 text=a"}, file: []string{"500 20 text=b"}, want: []string{"same row-a-1 row-b-1"}},
		{name: "another day does not wait", older: []string{"500 20 text=a"}, file: []string{"500 21 text=b"}, want: []string{"new row-b-1"}},
		{name: "another amount does not wait", older: []string{"500 20 text=a"}, file: []string{"501 20 text=b"}, want: []string{"new row-b-1"}},
		{name: "another currency does not wait", older: []string{"500 20 cur=UGX text=a"}, file: []string{"500 20 text=b"}, want: []string{"new row-b-1"}},
		{name: "another account does not wait", older: []string{"500 20 acct=11111 text=a"}, file: []string{"500 20 acct=22222 text=b"}, want: []string{"new row-b-1"}},
		{name: "an account as IBAN", older: []string{"500 20 acct=NL91ABNA0417164300 text=a"}, file: []string{"500 20 acct=0417164300 text=b"}, want: []string{"same row-a-1 row-b-1"}},
		{name: "names were added", older: []string{"500 20 text=a"}, file: []string{"500 20 bank=B1"}, want: []string{"same row-a-1 B1"}},
		{name: "names were removed", older: []string{"500 20 bank=B1"}, file: []string{"500 20 text=a"}, want: []string{"same B1 row-a-1"}},
		{name: "names of different kinds prove nothing", older: []string{"500 20 bank=B1"}, file: []string{"500 20 e2e=E1 text=a"}, want: []string{"same B1 row-a-1"}},
		{name: "twins in one file stay two", file: []string{"500 20 text=a", "500 20 text=a"}, want: []string{"new row-a-1", "new row-a-2"}},
		{name: "twins of one name stay two", file: []string{"500 20 bank=B1", "500 20 bank=B1"}, want: []string{"new B1", "new B1/2"}},
		{name: "one twin was there", older: []string{"500 20 bank=B1"}, file: []string{"500 20 bank=B1 at=1", "500 20 bank=B1 at=2"}, want: []string{"known", "new B1/2"}},
		{name: "a name that equal rows share proves no difference", older: []string{"500 20 bank=B1", "500 20 bank=B2"}, file: []string{"500 20 bank=S1", "500 20 bank=S1"}, want: []string{"same B1 S1", "same B2 S1/2"}},
		{name: "nor on the side of the older rows", older: []string{"500 20 bank=S1", "500 20 bank=S1"}, file: []string{"500 20 bank=B1", "500 20 bank=B2"}, want: []string{"same S1 B1", "same S1 B2"}},
		{name: "equal rows that share a name again", older: []string{"500 20 bank=S1", "500 20 bank=S1"}, file: []string{"500 20 bank=S1 at=1", "500 20 bank=S1 at=2"}, want: []string{"known", "known"}},
		{name: "two rows, one older", older: []string{"500 20 text=a"}, file: []string{"500 20 text=b", "500 20 text=c"}, want: []string{"same row-a-1 row-b-1", "new row-c-1"}},
		{name: "the older row is in the file by its name", older: []string{"500 20 bank=B1"}, file: []string{"500 20 text=b", "500 20 bank=B1"}, want: []string{"new row-b-1", "known"}},
		{name: "rows with names choose first", older: []string{"500 20 bank=B1", "500 20 text=x"}, file: []string{"500 20 text=b", "500 20 bank=B2"}, want: []string{"same B1 row-b-1", "same row-x-1 B2"}},
		{name: "halves of a day: twins at different balances", older: []string{"500 20 text=a after=1500"}, file: []string{"500 20 text=a after=3000"}, want: []string{"same row-a-1 row-a-2"}},
		{name: "the same place", older: []string{"500 20 text=a after=3000"}, file: []string{"500 20 text=a after=1500", "500 20 text=a after=3000"}, want: []string{"new row-a-2", "known"}},
		{name: "the same place in another writing waits", older: []string{"500 20 text=a after=3000"}, file: []string{"500 20 text=b after=3000"}, want: []string{"same row-a-1 row-b-1"}},
		{name: "a name at another balance is known", older: []string{"500 20 bank=B1 after=1500"}, file: []string{"500 20 bank=B1 after=3000"}, want: []string{"known"}},
		{name: "the bank's reference of the entry", older: []string{"500 20 entry=B1"}, file: []string{"500 20 bank=B1 at=3"}, want: []string{"known"}},
		{name: "either reference of the bank", older: []string{"500 20 bank=D1 entry=B1"}, file: []string{"500 20 bank=B1 at=3"}, want: []string{"known"}},
		{name: "the sender's reference", older: []string{"500 20 e2e=E1 text=a"}, file: []string{"500 20 e2e=E1 text=b"}, want: []string{"known"}},
		{name: "the stronger name decides", older: []string{"500 20 bank=B1 e2e=E1"}, file: []string{"500 20 bank=B2 e2e=E1"}, want: []string{"new B2"}},
		{name: "field 61 holds the end of a name", older: []string{"500 20 bank=XX0123456789ABCDEF"}, file: []string{"500 20 bank=0123456789ABCDEF"}, want: []string{"known"}},
		{name: "field 61 holds the begin of a name", older: []string{"500 20 bank=0123456789ABCDEF"}, file: []string{"500 20 bank=0123456789ABCDEFYY"}, want: []string{"known"}},
		{name: "15 bytes are no cut name", older: []string{"500 20 bank=X0123456789ABCDE"}, file: []string{"500 20 bank=0123456789ABCDE"}, want: []string{"new 0123456789ABCDE"}},
		{name: "a fee is never doubtful", older: []string{"-5 20 text=a kind=fee"}, file: []string{"-5 20 text=b kind=fee"}, want: []string{"known"}},
		{name: "a second fee is new", older: []string{"-5 20 text=a kind=fee"}, file: []string{"-5 20 text=b kind=fee", "-5 20 text=c kind=fee"}, want: []string{"known", "new row-c-1"}},
		{name: "a row that waits is known in its own writing", older: []string{"500 20 text=a", "500 20 text=b state=waiting same=row-a-1"}, file: []string{"500 20 text=b"}, want: []string{"known"}},
		{name: "a third writing waits for the first", older: []string{"500 20 text=b state=waiting same=row-a-1", "500 20 text=a"}, file: []string{"500 20 text=c"}, want: []string{"same row-a-1 row-c-1"}},
		{name: "a fourth row waits for the one that waits", older: []string{"500 20 text=a", "500 20 text=b state=waiting same=row-a-1"}, file: []string{"500 20 text=c", "500 20 text=d"}, want: []string{"same row-a-1 row-c-1", "same row-a-1 row-d-1"}},
		{name: "a row that is the same stands for the other", older: []string{"500 20 text=a", "500 20 text=b state=same same=row-a-1"}, file: []string{"500 20 text=b", "500 20 text=c"}, want: []string{"known", "new row-c-1"}},
		{name: "it stands for its own row, not for one before", older: []string{"500 20 text=z", "500 20 text=a", "500 20 text=b state=same same=row-a-1"}, file: []string{"500 20 text=b", "500 20 text=y"}, want: []string{"known", "same row-z-1 row-y-1"}},
		{name: "a row without a name does not end the search by names", older: []string{"500 20 bank=B1"}, file: []string{"500 20 text=b", "500 20 bank=B1 at=3"}, want: []string{"new row-b-1", "known"}},
		{name: "a row that is the same is no other", older: []string{"500 20 text=a", "500 20 text=b state=same same=row-a-1"}, file: []string{"500 20 text=c", "500 20 text=d"}, want: []string{"same row-a-1 row-c-1", "new row-d-1"}},
		{name: "a call's payment is claimed by its name", older: []string{"500 20 called=B1 bank=B1"}, file: []string{"500 20 bank=B1"}, want: []string{"new B1"}},
		{name: "a call's payment is claimed by the end of its name", older: []string{"500 20 bank=XX0123456789ABCDEF called=XX0123456789ABCDEF bank=XX0123456789ABCDEF"}, file: []string{"500 20 bank=0123456789ABCDEF"}, want: []string{"new XX0123456789ABCDEF"}},
		{name: "a row without a name waits for a call's payment", older: []string{"500 20 called=T1"}, file: []string{"500 20 text=a"}, want: []string{"same T1 row-a-1"}},
		{name: "a row with another name does not", older: []string{"500 20 called=T1"}, file: []string{"500 20 bank=B1"}, want: []string{"new B1"}},
		{name: "a fee does not", older: []string{"500 20 called=T1"}, file: []string{"500 20 text=a kind=fee"}, want: []string{"new row-a-1"}},
		{name: "a row of an earlier version, by its name", older: []string{"500 20 old=B1"}, file: []string{"500 20 bank=B1 at=3"}, want: []string{"known"}},
		{name: "of the same format, another name", older: []string{"500 20 old=B1"}, file: []string{"500 20 bank=B2"}, want: []string{"new B2"}},
		{name: "of another format, another name", older: []string{"500 20 old=B1 format=camt053"}, file: []string{"500 20 bank=B2"}, want: []string{"same B1 B2"}},
		{name: "of an earlier version, without a name", older: []string{"500 20 old=row-a-1"}, file: []string{"500 20 bank=B2"}, want: []string{"same row-a-1 B2"}},
		{name: "of an earlier version, at no known balance", older: []string{"500 20 text=a old=row-a-1"}, file: []string{"500 20 text=a after=3000"}, want: []string{"known"}},
	} {
		older, file := rowsOf(t, c.older), rowsOf(t, c.file)
		decided := decideRows(file, older, c.uses, nairobiZone())
		if got := verdicts(decided); !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
		keys := map[string]bool{}
		for _, o := range older {
			keys[o.Key] = true
		}
		for _, d := range decided {
			if d.fate != isKnown && (d.key == "" || keys[d.key]) {
				t.Errorf("%s: the key %x is empty or taken", c.name, d.key)
			}
			keys[d.key] = true
		}
	}
}

// TestKeysOfEarlierVersions compares the keys of rows with those that the first versions stored (testdata/keys.txt was written by them). If they
// change, every file that was imported before adds its payments again.
func TestKeysOfEarlierVersions(t *testing.T) {
	var got bytes.Buffer
	for _, name := range []string{"nonref.sta", "batch.xml", "receipts.csv"} {
		for _, r := range readFile(t, name) {
			fmt.Fprintf(&got, "%s %d %s\n", name, r.Line, hex.EncodeToString([]byte(r.Key)))
		}
	}
	want, err := os.ReadFile("testdata/keys.txt")
	if err != nil || got.String() != string(want) {
		t.Errorf("keys\n%swant (%v)\n%s", got.String(), err, want)
	}
}

// readFile reads the rows of a file of testdata.
func readFile(t *testing.T, name string) (out []Row) {
	t.Helper()
	file, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	keys := rowKeys{}
	format := statement.Recognise(file)
	_, err = statement.Read(format, bytes.NewReader(file), statement.Options{Zone: nairobiZone(), Currency: "KES"}, func(r statement.Row) error {
		out = append(out, Row{Row: r, Key: string(keys.of(r)), Format: format, Named: true})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// oldRows reads the rows of a file as the first versions stored them: testdata/old.txt was written by them. They took NONREF for a name, and words
// in a payer's name for what M-Pesa says about a row.
func oldRows(t *testing.T, name string) (out []Row) {
	t.Helper()
	text, err := os.ReadFile("testdata/old.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(cells) != 9 {
			t.Fatalf("%q has %d cells", line, len(cells))
		}
		if cells[0] != name {
			continue
		}
		key, err := hex.DecodeString(cells[2])
		if err != nil {
			t.Fatal(err)
		}
		old := Row{Key: string(key)}
		old.Txn, old.Kind, old.Of, old.Currency = cells[3], statement.Kind(cells[4]), cells[5], cells[7]
		if _, err := fmt.Sscan(cells[6], (*int64)(&old.Amount)); err != nil {
			t.Fatal(err)
		}
		if old.At, err = time.Parse(time.RFC3339, cells[8]); err != nil {
			t.Fatal(err)
		}
		out = append(out, old)
	}
	return out
}

// TestAnOldFileAddsNothing reads files again that an earlier version stored, names such as NONREF and rows of a wrong kind among them. Payers whom
// that version left out are a difference: the file has more payments than the rows that count.
func TestAnOldFileAddsNothing(t *testing.T) {
	for name, want := range map[string]string{"nonref.sta": "", "batch.xml": "", "receipts.csv": "", "kinds.csv": "sums 195000/35000"} {
		rows, old := readFile(t, name), oldRows(t, name)
		var uses []NameUse
		for i := range old {
			old[i].Format = rows[0].Format
			uses = append(uses, NameUse{AnyKind: true, Name: statement.NameOf(old[i].Txn), Amount: old[i].Amount, Currency: old[i].Currency, At: old[i].At})
		}
		for i, d := range decideRows(rows, old, uses, nairobiZone()) {
			if d.fate != isKnown {
				t.Errorf("%s: row %d is %v", name, i, verdicts([]decision{d}))
			}
		}
		if len(old) != len(rows) {
			t.Errorf("%s: %d rows, and the first versions stored %d", name, len(rows), len(old))
		}
		day := Day{From: novemberDay(20), To: novemberDay(21), Stated: true, Rows: old}
		day.Pages = pageDays(File{AddedAt: novemberDay(22)}, []statement.Page{{Currency: "KES"}}, rows, nairobiZone())
		var got []string
		for _, x := range first(compareBalances(day)) {
			got = append(got, fmt.Sprintf("%s %d/%d", x.Kind, x.Stated, x.Paid))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: differences %q, want %q", name, got, want)
		}
	}
}

func first(found []Difference, _ []string) []Difference { return found }

// TestRowsOfABatchAreTwoPayments reads a batch of CAMT.053 whose details share the bank's reference.
func TestRowsOfABatchAreTwoPayments(t *testing.T) {
	rows := readFile(t, "batch.xml")
	got := verdicts(decideRows(rows, nil, nil, nairobiZone()))
	if len(got) != 3 || !strings.HasPrefix(got[0], "new row-") || !strings.HasPrefix(got[1], "new row-") || got[0] == got[1] || got[2] != "new TX3" {
		t.Errorf("rows are %q", got)
	}
}

func TestSameAccount(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"0123456789", "0123456789", true}, {"", "1", true}, {"1", "", true}, {"NL91 ABNA 0417 1643 00", "417164300", true}, {"00123456", "123456", true},
		{"1234", "991234", false}, {"12345", "9912345", true}, {"11111", "22222", false}, {"ch93-0076", "CH930076", true},
	} {
		if sameAccount(c.a, c.b) != c.want || sameAccount(c.b, c.a) != c.want {
			t.Errorf("sameAccount(%q, %q) is not %v", c.a, c.b, c.want)
		}
	}
}

func TestALongNameKeepsItsLimit(t *testing.T) {
	long := strings.Repeat("É", statement.MaxTxn/2)
	file := []Row{rowOf(t, "500 20 bank="+long), rowOf(t, "500 20 bank="+long)}
	got := decideRows(file, nil, nil, nairobiZone())
	if got[0].txn != long || len(got[1].txn) > statement.MaxTxn || got[1].txn == long || !strings.HasSuffix(got[1].txn, "É/2") {
		t.Errorf("names %q and %q", got[0].txn, got[1].txn)
	}
}
