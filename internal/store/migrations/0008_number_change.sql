-- The last change of a customer's telephone number, or of the number of the SIM in a meter. Tokens for the number wait until held_until.
CREATE TABLE number_change (
  tenant_id INTEGER NOT NULL, owner TEXT NOT NULL,
  by_actor TEXT NOT NULL, self BLOB, changed_at INTEGER NOT NULL, held_until INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, owner)
) STRICT, WITHOUT ROWID;
