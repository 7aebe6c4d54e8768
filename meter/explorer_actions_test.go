package meter_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/supply"
)

// themes are the sets of actions. Each theme is searched to the full depth together with the core actions. A search of
// all themes together is less deep.
const core = "core"

func actions() []action {
	return slices.Concat(tokenActions(), ruleActions(), clockActions(), orderActions(), leaseActions(), tellingActions())
}

// tokenActions returns the actions about tokens, orders of the server, and the memory.
func tokenActions() []action {
	return []action{
		{"type half of A", "tokens", func(_ *lab, w *world) bool { was := w.half; w.half = true; return !was }},
		{"type the rest of A", "tokens", func(l *lab, w *world) bool {
			was := w.half
			w.half = false
			return was && l.token(w, tokenA, meter.Keypad, "")
		}},
		{"sms A", "tokens", func(l *lab, w *world) bool { return l.token(w, tokenA, meter.SMS, "") }},
		{"push A", "tokens", func(l *lab, w *world) bool { return l.token(w, tokenA, meter.Remote, "tok_a") }},
		{"push B", "tokens emergency tamper power mode", func(l *lab, w *world) bool { return l.token(w, tokenB, meter.Remote, "tok_b") }},
		{"type a wrong token", "tokens emergency config", func(l *lab, w *world) bool { return l.token(w, tokenWrong, meter.Keypad, "") }},
		{"60 pulses", "tokens emergency config lease mode", func(l *lab, w *world) bool {
			return l.step(w, meter.Event{Kind: meter.EventPulses, Pulses: 60})
		}},
		{"disconnect", "tokens", func(l *lab, w *world) bool { return l.command(w, meter.CommandDisconnect) }},
		{"connect", "tokens", func(l *lab, w *world) bool { return l.command(w, meter.CommandConnect) }},
		{"cancel B", "tokens", func(l *lab, w *world) bool { return l.command(w, meter.CommandCancelToken) }},
		{"press #", "tokens tamper power mode", func(l *lab, w *world) bool {
			return w.s.Relay == supply.Armed && l.step(w, meter.Event{Kind: meter.EventConfirm})
		}},
		{"a minute passes", "tokens", func(l *lab, w *world) bool {
			return w.s.Up < 120_000 && l.pass(w, 60_000)
		}},
		{"a snapshot is written", "core", func(l *lab, w *world) bool {
			if !w.unsaved || w.under.Kind != 0 {
				return false
			}
			l.save(w)
			return true
		}},
		{"the write succeeds", "core", func(l *lab, w *world) bool { return l.persisted(w, true) }},
		{"the write fails", "core", func(l *lab, w *world) bool { return l.persisted(w, false) }},
		{"the mains is going", "core", func(l *lab, w *world) bool {
			return !w.s.Saved && l.step(w, meter.Event{Kind: meter.EventPowerFail})
		}},
		{"power cut", "core", func(l *lab, w *world) bool { return l.cut(w, before) }},
		{"power cut within the write", "core", func(l *lab, w *world) bool { return w.under.Kind != 0 && l.cut(w, within) }},
		{"power cut after the write", "core", func(l *lab, w *world) bool { return w.under.Kind != 0 && l.cut(w, after) }},
	}
}

// ruleActions returns the actions about emergency credit, tampering and configurations.
func ruleActions() []action {
	return []action{
		{"type A", "emergency tamper config clock power", func(l *lab, w *world) bool { return l.token(w, tokenA, meter.Keypad, "") }},
		{"the customer wants emergency credit", "emergency", func(l *lab, w *world) bool {
			l.step(w, meter.Event{Kind: meter.EventActivate, Source: meter.SMS})
			w.asked = w.asked || w.under.Kind == meter.RecordEmergency // without such a record the meter has refused
			return true
		}},
		{"the cover opens", "tamper", func(l *lab, w *world) bool { return l.tamper(w, true) }},
		{"the cover closes", "tamper", func(l *lab, w *world) bool { return l.tamper(w, false) }},
		{"0.2 s pass", "tamper", func(l *lab, w *world) bool {
			return w.s.Settling != [6]uint8{} && l.step(w, meter.Event{Kind: meter.EventWake, Up: w.s.Up + 200})
		}},
		{"clear the tamper latch", "tamper", func(l *lab, w *world) bool { return l.command(w, meter.CommandClearTamper) }},
		{"another configuration", "config mode", func(l *lab, w *world) bool {
			counter := w.counter + 1
			return w.under.Kind == 0 && l.step(w, meter.Event{
				Kind: meter.EventConfig, Version: l.next.Version, Wallet: l.next.Wallet, Counter: counter, Request: meter.Handle(commandID(0, counter)),
			})
		}},
		{"clear the credit", "config emergency", func(l *lab, w *world) bool { return l.command(w, meter.CommandClearCredit) }},
		{"60 Wh flow the other way", "config", func(l *lab, w *world) bool {
			return l.step(w, meter.Event{Kind: meter.EventEnergy, Export: 60})
		}},
		{"the customer's switch", "config", func(l *lab, w *world) bool {
			return w.under.Kind == 0 && l.step(w, meter.Event{Kind: meter.EventLocal})
		}},
	}
}

// clockActions returns the actions about time and load.
func clockActions() []action {
	return []action{
		{"the server sets the clock a day ahead", "clock", func(l *lab, w *world) bool { return l.clock(w, 86_400) }},
		{"the server sets the clock a day back", "clock lease", func(l *lab, w *world) bool { return l.clock(w, -86_400) }},
		{"the server sets the clock ten years ahead", "clock", func(l *lab, w *world) bool {
			return w.rtc < testStart().Unix()+10*365*86_400 && l.clock(w, 10*365*86_400)
		}},
		{"the menu moves the clock by half an hour", "clock", func(l *lab, w *world) bool {
			return l.step(w, meter.Event{Kind: meter.EventClock, NewAt: w.rtc + 1800, ClockBy: meter.ClockMenu})
		}},
		{"the clock dies", "clock", func(l *lab, w *world) bool {
			was := w.dead
			w.dead = true
			return !was && l.step(w, meter.Event{Kind: meter.EventWake})
		}},
		{"20 hours pass", "clock", func(l *lab, w *world) bool {
			return w.s.Up < 200_000_000 && w.under.Kind == 0 && l.pass(w, 72_000_000)
		}},
		{"a load of 5 kW", "power", func(l *lab, w *world) bool {
			return w.s.Power != 5000 && l.step(w, meter.Event{Kind: meter.EventPower, Power: 5000})
		}},
		{"no load", "power", func(l *lab, w *world) bool {
			return w.s.Power != 0 && l.step(w, meter.Event{Kind: meter.EventPower})
		}},
		{"31 s pass", "power lease", func(l *lab, w *world) bool { return w.s.Up < 400_000 && l.pass(w, 31_000) }},
		{"2 minutes pass", "power", func(l *lab, w *world) bool { return w.s.Up < 400_000 && l.pass(w, 121_000) }},
		{"the connection comes or goes", "power", func(l *lab, w *world) bool {
			return l.step(w, meter.Event{Kind: meter.EventComms, Active: !w.s.Flags.Has(meter.FlagOnline)})
		}},
		{"a key", "power", func(l *lab, w *world) bool { return l.step(w, meter.Event{Kind: meter.EventKey}) }},
	}
}

// orderActions returns the actions about the counter of signed messages.
func orderActions() []action {
	return []action{
		{"an expired disconnect", "orders", func(l *lab, w *world) bool {
			return l.order(w, meter.CommandDisconnect, w.counter+1, meter.AnswerExpired)
		}},
		{"the last message is played again as a disconnect", "orders", func(l *lab, w *world) bool {
			return w.counter > 0 && l.order(w, meter.CommandDisconnect, w.counter, meter.AnswerNone)
		}},
	}
}

// tellingActions returns the events that the meter only answers and reports.
func tellingActions() []action {
	return []action{
		{"a reading is wanted", "telling", func(l *lab, w *world) bool { return l.tell(w, meter.Event{Kind: meter.EventRead}) }},
		{"the usage history is cleared", "telling", func(l *lab, w *world) bool { return l.tell(w, meter.Event{Kind: meter.EventClear}) }},
		{"the card is full", "telling", func(l *lab, w *world) bool {
			return l.tell(w, meter.Event{Kind: meter.EventBoard, Code: meter.CodeCard, A: int64(meter.CardFull)})
		}},
	}
}

// tell gives an event that must not change the meter. Afterwards the state must be the same as after an EventWake,
// except for the number of the next report and the day's count of events.
func (l *lab) tell(w *world, ev meter.Event) bool {
	woken := w.s
	wake := l.stamp(w, meter.Event{Kind: meter.EventWake})
	l.spare = meter.Step(w.cfg, &woken, wake, l.spare[:0])
	l.step(w, ev)
	told := w.s
	told.Seq, told.Day.Events = woken.Seq, woken.Day.Events
	l.hold(told == woken || l.bend != nil, "an event that is only told has changed the meter")
	return true
}

// only returns the actions of a theme and the core actions. An empty theme selects all actions.
func only(theme string) (acts []action) {
	for _, a := range actions() {
		if theme == "" || a.theme == core || slices.Contains(strings.Fields(a.theme), theme) {
			acts = append(acts, a)
		}
	}
	return acts
}

// pass lets time pass on both clocks. If more than an hour passes, the lab accepts that the meter forgets the waiting
// sections of a key change.
func (l *lab) pass(w *world, ms uint64) bool {
	if l.change != nil && ms > 3_600_000 && (w.waiting != 0 || w.under.Kind != 0) {
		w.late = true
	}
	w.rtc += int64(ms / 1000)
	if running(&w.s) {
		w.age += ms
	}
	return l.step(w, meter.Event{Kind: meter.EventWake, Up: w.s.Up + ms})
}

// tamper moves the switch of the cover.
func (l *lab) tamper(w *world, open bool) bool {
	was := w.cover
	w.cover = open
	return was != open && l.step(w, meter.Event{Kind: meter.EventTamper, Tamper: meter.TamperCover, Active: open})
}

// clock gives the server's command that moves the clock; the next event carries the new time.
func (l *lab) clock(w *world, by int64) bool {
	if w.under.Kind != 0 || w.rtc+by <= 0 {
		return false
	}
	counter := w.counter + 1
	return l.step(w, meter.Event{
		Kind: meter.EventCommand, Command: meter.CommandSetTime, Counter: counter, NewAt: w.rtc + by,
		Request: meter.Handle(commandID(meter.CommandSetTime, counter)),
	})
}

// otherConfig returns the other configuration that a world may get: emergency credit, a friendly window, another
// constant.
func otherConfig(t *testing.T, c meter.Config) meter.Config {
	t.Helper()
	next, bad := meter.NewConfig(c, 2, map[string]any{
		"imp_per_kwh": 1600, "ec_limit_wh": 100, "ec_threshold_wh": 60, "friendly": []any{"fri 05:00-07:00"}, "reading_s": 0,
	})
	if bad != "" {
		t.Fatalf("refused for %q", bad)
	}
	return next
}
