package wallet

import (
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// Block is why a supply for which nothing is left must not be cut yet. Names are stored and shown; never rename one.
type Block string

// Reasons to wait. Money that is missing stays missing meanwhile, and the account pays for what it uses.
const (
	// BlockProtected: the account is never cut for want of money.
	BlockProtected Block = "protected"
	// BlockHeld: a register cannot be true, so nobody knows what is left.
	BlockHeld Block = "held"
	// BlockUnheard: the meter has told nothing since the server itself did not see its meters, or since all meters of
	// its feeder fell silent together.
	BlockUnheard Block = "unheard"
	// BlockStale: the newest reading is too old.
	BlockStale Block = "stale"
	// BlockFriendly: a window of the friendly calendar is open.
	BlockFriendly Block = "friendly"
	// BlockNotice: the customer has not been warned for long enough.
	BlockNotice Block = "notice"
)

// Supply is what is kept of the supply of one wallet meter besides its [State]: what the meter was told, and why.
// It is comparable, so that only what has changed is written.
type Supply struct {
	Out     time.Time // since when nothing is left, server time; zero while there is something
	Block   Block     // why the supply is on all the same
	Noticed time.Time // when the customer was last warned of this shortage; zero: not yet
	Lease   Lease     // the newest that was ordered
	InMeter Lease     // the newest that the meter has taken
	// Risk is the highest register that the meter may have counted to all the same: by a lease that was signed and never
	// answered before another one took its place, or by a higher one before, of whose end nothing was read yet.
	Risk unit.Energy
	// Cut, Connect, Config and Clock are the newest commands of their kinds.
	Cut, Connect, Config, Clock id.ID
	ConfigVersion               int64
	ConfigHash                  string // of the configuration ordered last
	By, Why                     string // who wants the supply off, and why; empty where nobody does
	LookAt                      time.Time
}

// Lease lets a meter count up to a register.
type Lease struct {
	Command id.ID
	Max     unit.Energy
	At      time.Time // server time of the command
	Memory  string    // the memory of the meter it was made for
}

// Progress is how far a command to a meter has come. The zero value means that there is no command.
type Progress struct {
	ID     id.ID
	State  string // as command.State
	Answer string
	Signed bool      // it may have reached the meter
	Since  time.Time // of the state
	Seq    uint64    // of the record with the answer; 0 for none
	Until  time.Time // when it is worth nothing any more, by the clock its meter lives in
}

// Open reports whether the meter has yet to carry it out.
func (t Progress) Open() bool { return t.State == "queued" || t.State == "sent" || t.State == "acked" }

// Done reports whether the meter has carried it out.
func (t Progress) Done() bool { return t.State == "done" }

// lapsed is the command as it is at a moment of the meter's clock: one whose time has run out is under way no more, although
// nobody may have written that down yet. Whatever waits for it must not wait for a reading to find out.
func (t Progress) lapsed(clock time.Time) Progress {
	if t.Open() && t.State != "acked" && !t.Until.IsZero() && !clock.Before(t.Until) {
		t.State = lapsed
	}
	return t
}

// lapsed is the state of a command that is worth nothing any more and stands as open where it is kept.
const lapsed = "lapsed"

// unsure reports whether the command was signed and is no longer sent, and nobody knows whether the meter has it.
func (t Progress) unsure() bool {
	return t.Signed && (t.State == "expired" || t.State == lapsed || t.State == "failed" && wire.Passing(t.Answer))
}

// waits reports whether the command may still stand in the way of one like it.
func (t Progress) waits() bool { return t.State == "queued" || t.State == "sent" || t.State == lapsed }

// refused reports whether the meter has answered that it will not, for a reason that is not over with the next signature.
func (t Progress) refused() bool {
	return t.State == "failed" && t.why() != "old" && !wire.Passing(t.Answer)
}

// why is the word with which the meter's answer begins.
func (t Progress) why() string {
	why, _, _ := strings.Cut(t.Answer, " ")
	return why
}

// after reports whether a command was given later than another one. Identities rise with time.
func (t Progress) after(o Progress) bool { return string(t.ID[:]) > string(o.ID[:]) }

// Seen is what is known of a meter and its account besides the wallet; it is read, never written here.
type Seen struct {
	Relay      string
	Reasons    supply.Reasons
	Left       unit.Energy // of its lease, as the meter said
	ReceivedAt time.Time   // of that reading, server time
	AsOf       time.Time   // of the same, by the meter's clock
	Memory     string      // the meter's present memory
	Seq        uint64      // of that reading, in this memory
	Register   unit.Energy // of the same
	Leases     bool        // the meter knows leases
	// ConfigVersion and ConfigHash are of the configuration that the meter had at its last boot.
	ConfigVersion int64
	ConfigHash    string
	Booted        time.Time     // when that boot was received, server time; zero where nobody noted it
	Interval      time.Duration // between its readings
	Imp           int64         // impulses per kWh
	Commands      bool          // the meter can be told: it has a link key and no profile
	Protected     bool
	Grace         int64 // what the end of a lease's time brings, as lease_grace_wh of the configuration
	Lease         Progress
	Cut           Progress
	Connect       Progress
	Config        Progress
	Clock         Progress
	SignedLeases  []SignedLease
	CutBefore     bool      // of a meter whose newest cut-off was not signed: one before it was, and no connect was ordered since
	Dark          time.Time // when the meter's feeder was found silent; zero while it is not
}

// SignedLease is a lease that was signed for a meter, with the progress of its command. The newest [MaxSignedLeases] are listed, the
// newest first. None are listed of a meter that has taken its newest lease and of which a later reading has come, nor of one
// whose last two leases were made for different memories.
type SignedLease struct {
	Lease
	Progress
}

// after reports whether the lease was ordered later than another one. Identities rise with time.
func (g SignedLease) after(order id.ID) bool { return string(g.Command[:]) > string(order[:]) }

// MaxSignedLeases is how many leases are looked back at.
const MaxSignedLeases = 12

// settled reports whether nothing but the newest lease lets the meter count, so that there is nothing to look back for.
func (s Supplied) settled() bool {
	return s.Seen.Lease.Done() && s.InMeter.Command == s.Supply.Lease.Command && s.Risk == 0
}

// LooksBack reports whether the leases that the meter was given before the newest one say more about it.
func (s Supplied) LooksBack() bool {
	return !s.InMeter.Command.IsZero() && s.InMeter.Memory == s.Supply.Lease.Memory && s.InMeter.Memory == s.Memory && !s.settled()
}

// NoCutYet reports whether the newest cut-off has not left and no connect was ordered since: then one before it may have.
func (s Supplied) NoCutYet() bool {
	return !s.Seen.Cut.ID.IsZero() && !s.Seen.Cut.Signed && !s.Seen.Connect.after(s.Seen.Cut)
}

// reached works out which of the leases that a meter was given it has taken last, and the highest register that another one may
// have let it count to since a reading: the one that it had when it made that reading, or a later one that was signed and has
// not been refused. The newest command is left out. known is false where the list does not go back as far as that reading.
func reached(given []SignedLease, newest id.ID, reading uint64) (took SignedLease, most unit.Energy, known bool) {
	for _, g := range given {
		switch {
		case g.Progress.Done() && took.Command.IsZero():
			took = g
		case g.Command != newest && g.Signed && (g.Progress.Done() || g.Progress.Open() || g.unsure()):
			most = max(most, g.Max)
		}
		if g.Progress.Done() && g.Progress.Seq < reading {
			return took, most, true
		}
	}
	return took, most, false
}

// at is what was seen, with the commands as they are at a moment of the meter's clock.
func (s Seen) at(clock time.Time) Seen {
	for _, t := range []*Progress{&s.Lease, &s.Cut, &s.Connect, &s.Config, &s.Clock} {
		*t = t.lapsed(clock)
	}
	return s
}

// Supplied is a Supply with what was seen when it was read.
type Supplied struct {
	Supply
	Seen
}

// StayClosed is the grace that never opens a relay for time alone.
const StayClosed = -1

// freshFor is how old the newest reading may be for a supply to be cut by it: two intervals and a little.
func (s Seen) freshFor() time.Duration { return 2*s.Interval + 5*time.Minute }

// Blocked says why a supply must not be cut now, "" where nothing forbids it.
func Blocked(r Row, s Supplied, t Tenant, now time.Time, visibility Visibility) Block {
	clock, heard := r.Meter.Clock(now), !s.ReceivedAt.IsZero() // nothing is told to a meter that never told anything
	of := r.At
	if NotYet(of, clock) { // rated up to a time that has not come says nothing about what came since
		of = s.AsOf
	}
	switch {
	case s.Protected:
		return BlockProtected
	case r.Held.Stopped():
		return BlockHeld
	case heard && (visibility.Doubt || !s.ReceivedAt.After(visibility.Unseen)), heard && !s.ReceivedAt.After(s.Dark):
		return BlockUnheard
	case heard && now.Sub(s.ReceivedAt) > s.freshFor(), heard && !r.Meter.Simulated && clock.Sub(of) > s.freshFor():
		return BlockStale // the second: it came now, from a memory that was filled long ago
	case t.Supply.Friendly(clock, t.Zone):
		return BlockFriendly
	case t.Supply.Notice > 0 && (s.Noticed.IsZero() || now.Sub(s.Noticed) < time.Duration(t.Supply.Notice)*time.Second):
		return BlockNotice
	}
	return ""
}
