package command_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/storetest"
	"github.com/paywatt/paywatt/wire"
)

// TestEachTypeOfCommand checks the act, the lifetime, the queue and the message of each type of command.
func TestEachTypeOfCommand(t *testing.T) {
	force := map[string]any{"force": true}
	for _, c := range []struct {
		does command.Type
		args map[string]any
		act  access.Act
		ttl  time.Duration
		key  string
		down wire.Down
	}{
		{command.Disconnect, nil, access.ActCommand, 24 * time.Hour, job.SupplyKey("1"), wire.DownCommand},
		{command.Disconnect, force, access.ActCommand, 24 * time.Hour, job.SupplyKey("1"), wire.DownCommand},
		{command.Connect, nil, access.ActCommand, 24 * time.Hour, job.SupplyKey("1"), wire.DownCommand},
		{command.Connect, map[string]any{"force": false}, access.ActCommand, 24 * time.Hour, job.SupplyKey("1"), wire.DownCommand},
		{command.Connect, force, access.ActForce, 24 * time.Hour, job.SupplyKey("1"), wire.DownCommand},
		{command.Read, nil, access.ActCommand, time.Hour, job.CommandKey("1"), wire.DownCommand},
		{command.ClearTamper, nil, access.ActClearTamper, 24 * time.Hour, job.CommandKey("1"), wire.DownCommand},
		{command.ClearCredit, nil, access.ActClearCredit, 24 * time.Hour, job.CommandKey("1"), wire.DownCommand},
		{command.ResetDemand, nil, access.ActCommand, 24 * time.Hour, job.CommandKey("1"), wire.DownCommand},
		{command.CancelToken, nil, access.ActCancelToken, 24 * time.Hour, job.CommandKey("1"), wire.DownCommand},
		{command.Lease, nil, access.ActCommand, 24 * time.Hour, job.LeaseKey("1"), wire.DownLease},
		{command.Config, nil, access.ActCommand, 24 * time.Hour, job.CommandKey("1"), wire.DownConfig},
		{command.SetTime, nil, access.ActCommand, 24 * time.Hour, job.CommandKey("1"), wire.DownTime},
	} {
		if act, ttl, key, down := c.does.Act(c.args), c.does.TTL(), c.does.Key("1"), c.does.Down(); act != c.act || ttl != c.ttl || key != c.key || down != c.down {
			t.Errorf("%s %v is %s for %s behind %s as %s; want %s, %s, %s, %s", c.does, c.args, act, ttl, key, down, c.act, c.ttl, c.key, c.down)
		}
	}
}

// TestArgumentsAtTheirLimits: only a whole number within its limits is signed; otherwise nothing is sent.
func TestArgumentsAtTheirLimits(t *testing.T) {
	for _, c := range []struct {
		tid, base any
		want      int64 // the TID that is signed; -1 if the command is refused
	}{
		{0, 2014, 0}, {1<<24 - 1, 2014, 1<<24 - 1}, {1 << 24, 2014, -1}, {-1, 2014, -1}, {int64(7), int64(1993), 7}, {uint32(7), 2035, 7},
		{7.0, 2014.0, 7}, {7.5, 2014, -1}, {"7", 2014, -1}, {7, "2014", -1}, {7, 1992, -1}, {7, 2036, -1}, {7, 1994, -1}, {nil, 2014, -1}, {true, 2014, -1},
	} {
		args, no := command.CancelToken.CheckArgs(map[string]any{"tid": c.tid, "base_date": c.base})
		if no.Refused() != (c.want < 0) || !no.Refused() && args["tid"] != any(c.want) {
			t.Errorf("TID %v of %v: %v, refused %t", c.tid, c.base, args, no.Refused())
		}
	}
	for _, missing := range []string{"tid", "base_date"} {
		args := map[string]any{"tid": 7, "base_date": 2014}
		delete(args, missing)
		if _, no := command.CancelToken.CheckArgs(args); no.Code != refusal.InvalidRequest || !strings.Contains(no.What, missing) {
			t.Errorf("without %s: %q %s", missing, no.Code, no.What)
		}
	}
	for _, value := range []any{true, false} {
		if args, no := command.Connect.CheckArgs(map[string]any{"force": value}); no.Refused() || args["force"] != value {
			t.Errorf("force %v: %v %s", value, args, no.Detail())
		}
	}
	for _, internal := range []command.Type{command.Lease, command.Config, command.SetTime} {
		if _, no := internal.CheckArgs(nil); no.Code != refusal.InvalidRequest {
			t.Errorf("a person may order %s", internal)
		}
	}
	if _, no := command.Type(strings.Repeat("x", 41)).CheckArgs(nil); !strings.Contains(no.What, `"`+strings.Repeat("x", 40)+`…"`) {
		t.Errorf("a long name is repeated as %s", no.What)
	}
	if _, no := command.Type(strings.Repeat("x", 40)).CheckArgs(nil); !strings.Contains(no.What, `"`+strings.Repeat("x", 40)+`"`) {
		t.Errorf("a name is repeated as %s", no.What)
	}
}

// TestAnswersOfTheMeterCount checks that a meter's answer changes every state except a final one.
func TestAnswersOfTheMeterCount(t *testing.T) {
	const q, s, a, d, f, e = command.StateQueued, command.StateSent, command.StateAcked, command.StateDone, command.StateFailed, command.StateExpired
	for _, from := range []command.State{q, s, a, d, f, e} {
		for _, answer := range []command.State{q, s, a, d, f, e} {
			want := from
			if from != d && from != f && (answer == a || answer == d || answer == f) {
				want = answer
			}
			if got := from.Next(answer); got != want {
				t.Errorf("%s, then %s: %s, want %s", from, answer, got, want)
			}
			if from.Open() != (from == q || from == s) {
				t.Errorf("%s has to be brought to the meter: %t", from, from.Open())
			}
		}
	}
	for _, c := range []struct {
		answer string
		then   command.State
		want   command.State
	}{{"counter 7", d, d}, {"counter", a, a}, {"storage_error", f, f}, {"counter", q, f}, {"used", d, f}, {"", d, f}} {
		if got := (command.Command{State: f, Answer: c.answer}).Answered(c.then); got != c.want {
			t.Errorf("failed for %q, then %s: %s, want %s", c.answer, c.then, got, c.want)
		}
	}
	if got := (command.Command{State: d, Answer: "counter"}).Answered(f); got != d {
		t.Errorf("done, then failed: %s", got)
	}
}

// TestWhatAnAnswerChanges checks when an answer of the meter changes a command's row. An answer that repeats the state does not.
// The exception is a failure after a temporary failure, because the newest reason must be stored.
func TestWhatAnAnswerChanges(t *testing.T) {
	const q, s, a, d, f, e = command.StateQueued, command.StateSent, command.StateAcked, command.StateDone, command.StateFailed, command.StateExpired
	for _, c := range []struct {
		state  command.State
		answer string
		heard  command.State
		next   command.State
		news   bool
	}{
		{q, "", a, a, true}, {s, "", d, d, true}, {e, "", a, a, true}, {e, "", q, e, false}, {a, "", a, a, false}, {a, "", s, a, false}, {d, "", d, d, false},
		{d, "", f, d, false}, {f, "used", f, f, false}, {f, "used", d, f, false}, {f, "counter 7", f, f, true}, {f, "counter 7", d, d, true},
		{f, "storage_error", a, a, true}, {f, "counter 7", s, f, false},
	} {
		if next, news := (command.Command{State: c.state, Answer: c.answer}).Heard(c.heard); next != c.next || news != c.news {
			t.Errorf("%s for %q, then %s: %s, news %t; want %s, %t", c.state, c.answer, c.heard, next, news, c.next, c.news)
		}
	}
}

// TestPagesOfCommands checks that there is no next page after a last page that is exactly full.
func TestPagesOfCommands(t *testing.T) {
	h := newHouse(t)
	number := h.meter(1).Meter.Meter.Number
	for range 3 {
		h.send(command.Request{Meter: number, Type: command.Read, Reason: "look"})
	}
	for _, c := range []struct {
		limit, want int
		next        bool
		code        refusal.Code
	}{{0, 0, false, refusal.InvalidRequest}, {1, 1, true, ""}, {2, 2, true, ""}, {3, 3, false, ""}, {4, 3, false, ""}, {200, 3, false, ""}, {201, 0, false, refusal.InvalidRequest}} {
		page, err := h.commands.List(t.Context(), h.owner, number, c.limit, "")
		if err != nil || page.Code != c.code || len(page.Commands) != c.want || (page.Next != "") != c.next {
			t.Errorf("limit %d: %d commands, next %q, %q, %v; want %d, next %t, %q", c.limit, len(page.Commands), page.Next, page.Code, err, c.want, c.next, c.code)
		}
		if c.next && page.Next != page.Commands[c.limit-1].ID.Text(id.Command) {
			t.Errorf("limit %d: next is %s", c.limit, page.Next)
		}
	}
	if page, err := h.commands.List(t.Context(), h.owner, number, 2, "cmd_x"); err != nil || page.Code != refusal.InvalidRequest {
		t.Errorf("a strange cursor: %q, %v", page.Code, err)
	}
}

// TestWhoMayLookAtCommands: everybody who may read meters may see the commands of an existing meter.
func TestWhoMayLookAtCommands(t *testing.T) {
	h := newHouse(t)
	m := h.meter(1).Meter.Meter
	cmd := h.send(command.Request{Meter: m.Number, Type: command.Read, Reason: "look"}).Command
	for _, c := range []struct {
		role  access.Role
		meter string
		want  refusal.Code
	}{
		{access.Owner, m.Number, ""}, {access.Auditor, m.Number, ""}, {access.Operator, m.ID.Text(id.Meter), ""}, {access.VendorAPI, m.Number, refusal.Forbidden},
		{access.TariffManager, m.Number, refusal.Forbidden}, {access.Owner, "04140001001", refusal.MeterNotFound}, {access.Owner, "x", refusal.MeterNumberInvalid},
	} {
		by := h.owner
		by.Role = c.role
		found, err := h.commands.Command(t.Context(), by, c.meter, cmd.ID.Text(id.Command))
		page, err2 := h.commands.List(t.Context(), by, c.meter, 10, "")
		shown := c.want == ""
		if err != nil || err2 != nil || found.Code != c.want || page.Code != c.want || (found.Command.ID == cmd.ID) != shown || (len(page.Commands) == 1) != shown {
			t.Errorf("%s of meter %s: %q and %q (%d commands), %v, %v; want %q", c.role, c.meter, found.Code, page.Code, len(page.Commands), err, err2, c.want)
		}
	}
}

// log reads the newest row of the audit log about a person's act.
func (h *house) log() (got access.Entry) {
	h.t.Helper()
	err := h.engine.View(h.t.Context(), store.FirstTenant, func(tx *store.Tx) error {
		_, rows, err := storetest.AuditPage(tx, id.ID{}, 10)
		for _, e := range rows {
			if e.Action != core.ActionEvidence && got.Action == "" {
				got = e
			}
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	got.At = time.Time{}
	return got
}

// wallet registers a wallet meter.
func (h *house) wallet(number string) registry.Added {
	h.t.Helper()
	m, err := h.registry.AddMeter(h.t.Context(), h.owner, registry.NewMeter{Number: number, Mode: registry.PrepayWallet, Tariff: "flat"})
	if err != nil || m.Refused() {
		h.t.Fatalf("meter: %v %s", err, m.Detail())
	}
	return m
}

// heard makes a meter boot and send a reading.
func (h *house) heard(m registry.Added) {
	h.t.Helper()
	now, number := time.Now(), m.Meter.Meter.Number
	const memory = "00000000000000a1"
	boot := wire.Boot{Memory: memory, Lowest: 1, Next: 1, Proto: 1, Caps: []string{"lease", "cbor", "arm"}}
	reading := wire.Reading{Head: wire.Head{Seq: 1, At: now.Unix(), Up: 1, Clock: wire.ClockValid}, RegisterWh: 1000, Relay: "closed"}
	h.ingest(metering.Record{Tenant: store.FirstTenant, Meter: m.Meter.Meter.N, Number: number, ReceivedAt: now, Rec: boot.Record()},
		metering.Record{Tenant: store.FirstTenant, Meter: m.Meter.Meter.N, Number: number, ReceivedAt: now, Memory: memory, Rec: reading.Record()})
}

// ingest sends meters' records to the store and waits until they are durable.
func (h *house) ingest(recs ...metering.Record) {
	h.t.Helper()
	done := make(chan error, 1)
	if err := h.engine.Ingest(recs, func(_ []metering.Outcome, err error) { done <- err }); err != nil {
		h.t.Fatal(err)
	}
	if err := <-done; err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) fourEyes(bind bool) {
	h.t.Helper()
	err := h.engine.Run(h.t.Context(), store.FirstTenant, store.Sale, func(tx *store.Tx) (bool, error) {
		s, err := tx.TenantSettings()
		s.FourEyes = &bind
		return false, errors.Join(err, tx.PutTenantSettings(s))
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// approve allows an act that waits for a second person.
func (h *house) approve(a access.Approval) {
	h.t.Helper()
	err := h.engine.Run(h.t.Context(), store.FirstTenant, store.Sale, func(tx *store.Tx) (bool, error) {
		a.State, a.Checker, a.DecidedAt = access.ApprovalGiven, access.Actor{Kind: access.Person, Name: "finance"}, tx.Now
		_, err := tx.PutApproval(a, access.ApprovalWaiting)
		return false, err
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// TestTheAuditLogSaysWhoToldAMeterWhat: the log has each command and switch with its author, meter and reason. It has no
// refused commands.
func TestTheAuditLogSaysWhoToldAMeterWhat(t *testing.T) {
	h := newHouse(t)
	h.owner = access.Actor{Tenant: store.FirstTenant, Kind: access.Person, Name: "amina@example.org", Role: access.Owner, IP: "192.0.2.7"}
	m, w := h.meter(1).Meter.Meter, h.wallet("04140001001").Meter.Meter
	row := access.Entry{Actor: "person amina@example.org", IP: "192.0.2.7", Action: "command.send"}
	says := func(what string, want access.Entry) {
		t.Helper()
		if got := h.log(); got != want {
			t.Errorf("%s: the audit log says\n%+v, want\n%+v", what, got, want)
		}
	}
	for _, c := range []struct {
		o     command.Request
		alone bool
	}{
		{command.Request{Type: command.Disconnect, Reason: " unpaid\t"}, false}, {command.Request{Type: command.Read, Reason: "look"}, false},
		{command.Request{Type: command.CancelToken, Args: map[string]any{"tid": 7, "base_date": 2014}, Reason: "lost"}, true},
		{command.Request{Type: command.Connect, Args: map[string]any{"force": true}, Reason: "test"}, true},
	} {
		c.o.Meter = m.Number
		sent := h.send(c.o)
		want := row
		want.Object, want.After, want.Reason, want.SinglePerson = sent.Command.ID.Text(id.Command), string(c.o.Type)+" "+m.ID.Text(id.Meter), strings.TrimSpace(c.o.Reason), c.alone
		says(string(c.o.Type), want)
		if no := h.send(command.Request{Meter: m.Number, Type: "explode", Reason: "x"}); !no.Refused() {
			t.Error("an unknown command was sent")
		}
		says("a refused command", want)
	}
	cut, err := h.commands.Cut(t.Context(), h.owner, w.Number, "theft")
	if err != nil || cut.Refused() {
		t.Fatalf("%v %s", err, cut.Detail())
	}
	row.Object, row.Action, row.After, row.Reason = w.ID.Text(id.Meter), "supply.cut", "off=CREDIT,REMOTE", "theft"
	says("a cut", row)
	if cut, err = h.commands.Restore(t.Context(), h.owner, w.Number, "paid"); err != nil || cut.Refused() {
		t.Fatalf("%v %s", err, cut.Detail())
	}
	row.Action, row.After, row.Reason = "supply.restore", "off=CREDIT", "paid"
	says("a restoring", row)
}

// TestASwitchAsksTheMode: the server decides about the supply of a wallet meter, but a token meter decides about its
// own supply.
func TestASwitchAsksTheMode(t *testing.T) {
	h := newHouse(t)
	token, walletMeter := h.meter(1), h.wallet("04140001001")
	t1, w1 := token.Meter.Meter.Number, walletMeter.Meter.Meter.Number
	type told struct {
		command, off, effect string
		code                 refusal.Code
	}
	switched := func(s command.Switched, err error) told {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		got := told{off: fmt.Sprint(s.Off), code: s.Code}
		if s.Command != nil {
			got.command = string(s.Command.Type)
		}
		got.effect, _, _ = strings.Cut(s.Effect, ".")
		return got
	}
	by := h.owner
	for _, c := range []struct {
		what string
		got  told
		want told
	}{
		{"a token meter is cut", switched(h.commands.Cut(t.Context(), by, t1, "x")), told{"disconnect", "[]", "The meter opens its relay as soon as it has the command", ""}},
		{"and restored", switched(h.commands.Restore(t.Context(), by, t1, "x")), told{"connect", "[]", "The meter is told", ""}},
		{"a wallet meter that was never heard", switched(h.commands.Cut(t.Context(), by, w1, "x")), told{"", "[CREDIT REMOTE]", "The supply is to be off", ""}},
		{"without a reason", switched(h.commands.Cut(t.Context(), by, w1, " ")), told{"", "[]", "", refusal.InvalidRequest}},
		{"no such meter", switched(h.commands.Cut(t.Context(), by, "04140001019", "x")), told{"", "[]", "", refusal.MeterNotFound}},
		{"and restored too", switched(h.commands.Restore(t.Context(), by, w1, "x")), told{"", "[CREDIT]", "The cut is taken back, but nothing is left in the wallet: the supply returns with the next payment", ""}},
	} {
		if c.got != c.want {
			t.Errorf("%s: %+v, want %+v", c.what, c.got, c.want)
		}
	}
	if restored, err := h.commands.Restore(t.Context(), by, t1, "x"); err != nil || !strings.Contains(restored.Effect, "press #") {
		t.Errorf("a token meter is restored: %q, %v; want its customer to press a key", restored.Effect, err)
	}
	off := command.Request{Meter: w1, Type: command.Disconnect, Reason: "x"}
	if s := h.send(off); s.Code != refusal.InvalidRequest || !strings.Contains(s.What, "The supply of meter "+w1+" needs no connect or disconnect command now.") {
		t.Errorf("a command for a meter that was never heard: %q %s", s.Code, s.What)
	}
	if row := h.log(); row.Action == "supply.cut" {
		t.Error("a command that was refused changed the supply")
	}
	h.heard(walletMeter)
	if got, want := switched(h.commands.Cut(t.Context(), by, w1, "x")), (told{"disconnect", "[CREDIT REMOTE]", "The meter opens its relay as soon as it has the command", ""}); got != want {
		t.Errorf("a wallet meter that was heard is cut: %+v, want %+v", got, want)
	}
	force := command.Request{Meter: w1, Type: command.Connect, Args: map[string]any{"force": true}, Reason: "x"}
	if s := h.send(force); s.Code != refusal.InvalidRequest || !strings.Contains(s.What, "cannot be forced on") {
		t.Errorf("a wallet meter was forced on: %q %s", s.Code, s.What)
	}
	if s := h.send(command.Request{Meter: w1, Type: command.Read, Reason: "x"}); s.Refused() || s.Command.Type != command.Read {
		t.Errorf("a wallet meter is asked for a reading: %q %+v", s.Code, s.Command)
	}
}

// TestWhatCouldNeverArriveIsNotSent: a command is refused for a meter that is out of service or cannot check a signature.
func TestWhatCouldNeverArriveIsNotSent(t *testing.T) {
	h := newHouse(t)
	m := h.meter(1).Meter.Meter
	for _, c := range []struct {
		status registry.Status
		want   refusal.Code
	}{{registry.Stock, refusal.MeterBlocked}, {registry.Removed, refusal.MeterBlocked}, {registry.Scrapped, refusal.MeterBlocked}, {registry.Blocked, refusal.MeterBlocked}, {registry.Active, ""}} {
		h.exec(`UPDATE meter SET status = $1 WHERE id = $2`, string(c.status), m.ID)
		if s := h.send(command.Request{Meter: m.Number, Type: command.Read, Reason: "look"}); s.Code != c.want {
			t.Errorf("status %s: %q (%s), want %q", c.status, s.Code, s.Detail(), c.want)
		}
	}
	h.exec(`UPDATE meter SET link_key_enc = NULL WHERE id = $1`, m.ID)
	if s := h.send(command.Request{Meter: m.Number, Type: command.Read, Reason: "look"}); s.Code != refusal.InvalidRequest {
		t.Errorf("a meter without a link key: %q", s.Code)
	}
}

// TestASecondPersonSendsWhatWasAskedFor: no command is queued until it is approved, and then it is the same command.
func TestASecondPersonSendsWhatWasAskedFor(t *testing.T) {
	h := newHouse(t)
	h.fourEyes(true)
	m := h.meter(1)
	number := m.Meter.Meter.Number
	h.kicked = 0
	waits := h.send(command.Request{Meter: number, Type: command.CancelToken, Args: map[string]any{"tid": 7.0, "base_date": 2014.0}, Reason: "lost"}).Waits
	if waits == nil || h.kicked != 0 {
		t.Fatalf("one person did it, the worker was kicked %d times", h.kicked)
	}
	if page, err := h.commands.List(t.Context(), h.owner, number, 10, ""); err != nil || len(page.Commands) != 0 {
		t.Fatalf("%d commands wait, %v", len(page.Commands), err)
	}
	if want := "cancel_token of TID 7 (base date 2014) to meter " + number + " by command: lost"; waits.Summary != want || waits.Object != m.Meter.Meter.ID.Text(id.Meter) {
		t.Errorf("the second person reads %q about %s, want %q", waits.Summary, waits.Object, want)
	}
	maker := h.owner
	maker.Approval = waits.ID
	do := func() access.Done {
		t.Helper()
		done, err := h.commands.Executors()[access.ActCancelToken](t.Context(), maker, waits.Body)
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	if done := do(); done.Code != refusal.ApprovalInvalid {
		t.Errorf("sent before it was allowed: %q", done.Code)
	}
	h.approve(*waits)
	done := do()
	f, err := h.commands.Command(t.Context(), h.owner, number, done.Object)
	if err != nil || done.Refused() || f.Refused() || f.Command.Type != command.CancelToken || f.Command.Reason != "lost" ||
		!reflect.DeepEqual(f.Command.Args, map[string]any{"tid": int64(7), "base_date": int64(2014)}) || h.kicked != 1 {
		t.Errorf("sent %+v (%s, %v), worker kicked %d times", f.Command, done.Detail(), err, h.kicked)
	}
	if row := h.log(); row.SinglePerson || !strings.HasSuffix(row.After, " approved_by=person finance") {
		t.Errorf("the audit log says %+v", row)
	}
	if again := do(); again.Code != refusal.ApprovalInvalid {
		t.Errorf("sent twice: %q", again.Code)
	}
	if _, err := h.commands.Executors()[access.ActCancelToken](t.Context(), maker, []byte("{")); err == nil {
		t.Error("an act that cannot be read was done")
	}
}

// TestHowLongAnItemRests: an item rests for six hours if the meter's connection will wake it, and for seconds if another server
// may have the meter.
func TestHowLongAnItemRests(t *testing.T) {
	h := newHouse(t)
	number := h.meter(1).Meter.Meter.Number
	c := h.send(command.Request{Meter: number, Type: command.Read, Reason: "look"}).Command
	item := claimed(job.KindCommand, job.CommandKey(number), `{"command_id":"`+c.ID.Text(id.Command)+`"}`)
	now := time.Now()
	courier := h.courier(&wires{}, func() time.Time { return now })
	for _, want := range []time.Duration{6 * time.Hour, 2 * time.Second} {
		if v, err := courier.Send(t.Context(), store.FirstTenant, item); err != nil || v != job.Again(now.Add(want), "the meter is not connected") {
			t.Errorf("away: %s, %v; want it again in %s", v, err, want)
		}
		courier.Roaming()
	}
}

// TestATokenIsSentWhileItIsWanted: an answered token is sent again only if somebody wants to see the answer. A reversed token
// is never sent again.
func TestATokenIsSentWhileItIsWanted(t *testing.T) {
	h := newHouse(t)
	m := h.meter(1).Meter.Meter
	token := h.issued(m)
	for _, c := range []struct {
		state       sale.TokenState
		result      string
		once, again bool // whether it is sent
	}{
		{sale.TokenIssued, "", true, true}, {sale.TokenSent, "", true, true}, {sale.TokenAccepted, "accept", false, true},
		{sale.TokenHeard, metering.ResultHeard, true, true}, {sale.TokenRejected, "used_error", false, true},
		{sale.TokenReversed, "", false, false}, {sale.TokenReversedUnconfirmed, "", false, false},
	} {
		for _, again := range []bool{false, true} {
			h.exec(`UPDATE token SET state = $1, result = $2 WHERE id = $3`, string(c.state), c.result, token)
			body, err := json.Marshal(job.Body{TokenID: token.Text(id.Token), Again: again})
			if err != nil {
				t.Fatal(err)
			}
			w := &wires{up: true, taken: true}
			v, err := h.courier(w, time.Now).Send(context.WithoutCancel(t.Context()), store.FirstTenant, claimed(job.KindToken, m.Number, string(body)))
			want := c.once
			if again {
				want = c.again
			}
			if err != nil || (len(w.sent) == 1) != want || (v == job.Done()) == want {
				t.Errorf("%s %s, again %t: %d messages, %s, %v; want it sent %t", c.state, c.result, again, len(w.sent), v, err, want)
			}
		}
	}
}
