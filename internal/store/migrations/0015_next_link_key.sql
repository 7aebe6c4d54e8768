-- While a meter's link key is being replaced, the next key (sealed) and since when both are in use.
ALTER TABLE meter ADD COLUMN link_key_next_enc BLOB;
ALTER TABLE meter ADD COLUMN link_key_next_at INTEGER;
