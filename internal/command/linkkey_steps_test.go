package command_test

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/wire"
)

var errCut = errors.New("the power was cut")

// cutDoor cuts the power before a statement of the next transaction that writes. The database then has all of the transaction or nothing.
type cutDoor struct {
	door[registry.Tx]
	before int    // number of the statement; 0 for none
	at     string // the statement before which the power was cut
}

func (d *cutDoor) Do(ctx context.Context, t access.Tenant, fn func(registry.Tx) (bool, error)) error {
	left := d.before
	return d.engine.Run(ctx, t, store.Sale, func(tx *store.Tx) (bool, error) {
		tx.C = &cutConn{Conn: tx.C, door: d, left: left}
		return fn(tx)
	})
}

type cutConn struct {
	core.Conn
	door *cutDoor
	left int
}

func (c *cutConn) cut(sql string) bool {
	c.left--
	if c.left == 0 {
		c.door.at = sql
	}
	return c.left == 0
}

func (c *cutConn) Exec(sql string, args ...any) (int64, error) {
	if c.cut(sql) {
		return 0, errCut
	}
	return c.Conn.Exec(sql, args...)
}

func (c *cutConn) Query(sql string, row func(core.Row) error, args ...any) error {
	if c.cut(sql) {
		return errCut
	}
	return c.Conn.Query(sql, row, args...)
}

// changing is a meter whose link key is replaced, while copies of it have the old and the new key.
type changing struct {
	*house
	door   *cutDoor
	keys   *registry.Registry
	meter  registry.Added
	number string
	copies map[string]*realMeter
	did    map[string]int
}

func newChanging(t *testing.T) *changing {
	c := &changing{house: newHouse(t), did: map[string]int{}}
	c.door = &cutDoor{door: door[registry.Tx]{c.engine, func(tx *store.Tx) registry.Tx { return tx }}}
	c.keys = registry.New(registry.Config{Door: c.door, Sealer: c.data, TestKeys: noKeys{}, Connected: func(string) bool { return false }, Now: time.Now, Rand: rand.Reader})
	c.meter = c.house.meter(1)
	c.number = c.meter.Meter.Meter.Number
	c.copies = map[string]*realMeter{"old": newRealMeter(t, c.number, c.meter.LinkKey)}
	return c
}

// obeyed checks which copies of the meter carry a command out, each once.
func (c *changing) obeyed(when string, names ...string) {
	c.t.Helper()
	for name, got := range c.obeys(when) {
		want := 0
		if slices.Contains(names, name) {
			want = 1
		}
		if got != want {
			c.t.Errorf("%s: the meter with the %s key carries the command out %d times, want %d", when, name, got, want)
		}
	}
}

// obeys sends a command, and returns how often each copy of the meter carries it out.
func (c *changing) obeys(when string) map[string]int {
	c.t.Helper()
	times := map[string]int{}
	w := &wires{up: true, taken: true}
	sent := c.send(command.Request{Meter: c.number, Type: command.Read, Reason: "test"}).Command
	if _, err := c.courier(w, time.Now).Send(c.t.Context(), store.FirstTenant, carrying(sent)); err != nil {
		c.t.Fatal(when, err)
	}
	for name, m := range c.copies {
		for _, s := range w.sent {
			m.gets(s)
		}
		did, _ := m.did()
		times[name] = did - c.did[name]
		c.did[name] = did
	}
	c.exec(`UPDATE command SET state = 'acked'`)
	c.exec(`DELETE FROM outbox`)
	return times
}

// step does a step with the power cut before each of its statements, until it is done. After each cut the copies obey as before.
func (c *changing) step(step registry.LinkKeyStep, before ...string) (done registry.LinkKeyChange, cuts int) {
	c.t.Helper()
	for c.door.before = 1; ; c.door.before++ {
		c.door.at = ""
		done, err := c.keys.ReplaceLinkKey(c.t.Context(), c.owner, c.number, step)
		if c.door.at == "" {
			if err != nil || done.Refused() || done.Waits != nil {
				c.t.Fatalf("%s: %v %s", step, err, done.Detail())
			}
			return done, c.door.before - 1
		}
		if !errors.Is(err, errCut) || done.Key != nil {
			c.t.Errorf("%s, cut before %q: %v, a key is shown: %t", step, c.door.at, err, done.Key != nil)
		}
		if strings.HasPrefix(c.door.at, "UPDATE meter") || c.door.before == 1 || strings.Contains(c.door.at, "INTO audit") {
			c.obeyed("after a cut of "+string(step), before...)
		}
	}
}

// TestALinkKeyEndsWithItsReplacement: nothing stays connected with a link key. No order is signed with it any more.
func TestALinkKeyEndsWithItsReplacement(t *testing.T) {
	c := newChanging(t)
	step := func(s registry.LinkKeyStep) {
		if done, err := c.keys.ReplaceLinkKey(t.Context(), c.owner, c.number, s); err != nil || done.Refused() {
			t.Fatal(s, err, done.Detail())
		}
	}
	await.Ends(t, await.Credential{Kind: "link key", Works: func() bool { return c.obeys("a try")["old"] == 1 }, End: func() {
		step(registry.StartLinkKey)
		step(registry.FinishLinkKey)
	}})
}

// TestTheReplacementOfALinkKeyKilledAnywhere: the power is cut before each statement of each step. A cut step changes nothing and can be
// repeated. A meter that has a key which is in use carries out each command once.
func TestTheReplacementOfALinkKeyKilledAnywhere(t *testing.T) {
	c := newChanging(t)
	c.obeyed("at first", "old")
	first, n := c.step(registry.StartLinkKey, "old")
	c.copies["dropped"] = newRealMeter(t, c.number, *first.Key)
	c.obeyed("after the start", "old", "dropped")
	dropped, m := c.step(registry.CancelLinkKey, "old", "dropped")
	if dropped.Key != nil || !dropped.Meter.NextLinkAt.IsZero() {
		t.Error("after the cancellation a key is shown, or two are in use")
	}
	c.obeyed("after the cancellation", "old")
	cuts := n + m
	next, n := c.step(registry.StartLinkKey, "old")
	c.copies["new"] = newRealMeter(t, c.number, *next.Key)
	c.obeyed("after the second start", "old", "new")
	_, m = c.step(registry.FinishLinkKey, "old", "new")
	c.obeyed("after the end", "new")
	cuts += n + m
	t.Logf("figures: power cut before %d statements of four steps of a link key's replacement", cuts)
	if cuts < 20 {
		t.Errorf("only %d statements", cuts)
	}
}

// TestALinkKeyIsReplacedStepByStep: steps that do not fit are refused, and leave the keys as they are.
func TestALinkKeyIsReplacedStepByStep(t *testing.T) {
	c := newChanging(t)
	c.door.before = 0
	do := func(by access.Actor, step registry.LinkKeyStep) registry.LinkKeyChange {
		t.Helper()
		done, err := c.keys.ReplaceLinkKey(t.Context(), by, c.number, step)
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	for _, step := range []registry.LinkKeyStep{registry.FinishLinkKey, registry.CancelLinkKey} {
		if no := do(c.owner, step); no.Code != refusal.NotFound {
			t.Errorf("%s without a next key: %s", step, no.Detail())
		}
	}
	if no := do(access.Actor{Tenant: store.FirstTenant, Kind: access.APIKey, Name: "x", Role: access.Support}, registry.StartLinkKey); no.Code != refusal.Forbidden {
		t.Errorf("support starts a replacement: %s", no.Detail())
	}
	first, second := do(c.owner, registry.StartLinkKey), do(c.owner, registry.StartLinkKey)
	if first.Key == nil || second.Key == nil || same(*first.Key, *second.Key) || second.Meter.NextLinkAt.IsZero() {
		t.Fatal("two starts do not make two keys")
	}
	c.copies["first"], c.copies["second"] = newRealMeter(t, c.number, *first.Key), newRealMeter(t, c.number, *second.Key)
	c.obeyed("after two starts", "old", "second")
	c.exec(`UPDATE meter SET status = 'removed'`)
	if no := do(c.owner, registry.FinishLinkKey); no.Code != refusal.InvalidRequest {
		t.Errorf("of a removed meter: %s", no.Detail())
	}
	if got, err := c.keys.ReplaceLinkKey(t.Context(), c.owner, "04999999999", registry.StartLinkKey); err != nil || !got.Refused() {
		t.Errorf("of an unknown meter: %+v, %v", got, err)
	}
}

func same(a, b wire.LinkKey) bool { return slices.Equal(a.Reveal(), b.Reveal()) }
