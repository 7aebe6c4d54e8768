-- The meter of a place may measure the whole of a feeder, so that its energy can be compared with that of the meters on the feeder.
ALTER TABLE service_point ADD COLUMN measures TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX service_point_measures ON service_point (tenant_id, measures) WHERE measures <> '';
