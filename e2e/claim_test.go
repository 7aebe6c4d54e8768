package e2e

import (
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/paywatt/paywatt/internal/await"
)

// TestWhatADeadServerHeldIsSentAtOnce: a server is killed between claiming a delivery and recording its outcome. The next server knows from
// the folder's lock that no other server is alive, and delivers when the meter connects.
func TestWhatADeadServerHeldIsSentAtOnce(t *testing.T) {
	t.Parallel()
	p := newPlace(t, paywatt(t))
	srv := p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	a := newAPI(srv.http, p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir))
	a.tariff(t)
	m := a.meter(t, number(4301))
	digits := a.mustVend(t, m.number, 5000, "held-000001", "mqtt").text(t, "tokens", 0, "digits")
	srv.kill()

	db := openDatabase(t, p.dir)

	rows(t, db, `UPDATE outbox SET owner = 'elsewhere/1/dead', owner_until = ?, attempts = 1`, nil, time.Now().Add(time.Hour).UnixMicro())
	if number64(t, db, `SELECT COUNT(*) FROM outbox`) == 0 {
		t.Fatal("nothing waits for the meter")
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	srv = p.serve(t, srv.http, srv.mqtt)
	got := make(chan string, 10)
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://" + srv.mqtt).SetClientID(m.number).SetUsername(m.number).SetPassword(m.password).
		SetAutoReconnect(false).SetDefaultPublishHandler(func(_ mqtt.Client, msg mqtt.Message) { got <- string(msg.Payload()) }))
	defer c.Disconnect(0)
	for _, wait := range []func() mqtt.Token{c.Connect, func() mqtt.Token { return c.Subscribe("m/"+m.number+"/down/#", 1, nil) }} {
		if tok := wait(); !tok.WaitTimeout(await.Limit) || tok.Error() != nil {
			t.Fatalf("the meter does not connect: %v", tok.Error())
		}
	}
	for !strings.Contains(await.Receive(t, "what a dead server held is sent to the meter", got), digits) {
	}
}
