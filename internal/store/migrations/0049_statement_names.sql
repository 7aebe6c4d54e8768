-- A row of a statement has the names that its file gives it, and says whether it is perhaps the same movement as an older row.
ALTER TABLE statement_row ADD COLUMN account TEXT NOT NULL DEFAULT '';
ALTER TABLE statement_row ADD COLUMN state TEXT NOT NULL DEFAULT '';  -- '', waiting or same
ALTER TABLE statement_row ADD COLUMN same_as TEXT NOT NULL DEFAULT '';  -- name of the payment that it is or may be
ALTER TABLE statement_row ADD COLUMN after_balance INTEGER;           -- of the account, by the file's opening balance
ALTER TABLE statement_row ADD COLUMN date_only INTEGER NOT NULL DEFAULT 0;
ALTER TABLE statement_row ADD COLUMN reference TEXT NOT NULL DEFAULT '';
ALTER TABLE statement_row ADD COLUMN payer TEXT NOT NULL DEFAULT '';
ALTER TABLE statement_row ADD COLUMN named INTEGER NOT NULL DEFAULT 0;  -- its names are in statement_name
CREATE TABLE statement_name (  -- names of rows; kind is their number in the program
  tenant_id INTEGER NOT NULL, provider TEXT NOT NULL, name TEXT NOT NULL, kind INTEGER NOT NULL, key BLOB NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, provider, name, kind, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX statement_name_at ON statement_name (tenant_id, provider, at);
-- What the pages of a file say about each day of an account.
CREATE TABLE statement_day (
  tenant_id INTEGER NOT NULL, provider TEXT NOT NULL, at INTEGER NOT NULL, file_id BLOB NOT NULL, page INTEGER NOT NULL,
  account TEXT NOT NULL, currency TEXT NOT NULL, opening INTEGER, closing INTEGER,  -- of the day; NULL if the file has no balances
  credits INTEGER NOT NULL, paid_in INTEGER NOT NULL, whole INTEGER NOT NULL CHECK (whole IN (0,1)),
  PRIMARY KEY (tenant_id, provider, at, file_id, page)
) STRICT, WITHOUT ROWID;
ALTER TABLE statement_file ADD COLUMN doubtful INTEGER NOT NULL DEFAULT 0;  -- rows that wait for a person
ALTER TABLE reconciliation ADD COLUMN unknown TEXT NOT NULL DEFAULT '';     -- what could not be compared
