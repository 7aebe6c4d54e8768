package store_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/store/storetest"
)

var update = flag.Bool("update", false, "add golden hashes of rows that are new; one that is there stays; and write docs/reference/unproven.md")

// undone runs fn in a transaction of a new database and rolls it back.
func undone(t *testing.T, fn func(*store.Tx) error) {
	t.Helper()
	e, err := sqlite.Open(t.TempDir(), sqlite.Options{Reserve: -1, Readers: 1})
	if err != nil {
		t.Fatal(err)
	}
	err = e.Run(context.Background(), store.FirstTenant, store.Sale, func(tx *store.Tx) (bool, error) { return true, fn(tx) })
	if err := errors.Join(err, e.Close()); err != nil {
		t.Fatal(err)
	}
}

// attestedKinds lists the tables whose rows have evidence.
func attestedKinds(t *testing.T) (kinds []*core.AttestedKind) {
	t.Helper()
	undone(t, func(tx *store.Tx) error { kinds = tx.Kinds(); return nil })
	return kinds
}

// evidenceOfAll returns the evidence of all rows. What a row has among others must be what it has alone.
func evidenceOfAll(tx *store.Tx) (lines []string, err error) {
	for _, k := range tx.Kinds() {
		var ids []id.ID
		err := tx.C.Query(`SELECT DISTINCT r.`+k.Key+` FROM `+k.From+` WHERE r.tenant_id = $1`+k.Must+` ORDER BY r.`+k.Key,
			func(r core.Row) error { ids = append(ids, r.ID(0)); return nil }, tx.Tenant)
		if err != nil {
			return nil, err
		}
		together, err := tx.RowEvidences(k, ids)
		if err != nil {
			return nil, err
		}
		for _, row := range ids {
			e, found, err := tx.RowEvidence(k, row)
			if err != nil || !found || together[row] != e {
				return nil, fmt.Errorf("%s: found %t, among others %v instead of %v: %w", k.Name, found, together[row], e, err)
			}
			lines = append(lines, e.String())
		}
	}
	e, err := tx.TenantEvidence("")
	lines = append(lines, e.String())
	if err == nil {
		err = tx.C.Query(`SELECT principal, key, req_hash, status, body_enc FROM idempotency ORDER BY principal, key`, func(r core.Row) error {
			o := access.Once{Principal: r.Text(0), Key: r.Text(1), Hash: [32]byte(core.Pad(r.Bytes(2)))}
			lines = append(lines, core.OnceEvidence(o, int(r.Int(3)), r.Bytes(4)).String())
			return nil
		})
	}
	return lines, err
}

// TestGoldenHashesOfRows checks that the evidence of fixed rows never changes. In storetest, both engines compare the same rows with the
// same file. This test names the row whose hash differs, and with -update adds new rows to the file.
func TestGoldenHashesOfRows(t *testing.T) {
	var got []string
	undone(t, func(tx *store.Tx) (err error) {
		if err := storetest.PutGoldenRows(tx); err != nil {
			return err
		}
		got, err = evidenceOfAll(tx)
		return err
	})
	want := strings.Split(strings.TrimSpace(storetest.GoldenEvidence()), "\n")
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("The hash of a row is not what servers wrote, so existing books would no longer verify: %s", line)
		}
	}
	if *update && !t.Failed() {
		write(t, storetest.EvidenceFile, strings.Join(got, "\n")+"\n")
	} else if len(got) != len(want) {
		t.Errorf("%d rows have evidence, the file has %d lines", len(got), len(want))
	}
}

// TestGoldenRowsFillEveryAttestedColumn checks that the golden rows fill every attested column, and that each nullable column is empty in
// some row.
func TestGoldenRowsFillEveryAttestedColumn(t *testing.T) {
	nullable := map[string][]int{ // columns without NOT NULL, and columns of a LEFT JOIN that may find no row
		"version": {6}, "charge": {7, 8}, "meter": {4, 10, 11, 12, 13, 14, 15, 16, 17}, "account": {6, 10, 11}, "debt": {5, 6, 7, 13, 14},
		"sale": {4, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32}, "payment": {10, 12, 14, 15, 16, 17, 18}, "payment_request": {7}, "voucher_batch": {7, 8, 9, 10}, "voucher_issue": {7, 8}, "provider": {6, 8, 9}, "provider+": {1, 2}, "meter++": {0, 1, 2, 3}, "webhook": {3, 4}, "statement_file": {11}, "reconciliation": {12}, "difference": {15},
		"reversal": {6, 7, 8, 9, 10}, "job": {4, 5, 10, 14, 15, 16, 17, 18, 19, 20, 21}, "token": {3, 10},
		"approval": {5, 7, 11}, "apikey": {3, 4, 5, 6, 7}, "integration": {2, 3}, "person": {3, 4, 5, 6, 7, 8}, "standing": {1, 2, 3}, "device": {5}, "own": {7}, "adopted_device": {6}, "device_password": {3}, "config": {4, 5}, "swap": {5, 10, 11, 12}, "shift": {1, 5, 8}, "papertext": {4, 5},
	}
	undone(t, func(tx *store.Tx) error {
		if err := storetest.PutGoldenRows(tx); err != nil {
			return err
		}
		for _, k := range tx.Kinds() {
			kind, sql := k.Name, `SELECT `+k.Proof.Columns+` FROM `+k.From+` WHERE 1 = 1`+k.Must
			columns := strings.Count(sql[:strings.Index(sql, " FROM ")], ",") + 1
			full, empty := make([]bool, columns), make([]bool, columns)
			err := tx.C.Query(sql, func(r core.Row) error {
				for i := range columns {
					full[i], empty[i] = full[i] || !r.IsNull(i), empty[i] || r.IsNull(i)
				}
				return nil
			})
			if err != nil {
				return err
			}
			for i := range columns {
				if !full[i] {
					t.Errorf("column %d of %s is NULL in every golden row", i, kind)
				}
				if empty[i] != slices.Contains(nullable[kind], i) {
					t.Errorf("column %d of %s is NULL in a golden row: %t; add it to the list of this test, or such a row", i, kind, empty[i])
				}
			}
		}
		return nil
	})
}

// TestGoldenBooks checks that leaves, roots and heads of fixed books never change. Both engines run the same test in storetest.
func TestGoldenBooks(t *testing.T) {
	undone(t, func(tx *store.Tx) error {
		got, err := storetest.GoldenBooks(tx.C, false)
		if want := storetest.GoldenSeals(); got != want && *update && want == "" {
			write(t, storetest.BooksFile, got)
		} else if got != want {
			t.Errorf("Existing books would no longer verify. To make other fixed books, empty %s first. Got:\n%s", storetest.BooksFile, got)
		}
		return err
	})
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join("storetest", name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
