ALTER TABLE provider ADD COLUMN secret_by TEXT;  -- who typed its secrets; 'server' if the server drew them; NULL before this was noted
ALTER TABLE provider ADD COLUMN secrets_old_enc BLOB;  -- the secrets before these
ALTER TABLE provider ADD COLUMN secrets_old_until INTEGER;  -- until when they prove a call too
