-- How far the server believes the register of a device that does not know Paywatt, with the values that it holds: JSON, empty before the first.
ALTER TABLE profile_register ADD COLUMN counting TEXT NOT NULL DEFAULT '';
