package meter_test

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/journal"
	"github.com/paywatt/paywatt/meter/panel"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// memory is a non-volatile memory in a test. It can be made to fail.
type memory struct {
	b    [journal.Size]byte
	fail bool
}

var errMemory = errors.New("memory fails")

func (m *memory) ReadAt(p []byte, at int64) (int, error) {
	n := copy(p, m.b[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (m *memory) WriteAt(p []byte, at int64) (int, error) {
	if m.fail && len(p) > 0 && p[0] != 0 { // a write of zeros, which erases a failed record, succeeds
		return 0, errMemory
	}
	return copy(m.b[at:], p), nil
}

func (m *memory) Sync() error { return nil }

// The meter of the tests: number, a public test key, and a start of time from which TIDs and clocks count.
const testNumber = 4140001001

func testStart() time.Time { return time.Date(2026, 11, 20, 6, 0, 0, 0, time.UTC) }

func testKey(tb testing.TB) sts.Key {
	tb.Helper()
	k, err := sts.NewKey(sts.EA07, []byte{0xe6, 0x53, 0x34, 0x1f, 0x9d, 0x5b, 0xf3, 0x6f})
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

func testFacts() meter.KeyInfo {
	return meter.KeyInfo{Base: sts.Base2014, Type: sts.DUTK, KEN: 255, EA: sts.EA07}
}

func testTID(tb testing.TB, at time.Time) sts.TID {
	tb.Helper()
	tid, err := sts.Base2014.TIDAt(at)
	if err != nil {
		tb.Fatal(err)
	}
	return tid
}

// testToken makes a credit token for the test meter.
func testToken(tb testing.TB, tid sts.TID, tenths int64) string {
	tb.Helper()
	a, err := sts.EncodeTenths(tenths)
	if err != nil {
		tb.Fatal(err)
	}
	t, err := sts.EncodeCredit(testKey(tb), sts.Credit{RND: 5, TID: tid, Amount: a})
	if err != nil {
		tb.Fatal(err)
	}
	return t.Reveal()
}

// wrongToken returns digits of this class that do not open with the test key.
func wrongToken(tb testing.TB, class uint8) string {
	tb.Helper()
	keys := meter.NewKeys(testKey(tb), meter.KeyInfo{})
	for i := range 1000 {
		digits := fmt.Sprintf("%020d", 1234567890123456789+i*100_000_007)
		if o := keys.Open(digits); o.Class == class && o.Result == sts.CRCError {
			return digits
		}
	}
	tb.Fatalf("no wrong token of class %d found", class)
	return ""
}

// rig is a host in a test. It does the work that the package documentation asks of a host, with a memory of bytes, an
// outbox of reports and a panel.
type rig struct {
	tb    testing.TB
	mem   *memory
	j     *journal.Journal
	cfg   meter.Config
	next  *meter.Config // decoded, waiting for its record
	keys  meter.Keys
	after meter.Keys // the keys if the pending section is taken
	state meter.State
	panel panel.Panel

	up    uint64
	born  int64 // Unix milliseconds at Up 0
	clock meter.Clock
	load  unit.Power
	work  int64 // W·ms not yet given as energy

	outbox []meter.Report
	newest uint32            // newest log record whose report is in the outbox
	ids    map[uint64]string // texts of the handles in use
	gate   panel.Gate
	seen   func(meter.Effect) // called with every effect, in order
	lazy   bool               // leave records pending until complete is called
	under  *journal.Entry
	out    []meter.Effect
}

func newRig(tb testing.TB) *rig { return newRigWith(tb, meter.NewKeys(testKey(tb), testFacts())) }

// newRigWith returns a rig whose meter is made with these keys.
func newRigWith(tb testing.TB, keys meter.Keys) *rig {
	tb.Helper()
	r := &rig{
		tb: tb, mem: &memory{}, cfg: meter.DefaultConfig(), clock: meter.ClockValid, born: testStart().UnixMilli(),
		ids: map[uint64]string{}, seen: func(meter.Effect) {}, out: make([]meter.Effect, 0, meter.MaxEffects),
	}
	r.cfg.Number = testNumber
	r.keys = keys
	r.state = meter.New(keys.Info(), &r.cfg, testTID(tb, testStart().AddDate(-1, 0, 0)))
	j, err := journal.Create(r.mem, &r.state, &r.cfg, &r.keys)
	if err != nil {
		tb.Fatal(err)
	}
	r.j = j
	return r
}

// now is the time of the meter's clock.
func (r *rig) now() time.Time { return time.UnixMilli(r.born + int64(r.up)).UTC() }

// step puts the time into one event, gives it to the meter, and carries out its effects.
func (r *rig) step(ev meter.Event) {
	r.tb.Helper()
	ev.Up, ev.At, ev.Clock = r.up, r.now().Unix(), r.clock
	ev.Ms = uint16(r.now().UnixMilli() % 1000)
	r.out = meter.Step(&r.cfg, &r.state, ev, r.out[:0])
	if len(r.out) > meter.MaxEffects {
		r.tb.Fatalf("event %d has %d effects, want at most %d", ev.Kind, len(r.out), meter.MaxEffects)
	}
	effects := append([]meter.Effect(nil), r.out...)
	for _, e := range effects {
		r.carryOut(e)
	}
	if r.under != nil && !r.lazy {
		r.complete()
	}
}

func (r *rig) carryOut(e meter.Effect) {
	r.tb.Helper()
	switch e.Kind {
	case meter.EffectPersist:
		r.under = &journal.Entry{Record: e.Record, Text: r.ids[e.Record.Request]}
	case meter.EffectCheckpoint:
		if err := r.j.Save(&r.state); err != nil && !r.mem.fail {
			r.tb.Fatal(err)
		}
	case meter.EffectPublish:
		if want := uint64(len(r.outbox)) + 1; e.Report.Seq != want {
			r.tb.Fatalf("report has seq %d, want %d", e.Report.Seq, want)
		}
		r.outbox = append(r.outbox, e.Report)
		r.newest = max(r.newest, e.Report.Log)
	}
	r.panel.Notice(r.look(), &e)
	r.seen(e)
}

// complete writes the pending record and tells the meter.
func (r *rig) complete() {
	r.tb.Helper()
	e := *r.under
	r.under = nil
	var err error
	switch e.Kind {
	case meter.RecordConfig:
		if err = r.j.AppendConfig(&r.state, e, r.next); err == nil {
			r.cfg = *r.next
		}
	case meter.RecordKeys:
		if err = r.j.AppendKeys(&r.state, e, &r.after); err == nil {
			r.keys = r.after
		}
	default:
		err = r.j.Append(&r.state, e)
	}
	if err != nil && !errors.Is(err, journal.ErrNotWritten) {
		r.tb.Fatal(err)
	}
	r.step(meter.Event{Kind: meter.EventPersisted, Record: e.Record, OK: err == nil})
}

// run lets time pass with the present load, and stops wherever Wake or Headroom asks for an event.
func (r *rig) run(d time.Duration) {
	r.tb.Helper()
	end := r.up + uint64(d.Milliseconds())
	for r.up < end {
		to := min(end, max(meter.Wake(&r.cfg, &r.state), r.up+1))
		if room := meter.Headroom(&r.cfg, &r.state); r.load > 0 && r.supplied() {
			need := int64(room)*3_600_000 - r.work
			to = min(to, r.up+uint64((need+int64(r.load)-1)/int64(r.load)))
		}
		r.to(to)
	}
}

// supplied reports whether the load draws energy.
func (r *rig) supplied() bool { return r.state.Relay.String() == "closed" }

// to lets time pass until the moment in the parameter up. It gives the meter the energy used until then.
func (r *rig) to(up uint64) {
	r.tb.Helper()
	if r.supplied() {
		r.work += int64(r.load) * int64(up-r.up)
	}
	r.up = up
	energy := unit.Energy(r.work / 3_600_000)
	r.work %= 3_600_000
	r.step(meter.Event{Kind: meter.EventEnergy, Energy: energy})
}

// token gives the meter a token from a source.
func (r *rig) token(digits string, from meter.Source, request string) {
	r.tb.Helper()
	ev := meter.Event{Kind: meter.EventToken, Opened: r.keys.Open(digits), Source: from}
	ev.Change, r.after = r.keys.Take(&r.state, digits)
	if request != "" {
		ev.Request = meter.Handle(request)
		r.ids[ev.Request] = request
	}
	r.step(ev)
}

// command gives the meter a command of the server.
func (r *rig) command(id string, counter uint64, ev meter.Event) {
	r.tb.Helper()
	ev.Request, ev.Counter = meter.Handle(id), counter
	if ev.Kind == 0 {
		ev.Kind = meter.EventCommand
	}
	r.ids[ev.Request] = id
	r.step(ev)
}

// keypad presses keys.
func (r *rig) keypad(keys string) {
	r.tb.Helper()
	for i := range len(keys) {
		r.step(meter.Event{Kind: meter.EventKey})
		p := r.panel.Key(r.look(), keys[i])
		switch p.Event {
		case 0:
		case meter.EventToken:
			r.token(r.panel.RevealTyped(), meter.Keypad, "")
		default:
			r.step(meter.Event{Kind: p.Event, Source: meter.Keypad, NewAt: p.At, ClockBy: meter.ClockMenu})
		}
	}
}

// look returns the meter as its panel sees it.
func (r *rig) look() *panel.View { return &panel.View{Config: &r.cfg, State: &r.state, Up: r.up} }

// sms sends a message to the meter and returns the answer, "" for none.
func (r *rig) sms(from, text string, registered bool) (answer string) {
	r.tb.Helper()
	req := panel.ParseSMS(text)
	sender, now := meter.Handle(from), (r.state.On+r.up)/1000
	switch {
	case req.Kind == panel.RequestBalance && registered && r.gate.Allow(panel.Sender(sender, req.Kind), now, panel.ToQuestion):
		return panel.Answer(r.look(), req.Kind)
	case req.Kind == panel.RequestToken:
		before := r.seen
		r.seen = func(e meter.Effect) {
			if e.Kind == meter.EffectResult {
				kind := panel.ToToken
				if !registered && e.Result.Code != sts.Accept {
					kind = panel.Rejection
				}
				if r.gate.Allow(sender, now, kind) {
					answer = panel.AnswerToken(r.cfg.Language, e.Result, registered)
				}
			}
			before(e)
		}
		for _, token := range req.RevealTokens() {
			r.token(token, meter.SMS, "")
		}
		r.seen = before
	}
	return answer
}

// reboot starts again from the memory, after the mains was off for a while.
func (r *rig) reboot(off time.Duration, latched ...meter.Tamper) {
	r.tb.Helper()
	j, l, err := journal.Open(r.mem)
	if err != nil {
		r.tb.Fatal(err)
	}
	r.born += int64(r.up) + off.Milliseconds()
	r.j, r.state, r.cfg, r.keys, r.up, r.under = j, l.State, l.Config, l.Keys, 0, nil
	r.panel = panel.Panel{}
	r.work = 0
	boot := meter.Event{NextSeq: uint64(len(r.outbox)) + 1}
	for _, rep := range r.outbox {
		boot.Register = max(boot.Register, rep.Register)
	}
	newest := r.newest
	for _, e := range l.Replay {
		r.ids[e.Request] = e.Text
		ev := boot
		ev.Kind, ev.Record, ev.Reported = meter.EventReplay, e.Record, e.Seq <= newest
		r.step(ev)
	}
	boot.Kind, boot.Off, boot.Damage, boot.Log = meter.EventPowerRestore, int64(off.Seconds()), l.Damage, newest
	for _, k := range latched {
		boot.Tampers = boot.Tampers.With(k)
	}
	r.step(boot)
}

// lcd returns what the display shows.
func (r *rig) lcd() [panel.Height]string { return [panel.Height]string(r.panel.Lines(r.look())) }
