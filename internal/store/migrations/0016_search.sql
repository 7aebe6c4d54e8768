-- What a search compares with typed words, in small letters without accents. A row that was stored before has its letters as the database
-- makes them small, until somebody changes it.
ALTER TABLE customer ADD COLUMN search TEXT NOT NULL DEFAULT '';
ALTER TABLE service_point ADD COLUMN search TEXT NOT NULL DEFAULT '';
UPDATE customer SET search = LOWER(name || ' +' || REPLACE(REPLACE(REPLACE(phone, '+', ''), ' ', ''), '-', ''));
UPDATE service_point SET search = LOWER(address);
