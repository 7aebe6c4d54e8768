package gateway

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/internal/registry"
)

// LegacyConfig is what the listener of one unmodified device needs (docs/guide/devices.md). All but the last seven are required.
type LegacyConfig struct {
	// Listener accepts the device's sockets; whatever connects there is the meter. The Legacy closes it.
	Listener net.Listener
	Profile  *profile.Profile
	// Meter finds the meter that the listener belongs to; ok is false while it is not registered.
	Meter func(context.Context) (who registry.Identity, ok bool, err error)
	// Take makes a message durable; see [profile.Listener.Take].
	Take func(context.Context, registry.Identity, profile.Incoming) (profile.Outcome, error)
	// Account returns what the meter's account requires of the device.
	Account func(context.Context, registry.Identity) (profile.Account, error)
	// PollEvery is how often a device is asked for its values.
	PollEvery time.Duration

	// OnConnected and OnDisconnected, if set, are called for the meter's connection. They must not block.
	OnConnected, OnDisconnected func(registry.Identity)
	// OnClaim, if set, is called when another device sent to the listener, at most once in tellAgain. It must not block.
	OnClaim func(registry.Identity, profile.Claim)
	// Unread, if set, is called about once a minute while the device talks and no value of it was ever read; see [profile.Listener.Unread].
	Unread func(context.Context, registry.Identity, time.Time) error
	Limits Limits           // zero fields: LegacyDefaults
	Now    func() time.Time // nil: time.Now
	Log    *slog.Logger     // nil: no logging
}

// LegacyDefaults are the limits of a listener for one device: few sockets, small packets, two messages a second.
func LegacyDefaults() Limits {
	return Limits{Connections: 32, PerAddress: 8, ConnectDeadline: 10 * time.Second, ConnectSize: 1 << 10, KeepAlive: 120 * time.Second,
		Subscriptions: 16, Rate: 2, Burst: 60, Pending: 16 << 10}
}

// legacyPause is the least time between two messages to such a device: each costs a 2G modem three turnarounds of the radio,
// and the device handles one at a time.
const legacyPause = time.Second

// legacyRefresh is how often the account is read when no message comes; Kick reports a change of it.
const legacyRefresh = 10 * time.Second

// Legacy serves the connection of one unmodified device. Each listener has one meter, one client and no password: whoever can
// reach the address is the meter.
type Legacy struct {
	c      LegacyConfig
	limits Limits
	now    func() time.Time
	log    *slog.Logger
	gate   *gate
	counts counters
	pool   *buffers

	mu      sync.Mutex
	current *legacySession
	warned  int // the last warning level sent; a rising balance lowers it
	status  profile.Live
	claim   claim // the last message of another device
}

// NewLegacy returns the listener of one device; Run serves it.
func NewLegacy(c LegacyConfig) (*Legacy, error) {
	if c.Listener == nil || c.Profile == nil || c.Meter == nil || c.Take == nil || c.Account == nil || c.PollEvery <= 0 {
		return nil, errors.New("a listener for a device needs a socket, a profile, a meter, an inbox, an account and an interval")
	}
	l := newSeat(c)
	l.pool = newBuffers(l.limits.PacketSize)
	l.gate = newGate(c.Listener, l.limits, nil, l.log, &l.counts)
	return l, nil
}

// newSeat returns the part of a Legacy that serves a device's connection, without a listener.
func newSeat(c LegacyConfig) *Legacy {
	l := &Legacy{c: c, limits: c.Limits.over(LegacyDefaults()), now: c.Now, log: cmp.Or(c.Log, slog.New(slog.DiscardHandler)),
		status: profile.Live{Profile: c.Profile.Name, Toggles: c.Profile.Supply.Kind == profile.Toggle}}
	l.limits = l.limits.withDefaults()
	l.limits.PacketSize = c.Profile.Device.MaxPacket
	if l.now == nil {
		l.now = time.Now
	}
	return l
}

// Addr is where the device connects.
func (l *Legacy) Addr() net.Addr { return l.c.Listener.Addr() }

// Run serves until ctx ends, then closes every connection. The messages taken by then are durable; the device connects again.
func (l *Legacy) Run(ctx context.Context) error {
	return fault.Wrap(l.gate.run(ctx, l.serve, nil), "devices at %s", l.Addr())
}

// Kick reports that the account may have changed.
func (l *Legacy) Kick() {
	if s := l.session(); s != nil {
		s.wake(func() { s.stale = true })
	}
}

// Summarise sends the usage summary to the device, if its profile has one and the device is subscribed to it.
func (l *Legacy) Summarise(w profile.Words) bool {
	return l.tell(func(device string) (profile.Message, bool) { return l.c.Profile.Summarise(device, w) })
}

// Toggle sends one toggle to a device that has no other switch. It carries out a person's command and is never repeated.
func (l *Legacy) Toggle() bool { return l.tell(l.c.Profile.Toggle) }

// tell sends a message if the device is connected and subscribed to it.
func (l *Legacy) tell(message func(device string) (profile.Message, bool)) bool {
	s := l.session()
	if s == nil {
		return false
	}
	m, ok := message(s.deviceName())
	if !ok || !s.listensTo(m.Topic) {
		return false
	}
	s.wake(func() {
		s.notes = append(s.notes[max(0, len(s.notes)-maxNotes+1):], m) // if there are too many, the oldest are dropped
	})
	return true
}

// Connected reports whether the device holds a connection.
func (l *Legacy) Connected() bool { return l.session() != nil }

// Status is the device's last report.
func (l *Legacy) Status() profile.Live {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.status
}

// Ended counts the connections to the listener that have ended.
func (l *Legacy) Ended() Ends { return l.counts.ends() }

// Profile is the profile of the device.
func (l *Legacy) Profile() *profile.Profile { return l.c.Profile }

// Rebound forgets what was said of the device before a person chose it, and ends the connection: the device connects again.
func (l *Legacy) Rebound() {
	l.mu.Lock()
	l.claim = claim{}
	s := l.current
	l.mu.Unlock()
	if s != nil {
		s.conn.quit(byRevocation)
	}
}

// claimed records that another device has sent to the listener.
func (l *Legacy) claimed(s *legacySession, name string) {
	l.mu.Lock()
	now := l.now()
	l.claim.Claim = profile.Claim{Name: name, Client: s.client, Address: addressOf(s.conn).String(), At: now, Times: l.claim.Times + 1}
	tell := l.claim.raised.IsZero() || now.Sub(l.claim.raised) >= tellAgain
	if tell {
		l.claim.raised = now
	}
	last := l.claim.Claim
	l.mu.Unlock()
	l.counts.forbidden.Add(1)
	if !tell {
		return
	}
	l.log.Warn("another device uses the listener of a meter", logkey.Meter, s.who.Number, logkey.Device, name, logkey.Remote, last.Address)
	if l.c.OnClaim != nil {
		l.c.OnClaim(s.who, last)
	}
}

func (l *Legacy) session() *legacySession {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.current
}

// enter makes s the device's connection and ends the previous one, as the protocol demands for one client id.
func (l *Legacy) enter(s *legacySession) {
	for !l.replace(l.session(), s) {
	}
}

// replace makes s the device's connection and ends the previous one. It does nothing and returns false if another connection than before is the
// device's by now.
func (l *Legacy) replace(before, s *legacySession) bool {
	l.mu.Lock()
	if l.current != before {
		l.mu.Unlock()
		return false
	}
	l.current = s
	l.status.Connected, l.status.Since = true, l.now()
	l.mu.Unlock()
	if before != nil {
		before.conn.quit(byTakeover)
	}
	s.conn.accepted().SignedIn()
	l.counts.logins.Add(1)
	l.log.Info("device connected", logkey.Meter, s.who.Number, logkey.Remote, s.conn.RemoteAddr().String())
	if l.c.OnConnected != nil {
		l.c.OnConnected(s.who)
	}
	return true
}

// leave forgets the connection if it is still the device's.
func (l *Legacy) leave(s *legacySession, reason string, why error) {
	l.mu.Lock()
	last := l.current == s
	if last {
		l.current = nil
		l.status.Connected, l.status.Since, l.status.Wanted = false, l.now(), ""
	}
	l.mu.Unlock()
	l.log.Info("device disconnected", logkey.Meter, s.who.Number, logkey.Reason, reason, logkey.Err, why)
	if last && l.c.OnDisconnected != nil {
		l.c.OnDisconnected(s.who)
	}
}

// heard stores a message's content for people.
func (l *Legacy) heard(m profile.Meaning, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch m.Kind {
	case profile.IsStarted:
		l.status.Started = m.Text
	case profile.IsData:
		l.status.Data, l.status.DataAt = m.Text, at
	case profile.IsState:
		l.status.State, l.status.StateAt = m.Text, at
	}
}

// warnDue reports whether a warning is due, and if so marks it as sent.
func (l *Legacy) warnDue(level int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	due := level > l.warned
	l.warned = max(l.warned, level)
	return due
}

// risen forgets warnings above a level, so that an account that falls again is warned again.
func (l *Legacy) risen(level int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.warned = min(l.warned, level)
}
