-- Meters and telephones that people of the utility have recorded as their own. A row is never deleted.
CREATE TABLE person_own (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, person_id BLOB NOT NULL,
  kind TEXT NOT NULL CHECK (kind = 'meter' OR kind = 'phone'),
  number TEXT NOT NULL, key TEXT NOT NULL,      -- key: what numbers are compared by; the last 8 digits of a telephone
  made_by TEXT NOT NULL, created_at INTEGER NOT NULL,
  ended_by TEXT NOT NULL DEFAULT '', ended_at INTEGER,
  version INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX person_own_person ON person_own (tenant_id, person_id, id);
CREATE INDEX person_own_key ON person_own (tenant_id, kind, key);
