package notify_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/wallet"
)

// operation is a use case in which any statement may fail.
type operation struct {
	name  string
	begin func(*testing.T) (notify.Tx, notify.Config)
	do    func(*testing.T, *notify.Dispatcher, *broken) error
}

// runs carries out an operation in a new world, in which the statement with a given number fails.
func (o operation) runs(t *testing.T, at int) (*broken, error) {
	t.Helper()
	tx, c := o.begin(t)
	b := broke(tx, at)
	c.Door = doorTo[notify.Tx]{b}
	return b, o.do(t, notify.New(c), b)
}

// TestNoStatementFailsUnnoticed lets each statement of each use case fail in turn. The use case must return the error, so that the
// transaction is rolled back and nobody gets a success.
func TestNoStatementFailsUnnoticed(t *testing.T) {
	for _, o := range operations() {
		b, err := o.runs(t, 0)
		if err != nil || b.done == 0 {
			t.Errorf("%s: %d statements, %v", o.name, b.done, err)
		}
		for at := 1; at <= b.done; at++ {
			if failed, err := o.runs(t, at); !errors.Is(err, errStore) {
				t.Errorf("%s: statement %d (%s) fails, and the answer is %v", o.name, at, failed.failed, err)
			}
		}
	}
}

func operations() []operation {
	return append(append(append(sendings(), arrivalsOfPeople()...), arrivalsOfMeters()...), orders()...)
}

// inHall returns a function that prepares an operation. That function makes a hall with a meter, a token and the token's sale, and then
// calls the given function to change the hall.
func inHall(do func(*hall, *wire)) func(*testing.T) (notify.Tx, notify.Config) {
	return func(t *testing.T) (notify.Tx, notify.Config) {
		h, a, _ := newHall(t)
		h.meter = registry.Meter{N: 1, Number: meterA, ID: id.ID{2}}
		h.tokens[id.ID{15: 1}] = sale.Token{ID: id.ID{15: 1}, State: sale.TokenIssued, Sealed: sale.Sealed("12345678901234567890"), Sale: id.ID{7}}
		h.sales[id.ID{7}] = sale.Sale{State: sale.Completed}
		do(h, a)
		return h, h.config()
	}
}

func (h *hall) config() notify.Config {
	return notify.Config{Opener: h, Hasher: h, Routes: h.routes, Owner: "test", Alone: true, Now: func() time.Time { return h.now }}
}

func serve(t *testing.T, d *notify.Dispatcher, _ *broken) error {
	_, err := d.Serve(t.Context(), 1)
	return err
}

func text() notify.Draft {
	return notify.Draft{Purpose: notify.PurposeWritten, Text: "hello", Meter: 1, Number: meterA}
}

func toMeter() notify.Draft {
	return notify.Draft{Purpose: notify.PurposeMeter, Token: id.ID{15: 1}, Meter: 1, Number: meterA}
}

func toCustomer() notify.Draft {
	return notify.Draft{Purpose: notify.PurposeToken, Token: id.ID{15: 1}, Meter: 1, Number: meterA, Args: notify.Args{Meter: meterA, Currency: "KES"}}
}

func warning() notify.Draft {
	return notify.Draft{Purpose: notify.PurposeCutSoon, Meter: 1, Number: meterA, Customer: id.ID{1}, Args: notify.Args{Meter: meterA, Currency: "KES", Account: (id.ID{15: 28}).Text(id.Account)}}
}

// sendings returns operations in which the routes get the messages that are due.
func sendings() []operation {
	failing := notify.Sent{Outcome: notify.NotSent, Closed: true, Why: "no modem"}
	silent := func(h *hall) id.ID {
		m := h.queues(toMeter())
		h.of(m).Route, h.of(m).SentAt, h.of(m).Tries = "a", h.now.Add(-time.Hour), notify.MaxMeterTries
		for n := range notify.MaxMeterTries {
			h.tries[m] = append(h.tries[m], notify.Try{N: n + 1, Route: "a", Outcome: "accepted", At: h.now.Add(-time.Hour)})
		}
		return m
	}
	return []operation{
		{"a text", inHall(func(h *hall, _ *wire) { h.queues(text()) }), serve},
		{"a token to a customer", inHall(func(h *hall, _ *wire) { h.queues(toCustomer()) }), serve},
		{"a token to a meter", inHall(func(h *hall, _ *wire) { h.queues(toMeter()) }), serve},
		{"a warning", inHall(func(h *hall, _ *wire) { h.queues(warning()) }), serve},
		{"a warning to a number of before", inHall(func(h *hall, _ *wire) { h.of(h.queues(warning())).Phone = juma }), serve},
		{"a text that is over", inHall(func(h *hall, _ *wire) { h.of(h.queues(text())).ExpiresAt = h.now }), serve},
		{"a token that is not valid", inHall(func(h *hall, _ *wire) { h.queues(toCustomer()); h.tokens = nil }), serve},
		{"a try that nobody ended", inHall(func(h *hall, _ *wire) {
			m := h.queues(text())
			h.of(m).Route, h.tries[m] = "a", []notify.Try{{N: 1, Route: "a"}}
		}), serve},
		{"a meter that never answered", inHall(func(h *hall, _ *wire) { silent(h) }), serve},
		{"a meter that rejects everything", inHall(func(h *hall, _ *wire) {
			silent(h)
			h.messages = append(h.messages, notify.Message{Incoming: true, Purpose: notify.PurposeFromMeter, Meter: 1, Text: "Token rejected.", CreatedAt: h.now})
		}), serve},
		{"a route that goes down", inHall(func(h *hall, a *wire) { h.queues(text()); a.answers = []notify.Sent{failing} }), serve},
		{"a memory that is almost full", inHall(func(_ *hall, a *wire) { a.memory = notify.Memory{Used: 9, Slots: 10, AlmostFull: true} }), serve},
		{"a memory that is not", inHall(func(_ *hall, a *wire) { a.memory = notify.Memory{Used: 1, Slots: 10} }), serve},
		{"an answer of a meter before the route's", inHall(func(h *hall, a *wire) {
			m := h.queues(toMeter())
			a.during = func() {
				h.of(m).State, h.of(m).AnsweredAt, h.of(m).NextAt = notify.Queued, h.now, h.now.Add(24*time.Hour)
			}
		}), serve},
		{"a warning in the night", inHall(func(h *hall, _ *wire) { h.queues(warning()); h.now = h.now.Add(10 * time.Hour) }), serve},
	}
}

// arrives returns the operation that hands a message in.
func arrives(from, text string) func(*testing.T, *notify.Dispatcher, *broken) error {
	return func(t *testing.T, d *notify.Dispatcher, _ *broken) error {
		return d.Inbox(1).Receive(t.Context(), notify.Incoming{Route: "a", Identity: [16]byte{9}, From: from, Text: text})
	}
}

func reports(r notify.Report) func(*testing.T, *notify.Dispatcher, *broken) error {
	return func(t *testing.T, d *notify.Dispatcher, _ *broken) error { return d.Inbox(1).Report(t.Context(), r) }
}

// arrivalsOfPeople returns the arrivals of customers' and strangers' words, and of networks' reports.
func arrivalsOfPeople() []operation {
	var out []operation
	for _, c := range []struct{ from, text string }{
		{stranger, "hello"}, {amina, "help"}, {amina, "stop"}, {amina, "start"}, {amina, "bal"}, {amina, "last"}, {amina, "use"},
		{amina, "hello"}, {amina, "*02#12345678901234567890"}, {juma, "salio"}, {juma, "salio 2"}, {juma, "matumizi 2"}, {juma, "tokeni 2"}, {juma, "salio 9"},
	} {
		out = append(out, operation{c.from + " " + c.text, inHall(func(h *hall, _ *wire) {
			h.asOf = h.now
			h.settled, h.left = money.Amount{Minor: 1, Currency: "KES"}, money.Amount{Minor: 1, Currency: "KES"}
			h.office.sales[1] = notify.LastSale{Vend: id.ID{7}, Tender: money.Amount{Minor: 1, Currency: "KES"}, Tokens: []sale.Token{h.tokens[id.ID{15: 1}]}}
		}), arrives(c.from, c.text)})
	}
	sent := func(outcome string) func(*testing.T) (notify.Tx, notify.Config) {
		return inHall(func(h *hall, _ *wire) {
			m := h.queues(text())
			h.of(m).State, h.tries[m] = notify.SentOut, []notify.Try{{N: 1, Route: "a", Reference: "7", Outcome: outcome, At: h.now}}
		})
	}
	delivered := notify.Report{Route: "a", Reference: "7", State: notify.Delivered}
	unknown := notify.Report{Route: "a", Reference: "8", State: notify.Delivered}
	return append(out, operation{"a report", sent("accepted"), reports(delivered)},
		operation{"a report before the route's answer", sent(""), reports(delivered)},
		operation{"a report of no message", sent("accepted"), reports(unknown)},
		operation{"a report before its reference is known", inHall(func(h *hall, _ *wire) { h.queues(text()); h.waits("1", time.Minute) }), serve},
		operation{"a report that waited in vain", inHall(func(h *hall, _ *wire) { h.waits("8", 0) }),
			func(t *testing.T, d *notify.Dispatcher, _ *broken) error {
				return d.EndEarly(t.Context(), 1)
			}})
}

// arrivalsOfMeters returns the arrivals of meters' answers.
func arrivalsOfMeters() []operation {
	var out []operation
	ends := func(c *counter, i int) string {
		s := string(c.tokens[i].Sealed)
		return s[:4] + ".." + s[16:]
	}
	for _, o := range []struct {
		name, text string
		do         func(*counter)
	}{
		{"loaded", "Recharge OK. 34.7 kWh added. Balance 42.8 kWh", func(*counter) {}},
		{"used", "this recharge card has been used! Balance 0.0 kWh", func(*counter) {}},
		{"rejected", "Token rejected. Balance 0.0 kWh", func(*counter) {}},
		{"rejected twice", "Token rejected. Balance 0.0 kWh", func(c *counter) {
			c.messages[0].AnsweredAt, c.tried = c.now.Add(-time.Hour), c.now.Add(-time.Minute)
		}},
		{"its list, without the token", "Last tokens: 20.11 9999..8888 +34.7 kWh", func(*counter) {}},
		{"its list", "Last tokens: 20.11 ENDS +34.7 kWh", func(*counter) {}},
		{"of a token from elsewhere", "Recharge OK. 34.7 kWh added. Balance 42.8 kWh", func(c *counter) {
			c.messages = c.messages[4:]
			c.messages[0].Tries, c.messages[0].State = 1, notify.SentOut
		}},
		{"of a reversed token", "Recharge OK. 34.7 kWh added. Balance 42.8 kWh", func(c *counter) { c.tokens[0].State = sale.TokenReversed }},
		{"at the keypad", "Recharge OK. 34.7 kWh added. Balance 42.8 kWh. Token TYPED", func(c *counter) { c.messages = c.messages[:1] }},
	} {
		out = append(out, operation{"a meter: " + o.name, func(t *testing.T) (notify.Tx, notify.Config) {
			c := newCounter(t, 1)
			c.send()
			o.do(c)
			return c, notify.Config{Opener: c, Now: func() time.Time { return c.now }}
		}, func(t *testing.T, d *notify.Dispatcher, b *broken) error {
			c := b.Tx.(*counter)
			text := strings.NewReplacer("ENDS", ends(c, 0), "TYPED", ends(c, 2)).Replace(o.text)
			return arrives(meterSIM, text)(t, d, b)
		}})
	}
	return out
}

// orders returns all other operations, such as the requests of people and the messages about sales.
func orders() []operation {
	sends := func(w notify.MessageRequest) func(*testing.T, *notify.Dispatcher, *broken) error {
		return func(t *testing.T, d *notify.Dispatcher, _ *broken) error {
			_, err := d.Send(t.Context(), clerk(), w)
			return err
		}
	}
	nothing, fresh := inHall(func(*hall, *wire) {}), func(t *testing.T) (notify.Tx, notify.Config) {
		h, _, _ := newHall(t)
		h.meter = registry.Meter{N: 1, Number: meterA}
		token := sale.Token{ID: id.ID{15: 4}, State: sale.TokenIssued, Sealed: sale.Sealed("12345678901234567890"), Sale: id.ID{4}}
		return tokenHall{h, []sale.Token{token}}, h.config()
	}
	once := access.Once{Key: "k", Principal: "p"}
	waits := inHall(func(h *hall, _ *wire) { h.queues(toMeter()) })
	first := (id.ID{0, 1}).Text(id.Message)
	return []operation{
		{"a text is ordered", nothing, sends(notify.MessageRequest{Meter: meterA, Text: "hello", Route: "b", Once: once})},
		{"a token is ordered", fresh, sends(notify.MessageRequest{Meter: meterA, Via: sale.RouteSMS})},
		{"a token is ordered by its identity", fresh, sends(notify.MessageRequest{Meter: (id.ID{2}).Text(id.Meter), Token: (id.ID{15: 4}).Text(id.Token), Via: sale.RouteMeterSMS})},
		{"a token is ordered by its digits", fresh, sends(notify.MessageRequest{Meter: meterA, Token: "12345678901234567890", Via: sale.RouteSMS})},
		{"a message is sent again", waits, func(t *testing.T, d *notify.Dispatcher, _ *broken) error {
			_, err := d.Retry(t.Context(), clerk(), first, "")
			return err
		}},
		{"a message is shown", waits, func(t *testing.T, d *notify.Dispatcher, _ *broken) error {
			_, err := d.Show(t.Context(), clerk(), first)
			return err
		}},
		{"messages are listed", nothing, func(t *testing.T, d *notify.Dispatcher, _ *broken) error {
			_, err := d.List(t.Context(), clerk(), notify.List{Meter: meterA, Sale: "main-000001"})
			return err
		}},
		{"routes are shown", nothing, func(t *testing.T, d *notify.Dispatcher, _ *broken) error {
			_, err := d.Routes(t.Context(), clerk())
			return err
		}},
		{"old messages are forgotten", nothing, func(_ *testing.T, _ *notify.Dispatcher, b *broken) error {
			return notify.Forget(b, b.Tx.(*hall).now, 10)
		}},
		{"a sale is told", nothing, func(_ *testing.T, _ *notify.Dispatcher, b *broken) error {
			return notify.NotifySale(b, sale.Sale{Meter: sale.MeterRef{N: 1}, Tokens: []sale.Token{{ID: id.ID{1}}}}, sale.RouteSMS, b.Tx.(*hall).now)
		}},
		{"a recharge is told", nothing, func(_ *testing.T, _ *notify.Dispatcher, b *broken) error {
			return notify.NotifySale(b, sale.Sale{Meter: sale.MeterRef{N: 1}, Mode: registry.PrepayWallet}, sale.RouteSMS, b.Tx.(*hall).now)
		}},
		{"a reversal is told", nothing, func(_ *testing.T, _ *notify.Dispatcher, b *broken) error {
			return notify.NotifyReversal(b, sale.Sale{Meter: sale.MeterRef{N: 1}, Mode: registry.PrepayWallet}, b.Tx.(*hall).now)
		}},
		{"it is asked whether a customer can be told", nothing, func(_ *testing.T, _ *notify.Dispatcher, b *broken) error {
			_, err := notify.CanNotify(b, 1, sale.RouteSMS)
			return err
		}},
		{"it is asked whether a meter can be told", nothing, func(_ *testing.T, _ *notify.Dispatcher, b *broken) error {
			_, err := notify.CanNotify(b, 1, sale.RouteMeterSMS)
			return err
		}},
		{"a notice", nothing, func(t *testing.T, _ *notify.Dispatcher, b *broken) error {
			h := b.Tx.(*hall)
			_, err := notify.NewNotices(doorTo[notify.NoticeTx]{b}, func() time.Time { return h.now }, func() {}).Send(t.Context(), 1, noticed(t, wallet.NoticeOut))
			return err
		}},
		{"a notice into the log", nothing, func(t *testing.T, _ *notify.Dispatcher, b *broken) error {
			_, err := notify.NewLog(doorTo[notify.LogTx]{b}).Send(t.Context(), 1, noticed(t, wallet.NoticeOut))
			return err
		}},
	}
}
