package postgres_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/postgres"
	"github.com/paywatt/paywatt/internal/store/postgres/pgtest"
	"github.com/paywatt/paywatt/internal/store/storetest"
)

// lines gives the rows of the queries in sql, a line each.
func lines(t *testing.T, url, sql string) (out []string) {
	t.Helper()
	c, err := pgconn.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	results, err := c.Exec(t.Context(), sql).ReadAll()
	if err := errors.Join(err, c.Close(t.Context())); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	for _, r := range results {
		for _, row := range r.Rows {
			out = append(out, fmt.Sprintf("%q", row))
		}
	}
	return out
}

// content is everything that the database holds besides who leads, its schema too.
func content(t *testing.T, url string) string {
	t.Helper()
	sql := `SELECT table_name, column_name, data_type, column_default FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, ordinal_position;
		SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1;
		SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2`
	for _, table := range lines(t, url, `SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'leader' ORDER BY 1`) {
		name := strings.Trim(table, `[]"`)
		sql += `; SELECT '` + name + `', t::text FROM "` + name + `" t ORDER BY 2`
	}
	return strings.Join(lines(t, url, sql), "\n")
}

// used is a database with a few rows, of this version's schema, and its data folder.
func used(t *testing.T) (url, dir string) {
	t.Helper()
	url, dir = pgtest.New(t), t.TempDir()
	e, err := postgres.Open(t.Context(), url, postgres.Options{Dir: dir, SealEvery: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 6 {
		_, err := do(e, func(tx *store.Tx) (value, error) {
			return value{}, tx.AuditLog(access.Entry{At: tx.Now, Actor: "clerk", Action: "act", Object: fmt.Sprint(n)})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	run(t, url, `INSERT INTO customer (tenant_id, id, name, created_at) VALUES (1, '\x01', 'Amina', 5), (1, '\x02', 'Otieno', 6);
		INSERT INTO outlet (tenant_id, id, vendor_id, name, created_at) VALUES (1, '\x03', '\x04', 'Market', 7)`)
	return url, dir
}

// TestAnUpgradeCutOffAnywhereGoesOnOrGoesBack ends the connection of an upgrade before each of its statements, before the
// version is written, before COMMIT and after it.
func TestAnUpgradeCutOffAnywhereGoesOnOrGoesBack(t *testing.T) {
	url, dir := used(t)
	before := content(t, url)
	steps, err := store.Migrations()
	if err != nil {
		t.Fatal(err)
	}
	this := len(steps)
	steps = append(steps, storetest.NextMigration(this+1))
	if _, err := postgres.VerifySteps(t.Context(), url, dir, steps); !errors.Is(err, store.ErrOlder) {
		t.Errorf("verifying before the upgrade: %v, want %v", err, store.ErrOlder)
	}
	last, cuts := "", 0
	for ; last != "the next step"; cuts++ {
		left := cuts
		e, err := postgres.Open(t.Context(), url, postgres.WithSteps(postgres.Options{Dir: dir, SealEvery: -1}, steps, func(next string) {
			if left--; left == -1 {
				last = next
				run(t, url, `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
			}
		}))
		if err == nil {
			t.Fatalf("cut off before %q: the upgrade ended: %v", last, e.Close())
		}
		if last == "the next step" {
			break
		}
		if got := content(t, url); got != before {
			t.Fatalf("cut off before %q, the database is not as it was:\n%s", last, got)
		}
	}
	after := content(t, url)
	o := postgres.WithSteps(postgres.Options{Dir: dir, SealEvery: -1}, steps, nil)
	e, err := postgres.Open(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := postgres.VerifySteps(t.Context(), url, dir, steps)
	if err != nil || !r.Sound() {
		t.Errorf("after the upgrade: %v, %+v", err, r)
	}
	if content(t, url) != after || after == before || cuts < 15 {
		t.Errorf("the upgrade has %d points; opening once more changed the database: %t", cuts, content(t, url) != after)
	}
	if _, err := postgres.Open(t.Context(), url, postgres.Options{Dir: dir}); !errors.Is(err, store.ErrNewer) {
		t.Errorf("the program of before: %v, want %v", err, store.ErrNewer)
	}
	t.Logf("figures: %d cuts, %d went back, 1 had ended", cuts+1, cuts)
}

// TestAServerThatStopsLeavesItsLead: the next one, or an upgrade, need not wait for it.
func TestAServerThatStopsLeavesItsLead(t *testing.T) {
	url, _ := used(t)
	if held := lines(t, url, fmt.Sprintf(`SELECT name, holder FROM leader WHERE until > %d`, time.Now().UnixMicro())); len(held) > 0 {
		t.Errorf("held after the only server has stopped: %s", held)
	}
}

// TestAnUpgradeNeedsEveryServerStopped: one of an older version would go on writing as its schema was.
func TestAnUpgradeNeedsEveryServerStopped(t *testing.T) {
	url, dir := used(t)
	steps, err := store.Migrations()
	if err != nil {
		t.Fatal(err)
	}
	o := postgres.WithSteps(postgres.Options{Dir: dir, SealEvery: -1}, append(steps, storetest.NextMigration(len(steps)+1)), nil)
	until := time.Now().Add(20 * time.Second).UnixMicro()
	run(t, url, fmt.Sprintf(`INSERT INTO leader (name, holder, epoch, until) VALUES ('jobs', 'x', 1, %d)`, until))
	if _, err := postgres.Open(t.Context(), url, o); !errors.Is(err, postgres.ErrServed) {
		t.Errorf("upgrading under a running server: %v, want %v", err, postgres.ErrServed)
	}
	run(t, url, `DELETE FROM leader WHERE name = 'jobs'`)
	openOn(t, url, o)
}
