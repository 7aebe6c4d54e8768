package notify_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/notify"
)

// shift is a running dispatcher with one route, on a hall.
type shift struct {
	*hall
	dispatcher *notify.Dispatcher
	route      *wire
	second     *wire  // nil for one route
	cancel     func() // ends the server
	mu         sync.Mutex
	looks      int                              // how often the worker has checked what is due
	due        func() (bool, error)             // replaces the hall's check for due messages
	refuse     func(tenant access.Tenant) error // called before a transaction
	log        strings.Builder
}

func (s *shift) MessageDue(now time.Time) (bool, error) {
	s.looks++
	if s.due != nil {
		return s.due()
	}
	return s.hall.MessageDue(now)
}
func (s *shift) Carried() notify.CarriedTx      { return s.hall }
func (s *shift) Recipients() notify.RecipientTx { return s.hall }
func (s *shift) Outcomes() notify.OutcomeTx     { return s.hall }
func (s *shift) Queued() notify.QueuedTx        { return s }
func (s *shift) Do(_ context.Context, tenant access.Tenant, fn func(notify.Tx) (bool, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse != nil {
		if err := s.refuse(tenant); err != nil {
			return err
		}
	}
	s.now = time.Now()
	return commit(notify.Tx(s), fn)
}
func (s *shift) View(ctx context.Context, tenant access.Tenant, fn func(notify.Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse != nil && tenant != 0 {
		if err := s.refuse(tenant); err != nil {
			return err
		}
	}
	s.now = time.Now()
	return errors.Join(ctx.Err(), fn(s))
}

// wire is a route that gives preset answers, and after the last of them accepts every message.
type wire struct {
	name    string
	answers []notify.Sent
	sent    []notify.Outgoing
	memory  notify.Memory
	during  func()          // runs while it sends
	ctx     context.Context // context of the last message
	turn    *sync.Mutex     // shared by the test and a running dispatcher; nil if none runs
}

func (w *wire) Name() string { return w.name }
func (w *wire) Memory() notify.Memory {
	if w.turn != nil {
		w.turn.Lock()
		defer w.turn.Unlock()
	}
	return w.memory
}
func (w *wire) Send(ctx context.Context, m notify.Outgoing) notify.Sent {
	w.sent, w.ctx = append(w.sent, m), ctx
	if w.during != nil {
		w.during()
	}
	if len(w.answers) == 0 {
		return notify.Sent{Outcome: notify.Accepted, Reference: fmt.Sprint(len(w.sent)), Parts: 2}
	}
	s := w.answers[0]
	w.answers = w.answers[1:]
	return s
}

// works runs a test function in a time bubble. During this time, a dispatcher with the given number of routes runs.
func works(t *testing.T, routes int, do func(*testing.T, *shift)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h, a, b := newHall(t)
		s := &shift{hall: h, route: a, second: b}
		a.turn, b.turn = &s.mu, &s.mu
		c := h.config()
		c.Door, c.Routes, c.Log, c.Now = s, h.routes[:routes], slog.New(slog.NewTextHandler(&s.log, nil)), time.Now
		s.dispatcher, h.now = notify.New(c), time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		s.cancel = cancel
		ended := make(chan error)
		go func() { ended <- s.dispatcher.Run(ctx) }()
		synctest.Wait()
		do(t, s)
		synctest.Wait()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run ends with %v", err)
		}
	})
}

// during waits for the duration d. It returns the number of the worker's checks in this time.
func (s *shift) during(d time.Duration) int {
	s.mu.Lock() // orders the test's writes before those of the worker
	before := s.looks
	s.mu.Unlock()
	time.Sleep(d)
	synctest.Wait()
	return s.looks - before
}

// TestAWorkerLooksAgain checks the pause before the worker's next check. It is one second if nothing is due, three if others must send
// the due messages, and five if the store fails.
func TestAWorkerLooksAgain(t *testing.T) {
	for name, c := range map[string]struct {
		due  func() (bool, error)
		want int // checks in a little over half a minute
	}{
		"nothing is due": {nil, 30}, "others have it": {func() (bool, error) { return true, nil }, 10}, "trouble": {func() (bool, error) { return false, errors.New("the disk is full") }, 6},
	} {
		works(t, 1, func(t *testing.T, s *shift) {
			s.due = c.due
			s.dispatcher.Kick()
			synctest.Wait()
			if got := s.during(30*time.Second + 500*time.Millisecond); got != c.want {
				t.Errorf("%s: %d looks, want %d", name, got, c.want)
			}
			if warned := strings.Contains(s.log.String(), "message run failed"); warned != (name == "trouble") {
				t.Errorf("%s: logged %q", name, s.log.String())
			}
		})
	}
}

// TestAWorkerSendsAllThatIsDueAtOnce checks that a worker sends all due messages without a pause. It
// also checks that the worker reports a memory that is almost full.
func TestAWorkerSendsAllThatIsDueAtOnce(t *testing.T) {
	works(t, 1, func(t *testing.T, s *shift) {
		for range 3 {
			s.queues(text())
		}
		s.dispatcher.Kick()
		s.dispatcher.Kick() // twice before the worker has noticed the first call
		if synctest.Wait(); len(s.route.sent) != 3 {
			t.Errorf("%d messages are sent at once, want 3", len(s.route.sent))
		}
		s.route.memory = notify.Memory{Used: 9, Slots: 10, AlmostFull: true}
		s.says()
		s.during(time.Second)
		s.want("memory", s.says(), "message.memory_full used=9 slots=10; alarm 0 sms-memory-full")
	})
}

// TestAWorkerIsWokenOnceHoweverOftenItIsCalledWhileItSends counts the worker's checks after several calls during one send.
// It also checks that the worker looks again unasked after it has sent a message.
func TestAWorkerIsWokenOnceHoweverOftenItIsCalledWhileItSends(t *testing.T) {
	works(t, 1, func(t *testing.T, s *shift) {
		s.queues(text())
		s.route.during = func() { s.dispatcher.Kick(); s.dispatcher.Kick(); s.dispatcher.Kick() }
		before := s.looks
		s.dispatcher.Kick()
		if synctest.Wait(); s.looks-before != 3 { // once for the first call, once after sending, and once for all calls meanwhile
			t.Errorf("%d looks, want 3", s.looks-before)
		}
		if s.log.Len() > 0 {
			t.Errorf("logged %q", s.log.String())
		}
	})
}

// TestARouteHasFourMinutes: a route may take four minutes for a message, and the message is claimed for five. The route's context
// ends after its answer.
func TestARouteHasFourMinutes(t *testing.T) {
	works(t, 1, func(t *testing.T, s *shift) {
		s.queues(text())
		s.route.during = func() {
			if end, _ := s.route.ctx.Deadline(); time.Until(end) != 4*time.Minute {
				t.Errorf("the route has %s", time.Until(end))
			}
		}
		s.dispatcher.Kick()
		if synctest.Wait(); len(s.route.sent) != 1 || s.route.ctx.Err() == nil || s.holds != 5*time.Minute {
			t.Errorf("%d sent, and the work goes on: %v; held for %s", len(s.route.sent), s.route.ctx.Err(), s.holds)
		}
	})
}

// TestTheNextRouteIsCalledWhenOneGoesDown checks that the worker of the next route is woken. The worker
// of the down route then makes no checks for a minute.
func TestTheNextRouteIsCalledWhenOneGoesDown(t *testing.T) {
	works(t, 2, func(t *testing.T, s *shift) {
		s.queues(text())
		s.route.answers = []notify.Sent{{Outcome: notify.NotSent, Closed: true, Why: "no modem"}}
		s.route.during = func() { time.Sleep(time.Second / 2) } // meanwhile the other worker finds nothing to send
		s.dispatcher.Kick()
		if s.during(time.Second); len(s.route.sent) != 1 || len(s.second.sent) != 1 || !strings.Contains(s.log.String(), "route went down") {
			t.Errorf("%d and %d sent, logged %q", len(s.route.sent), len(s.second.sent), s.log.String())
		}
	})
	works(t, 1, func(t *testing.T, s *shift) {
		s.queues(text())
		s.route.answers = []notify.Sent{{Outcome: notify.NotSent, Closed: true, Why: "no modem"}}
		s.dispatcher.Kick()
		synctest.Wait()
		if got := s.during(59 * time.Second); got != 0 || len(s.route.sent) != 1 {
			t.Errorf("a route that is down looks %d times", got)
		}
		if s.during(2 * time.Second); len(s.route.sent) != 2 {
			t.Errorf("after a minute %d were sent, want 2", len(s.route.sent))
		}
	})
}

// TestAServerThatEndsHasNoTrouble checks that an ending server finishes its work and logs no errors.
func TestAServerThatEndsHasNoTrouble(t *testing.T) {
	works(t, 1, func(t *testing.T, s *shift) {
		m := s.queues(text())
		s.queues(text())
		s.route.during = s.cancel
		s.dispatcher.Kick()
		if synctest.Wait(); s.of(m).State != notify.SentOut || len(s.route.sent) != 1 || s.log.Len() > 0 {
			t.Errorf("%s, %d sent, logged %q", s.state(m), len(s.route.sent), s.log.String())
		}
	})
}

// counting is a counter that counts the checks for due messages.
type counting struct {
	*counter
	looks int
}

func (c *counting) MessageDue(time.Time) (bool, error) { c.looks++; return false, nil }
func (c *counting) Tenants() ([]access.Tenant, error)  { return []access.Tenant{1}, nil }
func (c *counting) Outcomes() notify.OutcomeTx         { return c }
func (c *counting) Queued() notify.QueuedTx            { return c }

// TestAMetersAnswerWakesTheWorkers checks that every answer of a meter wakes the workers, because the next
// message to the meter may have become the queue head.
func TestAMetersAnswerWakesTheWorkers(t *testing.T) {
	for _, text := range []string{loadedText, rejectedText, otherList, "Balance 4.2 kWh", "this recharge card has been used!"} {
		synctest.Test(t, func(t *testing.T) {
			c := &counting{counter: newCounter(t, 1)}
			c.send()
			ctx, cancel := context.WithCancel(t.Context())
			dispatcher := notify.New(notify.Config{Door: doorTo[notify.Tx]{c}, Opener: c, Routes: []notify.Configured{{Route: &wire{name: "a"}}}, Now: func() time.Time { return c.now }})
			go func() { _ = dispatcher.Run(ctx) }()
			synctest.Wait()
			before := c.looks
			if err := dispatcher.Inbox(1).Receive(ctx, notify.Incoming{Route: "a", From: meterSIM, Text: text}); err != nil {
				t.Fatal(err)
			}
			if synctest.Wait(); c.looks != before+1 {
				t.Errorf("%q: %d looks, want one", text, c.looks-before)
			}
			cancel()
		})
	}
}

// TestAnAlarmThatCannotBeWrittenIsWrittenAtTheNextLook checks that the worker logs the failure and writes the alarm at its next check.
func TestAnAlarmThatCannotBeWrittenIsWrittenAtTheNextLook(t *testing.T) {
	works(t, 1, func(t *testing.T, s *shift) {
		s.refuse = func(access.Tenant) error { return errors.New("the disk is full") }
		s.route.memory = notify.Memory{Used: 9, Slots: 10, AlmostFull: true}
		s.during(time.Second)
		if !strings.Contains(s.log.String(), "message memory of a route not read") || strings.Contains(s.log.String(), "message memory of a route almost full") {
			t.Errorf("logged %q", s.log.String())
		}
		s.refuse = nil
		s.during(5 * time.Second)
		s.want("when the disk has room", s.says(), "message.memory_full used=9 slots=10; alarm 0 sms-memory-full")
		if !strings.Contains(s.log.String(), "message memory of a route almost full") {
			t.Errorf("logged %q", s.log.String())
		}
	})
}

// TestTheAlarmsOfARouteThatIsGoneEnd checks that a server that starts ends its alarms about routes that it no longer has, also if the store fails
// at first.
func TestTheAlarmsOfARouteThatIsGoneEnd(t *testing.T) {
	works(t, 2, func(t *testing.T, s *shift) {
		s.cancel() // another run of the server begins
		synctest.Wait()
		c := s.config()
		c.Door, c.Server, c.Now, c.Log = s, "srv-a", time.Now, slog.New(slog.NewTextHandler(&s.log, nil))
		s.gone, s.refuse = nil, func(access.Tenant) error { return errors.New("the disk is full") }
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- notify.New(c).Run(ctx) }()
		s.during(time.Second)
		if !strings.Contains(s.log.String(), "alarms of routes that are gone not ended") || len(s.gone) > 0 {
			t.Errorf("ended %q, logged %q", s.gone, s.log.String())
		}
		s.refuse = nil
		s.during(time.Minute)
		want := []string{"srv-a sms-route-down except " + alarmtext.RouteDown("a") + " " + alarmtext.RouteDown("b"),
			"srv-a sms-memory-full except " + alarmtext.MemoryFull("a") + " " + alarmtext.MemoryFull("b")}
		if !slices.Equal(s.gone, want) {
			t.Errorf("ended %q, want %q", s.gone, want)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// plain is a route without a memory.
type plain struct{ *wire }

func (p plain) Memory(string) {} // another signature, so that the dispatcher does not take the route for a BufferedRoute

// TestARouteWithoutAMemoryIsNotWatched checks that a worker reports no memory for a route that has none.
func TestARouteWithoutAMemoryIsNotWatched(t *testing.T) {
	h, a, _ := newHall(t)
	c := h.config()
	c.Door, c.Routes = h, []notify.Configured{{Route: plain{a}}}
	a.memory = notify.Memory{Used: 9, Slots: 10, AlmostFull: true}
	m := h.queues(text())
	d := notify.New(c)
	if n, err := d.Serve(t.Context(), 1); err != nil || n != 1 || h.of(m).State != notify.SentOut || strings.Contains(h.says(), "memory") {
		t.Errorf("%d served, %v, %s", n, err, h.state(m))
	}
}

// TestTheTroubleOfOneTenantIsNotAnothers checks that a message of one tenant is sent while the transactions of another tenant fail.
func TestTheTroubleOfOneTenantIsNotAnothers(t *testing.T) {
	works(t, 1, func(t *testing.T, s *shift) {
		s.tenants = []access.Tenant{1, 2}
		s.refuse = func(tenant access.Tenant) error {
			if tenant == 1 {
				return errors.New("the first tenant is broken")
			}
			return nil
		}
		s.queues(text())
		s.dispatcher.Kick()
		if synctest.Wait(); len(s.route.sent) != 1 || !strings.Contains(s.log.String(), "the first tenant is broken") {
			t.Errorf("%d messages sent, logged %q", len(s.route.sent), s.log.String())
		}
	})
}

// TestWhoWakesTheWorkers checks that the workers are woken by every change that leaves a message to send, and by no other change.
func TestWhoWakesTheWorkers(t *testing.T) {
	arrives := func(from, text string) func(*testing.T, *shift) error {
		return func(t *testing.T, s *shift) error {
			return s.dispatcher.Inbox(1).Receive(t.Context(), notify.Incoming{Route: "a", Identity: [16]byte{1}, From: from, Text: text})
		}
	}
	reports := func(state notify.State, outcome string, r notify.Report) func(*testing.T, *shift) error {
		return func(t *testing.T, s *shift) error {
			m := s.queues(text())
			s.of(m).State, s.of(m).Open = state, false
			s.tries[m] = []notify.Try{{N: 1, Route: "a", Outcome: outcome, Reference: "7", At: s.now}}
			return s.dispatcher.Inbox(1).Report(t.Context(), r)
		}
	}
	delivered, failed := notify.Report{Route: "a", Reference: "7", State: notify.Delivered}, notify.Report{Route: "a", Reference: "7", State: notify.Failed}
	sends := func(text string) func(*testing.T, *shift) error {
		return func(t *testing.T, s *shift) error {
			_, err := s.dispatcher.Send(t.Context(), clerk(), notify.MessageRequest{Phone: amina, Text: text})
			return err
		}
	}
	for name, c := range map[string]struct {
		do    func(*testing.T, *shift) error
		wakes bool
	}{
		"a question": {arrives(amina, "help"), true},
		"a question for the second time": {func(t *testing.T, s *shift) error {
			s.known[[16]byte{1}] = true
			return arrives(amina, "help")(t, s)
		}, false},
		"too many of a sender": {func(t *testing.T, s *shift) error {
			s.had(notify.MaxArrivals, true, amina, "x", 0)
			return arrives(amina, "help")(t, s)
		}, false},
		"too many of strangers": {func(t *testing.T, s *shift) error {
			s.had(notify.MaxStrangers, true, "+1", notify.PurposeFromStranger, 0)
			return arrives(stranger, "x")(t, s)
		}, false},
		"a report of delivery":         {reports(notify.SentOut, "accepted", delivered), true}, // other messages may wait for the telephone
		"a report of failure":          {reports(notify.SentOut, "accepted", failed), true},
		"a report before the answer":   {reports(notify.Queued, "", failed), false},
		"a report of no message":       {reports(notify.SentOut, "accepted", notify.Report{Route: "a", Reference: "8", State: notify.Failed}), false},
		"a report without a name":      {reports(notify.SentOut, "accepted", notify.Report{Route: "a", State: notify.Failed}), false},
		"a report of a try on its way": {reports(notify.SentOut, "accepted", notify.Report{Route: "a", Reference: "7"}), false},
		"a text of a person":           {sends("hello"), true},
		"a text of a person, refused":  {sends("  "), false},
		"a message sent again":         {func(t *testing.T, s *shift) error { return s.retries(t, s.queues(text())) }, true},
		"a message that there is not":  {func(t *testing.T, s *shift) error { return s.retries(t, id.ID{9}) }, false},
	} {
		works(t, 1, func(t *testing.T, s *shift) {
			before := s.looks
			if err := c.do(t, s); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if dropped := strings.Contains(s.log.String(), "message dropped"); dropped != strings.HasPrefix(name, "too many") {
				t.Errorf("%s: logged %q", name, s.log.String())
			}
			if synctest.Wait(); s.looks > before != c.wakes {
				t.Errorf("%s: the worker looked %d times, want it woken: %t", name, s.looks-before, c.wakes)
			}
		})
	}
}

func (s *shift) retries(t *testing.T, m id.ID) error {
	_, err := s.dispatcher.Retry(t.Context(), clerk(), m.Text(id.Message), "")
	return err
}

// TestWhatADeskServes checks who can get messages: customers by any route, meters only by routes for meters.
func TestWhatADeskServes(t *testing.T) {
	h, _, _ := newHall(t)
	for _, c := range []struct {
		routes            []notify.Configured
		customers, meters bool
	}{{nil, false, false}, {h.routes[1:], true, false}, {h.routes, true, true}} {
		customers, meters := notify.New(notify.Config{Routes: c.routes}).Serves()
		if customers != c.customers || meters != c.meters {
			t.Errorf("%d routes serve customers %t, meters %t; want %t, %t", len(c.routes), customers, meters, c.customers, c.meters)
		}
	}
}
