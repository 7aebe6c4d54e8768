-- Files of debts and opening balances move money, so a second person may have to approve them; until then the server keeps their rows.
ALTER TABLE import ADD COLUMN total INTEGER NOT NULL DEFAULT 0; -- money of all rows that were counted under ceilings
ALTER TABLE import ADD COLUMN approval BLOB;                    -- what the import waits for, or was done under
ALTER TABLE import ADD COLUMN approved INTEGER NOT NULL DEFAULT 0 CHECK (approved IN (0,1));
ALTER TABLE import ADD COLUMN undo_at INTEGER;                  -- when somebody was allowed to undo it
ALTER TABLE import ADD COLUMN undo_approved INTEGER NOT NULL DEFAULT 0 CHECK (undo_approved IN (0,1));
CREATE TABLE import_row (
  tenant_id INTEGER NOT NULL, import_id BLOB NOT NULL, line INTEGER NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (tenant_id, import_id, line)
) STRICT, WITHOUT ROWID;
