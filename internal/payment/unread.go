package payment

import (
	"fmt"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
)

// ReadAgain reads a call again that could not be read, because a newer program may understand it. What proved the call when it arrived is all that
// proves it now, so its payments take the usual way. A call in another state stays as it is.
func (ps *Payments) ReadAgain(tx Tx, call id.ID) (Call, refusal.Refusal, error) {
	if _, no, err := ps.c.MayDate(tx); err != nil || no.Refused() {
		return Call{}, no, err
	}
	c, found, err := tx.Payments().CallByID(call)
	if err == nil && !found {
		err = fmt.Errorf("there is no call %s", call.Text(id.Call))
	}
	if err == nil && c.State == CallUnreadable {
		_, err = NewWorker(ps).readCall(tx, &c) // its time to wait is over
	}
	return c, refusal.Refusal{}, err
}

// OpenCall returns what a provider sent, as it sent it.
func (ps *Payments) OpenCall(tx Tx, call id.ID) (Call, Incoming, error) {
	c, found, err := tx.Payments().CallByID(call)
	if err == nil && !found {
		err = fmt.Errorf("there is no call %s", call.Text(id.Call))
	}
	if err != nil {
		return c, Incoming{}, err
	}
	in, err := ps.openCall(c)
	return c, in, err
}
