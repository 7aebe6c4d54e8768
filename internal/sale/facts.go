package sale

import (
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// Point is what a sale must know of a meter and of whom it supplies.
type Point struct {
	Meter  MeterRef
	Mode   registry.Mode
	Status registry.Status

	Account       id.ID // zero while the meter supplies nobody
	AccountStatus string
	OpenedAt      time.Time // of the account
	ChargedTo     string    // local date up to which its fixed charges were made due, inclusive; "" for never
	Tariff        id.ID
	Keys          []registry.Key // those that are current, planned or issued

	Currency string // the tenant's; "" until a setting or a tariff names it
	TZ       string // the tenant's
	Policy   registry.ChargePolicy
	Limits   registry.Limits
}

// Paper is what a receipt shows besides the sale itself.
type Paper struct {
	Utility  string // the tenant's name
	VATNo    string
	Head     registry.ReceiptHead
	Vendor   string // name; empty where the tenant itself sold
	TZ       string
	Customer string
	Address  string
	TT       string // token technology
	Key      registry.Key
	Tariff   tariff.Version
}

// Month is where an account stands in a local month.
type Month struct {
	Units       unit.Energy // bought and free
	Free        unit.Energy // free ones among them
	FreeClaimed bool        // the month's free units were given out
	Carry       money.Minor // brought in from earlier sales
}

// Position is the place in the blocks: free units count unless the tariff sets them apart.
func (m Month) Position(b tariff.Body) unit.Energy {
	if b.Free.Apart {
		return m.Units - m.Free
	}
	return m.Units
}

// FreeDue is what of the month's free units is due.
func (m Month) FreeDue(b tariff.Body) unit.Energy {
	if m.FreeClaimed {
		return 0
	}
	return b.Free.Units
}

// Facts are what a receipt's core says that is no part of the sale itself: of the key it was sold under and of its
// tariff version. Neither ever changes.
type Facts struct {
	Key    registry.Key
	Tariff tariff.Version
}

// Times is what the store knows of time; zero times for never.
type Times struct {
	Newest      time.Time // when the newest token was issued, but for those of a time that a person has called wrong
	LastTrusted time.Time // when the store last noted that its server's clock was trusted
	Trusted     time.Time // when a person last said that the clock is right
	Restored    time.Time // the minute of the last restore
	Lost        time.Time // TIDs up to here may have been given in the time that restores have lost
}

// Sealing says how far a sale is sealed.
type Sealing int

// What may stand between a sale and its proof.
const (
	InLog      Sealing = iota + 1
	NotSealed          // its transaction is durable, the sealer has not taken it yet
	NoHead             // no head of the wanted size was ever signed
	HeadTooOld         // the wanted head was signed before the sale was sealed
)
