package statement_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/sim/provider"
	"github.com/paywatt/paywatt/internal/statement"
)

var update = flag.Bool("update", false, "write testdata/damaged.txt")

// change is a damage: a text of the right file is replaced.
type change struct{ name, old, new string }

// right returns a file of each format that can be read.
func right(t testing.TB) map[statement.Format]string {
	t.Helper()
	sim := simulated(t, provider.Bank, 2)
	camt, err := sim.Statement(provider.Bank, day(), provider.StatementOptions{Format: provider.CAMT053, Batch: true, Extras: true})
	if err != nil {
		t.Fatal(err)
	}
	return map[statement.Format]string{statement.Swift: swift, statement.Camt: string(camt), statement.MPesa: mpesa}
}

// mpesa is an export that is right.
const mpesa = "Organization Statement\nShort Code:,600000\n\nReceipt No.,Completion Time,Initiation Time,Details,Transaction Status,Paid In,Withdrawn,Balance,Balance Confirmed,Reason Type,Other Party Info,Linked Transaction ID,A/C No.\n" +
	"QK12AB34CE,20-11-2026 11:00:02,,Pay Bill Charge,Completed,,-5.50,\"1,014.50\",TRUE,Pay Bill Charge,,,\n" +
	"QK12AB34CE,20-11-2026 11:00:01,,\"Pay Bill from 2547\",Completed,\"1,020.00\",,\"1,020.00\",TRUE,Pay Bill Online,2547,,0414\n"

func damages() map[statement.Format][]change {
	return map[statement.Format][]change{
		statement.MPesa: {
			{"empty", mpesa, ""}, {"no header", "Receipt No.", "Receipt"}, {"heading twice", "Details,Transaction", "Receipt No.,Transaction"},
			{"no end of quotation", "\"Pay Bill from 2547\"", "\"Pay Bill from 2547"}, {"amount", "\"1,020.00\",,", "\"1,020.0O\",,"},
			{"comma decimals", "-5.50", "\"-5,50\""}, {"three decimals", "-5.50", "-5.505"}, {"time", "20-11-2026 11:00:01", "2026/20/11"},
			{"no receipt", "QK12AB34CE,20-11-2026 11:00:01", ",20-11-2026 11:00:01"}, {"cut off", ",Completed,\"1,020.00\",,\"1,020.00\",TRUE,Pay Bill Online,2547,,0414\n", ""},
			{"both ways", "\"1,020.00\",,", "\"1,020.00\",3.00,"}, {"negative", "\"1,020.00\",,", "-1.00,,"}, {"too large", "\"1,020.00\",,", "999999999999999.00,,"},
			{"balance", "\"1,014.50\"", "many"}, {"only a preamble", mpesa, strings.Repeat("a,b\n", 60)}, {"name with a control", "QK12AB34CE,20-11-2026 11:00:01", "QK\x01,20-11-2026 11:00:01"},
		},
		statement.Camt: {
			{"empty", "", ""}, {"not XML", "</Stmt>", "</Smt>"}, {"cut off", "</BkToCstmrStmt>", ""}, {"other XML", "Stmt>", "Rpt>"},
			{"no opening balance", "OPBD", "XXXX"}, {"no closing balance", "CLBD", "XXXX"}, {"entry lost", "<Sts>BOOK</Sts>", "<Sts>PDNG</Sts>"},
			{"state", "<Sts>BOOK</Sts>", "<Sts>MAYBE</Sts>"}, {"amount", ">500.00<", ">500,00<"}, {"detail changed", ">500.00<", ">501.00<"}, {"currency", "Ccy=\"KES\"", "Ccy=\"KSH\""},
			{"sign", "<CdtDbtInd>CRDT", "<CdtDbtInd>PLUS"}, {"no date", "<BookgDt>", "<BookgDx>"}, {"encoding", "encoding=\"UTF-8\"", "encoding=\"EBCDIC\""},
		},
		statement.Swift: {
			{"empty", swift, ""}, {"no balance", ":60F:", ":60X:"}, {"no end", ":62F:", ":62X:"}, {"closing amount", "1407,95", "1407,94"}, {"line lost", ":61:260102RC100,00NRTIREF//B2\r\n", ""},
			{"amount with a point", "C500,5N", "C500.5N"}, {"mark", "RD1,N", "X1,N"}, {"date", ":61:2601010102C", ":61:2613010102C"}, {"booking date", ":61:2601010102C", ":61:2601010230C"},
			{"currency", "C251231KES", "C251231KXX"}, {"currencies", "C260102KES", "C260102EUR"}, {"balance", ":60F:C251231KES1000,00", ":60F:nothing"},
			{"text between", ":86:?20METER", "-\r\n?20METER"}, {"no field", ":", ";"}, {"opened twice", ":28C:1/1", ":60F:C251231KES1000,00"}, {"zero", "RD1,N", "RD0,N"}, {"short", ":61:2601021231C7,NTRFNONREF", ":61:26"}, {"long line", "more", strings.Repeat("m", 70_000)},
		},
	}
}

// TestDamagedFilesAreRefused compares what is said about each damaged file with testdata/damaged.txt.
func TestDamagedFilesAreRefused(t *testing.T) {
	var out strings.Builder
	files := right(t)
	for _, f := range []statement.Format{statement.MPesa, statement.Camt, statement.Swift} {
		read(t, f, []byte(files[f]))
		for _, c := range damages()[f] {
			file := strings.ReplaceAll(files[f], c.old, c.new)
			if c.name == "empty" {
				file = ""
			} else if file == files[f] {
				t.Errorf("%s, %s: the file is not changed", f, c.name)
			}
			_, err := statement.Read(f, strings.NewReader(file), statement.Options{Zone: nairobi()}, func(statement.Row) error { return nil })
			if wrong := (*statement.Damaged)(nil); !errors.As(err, &wrong) {
				t.Errorf("%s, %s: %v, want a refusal", f, c.name, err)
			}
			fmt.Fprintf(&out, "%s, %s: %v\n", f, c.name, err)
		}
	}
	golden := filepath.Join("testdata", "damaged.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || string(want) != out.String() {
		t.Errorf("%v; what is said about damaged files has changed (run with -update, and read the diff):\n%s", err, out.String())
	}
}

// fuzz reads any bytes: a file is refused as damaged, or it is read the same way twice and its sum is that of the balances.
func fuzz(f *testing.F, format statement.Format) {
	seed := right(f)[format]
	f.Add([]byte(seed))
	for _, c := range damages()[format] {
		f.Add([]byte(strings.ReplaceAll(seed, c.old, c.new)))
	}
	for _, files := range [...]map[string]string{bankFiles(), mpesaFiles()} {
		for _, file := range files {
			f.Add([]byte(file))
		}
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		if statement.Recognise(file) == "" {
			t.Fatal("the file has no format")
		}
		all := func() (rows []statement.Row, s statement.Summary, err error) {
			s, err = statement.Read(format, bytes.NewReader(file), statement.Options{Zone: nairobi()}, func(r statement.Row) error { rows = append(rows, r); return nil })
			return rows, s, err
		}
		rows, s, err := all()
		if wrong := (*statement.Damaged)(nil); err != nil && !errors.As(err, &wrong) {
			t.Fatalf("not a refusal: %v", err)
		}
		again, _, err2 := all()
		if fmt.Sprint(rows, err) != fmt.Sprint(again, err2) {
			t.Fatalf("read twice: %d rows, %v, and %d rows, %v", len(rows), err, len(again), err2)
		}
		if err != nil {
			return
		}
		for _, r := range rows {
			if r.Txn == "" || len(r.Txn) > statement.MaxTxn || r.Amount == 0 || r.At.Before(s.From) || !r.At.Before(s.To) {
				t.Errorf("row %+v", r)
			}
			if r.Kind == statement.Payment && r.Amount < 0 || r.Kind == statement.Reversal && r.Amount > 0 {
				t.Errorf("sign of row %+v", r)
			}
		}
	})
}

func FuzzMPesa(f *testing.F) { fuzz(f, statement.MPesa) }
func FuzzCamt(f *testing.F)  { fuzz(f, statement.Camt) }
func FuzzSwift(f *testing.F) { fuzz(f, statement.Swift) }
