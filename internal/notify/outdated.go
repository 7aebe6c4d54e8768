package notify

// Notices that are out of date before they could be sent. A telephone that was off gets the news, and not the history.

import (
	"fmt"

	"github.com/paywatt/paywatt/internal/wallet"
)

// laterMost is the largest number of later messages that are compared with a notice.
const laterMost = 50

// warningOver is the reason why a warning is not sent that was true when it was queued.
const warningOver = "the balance is no longer low"

// readSince is the reason why the warning is not sent that a device cannot be read.
const readSince = "a value of the device was read"

// dropOutdated ends a notice that is out of date, and reports whether it has ended the notice. It does not record the notice as sent: the
// customer has not read it. So a cut-off still waits for the later warning.
func (d *Dispatcher) dropOutdated(tx Tx, m Message) (bool, error) {
	why, err := outdated(tx, m)
	if err != nil || why == "" {
		return false, err
	}
	end := Suppressed
	if m.State == Uncertain { // an earlier try may have reached the telephone
		end = Uncertain
	}
	m.end(end, why, d.c.Now())
	if err := tx.MessagePut(m); err != nil {
		return false, err
	}
	return true, d.note(tx, m)
}

// outdated returns the reason why a notice is out of date; empty if it is not.
func outdated(tx Tx, m Message) (string, error) {
	if !placeOf(m.Purpose).passing {
		return "", nil
	}
	later, err := tx.Queued().MessagesAfter(m, replacingPurposes(), laterMost)
	if err != nil {
		return "", err
	}
	if l, replaced := replacedBy(m, later); replaced {
		return fmt.Sprintf("a later message says more: %s", l.Purpose), nil
	}
	if m.Purpose == PurposeUnread {
		if read, err := tx.Recipients().DeviceWasRead(m.Meter); err != nil || read {
			return readSince, err
		}
	}
	holds, err := wallet.WarningHolds(tx.Notices(), kindOf(m.Purpose), m.Number, m.Args.Account)
	if err != nil || holds {
		return "", err
	}
	return warningOver, nil
}
