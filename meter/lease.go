package meter

import (
	"math"

	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// Lease is the server's permission to supply up to a register (docs/reference/meter-rules.md#wallet-mode). It replaces
// credit: in wallet mode State.Balance is the rest of the lease. The zero value is no lease.
type Lease struct {
	// Seq is the number of the lease; a higher number always wins.
	Seq uint32
	// TTL is the duration of the lease in seconds of powered-on time.
	TTL uint32
	// Max is the total register up to which the lease goes.
	Max unit.Energy
}

const (
	// maxTTL is the longest duration of a lease. It is far above any real duration, and powered-on seconds stay
	// within 32 bits.
	maxTTL = 366 * 24 * 60 * 60
	// longOff is a time without supply, in powered-on seconds. After a longer one the customer has to confirm that the
	// supply may return, because people may not expect voltage (docs/reference/meter-rules.md#supply).
	longOff = 24 * 60 * 60
)

// The changes of a lease that CodeLease reports.
const (
	leaseApplied = 0
	leaseExpired = 1
)

// spent returns the reason that keeps the supply off when the credit or the lease is used up.
func (s *State) spent() supply.Reason {
	if s.Wallet() {
		return supply.Lease
	}
	return supply.Credit
}

// judgeLease returns why a lease is refused, AnswerNone if it is accepted.
func (s *State) judgeLease(l Lease) Answer {
	left := l.Max - s.Register
	switch {
	case !s.Wallet():
		return AnswerMode
	case l.Seq == 0 || l.TTL == 0 || l.TTL > maxTTL || l.Max < 0 || left < -math.MaxInt32 || left > math.MaxInt32:
		return AnswerLease
	case l.Seq <= s.LeaseSeq:
		return AnswerOld
	}
	return AnswerNone
}

// leaseState is the state of the lease.
type leaseState uint8

const (
	leaseSpent leaseState = iota
	leaseRunning
	leaseOver
)

var leaseNames = [...]string{leaseSpent: "nothing left", leaseRunning: "running", leaseOver: "its time is over"}

// String returns the words for the state in the diagrams.
func (l leaseState) String() string { return leaseNames[l] }

type leaseInput uint8

const (
	leaseTaken leaseInput = iota
	leaseUsed
	leaseExpires
)

var leaseInputNames = [...]string{
	leaseTaken: "the meter takes a new lease with energy left on it", leaseUsed: "nothing is left",
	leaseExpires: "its time runs out and no friendly window is open",
}

var leaseTable = [...]transition[leaseState, leaseInput]{
	{leaseSpent, leaseTaken, leaseRunning, CodeLease},
	{leaseRunning, leaseTaken, leaseRunning, CodeLease},
	{leaseOver, leaseTaken, leaseRunning, CodeLease},
	{leaseRunning, leaseUsed, leaseSpent, 0},
	{leaseOver, leaseUsed, leaseSpent, 0},
	{leaseRunning, leaseExpires, leaseOver, CodeLease},
}

// leaseState returns the state of the lease.
func (s *State) leaseState() leaseState {
	switch {
	case s.Reasons.Has(supply.Lease):
		return leaseSpent
	case s.LeaseAt == 0:
		return leaseOver
	}
	return leaseRunning
}

// leaseMove gives an input to the state machine of the lease and reports whether its state changed. After a long time
// without supply the customer has to confirm that the supply may return.
func (x *step) leaseMove(on leaseInput) bool {
	s := x.s
	t, moves := lookup(leaseTable[:], s.leaseState(), on)
	if !moves {
		return false
	}
	now := uint32(s.powered() / 1000)
	switch t.to {
	case leaseRunning:
		if t.from == leaseSpent && now-s.LeaseAt > longOff {
			s.Confirm = true
		}
		s.Reasons = s.Reasons.Without(supply.Lease)
	case leaseOver:
		s.LeaseAt = 0
	case leaseSpent:
		s.Flags &^= FlagLifeline
		s.LeaseAt = now
		x.set(supply.Lease)
	}
	return true
}

// tellLease reports a lease and the register up to which it now goes.
func (x *step) tellLease(what int64) {
	s := x.s
	x.consequence(CodeLease, int64(s.LeaseSeq)<<1|what, int64(s.Register+s.Balance-s.Overrun))
}

// applyLease replaces the lease with a durable new one. A lease names a register, so energy used while the record was
// written does not matter. The time of the lease begins now. A lease that is already used up is handled like a lease
// whose last Wh has just been used.
func (x *step) applyLease(r *Record) {
	s := x.s
	if !s.Wallet() || r.Lease <= s.LeaseSeq {
		return // no correct host gives such a record
	}
	left := r.Register + r.Units - s.Register
	s.LeaseSeq, s.Balance, s.Overrun = r.Lease, max(0, left), max(0, -left)
	s.Flags &^= FlagLifeline
	if left > 0 && x.leaseMove(leaseTaken) {
		s.LeaseAt = uint32((s.powered()+999)/1000) + r.Value
	}
	x.tellLease(leaseApplied)
}

// leaseEnd returns the powered-on time in milliseconds at which the time of the lease runs out, 0 for never. A friendly
// window delays it to the end of the window.
func (s *State) leaseEnd() uint64 {
	if s.leaseState() != leaseRunning || s.Flags.Has(FlagFriendly) {
		return 0
	}
	return uint64(s.LeaseAt) * 1000
}

// leaseTime ends a lease whose time has run out. The configuration decides whether all, some or none of the rest may
// still be used. The decision is saved at once, so that a power cut does not restore the lease.
func (x *step) leaseTime() {
	s, c := x.s, x.c
	if at := s.leaseEnd(); at == 0 || s.powered() < at {
		return
	}
	x.leaseMove(leaseExpires)
	if c.LeaseGrace != LeaseStay {
		s.Balance = min(s.Balance, c.LeaseGrace)
		if c.Lifeline > 0 && s.Balance > 0 {
			s.Flags |= FlagLifeline // until the rest is used up, the lifeline limits the load
		}
	}
	x.tellLease(leaseExpired)
	x.save, x.urgent, s.Unsaved = true, true, 0
	x.settle()
}

// judgeLeft sets the reason LEASE when the lease is used up, and reports whether that has just happened. Only another
// lease clears this reason: no friendly window gives energy beyond the server's limit.
func (x *step) judgeLeft() (ended bool) {
	return x.s.Balance == 0 && x.leaseMove(leaseUsed)
}

// changeMode changes between credit in the meter and a wallet at the server. The change counts from the register of
// the record, so that a replay after a power cut gives the same state. No bought credit is left at that moment. The
// meter reports the customer's debt, and the server settles it. Energy used while the record was written counts as
// used without credit or lease.
func (x *step) changeMode(r *Record) {
	s := x.s
	used := s.Register - r.Register
	if was := s.Shown() + used; r.Wallet && was != 0 {
		x.consequence(CodeCreditCleared, int64(was), int64(r.Register))
	}
	s.Balance, s.Overrun, s.ECUsed, s.EC = 0, used, 0, ECNone
	s.Flags &^= FlagLifeline | FlagOverrun
	s.Flags ^= FlagWallet
	s.Reasons = s.Reasons.Without(supply.Credit).Without(supply.Lease)
	s.LeaseAt = 0
	if s.Wallet() {
		s.LeaseAt = uint32(s.powered() / 1000)
	}
	x.set(s.spent())
}
