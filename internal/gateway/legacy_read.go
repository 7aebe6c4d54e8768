package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/gateway/packet"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/profile"
)

// Reasons why a device's connection ends.
var (
	errLeft      = errors.New("the device disconnected")
	errForbidden = errors.New("the device sent a packet that is not allowed")
	errStranger  = errors.New("the client is not the device of this listener")
	errNoMeter   = errors.New("the meter of this listener is not registered yet, or no longer")
	errLevel     = errors.New("this protocol level is not supported here")
)

// serve handles one socket from its CONNECT to its end.
func (l *Legacy) serve(ctx context.Context, c *conn) {
	defer c.Close()
	in := newInput(c.Conn, l.pool, l.limits.ConnectSize)
	defer in.free()
	s, err := l.greet(ctx, c, in)
	if err != nil {
		l.counts.denied.Add(1)
		l.log.Info("connection from a device refused", logkey.Listen, l.Addr().String(), logkey.Remote, c.RemoteAddr().String(),
			logkey.Reason, l.counts.end(deviceEnding(ctx, c, err, false)), logkey.Err, err)
		return
	}
	s.enterIfFree(ctx)
	in.limit = l.limits.PacketSize
	err = s.read(ctx, in)
	reason := l.counts.end(deviceEnding(ctx, c, err, true))
	_ = c.Close()
	if s.talking == nil {
		l.log.Info("device disconnected", logkey.Meter, s.who.Number, logkey.Reason, reason, logkey.Err, err)
		return
	}
	<-s.talking
	l.leave(s, reason, err)
}

// enterIfFree makes the connection that of the meter's device, unless the listener is bound to a device and that device has a connection. Then the
// new connection waits until a message shows that it is the same device: another device must not take its place.
func (s *legacySession) enterIfFree(ctx context.Context) {
	if s.talking == nil && (!s.mustProve || s.l.session() == nil) {
		s.enter(ctx)
	}
}

// enter makes the connection that of the meter's device, and begins to talk to it.
func (s *legacySession) enter(ctx context.Context) {
	talking := make(chan struct{})
	s.talking = talking
	s.l.enter(s)
	go func() {
		defer close(talking)
		s.talk(ctx)
	}()
}

// greet reads the CONNECT and answers it. The gate has set a deadline for it and bounded its size.
func (l *Legacy) greet(ctx context.Context, c *conn, in *input) (*legacySession, error) {
	p, err := readConnect(c, in)
	if err != nil {
		return nil, err
	}
	client := string(p.ClientID)
	if want := l.c.Profile.Device.ClientID; want != "" && client != want || client == "" {
		return nil, errors.Join(fmt.Errorf("%w: client id %.40q", errStranger, client), c.answer(packet.BadClientID))
	}
	look, cancel := context.WithTimeout(ctx, authTimeout)
	defer cancel()
	who, ok, err := l.c.Meter(look)
	if err != nil {
		return nil, errors.Join(err, c.answer(packet.ServerUnavailable))
	}
	if !ok {
		return nil, errors.Join(errNoMeter, c.answer(packet.NotAuthorized))
	}
	s := newLegacySession(l, who, c)
	s.client, s.silence = client, l.limits.silence(p.KeepAlive)
	if a, known := s.ask(look); known && a.Device != "" {
		s.device, s.mustProve = a.Device, true
	}
	return s, c.answer(packet.Success)
}

// readConnect reads a device's CONNECT. These devices use MQTT 3.1.1, or MQTT 3.1, which differs in nothing that matters here.
func readConnect(c *conn, in *input) (*packet.Login, error) {
	h, body, err := in.next()
	if err != nil {
		return nil, err
	}
	if h.Type != packet.Connect {
		return nil, errNoConnect
	}
	p := new(packet.Login)
	switch f := packet.ReadConnect(body, p); {
	case f == packet.BadProtocol, f == packet.BadVersion, f == packet.None && p.Version == packet.V5:
		return nil, errors.Join(fmt.Errorf("%w: %d", errLevel, p.Version), c.answer(packet.UnsupportedVersion))
	case f != packet.None:
		return nil, fmt.Errorf("read CONNECT: %w", f)
	}
	return p, nil
}

// answer answers a device's CONNECT. There is never a session to resume.
func (c *conn) answer(r packet.Reason) error {
	return c.connack(&packet.Login{Version: packet.V311}, r, packet.Announcement{})
}

// read handles the device's packets until the connection ends.
func (s *legacySession) read(ctx context.Context, in *input) error {
	var pace pacer
	for {
		if err := s.conn.SetDeadline(time.Now().Add(s.silence)); err != nil {
			return err
		}
		h, body, err := in.next()
		if err != nil {
			return err
		}
		if h.Type == packet.Disconnect || !pace.wait(s.l.now(), s.l.limits, s.conn.done) {
			return errLeft
		}
		if err := s.packet(ctx, h, body); err != nil {
			return err
		}
		s.enterIfFree(ctx)
	}
}

// packet handles one packet.
func (s *legacySession) packet(ctx context.Context, h packet.Header, body []byte) error {
	switch h.Type {
	case packet.Pingreq:
		return s.write(packet.AppendPingresp(nil))
	case packet.Publish:
		m, err := readMessage(h, body)
		if err != nil {
			return err
		}
		return s.published(ctx, m)
	case packet.Subscribe:
		return s.subscribe(body)
	case packet.Unsubscribe:
		var sub packet.Subscription
		if f := packet.ReadUnsubscribe(body, packet.V311, &sub); f != packet.None {
			return fmt.Errorf("read UNSUBSCRIBE: %w", f)
		}
		s.unsubscribe(sub.Filters)
		return s.write(packet.AppendSuback(nil, packet.V311, packet.Unsuback, sub.ID, nil))
	}
	return fmt.Errorf("%w: packet type %d", errForbidden, h.Type)
}

func (s *legacySession) write(p []byte) error {
	_, err := s.conn.Write(p)
	return err
}

// deviceMessage is a PUBLISH of a device, in memory of its own.
type deviceMessage struct {
	topic   string
	payload []byte
	id      uint16 // 0: the device wants no answer
}

// readMessage reads a PUBLISH. It returns an error for one that no device may send.
func readMessage(h packet.Header, body []byte) (deviceMessage, error) {
	var m packet.Message
	if f := packet.ReadPublish(h, body, packet.V311, &m); f != packet.None {
		return deviceMessage{}, fmt.Errorf("read PUBLISH: %w", f)
	}
	if m.QoS > 1 || len(m.Topic) > maxTopic {
		return deviceMessage{}, fmt.Errorf("%w: PUBLISH with QoS %d on %.40q", errForbidden, m.QoS, m.Topic)
	}
	return deviceMessage{topic: string(m.Topic), payload: bytes.Clone(m.Payload), id: m.ID}, nil
}

// published takes a message. It is durable before the PUBACK, if the device asked for one. If it cannot be stored the
// connection ends, so that a device that keeps its messages sends it again.
func (s *legacySession) published(ctx context.Context, m deviceMessage) error {
	s.l.counts.messages.Add(1)
	at := s.l.now()
	t, err := s.l.c.Take(ctx, s.who, profile.Incoming{Topic: m.topic, Payload: m.payload, At: at, Reasons: s.reasons(ctx)})
	if err != nil {
		s.l.counts.failed.Add(1)
		if ctx.Err() == nil { // otherwise the server stops, which is no fault
			s.l.log.Warn("message from a device was not stored", logkey.Meter, s.who.Number, logkey.Err, err)
		}
		return errNotStored
	}
	if t.Acceptance != profile.Accepted {
		return s.refuse(m, t)
	}
	s.talks(at)
	if s.mustProve && s.talking == nil && t.Meaning.Device != "" {
		s.enter(ctx)
	}
	if t.Meaning.Kind == profile.Unreadable {
		s.l.log.Warn("message from a device could not be read", logkey.Meter, s.who.Number, logkey.Reason, t.Meaning.Why)
	}
	s.l.heard(t.Meaning, at)
	s.hear(t.Meaning)
	return s.acknowledge(m)
}

// refuse handles a message of another device. It is acknowledged all the same: it would come again for ever, and a bridge that carries the messages
// of several devices would stop.
func (s *legacySession) refuse(m deviceMessage, t profile.Outcome) error {
	if t.Acceptance == profile.Foreign {
		s.l.claimed(s, t.Meaning.Device)
	}
	return s.acknowledge(m)
}

// acknowledge sends the PUBACK of a message, if the device wants one.
func (s *legacySession) acknowledge(m deviceMessage) error {
	if m.id == 0 {
		return nil
	}
	return s.write(packet.AppendAnswer(nil, packet.V311, packet.Puback, m.id, packet.Success))
}

// subscribe grants each filter with quality 0: such a device gets no other messages. The filters take effect only when the
// answer is written, so that no message comes before the answer. At the same moment the order to the relay becomes due, so that
// it goes before all other messages.
func (s *legacySession) subscribe(body []byte) error {
	const refused = 0x80
	var sub packet.Subscription
	if f := packet.ReadSubscribe(body, packet.V311, &sub); f != packet.None {
		return fmt.Errorf("read SUBSCRIBE: %w", f)
	}
	if sub.Count > s.l.limits.Subscriptions {
		return fmt.Errorf("%w: SUBSCRIBE with %d filters", errForbidden, sub.Count)
	}
	codes := make([]byte, sub.Count)
	filters := s.held()
	for i := range codes {
		f, _ := sub.Filters.Next()
		more, ok := s.with(filters, string(f.Topic))
		if !ok {
			codes[i] = refused
		}
		filters = more
	}
	err := s.write(packet.AppendSuback(nil, packet.V311, packet.Suback, sub.ID, codes))
	if err == nil {
		s.wake(func() { s.filters, s.stale, s.owed = filters, true, true })
	}
	return err
}
