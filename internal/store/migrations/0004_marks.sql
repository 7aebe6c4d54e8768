-- Rows that let somebody sign in have a mark, a hash under a key that is not in the database.
ALTER TABLE person ADD COLUMN mark BLOB;
ALTER TABLE api_key ADD COLUMN mark BLOB;
ALTER TABLE integration_login ADD COLUMN mark BLOB;
ALTER TABLE login ADD COLUMN mark BLOB;
