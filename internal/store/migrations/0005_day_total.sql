-- What people took under ceilings in each local day.
CREATE TABLE day_total (
  tenant_id INTEGER NOT NULL, ceiling TEXT NOT NULL, subject TEXT NOT NULL, from_at INTEGER NOT NULL, to_at INTEGER NOT NULL,
  name TEXT NOT NULL, amount INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, ceiling, subject, from_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX day_total_day ON day_total (tenant_id, from_at);
