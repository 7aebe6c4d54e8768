package app

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"

	"github.com/paywatt/paywatt/internal/config"
	"github.com/paywatt/paywatt/internal/gsm"
	"github.com/paywatt/paywatt/internal/gsm/pdu"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/notify"
)

// defaultBaud is the speed of a modem's port; a pseudo-terminal has none.
const defaultBaud = 115_200

// maxParted is how many partly sent or partly reported long messages are remembered.
const maxParted = 256

// modemRoute is a GSM modem as a route for messages.
type modemRoute struct {
	name  string
	modem *gsm.Modem

	mu     sync.Mutex
	parted map[string]*parts  // progress of long messages, by the message's id
	order  []string           // the keys of parted, oldest first
	giveUp context.CancelFunc // ends the wait of the message that Send has given to the modem; nil if there is none
}

// parts is the progress of a message of several parts.
type parts struct {
	from      int // the part to continue with; 0 starts again
	reference uint8
	total     int // number of parts of the message
	delivered map[int]bool
}

// openModem makes the route of a modem.
func (a *App) openModem(c config.Route, in notify.Inbox) (messageRoute, error) {
	baud := defaultBaud
	if text := c.Keys["baud"]; text != "" {
		var err error
		if baud, err = strconv.Atoi(text); err != nil || baud < 300 || baud > 4_000_000 {
			return messageRoute{}, fmt.Errorf("baud is %q, want a speed such as 115200", text)
		}
	}
	pin, err := secretOf(c.Keys["pin_file"])
	if err != nil {
		return messageRoute{}, err
	}
	r := &modemRoute{name: c.Name, parted: map[string]*parts{}}
	r.modem, err = gsm.New(gsm.Config{Dial: gsm.Serial(c.Keys["port"], baud), Inbox: modemInbox{r, in, c.Keys["number"]}, PIN: pin, Centre: c.Keys["centre"],
		Log: a.log.With(logkey.Route, c.Name), Now: a.c.Now, Reference: firstReference(), Changed: r.endWait})
	if err != nil {
		return messageRoute{}, err
	}
	return messageRoute{Route: r, run: r.modem.Run}, nil
}

// Name implements notify.Route.
func (r *modemRoute) Name() string { return r.name }

// Memory implements notify.BufferedRoute.
func (r *modemRoute) Memory() notify.Memory {
	s := r.modem.State()
	return notify.Memory{Used: s.Used, Slots: s.Slots, AlmostFull: s.AlmostFull()}
}

// Send implements notify.Route. If the network has the first parts of a long message, Send sends only the other parts.
func (r *modemRoute) Send(ctx context.Context, m notify.Outgoing) notify.Sent {
	ctx, giveUp := context.WithCancel(ctx)
	defer giveUp()
	r.setGiveUp(giveUp)
	defer r.setGiveUp(nil)
	if s := r.modem.State(); !mayWait(s) {
		return notify.Sent{Outcome: notify.NotSent, Why: problemOf(s), Closed: true}
	}
	out := gsm.Outgoing{ID: m.ID, To: m.To, Text: m.Text, Report: m.Report, Validity: m.Validity}
	if total := pdu.Measure(m.Text).Parts; total > 1 {
		out.From, out.Reference = r.begin(m.ID, total)
	}
	s := r.modem.Send(ctx, out)
	sent := notify.Sent{Parts: s.From, Why: s.Why}
	if len(s.Parts) > 0 {
		sent.Reference = strconv.Itoa(int(s.Parts[len(s.Parts)-1].Reference))
	}
	switch s.Outcome {
	case gsm.Accepted:
		sent.Outcome = notify.Accepted
	case gsm.NotSent:
		sent.Outcome = notify.NotSent
		state := r.modem.State()
		sent.Closed = state.Phase != gsm.Ready
		if !mayWait(state) {
			sent.Why = problemOf(state)
		}
	case gsm.Refused:
		sent.Outcome = notify.Refused
	default:
		sent.Outcome = notify.Unknown
	}
	r.remember(m.ID, s)
	return sent
}

// mayWait reports whether a message may wait for a modem: the modem can send, or can be expected to be ready soon without help.
func mayWait(s gsm.State) bool {
	switch s.Phase {
	case gsm.Ready, gsm.Starting, gsm.Searching:
		return true
	case gsm.Closed:
		return s.Problem == "" // the port was not opened yet
	}
	return false
}

// endWait ends the wait of a message for a modem that has failed: another route may send the message now. A message that the modem is sending
// already is not disturbed.
func (r *modemRoute) endWait(s gsm.State) {
	if mayWait(s) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.giveUp != nil {
		r.giveUp()
	}
}

func (r *modemRoute) setGiveUp(f context.CancelFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.giveUp = f
}

// problemOf says why the modem cannot send.
func problemOf(s gsm.State) string { return "the modem is " + string(s.Phase) + ": " + s.Problem }

// begin notes the number of a message's parts before the first part is sent, because a part's report may come before the last part is sent.
// It returns the first part to send and the reference.
func (r *modemRoute) begin(id string, total int) (from int, reference uint8) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.parted[id]
	if p == nil || p.from == 0 { // parts of two references cannot be joined
		if p == nil {
			r.order = append(r.order, id)
		}
		p = &parts{delivered: map[int]bool{}}
		r.parted[id] = p
		if len(r.order) > maxParted {
			delete(r.parted, r.order[0])
			r.order = r.order[1:]
		}
	}
	p.total = total
	return p.from, p.reference
}

// remember stores the progress of a message of several parts. If the outcome is unknown, sending continues at the part where
// it ended.
func (r *modemRoute) remember(id string, s gsm.Sent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.parted[id]
	if p == nil || s.From == 0 { // the message has one part, or no part was sent
		return
	}
	p.from, p.reference = s.From, s.Reference
	if s.Outcome == gsm.Accepted {
		p.from = 0 // a repetition starts again
	}
}

// whole reports whether all parts of a message are delivered, including this one.
func (r *modemRoute) whole(id string, part int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.parted[id]
	if p == nil {
		return true // a message of one part, or one from before the server's start: the report of its last part is enough
	}
	p.delivered[part] = true
	return len(p.delivered) >= p.total
}

// modemInbox passes the messages and reports that a modem receives to the dispatcher.
type modemInbox struct {
	route *modemRoute
	inbox notify.Inbox
	own   string // the modem's number; empty if it is not known
}

// Receive implements gsm.Inbox. An unreadable message cannot be answered. It is stored unread, without a text, so that the
// SIM does not fill up.
func (i modemInbox) Receive(ctx context.Context, m gsm.Message) error {
	in := notify.Incoming{Route: i.route.name, Identity: m.Identity, From: m.From, To: i.own, Text: m.Text, At: m.At, Missing: m.Missing}
	if m.Frame != nil {
		in.Missing = 1
	}
	return i.inbox.Receive(ctx, in)
}

// Report implements gsm.Inbox.
func (i modemInbox) Report(ctx context.Context, r gsm.Report) error {
	out := notify.Report{Route: i.route.name, ID: r.ID, Reference: strconv.Itoa(int(r.Reference)), To: r.To, At: r.Done}
	switch {
	case r.Status.Delivered():
		if r.ID != "" && !i.route.whole(r.ID, r.Part) {
			return nil
		}
		out.State = notify.Delivered
	case r.Status.Failed():
		out.State, out.Why = notify.Failed, r.Status.String()
	default:
		return nil
	}
	return i.inbox.Report(ctx, out)
}

// logRoute logs that there was a message, without its text. It is for tests.
type logRoute struct {
	name string
	log  *slog.Logger
}

// Name implements notify.Route.
func (r logRoute) Name() string { return r.name }

// Send implements notify.Route.
func (r logRoute) Send(_ context.Context, m notify.Outgoing) notify.Sent {
	r.log.Info("message logged instead of sent", logkey.Route, r.name, logkey.Message, m)
	return notify.Sent{Outcome: notify.Accepted, Parts: 1}
}

// ModemRoutes returns the only route of a server with a GSM modem, as --sms-modem PORT=NUMBER defines it.
func ModemRoutes(port, number string) []config.Route {
	return []config.Route{{Name: "modem1", Kind: config.RouteModem, Meters: true, Keys: map[string]string{"port": port, "number": number}}}
}
