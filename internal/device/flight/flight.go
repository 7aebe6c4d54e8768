// Package flight is the meter's flight recorder: a file of everything that happened to a meter core. Anybody can replay
// it and must arrive at the same state. Attach such a file to a bug report.
//
// Start at [NewRecorder] and [Replay]. The file is lines of JSON. A boot line has the configuration and the state. Each
// event and each new configuration has a line. From time to time a check line has the number of events so far and the
// hash of the state. The file holds no key and no token digits, because the core never sees them.
package flight

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
)

// version is the version of the file format.
const version = 1

// line is one line of the file; exactly one of the pointers is set.
type line struct {
	Boot   *boot           `json:"boot,omitempty"`
	Config *meter.Config   `json:"config,omitempty"`
	Event  json.RawMessage `json:"event,omitempty"`
	Check  *check          `json:"check,omitempty"`
}

// boot begins the file and every start of the meter in it.
type boot struct {
	Version int          `json:"version"`
	Config  meter.Config `json:"config"`
	State   meter.State  `json:"state"`
	// TIDs holds the TIDs of the state, because the type State does not export them.
	TIDs [sts.TIDStoreSize]sts.TID `json:"tids"`
}

type check struct {
	Events int64  `json:"events"`
	Hash   string `json:"hash"`
}

// Recorder writes the file. After its first error it writes nothing more, because a failing recorder must not stop the
// meter.
type Recorder struct {
	w      *bufio.Writer
	events int64
	// checked is the number of events at the last check, -1 before the first.
	checked int64
	err     error
}

// NewRecorder returns a recorder that writes to w.
func NewRecorder(w io.Writer) *Recorder { return &Recorder{w: bufio.NewWriter(w), checked: -1} }

func (r *Recorder) put(l line) {
	if r.err != nil {
		return
	}
	b, err := json.Marshal(l)
	if err == nil {
		_, err = r.w.Write(append(b, '\n'))
	}
	r.err = err
}

// Boot records a start with its initial state and configuration.
func (r *Recorder) Boot(c *meter.Config, s *meter.State) {
	r.put(line{Boot: &boot{Version: version, Config: *c, State: *s, TIDs: s.TIDs.TIDs()}})
}

// Config records that a new configuration is in force from the next event on.
func (r *Recorder) Config(c *meter.Config) { r.put(line{Config: c}) }

// Event records an event; it must be called before Step.
func (r *Recorder) Event(ev *meter.Event) {
	b, err := json.Marshal(sparse(reflect.ValueOf(*ev)))
	if err != nil {
		r.err = errors.Join(r.err, err)
		return
	}
	r.events++
	r.put(line{Event: b})
}

// Check records the hash of the current state and flushes everything to the writer.
func (r *Recorder) Check(s *meter.State) error {
	if r.checked != r.events {
		r.checked = r.events
		r.put(line{Check: &check{Events: r.events, Hash: hashText(s)}})
	}
	if err := r.w.Flush(); r.err == nil {
		r.err = err
	}
	if r.err != nil {
		return fmt.Errorf("write flight recorder: %w", r.err)
	}
	return nil
}

func hashText(s *meter.State) string { return fmt.Sprintf("%016x", meter.Hash(s)) }

// sparse leaves out fields that are zero, because most fields of an event are.
func sparse(v reflect.Value) map[string]any {
	out := map[string]any{}
	for i := range v.NumField() {
		f := v.Field(i)
		switch {
		case f.IsZero():
		case f.Kind() == reflect.Struct:
			out[v.Type().Field(i).Name] = sparse(f)
		default:
			out[v.Type().Field(i).Name] = plain(f)
		}
	}
	return out
}

// plain writes numbers as numbers, even if their types have a text form for people.
func plain(f reflect.Value) any {
	switch {
	case f.CanInt():
		return json.Number(strconv.FormatInt(f.Int(), 10))
	case f.CanUint():
		return json.Number(strconv.FormatUint(f.Uint(), 10))
	}
	return f.Interface()
}

// ErrFile is wrapped by Replay's errors about a file that is not a recording, or that this version cannot replay.
var ErrFile = errors.New("not a flight recording")

// Result is the outcome of a replay.
type Result struct {
	// Events is the number of events, Boots the number of starts.
	Events, Boots int64
	// Hash is the hash of the final state, 16 hexadecimal digits.
	Hash string
	// Checks is the number of recorded hashes that were compared. Differs is the number of the event after which a hash first
	// did not match, 0 if all hashes matched.
	Checks  int64
	Differs int64
	// Recorded is the hash that did not match, or else the last recorded hash. If the recorded process was killed, the file may
	// end with events after the last hash. Unchecked counts them, and Recorded is then not the hash of the final state.
	Recorded  string
	Unchecked int64
}

// Matches reports whether there was a recorded hash and all of them matched.
func (r Result) Matches() bool { return r.Checks > 0 && r.Differs == 0 }

// maxLine bounds a line of the file.
const maxLine = 1 << 20

// wholeLines splits at line ends. It drops an unfinished last line, which is left if the process was killed while it
// wrote.
func wholeLines(data []byte, _ bool) (advance int, line []byte, err error) {
	end := bytes.IndexByte(data, '\n')
	if end < 0 {
		return 0, nil, nil
	}
	return end + 1, data[:end], nil
}

// Replay replays a recording. It stops at the first hash that does not match. It ignores an unfinished last line, so
// that the recording of a killed process can be replayed too.
func Replay(r io.Reader) (Result, error) {
	p := player{out: make([]meter.Effect, 0, meter.MaxEffects)}
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	lines.Split(wholeLines)
	for n := 1; lines.Scan(); n++ {
		if err := p.line(lines.Bytes()); err != nil {
			return Result{}, fmt.Errorf("%w: line %d: %w", ErrFile, n, err)
		}
		if p.result.Differs != 0 {
			break
		}
	}
	if err := lines.Err(); err != nil {
		return Result{}, fmt.Errorf("read flight recording: %w", err)
	}
	if p.result.Boots == 0 {
		return Result{}, fmt.Errorf("%w: it is empty", ErrFile)
	}
	p.result.Hash = hashText(&p.s)
	return p.result, nil
}

type player struct {
	c      meter.Config
	s      meter.State
	out    []meter.Effect
	result Result
}

func (p *player) line(b []byte) (err error) {
	var l line
	if err := json.Unmarshal(b, &l); err != nil {
		return err
	}
	switch {
	case l.Boot != nil:
		if l.Boot.Version != version {
			return fmt.Errorf("format %d, this program knows %d", l.Boot.Version, version)
		}
		p.c, p.s = l.Boot.Config, l.Boot.State
		p.s.TIDs = sts.NewTIDStore(l.Boot.TIDs)
		p.result.Boots++
	case p.result.Boots == 0:
		return errors.New("nothing may come before a boot")
	case l.Config != nil:
		p.c = *l.Config
	case l.Event != nil:
		return p.event(l.Event)
	case l.Check != nil:
		p.check(l.Check)
	default:
		return errors.New("neither boot, config, event nor check")
	}
	return nil
}

// event replays one event. A panic means that the file contains an event that no host would send, and is reported as an
// error.
func (p *player) event(b []byte) (err error) {
	var ev meter.Event
	if err := json.Unmarshal(b, &ev); err != nil {
		return err
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the core stopped at it: %v", r)
		}
	}()
	p.out = meter.Step(&p.c, &p.s, ev, p.out[:0])
	p.result.Events++
	p.result.Unchecked++
	return nil
}

func (p *player) check(c *check) {
	p.result.Checks++
	p.result.Recorded, p.result.Unchecked = c.Hash, 0
	if c.Hash != hashText(&p.s) || c.Events != p.result.Events {
		p.result.Differs = max(p.result.Events, 1)
	}
}
