-- The configuration of meters that keep their credit themselves: their own values, what was decided last, and what they reported last.
CREATE TABLE meter_config (
  tenant_id INTEGER NOT NULL, meter INTEGER NOT NULL, own TEXT NOT NULL DEFAULT '{}',  -- JSON
  version INTEGER NOT NULL DEFAULT 0, hash TEXT NOT NULL DEFAULT '', doc TEXT NOT NULL DEFAULT '', asked_at INTEGER,  -- decided last
  command BLOB,                           -- the newest row of command that brings it
  has_version INTEGER NOT NULL DEFAULT 0, has_hash TEXT NOT NULL DEFAULT '', has_doc TEXT NOT NULL DEFAULT '', has_since INTEGER,  -- reported last
  PRIMARY KEY (tenant_id, meter)
) STRICT, WITHOUT ROWID;
