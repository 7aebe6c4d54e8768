package storetest

import "github.com/paywatt/paywatt/internal/store"

// NextMigration is what a later version may bring, one statement of each kind, for tests of what an upgrade does.
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
