-- People are invited, and count as whoever invited them until another approver confirms them.
CREATE TABLE standing (
  tenant_id    INTEGER NOT NULL, id BLOB NOT NULL,   -- id: of the person
  counts_as    TEXT NOT NULL DEFAULT '',  -- ids of who invited, reset, unblocked or promoted the person since the last confirmation
  confirmed_at INTEGER,                   -- the last confirmation; NULL: never
  link_hash    BLOB, link_until INTEGER,  -- the open one-time link; NULL: none
  version      INTEGER NOT NULL DEFAULT 1,
  mark         BLOB,                      -- keyed hash: that the server wrote the row
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX standing_link ON standing (tenant_id, link_hash) WHERE link_hash IS NOT NULL;
