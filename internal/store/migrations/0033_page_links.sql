-- Links to customers' own pages.
CREATE TABLE page_link (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, account_id BLOB NOT NULL,
  hash BLOB NOT NULL,        -- SHA-256 of the link with a fixed prefix
  pay_hash BLOB NOT NULL,    -- the same of the link with which somebody else pays
  sealed BLOB,               -- the link, to send it again; NULL once the link was revoked
  made_by TEXT NOT NULL, created_at INTEGER NOT NULL, ends_at INTEGER NOT NULL,
  revoked_at INTEGER, revoked_by TEXT NOT NULL DEFAULT '', version INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, hash), UNIQUE (tenant_id, pay_hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX page_link_account ON page_link (tenant_id, account_id, id);
