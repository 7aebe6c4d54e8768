-- The row of a statement that gives a payment back is found by the payment's name.
CREATE INDEX statement_row_of ON statement_row (tenant_id, provider, of_txn) WHERE of_txn <> '';
-- Payments that their provider gave back after a sale had used them, and calls that nobody could read, wait for a person.
CREATE INDEX payment_back ON payment (tenant_id, id) WHERE status = 'applied' AND reason = 'given-back';
CREATE INDEX payment_call_unread ON payment_call (tenant_id, id) WHERE state = 'unreadable';
