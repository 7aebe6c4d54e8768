-- What signatures, or statements of one person alone, have confirmed for a provider so far: a running total, so that the sum of 24 hours needs
-- two rows and not all payments. It begins with this version.
ALTER TABLE payment ADD COLUMN alone_total INTEGER;
DROP INDEX payment_signed;
DROP INDEX payment_stated;
CREATE INDEX payment_alone ON payment (tenant_id, provider, confirmed_at, alone_total) WHERE alone_total IS NOT NULL;
