package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/gateway/packet"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/internal/registry"
)

// Reasons why a connection of the shared listener ends.
var (
	errTwoNames = errors.New("the client used the topics of two devices")
	errRival    = errors.New("the name belongs to a device with another client id or connection")
	errBadName  = errors.New("the name or client id of the device is not accepted")
	errPassword = errors.New("user name or password is wrong")
	errCrowded  = errors.New("too many unknown devices are connected")
)

// deviceConn is one connection at the shared listener. Only its reader uses the fields without a comment.
type deviceConn struct {
	d       *Devices
	s       *legacySession
	client  string         // its MQTT client id; never changes
	address string         // never changes
	name    string         // the device that it is; set once, under Devices.mu
	seat    *adoptedDevice // nil while it belongs to no meter
	looked  time.Time
	talking chan struct{} // closed when its talker has ended; nil if there is none
}

// serve handles one socket from its CONNECT to its end.
func (d *Devices) serve(ctx context.Context, c *conn) {
	defer c.Close()
	in := newInput(c.Conn, d.pool, d.limits.ConnectSize)
	defer in.free()
	g, err := d.greet(ctx, c, in)
	if err != nil {
		d.counts.denied.Add(1)
		d.log.Info("connection from a device refused", logkey.Listen, d.Addr().String(), logkey.Remote, c.RemoteAddr().String(),
			logkey.Reason, d.counts.end(deviceEnding(ctx, c, err, false)), logkey.Err, err)
		return
	}
	d.enter(g)
	err = g.read(ctx, in)
	reason := d.counts.end(deviceEnding(ctx, c, err, true))
	_ = c.Close()
	d.leave(g, reason, err)
}

// greet reads the CONNECT and answers it.
func (d *Devices) greet(ctx context.Context, c *conn, in *input) (*deviceConn, error) {
	p, err := readConnect(c, in)
	if err != nil {
		return nil, err
	}
	g := &deviceConn{d: d, client: string(p.ClientID), address: addressOf(c).String(), s: newLegacySession(d.lobby, registry.Identity{}, c)}
	if !profile.GoodName(g.client) {
		return nil, errors.Join(fmt.Errorf("%w: client id %.40q", errBadName, g.client), c.answer(packet.BadClientID))
	}
	look, cancel := context.WithTimeout(ctx, authTimeout)
	defer cancel()
	ok, err := d.c.Admits(look, string(p.User), string(p.Password))
	if err != nil {
		return nil, errors.Join(err, c.answer(packet.ServerUnavailable))
	}
	if !ok {
		return nil, errors.Join(errPassword, c.answer(packet.NotAuthorized))
	}
	g.s.silence = d.limits.silence(p.KeepAlive)
	c.accepted().SignedIn() // from here on it is a guest, and [maxGuests] limits these
	return g, c.answer(packet.Success)
}

// enter remembers a connection that belongs to no meter yet. When there are too many, the oldest ends.
func (d *Devices) enter(g *deviceConn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.guests = append(d.guests, g)
	if len(d.guests) > maxGuests {
		d.log.Warn("connection of a device ended", logkey.Remote, d.guests[0].address, logkey.Err, errCrowded)
		d.guests[0].s.conn.quit(byLimit)
		d.guests = slices.Delete(d.guests, 0, 1)
	}
}

// settle removes a connection from those that belong to no meter.
func (d *Devices) settle(g *deviceConn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.guests = slices.DeleteFunc(d.guests, func(one *deviceConn) bool { return one == g })
}

func (d *Devices) leave(g *deviceConn, reason string, why error) {
	if g.seat != nil {
		<-g.talking
		g.seat.leave(g.s, reason, why)
		return
	}
	d.settle(g)
	if g.name != "" {
		d.table.left(g.name, g.client)
	}
	d.log.Debug("unknown device disconnected", logkey.Remote, g.address, logkey.Reason, reason, logkey.Err, why)
}

// read handles the packets of the connection until it ends.
func (g *deviceConn) read(ctx context.Context, in *input) error {
	var pace pacer
	if profiles := g.d.c.Profiles.NamedByClient(g.client); len(profiles) > 0 {
		if err := g.named(ctx, g.client, profiles, nil); err != nil {
			return err
		}
	}
	for {
		if err := g.s.conn.SetDeadline(time.Now().Add(g.s.silence)); err != nil {
			return err
		}
		in.limit = g.d.limits.PacketSize
		if g.seat != nil {
			in.limit = g.seat.limits.PacketSize
		}
		h, body, err := in.next()
		if err != nil {
			return err
		}
		if h.Type == packet.Disconnect {
			return errLeft
		}
		g.s.packets.Add(1)
		if !pace.wait(g.d.now(), g.d.limits, g.s.conn.done) {
			return errLeft
		}
		if err := g.packet(ctx, h, body); err != nil {
			return err
		}
	}
}

// packet handles one packet.
func (g *deviceConn) packet(ctx context.Context, h packet.Header, body []byte) error {
	if h.Type != packet.Publish {
		return g.s.packet(ctx, h, body)
	}
	m, err := readMessage(h, body)
	if err != nil {
		return err
	}
	return g.published(ctx, m)
}

// published takes a message. A message of a device that belongs to no meter is neither stored nor acknowledged.
func (g *deviceConn) published(ctx context.Context, m deviceMessage) error {
	if g.seat == nil {
		name, profiles := g.d.c.Profiles.NamesIn(g.client, m.topic, m.payload)
		if name == "" {
			return nil
		}
		if err := g.named(ctx, name, profiles, m.payload); err != nil || g.seat == nil {
			return err
		}
	}
	if other, foreign := g.seat.c.Profile.Claims(m.topic, g.name); foreign {
		g.d.counts.forbidden.Add(1)
		g.d.log.Warn("device used the topics of another device", logkey.Meter, g.s.who.Number, logkey.Device, g.name, logkey.Reason, fmt.Sprintf("%.40q", other))
		return errTwoNames
	}
	return g.s.published(ctx, m)
}

// named finds out to which meter a connection belongs, now that a message has named its device.
func (g *deviceConn) named(ctx context.Context, name string, profiles []string, payload []byte) error {
	d := g.d
	switch {
	case !profile.GoodName(name):
		return fmt.Errorf("%w: %.40q", errBadName, name)
	case g.name == "":
		d.mu.Lock()
		g.name = name
		d.mu.Unlock()
	case g.name != name:
		return errTwoNames
	}
	now := d.now()
	if !g.looked.IsZero() && now.Sub(g.looked) < lookAgain && !now.Before(g.looked) {
		d.table.note(g.stranger(profiles), payload, now)
		return nil
	}
	look, cancel := context.WithTimeout(ctx, authTimeout)
	defer cancel()
	a, who, found, err := d.c.Find(look, name)
	if err != nil {
		return err
	}
	p := d.c.Profiles[a.Profile]
	switch {
	case !found || p == nil || !slices.Contains(profiles, a.Profile):
		if !found {
			g.looked = now
		}
		d.table.note(g.stranger(profiles), payload, now)
		return nil
	case a.Client != g.client:
		d.claimed(who, g)
		return errRival
	}
	return g.sit(ctx, d.seatOf(a, who, p))
}

func (g *deviceConn) stranger(profiles []string) profile.UnknownDevice {
	return profile.UnknownDevice{Name: g.name, Client: g.client, Address: g.address, Profiles: profiles}
}

// sit makes the connection that of an adopted device. An earlier connection of the same client ends, unless it still talks: then two devices
// have the same name and client id, and the second is refused.
func (g *deviceConn) sit(ctx context.Context, s *adoptedDevice) error {
	for {
		cur := s.session()
		if cur != nil && g.stillTalks(ctx, cur) {
			g.d.claimed(s.who, g)
			return errRival
		}
		g.s.l, g.s.who = s.Legacy, s.who
		if s.replace(cur, g.s) {
			break
		}
	}
	g.d.settle(g)
	g.d.table.drop(g.name)
	g.seat, g.talking = s, make(chan struct{})
	g.s.may = func(filter string) bool {
		return s.c.Profile.Listens(g.name, func(topic string) bool { return filterMatches(filter, topic) })
	}
	g.s.wake(func() {
		g.s.device, g.s.stale = g.name, true
		g.s.filters = slices.DeleteFunc(g.s.filters, func(f string) bool { return !g.s.may(f) })
		g.s.owed = len(g.s.filters) > 0
	})
	go func() { defer close(g.talking); g.s.talk(ctx) }()
	return nil
}

// stillTalks reports whether an earlier connection of the same device is in use. It asks that device for its values, and waits for any packet.
func (g *deviceConn) stillTalks(ctx context.Context, cur *legacySession) bool {
	before := cur.packets.Load()
	for _, m := range cur.l.c.Profile.Ask(cur.deviceName()) {
		if cur.listensTo(m.Topic) {
			cur.send(m)
		}
	}
	tick := time.NewTicker(glance)
	defer tick.Stop()
	end := time.NewTimer(contest)
	defer end.Stop()
	for cur.packets.Load() == before {
		select {
		case <-cur.conn.done:
			return false
		case <-end.C:
			return false
		case <-g.s.conn.done:
			return false
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}
