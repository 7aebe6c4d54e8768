package metering

import (
	"math/bits"

	"github.com/paywatt/paywatt/wire"
)

// Window holds the sequence numbers of one memory of one meter that are in the store: all numbers up to Watermark, and the numbers above it
// with a set bit (bit i is Watermark+1+i). Bit 0 is never set, because then the watermark would have moved. So the watermark is always the
// end of the longest prefix without a gap.
//
// The zero Window is a memory without any arrivals.
type Window struct {
	Watermark uint64
	Bits      uint64
}

// Verdict is the window's answer about one number.
type Verdict uint8

// Verdicts of [Window.Take].
const (
	// Fresh: the number is new and now counts as taken.
	Fresh Verdict = iota
	// Seen: the number was taken before.
	Seen
	// Ahead: the number is more than [wire.Window] above the watermark; it was not taken.
	Ahead
)

// Take decides about one number and marks it if it is fresh. Numbers may come in any order. 0 is not a valid number and counts
// as seen, so nothing can be stored under it.
func (w *Window) Take(seq uint64) Verdict {
	if seq <= w.Watermark {
		return Seen
	}
	off := seq - w.Watermark - 1
	if off >= wire.Window {
		return Ahead
	}
	bit := uint64(1) << off
	if w.Bits&bit != 0 {
		return Seen
	}
	w.Bits |= bit
	w.settle()
	return Fresh
}

// Skip moves the watermark up to the given number. It is for missing numbers that can never come, because the meter no longer has these
// records. Higher numbers that were taken stay taken. Skip returns how many numbers were given up.
func (w *Window) Skip(mark uint64) (lost uint64) {
	if mark <= w.Watermark {
		return 0
	}
	n := mark - w.Watermark
	below := w.Bits
	if n < wire.Window {
		below &= 1<<n - 1
		w.Bits >>= n
	} else {
		w.Bits = 0
	}
	w.Watermark = mark
	w.settle()
	return n - uint64(bits.OnesCount64(below))
}

// Highest returns the highest number taken.
func (w Window) Highest() uint64 { return w.Watermark + uint64(bits.Len64(w.Bits)) }

// settle moves the watermark over the numbers that now follow it without a gap.
func (w *Window) settle() {
	n := bits.TrailingZeros64(^w.Bits)
	w.Watermark += uint64(n)
	w.Bits >>= n // a shift by 64 gives 0, as required
}
