// Package smpp is a route through a message centre that speaks SMPP 3.4, as operators and aggregators offer it. It is a client
// (ESME) that submits messages and receives customers' messages and delivery receipts.
//
// Start with [New] and [Client.Run]; [Client.Send] sends. What it promises:
//   - A message is submitted once. If the centre's answer is lost (it came too late, or the connection broke) the outcome is
//     unknown, and the caller decides what to do. A late answer still joins the receipts to the message.
//   - An arrival is confirmed only once the Inbox has made it durable. Before that, and after any failure, the centre gets
//     "temporary error" (0x64), stores the message and delivers it again.
//   - At most Window messages are unanswered at a time; the client slows down for a centre that throttles.
//
// Parts of a long message are answered when the whole is durable. A centre that waits for the answer to one part before it delivers the
// next part would wait without end. So a part that has waited alone for holdTime is stored alone, marked as incomplete, and answered. When
// the other parts come, the whole message is stored as well. No message is lost in either case.
//
// The protocol gives messages neither an ID nor a time: a repetition after a lost answer looks like a second message with the
// same words. The client distinguishes them by the connection's history (see repeats). If this program restarts between storing
// and answering, a repetition counts as a new message.
//
// It does not support data_sm, outbind, cancelling and querying: Paywatt does not need them.
package smpp

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/dial"
	"github.com/paywatt/paywatt/internal/gsm/pdu"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/reach"
)

// Limits and times of a client.
const (
	DefaultWindow = 8
	MaxWindow     = 100
	maxInbound    = 32  // deliver_sm that wait for the Inbox; more are answered with StatusQueueFull
	maxLate       = 256 // unanswered submits of one connection; a connection with more is useless
	maxThrottled  = 4   // tries of one message at a centre that throttles
	dialTime      = 15 * time.Second
	bindTime      = 15 * time.Second
	bindWait      = 10 * time.Second // time that a message waits for a connection
	writeTime     = 10 * time.Second
	unbindTime    = 2 * time.Second
	takeLimit     = 30 * time.Second // the time that the Inbox has for one message
	holdTime      = 10 * time.Second // how long a part waits for the other parts
	firstPause    = time.Second      // time before the next connection; doubles
	lastPause     = time.Minute
	refusedPause  = 5 * time.Minute  // after a refused password, because repeated tries can lock an account
	stableTime    = 30 * time.Second // a connection that lasted this long counts as good
	firstThrottle = time.Second
	lastThrottle  = time.Minute
)

// Config configures a client. Name, Dial, SystemID and Inbox are required.
type Config struct {
	Name     string                                  // the route's name
	Dial     func(context.Context) (net.Conn, error) // Dial makes one connection
	SystemID string
	Password string
	// SystemType and Range are required by some centres; usually empty.
	SystemType, Range string
	// Source is the sender's number or name; empty leaves it to the centre.
	Source string
	// Pair binds a transmitter and a receiver instead of one transceiver, for centres that require it.
	Pair       bool
	Window     int      // messages without an answer; 0 means DefaultWindow
	Alphabet   Alphabet // "" means GSM
	Payload    bool     // long texts in message_payload instead of parts with a header
	MessageIDs MessageIDs
	Enquire    time.Duration // time without a unit after which enquire_link is sent; 0 means 30 s
	Timeout    time.Duration // how long to wait for an answer; 0 means 30 s
	Inbox      notify.Inbox
	Log        *slog.Logger
	Now        func() time.Time // default time.Now; for stamps only, waiting uses package time
}

// Dial connects to a centre by TCP, or by TLS if conf is not nil.
func Dial(address string, conf *tls.Config) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		return dial.New(reach.Anywhere, dialTime, nil).Dial(ctx, address, conf)
	}
}

// Client is one account at a message centre.
type Client struct {
	cfg    Config
	source Address
	window chan struct{}

	mu      sync.Mutex
	tx      *session      // the connection for sending
	changed chan struct{} // closed when tx changes
	problem string        // the last problem, in words
	ref     uint8
	rest    time.Time // the centre throttles until this time
	pause   time.Duration
	sent    sentMessages
	flights flights
	serial  int // number of connections so far

	in inbound // used by the connection that receives
}

var _ notify.Route = (*Client)(nil)

// New returns a client. It does nothing before Run.
func New(cfg Config) (*Client, error) {
	switch {
	case cfg.Name == "" || cfg.Dial == nil || cfg.Inbox == nil || cfg.SystemID == "":
		return nil, errors.New("smpp route without a name, an address, a system_id or an inbox")
	case cfg.Window < 0 || cfg.Window > MaxWindow:
		return nil, fmt.Errorf("smpp route %s: window %d, at most %d", cfg.Name, cfg.Window, MaxWindow)
	case cfg.Alphabet != "" && cfg.Alphabet != GSM && cfg.Alphabet != Latin1:
		return nil, fmt.Errorf("smpp route %s: alphabet is %q, want gsm or latin1", cfg.Name, cfg.Alphabet)
	case cfg.MessageIDs != IDsEither && cfg.MessageIDs != IDsSame && cfg.MessageIDs != IDsAnswerHex && cfg.MessageIDs != IDsReceiptHex:
		return nil, fmt.Errorf("smpp route %s: message_ids is %q, want same, answer-hex or receipt-hex", cfg.Name, cfg.MessageIDs)
	}
	if _, err := (Bind{SystemID: cfg.SystemID, Password: cfg.Password, SystemType: cfg.SystemType, Range: cfg.Range}).Encode(); err != nil {
		return nil, fmt.Errorf("smpp route %s: %w", cfg.Name, err)
	}
	c := &Client{cfg: cfg, changed: make(chan struct{})}
	c.cfg.fill()
	if cfg.Source != "" {
		a, err := pdu.ParseAddress(cfg.Source)
		if err != nil {
			return nil, fmt.Errorf("smpp route %s: source: %w", cfg.Name, err)
		}
		c.source = addressOf(a)
	}
	c.window = make(chan struct{}, c.cfg.Window)
	c.sent.way = cfg.MessageIDs
	return c, nil
}

// fill sets the defaults.
func (cfg *Config) fill() {
	cfg.Window = cmp.Or(cfg.Window, DefaultWindow)
	if cfg.Enquire <= 0 {
		cfg.Enquire = 30 * time.Second
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 30 * time.Second
	}
	cfg.Log = cmp.Or(cfg.Log, slog.New(slog.DiscardHandler))
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
}

// Name is the route's name.
func (c *Client) Name() string { return c.cfg.Name }

// Run holds the connections open until ctx ends.
func (c *Client) Run(ctx context.Context) error {
	if !c.cfg.Pair {
		c.keep(ctx, BindTransceiver)
		return nil
	}
	var both sync.WaitGroup
	both.Go(func() { c.keep(ctx, BindTransmitter) })
	c.keep(ctx, BindReceiver)
	both.Wait()
	return nil
}

// keep binds again whenever the connection ends.
func (c *Client) keep(ctx context.Context, mode Command) {
	for pause := firstPause; ctx.Err() == nil; {
		held, err := c.connect(ctx, mode)
		if ctx.Err() != nil {
			return
		}
		c.cfg.Log.Warn("message centre lost", logkey.Err, err)
		c.mu.Lock()
		c.problem = err.Error()
		c.mu.Unlock()
		wait := pause
		var refused *refusedBind
		switch {
		case errors.As(err, &refused) && refused.status.credentials():
			wait = refusedPause
		case held >= stableTime:
			pause, wait = firstPause, firstPause
		default:
			pause = min(2*pause, lastPause)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// use makes a bound connection current for its mode; nil clears it.
func (c *Client) use(mode Command, s *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if mode != BindReceiver {
		c.tx = s
		close(c.changed)
		c.changed = make(chan struct{})
	}
	if s != nil {
		c.problem = ""
	}
}
