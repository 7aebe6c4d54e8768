-- Cash that came in outside any shift. Sales in a shift, of vendors and of payments have no entry. The last columns are always the same: with them
-- the index answers without the rows.
CREATE INDEX vend_without_shift ON vend (tenant_id, completed_at, by_actor, tender, state, vendor_key, shift_id, payment_id)
  WHERE vendor_key = '' AND shift_id IS NULL AND payment_id IS NULL AND completed_at IS NOT NULL;
CREATE INDEX audit_vouchers_sold ON audit (tenant_id, at) WHERE action = 'voucher.sell';
