// Package quarantine is where people decide about impossible records and readings.
//
// One list has two kinds of entries. Package metering finds records that no meter can have measured. Such a record is held for
// review as it came and has no effect. Package wallet finds readings whose register cannot follow the register before. Such a
// reading is stored, and stops the charging of its meter. Neither kind moves money until somebody decides. The decision is to
// accept the entry, to set the register from which counting continues, or to discard the entry. See [Quarantine.Decide].
//
// A decision is one transaction: the entry's state, the money for it and for the readings that came meanwhile, and an audit
// row.
package quarantine

import (
	"context"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// Kind is the kind of an entry.
type Kind string

// Kinds of entries.
const (
	// OfRecord is a record held for review, which is not in the meter's history.
	OfRecord Kind = "record"
	// OfRating is a stored reading at which the charging of its meter stopped.
	OfRating Kind = "rating"
)

// State is an entry's state.
type State string

// States. Only an open entry can be decided about.
const (
	Open      State = "open"
	Accepted  State = "accepted"
	Rebased   State = "rebased"
	Discarded State = "discarded"
)

// Entry is an open or decided entry.
type Entry struct {
	ID         id.ID
	Meter      int64 // the meter's private number
	Number     string
	Simulated  bool
	Wallet     bool // the meter's balance is money on the server
	Kind       Kind
	Record     wire.Kind // kind of the record; empty if the record could not be read
	Memory     string    // the device memory of the record's number
	Seq        uint64
	ReceivedAt time.Time
	Doubt      metering.Doubt
	Reason     string
	Payload    []byte       // the record as it came; empty for OfRating
	Was        *unit.Energy // the register before the doubtful one; nil if unknown
	Register   *unit.Energy // the doubtful register; nil if the record has none
	At         time.Time    // meter time; zero if the database cannot store the time
	State      State
	DecidedAt  time.Time
	DecidedBy  string
	Decision   string // the reason of the decision
}

// Broke reports whether the meter's register did not continue at the entry: counting stopped there, or went on from another register.
// The register that the server keeps for a device always continues, whatever the device's own register does.
func (e Entry) Broke() bool {
	return !e.isOfDevice() && (e.State == Rebased || e.State == Open && e.Kind == OfRating)
}

// Choice is a possible decision.
type Choice string

// Choices.
const (
	// Accept takes the entry as true: a record is stored, and a reading is charged.
	Accept Choice = "accept"
	// Rebase continues from a register without charging for the difference: the meter was changed or reset.
	Rebase Choice = "rebase"
	// Discard treats the record or reading as wrong: counting continues from the state before it.
	Discard Choice = "discard"
)

// state is the state of an entry after a choice.
func (c Choice) state() State {
	return map[Choice]State{Accept: Accepted, Rebase: Rebased, Discard: Discarded}[c]
}

// Choices lists the possible decisions. A decided entry has none.
func (e Entry) Choices() []Choice {
	if e.State != Open {
		return nil
	}
	var out []Choice
	if e.acceptable() {
		out = append(out, Accept)
	}
	if e.Kind == OfRating || e.isOfDevice() {
		out = append(out, Rebase)
	}
	if e.Doubt == metering.DoubtOpen { // only the payer of the energy is in doubt, not the reading
		return out
	}
	return append(out, Discard)
}

// acceptable reports whether an entry can be true. A register below the register before it cannot be charged. A negative register
// or an unreadable record cannot be stored. A record with an impossible time has no place in a history.
func (e Entry) acceptable() bool {
	switch e.Doubt {
	case metering.DoubtNegative, metering.DoubtUnreadable, metering.DoubtTime, metering.DoubtPrice:
		return false
	}
	return e.Kind == OfRecord && !e.isOfDevice() || e.Was == nil || e.Register == nil || *e.Register >= *e.Was
}

// Tx is the part of a transaction that a Quarantine needs.
type Tx interface {
	Eyes() access.EyesTx
	Intake() intake.Tx
	Review() intake.ReviewTx
	Meters() registry.MeterLookup
	Rating() wallet.ReleaseTx
	AuditLog(access.Entry) error
	// ProfileRegister reads and locks the register that the server keeps for a meter's device. PutProfileRegister writes it; an empty name
	// leaves the device's profile as it is.
	ProfileRegister(meter int64) (profile.Register, error)
	PutProfileRegister(meter int64, name string, r profile.Register) error
	// HeldEntries lists entries of a meter (0: of all meters), newest first, that are older than the given entry (zero: from the
	// newest). If the parameter open is set, it lists only undecided entries.
	HeldEntries(meter int64, open bool, before id.ID, max int) ([]Entry, error)
	// HeldEntry reads an entry and locks it.
	HeldEntry(entry id.ID) (Entry, bool, error)
	// HeldRating returns and locks a meter's open entry about a stopped rating.
	HeldRating(meter int64) (Entry, bool, error)
	// WriteDecision writes the decision about an entry.
	WriteDecision(Entry) error
	// HeldForDoubt counts the undecided entries of a meter with a doubt.
	HeldForDoubt(meter int64, d metering.Doubt) (int64, error)
	// ClearAlarm ends an alarm of a meter.
	ClearAlarm(meter int64, code metering.AlarmCode) error
}

// Config holds the parts that a Quarantine needs.
type Config struct {
	Door   access.Door[Tx]
	Hasher registry.Hasher // hashes the cursors of lists
	Now    func() time.Time
}

// Quarantine carries out the use cases of this package.
type Quarantine struct{ c Config }

// New returns a Quarantine.
func New(c Config) *Quarantine { return &Quarantine{c} }

// List says which entries to list.
type List struct {
	Meter string // number or identity; empty for all meters
	All   bool   // list decided entries too
	Page  registry.Page
}

// Entries is one page, the newest first.
type Entries struct {
	refusal.Refusal
	Data []Entry
	Next string
}

// listHeld names the list for its cursors.
const listHeld = "quarantine"

// List shows the entries (right: meter.read).
func (q *Quarantine) List(ctx context.Context, by access.Actor, l List) (Entries, error) {
	if no := by.Needs(access.ReadMeters); no.Refused() {
		return Entries{Refusal: no}, nil
	}
	before, max, no := l.Page.Read(q.c.Hasher, by.Tenant, listHeld)
	if no.Refused() {
		return Entries{Refusal: no}, nil
	}
	out, err := access.Look(ctx, q.c.Door, by.Tenant, func(tx Tx) (Entries, error) {
		n, no, err := meterNamed(tx, l.Meter)
		if err != nil || no.Refused() {
			return Entries{Refusal: no}, err
		}
		rows, err := tx.HeldEntries(n, !l.All, before, max+1)
		var out Entries
		out.Data, out.Next = registry.Cut(rows, max, q.c.Hasher, by.Tenant, listHeld, func(e Entry) id.ID { return e.ID })
		return out, err
	})
	return out, fault.Wrap(err, "list the quarantine")
}

// EntryView is one entry.
type EntryView struct {
	refusal.Refusal
	Entry Entry
}

// Show shows one entry (right: meter.read).
func (q *Quarantine) Show(ctx context.Context, by access.Actor, entry string) (EntryView, error) {
	if no := by.Needs(access.ReadMeters); no.Refused() {
		return EntryView{Refusal: no}, nil
	}
	i, err := id.Parse(id.Held, entry)
	if err != nil {
		return EntryView{Refusal: refuse.DoubtfulEntryNotFound(refusal.Echo(entry))}, nil
	}
	out, err := access.Look(ctx, q.c.Door, by.Tenant, func(tx Tx) (EntryView, error) {
		e, found, err := tx.HeldEntry(i)
		if err == nil && !found {
			return EntryView{Refusal: refuse.DoubtfulEntryNotFound(refusal.Echo(entry))}, nil
		}
		return EntryView{Entry: e}, err
	})
	return out, fault.Wrap(err, "show %s", entry)
}

// meterNamed returns the private number of the named meter; 0 if the name is empty.
func meterNamed(tx Tx, name string) (int64, refusal.Refusal, error) {
	if name == "" {
		return 0, refusal.Refusal{}, nil
	}
	m, no, err := registry.MeterNamed(tx.Meters(), name)
	return m.N, no, err
}
