package storetest

import (
	"encoding/hex"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/vendor"
	"github.com/paywatt/paywatt/sts"
)

func reversalTests() []test {
	return []test{
		{"the newest sale to a meter is by its place in the month, not its identity", newestSale},
		{"a sale turns from the state it has only", saleStates},
		{"a reversal is done once, and a refused one makes room for another", reversalsEnd},
		{"the answers to all commands about a sale's tokens are read, in their order", allAnswers},
		{"an answer that comes late is found, and what is owed for it", lateAnswers},
		{"a reversed token that was used is found", reversedUsed},
		{"reversals are summed by person, by vendor and by day", reversalsSummed},
		{"unconfirmed reversals of a meter are summed while a token may load", unconfirmedSummed},
		{"the day's unconfirmed reversals say who sold, who asked and who allowed", unconfirmedListed},
	}
}

// reversal starts the reversal of a sale.
func reversal(t *testing.T, e store.Engine, saleID id.ID, by string, at time.Time, cancels ...sale.Cancel) sale.Reversal {
	t.Helper()
	r := sale.Reversal{Sale: saleID, State: sale.ReversalWaiting, Reason: "test", By: by, At: at, Cancels: cancels}
	must(t, e, func(tx *store.Tx) (err error) {
		if r.ID, err = tx.NewID(); err != nil {
			return err
		}
		return tx.AddReversal(r)
	})
	return r
}

// cancel queues the command that tells a household's meter to cancel a token.
func (h household) cancel(t *testing.T, e store.Engine, token id.ID) sale.Cancel {
	t.Helper()
	c := sale.Cancel{Token: token}
	must(t, e, func(tx *store.Tx) (err error) {
		given, err := command.Add(tx, h.meter, command.Command{Type: command.CancelToken, Args: map[string]any{"tid": int64(7), "base_date": int64(sts.Base2014)},
			Reason: "test", By: "tester", CreatedAt: tx.Now}, vending.CancelLife, access.Entry{Actor: "tester"}, access.FourEyes{})
		c.Command = given.ID
		return err
	})
	return c
}

// answered stores the meter's answer to a command.
func answered(t *testing.T, e store.Engine, c sale.Cancel, state command.State, answer string) {
	t.Helper()
	must(t, e, func(tx *store.Tx) error {
		_, err := tx.C.Exec(`UPDATE command SET state = $1, answer = $2 WHERE tenant_id = $3 AND id = $4`, string(state), answer, tx.Tenant, c.Command)
		return err
	})
}

func newestSale(t *testing.T, r Rig) {
	e := r.Open(t)
	h := addHousehold(t, e, 1)
	newest := func() id.ID {
		return look(t, e, func(tx *store.Tx) (id.ID, error) { return tx.VendNewest(h.meter.N) })
	}
	if got := newest(); !got.IsZero() {
		t.Errorf("the newest of none is %v", got)
	}
	a := h.sold(t, e, "a", base())
	b := h.sold(t, e, "b", base()) // two sales at the same moment: the newer has more units sold before it in the month
	must(t, e, func(tx *store.Tx) error {
		_, err := tx.C.Exec(`UPDATE vend SET mtd_before_wh = 15000 WHERE id = $1`, a.ID)
		return err
	})
	if got := newest(); got != a.ID {
		t.Errorf("the newest is %v, want the one with more bought before it, %v", got, a.ID)
	}
	must(t, e, func(tx *store.Tx) error {
		return firstError(tx.SetSaleState(a.ID, sale.Completed, sale.Reversing), tx.SetSaleState(a.ID, sale.Reversing, sale.Reversed))
	})
	if got := newest(); got != b.ID {
		t.Errorf("after the newest was reversed it is %v, want %v", got, b.ID)
	}
	if meter := look(t, e, func(tx *store.Tx) (id.ID, error) { m, _, err := tx.VendMeter(b.ID); return m, err }); meter != h.meter.ID {
		t.Errorf("the sale's meter is %v, want %v", meter, h.meter.ID)
	}
	must(t, e, func(tx *store.Tx) error {
		_, err := tx.C.Exec(`UPDATE vend SET receipt_no = 'main-000001/2' WHERE id = $1`, b.ID)
		return err
	})
	for no, want := range map[string]id.ID{"main-000001/2": b.ID, "main-000001": {}, "": {}} {
		if got := look(t, e, func(tx *store.Tx) (id.ID, error) { return tx.VendNumbered(no) }); got != want {
			t.Errorf("receipt %q is of sale %v, want %v", no, got, want)
		}
	}
}

func saleStates(t *testing.T, r Rig) {
	e := r.Open(t)
	s := addHousehold(t, e, 1).sold(t, e, "a", base())
	_, err := do(e, func(tx *store.Tx) (value, error) {
		return value{}, tx.SetSaleState(s.ID, sale.Reversing, sale.Reversed)
	})
	wantErr(t, "a turn from a state that the sale does not have", err, store.ErrInvariant)
	if got := look(t, e, func(tx *store.Tx) (sale.Sale, error) { s, _, err := tx.VendSale(s.ID); return s, err }); got.State != sale.Completed {
		t.Errorf("the sale is %s, want completed", got.State)
	}
}

func reversalsEnd(t *testing.T, r Rig) {
	e := r.Open(t)
	s := addHousehold(t, e, 1).sold(t, e, "a", base())
	of := func() sale.Reversal {
		return look(t, e, func(tx *store.Tx) (sale.Reversal, error) { v, _, err := tx.ReversalOf(s.ID); return v, err })
	}
	if got := of(); !got.ID.IsZero() {
		t.Errorf("a reversal before there is one: %+v", got)
	}
	first := reversal(t, e, s.ID, "tester", base())
	waiting := look(t, e, func(tx *store.Tx) ([]id.ID, error) { return tx.ReversalsWaiting(id.ID{}, 10) })
	if len(waiting) != 1 || waiting[0] != s.ID {
		t.Errorf("waiting %v, want the sale", waiting)
	}
	first.State, first.Failure, first.SettledAt = sale.ReversalRefused, "not-reversible", base().Add(time.Minute)
	must(t, e, func(tx *store.Tx) error { return tx.PutReversal(first) })
	second := reversal(t, e, s.ID, "tester", base().Add(2*time.Minute))
	second.State, second.Confirmed, second.SettledAt = sale.ReversalDone, true, base().Add(3*time.Minute)
	must(t, e, func(tx *store.Tx) error { return tx.PutReversal(second) })
	if got := of(); got.ID != second.ID || got.State != sale.ReversalDone || !got.Confirmed || !got.SettledAt.Equal(second.SettledAt) || got.Reason != "test" {
		t.Errorf("the reversal is %+v, want the one that was done", got)
	}
	_, err := do(e, func(tx *store.Tx) (value, error) {
		second.State = sale.ReversalRefused
		return value{}, tx.PutReversal(second)
	})
	wantErr(t, "a reversal that was done is refused", err, store.ErrInvariant)
	_, err = do(e, func(tx *store.Tx) (value, error) {
		third := sale.Reversal{Sale: s.ID, State: sale.ReversalWaiting, By: "tester", At: base()}
		var err error
		if third.ID, err = tx.NewID(); err != nil {
			return value{}, err
		}
		return value{}, tx.AddReversal(third)
	})
	wantErr(t, "a second reversal beside one that was done", err, store.ErrConflict)
}

func allAnswers(t *testing.T, r Rig) {
	e := r.Open(t)
	h, other := addHousehold(t, e, 1), addHousehold(t, e, 2)
	s := h.sold(t, e, "a", base())
	m := mtr{h.meter, memory}
	token := issued(t, e, m, 7, "issued")
	later()
	loaded := issued(t, e, m, 8, "issued")
	must(t, e, func(tx *store.Tx) error {
		_, err := tx.C.Exec(`UPDATE token SET vend_id = $1 WHERE tenant_id = $2 AND id IN ($3, $4)`, s.ID, tx.Tenant, token, loaded)
		_, err2 := tx.C.Exec(`INSERT INTO token_report (tenant_id, meter, store, seq, at, received_at, token_id, result) VALUES ($1, $2, $3, 1, $4, $4, $5, 'accept')`,
			tx.Tenant, h.meter.N, memory, tx.Now, loaded)
		return firstError(err, err2)
	})
	a := h.cancel(t, e, token)
	later()
	b := h.cancel(t, e, token)
	c := h.cancel(t, e, loaded)
	answered(t, e, a, command.StateDone, "")
	answered(t, e, b, command.StateFailed, "used before")
	first := reversal(t, e, s.ID, "tester", base(), a)
	first.State, first.SettledAt = sale.ReversalRefused, base()
	must(t, e, func(tx *store.Tx) error {
		return firstError(tx.PutReversal(first), tx.CancelTake(token, sale.TakenNever))
	})
	reversal(t, e, s.ID, "tester", base().Add(time.Minute), b, c)
	reversal(t, e, other.sold(t, e, "b", base()).ID, "tester", base(), h.cancel(t, e, issued(t, e, m, 9, "issued")))
	got := look(t, e, func(tx *store.Tx) ([]vending.CancelAnswer, error) { return tx.CancelAnswers(s.ID) })
	for i := range got {
		if got[i].Asked.IsZero() {
			t.Errorf("answer %d has no time at which the meter was asked", i)
		}
		got[i].Asked = time.Time{}
	}
	want := []vending.CancelAnswer{
		{Token: token, Command: a.Command, Taken: sale.TakenNever, State: command.StateDone},
		{Token: token, Command: b.Command, State: command.StateFailed, Answer: "used before"},
		{Token: loaded, Command: c.Command, State: command.StateQueued, Loaded: true},
	}
	if !slices.Equal(got, want) {
		t.Errorf("the answers about the sale's tokens are\n%+v, want\n%+v", got, want)
	}
}

func lateAnswers(t *testing.T, r Rig) {
	e := r.Open(t)
	h := addHousehold(t, e, 1)
	s := h.sold(t, e, "a", base())
	token := issued(t, e, mtr{h.meter, memory}, 7, "issued")
	c := h.cancel(t, e, token)
	reversal(t, e, s.ID, "tester", base(), c)
	late := func() string {
		return look(t, e, func(tx *store.Tx) (string, error) {
			sales, err := tx.CancelsLate(id.ID{}, 10)
			owed, e2 := tx.CancelsOwed(id.ID{}, 10)
			return fmt.Sprint(len(sales), len(owed)), firstError(err, e2)
		})
	}
	for _, step := range []struct {
		taken  sale.CancelTaken
		state  command.State
		answer string
		want   string
	}{
		{sale.TakenOpen, command.StateDone, "", "0 0"}, // the waiting reversal sees the answer itself
		{sale.TakenNever, command.StateSent, "", "0 0"},
		{sale.TakenNever, command.StateFailed, "broken", "0 0"},
		{sale.TakenNever, command.StateFailed, "used", "1 0"},
		{sale.TakenUsed, command.StateFailed, "used", "0 0"},
		{sale.TakenUsed, command.StateDone, "", "1 0"},
		{sale.TakenOwed, command.StateDone, "", "0 1"},
		{sale.TakenReplaced, command.StateDone, "", "0 0"},
	} {
		must(t, e, func(tx *store.Tx) error { return tx.CancelTake(token, step.taken) })
		answered(t, e, c, step.state, step.answer)
		if got := late(); got != step.want {
			t.Errorf("taken %q and answered %s %s: late and owed %s, want %s", step.taken, step.state, step.answer, got, step.want)
		}
	}
}

func reversedUsed(t *testing.T, r Rig) {
	e := r.Open(t)
	h := addHousehold(t, e, 1)
	s := h.sold(t, e, "a", base())
	m := mtr{h.meter, memory}
	for tid, c := range map[uint32]struct {
		state, result string
		asked         bool // the meter was told to cancel the token, and no answer was taken
		want          bool
	}{
		1: {"reversed_unconfirmed", "", false, false},
		2: {"reversed_unconfirmed", "crc_error", false, false},
		3: {"reversed_unconfirmed", "accept", false, true},
		4: {"reversed_unconfirmed", "used_error", false, true},
		5: {"reversed_unconfirmed", "used_error", true, false}, // the meter may say so because it has cancelled the token
		6: {"reversed_unconfirmed", "accept", true, true},
		7: {"reversed", "accept", false, false},
		8: {"accepted", "accept", false, false},
	} {
		token := issued(t, e, m, tid, c.state)
		must(t, e, func(tx *store.Tx) error {
			_, err := tx.C.Exec(`UPDATE token SET result = $1 WHERE tenant_id = $2 AND id = $3`, c.result, tx.Tenant, token)
			return err
		})
		if c.asked {
			rev := reversal(t, e, s.ID, "tester", base(), h.cancel(t, e, token))
			rev.State, rev.SettledAt = sale.ReversalRefused, base()
			must(t, e, func(tx *store.Tx) error {
				return firstError(tx.PutReversal(rev), tx.CancelTake(token, sale.TakenNever))
			})
		}
		got := look(t, e, func(tx *store.Tx) ([]sale.Token, error) { return tx.ReversedUsed(10) })
		if found := len(got) == 1 && got[0].ID == token; found != c.want {
			t.Errorf("token %d, %s, answered %q (asked to forget: %t): found %t, want %t", tid, c.state, c.result, c.asked, found, c.want)
		}
		must(t, e, func(tx *store.Tx) error { return tx.TokenMoved(token, metering.MoveCancelled) })
	}
}

func reversalsSummed(t *testing.T, r Rig) {
	e := r.Open(t)
	h := addHousehold(t, e, 1)
	shop := id.ID{15: 9}
	for i, c := range []struct {
		by      string
		ofShop  bool
		refused bool
	}{{by: "amina"}, {by: "amina", ofShop: true}, {by: "juma", ofShop: true, refused: true}, {by: "amina's other key"}} {
		s := h.sold(t, e, fmt.Sprintf("sale-%d", i), base())
		rev := reversal(t, e, s.ID, c.by, base().Add(time.Duration(i)*time.Hour))
		must(t, e, func(tx *store.Tx) (err error) {
			if c.ofShop {
				_, err = tx.C.Exec(`UPDATE vend SET vendor_key = $1 WHERE tenant_id = $2 AND id = $3`, hex.EncodeToString(shop[:]), tx.Tenant, s.ID)
			}
			if rev.State, rev.SettledAt = sale.ReversalRefused, base(); c.refused && err == nil {
				err = tx.PutReversal(rev)
			}
			return err
		})
	}
	type sums struct{ Person, Shop sale.Reversals }
	of := func(from time.Duration, vendor id.ID) sums {
		return look(t, e, func(tx *store.Tx) (s sums, err error) {
			s.Person, s.Shop, err = tx.ReversalsSince([]string{"amina", "amina's other key"}, vendor, base().Add(from))
			return s, err
		})
	}
	for from, want := range map[time.Duration]sums{
		0:               {sale.Reversals{Number: 3, Value: 3000}, sale.Reversals{Number: 2, Value: 1000}}, // a refused reversal moved no money
		time.Hour:       {sale.Reversals{Number: 2, Value: 2000}, sale.Reversals{Number: 2, Value: 1000}},
		2 * time.Hour:   {sale.Reversals{Number: 1, Value: 1000}, sale.Reversals{Number: 1}},
		150 * time.Hour: {},
	} {
		if got := of(from, shop); got != want {
			t.Errorf("from %s on: %+v, want %+v", from, got, want)
		}
	}
	if got := of(0, id.ID{}); got.Shop != (sale.Reversals{}) || got.Person.Number != 3 {
		t.Errorf("of no vendor: %+v", got)
	}
}

func unconfirmedSummed(t *testing.T, r Rig) {
	e := r.Open(t)
	h, other := addHousehold(t, e, 1), addHousehold(t, e, 2)
	sums := func() sale.Reversals {
		return look(t, e, func(tx *store.Tx) (sale.Reversals, error) { return tx.Unconfirmed(h.meter.N) })
	}
	var tokens []id.ID
	for tid, c := range []struct {
		h     household
		state string
	}{{h, "reversed_unconfirmed"}, {h, "reversed_unconfirmed"}, {h, "reversed"}, {h, "accepted"}, {other, "reversed_unconfirmed"}} {
		s := c.h.sold(t, e, fmt.Sprintf("sale-%d", tid), base())
		token := issued(t, e, mtr{c.h.meter, memory}, uint32(tid+1), c.state)
		must(t, e, func(tx *store.Tx) error {
			_, err := tx.C.Exec(`UPDATE token SET vend_id = $1 WHERE tenant_id = $2 AND id = $3`, s.ID, tx.Tenant, token)
			return err
		})
		tokens = append(tokens, token)
	}
	for i, want := range []sale.Reversals{{Number: 2, Value: 2000}, {Number: 1, Value: 1000}, {}} {
		if got := sums(); got != want {
			t.Errorf("after %d were confirmed: %+v, want %+v", i, got, want)
		}
		must(t, e, func(tx *store.Tx) error { return tx.TokenMoved(tokens[i], metering.MoveCancelled) })
	}
}

func unconfirmedListed(t *testing.T, r Rig) {
	e := r.Open(t)
	h := addHousehold(t, e, 1)
	shop := vendor.Vendor{Code: "V001", Name: "Corner shop", Billing: vendor.PrepaidFloat, CreatedAt: base()}
	must(t, e, func(tx *store.Tx) (err error) {
		if shop.ID, err = tx.NewID(); err != nil {
			return err
		}
		return tx.AddVendor(shop)
	})
	day := base()
	for i, c := range []struct {
		at        time.Duration
		confirmed bool
	}{{at: -time.Second}, {at: time.Hour}, {at: 2 * time.Hour, confirmed: true}, {at: 3 * time.Hour}, {at: 24 * time.Hour}} {
		s := h.sold(t, e, fmt.Sprintf("sale-%d", i), base())
		rev := reversal(t, e, s.ID, fmt.Sprintf("asker %d", i), day.Add(c.at))
		rev.State, rev.Confirmed, rev.SettledAt = sale.ReversalDone, c.confirmed, day.Add(c.at)
		must(t, e, func(tx *store.Tx) error {
			if i != 1 {
				return tx.PutReversal(rev)
			}
			_, err := tx.C.Exec(`UPDATE vend SET vendor_key = $1 WHERE tenant_id = $2 AND id = $3`, hex.EncodeToString(shop.ID[:]), tx.Tenant, s.ID)
			a := access.Approval{Act: access.ActReverse, Right: access.Reverse, Object: s.ID.Text(id.Vend), Body: []byte("{}"), State: access.ApprovalWaiting,
				Maker: access.Actor{Kind: access.APIKey, Name: "till"}, CreatedAt: day}
			if err == nil {
				a.ID, err = tx.NewID()
			}
			if err == nil {
				err = tx.AddApproval(a)
			}
			a.State, a.Checker, a.DecidedAt = access.ApprovalUsed, access.Actor{Kind: access.Person, Name: "juma@example.org"}, rev.SettledAt
			if err == nil {
				_, err = tx.PutApproval(a, access.ApprovalWaiting)
			}
			return firstError(err, tx.PutReversal(rev))
		})
	}
	list := look(t, e, func(tx *store.Tx) (out []string, err error) {
		all, err := tx.UnconfirmedReversals(day, day.Add(24*time.Hour), 10)
		for _, u := range all {
			out = append(out, fmt.Sprintf("%s %q sold by %s, %s, allowed by %q, %s", u.Meter, u.Vendor, u.SoldBy, u.By, u.ApprovedBy, u.Tender))
		}
		return out, err
	})
	want := []string{h.meter.Number + ` "V001" sold by test, asker 1, allowed by "person juma@example.org", 10.00 KES`,
		h.meter.Number + ` "" sold by test, asker 3, allowed by "", 10.00 KES`}
	if !slices.Equal(list, want) {
		t.Errorf("the day's unconfirmed reversals:\n%q, want\n%q", list, want)
	}
}
