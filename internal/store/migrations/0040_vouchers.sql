-- Vouchers: batches, and PINs of which only keyed hashes are stored.
CREATE TABLE voucher_batch (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, number INTEGER NOT NULL, -- begins the serial numbers
  vouchers INTEGER NOT NULL, face INTEGER NOT NULL, currency TEXT NOT NULL, ends_at INTEGER NOT NULL, note TEXT NOT NULL DEFAULT '',
  made_by TEXT NOT NULL, created_at INTEGER NOT NULL,
  taken_by TEXT NOT NULL DEFAULT '', taken_at INTEGER, digest BLOB, -- who took the PINs; of all their hashes
  version INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE voucher (
  tenant_id INTEGER NOT NULL, batch_id BLOB NOT NULL, n INTEGER NOT NULL,
  id BLOB NOT NULL,                 -- also of the payment that it becomes
  pin BLOB NOT NULL,                -- keyed hash
  state TEXT NOT NULL CHECK (state = 'made' OR state = 'active' OR state = 'redeemed' OR state = 'cancelled' OR state = 'ended'),
  meter TEXT NOT NULL DEFAULT '',   -- for which it was redeemed
  sold_at INTEGER,
  PRIMARY KEY (tenant_id, batch_id, n), UNIQUE (tenant_id, pin), UNIQUE (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE voucher_try ( -- wrong PINs of a telephone, an address or a person on a day
  tenant_id INTEGER NOT NULL, who TEXT NOT NULL, day TEXT NOT NULL, wrong INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant_id, who, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX voucher_try_day ON voucher_try (tenant_id, day);
