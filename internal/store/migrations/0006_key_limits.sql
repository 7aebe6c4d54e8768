-- API keys have allowed networks and a time of last use.
ALTER TABLE api_key ADD COLUMN allowed_from TEXT;  -- networks, separated by commas; NULL: every address
ALTER TABLE api_key ADD COLUMN used_at INTEGER;    -- to the hour; NULL: never
