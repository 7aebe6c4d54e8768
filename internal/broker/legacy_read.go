package broker

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/profile"
)

// Reasons why a device's connection ends.
var (
	errLeft      = errors.New("the device disconnected")
	errForbidden = errors.New("the device sent a packet that is not allowed")
	errOversized = errors.New("the device sent a packet longer than its profile allows")
	errStranger  = errors.New("the client is not the device of this listener")
)

// serve handles one socket from its CONNECT to its end.
func (l *Legacy) serve(ctx context.Context, c *conn) {
	defer c.Close()
	r := bufio.NewReaderSize(c, bufferSize)
	s, err := l.greet(ctx, c, r)
	if err != nil {
		l.counts.denied.Add(1)
		l.log.Info("connection from a device refused", logkey.Listen, l.Addr().String(), logkey.Remote, c.RemoteAddr().String(), logkey.Err, err)
		return
	}
	l.enter(s)
	done := make(chan struct{})
	go func() { defer close(done); s.talk(ctx) }()
	err = s.read(ctx, r)
	_ = c.Close()
	<-done
	l.leave(s, err)
}

// greet reads the CONNECT and answers it. The gate has set a deadline for it and bounded its size.
func (l *Legacy) greet(ctx context.Context, c *conn, r *bufio.Reader) (*legacySession, error) {
	pk, err := readConnect(c, r, l.limits)
	if err != nil {
		return nil, err
	}
	if want := l.c.Profile.Device.ClientID; want != "" && pk.Connect.ClientIdentifier != want || pk.Connect.ClientIdentifier == "" {
		return nil, errors.Join(fmt.Errorf("%w: client id %.40q", errStranger, pk.Connect.ClientIdentifier),
			c.connack(packets.Err3ClientIdentifierNotValid.Code))
	}
	look, cancel := context.WithTimeout(ctx, authTimeout)
	defer cancel()
	who, ok, err := l.c.Meter(look)
	if err != nil {
		return nil, errors.Join(err, c.connack(packets.Err3ServerUnavailable.Code))
	}
	if !ok {
		return nil, errors.Join(errors.New("the meter of this listener is not registered yet, or no longer"), c.connack(packets.Err3NotAuthorized.Code))
	}
	s := newLegacySession(l, who, c)
	s.silence = l.limits.silence(pk)
	return s, c.connack(packets.CodeSuccess.Code)
}

// readConnect reads a device's CONNECT. It answers one of another protocol, and returns an error.
func readConnect(c *conn, r *bufio.Reader, limits Limits) (packets.Packet, error) {
	pk, err := readPacket(r, limits.ConnectSize)
	if err != nil {
		return pk, err
	}
	if err := pk.ConnectDecode(pk.Payload); err != nil {
		return pk, fmt.Errorf("read CONNECT: %w", err)
	}
	// MQTT 3.1.1 has protocol level 4. Some of these libraries still use MQTT 3.1, which differs in nothing that
	// matters here.
	if name, v := string(pk.Connect.ProtocolName), pk.ProtocolVersion; name != "MQTT" && name != "MQIsdp" || v != 4 && v != 3 {
		return pk, errors.Join(fmt.Errorf("protocol %q level %d", name, v), c.connack(packets.Err3UnsupportedProtocolVersion.Code))
	}
	return pk, nil
}

// silence returns the longest time that a device may be silent: the protocol allows one and a half times the keep-alive.
func (l Limits) silence(connect packets.Packet) time.Duration {
	silence := l.KeepAlive
	if k := time.Duration(connect.Connect.Keepalive) * time.Second; k > 0 && k < silence {
		silence = k
	}
	return silence + silence/2
}

// connack answers a CONNECT. There is never a session to resume.
func (c *conn) connack(code byte) error {
	_, err := c.Write([]byte{packets.Connack << 4, 2, 0, code})
	return err
}

// readPacket reads one packet into its Payload, undecoded.
func readPacket(r *bufio.Reader, limit int) (packets.Packet, error) {
	pk := packets.Packet{ProtocolVersion: 4}
	first, err := r.ReadByte()
	if err != nil {
		return pk, err
	}
	if err := pk.FixedHeader.Decode(first); err != nil {
		return pk, fmt.Errorf("%w: %w", errForbidden, err)
	}
	n, _, err := packets.DecodeLength(r)
	if err != nil {
		return pk, fmt.Errorf("read a packet's length: %w", err)
	}
	if n > limit {
		return pk, fmt.Errorf("%w: %d bytes, at most %d", errOversized, n, limit)
	}
	pk.FixedHeader.Remaining = n
	pk.Payload = make([]byte, n)
	if _, err := io.ReadFull(r, pk.Payload); err != nil {
		return pk, fmt.Errorf("read a packet: %w", err)
	}
	return pk, nil
}

// read handles the device's packets until the connection ends.
func (s *legacySession) read(ctx context.Context, r *bufio.Reader) error {
	var pace pacer
	for {
		if err := s.conn.SetDeadline(time.Now().Add(s.silence)); err != nil {
			return err
		}
		pk, err := readPacket(r, s.l.limits.PacketSize)
		if err != nil {
			return err
		}
		if pk.FixedHeader.Type == packets.Disconnect {
			return errLeft
		}
		if !pace.wait(s.l.now(), s.l.limits, s.conn.done) {
			return errLeft
		}
		if err := s.packet(ctx, pk); err != nil {
			return err
		}
	}
}

// packet handles one packet.
func (s *legacySession) packet(ctx context.Context, pk packets.Packet) error {
	body := pk.Payload
	switch pk.FixedHeader.Type {
	case packets.Pingreq:
		_, err := s.conn.Write([]byte{packets.Pingresp << 4, 0})
		return err
	case packets.Publish:
		if err := pk.PublishDecode(body); err != nil {
			return fmt.Errorf("read PUBLISH: %w", err)
		}
		return s.published(ctx, pk)
	case packets.Subscribe:
		if err := pk.SubscribeDecode(body); err != nil {
			return fmt.Errorf("read SUBSCRIBE: %w", err)
		}
		return s.subscribe(pk)
	case packets.Unsubscribe:
		if err := pk.UnsubscribeDecode(body); err != nil {
			return fmt.Errorf("read UNSUBSCRIBE: %w", err)
		}
		s.unsubscribe(pk.Filters)
		_, err := s.conn.Write([]byte{packets.Unsuback << 4, 2, byte(pk.PacketID >> 8), byte(pk.PacketID)})
		return err
	}
	return fmt.Errorf("%w: packet type %d", errForbidden, pk.FixedHeader.Type)
}

// published takes a message. It is durable before the PUBACK, if the device asked for one. If it cannot be stored the
// connection ends, so that a device that keeps its messages sends it again.
func (s *legacySession) published(ctx context.Context, pk packets.Packet) error {
	if err := wellFormed(pk); err != nil {
		return err
	}
	s.l.counts.messages.Add(1)
	at := s.l.now()
	t, err := s.l.c.Take(ctx, s.who, profile.Incoming{Topic: pk.TopicName, Payload: pk.Payload, At: at, Reasons: s.reasons(ctx)})
	if err != nil {
		s.l.counts.failed.Add(1)
		s.l.log.Warn("message from a device was not stored", logkey.Meter, s.who.Number, logkey.Err, err)
		return errNotStored
	}
	if t.Meaning.Kind == profile.Unreadable {
		s.l.log.Warn("message from a device could not be read", logkey.Meter, s.who.Number, logkey.Reason, t.Meaning.Why)
	}
	s.l.heard(t.Meaning, at)
	s.hear(t.Meaning)
	if pk.FixedHeader.Qos == 0 {
		return nil
	}
	_, err = s.conn.Write([]byte{packets.Puback << 4, 2, byte(pk.PacketID >> 8), byte(pk.PacketID)})
	return err
}

// wellFormed returns an error for a PUBLISH that no device may send.
func wellFormed(pk packets.Packet) error {
	if pk.FixedHeader.Qos > 1 || pk.TopicName == "" || len(pk.TopicName) > maxTopic || strings.ContainsAny(pk.TopicName, "+#\x00") {
		return fmt.Errorf("%w: PUBLISH with QoS %d on %.40q", errForbidden, pk.FixedHeader.Qos, pk.TopicName)
	}
	return nil
}

// subscribe grants each filter with quality 0: such a device gets no other messages. The filters take effect only when the
// answer is written, so that no message comes before the answer. At the same moment the order to the relay becomes due, so that
// it goes before all other messages.
func (s *legacySession) subscribe(pk packets.Packet) error {
	const refused = 0x80
	var codes bytes.Buffer
	filters := s.held()
	for _, sub := range pk.Filters {
		more, ok := s.with(filters, sub.Filter)
		code := byte(0)
		if !ok {
			code = refused
		}
		filters = more
		codes.WriteByte(code)
	}
	if codes.Len() == 0 || codes.Len() > s.l.limits.Subscriptions {
		return fmt.Errorf("%w: SUBSCRIBE with %d filters", errForbidden, codes.Len())
	}
	_, err := s.conn.Write(append([]byte{packets.Suback << 4, byte(2 + codes.Len()), byte(pk.PacketID >> 8), byte(pk.PacketID)}, codes.Bytes()...))
	if err == nil {
		s.wake(func() { s.filters, s.stale, s.owed = filters, true, true })
	}
	return err
}
