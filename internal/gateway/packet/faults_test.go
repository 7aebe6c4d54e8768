package packet_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/gateway/packet"
)

// read reads one whole packet of a client, as a server does.
func read(b []byte, v packet.Version) (packet.Header, packet.Fault) {
	h, f := packet.Next(b)
	if f != packet.None || h.Size == 0 || len(b) < h.Size+h.Body {
		return h, f
	}
	return h, body(h, b[h.Size:h.Size+h.Body], v)
}

func body(h packet.Header, b []byte, v packet.Version) packet.Fault {
	switch h.Type {
	case packet.Connect:
		return packet.ReadConnect(b, new(packet.Login))
	case packet.Publish:
		return packet.ReadPublish(h, b, v, new(packet.Message))
	case packet.Puback, packet.Pubrec, packet.Pubrel, packet.Pubcomp:
		_, f := packet.ReadAnswer(h.Type, b, v)
		return f
	case packet.Subscribe:
		return packet.ReadSubscribe(b, v, new(packet.Subscription))
	case packet.Unsubscribe:
		return packet.ReadUnsubscribe(b, v, new(packet.Subscription))
	case packet.Disconnect:
		_, f := packet.ReadDisconnect(b, v)
		return f
	case packet.Pingreq:
		return packet.Empty(b)
	}
	return packet.None
}

// bytesOf reads hexadecimal digits with spaces, and texts in quotes, which get their length before them.
func bytesOf(t testing.TB, s string) (out []byte) {
	t.Helper()
	for i, part := range strings.Split(s, `"`) {
		if i%2 == 1 {
			out = append(out, byte(len(part)>>8), byte(len(part)))
			out = append(out, part...)
			continue
		}
		b, err := hex.DecodeString(strings.ReplaceAll(part, " ", ""))
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		out = append(out, b...)
	}
	return out
}

// framed puts the first byte and the length before a body.
func framed(first byte, body []byte) []byte {
	out := []byte{first}
	for n := len(body); ; n >>= 7 {
		if n < 0x80 {
			out = append(out, byte(n))
			break
		}
		out = append(out, byte(n)|0x80)
	}
	return append(out, body...)
}

// faultCase is a packet with a fault, and one that differs from it as little as possible and is right.
type faultCase struct {
	clause  string
	version packet.Version
	first   byte
	right   string // body
	wrong   string // body
	fault   packet.Fault
}

func connectFaults() []faultCase {
	const v4, v5 = packet.V311, packet.V5
	return []faultCase{
		{"MQTT-3.1.2-1 protocol name", v4, 0x10, `"MQTT" 04 02 003c "a"`, `"MQTU" 04 02 003c "a"`, packet.BadProtocol},
		{"MQTT-3.1.2-2 level", v4, 0x10, `"MQTT" 05 02 003c 00 "a"`, `"MQTT" 06 02 003c 00 "a"`, packet.BadVersion},
		{"MQTT 3.1 has its own name", v4, 0x10, `"MQIsdp" 03 02 003c "a"`, `"MQIsdp" 04 02 003c "a"`, packet.BadProtocol},
		{"MQTT-3.1.2-3 reserved bit", v4, 0x10, `"MQTT" 04 02 003c "a"`, `"MQTT" 04 03 003c "a"`, packet.BadConnectFlags},
		{"MQTT-3.1.2-11 will QoS without will", v4, 0x10, `"MQTT" 04 02 003c "a"`, `"MQTT" 04 0a 003c "a"`, packet.BadWill},
		{"MQTT-3.1.2-13 will retain without will", v4, 0x10, `"MQTT" 04 26 003c "a" "t" "p"`, `"MQTT" 04 22 003c "a"`, packet.BadWill},
		{"MQTT-3.1.2-12 will QoS 3", v4, 0x10, `"MQTT" 04 16 003c "a" "t" "p"`, `"MQTT" 04 1e 003c "a" "t" "p"`, packet.BadWill},
		{"MQTT-3.1.2-9 a will has a payload", v4, 0x10, `"MQTT" 04 06 003c "a" "t" "p"`, `"MQTT" 04 06 003c "a" "t"`, packet.Short},
		{"MQTT-3.1.3-11 will topic not UTF-8", v4, 0x10, `"MQTT" 04 06 003c "a" 0001 74 "p"`, `"MQTT" 04 06 003c "a" 0001 ff "p"`, packet.BadString},
		{"MQTT-3.1.3-12 user name not UTF-8", v4, 0x10, `"MQTT" 04 82 003c "a" 0001 75`, `"MQTT" 04 82 003c "a" 0001 ff`, packet.BadString},
		{"MQTT-3.1.2-16 user name without its flag", v4, 0x10, `"MQTT" 04 82 003c "a" "u"`, `"MQTT" 04 02 003c "a" "u"`, packet.Trailing},
		{"MQTT-3.1.2-17 flag without its user name", v4, 0x10, `"MQTT" 04 82 003c "a" "u"`, `"MQTT" 04 82 003c "a"`, packet.Short},
		{"MQTT-3.1.2-18 password without its flag", v4, 0x10, `"MQTT" 04 c2 003c "a" "u" "p"`, `"MQTT" 04 82 003c "a" "u" "p"`, packet.Trailing},
		{"will topic with a wildcard", v4, 0x10, `"MQTT" 04 06 003c "a" "t" "p"`, `"MQTT" 04 06 003c "a" "t/#" "p"`, packet.BadTopicName},
		{"3.1.1 MQTT-3.1.2-22 password without name", v4, 0x10, `"MQTT" 04 c2 003c "a" "u" "p"`, `"MQTT" 04 42 003c "a" "p"`, packet.UserWithoutName},
		{"MQTT-3.1.2-19 MQTT 5 allows it, with the password", v5, 0x10, `"MQTT" 05 42 003c 00 "a" "p"`, `"MQTT" 05 42 003c 00 "a"`, packet.Short},
		{"MQTT-3.1.4-1 ends inside a field", v4, 0x10, `"MQTT" 04 02 003c "a"`, `"MQTT" 04 02 003c 0002 61`, packet.Short},
		{"MQTT-3.1.4-1 goes on", v4, 0x10, `"MQTT" 04 02 003c "a"`, `"MQTT" 04 02 003c "a" 00`, packet.Trailing},
		{"MQTT-1.5.4-1 not UTF-8", v4, 0x10, `"MQTT" 04 02 003c 0001 61`, `"MQTT" 04 02 003c 0001 ff`, packet.BadString},
		{"MQTT-1.5.4-1 surrogate", v4, 0x10, `"MQTT" 04 02 003c 0003 e282ac`, `"MQTT" 04 02 003c 0003 eda080`, packet.BadString},
		{"MQTT-1.5.4-2 U+0000", v4, 0x10, `"MQTT" 04 02 003c 0001 01`, `"MQTT" 04 02 003c 0001 00`, packet.BadString},
		{"MQTT-1.5.4-3 U+FEFF is kept", v4, 0x10, `"MQTT" 04 02 003c 0003 efbbbf`, `"MQTT" 04 02 003c 0003 efbb00`, packet.BadString},
		{"§2.2.2.2 not in CONNECT", v5, 0x10, `"MQTT" 05 02 003c 05 11 00000005 "a"`, `"MQTT" 05 02 003c 03 230001 "a"`, packet.BadProperty},
		{"§2.2.2.2 unknown", v5, 0x10, `"MQTT" 05 02 003c 05 27 00000005 "a"`, `"MQTT" 05 02 003c 02 7f00 "a"`, packet.BadProperty},
		{"§3.1.2.11.2 twice", v5, 0x10, `"MQTT" 05 02 003c 03 210001 "a"`, `"MQTT" 05 02 003c 06 210001 210001 "a"`, packet.TwiceProperty},
		{"§3.1.2.11.8 user properties repeat", v5, 0x10, `"MQTT" 05 02 003c 0e 26"a""b" 26"a""b" "a"`, `"MQTT" 05 02 003c 0e 26"a""b" 26"a"000262 "a"`, packet.Short},
		{"MQTT-1.5.7-1 the name of a pair", v5, 0x10, `"MQTT" 05 02 003c 07 26"a""b" "a"`, `"MQTT" 05 02 003c 07 26 0001 ff "b" "a"`, packet.BadString},
		{"MQTT-1.5.7-1 the value of a pair", v5, 0x10, `"MQTT" 05 02 003c 07 26"a""b" "a"`, `"MQTT" 05 02 003c 07 26"a" 0001 ff "a"`, packet.BadString},
		{"§3.1.2.11.3 receive maximum 0", v5, 0x10, `"MQTT" 05 02 003c 03 210001 "a"`, `"MQTT" 05 02 003c 03 210000 "a"`, packet.BadPropertyValue},
		{"§3.1.2.11.4 packet size 0", v5, 0x10, `"MQTT" 05 02 003c 05 2700000001 "a"`, `"MQTT" 05 02 003c 05 2700000000 "a"`, packet.BadPropertyValue},
		{"§3.1.2.11.6 a byte of 0 or 1", v5, 0x10, `"MQTT" 05 02 003c 02 1901 "a"`, `"MQTT" 05 02 003c 02 1902 "a"`, packet.BadPropertyValue},
		{"MQTT-1.5.5-1 fewest bytes", v5, 0x10, `"MQTT" 05 02 003c 00 "a"`, `"MQTT" 05 02 003c 8000 "a"`, packet.BadVarint},
		{"§1.5.5 four bytes", v5, 0x10, `"MQTT" 05 02 003c 00 "a"`, `"MQTT" 05 02 003c ffffffff7f "a"`, packet.BadVarint},
		{"properties longer than the packet", v5, 0x10, `"MQTT" 05 02 003c 00 "a"`, `"MQTT" 05 02 003c 7f "a"`, packet.Short},
	}
}

func otherFaults() []faultCase {
	const v4, v5 = packet.V311, packet.V5
	return []faultCase{
		{"MQTT-3.3.1-4 QoS 3", v4, 0x36, "", `"t" 0001`, packet.BadQoS},
		{"MQTT-3.3.1-2 DUP without QoS", v4, 0x38, "", `"t"`, packet.BadDup},
		{"MQTT-2.2.1-3 identifier", v4, 0x32, `"t" 0001`, `"t" 0000`, packet.BadID},
		{"MQTT-3.3.2-2 wildcard", v4, 0x30, `"t/x"`, `"t/+"`, packet.BadTopicName},
		{"MQTT-3.3.2-1 topic not UTF-8", v4, 0x30, `0001 74`, `0001 ff`, packet.BadString},
		{"MQTT-4.7.3-2 U+0000 in a topic", v4, 0x30, `0001 74`, `0001 00`, packet.BadString},
		{"MQTT-4.7.3-1 empty topic", v4, 0x30, `"/"`, `""`, packet.BadTopicName},
		{"§3.3.2.3.4 an alias may replace a topic", v5, 0x30, `"" 03 230001`, `"" 00`, packet.BadTopicName},
		{"MQTT-3.3.2-8 alias 0", v5, 0x30, `"t" 03 230001`, `"t" 03 230000`, packet.BadPropertyValue},
		{"MQTT-3.3.2-14 response topic with a wildcard", v5, 0x30, `"t" 04 08"r"`, `"t" 04 08"#"`, packet.BadTopicName},
		{"MQTT-3.3.2-13 response topic not UTF-8", v5, 0x30, `"t" 04 08 0001 72`, `"t" 04 08 0001 ff`, packet.BadString},
		{"MQTT-3.3.2-19 content type not UTF-8", v5, 0x30, `"t" 04 03 0001 72`, `"t" 04 03 0001 ff`, packet.BadString},
		{"MQTT-3.3.4-6 subscription identifier from a client", v5, 0x30, `"t" 02 0101`, `"t" 02 0b01`, packet.BadProperty},

		{"MQTT-3.8.1-1 flags", v4, 0x80, "", `0001 "t" 00`, packet.BadFlags},
		{"MQTT-3.8.3-1 filter not UTF-8", v4, 0x82, `0001 0001 74 00`, `0001 0001 ff 00`, packet.BadString},
		{"MQTT-4.7.3-2 U+0000 in a filter", v4, 0x82, `0001 0001 74 00`, `0001 0001 00 00`, packet.BadString},
		{"MQTT-3.8.3-2 no filter", v4, 0x82, `0001 "t" 00`, `0001`, packet.NoFilters},
		{"MQTT-3.8.3-5 reserved bits", v4, 0x82, `0001 "t" 02`, `0001 "t" 04`, packet.ReservedOptions},
		{"MQTT-3.8.3-5 the first reserved bit", v5, 0x82, `0001 00 "t" 2d`, `0001 00 "t" 6d`, packet.ReservedOptions},
		{"MQTT-3.8.3-5 the second reserved bit", v5, 0x82, `0001 00 "t" 2d`, `0001 00 "t" ad`, packet.ReservedOptions},
		{"§3.8.3.1 QoS 3 in version 5", v5, 0x82, `0001 00 "t" 02`, `0001 00 "t" 03`, packet.BadOptions},
		{"§3.8.3.1 QoS 3", v4, 0x82, `0001 "t" 02`, `0001 "t" 03`, packet.BadOptions},
		{"§3.8.3.1 retain handling 3", v5, 0x82, `0001 00 "t" 2d`, `0001 00 "t" 3d`, packet.BadOptions},
		{"MQTT-3.8.3-4 no local of a shared subscription", v5, 0x82, `0001 00 "$share/g/t" 01`, `0001 00 "$share/g/t" 05`, packet.BadOptions},
		{"§3.8.2.1.2 subscription identifier 0", v5, 0x82, `0001 02 0b01 "t" 01`, `0001 02 0b00 "t" 01`, packet.BadPropertyValue},
		{"MQTT-4.7.1-1 # is the last", v4, 0x82, `0001 "t/#" 00`, `0001 "t/#/x" 00`, packet.BadFilterForm},
		{"MQTT-4.7.1-1 # is alone", v4, 0x82, `0001 "#" 00`, `0001 "t#" 00`, packet.BadFilterForm},
		{"MQTT-4.7.1-2 + is alone", v4, 0x82, `0001 "+/+" 00`, `0001 "t+/x" 00`, packet.BadFilterForm},
		{"MQTT-4.7.3-1 empty filter", v4, 0x82, `0001 "/" 00`, `0001 "" 00`, packet.BadFilterForm},
		{"MQTT-3.10.1-1 flags", v4, 0xa0, "", `0001 "t"`, packet.BadFlags},
		{"MQTT-3.10.3-1 filter not UTF-8", v4, 0xa2, `0001 0001 74`, `0001 0001 ff`, packet.BadString},
		{"MQTT-3.10.3-2 no filter", v4, 0xa2, `0001 "t"`, `0001`, packet.NoFilters},
		{"MQTT-2.2.1-3 identifier", v4, 0xa2, `0001 "t"`, `0000 "t"`, packet.BadID},

		{"MQTT-3.4.2-1 reason", v5, 0x40, `0001 10`, `0001 92`, packet.BadReason},
		{"MQTT-3.5.2-1 reason", v5, 0x50, `0001 10`, `0001 92`, packet.BadReason},
		{"MQTT-3.6.1-1 flags", v4, 0x60, "", `0001`, packet.BadFlags},
		{"MQTT-3.6.2-1 reason", v5, 0x62, `0001 92`, `0001 10`, packet.BadReason},
		{"MQTT-3.7.2-1 reason", v5, 0x70, `0001 92`, `0001 10`, packet.BadReason},
		{"MQTT-3.15.1-1 flags", v5, 0xf1, "", ``, packet.BadFlags},
		{"3.1.1 has no reason", v4, 0x40, `0001`, `0001 00`, packet.Trailing},
		{"MQTT-3.14.1-1 flags", v4, 0xe1, "", ``, packet.BadFlags},
		{"MQTT-3.14.2-1 reason", v5, 0xe0, `04`, `8b`, packet.BadReason},
		{"3.1.1 §3.14 has no body", v4, 0xe0, ``, `00`, packet.Trailing},
		{"§3.12 has no body", v4, 0xc0, ``, `00`, packet.Trailing},
		{"§2.1.2 reserved type", v4, 0x00, "", ``, packet.NotFromClient},
		{"§3.2 from a server", v4, 0x20, "", `0000`, packet.NotFromClient},
		{"§3.13 from a server", v4, 0xd0, "", ``, packet.NotFromClient},
	}
}

// TestFaults has a packet for each way to break the standard, beside a packet that differs from it as little as possible and is right.
func TestFaults(t *testing.T) {
	seen := map[packet.Fault]bool{packet.None: true}
	for _, c := range append(connectFaults(), otherFaults()...) {
		seen[c.fault] = true
		_, f := read(framed(c.first, bytesOf(t, c.wrong)), c.version)
		if f != c.fault {
			t.Errorf("%s: %s read with %v, want %v", c.clause, c.wrong, f, c.fault)
		}
		if f.Reason() == packet.Success || !strings.Contains(f.Error(), "(") {
			t.Errorf("%s: no reason or clause: %v", c.clause, f)
		}
		if c.right == "" && c.first&0x0f != 0 || c.fault == packet.NotFromClient || c.fault == packet.BadFlags {
			continue // every packet with this first byte is wrong
		}
		if _, f := read(framed(c.first, bytesOf(t, c.right)), c.version); f != packet.None {
			t.Errorf("%s: %s read with %v, want no fault", c.clause, c.right, f)
		}
	}
	if _, f := packet.Next([]byte{0x30, 0xff, 0xff, 0xff, 0x80}); f != packet.BadLength {
		t.Errorf("a length of five bytes read with %v", f)
	}
	seen[packet.BadLength] = true
	for f := packet.None; !strings.HasPrefix(f.Error(), "unknown"); f++ {
		if !seen[f] {
			t.Errorf("no packet shows the fault %v", f)
		}
	}
}

// TestEveryCut reads every beginning of good packets: bytes that are missing are waited for, or are a fault inside the body.
func TestEveryCut(t *testing.T) {
	for _, b := range seeds(t) {
		h, f := packet.Next(b)
		if f != packet.None || h.Size+h.Body != len(b) {
			t.Fatalf("%x: %+v, %v", b, h, f)
		}
		for n := range h.Size {
			if cut, f := packet.Next(b[:n]); f != packet.None || cut.Size != 0 {
				t.Errorf("%x cut to %d bytes: %+v, %v; want a wait for more", b, n, cut, f)
			}
		}
		for n := range h.Body {
			_ = body(h, b[h.Size:h.Size+n], packet.V5) // must not panic
			_ = body(h, b[h.Size:h.Size+n], packet.V311)
		}
	}
}

// seeds are good packets of clients, among them those of the small libraries that boards use.
func seeds(t testing.TB) [][]byte {
	return [][]byte{
		framed(0x10, bytesOf(t, `"MQTT" 04 02 000f "electricitymeterGSM"`)),
		framed(0x30, append(bytesOf(t, `"GsmClientTest/init"`), "GsmClientTest started"...)),
		framed(0x82, bytesOf(t, `0002 "GsmClientTest/led" 00`)),
		framed(0x30, append(bytesOf(t, `"GsmClientTest/ledStatus"`), '1')),
		{0xc0, 0}, {0xe0, 0}, {0x40, 2, 0, 1},
		framed(0x10, bytesOf(t, `"MQTT" 05 ee 003c 11 1100000005 21000a 22000a 1901 1701 "a" 05 1800000001 "t" "p" "u" "pw"`)),
		framed(0x3d, bytesOf(t, `"m/1/up/x" 0007 0d 0101 0200000001 03"j" 23 0001 7b7d`)),
		framed(0x82, bytesOf(t, `0001 07 26"a""b" "m/1/down/#" 01 "x/+" 2e`)),
		framed(0xa2, bytesOf(t, `0001 00 "m/1/down/#" "x"`)),
		framed(0xe0, bytesOf(t, `04 05 1100000000`)),
		framed(0x40, bytesOf(t, `0001 10 04 1f"x"`)),
	}
}

// FuzzRead reads what a stranger may send. Nothing panics, nothing allocates, and the same bytes always mean the same.
func FuzzRead(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add(b, true)
		f.Add(b, false)
	}
	f.Fuzz(func(t *testing.T, b []byte, five bool) {
		v := packet.V311
		if five {
			v = packet.V5
		}
		for len(b) > 0 {
			h, fault := packet.Next(b)
			if h.Size < 0 || h.Size > 5 || h.Body < 0 || h.Body > 1<<28-1 {
				t.Fatalf("header %+v", h)
			}
			if fault != packet.None || h.Size == 0 || len(b) < h.Size+h.Body {
				return
			}
			inside(t, h, b[h.Size:h.Size+h.Body], v)
			b = b[h.Size+h.Body:]
		}
	})
}

// inside checks what a packet without a fault promises.
func inside(t *testing.T, h packet.Header, b []byte, v packet.Version) {
	switch h.Type {
	case packet.Subscribe, packet.Unsubscribe:
		var s packet.Subscription
		get := packet.ReadUnsubscribe
		if h.Type == packet.Subscribe {
			get = packet.ReadSubscribe
		}
		if get(b, v, &s) != packet.None {
			return
		}
		n := 0
		for f, ok := s.Filters.Next(); ok; f, ok = s.Filters.Next() {
			if n++; !packet.TopicFilter(f.Topic) || f.QoS > 2 {
				t.Fatalf("filter %q with QoS %d", f.Topic, f.QoS)
			}
		}
		if n != s.Count || n == 0 || s.ID == 0 {
			t.Fatalf("%d filters, counted %d, id %d", n, s.Count, s.ID)
		}
	case packet.Publish:
		var m packet.Message
		if packet.ReadPublish(h, b, v, &m) != packet.None {
			return
		}
		if m.QoS > 2 || (m.QoS > 0) != (m.ID > 0) || len(m.Payload) > len(b) {
			t.Fatalf("%+v", m)
		}
	default:
		_ = body(h, b, v)
	}
}

// TestNothingIsAllocated: what a meter sends and gets all day costs no memory of its own.
func TestNothingIsAllocated(t *testing.T) {
	message := framed(0x32, append(bytesOf(t, `"m/04140001001/up/reading" 0007`), `{"seq":1}`...))
	answer := []byte{0x40, 2, 0, 1}
	connect := framed(0x10, bytesOf(t, `"MQTT" 05 c2 003c 05 1100000005 "04140001001" "04140001001" "pw"`))
	out := make([]byte, 0, 256)
	payload := []byte(`{"seq":1}`)
	var m packet.Message
	var l packet.Login
	if n := testing.AllocsPerRun(100, func() {
		h, _ := packet.Next(message)
		if packet.ReadPublish(h, message[h.Size:], packet.V311, &m) != packet.None || packet.ReadConnect(connect[2:], &l) != packet.None {
			t.Fatal("not read")
		}
		if _, f := packet.ReadAnswer(packet.Puback, answer[2:], packet.V311); f != packet.None {
			t.Fatal(f)
		}
		b := packet.AppendAnswer(out, packet.V5, packet.Puback, 7, packet.Success)
		_ = packet.AppendPublish(b, packet.V5, 1, 7, "m/04140001001/down/", "ack", payload)
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
