-- What a provider took back of a payment: how much of it, how much of that the customer owes in the books because a sale had used it, and since when.
ALTER TABLE payment ADD COLUMN back INTEGER;
ALTER TABLE payment ADD COLUMN back_owed INTEGER;
ALTER TABLE payment ADD COLUMN back_at INTEGER;
