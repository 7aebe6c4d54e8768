package rogue

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
)

// day is a virtual day in seconds.
const day = 86_400

// house is a meter with its load: the meter's own rules, and a host that never fails. It keeps no digits.
type house struct {
	number string
	config meter.Config
	state  meter.State
	keys   meter.Keys

	next     *meter.Config // the configuration that a record under way makes current
	nextKeys *meter.Keys
	up       uint64            // milliseconds since the meter started
	at       int64             // Unix seconds
	open     bool              // a postpaid meter, or none at all: nothing cuts the supply off
	load     int64             // W, while the relay is closed
	slow     int64             // Wh that flow for each Wh that the meter counts; 0 for a meter that counts all
	rest     int64             // used energy below 1 Wh, in W·ms
	ids      map[uint64]string // ids of requests by their handles
	reports  []meter.Report    // not acknowledged yet; nil for a meter without a network
	last     meter.Result      // of the newest token
	effects  []meter.Effect    // room for the effects of one event
}

// set assigns a whole number to a field of one of the meter's number types.
func set[T ~int32 | ~uint32 | ~int64](to *T, v int64) { *to = T(v) }

// newHouse builds a meter in wallet or token mode.
func newHouse(number string, key sts.Key, wallet bool, at, load int64) *house {
	h := &house{number: number, config: meter.DefaultConfig(), at: at, load: load, ids: map[uint64]string{}}
	_, _ = fmt.Sscan(number, &h.config.Number)
	h.config.ReadingEvery, h.config.Wallet = 6*3600, wallet
	h.keys = meter.NewKeys(key, meter.KeyInfo{Base: sts.Base2014, Type: sts.DUTK, KEN: 255, Named: true, KRN: 1, TI: 1, SGC: 123456})
	h.state = meter.New(h.keys.Info(), &h.config, 0)
	h.give(meter.Event{Kind: meter.EventPowerRestore, Reset: meter.ResetPower})
	return h
}

// clone returns a copy that shares nothing with the house.
func (h *house) clone() *house {
	c := *h
	c.effects = nil
	c.ids = map[uint64]string{}
	for k, v := range h.ids {
		c.ids[k] = v
	}
	c.reports = append([]meter.Report(nil), h.reports...)
	return &c
}

// give passes an event to the core and carries out its effects. Every record is durable at once.
func (h *house) give(ev meter.Event) {
	ev.Up, ev.At, ev.Clock = h.up, h.at, meter.ClockValid
	effects := meter.Step(&h.config, &h.state, ev, h.room())
	for _, e := range effects {
		switch e.Kind {
		case meter.EffectPersist:
			if h.next != nil && ev.Kind == meter.EventConfig {
				h.config, h.next = *h.next, nil
			}
			if h.nextKeys != nil && ev.Kind == meter.EventToken {
				h.keys, h.nextKeys = *h.nextKeys, nil
			}
			h.give(meter.Event{Kind: meter.EventPersisted, Record: e.Record, OK: true})
		case meter.EffectPublish:
			h.reports = append(h.reports, e.Report)
		case meter.EffectResult:
			h.last = e.Result
		}
	}
	h.effects = effects[:0]
}

// room takes the room for the effects of an event. An event within another's effects needs room of its own.
func (h *house) room() []meter.Effect {
	room := h.effects
	if h.effects = nil; room == nil {
		room = make([]meter.Effect, 0, meter.MaxEffects)
	}
	return room
}

// enter enters a token and returns the meter's answer.
func (h *house) enter(digits string, from meter.Source, request string) string {
	change, after := h.keys.Take(&h.state, digits)
	h.nextKeys = &after
	h.last = meter.Result{}
	h.give(meter.Event{Kind: meter.EventToken, Source: from, Opened: h.keys.Open(digits), Change: change, Request: h.handle(request)})
	h.nextKeys = nil
	return h.last.Code.String()
}

func (h *house) handle(id string) uint64 {
	if id == "" {
		return 0
	}
	n := meter.Handle(id)
	h.ids[n] = id
	return n
}

// run lets time pass. The load runs while the relay is closed.
func (h *house) run(seconds int64) {
	for end := h.up + uint64(seconds)*1000; h.up < end; {
		to := min(end, max(meter.Wake(&h.config, &h.state), h.up+1))
		watts := int64(0)
		if h.on() {
			watts = h.load / max(1, h.slow)
		}
		if head := int64(meter.Headroom(&h.config, &h.state)); watts > 0 && head < 1<<40 {
			to = min(to, h.up+uint64(max(1, (head*3_600_000-h.rest+watts-1)/watts)))
		}
		ms := to - h.up
		h.rest += watts * int64(ms)
		h.at += int64(to/1000) - int64(h.up/1000)
		h.up = to
		ev := meter.Event{Kind: meter.EventEnergy}
		set(&ev.Energy, h.rest/3_600_000)
		h.rest %= 3_600_000
		h.give(ev)
		h.give(meter.Event{Kind: meter.EventWake})
	}
}

// sample shows the meter its load, so that limits of power act.
func (h *house) sample() {
	ev := meter.Event{Kind: meter.EventPower, Voltage: 230_000}
	if h.on() {
		set(&ev.Power, h.load)
	}
	h.give(ev)
}

// tamper opens the meter's cover and closes it again. The latch stays.
func (h *house) tamper() {
	h.config.Tamper[meter.TamperCover] = meter.PolicyLatch
	h.give(meter.Event{Kind: meter.EventTamper, Tamper: meter.TamperCover, Active: true})
	h.run(10)
	h.give(meter.Event{Kind: meter.EventTamper, Tamper: meter.TamperCover})
	h.run(10)
}

func (h *house) on() bool        { return h.open || h.state.Relay.String() == "closed" }
func (h *house) register() int64 { return int64(h.state.Register) }
func (h *house) balance() int64  { return int64(h.state.Balance) }

// baseDate returns the base date of a year.
func baseDate(year int64) (b sts.BaseDate) {
	for _, known := range []sts.BaseDate{sts.Base1993, sts.Base2014, sts.Base2035} {
		if int64(known) == year {
			b = known
		}
	}
	return b
}

// useful reports whether a customer enters a token: credit, and tokens that clear tampering.
func useful(o sts.Opened) bool { return o.Class == 0 || o.Class == 2 && o.SubClass == 5 }

// harmful reports whether a token can only harm the customer: one that clears credit, limits the power or changes the key.
func harmful(o sts.Opened) bool { return !useful(o) }

// offer enters those digits that the meter can open and that are wanted, the oldest first.
func (h *house) offer(digits []string, wanted func(sts.Opened) bool) {
	type token struct {
		digits string
		o      sts.Opened
	}
	var list []token
	for _, d := range digits {
		if o := h.keys.Open(d); o.Result == sts.Accept && wanted(o) {
			list = append(list, token{d, o})
		}
	}
	slices.SortStableFunc(list, func(a, b token) int { return cmp.Compare(a.o.TID, b.o.TID) })
	for _, t := range list {
		h.enter(t.digits, meter.Keypad, "")
	}
}
