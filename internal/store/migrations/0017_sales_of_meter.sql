-- The sales of one meter, newest last: for what was sold to it in a day, its list of sales and its newest sale.
CREATE INDEX vend_meter ON vend (tenant_id, meter, created_at);
