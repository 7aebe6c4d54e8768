package shoptest_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/storetest"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/internal/wallet"
)

// livedIn is a busy shop with wallets, vouchers and payments.
func livedIn(t *testing.T) *shop {
	t.Helper()
	s := busyShop(t)
	cards := openVouchers(t, s, 4)
	plain := s.publish("wallets", flat(), long())
	walletMeters := []string{s.walletMeter(21, plain), s.walletMeter(22, plain), s.walletMeter(23, plain)}
	cards.paidFor(1, 2)
	if out := cards.redeem(1, numberOf(t, 2)); out.Refused() {
		t.Fatal(out.Detail())
	}
	cards.withCodes()
	cards.paid("TXN1", 7000, numberOf(t, 3))
	cards.paid("TXN2", 7000, "nobody")
	cards.work()
	s.clock.add(48 * time.Hour) // the second day on which each person has totals, and a whole day of the wallets' accounts
	for n, m := range walletMeters {
		s.sell(order(m, 50_000, fmt.Sprintf("wallet-%d", n)))
		s.uses(m, 0, 1000)
		s.clock.add(time.Hour)
		s.sell(order(m, 1000, fmt.Sprintf("wallet-again-%d", n))) // this recharge posts the use
		s.clock.add(time.Hour)
		s.uses(m, 2000)
	}
	s.do(func(tx *store.Tx) error { // the number of a SIM was changed, and is held
		m, _, err := tx.MeterByNumber(walletMeters[0])
		held := registry.NumberChange{Owner: registry.SIMOwner(m.N), By: "person desk", Self: m.ID, At: s.clock.Now(),
			HeldUntil: s.clock.Now().Add(registry.NumberHold)}
		return errors.Join(err, tx.SetSIM(m.ID, "+254700000200"), tx.PutNumberChange(held))
	})
	s.assign(s.account(walletMeters[1]), 1, plain, s.clock.Now().Add(time.Hour), 0) // another tariff is planned
	s.uses(walletMeters[2], 1000)                                                   // a register that falls: its reading waits for a person
	wallets := wallet.New(wallet.Config{Now: s.clock.Now, Sealer: s.sealer, Door: walletDoor{s}})
	by := access.SystemActor(tenant, "wallets")
	if err := errors.Join(second(wallets.SettleDue(context.Background(), by)), second(wallets.ChargeDays(context.Background(), by))); err != nil {
		t.Fatal(err)
	}
	s.sealed()
	return s
}

// editResult is what became of one edit.
type editResult struct {
	refused  error // the database did not take it
	reported int   // findings and notices
}

// edited makes an edit, verifies, and undoes the edit.
func (s *shop) edited(trust store.Trust, e storetest.Edit) (out editResult) {
	s.t.Helper()
	undo := errors.New("undo")
	var r store.Report
	err := s.engine.Run(context.Background(), tenant, store.Job, func(tx *store.Tx) (bool, error) {
		r = store.Report{}
		if out.refused = e.Do(tx); out.refused != nil {
			return false, undo
		}
		return false, errors.Join(store.Verify(tx, trust, &r), undo)
	})
	out.reported = reportedOf(&r)
	if out.refused == nil && !errors.Is(err, undo) {
		s.t.Fatal(err)
	}
	if out.refused == nil && err.Error() != undo.Error() {
		out.reported = math.MaxInt // verification could not read the rows, and says so
	}
	return out
}

// reportedOf counts what a report reports.
func reportedOf(r *store.Report) int { return len(r.Findings) + len(r.Notices) + r.More }

// TestVerifyFindsRandomEdits changes one value in a random row and column, and verifies. The edit is reported, or the column is in the list of
// those that verification does not prove, with its reason. SEED=2 draws others.
func TestVerifyFindsRandomEdits(t *testing.T) {
	needsWholeStore(t)
	s := livedIn(t)
	s.verified()
	trust, edits, seed := s.trust(), drawn(tier.RandomEdits), numberFrom("SEED", 1)
	r := rand.New(rand.NewPCG(uint64(seed), 7))
	var before store.Report
	var editor *storetest.Editor
	s.do(func(tx *store.Tx) (err error) {
		before = store.Report{}
		editor, err = storetest.NewEditor(tx, r)
		return errors.Join(err, store.Verify(tx, trust, &before))
	})
	unproven := storetest.UnprovenColumns()
	columns := slices.DeleteFunc(editor.Columns(), func(name string) bool { u, listed := unproven[name]; return listed && !u.Partly })
	figures := map[string]int{}
	for figures["edits"] < edits {
		name := columns[r.IntN(len(columns))]
		var e storetest.Edit
		var drawn bool
		s.do(func(tx *store.Tx) (err error) { e, drawn, err = editor.Draw(tx, name); return err })
		if !drawn {
			continue
		}
		figures["edits"]++
		out := s.edited(trust, e)
		switch _, listed := unproven[name]; {
		case out.refused != nil:
			figures["refused by the schema"]++
		case out.reported > reportedOf(&before):
			figures["reported"]++
		case listed:
			figures["listed with the reason"]++
			t.Logf("listed: %s", e)
		default:
			t.Errorf("verification does not report %s, and the column is in no list (internal/store/storetest/unproven.go)", e)
		}
	}
	t.Logf("figures: %v of %d columns (seed %d, PostgreSQL: %t)", figures, len(columns), seed, onPostgres)
	if figures["reported"] < edits/2 {
		t.Errorf("only %d of %d edits were reported", figures["reported"], edits)
	}
}

// numberFrom reads a number from the environment.
func numberFrom(name string, or int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return or
}

// TestOneEditGivesNothingAway makes the edits that gave somebody energy or took a token away.
func TestOneEditGivesNothingAway(t *testing.T) {
	s := livedIn(t)
	s.verified()
	trust := s.trust()
	walletMeter := `(SELECT n FROM meter WHERE number = '` + numberOf(t, 21) + `')`
	for name, sql := range map[string]string{
		"use is never charged":             `UPDATE wallet SET seq = 1000000 WHERE meter = ` + walletMeter,
		"use is taken for a repeat":        `UPDATE meter_live SET watermark = 1000000 WHERE meter = ` + walletMeter,
		"the wallet is forgotten":          `UPDATE meter_live SET rated = 0 WHERE meter = ` + walletMeter,
		"the row of the meter is taken":    `DELETE FROM meter_live WHERE meter = ` + walletMeter,
		"a token names another key":        `UPDATE token SET meter_key_id = (SELECT k.id FROM meter_key k JOIN meter m ON m.n = k.meter WHERE m.number = '` + numberOf(t, 4) + `') WHERE vend_id = ` + sale1,
		"any power is true":                `UPDATE wallet SET max_w = 100000000 WHERE meter = ` + walletMeter,
		"another telephone is the meter's": `UPDATE meter SET sim_phone = '+254799999999' WHERE n = ` + walletMeter,
		"its telephone is held no more":    `UPDATE number_change SET held_until = 0 WHERE owner = 'meter ' || ` + walletMeter,
		"its telephone was never changed":  `DELETE FROM number_change WHERE owner = 'meter ' || ` + walletMeter,
		"an unsold voucher for a sold one": `UPDATE voucher SET state = CASE WHEN n = 2 THEN 'made' ELSE 'active' END, sold_at = CASE WHEN n = 2 THEN NULL
			ELSE (SELECT MAX(sold_at) FROM voucher WHERE n = 2) END WHERE n IN (2, 3)`,
	} {
		if r := s.after(trust, script(sql)); r.Sound() {
			t.Errorf("%s: verification finds nothing", name)
		}
	}
}
