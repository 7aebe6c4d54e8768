package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/registry"
)

// Opener opens a value that a data key sealed.
type Opener interface {
	Open(context string, sealed []byte) ([]byte, error)
}

// Configured is a route with its configuration.
type Configured struct {
	Route
	Kind     string   // such as modem or log, for people
	Cost     int64    // cost of one part, in millionths of the currency's unit
	Prefixes []string // prefixes of the numbers that it serves; none means all
	Meters   bool     // messages to meters may use the route
}

// Config configures a Dispatcher. Server, Answer, Alone and Log may be left out.
type Config struct {
	Door   access.Door[Tx]
	Opener Opener
	Hasher registry.Hasher // hashes the cursors of lists, and token digits
	Routes []Configured    // in the order in which they are tried
	Owner  string          // name of this process among the processes on the same database
	Server string          // name that this server keeps over restarts, for alarms about its routes; empty for the only server of a database
	Alone  bool            // no other process serves the database: if no route of this process takes a message, no route does
	Answer time.Duration   // time for a meter's first answer; 0 means a minute
	Pages  Pages           // nil if messages contain no addresses of customers' pages
	Shop   Shop            // nil if messages buy nothing
	Now    func() time.Time
	Log    *slog.Logger
}

// Times of the dispatcher.
const (
	pollEvery   = time.Second
	troublePoll = 5 * time.Second
	othersPoll  = 3 * time.Second
	probeEvery  = time.Minute // time between two tries of a route that is down
	firstAnswer = time.Minute
	strayAfter  = 10 * time.Minute // after this time another server takes a message whose route belongs to no server any more
	alarmEvery  = 10 * time.Minute // time between two writings of an alarm whose cause lasts: another server, or a person, may have ended it
)

// failuresDown is the number of failures in a row after which a route counts as down. Failures with one recipient within recipientOnce count
// as one: many texts may wait for a telephone that is off, and they say nothing about the route.
const (
	failuresDown  = 5
	recipientOnce = WakeEvery
)

// Dispatcher queues messages, gives them to routes and takes arrivals. [New] makes a Dispatcher. [Dispatcher.Run] sends its messages.
type Dispatcher struct {
	c     Config
	bells []chan struct{} // wake the routes' workers

	mu   sync.Mutex
	ways []standing
}

// standing is a route's current state.
type standing struct {
	RouteStatus
	kind     string
	failures int                  // failures in a row
	failed   map[string]time.Time // recipients with which the route has failed since it last worked, with the time of the counted failure
	proved   bool
	since    time.Time     // when the route went down
	tenant   access.Tenant // in whose transaction it went down
	downAt   time.Time     // when the alarm about that was last written
	probe    time.Time     // when a down route is tried again
	granted  time.Time     // until this time the probe message may use a down route
	why      string
	last     time.Time // when the route last accepted a message
	memory   Memory    // the route's memory of arrivals, if it has one
	full     bool      // the alarm about its memory is raised
	fullAt   time.Time // when it was last written
	looked   bool      // the field full has been compared with the stored alarm
}

// New returns a Dispatcher.
func New(c Config) *Dispatcher {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Answer == 0 {
		c.Answer = firstAnswer
	}
	d := &Dispatcher{c: c}
	for _, r := range c.Routes {
		d.ways = append(d.ways, standing{RouteStatus: RouteStatus{Name: r.Name(), Cost: r.Cost, Prefixes: r.Prefixes, Meters: r.Meters}, kind: r.Kind})
		d.bells = append(d.bells, make(chan struct{}, 1))
	}
	return d
}

// Kick wakes the workers after a commit. It never blocks.
func (d *Dispatcher) Kick() {
	for _, b := range d.bells {
		select {
		case b <- struct{}{}:
		default:
		}
	}
}

// Serves reports whether there is a route for messages to customers, and one for messages to meters.
func (d *Dispatcher) Serves() (customers, meters bool) {
	return len(d.c.Routes) > 0, slices.ContainsFunc(d.c.Routes, func(r Configured) bool { return r.Meters })
}

// Run sends until ctx ends. After a failure of the store or of a route it tries again; it never gives up.
func (d *Dispatcher) Run(ctx context.Context) error {
	var workers sync.WaitGroup
	workers.Go(func() { d.endGoneAlarms(ctx) })
	for i, r := range d.c.Routes {
		workers.Go(func() { d.work(ctx, i, r) })
	}
	workers.Wait()
	return nil
}

func (d *Dispatcher) everyTenant(ctx context.Context, do func(access.Tenant) error) error {
	tenants, err := access.Look(ctx, d.c.Door, 0, func(tx Tx) ([]access.Tenant, error) { return tx.Outcomes().Tenants() })
	if err != nil {
		return err
	}
	var errs []error
	for _, t := range tenants {
		errs = append(errs, do(t))
	}
	return errors.Join(errs...)
}

// work is the worker of one route: it sends one message after the other.
func (d *Dispatcher) work(ctx context.Context, n int, r Configured) {
	for {
		wait := pollEvery
		if err := d.watchMemory(ctx, n, r); err != nil && ctx.Err() == nil {
			d.c.Log.Warn("message memory of a route not read", logkey.Route, r.Name(), logkey.Err, err)
		}
		if err := d.repeatDownAlarm(ctx, n, r.Name()); err != nil && ctx.Err() == nil {
			d.c.Log.Warn("alarm of a route not written", logkey.Route, r.Name(), logkey.Err, err)
		}
		if d.mayTry(n) {
			found := nothing
			err := d.everyTenant(ctx, func(t access.Tenant) error {
				one, err := d.one(ctx, t, n, r)
				found = max(found, one)
				return err
			})
			switch {
			case ctx.Err() != nil:
				return
			case err != nil:
				d.c.Log.Warn("message run failed", logkey.Route, r.Name(), logkey.Err, err)
				wait = troublePoll
			case found == served:
				continue
			case found == others: // wait longer: each check takes two write transactions
				wait = othersPoll
			}
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		case <-d.bells[n]:
			timer.Stop()
		}
	}
}

// Serve gives every route of a tenant its due messages, once, and returns their number. It serves callers that step the time
// instead of running the dispatcher.
func (d *Dispatcher) Serve(ctx context.Context, t access.Tenant) (int, error) {
	total := 0
	for n, r := range d.c.Routes {
		if err := d.watchMemory(ctx, n, r); err != nil {
			return total, err
		}
		if err := d.repeatDownAlarm(ctx, n, r.Name()); err != nil {
			return total, err
		}
		for d.mayTry(n) {
			found, err := d.one(ctx, t, n, r)
			if err != nil {
				return total, err
			}
			if found != served {
				break
			}
			total++
		}
	}
	return total, nil
}

// mayTry reports whether a route may be given a message now: a down route only at its probe time.
func (d *Dispatcher) mayTry(n int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	w := &d.ways[n]
	now := d.c.Now()
	return !w.Down || now.Before(w.granted) || !now.Before(w.probe)
}

// open lists the routes with their states, for the choice of a route.
func (d *Dispatcher) open() Routes {
	d.mu.Lock()
	defer d.mu.Unlock()
	out, now := Routes{Mine: make([]RouteStatus, len(d.ways)), Shared: !d.c.Alone}, d.c.Now()
	for i, w := range d.ways {
		out.Mine[i] = w.RouteStatus
		out.Mine[i].probed = now.Before(w.granted)
	}
	return out
}

// RouteState is a route as people see it.
type RouteState struct {
	Name, Kind string
	Down       bool
	Since      time.Time // time since which the route is down
	Failures   int       // failures in a row
	Why        string    // reason of the last failure
	Last       time.Time // when the route last accepted a message since the server started
	Cost       int64
	Prefixes   []string
	Meters     bool
	Memory     Memory // the route's memory of arrivals; zero if it has none or its use is unknown
}

// routeChange is the effect of an answer on a route's state: no change, down, or up again.
type routeChange uint8

const (
	same routeChange = iota
	wentDown
	cameUp
)

// judge counts a route's answer about a message to a recipient. The first success after a start also clears an alarm that an earlier run
// may have left.
func (d *Dispatcher) judge(n int, s Sent, to string) routeChange {
	d.mu.Lock()
	defer d.mu.Unlock()
	w, now := &d.ways[n], d.c.Now()
	w.granted = time.Time{}
	switch s.Outcome {
	case Accepted:
		was := w.Down || !w.proved
		w.failures, w.Down, w.why, w.proved, w.last = 0, false, "", true, now
		w.failed = nil
		if was {
			return cameUp
		}
	case NotSent, Unknown:
		w.countFailure(to, now)
		w.why = cut(s.Why, MaxWhy)
		w.probe = now.Add(probeEvery)
		if !w.Down && (s.Closed && s.Outcome == NotSent || w.failures >= failuresDown) {
			w.Down, w.since = true, now
			return wentDown
		}
	}
	return same
}

// countFailure counts a failure of the route with a recipient.
func (w *standing) countFailure(to string, now time.Time) {
	if at, before := w.failed[to]; before && now.Before(at.Add(recipientOnce)) {
		return
	}
	w.failures++
	if w.failures > failuresDown { // the route is down
		return
	}
	if w.failed == nil {
		w.failed = map[string]time.Time{}
	}
	w.failed[to] = now
}

// applyRouteChange raises or clears the alarm of a route. If the route works again, it also wakes the messages that wait for the route.
func (d *Dispatcher) applyRouteChange(tx Tx, t routeChange, name, why string) error {
	switch t {
	case wentDown:
		if err := tx.Outcomes().AuditLog(d.entry("message.route_down", name, why)); err != nil {
			return err
		}
		return d.raiseDownAlarm(tx, name)
	case cameUp: // the texts that failed with it need not wait until their pauses end
		if err := tx.Queued().MessagesWakeRoute(name, d.c.Now()); err != nil {
			return err
		}
		return tx.Outcomes().ClearAlarmText(d.c.Server, AlarmRouteDown, alarmtext.RouteDown(name))
	}
	return nil
}

func (d *Dispatcher) raiseDownAlarm(tx Tx, name string) error {
	return tx.Outcomes().RaiseAlarm(0, metering.Alarm{Code: AlarmRouteDown, Text: alarmtext.RouteDown(name), Server: d.c.Server})
}

// repeatDownAlarm writes the alarm of a route that stays down again, in the tenant of the first one: only there a success ends it.
func (d *Dispatcher) repeatDownAlarm(ctx context.Context, n int, name string) error {
	d.mu.Lock()
	w := d.ways[n]
	d.mu.Unlock()
	if !w.Down || d.c.Now().Sub(w.downAt) < alarmEvery {
		return nil
	}
	err := d.c.Door.Do(ctx, w.tenant, func(tx Tx) (bool, error) { return false, d.raiseDownAlarm(tx, name) })
	if err != nil {
		return fmt.Errorf("record that route %s is down: %w", name, err)
	}
	d.noteDownAlarm(n, w.tenant, d.c.Now())
	return nil
}

// noteDownAlarm notes when the alarm of a route that is down was written; zero if it could not be written.
func (d *Dispatcher) noteDownAlarm(n int, t access.Tenant, at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ways[n].tenant, d.ways[n].downAt = t, at
}

// endGoneAlarms ends this server's alarms about routes that it no longer has. No message will go by them and end the alarms.
func (d *Dispatcher) endGoneAlarms(ctx context.Context) {
	var down, full []string
	for _, r := range d.c.Routes {
		down, full = append(down, alarmtext.RouteDown(r.Name())), append(full, alarmtext.MemoryFull(r.Name()))
	}
	for {
		err := d.everyTenant(ctx, func(t access.Tenant) error {
			return d.c.Door.Do(ctx, t, func(tx Tx) (bool, error) {
				err := tx.Outcomes().EndGoneAlarms(d.c.Server, AlarmRouteDown, down)
				return false, errors.Join(err, tx.Outcomes().EndGoneAlarms(d.c.Server, AlarmMemoryFull, full))
			})
		})
		if err == nil || ctx.Err() != nil {
			return
		}
		d.c.Log.Warn("alarms of routes that are gone not ended", logkey.Err, err)
		timer := time.NewTimer(troublePoll)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// Alarms of this package.
const (
	// AlarmRouteDown: a route for messages does not work.
	AlarmRouteDown metering.AlarmCode = "sms-route-down"
	// AlarmMeterSilent: a meter did not answer the token that was sent to its SIM.
	AlarmMeterSilent metering.AlarmCode = "sms-meter-silent"
	// AlarmMeterRejects: a meter answered by SMS that it rejects a token that was made for it.
	AlarmMeterRejects metering.AlarmCode = "sms-token-rejected"
	// AlarmReversedHeard: a meter says by SMS that it has a token whose sale was reversed.
	AlarmReversedHeard metering.AlarmCode = "sms-reversed-used"
)

// actorName is the actor of this package's audit rows.
const actorName = "messages"

func (d *Dispatcher) entry(action, object, after string) access.Entry {
	e := access.SystemActor(0, actorName).Entry(action, object)
	e.After = cut(after, MaxWhy)
	return e
}

// note writes an audit row about a message; the row appears in the feed of events.
func (d *Dispatcher) note(tx Tx, m Message) error {
	after := "purpose=" + string(m.Purpose)
	if m.Route != "" {
		after += " route=" + m.Route
	}
	if m.Number != "" {
		after += " meter=" + m.Number
	}
	if m.Failure != "" {
		after += " why=" + m.Failure
	}
	return tx.Outcomes().AuditLog(d.entry("message."+string(m.State), m.ID.Text(id.Message), after))
}
