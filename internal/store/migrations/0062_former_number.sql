CREATE TABLE former_number (  -- telephone numbers that customers gave up, in digits: for a day they decide for no other customer
  tenant_id INTEGER NOT NULL, owner TEXT NOT NULL, number TEXT NOT NULL, held_until INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, owner, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX former_number_end ON former_number (tenant_id, SUBSTR(number, LENGTH(number) - 7));
