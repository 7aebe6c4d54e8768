-- A meter that took the place, the customer and the account of another one. A meter is replaced once, and replaces once.
CREATE TABLE meter_swap (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, old_meter INTEGER NOT NULL, new_meter INTEGER NOT NULL, account_id BLOB NOT NULL,
  at INTEGER NOT NULL,                    -- server time
  balance_wh INTEGER NOT NULL DEFAULT 0,  -- left in the old meter, as balance_at and source say
  balance_at INTEGER, source TEXT NOT NULL DEFAULT '',
  tokens TEXT NOT NULL DEFAULT '',        -- tokens of the old meter that were never entered, separated by spaces
  tokens_wh INTEGER NOT NULL DEFAULT 0,
  units_wh INTEGER NOT NULL DEFAULT 0 CHECK (units_wh >= 0),  -- given to the new meter
  job_id BLOB,                            -- the replacement token
  register_wh INTEGER, register_at INTEGER,  -- the register at which the old meter was closed, and its time
  reason TEXT NOT NULL, by_actor TEXT NOT NULL, approved_by TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, old_meter), UNIQUE (tenant_id, new_meter)
) STRICT, WITHOUT ROWID;
CREATE INDEX meter_swap_account ON meter_swap (tenant_id, account_id);
ALTER TABLE wallet ADD COLUMN closed_at INTEGER; -- when the meter was replaced; register_wh is what it is charged up to
