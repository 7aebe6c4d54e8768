-- Files of meters and customers that were imported: what became of each row, so that a row is imported once and can be undone.
CREATE TABLE import (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, kind TEXT NOT NULL,
  by_name TEXT NOT NULL, principal TEXT NOT NULL, key TEXT NOT NULL, sum BLOB NOT NULL, lines INTEGER NOT NULL,
  created_at INTEGER NOT NULL, done_at INTEGER, undone_at INTEGER,
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX import_key ON import (tenant_id, principal, key);
CREATE TABLE import_line (
  tenant_id INTEGER NOT NULL, import_id BLOB NOT NULL, line INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state = 'ok' OR state = 'error' OR state = 'duplicate' OR state = 'undone'),
  code TEXT NOT NULL DEFAULT '', detail TEXT NOT NULL DEFAULT '', object BLOB, print BLOB NOT NULL,
  PRIMARY KEY (tenant_id, import_id, line)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX import_print ON import_line (tenant_id, print) WHERE state = 'ok';
