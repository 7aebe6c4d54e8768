package postgres_test

import (
	"context"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/store/postgres"
	"github.com/paywatt/paywatt/internal/store/postgres/pgtest"
)

// TestWhatTheEngineReliesOnIsTried: PostgreSQL passes every trial, and nothing is left behind. A server with a dangerous setting does not.
func TestWhatTheEngineReliesOnIsTried(t *testing.T) {
	database := pgtest.New(t)
	admin := pgtest.Admin(t, database)
	failed := func() (names []string) {
		all, err := postgres.Try(context.Background(), database)
		if err != nil || len(all) < 10 {
			t.Fatalf("%d trials, %v", len(all), err)
		}
		for _, one := range all {
			if one.Err != nil {
				names = append(names, one.Name+": "+one.Err.Error())
			}
		}
		return names
	}
	if got := failed(); got != nil {
		t.Errorf("failed: %s", strings.Join(got, "\n"))
	}
	admin(`DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || ' SET synchronous_commit = off'; END $$`)
	if got := failed(); len(got) != 1 || !strings.HasPrefix(got[0], "settings: ") {
		t.Errorf("with synchronous_commit = off, failed: %q, want the settings", got)
	}
	if got := admin(`SELECT COUNT(*) FROM pg_class WHERE relname LIKE 'paywatt_trial%'`); got != "0" {
		t.Errorf("%s tables of trials were left behind", got)
	}
}

// TestATrialSeesWhatIsMissing: where a table is given rows that nobody can lock or keep unique, the trials say so.
func TestATrialSeesWhatIsMissing(t *testing.T) {
	database := pgtest.New(t)
	for _, broken := range []struct{ sql, want string }{
		{`CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`, ""},
		{`CREATE FUNCTION weaken() RETURNS event_trigger LANGUAGE plpgsql AS $$ DECLARE r record; BEGIN
			FOR r IN SELECT * FROM pg_event_trigger_ddl_commands() WHERE command_tag = 'CREATE TABLE' LOOP
				EXECUTE 'CREATE TRIGGER swallow BEFORE UPDATE ON ' || r.object_identity || ' FOR EACH ROW EXECUTE FUNCTION swallow()';
			END LOOP; END $$`, ""},
		{`CREATE EVENT TRIGGER weaken ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION weaken()`, "guards"},
	} {
		pgtest.Admin(t, database)(broken.sql)
		if broken.want == "" {
			continue
		}
		all, err := postgres.Try(context.Background(), database)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, one := range all {
			found = found || one.Name == broken.want && one.Err != nil
		}
		if !found {
			t.Errorf("the trials did not see that updates are swallowed: %+v", all)
		}
	}
}
