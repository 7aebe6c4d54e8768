-- Days that the accountant has closed: their figures, and until when no journal may be posted any more.
CREATE TABLE closed_day (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, date TEXT NOT NULL, zone TEXT NOT NULL,
  from_at INTEGER NOT NULL, to_at INTEGER NOT NULL,        -- from the first closed day on without a gap
  currency TEXT NOT NULL, figures TEXT NOT NULL,           -- JSON
  pending TEXT NOT NULL,                                   -- JSON: what was open when the day was closed
  closed_at INTEGER NOT NULL, closed_by TEXT NOT NULL, note TEXT NOT NULL,
  epoch INTEGER NOT NULL, seal_n INTEGER NOT NULL, head TEXT NOT NULL,  -- the newest seal before the closing
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX closed_day_date ON closed_day (tenant_id, date);
CREATE UNIQUE INDEX closed_day_to ON closed_day (tenant_id, to_at);
-- A journal whose own time is in a closed day is posted at the beginning of the first open day.
ALTER TABLE journal ADD COLUMN happened_at INTEGER;        -- its own time; NULL: posted_at
CREATE INDEX journal_late ON journal (tenant_id, posted_at) WHERE happened_at IS NOT NULL;
