-- The whole schema of this version, which is what the migrations must end in; a test compares the two. Portable
-- subset of SQLite and PostgreSQL (domain reference §11): UUIDv7 ids of 16 bytes, 64-bit integers, times in
-- microseconds since the Unix epoch (UTC), truth values 0/1, JSON as text, CHECK instead of enum types, no triggers.
-- tenant_id stands in every primary key; the one exception is the hot reading table (rowid, uniqueness by the
-- receive window). A CHECK of three values and more is written with OR: for IN, SQLite builds a table of the values, and
-- does so anew for every row that it inserts.

CREATE TABLE meta (                       -- one row per fact about this database file
  key   TEXT PRIMARY KEY NOT NULL,        -- epoch, restored_minute, io_error ...
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tenant (
  id         INTEGER PRIMARY KEY NOT NULL,
  uid        BLOB NOT NULL,
  name       TEXT NOT NULL,
  currency   TEXT,                        -- NULL until the setting or the first tariff names it
  exp        INTEGER NOT NULL DEFAULT 2,
  tz         TEXT NOT NULL DEFAULT 'UTC',
  vat_no     TEXT NOT NULL DEFAULT '',
  settings   TEXT NOT NULL DEFAULT '{}',
  created_at INTEGER NOT NULL,
  version    INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE counter (                    -- dense numbers: meter, ledger_account, seal, receipt:<outlet>
  tenant_id INTEGER NOT NULL,
  name      TEXT NOT NULL,
  value     INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, name)
) STRICT, WITHOUT ROWID;

-- People, keys and rights -----------------------------------------------------------------------------------

CREATE TABLE person (                     -- who signs in; 'user' is a reserved word elsewhere
  tenant_id  INTEGER NOT NULL, id BLOB NOT NULL,
  email      TEXT NOT NULL, name TEXT NOT NULL DEFAULT '',
  pw_hash    TEXT NOT NULL,               -- argon2id, encoded with its parameters
  status     TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active','blocked')),
  created_at INTEGER NOT NULL, version INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, email)
) STRICT, WITHOUT ROWID;

CREATE TABLE role_binding (
  tenant_id INTEGER NOT NULL, person_id BLOB NOT NULL, role TEXT NOT NULL, scope TEXT NOT NULL DEFAULT '',
  created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, person_id, role, scope)
) STRICT, WITHOUT ROWID;

CREATE TABLE login (                      -- server-side sessions of people
  tenant_id INTEGER NOT NULL, hash BLOB NOT NULL,  -- SHA-256 of the cookie's random 256 bits
  person_id BLOB NOT NULL, created_at INTEGER NOT NULL, seen_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE api_key (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, hash BLOB NOT NULL UNIQUE, -- SHA-256 of 256 random bits
  name TEXT NOT NULL DEFAULT '', role TEXT NOT NULL, vendor_id BLOB,
  answers BLOB,                           -- the person, or the key without one, that made it: who acts through it
  created_at INTEGER NOT NULL, expires_at INTEGER, revoked_at INTEGER,
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, at INTEGER NOT NULL,
  actor TEXT NOT NULL, ip TEXT NOT NULL DEFAULT '', action TEXT NOT NULL, object TEXT NOT NULL DEFAULT '',
  before TEXT NOT NULL DEFAULT '', after TEXT NOT NULL DEFAULT '', reason TEXT NOT NULL DEFAULT '',
  single_person INTEGER NOT NULL DEFAULT 0 CHECK (single_person IN (0,1)),
  evidence TEXT NOT NULL DEFAULT '',      -- hashes of the rows that the transaction wrote and that are in no log themselves
  leaf BLOB NOT NULL, seal_n INTEGER,     -- NULL until the sealer has taken it
  mark BLOB,                              -- keyed hash of leaf, where another transaction seals: that a server wrote the row
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_unsealed ON audit (tenant_id) WHERE seal_n IS NULL;

CREATE TABLE idempotency (
  tenant_id INTEGER NOT NULL, principal TEXT NOT NULL, key TEXT NOT NULL,
  req_hash BLOB NOT NULL, state TEXT NOT NULL CHECK (state IN ('running','done')),
  status INTEGER NOT NULL DEFAULT 0, body_enc BLOB,
  created_at INTEGER NOT NULL, expires_at INTEGER,   -- NULL: kept for ever (money moved)
  PRIMARY KEY (tenant_id, principal, key)
) STRICT;                                 -- with a rowid: answers are long and keys random, so rows go to the end

-- Customers, points, meters ---------------------------------------------------------------------------------

CREATE TABLE customer (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, name TEXT NOT NULL, phone TEXT NOT NULL DEFAULT '',
  id_no TEXT NOT NULL DEFAULT '', lang TEXT NOT NULL DEFAULT 'en', flags TEXT NOT NULL DEFAULT '',
  notices INTEGER NOT NULL DEFAULT 1 CHECK (notices = 0 OR notices = 1),  -- 0: wants no warnings
  created_at INTEGER NOT NULL, version INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX customer_phone ON customer (tenant_id, phone);

CREATE TABLE service_point (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, address TEXT NOT NULL DEFAULT '',
  lat_e7 INTEGER, lon_e7 INTEGER, feeder TEXT NOT NULL DEFAULT '',
  created_at INTEGER NOT NULL, version INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE account (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, customer_id BLOB NOT NULL, service_point_id BLOB NOT NULL,
  mode TEXT NOT NULL CHECK (mode = 'prepay_token' OR mode = 'prepay_wallet' OR mode = 'postpay'),
  tariff_id BLOB NOT NULL, status TEXT NOT NULL DEFAULT 'active'
    CHECK (status = 'open' OR status = 'active' OR status = 'closing' OR status = 'closed'),
  opened_at INTEGER NOT NULL, closed_at INTEGER, created_at INTEGER NOT NULL, version INTEGER NOT NULL DEFAULT 1,
  protected INTEGER NOT NULL DEFAULT 0 CHECK (protected IN (0,1)),  -- never cut off for want of money
  lease_grace_wh INTEGER NOT NULL DEFAULT -1,  -- at the end of a lease's time: -1 stay closed, 0 open, N so many Wh more
  charged_to TEXT NOT NULL DEFAULT '',    -- local date up to which fixed charges were made due, inclusive; '' = none yet
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX account_customer ON account (tenant_id, customer_id);

CREATE TABLE meter (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL,
  n INTEGER NOT NULL UNIQUE,              -- dense, private; readings carry it
  number TEXT NOT NULL UNIQUE,            -- canonical: digits only; also MQTT user name, so unique over all tenants
  mode TEXT NOT NULL CHECK (mode = 'prepay_token' OR mode = 'prepay_wallet' OR mode = 'postpay'),
  status TEXT NOT NULL DEFAULT 'active'
    CHECK (status = 'stock' OR status = 'installed' OR status = 'commissioned' OR status = 'active'
      OR status = 'blocked' OR status = 'removed' OR status = 'scrapped'),
  account_id BLOB, model TEXT NOT NULL DEFAULT '', phases INTEGER NOT NULL DEFAULT 1,
  imp_per_kwh INTEGER NOT NULL DEFAULT 1000, tt TEXT NOT NULL DEFAULT '02',
  simulated INTEGER NOT NULL DEFAULT 0 CHECK (simulated IN (0,1)), profile TEXT NOT NULL DEFAULT '',
  reading_interval_s INTEGER NOT NULL DEFAULT 1800,
  mqtt_hash BLOB, link_key_enc BLOB, command_counter INTEGER NOT NULL DEFAULT 0, lease_seq INTEGER NOT NULL DEFAULT 0,
  config_version INTEGER NOT NULL DEFAULT 0,
  sim_phone TEXT NOT NULL DEFAULT '',     -- number of the SIM in the meter's own modem
  created_at INTEGER NOT NULL, version INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX meter_account ON meter (tenant_id, account_id);
CREATE UNIQUE INDEX meter_sim ON meter (tenant_id, sim_phone) WHERE sim_phone <> '';

-- The receive window and what the meter last said of itself. Hot: one row per meter, rewritten in place.
CREATE TABLE meter_live (
  tenant_id INTEGER NOT NULL, meter INTEGER NOT NULL,      -- meter.n
  store TEXT NOT NULL DEFAULT '', watermark INTEGER NOT NULL DEFAULT 0, bits INTEGER NOT NULL DEFAULT 0,
  boot INTEGER NOT NULL DEFAULT 0, last_seen INTEGER,      -- server time
  reading_seq INTEGER NOT NULL DEFAULT 0, as_of INTEGER,   -- meter time (µs) of the figures below
  received_at INTEGER,                                     -- server time of the same
  register_wh INTEGER, balance_wh INTEGER, ec_used_wh INTEGER, overrun_wh INTEGER,
  w INTEGER, mv INTEGER, relay TEXT NOT NULL DEFAULT '', reasons TEXT NOT NULL DEFAULT '',
  tamper INTEGER NOT NULL DEFAULT 0, newest_at INTEGER,    -- newest committed meter time (simulated meters live in it)
  rated INTEGER NOT NULL DEFAULT 0 CHECK (rated IN (0,1)), -- the meter has a row in wallet
  info TEXT NOT NULL DEFAULT '{}',                         -- the last up/boot, as JSON without secrets
  PRIMARY KEY (tenant_id, meter)
) STRICT, WITHOUT ROWID;

CREATE TABLE meter_key (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, meter INTEGER NOT NULL,
  sgc TEXT NOT NULL, krn INTEGER NOT NULL, kt INTEGER NOT NULL, ti TEXT NOT NULL, ken INTEGER NOT NULL,
  ea TEXT NOT NULL, dkga TEXT NOT NULL, base_date INTEGER NOT NULL,
  from_at INTEGER NOT NULL, state TEXT NOT NULL DEFAULT 'current'
    CHECK (state = 'planned' OR state = 'issued' OR state = 'current' OR state = 'past'),
  tid_floor INTEGER NOT NULL DEFAULT 0,   -- TIDs up to here may have been used elsewhere, or in a time that a restore lost
  created_at INTEGER NOT NULL, version INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX meter_key_meter ON meter_key (tenant_id, meter);
CREATE UNIQUE INDEX meter_key_current ON meter_key (tenant_id, meter) WHERE state = 'current';

CREATE TABLE meter_install (
  tenant_id INTEGER NOT NULL, meter INTEGER NOT NULL, service_point_id BLOB NOT NULL,
  from_at INTEGER NOT NULL, to_at INTEGER, reg_from_wh INTEGER NOT NULL DEFAULT 0, reg_to_wh INTEGER,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, meter, from_at)
) STRICT, WITHOUT ROWID;

-- Tariffs and charges ---------------------------------------------------------------------------------------

CREATE TABLE tariff (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, name TEXT NOT NULL, created_at INTEGER NOT NULL,
  version INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE tariff_version (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, tariff_id BLOB NOT NULL, n INTEGER NOT NULL,
  effective_from INTEGER NOT NULL, body_json TEXT NOT NULL, published_at INTEGER NOT NULL, published_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, tariff_id, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX tariff_version_from ON tariff_version (tenant_id, tariff_id, effective_from);

CREATE TABLE charge_due (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, account_id BLOB NOT NULL, kind TEXT NOT NULL, month TEXT NOT NULL,
  amount_gross INTEGER NOT NULL, paid INTEGER NOT NULL DEFAULT 0 CHECK (paid >= 0 AND paid <= amount_gross),
  vat_bps INTEGER NOT NULL DEFAULT 0, priority INTEGER NOT NULL DEFAULT 20,
  capped INTEGER NOT NULL DEFAULT 1 CHECK (capped IN (0,1)),
  created_at INTEGER NOT NULL, version INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, account_id, kind, month)
) STRICT, WITHOUT ROWID;
CREATE INDEX charge_due_open ON charge_due (tenant_id, account_id) WHERE paid < amount_gross;

CREATE TABLE debt (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, account_id BLOB NOT NULL, kind TEXT NOT NULL,
  principal INTEGER NOT NULL, outstanding INTEGER NOT NULL CHECK (outstanding >= 0),
  mode TEXT NOT NULL CHECK (mode = 'percent' OR mode = 'fixed' OR mode = 'full'), value INTEGER NOT NULL,
  min INTEGER, max INTEGER, month_cap INTEGER, priority INTEGER NOT NULL DEFAULT 30,
  capped INTEGER NOT NULL DEFAULT 1 CHECK (capped IN (0,1)),
  against TEXT NOT NULL DEFAULT 'opening', memo TEXT NOT NULL DEFAULT '',
  month TEXT NOT NULL DEFAULT '', month_taken INTEGER NOT NULL DEFAULT 0,  -- local month of the last collection, and how much in it
  status TEXT NOT NULL DEFAULT 'open' CHECK (status = 'open' OR status = 'paid' OR status = 'written_off'),
  created_at INTEGER NOT NULL, version INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX debt_account ON debt (tenant_id, account_id);
CREATE INDEX debt_open ON debt (tenant_id, account_id) WHERE outstanding > 0;

CREATE TABLE holiday_calendar (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, name TEXT NOT NULL, body_json TEXT NOT NULL, created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;

-- Selling ---------------------------------------------------------------------------------------------------

CREATE TABLE vendor (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, name TEXT NOT NULL,
  code TEXT NOT NULL,                     -- short and unique: names its receipts
  billing TEXT NOT NULL DEFAULT 'float' CHECK (billing IN ('float','postpaid')),
  commission_bps INTEGER NOT NULL DEFAULT 0 CHECK (commission_bps BETWEEN 0 AND 10000),
  credit_limit INTEGER NOT NULL DEFAULT 0 CHECK (credit_limit >= 0),
  status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active','blocked')), created_at INTEGER NOT NULL,
  version INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, code)
) STRICT, WITHOUT ROWID;
CREATE TABLE outlet (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, vendor_id BLOB NOT NULL, name TEXT NOT NULL, created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE terminal (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, outlet_id BLOB NOT NULL, name TEXT NOT NULL, created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE shift (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, operator TEXT NOT NULL, till TEXT NOT NULL,
  opened_at INTEGER NOT NULL, closed_at INTEGER, counted INTEGER, created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE payment (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, channel TEXT NOT NULL, provider TEXT NOT NULL, provider_txn TEXT NOT NULL,
  amount INTEGER NOT NULL, payer TEXT NOT NULL DEFAULT '', raw BLOB, status TEXT NOT NULL, created_at INTEGER NOT NULL,
  version INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, provider, provider_txn)
) STRICT, WITHOUT ROWID;

CREATE TABLE vend (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL,
  vendor_key TEXT NOT NULL DEFAULT '',    -- vendor id as hex, '' = the tenant itself; part of the unique reference
  client_ref TEXT NOT NULL, order_hash BLOB NOT NULL,      -- what was asked: tells a repeat from another request
  meter INTEGER NOT NULL, meter_key_id BLOB, account_id BLOB NOT NULL, payment_id BLOB, till TEXT NOT NULL DEFAULT '',
  mode TEXT NOT NULL, state TEXT NOT NULL
    CHECK (state = 'priced' OR state = 'held' OR state = 'issued' OR state = 'completed' OR state = 'failed'
      OR state = 'reversing' OR state = 'reversed'),
  currency TEXT NOT NULL, tender INTEGER NOT NULL CHECK (tender >= 0),
  carry_in INTEGER NOT NULL DEFAULT 0 CHECK (carry_in >= 0), carry_out INTEGER NOT NULL DEFAULT 0 CHECK (carry_out >= 0),
  units_wh INTEGER NOT NULL DEFAULT 0 CHECK (units_wh >= 0),   -- of all tokens, free ones among them
  free_wh INTEGER NOT NULL DEFAULT 0, month TEXT NOT NULL, mtd_before_wh INTEGER NOT NULL DEFAULT 0,
  tariff_version_id BLOB NOT NULL, asked TEXT NOT NULL DEFAULT '',
  deliver TEXT NOT NULL DEFAULT '', receipt_no TEXT, failure TEXT NOT NULL DEFAULT '',
  reverses BLOB, by_actor TEXT NOT NULL, priced_at INTEGER NOT NULL, completed_at INTEGER,
  press_key INTEGER NOT NULL DEFAULT 0 CHECK (press_key IN (0,1)),  -- of a recharge: a key must be pressed at the meter
  created_at INTEGER NOT NULL, version INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, vendor_key, client_ref)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX vend_reverses ON vend (tenant_id, reverses) WHERE reverses IS NOT NULL;
CREATE UNIQUE INDEX vend_receipt ON vend (tenant_id, receipt_no) WHERE receipt_no IS NOT NULL;
CREATE INDEX vend_open ON vend (tenant_id, id) WHERE state = 'priced' OR state = 'held' OR state = 'issued' OR state = 'reversing';

CREATE TABLE vend_line (
  tenant_id INTEGER NOT NULL, vend_id BLOB NOT NULL, seq INTEGER NOT NULL,
  kind TEXT NOT NULL, ref TEXT NOT NULL DEFAULT '', amount INTEGER NOT NULL,  -- as shown: Σ of a sale = tender
  vat INTEGER NOT NULL DEFAULT 0, units_wh INTEGER NOT NULL DEFAULT 0, rate_micro INTEGER NOT NULL DEFAULT 0,
  steps_json TEXT NOT NULL DEFAULT '', label TEXT NOT NULL DEFAULT '',
  left_after INTEGER,                     -- of a charge or debt: what was left of it after this sale
  PRIMARY KEY (tenant_id, vend_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE usage_month (
  tenant_id INTEGER NOT NULL, account_id BLOB NOT NULL, month TEXT NOT NULL,
  units_wh INTEGER NOT NULL DEFAULT 0 CHECK (units_wh >= 0),   -- of all tokens, free ones among them
  free_wh INTEGER NOT NULL DEFAULT 0 CHECK (free_wh >= 0), fbe_issued INTEGER NOT NULL DEFAULT 0 CHECK (fbe_issued IN (0,1)),
  PRIMARY KEY (tenant_id, account_id, month)
) STRICT, WITHOUT ROWID;

CREATE TABLE token (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, vend_id BLOB, job_id BLOB, meter INTEGER NOT NULL, meter_key_id BLOB NOT NULL,
  tid INTEGER,                            -- NULL: a section of a key change carries none
  base_date INTEGER NOT NULL, class INTEGER NOT NULL, subclass INTEGER NOT NULL, rnd INTEGER NOT NULL,
  units_wh INTEGER NOT NULL DEFAULT 0, digits_enc BLOB, digits_hash BLOB,   -- NULL until the issuer has answered
  state TEXT NOT NULL
    CHECK (state = 'reserved' OR state = 'issued' OR state = 'sent' OR state = 'heard' OR state = 'accepted' OR state = 'rejected'
      OR state = 'reversed' OR state = 'reversed_unconfirmed' OR state = 'failed'),
  issued_at INTEGER NOT NULL, sent_at INTEGER,  -- sent_at: last handed to the meter's connection
  answered_at INTEGER, result TEXT NOT NULL DEFAULT '', created_at INTEGER NOT NULL,
  version INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, meter_key_id, tid)
) STRICT, WITHOUT ROWID;
CREATE INDEX token_vend ON token (tenant_id, vend_id);
-- A meter's tokens are found through its keys and the unique index: one random page less to write in every sale.
CREATE INDEX token_unconfirmed ON token (tenant_id) WHERE state = 'reversed_unconfirmed';
CREATE UNIQUE INDEX token_digits ON token (tenant_id, digits_hash) WHERE digits_hash IS NOT NULL;

CREATE TABLE given_token (                -- tokens made elsewhere that somebody handed in to be sent to a meter; no money moves
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, meter INTEGER NOT NULL,
  tid INTEGER, base_date INTEGER NOT NULL DEFAULT 0,   -- what could be read of it
  class INTEGER NOT NULL DEFAULT 0, subclass INTEGER NOT NULL DEFAULT 0, units_wh INTEGER NOT NULL DEFAULT 0,
  digits_enc BLOB NOT NULL, digits_hash BLOB NOT NULL,
  state TEXT NOT NULL CHECK (state = 'issued' OR state = 'sent' OR state = 'heard' OR state = 'accepted' OR state = 'rejected'),
  sent_at INTEGER, answered_at INTEGER, result TEXT NOT NULL DEFAULT '', by_actor TEXT NOT NULL, created_at INTEGER NOT NULL,
  version INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, meter, digits_hash)
) STRICT, WITHOUT ROWID;

-- Every token result a meter reported, ours or not (a ghost is an accepted TID that nobody sold).
CREATE TABLE token_report (
  tenant_id INTEGER NOT NULL, meter INTEGER NOT NULL, store TEXT NOT NULL, seq INTEGER NOT NULL,
  at INTEGER NOT NULL, received_at INTEGER NOT NULL, tid INTEGER, base_date INTEGER, class INTEGER, subclass INTEGER,
  result TEXT NOT NULL, source TEXT NOT NULL DEFAULT '', request TEXT NOT NULL DEFAULT '', units_wh INTEGER, balance_wh INTEGER,
  token_id BLOB,
  PRIMARY KEY (tenant_id, meter, store, seq)
) STRICT, WITHOUT ROWID;

-- Ledger ----------------------------------------------------------------------------------------------------

CREATE TABLE ledger_account (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, n INTEGER NOT NULL, code INTEGER NOT NULL, subject TEXT NOT NULL DEFAULT '',
  limited INTEGER NOT NULL DEFAULT 0 CHECK (limited IN (0,1)),
  floor INTEGER,                          -- limited: lowest signed balance (Dr +) allowed after holds; NULL = none
  ceiling INTEGER,                        -- limited: highest signed balance allowed after holds; NULL = none
  balance INTEGER NOT NULL DEFAULT 0, held INTEGER NOT NULL DEFAULT 0 CHECK (held >= 0),  -- kept only where limited = 1
  created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, n), UNIQUE (tenant_id, code, subject)
) STRICT, WITHOUT ROWID;

CREATE TABLE journal (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, kind TEXT NOT NULL, ref TEXT NOT NULL DEFAULT '',
  posted_at INTEGER NOT NULL, reverses BLOB, memo TEXT NOT NULL DEFAULT '',
  leaf BLOB NOT NULL, seal_n INTEGER, mark BLOB,
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX journal_ref ON journal (tenant_id, kind, ref) WHERE ref <> '';
CREATE UNIQUE INDEX journal_reverses ON journal (tenant_id, reverses) WHERE reverses IS NOT NULL;
CREATE INDEX journal_unsealed ON journal (tenant_id) WHERE seal_n IS NULL;

CREATE TABLE posting (
  tenant_id INTEGER NOT NULL, journal_id BLOB NOT NULL, seq INTEGER NOT NULL,
  account INTEGER NOT NULL,               -- ledger_account.n
  amount INTEGER NOT NULL CHECK (amount <> 0),  -- signed: debit +, credit -
  listed INTEGER NOT NULL CHECK (listed IN (0,1)),  -- 0: nobody looks for it by its account, see listed in ledger.go
  PRIMARY KEY (tenant_id, journal_id, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX posting_account ON posting (tenant_id, account, journal_id) WHERE listed = 1;  -- an account's journals

CREATE TABLE hold (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, account INTEGER NOT NULL, amount INTEGER NOT NULL CHECK (amount > 0),
  status TEXT NOT NULL
    CHECK (status = 'open' OR status = 'posted' OR status = 'voided' OR status = 'expired'), ref TEXT NOT NULL DEFAULT '',
  expires_at INTEGER NOT NULL, created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX hold_open ON hold (tenant_id, expires_at) WHERE status = 'open';

CREATE TABLE rollup (
  tenant_id INTEGER NOT NULL, account INTEGER NOT NULL, seal_n INTEGER NOT NULL, balance INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, account, seal_n)
) STRICT, WITHOUT ROWID;

CREATE TABLE seal (                       -- one signed head per sealed batch
  tenant_id INTEGER NOT NULL, n INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,  -- log positions, last inclusive
  root BLOB NOT NULL, head TEXT NOT NULL,   -- head: the signed note
  at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, n)
) STRICT, WITHOUT ROWID;
CREATE TABLE seal_leaf (                  -- position in the log -> the row it seals
  tenant_id INTEGER NOT NULL, pos INTEGER NOT NULL, kind TEXT NOT NULL CHECK (kind IN ('journal','audit')),
  id BLOB NOT NULL, leaf BLOB NOT NULL,
  PRIMARY KEY (tenant_id, pos)
) STRICT, WITHOUT ROWID;
CREATE TABLE seal_hash (                  -- tlog stored hashes by index
  tenant_id INTEGER NOT NULL, idx INTEGER NOT NULL, hash BLOB NOT NULL,
  PRIMARY KEY (tenant_id, idx)
) STRICT, WITHOUT ROWID;

-- From the meters -------------------------------------------------------------------------------------------

CREATE TABLE reading (
  id INTEGER PRIMARY KEY,
  tenant_id INTEGER NOT NULL, meter INTEGER NOT NULL, store TEXT NOT NULL, seq INTEGER NOT NULL,
  at INTEGER NOT NULL, up INTEGER NOT NULL, clock TEXT NOT NULL, received_at INTEGER NOT NULL,
  register_wh INTEGER NOT NULL, balance_wh INTEGER, ec_used_wh INTEGER, overrun_wh INTEGER, w INTEGER, mv INTEGER,
  relay TEXT NOT NULL DEFAULT '', reasons TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX reading_meter ON reading (tenant_id, meter);  -- a meter's history, and readings held ahead of a gap

CREATE TABLE meter_event (
  tenant_id INTEGER NOT NULL, meter INTEGER NOT NULL, store TEXT NOT NULL, seq INTEGER NOT NULL,
  kind TEXT NOT NULL DEFAULT 'event',     -- event, close
  code INTEGER NOT NULL, at INTEGER NOT NULL, clock TEXT NOT NULL DEFAULT '', received_at INTEGER NOT NULL,
  args TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (tenant_id, meter, store, seq)
) STRICT, WITHOUT ROWID;

-- open_from is the time from which the relay is known to be open.
CREATE TABLE profile_register (           -- what the server counts for a device without a clock, a sequence or a memory
  tenant_id INTEGER NOT NULL, meter INTEGER NOT NULL, profile TEXT NOT NULL,
  mwh INTEGER NOT NULL DEFAULT 0 CHECK (mwh >= 0), rest INTEGER NOT NULL DEFAULT 0 CHECK (rest >= 0),  -- rest: below 1 mWh
  at INTEGER, power_mw INTEGER NOT NULL DEFAULT 0,         -- the last sample: server time, power
  device_mwh INTEGER,                                      -- the device's own register when last read
  relay TEXT NOT NULL DEFAULT '', gaps INTEGER NOT NULL DEFAULT 0, gap_s INTEGER NOT NULL DEFAULT 0,
  seq INTEGER NOT NULL DEFAULT 0, reported_at INTEGER, reported_wh INTEGER NOT NULL DEFAULT 0,  -- the last reading made of it
  boots INTEGER NOT NULL DEFAULT 0, open_from INTEGER,
  PRIMARY KEY (tenant_id, meter)
) STRICT, WITHOUT ROWID;

CREATE TABLE quarantine (                 -- what meters sent and cannot be true, until a person decides
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, meter INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('record','rating')), -- a record put aside, or a stored reading at which rating stopped
  record TEXT NOT NULL DEFAULT '',        -- reading, event, token ...; '' where it could not be read
  store TEXT NOT NULL, seq INTEGER NOT NULL, received_at INTEGER NOT NULL,
  doubt TEXT NOT NULL, reason TEXT NOT NULL, payload BLOB NOT NULL,  -- payload: the record as it came; empty for a rating
  was_wh INTEGER, register_wh INTEGER, at INTEGER,  -- the register before, the doubtful one, and its meter time
  state TEXT NOT NULL DEFAULT 'open' CHECK (state = 'open' OR state = 'accepted' OR state = 'rebased' OR state = 'discarded'),
  decided_at INTEGER, decided_by TEXT NOT NULL DEFAULT '', decision TEXT NOT NULL DEFAULT '',  -- decision: why
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX quarantine_meter ON quarantine (tenant_id, meter, id);
CREATE INDEX quarantine_open ON quarantine (tenant_id, id) WHERE state = 'open';
CREATE INDEX quarantine_waiting ON quarantine (tenant_id, meter) WHERE state = 'open';

-- Rating of a meter whose balance is money on the server: one row per such meter, rewritten in place with its readings.
-- open_wh is the register since which the relay is read open, NULL while it is not. held_open says that energy counted since
-- is held, up to open_wh; held is 'implausible' then, because the check of the first migration knows no other word.
CREATE TABLE wallet (
  tenant_id INTEGER NOT NULL, meter INTEGER NOT NULL,      -- meter.n
  store TEXT NOT NULL DEFAULT '', seq INTEGER NOT NULL DEFAULT 0,  -- the reading rated last
  register_wh INTEGER,                    -- its register; NULL before the first reading
  base_wh INTEGER NOT NULL DEFAULT 0,     -- register less all that was ever rated; a rebase moves it
  at INTEGER, up INTEGER NOT NULL DEFAULT 0,               -- meter time (µs) up to which is rated, and ms since boot
  month TEXT NOT NULL DEFAULT '', month_wh INTEGER NOT NULL DEFAULT 0,  -- consumption of the local month, for blocks
  rest INTEGER NOT NULL DEFAULT 0 CHECK (rest >= 0),       -- below a minor unit, in 10^-13 of the major unit
  accrued INTEGER NOT NULL DEFAULT 0 CHECK (accrued >= 0), -- minor units rated and not posted
  parts TEXT NOT NULL DEFAULT '',         -- what accrued is made of, by tariff version and rate, as JSON
  debited INTEGER NOT NULL DEFAULT 0,     -- minor units ever rated
  posted INTEGER NOT NULL DEFAULT 0, posted_wh INTEGER NOT NULL DEFAULT 0, posted_to INTEGER,  -- journals of use; what they reach
  settled_at INTEGER,                     -- server time of the last settlement
  held TEXT NOT NULL DEFAULT ''
    CHECK (held = '' OR held = 'register_regress' OR held = 'implausible' OR held = 'span' OR held = 'no_price'),  -- why rating waits for a person
  held_store TEXT NOT NULL DEFAULT '', held_seq INTEGER NOT NULL DEFAULT 0, held_wh INTEGER, held_at INTEGER,
  held_up INTEGER NOT NULL DEFAULT 0, held_clock TEXT NOT NULL DEFAULT '', held_since INTEGER,
  low1 INTEGER NOT NULL DEFAULT 1, low2 INTEGER NOT NULL DEFAULT 1,     -- crossings: 1 below, 2 fired
  off INTEGER NOT NULL DEFAULT 1,         -- reasons why the server wants the supply off, as bits
  max_w INTEGER NOT NULL DEFAULT 0,       -- the most the meter can measure; 0: by its phases
  version INTEGER NOT NULL DEFAULT 1, open_wh INTEGER, held_open INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant_id, meter)
) STRICT, WITHOUT ROWID;
CREATE INDEX wallet_accrued ON wallet (tenant_id, meter) WHERE accrued > 0;
CREATE TABLE wallet_day (                 -- what a meter used on a local day
  tenant_id INTEGER NOT NULL, meter INTEGER NOT NULL, day TEXT NOT NULL,
  wh INTEGER NOT NULL, debit INTEGER NOT NULL, estimated_wh INTEGER NOT NULL DEFAULT 0,  -- of wh, given to the day or a rate by time alone
  PRIMARY KEY (tenant_id, meter, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE wallet_advance (             -- tax taken with an account's top-ups and not yet with use; locked with its wallets
  tenant_id INTEGER NOT NULL, account_id BLOB NOT NULL, amount INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, account_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE wallet_supply (              -- what a wallet meter was told about its supply, and why; rows of command beside it
  tenant_id INTEGER NOT NULL, meter INTEGER NOT NULL,
  out_since INTEGER, block TEXT NOT NULL DEFAULT '', noticed_at INTEGER,  -- nothing is left; why the supply is on all the same
  lease_cmd BLOB, lease_max_wh INTEGER NOT NULL DEFAULT 0, lease_at INTEGER, lease_store TEXT NOT NULL DEFAULT '',  -- ordered last
  in_cmd BLOB, in_max_wh INTEGER NOT NULL DEFAULT 0, in_at INTEGER, in_store TEXT NOT NULL DEFAULT '',              -- taken last
  lease_risk_wh INTEGER NOT NULL DEFAULT 0, -- the highest of leases that may be in the meter besides
  cut_cmd BLOB, connect_cmd BLOB, config_cmd BLOB, clock_cmd BLOB,
  config_version INTEGER NOT NULL DEFAULT 0, config_hash TEXT NOT NULL DEFAULT '',
  off_by TEXT NOT NULL DEFAULT '', off_why TEXT NOT NULL DEFAULT '',      -- who wants the supply off
  look_at INTEGER,                        -- when to look again unasked
  PRIMARY KEY (tenant_id, meter)
) STRICT, WITHOUT ROWID;
CREATE INDEX wallet_supply_look ON wallet_supply (tenant_id, look_at) WHERE look_at IS NOT NULL;
CREATE TABLE sight (                      -- when the server last saw its meters, and when it last did not
  tenant_id INTEGER PRIMARY KEY NOT NULL, seen INTEGER NOT NULL, unseen INTEGER
) STRICT;

CREATE TABLE command (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, meter INTEGER NOT NULL, type TEXT NOT NULL, args TEXT NOT NULL DEFAULT '{}',
  reason TEXT NOT NULL DEFAULT '', counter INTEGER NOT NULL,
  state TEXT NOT NULL
    CHECK (state = 'queued' OR state = 'sent' OR state = 'acked' OR state = 'done' OR state = 'failed' OR state = 'expired'),
  answer TEXT NOT NULL DEFAULT '', answer_seq INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0, expires_at INTEGER NOT NULL, by_actor TEXT NOT NULL,
  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, version INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX command_meter ON command (tenant_id, meter, id);

CREATE TABLE alarm (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, meter INTEGER, code TEXT NOT NULL, text TEXT NOT NULL DEFAULT '',
  raised_at INTEGER NOT NULL, cleared_at INTEGER, ack_by TEXT NOT NULL DEFAULT '',
  feeder TEXT NOT NULL DEFAULT '',        -- whose alarm it is, where it is no single meter's
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX alarm_open ON alarm (tenant_id, meter) WHERE cleared_at IS NULL;
CREATE UNIQUE INDEX alarm_feeder ON alarm (tenant_id, feeder) WHERE cleared_at IS NULL AND feeder <> '';

-- Work to do, and who does it -------------------------------------------------------------------------------

CREATE TABLE outbox (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL,
  lane TEXT NOT NULL,                     -- mqtt, sms, webhook ...
  key TEXT NOT NULL,                      -- strict order within one key (a meter, an account)
  seq INTEGER NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL, next_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0, owner TEXT NOT NULL DEFAULT '', owner_until INTEGER NOT NULL DEFAULT 0,
  expires_at INTEGER, dead_at INTEGER, last_error TEXT NOT NULL DEFAULT '', created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, lane, key, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_due ON outbox (tenant_id, lane, next_at) WHERE dead_at IS NULL;
CREATE INDEX outbox_held ON outbox (tenant_id, lane, owner_until) WHERE owner_until > 0;  -- what a worker has

CREATE TABLE session (                    -- which instance holds a meter's connection
  tenant_id INTEGER NOT NULL, meter INTEGER NOT NULL, instance TEXT NOT NULL, epoch INTEGER NOT NULL, since INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, meter)
) STRICT, WITHOUT ROWID;
CREATE TABLE leader (
  name TEXT PRIMARY KEY NOT NULL, holder TEXT NOT NULL, epoch INTEGER NOT NULL, until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE job_run (
  tenant_id INTEGER NOT NULL, name TEXT NOT NULL, period TEXT NOT NULL, at INTEGER NOT NULL, result TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (tenant_id, name, period)
) STRICT, WITHOUT ROWID;

CREATE TABLE integration_login (          -- programs that may read the mirror of meters' states over MQTT
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, hash BLOB NOT NULL,  -- SHA-256 of 256 random bits
  name TEXT NOT NULL DEFAULT '', customer_id BLOB,                   -- whose meters; NULL: all of the tenant's
  created_at INTEGER NOT NULL, revoked_at INTEGER,
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE webhook_endpoint (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, url TEXT NOT NULL, secret_enc BLOB NOT NULL, events TEXT NOT NULL DEFAULT '',
  status TEXT NOT NULL DEFAULT 'active', created_at INTEGER NOT NULL, version INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE webhook_delivery (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, endpoint_id BLOB NOT NULL, event_id BLOB NOT NULL, status INTEGER NOT NULL,
  at INTEGER NOT NULL, attempt INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;

-- What a vendor's sale takes and earns; a sale without a row is the tenant's own.
CREATE TABLE vend_seller (
  tenant_id INTEGER NOT NULL, vend_id BLOB NOT NULL, account_code INTEGER NOT NULL,  -- float or receivable that paid
  hold_id BLOB, commission INTEGER NOT NULL DEFAULT 0, commission_vat INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, vend_id)
) STRICT, WITHOUT ROWID;

-- A sale that is undone, from the request on. One that was refused leaves its row; another may follow it.
CREATE TABLE reversal (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, vend_id BLOB NOT NULL,
  state TEXT NOT NULL CHECK (state = 'waiting' OR state = 'done' OR state = 'refused'),  -- waiting: for the meter to cancel the tokens
  confirmed INTEGER NOT NULL DEFAULT 0 CHECK (confirmed IN (0,1)),    -- the meter will never load the tokens
  failure TEXT NOT NULL DEFAULT '', reason TEXT NOT NULL DEFAULT '', by_actor TEXT NOT NULL,
  settled_at INTEGER, created_at INTEGER NOT NULL, version INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX reversal_vend ON reversal (tenant_id, vend_id) WHERE state <> 'refused';
CREATE INDEX reversal_open ON reversal (tenant_id, state) WHERE state = 'waiting';
CREATE INDEX reversal_day ON reversal (tenant_id, by_actor, created_at);
CREATE TABLE reversal_token (             -- the command that makes a meter forget a token before it was used
  tenant_id INTEGER NOT NULL, reversal_id BLOB NOT NULL, token_id BLOB NOT NULL, command_id BLOB NOT NULL,
  taken TEXT NOT NULL DEFAULT ''
    CHECK (taken = '' OR taken = 'never' OR taken = 'used' OR taken = 'done' OR taken = 'owed'
      OR taken = 'replaced'),  -- what was made of the answer
  PRIMARY KEY (tenant_id, reversal_id, token_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX reversal_token_token ON reversal_token (tenant_id, token_id);
CREATE INDEX reversal_token_due ON reversal_token (tenant_id, taken) WHERE taken = 'never' OR taken = 'used' OR taken = 'owed';

-- Acts that wait for a second person, and who allowed them. The body is the act itself.
CREATE TABLE approval (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, act TEXT NOT NULL, need TEXT NOT NULL,   -- need: the right of both
  object TEXT NOT NULL DEFAULT '', summary TEXT NOT NULL DEFAULT '', body TEXT NOT NULL,
  maker_id BLOB, maker TEXT NOT NULL, checker_id BLOB, checker TEXT NOT NULL DEFAULT '{}',
  state TEXT NOT NULL
    CHECK (state = 'waiting' OR state = 'approved' OR state = 'rejected' OR state = 'done'), reason TEXT NOT NULL DEFAULT '',
  created_at INTEGER NOT NULL, decided_at INTEGER, version INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;

-- Tokens that are not sold: units that nobody pays for, key changes, engineering tokens.
CREATE TABLE token_job (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, ref TEXT NOT NULL,   -- ref: whose request, unique for ever
  kind TEXT NOT NULL
    CHECK (kind = 'free' OR kind = 'replacement' OR kind = 'key_change' OR kind = 'clear_credit'
      OR kind = 'clear_tamper' OR kind = 'power_limit'),
  meter INTEGER NOT NULL, meter_key_id BLOB NOT NULL, new_key_id BLOB, account_id BLOB,
  units_wh INTEGER NOT NULL DEFAULT 0 CHECK (units_wh >= 0), value INTEGER NOT NULL DEFAULT 0,
  reason_code TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', replaces BLOB, by_actor TEXT NOT NULL, approved_by TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL CHECK (state = 'held' OR state = 'completed' OR state = 'failed'), failure TEXT NOT NULL DEFAULT '',
  created_at INTEGER NOT NULL, completed_at INTEGER, version INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, ref)
) STRICT, WITHOUT ROWID;
CREATE INDEX token_job_open ON token_job (tenant_id, id) WHERE state = 'held';
CREATE UNIQUE INDEX token_job_key ON token_job (tenant_id, new_key_id) WHERE new_key_id IS NOT NULL;
CREATE INDEX token_of_job ON token (tenant_id, job_id) WHERE job_id IS NOT NULL;
CREATE TABLE units_transfer (             -- units that left without money: who gave them, who allowed it and why
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL, job_id BLOB NOT NULL, meter INTEGER NOT NULL, account_id BLOB,
  units_wh INTEGER NOT NULL CHECK (units_wh > 0), reason_code TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '',
  by_actor TEXT NOT NULL, approved_by TEXT NOT NULL DEFAULT '', created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, job_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX units_transfer_day ON units_transfer (tenant_id, by_actor, created_at);

-- Messages to and from telephones. No digits of tokens stand here: what is sent names tokens and is rendered when it
-- leaves, and long runs of digits in what came are masked.
CREATE TABLE message (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL,
  direction TEXT NOT NULL CHECK (direction = 'out' OR direction = 'in'),
  state TEXT NOT NULL
    CHECK (state = 'queued' OR state = 'sent' OR state = 'delivered' OR state = 'answered' OR state = 'failed'
      OR state = 'unknown' OR state = 'expired' OR state = 'suppressed' OR state = 'received'),
  purpose TEXT NOT NULL,                  -- name of the template; of an arrival, what it was taken for
  lang TEXT NOT NULL DEFAULT '', args TEXT NOT NULL DEFAULT '{}',
  text TEXT NOT NULL DEFAULT '',          -- of arrivals and of texts that a person wrote
  phone TEXT NOT NULL,                    -- to whom; of an arrival, from whom
  customer_id BLOB, meter INTEGER, vend_id BLOB, token_id BLOB,
  answers BLOB,                           -- the arrival that this answers; of a meter's answer, the message that it answers
  identity BLOB,                          -- of an arrival, and of a request with a key: the same however often it comes
  line TEXT NOT NULL DEFAULT '',          -- messages of one line leave one after the other
  open INTEGER NOT NULL DEFAULT 0 CHECK (open = 0 OR open = 1),       -- 1: the first of its line has its turn
  asking INTEGER NOT NULL DEFAULT 0 CHECK (asking = 0 OR asking = 1),   -- the meter is asked what became of its token
  route TEXT NOT NULL DEFAULT '',         -- by which it goes or went
  parts INTEGER NOT NULL DEFAULT 0, cost_micro INTEGER NOT NULL DEFAULT 0, tries INTEGER NOT NULL DEFAULT 0,
  round INTEGER NOT NULL DEFAULT 0,       -- how often every route was tried, or the meter did not answer
  next_at INTEGER, owner TEXT NOT NULL DEFAULT '', owner_until INTEGER NOT NULL DEFAULT 0,
  expires_at INTEGER, sent_at INTEGER, delivered_at INTEGER, answered_at INTEGER, ended_at INTEGER,
  failure TEXT NOT NULL DEFAULT '', by_actor TEXT NOT NULL DEFAULT '',
  created_at INTEGER NOT NULL, version INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX message_identity ON message (tenant_id, identity) WHERE identity IS NOT NULL;
CREATE INDEX message_line ON message (tenant_id, line, id) WHERE open = 1;
CREATE INDEX message_due ON message (tenant_id, next_at) WHERE open = 1;
CREATE INDEX message_age ON message (tenant_id, created_at);
CREATE INDEX message_purpose ON message (tenant_id, purpose, created_at);
CREATE INDEX message_phone ON message (tenant_id, phone, id);
CREATE INDEX message_meter ON message (tenant_id, meter, id) WHERE meter IS NOT NULL;
CREATE INDEX message_vend ON message (tenant_id, vend_id) WHERE vend_id IS NOT NULL;
CREATE TABLE message_try (                -- a message given to a route; written before it is given
  tenant_id INTEGER NOT NULL, message_id BLOB NOT NULL, n INTEGER NOT NULL,
  route TEXT NOT NULL, asking INTEGER NOT NULL DEFAULT 0 CHECK (asking = 0 OR asking = 1), at INTEGER NOT NULL, done_at INTEGER,
  round INTEGER NOT NULL DEFAULT 0,
  outcome TEXT NOT NULL DEFAULT ''
    CHECK (outcome = '' OR outcome = 'accepted' OR outcome = 'not_sent' OR outcome = 'refused' OR outcome = 'unknown'),  -- '': under way
  reference TEXT NOT NULL DEFAULT '', parts INTEGER NOT NULL DEFAULT 0, cost_micro INTEGER NOT NULL DEFAULT 0,
  report TEXT NOT NULL DEFAULT '', why TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (tenant_id, message_id, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_try_reference ON message_try (tenant_id, route, reference) WHERE reference <> '';
CREATE TABLE message_month (              -- what messages cost, by local month and route
  tenant_id INTEGER NOT NULL, month TEXT NOT NULL, route TEXT NOT NULL,
  messages INTEGER NOT NULL DEFAULT 0, parts INTEGER NOT NULL DEFAULT 0, cost_micro INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant_id, month, route)
) STRICT, WITHOUT ROWID;

-- Copies of a receipt that were printed after the first.
CREATE TABLE reprint (
  tenant_id INTEGER NOT NULL, vend_id BLOB NOT NULL, n INTEGER NOT NULL, by_actor TEXT NOT NULL, created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, vend_id, n)
) STRICT, WITHOUT ROWID;
