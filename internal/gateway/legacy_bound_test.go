package gateway_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/gateway"
	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/profiles"
)

// boundBench is a listener for the plug kitchen. Messages of other plugs are foreign, as [profile.Listener.Take] says of them.
type boundBench struct {
	*bench
	claims atomic.Int64
	unread atomic.Int64
}

func newBoundBench(t *testing.T, account profile.Account) *boundBench {
	t.Helper()
	lib := profile.Library{}
	if err := lib.Load(profiles.Files); err != nil {
		t.Fatal(err)
	}
	b := &boundBench{bench: &bench{t: t, porch: newPorch(), ended: make(chan error, 1), profile: lib["tasmota"], account: account}}
	var err error
	b.legacy, err = gateway.NewLegacy(gateway.LegacyConfig{Listener: b.porch, Profile: b.profile, PollEvery: time.Hour,
		Meter: func(context.Context) (registry.Identity, bool, error) {
			return registry.Identity{Tenant: 1, Meter: 7, Number: "04140001001"}, true, nil
		},
		Take: func(ctx context.Context, who registry.Identity, h profile.Incoming) (profile.Outcome, error) {
			if m := b.profile.Understand(h.Topic, h.Payload); m.Device != "" && m.Device != "kitchen" {
				return profile.Outcome{Meaning: m, Acceptance: profile.Foreign}, nil
			}
			return b.take(ctx, who, h)
		},
		Account: func(context.Context, registry.Identity) (profile.Account, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			return b.account, nil
		},
		OnClaim: func(registry.Identity, profile.Claim) { b.claims.Add(1) },
		Unread:  func(context.Context, registry.Identity, time.Time) error { b.unread.Add(1); return nil }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	b.stop = stop
	go func() { b.ended <- b.legacy.Run(ctx) }()
	return b
}

// join connects a client and subscribes it to the orders of every plug, as a bridge does.
func (b *boundBench) join(client byte) *sketch {
	b.t.Helper()
	s := b.dial()
	s.send(`10 0D 0004 "MQTT" 04 02 003C 0001 "` + string(client) + `"`)
	s.send(`82 11 0002 000C "cmnd/+/POWER" 00`)
	synctest.Wait()
	return s
}

// publishes lets a client publish a payload that may have quotation marks.
func publishes(s *sketch, topic, payload string) {
	s.t.Helper()
	s.send(fmt.Sprintf("30 %02x 00%02x %x %x", 2+len(topic)+len(payload), len(topic), topic, payload))
}

func boundTo(name string, a profile.Account) profile.Account {
	a.Device = name
	return a
}

// TestTheNeighbourBehindABridgeIsNotSwitched: a bridge carries the messages of two plugs. The order goes to the plug that the meter belongs to, also
// when the other one spoke last, and the other one is claimed once.
func TestTheNeighbourBehindABridgeIsNotSwitched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoundBench(t, boundTo("kitchen", paid()))
		defer b.close()
		s := b.join('B')
		publishes(s, "tele/kitchen/STATE", `{"POWER":"ON"}`)
		for range 3 {
			publishes(s, "tele/bath/STATE", `{"POWER":"ON"}`)
		}
		time.Sleep(5 * time.Second)
		s.heard()
		b.set(boundTo("kitchen", unpaid()))
		time.Sleep(5 * time.Second)
		if got := s.heard(); !strings.Contains(got, "cmnd/kitchen/POWER=OFF") || strings.Contains(got, "bath") {
			t.Errorf("the bridge heard %q, want an order for the kitchen only", got)
		}
		claim, claimed := b.legacy.Claimed()
		if b.claims.Load() != 1 || !claimed || claim.Name != "bath" || claim.Client != "B" || claim.Times != 3 {
			t.Errorf("%d claims, the last %+v", b.claims.Load(), claim)
		}
		if b.took != 1 || b.legacy.Status().State != `{"POWER":"ON"}` {
			t.Errorf("%d messages were taken, the state is %q", b.took, b.legacy.Status().State)
		}
	})
}

// TestAnotherDeviceDoesNotTakeTheConnection: a second device connects to a bound listener. The first keeps its connection, until a message shows
// that the second is the same device.
func TestAnotherDeviceDoesNotTakeTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoundBench(t, boundTo("kitchen", paid()))
		defer b.close()
		first := b.join('K')
		publishes(first, "tele/kitchen/STATE", `{"POWER":"OFF"}`)
		other := b.join('X')
		publishes(other, "tele/bath/STATE", `{"POWER":"OFF"}`)
		time.Sleep(5 * time.Second)
		if got := other.heard(); strings.Contains(got, "=") || strings.Contains(got, "closed") {
			t.Errorf("the other device heard %q, want only its answers", got)
		}
		if got := first.heard(); !strings.Contains(got, "cmnd/kitchen/POWER=ON") || strings.Contains(got, "closed") {
			t.Errorf("the meter's device heard %q", got)
		}
		again := b.join('K')
		publishes(again, "tele/kitchen/STATE", `{"POWER":"OFF"}`)
		time.Sleep(5 * time.Second)
		if got := first.heard(); !strings.Contains(got, "closed") {
			t.Errorf("its old connection heard %q, want its end", got)
		}
		if got := again.heard(); !strings.Contains(got, "cmnd/kitchen/POWER=ON") {
			t.Errorf("its new connection heard %q", got)
		}
		again.send(goodbyeBytes)
		other.send(pingBytes) // nobody holds the place any more
		time.Sleep(5 * time.Second)
		if !b.legacy.Connected() {
			t.Error("the place stays empty although a client waits for it")
		}
	})
}

// TestNothingIsSwitchedWhileTwoDevicesAreHeard: nobody has said which of two devices is the meter's, so neither gets any message.
func TestNothingIsSwitchedWhileTwoDevicesAreHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := unpaid()
		a.Contested = true
		b := newBoundBench(t, a)
		defer b.close()
		s := b.join('B')
		publishes(s, "tele/kitchen/STATE", `{"POWER":"ON"}`)
		time.Sleep(time.Minute)
		if got := s.heard(); strings.Contains(got, "cmnd/") {
			t.Errorf("the bridge heard %q", got)
		}
	})
}

// TestADeviceIsSwitchedOnWhenAValueWasRead: energy that nobody measures is not supplied. The state is noted while the device talks, and no longer.
func TestADeviceIsSwitchedOnWhenAValueWasRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := paid()
		a.Unread = true
		b := newBoundBench(t, a)
		defer b.close()
		s := b.join('K')
		publishes(s, "tele/kitchen/STATE", `{"POWER":"OFF"}`)
		for range 3 {
			time.Sleep(50 * time.Second)
			s.send(pingBytes)
		}
		if got := s.heard(); strings.Contains(got, "POWER") || b.unread.Load() != 3 {
			t.Errorf("before a value was read: heard %q, noted %d times; want no order, and 3", got, b.unread.Load())
		}
		b.set(boundTo("kitchen", paid()))
		publishes(s, "tele/kitchen/SENSOR", `{"ENERGY":{"Total":1}}`)
		time.Sleep(5 * time.Second)
		if got := s.heard(); !strings.Contains(got, "cmnd/kitchen/POWER=ON") {
			t.Errorf("after a value was read: heard %q", got)
		}
		b.set(a)
		for range 20 {
			time.Sleep(50 * time.Second)
			s.send(pingBytes)
		}
		if n := b.unread.Load(); n < 10 || n > 14 {
			t.Errorf("a silent device was noted %d times, want about ten more", n-3)
		}
	})
}
