package packet_test

import (
	"bytes"
	"io"
	"slices"
	"testing"

	paho5 "github.com/eclipse/paho.golang/packets"
	paho "github.com/eclipse/paho.mqtt.golang/packets"
	"pgregory.net/rapid"

	"github.com/paywatt/paywatt/internal/gateway/packet"
)

// TestClientsOfPaho: packets that two independent client libraries write are read with the same values.
func TestClientsOfPaho(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[a-zé€/]{1,40}`)
		topic, id := text.Draw(t, "topic"), rapid.Uint16Min(1).Draw(t, "id")
		payload := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "payload")
		qos := rapid.ByteMax(2).Draw(t, "qos")
		user, password := text.Draw(t, "user"), rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(t, "password")
		keepAlive, clean, retain := rapid.Uint16().Draw(t, "keep-alive"), rapid.Bool().Draw(t, "clean"), rapid.Bool().Draw(t, "retain")

		old := paho.NewControlPacket(paho.Connect).(*paho.ConnectPacket)
		old.ProtocolName, old.ProtocolVersion, old.ClientIdentifier, old.Keepalive, old.CleanSession = "MQTT", 4, user, keepAlive, clean
		old.UsernameFlag, old.Username, old.PasswordFlag, old.Password = true, user, true, password
		old.WillFlag, old.WillTopic, old.WillMessage, old.WillQos, old.WillRetain = true, topic, payload, qos, retain
		loginIs(t, written(old.Write), packet.V311, user, password, keepAlive, clean, topic, payload, qos, retain)
		five := paho5.Connect{ProtocolName: "MQTT", ProtocolVersion: 5, ClientID: user, KeepAlive: keepAlive, CleanStart: clean, UsernameFlag: true,
			Username: user, PasswordFlag: true, Password: password, WillFlag: true, WillTopic: topic, WillMessage: payload, WillQOS: qos, WillRetain: retain,
			Properties: &paho5.Properties{SessionExpiryInterval: new(uint32(7)), ReceiveMaximum: new(uint16(9)), MaximumPacketSize: new(uint32(11)),
				User: []paho5.User{{Key: "k", Value: "v"}}}, WillProperties: &paho5.Properties{WillDelayInterval: new(uint32(1))}}
		l := loginIs(t, written(func(w io.Writer) error { _, err := five.WriteTo(w); return err }), packet.V5, user, password, keepAlive, clean, topic, payload, qos, retain)
		if p := l.Properties; p.SessionExpiry != 7 || !p.HasExpiry || p.Receive != 9 || p.MaxPacket != 11 || p.User != 1 {
			t.Fatalf("properties %+v", p)
		}

		publish := paho.NewControlPacket(paho.Publish).(*paho.PublishPacket)
		publish.TopicName, publish.Payload, publish.Qos, publish.MessageID, publish.Retain, publish.Dup = topic, payload, qos, id, retain, retain && qos > 0
		messageIs(t, written(publish.Write), packet.V311, topic, payload, qos, id, retain)
		publish5 := paho5.Publish{Topic: topic, Payload: payload, QoS: qos, PacketID: id, Retain: retain, Duplicate: retain && qos > 0,
			Properties: &paho5.Properties{MessageExpiry: new(uint32(3)), ContentType: "json", CorrelationData: []byte{1}, User: []paho5.User{{Key: "k", Value: "v"}}}}
		messageIs(t, written(func(w io.Writer) error { _, err := publish5.ToControlPacket().WriteTo(w); return err }), packet.V5, topic, payload, qos, id, retain)

		subscribe := paho.NewControlPacket(paho.Subscribe).(*paho.SubscribePacket)
		subscribe.MessageID, subscribe.Topics, subscribe.Qoss = id, []string{topic, "a/#", "+"}, []byte{qos, 0, 1}
		filtersAre(t, written(subscribe.Write), packet.V311, id, qos, topic, "a/#", "+")
		subscribe5 := paho5.Subscribe{PacketID: id, Properties: &paho5.Properties{}, Subscriptions: []paho5.SubOptions{{Topic: topic, QoS: qos, NoLocal: true, RetainHandling: 2},
			{Topic: "a/#"}, {Topic: "+", QoS: 1, RetainAsPublished: true}}}
		filtersAre(t, written(func(w io.Writer) error { _, err := subscribe5.WriteTo(w); return err }), packet.V5, id, qos, topic, "a/#", "+")
		unsubscribe := paho.NewControlPacket(paho.Unsubscribe).(*paho.UnsubscribePacket)
		unsubscribe.MessageID, unsubscribe.Topics = id, []string{topic, "a/#"}
		filtersAre(t, written(unsubscribe.Write), packet.V311, id, 0, topic, "a/#")
	})
}

// TestServersOfPaho: what we write is read by the same libraries with the same values.
func TestServersOfPaho(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		leaf, id := rapid.StringMatching(`[a-z]{1,200}`).Draw(t, "leaf"), rapid.Uint16Min(1).Draw(t, "id")
		payload, qos := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "payload"), rapid.ByteMax(1).Draw(t, "qos")
		codes := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 0x80}), 1, 9).Draw(t, "codes")

		b := packet.AppendPublish(nil, packet.V311, qos, id, "m/", leaf, payload)
		if size := packet.PublishSize(packet.V311, qos, 2+len(leaf), len(payload)); size != len(b) {
			t.Fatalf("size %d of %d bytes", size, len(b))
		}
		m := old(t, b).(*paho.PublishPacket)
		if m.TopicName != "m/"+leaf || !bytes.Equal(m.Payload, payload) || m.Qos != qos || qos > 0 && m.MessageID != id || m.Retain || m.Dup {
			t.Fatalf("%x read as %+v", b, m)
		}
		b = packet.AppendPublish(nil, packet.V5, qos, id, "m/", leaf, payload)
		if size := packet.PublishSize(packet.V5, qos, 2+len(leaf), len(payload)); size != len(b) {
			t.Fatalf("size %d of %d bytes", size, len(b))
		}
		m5 := five(t, b).Content.(*paho5.Publish)
		if m5.Topic != "m/"+leaf || !bytes.Equal(m5.Payload, payload) || m5.QoS != qos || qos > 0 && m5.PacketID != id {
			t.Fatalf("%x read as %+v", b, m5)
		}
		if s := old(t, packet.AppendSuback(nil, packet.V311, packet.Suback, id, codes)).(*paho.SubackPacket); s.MessageID != id || !bytes.Equal(s.ReturnCodes, codes) {
			t.Fatalf("SUBACK read as %+v", s)
		}
		if s := five(t, packet.AppendSuback(nil, packet.V5, packet.Suback, id, codes)).Content.(*paho5.Suback); s.PacketID != id || !bytes.Equal(s.Reasons, codes) {
			t.Fatalf("SUBACK read as %+v", s)
		}
		if s := old(t, packet.AppendSuback(nil, packet.V311, packet.Unsuback, id, codes)).(*paho.UnsubackPacket); s.MessageID != id {
			t.Fatalf("UNSUBACK read as %+v", s)
		}
		if s := five(t, packet.AppendSuback(nil, packet.V5, packet.Unsuback, id, codes)).Content.(*paho5.Unsuback); s.PacketID != id || !bytes.Equal(s.Reasons, codes) {
			t.Fatalf("UNSUBACK read as %+v", s)
		}
		if a := five(t, packet.AppendAnswer(nil, packet.V5, packet.Puback, id, packet.NotAuthorized)).Content.(*paho5.Puback); a.PacketID != id || a.ReasonCode != byte(packet.NotAuthorized) {
			t.Fatalf("PUBACK read as %+v", a)
		}
		g := packet.Announcement{Session: true, KeepAlive: 600, SessionExpiry: 77, HasExpiry: true, Receive: 64, MaxPacket: 17408}
		c := five(t, packet.AppendConnack(nil, packet.V5, 0, g)).Content.(*paho5.Connack)
		if p := c.Properties; !c.SessionPresent || c.ReasonCode != 0 || *p.ServerKeepAlive != 600 || *p.SessionExpiryInterval != 77 || *p.ReceiveMaximum != 64 ||
			*p.MaximumPacketSize != 17408 || *p.MaximumQOS != 1 || *p.RetainAvailable != 0 || *p.SubIDAvailable != 0 || *p.SharedSubAvailable != 0 {
			t.Fatalf("CONNACK read as %+v", p)
		}
		if c := old(t, packet.AppendConnack(nil, packet.V311, 0, g)).(*paho.ConnackPacket); !c.SessionPresent || c.ReturnCode != 0 {
			t.Fatalf("CONNACK read as %+v", c)
		}
		if d := five(t, packet.AppendDisconnect(nil, packet.TooLarge)).Content.(*paho5.Disconnect); d.ReasonCode != byte(packet.TooLarge) {
			t.Fatalf("DISCONNECT read as %+v", d)
		}
	})
}

// written returns the bytes of a packet.
func written(write func(io.Writer) error) []byte {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func loginIs(t *rapid.T, b []byte, v packet.Version, user string, password []byte, keepAlive uint16, clean bool, topic string, payload []byte, qos byte, retain bool) packet.Login {
	h, _ := packet.Next(b)
	var l packet.Login
	if f := packet.ReadConnect(b[h.Size:], &l); f != packet.None || h.Type != packet.Connect || h.Size+h.Body != len(b) {
		t.Fatalf("%x: %+v, %v", b, h, f)
	}
	if l.Version != v || string(l.ClientID) != user || string(l.User) != user || !bytes.Equal(l.Password, password) || l.KeepAlive != keepAlive || l.Clean != clean ||
		l.Will == nil || string(l.Will.Topic) != topic || !bytes.Equal(l.Will.Payload, payload) || l.Will.QoS != qos || l.Will.Retain != retain {
		t.Fatalf("%x read as %+v", b, l)
	}
	return l
}

func messageIs(t *rapid.T, b []byte, v packet.Version, topic string, payload []byte, qos byte, id uint16, retain bool) {
	h, _ := packet.Next(b)
	var m packet.Message
	if f := packet.ReadPublish(h, b[h.Size:], v, &m); f != packet.None || h.Size+h.Body != len(b) {
		t.Fatalf("%x: %+v, %v", b, h, f)
	}
	if string(m.Topic) != topic || !bytes.Equal(m.Payload, payload) || m.QoS != qos || qos > 0 && m.ID != id || m.Retain != retain || m.Dup != (retain && qos > 0) {
		t.Fatalf("%x read as %+v", b, m)
	}
}

func filtersAre(t *rapid.T, b []byte, v packet.Version, id uint16, qos byte, want ...string) {
	h, _ := packet.Next(b)
	var s packet.Subscription
	get := packet.ReadUnsubscribe
	if h.Type == packet.Subscribe {
		get = packet.ReadSubscribe
	}
	if f := get(b[h.Size:], v, &s); f != packet.None || s.ID != id || s.Count != len(want) {
		t.Fatalf("%x read as %+v, %v", b, s, f)
	}
	var got []string
	var qualities []byte
	for f, ok := s.Filters.Next(); ok; f, ok = s.Filters.Next() {
		got, qualities = append(got, string(f.Topic)), append(qualities, f.QoS)
	}
	if !slices.Equal(got, want) || qualities[0] != qos {
		t.Fatalf("%x read as %q, QoS %v", b, got, qualities)
	}
}

func old(t *rapid.T, b []byte) paho.ControlPacket {
	p, err := paho.ReadPacket(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("%x: %v", b, err)
	}
	return p
}

func five(t *rapid.T, b []byte) *paho5.ControlPacket {
	p, err := paho5.ReadPacket(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("%x: %v", b, err)
	}
	return p
}
