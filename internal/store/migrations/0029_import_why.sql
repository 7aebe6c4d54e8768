-- Why a row was refused, as JSON, so that a page can say it in the reader's language. Rows from before have only the English sentences.
ALTER TABLE import_line ADD COLUMN why TEXT NOT NULL DEFAULT '';
