package notify

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
)

// List says which messages to list.
type List struct {
	Meter    string // number or identity of a meter; empty for all meters
	Phone    string
	State    State
	Incoming *bool
	Sale     string // identity of the messages' sale
	Page     registry.Page
}

// Messages is one page of messages, the newest first.
type Messages struct {
	refusal.Refusal
	Data []Message
	Next string
}

// listMessages names the list for its cursors.
const listMessages = "messages"

// List shows messages (right: customer.read, because they hold telephone numbers).
func (d *Dispatcher) List(ctx context.Context, by access.Actor, l List) (Messages, error) {
	if no := by.Needs(access.ReadCustomers); no.Refused() {
		return Messages{Refusal: no}, nil
	}
	before, max, no := l.Page.Read(d.c.Hasher, by.Tenant, listMessages)
	if no.Refused() {
		return Messages{Refusal: no}, nil
	}
	f := Filter{State: l.State, Incoming: l.Incoming}
	if l.Phone != "" {
		f.Phone = Canonical(l.Phone)
	}
	if f.State != "" && !slices.Contains(States(), f.State) {
		return Messages{Refusal: refuse.MessageStateUnknown(refusal.Echo(string(f.State)), stateNames())}, nil
	}
	out, err := access.Look(ctx, d.c.Door, by.Tenant, func(tx Tx) (Messages, error) {
		if l.Meter != "" {
			m, no, err := registry.MeterNamed(tx.Recipients().Meters(), l.Meter)
			if err != nil || no.Refused() {
				return Messages{Refusal: no}, err
			}
			f.Meter = m.N
		}
		if l.Sale != "" {
			var err error
			if f.Vend, err = sale.Named(tx.Carried(), l.Sale); err != nil || f.Vend.IsZero() {
				return Messages{Refusal: refuse.MessageSaleNotFound(refusal.Echo(l.Sale))}, err
			}
		}
		rows, err := tx.MessageList(f, before, max+1)
		var out Messages
		out.Data, out.Next = registry.Cut(rows, max, d.c.Hasher, by.Tenant, listMessages, func(m Message) id.ID { return m.ID })
		return out, err
	})
	return out, fault.Wrap(err, "list messages")
}

// MessageView is one message with its tries.
type MessageView struct {
	refusal.Refusal
	Message Message
	Tries   []Try
}

// Show shows one message (right: customer.read).
func (d *Dispatcher) Show(ctx context.Context, by access.Actor, message string) (MessageView, error) {
	if no := by.Needs(access.ReadCustomers); no.Refused() {
		return MessageView{Refusal: no}, nil
	}
	out, err := access.Look(ctx, d.c.Door, by.Tenant, func(tx Tx) (MessageView, error) { return shown(tx, message) })
	return out, fault.Wrap(err, "show message %s", cut(message, 40))
}

func shown(tx Tx, message string) (MessageView, error) {
	i, err := id.Parse(id.Message, message)
	if err != nil {
		return MessageView{Refusal: refuse.MessageNotFound(refusal.Echo(message))}, nil
	}
	m, found, err := tx.MessageByID(i)
	if err != nil || !found {
		return MessageView{Refusal: refuse.MessageNotFound(refusal.Echo(message))}, err
	}
	tries, err := tx.MessageTries(i)
	return MessageView{Message: m, Tries: tries}, err
}

// RouteHealth is the state of this server's routes, with the cost of their messages.
type RouteHealth struct {
	refusal.Refusal
	Routes []RouteState
	Months []Total
}

// maxTotals is the greatest number of monthly totals in an answer: one route's totals of two years.
const maxTotals = 24

// Routes shows this server's routes in the order of trying (right: customer.read).
func (d *Dispatcher) Routes(ctx context.Context, by access.Actor) (RouteHealth, error) {
	if no := by.Needs(access.ReadCustomers); no.Refused() {
		return RouteHealth{Refusal: no}, nil
	}
	out, err := access.Look(ctx, d.c.Door, by.Tenant, func(tx Tx) (RouteHealth, error) {
		months, err := tx.MessageTotals(maxTotals)
		return RouteHealth{Months: months}, err
	})
	if err != nil {
		return RouteHealth{}, fmt.Errorf("show the routes for messages: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, w := range d.ways {
		out.Routes = append(out.Routes, RouteState{Name: w.Name, Kind: w.kind, Down: w.Down, Since: w.since, Failures: w.failures, Why: w.why, Last: w.last,
			Cost: w.Cost, Prefixes: w.Prefixes, Meters: w.Meters, Memory: w.memory})
	}
	return out, nil
}

// routeNames lists the routes, for the text of a refusal.
func (d *Dispatcher) routeNames() string {
	names := make([]string, len(d.c.Routes))
	for i, r := range d.c.Routes {
		names[i] = r.Name()
	}
	return strings.Join(names, ", ")
}

func stateNames() string {
	var names []string
	for _, s := range States() {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}
