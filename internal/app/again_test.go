package app_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/await"
)

// rawMeter is a meter that keeps its session in MQTT 3.1.1, and answers only when the test says so.
type rawMeter struct {
	t      *testing.T
	number string
	conn   net.Conn
	in     *bufio.Reader
}

// packet sends a packet whose body is shorter than 16 kB.
func (m *rawMeter) packet(first byte, parts ...[]byte) {
	m.t.Helper()
	body := bytes.Join(parts, nil)
	if _, err := m.conn.Write(append(binary.AppendUvarint([]byte{first}, uint64(len(body))), body...)); err != nil {
		m.t.Fatal(err)
	}
}

func mqttText(s string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(s))), s...)
}

// next returns the next packet.
func (m *rawMeter) next() (first byte, body []byte) {
	m.t.Helper()
	_ = m.conn.SetReadDeadline(time.Now().Add(await.Limit))
	first, err := m.in.ReadByte()
	n := uint64(0)
	if err == nil {
		n, err = binary.ReadUvarint(m.in)
	}
	if err == nil {
		body = make([]byte, n)
		_, err = io.ReadFull(m.in, body)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		m.t.Fatalf("%s: after %v the server still sends the meter nothing", await.NotInTime, await.Limit)
	}
	if err != nil {
		m.t.Fatal(err)
	}
	return first, body
}

// begin connects the meter, which subscribes on its first connection only.
func (m *rawMeter) begin(address, password string, first bool) {
	m.t.Helper()
	var err error
	if m.conn, err = net.Dial("tcp", address); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { _ = m.conn.Close() })
	m.in = bufio.NewReader(m.conn)
	const keepAlive = 500 // seconds, so that await.Limit ends a wait before the server ends the silent connection
	m.packet(0x10, mqttText("MQTT"), []byte{4, 0xc0, keepAlive >> 8, keepAlive & 0xff}, mqttText(m.number), mqttText(m.number), mqttText(password))
	present := byte(1)
	if first {
		present = 0
	}
	if kind, body := m.next(); kind != 0x20 || !bytes.Equal(body, []byte{present, 0}) {
		m.t.Fatalf("CONNECT answered %x %x, want the session's presence %d", kind, body, present)
	}
	if first {
		m.packet(0x82, []byte{0, 1}, mqttText("m/"+m.number+"/down/token"), []byte{1})
	}
}

// token waits for a message down/token and returns its request, its digits and its packet number. It may not be marked as a repetition.
func (m *rawMeter) token() (request, digits string, id []byte) {
	m.t.Helper()
	for {
		first, body := m.next()
		topic := mqttText("m/" + m.number + "/down/token")
		if first>>4 != 3 || !bytes.HasPrefix(body, topic) {
			continue
		}
		if first != 0x32 {
			m.t.Errorf("the message begins with %x, want QoS 1 and no mark of a repetition", first)
		}
		body = body[len(topic):]
		var down struct{ Request, Digits string }
		if err := json.Unmarshal(body[2:], &down); err != nil {
			m.t.Fatal(err)
		}
		return down.Request, down.Digits, body[:2]
	}
}

// TestTheOutboxSendsAgainAfterAReconnect: a message that its meter has not answered comes again on the next connection, as a new message
// that is not marked as a repetition, whether its PUBACK was lost (MQTT-4.4.0-1) or it was acknowledged and the meter failed before it
// acted. Once the meter itself has answered, it does not come again.
func TestTheOutboxSendsAgainAfterAReconnect(t *testing.T) {
	dir := t.TempDir()
	a := start(t, config(dir))
	run(t, a)
	c := connect(t, a, dir)
	_, address := a.Ready()
	m := &rawMeter{t: t, number: "04140001001"}
	password := tokenMeter(t, c, dir, m.number)
	sell := func(ref string) string {
		v, err := c.Vend(t.Context(), apiv1.NewSale{Meter: m.number, Tender: apiv1.Amount{AmountMinor: 10000, Currency: "KES"}, ClientRef: ref, Deliver: []string{"mqtt"}}, "")
		if err != nil || len(v.Tokens) != 1 {
			t.Fatalf("vend: got %+v, %v", v.Sale, err)
		}
		return v.Tokens[0].Digits
	}
	one := sell("till-1")
	for round, name := range []string{"first", "after a lost PUBACK", "after a PUBACK without an answer"} {
		m.begin(address, password, round == 0)
		request, digits, id := m.token()
		if digits != one {
			t.Fatalf("%s: got the token of %s, want the one with %s", name, request, one)
		}
		if round == 2 {
			report := fmt.Sprintf(`{"seq":1,"at":1795161700,"up":160000,"clock":"valid","request":%q,"tid":6777094,"base_date":2014,"class":0,"subclass":0,"result":"accept","units_wh":34700,"balance_wh":34700,"source":"remote"}`, request)
			m.packet(0x32, mqttText("m/"+m.number+"/up/token"), []byte{0, 9}, []byte(report))
			for kind := byte(0); kind != 0x40; kind, _ = m.next() {
			}
		}
		if round > 0 {
			m.packet(0x40, id)
			m.packet(0xc0)
			for kind := byte(0); kind != 0xd0; kind, _ = m.next() {
			}
		}
		_ = m.conn.Close()
	}
	two := sell("till-2")
	m.begin(address, password, false)
	if request, digits, _ := m.token(); digits != two {
		t.Errorf("after the meter's answer the token %s came first, want only the second", request)
	}
	if l, err := c.Tokens(t.Context(), apiv1.MeterFilter{Meter: m.number}); err != nil || len(l.Data) != 2 || !strings.Contains(fmt.Sprint(l.Data[0].State, l.Data[1].State), "accepted") {
		t.Errorf("the tokens are %+v, %v, want one accepted", l.Data, err)
	}
}

// tokenMeter adds a meter that takes tokens, with its tariff and vending key, and returns its password.
func tokenMeter(t *testing.T, c *client.Client, dir, number string) (password string) {
	t.Helper()
	rate := int64(2_500_000)
	if _, err := c.CreateTariff(t.Context(), apiv1.NewTariff{Name: "domestic", Price: apiv1.Price{Currency: "KES", VATBps: 1500, FlatMicro: &rate}}); err != nil {
		t.Fatal(err)
	}
	krn, kt := int64(1), int64(2)
	added, err := c.AddMeter(t.Context(), apiv1.NewMeter{Number: number, Mode: "prepay_token", Tariff: "domestic", SGC: "123456", KRN: &krn, KT: &kt, TI: "01", Simulated: true})
	if err != nil {
		t.Fatal(err)
	}
	addVendingKey(t, dir)
	return added.MQTTPassword
}
