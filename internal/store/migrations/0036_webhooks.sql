-- Addresses outside that are told what happens, and what was sent to each.
CREATE TABLE webhook (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, url TEXT NOT NULL, events TEXT NOT NULL,  -- types, separated by spaces
  allow_private INTEGER NOT NULL DEFAULT 0,                 -- http and private addresses are allowed
  secret_enc BLOB NOT NULL, previous_enc BLOB, previous_until INTEGER,  -- the secret before this one signs too, until a time
  disabled_at INTEGER, disabled_why TEXT NOT NULL DEFAULT '', removed_at INTEGER,
  failing_since INTEGER, paused_until INTEGER,              -- since the last success; asked to wait
  sequence INTEGER NOT NULL DEFAULT 0,                      -- number of the newest event
  added_by TEXT NOT NULL, created_at INTEGER NOT NULL, version INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_used ON webhook (tenant_id) WHERE removed_at IS NULL;
CREATE TABLE event_delivery (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, webhook_id BLOB NOT NULL, event_id BLOB NOT NULL, sequence INTEGER NOT NULL,
  type TEXT NOT NULL, body TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state = 'waiting' OR state = 'delivered' OR state = 'failed'),
  attempts INTEGER NOT NULL DEFAULT 0, next_at INTEGER NOT NULL, -- attempts since the event or since somebody asked again
  owner TEXT NOT NULL DEFAULT '', owner_until INTEGER NOT NULL DEFAULT 0,
  log TEXT NOT NULL DEFAULT '[]',                           -- the newest attempts, as JSON
  created_at INTEGER NOT NULL, ended_at INTEGER,
  PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, webhook_id, event_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX event_delivery_due ON event_delivery (tenant_id, webhook_id, next_at) WHERE state = 'waiting';
CREATE INDEX event_delivery_list ON event_delivery (tenant_id, webhook_id, state, id);
