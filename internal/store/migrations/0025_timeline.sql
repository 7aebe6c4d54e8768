-- What happened to one meter, newest first, whatever other meters and other rows there are.
CREATE INDEX meter_event_received ON meter_event (tenant_id, meter, received_at, seq) WHERE kind = 'event';
CREATE INDEX alarm_meter ON alarm (tenant_id, meter, id);
CREATE INDEX token_unsold ON token (tenant_id, meter, id) WHERE vend_id IS NULL;
CREATE INDEX given_token_meter ON given_token (tenant_id, meter, id);
