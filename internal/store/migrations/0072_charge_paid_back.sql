-- What sales paid of the charge and the customer got back, because the version of the tariff that charged it was corrected. It is neither in paid
-- nor in amount_gross. NULL for nothing.
ALTER TABLE charge_due ADD COLUMN paid_back INTEGER;
