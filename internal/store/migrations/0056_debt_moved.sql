ALTER TABLE debt ADD COLUMN moved_to BLOB;  -- the debt of another account of the customer that took over what was left
