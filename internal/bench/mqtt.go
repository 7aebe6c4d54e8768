package bench

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/paywatt/paywatt/wire"
)

// First bytes of the packets that a bench meter sends and receives (MQTT 3.1.1, section 2.2).
const (
	mqttConnect   = 0x10
	mqttConnack   = 0x20
	mqttPublish1  = 0x32 // QoS 1
	mqttPuback    = 0x40
	mqttSubscribe = 0x82
	mqttSuback    = 0x90
	mqttKind      = 0xf0 // the bits of the packet type
)

// patience is how long a bench meter waits for an answer.
const patience = 30 * time.Second

// wireMeter is the cheapest meter that follows the protocol, because the bench measures the server, which runs in the
// same process.
type wireMeter struct {
	number string
	conn   net.Conn
	in     *bufio.Reader
	flight int
	store  string
	sent   []atomic.Int64 // when each message was sent, by packet identifier, in nanoseconds since the bench began
	room   chan struct{}  // one entry per message in flight
	seq    uint64
}

// connectMeter logs a meter in at a server and subscribes it to its messages.
func connectMeter(j Job, i, flight int) (*wireMeter, error) {
	login := j.Logins[i]
	conn, err := net.Dial("tcp", j.Address)
	if err != nil {
		return nil, fmt.Errorf("connect meter %d: %w", i, err)
	}
	if j.TLS {
		c, err := j.meterTLS(login.Number)
		if err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		conn = tls.Client(conn, c)
	}
	m := &wireMeter{number: login.Number, conn: conn, in: bufio.NewReaderSize(conn, 1<<10), flight: flight,
		store: fmt.Sprintf("%016x", i+1), sent: make([]atomic.Int64, flight+1), room: make(chan struct{}, flight)}
	if err := m.login(login.Password); err != nil {
		return nil, errors.Join(fmt.Errorf("log meter %s in: %w", m.number, err), conn.Close())
	}
	return m, nil
}

func (m *wireMeter) login(password string) error {
	p := appendText(nil, "MQTT")
	p = append(p, 4, 0xc2, 2, 0x58) // version 3.1.1; user name, password, clean session; keep-alive 600 s
	for _, text := range []string{m.number, m.number, password} {
		p = appendText(p, text)
	}
	if err := m.exchange(mqttConnect, p, mqttConnack); err != nil {
		return err
	}
	p = appendText([]byte{0, 1}, wire.DownFilter(m.number))
	return m.exchange(mqttSubscribe, append(p, 1), mqttSuback)
}

// exchange sends a packet and checks that the answer has the wanted type and is not a refusal.
func (m *wireMeter) exchange(first byte, body []byte, want byte) error {
	if _, err := m.conn.Write(packetOf(nil, first, body)); err != nil {
		return err
	}
	got, body, err := m.read()
	if err != nil {
		return err
	}
	if got != want || body[len(body)-1] > 1 {
		return fmt.Errorf("the server answered %#x %x", got, body)
	}
	return nil
}

// run sends messages until the given end. The parameter batch is the number of readings in each message. Afterwards run
// waits for the last answers. It returns how many readings became durable and how long each message took.
func (m *wireMeter) run(ctx context.Context, end time.Time, batch int) (readings int64, took []time.Duration, err error) {
	began := time.Now()
	boot, err := wire.EncodeUp(wire.JSON, wire.Boot{Memory: m.store, Lowest: 1, Next: m.seq + 1, Boot: 1, Proto: 1}.Record())
	if err != nil {
		return 0, nil, err
	}
	ended := make(chan answers, 1)
	go func() { ended <- m.answers(began) }()
	messages, fail := int64(0), m.publish(began, wire.KindBoot, boot)
	var payload []byte
	for fail == nil && time.Now().Before(end) && ctx.Err() == nil {
		payload = m.readings(payload[:0], batch)
		fail = m.publish(began, wire.KindReading, payload)
		messages++
	}
	for range m.flight { // when all room is free, all messages are answered
		select {
		case m.room <- struct{}{}:
		case a := <-ended:
			return 0, nil, errors.Join(fail, a.err)
		}
	}
	if err := m.conn.Close(); err != nil {
		return 0, nil, err
	}
	a := <-ended
	if a.err != nil && !errors.Is(a.err, net.ErrClosed) {
		return 0, nil, a.err
	}
	return messages * int64(batch), a.took[1:], errors.Join(fail, ctx.Err()) // the first answer belongs to the boot message
}

// answers are the answers a meter received until its connection ended.
type answers struct {
	took []time.Duration // time of each message, from sending to PUBACK
	err  error
}

// publish sends one message when there is room. Packet identifiers are reused in turn. An identifier is free again
// once its message was answered. The answers come in order, because the server commits the messages of a meter in
// order.
func (m *wireMeter) publish(began time.Time, k wire.Kind, payload []byte) error {
	select {
	case m.room <- struct{}{}:
	case <-time.After(patience):
		return fmt.Errorf("meter %s got no answer for %s", m.number, patience)
	}
	m.seq++
	packet := uint16(m.seq%uint64(m.flight)) + 1
	m.sent[packet].Store(int64(time.Since(began)))
	body := appendText(make([]byte, 0, 64+len(payload)), wire.UpTopic(m.number, k))
	body = binary.BigEndian.AppendUint16(body, packet)
	_, err := m.conn.Write(packetOf(make([]byte, 0, 80+len(payload)), mqttPublish1, append(body, payload...)))
	return err
}

// readings appends the next readings, as one record or as a list.
func (m *wireMeter) readings(p []byte, batch int) []byte {
	if batch > 1 {
		p = append(p, '[')
	}
	for i := range batch {
		if i > 0 {
			p = append(p, ',')
		}
		n := (m.seq-1)*uint64(batch) + uint64(i) + 1
		p = append(p, `{"seq":`...)
		p = strconv.AppendUint(p, n, 10)
		p = append(p, `,"at":1795161600,"up":`...)
		p = strconv.AppendUint(p, n*1000, 10)
		p = append(p, `,"clock":"valid","register_wh":`...)
		p = strconv.AppendUint(p, n*120, 10)
		p = append(p, `,"balance_wh":8120,"ec_used_wh":0,"overrun_wh":0,"w":381,"mv":230400,"relay":"closed","reasons":[]}`...)
	}
	if batch > 1 {
		p = append(p, ']')
	}
	return p
}

// answers reads until the connection ends. It frees the room of answered messages and acknowledges incoming ones.
func (m *wireMeter) answers(began time.Time) (a answers) {
	for {
		kind, body, err := m.read()
		if err != nil {
			a.err = err
			return a
		}
		switch kind & mqttKind {
		case mqttPuback:
			packet := binary.BigEndian.Uint16(body)
			if int(packet) >= len(m.sent) {
				a.err = fmt.Errorf("PUBACK of %d, which was not sent", packet)
				return a
			}
			a.took = append(a.took, time.Since(began)-time.Duration(m.sent[packet].Load()))
			<-m.room
		case mqttPublish1 & mqttKind:
			topic := int(binary.BigEndian.Uint16(body))
			if _, err := m.conn.Write(packetOf(nil, mqttPuback, body[2+topic:4+topic])); err != nil {
				a.err = err
				return a
			}
		}
	}
}

// read reads one packet.
func (m *wireMeter) read() (first byte, body []byte, err error) {
	if first, err = m.in.ReadByte(); err != nil {
		return 0, nil, err
	}
	size, err := binary.ReadUvarint(m.in) // MQTT encodes lengths as varints
	if err != nil || size > wire.MaxPayload {
		return 0, nil, errors.Join(err, errors.New("a packet of the server has no sensible length"))
	}
	body = make([]byte, size)
	_, err = io.ReadFull(m.in, body)
	return first, body, err
}

// packetOf appends a packet: fixed header and body.
func packetOf(to []byte, first byte, body []byte) []byte {
	return append(binary.AppendUvarint(append(to, first), uint64(len(body))), body...)
}

// appendText appends a text with its length in front.
func appendText(to []byte, text string) []byte {
	return append(binary.BigEndian.AppendUint16(to, uint16(len(text))), text...)
}
