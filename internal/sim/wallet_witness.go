package sim

import (
	"fmt"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// witness watches one meter and the wire to it. It decides by its own arithmetic and records, and uses none of the
// server's decisions. Its rules are in [Rule].
type witness struct {
	number    string
	protected bool
	friendly  func(at time.Time) bool
	limit     int64 // limit of a lease
	account   *walletAccount
	tou       bool
	now       time.Time
	blind     time.Time // the last hour in which the server was down
	bill      []billed  // the use in each hour
	base      int64     // the cost of the energy before this account's rating began
	rated     bool      // rating has begun
	view      serverView
	lease     wire.Lease
	counter   uint64 // counter of the last order that the meter accepted
	taken     map[id.ID]bool
	remote    bool // a disconnect was delivered, and no connect since then
	relay     supply.Relay
	register  unit.Energy
	frozen    unit.Energy // the register when the lease arrived
	// These fields describe the newest signed order that switches the supply: off says whether it was a cut-off, and offSince
	// when it was signed.
	off       bool
	offSince  time.Time
	offUntil  time.Time // when the cut-off expires
	person    bool      // a person wants the supply off
	vacant    bool      // the house has no customer
	missed    bool      // a connect was sent in this hour and has not arrived
	lateLease bool      // a lease was sent in this hour and has not arrived

	// risk is the highest register to which a signed lease may let the meter count, as far as the server can know. signed
	// and signedAt are the number and time of the newest lease.
	risk     int64
	riskWas  int64     // risk before the newest reading reduced it
	riskAt   time.Time // when that newest reading came
	signed   uint64
	signedAt time.Time
	linked   bool // all messages of this hour got through, in both directions

	// These are decided for the coming hour at the end of each hour, when all messages that could arrive have arrived. They say
	// whether the supply must be on, and whether the server should renew the lease before it ends.
	wanted, on, renewable bool

	diary *diary // log of events, if the meter is traced; else nil

	changes            int64
	dark, offWithMoney time.Duration
	beyond             unit.Energy
	found              []Violation
}

// serverView holds the server's knowledge of a meter: registers by record number, and the number up to which
// they arrived without a gap.
type serverView struct {
	seq   uint64
	ahead map[uint64]reported
	last  reported
	heard time.Time // server time at which the record seq arrived
	// doubt says that a register arrived that cannot be true. No reading counts until a person has decided. behind is the
	// newest reading that came meanwhile.
	doubt  bool
	since  time.Time // time since when doubt is set
	behind reported
}

// reported is a record on the wire; its field at is 0 for a record that is not a reading.
type reported struct {
	at       int64
	register unit.Energy
}

func newWitness(o WalletStreet, number string, protected bool) witness {
	w := witness{number: number, protected: protected, limit: walletCap, tou: o.TOU, rated: true,
		now: o.Start, relay: supply.Open, taken: map[id.ID]bool{}, view: serverView{ahead: map[uint64]reported{}}}
	if o.Supply.Cap != 0 {
		w.limit = int64(o.Supply.Cap)
	}
	windows := len(o.Supply.Windows) > 0
	// The only friendly window of these simulations: Friday and Saturday from 18:00 to 7:00, in UTC.
	w.friendly = func(at time.Time) bool {
		day, h := at.UTC().Weekday(), at.UTC().Hour()
		return windows && (h >= 18 && (day == time.Friday || day == time.Saturday) || h < 7 && (day == time.Saturday || day == time.Sunday))
	}
	return w
}

func (w *witness) wrong(r Rule, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.trace("VIOLATION %s: %s", r, text)
	w.found = append(w.found, Violation{Rule: r, Text: fmt.Sprintf("meter %s at %s: %s", w.number, w.now.UTC().Format(time.RFC3339), text)})
}

// trace logs an event at a meter, if the meter is traced.
func (w *witness) trace(format string, args ...any) {
	if w.diary != nil {
		w.diary.add(w.now.UTC().Format("2006-01-02T15:04 ") + w.number + " " + fmt.Sprintf(format, args...))
	}
}

// diary is the log of the meters of an account, in order.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) add(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

// take returns the violations that the witness has found, and clears them.
func (w *witness) take() []Violation {
	f := w.found
	w.found = nil
	return f
}

// heard handles a record that has reached the server. A register cannot be true if it is higher than the meter's actual
// register, or lower than an earlier register.
func (w *witness) heard(seq uint64, r reported) {
	w.trace("heard record %d, register %d Wh at %d", seq, r.register, r.at)
	if seq <= w.view.seq {
		return
	}
	w.view.ahead[seq] = r
	for {
		next, ok := w.view.ahead[w.view.seq+1]
		if !ok {
			return
		}
		w.view.seq++
		delete(w.view.ahead, w.view.seq)
		switch {
		case next.at == 0:
		case w.view.doubt:
			w.view.behind = next
		case next.register > w.register || next.register < w.view.last.register:
			w.view.doubt, w.view.since, w.view.behind = true, w.now, reported{}
			w.trace("register %d Wh cannot be true", next.register)
		default:
			w.counts(next)
		}
	}
}

// counts accepts a reading as true.
func (w *witness) counts(r reported) {
	w.view.last, w.view.heard = r, w.now
	if w.signed == w.lease.Seq && r.at > w.signedAt.Unix() {
		if !w.riskAt.Equal(w.now) {
			w.riskWas, w.riskAt = w.risk, w.now
		}
		w.risk = w.lease.MaxRegisterWh
	}
	if !w.rated && !w.vacant {
		w.rated, w.base = true, w.cost(r.register) // rating begins again with the new customer
	}
}

// decided handles a person's decision about the doubtful register: the newest reading after it counts now.
func (w *witness) decided() {
	w.trace("a person has decided about the register")
	w.view.doubt = false
	if w.view.behind.at != 0 {
		w.counts(w.view.behind)
	}
}

// delivered handles a message that has reached the meter. The meter refuses an order whose counter is not above that of the
// last order it accepted. It also refuses an order that has expired by the meter's clock, but such an order still uses up
// its counter. A second copy of a known order is only answered again and uses up no counter. If the server signed another
// order after the first copy and before the second copy, the meter can still accept that order after the second copy.
func (w *witness) delivered(p parcel, clock time.Time) {
	w.trace("delivered %s %s, counter %d", p.down, p.kind, p.counter)
	if w.taken[p.order] || p.counter <= w.counter {
		return
	}
	w.counter, w.taken[p.order] = p.counter, true
	if clock.Unix() > p.expires.Unix() {
		return
	}
	switch {
	case p.down == wire.DownLease && p.lease.Seq > w.lease.Seq:
		w.lease, w.frozen = p.lease, w.register // a lower lease stops the meter at its present register
	case p.kind == "disconnect":
		w.remote = true
	case p.kind == "connect":
		w.remote = false
	}
}

// lost handles an order that the network lost or delayed.
func (w *witness) lost(p parcel) {
	w.trace("lost or late: %s %s", p.down, p.kind)
	w.missed = w.missed || p.kind == "connect"
	w.lateLease = w.lateLease || p.down == wire.DownLease
}

// passes counts t, a part of an hour, as time without supply unless the relay is closed.
func (w *witness) passes(t time.Duration) {
	if w.relay == supply.Closed {
		return
	}
	w.dark += t
	if w.on && w.lease.MaxRegisterWh > int64(w.register) {
		w.offWithMoney += t
	}
}

// looks checks the changes at the meter since the last call.
func (w *witness) looks(d *device.Device) {
	s := d.State()
	w.uses(s.Register)
	if w.register = s.Register; w.lease.Seq > 0 && int64(s.Register) > max(w.lease.MaxRegisterWh, int64(w.frozen)) {
		w.beyond = max(w.beyond, s.Register-unit.Energy(w.lease.MaxRegisterWh))
		w.wrong(RuleBeyond, "counted %d Wh with a lease to %d Wh", s.Register, w.lease.MaxRegisterWh)
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
		w.wrong(RuleRelay, "the relay is %s with reasons %v, a lease to %d Wh and %d Wh used", s.Relay, s.Reasons.Names(), w.lease.MaxRegisterWh, s.Register)
	case s.Relay == supply.Closed && (used || w.remote):
		w.wrong(RuleRelay, "the relay closed with a lease to %d Wh and %d Wh used, cut off: %t", w.lease.MaxRegisterWh, s.Register, w.remote)
	case was == supply.Closed && w.renewable && !w.remote:
		w.wrong(RuleStarved, "the lease to %d Wh ran out, was not renewed at half, and there is money for more", w.lease.MaxRegisterWh)
	}
}
