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

// witness watches one meter and the wire to it. It decides by arithmetic and records of its own whether what happens is
// just: it uses none of the server's decisions. Its rules are in [Rule].
type witness struct {
	number    string
	protected bool
	friendly  func(at time.Time) bool
	limit     int64 // of a lease
	account   *walletAccount
	tou       bool
	now       time.Time
	blind     time.Time // the last hour in which the server did not run
	bill      []billed  // what was used by the hour
	base      int64     // the cost up to where this account's rating began
	rated     bool      // it has begun
	view      serverView
	lease     wire.Lease
	counter   uint64 // of the order that the meter took last
	taken     map[id.ID]bool
	remote    bool // a disconnect has been delivered, and no connect since
	relay     supply.Relay
	register  unit.Energy
	frozen    unit.Energy // where the meter stood when its lease came
	// What was signed last, of the two that switch the supply: a cut-off or a connect, and when.
	off       bool
	offSince  time.Time
	offUntil  time.Time // when that cut-off expires
	person    bool      // a person wants the supply off
	vacant    bool      // nobody lives here
	missed    bool      // a connect was sent in this hour and has not arrived
	lateLease bool      // so was a lease

	// risk is the highest register that a lease which was signed may let the meter count to, as far as the server can know, since
	// signedAt and with the number signed.
	risk     int64
	riskWas  int64     // before the newest reading made it smaller
	riskAt   time.Time // when that reading came
	signed   uint64
	signedAt time.Time
	linked   bool // everything got through in this hour, both ways

	// Of the hour to come, judged when everything has arrived that could: whether the supply has to be on, and whether the
	// server should have renewed the lease before it ends.
	wanted, on, renewable bool

	diary *diary // of what happened, if it is to be traced

	changes            int64
	dark, offWithMoney time.Duration
	beyond             unit.Energy
	found              []Violation
}

// serverView is what the server knows: registers by number, and how far they have come without a gap.
type serverView struct {
	seq   uint64
	ahead map[uint64]reported
	last  reported
	heard time.Time // of last, server time
	// doubt says that a register came which cannot be true: nothing counts until a person has decided. behind is the newest
	// that came meanwhile.
	doubt  bool
	since  time.Time // of the doubt
	behind reported
}

// reported is a record as it went over the wire; at is 0 for one that is no reading.
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
	// The one window of these streets: Friday and Saturday from 18:00 to 7:00, in UTC.
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

// trace notes what happened at a meter that is traced.
func (w *witness) trace(format string, args ...any) {
	if w.diary != nil {
		w.diary.add(w.now.UTC().Format("2006-01-02T15:04 ") + w.number + " " + fmt.Sprintf(format, args...))
	}
}

// diary is what happened at the meters of an account, in one order.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) add(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

// take gives what was found and forgets it.
func (w *witness) take() []Violation {
	f := w.found
	w.found = nil
	return f
}

// heard notes a record that has reached the server. A register that is higher than what the meter has counted, or lower than
// one before it, cannot be true.
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

// counts takes a reading for true.
func (w *witness) counts(r reported) {
	w.view.last, w.view.heard = r, w.now
	if w.signed == w.lease.Seq && r.at > w.signedAt.Unix() {
		if !w.riskAt.Equal(w.now) {
			w.riskWas, w.riskAt = w.risk, w.now
		}
		w.risk = w.lease.MaxRegisterWh
	}
	if !w.rated && !w.vacant {
		w.rated, w.base = true, w.cost(r.register) // it begins anew with whoever has moved in
	}
}

// decided notes that a person has decided about the doubtful register: what came behind it counts now.
func (w *witness) decided() {
	w.trace("a person has decided about the register")
	w.view.doubt = false
	if w.view.behind.at != 0 {
		w.counts(w.view.behind)
	}
}

// delivered notes what the meter has got. It takes no order with a counter that is not above that of the last one it took, and
// none that has expired by its own clock, which uses the counter up all the same. Another copy of an order that it has taken, or
// refused for good, is answered once more and nothing else: the counter of the copy is not one that it took, so an order signed
// between the two is taken when it comes late.
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
		w.lease, w.frozen = p.lease, w.register // a lower one stops it where it stands
	case p.kind == "disconnect":
		w.remote = true
	case p.kind == "connect":
		w.remote = false
	}
}

// lost notes an order that the network swallowed, or keeps back.
func (w *witness) lost(p parcel) {
	w.trace("lost or late: %s %s", p.down, p.kind)
	w.missed = w.missed || p.kind == "connect"
	w.lateLease = w.lateLease || p.down == wire.DownLease
}

// passes notes how the supply stood for a part of an hour.
func (w *witness) passes(t time.Duration) {
	if w.relay == supply.Closed {
		return
	}
	w.dark += t
	if w.on && w.lease.MaxRegisterWh > int64(w.register) {
		w.offWithMoney += t
	}
}

// looks judges what the meter has done since it was looked at last.
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
