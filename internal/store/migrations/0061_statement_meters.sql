-- The meters that a second person saw for the rows of a statement, so that rows which are read after a restart are sold to them too.
ALTER TABLE statement_file ADD COLUMN agreed_enc BLOB;  -- NULL: nobody saw any
