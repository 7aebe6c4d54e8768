package broker

import (
	"context"
	"strings"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/registry"
)

// hook implements mochi's hooks.
type hook struct {
	mqtt.HookBase
	b *Broker
}

// ID names the hook.
func (h *hook) ID() string { return "paywatt" }

// Provides lists the hooks; mochi asks for each of them on every packet.
func (h *hook) Provides(what byte) bool {
	switch what {
	case mqtt.OnConnect, mqtt.OnConnectAuthenticate, mqtt.OnACLCheck, mqtt.OnSessionEstablished, mqtt.OnDisconnect,
		mqtt.OnPacketRead, mqtt.OnPacketProcessed, mqtt.OnPublish:
		return true
	}
	return false
}

// sessionOf returns the session of a logged-in client, or nil.
func sessionOf(cl *mqtt.Client) *session {
	if c, ok := cl.Net.Conn.(*conn); ok {
		return c.session.Load()
	}
	return nil
}

// OnConnect bounds the keep-alive: without one a dead connection would stay for ever.
func (h *hook) OnConnect(cl *mqtt.Client, _ packets.Packet) error {
	longest := uint16(h.b.limits.KeepAlive.Seconds())
	if cl.State.Keepalive == 0 || cl.State.Keepalive > longest {
		cl.State.Keepalive, cl.State.ServerKeepalive = longest, true
	}
	return nil
}

// OnConnectAuthenticate checks who connects. Every fault of a CONNECT gets the same answer.
func (h *hook) OnConnectAuthenticate(cl *mqtt.Client, pk packets.Packet) bool {
	c, ok := cl.Net.Conn.(*conn)
	if !ok {
		return false
	}
	number := string(pk.Connect.Username)
	who, ok := h.b.login(number, cl.ID, pk)
	if !ok {
		h.b.counts.denied.Add(1)
		h.b.log.Info("connection denied", logkey.Meter, clean(number), logkey.Remote, cl.Net.Remote)
		return false
	}
	c.mqtt5 = cl.Properties.ProtocolVersion == 5
	c.session.Store(newSession(who, cl, c, h.b.limits))
	return true
}

// login identifies a client. The client id must equal the user name, because mochi hands a session over by client id alone.
func (b *Broker) login(number, clientID string, pk packets.Packet) (registry.Identity, bool) {
	if number == "" || clientID != number || len(number) > maxNumber || len(pk.Properties.User) > maxUserProperties {
		return registry.Identity{}, false
	}
	if pk.Connect.WillFlag && !own(pk.Connect.WillTopic, number, "up") {
		return registry.Identity{}, false
	}
	ctx, cancel := context.WithTimeout(context.Background(), authTimeout)
	defer cancel()
	select {
	case b.logins <- struct{}{}:
		defer func() { <-b.logins }()
	case <-ctx.Done():
		return registry.Identity{}, false
	}
	who, ok := b.c.Auth(ctx, number, string(pk.Connect.Password))
	return who, ok && who.Number == number
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

// OnACLCheck lets a meter publish below its own up/ and subscribe within its own down/, up to the limit of filters.
func (h *hook) OnACLCheck(cl *mqtt.Client, topic string, write bool) bool {
	s := sessionOf(cl)
	if s == nil {
		return false
	}
	if write {
		return own(topic, s.who.Number, "up")
	}
	if !own(topic, s.who.Number, "down") {
		return false
	}
	_, again := cl.State.Subscriptions.Get(topic)
	return again || cl.State.Subscriptions.Len() < h.b.limits.Subscriptions
}

// OnSessionEstablished makes the connection the meter's current one.
func (h *hook) OnSessionEstablished(cl *mqtt.Client, _ packets.Packet) {
	s := sessionOf(cl)
	if s == nil {
		return
	}
	h.b.enter(s)
	if s.subscribed() { // a resumed session is already subscribed
		h.b.connected(s)
	}
}

// OnDisconnect forgets the connection unless a newer one has replaced it.
func (h *hook) OnDisconnect(cl *mqtt.Client, err error, _ bool) {
	if s := sessionOf(cl); s != nil {
		h.b.leave(s, err)
	}
}

// OnPacketRead sees every packet before mochi acts on it. A packet that no meter may send ends its connection here. Every other
// packet is paced to the meter's rate, and meanwhile the socket is not read. Only ErrRejectPacket ends a connection from here;
// mochi continues after any other error.
func (h *hook) OnPacketRead(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	s := sessionOf(cl)
	if s == nil {
		return pk, nil // the CONNECT itself
	}
	switch pk.FixedHeader.Type {
	case packets.Disconnect:
		return pk, nil
	case packets.Puback:
		if s.received(pk.PacketID) {
			return pk, nil // an expected PUBACK is not paced: there are never more of them than messages sent
		}
	case packets.Publish:
		if code := forbidden(pk); code != packets.CodeSuccess {
			h.b.counts.forbidden.Add(1)
			h.b.log.Warn("connection closed after invalid data", logkey.Meter, s.who.Number, logkey.Reason, code.Reason)
			_ = h.b.server.DisconnectClient(cl, code) // the connection is closed either way
			return pk, packets.ErrRejectPacket
		}
	}
	if !s.pace(h.b.now()) {
		return pk, packets.ErrRejectPacket
	}
	return pk, nil
}

// forbidden checks the form of a PUBLISH: quality 0 or 1, and not retained (docs/reference/mqtt.md#login).
func forbidden(pk packets.Packet) packets.Code {
	switch {
	case pk.FixedHeader.Retain:
		return packets.ErrRetainNotSupported
	case pk.FixedHeader.Qos > 1:
		return packets.ErrQosNotSupported
	case len(pk.TopicName) > maxTopic:
		return packets.ErrTopicNameInvalid
	case len(pk.Properties.User) > maxUserProperties:
		return packets.ErrQuotaExceeded
	}
	return packets.CodeSuccess
}

// OnPacketProcessed runs after a subscription was made and answered.
func (h *hook) OnPacketProcessed(cl *mqtt.Client, pk packets.Packet, _ error) {
	if pk.FixedHeader.Type != packets.Subscribe && pk.FixedHeader.Type != packets.Unsubscribe {
		return
	}
	if s := sessionOf(cl); s != nil && s.subscribed() {
		h.b.connected(s)
	}
}

// OnPublish takes a meter's message. mochi must neither acknowledge nor forward it in any case, and only ErrRejectPacket
// prevents both: after any other error it still acknowledges to a 3.1.1 client
// (docs/reference/datapath.md#from-the-socket-to-the-row).
func (h *hook) OnPublish(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	if s := sessionOf(cl); s != nil {
		h.b.receive(s, pk)
	}
	return pk, packets.ErrRejectPacket
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
