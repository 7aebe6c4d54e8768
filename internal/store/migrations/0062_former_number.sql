-- The telephone number that a customer gave up, in digits: for a day it decides for no other customer.
ALTER TABLE number_change ADD COLUMN former TEXT NOT NULL DEFAULT '';
CREATE INDEX number_change_former ON number_change (tenant_id, SUBSTR(former, LENGTH(former) - 7));
