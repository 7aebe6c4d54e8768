package packet_test

import (
	"math/rand/v2"
	"testing"

	"github.com/paywatt/paywatt/internal/gateway/packet"
	"github.com/paywatt/paywatt/internal/tier"
)

// strangeness changes good packets.
type strangeness struct {
	rnd  *rand.Rand
	good [][]byte
	buf  []byte
}

// next returns the next changed packet. It is valid until the next call. Nine of ten packets have the right length in front, because a
// wrong one ends the reading before anything else is looked at.
func (s *strangeness) next() []byte {
	one := s.good[s.rnd.IntN(len(s.good))]
	h, _ := packet.Next(one)
	s.buf = append(s.buf[:0], one[h.Size:]...)
	for range 1 + s.rnd.IntN(3) {
		s.change()
	}
	first := one[0]
	if s.rnd.IntN(8) == 0 {
		first ^= 1 << s.rnd.IntN(8)
	}
	out := framed(first, s.buf)
	if s.rnd.IntN(10) == 0 {
		out[1+s.rnd.IntN(min(4, len(out)-1))] ^= 1 << s.rnd.IntN(8)
	}
	return out
}

// change makes one random change of the body.
func (s *strangeness) change() {
	b := s.buf
	if len(b) == 0 {
		s.buf = append(b, byte(s.rnd.Uint32()))
		return
	}
	i := s.rnd.IntN(len(b))
	switch s.rnd.IntN(7) {
	case 0:
		b[i] ^= 1 << s.rnd.IntN(8)
	case 1:
		b[i] = byte(s.rnd.Uint32())
	case 2: // a length or a number that is one too large or too small
		b[i] += byte(2*s.rnd.IntN(2)) - 1
	case 3:
		s.buf = b[:i]
	case 4:
		s.buf = append(b[:i], b[i+1:]...)
	case 5: // a part twice
		j := i + s.rnd.IntN(len(b)-i)
		s.buf = append(b, b[i:j]...)
	case 6: // the end of another packet
		other := s.good[s.rnd.IntN(len(s.good))]
		s.buf = append(b[:i], other[s.rnd.IntN(len(other)):]...)
	}
}

// TestStrangePackets reads random changes of good packets, of each type and in both versions. Nothing panics, and what is taken keeps its
// promises. The test also checks that the changes are neither all taken nor all refused.
func TestStrangePackets(t *testing.T) {
	packets := tier.ChangedPackets.N()
	s := &strangeness{rnd: rand.New(rand.NewPCG(uint64(packets), 0x6d717474)), good: seeds(t)}
	var taken, refused [16]int
	for range packets {
		b, v := s.next(), packet.V311
		if s.rnd.IntN(2) == 0 {
			v = packet.V5
		}
		h, fault := packet.Next(b)
		if fault == packet.None && h.Size > 0 && len(b) >= h.Size+h.Body {
			if fault = body(h, b[h.Size:h.Size+h.Body], v); fault == packet.None {
				inside(t, h, b[h.Size:h.Size+h.Body], v)
				taken[h.Type&15]++
				continue
			}
		}
		refused[b[0]>>4]++
	}
	for _, of := range []packet.Type{packet.Connect, packet.Publish, packet.Puback, packet.Subscribe, packet.Unsubscribe, packet.Disconnect} {
		if taken[of] < packets/1000 || refused[of] < packets/1000 {
			t.Errorf("of type %d, %d were taken and %d refused", of, taken[of], refused[of])
		}
	}
	t.Logf("%d packets; taken and refused by type: %v %v", packets, taken, refused)
}
