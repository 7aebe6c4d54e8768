-- The later tariffs of accounts: account.tariff_id is the one with which an account was opened. A row never changes and is never deleted.
CREATE TABLE account_tariff (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, account_id BLOB NOT NULL,
  n INTEGER NOT NULL,                        -- counts the changes of the account
  tariff_id BLOB NOT NULL, from_at INTEGER NOT NULL,
  withdraws INTEGER NOT NULL DEFAULT 0,      -- number of the change that never begins, because this row takes it back; 0 for none
  set_by TEXT NOT NULL, reason TEXT NOT NULL, created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, account_id, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX account_tariff_of ON account_tariff (tenant_id, tariff_id);
CREATE INDEX account_tariff_from ON account_tariff (tenant_id, account_id, from_at, n);
