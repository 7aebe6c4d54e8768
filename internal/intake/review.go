package intake

import (
	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/metering"
)

// maxHeld is how many records of one meter may wait for a decision: a meter that sends nothing but nonsense must not fill the
// table, and nobody decides about more than that one by one.
const maxHeld = 200

// full reports whether no further record of a meter is held while so many wait for a decision.
func full(waiting int64) bool { return waiting >= maxHeld }

// ReviewTx is what records that are held for review need of a transaction.
type ReviewTx interface {
	// HeldWaiting counts the records of a meter that wait for a decision, and HoldRecord adds one.
	HeldWaiting(meter int64) (int64, error)
	HoldRecord(r *metering.Record, l *metering.Live, d metering.Decision) error
	// HeldDropped counts a record that is not kept and returns how many of its meter were not. HeldCounted ends that count.
	HeldDropped(meter int64) (int64, error)
	HeldCounted(meter int64) error
	// TellAlarm opens an alarm, or brings the open one up to date; ClearAlarm ends it.
	TellAlarm(meter int64, a metering.Alarm) error
	ClearAlarm(meter int64, code metering.AlarmCode) error
}

// hold keeps a record for a person's decision, as it came. Beyond [maxHeld] it is counted instead, and one alarm says
// how many were.
func hold(tx ReviewTx, r *metering.Record, l *metering.Live, d metering.Decision) error {
	waiting, err := tx.HeldWaiting(r.Meter)
	if err != nil {
		return err
	}
	if full(waiting) {
		n, err := tx.HeldDropped(r.Meter)
		if err != nil {
			return err
		}
		return tx.TellAlarm(r.Meter, metering.Alarm{Code: metering.AlarmQuarantineFull, Text: alarmtext.QuarantineFull(maxHeld, int64(n))})
	}
	if err := tx.HoldRecord(r, l, d); err != nil || d.Alarm == nil {
		return err
	}
	return tx.TellAlarm(r.Meter, *d.Alarm) // of many the newest is told
}

// Reviewed ends the alarms about a meter's records that have no reason any more, after somebody has decided about one of them.
func Reviewed(tx ReviewTx, meter int64) error {
	waiting, err := tx.HeldWaiting(meter)
	if err != nil || full(waiting) {
		return err
	}
	if err := tx.HeldCounted(meter); err != nil {
		return err
	}
	if err := tx.ClearAlarm(meter, metering.AlarmQuarantineFull); err != nil || waiting > 0 {
		return err
	}
	return tx.ClearAlarm(meter, metering.AlarmQuarantine)
}
