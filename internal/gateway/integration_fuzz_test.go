package gateway

import (
	"bytes"
	"log/slog"
	"net"
	"testing"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/paywatt/paywatt/internal/gateway/packet"
)

// stranger is the socket of a program that has sent all its bytes and reads nothing.
type stranger struct {
	net.Conn
	left *bytes.Reader
}

func (c stranger) Read(p []byte) (int, error)       { return c.left.Read(p) }
func (c stranger) Write(p []byte) (int, error)      { return len(p), nil }
func (c stranger) SetReadDeadline(time.Time) error  { return nil }
func (c stranger) SetWriteDeadline(time.Time) error { return nil }
func (c stranger) SetDeadline(time.Time) error      { return nil }
func (c stranger) Close() error                     { return nil }
func (c stranger) RemoteAddr() net.Addr             { return &net.TCPAddr{} }

// FuzzIntegrationReader gives the bytes of a stranger to the packet reader of mochi, which only the integration broker uses, the way they
// come there: length by length, and screened by our own codec. What passes must be read and checked by mochi without a panic.
func FuzzIntegrationReader(f *testing.F) {
	for _, kind := range packets.TPacketData {
		for _, c := range kind {
			if c.Packet != nil {
				f.Add(c.RawBytes, c.Packet.ProtocolVersion)
			}
		}
	}
	f.Add([]byte{0x30, 0xff, 0xff, 0xff, 0x7f}, byte(5)) // the longest length without a body
	limits := IntegrationDefaults().withDefaults()
	server := mqtt.New(&mqtt.Options{Capabilities: limits.capabilities(), Logger: slog.New(slog.DiscardHandler), ClientNetReadBufferSize: bufferSize,
		ClientNetWriteBufferSize: bufferSize})
	f.Fuzz(func(t *testing.T, b []byte, version byte) {
		own := newConn(stranger{left: bytes.NewReader(b)}, &limits)
		own.gone = func() {}
		own.frame.begun = true // any packet may come first
		client := server.NewClient(&screened{conn: own, version: packet.Version(version)}, "fuzz", "program", false)
		client.Properties.ProtocolVersion = version
		for {
			var h packets.FixedHeader
			if client.ReadFixedHeader(&h) != nil {
				return
			}
			if h.Remaining > limits.PacketSize {
				t.Fatalf("a packet of %d bytes passed", h.Remaining)
			}
			p, err := client.ReadPacket(&h)
			if err != nil {
				return
			}
			check(p)
			if p.FixedHeader.Type == packets.Connect {
				client.Properties.ProtocolVersion = p.ProtocolVersion
			}
		}
	})
}

// check makes mochi's own checks of a packet.
func check(p packets.Packet) {
	switch p.FixedHeader.Type {
	case packets.Connect:
		p.ConnectValidate()
	case packets.Publish:
		p.PublishValidate(1024)
	case packets.Subscribe:
		p.SubscribeValidate()
	case packets.Unsubscribe:
		p.UnsubscribeValidate()
	case packets.Auth:
		p.AuthValidate()
	}
	p.ReasonCodeValid()
}
