package store

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store/core"
)

// Keys of the table meta that are about the clock; see [vending.Clock].
const (
	metaSteps   = "clock_steps" // how the server's clock was moved, a [sale.ClockRecord] as JSON
	metaClock   = "clock"       // when the server's clock was last known to be trusted, in microseconds since 1970
	metaTrusted = "trusted:"    // for a tenant: when a person trusted the clock, and the time of the newest token then; both in microseconds
)

// span is the time between two moments. It includes the last moment, but not the first.
type span struct{ from, to time.Time }

// holds reports whether a moment lies in the span.
func (s span) holds(at time.Time) bool { return at.After(s.from) && !at.After(s.to) }

// parseSpan reads two moments in microseconds with a blank between them; the empty text gives zero moments.
func parseSpan(text string) (s span, err error) {
	if text == "" {
		return span{}, nil
	}
	from, to, _ := strings.Cut(text, " ")
	if s.from, err = moment(from); err == nil {
		s.to, err = moment(to)
	}
	return s, err
}

// String returns the form that parseSpan reads.
func (s span) String() string { return fmt.Sprintf("%d %d", s.from.UnixMicro(), s.to.UnixMicro()) }

// moment reads microseconds since 1970, the empty text gives the zero time.
func moment(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	us, err := strconv.ParseInt(text, 10, 64)
	return time.UnixMicro(us).UTC(), err
}

func trustedKey(t access.Tenant) string { return metaTrusted + strconv.FormatInt(int64(t), 10) }

// VendClock returns the times that the store knows. The newest token's identity holds its time of issue.
func (tx *Tx) VendClock() (sale.Times, error) {
	if t := tx.CachedClock(); t != nil {
		return *t, nil
	}
	t, err := tx.readClock()
	if err == nil {
		tx.CacheClock(t)
	}
	return t, fault.Wrap(err, "read the clocks of a sale")
}

func (tx *Tx) readClock() (t sale.Times, err error) {
	var newest id.ID
	var wrong span
	_, err = tx.One(`SELECT (SELECT id FROM token WHERE tenant_id = $1 ORDER BY id DESC LIMIT 1), (SELECT value FROM meta WHERE key = $2),
		(SELECT value FROM meta WHERE key = $3), (SELECT value FROM meta WHERE key = $4), (SELECT value FROM meta WHERE key = $5)`,
		func(r core.Row) (err error) {
			newest = r.ID(0)
			if t.Restored, t.Lost, err = core.RestoredAt(r.Text(1), r.Text(2)); err != nil {
				return err
			}
			if t.LastTrusted, err = moment(r.Text(3)); err != nil {
				return err
			}
			wrong, err = parseSpan(r.Text(4))
			return err
		}, tx.Tenant, core.MetaRestored, core.MetaLostTID, metaClock, trustedKey(tx.Tenant))
	if t.Trusted = wrong.from; err == nil && !newest.IsZero() {
		t.Newest, err = tx.newestBut(newest.Time(), wrong, t.LastTrusted)
	}
	return t, err
}

// newestBut returns when the newest token was issued. It leaves out tokens from the span that a person has marked as wrong.
// If the newest token is from this span, newestBut returns the later of two times. One is the time of the newest token
// before the span. The other is the time at which the clock was last trusted.
func (tx *Tx) newestBut(newest time.Time, wrong span, known time.Time) (time.Time, error) {
	if !wrong.holds(newest) {
		return newest, nil
	}
	_, err := tx.One(`SELECT id FROM token WHERE tenant_id = $1 AND id < $2 ORDER BY id DESC LIMIT 1`,
		func(r core.Row) error { newest = r.ID(0).Time(); return nil }, tx.Tenant, id.First(wrong.from.Add(time.Millisecond)))
	if err != nil || wrong.holds(newest) || known.After(newest) {
		return known, err
	}
	return newest, nil
}

// ClockBegin does the work of VendClock for a server that starts. A store that only older versions used has no record of a trusted clock.
// ClockBegin then records the time of the newest journal or token, before the server writes a newer row.
func (tx *Tx) ClockBegin() (sale.Times, error) {
	t, err := tx.VendClock()
	if err != nil || !t.LastTrusted.IsZero() {
		return t, err
	}
	t.LastTrusted = t.Newest
	_, err = tx.One(`SELECT id FROM journal WHERE tenant_id = $1 ORDER BY id DESC LIMIT 1`, func(r core.Row) error {
		if at := r.ID(0).Time(); at.After(t.LastTrusted) {
			t.LastTrusted = at
		}
		return nil
	}, tx.Tenant)
	if err != nil || t.LastTrusted.IsZero() {
		return t, fault.Wrap(err, "find the newest journal")
	}
	return t, tx.knowClock(t.LastTrusted)
}

// ClockNote records that the server's clock is trusted now.
func (tx *Tx) ClockNote() error { return tx.knowClock(tx.Now) }

// ClockTrust records that a person trusts the clock. Existing tokens with a time of issue in the future no longer cast
// doubt on the clock.
func (tx *Tx) ClockTrust() error {
	wrong := span{tx.Now, tx.Now}
	_, err := tx.One(`SELECT id FROM token WHERE tenant_id = $1 ORDER BY id DESC LIMIT 1`, func(r core.Row) error {
		if at := r.ID(0).Time(); at.After(wrong.to) {
			wrong.to = at
		}
		return nil
	}, tx.Tenant)
	if err != nil {
		return fault.Wrap(err, "find the newest token")
	}
	if err := tx.PutMeta(trustedKey(tx.Tenant), wrong.String()); err != nil {
		return err
	}
	if err := tx.PutClockRecord(sale.ClockRecord{}); err != nil {
		return err
	}
	return tx.knowClock(tx.Now)
}

// ClockRecord returns how the server's clock was moved, as PutClockRecord wrote it.
func (tx *Tx) ClockRecord() (r sale.ClockRecord, err error) {
	_, err = tx.One(`SELECT value FROM meta WHERE key = $1`, func(row core.Row) error { return json.Unmarshal([]byte(row.Text(0)), &r) }, metaSteps)
	return r, fault.Wrap(err, "read how the clock was moved")
}

// PutClockRecord writes how the server's clock was moved.
func (tx *Tx) PutClockRecord(r sale.ClockRecord) error {
	text, err := json.Marshal(r)
	if err != nil {
		return fault.Wrap(err, "write how the clock was moved")
	}
	return tx.PutMeta(metaSteps, string(text))
}

// knowClock writes when the clock was last known to be right, and refreshes the cached clocks of this commit.
func (tx *Tx) knowClock(at time.Time) error {
	if err := tx.PutMeta(metaClock, strconv.FormatInt(at.UnixMicro(), 10)); err != nil {
		return err
	}
	t, err := tx.readClock()
	if err == nil {
		tx.CacheClock(t)
	}
	return fault.Wrap(err, "read the clocks of a sale")
}
