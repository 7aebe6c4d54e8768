-- Payment providers, and what they send.
CREATE TABLE provider (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL,
  path_hash BLOB NOT NULL, path_enc BLOB NOT NULL,  -- the secret part of the address that the provider calls
  config TEXT NOT NULL DEFAULT '{}', secrets_enc BLOB,  -- config without secrets
  single_max INTEGER NOT NULL DEFAULT 0, daily_max INTEGER NOT NULL DEFAULT 0,  -- what its signatures alone confirm
  disabled_at INTEGER, added_by TEXT NOT NULL, created_at INTEGER NOT NULL, version INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, name), UNIQUE (tenant_id, path_hash)
) STRICT, WITHOUT ROWID;
CREATE TABLE payment_call (  -- what a provider sent, before anything was understood
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, provider_id BLOB NOT NULL, what TEXT NOT NULL,
  hash BLOB NOT NULL,        -- of kind and body: the same call is stored once
  body_enc BLOB NOT NULL,    -- headers and body
  state TEXT NOT NULL CHECK (state = 'new' OR state = 'read' OR state = 'unreadable'), note TEXT NOT NULL DEFAULT '',
  received_at INTEGER NOT NULL, read_at INTEGER,
  PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, provider_id, hash)
) STRICT, WITHOUT ROWID;
-- The table of payments is older than the payments in it.
ALTER TABLE payment ADD COLUMN currency TEXT NOT NULL DEFAULT '';
ALTER TABLE payment ADD COLUMN reference TEXT NOT NULL DEFAULT ''; -- what the payer typed
ALTER TABLE payment ADD COLUMN paid_at INTEGER NOT NULL DEFAULT 0; -- the provider's time
ALTER TABLE payment ADD COLUMN reason TEXT NOT NULL DEFAULT '';
ALTER TABLE payment ADD COLUMN detail TEXT NOT NULL DEFAULT '';
ALTER TABLE payment ADD COLUMN proof TEXT NOT NULL DEFAULT '';
ALTER TABLE payment ADD COLUMN confirmed_at INTEGER;               -- booked in unapplied:{payment}
ALTER TABLE payment ADD COLUMN meter TEXT NOT NULL DEFAULT '';
ALTER TABLE payment ADD COLUMN vend_id BLOB;                       -- the sale that used it
ALTER TABLE payment ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;   -- sales that were begun with it
CREATE INDEX payment_open ON payment (tenant_id, id) WHERE status = 'received' OR status = 'parked';
CREATE INDEX payment_signed ON payment (tenant_id, provider, confirmed_at) WHERE proof = 'signed';
CREATE INDEX vend_payment ON vend (tenant_id, payment_id) WHERE payment_id IS NOT NULL;
-- The last digits of the telephone number, with which the text for searches ends.
CREATE INDEX customer_phone_end ON customer (tenant_id, SUBSTR(search, LENGTH(search) - 7));
