package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/store/postgres/pgtest"
	"github.com/paywatt/paywatt/internal/tier"
)

// TestAReceiptIsProvenWhenAllElseIsGone: a customer has a receipt with its proof, and an auditor has heads. The server is stopped, and its
// database and folder are deleted, so that only the files are left. The files alone prove the receipt.
func TestAReceiptIsProvenWhenAllElseIsGone(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]func(*testing.T, *place){
		"sqlite":   func(*testing.T, *place) {},
		"postgres": func(t *testing.T, p *place) { p.env = append(p.env, "PAYWATT_STORE="+pgtest.New(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			if name == "postgres" {
				tier.Long(t) // files have no database
			}
			p := newPlace(t, paywatt(t))
			store(t, p)
			srv := p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
			key := strings.TrimSpace(p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir))
			a := newAPI(srv.http, key)
			p.env = append(p.env, "PAYWATT_URL=http://"+srv.http, "PAYWATT_KEY="+key)
			a.tariff(t)
			m := a.meter(t, number(1001))
			dir := t.TempDir()
			keep := func(name string, args ...string) string {
				path := filepath.Join(dir, name)
				if err := os.WriteFile(path, []byte(p.run(t, "", args...)), 0o600); err != nil {
					t.Fatal(err)
				}
				return path
			}
			old := keep("old.txt", "report", "head")
			a.mustVend(t, m.number, 10_000, "proof-sale-1")
			receipt := keep("receipt.json", "vend", "receipt", "proof-sale-1", "--proof")
			sameDay := keep("same-day.txt", "report", "head", "--since", old)
			a.mustVend(t, m.number, 5_000, "proof-sale-2")
			p.run(t, "", "vend", "receipt", "proof-sale-2", "--proof") // the command waits until this sale is sealed, so the log has grown
			size := answer{body: []byte(p.run(t, "", "report", "head", "-o", "json"))}.text(t, "size")
			late := keep("late.txt", "report", "head", "--size", size)
			receiptLate := keep("receipt-late.json", "vend", "receipt", "proof-sale-1", "--proof", "--head", size)
			own := keep("own.txt", "report", "head", "--size", size, "--since", sizeIn(t, read(t, receipt)))
			grown := keep("grown.txt", "report", "head", "--size", size, "--since", old)

			srv.stop()
			if err := os.RemoveAll(p.dir); err != nil {
				t.Fatal(err)
			}
			files := keptFiles{p: p, dir: dir, old: old, sameDay: sameDay, late: late, own: own, grown: grown, receipt: receipt, receiptLate: receiptLate}
			files.check(t, m.number)
		})
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// sizeIn is the size of the head in a receipt's proof.
func sizeIn(t *testing.T, receipt []byte) string {
	t.Helper()
	lines := strings.Split(answer{body: receipt}.text(t, "proof", "head"), "\n")
	if len(lines) < 2 {
		t.Fatalf("no head in %s", receipt)
	}
	return lines[1]
}

// keptFiles are the files that are left.
type keptFiles struct {
	p                    *place
	dir                  string
	old, sameDay, late   string // heads
	own, grown           string // the late head with a proof of growth: the first since the receipt's head, the second since the old head
	receipt, receiptLate string
}

func (f keptFiles) check(t *testing.T, number string) {
	t.Helper()
	// The check has only the two files: no key, no server, no folder, no home.
	f.p.env = []string{"PATH=/nonexistent"}
	says := func(code int, what string, args ...string) {
		t.Helper()
		out, errOut, got := f.p.try("", append([]string{"verify"}, args...)...)
		if got != code || !strings.Contains(out+errOut, what) {
			t.Errorf("verify %s: exit %d, want %d and %q\n%s%s", strings.Join(args, " "), got, code, what, out, errOut)
		}
	}
	says(0, "PROVEN", f.receiptLate, "--head", f.late)
	says(0, "PROVEN", f.receipt, "--head", f.own)
	says(0, "PROVEN", f.receipt, "--head", f.own, "--head", f.old, "--head", f.grown, "--key", f.late)
	says(4, "do not prove that both belong to one log", f.receipt, "--head", f.late)
	says(4, "too old", f.receipt, "--head", f.old)
	says(0, "It has only grown", "--head", f.old, "--head", f.sameDay)
	says(4, "grew into", "--head", f.old, "--head", f.late)
	says(2, "No public key is known", f.receipt)
	says(3, "no such file", f.receipt, "--head", filepath.Join(f.dir, "none"))
	edited := func(from, to string) string {
		b := read(t, f.receiptLate)
		if !bytes.Contains(b, []byte(from)) {
			t.Fatalf("the receipt has no %s: %s", from, b)
		}
		path := filepath.Join(f.dir, "edited.json")
		if err := os.WriteFile(path, bytes.Replace(b, []byte(from), []byte(to), 1), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	says(1, "tender: the receipt says 10001, but 10000 was sealed", edited(`"tender_minor":10000`, `"tender_minor":10001`), "--head", f.late)
	says(1, "units_kwh", edited(`"units_kwh":"34.7"`, `"units_kwh":"34.8"`), "--head", f.late)
	says(1, "CHANGED", edited(`"meter":"`+number, `"meter":"04000000000`), "--head", f.late)
	says(2, "cannot be read", edited(`"vat_minor"`, `"vat_minor":1,"vat_minor"`), "--head", f.late)
}
