// Package smpp is a route through a message centre that speaks SMPP 3.4, as operators and aggregators offer it: a client
// (ESME) that submits messages and takes those that customers send, with their delivery receipts.
//
// Start with [New] and [Client.Run]; [Client.Send] sends. What it promises:
//   - A message is submitted once. When the centre's answer is lost (it came too late, or the connection broke) the outcome
//     is unknown, and what to do about it is the caller's decision. An answer that comes late after all still joins the
//     receipts to the message.
//   - What arrives is answered only when the Inbox has made it durable; before that, and after any failure, the centre
//     hears "temporary error" (0x64), keeps it and brings it again.
//   - At most Window messages are unanswered at a time; a centre that throttles is given time.
//
// Parts of a long message are answered when the whole is durable. A centre that waits for the answer to one part before it
// brings the next would wait for ever, so a part that has been alone for holdTime is stored by itself, marked as
// incomplete, and answered; when the others come the whole message is stored as well. Nothing is lost either way.
//
// The protocol gives messages no name and no time of their own: a message that comes again because its answer was lost
// looks like a second one with the same words. Here they are told apart by what happened to the connection (see repeats);
// after a restart of this program between storing and answering, a repetition counts as a new message.
//
// Left out: data_sm, outbind, cancelling and querying, which nothing here needs.
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

	"github.com/paywatt/paywatt/internal/gsm/pdu"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/notify"
)

// Limits and times of a client.
const (
	DefaultWindow = 8
	MaxWindow     = 100
	maxInbound    = 32  // deliver_sm that wait for the Inbox; the centre is told to wait with more
	maxLate       = 256 // submits of one connection whose answer never came: then it is of no use
	maxThrottled  = 4   // tries of one message at a centre that throttles
	dialTime      = 15 * time.Second
	bindTime      = 15 * time.Second
	bindWait      = 10 * time.Second // that a message waits for a connection
	writeTime     = 10 * time.Second
	unbindTime    = 2 * time.Second
	takeLimit     = 30 * time.Second // that the Inbox gets for one message
	holdTime      = 10 * time.Second // that a part waits for the others
	firstPause    = time.Second      // before the next connection; doubles
	lastPause     = time.Minute
	refusedPause  = 5 * time.Minute  // after a refused password: tries in a row close accounts
	stableTime    = 30 * time.Second // a connection that held so long was a good one
	firstThrottle = time.Second
	lastThrottle  = time.Minute
)

// Config of a client. Name, Dial, SystemID and Inbox are required.
type Config struct {
	Name     string                                  // of the route
	Dial     func(context.Context) (net.Conn, error) // Dial makes one
	SystemID string
	Password string
	// SystemType and Range are what some centres ask for; usually empty.
	SystemType, Range string
	// Source is the number or the name that messages come from; empty leaves it to the centre.
	Source string
	// Pair binds a transmitter and a receiver instead of one transceiver, for centres that want that.
	Pair       bool
	Window     int      // messages without an answer; 0 is DefaultWindow
	Alphabet   Alphabet // "" is GSM
	Payload    bool     // long texts in message_payload instead of parts with a header
	MessageIDs MessageIDs
	Enquire    time.Duration // silence after which the centre is asked whether it is there; 0 is 30 s
	Timeout    time.Duration // that an answer may take; 0 is 30 s
	Inbox      notify.Inbox
	Log        *slog.Logger
	Now        func() time.Time // default time.Now; stamps only, waiting uses package time
}

// Dial connects to a centre by TCP, or by TLS when conf is not nil.
func Dial(address string, conf *tls.Config) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		if conf != nil {
			return (&tls.Dialer{Config: conf}).DialContext(ctx, "tcp", address)
		}
		return (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}
}

// Client is one account at a message centre.
type Client struct {
	cfg    Config
	source Address
	window chan struct{}

	mu      sync.Mutex
	tx      *session      // messages go out on it
	changed chan struct{} // closed when tx changes
	problem string        // the last trouble, in words
	ref     uint8
	rest    time.Time // the centre throttles until then
	pause   time.Duration
	sent    sentMessages
	flights flights
	serial  int // of connections

	in inbound // belongs to the one connection that receives
}

var _ notify.Route = (*Client)(nil)

// New makes a client; nothing happens before Run.
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

// fill puts the defaults in.
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

// Run keeps the connections up until ctx ends.
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

// keep binds again and again.
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

// use makes a bound connection the one to use in its mode; nil takes it away.
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
