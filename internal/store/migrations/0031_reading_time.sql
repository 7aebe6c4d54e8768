-- Charts ask for the readings of a span of a meter's time, and lists for its newest rows. Neither may read all rows of a meter.
DROP INDEX reading_meter;
CREATE INDEX reading_meter ON reading (tenant_id, meter, id);
CREATE INDEX reading_time ON reading (tenant_id, meter, (CASE WHEN clock = 'invalid' THEN received_at ELSE at END));
