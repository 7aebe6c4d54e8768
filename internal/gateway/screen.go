package gateway

import (
	"errors"

	"github.com/paywatt/paywatt/internal/gateway/packet"
)

// screened is the connection of a program, in front of mochi. It hands on only whole packets that our own codec has read without a fault.
// mochi 2.7.9 panics on some malformed packets, such as a SUBSCRIBE that ends after a filter, and the server would end with it.
type screened struct {
	*conn
	version packet.Version
	in      []byte // bytes of the socket that were not handed on
	good    int    // so many of them, from the first, are whole packets without a fault
	ended   error  // ends the connection once these are handed on
	signed  bool   // the program has signed in
	denied  bool   // its user name or password is wrong
}

// firstBuffer is how many bytes of the first packet are read at a time.
const firstBuffer = 512

// awaitPacket waits for the first packet. mochi keeps a queue of maxPending messages, 240 kB, for each connection that it serves, so it
// gets none that has only been opened.
func (s *screened) awaitPacket() error { return s.fill(make([]byte, firstBuffer)) }

// Read reads whole packets from the program.
func (s *screened) Read(p []byte) (int, error) {
	if err := s.fill(p); err != nil {
		return 0, err
	}
	n := copy(p, s.in[:s.good])
	s.in, s.good = append(s.in[:0], s.in[n:]...), s.good-n
	return n, nil
}

// fill reads into the buffer p until there is a whole packet.
func (s *screened) fill(p []byte) error {
	for s.good == 0 {
		if s.ended != nil {
			return s.end()
		}
		n, err := s.conn.Read(p)
		s.in = append(s.in, p[:n]...) // conn lets no packet through that is longer than a packet may be
		if s.ended = s.screen(); s.ended == nil {
			s.ended = err
		}
	}
	return nil
}

// end returns why the connection ends, and tells a program of MQTT 5 of a fault. By now mochi has answered all earlier packets.
func (s *screened) end() error {
	if f := packet.None; s.version == packet.V5 && s.signed && errors.As(s.ended, &f) {
		_, _ = s.Write(packet.AppendDisconnect(nil, f.Reason())) // the connection is closed either way
	}
	return s.ended
}

// screen reads the packets that have arrived whole. It returns the first fault.
func (s *screened) screen() error {
	for {
		b := s.in[s.good:]
		h, f := packet.Next(b)
		size := h.Size + h.Body
		if f == packet.None && (h.Size == 0 || len(b) < size) {
			return nil
		}
		if f == packet.None {
			f = s.read(h, b[h.Size:size])
		}
		if f != packet.None {
			return f
		}
		s.good += size
	}
}

// read reads the body of a packet.
func (s *screened) read(h packet.Header, body []byte) packet.Fault {
	switch h.Type {
	case packet.Connect:
		var l packet.Login
		f := packet.ReadConnect(body, &l)
		if f != packet.None {
			_ = s.misread(&l, f) // the connection is closed either way
		}
		s.version = l.Version
		return f
	case packet.Publish:
		return packet.ReadPublish(h, body, s.version, &packet.Message{})
	case packet.Puback, packet.Pubrec, packet.Pubrel, packet.Pubcomp:
		_, f := packet.ReadAnswer(h.Type, body, s.version)
		return f
	case packet.Subscribe:
		return packet.ReadSubscribe(body, s.version, &packet.Subscription{})
	case packet.Unsubscribe:
		return packet.ReadUnsubscribe(body, s.version, &packet.Subscription{})
	case packet.Pingreq:
		return packet.Empty(body)
	case packet.Disconnect:
		_, f := packet.ReadDisconnect(body, s.version)
		return f
	}
	return packet.NotFromClient // AUTH: no program agreed on a method
}
