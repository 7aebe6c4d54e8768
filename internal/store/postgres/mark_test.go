package postgres_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/postgres"
	"github.com/paywatt/paywatt/internal/store/postgres/pgtest"
)

// TestOnlyWhatAServerWroteIsSealed inserts a balanced journal with its leaf, as somebody with access to the tables can. The journal has no
// mark, so no server seals it, and verification reports it. The server's own rows are sealed as usual.
func TestOnlyWhatAServerWroteIsSealed(t *testing.T) {
	url, dir := pgtest.New(t), t.TempDir()
	e := openOn(t, url, postgres.Options{Dir: dir, SealEvery: -1})
	bank, opening := ledger.AccountRef{Code: ledger.Bank, Subject: "b"}, ledger.AccountRef{Code: ledger.Opening}
	post := func(ref string) {
		t.Helper()
		if _, err := do(e, func(tx *store.Tx) (value, error) {
			i, err := tx.NewID()
			if err == nil {
				_, err = tx.Post(ledger.Journal{ID: i, Kind: ledger.Settlement, Ref: ref, PostedAt: tx.Now,
					Postings: []ledger.Posting{{Account: bank, Amount: 5}, {Account: opening, Amount: -5}}})
			}
			if err == nil {
				err = tx.AuditLog(access.Entry{At: tx.Now, Actor: "clerk", Action: "settle", Object: ref})
			}
			return value{}, err
		}); err != nil {
			t.Fatal(err)
		}
	}
	post("first")
	postgres.Seal(t, e)
	for name, c := range map[string]struct{ sql, back string }{
		"a journal that was put in": {`INSERT INTO journal (tenant_id, id, kind, ref, posted_at, leaf) SELECT id, uid, 'settlement', 'forged', created_at, sha256(uid) FROM tenant`,
			`DELETE FROM journal WHERE ref = 'forged'`},
		"a journal with another's mark": {`INSERT INTO journal (tenant_id, id, kind, ref, posted_at, leaf, mark) SELECT 1, sha256('x')::bytea, 'settlement', 'forged', posted_at, sha256('y'), mark FROM journal WHERE ref = 'first'`,
			`DELETE FROM journal WHERE ref = 'forged'`},
		"an audit row that was put in": {`INSERT INTO audit (tenant_id, id, at, actor, action, leaf) SELECT id, uid, created_at, 'clerk', 'forged', sha256(uid) FROM tenant`,
			`DELETE FROM audit WHERE action = 'forged'`},
	} {
		run(t, url, c.sql)
		post(name)
		postgres.Seal(t, e)
		r, err := postgres.Verify(t.Context(), url, dir)
		if err != nil {
			t.Fatal(err)
		}
		told, waiting := false, int64(0)
		for _, f := range r.Findings {
			told = told || strings.Contains(f.What, "no valid mark of a server")
		}
		for _, f := range r.Figures {
			if f.Name == "rows waiting for their seal" {
				waiting = f.N
			}
		}
		if !told || waiting != 1 {
			t.Errorf("%s: %d rows wait, want the forged one alone; findings %+v", name, waiting, r.Findings)
		}
		run(t, url, c.back)
	}
	if r, err := postgres.Verify(t.Context(), url, dir); err != nil || !r.Sound() {
		t.Errorf("without the forged rows: %v %+v", err, r.Findings)
	}
}

// TestSealingReadsOnlyWaitingRows: statistics of PostgreSQL from a time when most rows waited for their seal must not make every round read
// the sealed rows again.
func TestSealingReadsOnlyWaitingRows(t *testing.T) {
	url := pgtest.New(t)
	e := openOn(t, url, postgres.Options{Dir: t.TempDir(), SealEvery: -1})
	run(t, url, `INSERT INTO audit (tenant_id, id, at, actor, action, leaf, mark)
			SELECT t.id, decode(lpad(to_hex(i), 32, '0'), 'hex'), 1, 'clerk', 'note', t.uid, '' FROM tenant t, generate_series(1, 5000) i;
		INSERT INTO journal (tenant_id, id, kind, posted_at, leaf, mark)
			SELECT t.id, decode(lpad(to_hex(i), 32, '0'), 'hex'), 'vend', 1, t.uid, '' FROM tenant t, generate_series(1, 5000) i;
		ANALYZE audit, journal;
		UPDATE audit SET seal_n = 1; UPDATE journal SET seal_n = 1`)
	run(t, url, `VACUUM audit, journal`)
	run(t, url, `SELECT pg_stat_reset()`)
	if _, err := do(e, func(tx *store.Tx) (value, error) {
		return value{}, tx.AuditLog(access.Entry{At: tx.Now, Actor: "clerk", Action: "settle"})
	}); err != nil {
		t.Fatal(err)
	}
	postgres.Seal(t, e)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	admin, n := pgtest.Admin(t, url), 0
	await.True(t, "the ended connection has reported what it has read", func() bool {
		var err error
		n, err = strconv.Atoi(admin(`SELECT SUM(seq_tup_read + idx_tup_fetch) FROM pg_stat_user_tables WHERE relname IN ('audit', 'journal')`))
		return err != nil || n > 0
	})
	if n < 1 || n > 100 {
		t.Errorf("one waiting row was sealed with %d rows read, want 1 to 100", n)
	}
}
