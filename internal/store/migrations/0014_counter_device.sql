-- Browsers in which people of a vendor sign in with a PIN.
CREATE TABLE counter_device (
  tenant_id  INTEGER NOT NULL, id BLOB NOT NULL, hash BLOB NOT NULL UNIQUE, -- hash: keyed hash of the cookie's random 256 bits
  person_id  BLOB NOT NULL, name TEXT NOT NULL, pin_hash TEXT NOT NULL,     -- pin_hash: argon2id
  created_at INTEGER NOT NULL,
  revoked_at INTEGER,                     -- NULL: the device works
  used_at    INTEGER,                     -- the last sign-in with the PIN
  wrong      INTEGER NOT NULL DEFAULT 0,  -- PINs that were tried since the last right one
  version    INTEGER NOT NULL DEFAULT 1,
  mark       BLOB,                        -- keyed hash: that the server wrote the row
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX counter_device_person ON counter_device (tenant_id, person_id);
ALTER TABLE login ADD COLUMN device_id BLOB; -- the device of a session that was opened with a PIN; NULL: opened with a password
