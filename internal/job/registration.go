package job

import (
	"encoding/json"
	"fmt"
	"time"
)

// KindRegistration is the kind of items in the lane [LanePayment] that follow a registration: a parked payment may have waited for it.
const KindRegistration = "registration"

// Registration says what was registered or changed. Empty fields say nothing.
type Registration struct {
	Meter   string `json:"meter,omitempty"`   // number of a meter that got an account, or a key
	Account string `json:"account,omitempty"` // identity of the account
	Phone   string `json:"phone,omitempty"`   // a telephone number that a customer got or lost
	Prices  bool   `json:"prices,omitempty"`  // a tariff has new prices
}

// Item returns the work that looks at the parked payments from a time on; zero time means now. Each registration has a key of its own.
func (a Registration) Item(at time.Time) (Item, error) {
	body, err := json.Marshal(a)
	if err != nil {
		return Item{}, fmt.Errorf("order the look at parked payments: %w", err)
	}
	return Item{Lane: LanePayment, Key: KindRegistration + " " + a.Meter + a.Phone, Kind: KindRegistration, Body: body, NextAt: at}, nil
}
