package bounded_test

import (
	"errors"
	"testing"

	"github.com/paywatt/paywatt/internal/bounded"
)

// TestCheckJSON: elements count, and what stands in a string does not.
func TestCheckJSON(t *testing.T) {
	for _, c := range []struct {
		text string
		fits int // the least limit that the text fits
	}{
		{"", 0}, {"1", 0}, {"[]", 1}, {"[1,2]", 2}, {`[{"a":1,"b":[]}]`, 4}, {`["[,{",2]`, 2}, {`["\"[,{",2]`, 2}, {`["\\",2]`, 2}, {`"[,{`, 0}, {`"\`, 0}, {"<p>a, b</p>", 1},
	} {
		if err := bounded.CheckJSON([]byte(c.text), c.fits); err != nil {
			t.Errorf("%s with %d elements: %v", c.text, c.fits, err)
		}
		if c.fits == 0 {
			continue
		}
		if err := bounded.CheckJSON([]byte(c.text), c.fits-1); !errors.As(err, new(*bounded.TooMuch)) {
			t.Errorf("%s with %d elements: %v", c.text, c.fits-1, err)
		}
	}
}
