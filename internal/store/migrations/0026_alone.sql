-- What one person did alone is listed in the report of its day.
CREATE INDEX audit_alone ON audit (tenant_id, at) WHERE single_person = 1;
