ALTER TABLE debt ADD COLUMN taken_back_at INTEGER;  -- the debt was never owed: it came from a file that was undone
ALTER TABLE meter_config ADD COLUMN writes INTEGER NOT NULL DEFAULT 0;  -- rises with every change that has evidence
