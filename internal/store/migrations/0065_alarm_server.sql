-- An alarm may be about one of several servers. Only that server ends it, or a person, or its long absence. The same alarm is open only once.
ALTER TABLE alarm ADD COLUMN server TEXT NOT NULL DEFAULT '';     -- name of the server that it is about; empty: the database, or the only server
ALTER TABLE alarm ADD COLUMN seen_at INTEGER;                     -- when that server last said that it is alive; NULL without a server
ALTER TABLE alarm ADD COLUMN open_once TEXT NOT NULL DEFAULT '';  -- digest of what must not be open twice; empty: opened by an older version
CREATE UNIQUE INDEX alarm_once ON alarm (tenant_id, open_once) WHERE cleared_at IS NULL AND open_once <> '';
CREATE INDEX alarm_server ON alarm (tenant_id, server) WHERE cleared_at IS NULL AND server <> '';
