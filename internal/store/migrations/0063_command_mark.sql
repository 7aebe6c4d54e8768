-- A keyed hash of each command that waits: the server signs no command that was added or changed in the database.
ALTER TABLE command ADD COLUMN mark BLOB;  -- NULL: it does not wait any more, or it was given before
