package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/autopaho"
	"github.com/eclipse/paho.golang/paho"
	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/tier"
)

// reader records by topic the messages that a program received from the integration broker. The program may use any client library.
type reader struct {
	name string
	mu   sync.Mutex
	got  map[string]string
}

func newReader(name string) *reader { return &reader{name: name, got: map[string]string{}} }

func (r *reader) heard(topic, payload string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got[topic] = payload
}

func (r *reader) last(topic string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got[topic]
}

// emptied reports whether the last message of a topic was empty.
func (r *reader) emptied(topic string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	payload, has := r.got[topic]
	return has && payload == ""
}

// about counts the topics that name a meter.
func (r *reader) about(number string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for topic := range r.got {
		if strings.Contains(topic, number) {
			n++
		}
	}
	return n
}

// outlook is a server with an integration broker, two customers with a wallet meter each, and a login of the first customer.
type outlook struct {
	p              *place
	srv            *server
	a              *api
	addr, key      string
	first, second  secrets
	user, password string
}

func newOutlook(t *testing.T) *outlook {
	t.Helper()
	o := &outlook{p: newPlace(t, paywatt(t)), addr: freeAddress(t)}
	o.srv = o.p.serve(t, "127.0.0.1:0", "127.0.0.1:0", "--mqtt-integration", o.addr)
	o.key = o.p.run(t, "", "apikey", "create", "--role", "owner", "--data", o.p.dir)
	o.a = newAPI(o.srv.http, o.key)
	o.a.plan(t)
	for i, s := range []*secrets{&o.first, &o.second} {
		s.number = number(6101 + i)
		made := o.a.must(t, 201, "POST", "/v1/meters", map[string]any{"number": s.number, "mode": "prepay_wallet", "tariff": "plan",
			"customer": map[string]any{"name": fmt.Sprintf("Customer %d", i)}})
		s.password = made.text(t, "mqtt_password")
	}
	var login struct{ User, Password string }
	out := o.p.run(t, "", "integration", "add", "--meter", o.first.number, "--name", "home", "--data", o.p.dir, "-o", "json")
	if err := json.Unmarshal([]byte(out), &login); err != nil || login.User == "" {
		t.Fatalf("integration add: %v %s", err, out)
	}
	o.user, o.password = login.User, login.Password
	return o
}

// read publishes a meter's reading as mosquitto_pub does.
func (o *outlook) read(t *testing.T, s secrets, seq, registerWh int) {
	t.Helper()
	reading := fmt.Sprintf(`{"seq":%d,"at":%d,"up":1000,"clock":"valid","register_wh":%d,"balance_wh":0,"w":750,"mv":230000,"relay":"closed","reasons":[]}`,
		seq, time.Now().Unix(), registerWh)
	if seq == 1 {
		boot := `{"store":"0123456789abcdef","lowest":1,"next":1,"boot":1,"proto":1,"fw":"x","reset":"power","caps":[]}`
		if out, err := mosquitto(t, "mosquitto_pub", o.srv.mqtt, s, "-t", "m/"+s.number+"/up/boot", "-m", boot); err != nil {
			t.Fatalf("boot: %v %s", err, out)
		}
	}
	if out, err := mosquitto(t, "mosquitto_pub", o.srv.mqtt, s, "-t", "m/"+s.number+"/up/reading", "-m", reading); err != nil {
		t.Fatalf("reading: %v %s", err, out)
	}
}

// watch checks what every client must see. A client sees the retained state and documents of its own meter, and then every change. It sees
// nothing about the other customer's meter.
func (o *outlook) watch(t *testing.T, readers ...*reader) {
	t.Helper()
	state := "paywatt/" + o.first.number + "/state"
	all := func(what string, sees func(*reader) bool) {
		t.Helper()
		for _, r := range readers {
			await.True(t, r.name+" sees "+what, func() bool { return sees(r) })
		}
	}
	all("the retained state of the own meter", func(r *reader) bool { return r.last(state) != "" })
	all("its documents", func(r *reader) bool { return r.about(o.first.number) >= 6 })
	o.read(t, o.first, 1, 1000)
	o.read(t, o.second, 1, 77)
	all("the reading", func(r *reader) bool { return strings.Contains(r.last(state), `"register_wh":1000`) })
	for _, r := range readers {
		if s := r.last(state); !strings.Contains(s, `"supply":"ON"`) || !strings.Contains(s, `"power_w":750`) {
			t.Errorf("%s sees the state %s", r.name, s)
		}
	}
	o.a.recharge(t, o.first.number, 50_00, "outlook-0001")
	all("the recharge", func(r *reader) bool { return strings.Contains(r.last(state), `"balance":50.00`) })
	for _, r := range readers {
		o.seesNothingElse(t, r)
	}
}

// seesNothingElse fails the test if a reader has heard of the other customer's meter.
func (o *outlook) seesNothingElse(t *testing.T, r *reader) {
	t.Helper()
	if n := r.about(o.second.number); n > 0 {
		t.Errorf("%s has %d messages about another customer's meter", r.name, n)
	}
}

// TestProgramsOfOthersReadTheMirror reads the mirror with Eclipse Paho's clients for MQTT 3.1.1 and 5 and with mosquitto_sub, all at one
// server. None of them sees another customer's meter, and none can write.
func TestProgramsOfOthersReadTheMirror(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	needed(t, "mosquitto_sub", "mosquitto_pub")
	o := newOutlook(t)
	old, oldReader := o.paho311(t)
	current, currentReader := o.paho5(t)
	o.watch(t, oldReader, currentReader, o.mosquitto(t, "mqttv311"))

	// Who comes later sees what was retained.
	late := o.mosquitto(t, "mqttv5")
	await.True(t, "the retained state", func() bool {
		return strings.Contains(late.last("paywatt/"+o.first.number+"/state"), `"balance":50.00`)
	})
	o.seesNothingElse(t, late)

	t.Run("Paho for MQTT 3.1.1 is refused", func(t *testing.T) { o.refused311(t, old, oldReader) })
	t.Run("Paho for MQTT 5 is refused", func(t *testing.T) { o.refused5(t, current) })
	host, port, err := net.SplitHostPort(o.addr)
	if err != nil {
		t.Fatal(err)
	}
	sub := exec.Command("mosquitto_sub", "-h", host, "-p", port, "-u", o.user, "-P", "wrong", "-t", "#", "-W", "5", "-C", "1")
	if out, err := sub.CombinedOutput(); err == nil {
		t.Errorf("mosquitto_sub with a wrong password is let in: %s", out)
	}

	o.p.run(t, "", "integration", "revoke", o.user, "--data", o.p.dir)
	revoked := mqtt.NewClient(o.options311().SetClientID("late"))
	if err := answered(t, "connect with a revoked login", revoked.Connect()); err == nil {
		t.Error("a revoked login is let in")
	}
}

// TestProgramsForgetAMeterThatWasRemoved: a program that is there, one that comes later, and one that comes after a restart get an empty message for
// each document of a meter whose customer moved out and that was removed, so that Home Assistant forgets the device. The other customer's meter
// stays.
func TestProgramsForgetAMeterThatWasRemoved(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	o := newOutlook(t)
	document := "homeassistant/sensor/paywatt_" + o.first.number + "/register/config"
	_, there := o.paho311(t)
	await.True(t, "the document", func() bool { return there.last(document) != "" })
	o.a.must(t, 201, "POST", "/v1/accounts/"+o.first.number+"/move-out", map[string]any{"reason": "lease ended"}, "Idempotency-Key", "outlook-0002")
	o.a.must(t, 200, "POST", "/v1/meters/"+o.first.number+"/remove", map[string]any{"reason": "back in the workshop"})
	forgets := func(r *reader) {
		t.Helper()
		await.True(t, "an empty document", func() bool { return r.emptied(document) })
		await.True(t, "an empty state", func() bool { return r.emptied("paywatt/" + o.first.number + "/state") })
		o.seesNothingElse(t, r)
	}
	forgets(there)
	_, later := o.paho311(t)
	forgets(later)
	o.srv.stop()
	o.srv = o.p.serve(t, "127.0.0.1:0", "127.0.0.1:0", "--mqtt-integration", o.addr)
	_, last := o.paho311(t)
	forgets(last)
}

// answered waits for an answer to Paho's client.
func answered(t *testing.T, what string, tok mqtt.Token) error {
	t.Helper()
	if !tok.WaitTimeout(await.Limit) {
		t.Fatalf("%s: after %v still no answer: %s", await.NotInTime, await.Limit, what)
	}
	return tok.Error()
}

func (o *outlook) options311() *mqtt.ClientOptions {
	return mqtt.NewClientOptions().AddBroker("tcp://" + o.addr).SetClientID("homeassistant").SetUsername(o.user).SetPassword(o.password).
		SetProtocolVersion(4).SetAutoReconnect(false)
}

// paho311 subscribes to every topic with Paho's client for MQTT 3.1.1.
func (o *outlook) paho311(t *testing.T) (mqtt.Client, *reader) {
	t.Helper()
	r := newReader("Paho for MQTT 3.1.1")
	c := mqtt.NewClient(o.options311())
	if err := answered(t, "connect", c.Connect()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Disconnect(100) })
	if err := answered(t, "subscribe", c.Subscribe("#", 1, func(_ mqtt.Client, m mqtt.Message) { r.heard(m.Topic(), string(m.Payload())) })); err != nil {
		t.Fatal(err)
	}
	return c, r
}

// refused311 tries what a program may not do. Publishing changes neither the mirror nor any meter.
func (o *outlook) refused311(t *testing.T, c mqtt.Client, r *reader) {
	own, other := "paywatt/"+o.first.number+"/state", "paywatt/"+o.second.number+"/state"
	if err := answered(t, "publish", c.Publish(own, 0, true, "forged")); err != nil {
		t.Fatal(err)
	}
	wrong := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://" + o.addr).SetClientID("x").SetUsername(o.user).SetPassword("wrong"))
	if err := answered(t, "connect with a wrong password", wrong.Connect()); err == nil {
		t.Error("a wrong password is let in")
	}
	sub := c.Subscribe(other, 0, func(mqtt.Client, mqtt.Message) {})
	if err := answered(t, "subscribe to another's", sub); err == nil && sub.(*mqtt.SubscribeToken).Result()[other] < 0x80 {
		t.Error("a subscription to another customer's meter is granted")
	}
	if r.last(own) == "forged" {
		t.Error("a program wrote into the mirror")
	}
}

// paho5 subscribes with Paho's client for MQTT 5, but not to the availability of the meter.
func (o *outlook) paho5(t *testing.T) (*autopaho.ConnectionManager, *reader) {
	t.Helper()
	r := newReader("Paho for MQTT 5")
	r.heard("paywatt/"+o.first.number+"/availability", "not asked for")
	ctx, cancel := context.WithTimeout(t.Context(), await.Limit)
	defer cancel()
	cm, err := autopaho.NewConnection(t.Context(), autopaho.ClientConfig{
		ServerUrls: []*url.URL{{Scheme: "mqtt", Host: o.addr}}, KeepAlive: 30, CleanStartOnInitialConnection: true,
		ConnectUsername: o.user, ConnectPassword: []byte(o.password),
		ClientConfig: paho.ClientConfig{ClientID: "dashboard", OnPublishReceived: []func(paho.PublishReceived) (bool, error){
			func(p paho.PublishReceived) (bool, error) {
				r.heard(p.Packet.Topic, string(p.Packet.Payload))
				return true, nil
			}}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := cm.AwaitConnection(ctx); err != nil {
		t.Fatal(err)
	}
	ack, err := cm.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: "paywatt/+/state", QoS: 1}, {Topic: "homeassistant/+/+/+/config"}}})
	if err != nil || len(ack.Reasons) != 2 || ack.Reasons[0] > 2 {
		t.Fatalf("subscribe: %+v, %v", ack, err)
	}
	return cm, r
}

// refused5 tries the same with MQTT 5.
func (o *outlook) refused5(t *testing.T, cm *autopaho.ConnectionManager) {
	ctx, cancel := context.WithTimeout(t.Context(), await.Limit)
	defer cancel()
	ack, err := cm.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: "paywatt/" + o.second.number + "/state"}}})
	if err == nil && ack.Reasons[0] < 0x80 {
		t.Errorf("a subscription to another customer's meter is granted: %v", ack.Reasons)
	}
	if _, err := cm.Publish(ctx, &paho.Publish{Topic: "paywatt/" + o.first.number + "/state", QoS: 1, Payload: []byte("forged"), Retain: true}); err == nil {
		t.Error("a write is acknowledged as done")
	}
	if err := cm.Disconnect(ctx); err != nil {
		t.Errorf("disconnect: %v", err)
	}
}

// mosquitto reads with mosquitto_sub in a version of the protocol, as a person would.
func (o *outlook) mosquitto(t *testing.T, version string) *reader {
	t.Helper()
	host, port, err := net.SplitHostPort(o.addr)
	if err != nil {
		t.Fatal(err)
	}
	r := newReader("mosquitto_sub with " + version)
	cmd := exec.Command("mosquitto_sub", "-h", host, "-p", port, "-V", version, "-u", o.user, "-P", o.password, "-t", "paywatt/#", "-t", "homeassistant/#", "-v")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			topic, payload, _ := strings.Cut(lines.Text(), " ")
			r.heard(topic, payload)
		}
	}()
	return r
}
