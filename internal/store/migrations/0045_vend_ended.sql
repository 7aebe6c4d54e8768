-- Sales that came to nothing: lists by state and totals find them without reading all sales. A sale that succeeds is never in it.
CREATE INDEX vend_ended ON vend (tenant_id, id) WHERE state = 'failed' OR state = 'reversed';
