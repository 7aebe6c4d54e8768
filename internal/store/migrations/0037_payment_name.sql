-- Two providers may bring the same payment.
CREATE INDEX payment_name ON payment (tenant_id, provider_txn);
