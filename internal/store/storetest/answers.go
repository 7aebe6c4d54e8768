package storetest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// issued inserts a credit token of a meter with its delivery, in the state in which a sale leaves them.
func issued(t *testing.T, e store.Engine, m mtr, tid uint32, state string) id.ID {
	t.Helper()
	var token id.ID
	must(t, e, func(tx *store.Tx) (err error) {
		if token, err = tx.NewID(); err != nil {
			return err
		}
		_, err = tx.C.Exec(`INSERT INTO meter_key (tenant_id, id, meter, sgc, krn, kt, ti, ken, ea, dkga, base_date, from_at, state, created_at)
			VALUES ($1, $2, $3, '123456', 1, 2, '01', 255, '07', '04', 2014, $4, 'past', $4)`, tx.Tenant, token, m.N, tx.Now)
		if err != nil {
			return err
		}
		_, err = tx.C.Exec(`INSERT INTO token (tenant_id, id, meter, meter_key_id, tid, base_date, class, subclass, rnd, units_wh, state, issued_at, created_at)
			VALUES ($1, $2, $3, $2, $4, 2014, 0, 0, 5, 34700, $5, $6, $6)`, tx.Tenant, token, m.N, int64(tid), state, tx.Now)
		if err != nil {
			return err
		}
		body, err := json.Marshal(job.Body{TokenID: token.Text(id.Token), Request: token.Text(id.Token)})
		if err != nil {
			return err
		}
		_, err = tx.Enqueue(job.Item{Lane: job.LaneMQTT, Key: m.Number, Kind: job.KindToken, Body: body})
		return err
	})
	return token
}

// tokenState returns a token's state and how many deliveries wait for its meter.
func tokenState(t *testing.T, e store.Engine, m mtr, token id.ID) (state string, waiting int64) {
	t.Helper()
	look(t, e, func(tx *store.Tx) (struct{}, error) {
		err := tx.C.Query(`SELECT state FROM token WHERE tenant_id = $1 AND id = $2`,
			func(r core.Row) error { state = r.Text(0); return nil }, tx.Tenant, token)
		err2 := tx.C.Query(`SELECT COUNT(*) FROM outbox WHERE tenant_id = $1 AND key = $2`,
			func(r core.Row) error { waiting = r.Int(0); return nil }, tx.Tenant, m.Number)
		return struct{}{}, firstOf(err, err2)
	})
	return state, waiting
}

func (m mtr) token(seq uint64, tid uint32, request, result string) metering.Record {
	r := wire.Token{Head: m.head(seq), Request: request, BaseDate: 2014, Result: result, UnitsWh: 34700, BalanceWh: 42820, Source: "keypad"}
	if result != "crc_error" && result != "format_error" {
		class, sub := uint8(0), uint8(0)
		r.TID, r.Class, r.SubClass = &tid, &class, &sub
	}
	if request != "" {
		r.Source = "remote"
	}
	return m.record(r.Record())
}

func tokenReports(t *testing.T, r Rig) {
	e := r.Open(t)
	m := booted(t, e, 1, false)
	seq, tid := uint64(0), uint32(1000)
	for _, c := range []struct {
		have, result string
		asked        bool // whether the report answers our own delivery
		want         string
		waiting      int64
		alarm        string
	}{
		{"issued", "accept", true, "accepted", 0, ""},
		{"sent", "accept", false, "accepted", 0, ""},
		{"sent", "used_error", true, "accepted", 0, ""}, // somebody typed it first, so it is in the meter
		{"issued", "used_error", false, "accepted", 0, ""},
		{"sent", "crc_error", true, "rejected", 0, ""},
		{"sent", "format_error", true, "rejected", 0, ""},
		{"issued", "old_error", false, "rejected", 0, ""},
		{"sent", "key_expired_error", true, "rejected", 0, ""},
		{"sent", "locked", true, "sent", 1, ""},
		{"sent", "busy", true, "sent", 1, ""},
		{"sent", "storage_error", true, "sent", 1, ""},
		{"issued", "overflow_error", false, "issued", 1, ""},
		{"sent", "a_result_of_tomorrow", true, "sent", 1, ""},
		{"accepted", "crc_error", true, "accepted", 0, ""},
		{"accepted", "old_error", false, "accepted", 0, ""},
		{"rejected", "accept", false, "accepted", 0, ""},
		{"reversed", "accept", false, "reversed", 0, "reversed-token-used"},
		{"reversed", "used_error", true, "reversed", 0, ""}, // the meter was told to cancel this token
		{"reversed_unconfirmed", "used_error", true, "reversed_unconfirmed", 0, "reversed-token-used"},
		{"reserved", "accept", false, "reserved", 0, "ghost-credit"},
	} {
		seq, tid = seq+1, tid+1
		token := issued(t, e, m, tid, c.have)
		request := ""
		if c.asked {
			request = token.Text(id.Token)
		}
		outcomes(t, e, m.token(seq, tid, request, c.result))
		state, waiting := tokenState(t, e, m, token)
		if got := alarms(t, e, m); state != c.want || waiting != c.waiting || got != c.alarm {
			t.Errorf("%s token answered %s (asked: %v): %s, %d waiting, alarms %q; want %s, %d, %q", c.have, c.result, c.asked, state, waiting, got, c.want, c.waiting, c.alarm)
		}
		must(t, e, func(tx *store.Tx) error {
			_, err := tx.C.Exec(`DELETE FROM outbox WHERE tenant_id = $1`, tx.Tenant)
			return firstOf(err, tx.ClearAlarm(m.N, metering.AlarmReversedUsed), tx.ClearAlarm(m.N, metering.AlarmGhostCredit))
		})
	}
	outcomes(t, e, m.token(seq+1, 9, "", "used_error"), m.token(seq+2, 10, "", "crc_error"), m.token(seq+3, 9, "", "accept"))
	if got := alarms(t, e, m); got != "ghost-credit" {
		t.Errorf("alarms %q after a token that nobody sold, want ghost-credit", got)
	}
	rows := look(t, e, func(tx *store.Tx) ([]metering.StoredToken, error) {
		return tx.TokenReports(m.N, metering.Span{}, metering.After{}, 50)
	})
	if len(rows) != int(seq)+3 || rows[0].TID != 9 || rows[1].TID != -1 || rows[0].Token != (id.ID{}) || rows[3].Token == (id.ID{}) {
		t.Errorf("%d reports are kept, newest %+v", len(rows), rows[:min(2, len(rows))])
	}
	if l := live(t, e, m); l.BalanceWh != 0 {
		t.Errorf("balance %d before any reading, want it unknown", l.BalanceWh)
	}
}

func foreignToken(t *testing.T, r Rig) {
	e := r.Open(t)
	m, liar := booted(t, e, 1, false), booted(t, e, 2, false)
	token := issued(t, e, m, 7, "sent")
	outcomes(t, e, liar.token(1, 7, token.Text(id.Token), "accept"), liar.token(2, 7, token.Text(id.Token), "crc_error"))
	if state, waiting := tokenState(t, e, m, token); state != "sent" || waiting != 1 {
		t.Errorf("another meter's word made the token %s with %d waiting, want sent and 1", state, waiting)
	}
	if got := alarms(t, e, liar); got != "ghost-credit" {
		t.Errorf("alarms %q, want ghost-credit", got)
	}
}

// ordered inserts a command with its delivery.
func ordered(t *testing.T, e store.Engine, m mtr, state command.State, expires time.Time) id.ID {
	t.Helper()
	var i id.ID
	must(t, e, func(tx *store.Tx) (err error) {
		if i, err = tx.NewID(); err != nil {
			return err
		}
		c := command.Command{ID: i, Meter: m.N, Type: command.CancelToken, Args: map[string]any{"tid": int64(7), "base_date": int64(2014)},
			Reason: "test", State: state, ExpiresAt: expires, By: "tester", CreatedAt: tx.Now, UpdatedAt: tx.Now}
		body, err := json.Marshal(job.Body{CommandID: i.Text(id.Command)})
		if err != nil {
			return err
		}
		return tx.AddCommand(c, job.Item{Lane: job.LaneMQTT, Key: job.CommandKey(m.Number), Kind: job.KindCommand, Body: body, ExpiresAt: expires})
	})
	return i
}

func commandState(t *testing.T, e store.Engine, m mtr, i id.ID) (c command.Command, waiting int) {
	t.Helper()
	look(t, e, func(tx *store.Tx) (found bool, err error) {
		if c, found, err = tx.CommandByID(i); err != nil || !found {
			return false, cmp.Or(err, fmt.Errorf("command %s was not found", i.Text(id.Command)))
		}
		waiting, err = tx.Waiting(m.Number)
		return found, err
	})
	return c, waiting
}

func (m mtr) answer(seq uint64, command, state, reason string) metering.Record {
	return m.record(wire.CommandAnswer{Head: m.head(seq), ID: command, State: state, Reason: reason}.Record())
}

func commandAnswers(t *testing.T, r Rig) {
	e := r.Open(t)
	m, liar := booted(t, e, 1, false), booted(t, e, 2, false)
	seq := uint64(0)
	for _, c := range []struct {
		have, answer, want command.State
		waiting            int
	}{
		{command.StateQueued, command.StateAcked, command.StateAcked, 0},
		{command.StateSent, command.StateDone, command.StateDone, 0},
		{command.StateSent, command.StateFailed, command.StateFailed, 0},
		{command.StateAcked, command.StateDone, command.StateDone, 0},
		{command.StateExpired, command.StateDone, command.StateDone, 0},
		{command.StateDone, command.StateAcked, command.StateDone, 0}, // a late copy of an early answer
		{command.StateDone, command.StateFailed, command.StateDone, 0},
		{command.StateSent, "thinking", command.StateSent, 1},
	} {
		seq++
		i := ordered(t, e, m, c.have, base().Add(1000*time.Hour))
		outcomes(t, e, liar.answer(seq, i.Text(id.Command), "done", ""))
		if got, waiting := commandState(t, e, m, i); got.State != c.have || waiting != 1 {
			t.Errorf("another meter's answer made the command %s with %d waiting, want %s and 1", got.State, waiting, c.have)
		}
		outcomes(t, e, m.answer(seq, i.Text(id.Command), string(c.answer), "because"))
		got, waiting := commandState(t, e, m, i)
		if got.State != c.want || waiting != c.waiting {
			t.Errorf("%s command answered %s: %s, %d waiting; want %s, %d", c.have, c.answer, got.State, waiting, c.want, c.waiting)
		}
		if changed := c.want != c.have; changed && got.Answer != "because" {
			t.Errorf("answer %q is kept, want what the meter said", got.Answer)
		}
		if fmt.Sprint(got.Args) != "map[base_date:2014 tid:7]" || got.Number != m.Number {
			t.Errorf("command came back as %+v", got)
		}
		must(t, e, func(tx *store.Tx) error {
			_, err := tx.C.Exec(`DELETE FROM outbox WHERE tenant_id = $1`, tx.Tenant)
			return err
		})
	}
	wantOutcomes(t, e, fmt.Sprintf("stored@%d", seq+1), m.answer(seq+1, "cmd_of_a_lost_database", "done", ""))
	rows := look(t, e, func(tx *store.Tx) ([]metering.StoredEvent, error) {
		return tx.Events(m.N, metering.Span{}, metering.After{}, 1)
	})
	if len(rows) != 1 || rows[0].Kind != "command" {
		t.Errorf("the answer to an unknown command is kept as %+v, want an event of kind command", rows)
	}
}

// copiesAnswered lets a meter refuse one copy of a command and answer another, as happens when the network reorders them.
func copiesAnswered(t *testing.T, r Rig) {
	e := r.Open(t)
	m := booted(t, e, 1, false)
	seq := uint64(0)
	for _, c := range []struct {
		why   string // reason in the first answer
		then  string
		state command.State
		want  string // the answer that stays
	}{
		{"counter", "done", command.StateDone, "in it"},
		{"storage_error", "done", command.StateDone, "in it"},
		{"counter", "failed", command.StateFailed, "in it"},
		{"counter", "thinking", command.StateFailed, "counter"},
		{"old", "done", command.StateFailed, "old"}, // a lease that was rejected as old stays rejected
		{"expired", "acked", command.StateFailed, "expired"},
	} {
		i := ordered(t, e, m, command.StateSent, base().Add(1000*time.Hour))
		outcomes(t, e, m.answer(seq+1, i.Text(id.Command), "failed", c.why))
		if got, waiting := commandState(t, e, m, i); got.State != command.StateFailed || waiting != 0 {
			t.Errorf("refused for %q: %s, %d waiting, want it failed and not sent again", c.why, got.State, waiting)
		}
		outcomes(t, e, m.answer(seq+2, i.Text(id.Command), c.then, "in it"))
		if got, _ := commandState(t, e, m, i); got.State != c.state || got.Answer != c.want {
			t.Errorf("refused for %q, then answered %s: %s %q, want %s %q", c.why, c.then, got.State, got.Answer, c.state, c.want)
		}
		seq += 2
	}
}

// leasesLookedBackAt lets a meter answer a lease after a newer one was ordered. SupplyOf must list the signed leases until the newest
// lease is in the meter and no other lease can be in it.
func leasesLookedBackAt(t *testing.T, r Rig) {
	e := r.Open(t)
	p := addWalletMeter(t, e, 1, 0)
	wantOutcomes(t, e, "stored@0", p.boot(1, 1))
	var orders []id.ID
	must(t, e, func(tx *store.Tx) error {
		orders = nil
		for n := range int64(3) {
			i, err := tx.QueueCommand(wallet.MeterFacts{N: p.N, Number: p.Number}, wallet.Command{Type: wallet.CommandLease, By: "test", TTL: time.Hour,
				Args: map[string]any{"max_register_wh": 1000 * (n + 1), "ttl_s": int64(60)}})
			if err == nil && n < 2 {
				_, err = command.Sign(tx, i)
			}
			if err != nil {
				return err
			}
			orders = append(orders, i)
		}
		for range wallet.MaxSignedLeases { // leases withdrawn while the meter is offline are never sent
			i, err := tx.QueueCommand(wallet.MeterFacts{N: p.N, Number: p.Number}, wallet.Command{Type: wallet.CommandLease, By: "test", TTL: time.Hour,
				Args: map[string]any{"max_register_wh": int64(9000), "ttl_s": int64(60)}})
			if err = firstOf(err, tx.Withdraw(wallet.MeterFacts{N: p.N, Number: p.Number}, wallet.CommandLease, i, "there is less money by now")); err != nil {
				return err
			}
		}
		return tx.SupplyPut(p.N, wallet.Supply{Lease: wallet.Lease{Command: orders[2], Max: 3000, Memory: memory}, InMeter: wallet.Lease{Command: orders[0], Max: 1000, Memory: memory}})
	})
	outcomes(t, e, p.answer(1, orders[1].Text(id.Command), "done", ""))
	var got []string
	for _, g := range supplied(t, e, p).SignedLeases {
		got = append(got, fmt.Sprintf("%d %d %s %t %d %s", slices.Index(orders, g.Command), g.Max, g.State, g.Signed, g.Progress.Seq, g.Memory))
	}
	if want := []string{"1 2000 done true 1 " + memory, "0 1000 queued true 0 " + memory}; !slices.Equal(got, want) {
		t.Errorf("the leases given are %q, want %q", got, want)
	}
	must(t, e, func(tx *store.Tx) error { _, err := command.Sign(tx, orders[2]); return err })
	outcomes(t, e, p.answer(2, orders[2].Text(id.Command), "done", ""))
	for risk, want := range map[unit.Energy]int{5: 3, 0: 0} {
		must(t, e, func(tx *store.Tx) error {
			newest := wallet.Lease{Command: orders[2], Max: 3000, Memory: memory}
			return tx.SupplyPut(p.N, wallet.Supply{Lease: newest, InMeter: newest, Risk: risk})
		})
		if got := supplied(t, e, p).SignedLeases; len(got) != want {
			t.Errorf("the newest is in the meter, and another may be up to %d Wh: %d leases are looked back at, want %d", risk, len(got), want)
		}
	}
}

// cutsBefore gives orders to cut off and to connect. If the newest cut-off is unsent, SupplyOf must report whether an earlier cut-off was
// sent. Cut-offs before the newest connect order do not count.
func cutsBefore(t *testing.T, r Rig) {
	e := r.Open(t)
	p := addWalletMeter(t, e, 1, 0)
	wantOutcomes(t, e, "stored@0", p.boot(1, 1))
	var s wallet.Supply
	gives := func(o wallet.CommandType, leaves bool) {
		must(t, e, func(tx *store.Tx) error {
			i, err := tx.QueueCommand(wallet.MeterFacts{N: p.N, Number: p.Number}, wallet.Command{Type: o, By: "test", TTL: time.Hour})
			if err == nil && leaves {
				_, err = command.Sign(tx, i)
			}
			if o == wallet.CommandCut {
				s.Cut = i
			} else {
				s.Connect = i
			}
			return firstOf(err, tx.SupplyPut(p.N, s))
		})
	}
	for _, c := range []struct {
		gives  wallet.CommandType
		leaves bool
		before bool
	}{
		{wallet.CommandCut, false, false}, {wallet.CommandCut, true, false}, {wallet.CommandCut, false, true}, {wallet.CommandConnect, false, false},
		{wallet.CommandCut, false, false}, {wallet.CommandCut, true, false}, {wallet.CommandCut, false, true},
	} {
		gives(c.gives, c.leaves)
		if got := supplied(t, e, p).CutBefore; got != c.before {
			t.Errorf("after a %s, signed: %t, a cut-off before it has left: %t, want %t", c.gives, c.leaves, got, c.before)
		}
	}
}

func counters(t *testing.T, r Rig) {
	e := r.Open(t)
	m := booted(t, e, 1, false)
	i := ordered(t, e, m, command.StateQueued, base().Add(1<<20*time.Hour))
	letThrough(e)
	last := uint64(0)
	for n, now := range []time.Time{base(), base(), base().Add(-time.Hour), base().Add(time.Hour), base()} {
		must(t, e, func(tx *store.Tx) error {
			tx.Now = now
			s, err := command.Sign(tx, i)
			if err != nil {
				return err
			}
			if s.Command.Counter <= last || s.Command.Counter < uint64(now.UnixMilli()) {
				t.Errorf("counter %d: %d at %s after %d, want it to rise and not to lie before the clock", n, s.Command.Counter, now, last)
			}
			if string(s.LinkKey) != "sealed link key" || s.MeterID != m.ID {
				t.Errorf("signing got key %q of %v", s.LinkKey, s.MeterID)
			}
			last = s.Command.Counter
			return tx.CommandSent(i)
		})
	}
	if c, _ := commandState(t, e, m, i); c.State != command.StateSent || c.Attempts != 5 || c.Counter != last {
		t.Errorf("command is %s after %d attempts with counter %d, want sent, 5, %d", c.State, c.Attempts, c.Counter, last)
	}
	outcomes(t, e, m.answer(1, i.Text(id.Command), "acked", ""))
	must(t, e, func(tx *store.Tx) error {
		s, err := command.Sign(tx, i)
		if s.Command.State != command.StateAcked || s.LinkKey != nil || s.Command.Counter != last {
			t.Errorf("a command that the meter has was signed again: %+v", s)
		}
		return firstOf(err, tx.CommandSent(i))
	})
	if c, _ := commandState(t, e, m, i); c.State != command.StateAcked {
		t.Errorf("command is %s after a late note of sending, want acked", c.State)
	}
}

func expiries(t *testing.T, r Rig) {
	e := r.Open(t)
	m := booted(t, e, 1, false)
	first := ordered(t, e, m, command.StateSent, base().Add(10*time.Hour))
	second := ordered(t, e, m, command.StateQueued, base().Add(time.Hour)) // this command waits behind the first
	sweep := func(now time.Time, want int) {
		t.Helper()
		must(t, e, func(tx *store.Tx) error {
			tx.Now = now
			n, err := tx.ExpireCommands(100)
			if err == nil && n != want {
				t.Errorf("%d commands ended at %s, want %d", n, now, want)
			}
			return err
		})
	}
	sweep(base().Add(time.Hour-1), 0)
	sweep(base().Add(time.Hour), 1)
	if c, waiting := commandState(t, e, m, second); c.State != command.StateExpired || waiting != 1 {
		t.Errorf("second command is %s with %d waiting, want expired and 1", c.State, waiting)
	}
	must(t, e, func(tx *store.Tx) error {
		tx.Now = base().Add(10 * time.Hour)
		s, err := command.Sign(tx, first)
		if err == nil && (s.Command.State != command.StateExpired || s.LinkKey != nil) {
			t.Errorf("a command was signed after its time: %+v", s)
		}
		return err
	})
	if c, _ := commandState(t, e, m, first); c.State != command.StateExpired {
		t.Errorf("first command is %s, want expired", c.State)
	}
}

func ownTime(t *testing.T, r Rig) {
	e := r.Open(t)
	m, real := booted(t, e, 1, true), booted(t, e, 2, false)
	far := m.reading(1)
	far.Rec.Head.At = base().AddDate(3, 0, 0).Unix()
	far.Rec.Reading.At = far.Rec.Head.At
	wantOutcomes(t, e, "stored@1", far) // the clock of a simulated meter may be ahead by any time
	must(t, e, func(tx *store.Tx) error {
		tx.Now = far.ReceivedAt.Add(5 * time.Minute)
		own, err := tx.MeterClock(m.Meter)
		if want := base().AddDate(3, 0, 0).Add(5 * time.Minute); err == nil && !own.Equal(want) {
			t.Errorf("the simulated meter's time is %s, want %s", own, want)
		}
		server, err2 := tx.MeterClock(real.Meter)
		if !server.Equal(tx.Now) {
			t.Errorf("a real meter's time is %s, want the server's %s", server, tx.Now)
		}
		return firstOf(err, err2)
	})
	// A boot message carries no time and must not set the meter's clock back.
	again := m.boot(1, 2)
	again.ReceivedAt = far.ReceivedAt.Add(time.Hour)
	outcomes(t, e, again)
	if got, want := live(t, e, m).Clock(again.ReceivedAt), base().AddDate(3, 0, 0).Add(time.Hour); !got.Equal(want) {
		t.Errorf("the simulated meter's time is %s after a boot an hour later, want %s", got, want)
	}
	i := ordered(t, e, m, command.StateQueued, base().AddDate(3, 0, 0).Add(30*time.Minute))
	must(t, e, func(tx *store.Tx) error {
		tx.Now = again.ReceivedAt // by the server's clock, the command expires in three years; by the meter's clock, it has expired
		s, err := command.Sign(tx, i)
		if err == nil && s.Command.State != command.StateExpired {
			t.Errorf("the command is %s, want expired in the meter's own time", s.Command.State)
		}
		return err
	})
}

func leads(t *testing.T, r Rig) {
	e := r.Open(t)
	now := base()
	lead := func(holder string, at time.Time, want bool, wantEpoch int64) {
		t.Helper()
		must(t, e, func(tx *store.Tx) error {
			tx.Now = at
			epoch, ok, err := tx.LeaderTake("jobs", holder, at.Add(time.Minute))
			if err == nil && (ok != want || ok && epoch != wantEpoch) {
				t.Errorf("%s leads at %s: %v in epoch %d, want %v in %d", holder, at.Sub(now), ok, epoch, want, wantEpoch)
			}
			return err
		})
	}
	lead("a", now, true, 1)
	lead("b", now.Add(30*time.Second), false, 0)
	lead("a", now.Add(50*time.Second), true, 1)
	lead("b", now.Add(80*time.Second), false, 0)
	lead("b", now.Add(110*time.Second), true, 2)
	lead("a", now.Add(111*time.Second), false, 0)
	must(t, e, func(tx *store.Tx) error { tx.Now = now.Add(112 * time.Second); return tx.LeaderLeave("jobs", "b") })
	lead("a", now.Add(112*time.Second), true, 3)
	for n, want := range []bool{true, false, false} {
		must(t, e, func(tx *store.Tx) error {
			first, err := tx.JobRun("month-close", "2026-10")
			if err == nil && first != want {
				t.Errorf("run %d of the month: first %v, want %v", n, first, want)
			}
			return err
		})
	}
	if _, err := do(e, func(tx *store.Tx) (value, error) {
		_, err := tx.JobRun("month-close", "2026-11")
		return value{refused: true}, err
	}); err != nil {
		t.Fatal(err)
	}
	must(t, e, func(tx *store.Tx) error {
		first, err := tx.JobRun("month-close", "2026-11")
		if err == nil && !first {
			t.Error("a period counts as done although its work was undone")
		}
		return err
	})
}
