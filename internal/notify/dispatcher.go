package notify

import (
	"context"
	"errors"
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

// Opener opens what a data key has sealed.
type Opener interface {
	Open(context string, sealed []byte) ([]byte, error)
}

// Configured is a route with what the configuration says of it.
type Configured struct {
	Route
	Kind     string   // modem, log, ...: for people
	Cost     int64    // of one part, in millionths of the currency's unit
	Prefixes []string // of numbers that go by it; none for all
	Meters   bool     // meters' messages may go by it
}

// Config is what a Dispatcher needs. Answer, Alone and Log may be left out.
type Config struct {
	Door   access.Door[Tx]
	Opener Opener
	Hasher registry.Hasher // of the cursors of lists, and of token digits
	Routes []Configured    // in the order in which they are tried
	Owner  string          // names this process among all that serve the same database
	Alone  bool            // no other process serves it: what no route of this one takes is taken by none
	Answer time.Duration   // how long a meter has for its first answer; 0 means a minute
	Now    func() time.Time
	Log    *slog.Logger
}

// Times of the dispatcher.
const (
	pollEvery   = time.Second
	troublePoll = 5 * time.Second
	othersPoll  = 3 * time.Second
	probeEvery  = time.Minute // how often a route that is down is tried
	firstAnswer = time.Minute
	strayAfter  = 10 * time.Minute // a message whose route no server has any more is given to another after this
)

// failuresDown is how many tries of a route must fail in a row for it to be down.
const failuresDown = 5

// Dispatcher queues messages, gives them to routes and takes what comes in. Start at [New]; Run serves.
type Dispatcher struct {
	c     Config
	bells []chan struct{} // of the routes' workers

	mu   sync.Mutex
	ways []standing
}

// standing is how a route stands.
type standing struct {
	RouteStatus
	kind     string
	failures int // in a row
	proved   bool
	since    time.Time // of Down
	probe    time.Time // when it is tried again
	granted  time.Time // until then a message that was given to it for that may go by it
	why      string
	last     time.Time // when it last accepted a message
	memory   Memory    // of arrivals, where it has one
	full     bool      // the alarm about its memory is raised
	looked   bool      // whether there is one is known
}

// New makes a Dispatcher.
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

// Kick makes the workers look at once: something has just been committed. It never blocks.
func (d *Dispatcher) Kick() {
	for _, b := range d.bells {
		select {
		case b <- struct{}{}:
		default:
		}
	}
}

// Serves reports whether there is a route for messages to customers, and one for those to meters.
func (d *Dispatcher) Serves() (customers, meters bool) {
	return len(d.ways) > 0, slices.ContainsFunc(d.ways, func(w standing) bool { return w.Meters })
}

// Run sends until ctx ends. A store or a route that fails is tried again; Run itself never gives up.
func (d *Dispatcher) Run(ctx context.Context) error {
	var workers sync.WaitGroup
	for i, r := range d.c.Routes {
		workers.Go(func() { d.work(ctx, i, r) })
	}
	workers.Wait()
	return nil
}

func (d *Dispatcher) everyTenant(ctx context.Context, do func(access.Tenant) error) error {
	tenants, err := access.Look(ctx, d.c.Door, 0, func(tx Tx) ([]access.Tenant, error) { return tx.Office().Tenants() })
	if err != nil {
		return err
	}
	var errs []error
	for _, t := range tenants {
		errs = append(errs, do(t))
	}
	return errors.Join(errs...)
}

// work is the worker of one route: one message after the other.
func (d *Dispatcher) work(ctx context.Context, n int, r Configured) {
	for {
		wait := pollEvery
		if err := d.watchMemory(ctx, n, r); err != nil && ctx.Err() == nil {
			d.c.Log.Warn("message memory of a route not read", logkey.Route, r.Name(), logkey.Err, err)
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
			case found == others: // each look at it takes two transactions that write
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

// Serve gives every route of a tenant what is due, once, and reports how much it was; for whoever steps the time instead of
// letting the dispatcher run.
func (d *Dispatcher) Serve(ctx context.Context, t access.Tenant) (int, error) {
	total := 0
	for n, r := range d.c.Routes {
		if err := d.watchMemory(ctx, n, r); err != nil {
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

// mayTry reports whether a route may be given a message now: one that is down only once in a while.
func (d *Dispatcher) mayTry(n int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	w := &d.ways[n]
	now := d.c.Now()
	return !w.Down || now.Before(w.granted) || !now.Before(w.probe)
}

// open is the list of routes to choose from, as they stand.
func (d *Dispatcher) open() Ways {
	d.mu.Lock()
	defer d.mu.Unlock()
	out, now := Ways{Mine: make([]RouteStatus, len(d.ways)), Shared: !d.c.Alone}, d.c.Now()
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
	Since      time.Time // down since
	Failures   int       // in a row
	Why        string    // of the last failure
	Last       time.Time // when it last accepted a message since the server started
	Cost       int64
	Prefixes   []string
	Meters     bool
	Memory     Memory // of arrivals; zero where the route has none, or it is not known
}

// routeChange is how an answer of a route changes its standing: not, down, or up again.
type routeChange uint8

const (
	same routeChange = iota
	wentDown
	cameUp
)

// judge counts a route's answer. The first success after a start clears an alarm that another run may have left.
func (d *Dispatcher) judge(n int, s Sent) routeChange {
	d.mu.Lock()
	defer d.mu.Unlock()
	w, now := &d.ways[n], d.c.Now()
	w.granted = time.Time{}
	switch s.Outcome {
	case Accepted:
		was := w.Down || !w.proved
		w.failures, w.Down, w.why, w.proved, w.last = 0, false, "", true, now
		if was {
			return cameUp
		}
	case NotSent, Unknown:
		w.failures++
		w.why = cut(s.Why, MaxWhy)
		w.probe = now.Add(probeEvery)
		if !w.Down && (s.Closed && s.Outcome == NotSent || w.failures >= failuresDown) {
			w.Down, w.since = true, now
			return wentDown
		}
	}
	return same
}

// alarm raises or clears the alarm of a route.
func (d *Dispatcher) alarm(tx Tx, t routeChange, name, why string) error {
	switch t {
	case wentDown:
		if err := tx.Office().AuditLog(d.entry("message.route_down", name, why)); err != nil {
			return err
		}
		return tx.Office().RaiseAlarm(0, metering.Alarm{Code: AlarmRouteDown, Text: alarmtext.RouteDown(name)})
	case cameUp:
		return tx.Office().ClearAlarmText(0, AlarmRouteDown, alarmtext.RouteDown(name))
	}
	return nil
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

// actorName is who acts here.
const actorName = "messages"

func (d *Dispatcher) entry(action, object, after string) access.Entry {
	e := access.SystemActor(0, actorName).Entry(action, object)
	e.After = cut(after, MaxWhy)
	return e
}

// note writes an audit row about a message, which stands in the feed of events.
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
	return tx.Office().AuditLog(d.entry("message."+string(m.State), m.ID.Text(id.Message), after))
}
