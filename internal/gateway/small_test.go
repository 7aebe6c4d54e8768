package gateway_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/gateway"
	"github.com/paywatt/paywatt/wire"
)

// smallBuffer is the buffer of the usual MQTT library of Arduinos. A packet that does not fit is lost without a word.
const smallBuffer = 256

// small is a client of that kind: MQTT 3.1.1, messages with QoS 0, one filter in each SUBSCRIBE, and one buffer for everything.
type small struct {
	p   *peer
	buf [smallBuffer]byte
}

// publish sends a message if topic and payload fit beside the five bytes that the library reserves.
func (s *small) publish(topic string, payload []byte) bool {
	if 7+len(topic)+len(payload) > smallBuffer {
		return false
	}
	s.p.sends(frame(0x30, append(binary.BigEndian.AppendUint16(nil, uint16(len(topic))), append([]byte(topic), payload...)...)))
	return true
}

// next reads a packet into the buffer; body is nil if it was too large, and then it is lost.
func (s *small) next() (first byte, body []byte) {
	s.p.t.Helper()
	_ = s.p.conn.SetReadDeadline(time.Now().Add(patience))
	first, err := s.p.in.ReadByte()
	if err != nil {
		s.p.t.Fatal(err)
	}
	n, err := binary.ReadUvarint(s.p.in)
	if err != nil {
		s.p.t.Fatal(err)
	}
	if n > smallBuffer-5 {
		_, err = io.CopyN(io.Discard, s.p.in, int64(n))
	} else {
		body = s.buf[:n]
		_, err = io.ReadFull(s.p.in, body)
	}
	if err != nil {
		s.p.t.Fatal(err)
	}
	return first, body
}

// frame puts the first byte and the length before a body.
func frame(first byte, body []byte) []byte {
	return append(binary.AppendUvarint([]byte{first}, uint64(len(body))), body...)
}

// TestAClientWithASmallBuffer: a client that sends with QoS 0 and has 256 bytes for a packet is a whole meter. Its records are stored,
// and acknowledgements and tokens fit its buffer. What does not fit is lost there and changes nothing else.
func TestAClientWithASmallBuffer(t *testing.T) {
	store := newShelf()
	b := start(t, gateway.Config{Inbox: store.inbox})
	user := number(1)
	s := &small{p: dial(t, b)}
	s.p.sends(connect311(4, 0xc2, user, user, "pw"+user))
	s.p.gets("CONNACK", "20020000")
	s.p.sends(short(0x82, 0, 2, wire.DownFilter(user), 0)) // the library's first number is 2
	s.p.gets("SUBACK", "9003 0002 00")
	for i := range uint64(3) {
		record := fmt.Appendf(nil, `{"seq":%d,"at":1795161600,"up":60000,"clock":"valid","register_wh":120433,"balance_wh":8120,"w":381,"mv":230400,"relay":"closed","reasons":[]}`, i+1)
		if !s.publish(wire.UpTopic(user, wire.KindReading), record) {
			t.Fatalf("a reading of %d bytes does not fit", len(record))
		}
		first, body := s.next()
		topic := wire.DownTopic(user, wire.DownAck)
		if payload, ok := bytes.CutPrefix(body, append([]byte{0, byte(len(topic))}, topic...)); first != 0x30 || !ok || !bytes.Contains(payload, fmt.Appendf(nil, `"seq":%d`, i+1)) {
			t.Errorf("reading %d answered %x %q", i+1, first, body)
		}
	}
	token := []byte(`{"request":"tok_01jd00000000000000000000000","digits":"12345678901234567890"}`)
	for _, m := range []struct {
		kind    wire.Down
		payload []byte
		fits    bool
	}{{wire.DownToken, token, true}, {wire.DownConfig, make([]byte, 400), false}, {wire.DownToken, token, true}} {
		if !b.Publish(user, m.kind, m.payload) {
			t.Fatalf("%s was not taken", m.kind)
		}
		if first, body := s.next(); first != 0x30 || (body != nil) != m.fits || m.fits && !bytes.HasSuffix(body, m.payload) {
			t.Errorf("%s of %d bytes came as %x with %d bytes, fits: %v", m.kind, len(m.payload), first, len(body), m.fits)
		}
	}
	s.p.sends([]byte{0xc0, 0})
	s.p.gets("PINGRESP", "d000")
	s.p.sends([]byte{0xe0, 0})
	gone(t, b)
}
