package script

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/unit"
)

// errCommand is wrapped by every error about a line of the script that is written wrongly.
var errCommand = errors.New("not understood")

func wrong(want string) error { return fmt.Errorf("%w: want %s", errCommand, want) }

// act runs one command.
func (d *Driver) act(ctx context.Context, name, rest string) error {
	switch name {
	case "show":
		return nil
	case "load":
		return d.load(rest)
	case "run":
		return d.run(ctx, rest)
	case "key":
		if rest == "" {
			return wrong("key DIGITS, with 0 to 9, * and #")
		}
		return d.dev.Keys(strings.ReplaceAll(rest, " ", ""))
	case "sms":
		from, text, ok := strings.Cut(rest, " ")
		if !ok {
			return wrong("sms FROM TEXT")
		}
		return d.dev.SMS(from, strings.TrimSpace(text))
	case "power":
		return d.power(rest)
	case "rtc":
		return d.rtc(rest)
	case "tamper":
		return d.tamper(rest)
	case "sync":
		return d.sync(ctx)
	case "wait":
		return d.wait(ctx, rest)
	}
	return wrong("load, run, key, sms, tamper, power, rtc, sync, wait, show or quit")
}

func (d *Driver) load(rest string) error {
	w, err := strconv.ParseInt(rest, 10, 32)
	if err != nil {
		return wrong("load W, in whole watts")
	}
	return d.dev.SetLoad(unit.Power(w))
}

func (d *Driver) power(rest string) error {
	if rest != "on" && rest != "off" {
		return wrong("power on or power off")
	}
	on := rest == "on"
	if d.net != nil && !on {
		d.net.Power(false)
	}
	if err := d.dev.Power(on); err != nil {
		return err
	}
	if d.net != nil && on {
		d.net.Power(true)
	}
	return nil
}

// rtc sets the clock chip, or stops it.
func (d *Driver) rtc(rest string) error {
	if rest == "stop" {
		return d.dev.StopClock()
	}
	t, err := time.Parse(time.RFC3339, rest)
	if err != nil {
		return wrong("rtc 2026-11-20T08:00:00Z, or rtc stop")
	}
	return d.dev.SetClock(t)
}

// tamper opens or closes a tamper switch. It accepts phase-loss as well as phase_loss, the name in the protocol.
func (d *Driver) tamper(rest string) error {
	name, what, _ := strings.Cut(rest, " ")
	kind, known := meter.ParseTamper(strings.ReplaceAll(name, "-", "_"))
	if !known || (what != "on" && what != "off") {
		return wrong("tamper KIND on or tamper KIND off, with cover, terminal, magnet, reverse, bypass or phase_loss")
	}
	return d.dev.Tamper(kind, what == "on")
}

// run lets virtual time pass. Messages of the server are handled when they arrive.
func (d *Driver) run(ctx context.Context, rest string) error {
	t, err := parseDuration(rest)
	if err != nil {
		return err
	}
	every := flushEvery
	if d.net == nil {
		every = flushAlone
	}
	return d.dev.Advance(t, func() error {
		if err := d.poll(ctx); err != nil {
			return err
		}
		// The meter also makes its records durable on its own, for instance at the end of a day.
		if d.dev.Unflushed() >= every {
			if err := d.flush(ctx); err != nil {
				return err
			}
		}
		if err := d.renew(ctx); err != nil {
			return err
		}
		return d.keepUp(ctx)
	})
}

// keepUp pauses a run while its server is connected and the outbox is at least half full of unacknowledged records.
// Virtual time is much faster than any network.
func (d *Driver) keepUp(ctx context.Context) error {
	for d.net != nil && d.net.Status().Connected {
		before := d.box.Marks()
		if before.Waiting() < d.box.Keep()/2 || d.silent == before.Acked+1 {
			return nil
		}
		ok, err := d.until(ctx, patience, func() bool { return d.box.Marks().Acked != before.Acked })
		if err != nil {
			return err
		}
		if !ok {
			d.silent = before.Acked + 1 // do not wait for this record again
		}
	}
	return nil
}

// until handles the server's messages and the modem's tasks while it waits for a condition. It returns true when the
// condition is met, or false after a time limit in real time.
func (d *Driver) until(ctx context.Context, patience time.Duration, met func() bool) (bool, error) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for !met() {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-timer.C:
			return false, nil
		case <-d.changed:
		case m := <-d.inbox:
			if err := d.receive(ctx, m); err != nil {
				return false, err
			}
		case t := <-d.dev.Tasks():
			if err := d.task(ctx, t); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// sync records a reading and waits until the server has acknowledged everything. It waits without limit, because a server
// that is down comes back. Now and then it says what it is waiting for.
func (d *Driver) sync(ctx context.Context) error {
	if err := d.dev.Read(); err != nil {
		return err
	}
	if err := d.flush(ctx); err != nil {
		return err
	}
	if d.net == nil {
		return errors.New("this meter runs without a server (--offline); the reading is recorded")
	}
	if !d.dev.On() {
		return errors.New("the modem has no mains")
	}
	all := func() bool { m := d.box.Marks(); return m.Acked+1 == m.Next }
	for {
		ok, err := d.until(ctx, nagEvery, all)
		if ok || err != nil {
			return err
		}
		s := d.net.Status()
		why := "connected"
		if !s.Connected {
			why = fmt.Sprintf("not connected: %v", s.Err)
		}
		fmt.Fprintf(d.msg, "vmeter: sync: %d records are not acknowledged; %s\n", d.box.Marks().Waiting(), why)
	}
}

// wait waits in real time until a field of the state line has a value.
func (d *Driver) wait(ctx context.Context, rest string) error {
	const form = "wait relay=open 10s, with any field of the state line"
	condition, limit, _ := strings.Cut(rest, " ")
	field, want, ok := strings.Cut(condition, "=")
	t, err := time.ParseDuration(strings.TrimSpace(limit))
	if !ok || err != nil || t < 0 {
		return wrong(form)
	}
	got, known := d.field(field)
	if !known {
		return wrong(form)
	}
	met, err := d.until(ctx, t, func() bool { got, _ = d.field(field); return got == want })
	if err == nil && !met {
		return fmt.Errorf("%s was still %s after %v", field, got, t)
	}
	return err
}

// field returns one field of the state line as text: numbers in decimal, lists joined by commas.
func (d *Driver) field(name string) (value string, known bool) {
	b, err := json.Marshal(d.dev.View())
	if err != nil {
		return "", false
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		return "", false
	}
	raw, known := all[name]
	if !known {
		return "", false
	}
	var list []string
	if json.Unmarshal(raw, &list) == nil {
		return strings.Join(list, ","), true
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text, true
	}
	return string(raw), true
}

// parseDuration parses a duration of virtual time: Go's notation, optionally with whole days, such as 30d, in front.
func parseDuration(text string) (time.Duration, error) {
	const form = "run 90m, 1h30m or 30d"
	days, rest, hasDays := strings.Cut(text, "d")
	var total time.Duration
	if hasDays {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return 0, wrong(form)
		}
		total, text = time.Duration(n)*24*time.Hour, rest
	}
	if text == "" && hasDays {
		return total, nil
	}
	t, err := time.ParseDuration(text)
	if err != nil || t < 0 {
		return 0, wrong(form)
	}
	return total + t, nil
}
