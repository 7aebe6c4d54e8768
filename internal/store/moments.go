package store

import (
	"fmt"
	"strconv"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/timeline"
	"github.com/paywatt/paywatt/unit"
)

// byIdentity sorts rows by their identity, which begins with the time.
const byIdentity = ` AND id < $3 ORDER BY id DESC LIMIT $4`

// momentQueries read the moments of a meter ($1 tenant, $2 meter). Each follows an index, so that a page of a long life is read as soon as one
// of a short life. Columns: identity, server's time, what, state, by, note, tender, currency, units, result.
var momentQueries = map[timeline.Kind]string{
	timeline.Sales: `SELECT id, created_at, CASE WHEN reverses IS NULL THEN mode ELSE 'reversal' END, state, by_actor, COALESCE(receipt_no, ''), tender, currency, units_wh, '' FROM vend
		WHERE tenant_id = $1 AND meter = $2 AND (created_at < $3 OR created_at = $3 AND id < $4) ORDER BY created_at DESC, id DESC LIMIT $5`,
	timeline.Orders: `SELECT id, created_at, type, state, by_actor, reason, 0, '', 0, answer FROM command
		WHERE tenant_id = $1 AND meter = $2 AND type NOT IN ('config', 'time', 'lease')` + byIdentity,
	timeline.Settings: `SELECT id, created_at, type, state, by_actor, reason, 0, '', 0, answer FROM command
		WHERE tenant_id = $1 AND meter = $2 AND type IN ('config', 'time', 'lease')` + byIdentity,
	timeline.Doubts: `SELECT id, received_at, doubt, state, decided_by, decision, 0, '', 0, '' FROM quarantine WHERE tenant_id = $1 AND meter = $2` + byIdentity,
	timeline.Alarms: `SELECT id, raised_at, code, CASE WHEN cleared_at IS NULL THEN '` + timeline.AlarmOpen + `' ELSE '` + timeline.AlarmEnded + `' END, '', text, 0, '', 0, '' FROM alarm
		WHERE tenant_id = $1 AND meter = $2` + byIdentity,
	timeline.Swaps: `SELECT s.id, s.at, CASE WHEN s.old_meter = m.n THEN '` + timeline.Replaced + `' ELSE '` + timeline.Replaces + `' END, '', s.by_actor, s.reason, 0, '', s.units_wh, o.number
		FROM meter m JOIN meter_swap s ON s.tenant_id = m.tenant_id AND (s.old_meter = m.n OR s.new_meter = m.n)
		JOIN meter o ON o.tenant_id = m.tenant_id AND o.n = s.old_meter + s.new_meter - m.n WHERE m.tenant_id = $1 AND m.n = $2 AND s.id < $3 ORDER BY s.id DESC LIMIT $4`,
	timeline.Messages: `SELECT id, created_at, purpose, state, by_actor, phone, 0, '', 0, '' FROM message WHERE tenant_id = $1 AND meter = $2` + byIdentity,
}

// A token that was made without a sale, and one that was handed in, are in tables of their own.
const (
	madeTokens   = `SELECT id, created_at, '` + timeline.Made + `', state, '', '', 0, '', units_wh, result FROM token WHERE tenant_id = $1 AND meter = $2 AND vend_id IS NULL` + byIdentity
	handedTokens = `SELECT id, created_at, '` + timeline.HandedIn + `', state, by_actor, '', 0, '', units_wh, result FROM given_token WHERE tenant_id = $1 AND meter = $2` + byIdentity
)

// eventMoments reads what a meter reported.
const eventMoments = `SELECT received_at, seq, code, at, clock FROM meter_event WHERE tenant_id = $1 AND meter = $2 AND kind = 'event'
	AND (received_at < $3 OR received_at = $3 AND seq < $4) ORDER BY received_at DESC, seq DESC LIMIT $5`

// tariffMoments reads what was decided about the tariff of the account that a meter supplies. The numbers of the changes are in the order of their
// identities. A change that is taken back is told by the change that does so.
const tariffMoments = `SELECT h.id, h.created_at,
		CASE WHEN h.withdraws > 0 THEN '` + timeline.Withdrawn + `' ELSE '` + timeline.Changed + `' END, h.set_by, h.reason, h.from_at,
		COALESCE((SELECT t.name FROM tariff t WHERE t.tenant_id = h.tenant_id AND t.id = h.tariff_id), '')
	FROM account_tariff h WHERE h.tenant_id = $1 AND h.account_id = (SELECT m.account_id FROM meter m WHERE m.tenant_id = $1 AND m.n = $2)
		AND h.id < $3
	ORDER BY h.n DESC LIMIT $4`

// Moments lists at most max moments of a kind that are older than a place, newest first. Tokens are those made without a sale, and then those
// handed in, each newest first.
func (tx *Tx) Moments(kind timeline.Kind, meter int64, before timeline.Place, max int) ([]timeline.Moment, error) {
	switch kind {
	case timeline.Events:
		return tx.eventMoments(meter, before, max)
	case timeline.Tariffs:
		return tx.tariffMoments(meter, before, max)
	case timeline.Tokens:
		made, err := tx.momentsOf(kind, madeTokens, tx.Tenant, meter, before.Before(), max)
		if err != nil {
			return nil, err
		}
		handed, err := tx.momentsOf(kind, handedTokens, tx.Tenant, meter, before.Before(), max)
		return append(made, handed...), err
	case timeline.Sales:
		return tx.momentsOf(kind, momentQueries[kind], tx.Tenant, meter, before.Micros, before.ID, max)
	}
	query, known := momentQueries[kind]
	if !known {
		return nil, fmt.Errorf("list moments: unknown kind %q", kind)
	}
	return tx.momentsOf(kind, query, tx.Tenant, meter, before.Before(), max)
}

func (tx *Tx) momentsOf(kind timeline.Kind, query string, args ...any) ([]timeline.Moment, error) {
	var out []timeline.Moment
	err := tx.C.Query(query, func(r core.Row) error {
		m := timeline.Moment{Kind: kind, ID: r.ID(0), At: r.Time(1), What: r.Text(2), State: r.Text(3), By: r.Text(4), Note: r.Text(5),
			Tender: money.Amount{Minor: money.Minor(r.Int(6)), Currency: r.Text(7)}, Units: unit.Energy(r.Int(8)), Result: r.Text(9)}
		if m.Place = timeline.PlaceOf(m.ID); kind == timeline.Sales {
			m.Place = timeline.Place{Micros: m.At.UnixMicro(), ID: m.ID}
		}
		out = append(out, m)
		return nil
	}, args...)
	return out, fault.Wrap(err, "list moments of kind %s", kind)
}

// tariffMoments lists the changes of the tariff of a meter's account.
func (tx *Tx) tariffMoments(meter int64, before timeline.Place, max int) ([]timeline.Moment, error) {
	var out []timeline.Moment
	err := tx.C.Query(tariffMoments, func(r core.Row) error {
		m := timeline.Moment{Kind: timeline.Tariffs, ID: r.ID(0), At: r.Time(1), What: r.Text(2), By: r.Text(3), Note: r.Text(4),
			Begins: r.Time(5), Result: r.Text(6)}
		m.Place = timeline.PlaceOf(m.ID)
		out = append(out, m)
		return nil
	}, tx.Tenant, meter, before.Before(), max)
	return out, fault.Wrap(err, "list the changes of a tariff")
}

// eventMoments lists what a meter reported. Daily rows and answers to commands are no events.
func (tx *Tx) eventMoments(meter int64, before timeline.Place, max int) ([]timeline.Moment, error) {
	micros, seq := before.BeforeEvent()
	var out []timeline.Moment
	err := tx.C.Query(eventMoments, func(r core.Row) error {
		m := timeline.Moment{Kind: timeline.Events, At: r.Time(0), What: strconv.FormatInt(r.Int(2), 10), Place: timeline.PlaceOfEvent(r.Time(0), uint64(r.Int(1)))}
		if r.Text(4) != "invalid" {
			m.MeterAt = r.Time(3)
		}
		out = append(out, m)
		return nil
	}, tx.Tenant, meter, micros, int64(min(seq, 1<<62)), max)
	return out, fault.Wrap(err, "list events")
}
