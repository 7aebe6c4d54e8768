package gateway_test

import (
	"context"
	"net"
	"testing"

	"github.com/eclipse/paho.golang/paho"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/gateway"
	"github.com/paywatt/paywatt/wire"
)

// TestPaho5IsAMeter uses Eclipse Paho's client for MQTT 5. It learns the server's limits from the CONNACK, its reading is acknowledged, a
// message of the server arrives, and a message for another meter is refused with a reason.
func TestPaho5IsAMeter(t *testing.T) {
	b := start(t, gateway.Config{Inbox: newShelf().inbox})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	socket, err := net.Dial("tcp", b.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	user, heard := number(1), make(chan string, 8)
	c := paho.NewClient(paho.ClientConfig{Conn: socket, ClientID: user, OnPublishReceived: []func(paho.PublishReceived) (bool, error){
		func(p paho.PublishReceived) (bool, error) { heard <- p.Packet.Topic; return true, nil }}})
	ack, err := c.Connect(ctx, &paho.Connect{ClientID: user, Username: user, UsernameFlag: true, Password: []byte("pw" + user), PasswordFlag: true, KeepAlive: 30, CleanStart: true})
	if err != nil {
		t.Fatal(err)
	}
	if p := ack.Properties; p.MaximumQoS == nil || *p.MaximumQoS != 1 || p.RetainAvailable || p.SharedSubAvailable || p.MaximumPacketSize == nil {
		t.Errorf("the client understood the limits as %+v", p)
	}
	if _, err := c.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: wire.DownFilter(user), QoS: 1}}}); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Publish(ctx, &paho.Publish{Topic: wire.UpTopic(user, wire.KindReading), QoS: 1, Payload: []byte(reading(1))}); err != nil || got.ReasonCode != 0 {
		t.Fatalf("a reading: %+v, %v", got, err)
	}
	if topic := await.Receive(t, "a message", heard); topic != wire.DownTopic(user, wire.DownAck) {
		t.Errorf("got %s, want an acknowledgement", topic)
	}
	if !b.Publish(user, wire.DownToken, []byte(`{}`)) {
		t.Error("no message was taken")
	}
	if topic := await.Receive(t, "a message", heard); topic != wire.DownTopic(user, wire.DownToken) {
		t.Errorf("got %s, want a token", topic)
	}
	if got, err := c.Publish(ctx, &paho.Publish{Topic: wire.UpTopic(number(2), wire.KindReading), QoS: 1, Payload: []byte(reading(1))}); err == nil || got.ReasonCode != 0x87 {
		t.Errorf("a message for another meter: %+v, %v", got, err)
	}
	if err := c.Disconnect(&paho.Disconnect{}); err != nil {
		t.Error(err)
	}
	gone(t, b)
}
