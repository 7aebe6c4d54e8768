package script

import (
	"context"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/unit"
)

// lease describes the newest lease that a run has seen. The figures are from the moment when the run first saw it.
type lease struct {
	seen  bool
	seq   uint32
	left  unit.Energy
	from  uint64 // the powered-on second when the run first saw the lease
	asked bool   // the run has already waited for the server
}

// renew pauses a run when half of a lease is used, in energy or in time. The server renews the lease at that point, and virtual
// time is much faster than any network. During the pause, renew records a reading and waits for a new lease. It pauses only once
// for each lease.
func (d *Driver) renew(ctx context.Context) error {
	if d.net == nil || !d.dev.Wallet() {
		return nil
	}
	s := d.dev.State()
	if !d.lease.seen || d.lease.seq != s.LeaseSeq {
		d.lease = lease{seen: true, seq: s.LeaseSeq, left: s.Balance, from: powered(&s)}
	}
	if d.lease.asked || !d.lease.halfGone(&s) || !d.dev.On() || !d.net.Status().Connected {
		return nil
	}
	d.lease.asked = true
	if err := d.dev.Read(); err != nil {
		return err
	}
	if err := d.flush(ctx); err != nil {
		return err
	}
	_, err := d.until(ctx, patience, func() bool { return d.dev.State().LeaseSeq != s.LeaseSeq })
	return err
}

func powered(s *meter.State) uint64 { return (s.On + s.Up) / 1000 }

// halfGone reports whether at most half of the lease's energy or time is left. It is true without a lease.
func (l *lease) halfGone(s *meter.State) bool {
	if 2*s.Balance <= l.left || s.LeaseAt == 0 {
		return true
	}
	end := uint64(s.LeaseAt)
	return end > l.from && 2*(powered(s)-l.from) >= end-l.from
}
