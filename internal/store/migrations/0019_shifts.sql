-- Shifts of the utility's own tills: who took cash between two counts, and what the count found.
ALTER TABLE shift ADD COLUMN holder_id BLOB; -- the person whose shift it is, or the key if it belongs to no person
ALTER TABLE shift ADD COLUMN opening INTEGER NOT NULL DEFAULT 0;
ALTER TABLE shift ADD COLUMN closed_by TEXT NOT NULL DEFAULT '';
ALTER TABLE shift ADD COLUMN expected INTEGER NOT NULL DEFAULT 0;
ALTER TABLE shift ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE shift ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
CREATE UNIQUE INDEX shift_till ON shift (tenant_id, till) WHERE closed_at IS NULL;
CREATE UNIQUE INDEX shift_holder ON shift (tenant_id, holder_id) WHERE closed_at IS NULL;
ALTER TABLE vend ADD COLUMN shift_id BLOB; -- the shift whose cash the sale is; NULL: none
ALTER TABLE reversal ADD COLUMN shift_id BLOB; -- the open shift of whoever asked; NULL: none
CREATE INDEX vend_shift ON vend (tenant_id, shift_id, id) WHERE shift_id IS NOT NULL;
