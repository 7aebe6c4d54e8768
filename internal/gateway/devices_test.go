package gateway_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/gateway"
	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/profiles"
)

// yard is a shared listener whose adopted devices the test changes. Every device has a meter of its name.
type yard struct {
	*bench  // only its porch
	devices *gateway.Devices

	mu       sync.Mutex
	adopted  map[string]profile.Adopted
	accounts map[string]profile.Account
	took     []string
	claims   []string
	password string
}

func newYard(t *testing.T) *yard {
	t.Helper()
	lib := profile.Library{}
	if err := lib.Load(profiles.Files); err != nil {
		t.Fatal(err)
	}
	y := &yard{bench: &bench{t: t, porch: newPorch(), ended: make(chan error, 1)}, adopted: map[string]profile.Adopted{}, accounts: map[string]profile.Account{}}
	var err error
	y.devices, err = gateway.NewDevices(gateway.DevicesConfig{Listener: y.porch, Profiles: lib, PollEvery: 10 * time.Second,
		Admits: func(_ context.Context, user, password string) (bool, error) {
			return y.password == "" || user+" "+password == y.password, nil
		},
		Find: func(_ context.Context, name string) (profile.Adopted, registry.Identity, bool, error) {
			y.mu.Lock()
			defer y.mu.Unlock()
			a, found := y.adopted[name]
			return a, registry.Identity{Tenant: 1, Meter: a.Meter, Number: "meter of " + name}, found, nil
		},
		Take: func(_ context.Context, who registry.Identity, p *profile.Profile, h profile.Incoming) (profile.Outcome, error) {
			y.mu.Lock()
			defer y.mu.Unlock()
			y.took = append(y.took, who.Number+" "+h.Topic)
			return profile.Outcome{Meaning: p.Understand(h.Topic, h.Payload)}, nil
		},
		Account: func(_ context.Context, who registry.Identity) (profile.Account, error) {
			y.mu.Lock()
			defer y.mu.Unlock()
			return y.accounts[who.Number], nil
		},
		OnClaim: func(who registry.Identity, c profile.Claim) {
			y.mu.Lock()
			defer y.mu.Unlock()
			y.claims = append(y.claims, who.Number+" "+c.Client)
		}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	y.stop = stop
	go func() { y.ended <- y.devices.Run(ctx) }()
	return y
}

func (y *yard) adopt(name, client, profileName string, account profile.Account) {
	y.mu.Lock()
	y.adopted[name] = profile.Adopted{Name: name, Client: client, Profile: profileName, Meter: int64(len(y.adopted) + 1), At: time.Now()}
	y.accounts["meter of "+name] = account
	y.mu.Unlock()
	y.devices.Changed(name)
}

func (y *yard) release(name string) {
	y.mu.Lock()
	delete(y.adopted, name)
	y.mu.Unlock()
	y.devices.Changed(name)
}

// stored returns what was stored since the last call.
func (y *yard) stored() string {
	synctest.Wait()
	y.mu.Lock()
	defer y.mu.Unlock()
	out := strings.Join(y.took, ", ")
	y.took = nil
	return out
}

// connects opens a connection with a client id, and a user name and password if they are given.
func (y *yard) connects(client string, login ...string) *sketch {
	y.t.Helper()
	s := y.dial()
	flags, more := 2, ""
	for i, text := range login {
		flags |= 0x80 >> i
		more += fmt.Sprintf(` %04x "%s"`, len(text), text)
	}
	n := 12 + len(client)
	for _, text := range login {
		n += 2 + len(text)
	}
	s.send(fmt.Sprintf(`10 %02x 0004 "MQTT" 04 %02x 0078 %04x "%s"%s`, n, flags, len(client), client, more))
	return s
}

func (s *sketch) subscribes(filter string) {
	s.t.Helper()
	s.send(fmt.Sprintf(`82 %02x 0002 %04x "%s" 00`, 5+len(filter), len(filter), filter))
}

// reports sends a payload with quotes.
func (s *sketch) reports(topic, payload string) {
	s.t.Helper()
	s.send(fmt.Sprintf(`30 %02x 00%02x "%s" %x`, 2+len(topic)+len(payload), len(topic), topic, payload))
}

const (
	refusedSuback = "9003000280"
	powerData     = `{"ENERGY":{"Power":1,"Total":1.5}}`
)

// TestADeviceIsAdoptedWhileItTalks: a Tasmota is unknown and gets nothing, is adopted, is switched, is released, and is unknown again.
func TestADeviceIsAdoptedWhileItTalks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t)
		defer y.close()
		s := y.connects("DVES_1")
		s.says("tele/kitchen/LWT", "Online")
		s.subscribes("cmnd/kitchen/#")
		s.reports("tele/kitchen/SENSOR", powerData)
		time.Sleep(time.Minute)
		s.wants("an unknown device gets nothing", connackBytes+","+subackBytes)
		if got := y.stored(); got != "" {
			t.Errorf("stored %q of an unknown device", got)
		}
		list := y.devices.Strangers()
		if len(list) != 1 || list[0].Name != "kitchen" || list[0].Client != "DVES_1" || fmt.Sprint(list[0].Profiles) != "[tasmota]" || !list[0].On || list[0].Messages != 2 {
			t.Fatalf("unknown devices: %+v", list)
		}
		y.adopt("kitchen", "DVES_1", "tasmota", unpaid())
		s.wants("its connection ends, so that it connects again", "closed")
		s = y.connects("DVES_1")
		s.says("tele/kitchen/LWT", "Online")
		s.subscribes("cmnd/kitchen/#")
		s.wants("adopted and unpaid", connackBytes+","+subackBytes+",cmnd/kitchen/POWER=OFF")
		s.reports("tele/kitchen/SENSOR", powerData)
		if got, want := y.stored(), "meter of kitchen tele/kitchen/LWT, meter of kitchen tele/kitchen/SENSOR"; got != want {
			t.Errorf("stored %q, want %q", got, want)
		}
		if list := y.devices.Strangers(); len(list) != 0 {
			t.Errorf("an adopted device is still unknown: %+v", list)
		}
		y.release("kitchen")
		if got := s.heard(); !strings.HasSuffix(got, "closed") {
			t.Errorf("after the release: heard %q, want the end of the connection", got)
		}
		s = y.connects("DVES_1")
		s.says("tele/kitchen/LWT", "Online")
		if list := y.devices.Strangers(); len(list) != 1 || y.stored() != "" {
			t.Errorf("after the release: unknown devices %+v", list)
		}
	})
}

// TestADeviceKeepsToItsTopics: an adopted device gets its own messages only, and a message in the topics of another device ends its connection.
func TestADeviceKeepsToItsTopics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t)
		defer y.close()
		y.adopt("kitchen", "DVES_1", "tasmota", paid())
		y.adopt("bath", "DVES_2", "tasmota", paid())
		s := y.connects("DVES_1")
		s.subscribes("cmnd/bath/#") // before it has a name, so it is granted, and brings nothing
		s.says("tele/kitchen/LWT", "Online")
		s.subscribes("cmnd/bath/POWER")
		s.subscribes("m/04140001001/down/#")
		s.wants("other topics", connackBytes+","+subackBytes+","+refusedSuback+","+refusedSuback)
		time.Sleep(time.Minute)
		s.wants("nothing without its own subscription", "")
		s.subscribes("#")
		s.wants("its own", subackBytes+",cmnd/kitchen/POWER=ON")
		y.stored()
		s.reports("tele/bath/SENSOR", powerData)
		if got := s.heard(); !strings.HasSuffix(got, "closed") || strings.Contains(got, "bath") {
			t.Errorf("a message of another device: heard %q, want the end", got)
		}
		if got := y.stored(); got != "" {
			t.Errorf("stored %q under another name", got)
		}
		endedBy(t, y.devices.Ended(), "rule 1")
	})
}

// TestTwoDevicesOfOneName: another client id is refused and reported, a second connection of the same client is refused while the first talks,
// and replaces a first one that is dead.
func TestTwoDevicesOfOneName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t)
		defer y.close()
		y.adopt("kitchen", "DVES_1", "tasmota", paid())
		first := y.connects("DVES_1")
		first.says("tele/kitchen/LWT", "Online")
		first.subscribes("cmnd/kitchen/+")
		for range 3 {
			other := y.connects("DVES_9")
			other.says("tele/kitchen/LWT", "Online")
			other.wants("another client", connackBytes+",closed")
		}
		if c, ok := y.devices.Claimed("kitchen"); !ok || c.Client != "DVES_9" || c.Times != 3 || strings.Join(y.claims, ", ") != "meter of kitchen DVES_9" {
			t.Errorf("claim %+v, raised %q", c, y.claims)
		}
		y.stored()
		twin := y.connects("DVES_1")
		go func() { time.Sleep(2 * time.Second); _, _ = first.conn.Write(unhex(t, pingBytes)) }()
		twin.says("tele/kitchen/LWT", "Online")
		time.Sleep(3 * time.Second)
		twin.wants("while the first talks", connackBytes+",closed")
		if got := y.stored(); got != "" {
			t.Errorf("stored %q of a second device", got)
		}
		again := y.connects("DVES_1")
		again.says("tele/kitchen/LWT", "Online")
		time.Sleep(16 * time.Second)
		again.subscribes("cmnd/kitchen/+")
		again.wants("the first is silent", connackBytes+","+subackBytes+",cmnd/kitchen/POWER=ON")
		if got := first.heard(); !strings.HasSuffix(got, "closed") {
			t.Errorf("the replaced connection: heard %q", got)
		}
		endedBy(t, y.devices.Ended(), "rule 4, takeover 1")
	})
}

// TestNamesAreChecked refuses names that could look like others, and client ids of that kind.
func TestNamesAreChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t)
		defer y.close()
		for name, topic := range map[string]string{"direction": "kit\u202echen", "control": "kit\x1bchen", "long": strings.Repeat("k", 65), "blank": "kit chen"} {
			s := y.connects("DVES_1")
			s.says("tele/"+topic+"/LWT", "Online")
			s.wants(name, connackBytes+",closed")
		}
		for name, client := range map[string]string{"direction": "d\u202e", "none": ""} {
			s := y.connects(client)
			s.wants("client id with "+name, "20020002,closed")
		}
		s := y.connects("DVES_1")
		s.says("tele/kitchen/LWT", "Online")
		s.says("tele/bath/LWT", "Online")
		s.wants("two names", connackBytes+",closed")
		if list := y.devices.Strangers(); len(list) != 1 || list[0].Name != "kitchen" {
			t.Errorf("unknown devices: %+v", list)
		}
	})
}

// TestAFloodOfNamesIsBounded: the table has a fixed size, and goes on to show the names that talk.
func TestAFloodOfNamesIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t)
		defer y.close()
		s := y.connects("DVES_1")
		s.says("tele/kitchen/LWT", "Online")
		for i := range 200 {
			h := y.connects(fmt.Sprintf("c%d", i))
			h.says(fmt.Sprintf("tele/n%d/LWT", i), "Online")
			_ = h.conn.Close()
		}
		if n := len(y.devices.Strangers()); n != 60 {
			t.Errorf("%d names within a minute, want 60", n)
		}
		time.Sleep(time.Minute)
		s.send(pingBytes)
		for i := range 60 {
			h := y.connects(fmt.Sprintf("d%d", i))
			h.says(fmt.Sprintf("tele/m%d/LWT", i), "Online")
			_ = h.conn.Close()
		}
		list := y.devices.Strangers()
		if len(list) != 64 {
			t.Errorf("%d names from one address, want 64", len(list))
		}
		if list[0].Name != "kitchen" || !list[0].On {
			t.Errorf("the device that is connected went: first is %+v", list[0])
		}
	})
}

// TestThePasswordOfDevices refuses a device without it.
func TestThePasswordOfDevices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t)
		defer y.close()
		y.password = "paywatt secret"
		for _, login := range [][]string{nil, {"paywatt"}, {"paywatt", "other"}, {"other", "secret"}} {
			s := y.connects("DVES_1", login...)
			s.wants(fmt.Sprint(login), "20020005,closed")
		}
		s := y.connects("DVES_1", "paywatt", "secret")
		s.wants("the right one", connackBytes)
		y.devices.Relogin()
		s.wants("after a new password", "closed")
		endedBy(t, y.devices.Ended(), "denied 4, revoked 1")
	})
}

// TestAnArduinoIsNamedByItsClientID: its topics name no device.
func TestAnArduinoIsNamedByItsClientID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t)
		defer y.close()
		y.adopt("electricitymeterGSM", "electricitymeterGSM", "seed-a", unpaid())
		s := y.dial()
		s.send(connectBytes)
		s.send(subscribeBytes)
		s.wants("adopted", connackBytes+","+subackBytes+","+led+"OFF")
		s.says("GsmClientTest/ledStatus", "1:2")
		if got, want := y.stored(), "meter of electricitymeterGSM GsmClientTest/ledStatus"; got != want {
			t.Errorf("stored %q, want %q", got, want)
		}
	})
}
