-- The number of the version that this row takes back: neither of the two begins. NULL for a version with a price of its own.
ALTER TABLE tariff_version ADD COLUMN withdraws INTEGER;
