package app

import (
	"errors"
	"testing"
	"time"
)

// sight notes where a server looks.
type sight struct {
	tasksTx
	looks string
}

func (s *sight) LookOut() error  { s.looks += "out "; return nil }
func (s *sight) LookAway() error { s.looks += "away "; return nil }

// TestADoubtedClockSeesNothing: while nobody knows the time, no reading is fresh, and so nobody is cut off by one.
func TestADoubtedClockSeesNothing(t *testing.T) {
	doubted, s := false, &sight{}
	for _, task := range tasks(func() bool { return doubted }) {
		if task.Name != "look out for meters" {
			continue
		}
		for _, doubted = range []bool{false, true, true, false} {
			if err := task.Do(s, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if want := "out away away out "; s.looks != want {
		t.Errorf("it looked %q, want %q", s.looks, want)
	}
}

// TestNoDayIsChargedByADoubtedClock: fixed charges are taken for the days that have begun, which a doubted clock does not tell.
// They are taken again, with what was missed, as soon as it is trusted.
func TestNoDayIsChargedByADoubtedClock(t *testing.T) {
	trouble := errors.New("no room on the disk")
	for _, c := range []struct {
		doubted bool
		fails   error
		want    int
	}{{true, nil, 0}, {true, trouble, 0}, {false, nil, 7}, {false, trouble, 7}} {
		asked := 0
		n, err := unless(func() bool { return c.doubted }, func() (int, error) { asked++; return 7, c.fails })
		if n != c.want || c.doubted != (asked == 0) || !c.doubted && !errors.Is(err, c.fails) || c.doubted && err != nil {
			t.Errorf("doubted %t: %d days charged (%v) in %d calls, want %d", c.doubted, n, err, asked, c.want)
		}
	}
}
