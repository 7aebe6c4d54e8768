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

// DevicesConfig is what the shared listener of unmodified devices needs (docs/guide/devices.md). All but the last five are required.
type DevicesConfig struct {
	// Listener accepts the devices' sockets. The Devices closes it.
	Listener net.Listener
	Profiles profile.Library
	// Admits reports whether a device may connect with this user name and password.
	Admits func(ctx context.Context, user, password string) (bool, error)
	// Find returns the meter of an adopted device; found is false for a name that belongs to no meter.
	Find func(ctx context.Context, name string) (d profile.Adopted, who registry.Identity, found bool, err error)
	// Take makes a message of an adopted device durable; see [profile.Listener.Take]. Its error is profile.ErrReleased if the device
	// does not belong to the meter any more.
	Take func(context.Context, registry.Identity, *profile.Profile, profile.Incoming) (profile.Outcome, error)
	// Account returns what the meter's account requires of the device.
	Account func(context.Context, registry.Identity) (profile.Account, error)
	// PollEvery is how often a device is asked for its values.
	PollEvery time.Duration

	// OnConnected and OnDisconnected, if set, are called for a meter's connection, and OnClaim when another client used the name of its device.
	// They must not block.
	OnConnected, OnDisconnected func(registry.Identity)
	OnClaim                     func(registry.Identity, profile.Claim)
	// Unread, if set, is called about once a minute while a device talks and no value of it was ever read; see [profile.Listener.Unread].
	Unread func(context.Context, registry.Identity, *profile.Profile, time.Time) error
	Limits Limits           // zero fields: DevicesDefaults
	Now    func() time.Time // nil: time.Now
	Log    *slog.Logger     // nil: no logging
}

// DevicesDefaults are the limits of the shared listener: as for one device, with more sockets.
func DevicesDefaults() Limits {
	l := LegacyDefaults()
	l.Connections, l.PerAddress, l.PacketSize = 2000, 256, 4<<10
	return l
}

// Limits of connections that belong to no meter, and times of the shared listener.
const (
	maxGuests = 512              // when there are more, the oldest ends
	lookAgain = 5 * time.Second  // how often a guest that talks is looked up again
	contest   = 15 * time.Second // how long a client that replaces a connection waits to see whether the old one still talks
	glance    = 250 * time.Millisecond
	tellAgain = time.Hour // how often OnClaim is called for the same name
)

// Devices serves the connections of many unmodified devices at one listener. The first message whose topic names the device says which device
// the connection is; from then on it is this device alone, and may only use the device's own topics. The server counts and switches only for
// devices that a person has adopted. Others are remembered as [profile.UnknownDevice], within limits, and get no message.
type Devices struct {
	c      DevicesConfig
	limits Limits
	now    func() time.Time
	log    *slog.Logger
	gate   *gate
	counts counters
	pool   *buffers
	lobby  *Legacy // where connections wait that belong to no meter: it asks and switches nothing
	table  unknownDevices

	mu     sync.Mutex
	guests []*deviceConn // connections that belong to no meter, the oldest first
	seats  map[string]*adoptedDevice
	claims map[string]claim
}

// claim is the last attempt of another client to use the name of an adopted device, and when somebody was raised of such attempts.
type claim struct {
	profile.Claim
	raised time.Time
}

// adoptedDevice is the place of one adopted device.
type adoptedDevice struct {
	*Legacy
	adopted profile.Adopted
	who     registry.Identity
}

// NewDevices returns the shared listener; Run serves it.
func NewDevices(c DevicesConfig) (*Devices, error) {
	if c.Listener == nil || c.Profiles == nil || c.Admits == nil || c.Find == nil || c.Take == nil || c.Account == nil || c.PollEvery <= 0 {
		return nil, errors.New("a listener for devices needs a socket, profiles, an authority, an inbox, accounts and an interval")
	}
	d := &Devices{c: c, limits: c.Limits.over(DevicesDefaults()).withDefaults(), now: c.Now, log: cmp.Or(c.Log, slog.New(slog.DiscardHandler)),
		table: unknownDevices{all: map[string]*profile.UnknownDevice{}}, seats: map[string]*adoptedDevice{}, claims: map[string]claim{}}
	if d.now == nil {
		d.now = time.Now
	}
	d.lobby = newSeat(LegacyConfig{Profile: &profile.Profile{}, Now: c.Now, Log: c.Log, Limits: d.limits})
	d.pool = newBuffers(d.limits.PacketSize)
	d.gate = newGate(c.Listener, d.limits, nil, d.log, &d.counts)
	return d, nil
}

// Addr is where the devices connect.
func (d *Devices) Addr() net.Addr { return d.c.Listener.Addr() }

// Run serves until ctx ends, then closes every connection. The messages taken by then are durable; the devices connect again.
func (d *Devices) Run(ctx context.Context) error {
	return fault.Wrap(d.gate.run(ctx, d.serve, nil), "devices at %s", d.Addr())
}

// Ended counts the connections to the listener that have ended.
func (d *Devices) Ended() Ends { return d.counts.ends() }

// Strangers lists the devices that talk and belong to no meter, in the order of their names.
func (d *Devices) Strangers() []profile.UnknownDevice { return d.table.list() }

// Claimed returns the last attempt of another client to use the name of an adopted device.
func (d *Devices) Claimed(name string) (profile.Claim, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, ok := d.claims[name]
	return c.Claim, ok
}

// Of returns the connection of a meter's device, or nil if none has connected since it was adopted or the server started.
func (d *Devices) Of(number string) *Legacy {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.seats {
		if s.who.Number == number {
			return s.Legacy
		}
	}
	return nil
}

// Kick reports that accounts may have changed.
func (d *Devices) Kick() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.seats {
		s.Kick()
	}
}

// Changed ends the connections of a device that was adopted or released: the device connects again, and is then what it has become.
func (d *Devices) Changed(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, g := range d.guests {
		if g.name == name {
			g.s.conn.quit(byRevocation)
		}
	}
	d.table.drop(name)
	d.vacate(name)
	delete(d.claims, name)
}

// vacate removes the seat of a device and ends its connection. The caller holds mu.
func (d *Devices) vacate(name string) {
	if s := d.seats[name]; s != nil {
		delete(d.seats, name)
		if cur := s.session(); cur != nil {
			cur.conn.quit(byRevocation)
		}
	}
}

// Relogin ends every connection: the password has changed.
func (d *Devices) Relogin() { d.gate.drop(false, byRevocation) }

// seatOf returns the seat of an adopted device.
func (d *Devices) seatOf(a profile.Adopted, who registry.Identity, p *profile.Profile) *adoptedDevice {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.seats[a.Name]; s != nil && s.adopted == a && s.who == who {
		return s
	}
	d.vacate(a.Name)
	s := &adoptedDevice{adopted: a, who: who}
	s.Legacy = newSeat(LegacyConfig{Profile: p, PollEvery: d.c.PollEvery, Limits: d.limits, Now: d.c.Now, Log: d.c.Log,
		OnConnected: d.c.OnConnected, OnDisconnected: d.c.OnDisconnected, Unread: d.noteUnread(p),
		Take: func(ctx context.Context, who registry.Identity, h profile.Incoming) (profile.Outcome, error) {
			h.Device = &a
			return d.c.Take(ctx, who, p, h)
		},
		Account: func(ctx context.Context, who registry.Identity) (profile.Account, error) {
			now, _, found, err := d.c.Find(ctx, a.Name)
			if err == nil && (!found || now != a) {
				d.Changed(a.Name) // released at another server
				return profile.Account{}, profile.ErrReleased
			}
			if err != nil {
				return profile.Account{}, err
			}
			return d.c.Account(ctx, who)
		}})
	d.seats[a.Name] = s
	return s
}

// noteUnread returns the function that a seat calls while no value of its device was ever read.
func (d *Devices) noteUnread(p *profile.Profile) func(context.Context, registry.Identity, time.Time) error {
	if d.c.Unread == nil {
		return nil
	}
	return func(ctx context.Context, who registry.Identity, at time.Time) error {
		return d.c.Unread(ctx, who, p, at)
	}
}

// claimed records that another client has used the name of an adopted device.
func (d *Devices) claimed(who registry.Identity, g *deviceConn) {
	d.mu.Lock()
	now, c := d.now(), d.claims[g.name]
	c.Claim = profile.Claim{Client: g.client, Address: g.address, At: now, Times: c.Times + 1}
	tell := c.raised.IsZero() || now.Sub(c.raised) >= tellAgain
	if tell {
		c.raised = now
	}
	d.claims[g.name] = c
	d.mu.Unlock()
	d.counts.denied.Add(1)
	d.log.Warn("another client uses the name of a device", logkey.Meter, who.Number, logkey.Device, g.name, logkey.Remote, g.address)
	if tell && d.c.OnClaim != nil {
		d.c.OnClaim(who, c.Claim)
	}
}
