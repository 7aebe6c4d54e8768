package presence_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/presence"
	"github.com/paywatt/paywatt/internal/registry"
)

// table is the servers' shared table of sessions.
type table struct {
	mu    sync.Mutex
	rows  map[int64]row
	alive map[string]time.Time
	fail  error // error of every transaction
}

type row struct {
	instance string
	epoch    int64
}

func (b *table) Do(_ context.Context, _ access.Tenant, fn func(presence.Tx) (bool, error)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail != nil {
		return b.fail
	}
	_, err := fn(b)
	return err
}

func (b *table) View(ctx context.Context, t access.Tenant, fn func(presence.Tx) error) error {
	return b.Do(ctx, t, func(tx presence.Tx) (bool, error) { return false, fn(tx) })
}

func (b *table) Tenants() ([]access.Tenant, error) { return []access.Tenant{1}, nil }

func (b *table) SessionTake(meter int64, instance string) (int64, error) {
	b.rows[meter] = row{instance, b.rows[meter].epoch + 1}
	return b.rows[meter].epoch, nil
}

func (b *table) SessionDrop(meter int64, instance string, epoch int64) error {
	if b.rows[meter] == (row{instance, epoch}) {
		delete(b.rows, meter)
	}
	return nil
}

func (b *table) SessionsForget(instance string) error {
	for m, r := range b.rows {
		if r.instance == instance {
			delete(b.rows, m)
		}
	}
	return nil
}

func (b *table) SessionsElsewhere(instance string, found func(string, bool)) error {
	for m, r := range b.rows {
		if r.instance != instance {
			found(fmt.Sprint(m), b.alive[r.instance].After(time.Now()))
		}
	}
	return nil
}

func (b *table) ServerSeen(instance, _ string, until time.Time) error {
	b.alive[instance] = until
	return nil
}

// holder returns the server that has a meter's session.
func (b *table) holder(meter int64) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.rows[meter].instance
}

// server is one of several servers that share a presence table.
type server struct {
	*presence.Presence
	stop    func()
	mu      sync.Mutex
	dropped []string
	took    []string
}

func start(t *testing.T, b *table, name string) *server {
	s := &server{}
	s.Presence = presence.New(presence.Config{Door: b, Instance: name, Now: time.Now,
		Drop: func(number string) { s.mu.Lock(); defer s.mu.Unlock(); s.dropped = append(s.dropped, number) },
		Took: func(_ access.Tenant, number string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.took = append(s.took, number)
		}})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("%s ended with %v", name, err)
		}
	})
	t.Cleanup(s.stop)
	return s
}

// said lists the meters whose session was taken and those whose connection was closed.
func (s *server) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprint(s.took, s.dropped)
}

func meter(n int64) registry.Identity {
	return registry.Identity{Tenant: 1, Meter: n, Number: fmt.Sprint(n)}
}

func TestAMeterThatConnectsElsewhereTakesItsSessionThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &table{rows: map[int64]row{}, alive: map[string]time.Time{}}
		left, right := start(t, b, "left"), start(t, b, "right")
		left.Connected(meter(7))
		synctest.Wait()
		if b.holder(7) != "left" || left.said() != "[7] []" {
			t.Errorf("the session is %q's, left said %s", b.holder(7), left.said())
		}
		time.Sleep(3 * time.Second)
		if !right.Elsewhere("7") || left.Elsewhere("7") {
			t.Errorf("elsewhere: right says %t, left %t; want true and false", right.Elsewhere("7"), left.Elsewhere("7"))
		}
		right.Connected(meter(7)) // the first server has not noticed that its connection to the meter is dead
		synctest.Wait()
		time.Sleep(3 * time.Second)
		if b.holder(7) != "right" || left.said() != "[7] [7]" {
			t.Errorf("the session is %q's, left said %s; want right's, and the connection at left closed once", b.holder(7), left.said())
		}
		left.Disconnected(meter(7)) // the server reports this when it closes the connection
		synctest.Wait()
		if b.holder(7) != "right" || right.Elsewhere("7") || !left.Elsewhere("7") {
			t.Errorf("the end of the old connection made the session %q's", b.holder(7))
		}
		time.Sleep(10 * time.Second)
		if left.said() != "[7] [7]" || right.said() != "[7] []" {
			t.Errorf("later left said %s, right %s", left.said(), right.said())
		}
		right.Disconnected(meter(7))
		synctest.Wait()
		if b.holder(7) != "" {
			t.Errorf("the session of a meter that has gone is %q's", b.holder(7))
		}
	})
}

func TestAServerThatGoesGivesItsSessionsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &table{rows: map[int64]row{}, alive: map[string]time.Time{}}
		left, right := start(t, b, "left"), start(t, b, "right")
		for n := range int64(250) {
			left.Connected(meter(n))
		}
		synctest.Wait()
		time.Sleep(3 * time.Second)
		if !right.Elsewhere("249") {
			t.Error("right does not know where the meter is")
		}
		left.stop()
		time.Sleep(3 * time.Second)
		if b.holder(0) != "" || b.holder(249) != "" || right.Elsewhere("249") {
			t.Errorf("after left has gone its sessions are %q's", b.holder(249))
		}
		// A server that dies does not release its sessions, but counts as alive only for a short time.
		b.mu.Lock()
		b.rows[5], b.alive["dead"] = row{"dead", 1}, time.Now().Add(5*time.Second)
		b.mu.Unlock()
		time.Sleep(3 * time.Second)
		was := right.Elsewhere("5")
		time.Sleep(10 * time.Second)
		if !was || right.Elsewhere("5") {
			t.Errorf("a dead server's meter is believed connected: %t, later %t; want true and false", was, right.Elsewhere("5"))
		}
	})
}

func TestNewsWaitForAStoreThatRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &table{rows: map[int64]row{}, alive: map[string]time.Time{}, fail: errors.New("away")}
		s := start(t, b, "left")
		s.Connected(meter(1))
		s.Connected(meter(2))
		s.Disconnected(meter(1))
		synctest.Wait()
		b.mu.Lock()
		b.fail = nil
		b.mu.Unlock()
		time.Sleep(3 * time.Second)
		if b.holder(1) != "" || b.holder(2) != "left" {
			t.Errorf("sessions are %q's and %q's, want nobody's and left's", b.holder(1), b.holder(2))
		}
	})
}
