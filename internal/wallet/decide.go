package wallet

import (
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/supply"
)

// Decision is the effect of a change of money. Each field that is true is acted on once.
type Decision struct {
	Low1, Low2 bool // a warning has just become due
	Off, On    bool // the supply has just become unwanted, or wanted again
}

// Any reports whether anything happens.
func (d Decision) Any() bool { return d != Decision{} }

// Decided is the state of one meter's supply from now on.
type Decided struct {
	Low1, Low2 supply.Crossing
	Off        supply.Reasons // why the server wants it off; see [Wanted]
	Supply
	Decision
	Press bool // somebody has to press a key at the meter for the supply to return
}

// apply returns the state of the meter's wallet with the decision in it.
func (d Decided) apply(s State) State {
	s.Low1, s.Low2, s.Off = d.Low1, d.Low2, d.Off
	return s
}

// Decide returns the new state of each meter's supply, and the effects to carry out, in order. It reads no clock, makes no identity and
// writes nothing: [Settle] does that. It returns an error if an amount is too large to be counted.
//
//	money, price ──> levels ──> crossings: warn, off, on ──> notices
//	visibility, reading, calendar ──> may it be cut? ─────> cut, connect
//	money, other meters ──> share ─────────────────────────> lease
func Decide(a Account) ([]Decided, []Effect, error) {
	states, err := a.pointStates()
	if err != nil {
		return nil, nil, err
	}
	out := make([]Decided, len(states))
	for i := range states {
		c := &states[i]
		var crossed Decision
		if c.row.Closed() {
			out[i] = Decided{Low1: c.row.Low1, Low2: c.row.Low2, Off: c.row.Off}
			continue
		}
		c.row.State, crossed = cross(c.row.State, c.money.Available(), c.levels, c.out, c.block, c.credit)
		out[i] = Decided{Low1: c.row.Low1, Low2: c.row.Low2, Off: c.row.Off, Decision: crossed}
	}
	var effects []Effect
	for i := range states {
		c := &states[i]
		if out[i].Press, err = c.drive(out[i].Decision); err != nil {
			return nil, nil, err
		}
		out[i].Supply, effects = c.Supply, *c.effects
	}
	return out, effects, nil
}

// pointState is one meter while its account is being decided.
type pointState struct {
	tenant Tenant
	money  Money
	now    time.Time
	doubt  bool   // the present time is in doubt
	stored Supply // the supply as it was read
	Supplied
	block   CutoffDelay
	levels  Levels
	body    tariff.Body
	priced  bool
	rests   int64
	out     bool         // nothing is left
	credit  bool         // money has just come in
	row     Row          // see [Row.counted]
	which   int          // index among the meters of the account
	all     []pointState // the meters of the account, including this one
	lower   bool         // the meter has just taken a lower lease than it had
	effects *[]Effect    // effects for the account so far
}

// pointStates prepares all meters of an account for the decision.
func (a Account) pointStates() ([]pointState, error) {
	var rests int64
	for _, p := range a.Points {
		rests += p.Rest
	}
	out, effects := make([]pointState, len(a.Points)), new([]Effect)
	for i, p := range a.Points {
		c := pointState{tenant: a.Tenant, money: a.Money, now: a.Now, doubt: a.Visibility.Doubt, credit: a.Credit, rests: rests, row: p.counted(), which: i, all: out,
			effects: effects, body: p.Tariff, priced: p.Priced, stored: p.Supplied.Supply, Supplied: p.Supplied.believed(a.Now)}
		c.Seen = c.Seen.at(p.Meter.Clock(a.Now))
		c.tenant = c.Emergency.terms(c.tenant, c.row.Meter.N, c.register(), a.Now)
		c.taken(c.row)
		if err := c.judge(); err != nil {
			return nil, err
		}
		c.out = c.out && !p.Closed()
		out[i] = c
	}
	told := noticed(out)
	for i := range out {
		c := &out[i]
		if c.out && c.Noticed.IsZero() {
			c.Noticed = told
		}
		c.block = Blocked(c.row, c.Supplied, a.Tenant, a.Now, a.Visibility)
	}
	return out, nil
}

// judge works out the levels of the warnings and the cut-off, and whether nothing is left.
func (c *pointState) judge() (err error) {
	p := c.tenant.Policy
	if c.levels = (Levels{Warn1: p.Warn1, Warn2: p.Warn2, CutOff: p.CutOff}); !c.priced {
		c.out = c.money.Available() <= p.CutOff
		return nil
	}
	if c.levels, err = LevelsOf(p, c.body); err != nil {
		return err
	}
	left, err := Spendable(c.body, c.money, c.levels.CutOff, c.rests)
	c.out = left <= 0
	return err
}

// cross compares the available amount with the levels. Each of the two warnings fires once per fall. A credit, or a rise above the level's
// margin, arms the warning again. A warning also fires if the amount is not above its level after a credit. The supply becomes unwanted if
// nothing is left (out) and no rule forbids the cut-off. A rule that begins later does not bring the supply back, unless the account is
// protected. cross decides only about the reason CREDIT and leaves all other reasons as they are.
func cross(s State, available money.Minor, l Levels, out bool, block CutoffDelay, credit bool) (State, Decision) {
	var d Decision
	warn := func(c *supply.Crossing, level money.Minor) bool {
		if credit {
			return c.Credited(int64(available), int64(level))
		}
		return c.Update(int64(available), int64(level), supply.Margin(int64(level), int64(l.Margin)))
	}
	d.Low1, d.Low2 = warn(&s.Low1, l.Warn1), warn(&s.Low2, l.Warn2)
	was := Wanted(s)
	switch {
	case !out, block == BlockProtected:
		s.Off = s.Off.Without(supply.Credit)
	case block == "":
		s.Off = s.Off.With(supply.Credit)
	}
	d.Off, d.On = was && !Wanted(s), !was && Wanted(s)
	return s, d
}
