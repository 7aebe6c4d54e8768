-- Statement files of payment providers, their rows, and what did not agree.
CREATE TABLE statement_file (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, provider TEXT NOT NULL, format TEXT NOT NULL,
  sum BLOB NOT NULL,         -- of the file
  file_enc BLOB NOT NULL,    -- the file, compressed
  from_at INTEGER NOT NULL, to_at INTEGER NOT NULL, rows INTEGER NOT NULL, skipped INTEGER NOT NULL DEFAULT 0,
  state TEXT NOT NULL CHECK (state = 'waiting' OR state = 'reading' OR state = 'read'), proof TEXT NOT NULL DEFAULT '',
  taken INTEGER NOT NULL DEFAULT 0, fresh INTEGER NOT NULL DEFAULT 0,  -- rows that were stored, and rows that no earlier file had
  by_actor TEXT NOT NULL, created_at INTEGER NOT NULL, read_at INTEGER, version INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, provider, sum)
) STRICT, WITHOUT ROWID;
CREATE INDEX statement_file_unread ON statement_file (tenant_id, id) WHERE state = 'reading';
CREATE TABLE statement_row (  -- the file proves its rows
  tenant_id INTEGER NOT NULL, provider TEXT NOT NULL, key BLOB NOT NULL, file_id BLOB NOT NULL, line INTEGER NOT NULL,
  kind TEXT NOT NULL, txn TEXT NOT NULL, of_txn TEXT NOT NULL DEFAULT '', at INTEGER NOT NULL, amount INTEGER NOT NULL, currency TEXT NOT NULL,
  balance INTEGER, settled_by BLOB,  -- a fee: the difference that settled it
  PRIMARY KEY (tenant_id, provider, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX statement_row_at ON statement_row (tenant_id, provider, at);
CREATE INDEX statement_row_txn ON statement_row (tenant_id, provider, txn);
CREATE TABLE reconciliation (  -- one day of a provider
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, provider TEXT NOT NULL, date TEXT NOT NULL, from_at INTEGER NOT NULL, to_at INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state = 'waiting' OR state = 'open' OR state = 'closed'),
  rows INTEGER NOT NULL, stated INTEGER NOT NULL, fees INTEGER NOT NULL, payments INTEGER NOT NULL, paid INTEGER NOT NULL, booked INTEGER NOT NULL,
  currency TEXT NOT NULL DEFAULT '', ran_at INTEGER NOT NULL, closed_at INTEGER, closed_by TEXT NOT NULL DEFAULT '', version INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, provider, date)
) STRICT, WITHOUT ROWID;
CREATE TABLE difference (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, provider TEXT NOT NULL, date TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL,
  txn TEXT NOT NULL DEFAULT '', payment TEXT NOT NULL DEFAULT '', stated INTEGER NOT NULL, paid INTEGER NOT NULL, booked INTEGER NOT NULL,
  currency TEXT NOT NULL DEFAULT '', note TEXT NOT NULL DEFAULT '', at INTEGER NOT NULL, n INTEGER NOT NULL,
  owner TEXT NOT NULL, open INTEGER NOT NULL CHECK (open IN (0,1)), created_at INTEGER NOT NULL,
  closed_at INTEGER, closed_by TEXT NOT NULL DEFAULT '', why TEXT NOT NULL DEFAULT '', version INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, provider, kind, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX difference_day ON difference (tenant_id, provider, date, id);
CREATE INDEX difference_open ON difference (tenant_id, id) WHERE open = 1;
CREATE INDEX payment_paid ON payment (tenant_id, provider, paid_at);
CREATE INDEX payment_stated ON payment (tenant_id, provider, confirmed_at) WHERE proof = 'statement-alone';
