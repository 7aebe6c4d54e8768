package webhook

import (
	"time"
)

// pauses are the pauses after each failed attempt. After the last attempt the delivery has failed.
var pauses = [...]time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour,
	20 * time.Hour, 24 * time.Hour}

// Times of a throttled endpoint.
const (
	throttlePause = time.Minute    // if the endpoint does not say how long to wait
	longestWait   = 24 * time.Hour // most that it is believed
)

// jitterPart is the part of a pause that chance adds at most: a tenth.
const jitterPart = 10

// Answer is what became of an attempt.
type Answer struct {
	Status     int           // HTTP status; 0 if there was no answer
	Text       string        // the beginning of the answer
	Err        string        // why there was no answer
	RetryAfter time.Duration // how long the endpoint asks to wait; 0 if it does not say
	Took       time.Duration
}

// ok reports whether the endpoint took the event.
func (a Answer) ok() bool { return a.Status >= 200 && a.Status <= 299 }

// throttles reports whether the endpoint asks to be left alone for a while.
func (a Answer) throttles() bool {
	switch a.Status {
	case 429, 502, 503, 504:
		return true
	}
	return false
}

// gone reports whether the endpoint wants no events any more.
func (a Answer) gone() bool { return a.Status == 410 }

// Judge decides what follows from an attempt that ended now. The parameter chance is at least 0 and less than 1. It returns the delivery and
// its endpoint as they are then.
func Judge(e Endpoint, d Delivery, a Answer, now time.Time, chance float64) (Endpoint, Delivery) {
	d.Attempts++
	seen := Attempt{At: now, Status: a.Status, Millis: a.Took.Milliseconds(), Answer: cut(a.Text, MaxAnswer), Error: cut(a.Err, MaxAnswer)}
	if e.AllowPrivate { // who may add an endpoint must not read the answers of programs inside
		seen.Answer = ""
	}
	d.Log = append(d.Log, seen)
	d.Log = d.Log[max(0, len(d.Log)-MaxAttempts):]
	if a.ok() {
		d.State, d.EndedAt, e.FailingSince, e.PausedUntil = Delivered, now, time.Time{}, time.Time{}
		return e, d
	}
	if e.FailingSince.IsZero() {
		e.FailingSince = now
	}
	wait := time.Duration(0)
	if a.throttles() {
		if wait = min(a.RetryAfter, longestWait); wait <= 0 {
			wait = throttlePause
		}
		e.PausedUntil = now.Add(wait)
	}
	if d.Attempts > len(pauses) {
		d.State, d.EndedAt = Failed, now
	} else {
		pause := pauses[d.Attempts-1]
		pause += time.Duration(chance * float64(pause/jitterPart))
		d.NextAt = now.Add(max(pause, wait))
	}
	switch {
	case a.gone():
		e.DisabledAt, e.DisabledWhy = now, Gone
	case now.Sub(e.FailingSince) >= FailingTime:
		e.DisabledAt, e.DisabledWhy = now, Failing
	}
	return e, d
}
