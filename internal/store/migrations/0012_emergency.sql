-- The last supply that one person restored for an account at night, on credit. It ends at until_at, or when the money falls to floor.
CREATE TABLE emergency (
  tenant_id INTEGER NOT NULL, account_id BLOB NOT NULL,
  meter INTEGER NOT NULL, register_wh INTEGER NOT NULL, energy_wh INTEGER NOT NULL, floor INTEGER NOT NULL,
  until_at INTEGER NOT NULL, by_actor TEXT NOT NULL, reason TEXT NOT NULL, created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, account_id)
) STRICT, WITHOUT ROWID;
