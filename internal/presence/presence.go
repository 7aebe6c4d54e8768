// Package presence knows which server holds which meter's connection, where several servers share one database.
//
// A meter connects to whichever server the network brings it to. That server takes the meter's session, and with it the
// right to deliver what waits for the meter: tokens sold and commands given at any server reach the meter through the
// one that holds its connection. A meter that connects elsewhere takes its session there; its old server closes the
// connection it still believed in. Nothing that decides about money rests on this: a record that arrives through the old
// connection is taken as well, once, by the receive window.
package presence

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/registry"
)

// Times and limits.
const (
	lookEvery = 2 * time.Second  // how often a server looks who is connected elsewhere
	aliveFor  = 10 * time.Second // how long a server that has died is believed to hold its connections
	takeBatch = 100              // connections that one transaction notes
	maxNews   = 100_000          // connections that began or ended and are not noted yet; far above the broker's limit
)

// Tx is what this package needs of a transaction.
type Tx interface {
	// Tenants lists all tenants, whatever the transaction's own.
	Tenants() ([]access.Tenant, error)
	SessionTake(meter int64, instance string) (epoch int64, err error)
	SessionDrop(meter int64, instance string, epoch int64) error
	SessionsForget(instance string) error
	SessionsElsewhere(instance string, found func(number string, live bool)) error
	ServerSeen(instance string, until time.Time) error
}

// Config is what a Presence needs; every field but Log is required.
type Config struct {
	Door     access.Door[Tx]
	Instance string                               // names this server among all
	Drop     func(number string)                  // closes a meter's connection here
	Took     func(t access.Tenant, number string) // called when a meter's session has been taken; must not block
	Now      func() time.Time
	Log      *slog.Logger // nil: nothing is logged
}

// Presence keeps the sessions of one server.
type Presence struct {
	c    Config
	bell chan struct{}

	mu        sync.Mutex
	news      []news
	held      map[string]int64    // epoch of what this server has taken, by meter number
	elsewhere map[string]struct{} // meters that live servers hold
}

// news is a connection that began or ended.
type news struct {
	who   registry.Identity
	begun bool
}

// New makes a Presence; Run works on it.
func New(c Config) *Presence {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Presence{c: c, bell: make(chan struct{}, 1), held: make(map[string]int64), elsewhere: make(map[string]struct{})}
}

// Connected says that a meter began to listen on a connection here. It never blocks.
func (p *Presence) Connected(who registry.Identity) { p.put(news{who, true}) }

// Disconnected says that a meter's connection here has ended. It never blocks.
func (p *Presence) Disconnected(who registry.Identity) { p.put(news{who, false}) }

func (p *Presence) put(n news) {
	p.mu.Lock()
	if len(p.news) < maxNews { // beyond, the meter's next connection tells again
		p.news = append(p.news, n)
	}
	p.mu.Unlock()
	select {
	case p.bell <- struct{}{}:
	default:
	}
}

// Elsewhere reports whether another server that is alive held the meter's connection when this one last looked.
func (p *Presence) Elsewhere(number string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, yes := p.elsewhere[number]
	return yes
}

// Run notes what begins and ends until ctx ends, and then gives everything back. A store that refuses is asked again.
func (p *Presence) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	look := true
	for {
		err := p.note(ctx)
		if err == nil && look {
			err = p.look(ctx)
		}
		if err != nil && ctx.Err() == nil {
			p.c.Log.Warn("session times not stored", logkey.Err, err)
		}
		select {
		case <-ctx.Done():
			return p.leave(context.WithoutCancel(ctx))
		case <-tick.C:
			look = true
		case <-p.bell:
			look = err != nil
		}
	}
}

// note writes what began and ended, in order. What could not be written stays in front.
func (p *Presence) note(ctx context.Context) error {
	for {
		p.mu.Lock()
		all := p.news[:min(takeBatch, len(p.news))]
		n := 0
		for n < len(all) && all[n].who.Tenant == all[0].who.Tenant {
			n++
		}
		some := append([]news(nil), all[:n]...)
		p.mu.Unlock()
		if len(some) == 0 {
			return nil
		}
		if err := p.write(ctx, some); err != nil {
			return err
		}
		p.mu.Lock()
		p.news = append(p.news[:0:0], p.news[len(some):]...)
		p.mu.Unlock()
	}
}

// write notes some connections of one tenant in one transaction.
func (p *Presence) write(ctx context.Context, some []news) error {
	t := some[0].who.Tenant
	taken := make(map[string]int64)
	err := p.c.Door.Do(ctx, t, func(tx Tx) (bool, error) {
		clear(taken)
		for _, n := range some {
			number := n.who.Number
			if n.begun {
				epoch, err := tx.SessionTake(n.who.Meter, p.c.Instance)
				if err != nil {
					return false, err
				}
				taken[number] = epoch
				continue
			}
			h, ok := taken[number]
			if !ok {
				h, ok = p.holds(number)
			}
			if !ok {
				continue
			}
			if err := tx.SessionDrop(n.who.Meter, p.c.Instance, h); err != nil {
				return false, err
			}
			taken[number] = 0
		}
		return false, nil
	})
	if err != nil {
		return fmt.Errorf("record sessions: %w", err)
	}
	for number, h := range taken {
		p.keep(number, h)
		if h > 0 {
			p.c.Took(t, number)
		}
	}
	return nil
}

func (p *Presence) holds(number string) (int64, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h, ok := p.held[number]
	return h, ok
}

func (p *Presence) keep(number string, epoch int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.elsewhere, number)
	if epoch == 0 {
		delete(p.held, number)
	} else {
		p.held[number] = epoch
	}
}

// look says that this server is alive, learns who is connected elsewhere, and closes connections that are believed in
// here only.
func (p *Presence) look(ctx context.Context) error {
	err := p.c.Door.Do(ctx, 0, func(tx Tx) (bool, error) { return false, tx.ServerSeen(p.c.Instance, p.c.Now().Add(aliveFor)) })
	if err != nil {
		return err
	}
	tenants, err := access.Look(ctx, p.c.Door, 0, func(tx Tx) ([]access.Tenant, error) { return tx.Tenants() })
	if err != nil {
		return err
	}
	elsewhere := make(map[string]struct{})
	var lost []string
	for _, t := range tenants {
		err := p.c.Door.View(ctx, t, func(tx Tx) error {
			return tx.SessionsElsewhere(p.c.Instance, func(number string, live bool) {
				if live {
					elsewhere[number] = struct{}{}
				}
				lost = append(lost, number)
			})
		})
		if err != nil {
			return err
		}
	}
	for _, number := range lost {
		if p.taken(number) {
			p.c.Log.Info("meter connected to another server", logkey.Meter, number)
			p.c.Drop(number)
		}
	}
	p.mu.Lock()
	p.elsewhere = elsewhere
	p.mu.Unlock()
	return nil
}

// taken reports, once, that a session of this server is another one's now. What is about to be noted here is newer than
// what was read.
func (p *Presence) taken(number string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.news {
		if n.who.Number == number {
			return false
		}
	}
	_, had := p.held[number]
	delete(p.held, number)
	return had
}

// leave gives back what this server holds, so that nobody takes its meters for connected.
func (p *Presence) leave(ctx context.Context) error {
	tenants, err := access.Look(ctx, p.c.Door, 0, func(tx Tx) ([]access.Tenant, error) { return tx.Tenants() })
	for _, t := range tenants {
		err = errors.Join(err, p.c.Door.Do(ctx, t, func(tx Tx) (bool, error) { return false, tx.SessionsForget(p.c.Instance) }))
	}
	err = errors.Join(err, p.c.Door.Do(ctx, 0, func(tx Tx) (bool, error) { return false, tx.ServerSeen(p.c.Instance, p.c.Now()) }))
	return fault.Wrap(err, "release sessions")
}
