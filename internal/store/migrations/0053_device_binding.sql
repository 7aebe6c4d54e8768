-- The device that a meter belongs to, and whether the server could ever read a value of it.
CREATE TABLE device_binding (
  tenant_id INTEGER NOT NULL, meter INTEGER NOT NULL,
  name TEXT NOT NULL DEFAULT '',           -- as the device names itself in its topics; empty if its topics have no name
  since INTEGER, bound_at INTEGER,         -- its first message; when the listener was bound to it
  rival TEXT NOT NULL DEFAULT '',          -- a second device, heard before the listener was bound
  deferred INTEGER NOT NULL DEFAULT 0,     -- the meter counted before its device had a name
  read_at INTEGER,                         -- when a value of this device was read first
  unread_ms INTEGER NOT NULL DEFAULT 0, unread_at INTEGER,  -- how long it talked and supplied without one
  warned INTEGER NOT NULL DEFAULT 0, cut_at INTEGER,
  PRIMARY KEY (tenant_id, meter)
) STRICT, WITHOUT ROWID;
-- Hours after which a device that was never readable is cut off; 0 for never, as for the meters that exist now.
ALTER TABLE wallet ADD COLUMN unread_cut_h INTEGER NOT NULL DEFAULT 0;
