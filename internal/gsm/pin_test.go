package gsm_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/gsm"
	"github.com/paywatt/paywatt/internal/gsm/sim900"
)

func TestThePINIsNeverTriedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tried := 0
		count := func(m sim900.Moment) sim900.Fault {
			if strings.HasPrefix(m.Command, "AT+CPIN=") && !m.After {
				tried++
			}
			return sim900.Fault{}
		}
		b := newBench(t, sim900.Config{PIN: "1234", Fault: count}, gsm.Config{PIN: "9999"})
		for range 5 {
			wait(time.Minute)
			b.sim.Reset()
		}
		wait(time.Minute)
		if s := b.modem.State(); tried != 1 || s.Phase != gsm.PINRefused {
			t.Errorf("tried %d times, %+v", tried, s)
		}
	})
	// An earlier process entered a wrong PIN, so only two tries are left. This process has the right PIN, but it must not enter it. A
	// person must check the PIN.
	synctest.Test(t, func(t *testing.T) {
		asked, tried := 0, 0
		b := newBench(t, sim900.Config{PIN: "1234", Fault: func(m sim900.Moment) sim900.Fault {
			switch {
			case m.After:
			case m.Command == "AT+SPIC":
				asked++
				return sim900.Fault{Error: "+SPIC: 2,10,0,10\r\n\r\nOK"}
			case strings.HasPrefix(m.Command, "AT+CPIN="):
				tried++
			}
			return sim900.Fault{}
		}}, gsm.Config{PIN: "1234"})
		wait(time.Minute)
		if s := b.modem.State(); asked == 0 || tried != 0 || s.Phase != gsm.PINRefused || !strings.Contains(s.Problem, "2 tries are left") {
			t.Errorf("after another process's try: asked %d times, tried %d times, %+v", asked, tried, s)
		}
	})
	for pin, want := range map[string]gsm.Phase{"1234": gsm.Ready, "": gsm.PINNeeded} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, sim900.Config{PIN: "1234"}, gsm.Config{PIN: pin})
			wait(10 * time.Second)
			b.sim.Reset()
			wait(10 * time.Second)
			if s := b.modem.State(); s.Phase != want {
				t.Errorf("PIN %q: %+v, want %s", pin, s, want)
			}
		})
	}
}
