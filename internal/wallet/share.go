package wallet

import (
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// The meters of an account share its money. A lease is worth the price of the energy left in it. Together, the leases that the meters of
// an account have, or may have received, are worth at most the account's money. If a rule forbids the cut-off, the allowance is added
// once. So the account cannot use more than that, whatever the network does to its meters. If the money is enough for a full lease each,
// sharing changes nothing. If not, each meter has the same share. A meter may have more than its share because another meter has used
// more. It gives some energy back by a lower lease as soon as another meter needs it.

// means returns the money that all leases of the account together may be worth, under the rules for this meter.
func (c *pointState) means() (money.Minor, error) {
	extra := unit.Energy(0)
	if c.block == BlockFriendly || c.block == BlockNotice {
		extra = c.tenant.Supply.AllowanceWh()
	}
	more, err := c.body.CostOf(extra)
	more = max(more-1, 0) // CostOf rounds up; one minor unit less cannot pay for more than the allowance
	return c.money.Available() - c.tenant.Policy.CutOff + more, err
}

// pays returns the energy that an amount pays for, at most one cap.
func (c *pointState) pays(m money.Minor) (unit.Energy, error) {
	energy, err := c.body.AffordableLess(m, c.rests)
	return min(energy, c.tenant.Supply.LeaseCap()), err
}

// claims reports whether the meter has a share of the money: it can get a lease.
func (c *pointState) claims() bool {
	return c.Commands && c.Leases && c.priced && c.row.Started && Wanted(c.row.State)
}

// share returns the energy that this meter's part of the money pays for. All meters that claim a share have the same part.
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

// room returns the energy that the money still pays for if the leases of the other meters count as used.
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

// intended returns the energy left of the lease that the meter has or is about to get. If the meter may have one of several leases, the
// lowest counts. A lower lease may have taken energy from the meter. The next lease gives that energy back only if there is room for it.
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

// left returns the energy left of a lease, or 0 for a lease of another memory.
func (c *pointState) left(l Lease) unit.Energy {
	if l.Memory != c.Memory {
		return 0
	}
	return max(0, l.Max-c.register())
}

// register returns the meter's register: as rated last or, if rating begins again for another account, as read last.
func (c *pointState) register() unit.Energy {
	if !c.row.Started {
		return c.Seen.Register
	}
	return c.row.Register
}

// holds returns the most that the meter may still count by any lease that has reached it or may reach it.
func (c *pointState) holds() unit.Energy {
	if c.row.Closed() && c.allowed() == 0 {
		return 0
	}
	most := c.left(c.InMeter)
	if l := c.Seen.Lease; l.Open() || l.unsure() {
		most = max(most, c.left(c.Supply.Lease))
	}
	return max(most, c.left(Lease{Max: c.Supply.Risk, Memory: c.Supply.Lease.Memory}))
}

// lent returns the most that the meter may still count by any lease that it has or that was signed for it. An unsigned lease never reached
// it, and is withdrawn when there is less money.
func (c *pointState) lent() unit.Energy {
	if c.row.Closed() && c.mayBeDead() {
		return 0
	}
	most := max(c.left(c.InMeter), c.left(Lease{Max: c.Supply.Risk, Memory: c.Supply.Lease.Memory}))
	if l := c.Seen.Lease; l.Signed && (l.Open() || l.unsure()) {
		most = max(most, c.left(c.Supply.Lease))
	}
	return most
}

// needed reports whether another meter of the account needs some of this meter's energy. That meter has used half of its share, and there
// is no room for a full share beside the other leases. Shares below a kilowatt-hour are not divided any further, because relays would
// otherwise switch again and again over the last money.
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

// wants returns the energy of this meter's next lease: its share, as far as there is room, but no less than the meter already has. A meter
// with more than its share keeps the energy, unless the leases of the account are worth too much or another meter needs the energy.
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

// most returns the highest register that a lease may have if it is signed now. It gives as much energy as there is room for, but at least
// the energy that the meter already has within its share. If the register became impossible after the lease was ordered, the energy counts
// from the register that was rated last. Counted from a false register, any lease would be allowed, even after the money has gone down.
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

// beyond returns the register up to which a lease of some energy goes. If the meter's register cannot be true, nobody knows how much energy
// it has used. It then gets at most the allowance, once, until a person has decided.
func (c *pointState) beyond(energy unit.Energy) unit.Energy {
	if h := c.row.Held; h.Stopped() {
		return h.Register + min(c.tenant.Supply.AllowanceWh(), energy)
	}
	return c.row.Register + energy
}

// mayHelp reports whether a meter whose register cannot be true may get a lease up to want. A meter without a lease in this memory needs
// one. A meter with a lease keeps it. If the register is too low, a lower lease would cut off paid energy. If the register is too high, a
// higher lease would give energy away. The register is trusted only if two readings in a row report it and the used-up lease has opened the
// relay there. One reading alone may be false, and a lease beyond it would have no limit.
func (c *pointState) mayHelp(h Held, want unit.Energy) bool {
	reach, has := c.reach(h.Memory)
	if !has {
		return true
	}
	again := c.Seq > h.Seq && c.Seen.Register == h.Register // the state of the relay comes from that reading
	return want > reach && h.Register >= reach && again && c.Relay == supply.Open.String() && c.Reasons.Has(leaseReason)
}

// reach returns the highest register that leases for a memory allow. It counts the leases that are in the meter or may have reached it.
func (c *pointState) reach(memory string) (most unit.Energy, has bool) {
	if c.InMeter.Memory == memory {
		most, has = c.InMeter.Max, true
	}
	if l := c.Seen.Lease; l.Signed && (l.Open() || l.unsure()) && c.Supply.Lease.Memory == memory {
		most, has = max(most, c.Supply.Lease.Max, c.Supply.Risk), true
	}
	return most, has
}
