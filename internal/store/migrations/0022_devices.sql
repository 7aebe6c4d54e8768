-- Which unmodified device of the shared listener is which meter, and the password of that listener.
CREATE TABLE device (
  tenant_id INTEGER NOT NULL, name TEXT NOT NULL,          -- as the device names itself in its topics, or its MQTT client id
  client_id TEXT NOT NULL,                                 -- the MQTT client id that the device had when it was adopted
  profile TEXT NOT NULL, meter INTEGER NOT NULL, adopted_at INTEGER NOT NULL, adopted_by TEXT NOT NULL,
  PRIMARY KEY (tenant_id, name)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX device_meter ON device (tenant_id, meter);
CREATE TABLE device_password (             -- one for all unmodified devices of the tenant
  tenant_id INTEGER NOT NULL, hash BLOB NOT NULL, made_at INTEGER NOT NULL, made_by TEXT NOT NULL,
  PRIMARY KEY (tenant_id)
) STRICT, WITHOUT ROWID;
