package command_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/device/memory"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/wire"
)

// replaced gives a meter a next link key, and returns it.
func (h *house) replaced(m registry.Added) wire.LinkKey {
	h.t.Helper()
	raw := bytes.Repeat([]byte{8}, wire.LinkKeySize)
	next, err := wire.NewLinkKey(raw)
	if err != nil {
		h.t.Fatal(err)
	}
	h.setKeys(m, m.LinkKey, &next)
	return next
}

// setKeys stores the link key of a meter, and the next one unless it is nil.
func (h *house) setKeys(m registry.Added, key wire.LinkKey, next *wire.LinkKey) {
	h.t.Helper()
	meter := m.Meter.Meter.ID
	sealed := h.data.Seal(registry.LinkKeyContext(meter), key.Reveal())
	var sealedNext []byte
	if next != nil {
		sealedNext = h.data.Seal(registry.NextLinkKeyContext(meter), next.Reveal())
	}
	h.exec(`UPDATE meter SET link_key_enc = $1, link_key_next_enc = $2 WHERE id = $3`, sealed, sealedNext, meter)
}

// realMeter is a complete meter whose link key an installer can change.
type realMeter struct {
	t           *testing.T
	number, dir string
	memory      *memory.Folder
	dev         *device.Device
}

func newRealMeter(t *testing.T, number string, key wire.LinkKey) *realMeter {
	m := &realMeter{t: t, number: number, dir: t.TempDir()}
	m.holds(key)
	t.Cleanup(m.stop)
	return m
}

// holds starts the meter, or starts it again on its memory, with a link key.
func (m *realMeter) holds(key wire.LinkKey) {
	m.t.Helper()
	m.stop()
	folder, found, err := memory.Open(m.dir)
	if err != nil {
		m.t.Fatal(err)
	}
	m.memory = folder
	m.dev, err = device.Open(device.Config{Number: m.number, LinkKey: key, HasLink: true, Image: folder.Image, Log: folder.Log, Found: found,
		Rand: rand.Reader, Now: time.Now(), Document: map[string]any{"payment_mode": "prepay_wallet"}})
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *realMeter) stop() {
	m.t.Helper()
	if m.dev == nil {
		return
	}
	if err := errors.Join(m.dev.Close(), m.memory.Close()); err != nil {
		m.t.Fatal(err)
	}
	m.dev = nil
}

func (m *realMeter) gets(s sent) {
	m.t.Helper()
	if err := m.dev.Receive(s.down, wire.DownTopic(m.number, s.down), s.payload); err != nil {
		m.t.Fatal(err)
	}
}

// did returns how often the meter has carried out a command, and its answers to commands.
func (m *realMeter) did() (times int, answers string) {
	m.t.Helper()
	for _, e := range m.dev.Box().All() {
		good, _, err := wire.DecodeUp(e.Kind, e.Data)
		if err != nil || len(good) != 1 {
			m.t.Fatal(err)
		}
		if ev := good[0].Event; ev != nil && ev.Code == int(meter.CodeCommand) {
			times++
		}
		if a := good[0].Command; a != nil {
			answers = strings.TrimSpace(answers + " " + a.State + a.Reason)
		}
	}
	return times, answers
}

// TestACommandReachesAMeterWithEitherKey: while a link key is being replaced, each command leaves once for each key. A meter with the old
// key, one with the new key, and one that gets its new key between the two messages carry it out once. A meter with another key ignores it.
// After the replacement only the new key counts.
func TestACommandReachesAMeterWithEitherKey(t *testing.T) {
	h := newHouse(t)
	added := h.meter(1)
	number, old := added.Meter.Meter.Number, added.LinkKey
	next := h.replaced(added)
	other, err := wire.NewLinkKey(bytes.Repeat([]byte{9}, wire.LinkKeySize))
	if err != nil {
		t.Fatal(err)
	}
	meters := map[string]*realMeter{"old": newRealMeter(t, number, old), "new": newRealMeter(t, number, next), "other": newRealMeter(t, number, other),
		"changed between": newRealMeter(t, number, old), "changed back between": newRealMeter(t, number, next)}
	w := &wires{up: true, taken: true}
	send := func(messages int) {
		t.Helper()
		w.sent = nil
		c := h.send(command.Request{Meter: number, Type: command.Read, Reason: "test"}).Command
		v, err := h.courier(w, time.Now).Send(t.Context(), store.FirstTenant, carrying(c))
		if err != nil || len(w.sent) != messages || h.state(added, c.ID) != command.StateSent {
			t.Fatalf("%s, %v, %d messages; want %d", v, err, len(w.sent), messages)
		}
	}
	send(2)
	for name, m := range meters {
		m.gets(w.sent[0])
		switch name {
		case "changed between":
			m.holds(next)
		case "changed back between":
			m.holds(old)
		}
		m.gets(w.sent[1])
	}
	check := func(name string, times int, answers string) {
		t.Helper()
		if n, got := meters[name].did(); n != times || got != answers {
			t.Errorf("%s: the command was carried out %d times, answered %q; want %d, %q", name, n, got, times, answers)
		}
	}
	check("old", 1, "done")
	check("new", 1, "done")
	check("other", 0, "")
	check("changed between", 1, "done done") // the second time it repeats its answer
	check("changed back between", 0, "")     // the second message was signed with the key that is gone; the courier repeats the command
	h.setKeys(added, next, nil)
	send(1)
	meters["old"].gets(w.sent[0])
	meters["new"].gets(w.sent[0])
	check("old", 1, "done")
	check("new", 2, "done done")
}

// TestTheSecondEnvelopeIsRefusedByItsCounter: even a meter that no longer remembers the command's id does not carry it out again.
func TestTheSecondEnvelopeIsRefusedByItsCounter(t *testing.T) {
	h := newHouse(t)
	added := h.meter(1)
	number := added.Meter.Meter.Number
	next := h.replaced(added)
	m := newRealMeter(t, number, added.LinkKey)
	w := &wires{up: true, taken: true}
	send := func() []sent {
		w.sent = nil
		c := h.send(command.Request{Meter: number, Type: command.Read, Reason: "test"}).Command
		if _, err := h.courier(w, time.Now).Send(t.Context(), store.FirstTenant, carrying(c)); err != nil || len(w.sent) != 2 {
			t.Fatal(err, len(w.sent))
		}
		h.exec(`UPDATE command SET state = 'acked' WHERE id = $1`, c.ID)
		h.exec(`DELETE FROM outbox`)
		return w.sent
	}
	first := send()
	m.gets(first[0])
	const more = 64 // far more than a meter remembers
	for range more {
		m.gets(send()[0])
	}
	m.holds(next)
	m.gets(first[1])
	if n, answers := m.did(); n != more+1 || !strings.HasSuffix(answers, " done failedcounter") {
		t.Errorf("the command was carried out %d times, answered %q; want %d times and the last answer refused by its counter", n, answers, more+1)
	}
}

// oneSlot is a connection with room for one message at a time.
type oneSlot struct {
	wires
	free int
}

func (o *oneSlot) Publish(number string, d wire.Down, payload []byte) bool {
	if o.free == 0 {
		return false
	}
	o.free--
	return o.wires.Publish(number, d, payload)
}

// TestAConnectionWithRoomForOneMessage: the courier then begins every other attempt with the other key, so a meter with either key gets
// the command.
func TestAConnectionWithRoomForOneMessage(t *testing.T) {
	h := newHouse(t)
	added := h.meter(1)
	next := h.replaced(added)
	now := time.Now()
	link := &oneSlot{wires: wires{up: true, taken: true}}
	courier := command.NewCourier(door[command.CourierTx]{h.engine, func(tx *store.Tx) command.CourierTx { return tx }}, h.data, link, func() time.Time { return now })
	c := h.send(command.Request{Meter: added.Meter.Meter.Number, Type: command.Read, Reason: "test"}).Command
	for attempt, key := range []wire.LinkKey{added.LinkKey, next, added.LinkKey} {
		link.free, link.sent = 1, nil
		item := carrying(c)
		item.Attempts = attempt
		v, err := courier.Send(t.Context(), store.FirstTenant, item)
		if want := job.Again(now.Add(job.Pause(attempt)), "sent; the meter has not answered yet"); err != nil || v != want {
			t.Fatalf("attempt %d: %s, %v; want %s", attempt, v, err, want)
		}
		if _, err := wire.Open(key, wire.DownTopic(c.Number, wire.DownCommand), link.sent[0].payload); err != nil {
			t.Errorf("attempt %d was not signed with the key that is its turn: %v", attempt, err)
		}
	}
}

// TestSwappedLinkKeysSignNothing: somebody who exchanges the two sealed keys in the database gets no signature.
func TestSwappedLinkKeysSignNothing(t *testing.T) {
	h := newHouse(t)
	added := h.meter(1)
	h.replaced(added)
	h.exec(`UPDATE meter SET link_key_enc = link_key_next_enc, link_key_next_enc = link_key_enc`)
	c := h.send(command.Request{Meter: added.Meter.Meter.Number, Type: command.Read, Reason: "test"}).Command
	w := &wires{up: true, taken: true}
	_, err := h.courier(w, time.Now).Send(t.Context(), store.FirstTenant, carrying(c))
	if err == nil || !strings.HasPrefix(err.Error(), "open the link key of meter ") || len(w.sent) > 0 {
		t.Errorf("%d messages, %v", len(w.sent), err)
	}
}
