package storetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
)

// NextMigration returns a migration as a later version may have it, with one statement of each kind, for tests of upgrades.
func NextMigration(n int) store.Migration {
	return store.Migration{N: n, Name: "planted", SQL: `
-- Planted by a test; says nothing of any version.
CREATE TABLE planted (
  tenant_id INTEGER NOT NULL, n INTEGER NOT NULL, word TEXT NOT NULL DEFAULT ';--', told INTEGER NOT NULL CHECK (told IN (0,1)),
  PRIMARY KEY (tenant_id, n), UNIQUE (tenant_id, word)
) STRICT, WITHOUT ROWID;
ALTER TABLE customer ADD COLUMN planted_at INTEGER; -- with a semicolon; here
UPDATE customer SET planted_at = created_at + 1;
ALTER TABLE tenant ADD COLUMN planted_color TEXT NOT NULL DEFAULT 'blue' CHECK (planted_color <> '');
INSERT INTO planted (tenant_id, n, word, told) SELECT tenant_id, n, number, 1 FROM meter;
INSERT INTO planted (tenant_id, n, word, told) VALUES (1, -1, 'the first', 0);
CREATE UNIQUE INDEX planted_word ON planted (tenant_id, told, word) WHERE told = 1;
CREATE TABLE outlet_planted (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, vendor_id BLOB NOT NULL, name TEXT NOT NULL CHECK (name <> ''), created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
INSERT INTO outlet_planted (tenant_id, id, vendor_id, name, created_at) SELECT tenant_id, id, vendor_id, name, created_at FROM outlet;
DROP TABLE outlet;
ALTER TABLE outlet_planted RENAME TO outlet;
DROP INDEX reading_meter;
CREATE INDEX reading_meter ON reading (tenant_id, meter, seq);
UPDATE tenant SET planted_color = 'green'`}
}

// OldHeard changes frozen data of schema 1 or 2 so that it has heard tokens in the form of those versions, which had no separate state for
// them.
const OldHeard = `UPDATE token SET state = 'accepted', result = 'sms_accept', answered_at = issued_at + 1000000 WHERE state = 'sent' AND class = 0;
	UPDATE token SET result = 'sms_accept', answered_at = issued_at + 1000000 WHERE state = 'reversed_unconfirmed';
	UPDATE given_token SET result = 'sms_accept' WHERE state = 'accepted'`

// CheckHeard checks upgraded frozen data to which [OldHeard] was applied: heard tokens have the state heard, and states that a meter
// signed or a reversal decided have not changed.
func CheckHeard(t *testing.T, e store.Engine) {
	t.Helper()
	got := look(t, e, func(tx *store.Tx) (out []string, err error) {
		err = tx.C.Query(`SELECT 'token', state, result, COUNT(*) FROM token WHERE result <> '' GROUP BY state, result
			UNION ALL SELECT 'given', state, result, COUNT(*) FROM given_token GROUP BY state, result`, func(r core.Row) error {
			out = append(out, fmt.Sprintf("%s %s %s %d", r.Text(0), r.Text(1), r.Text(2), r.Int(3)))
			return nil
		})
		slices.Sort(out)
		return out, err
	})
	want := []string{"given heard sms_accept 1", "token accepted accept 4", "token heard sms_accept 1", "token reversed_unconfirmed sms_accept 2"}
	if !slices.Equal(got, want) {
		t.Errorf("after the upgrade the answered tokens are\n%q, want\n%q", got, want)
	}
}
