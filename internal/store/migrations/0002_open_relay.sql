-- Energy that is counted while a relay is open is not charged before a person has decided.
ALTER TABLE profile_register ADD COLUMN open_from INTEGER;
ALTER TABLE wallet ADD COLUMN open_wh INTEGER;
ALTER TABLE wallet ADD COLUMN held_open INTEGER NOT NULL DEFAULT 0;
