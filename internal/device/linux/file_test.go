package linux_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/device/linux"
)

// example returns the example board file.
func example(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../../examples/raspberry-pi.toml")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestTheExampleIsABoard(t *testing.T) {
	f, err := linux.ParseFile(example(t))
	if err != nil {
		t.Fatal(err)
	}
	if f.Chip != "/dev/gpiochip0" || f.Pulses.Line != 17 || f.Relay.Sense != 13 || f.Relay.Pulse.Duration != 100*time.Millisecond || f.Tamper.Lines["cover"] != 23 ||
		f.Light == nil || f.Buzzer == nil || len(f.Keypad.Rows) != 4 {
		t.Errorf("read as %+v", f)
	}
}

func TestAWrongBoardFileSaysAllThatIsWrong(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{`chip = "/dev/gpiochip0"`, `chip = "gpiochip0"`, "chip must name a device"},
		{"[buzzer]", "[bell]", "no key bell"},
		{"[pulses]", "[counter]", "[pulses] is missing"},
		{"[relay]", "[switch]", "[relay] is missing"},
		{"sense = 13\n", "", "relay.sense is missing"},
		{"sense = 13", "sense = 17", "line 17 is that of pulses.line and of relay.sense"},
		{`pulse = "100ms"`, `pulse = "1m"`, "relay.pulse must be"},
		{`pulse = "100ms"`, "", "relay.pulse must be"},
		{`debounce = "200ms"`, `debounce = "soon"`, "soon"},
		{`debounce = "200ms"`, `debounce = "2s"`, "tamper.debounce"},
		{`debounce = "1ms"`, `debounce = "-1ms"`, "pulses.debounce"},
		{"columns = [7, 8, 25]", "columns = [7, 8]", "4 rows and 3 columns"},
		{"columns = [7, 8, 25]", "columns = [7, 8, 12]", "line 12 is that of keypad and of keypad"},
		{"cover = 23", "lid = 23", "tamper.lines.lid is no kind"},
		{"lines = {cover = 23, terminal = 24}", "", "tamper.lines is missing"},
		{"terminal = 24}", "terminal = 24}\nlatches = {cover = 9}\nreset = 10", "tamper.latches.terminal is missing"},
		{"terminal = 24}", "terminal = 24}\nlatches = {cover = 9, terminal = 11}", "tamper.reset is missing"},
		{"terminal = 24}", "terminal = 24}\nlatches = {cover = 9, terminal = 11, magnet = 14}\nreset = 10", "more kinds"},
		{"[light]\nline = 19", "[light]", "light.line is missing"},
		{"[relay]", "[relay", "board file"},
	} {
		text := strings.Replace(example(t), c.old, c.new, 1)
		if _, err := linux.ParseFile(text); text == example(t) || !errors.Is(err, linux.ErrFile) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q for %q: %v, want %q", c.new, c.old, err, c.want)
		}
	}
	_, err := linux.ParseFile("chip = 'x'")
	if n := strings.Count(err.Error(), "\n"); n != 2 {
		t.Errorf("%d of the 3 faults of an empty board are told: %v", n+1, err)
	}
}

func TestABoardFileWithLatchesIsOpened(t *testing.T) {
	f, err := linux.ParseFile(strings.Replace(example(t), "terminal = 24}", "terminal = 24}\nlatches = {cover = 9, terminal = 11}\nreset = 10", 1))
	if err != nil {
		t.Fatal(err)
	}
	k := newKernel()
	h, err := linux.Open(k, f)
	if err != nil {
		t.Fatal(err)
	}
	if b := h.Board; b.Pulses == nil || b.Relay == nil || b.Clock == nil || b.Light == nil || b.Buzzer == nil || b.Keypad == nil || b.Tamper == nil {
		t.Errorf("a part is missing: %+v", b)
	}
	k.values = 0b10 // the second line of every request is active
	if open, latched := h.Board.Tamper.Open().Names(), h.Board.Tamper.Latched().Names(); len(open) != 1 || open[0] != "terminal" || len(latched) != 1 || latched[0] != "terminal" {
		t.Errorf("open %v, latched %v; want the terminal", open, latched)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	k = newKernel()
	k.fail = errors.New("device or resource busy")
	if _, err := linux.Open(k, f); !errors.Is(err, k.fail) {
		t.Errorf("lines that somebody has: %v", err)
	}
}

func TestTheClockOfTheMachineCanBePutRightForTheMeter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c linux.HostClock
		want := time.Now().Add(90 * time.Minute)
		if err := c.Set(want); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		c.Pass(uint64(time.Hour / time.Millisecond)) // has no effect: the machine's clock has advanced already
		if at, running, err := c.Read(); !at.Equal(want.Add(time.Hour)) || !running || err != nil {
			t.Errorf("an hour after it was set to %s: %s, %t, %v", want, at, running, err)
		}
	})
}
