-- What papers say about the utility, its vendors, its customers and their places, a row for each change: a copy says what its original said.
CREATE TABLE paper_text (
  tenant_id INTEGER NOT NULL, id BLOB NOT NULL,
  kind TEXT NOT NULL CHECK (kind = 'utility' OR kind = 'vendor' OR kind = 'customer' OR kind = 'place'),
  owner BLOB NOT NULL,               -- the tenant's uid, or the identity of the vendor, the customer or the place
  since INTEGER NOT NULL,            -- papers of this moment and later show the text; 0: from the beginning
  text TEXT NOT NULL,                -- a name or an address; of the utility its letterhead, as JSON
  salt BLOB,                         -- random bytes in the sealed hash, so that it tells nothing about an erased text; NULL: erased
  erased_at INTEGER,                 -- NULL: the text was not erased
  version INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, kind, owner, since)
) STRICT, WITHOUT ROWID;
CREATE INDEX meter_install_place ON meter_install (tenant_id, service_point_id);  -- which meters a statement of an earlier month names
CREATE INDEX audit_settings_change ON audit (tenant_id, object, at) WHERE action = 'settings.change';
CREATE INDEX audit_vendor_terms ON audit (tenant_id, object, at) WHERE action = 'vendor.terms';
CREATE INDEX audit_customer_change ON audit (tenant_id, object, at) WHERE action = 'customer.change';
