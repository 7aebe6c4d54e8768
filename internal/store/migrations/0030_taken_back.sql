ALTER TABLE debt ADD COLUMN taken_back_at INTEGER;  -- the debt was never owed: it came from a file that was undone
ALTER TABLE meter_config ADD COLUMN writes INTEGER NOT NULL DEFAULT 0;  -- rises with every change that has evidence
ALTER TABLE meter_swap ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;  -- how often its tokens were made again, after the issuer refused them
