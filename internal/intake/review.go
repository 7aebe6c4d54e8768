package intake

import (
	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/metering"
)

// maxHeld is how many records of one meter may wait for a decision. A meter that sends only nonsense must not fill the table, and nobody
// decides about more than maxHeld records one by one.
const maxHeld = 200

// full reports whether a meter has reached maxHeld, so that no more of its records are held.
func full(waiting int64) bool { return waiting >= maxHeld }

// HasRoom reports whether another record of a meter can be held for review.
func HasRoom(tx ReviewTx, meter int64) (bool, error) {
	waiting, err := tx.HeldWaiting(meter)
	return !full(waiting), err
}

// ReviewTx is the part of a transaction for records held for review.
type ReviewTx interface {
	// HeldWaiting counts the records of a meter that wait for a decision, and HoldRecord adds one.
	HeldWaiting(meter int64) (int64, error)
	HoldRecord(r *metering.Record, l *metering.Live, d metering.Decision) error
	// HeldDropped counts a record that is not stored and returns the count of its meter. ResetHeldDropped resets that count.
	HeldDropped(meter int64) (int64, error)
	ResetHeldDropped(meter int64) error
	// UpdateAlarm opens an alarm, or updates the open one; ClearAlarm ends it.
	UpdateAlarm(meter int64, a metering.Alarm) error
	ClearAlarm(meter int64, code metering.AlarmCode) error
}

// hold stores a record as it came for a person's decision. If [maxHeld] records wait already, the record is only
// counted, and one alarm gives the count.
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
		return tx.UpdateAlarm(r.Meter, metering.Alarm{Code: metering.AlarmQuarantineFull, Text: alarmtext.QuarantineFull(maxHeld, int64(n))})
	}
	if err := tx.HoldRecord(r, l, d); err != nil || d.Alarm == nil {
		return err
	}
	return tx.UpdateAlarm(r.Meter, *d.Alarm) // the alarm names the newest record
}

// Reviewed is called after a decision about one of a meter's records. It ends the alarms that no longer have a reason.
func Reviewed(tx ReviewTx, meter int64) error {
	waiting, err := tx.HeldWaiting(meter)
	if err != nil || full(waiting) {
		return err
	}
	if err := tx.ResetHeldDropped(meter); err != nil {
		return err
	}
	if err := tx.ClearAlarm(meter, metering.AlarmQuarantineFull); err != nil || waiting > 0 {
		return err
	}
	return tx.ClearAlarm(meter, metering.AlarmQuarantine)
}
