-- What another account took over of a charge, which its own account is not charged for again; NULL for nothing.
ALTER TABLE charge_due ADD COLUMN moved INTEGER;
