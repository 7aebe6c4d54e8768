package wallet

import (
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// The meters of an account share its money. A lease stands for the price of the energy that is left of it, and the leases
// that the meters of an account have, or may have, never stand for more than there is, with the allowance added once where a
// rule forbids to cut: so the account cannot use more than that, whatever the network does to any of its meters. Where the
// money is enough for a whole lease each, nobody notices. Where it is not, each meter has the same share of it, and one that
// has more than its share, because another has used more, gives some back by a lower lease as soon as another one needs it.

// means is the money that all leases of the account together may stand for, as the rules are for this meter.
func (c *pointState) means() (money.Minor, error) {
	extra := unit.Energy(0)
	if c.block == BlockFriendly || c.block == BlockNotice {
		extra = c.tenant.Supply.AllowanceWh()
	}
	more, err := c.body.CostOf(extra)
	more = max(more-1, 0) // the price was rounded up; no more than extra is given
	return c.money.Available() - c.tenant.Policy.CutOff + more, err
}

// pays is the energy that some of the money pays for, at most one cap.
func (c *pointState) pays(m money.Minor) (unit.Energy, error) {
	energy, err := c.body.AffordableLess(m, c.rests)
	return min(energy, c.tenant.Supply.LeaseCap()), err
}

// claims reports whether the meter has a share of the money: it can be given a lease.
func (c *pointState) claims() bool {
	return c.Commands && c.Leases && c.priced && c.row.Started && Wanted(c.row.State)
}

// share is the energy that this meter's part of the money pays for, the same for each that claims one.
func (c *pointState) share() (unit.Energy, error) {
	if c.block == BlockProtected {
		return c.tenant.Supply.LeaseCap(), nil
	}
	means, err := c.means()
	if err != nil || !c.claims() {
		return 0, err
	}
	parts := money.Minor(0)
	for i := range c.all {
		if c.all[i].claims() {
			parts++
		}
	}
	return c.pays(means / parts)
}

// room is the energy that is paid for when the leases of the other meters are counted as if they were used.
func (c *pointState) room() (unit.Energy, error) {
	if c.block == BlockProtected {
		return c.tenant.Supply.LeaseCap(), nil
	}
	means, err := c.means()
	for i := range c.all {
		o := &c.all[i]
		if o.which == c.which || !o.priced || err != nil {
			continue
		}
		var cost money.Minor
		cost, err = o.body.CostOf(o.holds())
		means -= cost
	}
	if err != nil {
		return 0, err
	}
	return c.pays(means)
}

// intended is what is left of the lease that the meter has or is to have. Where it may have one of several, it is the lowest: the
// next must not give back what a lower one may have taken, unless there is room for it.
func (c *pointState) intended() unit.Energy {
	if c.Seen.Lease.Open() {
		return c.left(c.Supply.Lease)
	}
	least := c.left(c.InMeter)
	for _, g := range c.Seen.SignedLeases {
		if g.Signed && (g.Progress.Open() || g.unsure()) && g.after(c.InMeter.Command) {
			least = min(least, c.left(g.Lease))
		}
	}
	return least
}

// left is what is left of a lease, none of one that was made for another memory of the meter.
func (c *pointState) left(l Lease) unit.Energy {
	if l.Memory != c.Memory {
		return 0
	}
	return max(0, l.Max-c.register())
}

// register is where the meter stands: as rated last or, where rating begins anew for another account, as read last.
func (c *pointState) register() unit.Energy {
	if !c.row.Started {
		return c.Seen.Register
	}
	return c.row.Register
}

// holds is the most that the meter may still count by any lease that has or may have reached it.
func (c *pointState) holds() unit.Energy {
	most := c.left(c.InMeter)
	if l := c.Seen.Lease; l.Open() || l.unsure() {
		most = max(most, c.left(c.Supply.Lease))
	}
	return max(most, c.left(Lease{Max: c.Supply.Risk, Memory: c.Supply.Lease.Memory}))
}

// lent is the most that the meter may still count by any lease that it has or that was signed for it. One that was not signed
// never reached it, and is withdrawn when there is less money.
func (c *pointState) lent() unit.Energy {
	most := max(c.left(c.InMeter), c.left(Lease{Max: c.Supply.Risk, Memory: c.Supply.Lease.Memory}))
	if l := c.Seen.Lease; l.Signed && (l.Open() || l.unsure()) {
		most = max(most, c.left(c.Supply.Lease))
	}
	return most
}

// needed reports whether another meter of the account needs what this one has of the money: half of its share is used, and
// there is no room for it beside the others. Shares of less than a kilowatt-hour are not divided any further, or relays would
// chatter over the last of the money.
func (c *pointState) needed() (bool, error) {
	for i := range c.all {
		o := &c.all[i]
		if o.which == c.which || !o.claims() || o.row.Held.Stopped() {
			continue
		}
		share, err := o.share()
		if err != nil {
			return false, err
		}
		room, err := o.room()
		if err != nil {
			return false, err
		}
		if mine := o.intended(); share >= leaseStep && 2*mine <= share && room < share {
			return true, nil
		}
	}
	return false, nil
}

// wants is what the next lease of this meter is to give: its share, as far as there is room for it; no less than it has
// unless it has more than its share, and then only where the leases of the account stand for too much, or where another
// meter is in need.
func (c *pointState) wants() (unit.Energy, error) {
	share, err := c.share()
	if err != nil {
		return 0, err
	}
	room, err := c.room()
	if err != nil {
		return 0, err
	}
	mine := c.intended()
	if mine <= share {
		return max(mine, min(share, room)), nil
	}
	if room < mine {
		return share, nil
	}
	needed, err := c.needed()
	if needed {
		return share, err
	}
	return mine, err
}

// most is the register up to which a lease may go that is signed now: what there is room for, or what is no more than the
// meter has and its share. One that was ordered before the register could not be true counts from the last that could: from
// a false one any lease would do, however much the money has gone down since.
func (c *pointState) most() (unit.Energy, error) {
	share, err := c.share()
	if err != nil {
		return 0, err
	}
	room, err := c.room()
	energy := max(room, min(share, c.left(c.InMeter)))
	if h := c.row.Held; h.Stopped() && !c.Supply.Lease.At.After(h.Since) {
		return c.row.Register + energy, err
	}
	return c.beyond(energy), err
}

// beyond is the register up to which a lease of some energy goes. Of a meter whose register cannot be true nobody knows what
// it has used: it gets the allowance once, of what is paid for, until a person has decided.
func (c *pointState) beyond(energy unit.Energy) unit.Energy {
	if h := c.row.Held; h.Stopped() {
		return h.Register + min(c.tenant.Supply.AllowanceWh(), energy)
	}
	return c.row.Register + energy
}

// mayHelp reports whether a lease up to want may be given to a meter whose register cannot be true. One that has no lease in
// this memory needs one. One that has keeps it: a lower one would cut off what is paid for if the register is too low, and a
// higher one would give away energy if it is too high. Only two readings in a row are believed so far that say the same register
// and the used-up lease has opened the relay at it: one alone may be false, and a lease beyond it would have no end.
func (c *pointState) mayHelp(h Held, want unit.Energy) bool {
	reach, has := c.reach(h.Memory)
	if !has {
		return true
	}
	again := c.Seq > h.Seq && c.Seen.Register == h.Register // what is known of the relay is of that reading
	return want > reach && h.Register >= reach && again && c.Relay == supply.Open.String() && c.Reasons.Has(leaseReason)
}

// reach is the highest register up to which a lease lets the meter count that it has, or may have, in a memory.
func (c *pointState) reach(memory string) (most unit.Energy, has bool) {
	if c.InMeter.Memory == memory {
		most, has = c.InMeter.Max, true
	}
	if l := c.Seen.Lease; l.Signed && (l.Open() || l.unsure()) && c.Supply.Lease.Memory == memory {
		most, has = max(most, c.Supply.Lease.Max, c.Supply.Risk), true
	}
	return most, has
}
