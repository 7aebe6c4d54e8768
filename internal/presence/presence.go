// Package presence tracks which server holds which meter's connection, if several servers share one database.
//
// A meter may connect to any of the servers. That server takes the meter's session, and with it the right to deliver to the
// meter. Tokens sold and commands ordered at any server reach the meter through the server that holds its connection. If the
// meter connects to another server, the session moves there, and the old server closes its dead connection. Money never
// depends on this: the server also accepts a record through the old connection, and the receive window makes sure that it
// counts once.
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
	lookEvery = 2 * time.Second  // how often a server checks who is connected elsewhere
	aliveFor  = 10 * time.Second // how long a dead server counts as holding its connections
	takeBatch = 100              // connections recorded in one transaction
	maxNews   = 100_000          // connections that began or ended and are not recorded yet; far above the broker's limit of connections
)

// Tx is the part of a transaction that this package needs.
type Tx interface {
	// Tenants lists all tenants, not only the tenant of the transaction.
	Tenants() ([]access.Tenant, error)
	SessionTake(meter int64, instance string) (epoch int64, err error)
	SessionDrop(meter int64, instance string, epoch int64) error
	SessionsForget(instance string) error
	SessionsElsewhere(instance string, found func(number string, live bool)) error
	ServerSeen(instance, name string, until time.Time) error
}

// Config configures a Presence; every field but Log is required.
type Config struct {
	Door     access.Door[Tx]
	Instance string                               // this server's unique name
	Name     string                               // the name that this server keeps over restarts
	Drop     func(number string)                  // closes a meter's connection here
	Took     func(t access.Tenant, number string) // called when this server has taken a meter's session; must not block
	Now      func() time.Time
	Log      *slog.Logger // nil: no logging
}

// Presence holds the sessions of one server.
type Presence struct {
	c    Config
	bell chan struct{}

	mu        sync.Mutex
	news      []news
	held      map[string]int64    // epochs of this server's sessions, by meter number
	elsewhere map[string]struct{} // meters connected to other live servers
}

// news is a connection that began or ended.
type news struct {
	who   registry.Identity
	begun bool
}

// New returns a Presence; Run does its work.
func New(c Config) *Presence {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Presence{c: c, bell: make(chan struct{}, 1), held: make(map[string]int64), elsewhere: make(map[string]struct{})}
}

// Connected reports that a meter has subscribed on a connection of this server. It never blocks.
func (p *Presence) Connected(who registry.Identity) { p.put(news{who, true}) }

// Disconnected reports that a meter's connection to this server has ended. It never blocks.
func (p *Presence) Disconnected(who registry.Identity) { p.put(news{who, false}) }

func (p *Presence) put(n news) {
	p.mu.Lock()
	if len(p.news) < maxNews { // news beyond the limit is dropped; the meter's next connection reports again
		p.news = append(p.news, n)
	}
	p.mu.Unlock()
	select {
	case p.bell <- struct{}{}:
	default:
	}
}

// Elsewhere reports whether another live server held the meter's connection at this server's last check.
func (p *Presence) Elsewhere(number string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, yes := p.elsewhere[number]
	return yes
}

// Run records connections that begin and end until ctx ends, then releases all sessions. It tries again after an error of the
// store.
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

// note records the connections that began or ended, in order. News that could not be recorded stays at the front.
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

// write records some connections of one tenant in one transaction.
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

// look records that this server is alive, reads which meters are connected elsewhere, and closes this server's connections of
// those meters.
func (p *Presence) look(ctx context.Context) error {
	err := p.c.Door.Do(ctx, 0, func(tx Tx) (bool, error) {
		return false, tx.ServerSeen(p.c.Instance, p.c.Name, p.c.Now().Add(aliveFor))
	})
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

// taken reports, once, that a session of this server now belongs to another. It returns false if this server has unrecorded
// news of the meter, because the news is newer than the sessions that look has read.
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

// leave releases this server's sessions, so that its meters no longer count as connected.
func (p *Presence) leave(ctx context.Context) error {
	tenants, err := access.Look(ctx, p.c.Door, 0, func(tx Tx) ([]access.Tenant, error) { return tx.Tenants() })
	for _, t := range tenants {
		err = errors.Join(err, p.c.Door.Do(ctx, t, func(tx Tx) (bool, error) { return false, tx.SessionsForget(p.c.Instance) }))
	}
	err = errors.Join(err, p.c.Door.Do(ctx, 0, func(tx Tx) (bool, error) { return false, tx.ServerSeen(p.c.Instance, p.c.Name, p.c.Now()) }))
	return fault.Wrap(err, "release sessions")
}
