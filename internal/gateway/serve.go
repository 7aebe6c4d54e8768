package gateway

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/gateway/packet"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/registry"
)

// refusal ends a connection with a reason that is no fault of a packet's form.
type refusal packet.Reason

func (r refusal) Error() string { return fmt.Sprintf("not allowed here (reason %#x)", byte(r)) }

// loginRefusal is a refused login, with the user name that was given.
type loginRefusal struct {
	refusal
	name string
}

func (d *loginRefusal) Unwrap() error { return d.refusal }

// errDisconnect ends a connection that the meter has ended.
var errDisconnect = errors.New("the meter disconnected")

// reasonOf returns the reason that MQTT 5 has for the end of a connection; ok is false if the client gets none.
func reasonOf(err error) (r packet.Reason, ok bool) {
	var fault packet.Fault
	var refused refusal
	var large *tooLarge
	switch {
	case errors.As(err, &fault):
		return fault.Reason(), true
	case errors.As(err, &refused):
		return packet.Reason(refused), true
	case errors.As(err, &large):
		return packet.TooLarge, true
	case errors.Is(err, os.ErrDeadlineExceeded):
		return packet.KeepAliveTimeout, true
	}
	return 0, false
}

// serve handles one socket from its CONNECT to its end.
func (g *Gateway) serve(ctx context.Context, c *conn) {
	in := newInput(c.Conn, g.pool, g.limits.ConnectSize)
	s, resumed, err := g.greet(ctx, c, in)
	if err != nil {
		in.free()
		_ = c.Close()
		g.denied(c, err)
		return
	}
	g.enter(s)
	g.recheck(s) // what counted in the handshake may have been revoked since
	if resumed {
		g.connected(s)
	}
	in.limit = g.limits.PacketSize
	g.attend(s, in)
}

// denied counts and logs a connection that did not come to a login.
func (g *Gateway) denied(c *conn, err error) {
	cause := strangerEnding(c, err)
	var more []any
	var user *loginRefusal
	switch cause {
	case byConnectSize:
		g.counts.refused.Add(1)
	case byDenial:
		g.counts.denied.Add(1)
		if errors.As(err, &user) {
			more = []any{logkey.Meter, clean(user.name)}
		}
	}
	g.ended(c, cause, err, more...)
}

// greet reads the CONNECT and answers it. It reports whether the meter's subscriptions are still there.
func (g *Gateway) greet(ctx context.Context, c *conn, in *input) (s *session, resumed bool, err error) {
	h, body, err := in.next()
	if err != nil {
		return nil, false, err
	}
	if h.Type != packet.Connect {
		return nil, false, errNoConnect
	}
	var l packet.Login
	if f := packet.ReadConnect(body, &l); f != packet.None {
		return nil, false, errors.Join(f, c.misread(&l, f))
	}
	who, why := g.login(ctx, &l, c.certificate())
	said, lifetime := g.limits.announce(&l)
	if why == packet.Success && !takes(&l, len(packet.AppendConnack(nil, l.Version, 0, said))) {
		why = packet.Implementation // the client would not learn the limits
	}
	if why != packet.Success {
		return nil, false, errors.Join(&loginRefusal{refusal(why), string(l.User)}, c.connack(&l, why, packet.Announcement{}))
	}
	s = newSession(who, c, &l)
	c.session.Store(s)
	s.lifetime = lifetime
	s.filters, said.Session = g.resume(who.Number, l.Clean)
	s.granted = s.filters.leaves()
	return s, said.Session, c.connack(&l, packet.Success, said)
}

// announce returns the limits that a CONNACK of MQTT 5 announces, and how long the client's subscriptions outlive the connection.
func (l Limits) announce(in *packet.Login) (said packet.Announcement, lifetime time.Duration) {
	said = packet.Announcement{Receive: uint16(l.InFlight), MaxPacket: uint32(l.PacketSize)}
	if longest := uint16(l.KeepAlive.Seconds()); in.KeepAlive == 0 || in.KeepAlive > longest {
		said.KeepAlive = longest
	}
	lifetime, said.SessionExpiry, said.HasExpiry = l.lifetime(in)
	return said, lifetime
}

// misread answers a CONNECT that breaks the protocol. MQTT 3.1.1 has an answer only to another level of the protocol.
func (c *conn) misread(l *packet.Login, f packet.Fault) error {
	if l.Version != packet.V5 && f != packet.BadVersion {
		return nil
	}
	return c.connack(l, f.Reason(), packet.Announcement{})
}

// takes reports whether a client takes packets of a size. Only a client of MQTT 5 can say that it does not (MQTT-3.1.2-24).
func takes(l *packet.Login, size int) bool {
	return l.Properties.MaxPacket == 0 || uint32(size) <= l.Properties.MaxPacket
}

// connack answers a CONNECT in the client's version of the protocol. Some reasons have no answer in MQTT 3.1.1, and an answer that is
// larger than the client takes is not sent.
func (c *conn) connack(l *packet.Login, r packet.Reason, g packet.Announcement) error {
	code := byte(r)
	if l.Version != packet.V5 {
		var answered bool
		if code, answered = packet.ReturnCode(r); !answered {
			return nil
		}
	}
	answer := packet.AppendConnack(nil, l.Version, code, g)
	if !takes(l, len(answer)) {
		return nil
	}
	_, err := c.Write(answer)
	return err
}

// lifetime returns how long the subscriptions outlive their connection. For MQTT 5 it also returns the announced seconds, if they are
// not what the client asked for.
func (l Limits) lifetime(in *packet.Login) (d time.Duration, announced uint32, differs bool) {
	if in.Version != packet.V5 {
		if in.Clean {
			return 0, 0, false
		}
		return l.SessionExpiry, 0, false
	}
	most := uint32(l.SessionExpiry.Seconds())
	got := min(in.Properties.SessionExpiry, most)
	return time.Duration(got) * time.Second, got, got != in.Properties.SessionExpiry
}

// silence returns how long a client may be silent: one and a half times its keep-alive (MQTT-3.1.2-22).
func (l Limits) silence(keepAlive uint16) time.Duration {
	d := l.KeepAlive
	if k := time.Duration(keepAlive) * time.Second; k > 0 && k < d {
		d = k
	}
	return d + d/2
}

// login identifies a client by its certificate, or by its password if it has shown none. Every wrong user name, client id or password has
// the same answer. With a certificate the user name may be left out.
func (g *Gateway) login(ctx context.Context, l *packet.Login, cert *x509.Certificate) (registry.Identity, packet.Reason) {
	number := string(l.User)
	if cert != nil && number == "" {
		number = cert.Subject.CommonName
	}
	switch {
	case cert != nil && cert.Subject.CommonName != number, cert == nil && g.c.CertificatesOnly:
		return registry.Identity{}, packet.NotAuthorized
	case l.Version == packet.V31:
		return registry.Identity{}, packet.UnsupportedVersion
	case l.Properties.HasAuthMethod:
		return registry.Identity{}, packet.BadAuthMethod
	case len(l.ClientID) == 0 && !l.Clean && l.Version != packet.V5:
		return registry.Identity{}, packet.BadClientID // 3.1.1 MQTT-3.1.3-8
	case number == "" || string(l.ClientID) != number || len(number) > maxNumber || l.Properties.User > maxUserProperties:
		return registry.Identity{}, packet.NotAuthorized
	case l.Will != nil && !own(string(l.Will.Topic), number, "up"):
		return registry.Identity{}, packet.NotAuthorized
	case l.Will != nil && l.Will.Retain:
		return registry.Identity{}, packet.RetainNotSupported
	case l.Will != nil && l.Will.QoS > 1:
		return registry.Identity{}, packet.QoSNotSupported
	}
	ctx, cancel := context.WithTimeout(ctx, authTimeout)
	defer cancel()
	select {
	case g.logins <- struct{}{}:
		defer func() { <-g.logins }()
	case <-ctx.Done():
		return registry.Identity{}, packet.ServerUnavailable
	}
	who, ok := g.identify(ctx, number, string(l.Password), cert != nil)
	if !ok || who.Number != number {
		return registry.Identity{}, packet.NotAuthorized
	}
	return who, packet.Success
}

// identify asks the authority on a stack of its own, which is gone afterwards. The stack of the connection stays small.
func (g *Gateway) identify(ctx context.Context, number, password string, certified bool) (who registry.Identity, ok bool) {
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		if certified {
			who, ok = g.c.Certified(ctx, number)
			return
		}
		who, ok = g.c.Auth(ctx, number, password)
	}()
	<-answered
	return who, ok
}

// maxNumber is the longest user name that is looked up as a meter number.
const maxNumber = 64

// own reports whether a topic or filter is below m/{number}/{way}/. The number has been authenticated before, so it cannot
// contain a wildcard.
func own(topic, number, way string) bool {
	if len(topic) > maxTopic {
		return false
	}
	rest, ok := strings.CutPrefix(topic, "m/"+number+"/"+way+"/")
	return ok && rest != ""
}

// clean makes a stranger's user name safe to log. A name that cannot be a meter number is not logged: it may be a password or a
// token in the wrong field.
func clean(name string) string {
	const longest = 13 // digits of a meter number
	if len(name) > longest || strings.Trim(name, "0123456789") != "" {
		return "none: the user name is not a meter number"
	}
	return name
}

// busyFor is how long a goroutine that has handled a packet waits for the next one. Then a new goroutine waits instead.
const busyFor = time.Second

// attend handles a meter's packets until its connection ends, or until the meter is silent for a while. Handling a packet takes a deep
// stack, which the goroutine then keeps. So a new goroutine, whose stack is small, waits for a silent meter.
func (g *Gateway) attend(s *session, in *input) {
	err := g.run(s, in)
	if errors.Is(err, os.ErrDeadlineExceeded) && in.empty() && s.silence > busyFor {
		in.free()
		s.conn.again(func() { g.await(s, in) })
		return
	}
	in.free()
	g.leave(s, err)
}

// await waits until a silent meter sends something.
func (g *Gateway) await(s *session, in *input) {
	err := s.conn.SetDeadline(time.Now().Add(s.silence - busyFor))
	if err == nil {
		err = in.fill()
	}
	if err != nil {
		g.leave(s, err)
		return
	}
	g.attend(s, in)
}

// run handles a meter's packets until its connection ends or has been silent for a moment.
func (g *Gateway) run(s *session, in *input) error {
	for {
		h, body, err := s.next(in)
		if err == nil {
			err = g.packet(s, h, body)
		}
		if err != nil {
			return err
		}
	}
}

// next reads the next packet. A meter that has begun one has the whole time to finish it.
func (s *session) next(in *input) (packet.Header, []byte, error) {
	if err := s.conn.SetDeadline(time.Now().Add(min(busyFor, s.silence))); err != nil {
		return packet.Header{}, nil, err
	}
	h, body, err := in.next()
	if errors.Is(err, os.ErrDeadlineExceeded) && !in.empty() {
		if err := s.conn.SetDeadline(time.Now().Add(s.silence)); err != nil {
			return packet.Header{}, nil, err
		}
		h, body, err = in.next()
	}
	return h, body, err
}

// packet handles one packet. Every packet but an expected PUBACK is paced to the meter's rate, and meanwhile the socket is not read.
func (g *Gateway) packet(s *session, h packet.Header, body []byte) error {
	switch h.Type {
	case packet.Disconnect:
		return s.left(body)
	case packet.Puback:
		a, f := packet.ReadAnswer(h.Type, body, s.version)
		if f != packet.None {
			return f
		}
		if s.received(a.ID) {
			return nil // there are never more of them than messages sent
		}
	}
	if !s.pace(g.now()) {
		return errDisconnect
	}
	switch h.Type {
	case packet.Publish:
		return g.published(s, h, body)
	case packet.Subscribe:
		return g.subscribe(s, body)
	case packet.Unsubscribe:
		return g.unsubscribe(s, body)
	case packet.Pingreq:
		if f := packet.Empty(body); f != packet.None {
			return f
		}
		return s.write(packet.AppendPingresp(nil))
	case packet.Pubrec, packet.Pubrel, packet.Pubcomp:
		return s.unknownAnswer(h.Type, body)
	case packet.Connect, packet.Auth:
		return refusal(packet.ProtocolError)
	}
	return nil
}

// left handles a DISCONNECT. The client may change the life of its session, unless it wanted none before (MQTT 5 §3.14.2.2.2).
func (s *session) left(body []byte) error {
	l, f := packet.ReadDisconnect(body, s.version)
	if f != packet.None {
		return f
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.Properties.HasExpiry {
		if s.lifetime == 0 && l.Properties.SessionExpiry > 0 {
			return refusal(packet.ProtocolError)
		}
		s.lifetime = min(time.Duration(l.Properties.SessionExpiry)*time.Second, s.conn.limits.SessionExpiry)
	}
	return errDisconnect
}

// unknownAnswer answers the packets of QoS 2. The server neither sends nor takes such messages, so it knows none of their numbers.
func (s *session) unknownAnswer(t packet.Type, body []byte) error {
	a, f := packet.ReadAnswer(t, body, s.version)
	switch {
	case f != packet.None:
		return f
	case t == packet.Pubrec:
		return s.write(packet.AppendAnswer(nil, s.version, packet.Pubrel, a.ID, packet.IDNotFound))
	case t == packet.Pubrel:
		return s.write(packet.AppendAnswer(nil, s.version, packet.Pubcomp, a.ID, packet.IDNotFound))
	}
	return nil
}

// published takes a meter's message, if it may publish it: of QoS 0 or 1, not retained, below its own up/
// (docs/reference/mqtt.md#login).
func (g *Gateway) published(s *session, h packet.Header, body []byte) error {
	var m packet.Message
	if f := packet.ReadPublish(h, body, s.version, &m); f != packet.None {
		return f
	}
	switch {
	case m.Retain:
		return refusal(packet.RetainNotSupported)
	case m.QoS > 1:
		return refusal(packet.QoSNotSupported)
	case m.Properties.TopicAlias > 0:
		return refusal(packet.BadTopicAlias)
	case len(m.Topic) > maxTopic:
		return refusal(packet.BadTopic)
	case m.Properties.User > maxUserProperties:
		return refusal(packet.QuotaExceeded)
	}
	topic := string(m.Topic)
	if own(topic, s.who.Number, "up") {
		g.receive(s, topic, bytes.Clone(m.Payload), m.ID)
		return nil
	}
	switch {
	case m.QoS == 0:
		return nil // a message that needs no answer is dropped
	case s.version == packet.V5:
		return s.write(packet.AppendAnswer(nil, s.version, packet.Puback, m.ID, packet.NotAuthorized))
	}
	return refusal(packet.NotAuthorized)
}

// write sends a packet to the meter.
func (s *session) write(p []byte) error {
	if s.tooLarge(len(p)) {
		return nil // MQTT-3.1.2-25: the client would not take it
	}
	_, err := s.conn.Write(p)
	return err
}

// end ends the connection for a reason other than the meter's own packets. A client of MQTT 5 is told why.
func (s *session) end(e ending) {
	s.conn.because(e)
	s.tell(e.fact().tells)
}

// tell tells a client of MQTT 5 why its connection ends, and closes it.
func (s *session) tell(r packet.Reason) {
	if s.version == packet.V5 {
		_ = s.write(packet.AppendDisconnect(nil, r)) // the connection is closed either way
	}
	_ = s.conn.Close()
}
