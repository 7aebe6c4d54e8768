-- While a meter's MQTT password is being replaced, the next one and since when; when the meter may no longer sign in; and when its logins
-- changed last, so that every server looks at its open connections.
ALTER TABLE meter ADD COLUMN mqtt_next_hash BLOB;
ALTER TABLE meter ADD COLUMN mqtt_next_at INTEGER;
ALTER TABLE meter ADD COLUMN login_ends_at INTEGER;
ALTER TABLE meter ADD COLUMN login_at INTEGER;
CREATE INDEX meter_login ON meter (login_at) WHERE login_at IS NOT NULL;
