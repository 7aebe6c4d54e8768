package meter_test

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/journal"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// The tokens of the searches: two good tokens and a wrong token; then a key change and the tokens around it.
const (
	tokenA = iota
	tokenB
	tokenWrong
	tokenFirst  // section 1
	tokenSecond // section 2
	tokenOther  // section 1 of another set
	tokenNew    // credit under the new key
	tokenManage // management under the old key
	tokenThen   // section 1 of the change after this one, under the new key
	tokenCount
)

// deepest is the greatest depth of any search.
const deepest = 8

// lab holds the data that all worlds of one search share.
type lab struct {
	cfg, next meter.Config // the first configuration of every world, and its other configuration
	digits    [tokenCount]string
	opened    [tokenCount]sts.Opened
	ids       map[uint64]string
	change    *keyLab // of the search for key changes
	// Planted bugs (testdata/planted.md): the function bend changes the result of a step of the core. The other bugs
	// are in the host.
	bend     func(l *lab, before, after *meter.State, ev *meter.Event, out []meter.Effect)
	bendEv   func(ev *meter.Event)
	urgent   bool // the meter asks for a snapshot that cannot wait
	tardy    bool // the host lets such a snapshot wait
	hasty    bool // the host says durable before it has written
	eagerCfg bool // the host works with a configuration before its record is durable

	hunt
	trace   []string
	failure string
	out     []meter.Effect
	spare   []meter.Effect
	kinds   [meter.EventKinds]bool // kinds of the events given so far
	under   *meter.Record          // record of the event being given
}

// world is a meter with its host, small enough to copy: the state, the memory, the pending record, and the facts
// reported to the outside. The data behind its pointers never changes while another world may use that data.
type world struct {
	s     meter.State
	mem   *image
	under meter.Record // pending record; Kind is 0 if none is pending
	keys  *meter.Keys
	after *meter.Keys // the keys with the pending section; nil if none is pending
	cfg   *meter.Config
	told
}

// told holds the facts that the meter has reported to others, who may rely on them.
type told struct {
	unsaved  bool // the meter has asked for a snapshot
	half     bool // half of token A is typed
	next     uint64
	log      uint32 // newest log record whose report is in the outbox
	base     unit.Energy
	accepted [tokenCount]bool
	cancel   bool  // the cancellation of B was answered with done
	wrong    uint8 // wrong tokens shown at the keypad since the last accepted one
	remote   bool
	register unit.Energy
	counter  uint64
	// rtc is the time that the clock shows, in Unix seconds; dead means that the clock cannot be trusted.
	rtc  int64
	dead bool
	// version is the configuration that was answered with done. asked means that the customer asked for the emergency
	// credit, and emergency means that the meter answered with done. tampered means that TAMPER was reported and not
	// cleared. row is the last day closed.
	version   uint32
	asked     bool
	emergency bool
	tampered  bool
	cover     bool // the cover switch is not normal
	// paid means that a credit token was accepted after the emergency credit was activated. The token may have paid the
	// emergency credit back. A power cut can change that: it loses energy that was counted and not saved.
	paid  bool
	frail bool // the latch could not be written; only the next snapshot makes it durable
	// lease is the newest lease that was answered with done. age is the time for which that lease has run since then,
	// 0 while no lease runs.
	lease uint32
	age   uint64
	row   meter.Date
	keyTold
}

// action is something that can happen next. The function do reports whether the action was possible.
type action struct {
	name, theme string
	do          func(l *lab, w *world) bool
}

func (l *lab) token(w *world, which int, from meter.Source, request string) bool {
	ev := meter.Event{Kind: meter.EventToken, Opened: l.opened[which], Source: from}
	if l.change != nil {
		ev.Opened = w.keys.Open(l.digits[which])
		var after meter.Keys
		if ev.Change, after = w.keys.Take(&w.s, l.digits[which]); !w.s.Busy() {
			w.after = l.sameKeys(w, after)
		}
	}
	if request != "" {
		ev.Request = meter.Handle(request)
	}
	return l.step(w, ev)
}

func (l *lab) command(w *world, c meter.Command) bool {
	return l.order(w, c, w.counter+1, meter.AnswerNone)
}

// order gives a message of the server with this counter. The parameter refused is the host's reason to refuse the
// message. It is AnswerNone if the host accepts the message.
func (l *lab) order(w *world, c meter.Command, counter uint64, refused meter.Answer) bool {
	if w.under.Kind != 0 {
		return false // the host holds the message back
	}
	return l.step(w, meter.Event{
		Kind: meter.EventCommand, Command: c, Counter: counter, Base: sts.Base2014, TID: l.opened[tokenB].TID,
		Request: meter.Handle(commandID(c, counter)), Refused: refused,
	})
}

func commandID(c meter.Command, counter uint64) string {
	return string([]byte{'c', 'm', 'd', byte('0' + c), byte('a' + counter)})
}

// stamp puts the time of a world into an event.
func (l *lab) stamp(w *world, ev meter.Event) meter.Event {
	ev.Up = max(ev.Up, w.s.Up)
	ev.At = w.rtc
	if !w.dead {
		ev.Clock = meter.ClockValid
	}
	return ev
}

// step gives one event, carries out its effects and notes their reports.
func (l *lab) step(w *world, ev meter.Event) bool {
	ev = l.stamp(w, ev)
	l.kinds[ev.Kind], l.under = true, &ev.Record
	before := w.s
	if l.bendEv != nil {
		l.bendEv(&ev)
	}
	l.out = meter.Step(w.cfg, &w.s, ev, l.out[:0])
	if l.bend != nil {
		l.bend(l, &before, &w.s, &ev, l.out)
	}
	if l.change != nil && l.change.keepRing {
		w.s.RingKeys, w.s.RingAnswers = keepAnswers(&before, &w.s)
	}
	l.steps++
	for i := range l.out {
		switch e := &l.out[i]; e.Kind {
		case meter.EffectPersist:
			w.under = e.Record
			if l.eagerCfg && e.Record.Kind == meter.RecordConfig {
				w.cfg = &l.next
			}
			if l.change != nil && l.change.eager && e.Record.Kind == meter.RecordKeys {
				w.keys = w.after
			}
		case meter.EffectCheckpoint:
			if w.unsaved = true; e.Urgent {
				l.urgent = true
			}
		case meter.EffectPublish:
			l.publish(w, &e.Report)
		case meter.EffectEmergency:
			if e.EC == meter.ECDone {
				w.emergency, w.paid = true, false
			}
		case meter.EffectClock:
			if e.Clock == meter.ClockDone {
				w.rtc, w.dead = e.At, false
			}
		case meter.EffectAppend:
			// The row of a day may come again when the power was cut before the next snapshot.
			l.hold(e.Row.Kind != meter.HistoryDays || e.Row.Date >= w.row, "a day is closed after a later one")
			if e.Row.Kind == meter.HistoryDays {
				w.row = max(w.row, e.Row.Date)
			}
		}
	}
	l.check(w, ev.Kind == meter.EventReplay)
	if l.urgent {
		l.urgent = false
		if l.tardy {
			return true
		}
		l.save(w)
	}
	return true
}

// save writes a snapshot, as a host does when it has time.
func (l *lab) save(w *world) {
	l.must(l.own(w).Save(&w.s))
	w.unsaved, w.frail = false, false
}

// publish notes the promises that a report makes to the server.
func (l *lab) publish(w *world, r *meter.Report) {
	l.hold(r.Seq == w.next, "a report out of sequence")
	l.hold(r.Register >= w.register, "a register below a published one")
	w.next++
	if r.Code == meter.CodeTamperCleared {
		w.tampered = false
	} else if r.Reasons.Has(supply.Tamper) {
		w.tampered = true
	}
	if r.Kind == meter.ReportToken && r.Result == sts.Accept && r.Class == 0 && r.Log != 0 {
		w.paid = true
		w.emergency, w.asked = w.emergency && w.s.EC >= meter.ECActive, w.asked && w.s.EC >= meter.ECActive
	}
	w.log, w.register = max(w.log, r.Log), r.Register
	if l.change != nil {
		l.keyReport(w, r)
	}
	switch {
	case r.Kind == meter.ReportToken && r.Class != 0:
		// Management tokens are handled below or in keyReport.
	case r.Kind == meter.ReportToken && r.Result == sts.Accept:
		which := tokenA
		switch r.TID {
		case l.opened[tokenB].TID:
			which = tokenB
			l.hold(!w.cancel, "a cancelled token was accepted")
		case l.opened[tokenNew].TID:
			which = tokenNew
		}
		l.hold(!w.accepted[which] || r.Request != 0, "a token was accepted twice")
		w.accepted[which] = true
		if r.Source == meter.Keypad {
			w.wrong = 0
		}
	case r.Kind == meter.ReportToken && r.Result == sts.CRCError && r.Source == meter.Keypad:
		w.wrong++
	case r.Code == meter.CodeCreditCleared:
		w.base -= unit.Energy(r.A)
	case r.Code == meter.CodeConfig:
		w.counter++
		if was := l.configOf(w.version).Wallet; was != l.configOf(uint32(r.A)).Wallet {
			w.emergency, w.asked, w.paid = false, false, false
			if was {
				l.goesTo(w, l.under.Register) // the rest of the old lease is lost
			}
		}
		w.version = uint32(r.A)
	case r.Code == meter.CodeLease:
		l.leased(w, r)
	case r.Code == meter.CodeCommand && meter.Answer(r.B) != meter.AnswerStorage:
		w.counter++ // a refused command may not be replayed either
		if meter.Answer(r.B) != meter.AnswerDone {
			return
		}
		switch meter.Command(r.A) {
		case meter.CommandDisconnect:
			w.remote = true
		case meter.CommandConnect:
			w.remote = false
		case meter.CommandCancelToken:
			l.hold(!w.accepted[tokenB], "an accepted token was cancelled")
			w.cancel = true
		}
	}
}

// check checks the invariants of a world.
func (l *lab) check(w *world, replaying bool) {
	if replaying {
		return // until the whole log is replayed the meter does not act
	}
	s := &w.s
	credit := w.base + l.bought(w)
	for which, in := range w.accepted {
		if in {
			l.hold(s.TIDs.Check(l.opened[which].TID) == sts.UsedError || which == tokenA && w.rolled,
				"an accepted token could be used again")
		}
	}
	l.hold(s.Shown()+s.Register == credit, "the credit is not what was accepted less what was used")
	l.hold(s.Balance >= 0 && s.Overrun >= 0, "a negative register")
	l.hold(s.Counter >= w.counter, "the counter of signed messages has fallen")
	l.hold(s.Guards[meter.Keypad-1].Row >= w.wrong, "a wrong token is not counted any more")
	l.hold(!w.cancel || s.TIDs.Check(l.opened[tokenB].TID) == sts.UsedError, "a cancelled token could be used")
	l.hold((s.Relay == supply.Closed) == (s.Reasons == 0 && !s.Confirm && s.ClosesIn() == 0), "the relay is elsewhere")
	if s.Wallet() {
		l.checkLease(w)
	} else {
		cut, spent := s.Reasons.Has(supply.Credit), s.Available(w.cfg) <= 0
		kept := s.Flags.Has(meter.FlagFriendly) || s.Flags.Has(meter.FlagLifeline)
		l.hold(cut == spent || spent && kept, "reason CREDIT does not follow the credit")
		l.hold(!s.Reasons.Has(supply.Lease), "reason LEASE without a wallet")
	}
	l.hold(s.Reasons.Has(supply.Tamper) == (s.Latched != 0), "reason TAMPER does not follow the latches")
	l.hold(!w.tampered || s.Latched != 0 || w.frail, "a latch that was reported is open")
	l.hold(s.Reasons.Has(supply.Overload) == (s.Overload >= meter.OverloadTripped), "reason OVERLOAD does not follow the limit")
	l.hold(s.EC < meter.ECActive || w.asked, "emergency credit that nobody asked for")
	l.hold(!w.emergency || s.EC >= meter.ECActive || w.paid, "emergency credit that was granted is gone")
	l.hold(int64(s.ECUsed) <= int64(w.cfg.ECLimit) || w.cfg.ECLimit == 0, "more emergency credit is used than there is")
	l.hold(w.cfg.Version == w.version || w.under.Kind == meter.RecordConfig, "the configuration in force is not the one that was answered")
	l.hold(s.Closed < s.Day.Date || s.Day.Date == 0, "a day that is closed is under way")
	l.hold(s.Reasons.Has(supply.Remote) == w.remote, "reason REMOTE does not follow the commands")
	if l.change != nil {
		l.checkKeys(w)
	}
}

func (l *lab) hold(invariant bool, otherwise string) {
	if !invariant && l.failure == "" {
		l.failure = otherwise + " after: " + strings.Join(l.trace, ", ")
	}
}

func (l *lab) must(err error) {
	if err != nil && l.failure == "" {
		l.failure = err.Error() + " after: " + strings.Join(l.trace, ", ")
	}
}

// persisted ends the pending record.
func (l *lab) persisted(w *world, ok bool) bool {
	r := w.under
	if r.Kind == 0 {
		return false
	}
	w.under = meter.Record{}
	if ok && !l.hasty {
		l.write(w, &r, after)
	}
	switch {
	case ok && r.Kind == meter.RecordKeys:
		w.keys = w.after
	case ok && r.Kind == meter.RecordConfig:
		w.cfg = &l.next
	}
	w.after = nil
	w.frail = w.frail || !ok && r.Kind == meter.RecordTamper
	return l.step(w, meter.Event{Kind: meter.EventPersisted, Record: r, OK: ok})
}

// These are the points of a write at which the mains may fail.
const (
	before = iota
	within
	after
)

// write appends a record to the memory. If how == within, mains power fails during the write, and only the first half
// of the change reaches the memory.
func (l *lab) write(w *world, r *meter.Record, how int) {
	j := l.own(w)
	l.old = w.mem.bytes
	switch e := (journal.Entry{Record: *r, Text: l.ids[r.Request]}); r.Kind {
	case meter.RecordKeys:
		l.must(j.AppendKeys(&w.s, e, w.after))
	case meter.RecordConfig:
		l.must(j.AppendConfig(&w.s, e, &l.next))
	default:
		l.must(j.Append(&w.s, e))
	}
	if how == within {
		w.mem.tear(&l.old)
	}
}

// cut cuts mains power and starts the meter again from its memory.
func (l *lab) cut(w *world, how int) bool {
	if l.cuts != nil && !l.visit(l.cuts, l.cutPrint(w, how), len(l.trace)-1, l.bound) {
		return false // leads to a world that is already explored
	}
	if how != before {
		l.write(w, &w.under, how)
	}
	if w.frail {
		w.tampered, w.frail = false, false
	}
	w.under, w.after, w.half, w.unsaved = meter.Record{}, nil, false, false
	loaded, err := l.reopen(w)
	if err != nil {
		return true
	}
	w.s, w.keys, w.cfg = loaded.State, l.sameKeys(w, loaded.Keys), l.sameConfig(loaded.Config)
	for _, e := range loaded.Replay {
		l.step(w, meter.Event{
			Kind: meter.EventReplay, Record: e.Record, Reported: e.Seq <= w.log, NextSeq: w.next, Register: w.register,
		})
	}
	l.step(w, meter.Event{
		Kind: meter.EventPowerRestore, NextSeq: w.next, Register: w.register, Damage: loaded.Damage, Log: w.log,
	})
	if w.s.EC < meter.ECActive {
		w.emergency, w.asked = false, false
	}
	l.leaseAge(w)
	return l.step(w, meter.Event{Kind: meter.EventTamper, Tamper: meter.TamperCover, Active: w.cover})
}

// newLab prepares a search; begin gives it the first world.
func newLab(t *testing.T) *lab {
	r := newRig(t)
	tid := testTID(t, testStart())
	l := &lab{
		cfg: r.cfg, next: otherConfig(t, r.cfg), hunt: newHunt(only("tokens"), exploreDepth), ids: map[uint64]string{},
		out: make([]meter.Effect, 0, meter.MaxEffects), spare: make([]meter.Effect, 0, meter.MaxEffects),
	}
	l.digits = [tokenCount]string{testToken(t, tid+1, 1), testToken(t, tid+2, 2), wrongToken(t, 0)}
	for which := range tokenWrong + 1 {
		l.opened[which] = r.keys.Open(l.digits[which])
	}
	for _, id := range [...]string{"tok_a", "tok_b"} {
		l.ids[meter.Handle(id)] = id
	}
	for c := range meter.CommandConfig + 1 {
		for n := range uint64(deepest + 2) {
			l.ids[meter.Handle(commandID(c, n))] = commandID(c, n)
		}
	}
	return l
}

// begin starts the search with a new meter, whose state the function change may alter first.
func (l *lab) begin(t *testing.T, change func(*meter.State)) {
	r := newRig(t)
	s := r.state
	change(&s)
	w := &l.stack[0]
	*w = world{s: s, keys: &r.keys, cfg: &l.cfg, mem: &l.images[0], told: told{
		next: s.Seq, base: s.Shown() + s.Register, remote: s.Reasons.Has(supply.Remote), rtc: testStart().Unix(),
		version: l.cfg.Version,
	}}
	l.medium.under = w.mem
	j, err := journal.Create(&l.medium, &s, &l.cfg, &r.keys)
	if err != nil {
		t.Fatal(err)
	}
	w.mem.journal = *j
}
