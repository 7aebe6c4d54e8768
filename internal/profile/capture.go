package profile

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Limits of a capture.
const (
	maxCaptureLine = 64 << 10
	maxCapture     = 100_000 // messages in a capture
)

// ErrCapture is wrapped by every error of a capture.
var ErrCapture = errors.New("capture")

// Captured is one recorded message.
type Captured struct {
	At      time.Time
	Topic   string
	Payload []byte
}

// capturedLine is a line of the form that mosquitto_sub -F %j writes; other keys are ignored. A file written by hand may
// name the time "at".
type capturedLine struct {
	Tst     string `json:"tst"`
	At      string `json:"at"`
	Topic   string `json:"topic"`
	Payload string `json:"payload"`
}

// ReadCapture reads messages, one JSON object on each line. It skips empty lines and lines that begin with #.
func ReadCapture(r io.Reader) ([]Captured, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4096), maxCaptureLine)
	var out []Captured
	for n := 1; lines.Scan(); n++ {
		line := lines.Bytes()
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		var l capturedLine
		if err := json.Unmarshal(line, &l); err != nil {
			return nil, fmt.Errorf("%w line %d: not a JSON object: %w", ErrCapture, n, err)
		}
		at, err := capturedTime(l)
		if err != nil {
			return nil, fmt.Errorf("%w line %d: %w", ErrCapture, n, err)
		}
		if l.Topic == "" {
			return nil, fmt.Errorf("%w line %d: it has no topic", ErrCapture, n)
		}
		if len(out) == maxCapture {
			return nil, fmt.Errorf("%w: more than %d messages", ErrCapture, maxCapture)
		}
		out = append(out, Captured{At: at, Topic: l.Topic, Payload: []byte(l.Payload)})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCapture, err)
	}
	return out, nil
}

// capturedTime reads the time of a line: in RFC 3339, or in the form of mosquitto, with Z and an offset.
func capturedTime(l capturedLine) (time.Time, error) {
	text := l.Tst
	if text == "" {
		text = l.At
	}
	for _, form := range [...]string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z-0700", "2006-01-02T15:04:05.999999999-0700"} {
		if t, err := time.Parse(form, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time; give tst or at as 2026-11-20T08:00:00Z", text)
}

// Played is the meaning of one recorded message, with its effect on the register.
type Played struct {
	Captured
	Meaning  Meaning
	Step     Step
	Register Register
}

// Play applies the messages of a capture, beginning with an empty register.
func (p *Profile) Play(capture []Captured) []Played {
	out := make([]Played, 0, len(capture))
	var r Register
	for _, c := range capture {
		m := p.Understand(c.Topic, c.Payload)
		var s Step
		if m.Kind != Ignored && m.Kind != Unreadable {
			r, s = p.Take(r, m, c.At)
		}
		out = append(out, Played{Captured: c, Meaning: m, Step: s, Register: r})
	}
	return out
}
