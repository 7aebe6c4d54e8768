-- A provider's call that could not be read is a difference of a reconciliation, so that somebody looks after it.
ALTER TABLE payment_call ADD COLUMN difference_id BLOB;
DROP INDEX payment_call_unread;
CREATE INDEX payment_call_unowned ON payment_call (tenant_id, id) WHERE state = 'unreadable' AND difference_id IS NULL;
CREATE INDEX payment_call_difference ON payment_call (tenant_id, difference_id) WHERE difference_id IS NOT NULL;
