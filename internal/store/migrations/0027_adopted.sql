-- The rows of unmodified devices keep their history and have evidence, so nobody changes them outside the server unnoticed. No released
-- version has written the old tables.
DROP TABLE device;
DROP TABLE device_password;
CREATE TABLE device (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, name TEXT NOT NULL,  -- as the device names itself in its topics, or its MQTT client id
  client_id TEXT NOT NULL,                                 -- the MQTT client id that the device had when it was adopted
  profile TEXT NOT NULL, meter INTEGER NOT NULL, adopted_at INTEGER NOT NULL, adopted_by TEXT NOT NULL,
  released_at INTEGER, version INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX device_name ON device (tenant_id, name) WHERE released_at IS NULL;
CREATE UNIQUE INDEX device_meter ON device (tenant_id, meter) WHERE released_at IS NULL;
CREATE TABLE device_password (             -- one for all unmodified devices of the tenant
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, hash BLOB NOT NULL, made_at INTEGER NOT NULL, made_by TEXT NOT NULL,
  dropped_at INTEGER, version INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX device_password_now ON device_password (tenant_id) WHERE dropped_at IS NULL;
