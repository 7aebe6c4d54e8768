package packet_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	paho5 "github.com/eclipse/paho.golang/packets"
	paho "github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/gateway/packet"
	"github.com/paywatt/paywatt/internal/tier"
)

// TestClientsOfMosquitto lets mosquitto's clients talk to this codec alone: it reads all that they write, and they understand its answers.
func TestClientsOfMosquitto(t *testing.T) {
	for _, version := range []string{"mqttv311", "mqttv5"} {
		login := []string{"-V", version, "-i", "04140001001", "-u", "u", "-P", "pw", "-k", "60", "-q", "1",
			"--will-topic", "m/1/up/gone", "--will-payload", "w", "--will-qos", "1"}
		pub, sub := append([]string{"-t", "m/1/up/x", "-m", "{}"}, login...), append([]string{"-t", "m/1/down/#", "-t", "+/y", "-U", "old", "-C", "1"}, login...)
		if version == "mqttv5" {
			pub = append(pub, "-D", "connect", "session-expiry-interval", "7", "-D", "publish", "user-property", "k", "v", "-D", "publish", "content-type", "json")
		}
		connect := `CONNECT 04140001001 u pw 60 will m/1/up/gone w 1`
		for name, c := range map[string]struct{ args, heard []string }{
			"mosquitto_pub": {pub, []string{connect, `PUBLISH m/1/up/x {} QoS 1`, `DISCONNECT`}},
			"mosquitto_sub": {sub, []string{connect, `SUBSCRIBE m/1/down/#,+/y`, `UNSUBSCRIBE old`, `PUBACK 7`, `DISCONNECT`}},
		} {
			t.Run(version+" "+name, func(t *testing.T) {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				s := &codecServer{answered: make(chan struct{})}
				go s.serve(l)
				host, port, _ := net.SplitHostPort(l.Addr().String())
				out, err := exec.Command(tier.Program(t, name), append(c.args, "-h", host, "-p", port)...).CombinedOutput()
				_ = l.Close() // the server has its only connection
				<-s.answered
				if err != nil || s.err != nil {
					t.Fatalf("%v: %s; the codec: %v", err, out, s.err)
				}
				slices.Sort(s.heard)
				if slices.Sort(c.heard); !slices.Equal(s.heard, c.heard) {
					t.Errorf("read %q\nwant %q", s.heard, c.heard)
				}
				if name == "mosquitto_sub" && strings.TrimSpace(string(out)) != "from the codec" {
					t.Errorf("%s understood %q", name, out)
				}
			})
		}
	}
}

// codecServer serves one client with nothing but the codec. It sends a message after each UNSUBSCRIBE.
type codecServer struct {
	heard    []string
	err      error
	answered chan struct{}
}

func (s *codecServer) serve(l net.Listener) {
	defer close(s.answered)
	c, err := l.Accept()
	if err != nil {
		s.err = err
		return
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(await.Limit)) // a missed deadline shows as an error of the next read
	var in []byte
	v := packet.V311
	for {
		h, fault := packet.Next(in)
		if fault != packet.None {
			s.err = fault
			return
		}
		if h.Size == 0 || len(in) < h.Size+h.Body {
			more := make([]byte, 1024)
			n, err := c.Read(more)
			if n == 0 {
				if err != io.EOF {
					s.err = err
				}
				return
			}
			in = append(in, more[:n]...)
			continue
		}
		out, err := s.take(h, in[h.Size:h.Size+h.Body], &v)
		if err == nil {
			_, err = c.Write(out)
		}
		if in = in[h.Size+h.Body:]; err != nil || h.Type == packet.Disconnect {
			s.err = err
			return
		}
	}
}

// take reads one packet and returns the answer.
func (s *codecServer) take(h packet.Header, b []byte, v *packet.Version) ([]byte, error) {
	var fault packet.Fault
	var out []byte
	said := ""
	switch h.Type {
	case packet.Connect:
		var l packet.Login
		if fault = packet.ReadConnect(b, &l); fault == packet.None && l.Will != nil {
			said = fmt.Sprintf("CONNECT %s %s %s %d will %s %s %d", l.ClientID, l.User, l.Password, l.KeepAlive, l.Will.Topic, l.Will.Payload, l.Will.QoS)
		}
		*v = l.Version
		out = packet.AppendConnack(nil, *v, 0, packet.Announcement{KeepAlive: 60, Receive: 64, MaxPacket: 17408})
	case packet.Publish:
		var m packet.Message
		fault = packet.ReadPublish(h, b, *v, &m)
		said = fmt.Sprintf("PUBLISH %s %s QoS %d", m.Topic, m.Payload, m.QoS)
		out = packet.AppendAnswer(nil, *v, packet.Puback, m.ID, packet.Success)
	case packet.Puback:
		var a packet.Answer
		a, fault = packet.ReadAnswer(h.Type, b, *v)
		said = fmt.Sprintf("PUBACK %d", a.ID)
	case packet.Subscribe, packet.Unsubscribe:
		var sub packet.Subscription
		get, name, answer := packet.ReadUnsubscribe, "UNSUBSCRIBE ", packet.Unsuback
		if h.Type == packet.Subscribe {
			get, name, answer = packet.ReadSubscribe, "SUBSCRIBE ", packet.Suback
		}
		fault = get(b, *v, &sub)
		var topics []string
		for f, ok := sub.Filters.Next(); ok; f, ok = sub.Filters.Next() {
			topics = append(topics, string(f.Topic))
		}
		said, out = name+strings.Join(topics, ","), packet.AppendSuback(nil, *v, answer, sub.ID, make([]byte, sub.Count))
		if h.Type == packet.Unsubscribe { // mosquitto_sub ends after the message
			out = packet.AppendPublish(out, *v, 1, 7, "m/1/down/", "x", []byte("from the codec"))
		}
	case packet.Disconnect:
		fault, said = body(h, b, *v), "DISCONNECT"
	default:
		return nil, fmt.Errorf("packet of type %d", h.Type)
	}
	if s.heard = append(s.heard, said); fault != packet.None {
		return nil, fmt.Errorf("%s: %w", said, fault)
	}
	return out, nil
}

// TestAServerOfMosquitto compares, byte for byte, what mosquitto's server sends with what this codec writes in its place.
func TestAServerOfMosquitto(t *testing.T) {
	address := mosquittoServer(t)
	for v, talk := range map[packet.Version][]func(io.Writer) error{packet.V311: talk311(), packet.V5: talk5()} {
		t.Run(fmt.Sprintf("level %d", v), func(t *testing.T) {
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			_ = c.SetDeadline(time.Now().Add(await.Limit)) // a missed deadline shows as an error of the next read
			say := func(write func(io.Writer) error) {
				if err := write(c); err != nil {
					t.Fatal(err)
				}
			}
			in := bufio.NewReader(c)
			hear := func() []byte {
				first, err := in.ReadByte()
				if err != nil {
					t.Fatal(err)
				}
				size, err := binary.ReadUvarint(in) // MQTT encodes lengths as varints
				if err != nil || size > 1<<10 {
					t.Fatalf("a packet of %d bytes, %v", size, err)
				}
				b := make([]byte, size)
				if _, err := io.ReadFull(in, b); err != nil {
					t.Fatal(err)
				}
				return framed(first, b)
			}
			same := func(what string, want []byte) {
				if got := hear(); !bytes.Equal(got, want) {
					t.Errorf("%s: mosquitto sent %x, the codec writes %x", what, got, want)
				}
			}
			say(talk[0])
			if got := hear(); v == packet.V311 && !bytes.Equal(got, packet.AppendConnack(nil, v, 0, packet.Announcement{})) {
				t.Errorf("CONNACK %x", got)
			} // the properties of another server differ
			say(talk[1])
			same("SUBACK", packet.AppendSuback(nil, v, packet.Suback, 9, []byte{1, 0}))
			say(talk[2])
			sent := map[packet.Type][]byte{}
			for range 2 {
				b := hear()
				sent[packet.Type(b[0]>>4)] = b
			}
			if want := packet.AppendAnswer(nil, v, packet.Puback, 300, packet.Success); !bytes.Equal(sent[packet.Puback], want) {
				t.Errorf("PUBACK: mosquitto sent %x, the codec writes %x", sent[packet.Puback], want)
			}
			if want := packet.AppendPublish(nil, v, 1, 1, "m/1/down/", "token", []byte(longPayload)); !bytes.Equal(sent[packet.Publish], want) {
				t.Errorf("PUBLISH: mosquitto sent %x, the codec writes %x", sent[packet.Publish], want)
			}
			say(talk[3])
			same("UNSUBACK", packet.AppendSuback(nil, v, packet.Unsuback, 10, []byte{0}))
			say(func(w io.Writer) error { _, err := w.Write([]byte{0xc0, 0}); return err })
			same("PINGRESP", packet.AppendPingresp(nil))
		})
	}
}

// longPayload makes a packet whose length takes two bytes.
var longPayload = strings.Repeat("0123456789", 20)

// talk311 says CONNECT, SUBSCRIBE, PUBLISH and UNSUBSCRIBE of MQTT 3.1.1; talk5 says them of MQTT 5.
func talk311() []func(io.Writer) error {
	connect := paho.NewControlPacket(paho.Connect).(*paho.ConnectPacket)
	connect.ProtocolName, connect.ProtocolVersion, connect.ClientIdentifier, connect.CleanSession = "MQTT", 4, "c4", true
	subscribe := paho.NewControlPacket(paho.Subscribe).(*paho.SubscribePacket)
	subscribe.MessageID, subscribe.Topics, subscribe.Qoss = 9, []string{"m/1/down/#", "z"}, []byte{1, 0}
	publish := paho.NewControlPacket(paho.Publish).(*paho.PublishPacket)
	publish.TopicName, publish.Payload, publish.Qos, publish.MessageID = "m/1/down/token", []byte(longPayload), 1, 300
	unsubscribe := paho.NewControlPacket(paho.Unsubscribe).(*paho.UnsubscribePacket)
	unsubscribe.MessageID, unsubscribe.Topics = 10, []string{"z"}
	return []func(io.Writer) error{connect.Write, subscribe.Write, publish.Write, unsubscribe.Write}
}

func talk5() []func(io.Writer) error {
	to := func(p interface {
		WriteTo(io.Writer) (int64, error)
	}) func(io.Writer) error {
		return func(w io.Writer) error { _, err := p.WriteTo(w); return err }
	}
	publish := paho5.Publish{Topic: "m/1/down/token", Payload: []byte(longPayload), QoS: 1, PacketID: 300, Properties: &paho5.Properties{}}
	return []func(io.Writer) error{
		to(&paho5.Connect{ProtocolName: "MQTT", ProtocolVersion: 5, ClientID: "c5", CleanStart: true, Properties: &paho5.Properties{}}),
		to(&paho5.Subscribe{PacketID: 9, Properties: &paho5.Properties{}, Subscriptions: []paho5.SubOptions{{Topic: "m/1/down/#", QoS: 1}, {Topic: "z"}}}),
		func(w io.Writer) error { _, err := publish.ToControlPacket().WriteTo(w); return err },
		to(&paho5.Unsubscribe{PacketID: 10, Properties: &paho5.Properties{}, Topics: []string{"z"}}),
	}
}

// mosquittoServer starts mosquitto until the test ends and returns its address.
func mosquittoServer(t *testing.T) string {
	t.Helper()
	address := await.FreeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	conf := filepath.Join(t.TempDir(), "mosquitto.conf")
	if err := os.WriteFile(conf, []byte("listener "+port+" 127.0.0.1\nallow_anonymous true\nuser root\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(tier.Program(t, "mosquitto"), "-c", conf)
	said := t.Output()
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(cmd.Process.Kill(), cmd.Wait()) })
	await.True(t, "mosquitto listens", func() bool {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return false
		}
		_ = c.Close()
		return true
	})
	return address
}
