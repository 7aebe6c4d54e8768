package sketch

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxLine is the longest command in bytes.
const maxLine = 4 << 10

// Limits of the commands.
const (
	maxLoad = 1_000_000 // W
	maxRun  = time.Hour // in real time
)

// Drive drives the device by lines of text: one command a line in, one JSON line of state a command out, like package
// script. Time is real: a sketch has no clock that could run ahead.
//
//	load W · pins V1 V2 · power off|on · run 5s · wait FIELD=VALUE 10s · subscribe TOPIC · show · quit
//
// For a command that is wrong or fails, one line goes to the writer for messages, and then its state line follows as
// usual. The end of the input ends the device.
func Drive(ctx context.Context, s *Sketch, in io.Reader, out, messages io.Writer) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, 256), maxLine)
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	for lines.Scan() {
		name, rest, _ := strings.Cut(strings.TrimSpace(lines.Text()), " ")
		if name == "" || strings.HasPrefix(name, ";") {
			continue
		}
		if name != "quit" {
			if err := s.command(ctx, name, strings.Fields(rest)); err != nil {
				fmt.Fprintf(messages, "vmeter: %s: %v\n", name, err)
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		if err := e.Encode(s.Take()); err != nil {
			return fmt.Errorf("write state: %w", err)
		}
		if name == "quit" {
			return nil
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read commands: %w", err)
	}
	return nil
}

// command runs one command.
func (s *Sketch) command(ctx context.Context, name string, args []string) error {
	want := map[string]int{"load": 1, "pins": 2, "power": 1, "run": 1, "wait": 2, "subscribe": 1, "show": 0}
	n, known := want[name]
	switch {
	case !known:
		return fmt.Errorf("no such command; there are load, pins, power, run, wait, subscribe, show and quit")
	case len(args) != n:
		return fmt.Errorf("takes %d words, not %d", n, len(args))
	}
	switch name {
	case "load":
		w, err := number(args[0], maxLoad)
		if err != nil {
			return err
		}
		s.Load(w)
	case "pins":
		v1, err := number(args[0], s.highest())
		if err != nil {
			return err
		}
		v2, err := number(args[1], s.highest())
		if err != nil {
			return err
		}
		s.Pins(v1, v2)
	case "power":
		if args[0] != "on" && args[0] != "off" {
			return fmt.Errorf("on or off, not %s", args[0])
		}
		s.Power(args[0] == "on")
	case "run":
		d, err := span(args[0])
		if err != nil {
			return err
		}
		return s.wait(ctx, d, func(View) bool { return false }, "")
	case "wait":
		return s.waitFor(ctx, args[0], args[1])
	case "subscribe":
		return s.Subscribe(args[0])
	}
	return nil
}

func number(text string, most int64) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > most {
		return 0, fmt.Errorf("%s is no whole number from 0 to %d", text, most)
	}
	return n, nil
}

func span(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > maxRun {
		return 0, fmt.Errorf("%s is no time up to %s, such as 10s", text, maxRun)
	}
	return d, nil
}

// waitFor waits until a field of the state line has a value. The field "heard" is a list: there waitFor waits until the
// list contains the value.
func (s *Sketch) waitFor(ctx context.Context, condition, text string) error {
	field, value, ok := strings.Cut(condition, "=")
	if !ok {
		return fmt.Errorf("%s is not FIELD=VALUE", condition)
	}
	d, err := span(text)
	if err != nil {
		return err
	}
	if v, _ := s.Look(); field != "heard" && v.field(field) == "" {
		return fmt.Errorf("the state line has no field %s", field)
	}
	return s.wait(ctx, d, func(v View) bool {
		if field == "heard" {
			return slices.Contains(v.Heard, value)
		}
		return v.field(field) == value
	}, condition)
}

// field returns a field of the state line as text.
func (v View) field(name string) string {
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	var all map[string]json.RawMessage
	if json.Unmarshal(b, &all) != nil {
		return ""
	}
	return strings.Trim(string(all[name]), `"`)
}

// wait waits in real time until a condition holds. If the time is up first, it returns an error that names the condition. A
// caller that only lets time pass gives an empty name, and then wait returns nil.
func (s *Sketch) wait(ctx context.Context, d time.Duration, holds func(View) bool, name string) error {
	t := time.NewTimer(d)
	defer t.Stop()
	for {
		v, changed := s.Look()
		if holds(v) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		case <-t.C:
			if name == "" {
				return nil
			}
			return fmt.Errorf("%s did not come in %s", name, d)
		}
	}
}
