package provider

import (
	"encoding/hex"
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// dice makes decisions that depend on the seed and on what is decided about, and on nothing else: neither on the time nor on the
// order in which requests arrive.
type dice struct{ seed uint64 }

// roll returns the generator for a decision about the thing with these names.
func (d dice) roll(names ...string) *rand.Rand {
	h := fnv.New64a()
	for _, n := range names {
		_, _ = h.Write([]byte(n)) // a hash never fails
		_, _ = h.Write([]byte{0})
	}
	return rand.New(rand.NewPCG(d.seed, h.Sum64()))
}

// coin returns one of two outcomes for a thing.
func (d dice) coin(names ...string) bool { return d.roll(names...).IntN(2) == 0 }

const (
	digits36  = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	receipts  = 36 * 36 * 36 * 36 * 36 * 36 * 36
	scatterBy = 31_415_926_535 // shares no factor with receipts, so different numbers stay different; products fit for n below 500 million
)

// receipt returns the n-th M-Pesa receipt: year, month and day as one character each (2026-11-25 is UKP), then seven that look
// random and never repeat for different n.
func (d dice) receipt(n uint64, at time.Time) string {
	at = at.In(nairobi())
	var b [10]byte
	b[0] = 'A' + byte((at.Year()-2006)%26)
	b[1] = 'A' + byte(at.Month()-1)
	b[2] = digits36[at.Day()]
	x := (n%receipts*scatterBy%receipts + d.seed%receipts) % receipts
	for i := 9; i >= 3; i-- {
		b[i] = digits36[x%36]
		x /= 36
	}
	return string(b[:])
}

// nairobi is the time zone of M-Pesa in Kenya, and of the days of all statements.
func nairobi() *time.Location { return time.FixedZone("EAT", 3*60*60) }

// next64 returns the next number of this simulator. The caller holds mu.
func (s *Simulator) next64() uint64 {
	s.serial++
	return s.serial
}

// name returns a new identity: a prefix and n characters, of 16 digits or of 62 if wide.
func (s *Simulator) name(prefix string, n int, wide bool) string {
	const alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	base := 16
	if wide {
		base = len(alphabet)
	}
	r := s.dice.roll("name", prefix, strconv.FormatUint(s.next64(), 10))
	var b strings.Builder
	b.WriteString(prefix)
	for range n {
		b.WriteByte(alphabet[r.IntN(base)])
	}
	return b.String()
}

// number returns a new number with n digits that does not begin with 0. Numbers look random, and the first 9·10^(n-1) of one length
// are all different.
func (s *Simulator) number(n int) string {
	const scatter = 7_654_321 // no factor of 10 or 9
	least := uint64(1)
	for range n - 1 {
		least *= 10
	}
	return strconv.FormatUint(least+(s.next64()*scatter+s.dice.seed%least)%(9*least), 10)
}

// uuid returns a new UUID of version 4.
func (s *Simulator) uuid() string {
	r := s.dice.roll("uuid", strconv.FormatUint(s.next64(), 10))
	var b [16]byte
	for i := range b {
		b[i] = byte(r.IntN(256))
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
