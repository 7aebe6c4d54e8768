-- How fast the totals under ceilings grow, for the alarm about unusual speed or size. window_at begins the present ten minutes; raised has a
-- bit for each kind of alarm that was raised on the day.
ALTER TABLE day_total ADD COLUMN acts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE day_total ADD COLUMN window_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE day_total ADD COLUMN window_amount INTEGER NOT NULL DEFAULT 0;
ALTER TABLE day_total ADD COLUMN window_acts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE day_total ADD COLUMN raised INTEGER NOT NULL DEFAULT 0;
