package provider

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Faults is what a provider does wrong. Shares are from 0 to 1. The first group is about callbacks, the second about answers to
// calls of the provider's interface. Zero durations have the value in the comment.
type Faults struct {
	Repeat  float64 `json:"repeat,omitempty"`  // callbacks that arrive two to four times, within RepeatWithin
	Reorder float64 `json:"reorder,omitempty"` // callbacks that are held so that later ones overtake them, up to ReorderFor
	Delay   float64 `json:"delay,omitempty"`   // callbacks that come late, up to DelayFor
	Lose    float64 `json:"lose,omitempty"`    // callbacks that never arrive
	Alter   float64 `json:"alter,omitempty"`   // callbacks with another amount than the one in the books
	Forge   float64 `json:"forge,omitempty"`   // callbacks that are followed by a forged one

	Busy       float64 `json:"busy,omitempty"`       // calls that are refused because of load, and do nothing
	Fail       float64 `json:"fail,omitempty"`       // calls that are answered with an error of the server after they were done
	Late       float64 `json:"late,omitempty"`       // calls that are answered only after LateFor, when they were done long ago
	Incomplete float64 `json:"incomplete,omitempty"` // rows that a page of M-Pesa's pull lacks the first time
	PerMinute  int     `json:"per_minute,omitempty"` // calls a minute, the others are refused; 0 is no limit

	RepeatWithin Duration `json:"repeat_within,omitempty"` // 10m
	ReorderFor   Duration `json:"reorder_for,omitempty"`   // 30s
	DelayFor     Duration `json:"delay_for,omitempty"`     // 30m
	LateFor      Duration `json:"late_for,omitempty"`      // 60s
}

// Duration is a [time.Duration] that is written as "30s" in JSON.
type Duration time.Duration

// MarshalText implements [encoding.TextMarshaler].
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err == nil && v < 0 {
		err = fmt.Errorf("duration %s is negative: %w", text, ErrInvalid)
	}
	*d = Duration(v)
	return err
}

// or returns the duration, or another one if it is zero.
func (d Duration) or(other time.Duration) time.Duration {
	if d == 0 {
		return other
	}
	return time.Duration(d)
}

// check refuses shares outside 0 to 1.
func (f Faults) check() error {
	for name, v := range map[string]float64{"repeat": f.Repeat, "reorder": f.Reorder, "delay": f.Delay, "lose": f.Lose, "alter": f.Alter, "forge": f.Forge,
		"busy": f.Busy, "fail": f.Fail, "late": f.Late, "incomplete": f.Incomplete} {
		if !(v >= 0 && v <= 1) {
			return fmt.Errorf("%s %v is not between 0 and 1: %w", name, v, ErrInvalid)
		}
	}
	return nil
}

// plan is what becomes of one callback.
type plan struct {
	lost, altered, delayed, reordered, forged bool
	sends                                     []time.Duration // when it is sent, counted from when it should have been
}

// most copies of a repeated callback, the first included.
const mostCopies = 4

// plan decides about a callback. It draws the same numbers whatever the rates are, so that raising one rate does not change who
// suffers the other faults.
func (f Faults) plan(r *rand.Rand) plan {
	lose, alter, delay, reorder, repeat, forge := r.Float64(), r.Float64(), r.Float64(), r.Float64(), r.Float64(), r.Float64()
	wait, hold, copies := r.Float64(), r.Float64(), 2+r.IntN(mostCopies-1)
	p := plan{lost: lose < f.Lose, altered: alter < f.Alter, forged: forge < f.Forge}
	if p.lost {
		p.altered = false
		return p
	}
	var first time.Duration
	if p.delayed = delay < f.Delay; p.delayed {
		first += portion(wait, f.DelayFor.or(30*time.Minute))
	}
	if p.reordered = reorder < f.Reorder; p.reordered {
		first += portion(hold, f.ReorderFor.or(30*time.Second))
	}
	p.sends = []time.Duration{first}
	if repeat >= f.Repeat {
		return p
	}
	for range copies - 1 {
		p.sends = append(p.sends, first+portion(r.Float64(), f.RepeatWithin.or(10*time.Minute)))
	}
	return p
}

// portion returns a share of a duration, to the millisecond and at least one.
func portion(share float64, of time.Duration) time.Duration {
	return max(time.Duration(share*float64(of)).Truncate(time.Millisecond), time.Millisecond)
}

// fate is what becomes of a call of a provider's interface.
type fate struct{ busy, failed, late bool }

// fate decides about a call.
func (f Faults) fate(r *rand.Rand) fate {
	busy, fail, late := r.Float64(), r.Float64(), r.Float64()
	return fate{busy: busy < f.Busy, failed: fail < f.Fail, late: late < f.Late}
}

// altered returns another amount than the right one: ten times as much, a tenth more, or less.
func altered(amount int64, r *rand.Rand) int64 {
	switch r.IntN(3) {
	case 0:
		return amount * 10
	case 1:
		return amount + max(amount/10/100*100, 100)
	}
	return max(amount/2/100*100, 100)
}

// Stats counts what a provider did to its callbacks and calls.
type Stats struct {
	Sent      int `json:"sent"`      // deliveries, repetitions and retries included
	Accepted  int `json:"accepted"`  // answered with a 2xx status
	Lost      int `json:"lost"`      // callbacks
	Repeated  int `json:"repeated"`  // callbacks
	Delayed   int `json:"delayed"`   // callbacks
	Reordered int `json:"reordered"` // callbacks
	Altered   int `json:"altered"`   // callbacks
	Forged    int `json:"forged"`    // callbacks
	Busy      int `json:"busy"`      // calls
	Failed    int `json:"failed"`    // calls
	Late      int `json:"late"`      // calls
	Down      int `json:"down"`      // calls
}
