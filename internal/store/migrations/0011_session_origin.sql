-- From where a person signed in, for the list of sessions.
ALTER TABLE login ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE login ADD COLUMN browser TEXT NOT NULL DEFAULT '';
