-- Requests that ask a customer to pay, and questions that a provider answers later.
CREATE TABLE payment_request (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, provider TEXT NOT NULL,
  meter TEXT NOT NULL, amount INTEGER NOT NULL, currency TEXT NOT NULL, phone TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL CHECK (state = 'requested' OR state = 'paid' OR state = 'failed' OR state = 'expired' OR state = 'unknown'),
  reason TEXT NOT NULL DEFAULT '', handle TEXT NOT NULL DEFAULT '',  -- the provider's name for it
  page TEXT NOT NULL DEFAULT '',        -- where the customer pays
  payment_id BLOB, by_actor TEXT NOT NULL,
  created_at INTEGER NOT NULL, sent_at INTEGER, ends_at INTEGER NOT NULL, decided_at INTEGER, version INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX payment_request_handle ON payment_request (tenant_id, provider, handle) WHERE handle <> '';
CREATE INDEX payment_request_phone ON payment_request (tenant_id, phone, created_at);
CREATE INDEX payment_request_actor ON payment_request (tenant_id, by_actor, created_at);
CREATE INDEX payment_request_meter ON payment_request (tenant_id, meter, created_at);
CREATE TABLE payment_question (  -- about a payment; the provider answers by a call that names it
  tenant_id INTEGER NOT NULL, provider TEXT NOT NULL, name TEXT NOT NULL, payment_id BLOB NOT NULL,
  asked_at INTEGER NOT NULL, answered_at INTEGER, outcome TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (tenant_id, provider, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX payment_question_payment ON payment_question (tenant_id, payment_id);
ALTER TABLE payment ADD COLUMN request_id BLOB;       -- the request that it answers
ALTER TABLE provider ADD COLUMN listed_to INTEGER;    -- up to when the provider's own list was read
