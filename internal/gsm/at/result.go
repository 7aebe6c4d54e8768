package at

import (
	"strconv"
	"strings"
)

// Status tells how a command ended.
type Status uint8

// The statuses of a command.
const (
	OK    Status = iota
	Error        // ERROR, without a number
	CME          // +CME ERROR: equipment and SIM
	CMS          // +CMS ERROR: messages
)

// Result is the final result of a command.
type Result struct {
	Status Status
	Code   int // the number of a CME or CMS error; -1 if the modem sent words
	Text   string
}

// ParseResult reads a final result line.
func ParseResult(line string) (Result, bool) {
	switch line {
	case "OK":
		return Result{Status: OK, Text: line}, true
	case "ERROR":
		return Result{Status: Error, Code: -1, Text: line}, true
	}
	r := Result{Status: CME, Code: -1, Text: line}
	rest, ok := strings.CutPrefix(line, "+CME ERROR:")
	if !ok {
		if rest, ok = strings.CutPrefix(line, "+CMS ERROR:"); !ok {
			return Result{}, false
		}
		r.Status = CMS
	}
	if n, err := strconv.ParseUint(strings.TrimSpace(rest), 10, 16); err == nil {
		r.Code = int(n)
	}
	return r, true
}

// Class says how to handle an error.
type Class uint8

// The classes.
const (
	Done      Class = iota // no error
	Retry                  // try again later: nothing was sent
	Permanent              // the same message will be refused again
	Blocked                // the SIM or the modem needs attention first; the message is not the cause
)

// String names the class.
func (c Class) String() string { return []string{"done", "retry", "permanent", "blocked"}[c] }

// Class returns the class of a result. Numbers: TS 27.005 §3.2.5, TS 24.011 annex E, TS 27.007 §9.2. An error without a number, or with an
// unknown number, is retried: the number of tries is limited anyway.
func (r Result) Class() Class {
	switch r.Status {
	case OK:
		return Done
	case CMS:
		switch r.Code {
		case 1, 8, 10, 21, 28, 29, 30, 50, 69, 302, 303, 304, 305:
			return Permanent
		case 310, 311, 312, 313, 315, 316, 317, 318, 330: // 330: no message centre is set, so no message can leave
			return Blocked
		}
	case CME:
		switch r.Code {
		case 10, 11, 12, 13, 15, 16, 17, 18: // no SIM, PIN, PUK, SIM failure, wrong SIM, wrong password, PIN2, PUK2
			return Blocked
		case 3, 4, 50: // not allowed, not supported, incorrect parameters
			return Permanent
		}
	}
	return Retry
}

// Field is one parameter of an information line.
type Field struct {
	Text   string // without quotes
	Quoted bool
}

// Int reads a non-negative number.
func (f Field) Int() (int, bool) {
	n, err := strconv.ParseUint(f.Text, 10, 31)
	return int(n), err == nil
}

// Fields splits what follows "+NAME: " at the commas outside quotes. It returns at least one field.
func Fields(line string) []Field {
	if i := strings.Index(line, ":"); i >= 0 {
		line = line[i+1:]
	}
	var out []Field
	var b strings.Builder
	quoted, was := false, false
	for _, c := range line {
		switch {
		case c == '"':
			quoted, was = !quoted, true
		case c == ',' && !quoted:
			out = append(out, Field{b.String(), was})
			b.Reset()
			was = false
		case c == ' ' && !quoted && b.Len() == 0:
		default:
			b.WriteRune(c)
		}
	}
	return append(out, Field{b.String(), was})
}
