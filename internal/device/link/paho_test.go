package link_test

import (
	"net"
	"strings"
	"testing"

	"github.com/eclipse/paho.mqtt.golang/packets"
	"github.com/paywatt/paywatt/internal/device/link"
)

// refusing accepts one client's connection and answers its subscription with this code.
func refusing(t *testing.T, code byte) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		for {
			p, err := packets.ReadPacket(c)
			if err != nil {
				return
			}
			switch p := p.(type) {
			case *packets.ConnectPacket:
				err = packets.NewControlPacket(packets.Connack).Write(c)
			case *packets.SubscribePacket:
				ack := packets.NewControlPacket(packets.Suback).(*packets.SubackPacket)
				ack.MessageID, ack.ReturnCodes = p.MessageID, []byte{code}
				err = ack.Write(c)
			}
			if err != nil {
				return
			}
		}
	}()
	return l.Addr().String()
}

func TestASubscriptionThatIsRefusedIsNoConnection(t *testing.T) {
	dial := func(code byte) (link.Session, error) {
		return link.MQTT(refusing(t, code), number, "")(t.Context(), func(string, []byte) {}, func(error) {})
	}
	if s, err := dial(0x80); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("got %v, %v, want an error: no acknowledgement can ever arrive", s, err)
	}
	s, err := dial(1)
	if err != nil {
		t.Fatalf("a subscription that is granted: %v", err)
	}
	s.Close()
}
