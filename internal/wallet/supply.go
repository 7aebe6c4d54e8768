package wallet

import (
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// CutoffDelay is the reason why a supply with no money left must not be cut off yet. Names are stored and shown; never rename one.
type CutoffDelay string

// Reasons to wait. The money is still missing meanwhile, and the account pays for its use.
const (
	// BlockProtected: the account is never cut off for lack of money.
	BlockProtected CutoffDelay = "protected"
	// BlockHeld: a register cannot be true, so nobody knows how much money is left.
	BlockHeld CutoffDelay = "held"
	// BlockUnheard: the meter has reported nothing since the server last lost sight of its meters, or since all meters of its feeder fell
	// silent together.
	BlockUnheard CutoffDelay = "unheard"
	// BlockStale: the newest reading is too old.
	BlockStale CutoffDelay = "stale"
	// BlockFriendly: friendly hours are on.
	BlockFriendly CutoffDelay = "friendly"
	// BlockNotice: the customer's notice has not run out, or was not given yet.
	BlockNotice CutoffDelay = "notice"
)

// Supply is the stored supply of one wallet meter, apart from its [State]: the commands to the meter, and their reasons. It is comparable,
// so that only a change is written.
type Supply struct {
	Out     time.Time   // server time since which no money is left; zero if some is left
	Block   CutoffDelay // the rule that delays the cut-off
	Noticed time.Time   // when the customer was first warned of this shortage; zero: not yet
	Lease   Lease       // the newest lease ordered
	InMeter Lease       // the newest lease that the meter has taken
	// Risk is the highest register that an older lease may have let the meter reach. An older lease counts if it was signed, and was
	// replaced before the meter answered. A higher earlier lease also counts, until a later reading shows how far the meter went.
	Risk unit.Energy
	// Cut, Connect, Config and Clock are the newest commands of their kinds.
	Cut, Connect, Config, Clock id.ID
	ConfigVersion               int64
	ConfigHash                  string // hash of the configuration ordered last
	By, Why                     string // who wants the supply off, and why; empty if nobody does
	LookAt                      time.Time
}

// Lease lets a meter count up to a register.
type Lease struct {
	Command id.ID
	Max     unit.Energy
	At      time.Time // server time of the command
	Memory  string    // the device memory it was made for
}

// Progress is the progress of a command to a meter. The zero value means that there is no command.
type Progress struct {
	ID     id.ID
	State  string // state, with the values of command.State
	Answer string
	Signed bool      // the command may have reached the meter
	Since  time.Time // time since which the command is in this state
	Seq    uint64    // number of the record with the answer; 0: no answer
	Until  time.Time // end of its life, by the clock its meter lives in
}

// Open reports whether the meter has not carried out the command yet.
func (t Progress) Open() bool { return t.State == "queued" || t.State == "sent" || t.State == "acked" }

// Done reports whether the meter has carried out the command.
func (t Progress) Done() bool { return t.State == "done" }

// At returns the command as it is at a time of the meter's clock. A command whose life is over is no longer open, even if that has not
// been stored yet, so that nothing waits for a reading to notice it.
func (t Progress) At(clock time.Time) Progress {
	if t.Open() && t.State != "acked" && !t.Until.IsZero() && !clock.Before(t.Until) {
		t.State = lapsed
	}
	return t
}

// lapsed is the state of a command whose life is over but which is stored as open.
const lapsed = "lapsed"

// unsure reports whether the command was signed and is no longer sent, but may have reached the meter.
func (t Progress) unsure() bool {
	return t.Signed && (t.State == "expired" || t.State == lapsed || t.State == "failed" && wire.Passing(t.Answer))
}

// waits reports whether the command may still block a new command of its type.
func (t Progress) waits() bool { return t.State == "queued" || t.State == "sent" || t.State == lapsed }

// refused reports whether the meter has refused the command for a reason that would remain if the command were signed again.
func (t Progress) refused() bool {
	return t.State == "failed" && t.why() != "old" && !wire.Passing(t.Answer)
}

// why returns the first word of the meter's answer.
func (t Progress) why() string {
	why, _, _ := strings.Cut(t.Answer, " ")
	return why
}

// after reports whether the command was given later than the command o. Identities rise with time.
func (t Progress) after(o Progress) bool { return string(t.ID[:]) > string(o.ID[:]) }

// Seen holds the known facts about a meter and its account besides the wallet. This package only reads it.
type Seen struct {
	Relay      string
	Reasons    supply.Reasons
	Left       unit.Energy // energy left of its lease, as the meter reported
	ReceivedAt time.Time   // server time of that reading
	AsOf       time.Time   // time of that reading, by the meter's clock
	Memory     string      // the meter's present memory
	Seq        uint64      // record number of that reading in this memory
	Register   unit.Energy // of that reading
	Leases     bool        // the meter supports leases
	// ConfigVersion and ConfigHash identify the configuration that the meter had at its last boot.
	ConfigVersion int64
	ConfigHash    string
	Booted        time.Time     // when that boot was received, server time; zero if unknown
	Interval      time.Duration // between its readings
	Imp           int64         // impulses per kWh
	Commands      bool          // the meter takes commands: it has a link key and no profile
	Protected     bool
	Emergency     Emergency // the last supply that one person restored for the account
	Grace         int64     // energy allowed after a lease's time ends, as lease_grace_wh of the configuration
	Lease         Progress
	Cut           Progress
	Connect       Progress
	Config        Progress
	Clock         Progress
	SignedLeases  []SignedLease
	CutBefore     bool      // the newest cut-off was not signed, but an earlier cut-off was, and no connect was ordered since
	Dark          time.Time // when the meter's feeder was found silent; zero if it is not
}

// SignedLease is a lease that was signed for a meter, with the progress of its command. The newest [MaxSignedLeases] are listed, newest
// first. The list is empty if the meter has taken its newest lease and a later reading has come, or if its last two leases were made for
// different memories.
type SignedLease struct {
	Lease
	Progress
}

// after reports whether the lease was ordered later than the command order. Identities rise with time.
func (g SignedLease) after(order id.ID) bool { return string(g.Command[:]) > string(order[:]) }

// MaxSignedLeases is how many earlier leases are read.
const MaxSignedLeases = 12

// settled reports whether only the newest lease lets the meter count, so that the earlier ones do not matter.
func (s Supplied) settled() bool {
	return s.Seen.Lease.Done() && s.InMeter.Command == s.Supply.Lease.Command && s.Risk == 0
}

// LooksBack reports whether the leases before the newest one tell more about the meter.
func (s Supplied) LooksBack() bool {
	return !s.InMeter.Command.IsZero() && s.InMeter.Memory == s.Supply.Lease.Memory && s.InMeter.Memory == s.Memory && !s.settled()
}

// NoCutYet reports whether the newest cut-off was not sent and no connect was ordered since. An earlier cut-off may then have been sent.
func (s Supplied) NoCutYet() bool {
	return !s.Seen.Cut.ID.IsZero() && !s.Seen.Cut.Signed && !s.Seen.Connect.after(s.Seen.Cut)
}

// reached returns the lease that a meter took last. It also returns the highest register that the meter may have reached since a reading.
// Two kinds of lease count for that register: the lease that the meter had at that reading, and each later lease that was signed and that
// the meter may have taken. The lease of the newest command does not count. The last result is false if the list does not go back as far as
// that reading.
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

// at returns s as it is when the meter's clock shows the given time: commands that have expired by then are lapsed.
func (s Seen) at(clock time.Time) Seen {
	for _, t := range []*Progress{&s.Lease, &s.Cut, &s.Connect, &s.Config, &s.Clock} {
		*t = t.At(clock)
	}
	return s
}

// Supplied is a Supply with the facts that were read with it.
type Supplied struct {
	Supply
	Seen
}

// StayClosed is the grace of a meter whose relay never opens because of time alone.
const StayClosed = -1

// freshFor is the greatest age of the newest reading for a cut-off: two intervals and five minutes.
func (s Seen) freshFor() time.Duration { return 2*s.Interval + 5*time.Minute }

// Blocked returns the rule that forbids a cut-off now, or "".
func Blocked(r Row, s Supplied, t Tenant, now time.Time, visibility Visibility) CutoffDelay {
	clock, heard := r.Meter.Clock(now), !s.ReceivedAt.IsZero() // a meter that never reported gets no commands
	of := r.At
	if NotYet(of, clock) { // rating is ahead of the clock, so r.At does not tell how old the newest reading is
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
		return BlockStale // the second case: an old reading came just now, from a backlog
	case t.Supply.Friendly(clock, t.Zone):
		return BlockFriendly
	case t.Supply.Notice > 0 && (s.Noticed.IsZero() || now.Sub(s.Noticed) < time.Duration(t.Supply.Notice)*time.Second):
		return BlockNotice
	}
	return ""
}
