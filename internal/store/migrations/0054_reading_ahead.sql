-- Energy that was rated beyond what the meter can have measured in the time. All readings share one allowance.
ALTER TABLE wallet ADD COLUMN ahead_wh INTEGER NOT NULL DEFAULT 0;
