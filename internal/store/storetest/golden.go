package storetest

import (
	"github.com/paywatt/paywatt/internal/store/core"

	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/seal"
	"github.com/paywatt/paywatt/internal/store"
)

// Files of this package with golden values.
const (
	EvidenceFile = "testdata/evidence.txt" // the evidence of the rows of PutGoldenRows
	BooksFile    = "testdata/books.txt"    // the output of GoldenBooks
)

//go:embed testdata/evidence.txt
var goldenEvidence string

//go:embed testdata/books.txt
var goldenSeals string

// unverifiable is the beginning of the error message that these tests print when a hash differs.
const unverifiable = "Existing books would no longer verify. Undo the change of the encoding, or bring a new form that verification accepts beside the old one: "

// GoldenEvidence returns the evidence of the rows of [PutGoldenRows], as servers in use have written it.
func GoldenEvidence() string { return goldenEvidence }

// GoldenSeals returns the output of [GoldenBooks], as servers in use have written it.
func GoldenSeals() string { return goldenSeals }

func goldenTests() []test {
	return []test{
		{"rows with the evidence that servers wrote are what they were", goldenEvidenceHolds},
		{"journals, audit rows, heads and roll-ups have the hashes that servers wrote", goldenBooksHold},
	}
}

// goldenEvidenceHolds verifies fixed rows against the evidence file. It also verifies them against evidence with only wrong hashes, to
// prove that each line is checked.
func goldenEvidenceHolds(t *testing.T, r Rig) {
	e := r.Open(t)
	lines := strings.Split(strings.TrimSpace(goldenEvidence), "\n")
	findings := func(evidence string, pass int64) (out []store.Finding) {
		_, err := do(e, func(tx *store.Tx) (value, error) {
			var report store.Report
			_, err := tx.C.Exec(`INSERT INTO audit (tenant_id, id, at, actor, action, evidence, leaf) VALUES ($1, $2, $3, 'test', 'test', $4, $5)`,
				tx.Tenant, named(99), golden, evidence, named(99))
			err = errors.Join(err, PutGoldenRows(tx))
			if err == nil {
				err = store.Verify(tx, store.Trust{Pass: pass}, &report)
			}
			if report.More > 0 {
				t.Errorf("%d findings were left out", report.More)
			}
			out = nil
			for _, f := range report.Findings {
				if f.Rule == "row" || f.Rule == "answer" {
					out = append(out, f)
				}
			}
			return value{refused: true}, err
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	passes := []int64{0, 1, 7, int64(len(lines))} // several sizes of a pass, as in Trust.Pass
	for _, pass := range passes {
		for _, f := range findings(strings.Join(lines, "\n"), pass) {
			t.Errorf("%s%s (%d rows a pass)", unverifiable, f.What, pass)
		}
	}
	for half := range 2 { // a report lists at most 100 findings, and other checks find more in these rows
		wrong, edited := slices.Clone(lines), 0
		for i, line := range lines {
			if i%2 != half {
				continue
			}
			digit := "0"
			if strings.HasSuffix(line, digit) {
				digit = "1"
			}
			wrong[i], edited = line[:len(line)-1]+digit, edited+1
		}
		for _, pass := range passes {
			if n := len(findings(strings.Join(wrong, "\n"), pass)); n != edited {
				t.Errorf("%d of %d wrong hashes were found with %d rows a pass", n, edited, pass)
			}
		}
	}
}

// goldenBooksHold makes fixed books: sealed with their commit, and, on an engine that can do so, sealed later.
func goldenBooksHold(t *testing.T, r Rig) {
	e := r.Open(t)
	ways := []bool{false}
	if sealsLater(t, e) {
		ways = append(ways, true)
	}
	for _, later := range ways {
		got := ""
		_, err := do(e, func(tx *store.Tx) (_ value, err error) {
			got, err = GoldenBooks(tx.C, later)
			return value{refused: true}, err
		})
		if err != nil {
			t.Fatal(err)
		}
		want := strings.Split(goldenSeals, "\n")
		for i, line := range strings.Split(got, "\n") {
			if i >= len(want) || line != want[i] {
				t.Fatalf("%ssealed later: %t, line %d is\n%s\nwant\n%s", unverifiable, later, i+1, line, append(want, "")[min(i, len(want))])
			}
		}
	}
}

// sealsLater reports whether an engine seals in a transaction of its own, after the commits.
func sealsLater(t *testing.T, e store.Engine) bool {
	t.Helper()
	return look(t, e, func(tx *store.Tx) (bool, error) { return tx.C.Lists(), nil })
}

// goldenTime returns the moment of the first fixed commit.
func goldenTime() time.Time { return time.UnixMicro(golden).UTC() }

// GoldenBooks makes fixed books in an open transaction, seals them and returns all their hashes.
func GoldenBooks(c core.Conn, later bool) (string, error) {
	key, err := seal.NewKey("golden", rand.NewChaCha8([32]byte{2}))
	if err != nil {
		return "", err
	}
	if _, err := c.Exec(`UPDATE tenant SET uid = $1 WHERE id = $2`, named(70), store.FirstTenant); err != nil {
		return "", err
	}
	sealer := core.NewSealer(key)
	rnd := rand.NewChaCha8([32]byte{1})
	for n := range 3 {
		now := goldenTime().Add(time.Duration(n) * time.Hour)
		var fresh *core.Fresh
		if !later {
			fresh = sealer.Begin()
		}
		tx := store.NewTx(c, store.FirstTenant, now, rnd, 1, fresh)
		if later {
			tx.Mark = key.Mark
		}
		if err := goldenCommit(tx, n); err != nil {
			return "", err
		}
		tx.Keep()
		closing := store.NewTx(c, store.FirstTenant, now, rnd, 1, nil)
		if later {
			fresh, err = sealer.Collect(closing.Tx, 1000)
		} else {
			err = fresh.Write(closing.Tx)
		}
		if err == nil {
			_, err = sealer.Seal(closing.Tx, fresh)
		}
		if err != nil {
			return "", err
		}
	}
	return goldenDump(c, key)
}

// goldenCommit posts the journals of one commit and writes its audit rows.
func goldenCommit(tx *store.Tx, n int) error {
	till, tax := account(ledger.Till, ledger.MainTill), account(ledger.VATPayable, "")
	var last ledger.Journal
	for i := range 2 {
		j := ledger.Journal{ID: id.FromBytes(named(byte(80 + 2*n + i))), Kind: ledger.Vend, Ref: fmt.Sprintf("vnd_%d_%d", n, i), PostedAt: tx.Now, Memo: "memo ø",
			Postings: []ledger.Posting{{Account: till, Amount: 10_000}, {Account: account(ledger.RevenueEnergy, ""), Amount: -8676},
				{Account: tax, Amount: -1300}, {Account: account(ledger.Carry, "acc_1"), Amount: -24}}}
		if n == 2 && i == 1 {
			back, err := ledger.Mirror(last, j.ID, tx.Now, "vend "+last.Ref, "")
			if err != nil {
				return err
			}
			j = back
		}
		if b, err := tx.Post(j); err != nil || b.Refused() {
			return errors.Join(err, fmt.Errorf("breach %+v", b))
		}
		last = j
	}
	err := errors.Join(tx.AuditLog(someEntry(fmt.Sprint("act ", n))),
		tx.AuditLog(access.Entry{At: tx.Now.Add(-time.Second), Actor: "paywatt", Action: "test", SinglePerson: n == 1}))
	if err == nil {
		_, err = tx.PutTenant(core.TenantRow{UID: id.FromBytes(named(70)), Name: fmt.Sprint("Ngong ", n), Currency: "KES", Exp: 2, TZ: "UTC", Settings: "{}", Version: int64(n + 1)})
	}
	if err == nil {
		_, err = tx.Finish(false, nil)
	}
	return err
}

// goldenDump returns every hash and the signatures.
func goldenDump(c core.Conn, key seal.Key) (string, error) {
	var b strings.Builder
	for _, q := range []struct{ name, sql string }{
		{"journal", `SELECT leaf, id, seal_n, mark FROM journal ORDER BY id`},
		{"audit", `SELECT leaf, id, seal_n, mark FROM audit ORDER BY id`},
	} {
		err := c.Query(q.sql, func(r core.Row) error {
			leaf := r.Bytes(0)
			mark := key.Mark([32]byte(leaf))
			if !r.IsNull(3) && string(r.Bytes(3)) != string(mark) {
				return errors.New("a row has another mark than its leaf gives")
			}
			fmt.Fprintf(&b, "%s %s in seal %d: leaf %x, mark %x\n", q.name, hex.EncodeToString(r.Bytes(1)), r.Int(2), leaf, mark)
			return nil
		})
		if err != nil {
			return "", err
		}
	}
	err := errors.Join(
		c.Query(`SELECT evidence FROM audit WHERE evidence <> '' ORDER BY id`, func(r core.Row) error {
			fmt.Fprintf(&b, "evidence %s\n", r.Text(0))
			return nil
		}),
		c.Query(`SELECT pos, kind, leaf FROM seal_leaf ORDER BY pos`, func(r core.Row) error {
			fmt.Fprintf(&b, "leaf %d %s %x\n", r.Int(0), r.Text(1), r.Bytes(2))
			return nil
		}),
		c.Query(`SELECT idx, hash FROM seal_hash ORDER BY idx`, func(r core.Row) error {
			fmt.Fprintf(&b, "inner hash %d %x\n", r.Int(0), r.Bytes(1))
			return nil
		}),
		c.Query(`SELECT r.seal_n, a.code, a.subject, r.balance FROM rollup r JOIN ledger_account a ON a.n = r.account AND a.tenant_id = r.tenant_id ORDER BY r.seal_n, a.code, a.subject`,
			func(r core.Row) error {
				fmt.Fprintf(&b, "roll-up %d of %d %q: %d\n", r.Int(0), r.Int(1), r.Text(2), r.Int(3))
				return nil
			}),
		c.Query(`SELECT n, first, last, root, at, head FROM seal ORDER BY n`, func(r core.Row) error {
			fmt.Fprintf(&b, "seal %d of leaves %d to %d at %d: root %x, head\n%s", r.Int(0), r.Int(1), r.Int(2), r.Time(4).UnixMicro(), r.Bytes(3), r.Text(5))
			return nil
		}))
	return b.String(), err
}
