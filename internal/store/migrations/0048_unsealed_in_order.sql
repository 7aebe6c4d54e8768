-- Rows that wait for their seal, in the order of their identities. Without the order in the index, PostgreSQL could read a whole table instead.
DROP INDEX journal_unsealed;
DROP INDEX audit_unsealed;
CREATE INDEX journal_unsealed ON journal (tenant_id, id) WHERE seal_n IS NULL;
CREATE INDEX audit_unsealed ON audit (tenant_id, id) WHERE seal_n IS NULL;
