package meterconfig

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/meterdoc"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
)

// State says in one word how a meter's configuration stands. Names are shown by the API; never rename one.
type State string

// States of a configuration.
const (
	StateNone       State = "none"       // nobody has set a value: the meter keeps its own configuration
	StateApplied    State = "applied"    // the meter has the configuration that was decided last
	StateWaiting    State = "waiting"    // it was not sent yet, because the meter is not connected
	StateSent       State = "sent"       // it was sent, and the meter has not answered yet
	StateUnanswered State = "unanswered" // its time ended without an answer; it is sent again when the meter connects
	StateRefused    State = "refused"    // the meter refused it; Answer has its reason
	StateFailed     State = "failed"     // the meter could not take it for now, or has lost it again; it is sent again
	StateConflict   State = "conflict"   // its values contradict each other, so it is not sent; Answer names the first bad key
)

// View is how a meter's configuration stands.
type View struct {
	refusal.Refusal
	Number       string
	Own, Utility meterdoc.Values
	State        State
	Answer       string // the meter's reason, or the first bad key
	Asked        Has    // the configuration decided last; Version is 0 if there is none
	Has          Has    // what the meter reported last; Since is zero if it never reported one
	// Differences lists what differs between the configuration of the meter and the one decided last. Compared is false if the server does
	// not know the document that the meter has: then they are the differences to a meter without a configuration.
	Differences []meterdoc.Difference
	Compared    bool
	Waits       *access.Approval // the change waits for a second person; nothing was changed
}

// Show shows how a meter's configuration stands (right: meter.read).
func (c *Configs) Show(ctx context.Context, by access.Actor, meter string) (View, error) {
	if no := by.Needs(access.ReadMeters); no.Refused() {
		return View{Refusal: no}, nil
	}
	out, err := access.Look(ctx, c.c.Door, by.Tenant, func(tx Tx) (View, error) {
		p, no, err := point(tx, meter, false)
		if err != nil || no.Refused() {
			return View{Refusal: no}, err
		}
		return show(tx.Configuring(), p)
	})
	return out, fault.Wrap(err, "show the configuration of meter %s", meter)
}

// point finds a meter that keeps its credit itself, and locks it if its configuration is to be changed.
func point(tx Tx, meter string, lock bool) (Point, refusal.Refusal, error) {
	m, no, err := registry.MeterNamed(tx.Meters(), meter)
	if err != nil || no.Refused() {
		return Point{}, no, err
	}
	if m.Mode != registry.PrepayToken {
		return Point{}, refuse.MeterConfigOfWallet(m.Number, string(m.Mode)), nil
	}
	if lock {
		if err := tx.Configuring().LockConfig(m.N); err != nil {
			return Point{}, refusal.Refusal{}, err
		}
	}
	p, found, err := tx.Configuring().ConfigPoint(m.N)
	if err == nil && !found {
		err = fmt.Errorf("meter %s cannot be read", m.Number)
	}
	return p, refusal.Refusal{}, err
}

func show(tx ConfigureTx, p Point) (View, error) {
	s, err := tx.TenantSettings()
	if err != nil {
		return View{}, err
	}
	zone, err := zoneOf(s)
	if err != nil {
		return View{}, err
	}
	v := View{Number: p.Meter.Number, Own: p.Own, Utility: s.MeterConfig, Has: p.has(), Asked: Has{p.Version, p.Hash, p.Doc, p.Asked}}
	v.State, v.Answer = p.state(s.MeterConfig, zone, v.Has)
	asked, err := meterdoc.Stored(p.Doc)
	if err != nil {
		return View{}, err
	}
	has, err := meterdoc.Stored(v.Has.Doc)
	v.Compared = v.Has.Doc != ""
	if v.State != StateApplied {
		v.Differences = meterdoc.Differences(has, asked)
	}
	return v, err
}

// state says how a meter's configuration stands.
func (p Point) state(utility meterdoc.Values, zone *time.Location, has Has) (State, string) {
	if len(utility)+len(p.Own) == 0 && p.Version == 0 {
		return StateNone, ""
	}
	if bad := meterdoc.Bad(p.document(utility, zone)); bad != "" {
		return StateConflict, bad
	}
	order := p.Order.At(p.Clock)
	switch {
	case p.Version > 0 && has.Hash == p.Hash:
		return StateApplied, ""
	case order.Open() && order.Signed:
		return StateSent, ""
	case order.State == "failed" && strings.HasPrefix(order.Answer, "config"), order.State == "failed" && order.Answer == "mode":
		return StateRefused, order.Answer
	case order.State == "failed", order.Done(): // done: the meter has lost it again
		return StateFailed, order.Answer
	case order.ID.IsZero(), order.Open():
		return StateWaiting, ""
	}
	return StateUnanswered, ""
}

// Change holds changes of a meter's own values. A cleared value is the utility's again.
type Change struct {
	Set    meterdoc.Values `json:"set,omitempty"`
	Clear  []string        `json:"clear,omitempty"`
	Reason string          `json:"reason"`
}

// configAct is what an approval stores.
type configAct struct {
	Meter string `json:"meter"`
	Wish  Change `json:"wish"`
}

// Executors returns the functions that carry out this package's act once it is approved.
func (c *Configs) Executors() access.Executors {
	return access.Executors{access.ActMeterConfig: c.do}
}

func (c *Configs) do(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var a configAct
	if err := json.Unmarshal(body, &a); err != nil {
		return access.Done{}, fmt.Errorf("read an approved configuration: %w", err)
	}
	out, err := c.Set(ctx, maker, a.Meter, a.Wish)
	return access.Done{Refusal: out.Refusal, Object: "meter " + a.Meter}, err
}

// maxReason is the longest reason in characters.
const maxReason = 200

// check checks a change before anything is read.
func (w Change) check() refusal.Refusal {
	for _, name := range w.Clear {
		if !meterdoc.Known(name) {
			return refuse.MeterConfigBadKey(refusal.Echo(name))
		}
		if _, both := w.Set[name]; both {
			return refuse.MeterConfigBadKey(name)
		}
	}
	if len(w.Set)+len(w.Clear) == 0 {
		return refuse.MeterConfigEmpty()
	}
	if n := utf8.RuneCountInString(w.Reason); n == 0 || n > maxReason || !utf8.ValidString(w.Reason) {
		return refuse.ChangeWithoutReason(maxReason)
	}
	return refusal.Refusal{}
}

// Set changes a meter's own values and sends the meter its new configuration (right: meter.write). Emergency credit, friendly hours and a
// lifeline give energy before it is paid for, and a text may name an account to pay to. So every change takes two people.
func (c *Configs) Set(ctx context.Context, by access.Actor, meter string, w Change) (View, error) {
	if no := by.Needs(access.WriteMeters); no.Refused() {
		return View{Refusal: no}, nil
	}
	w.Reason = strings.TrimSpace(w.Reason)
	if no := w.check(); no.Refused() {
		return View{Refusal: no}, nil
	}
	out, err := access.Through(ctx, c.c.Door, by.Tenant, func(tx Tx) (View, error) { return c.set(tx, by, meter, w) })
	return out, fault.Wrap(err, "configure meter %s", meter)
}

// set is the transaction of Set.
func (c *Configs) set(tx Tx, by access.Actor, meter string, w Change) (View, error) {
	p, no, err := point(tx, meter, true)
	if err != nil || no.Refused() {
		return View{Refusal: no}, err
	}
	number := p.Meter.Number
	switch {
	case !p.Signed:
		return View{Refusal: refuse.CommandWithoutLinkKey(number)}, nil
	case !p.takes():
		return View{Refusal: refuse.CommandToMeterOutOfService(number, string(p.Meter.Status))}, nil
	}
	t := tx.Configuring()
	s, err := t.TenantSettings()
	if err != nil {
		return View{}, err
	}
	zone, err := zoneOf(s)
	if err != nil {
		return View{}, err
	}
	was := p.Own
	p.Own = was.With(w.Set, w.Clear)
	if reflect.DeepEqual(p.Own, was) || len(p.Own)+len(was) == 0 {
		return View{Refusal: refuse.MeterConfigEmpty()}, nil
	}
	if bad := meterdoc.Bad(p.document(s.MeterConfig, zone)); bad != "" {
		return View{Refusal: refuse.MeterConfigBadKey(bad)}, nil
	}
	now := access.Stored(c.c.Now())
	eyes, err := access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: access.ActMeterConfig, Object: p.Meter.ID.Text(id.Meter),
		Summary: w.words(number), Body: configAct{number, w},
		Effect: func() (e access.Effect, err error) { return e, e.Diff(was, p.Own, s.Currency) }}, now)
	if err != nil || eyes.Refused() || eyes.Waits != nil {
		return View{Refusal: eyes.Refusal, Waits: eyes.Waits}, err
	}
	if err := t.PutMeterConfig(p.Meter, p.Row); err != nil {
		return View{}, err
	}
	e := by.Entry("meter.config", p.Meter.ID.Text(id.Meter))
	e.Before, e.After, e.Reason = written(was), written(p.Own), w.Reason
	if err := tx.AuditLog(eyes.Mark(e)); err != nil {
		return View{}, err
	}
	if err := p.configure(t, s.MeterConfig, zone, now, true); err != nil {
		return View{}, err
	}
	p, _, err = t.ConfigPoint(p.Meter.N)
	if err != nil {
		return View{}, err
	}
	return show(t, p)
}

// words describes a change for the person who approves it.
func (w Change) words(number string) string {
	return fmt.Sprintf("configure meter %s: %s; reason: %s", number, strings.Join(slices.Concat(named(w.Set), cleared(w.Clear)), "; "), w.Reason)
}

// named writes values in words, with their units.
func named(v meterdoc.Values) []string {
	var e access.Effect
	if len(v) == 0 || e.Diff(nil, v, "") != nil {
		return nil
	}
	return []string{e.Words()}
}

func cleared(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = n + " as the utility has it"
	}
	return out
}

// written writes values for the audit log.
func written(v meterdoc.Values) string {
	if len(v) == 0 {
		return "no values of its own"
	}
	return strings.Join(parts(v), " ")
}

func parts(v meterdoc.Values) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(v)) {
		switch one := v[name].(type) {
		case string, []string:
			out = append(out, fmt.Sprintf("%s=%q", name, one))
		default:
			out = append(out, fmt.Sprintf("%s=%v", name, one))
		}
	}
	return out
}
