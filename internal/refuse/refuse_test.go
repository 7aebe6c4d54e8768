package refuse

import (
	"testing"
	"time"
)

func TestADurationIsWrittenInSymbols(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 s", 400 * time.Millisecond: "0 s", 15 * time.Minute: "15 min", 24 * time.Hour: "24 h",
		3*time.Hour + 12*time.Minute: "3 h 12 min", -40 * time.Second: "-40 s", -time.Hour - time.Second: "-1 h 1 s",
	} {
		if got := Span(d); got != want {
			t.Errorf("%s: got %q, want %q", d, got, want)
		}
	}
}
