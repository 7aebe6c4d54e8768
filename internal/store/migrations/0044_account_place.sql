-- The account of a place: a main meter is found from the place that says which building it measures.
CREATE INDEX account_place ON account (tenant_id, service_point_id);
