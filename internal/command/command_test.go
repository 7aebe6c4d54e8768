package command_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/sale"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/gateway"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/store/storetest"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/wire"
)

// door is a use case's way to the store.
type door[X any] struct {
	engine store.Engine
	as     func(*store.Tx) X
}

func (d door[X]) Do(ctx context.Context, t access.Tenant, fn func(X) (bool, error)) error {
	return d.engine.Run(ctx, t, store.Sale, func(tx *store.Tx) (bool, error) { return fn(d.as(tx)) })
}

func (d door[X]) View(ctx context.Context, t access.Tenant, fn func(X) error) error {
	return d.engine.View(ctx, t, func(tx *store.Tx) error { return fn(d.as(tx)) })
}

type noKeys struct{}

func (noKeys) DecoderKey(sts.Attributes) (key sts.Key, ok bool) { return sts.Key{}, false }

// house is a registry with meters over a real store.
type house struct {
	t        *testing.T
	engine   *sqlite.Engine
	data     *keystore.DataKey
	registry *registry.Registry
	commands *command.Commands
	owner    access.Actor
	kicked   int      // how often the store reported items due for meters
	worker   func()   // called at each such report, if set
	tables   []string // a query for the rows of each table
}

func newHouse(t *testing.T) *house {
	t.Helper()
	dir := t.TempDir()
	h := &house{t: t, owner: access.SystemActor(store.FirstTenant, "test")}
	engine, err := sqlite.Open(dir, sqlite.Options{Intake: intake.Take, Reserve: -1, Due: h.due})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	data, err := keystore.OpenData(dir)
	if err != nil {
		t.Fatal(err)
	}
	h.engine, h.data = engine, data
	h.registry = registry.New(registry.Config{Door: door[registry.Tx]{engine, func(tx *store.Tx) registry.Tx { return tx }}, Sealer: data,
		TestKeys: noKeys{}, Connected: func(string) bool { return false }, Now: time.Now, Rand: rand.Reader})
	h.commands = command.New(door[command.Tx]{engine, func(tx *store.Tx) command.Tx { return tx }}, time.Now)
	added, err := h.registry.AddTariff(t.Context(), h.owner, registry.NewTariff{Name: "flat", Body: tariff.Body{Currency: "KES", Blocks: []tariff.Block{{Rate: 1_000_000}}}})
	if err != nil || added.Refused() {
		t.Fatalf("tariff: %v %s", err, added.Detail())
	}
	return h
}

// due is the function that the store calls when a commit has made items due; lanes names their lanes.
func (h *house) due(lanes []string) {
	if slices.Contains(lanes, job.LaneMQTT) {
		h.kicked++
		if h.worker != nil {
			h.worker()
		}
	}
}

// meter registers a meter; a status other than active is set afterwards.
func (h *house) meter(n int) registry.Added {
	h.t.Helper()
	body := fmt.Sprintf("04%08d", n)
	check, err := sts.Luhn(body)
	if err != nil {
		h.t.Fatal(err)
	}
	m, err := h.registry.AddMeter(h.t.Context(), h.owner, registry.NewMeter{Number: body + string(check), Mode: registry.PrepayToken, Tariff: "flat",
		SGC: "123456", KRN: new(int64(1)), KT: new(int64(2)), TI: "01"})
	if err != nil || m.Refused() {
		h.t.Fatalf("meter: %v %s", err, m.Detail())
	}
	return m
}

// tokenDigits are the digits of every token of these tests.
const tokenDigits = "12345678901234567890"

// issued stores a token of a meter, ready to be sent.
func (h *house) issued(m registry.Meter) id.ID {
	h.t.Helper()
	token := id.ID{1}
	h.exec(`INSERT INTO token (tenant_id, id, meter, meter_key_id, tid, base_date, class, subclass, rnd, units_wh, state, digits_enc, issued_at, created_at)
		VALUES ($1, $2, $3, $2, 7, 2014, 0, 0, 5, 34700, 'issued', $4, $5, $5)`, store.FirstTenant, token, m.N,
		h.data.Seal(sale.TokenContext(token), []byte(tokenDigits)), time.Now())
	return token
}

// exec runs a statement.
func (h *house) exec(sql string, args ...any) {
	h.t.Helper()
	err := h.engine.Run(h.t.Context(), store.FirstTenant, store.Sale, func(tx *store.Tx) (bool, error) { _, err := tx.C.Exec(sql, args...); return false, err })
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) send(o command.Request) command.Sent {
	h.t.Helper()
	s, err := h.commands.Send(h.t.Context(), h.owner, o)
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

func (h *house) state(m registry.Added, i id.ID) command.State {
	h.t.Helper()
	f, err := h.commands.Command(h.t.Context(), h.owner, m.Meter.Meter.Number, i.Text(id.Command))
	if err != nil || f.Refused() {
		h.t.Fatalf("command: %v %s", err, f.Detail())
	}
	return f.Command.State
}

func TestWhoMaySendWhat(t *testing.T) {
	h := newHouse(t)
	m := h.meter(1)
	number := m.Meter.Meter.Number
	good := command.Request{Meter: number, Type: command.Disconnect, Reason: "test"}
	role := func(r access.Role) access.Actor { a := h.owner; a.Role = r; return a }
	for _, c := range []struct {
		name   string
		by     access.Actor
		change func(*command.Request)
		want   refusal.Code
	}{
		{"owner", h.owner, func(*command.Request) {}, ""},
		{"engineer by identity", role(access.Engineer), func(o *command.Request) { o.Meter = m.Meter.Meter.ID.Text(id.Meter) }, ""},
		{"engineer with force", role(access.Engineer), func(o *command.Request) { o.Type, o.Args = command.Connect, map[string]any{"force": true} }, ""},
		{"number with blanks", h.owner, func(o *command.Request) { o.Meter = number[:4] + " " + number[4:] }, ""},
		{"cashier", role(access.Operator), func(*command.Request) {}, refusal.Forbidden},
		{"auditor", role(access.Auditor), func(*command.Request) {}, refusal.Forbidden},
		{"no reason", h.owner, func(o *command.Request) { o.Reason = " \t" }, refusal.InvalidRequest},
		{"long reason", h.owner, func(o *command.Request) { o.Reason = strings.Repeat("ä", 201) }, refusal.InvalidRequest},
		{"longest reason", h.owner, func(o *command.Request) { o.Reason = strings.Repeat("ä", 200) }, ""},
		{"a reason that is no text", h.owner, func(o *command.Request) { o.Reason = "\xff" }, refusal.InvalidRequest},
		{"unknown type", h.owner, func(o *command.Request) { o.Type = "explode" }, refusal.InvalidRequest},
		{"unknown argument", h.owner, func(o *command.Request) { o.Args = map[string]any{"force": true} }, refusal.InvalidRequest},
		{"argument of another type", h.owner, func(o *command.Request) { o.Type, o.Args = command.Connect, map[string]any{"force": "yes"} }, refusal.InvalidRequest},
		{"missing argument", h.owner, func(o *command.Request) { o.Type, o.Args = command.CancelToken, map[string]any{"tid": 7} }, refusal.InvalidRequest},
		{"cancel", h.owner, func(o *command.Request) {
			o.Type, o.Args = command.CancelToken, map[string]any{"tid": 7.0, "base_date": 2014.0}
		}, ""},
		{"TID with a fraction", h.owner, func(o *command.Request) {
			o.Type, o.Args = command.CancelToken, map[string]any{"tid": 7.5, "base_date": 2014}
		}, refusal.InvalidRequest},
		{"TID too large", h.owner, func(o *command.Request) {
			o.Type, o.Args = command.CancelToken, map[string]any{"tid": 1 << 24, "base_date": 2014}
		}, refusal.InvalidRequest},
		{"no such base date", h.owner, func(o *command.Request) {
			o.Type, o.Args = command.CancelToken, map[string]any{"tid": 7, "base_date": 2015}
		}, refusal.InvalidRequest},
		{"no such meter", h.owner, func(o *command.Request) { o.Meter = "04140001001" }, refusal.MeterNotFound},
		{"no meter number", h.owner, func(o *command.Request) { o.Meter = "x" }, refusal.MeterNumberInvalid},
	} {
		o := good
		c.change(&o)
		h.kicked = 0
		s, err := h.commands.Send(t.Context(), c.by, o)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if s.Code != c.want {
			t.Errorf("%s: refused %q (%s), want %q", c.name, s.Code, s.Detail(), c.want)
		}
		if sent := c.want == ""; sent && (s.Command.State != command.StateQueued || h.kicked != 1) || !sent && h.kicked != 0 {
			t.Errorf("%s: state %q, worker kicked %d times", c.name, s.Command.State, h.kicked)
		}
	}
}

func TestCommandIsFoundUnderItsMeterOnly(t *testing.T) {
	h := newHouse(t)
	m, other := h.meter(1), h.meter(2)
	var ids []id.ID
	for range 5 {
		ids = append(ids, h.send(command.Request{Meter: m.Meter.Meter.Number, Type: command.Read, Reason: "look"}).Command.ID)
	}
	if got := h.state(m, ids[0]); got != command.StateQueued {
		t.Errorf("state %s, want queued", got)
	}
	for _, c := range []struct{ meter, command string }{
		{other.Meter.Meter.Number, ids[0].Text(id.Command)}, {m.Meter.Meter.Number, "cmd_x"}, {m.Meter.Meter.Number, id.ID{1}.Text(id.Command)},
	} {
		f, err := h.commands.Command(t.Context(), h.owner, c.meter, c.command)
		if err != nil || f.Code != refusal.NotFound {
			t.Errorf("command %s of meter %s: %q, %v; want not found", c.command, c.meter, f.Code, err)
		}
	}
	var got []id.ID
	cursor := ""
	for {
		page, err := h.commands.List(t.Context(), h.owner, m.Meter.Meter.Number, 2, cursor)
		if err != nil || page.Refused() {
			t.Fatalf("list: %v %s", err, page.Detail())
		}
		for _, c := range page.Commands {
			got = append(got, c.ID)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	slices.SortFunc(ids, func(a, b id.ID) int { return strings.Compare(string(b[:]), string(a[:])) })
	if !slices.Equal(got, ids) {
		t.Errorf("listed %v, want %v", got, ids)
	}
}

func TestTooManyWaitingCommandsAreRefused(t *testing.T) {
	h := newHouse(t)
	o := command.Request{Meter: h.meter(1).Meter.Meter.Number, Type: command.Read, Reason: "look"}
	for range 100 {
		if s := h.send(o); s.Refused() {
			t.Fatal(s.Detail())
		}
	}
	if s := h.send(o); s.Code != refusal.RateLimited {
		t.Errorf("one more was refused with %q, want %q", s.Code, refusal.RateLimited)
	}
	if s := h.send(command.Request{Meter: h.meter(2).Meter.Meter.Number, Type: command.Read, Reason: "look"}); s.Refused() {
		t.Errorf("another meter was refused: %s", s.Detail())
	}
}

// wires is a link that records what was published.
type wires struct {
	up     bool
	taken  bool
	format wire.Format
	sent   []sent
}

type sent struct {
	number  string
	down    wire.Down
	payload []byte
}

func (w *wires) Connected(string) bool     { return w.up }
func (w *wires) Format(string) wire.Format { return w.format }
func (w *wires) Publish(number string, d wire.Down, payload []byte) bool {
	if w.taken {
		w.sent = append(w.sent, sent{number, d, slices.Clone(payload)})
	}
	return w.taken
}

// claimed is an item claimed by a worker.
func claimed(kind, key string, b string) job.Claim {
	return job.Claim{Item: job.Item{Lane: job.LaneMQTT, Key: key, Kind: kind, Body: []byte(b)}}
}

func (h *house) courier(w *wires, now func() time.Time) *command.Courier {
	return command.NewCourier(door[command.CourierTx]{h.engine, func(tx *store.Tx) command.CourierTx { return tx }}, h.data, w, now)
}

func TestCommandIsSignedWhenItIsSent(t *testing.T) {
	h := newHouse(t)
	m := h.meter(1)
	number := m.Meter.Meter.Number
	c := h.send(command.Request{Meter: number, Type: command.CancelToken, Args: map[string]any{"tid": 7, "base_date": 2014}, Reason: "reversal"}).Command
	item := claimed(job.KindCommand, job.CommandKey(number), `{"command_id":"`+c.ID.Text(id.Command)+`"}`)
	w := &wires{}
	courier := h.courier(w, time.Now)
	deliver := func(want job.Verdict) {
		t.Helper()
		got, err := courier.Send(t.Context(), store.FirstTenant, item)
		if err != nil || want != (job.Verdict{}) && got != want {
			t.Fatalf("verdict %s, %v; want %s", got, err, want)
		}
	}
	deliver(job.Verdict{}) // the meter is not connected
	if got := h.state(m, c.ID); got != command.StateQueued {
		t.Errorf("state %s without a connection, want queued", got)
	}
	last := uint64(0)
	for _, f := range []wire.Format{wire.JSON, wire.CBOR, wire.JSON} {
		w.up, w.taken, w.format = true, true, f
		deliver(job.Verdict{})
		got := w.sent[len(w.sent)-1]
		body, err := wire.Open(m.LinkKey, wire.DownTopic(number, wire.DownCommand), got.payload)
		if err != nil {
			t.Fatalf("the meter cannot open its command: %v", err)
		}
		cmd, err := wire.DecodeBody[wire.Command](body)
		if err != nil {
			t.Fatal(err)
		}
		if cmd.Counter <= last || cmd.ID != c.ID.Text(id.Command) || cmd.Type != "cancel_token" || cmd.ExpiresAt != c.ExpiresAt.Unix() ||
			!reflect.DeepEqual(cmd.Args, map[string]any{"tid": int64(7), "base_date": int64(2014)}) {
			t.Errorf("signed %+v after counter %d", cmd, last)
		}
		last = cmd.Counter
	}
	if got := h.state(m, c.ID); got != command.StateSent {
		t.Errorf("state %s, want sent", got)
	}
	w.taken = false
	deliver(job.Verdict{})
	if got := h.state(m, c.ID); got != command.StateSent {
		t.Errorf("state %s after a connection that took nothing, want sent", got)
	}
	item.Key = job.CommandKey(h.meter(2).Meter.Meter.Number)
	w.taken = true
	deliver(job.Dead("the command was given to another meter"))
}

func TestTokenIsOpenedOnlyToBeSent(t *testing.T) {
	h := newHouse(t)
	m := h.meter(1)
	number := m.Meter.Meter.Number
	token := h.issued(m.Meter.Meter)
	w := &wires{up: true, taken: true}
	courier := h.courier(w, time.Now)
	item := claimed(job.KindToken, number, `{"token_id":"`+token.Text(id.Token)+`","request":"`+token.Text(id.Token)+`"}`)
	if _, err := courier.Send(t.Context(), store.FirstTenant, item); err != nil {
		t.Fatal(err)
	}
	if len(w.sent) != 1 || w.sent[0].down != wire.DownToken || w.sent[0].number != number {
		t.Fatalf("sent %d messages", len(w.sent))
	}
	down, err := wire.DecodeTokenDown(w.sent[0].payload)
	if err != nil || down.Request != token.Text(id.Token) || down.Digits.Reveal() != tokenDigits {
		t.Errorf("the meter got request %s and %d digits, %v", down.Request, len(down.Digits.Reveal()), err)
	}
	state := func(want string) {
		t.Helper()
		got, err := storetest.View(t.Context(), h.engine, store.FirstTenant, func(tx *store.Tx) (string, error) {
			v, _, _, err := tx.TokenForPush(token)
			return string(v.State), err
		})
		if err != nil || got != want {
			t.Errorf("token is %s, %v; want %s", got, err, want)
		}
	}
	state("sent")
	other := item
	other.Key = h.meter(2).Meter.Meter.Number
	if v, err := courier.Send(t.Context(), store.FirstTenant, other); err != nil || v != job.Dead("the token was made for another meter") || len(w.sent) != 1 {
		t.Errorf("a token of another meter: %s, %v, %d messages", v, err, len(w.sent))
	}
	late := item
	late.ExpiresAt = time.Now().Add(-time.Second)
	if v, err := courier.Send(t.Context(), store.FirstTenant, late); err != nil || v != job.Dead("the meter did not take the token in time; its digits remain valid") {
		t.Errorf("an old push: %s, %v", v, err)
	}
	h.exec(`UPDATE token SET state = 'accepted' WHERE id = $1`, token)
	if v, err := courier.Send(t.Context(), store.FirstTenant, item); err != nil || v != job.Done() || len(w.sent) != 1 {
		t.Errorf("a token that is in the meter: %s, %v, %d messages; want done and nothing sent", v, err, len(w.sent))
	}
	state("accepted")
}

func TestItemThatNobodyUnderstandsIsGivenUp(t *testing.T) {
	h := newHouse(t)
	courier := h.courier(&wires{}, time.Now)
	for _, item := range []job.Claim{
		claimed(job.KindToken, "1", "no JSON"), claimed(job.KindToken, "1", "{}"), claimed(job.KindCommand, "1", `{"command_id":"tok_1"}`),
		claimed("poem", "1", "{}"), claimed(job.KindToken, "1", `{"token_id":"`+id.ID{1}.Text(id.Token)+`"}`),
	} {
		v, err := courier.Send(t.Context(), store.FirstTenant, item)
		if err != nil || !strings.HasPrefix(v.String(), "dead: ") {
			t.Errorf("item %s %s: %s, %v; want it given up", item.Kind, item.Body, v, err)
		}
	}
}

// TestCommandReachesTheMeterAndItsAnswerEndsIt follows a command from the order to the meter's answer. It uses a real
// broker, the worker, and an ordinary client as the meter.
func TestCommandReachesTheMeterAndItsAnswerEndsIt(t *testing.T) {
	h := newHouse(t)
	m := h.meter(1)
	number := m.Meter.Meter.Number
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var outbox *job.Outbox
	b, err := gateway.New(gateway.Config{Listener: l, Inbox: h.engine.Ingest, OnConnected: func(who registry.Identity) { outbox.Wake(who.Tenant, who.Number) },
		Auth: func(ctx context.Context, number, password string) (registry.Identity, bool) {
			who, ok, err := h.registry.MQTTIdentity(ctx, number, password)
			return who, ok && err == nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	courier := command.NewCourier(door[command.CourierTx]{h.engine, func(tx *store.Tx) command.CourierTx { return tx }}, h.data, b, time.Now)
	outbox = job.NewOutbox(job.OutboxConfig{Door: door[job.OutboxTx]{h.engine, func(tx *store.Tx) job.OutboxTx { return tx }}, Lane: job.LaneMQTT,
		Owner: "test", Sender: courier, Now: time.Now})
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = b.Run(ctx) })      // ends with ctx
	running.Go(func() { _ = outbox.Run(ctx) }) // ends with ctx
	defer running.Wait()
	defer stop()
	c := h.send(command.Request{Meter: number, Type: command.Disconnect, Reason: "unpaid"}).Command
	outbox.Kick() // the meter is away: the worker must be woken when it comes

	heard := make(chan []byte, 4)
	o := paho.NewClientOptions().AddBroker("tcp://" + l.Addr().String()).SetClientID(number).SetUsername(number).SetPassword(m.MQTTPassword.Reveal())
	client := paho.NewClient(o)
	wait(t, client.Connect())
	defer client.Disconnect(0)
	wait(t, client.Subscribe(wire.DownTopic(number, wire.DownCommand), 1, func(_ paho.Client, msg paho.Message) { heard <- msg.Payload() }))
	body, err := wire.Open(m.LinkKey, wire.DownTopic(number, wire.DownCommand), await.Receive(t, "the command", heard))
	if err != nil {
		t.Fatal(err)
	}
	got, err := wire.DecodeBody[wire.Command](body)
	if err != nil || got.Type != "disconnect" || got.ID != c.ID.Text(id.Command) {
		t.Fatalf("the meter was told %+v, %v", got, err)
	}
	head := wire.Head{Seq: 1, At: time.Now().Unix(), Clock: wire.ClockValid}
	for i, state := range []string{"acked", "done"} {
		head.Seq = uint64(i + 1)
		payload, err := wire.EncodeUp(wire.JSON, wire.CommandAnswer{Head: head, ID: got.ID, State: state}.Record())
		if err != nil {
			t.Fatal(err)
		}
		wait(t, client.Publish(wire.UpTopic(number, wire.KindCommand), 1, false, payload))
		if now := h.state(m, c.ID); string(now) != state {
			t.Errorf("command is %s after the meter was told that its answer is durable, want %s", now, state)
		}
	}
	waiting, err := storetest.View(t.Context(), h.engine, store.FirstTenant, func(tx *store.Tx) (int, error) { return tx.Waiting(number) })
	if err != nil || waiting != 0 {
		t.Errorf("%d commands still wait, %v; want none", waiting, err)
	}
}

func wait(t *testing.T, token paho.Token) {
	t.Helper()
	if !token.WaitTimeout(await.Limit) {
		t.Fatalf("%s: after %v the client still has no answer", await.NotInTime, await.Limit)
	}
	if err := token.Error(); err != nil {
		t.Fatal(err)
	}
}
