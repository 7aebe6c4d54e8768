package gateway_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/paywatt/paywatt/internal/gateway"
	"github.com/paywatt/paywatt/wire"
)

// TestARefusedConnect: a refused CONNECT of MQTT 5 is answered with a CONNACK that has its reason and no session. Then the socket is
// closed without a DISCONNECT (MQTT-3.2.2-6 to MQTT-3.2.2-8, MQTT-3.14.0-1). In both versions, a message that came with the CONNECT is
// not handled (MQTT-3.1.4-6), and another client id has the answer of a wrong password.
func TestARefusedConnect(t *testing.T) {
	b := start(t, gateway.Config{Inbox: newShelf().inbox})
	user, password := number(1), "pw"+number(1)
	will := func(flags int) []byte {
		return short(0x10, "MQTT", 5, flags, 0, 60, 0, user, 0, "m/"+user+"/up/event", "gone", user, password)
	}
	wrongName, wrongFlag := connect(5, true), connect(5, true)
	copy(wrongName[4:], "MQTX")
	wrongFlag[9] |= 1
	for name, c := range map[string]struct {
		packet []byte
		want   string
	}{
		"MQTT-3.1.2-1 another protocol":        {wrongName, "20030084 00"},
		"MQTT-3.1.2-3 a flag that is reserved": {wrongFlag, "20030081 00"},
		"MQTT-3.1.4-1 a byte too many":         {short(0x10, "MQTT", 5, 0xc2, 0, 60, 0, user, user, password, 0), "20030081 00"},
		"MQTT-3.1.4-2 a wrong password":        {short(0x10, "MQTT", 5, 0xc2, 0, 60, 0, user, user, "nonsense"), "20030087 00"},
		"MQTT-3.1.3-8 another client id":       {short(0x10, "MQTT", 5, 0xc2, 0, 60, 0, number(2), user, password), "20030087 00"},
		"MQTT-3.1.3-8 no client id":            {short(0x10, "MQTT", 5, 0xc2, 0, 60, 0, "", user, password), "20030087 00"},
		"MQTT-3.2.2-12 a will with quality 2":  {will(0xd6), "2003009b 00"},
		"MQTT-3.2.2-13 a retained will":        {will(0xe6), "2003009a 00"},
		"MQTT-4.12.0-1 a method":               {connect(5, true, 0x15, 0, 1, 'x'), "2003008c 00"},
		"3.1.1 a retained will":                {connect311(4, 0xe6, user, "m/"+user+"/up/event", "gone", user, password), "20020005"},
		"3.1.1 another client id":              {connect311(4, 0xc2, number(2), user, password), "20020005"},
	} {
		p := dial(t, b)
		p.sends(append(c.packet, short(0x32, "m/"+user+"/up/reading", 0, 1, 0, []byte("{}"))...))
		if got := hex.EncodeToString(p.all()); got != strings.ReplaceAll(c.want, " ", "") {
			t.Errorf("%s: answered %s, want %s", name, got, c.want)
		}
	}
	if n := b.Stats().Messages; n != 0 {
		t.Errorf("%d messages of refused meters were taken", n)
	}
}

// TestAConnackSaysNothingElse: a CONNACK of MQTT 5 has the limits and nothing else: no other flag, no response information, though the
// meter asks for it, no reason string and no user properties (MQTT-3.1.2-28, MQTT-3.2.2-1, MQTT-3.2.2-19, MQTT-3.2.2-20).
func TestAConnackSaysNothingElse(t *testing.T) {
	b := start(t, gateway.Config{Inbox: newShelf().inbox})
	p := dial(t, b)
	p.sends(connect(5, true, 0x19, 1, 0x17, 1))
	p.gets("CONNACK", fmt.Sprintf("2013 0000 10 2401 2500 2900 2a00 21%04x 27%08x", b.Limits().InFlight, b.Limits().PacketSize))
}

// TestAFilterIsComparedAsItIs: a filter in capital letters matches no topic in small ones (MQTT-4.7.3-4). A filter ends only by its own
// text, and the codes have the order of the filters (MQTT-3.10.4-1, MQTT-3.11.3-1). A message that is under way when its filter ends is
// still acknowledged (MQTT-3.10.4-3).
func TestAFilterIsComparedAsItIs(t *testing.T) {
	b := start(t, gateway.Config{Inbox: newShelf().inbox, Limits: gateway.Limits{InFlight: 1}})
	own := "m/" + number(1) + "/down/"
	p, _ := login5(t, b, number(1))
	p.sends(short(0x82, 0, 1, 0, own+"TOKEN", 1, strings.ToUpper(own)+"#", 1))
	p.gets("capital letters", "9005 0001 00 01 87")
	p.settle()
	if b.Publish(number(1), wire.DownToken, []byte("1")) {
		t.Error("a filter in capital letters got a message")
	}
	p.sends(short(0x82, 0, 2, 0, own+"#", 1))
	p.gets("everything", "9004 0002 00 01")
	p.sends(short(0xa2, 0, 3, 0, "#", own+"TOKEN", own+"+"))
	p.gets("other filters end", "b006 0003 00 11 00 11")
	p.settle()
	if !b.Publish(number(1), wire.DownToken, []byte("2")) {
		t.Fatal("a filter ended by the text of another")
	}
	m := p.want(packets.Publish)
	p.sends(short(0xa2, 0, 4, 0, own+"#"))
	p.gets("the filter ends", "b004 0004 00 00")
	p.write(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Puback}, PacketID: m.PacketID})
	p.sends(short(0x82, 0, 5, 0, own+"#", 1))
	p.gets("the filter again", "9004 0005 00 01")
	p.settle()
	if !b.Publish(number(1), wire.DownToken, []byte("3")) {
		t.Error("the message that was under way when its filter ended was not acknowledged")
	}
}

// TestANumberIsFreeAfterItsAnswer: after the PUBACK, the same packet number stands for a new message, though it is marked as a repetition
// (MQTT-4.3.2-5).
func TestANumberIsFreeAfterItsAnswer(t *testing.T) {
	b := start(t, gateway.Config{Inbox: newShelf().inbox})
	topic := wire.UpTopic(number(1), wire.KindReading)
	p := login(t, b, number(1))
	p.publish(topic, 7, reading(1))
	p.want(packets.Puback)
	p.write(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: 1, Dup: true}, TopicName: topic, PacketID: 7, Payload: []byte(reading(2))})
	if m := p.want(packets.Puback); m.PacketID != 7 || b.Stats().Stored != 2 {
		t.Errorf("PUBACK of %d, %d records stored, want 7 and 2", m.PacketID, b.Stats().Stored)
	}
}
