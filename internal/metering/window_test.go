package metering_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/wire"
)

func TestWindowDecides(t *testing.T) {
	for _, c := range []struct {
		name string
		have metering.Window
		seq  uint64
		want metering.Verdict
		then metering.Window
	}{
		{"first", metering.Window{}, 1, metering.Fresh, metering.Window{Watermark: 1}},
		{"zero is no number", metering.Window{}, 0, metering.Seen, metering.Window{}},
		{"gap stays open", metering.Window{}, 2, metering.Fresh, metering.Window{Bits: 0b10}},
		{"gap closes", metering.Window{Bits: 0b1110}, 1, metering.Fresh, metering.Window{Watermark: 4}},
		{"gap closes up to the next", metering.Window{Bits: 0b1010}, 1, metering.Fresh, metering.Window{Watermark: 2, Bits: 0b10}},
		{"below", metering.Window{Watermark: 9}, 9, metering.Seen, metering.Window{Watermark: 9}},
		{"inside again", metering.Window{Bits: 0b10}, 2, metering.Seen, metering.Window{Bits: 0b10}},
		{"last of the window", metering.Window{Watermark: 5}, 69, metering.Fresh, metering.Window{Watermark: 5, Bits: 1 << 63}},
		{"first beyond", metering.Window{Watermark: 5}, 70, metering.Ahead, metering.Window{Watermark: 5}},
		{"full window", metering.Window{Bits: ^uint64(1)}, 1, metering.Fresh, metering.Window{Watermark: 64}},
		{"largest", metering.Window{}, 1<<64 - 1, metering.Ahead, metering.Window{}},
	} {
		w := c.have
		if got := w.Take(c.seq); got != c.want || w != c.then {
			t.Errorf("%s: Take(%d) on %+v = %d leaving %+v, want %d leaving %+v", c.name, c.seq, c.have, got, w, c.want, c.then)
		}
	}
}

func TestSkipGivesUpOnlyWhatNeverCame(t *testing.T) {
	for _, c := range []struct {
		have metering.Window
		mark uint64
		lost uint64
		then metering.Window
	}{
		{metering.Window{Watermark: 10}, 10, 0, metering.Window{Watermark: 10}},
		{metering.Window{Watermark: 10}, 4, 0, metering.Window{Watermark: 10}},
		{metering.Window{Watermark: 10}, 12, 2, metering.Window{Watermark: 12}},
		{metering.Window{Watermark: 10, Bits: 0b10}, 12, 1, metering.Window{Watermark: 12}},
		{metering.Window{Watermark: 10, Bits: 0b1110}, 11, 1, metering.Window{Watermark: 14}},
		{metering.Window{Watermark: 10, Bits: 1 << 63}, 73, 63, metering.Window{Watermark: 74}},
		{metering.Window{Watermark: 10, Bits: 1 << 63}, 74, 63, metering.Window{Watermark: 74}},
		{metering.Window{Watermark: 10, Bits: 0b10}, 1000, 989, metering.Window{Watermark: 1000}},
	} {
		w := c.have
		if lost := w.Skip(c.mark); lost != c.lost || w != c.then {
			t.Errorf("Skip(%d) on %+v = %d leaving %+v, want %d leaving %+v", c.mark, c.have, lost, w, c.lost, c.then)
		}
	}
}

// TestEachNumberIsFreshOnceInAnyOrder takes numbers in any order, with any repetition and any loss. Each number must be fresh once, and the
// watermark must be the end of the longest prefix without a gap.
func TestEachNumberIsFreshOnceInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var w metering.Window
		taken := map[uint64]bool{}
		for range rapid.IntRange(1, 400).Draw(t, "arrivals") {
			low := uint64(0)
			if w.Watermark > 20 {
				low = w.Watermark - 20
			}
			seq := rapid.Uint64Range(low, w.Watermark+80).Draw(t, "seq")
			before := w.Watermark
			switch got := w.Take(seq); {
			case got == metering.Fresh && (taken[seq] || seq == 0 || seq > before+wire.Window):
				t.Fatalf("Take(%d) above watermark %d is fresh; taken before: %v", seq, before, taken[seq])
			case got == metering.Fresh:
				taken[seq] = true
			case got == metering.Seen && seq != 0 && !taken[seq]:
				t.Fatalf("Take(%d) says seen, but it never came", seq)
			case got == metering.Ahead && seq <= before+wire.Window:
				t.Fatalf("Take(%d) is ahead of watermark %d", seq, before)
			}
			prefix := uint64(0)
			for taken[prefix+1] {
				prefix++
			}
			if w.Watermark != prefix {
				t.Fatalf("watermark %d after %d, want %d", w.Watermark, seq, prefix)
			}
		}
	})
}

// TestLossyLineEndsComplete has a meter that sends its window again and again until it is acknowledged. The line drops, repeats and
// reorders records. In the end every record must be stored exactly once.
func TestLossyLineEndsComplete(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const last = 300
		var w metering.Window
		stored := make(map[uint64]int)
		for w.Watermark < last {
			var flight []uint64
			for s := w.Watermark + 1; s <= min(w.Watermark+wire.Window, last); s++ {
				for range rapid.IntRange(0, 2).Draw(t, "copies") {
					flight = append(flight, s)
				}
			}
			if len(flight) == 0 {
				flight = []uint64{w.Watermark + 1} // a line that loses every record proves nothing
			}
			for _, s := range rapid.Permutation(slices.Clone(flight)).Draw(t, "order") {
				if w.Take(s) == metering.Fresh {
					stored[s]++
				}
			}
		}
		for s := uint64(1); s <= last; s++ {
			if stored[s] != 1 {
				t.Fatalf("record %d stored %d times", s, stored[s])
			}
		}
	})
}
