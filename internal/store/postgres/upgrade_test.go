package postgres_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/frozen"
	"github.com/paywatt/paywatt/internal/store/postgres"
	"github.com/paywatt/paywatt/internal/store/postgres/pgtest"
	"github.com/paywatt/paywatt/internal/store/storetest"
	"github.com/paywatt/paywatt/internal/tier"
)

// lines returns the rows of the queries in sql, one line each.
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

// content returns the schema and all rows of the database as text, without the rows of the table leader.
func content(t *testing.T, url string) string {
	t.Helper()
	sql := `SELECT table_name, column_name, data_type, column_default FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, ordinal_position;
		SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1;
		SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2`
	for _, table := range lines(t, url, `SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'leader' ORDER BY 1`) {
		name := strings.Trim(table, `[]"`)
		sql += `; SELECT '` + name + `', t::text FROM "` + name + `" t WHERE t::text NOT LIKE '(history,%' ORDER BY 2` // every start writes this row of meta
	}
	return strings.Join(lines(t, url, sql), "\n")
}

// used returns a database of this version's schema with a few rows, and its data folder.
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

// TestAnUpgradeCutOffAnywhereGoesOnOrGoesBack upgrades the oldest frozen data and ends the connection before each statement, before the
// version is written, before COMMIT and after it. It does this in the newest migrations and in one made-up migration of a later version.
func TestAnUpgradeCutOffAnywhereGoesOnOrGoesBack(t *testing.T) {
	tier.Long(t)
	old, url := frozen.Of(t, "postgres")[0], pgtest.New(t)
	fresh(t, url, old)
	this, err := store.Migrations()
	if err != nil {
		t.Fatal(err)
	}
	steps := append(slices.Clone(this), storetest.NextMigration(len(this)+1))
	if _, err := postgres.VerifySteps(t.Context(), url, old.Dir, steps); !errors.Is(err, store.ErrOlder) {
		t.Errorf("verifying before the upgrade: %v, want %v", err, store.ErrOlder)
	}
	opened := func(steps []store.Migration, pause func(string)) error {
		e, err := postgres.Open(t.Context(), url, postgres.WithSteps(postgres.Options{Dir: old.Dir, Now: old.Now, SealEvery: -1}, steps, pause))
		if err == nil {
			err = e.Close()
		}
		return err
	}
	cuts, whole := 0, 0
	whole = max(0, len(this)-tier.CutOffUpgrades.N()-old.Facts.Schema)
	if err := opened(steps[:old.Facts.Schema+whole], nil); err != nil {
		t.Fatal(err)
	}
	state, began := content(t, url), whole
	for last := ""; old.Facts.Schema+whole < len(steps); cuts++ {
		left := cuts
		err := opened(steps, func(next string) {
			if left--; left == -1 {
				last = next
				run(t, url, `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
			}
		})
		got := content(t, url)
		switch {
		case err == nil:
			t.Fatalf("cut off before %q: the upgrade ended", last)
		case last == "the next step": // that step is complete; the next round begins after it
			state, cuts, whole = got, -1, whole+1
		case got != state:
			t.Fatalf("cut off before %q of step %d, the database is not as it was:\n%s", last, whole+1, got)
		}
	}
	if err := opened(steps, nil); err != nil || content(t, url) != state {
		t.Errorf("opened once more: %v, the same content %t", err, content(t, url) == state)
	}
	r, err := postgres.VerifySteps(t.Context(), url, old.Dir, steps)
	if err != nil || !r.Sound() || figure(r, "sales") != old.Facts.Tables["vend"].Rows {
		t.Errorf("after the upgrade: %v, %+v", err, r)
	}
	if err := opened(this, nil); !errors.Is(err, store.ErrNewer) {
		t.Errorf("the program of before: %v, want %v", err, store.ErrNewer)
	}
	url = pgtest.New(t)
	fresh(t, url, old)
	if err := opened(steps, nil); err != nil || content(t, url) != state {
		t.Errorf("upgraded at one go: %v, the same content as cut off everywhere: %t", err, content(t, url) == state)
	}
	t.Logf("figures: cut off before every statement of %d steps", whole-began)
}

// TestFrozenDataGoOn upgrades databases of earlier builds and checks that their content is unchanged.
func TestFrozenDataGoOn(t *testing.T) {
	for _, d := range frozen.Of(t, "postgres") {
		t.Run(d.Name, func(t *testing.T) {
			url := pgtest.New(t)
			fresh(t, url, d)
			e := openOn(t, url, postgres.Options{Dir: d.Dir, Now: d.Now, SealEvery: -1})
			d.Facts.Check(t, e)
			r, err := postgres.Verify(t.Context(), url, d.Dir)
			if err != nil || !r.Sound() || figure(r, "sales") != d.Facts.Tables["vend"].Rows {
				t.Errorf("after the upgrade: %v, %+v", err, r)
			}
		})
	}
}

// TestTokensThatWereOnlyHeardAreHeard checks that an upgrade changes the state of a token to "heard" if only an SMS reported the token as
// loaded. Before schema 3, such a token had the state "accepted" and a special result.
func TestTokensThatWereOnlyHeardAreHeard(t *testing.T) {
	d, url := frozen.Of(t, "postgres")[0], pgtest.New(t)
	fresh(t, url, d)
	run(t, url, storetest.OldHeard)
	storetest.CheckHeard(t, openOn(t, url, postgres.Options{Dir: d.Dir, Now: d.Now, SealEvery: -1}))
	if r, err := postgres.Verify(t.Context(), url, d.Dir); err != nil || !r.Sound() {
		t.Errorf("after the upgrade: %v, %+v", err, r)
	}
}

// fresh fills a database with frozen data.
func fresh(t *testing.T, url string, d frozen.Data) {
	t.Helper()
	run(t, url, `DROP SCHEMA public CASCADE; CREATE SCHEMA public`) // pgtest made tables of this version
	d.Load(t, url)
}

func figure(r *store.Report, name string) int64 {
	for _, f := range r.Figures {
		if f.Name == name {
			return f.N
		}
	}
	return -1
}

// TestAServerThatStopsLeavesItsLead checks that a server gives up its lead when it stops, so that the next server or an upgrade need not
// wait.
func TestAServerThatStopsLeavesItsLead(t *testing.T) {
	url, _ := used(t)
	if held := lines(t, url, fmt.Sprintf(`SELECT name, holder FROM leader WHERE until > %d`, time.Now().UnixMicro())); len(held) > 0 {
		t.Errorf("held after the only server has stopped: %s", held)
	}
}

// TestAnUpgradeNeedsEveryServerStopped checks that an upgrade is refused while a server runs: a server of an older version would continue
// to write in its older schema.
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
	command := o
	command.AsIs = true
	if _, err := postgres.Open(t.Context(), url, command); !errors.Is(err, store.ErrOlder) {
		t.Errorf("opened for a command: %v, want %v", err, store.ErrOlder)
	}
	openOn(t, url, o)
}

// TestAnUpgradeHasNoTimeLimit checks that an upgrade switches off the time limits, because a step may copy a table of any size. It also
// checks that the database has statistics of the copy afterwards.
func TestAnUpgradeHasNoTimeLimit(t *testing.T) {
	url, dir := used(t)
	steps, err := store.Migrations()
	if err != nil {
		t.Fatal(err)
	}
	planted := store.Migration{N: len(steps) + 1, Name: "planted", SQL: `
		CREATE TABLE planted_limit (name TEXT NOT NULL, value TEXT NOT NULL);
		INSERT INTO planted_limit (name, value) SELECT name, setting FROM pg_settings
			WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout');`}
	openOn(t, url, postgres.WithSteps(postgres.Options{Dir: dir, SealEvery: -1}, append(steps, planted), nil))
	if got := lines(t, url, `SELECT DISTINCT value FROM planted_limit`); len(got) != 1 || !strings.Contains(got[0], `"0"`) {
		t.Errorf("the limits of the upgrade are %s, want 0", got)
	}
	if got := lines(t, url, `SELECT reltuples FROM pg_class WHERE relname = 'planted_limit'`); len(got) != 1 || !strings.Contains(got[0], "2") {
		t.Errorf("the statistics count %s rows, want 2", got)
	}
}

// TestACommandMakesAnEmptyDatabaseWhole checks that a command creates a complete database, because a utility makes its first key before its
// first server starts. The option AsIs prevents the upgrade of an older database, but not the creation of a new one.
func TestACommandMakesAnEmptyDatabaseWhole(t *testing.T) {
	url, dir := pgtest.New(t), t.TempDir()
	run(t, url, `DROP SCHEMA public CASCADE; CREATE SCHEMA public`)
	for n := range 2 {
		e, err := postgres.Open(t.Context(), url, postgres.Options{Dir: dir, Readers: 1, Writers: 1, SealEvery: -1, AsIs: true})
		if err != nil {
			t.Fatalf("command %d: %v", n+1, err)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
