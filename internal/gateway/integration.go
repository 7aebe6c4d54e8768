package gateway

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/gateway/packet"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/mirror"
)

// IntegrationConfig is what an Integration needs. Listener, Auth and InForce are required.
type IntegrationConfig struct {
	// Listener accepts the programs' sockets; the Integration closes it.
	Listener net.Listener
	// TLS, if set, is used on every socket.
	TLS *tls.Config
	// Auth identifies a program.
	Auth func(ctx context.Context, user, password string) (mirror.Login, bool)
	// InForce reports whether an earlier login is still valid.
	InForce func(ctx context.Context, user string) bool
	Limits  Limits       // zero fields: IntegrationDefaults
	Log     *slog.Logger // nil: no logging
}

// IntegrationDefaults are the limits of the integration broker: it has few programs, and they only read.
func IntegrationDefaults() Limits {
	return Limits{Connections: 1000, PerAddress: 100, ConnectSize: 4 << 10, PacketSize: 4 << 10, InFlight: 256, Subscriptions: 64,
		SessionExpiry: time.Hour, Rate: 20, Burst: 200, Pending: 32 << 20}
}

// maxMirrored is how many meters the mirror holds: each is some kilobytes of retained messages in memory.
const maxMirrored = 20_000

// maxPending is how many messages may wait for one program. It is enough for 5,000 meters: a login for all meters gets all
// their messages when it subscribes. Messages above the limit are not sent. For each of those topics, the program gets the next
// message when the meter's state changes.
const maxPending = 30_000

// errEnded closes the connection of a login that was revoked.
var errEnded = errors.New("the login was revoked")

// Integration is the broker for programs other than meters: it holds a retained copy of each meter's state and serves it to
// logins that may see that meter. Programs only read; it drops what they publish.
type Integration struct {
	c      IntegrationConfig
	limits Limits
	log    *slog.Logger
	gate   *gate
	server *mqtt.Server
	logins chan struct{}
	counts counters

	mu        sync.RWMutex
	owner     map[string]id.ID          // the customer of each meter, by meter number
	published map[string]string         // the published payloads by topic, so that only changes are sent
	topics    map[string][]string       // the topics of each meter, by meter number
	gone      []string                  // numbers of meters that were cleared, the last one at the end
	in        map[*mqtt.Client]mirrored // the connected programs
}

// mirrored is a program that has signed in.
type mirrored struct {
	login mirror.Login
	pace  *pacer
}

// NewIntegration returns the broker on a listener; Run serves it.
func NewIntegration(c IntegrationConfig) (*Integration, error) {
	if c.Listener == nil || c.Auth == nil || c.InForce == nil {
		return nil, errors.New("the integration broker needs a listener and an authority")
	}
	g := &Integration{c: c, limits: c.Limits.over(IntegrationDefaults()).withDefaults(), log: cmp.Or(c.Log, slog.New(slog.DiscardHandler)),
		logins: make(chan struct{}, authParallel), owner: map[string]id.ID{}, published: map[string]string{}, topics: map[string][]string{}, in: map[*mqtt.Client]mirrored{}}
	g.gate = newGate(c.Listener, g.limits, c.TLS, g.log, &g.counts)
	g.server = mqtt.New(&mqtt.Options{Capabilities: g.capabilities(), InlineClient: true, ClientNetReadBufferSize: bufferSize,
		ClientNetWriteBufferSize: bufferSize, Logger: slog.New(slog.DiscardHandler), SysTopicResendInterval: 3600})
	if err := errors.Join(g.server.AddHook(&integrationHook{g: g}, nil), g.server.AddHook(&answers{limits: g.limits}, nil)); err != nil {
		return nil, fmt.Errorf("hook the integration broker: %w", err)
	}
	if err := g.server.AddListener(newAcceptor(g.gate, &g.server.Listeners.ClientsWg, g.end)); err != nil {
		return nil, fmt.Errorf("listen for integrations: %w", err)
	}
	return g, nil
}

// capabilities are the limits of the integration broker.
func (g *Integration) capabilities() *mqtt.Capabilities {
	c := g.limits.capabilities()
	c.MaximumClientWritesPending = maxPending // for the messages of one wildcard subscription
	c.MaximumMessageExpiryInterval = 0        // else mochi drops after a day what is retained and did not change, such as the documents
	return c
}

// Addr is where programs connect.
func (g *Integration) Addr() net.Addr { return g.c.Listener.Addr() }

// Ended counts the connections of programs that have ended.
func (g *Integration) Ended() Ends { return g.counts.ends() }

// revokedEvery is how often the listener looks for revoked logins. A command revokes them, which is another process.
const revokedEvery = 2 * time.Second

// Run serves until ctx ends, then closes every connection. It disconnects revoked logins every revokedEvery.
func (g *Integration) Run(ctx context.Context) error {
	if err := g.server.Serve(); err != nil {
		return fmt.Errorf("serve integrations: %w", err)
	}
	tick := time.NewTicker(revokedEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			g.DisconnectRevoked(ctx)
		}
	}
	_ = g.gate.Close()
	g.gate.drop(false, byShutdown)
	return fault.Wrap(g.server.Close(), "stop serving integrations")
}

// end ends the connection of every program.
func (g *Integration) end() {
	g.mu.RLock()
	all := slices.Collect(maps.Keys(g.in))
	g.mu.RUnlock()
	for _, cl := range all {
		if c, is := cl.Net.Conn.(*screened); is {
			c.because(byShutdown)
		}
		_ = g.server.DisconnectClient(cl, packets.ErrServerShuttingDown) // the connection is closed either way
	}
}

// DisconnectRevoked ends the connections of revoked logins.
func (g *Integration) DisconnectRevoked(ctx context.Context) {
	g.mu.RLock()
	var all []*mqtt.Client
	users := map[*mqtt.Client]string{}
	for cl, m := range g.in {
		all = append(all, cl)
		users[cl] = m.login.User()
	}
	g.mu.RUnlock()
	for _, cl := range all {
		if !g.c.InForce(ctx, users[cl]) && ctx.Err() == nil {
			if c, is := cl.Net.Conn.(*screened); is {
				c.because(byRevocation)
			}
			cl.Stop(errEnded)
		}
	}
}

// Put sets the retained messages of a meter and its customer. It sends only changes to programs.
func (g *Integration) Put(number string, customer id.ID, messages []mirror.Message) error {
	g.mu.Lock()
	if _, known := g.topics[number]; !known && len(g.topics) >= maxMirrored {
		g.mu.Unlock()
		return fmt.Errorf("mirror meter %s: the mirror already has %d meters", number, maxMirrored)
	}
	g.owner[number] = customer
	var changed []mirror.Message
	var topics []string
	for _, m := range messages {
		topics = append(topics, m.Topic)
		if g.published[m.Topic] != string(m.Payload) {
			g.published[m.Topic] = string(m.Payload)
			changed = append(changed, m)
		}
	}
	for _, old := range g.topics[number] {
		if !slices.Contains(topics, old) {
			delete(g.published, old)
			changed = append(changed, mirror.Message{Topic: old}) // an empty payload deletes a retained message
		}
	}
	g.topics[number] = topics
	g.mu.Unlock()
	for _, m := range changed {
		if err := g.server.Publish(m.Topic, m.Payload, true, 0); err != nil {
			return fmt.Errorf("mirror %s: %w", m.Topic, err)
		}
	}
	return nil
}

// MaxCleared is for how many meters that are gone a program is told so when it subscribes.
const MaxCleared = 1000

// emptied is the payload of a retained message that programs get as an empty one. mochi keeps no empty message, and a program that was away
// when a meter was cleared must still hear of it: Home Assistant forgets a device only by an empty message.
const emptied = "\x00"

// Drop clears a meter that the mirror has. It does nothing for any other.
func (g *Integration) Drop(number string) error {
	g.mu.RLock()
	_, has := g.topics[number]
	customer := g.owner[number]
	g.mu.RUnlock()
	if !has {
		return nil
	}
	return g.Clear(number, customer)
}

// Clear replaces what was published about a meter by empty messages. A program that may see the customer's meters gets them at once, and again when
// it subscribes. If more than [MaxCleared] meters were cleared, the first of them is forgotten. Clear does nothing if it was called before.
func (g *Integration) Clear(number string, customer id.ID) error {
	topics, old := mirror.Topics(number), []string(nil)
	g.mu.Lock()
	_, has := g.topics[number]
	before := slices.Contains(g.gone, number)
	if before && !has && g.owner[number] == customer {
		g.mu.Unlock()
		return nil
	}
	delete(g.topics, number)
	for _, topic := range topics {
		delete(g.published, topic)
	}
	g.owner[number] = customer
	if !before {
		g.gone = append(g.gone, number)
	}
	if len(g.gone) > MaxCleared {
		first := g.gone[0]
		g.gone = slices.Delete(g.gone, 0, 1)
		if _, back := g.topics[first]; !back {
			delete(g.owner, first)
			old = mirror.Topics(first)
		}
	}
	g.mu.Unlock()
	for _, topic := range topics {
		if err := g.server.Publish(topic, []byte(emptied), true, 0); err != nil {
			return fmt.Errorf("clear %s: %w", topic, err)
		}
	}
	for _, topic := range old {
		if err := g.server.Publish(topic, nil, true, 0); err != nil {
			return fmt.Errorf("forget %s: %w", topic, err)
		}
	}
	return nil
}

// may reports whether a login may see the meter with this number.
func (g *Integration) may(l mirror.Login, number string) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	owner, known := g.owner[number]
	return known && (l.Customer.IsZero() || l.Customer == owner)
}

func (g *Integration) of(cl *mqtt.Client) (mirrored, bool) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	m, ok := g.in[cl]
	return m, ok
}

// integrationHook implements mochi's hooks.
type integrationHook struct {
	mqtt.HookBase
	g *Integration
}

// ID names the hook.
func (h *integrationHook) ID() string { return "paywatt-integration" }

// Provides lists the hooks.
func (h *integrationHook) Provides(what byte) bool {
	switch what {
	case mqtt.OnConnect, mqtt.OnConnectAuthenticate, mqtt.OnACLCheck, mqtt.OnDisconnect, mqtt.OnPacketRead, mqtt.OnPublish, mqtt.OnPacketEncode:
		return true
	}
	return false
}

// OnConnect bounds the keep-alive and removes the last will: nothing from a program is ever published. It refuses a program that does not
// take the packets that it must get (MQTT-3.1.2-24).
func (h *integrationHook) OnConnect(cl *mqtt.Client, _ packets.Packet) error {
	most := cl.Properties.Props.MaximumPacketSize
	if most > 0 && most < leastTaken {
		c, is := cl.Net.Conn.(*screened)
		if !is {
			return errSmallClient
		}
		c.denied = true
		login := packet.Login{Version: packet.V5, Properties: packet.Properties{MaxPacket: most}}
		return errors.Join(errSmallClient, c.connack(&login, packet.Implementation, packet.Announcement{}))
	}
	if most > 0 {
		cl.Properties.Props.TopicAliasMaximum = 0 // the message that names an alias could be too large, and mochi would go on with the alias
	}
	longest := uint16(h.g.limits.KeepAlive.Seconds())
	if cl.State.Keepalive == 0 || cl.State.Keepalive > longest {
		cl.State.Keepalive, cl.State.ServerKeepalive = longest, true
	}
	cl.Properties.Will = mqtt.Will{}
	return nil
}

// OnConnectAuthenticate checks who connects. mochi hands sessions over by client id alone, so each login has its own client
// ids: a program cannot end or inherit another login's session by its choice of id.
func (h *integrationHook) OnConnectAuthenticate(cl *mqtt.Client, pk packets.Packet) bool {
	ctx, cancel := context.WithTimeout(context.Background(), authTimeout)
	defer cancel()
	select {
	case h.g.logins <- struct{}{}:
		defer func() { <-h.g.logins }()
	case <-ctx.Done():
		return false
	}
	l, ok := h.g.c.Auth(ctx, string(pk.Connect.Username), string(pk.Connect.Password))
	c, is := cl.Net.Conn.(*screened)
	if is {
		c.signed, c.denied = ok, !ok
	}
	if !ok {
		h.g.counts.denied.Add(1)
		h.g.log.Info("integration denied", logkey.Remote, cl.Net.Remote)
		return false
	}
	if is {
		c.accepted().SignedIn()
		c.mqtt5 = cl.Properties.ProtocolVersion == 5
	}
	cl.ID = l.User() + "/" + cl.ID
	h.noteTakeover(cl.ID)
	h.g.mu.Lock()
	h.g.in[cl] = mirrored{l, &pacer{}}
	h.g.mu.Unlock()
	h.g.counts.logins.Add(1)
	h.g.log.Info("integration connected", logkey.Actor, l.User(), logkey.Remote, cl.Net.Remote)
	return true
}

// noteTakeover notes that an older connection with a client id will end because a new one takes its place. mochi says so itself, but
// sometimes only after that connection has ended and was counted.
func (h *integrationHook) noteTakeover(client string) {
	if before, is := h.g.server.Clients.Get(client); is {
		if c, is := before.Net.Conn.(*screened); is {
			c.because(byTakeover)
		}
	}
}

// OnDisconnect forgets the connection.
func (h *integrationHook) OnDisconnect(cl *mqtt.Client, why error, _ bool) {
	h.g.mu.Lock()
	m := h.g.in[cl]
	delete(h.g.in, cl)
	h.g.mu.Unlock()
	large, wrong := new(tooLarge), packet.None
	if errors.As(why, &large) || errors.As(why, &wrong) {
		h.g.counts.forbidden.Add(1)
		h.g.log.Warn("connection closed after invalid data", logkey.Actor, m.login.User(), logkey.Err, why)
	}
}

// OnACLCheck is called twice: for the filter of a subscription, and for the topic of each message to a client. A filter with
// wildcards is allowed, and each message is then checked. A topic without wildcards must belong to a meter that the login may
// see. Home Assistant's status topic is allowed too; this broker never publishes on it.
func (h *integrationHook) OnACLCheck(cl *mqtt.Client, topic string, write bool) bool {
	m, ok := h.g.of(cl)
	if !ok || write || len(topic) > maxTopic {
		return false
	}
	if strings.ContainsAny(topic, "+#") || topic == "homeassistant/status" {
		_, again := cl.State.Subscriptions.Get(topic)
		return again || cl.State.Subscriptions.Len() < h.g.limits.Subscriptions
	}
	number, ok := mirror.OwnerOf(topic)
	return ok && h.g.may(m.login, number)
}

// OnPacketRead paces a program by not reading further.
func (h *integrationHook) OnPacketRead(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	m, ok := h.g.of(cl)
	c, is := cl.Net.Conn.(*screened)
	if ok && is && !m.pace.wait(time.Now(), h.g.limits, c.done) {
		return pk, packets.ErrRejectPacket
	}
	return pk, nil
}

// OnPublish drops a program's messages; only the mirror itself publishes.
func (h *integrationHook) OnPublish(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	if cl.Net.Inline {
		return pk, nil
	}
	return pk, packets.ErrRejectPacket
}

// OnPacketEncode sends an empty message where the mirror has cleared one.
func (h *integrationHook) OnPacketEncode(_ *mqtt.Client, pk packets.Packet) packets.Packet {
	if pk.FixedHeader.Type == packets.Publish && string(pk.Payload) == emptied {
		pk.Payload = nil
	}
	return pk
}
