-- A keyed hash of each customer's telephone number and of its hold: a number that was changed in the database decides nothing.
ALTER TABLE customer ADD COLUMN mark BLOB;  -- NULL: an older version wrote the row, and no server has started since
CREATE INDEX audit_number_mark ON audit (tenant_id) WHERE action = 'number.mark';
