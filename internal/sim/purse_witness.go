package sim

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// witness watches one meter and the wire to it. It decides by arithmetic of its own whether what happens is just: it
// uses none of the server's decisions.
type witness struct {
	number    string
	protected bool
	friendly  func(at time.Time) bool
	limit     int64 // of a lease
	account   *purseAccount
	tou       bool
	now       time.Time
	unseen    time.Time // when the server last stopped seeing anything
	bill      []billed  // what was used by the hour
	told      told
	lease     wire.Lease
	remote    bool // a disconnect has been delivered, and no connect since
	relay     supply.Relay
	register  unit.Energy
	frozen    unit.Energy // where the meter stood when its lease came
	missed    bool        // a connect was sent in this hour, and the network lost it

	tracing bool
	history []string // what happened, if it is to be traced

	changes, dark, offWithMoney int64
	beyond                      unit.Energy
	found                       []string
}

// told is what the server was told: registers by number, and how far they have come without a gap.
type told struct {
	seq   uint64
	ahead map[uint64]reported
	last  reported
	heard time.Time // of last, server time
}

// reported is a record as it went over the wire; At is 0 for one that is no reading.
type reported struct {
	at       int64
	register unit.Energy
}

func newWitness(o Purses, number string, protected bool) witness {
	w := witness{number: number, protected: protected, limit: pursesCap, tou: o.TOU,
		now: o.Start, relay: supply.Open, told: told{ahead: map[uint64]reported{}}}
	if o.Supply.Cap != 0 {
		w.limit = int64(o.Supply.Cap)
	}
	windows := len(o.Supply.Windows) > 0
	// The one window of these streets: Friday and Saturday from 18:00 to 7:00, in UTC.
	w.friendly = func(at time.Time) bool {
		day, h := at.UTC().Weekday(), at.UTC().Hour()
		return windows && (h >= 18 && (day == time.Friday || day == time.Saturday) || h < 7 && (day == time.Saturday || day == time.Sunday))
	}
	return w
}

func (w *witness) wrong(format string, args ...any) {
	w.found = append(w.found, fmt.Sprintf("meter %s at %s: ", w.number, w.now.UTC().Format(time.RFC3339))+fmt.Sprintf(format, args...))
}

// trace notes what happened at a meter that is traced.
func (w *witness) trace(format string, args ...any) {
	if w.tracing {
		w.history = append(w.history, w.now.UTC().Format("2006-01-02T15:04 ")+fmt.Sprintf(format, args...))
	}
}

// take gives what was found and forgets it.
func (w *witness) take() []string {
	f := w.found
	w.found = nil
	return f
}

// heard notes a record that has reached the server.
func (w *witness) heard(seq uint64, r reported) {
	w.trace("heard record %d, register %d Wh at %d", seq, r.register, r.at)
	if seq <= w.told.seq {
		return
	}
	w.told.ahead[seq] = r
	for {
		next, ok := w.told.ahead[w.told.seq+1]
		if !ok {
			return
		}
		w.told.seq++
		delete(w.told.ahead, w.told.seq)
		if next.at != 0 {
			w.told.last, w.told.heard = next, w.now
		}
	}
}

// sent judges what the server has just signed, whether it arrives or not.
func (w *witness) sent(down wire.Down, lease wire.Lease, command string) {
	w.trace("sent %s %s to %d Wh", down, command, lease.MaxRegisterWh)
	register := w.told.last.register
	paid := w.account.energy(w.now, known)
	switch {
	case down == wire.DownLease:
		others := w.account.others(w)
		most := max(0, min(paid-others, w.limit))
		switch {
		case w.protected:
			most = w.limit
		case w.friendly(w.now):
			most = max(0, min(paid-others+pursesOwe, w.limit))
		}
		lower := len(w.account.members) > 1 && lease.MaxRegisterWh <= w.lease.MaxRegisterWh
		if lease.MaxRegisterWh > int64(register)+most && !lower {
			w.wrong("a lease to %d Wh at %d Wh, with %d Wh paid for and %d Wh in other leases", lease.MaxRegisterWh, register, paid, others)
		}
	case command == "disconnect":
		switch {
		case !w.told.heard.After(w.unseen), w.now.Sub(w.told.heard) > pursesFresh, w.now.Sub(time.Unix(w.told.last.at, 0)) > pursesFresh:
			w.wrong("cut off by a reading of %s", time.Unix(w.told.last.at, 0).UTC().Format(time.RFC3339))
		case w.protected:
			w.wrong("a protected account was cut off")
		case w.friendly(w.now):
			w.wrong("cut off in a friendly window")
		case paid > 0:
			w.wrong("cut off with %d Wh paid for", paid)
		}
	}
}

// delivered notes what the meter has got.
func (w *witness) delivered(down wire.Down, lease wire.Lease, command string) {
	w.trace("delivered %s %s", down, command)
	switch {
	case down == wire.DownLease && lease.Seq > w.lease.Seq:
		w.lease, w.frozen = lease, w.register // a lower one stops it where it stands
	case command == "disconnect":
		w.remote = true
	case command == "connect":
		w.remote = false
	}
}

// looks judges what the meter has done since it was looked at last.
func (w *witness) looks(d *device.Device) {
	s := d.State()
	w.uses(s.Register)
	if w.register = s.Register; w.lease.Seq > 0 && int64(s.Register) > max(w.lease.MaxRegisterWh, int64(w.frozen)) {
		w.beyond = max(w.beyond, s.Register-unit.Energy(w.lease.MaxRegisterWh))
		w.wrong("counted %d Wh with a lease to %d Wh", s.Register, w.lease.MaxRegisterWh)
	}
	if s.Relay == w.relay {
		return
	}
	w.changes++
	w.trace("relay %s, was %s, reasons %v", s.Relay, w.relay, s.Reasons.Names())
	was := w.relay
	w.relay = s.Relay
	used := w.lease.Seq == 0 || int64(s.Register) >= w.lease.MaxRegisterWh
	switch {
	case was == supply.Closed && !(s.Reasons.Has(supply.Lease) && used) && !(s.Reasons.Has(supply.Remote) && w.remote):
		w.wrong("the relay is %s with reasons %v, a lease to %d Wh and %d Wh used", s.Relay, s.Reasons.Names(), w.lease.MaxRegisterWh, s.Register)
	case s.Relay == supply.Closed && (used || w.remote):
		w.wrong("the relay closed with a lease to %d Wh and %d Wh used", w.lease.MaxRegisterWh, s.Register)
	}
}

// lost notes an order that the network swallowed.
func (w *witness) lost(down wire.Down, command string) {
	w.trace("lost %s %s", down, command)
	if command == "connect" {
		w.missed = true
	}
}

// hour judges where the supply stands when an hour is over and everything that could arrive has arrived. With money and
// energy of the lease left, a supply may be off for one cause alone: its connect cannot get through. So the house has no
// network (reached is false), or in this very hour a connect was on its way and the network lost it. Nothing else excuses
// the server: not that a record was late or lost on the way up, for it has the money and knows what it sent.
func (w *witness) hour(reached bool) {
	missed := w.missed
	w.missed = false
	if !w.protected { // which may use what it likes
		w.account.owed = max(w.account.owed, unit.Energy(-w.account.energy(w.now, actual)))
	}
	w.trace("relay %s at %d Wh, a lease to %d Wh, cut %t, %d Wh paid for; reached %t, connect lost %t", w.relay, w.register, w.lease.MaxRegisterWh, w.remote,
		w.account.energy(w.now, actual), reached, missed)
	if w.relay == supply.Closed {
		return
	}
	w.dark++
	if leased := w.lease.MaxRegisterWh - int64(w.register); leased > 0 && w.account.energy(w.now, actual) > 0 && reached && !missed {
		w.offWithMoney++
		w.wrong("off with %d Wh paid for and %d Wh of the lease left", w.account.energy(w.now, actual), leased)
	}
}
