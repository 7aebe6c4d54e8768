// Package gsm drives a GSM modem: it sends short messages and passes on the messages that arrive. It copes with every state of a modem in
// the field: resets in the middle of a command, lost answers, a missing network, a full SIM, a wrong PIN.
//
// Start with New and Run; Send sends, and whatever arrives goes to the Inbox. What it promises:
//   - A message that arrived is deleted from the modem only after the Inbox has made it durable. Until then it stays in the
//     SIM and is handed over again, so an Inbox gets a message at least once; Message.Identity identifies repetitions.
//   - The driver sends a message a second time only if the modem reported that the first was not sent. If the answer is
//     lost the outcome is Unknown, and the caller decides what to do.
//   - A wrong PIN is never tried twice. The SIM's third try is left to a person.
//
// It builds on pdu (messages) and at (lines). For tests and demonstrations there are sim900 (an emulated modem), network (a
// small GSM network), bus (that network seen from other processes).
package gsm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/gsm/pdu"
	"github.com/paywatt/paywatt/internal/logkey"
)

// Limits of the driver.
const (
	MaxQueue     = 64               // messages waiting to be sent
	MaxTries     = 3                // tries of one part, while the modem reports that the part was not sent
	maxPending   = 256              // arrivals and reports waiting for the Inbox
	maxSettled   = 1024             // messages known to be durable, so that repetitions are recognised
	maxSent      = 512              // sent parts whose delivery report is awaited
	almostFull   = 80               // percentage of used slots at which the SIM is almost full
	takeLimit    = 30 * time.Second // the time that the Inbox has for one message
	reportWindow = 72 * time.Hour   // a later delivery report is not matched any more
	firstPause   = time.Second      // time before a port is opened again; doubles
	lastPause    = time.Minute
)

// Inbox takes the arrivals. A method returns nil once the arrival is durable. After an error the arrival stays in the modem and is offered
// again. The driver calls the methods one at a time, on a separate goroutine, so they may call Send.
type Inbox interface {
	Receive(ctx context.Context, m Message) error
	Report(ctx context.Context, r Report) error
}

// Message is a message that arrived, joined from its parts.
type Message struct {
	Identity pdu.Identity // equal for repetitions of a message by the network or the modem
	From     string       // "+255…", a short code, or a name; never a proof of who sent it
	Text     string
	At       time.Time // the service centre's time; zero if the message has none
	Missing  int       // parts that never came; U+FFFD replaces each
	Frame    []byte    // the octets of a message that could not be read; then there is no text
}

// Outgoing is a message to send.
type Outgoing struct {
	ID       string // the caller's name for the message; comes back in reports
	To, Text string
	Report   bool          // ask for a delivery report
	Validity time.Duration // how long the network may try; 0 leaves it to the network
	// From and Reference continue a message of several parts whose first parts were accepted. Their values come from Sent.
	From      int
	Reference uint8
}

// Outcome is the result of a message, as far as Send knows it.
type Outcome uint8

// The outcomes.
const (
	Accepted Outcome = iota // the network has every part
	NotSent                 // the part at Sent.From and the later parts were not sent; another try may help
	Refused                 // the part at Sent.From and the later parts were not sent; another try will not help
	Unknown                 // the part at Sent.From may have been sent: its answer was lost
)

// String names the outcome.
func (o Outcome) String() string { return []string{"accepted", "not sent", "refused", "unknown"}[o] }

// Sent is the result of sending an Outgoing.
type Sent struct {
	Outcome   Outcome
	Parts     []SentPart // the accepted parts
	From      int        // the part at which sending stopped; the number of parts if all parts were accepted
	Reference uint8      // joins the parts at the recipient
	Why       string     // the modem's or the driver's reason, unless the message was accepted
}

// SentPart is one accepted part: delivery reports name the reference.
type SentPart struct {
	Reference uint8
	At        time.Time
}

// Report is a delivery report. It may be handed over before Send has returned.
type Report struct {
	ID        string // Outgoing.ID; empty if no sent part fits
	Part      int    // from 0
	Inferred  bool   // the part's answer was lost; this report shows that it was sent after all
	To        string
	Reference uint8
	Status    pdu.Status
	At, Done  time.Time // when the network took the message, and when the state was reached; zero if not in the report
}

// Config configures a driver. Dial is required.
type Config struct {
	// Dial opens the modem's port; it is called again after the port has failed. Serial returns such a function.
	Dial  func(context.Context) (io.ReadWriteCloser, error)
	Inbox Inbox // nil: arrivals stay in the modem
	PIN   string
	// Centre is the service centre's number; empty uses the SIM's.
	Centre  string
	Log     *slog.Logger
	Now     func() time.Time // default time.Now; for stamps only, waiting uses package time
	Changed func(State)      // called after each change of the state, on the driver's goroutine; must not block
	// Reference is where the numbers that join the parts of a message begin; the first message gets the number after it. Choose another
	// Reference at each start, so that the numbers do not repeat soon.
	Reference uint8
}

// Modem is the driver of one modem.
type Modem struct {
	cfg    Config
	centre pdu.Address
	wake   chan struct{}
	jobs   chan job
	done   chan job

	mu    sync.Mutex
	queue []*request
	state State
	ref   uint8

	// Only Run's goroutine uses the fields below.
	parts    pdu.Assembler
	durable  map[pdu.Identity]bool // the last messages that the Inbox made durable
	settled  []pdu.Identity        // the same identities, oldest first
	taking   map[pdu.Identity]bool // arrivals that the Inbox is handling now
	pending  []job
	rest     time.Time // after an error of the Inbox: it gets no arrival before this time
	sent     []sentPart
	heard    [][]byte // delivery reports that were passed on and not processed yet
	pinTried bool     // the PIN was sent, and nothing has shown yet that it was right
	asked    int      // number of questions that resync asked
	epoch    int      // counts sessions; a slot number from an older session may mean another message now
	sweep    bool
}

// New returns a driver. It does nothing before Run.
func New(cfg Config) (*Modem, error) {
	if cfg.Dial == nil {
		return nil, errors.New("gsm modem without a port")
	}
	cfg.Log = cmp.Or(cfg.Log, slog.New(slog.DiscardHandler))
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if strings.ContainsFunc(cfg.PIN, func(r rune) bool { return r < '0' || r > '9' }) {
		return nil, errors.New("gsm modem: the PIN is not a number")
	}
	m := &Modem{cfg: cfg, wake: make(chan struct{}, 1), jobs: make(chan job), done: make(chan job, 1), ref: cfg.Reference,
		durable: map[pdu.Identity]bool{}, taking: map[pdu.Identity]bool{}, state: State{Phase: Closed}}
	if cfg.Centre != "" {
		var err error
		if m.centre, err = pdu.ParseAddress(cfg.Centre); err != nil || m.centre.Type == pdu.Alphanumeric {
			return nil, fmt.Errorf("gsm modem: service centre %q is not a number", cfg.Centre)
		}
	}
	return m, nil
}

// Run drives the modem until ctx ends; it opens the port again whenever it fails.
func (m *Modem) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var taker sync.WaitGroup
	taker.Add(1)
	go func() { defer taker.Done(); m.take(ctx) }()
	defer taker.Wait()
	defer cancel()
	defer m.stop()
	for pause := firstPause; ; {
		worked, err := m.connect(ctx)
		if ctx.Err() != nil {
			return nil
		}
		m.cfg.Log.Warn("modem lost", logkey.Err, err)
		m.change(func(s *State) { s.Phase, s.Problem, s.Reopened = Closed, err.Error(), s.Reopened+1 })
		if worked {
			pause = firstPause
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = min(2*pause, lastPause)
	}
}

// stop answers all pending requests when Run ends.
func (m *Modem) stop() {
	m.mu.Lock()
	queue := m.queue
	m.queue = nil
	m.mu.Unlock()
	for _, r := range queue {
		r.finish(NotSent, "the driver was stopped")
	}
	m.change(func(s *State) { s.Phase = Closed })
}

// Send sends a message and returns its outcome. ctx bounds the time in the queue. Once the modem has a part, Send waits for the
// answer, a little more than a minute at most.
func (m *Modem) Send(ctx context.Context, o Outgoing) Sent {
	r, refused := m.prepare(o)
	if refused != "" {
		return Sent{Outcome: Refused, From: o.From, Reference: o.Reference, Why: refused}
	}
	m.mu.Lock()
	if len(m.queue) >= MaxQueue {
		m.mu.Unlock()
		r.finish(NotSent, "too many messages wait")
		return <-r.answer
	}
	r.ctx = ctx
	m.queue = append(m.queue, r)
	m.mu.Unlock()
	m.nudge()
	select {
	case s := <-r.answer:
		return s
	case <-ctx.Done():
	}
	m.mu.Lock()
	if i := slices.Index(m.queue, r); i >= 0 {
		m.queue = slices.Delete(m.queue, i, i+1)
		r.finish(NotSent, "the waiting time ran out")
	}
	m.mu.Unlock()
	return <-r.answer // a queued message is answered at once, a message at the modem after the modem's answer
}

func (m *Modem) nudge() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}
