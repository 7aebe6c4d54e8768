package wallet

import (
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// SupplyTx is the part of a transaction that driving a meter's supply needs.
type SupplyTx interface {
	// SuppliesOf reads the stored supplies of locked wallets, by meter, and the known facts about the meters. A fact that is part of the rows
	// is not read again.
	SuppliesOf([]Row) (map[int64]Supplied, error)
	// SuppliesPut writes stored supplies.
	SuppliesPut([]MeterSupply) error
	// LastVisibility returns the facts that show whether the server sees its meters.
	LastVisibility() (VisibilityInput, error)
	// QueueCommand gives a meter a command. The command is signed when it is sent. It is sent again until the meter answers or the command
	// expires.
	QueueCommand(MeterFacts, Command) (id.ID, error)
	// Withdraw ends a command that the meter has not carried out yet: it is not sent again.
	Withdraw(m MeterFacts, t CommandType, order id.ID, why string) error
	// WakeOrders sends the pending commands of a type to a meter at once, even during the pause before the next attempt.
	WakeOrders(MeterFacts, CommandType) error
	// Notify puts a notice for a customer into the outbox.
	Notify(MeterFacts, Notice) error
}

// MeterSupply is the stored supply of a meter.
type MeterSupply struct {
	Meter int64
	Supply
}

// CommandType is the type of a command to a meter; each is a command.Type of the same name.
type CommandType string

// Commands of this package.
const (
	CommandCut     CommandType = "disconnect"
	CommandConnect CommandType = "connect"
	CommandLease   CommandType = "lease"
	CommandConfig  CommandType = "config"
	CommandClock   CommandType = "time"
	CommandRead    CommandType = "read"
)

// Command is a command to a meter.
type Command struct {
	Type   CommandType
	Args   map[string]any
	Reason string
	By     string // the person who wants it; empty for this package
	TTL    time.Duration
	Until  time.Time // when the command expires by the meter's own clock; zero: after TTL
}

// Ends returns when the command's life ends. The parameter clock is the meter's own time.
func (o Command) Ends(clock time.Time) time.Time {
	if o.Until.IsZero() {
		return clock.Add(o.TTL)
	}
	return o.Until
}

// Lifetimes of commands. For a simulated meter they count by the meter's own clock.
const (
	// cutTTL is short, because the facts behind a cut-off grow old. Each sending checks again that no rule forbids it.
	cutTTL   = 3 * time.Hour
	orderTTL = 24 * time.Hour
	readTTL  = time.Hour
	// againAfter is how long to wait before a command that failed or expired is tried again.
	againAfter = 30 * time.Minute
)

// taken records which lease the meter has taken. The lease it took last has the highest number of all that reached it, so the meter ignores
// a lease that was signed before and arrives late. But until a later reading has come, the meter may have used more of its previous lease
// than the new lease allows. A lease that the meter took also counts if another command has replaced it meanwhile. Suppose that it did not
// count, and that the meter took a lower lease and used it up. The server would assume that the meter still has the higher lease, and would
// give it no new one. If the money went down further, the server might later renew the higher lease. The meter would then get energy for
// which there is no money.
func (c *pointState) taken(r Row) {
	took, most, known := reached(c.Seen.SignedLeases, c.Supply.Lease.Command, r.Seq)
	if c.Seen.Lease.Done() {
		took.Lease, known = c.Supply.Lease, known || r.Seq > c.Seen.Lease.Seq
	}
	if took.Command.IsZero() {
		return
	}
	if c.InMeter.Command != took.Command {
		if c.InMeter.Memory == took.Memory {
			c.Risk = max(c.Risk, c.InMeter.Max)
		}
		c.InMeter = took.Lease
		c.lower = c.Risk > c.InMeter.Max
	}
	if known && r.Memory == c.Memory {
		c.Risk = most
	}
}

// drive sends the meter the commands that follow from a decision, and notices to the customer. It reports whether somebody has to press a
// key at the meter.
func (c *pointState) drive(d Decision) (press bool, err error) {
	r := c.row
	if r.Closed() {
		c.retired(r)
		return false, nil
	}
	if d.On {
		c.Why, c.By = "", ""
	}
	c.connection(r)
	press = Wanted(r.State) && c.mustPress()
	c.notices(r, d, press)
	c.configure(r)
	if err := c.lease(r); err != nil {
		return false, err
	}
	c.setClock(r)
	c.hurry(r)
	c.LookAt = steady(c.stored.LookAt, c.look(r), c.now)
	return press, nil
}

// steady returns the time of the next look: the stored time while it is ahead and at most lookSoon earlier. Otherwise each reading would
// move the time a little, and write the supply for that alone.
func steady(stored, next, now time.Time) time.Time {
	if stored.After(now) && !stored.After(next) && next.Sub(stored) < lookSoon {
		return stored
	}
	return next
}

// does adds an effect for the meter.
func (c *pointState) does(e Effect) {
	e.Meter = c.which
	*c.effects = append(*c.effects, e)
}

// hurry repeats an unanswered command that restores a supply, without waiting for the end of its pause. So neither a customer who has just
// paid nor a person who restored the supply has to wait. A command ordered just now is due anyway.
func (c *pointState) hurry(r Row) {
	if !Wanted(r.State) || c.Relay == supply.Closed.String() {
		return
	}
	if c.Seen.Connect.Open() && c.Supply.Connect == c.stored.Connect {
		c.does(Effect{Kind: EffectHurry, Command: Command{Type: CommandConnect}})
	}
	if c.Seen.Lease.Open() && c.Supply.Lease == c.stored.Lease {
		c.does(Effect{Kind: EffectHurry, Command: Command{Type: CommandLease}})
	}
}

// mustPress reports whether the relay will wait for a key once nothing keeps it open any more.
func (c *pointState) mustPress() bool {
	connecting := c.Seen.Connect.after(c.Seen.Cut) && (c.Seen.Connect.Open() || !c.ReceivedAt.After(c.Seen.Connect.Since))
	return c.Relay == supply.Armed.String() || connecting && !c.Seen.Cut.ID.IsZero()
}

// notices sends the customer notices about the latest change. Of several warnings it sends only the most urgent. It does not announce a
// coming cut-off when the supply goes off now.
func (c *pointState) notices(r Row, d Decision, press bool) {
	usedUp := c.out && c.Supply.Out.IsZero() && r.Started && c.priced
	if usedUp {
		if c.Supply.Out = c.now; !c.joins() && !d.Off {
			c.warn(r, NoticeOut)
		}
	}
	c.Supply.Block = ""
	if c.out && Wanted(r.State) {
		c.Supply.Block = c.block
	}
	if !c.out {
		c.Supply.Out = time.Time{}
		if !r.Low2.Below {
			c.Noticed = time.Time{}
		}
	}
	if d.Off {
		c.notify(r, NoticeOff, false)
	}
	if d.On {
		c.notify(r, NoticeOn, press)
	}
	if usedUp || c.credit && c.out { // no money is left, so a warning that it will end soon would be wrong
		return
	}
	switch {
	case d.Low2:
		c.warn(r, NoticeLow2)
	case d.Low1:
		c.warn(r, NoticeLow1)
	}
}

// warn sends an account a warning, unless this decision has already sent it a warning that is at least as urgent. So an account with
// several meters gets one warning, not one for each meter. Notices about a meter's supply are sent for each meter.
func (c *pointState) warn(r Row, kind NoticeKind) {
	for _, e := range *c.effects {
		if e.Kind == EffectNotify && e.Notice.Kind.urgency() >= kind.urgency() {
			return
		}
	}
	c.notify(r, kind, false)
}

// joins reports whether the account was already told through another of its meters that nothing is left. The notice, and the time since it,
// belong to the account.
func (c *pointState) joins() bool {
	for i := range c.all {
		if o := &c.all[i]; o != c && o.out && !o.stored.Out.IsZero() {
			return true
		}
	}
	return false
}

// noticed returns when an account with nothing left was last warned of it, through any of its meters.
func noticed(states []pointState) (at time.Time) {
	for i := range states {
		if states[i].out {
			at = maxTime(at, states[i].Noticed)
		}
	}
	return at
}

func (c *pointState) notify(r Row, kind NoticeKind, press bool) {
	c.does(Effect{Kind: EffectNotify, Notice: Notice{Kind: kind, Meter: r.Meter.Number, Account: r.Meter.Account.Text(id.Account),
		Available: c.money.Available(), Currency: c.tenant.Currency, Press: press, Test: r.Meter.Simulated}})
}

// connection opens or closes the relay by command, if no lease does it.
func (c *pointState) connection(r Row) {
	if !c.Commands || c.ReceivedAt.IsZero() {
		return
	}
	if Wanted(r.State) {
		c.restore(r)
		return
	}
	if c.Seen.Connect.Open() {
		c.withdraw(CommandConnect, c.Seen.Connect.ID, "the supply is to be off again")
		c.Seen.Connect.State = "expired"
	}
	switch {
	case c.leaseHolds(r), c.inForce():
		return
	case c.Why == "" && c.block != "": // the cut-off was decided before a rule forbade it
		return
	}
	c.order(r, &c.Supply.Cut, &c.Seen.Cut, Command{Type: CommandCut, TTL: cutTTL, By: c.By, Reason: c.reason(),
		Args: map[string]any{"reason": r.Off.String(), "register_wh": int64(r.Register)}})
}

func (c *pointState) reason() string {
	if c.Why != "" {
		return c.Why
	}
	return "CREDIT: nothing is left in the wallet"
}

// leaseHolds reports whether a used-up lease keeps the supply off for lack of money. The next lease then restores the supply at once, and
// nobody has to press a key.
func (c *pointState) leaseHolds(r Row) bool {
	return c.Leases && c.Why == "" && c.Relay == supply.Open.String() && c.Reasons.Has(leaseReason) &&
		c.InMeter.Max <= r.Register && !c.Seen.Lease.Open()
}

// inForce reports whether the newest cut-off is enough for now, so that no other is ordered. A cut-off that is queued, sent or acknowledged
// is enough. A cut-off that the meter has carried out is enough until a later reading contradicts it. A cut-off that failed or expired is
// enough until againAfter has passed. A cut-off with a newer connect is never enough.
func (c *pointState) inForce() bool {
	cut := c.Seen.Cut
	switch {
	case cut.ID.IsZero() || c.Seen.Connect.after(cut):
		return false
	case cut.Open():
		return true
	case cut.Done():
		return c.Reasons.Has(remoteReason) || !c.ReceivedAt.After(cut.Since)
	}
	return c.now.Sub(cut.Since) < againAfter
}

// restore undoes a cut-off. It withdraws a cut-off that was not sent. If a cut-off may have reached the meter, it gives a connect. The
// meter need not have acknowledged the cut-off, and a newer cut-off may have replaced it.
func (c *pointState) restore(r Row) {
	cut, connect := c.Seen.Cut, c.Seen.Connect
	if cut.ID.IsZero() || connect.after(cut) {
		if c.again() {
			c.connect(r)
		}
		return
	}
	if cut.waits() {
		c.withdraw(CommandCut, cut.ID, "paid before it was carried out")
	}
	if !cut.Signed && !c.Seen.CutBefore {
		c.Supply.Cut, c.Seen.Cut = id.ID{}, Progress{}
		return
	}
	c.connect(r)
}

// again reports whether the newest connect has to be repeated. A connect that lapsed without an answer restored nothing. The next connect
// is sent without waiting for a reading, because the server may have been down in that time. A connect that the meter refused is repeated
// after a while. A connect that the meter carried out is repeated only if a later reading contradicts it.
func (c *pointState) again() bool {
	connect, remote := c.Seen.Connect, c.Reasons.Has(remoteReason)
	switch {
	case connect.ID.IsZero():
		return remote
	case connect.Open():
		return false
	case connect.Done():
		return remote && c.ReceivedAt.After(connect.Since)
	case connect.State == "failed":
		return remote && (!connect.refused() || c.now.Sub(connect.Since) >= againAfter || c.clockSet(connect))
	}
	return remote || !c.ReceivedAt.After(connect.Since)
}

func (c *pointState) connect(r Row) {
	c.order(r, &c.Supply.Connect, &c.Seen.Connect, Command{Type: CommandConnect, TTL: orderTTL, By: c.By, Reason: "the supply is wanted again"})
}

// order gives a command that replaces the previous command, and records it.
func (c *pointState) order(r Row, to *id.ID, told *Progress, o Command) {
	if told.waits() {
		c.withdraw(o.Type, told.ID, "another one takes its place")
	}
	c.does(Effect{Kind: EffectCommand, Command: o})
	*to = ordered()
	*told = Progress{ID: *to, State: "queued", Since: c.now, Until: o.Ends(r.Meter.Clock(c.now))}
}

// withdraw ends a command that the meter has not carried out.
func (c *pointState) withdraw(t CommandType, order id.ID, why string) {
	c.does(Effect{Kind: EffectWithdraw, Command: Command{Type: t, Reason: why}, Withdrawn: order})
}

// lease renews the meter's lease if that is due.
func (c *pointState) lease(r Row) error {
	if !c.Commands || !c.Leases || !r.Started || !c.priced || r.Memory != c.Memory && !r.Held.Stopped() {
		return nil
	}
	needed, err := c.needed()
	if err == nil && needed && c.lower && c.Risk > 0 {
		c.does(Effect{Kind: EffectCommand, Command: Command{Type: CommandRead, TTL: readTTL, Reason: "what is left of a lower lease"}})
	}
	if err != nil || !Wanted(r.State) && !needed {
		return err
	}
	energy, err := c.wants()
	if err != nil {
		return err
	}
	want := c.beyond(energy)
	if h := r.Held; h.Stopped() {
		if h.Memory != c.Memory || c.Supply.Lease.At.After(h.Since) || c.out || !c.mayHelp(h, want) {
			return nil
		}
	} else if c.shrink(want) || c.unwelcome() || !Renew(r, c.Supplied, c.tenant, want, c.block, c.now) {
		return nil
	}
	c.replaceLease(Lease{Max: want, At: c.now, Memory: c.Memory})
	c.order(r, &c.Supply.Lease.Command, &c.Seen.Lease, Command{Type: CommandLease, TTL: orderTTL, Reason: "supply that is paid for",
		Args: map[string]any{"max_register_wh": int64(want), "ttl_s": int64(c.tenant.Supply.LeaseTTL() / time.Second)}})
	return nil
}

// unwelcome reports whether the meter has just refused a lease for a reason that also applies to the next lease. The next lease then waits
// until the meter has taken another configuration, or for a while.
func (c *pointState) unwelcome() bool {
	lease, config := c.Seen.Lease, c.Seen.Config
	return lease.refused() && c.now.Sub(lease.Since) < againAfter && !(config.Done() && config.Since.After(lease.Since)) && !c.clockSet(lease)
}

// shrink withdraws a lease that the meter has not taken and that is worth more than the present money. It reports whether the meter gets no
// new lease now: a lower lease than the meter has would cut the supply, and a rule forbids that.
func (c *pointState) shrink(want unit.Energy) bool {
	if !c.Seen.Lease.Open() || want >= c.Supply.Lease.Max || c.block == "" {
		return false
	}
	c.withdraw(CommandLease, c.Seen.Lease.ID, "there is less money by now")
	c.replaceLease(Lease{Memory: c.Memory})
	c.Seen.Lease = Progress{}
	return want <= c.InMeter.Max
}

// replaceLease records a newer lease. If the previous lease was signed, the meter may have it, so Risk includes it.
func (c *pointState) replaceLease(l Lease) {
	if c.Supply.Lease.Memory != l.Memory {
		c.Risk = 0
	}
	if old := c.Seen.Lease; old.Signed && (old.Open() || old.unsure()) && c.Supply.Lease.Memory == l.Memory {
		c.Risk = max(c.Risk, c.Supply.Lease.Max)
	}
	c.Supply.Lease = l
}

// Times until a supply is looked at again without a reading or a payment.
const (
	lookSoon  = time.Minute
	lookLater = 6 * time.Hour
)

// look returns when to look at the supply again without a reading or a payment, or zero for never.
func (c *pointState) look(r Row) time.Time {
	switch {
	case c.Supply.Block == BlockProtected || c.Supply.Block == BlockHeld:
		return c.now.Add(lookLater).Truncate(lookSoon)
	case c.Supply.Block != "", !Wanted(r.State) && c.Commands && !c.Seen.Cut.Done() && !c.leaseHolds(r):
		return c.now.Add(lookSoon)
	case !Wanted(r.State):
		return c.priceChange(r) // the money may be enough then
	}
	return c.lookOn(r)
}

// priceChange returns when the account gets another tariff that is planned; zero for never. A simulated meter has a time of its own, and is
// looked at with its readings.
func (c *pointState) priceChange(r Row) time.Time {
	next, planned := r.Meter.Later.Next(c.now)
	if !planned || r.Meter.Simulated {
		return time.Time{}
	}
	return maxTime(next.From, c.now.Add(lookSoon))
}

// lookOn returns when to look again at a supply that is wanted: when half the time of its lease is over, when an unanswered command lapses,
// when a refused command is due again, or when the account gets another tariff.
func (c *pointState) lookOn(r Row) (at time.Time) {
	sooner := func(t time.Time) {
		if t = maxTime(t, c.now.Add(lookSoon)); at.IsZero() || t.Before(at) {
			at = t
		}
	}
	if c.Leases && !c.InMeter.Command.IsZero() {
		half := c.InMeter.At.Add(c.tenant.Supply.LeaseTTL() / 2)
		if !half.After(c.now) {
			half = c.now.Add(lookLater).Truncate(lookSoon)
		}
		sooner(half)
	}
	if c.now.Before(c.Emergency.Until) {
		sooner(c.Emergency.Until)
	}
	if change := c.priceChange(r); !change.IsZero() { // the lease and the warnings follow the price
		sooner(change)
	}
	for _, t := range []Progress{c.Seen.Lease, c.Seen.Connect} {
		switch {
		case t.Open() && !t.Until.IsZero():
			sooner(c.now.Add(t.Until.Sub(r.Meter.Clock(c.now))))
		case t.State == "failed":
			if due := t.Since.Add(againAfter); due.After(c.now) {
				sooner(due)
			}
		}
	}
	return at
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
