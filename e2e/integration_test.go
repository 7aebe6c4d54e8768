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
)

// reader records by topic the messages that a program received from the integration broker. The program may use any client library.
type reader struct {
	mu  sync.Mutex
	got map[string]string
}

func newReader() *reader { return &reader{got: map[string]string{}} }

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
func (o *outlook) watch(t *testing.T, r *reader) {
	t.Helper()
	state := "paywatt/" + o.first.number + "/state"
	eventually(t, 15*time.Second, "the retained state of the own meter", func() bool { return r.last(state) != "" })
	eventually(t, 15*time.Second, "its documents", func() bool { return r.about(o.first.number) >= 6 })
	o.read(t, o.first, 1, 1000)
	o.read(t, o.second, 1, 77)
	eventually(t, 15*time.Second, "the reading", func() bool { return strings.Contains(r.last(state), `"register_wh":1000`) })
	if s := r.last(state); !strings.Contains(s, `"supply":"ON"`) || !strings.Contains(s, `"power_w":750`) {
		t.Errorf("state %s", s)
	}
	o.a.recharge(t, o.first.number, 50_00, "outlook-0001")
	eventually(t, 20*time.Second, "the recharge", func() bool { return strings.Contains(r.last(state), `"balance":50.00`) })
	if n := r.about(o.second.number); n > 0 {
		t.Errorf("%d messages about another customer's meter", n)
	}
}

// TestPaho311ReadsTheMirror reads the mirror with Eclipse Paho's client for MQTT 3.1.1, subscribed to every topic.
func TestPaho311ReadsTheMirror(t *testing.T) {
	o, r := newOutlook(t), newReader()
	opts := mqtt.NewClientOptions().AddBroker("tcp://" + o.addr).SetClientID("homeassistant").SetUsername(o.user).SetPassword(o.password).
		SetProtocolVersion(4).SetAutoReconnect(false)
	c := mqtt.NewClient(opts)
	wait := func(what string, tok mqtt.Token) error {
		t.Helper()
		if !tok.WaitTimeout(10 * time.Second) {
			t.Fatalf("%s: no answer", what)
		}
		return tok.Error()
	}
	if err := wait("connect", c.Connect()); err != nil {
		t.Fatal(err)
	}
	defer c.Disconnect(100)
	if err := wait("subscribe", c.Subscribe("#", 1, func(_ mqtt.Client, m mqtt.Message) { r.heard(m.Topic(), string(m.Payload())) })); err != nil {
		t.Fatal(err)
	}
	o.watch(t, r)
	// Publishing changes neither the mirror nor any meter.
	if err := wait("publish", c.Publish("paywatt/"+o.first.number+"/state", 0, true, "forged")); err != nil {
		t.Fatal(err)
	}
	again, wrong := newReader(), mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://"+o.addr).SetClientID("x").SetUsername(o.user).SetPassword("wrong"))
	if err := wait("connect with a wrong password", wrong.Connect()); err == nil {
		t.Error("a wrong password is let in")
	}
	sub := c.Subscribe("paywatt/"+o.second.number+"/state", 0, func(_ mqtt.Client, m mqtt.Message) { again.heard(m.Topic(), string(m.Payload())) })
	if err := wait("subscribe to another's", sub); err == nil && sub.(*mqtt.SubscribeToken).Result()["paywatt/"+o.second.number+"/state"] < 0x80 {
		t.Error("a subscription to another customer's meter is granted")
	}
	if s := r.last("paywatt/" + o.first.number + "/state"); s == "forged" {
		t.Error("a program wrote into the mirror")
	}
	// A revoked login cannot connect any more.
	o.p.run(t, "", "integration", "revoke", o.user, "--data", o.p.dir)
	late := mqtt.NewClient(opts.SetClientID("late"))
	if err := wait("connect with a revoked login", late.Connect()); err == nil {
		t.Error("a revoked login is let in")
	}
}

// TestPaho5ReadsTheMirror reads the mirror with Eclipse Paho's client for MQTT 5.
func TestPaho5ReadsTheMirror(t *testing.T) {
	o, r := newOutlook(t), newReader()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cm, err := autopaho.NewConnection(ctx, autopaho.ClientConfig{
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
	o.watch5(t, r)
	if ack, err := cm.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: "paywatt/" + o.second.number + "/state"}}}); err == nil && ack.Reasons[0] < 0x80 {
		t.Errorf("a subscription to another customer's meter is granted: %v", ack.Reasons)
	}
	if _, err := cm.Publish(ctx, &paho.Publish{Topic: "paywatt/" + o.first.number + "/state", QoS: 1, Payload: []byte("forged"), Retain: true}); err == nil {
		t.Error("a write is acknowledged as done")
	}
	if err := cm.Disconnect(ctx); err != nil {
		t.Errorf("disconnect: %v", err)
	}
}

// watch5 is watch for a program that has not subscribed to availability.
func (o *outlook) watch5(t *testing.T, r *reader) {
	t.Helper()
	r.heard("paywatt/"+o.first.number+"/availability", "not asked for")
	o.watch(t, r)
}

// TestMosquittosClientsReadTheMirror reads the mirror with mosquitto_sub in both versions of the protocol, as a person would.
func TestMosquittosClientsReadTheMirror(t *testing.T) {
	o := newOutlook(t)
	host, port, err := net.SplitHostPort(o.addr)
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"mqttv311", "mqttv5"} {
		r := newReader()
		cmd := exec.Command("mosquitto_sub", "-h", host, "-p", port, "-V", version, "-u", o.user, "-P", o.password, "-t", "paywatt/#", "-t", "homeassistant/#", "-v")
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		go func() {
			for lines := bufio.NewScanner(out); lines.Scan(); {
				topic, payload, _ := strings.Cut(lines.Text(), " ")
				r.heard(topic, payload)
			}
		}()
		if version == "mqttv311" {
			o.watch(t, r)
		} else {
			eventually(t, 15*time.Second, "the retained state", func() bool { return strings.Contains(r.last("paywatt/"+o.first.number+"/state"), `"balance":50.00`) })
			if n := r.about(o.second.number); n > 0 {
				t.Errorf("%d messages about another customer's meter", n)
			}
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	sub := exec.Command("mosquitto_sub", "-h", host, "-p", port, "-u", o.user, "-P", "wrong", "-t", "#", "-W", "5", "-C", "1")
	if out, err := sub.CombinedOutput(); err == nil {
		t.Errorf("a wrong password is let in: %s", out)
	}
}
