package storetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/recharge"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/sts"
)

func rechargeTests() []test {
	return []test{
		{"a token from elsewhere has the states of one that was sold", externalStates},
		{"a token's way is told with its times", tokenTimes},
		{"tokens from elsewhere are listed among a meter's own", externalListed},
		{"a balance told after the newest reading is found", balanceSaid},
	}
}

// addExternal stores an external token that is to be delivered to a meter.
func addExternal(t *testing.T, e store.Engine, m mtr, tid uint32, known bool, hash byte) id.ID {
	t.Helper()
	g := recharge.ExternalToken{HasTID: known, By: "tester", Token: sale.Token{Meter: m.N, State: sale.TokenIssued, IssuedAt: base(), Sealed: []byte{1, 2}, Hash: []byte{hash}}}
	if known {
		g.TID, g.BaseDate, g.Units = sts.TID(tid), sts.Base2014, 34_700
	}
	must(t, e, func(tx *store.Tx) (err error) {
		if g.ID, err = tx.NewID(); err != nil {
			return err
		}
		if err := tx.AddExternalToken(g); err != nil {
			return err
		}
		return deliver(tx, m, g.ID)
	})
	return g.ID
}

func deliver(tx *store.Tx, m mtr, token id.ID) error {
	body, err := json.Marshal(job.Body{TokenID: token.Text(id.Token), Request: token.Text(id.Token)})
	if err == nil {
		_, err = tx.Enqueue(job.Item{Lane: job.LaneMQTT, Key: m.Number, Kind: job.KindToken, Body: body})
	}
	return err
}

// way is the progress of a token, in the form in which package recharge reads it.
type way struct {
	token          sale.Token
	number         string
	sent, answered time.Time
	elsewhere      bool
	waits          bool
	reports        int
}

func wayOf(t *testing.T, e store.Engine, m mtr, token id.ID) way {
	t.Helper()
	return look(t, e, func(tx *store.Tx) (w way, err error) {
		if w.token, w.number, _, err = tx.TokenForPush(token); err != nil {
			return w, err
		}
		if w.sent, w.answered, w.elsewhere, err = tx.TokenTimes(token); err != nil {
			return w, err
		}
		d, found, err := tx.DeliveryOf(m.Number, token)
		if err != nil {
			return w, err
		}
		w.waits = found && !d.Dead
		reports, err := tx.TokenReportsOf(m.N, token, 5)
		w.reports = len(reports)
		return w, err
	})
}

func externalStates(t *testing.T, r Rig) {
	e := r.Open(t)
	m, other := booted(t, e, 1, false), booted(t, e, 2, false)
	for i, c := range []struct {
		registered, asked bool
		result            string
		want              sale.TokenState
		waits             bool
		reports           int
		alarm             string
	}{
		{true, true, "accept", sale.TokenAccepted, false, 1, "ghost-credit"}, // the token was not sold here, even if somebody registered it
		{true, false, "accept", sale.TokenAccepted, false, 1, "ghost-credit"},
		{false, true, "used_error", sale.TokenAccepted, false, 1, ""},
		{false, false, "used_error", sale.TokenSent, true, 0, ""}, // nothing shows that the report is about this token
		{true, true, "crc_error", sale.TokenRejected, false, 1, ""},
		{true, true, "locked", sale.TokenSent, true, 1, ""},
	} {
		tid := uint32(5000 + i)
		token := addExternal(t, e, m, tid, c.registered, byte(i))
		must(t, e, func(tx *store.Tx) error { return tx.TokenPushed(token) })
		request := ""
		if c.asked {
			request = token.Text(id.Token)
		}
		outcomes(t, e, other.token(uint64(i+1), tid, request, "accept")) // another meter's report does not count
		outcomes(t, e, m.token(uint64(i+1), tid, request, c.result))
		w := wayOf(t, e, m, token)
		if w.token.State != c.want || w.waits != c.waits || w.reports != c.reports || !w.elsewhere || w.number != m.Number || w.sent.IsZero() || w.answered.IsZero() != (c.reports == 0) {
			t.Errorf("%d, %s: %+v, want %s, waiting %t, %d reports", i, c.result, w, c.want, c.waits, c.reports)
		}
		if got := alarms(t, e, m); got != c.alarm {
			t.Errorf("%d, %s: alarms %q, want %q", i, c.result, got, c.alarm)
		}
		must(t, e, func(tx *store.Tx) error { return tx.ClearAlarm(m.N, "ghost-credit") })
	}
	found := look(t, e, func(tx *store.Tx) (bool, error) { _, ok, err := tx.ExternalTokenByHash(m.N, []byte{0}); return ok, err })
	strange := look(t, e, func(tx *store.Tx) (bool, error) {
		_, ok, err := tx.ExternalTokenByHash(other.N, []byte{0})
		return ok, err
	})
	if !found || strange {
		t.Errorf("found by its digits: %t, at another meter: %t; want only the first", found, strange)
	}
}

func tokenTimes(t *testing.T, r Rig) {
	e := r.Open(t)
	m := booted(t, e, 1, false)
	token := issued(t, e, m, 7, "issued")
	must(t, e, func(tx *store.Tx) error {
		_, err := tx.C.Exec(`UPDATE token SET digits_enc = $1 WHERE id = $2`, []byte{1}, token)
		return err
	})
	if w := wayOf(t, e, m, token); !w.sent.IsZero() || !w.answered.IsZero() || w.elsewhere || !w.waits || w.token.State != sale.TokenIssued {
		t.Errorf("before it is sent: %+v", w)
	}
	must(t, e, func(tx *store.Tx) error { return tx.TokenPushed(token) })
	first := wayOf(t, e, m, token)
	if first.sent.IsZero() || first.token.State != sale.TokenSent {
		t.Errorf("sent: %+v", first)
	}
	outcomes(t, e, m.token(1, 7, "", "accept"))
	must(t, e, func(tx *store.Tx) error { return tx.TokenPushed(token) }) // a push that was already under way
	if w := wayOf(t, e, m, token); w.token.State != sale.TokenAccepted || w.waits || w.answered.IsZero() || w.sent.Before(first.sent) || w.reports != 1 {
		t.Errorf("answered: %+v", w)
	}
	must(t, e, func(tx *store.Tx) error {
		if err := deliver(tx, m, token); err != nil {
			return err
		}
		_, err := tx.C.Exec(`UPDATE outbox SET dead_at = $1 WHERE key = $2`, tx.Now, m.Number)
		return err
	})
	if w := wayOf(t, e, m, token); w.waits {
		t.Errorf("a delivery that was given up waits: %+v", w)
	}
}

// externalListed pages through sold and external tokens, newest first, each once.
func externalListed(t *testing.T, r Rig) {
	e := r.Open(t)
	m, other := booted(t, e, 1, false), booted(t, e, 2, false)
	var want []id.ID
	for i := range 5 {
		want = append([]id.ID{addExternal(t, e, m, uint32(100+i), i%2 == 0, byte(i))}, want...)
		addExternal(t, e, other, uint32(100+i), true, byte(i))
		later() // the order within a millisecond is random
	}
	var got []id.ID
	for before := (id.ID{}); ; {
		page := look(t, e, func(tx *store.Tx) ([]sale.Token, error) { return tx.MeterTokens(m.N, before, 2) })
		for _, token := range page {
			if !token.Elsewhere || !token.Sale.IsZero() {
				t.Errorf("token %+v is of a sale or made here", token)
			}
			got, before = append(got, token.ID), token.ID
		}
		if len(page) < 2 {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("listed %v, want %v", got, want)
	}
}

// balanceSaid tests that the balance in a token report counts if, by the meter's own clock, it is later than the newest reading.
func balanceSaid(t *testing.T, r Rig) {
	e := r.Open(t)
	m := booted(t, e, 1, false)
	said := func() string {
		return look(t, e, func(tx *store.Tx) (string, error) {
			rec, found, err := tx.MeterRecord(m.ID)
			if err != nil || !found {
				return "", err
			}
			s, _, err := tx.ReportedBalance(rec.Meter)
			if err != nil || s == nil {
				return "", err
			}
			return fmt.Sprint(s.Balance, " by ", s.Source), nil
		})
	}
	if got := said(); got != "" {
		t.Errorf("before the meter said anything: %q", got)
	}
	outcomes(t, e, m.token(1, 1, "", "accept"))
	first := said()
	if first == "" {
		t.Error("a balance that came with a token is not found")
	}
	outcomes(t, e, m.reading(2))
	if got := said(); got != "" {
		t.Errorf("after a reading that is newer: %q", got)
	}
}
