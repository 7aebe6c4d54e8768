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
	// Replaced is the swap by which another meter took the place of this one; nil if none did.
	Replaced *Swap

	Account       id.ID // zero if the meter has no account
	AccountStatus string
	OpenedAt      time.Time // when the account was opened
	ChargedTo     string    // last local date for which fixed charges were made due; "" for never
	Tariff        id.ID     // with which the account was opened; see TariffAt
	Later         tariff.Assignments
	Keys          []registry.Key // the current, planned and issued keys
	Busy          bool           // whether a sale to the meter or its account waits for its token or its reversal
	OwesNothing   bool           // whether the account has no open charge and no open debt; false if nobody looked

	Currency string // the tenant's currency; "" until a setting or a tariff sets it
	TZ       string // the tenant's time zone
	Policy   registry.ChargePolicy
	Limits   registry.Limits
}

// TariffAt returns the tariff that prices the account at a moment.
func (p Point) TariffAt(at time.Time) id.ID { return p.Later.At(p.Tariff, at) }

// Paper holds the data of a receipt that the sale itself does not have. Names and addresses are those of the paper's moment.
type Paper struct {
	Head    registry.PaperHead
	Account registry.AccountTexts
	Vendor  registry.PaperText // name of the vendor; empty if the tenant itself sold
	TT      string             // token technology
	Key     registry.Key
	Tariff  tariff.Version
}

// Today reports whether a name or an address is today's, because nothing says what it was at the paper's moment.
func (p Paper) Today() bool { return p.Head.Today || p.Account.Today() || p.Vendor.Today }

// Month is an account's state in a local month.
type Month struct {
	Units       unit.Energy // energy bought and free
	Free        unit.Energy // the free part of Units
	FreeClaimed bool        // the month's free units were issued
	Carry       money.Minor // brought in from earlier sales
}

// Position returns the account's position in the month's blocks. Free units count unless the tariff excludes them.
func (m Month) Position(b tariff.Body) unit.Energy {
	if b.Free.Apart {
		return m.Units - m.Free
	}
	return m.Units
}

// FreeDue returns the rest of the month's free units.
func (m Month) FreeDue(b tariff.Body) unit.Energy {
	if m.FreeClaimed {
		return 0
	}
	return b.Free.Units
}

// Facts are the data in a receipt's core that the sale itself does not hold: the key and the tariff version. They never change.
type Facts struct {
	Key    registry.Key
	Tariff tariff.Version
}

// Times are the times that the store knows. A zero time means never.
type Times struct {
	Newest      time.Time // when the newest token was issued, ignoring times that a person has declared wrong
	LastTrusted time.Time // when the store last noted that its server's clock was trusted
	Trusted     time.Time // when a person last confirmed the clock
	Restored    time.Time // the minute of the last restore
	Lost        time.Time // end of the time whose data restores have lost; TIDs may have been issued until then
}

// ClockRecord is what a server records of its clock for the next start. The zero record says that nothing is known.
type ClockRecord struct {
	At    time.Time     `json:"at"`               // the clock at the record
	Boot  string        `json:"boot,omitempty"`   // the machine's boot; empty if the system does not tell
	Up    time.Duration `json:"up_ns,omitempty"`  // for how long the machine had run since that boot
	Off   time.Duration `json:"off_ns,omitempty"` // by how much the clock was off while it was in doubt; 0 while it was trusted
	Steps []ClockStep   `json:"steps,omitempty"`  // the steps that still count, the oldest first
}

// ClockStep is by how much the clock got ahead of the running time in one hour.
type ClockStep struct {
	HoursAgo int64         `json:"hours_ago"` // before the record
	By       time.Duration `json:"by_ns"`
}

// Moved returns by how much the record says that the clock was moved in all.
func (r ClockRecord) Moved() time.Duration {
	if r.Off != 0 {
		return r.Off
	}
	var sum time.Duration
	for _, s := range r.Steps {
		sum += s.By
	}
	return sum
}

// Sealing tells how far a sale is sealed.
type Sealing int

// Stages between a sale and its proof.
const (
	InLog      Sealing = iota + 1
	NotSealed          // the sale's transaction is durable, but the sealer has not taken the sale yet
	NoHead             // no head of the requested size was ever signed
	HeadTooOld         // the requested head was signed before the sale was sealed
)
