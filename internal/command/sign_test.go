package command_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/wire"
)

// opener returns the same value for everything that is opened, and records the sealing context.
type opener struct {
	context string
	plain   []byte
	err     error
}

func (o *opener) Open(context string, _ []byte) ([]byte, error) {
	o.context = context
	return o.plain, o.err
}

// linkKey is the link key of the envelopes of these tests.
func linkKey() []byte { return []byte("0123456789abcdef0123456789abcdef") }

// opened returns the body that a meter reads in an envelope.
func opened[B wire.Body](key wire.LinkKey, number string, d wire.Down, payload []byte) (any, error) {
	body, err := wire.Open(key, wire.DownTopic(number, d), payload)
	if err != nil {
		return nil, err
	}
	return wire.DecodeBody[B](body)
}

// TestWhatTheMeterReads: each type is signed for its own topic, with everything that the meter needs, and the key is wiped
// afterwards.
func TestWhatTheMeterReads(t *testing.T) {
	const number = "04140001001"
	at := time.Unix(1_795_000_100, 999)
	order := wire.SignedHeader{ID: id.ID{1}.Text(id.Command), Counter: 7, ExpiresAt: 1_795_000_000}
	key, err := wire.NewLinkKey(linkKey())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		does command.Type
		args map[string]any
		read func(wire.LinkKey, string, wire.Down, []byte) (any, error)
		down wire.Down
		want any
	}{
		{command.Disconnect, nil, opened[wire.Command], wire.DownCommand, wire.Command{SignedHeader: order, Type: "disconnect"}},
		{command.Connect, map[string]any{"force": true}, opened[wire.Command], wire.DownCommand, wire.Command{SignedHeader: order, Type: "connect", Args: map[string]any{"force": true}}},
		{command.Lease, map[string]any{"seq": int64(3), "max_register_wh": int64(11_000), "ttl_s": int64(7200)}, opened[wire.Lease], wire.DownLease,
			wire.Lease{SignedHeader: order, Seq: 3, MaxRegisterWh: 11_000, TTLs: 7200}},
		{command.Config, map[string]any{"version": int64(2), "hash": "111986e5d28c07ac", "config": map[string]any{"tz_min": int64(180)}}, opened[wire.Config], wire.DownConfig,
			wire.Config{SignedHeader: order, Version: 2, Hash: "111986e5d28c07ac", Config: map[string]any{"tz_min": int64(180)}}},
		{command.SetTime, nil, opened[wire.Time], wire.DownTime, wire.Time{SignedHeader: order, At: 1_795_000_100}},
	} {
		for _, f := range []wire.Format{wire.JSON, wire.CBOR} {
			s := command.Signing{MeterID: id.ID{2}, LinkKey: []byte("sealed"), Command: command.Command{ID: id.ID{1}, Number: number, Type: c.does, Args: c.args,
				Counter: 7, ExpiresAt: time.Unix(1_795_000_000, 5)}}
			keys := &opener{plain: linkKey()}
			payloads, err := s.Envelopes(keys, f, at)
			if err != nil || len(payloads) != 1 {
				t.Fatalf("%s: %d envelopes, %v; want one", c.does, len(payloads), err)
			}
			payload := payloads[0]
			if got, err := c.read(key, number, c.down, payload); err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("%s: the meter reads %+v, %v; want %+v", c.does, got, err, c.want)
			}
			if isText := payload[0] == '{'; isText != (f == wire.JSON) {
				t.Errorf("%s in format %v begins with %q", c.does, f, payload[0])
			}
			if keys.context != registry.LinkKeyContext(id.ID{2}) || strings.Trim(string(keys.plain), "\x00") != "" {
				t.Errorf("%s: the key of %s was opened, and %q is left of it in memory", c.does, keys.context, keys.plain)
			}
		}
	}
}

// TestWhatCannotBeSigned checks that no payload is returned and that the error names the fault.
func TestWhatCannotBeSigned(t *testing.T) {
	broken := errors.New("sealed under another key")
	for _, c := range []struct {
		keys *opener
		args map[string]any
		want string
	}{
		{&opener{err: broken}, nil, "open the link key of meter 04140001001: sealed under another key"},
		{&opener{plain: linkKey()[1:]}, nil, "link key of meter 04140001001: a link key is 64 hexadecimal digits (32 bytes)"},
		{&opener{plain: linkKey()}, map[string]any{"x": func() {}}, "encode command " + id.ID{1}.Text(id.Command) + ": cbor: unsupported type: func()"},
	} {
		s := command.Signing{Command: command.Command{ID: id.ID{1}, Number: "04140001001", Type: command.Read, Counter: 7, Args: c.args}}
		if payloads, err := s.Envelopes(c.keys, wire.JSON, time.Now()); err == nil || err.Error() != c.want || payloads != nil {
			t.Errorf("signed as %q, %v; want the error %q", payloads, err, c.want)
		}
	}
}

// signing is a transaction in which some rows are missing, with the meter's own clock.
type signing struct {
	command.SignTx
	noCommand, noMeter, noKey bool
	clock                     time.Time // if zero, the meter's real clock is used
}

func (s signing) CommandByID(i id.ID) (command.Command, bool, error) {
	c, found, err := s.SignTx.CommandByID(i)
	return c, found && !s.noCommand, err
}

func (s signing) MeterByNumber(number string) (registry.Meter, bool, error) {
	m, found, err := s.SignTx.MeterByNumber(number)
	return m, found && !s.noMeter, err
}

func (s signing) LinkKey(meter int64) (id.ID, []byte, []byte, bool, error) {
	who, sealed, next, found, err := s.SignTx.LinkKey(meter)
	return who, sealed, next, found && !s.noKey, err
}

func (s signing) MeterClock(m registry.Meter) (time.Time, error) {
	if s.clock.IsZero() {
		return s.SignTx.MeterClock(m)
	}
	return s.clock, nil
}

// TestACommandIsSignedInItsTimeOnly: a command is signed only before it expires by its meter's clock, and only if the signature
// has all that it needs.
func TestACommandIsSignedInItsTimeOnly(t *testing.T) {
	h := newHouse(t)
	m := h.meter(1).Meter.Meter
	c := h.send(command.Request{Meter: m.Number, Type: command.Read, Reason: "look"}).Command
	for _, want := range []struct {
		name  string
		tx    signing
		state command.State // state of the returned command; only a queued command comes with a key
		err   string
	}{
		{"no command", signing{noCommand: true}, "", "it does not exist"},
		{"no meter", signing{noMeter: true}, "", "meter " + m.Number + " does not exist"},
		{"no link key", signing{noKey: true}, "", "the meter has no link key"},
		{"in time", signing{}, command.StateQueued, ""},
		{"just in time", signing{clock: c.ExpiresAt.Add(-1)}, command.StateQueued, ""},
		{"at its end", signing{clock: c.ExpiresAt}, command.StateExpired, ""},
	} {
		err := h.engine.Run(t.Context(), store.FirstTenant, store.Job, func(tx *store.Tx) (bool, error) {
			want.tx.SignTx = tx
			s, err := command.Sign(want.tx, c.ID)
			text := ""
			if err != nil {
				text, _ = strings.CutPrefix(err.Error(), "sign command "+c.ID.Text(id.Command)+": ")
			}
			if open := want.state == command.StateQueued; text != want.err || s.Command.State != want.state || (s.LinkKey != nil) != open || (s.Command.Counter > 0) != open {
				t.Errorf("%s: %s, counter %d, key %t, %q; want %s, %q", want.name, s.Command.State, s.Command.Counter, s.LinkKey != nil, text, want.state, want.err)
			}
			return true, nil // rolled back, for the next case
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestWhatTakesAwayIsNotSentFromAheadOfTime: the age of an order dated in the future is unknown, so a person's order that takes
// supply or credit away is dropped. Clocks that differ by a minute are common.
func TestWhatTakesAwayIsNotSentFromAheadOfTime(t *testing.T) {
	h := newHouse(t)
	m := h.meter(1)
	w := &wires{up: true, taken: true}
	courier := h.courier(w, time.Now)
	for _, c := range []struct {
		does  command.Type
		ahead time.Duration
		sent  bool
	}{
		{command.Disconnect, time.Minute, true}, {command.Disconnect, 3 * time.Minute, false},
		{command.ClearCredit, time.Minute, true}, {command.ClearCredit, 3 * time.Minute, false},
		{command.Connect, 3 * time.Minute, true}, {command.Read, 3 * time.Minute, true}, {command.ClearTamper, 3 * time.Minute, true},
	} {
		w.sent = nil
		cmd := h.send(command.Request{Meter: m.Meter.Meter.Number, Type: c.does, Reason: "test"}).Command
		h.exec(`UPDATE command SET created_at = $1 WHERE id = $2`, time.Now().Add(c.ahead), cmd.ID)
		_, err := courier.Send(t.Context(), store.FirstTenant, carrying(cmd))
		want := command.StateExpired
		if c.sent {
			want = command.StateSent
		}
		if got := h.state(m, cmd.ID); err != nil || got != want || (len(w.sent) == 1) != c.sent {
			t.Errorf("%s of %s ahead: %s, %d messages, %v; want %s", c.does, c.ahead, got, len(w.sent), err, want)
		}
	}
}

// TestALeaseKeepsItsNumber: every copy of a lease has the number of the first, and its own counter. A lease for more than the
// wallet now allows is not sent.
func TestALeaseKeepsItsNumber(t *testing.T) {
	l := newLife(t)
	number := l.p.Meter.Meter.Number
	l.pays(l.p.Meter.Meter, 1000)
	lease := l.newest(l.p, command.Lease)
	var got []wire.Lease
	for range 2 {
		if did, err := l.carry(lease); err != nil || did != "sent lease, sent; the meter has not answered yet" {
			t.Fatalf("%q, %v", did, err)
		}
		body, err := opened[wire.Lease](l.p.LinkKey, number, wire.DownLease, l.w.sent[0].payload)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, body.(wire.Lease))
	}
	first, second := got[0], got[1]
	if first.Seq == 0 || second.Seq != first.Seq || second.Counter <= first.Counter || first.MaxRegisterWh != 11_000 || second.MaxRegisterWh != 11_000 {
		t.Errorf("the meter reads %+v and then %+v", first, second)
	}
	l.exec(`UPDATE command SET args = $1 WHERE id = $2`, fmt.Sprintf(`{"max_register_wh":11001,"seq":%d,"ttl_s":7200}`, first.Seq), lease.ID)
	if did, err := l.carry(lease); err != nil || did != "done" || l.state(l.p, lease.ID) != command.StateExpired {
		t.Errorf("a lease of more than there is: %q, %v, %s", did, err, l.state(l.p, lease.ID))
	}
}
