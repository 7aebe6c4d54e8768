package shoptest_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
)

// finds returns the findings of verification about a token or a reversal after some statements.
func (s *shop) finds(sql string) string {
	s.t.Helper()
	r := s.after(s.trust(), script(sql))
	var all []string
	for _, f := range r.Findings {
		all = append(all, f.Rule+": "+f.What)
	}
	return strings.Join(all, "\n")
}

// unused returns the statements with which an insider makes a token look as if no meter had it.
func unused() map[string]string {
	return map[string]string{
		"issued":            `UPDATE token SET state = 'issued'`,
		"issued, no answer": `UPDATE token SET state = 'issued', result = '', answered_at = NULL`,
		"sent":              `UPDATE token SET state = 'sent', result = 'busy'`,
		"rejected":          `UPDATE token SET state = 'rejected', result = 'crc_error'`,
		"only heard of":     `UPDATE token SET state = 'heard', result = 'sms_accept'`,
	}
}

// TestATokenThatItsMeterHasIsNotReversed: the meter's report of a token overrides the token's row.
func TestATokenThatItsMeterHasIsNotReversed(t *testing.T) {
	for _, result := range []string{"accept", "used_error"} {
		s := open(t, true)
		m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
		sold := s.sell(order(m, 10000, "key-number-1"))
		s.report(m, sold.Sale.Tokens[0].ID, result)
		s.verified()
		s.clock.add(5 * time.Minute)
		for name, sql := range unused() {
			if found := s.finds(sql); !strings.Contains(found, "changed outside the server") {
				t.Errorf("the meter said %s, the token was made to look %s, and verification found %q", result, name, found)
			}
			s.exec(sql)
			if got := s.undo(owner(), sold.Sale, "mistyped", "undo-"+strings.ReplaceAll(name, " ", "-")); got.Code != refusal.NotReversible {
				t.Errorf("the meter said %s, the token was made to look %s, and a reversal is answered %q, want not reversible", result, name, got.Code)
			}
		}
		s.exec(`UPDATE token SET state = 'accepted', result = $1, answered_at = 1`, result)
		s.verified()
	}
}

// TestACancellationThatTheMetersReportContradicts: the meter reports that it accepted the token while the reversal waits, and somebody
// writes into the database that the meter has cancelled the token. The sale remains, and no other token is made.
func TestACancellationThatTheMetersReportContradicts(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.online.Store(m, true)
	sold := s.sell(order(m, 10000, "key-number-1"))
	s.reversed(owner(), sold.Sale, "mistyped")
	s.report(m, sold.Sale.Tokens[0].ID, "accept")
	s.exec(`UPDATE token SET state = 'issued', result = '', answered_at = NULL`)
	s.answers("done", "")
	for range 2 {
		if _, err := s.Recover(context.Background(), system()); err != nil {
			t.Fatal(err)
		}
	}
	if state, token := s.state(sold.Sale); state != sale.Completed || token != sale.TokenAccepted {
		t.Errorf("the sale is %s, its token %s; want completed and accepted", state, token)
	}
	if n := s.number(`SELECT COUNT(*) FROM token`); n != 1 {
		t.Errorf("%d tokens, want 1", n)
	}
}

// TestVerifyFindsAReversalAfterTheMetersReport: verification finds such a reversal, however it happened, and reports no false errors. A
// meter may report a token after its sale was reversed, and the clock may have been set back between the two.
func TestVerifyFindsAReversalAfterTheMetersReport(t *testing.T) {
	for name, c := range map[string]struct {
		before, after time.Duration // time of the report, counted from the reversal
		back          time.Duration // time by which the clock is set back at the end
		found         bool
	}{
		"reported before":                     {before: 5 * time.Minute, found: true},
		"reported after":                      {after: 5 * time.Minute},
		"on its way when it was reversed":     {before: 10 * time.Second},
		"reported after, by a clock set back": {before: 5 * time.Minute, back: 6 * time.Minute},
	} {
		s := open(t, true)
		m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
		sold := s.sell(order(m, 10000, "key-number-1"))
		s.clock.add(time.Hour)
		s.reversed(owner(), sold.Sale, "mistyped")
		s.sealed()
		s.clock.add(c.after - c.before)
		s.report(m, sold.Sale.Tokens[0].ID, "accept")
		s.clock.add(c.before - c.back)
		for _, when := range []string{"before", "after"} {
			found := s.finds(`UPDATE tenant SET id = id`)
			if c.back > 0 && when == "before" {
				found = "" // the books do not show yet that the clock was set back
			}
			if strings.Contains(found, "Sale "+sold.Sale.ID.Text(id.Vend)+" was reversed at") != c.found || found != "" != c.found {
				t.Errorf("%s: %s the value is claimed back verification found %q, want something: %t", name, when, found, c.found)
			}
			s.exec(`UPDATE token SET result = 'accept'`)
			if _, err := s.Recover(context.Background(), system()); err != nil {
				t.Fatal(err)
			}
		}
		if _, token := s.state(sold.Sale); token != sale.TokenAccepted {
			t.Errorf("%s: the token is %s, want accepted: its value is claimed back", name, token)
		}
	}
}

// TestASealThatCoversAnHourShowsNoClockSetBack: the seal of a reversal may come late and cover much earlier work, or may not exist yet.
// Only an earlier time in a later seal shows that the clock was set back.
func TestASealThatCoversAnHourShowsNoClockSetBack(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	sold := s.sell(order(m, 10000, "key-number-1"))
	s.clock.add(time.Hour)
	began := s.clock.Now()
	s.reversed(owner(), sold.Sale, "mistyped")
	s.sealed()
	for name, c := range map[string]struct {
		sql  string
		want time.Time
	}{
		"one seal for both":  {`UPDATE audit SET seal_n = 1`, began},
		"no seal yet":        {`UPDATE audit SET seal_n = NULL`, began},
		"its own not yet":    {`UPDATE audit SET seal_n = NULL WHERE action = 'vend.reverse'`, began},
		"the clock set back": {`UPDATE audit SET seal_n = 1000 WHERE action <> 'vend.reverse'`, time.Time{}},
	} {
		var at time.Time
		s.after(s.trust(), func(tx *store.Tx) (err error) {
			if err = script(c.sql)(tx); err == nil {
				at, err = tx.ReversedAt(sold.Sale.ID.Text(id.Vend))
			}
			return err
		})
		if !at.Equal(c.want) {
			t.Errorf("%s: the reversal was begun at %s, want %s", name, at, c.want)
		}
	}
}

// TestAClearedAnswerIsClaimedBackAllTheSame clears the stored answer of a reversed sale's token. The meter's report alone is enough to
// claim the value of the token back.
func TestAClearedAnswerIsClaimedBackAllTheSame(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	sold := s.sell(order(m, 10000, "key-number-1"))
	s.reversed(owner(), sold.Sale, "mistyped")
	s.report(m, sold.Sale.Tokens[0].ID, "accept")
	s.exec(`UPDATE token SET result = '', answered_at = NULL`)
	if n, err := s.Recover(context.Background(), system()); n != 1 || err != nil {
		t.Errorf("%d claimed back (%v), want 1", n, err)
	}
}
