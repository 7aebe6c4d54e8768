-- The keyed hash of a token's last six digits, by which it is found. The server fills it in for tokens that exist already.
ALTER TABLE token ADD COLUMN digits_tail BLOB;
CREATE INDEX token_tail ON token (tenant_id, digits_tail, id) WHERE digits_tail IS NOT NULL;
CREATE INDEX token_without_tail ON token (tenant_id, id) WHERE digits_tail IS NULL AND digits_enc IS NOT NULL;
