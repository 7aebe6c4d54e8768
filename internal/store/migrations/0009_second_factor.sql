-- People prove who they are with a code besides the password.
ALTER TABLE person ADD COLUMN factor BLOB;           -- the secret shared with the authenticator app, sealed with data.key; NULL: none
ALTER TABLE person ADD COLUMN factor_at INTEGER;     -- when the first right code came; NULL: the factor is not in use yet
ALTER TABLE person ADD COLUMN recovery BLOB;         -- keyed hashes of the recovery codes that are left, 32 bytes each
ALTER TABLE person ADD COLUMN factor_period INTEGER NOT NULL DEFAULT 0; -- the period of the last code, so that a code works once
ALTER TABLE login ADD COLUMN proved_at INTEGER;      -- when the person proved who they are; NULL while a code is missing
