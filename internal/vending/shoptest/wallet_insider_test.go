package shoptest_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/storetest"
)

// TestWhoChangesAWalletIsFound edits each figure that affects money. Verification must find it.
func TestWhoChangesAWalletIsFound(t *testing.T) {
	s := open(t, true)
	m := s.walletMeter(1, s.publish("domestic", flat(), monday().AddDate(0, -1, 0)))
	s.sell(order(m, 50_000, "recharge-1"))
	s.uses(m, 0, 1000)
	s.clock.add(time.Hour)
	s.sell(order(m, 1000, "recharge-2")) // this recharge posts the use
	s.clock.add(time.Hour)
	s.uses(m, 2000)
	s.verified()
	trust := s.trust()
	var found []storetest.Found
	for _, e := range []insiderEdit{
		{"forgive what is accrued", `UPDATE wallet SET accrued = 0, parts = ''`},
		{"forgive what is accrued, everywhere in the row", `UPDATE wallet SET debited = debited - accrued, accrued = 0, parts = ''`},
		{"accrue more", `UPDATE wallet SET accrued = accrued + 1`},
		{"hide energy that was rated", `UPDATE wallet SET base_wh = base_wh + 500`},
		{"set the register back", `UPDATE wallet SET register_wh = 1500`},
		{"hide a day's use", `UPDATE wallet_day SET wh = wh - 100`},
		{"hide what a day cost", `UPDATE wallet_day SET debit = debit - 1`},
		{"forget a posting", `UPDATE wallet SET posted = posted - 1`},
		{"say that less was posted", `UPDATE wallet SET posted_wh = posted_wh - 10`},
		{"take the wallet away", `DELETE FROM wallet`},
		{"make a recharge larger", `UPDATE vend SET tender = tender + 100 WHERE client_ref = 'recharge-1'; UPDATE vend_line SET amount = amount + 100
			WHERE vend_id = (SELECT id FROM vend WHERE client_ref = 'recharge-1')`},
		{"turn a recharge into a sale of tokens", `UPDATE vend SET mode = 'prepay_token' WHERE client_ref = 'recharge-1'`},
		{"change the energy that a journal charges for", `UPDATE journal SET memo = REPLACE(memo, '1000 Wh', '9000 Wh') WHERE kind = 'usage'`},
		{"put a journal of use in", `UPDATE journal SET ref = 'mtr_x/9' WHERE kind = 'usage'`},
	} {
		r := s.after(trust, script(e.sql))
		found = append(found, storetest.Found{Edit: e.name, Kinds: storetest.Kinds(&r)})
	}
	storetest.HoldFound(t, "testdata/insiders_wallet.txt", found, *update)
	if r := s.after(trust, func(*store.Tx) error { return nil }); !r.Sound() {
		t.Errorf("without an edit: %+v", r.Findings)
	}
}
