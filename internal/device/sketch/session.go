package sketch

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// connect returns the library's CONNECT packet: MQTT 3.1.1, clean session, keep-alive 15 s, no will, no user, QoS 0.
func connect() []byte {
	b := []byte{0x10, byte(12 + len(clientID)), 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, byte(keepAlive / time.Second), 0, byte(len(clientID))}
	return append(b, clientID...)
}

func publish(topic, payload string) []byte {
	b := []byte{0x30, byte(2 + len(topic) + len(payload)), 0, byte(len(topic))}
	return append(append(b, topic...), payload...)
}

func subscribe(packet uint16, topic string) []byte {
	b := []byte{0x82, byte(5 + len(topic)), byte(packet >> 8), byte(packet), 0, byte(len(topic))}
	return append(append(b, topic...), 0)
}

// Reasons for which a connection ends.
var (
	errRefused = errors.New("the server refused the connection")
	errSilent  = errors.New("the server did not answer in time")
)

// session is one connection, from CONNECT to its end.
func (s *Sketch) session(ctx context.Context) error {
	dial, cancel := context.WithTimeout(ctx, keepAlive)
	conn, err := s.c.Dial(dial)
	cancel()
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(keepAlive)); err != nil {
		return err
	}
	if _, err := conn.Write(connect()); err != nil {
		return err
	}
	r := bufio.NewReader(conn)
	ack := make([]byte, 4)
	if _, err := io.ReadFull(r, ack); err != nil {
		return fmt.Errorf("wait for CONNACK: %w", err)
	}
	if ack[0] != 0x20 || ack[3] != 0 {
		return fmt.Errorf("%w: code %d", errRefused, ack[3])
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return err
	}
	s.change(func() {
		s.conn, s.view.Connected, s.packet = conn, true, 2 // the library increments before it numbers a packet
		s.view.Connects++
	})
	defer s.change(func() { s.conn, s.view.Connected = nil, false })
	// The sketch publishes its first message before it has subscribed.
	if err := s.write(conn, publish(topicInit, s.started())); err != nil {
		return err
	}
	if err := s.write(conn, subscribe(2, topicOrders)); err != nil {
		return err
	}
	return s.listen(ctx, conn, r)
}

// write sends bytes. The lock keeps a script's bytes from mixing with others.
func (s *Sketch) write(conn net.Conn, b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := conn.Write(b)
	return err
}

// listen handles incoming packets and pings the server when either direction has been silent for too long.
func (s *Sketch) listen(ctx context.Context, conn net.Conn, r *bufio.Reader) error {
	pks, failed := make(chan []byte), make(chan error, 1)
	done := make(chan struct{})
	defer close(done)
	go func() {
		for {
			pk, err := readPacket(r)
			if err != nil {
				failed <- err
				return
			}
			select {
			case pks <- pk:
			case <-done:
				return
			}
		}
	}()
	now := time.Now()
	in, out, pinged := now, now, time.Time{}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			_ = s.write(conn, []byte{0xE0, 0})
			return ctx.Err()
		case err := <-failed:
			return err
		case pk := <-pks:
			in = time.Now()
			switch {
			case pk[0] == 0xD0:
				pinged = time.Time{}
			case pk[0]&0xF0 == 0x30:
				topic, payload, ok := message(pk)
				if !ok {
					continue
				}
				if answer := s.act(topic, payload); answer != "" {
					out = time.Now()
					if err := s.write(conn, publish(topicStatus, answer)); err != nil {
						return err
					}
				}
			}
		case now = <-tick.C:
			if now.Sub(in) <= keepAlive && now.Sub(out) <= keepAlive {
				continue
			}
			if !pinged.IsZero() {
				return errSilent
			}
			in, out, pinged = now, now, now
			if err := s.write(conn, []byte{0xC0, 0}); err != nil {
				return err
			}
		}
	}
}

// readPacket reads one packet with its header. A packet that does not fit the library's buffer is dropped silently.
func readPacket(r *bufio.Reader) ([]byte, error) {
	for {
		first, err := r.ReadByte()
		if err != nil {
			return nil, err
		}
		n, err := binary.ReadUvarint(r) // MQTT encodes lengths in this form
		if err != nil {
			return nil, err
		}
		if n+5 > bufferSize {
			if _, err := io.CopyN(io.Discard, r, int64(min(n, 1<<28))); err != nil {
				return nil, err
			}
			continue
		}
		pk := make([]byte, 1+n)
		pk[0] = first
		if _, err := io.ReadFull(r, pk[1:]); err != nil {
			return nil, err
		}
		return pk, nil
	}
}

// message parses a PUBLISH packet of QoS 0. The library mishandles other packets; this code ignores them.
func message(pk []byte) (topic, payload string, ok bool) {
	if len(pk) < 3 || pk[0]&0x06 != 0 {
		return "", "", false
	}
	n := int(binary.BigEndian.Uint16(pk[1:]))
	if 3+n > len(pk) {
		return "", "", false
	}
	return string(pk[3 : 3+n]), string(pk[3+n:]), true
}
