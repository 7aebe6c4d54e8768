-- Since when a customer's telephone number is registered; NULL for a number that was registered before this column. A payment without a reference
-- is used for the customer whose telephone paid, if the setting allows it and the number is at least a day old.
ALTER TABLE customer ADD COLUMN phone_since INTEGER;
