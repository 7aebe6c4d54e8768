-- A payment of which the provider gave a part back after a sale had used it waits for a person, as one that it gave back wholly.
DROP INDEX payment_back;
CREATE INDEX payment_back ON payment (tenant_id, id) WHERE status = 'applied' AND (reason = 'given-back' OR reason = 'part-back');
