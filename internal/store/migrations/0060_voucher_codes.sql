-- Second codes of vouchers: whether a batch requires them, who took its PINs, and each issue of codes. A code itself is stored nowhere: it is a
-- keyed hash of the identity of its issue and the number of its voucher.
ALTER TABLE voucher_batch ADD COLUMN requires_code INTEGER CHECK (requires_code = 1);  -- NULL: the PIN alone redeems
ALTER TABLE voucher_batch ADD COLUMN taken_self BLOB;                                  -- the person who took the PINs, or the key of nobody
ALTER TABLE voucher ADD COLUMN issue INTEGER;                                          -- number of the issue of its code; NULL without one
CREATE TABLE voucher_issue (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, batch_id BLOB NOT NULL,
  number INTEGER NOT NULL,           -- counts the issues of a batch
  from_n INTEGER NOT NULL, to_n INTEGER NOT NULL, issued_at INTEGER NOT NULL, issued_by TEXT NOT NULL,
  shown_to TEXT NOT NULL, shown_self BLOB, shown_vendor BLOB, -- who saw the codes
  reason TEXT NOT NULL DEFAULT '',   -- why codes were issued again; empty for a sale
  proof BLOB NOT NULL,               -- keyed hash that tells which data key made the codes
  PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, batch_id, number)
) STRICT, WITHOUT ROWID;
