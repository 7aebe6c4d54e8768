package wallet_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

var update = flag.Bool("update", false, "write the transcripts anew")

// walkSteps is the number of events in one walk.
const walkSteps = 60

// seeds returns the seeds whose walks found the most planted mistakes.
func seeds() []uint64 {
	return []uint64{83, 43, 32, 78, 15, 38, 4, 49, 24, 106, 116, 74, 28, 105, 70, 62}
}

// TestTranscripts drives random accounts and compares everything written with a transcript: postings, commands, notices, leases and states.
// A difference is a change of behaviour. To rewrite the transcript, run the test with -update. Then read the difference.
func TestTranscripts(t *testing.T) {
	var all strings.Builder
	for _, seed := range seeds() {
		w := newWalk(t, seed)
		for range walkSteps {
			w.step()
		}
		fmt.Fprintf(&all, "account %d\n%s", seed, w.out.String())
	}
	file := filepath.Join("testdata", "transcripts.txt")
	if *update {
		if err := os.WriteFile(file, []byte(all.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want, got := strings.Split(string(text), "\n"), strings.Split(all.String(), "\n")
	for i := range min(len(want), len(got)) {
		if want[i] != got[i] {
			t.Fatalf("line %d after\n%s\n got %s\nwant %s", i+1, strings.Join(got[max(0, i-8):i], "\n"), got[i], want[i])
		}
	}
	if len(want) != len(got) {
		t.Errorf("%d lines, want %d", len(got), len(want))
	}
}

// walk is an account with random events.
type walk struct {
	*till
	rnd    *rand.Rand
	out    strings.Builder
	began  time.Time
	meters []walked
	before map[int][]string // the lines last written about each meter
}

// walked is the true state of a meter.
type walked struct {
	register unit.Energy
	seq, up  uint64
	memory   string
	cut      bool // a command has cut the supply
	lease    unit.Energy
	lag      time.Duration // lag of the meter's clock
}

func newWalk(t *testing.T, seed uint64) *walk {
	rnd := rand.New(rand.NewPCG(seed, 20261121))
	w := &walk{till: newTill(t, money.Minor(rnd.IntN(8000)), 1+int(seed%3)), rnd: rnd, before: map[int][]string{}}
	w.began = w.now
	w.tenant.Zone = nairobi(t)
	levied := flat()
	levied.Levies = []tariff.Levy{{Name: "rural", Percent: 500}, {Name: "regulator", Rate: 30_000, Untaxed: true}}
	levied.Fixed = []tariff.FixedCharge{{Name: "service", Amount: 20, Per: tariff.PerDay}, {Name: "meter", Amount: 3100, Per: tariff.PerMonth}}
	bodies := []tariff.Body{flat(), blocks(), byTime(), levied}
	w.versions = []tariff.Version{version(1, w.now.AddDate(-1, 0, 0), bodies[rnd.IntN(4)])}
	if rnd.IntN(3) == 0 {
		w.versions = append(w.versions, version(2, w.now.Add(time.Duration(1+rnd.IntN(48))*time.Hour), bodies[rnd.IntN(4)]))
	}
	w.version = w.versions[0]
	if rnd.IntN(12) == 0 { // before the tariff began
		w.versions[0].EffectiveFrom = w.now.Add(12 * time.Hour)
	}
	if rnd.IntN(3) == 0 {
		w.tenant.Supply.Notice = 3600
	}
	if rnd.IntN(3) == 0 {
		w.tenant.Supply.Windows = []string{"all 20:00-06:00"}
	}
	if rnd.IntN(3) == 0 {
		w.tenant.Supply.Cap = 5000
	}
	if rnd.IntN(4) == 0 {
		w.tenant.Policy.CutOff, w.tenant.Policy.Warn1, w.tenant.Policy.Warn2 = -500, 2000, 1000
	}
	advanced := money.Minor(rnd.IntN(2) * 150)
	simulated := rnd.IntN(8) == 0
	for i := range w.rows {
		w.meters = append(w.meters, walked{memory: rigMemory, seq: w.rows[i].Seq, up: w.rows[i].Up, lease: w.max(int64(i + 1))})
		s, m := w.seen[int64(i+1)], &w.rows[i].Meter
		s.Commands, s.Leases = rnd.IntN(10) > 0, rnd.IntN(7) > 0
		m.Advanced, m.Simulated, m.LastSeen, m.NewestAt = advanced, simulated, w.now, w.now.UnixMicro()
		if !s.Leases {
			s.Relay = supply.Closed.String()
		}
	}
	return w
}

// at formats a time: minutes since the walk began, and seconds if they matter.
func (w *walk) at(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	d := t.Sub(w.began)
	return fmt.Sprintf("%d:%02d", int64(d/time.Minute), int64(d%time.Minute/time.Second))
}

// writeDown ends a step: it writes the event, and each meter that has changed.
func (w *walk) writeDown(what string) {
	fmt.Fprintf(&w.out, "%s %s\n", w.at(w.now), what)
	for _, l := range append(w.log, w.wrote...) {
		fmt.Fprintf(&w.out, "  %s\n", l)
	}
	for _, j := range w.booked {
		fmt.Fprintf(&w.out, "  posted %s %s\n", j.Memo, postings(j))
	}
	for _, r := range w.stopped {
		fmt.Fprintf(&w.out, "  stopped m%d: %s\n", r.Meter.N, wallet.HeldText(r.State))
	}
	for i := range w.rows {
		was, line := w.before[i], ""
		for at, text := range w.state(i) {
			if at >= len(was) || was[at] != text {
				line += " " + text
			}
		}
		if w.before[i] = w.state(i); line != "" {
			fmt.Fprintf(&w.out, "  m%d%s\n", i+1, line)
		}
	}
	w.log, w.wrote, w.booked, w.stopped = nil, nil, nil, nil
}

// state returns everything stored of a meter.
func (w *walk) state(i int) []string {
	n := int64(i + 1)
	s, k := w.rows[i].State, w.kept[n]
	say := fmt.Sprintf
	lease := func(l wallet.Lease) string { return say("%d@%s", l.Max, w.at(l.At)) }
	return []string{say("rated=%.1s/%d", s.Memory, s.Seq), say("register=%d", s.Register), say("base=%d", s.Base), say("to=%s", w.at(s.At)),
		say("accrued=%d", s.Accrued), say("rest=%d", s.Rest), say("debited=%d", s.Debited), say("versions=%d", len(s.Parts)),
		say("posted=%d/%d", s.Posted, s.PostedWh), say("open=%t/%d", s.Open, s.OpenFrom), say("held=%s/%d/%d", s.Held.Reason, s.Held.Register, s.Held.Seq),
		say("off=%s", s.Off), say("low=%t/%t", s.Low1.Below, s.Low2.Below), say("block=%s", k.Block), say("out=%s", w.at(k.Out)),
		say("warned=%s", w.at(k.Noticed)), say("lease=%s", lease(k.Lease)), say("in_meter=%s", lease(k.InMeter)), say("risk=%d", k.Risk),
		say("config=%d", k.ConfigVersion), say("by=%s/%s", k.By, k.Why), say("look=%s", w.at(k.LookAt))}
}

func (w *walk) fails(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// settledAs writes the result of settling.
func (w *walk) settledAs(out wallet.Settled, err error) string {
	w.fails(err)
	return strings.TrimSuffix(fmt.Sprintf("%d left, %d posted%s%s", out.Money.Available(), out.Posted, map[bool]string{true: ", press"}[out.Press],
		map[bool]string{true: ", turned"}[out.AnyDecision()]), ", 0 posted")
}

// step makes one event happen.
func (w *walk) step() {
	pauses := []time.Duration{0, time.Second, time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 3 * time.Hour, 9 * time.Hour, 25 * time.Hour}
	w.passes(pauses[w.rnd.IntN(len(pauses))])
	i := w.rnd.IntN(len(w.rows))
	if w.rows[i].Held.Stopped() && w.rnd.IntN(4) == 0 {
		w.release(i)
		return
	}
	switch draw := w.rnd.IntN(100); {
	case draw < 38:
		w.reading(i)
	case draw < 62:
		w.network(i)
	case draw < 72:
		w.pay()
	case draw < 78:
		w.job()
	case draw < 90:
		w.person(i)
	default:
		w.server(i)
	}
}

// reading is a reading from a meter: mostly true, sometimes one that no meter sends.
func (w *walk) reading(i int) {
	m, n := &w.meters[i], int64(i+1)
	used := unit.Energy(w.rnd.IntN(4000))
	if m.cut {
		used = unit.Energy(w.rnd.IntN(8))
	}
	if w.seen[n].Leases && m.register+used > m.lease {
		used = max(0, m.lease-m.register)
	}
	m.register, m.seq, m.up = m.register+used, m.seq+1, m.up+uint64(60_000+w.rnd.IntN(3_600_000))
	relay, reasons := supply.Closed, []supply.Reason{}
	if w.seen[n].Leases && m.register >= m.lease {
		relay, reasons = supply.Open, append(reasons, supply.Lease)
	}
	if m.cut {
		relay, reasons = supply.Open, append(reasons, supply.Remote)
	}
	r := wallet.Reading{Clock: wire.ClockValid}
	said := m.register
	note := ""
	switch w.rnd.IntN(24) {
	case 0:
		said, note = 0, " falsely"
	case 1:
		said, note = 53_700_000, " falsely"
	case 2:
		m.memory, m.seq, note = string(rune('1'+w.rnd.IntN(8)))+rigMemory[1:], 1, " of another memory"
	case 3:
		m.register += 4000
		said, note = m.register, " through an open relay"
		relay, reasons = supply.Open, []supply.Reason{supply.Remote}
	case 4:
		r.Clock, note = wire.ClockInvalid, " without a time"
	case 5:
		m.up, note = 5000, " after a start"
	case 6:
		relay, note = supply.Armed, " armed"
	}
	r.Memory, r.Seq, r.At, r.Up, r.ReceivedAt, r.Register = m.memory, m.seq, w.now.Add(-m.lag), m.up, w.now, said
	r.Open = wallet.SaysOpen(relay.String(), len(reasons) > 0)
	terms, err := w.WalletTerms(w.tenant, w.rows[i].Meter)
	w.fails(err)
	row := w.rows[i]
	got, err := wallet.TakeRow(w, &row, r, terms)
	w.fails(err)
	w.rows[i] = row
	for _, d := range got.Days {
		w.writes("m%d used %d Wh for %d on %s, %d of them estimated", n, d.Units, d.Debit, d.Day, d.Estimated)
	}
	s := w.seen[n]
	s.Relay, s.Reasons, s.ReceivedAt, s.AsOf, s.Register, s.Memory, s.Seq = relay.String(), supply.Of(reasons...), w.now, r.At, said, m.memory, m.seq
	s.Left = max(0, m.lease-said)
	w.rows[i].Meter.LastSeen, w.rows[i].Meter.NewestAt = w.now, r.At.UnixMicro()
	out, err := wallet.SettleAccount(w, id.ID{15: 1}, w.now, false)
	w.writeDown(fmt.Sprintf("m%d reads %d Wh, %s %v%s: %s", n, said, relay, supply.Of(reasons...), note, w.settledAs(out, err)))
}

// network carries a command to a meter or an answer back, or loses it.
func (w *walk) network(i int) {
	n, m := int64(i+1), &w.meters[i]
	kinds := []wallet.CommandType{wallet.CommandLease, wallet.CommandLease, wallet.CommandLease, wallet.CommandCut, wallet.CommandConnect, wallet.CommandConfig, wallet.CommandClock}
	kind := kinds[w.rnd.IntN(len(kinds))]
	o := w.order(n, kind)
	if !o.Open() {
		for _, other := range kinds {
			if p := w.order(n, other); p.Open() {
				kind, o = other, p
			}
		}
	}
	if !o.Open() {
		return
	}
	rows, err := w.WalletsOf(id.ID{15: 1})
	w.fails(err)
	most, cut, err := wallet.Standing(w, w.tenant, rows, n, w.now)
	w.fails(err)
	top, _ := w.args[o.ID]["max_register_wh"].(int64)
	what := fmt.Sprintf("m%d %s", n, kind)
	switch {
	case kind == wallet.CommandLease && unit.Energy(top) > most:
		o.State, o.Since, what = "expired", w.now, what+fmt.Sprintf(" to %d Wh is above %d Wh", top, most)
	case kind == wallet.CommandCut && !cut && w.kept[n].Why == "":
		o.State, o.Since, what = "expired", w.now, what+" is not right any more"
	default:
		what += " " + w.carried(m, n, kind, o, top)
	}
	out, err := wallet.SettleAccount(w, id.ID{15: 1}, w.now, false)
	w.writeDown(what + ": " + w.settledAs(out, err))
}

// carried picks a random result for a command that may be sent, such as lost, refused or done. It applies the result to the command and the
// meter, and returns the result in words.
func (w *walk) carried(m *walked, n int64, kind wallet.CommandType, o *wallet.Progress, top int64) string {
	o.Signed, o.Since = true, w.now
	takes := func() {
		switch kind {
		case wallet.CommandLease:
			m.lease = unit.Energy(top)
		case wallet.CommandCut:
			m.cut = true
		case wallet.CommandConnect:
			m.cut = false
		case wallet.CommandConfig:
			w.seen[n].ConfigHash = ""
		}
	}
	switch w.rnd.IntN(10) {
	case 0:
		o.State = "sent"
		return "is lost"
	case 1:
		o.State = "sent"
		takes()
		return "is taken, and the answer lost"
	case 2:
		o.State = "acked"
		return "is acknowledged"
	case 3:
		whys := []string{"mode", "expired", "counter", "old", "storage_error 5", "config"}
		o.State, o.Answer, o.Seq = "failed", whys[w.rnd.IntN(len(whys))], m.seq
		return "is refused: " + o.Answer
	case 4:
		o.State = "expired"
		return "expires"
	}
	takes()
	o.State, o.Seq = "done", m.seq
	return "is done"
}

func (w *walk) pay() {
	amount := money.Minor(w.rnd.IntN(4000) - 1000)
	what := "paid"
	var out wallet.Settled
	var err error
	switch w.money += amount; {
	case amount > 0:
		out, err = wallet.SettleCredit(w, id.ID{15: 1}, w.now)
	default:
		what = "taken away"
		w.money -= w.money / 3
		out, err = wallet.SettleAccount(w, id.ID{15: 1}, w.now, true)
	}
	w.writeDown(fmt.Sprintf("%s %d: %s", what, amount, w.settledAs(out, err)))
}

func (w *walk) job() {
	var n int
	var err error
	what := ""
	switch w.rnd.IntN(3) {
	case 0:
		w.due, what = []id.ID{{15: 1}}, "hourly posting"
		n, err = w.wallets().SettleDue(w.t.Context(), system())
	case 1:
		w.due, what = []id.ID{{15: 1}}, "watch"
		n, err = w.wallets().Watch(w.t.Context(), system())
	default:
		what = "daily charges"
		w.uncharged = []wallet.ChargeAccount{{Meter: w.rows[0].Meter, OpenedAt: w.began}}
		n, err = w.wallets().ChargeDays(w.t.Context(), system())
	}
	w.fails(err)
	w.writeDown(fmt.Sprintf("%s: %d", what, n))
}

// person carries out one random request of a person, such as switching a supply.
func (w *walk) person(i int) {
	n := int64(i + 1)
	switch draw := w.rnd.IntN(8); {
	case draw < 2:
		off := w.rnd.IntN(2) == 0
		got, err := wallet.Switch(w, n, off, "usr_x", "seal", w.now)
		w.fails(err)
		w.writeDown(fmt.Sprintf("m%d is switched off %t: off %q, press %t, order %t", n, off, got.Off, got.Press, !got.Order.IsZero()))
	case draw < 3:
		protect, grace := w.rnd.IntN(3) == 0, int64(w.rnd.IntN(3)-1)
		v, err := w.wallets().SetAccount(w.t.Context(), access.Actor{Tenant: 1, Role: access.Owner}, tillNumber,
			wallet.AccountChange{Protected: &protect, Grace: &grace, Reason: "asked"})
		w.fails(err)
		w.writeDown(fmt.Sprintf("protected %t: stands %q", protect, v.Stand))
	case draw < 4 && w.rnd.IntN(6) == 0:
		w.moves()
	case draw < 6:
		without := money.Minor(w.rnd.IntN(3000))
		covers, err := wallet.Covers(w, id.ID{15: 1}, without, w.now)
		w.fails(err)
		w.writeDown(fmt.Sprintf("covers the leases without %d: %t", without, covers))
	default:
		v, err := w.wallets().Supply(w.t.Context(), system(), tillNumber)
		w.fails(err)
		w.writeDown(fmt.Sprintf("m1 stands %q, block %q until %s since %s, press %t, keeps %v, unwilling %q, %d left for %+v, lease %d, waiting %t, %d Wh left", v.Stand,
			v.Block, w.at(v.Until), w.at(v.Since), v.Press, v.Keeps, v.Unwilling, v.Available.Minor, v.Days, v.Lease.Max, v.Waiting, v.LeaseLeft))
	}
}

// release decides about a held reading.
func (w *walk) release(i int) {
	h := w.rows[i].Held
	drawn := wallet.HeldEnergy{Memory: h.Memory, Seq: h.Seq, Register: h.Register}
	verdicts := []wallet.Verdict{wallet.Accepted(), wallet.Rebased(w.meters[i].register), wallet.Discarded(), wallet.Resumed()}
	if h.Reason == wallet.HoldOpen {
		verdicts = []wallet.Verdict{wallet.HeldEnergyAccepted(drawn, 100), wallet.HeldEnergyRefused(drawn), wallet.Rebased(w.meters[i].register), wallet.Accepted()}
	}
	at := w.rnd.IntN(len(verdicts))
	out, err := wallet.Release(w, int64(i+1), verdicts[at], w.now)
	w.fails(err)
	w.writeDown(fmt.Sprintf("m%d is released by verdict %d: refused %q, %d readings, %d Wh for %d", i+1, at, out.What, out.Readings, out.Units, out.Debit))
}

// moves lets the customer move out and the next customer move in.
func (w *walk) moves() {
	w.fails(wallet.MoveOut(w, id.ID{15: 1}, "usr_x", "moved out", w.now))
	w.writeDown("moved out")
	for i := range w.rows {
		w.rows[i].State = wallet.MoveIn(w.rows[i].State, w.now)
		s := w.kept[int64(i+1)]
		s.By, s.Why, s.Out = "", "", time.Time{}
		w.kept[int64(i+1)] = s
	}
	out, err := wallet.SettleAccount(w, id.ID{15: 1}, w.now, true)
	w.writeDown("moved in: " + w.settledAs(out, err))
}

// server is an event at the server or around the meter.
func (w *walk) server(i int) {
	n := int64(i + 1)
	s, r := w.seen[n], &w.rows[i]
	what := ""
	switch w.rnd.IntN(9) {
	case 0:
		w.unseen, what = w.now, "the server sees its meters again"
	case 1:
		w.doubt = !w.doubt
		what = fmt.Sprintf("doubt about the time: %t", w.doubt)
	case 2:
		s.Dark, what = w.now, fmt.Sprintf("the feeder of m%d is silent", n)
	case 3:
		s.Booted, s.ConfigVersion, s.ConfigHash = w.now, int64(w.rnd.IntN(4)), [...]string{"", "other", w.kept[n].ConfigHash}[w.rnd.IntN(3)]
		what = fmt.Sprintf("m%d starts with configuration %d", n, s.ConfigVersion)
	case 4:
		r.Adrift, r.Said = !r.Adrift, w.now.Add(time.Duration(w.rnd.IntN(5)-2)*time.Hour)
		what = fmt.Sprintf("the clock of m%d is wrong: %t", n, r.Adrift)
	case 5:
		r.Lag = wallet.Lag{By: time.Duration(w.rnd.IntN(120)) * time.Minute, Over: time.Duration(w.rnd.IntN(60)) * time.Minute}
		w.meters[i].lag, what = r.Lag.By, fmt.Sprintf("the clock of m%d is %s behind", n, r.Lag.By)
	case 6:
		w.warned(n)
		what = fmt.Sprintf("the warning of m%d was sent", n)
	case 7:
		w.passes(-time.Duration(w.rnd.IntN(10)) * time.Minute)
		what = "the clock is set back"
	default:
		w.held = money.Minor(w.rnd.IntN(2) * 300)
		what = fmt.Sprintf("%d are reserved", w.held)
	}
	out, err := wallet.SettleAccount(w, id.ID{15: 1}, w.now, w.rnd.IntN(3) == 0)
	w.writeDown(what + ": " + w.settledAs(out, err))
}
