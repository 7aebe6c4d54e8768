-- A token that an SMS merely says is loaded is in a state of its own. Until now it was accepted, with the result sms_accept.
ALTER TABLE token RENAME TO token_before;
CREATE TABLE token (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, vend_id BLOB, job_id BLOB, meter INTEGER NOT NULL, meter_key_id BLOB NOT NULL,
  tid INTEGER,                            -- NULL: a section of a key change carries none
  base_date INTEGER NOT NULL, class INTEGER NOT NULL, subclass INTEGER NOT NULL, rnd INTEGER NOT NULL,
  units_wh INTEGER NOT NULL DEFAULT 0, digits_enc BLOB, digits_hash BLOB,   -- NULL until the issuer has answered
  state TEXT NOT NULL
    CHECK (state = 'reserved' OR state = 'issued' OR state = 'sent' OR state = 'heard' OR state = 'accepted' OR state = 'rejected'
      OR state = 'reversed' OR state = 'reversed_unconfirmed' OR state = 'failed'),
  issued_at INTEGER NOT NULL, sent_at INTEGER,  -- sent_at: last handed to the meter's connection
  answered_at INTEGER, result TEXT NOT NULL DEFAULT '', created_at INTEGER NOT NULL,
  version INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, meter_key_id, tid)
) STRICT, WITHOUT ROWID;
INSERT INTO token (tenant_id, id, vend_id, job_id, meter, meter_key_id, tid, base_date, class, subclass, rnd, units_wh, digits_enc,
    digits_hash, state, issued_at, sent_at, answered_at, result, created_at, version)
  SELECT tenant_id, id, vend_id, job_id, meter, meter_key_id, tid, base_date, class, subclass, rnd, units_wh, digits_enc,
    digits_hash, CASE WHEN state = 'accepted' AND result = 'sms_accept' THEN 'heard' ELSE state END, issued_at, sent_at, answered_at,
    result, created_at, version FROM token_before;
DROP TABLE token_before;
CREATE INDEX token_vend ON token (tenant_id, vend_id);
CREATE INDEX token_of_job ON token (tenant_id, job_id) WHERE job_id IS NOT NULL;
CREATE INDEX token_unconfirmed ON token (tenant_id) WHERE state = 'reversed_unconfirmed';
CREATE UNIQUE INDEX token_digits ON token (tenant_id, digits_hash) WHERE digits_hash IS NOT NULL;

ALTER TABLE given_token RENAME TO given_token_before;
CREATE TABLE given_token (                -- tokens made elsewhere that somebody handed in to be sent to a meter; no money moves
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, meter INTEGER NOT NULL,
  tid INTEGER, base_date INTEGER NOT NULL DEFAULT 0,   -- what could be read of it
  class INTEGER NOT NULL DEFAULT 0, subclass INTEGER NOT NULL DEFAULT 0, units_wh INTEGER NOT NULL DEFAULT 0,
  digits_enc BLOB NOT NULL, digits_hash BLOB NOT NULL,
  state TEXT NOT NULL CHECK (state = 'issued' OR state = 'sent' OR state = 'heard' OR state = 'accepted' OR state = 'rejected'),
  sent_at INTEGER, answered_at INTEGER, result TEXT NOT NULL DEFAULT '', by_actor TEXT NOT NULL, created_at INTEGER NOT NULL,
  version INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, meter, digits_hash)
) STRICT, WITHOUT ROWID;
INSERT INTO given_token (tenant_id, id, meter, tid, base_date, class, subclass, units_wh, digits_enc, digits_hash, state, sent_at,
    answered_at, result, by_actor, created_at, version)
  SELECT tenant_id, id, meter, tid, base_date, class, subclass, units_wh, digits_enc, digits_hash,
    CASE WHEN state = 'accepted' AND result = 'sms_accept' THEN 'heard' ELSE state END, sent_at, answered_at, result, by_actor, created_at,
    version FROM given_token_before;
DROP TABLE given_token_before;
