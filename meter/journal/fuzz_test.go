package journal_test

import (
	"testing"

	"github.com/paywatt/paywatt/meter/journal"
)

// FuzzOpen reads memories with arbitrary contents: whenever Open succeeds, the meter must be able to work.
func FuzzOpen(f *testing.F) {
	f.Add([]byte{}, uint16(0), byte(0))
	f.Fuzz(func(t *testing.T, patch []byte, at uint16, version byte) {
		m, _ := golden(t, 2)
		copy(m.b[int(at)%len(m.b):], patch)
		for place, size := range map[int]int{0x000: 0x400, 0x400: 0x400, 0x800: 0x100, 0x900: 0x100, 0xa00: 0x80, 0xa80: 0x80} {
			if n := int(m.b[place+6]) | int(m.b[place+7])<<8; n >= 16 && n <= size {
				journal.SetVersion(m.b[place:place+size], uint16(version)) // a good checksum over bad contents
			}
		}
		_, l, err := journal.Open(m)
		if err != nil {
			return
		}
		if s := &l.State; s.Balance < 0 || s.Overrun < 0 || s.Imp == 0 || s.Balance > 0 && s.Overrun > 0 {
			t.Errorf("a state no meter has: %+v", s)
		}
		if c := &l.Config; c.ImpPerKWh == 0 {
			t.Errorf("a configuration no meter has: %+v", c)
		}
	})
}
