package command_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/wire"
)

// waiting returns the newest item of the meters' lane.
func (h *house) waiting() (key, kind, body string, ends time.Time) {
	h.t.Helper()
	err := h.engine.View(h.t.Context(), store.FirstTenant, func(tx *store.Tx) error {
		return tx.C.Query(`SELECT key, kind, body, expires_at FROM outbox WHERE lane = 'mqtt' ORDER BY id DESC LIMIT 1`, func(r core.Row) error {
			key, kind, body, ends = r.Text(0), r.Text(1), r.Text(2), r.Time(3)
			return nil
		})
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return key, kind, body, ends
}

// simulated registers a simulated wallet meter whose own time is a month ahead.
func (h *house) simulated(number string) registry.Added {
	h.t.Helper()
	m, err := h.registry.AddMeter(h.t.Context(), h.owner, registry.NewMeter{Number: number, Mode: registry.PrepayWallet, Tariff: "flat", Simulated: true})
	if err != nil || m.Refused() {
		h.t.Fatalf("meter: %v %s", err, m.Detail())
	}
	now := time.Now()
	r := wire.Reading{Head: wire.Head{Seq: 1, At: now.Add(30 * 24 * time.Hour).Unix(), Up: 1, Clock: wire.ClockValid}, Relay: "closed"}
	const memory = "00000000000000a1"
	boot := wire.Boot{Memory: memory, Lowest: 1, Next: 1, Proto: 1}
	h.ingest(metering.Record{Tenant: store.FirstTenant, Meter: m.Meter.Meter.N, Number: number, ReceivedAt: now, Simulated: true, Rec: boot.Record()},
		metering.Record{Tenant: store.FirstTenant, Meter: m.Meter.Meter.N, Number: number, ReceivedAt: now, Simulated: true, Memory: memory, Rec: r.Record()})
	return m
}

// TestWhatWaitsForTheMeter checks that the stored command is the one that its sender got, and that it has one outbox item. A
// command expires by its meter's own clock, its item by the server's.
func TestWhatWaitsForTheMeter(t *testing.T) {
	h := newHouse(t)
	h.owner = access.Actor{Tenant: store.FirstTenant, Kind: access.Person, Name: "amina@example.org", Role: access.Owner}
	token, ahead := h.meter(1).Meter.Meter, h.simulated("04140001019").Meter.Meter
	const month = 30 * 24 * time.Hour
	for _, c := range []struct {
		m     registry.Meter
		does  command.Type
		key   string
		ends  time.Duration // when the command expires, counted from its creation
		waits time.Duration
	}{
		{token, command.Read, token.Number + "/command", time.Hour, time.Hour},
		{token, command.Disconnect, token.Number + "/supply", 24 * time.Hour, 24 * time.Hour},
		{ahead, command.Read, ahead.Number + "/command", month + time.Hour, time.Hour},
		{ahead, command.ClearTamper, ahead.Number + "/command", month + 24*time.Hour, 24 * time.Hour},
	} {
		before := time.Now().Truncate(time.Millisecond)
		got := h.send(command.Request{Meter: c.m.Number, Type: c.does, Reason: "test"}).Command
		want := command.Command{ID: got.ID, Meter: c.m.N, Number: c.m.Number, Type: c.does, Args: map[string]any{}, Reason: "test", State: command.StateQueued,
			ExpiresAt: got.ExpiresAt, By: "person amina@example.org", CreatedAt: got.CreatedAt, UpdatedAt: got.CreatedAt}
		if !reflect.DeepEqual(got, want) || got.CreatedAt.Before(before) || got.CreatedAt.After(time.Now()) {
			t.Errorf("%s: told %+v, want %+v", c.does, got, want)
		}
		got.ExpiresAt = got.ExpiresAt.UTC()
		if found, err := h.commands.Command(t.Context(), h.owner, c.m.Number, got.ID.Text(id.Command)); err != nil || !reflect.DeepEqual(found.Command, got) {
			t.Errorf("%s: stored %+v, told %+v, %v", c.does, found.Command, got, err)
		}
		if ends := got.ExpiresAt.Sub(got.CreatedAt); (ends - c.ends).Abs() > time.Minute {
			t.Errorf("%s ends %s after it was given, want %s", c.does, ends, c.ends)
		}
		key, kind, body, ends := h.waiting()
		if key != c.key || kind != "command" || body != `{"command_id":"`+got.ID.Text(id.Command)+`"}` || !ends.Equal(got.CreatedAt.Add(c.waits)) {
			t.Errorf("%s: %s %s %s waits %s, want %s for %s", c.does, key, kind, body, ends.Sub(got.CreatedAt), c.key, c.waits)
		}
	}
}

// TestWhatTheSecondPersonReads checks the summary that the second person reads, for every act of this package that
// needs two people.
func TestWhatTheSecondPersonReads(t *testing.T) {
	h := newHouse(t)
	h.fourEyes(true)
	number := h.meter(1).Meter.Meter.Number
	for _, c := range []struct {
		does command.Type
		args map[string]any
		want string
	}{
		{command.ClearCredit, nil, "clear_credit to meter " + number + " by command: why"},
		{command.ClearTamper, nil, "clear_tamper to meter " + number + " by command: why"},
		{command.Connect, map[string]any{"force": true}, "connect with force to meter " + number + " by command: why"},
		{command.Connect, map[string]any{"force": false}, ""},
		{command.Disconnect, nil, ""},
	} {
		sent := h.send(command.Request{Meter: number, Type: c.does, Args: c.args, Reason: " why "})
		got := ""
		if sent.Waits != nil {
			got = sent.Waits.Summary
		}
		if got != c.want || sent.Refused() || sent.Command.ID.IsZero() != (c.want != "") {
			t.Errorf("%s %v: the second person reads %q (%s), want %q", c.does, c.args, got, sent.Detail(), c.want)
		}
	}
}
