package sale

import (
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// Point holds the facts of a meter and its account that a sale needs.
type Point struct {
	Meter  MeterRef
	Mode   registry.Mode
	Status registry.Status

	Account       id.ID // zero if the meter has no account
	AccountStatus string
	OpenedAt      time.Time // of the account
	ChargedTo     string    // local date, inclusive, up to which its fixed charges were made due; "" for never
	Tariff        id.ID
	Keys          []registry.Key // the current, planned and issued keys

	Currency string // the tenant's; "" until a setting or a tariff sets it
	TZ       string // the tenant's
	Policy   registry.ChargePolicy
	Limits   registry.Limits
}

// Paper is what a receipt shows besides the sale itself.
type Paper struct {
	Utility  string // the tenant's name
	VATNo    string
	Head     registry.ReceiptHead
	Vendor   string // name; empty if the tenant itself sold
	TZ       string
	Customer string
	Address  string
	TT       string // token technology
	Key      registry.Key
	Tariff   tariff.Version
}

// Month is an account's state in a local month.
type Month struct {
	Units       unit.Energy // bought and free
	Free        unit.Energy // the free part of Units
	FreeClaimed bool        // the month's free units were issued
	Carry       money.Minor // brought in from earlier sales
}

// Position is the position in the month's blocks. Free units count unless the tariff excludes them.
func (m Month) Position(b tariff.Body) unit.Energy {
	if b.Free.Apart {
		return m.Units - m.Free
	}
	return m.Units
}

// FreeDue is what is left of the month's free units.
func (m Month) FreeDue(b tariff.Body) unit.Energy {
	if m.FreeClaimed {
		return 0
	}
	return b.Free.Units
}

// Facts are what a receipt's core says besides the sale itself: its key and its tariff version. Neither ever changes.
type Facts struct {
	Key    registry.Key
	Tariff tariff.Version
}

// Times is what the store knows of time. A zero time means never.
type Times struct {
	Newest      time.Time // when the newest token was issued, ignoring times that a person has declared wrong
	LastTrusted time.Time // when the store last noted that its server's clock was trusted
	Trusted     time.Time // when a person last confirmed the clock
	Restored    time.Time // the minute of the last restore
	Lost        time.Time // end of the time that restores have lost; TIDs may have been issued until then
}

// Sealing tells how far a sale is sealed.
type Sealing int

// Stages between a sale and its proof.
const (
	InLog      Sealing = iota + 1
	NotSealed          // its transaction is durable, but the sealer has not taken it yet
	NoHead             // no head of the requested size was ever signed
	HeadTooOld         // the requested head was signed before the sale was sealed
)
