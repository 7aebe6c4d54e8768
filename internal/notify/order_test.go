package notify_test

import (
	"bytes"
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
)

func clerk() access.Actor { return access.SystemActor(1, "test") }

// TestAMessageIsSentOnceMore checks that a message is sent again only if that makes sense, and that the audit row names the route.
func TestAMessageIsSentOnceMore(t *testing.T) {
	try := notify.Try{N: 1, Route: "a", Outcome: "refused"}
	for _, c := range []struct {
		name  string
		route string
		do    func(*hall, *notify.Message)
		want  string // the expected refusal
		goes  string // the route that the message uses
	}{
		{"lost", "", func(_ *hall, m *notify.Message) { m.State = notify.Lost }, "", "a"},
		{"refused by the first route", "", func(h *hall, m *notify.Message) { h.tries[m.ID] = []notify.Try{try} }, "", "b"},
		{"refused by both", "", func(h *hall, m *notify.Message) {
			h.tries[m.ID] = []notify.Try{try, {N: 2, Route: "b", Outcome: "refused"}}
		}, "", "a"},
		{"by a route that is named", "b", func(*hall, *notify.Message) {}, "", "b"},
		{"by no route", "c", func(*hall, *notify.Message) {}, "This server has no route c for messages.", ""},
		{"one that came in", "", func(_ *hall, m *notify.Message) { m.Incoming = true }, "Message {id} is an incoming message. Only messages of this server can be sent again.", ""},
		{"answered", "", func(_ *hall, m *notify.Message) { m.State = notify.Answered }, "The meter answered message {id} at 0001-01-01 00:00 UTC: it reports that it has the token.", ""},
		{"tried 39 times", "", func(h *hall, m *notify.Message) {
			h.tries[m.ID] = slices.Repeat([]notify.Try{{N: 1, Route: "a", Outcome: "not_sent"}}, notify.MaxTries-1)
		}, "", "a"},
		{"tried 40 times", "", func(h *hall, m *notify.Message) {
			h.tries[m.ID] = slices.Repeat([]notify.Try{{N: 1, Route: "a", Outcome: "not_sent"}}, notify.MaxTries)
		}, "Message {id} has already been tried 40 times, the most allowed.", ""},
		{"being sent", "", func(h *hall, m *notify.Message) { h.tries[m.ID] = []notify.Try{{N: 1, Route: "a"}} }, "Message {id} is being sent now.", ""},
	} {
		h, _, _ := newHall(t)
		m := h.queues(notify.Draft{Purpose: notify.PurposeWritten, Text: "hello"})
		x := h.of(m)
		x.Round, x.NextAt = 1, h.now.Add(time.Hour)
		c.do(h, x)
		was := *x
		h.now = h.now.Add(time.Minute)
		got, err := h.dispatcher.Retry(t.Context(), clerk(), m.Text(id.Message), c.route)
		if want := strings.ReplaceAll(c.want, "{id}", m.Text(id.Message)); err != nil || got.What != want {
			t.Errorf("%s: %q, %v; want %q", c.name, got.What, err, want)
		}
		if c.want != "" {
			if h.says() != "" || !reflect.DeepEqual(*h.of(m), was) {
				t.Errorf("%s: refused, and written", c.name)
			}
			continue
		}
		h.want(c.name, h.says(), "message.retry route="+c.goes)
		if !reflect.DeepEqual(got.Message, *h.of(m)) || len(got.Tries) != len(h.tries[m]) {
			t.Errorf("%s: shown as %+v", c.name, got.Message)
		}
		if x := h.of(m); x.State != notify.Queued || !x.Open || x.Route != c.goes || x.Round != 2 || !x.NextAt.Equal(h.now) || !x.ExpiresAt.Equal(h.now.Add(24*time.Hour)) || !x.EndedAt.IsZero() || x.Asking {
			t.Errorf("%s: %+v", c.name, x)
		}
	}
	h, _, _ := newHall(t)
	for _, name := range []string{"x", id.ID{9}.Text(id.Message)} {
		if got, err := h.dispatcher.Retry(t.Context(), clerk(), name, ""); err != nil || got.Code != refusal.NotFound {
			t.Errorf("message %s: %q, %v", name, got.Code, err)
		}
	}
	nobody := access.Actor{Tenant: 1, Role: access.VendorAPI}
	if got, err := h.dispatcher.Retry(t.Context(), nobody, "x", ""); err != nil || got.Code != refusal.Forbidden {
		t.Errorf("no right to send: %q, %v", got.Code, err)
	}
	if got, err := h.dispatcher.Show(t.Context(), nobody, "x"); err != nil || got.Code != refusal.Forbidden {
		t.Errorf("no right to see: %q, %v", got.Code, err)
	}
}

func (h *hall) VendNumbered(receiptNo string) (sale id.ID, err error) {
	if receiptNo == "main-000001" {
		sale = id.ID{1}
	}
	return sale, nil
}
func (h *hall) MessageList(f notify.Filter, before id.ID, most int) (out []notify.Message, err error) {
	for i := len(h.messages) - 1; i >= 0 && len(out) < most; i-- {
		m := h.messages[i]
		earlier := before.IsZero() || string(m.ID[:]) < string(before[:])
		if earlier && (f.Meter == 0 || m.Meter == f.Meter) && (f.Phone == "" || m.Phone == f.Phone) && (f.State == "" || m.State == f.State) && (f.Incoming == nil || m.Incoming == *f.Incoming) &&
			(f.Vend.IsZero() || m.Vend == f.Vend) {
			out = append(out, m)
		}
	}
	return out, nil
}

// TestListsOfMessages filters the list and reads it page by page. The last page may be exactly full.
func TestListsOfMessages(t *testing.T) {
	h, _, _ := newHall(t)
	h.meter = registry.Meter{N: 3, Number: meterA}
	for i := range 6 {
		m := h.queues(notify.Draft{Purpose: notify.PurposeWritten, Text: "hello", Phone: []string{amina, juma}[i%2], Meter: int64(i%3) + 1, Vend: id.ID{byte(i % 2)}})
		h.of(m).State = []notify.State{notify.SentOut, notify.Lost}[i/3]
	}
	yes := true
	for _, c := range []struct {
		name    string
		list    notify.List
		rows    int
		pages   int
		refused bool
	}{
		{"all", notify.List{}, 6, 1, false}, {"two at a time", notify.List{Page: registry.Page{Limit: 2}}, 6, 3, false}, {"four at a time", notify.List{Page: registry.Page{Limit: 4}}, 6, 2, false},
		{"six at a time", notify.List{Page: registry.Page{Limit: 6}}, 6, 1, false}, {"of a telephone, however written", notify.List{Phone: "+254 700-000-001"}, 3, 1, false},
		{"of a meter", notify.List{Meter: meterA}, 2, 1, false}, {"lost", notify.List{State: notify.Lost}, 3, 1, false}, {"of no state", notify.List{State: "x"}, 0, 1, true},
		{"that came in", notify.List{Incoming: &yes}, 0, 1, false}, {"of a sale", notify.List{Sale: id.ID{1}.Text(id.Vend)}, 3, 1, false}, {"of the sale of a receipt", notify.List{Sale: "main-000001"}, 3, 1, false},
		{"of no sale", notify.List{Sale: "x"}, 0, 1, true}, {"of no receipt", notify.List{Sale: "main-000002"}, 0, 1, true},
		{"of no meter", notify.List{Meter: "x"}, 0, 1, true}, {"too many", notify.List{Page: registry.Page{Limit: registry.MaxLimit + 1}}, 0, 1, true},
	} {
		rows, pages, refused := 0, 0, false
		for {
			p, err := h.dispatcher.List(t.Context(), clerk(), c.list)
			if err != nil {
				t.Fatal(err)
			}
			rows, pages, refused = rows+len(p.Data), pages+1, p.Refused()
			if c.list.Page.Cursor = p.Next; p.Next == "" || refused {
				break
			}
		}
		if rows != c.rows || pages != c.pages || refused != c.refused {
			t.Errorf("%s: %d rows in %d pages, refused %t; want %d in %d, %t", c.name, rows, pages, refused, c.rows, c.pages, c.refused)
		}
	}
	if p, err := h.dispatcher.List(t.Context(), access.Actor{Tenant: 1, Role: access.VendorAPI}, notify.List{}); err != nil || p.Code != refusal.Forbidden {
		t.Errorf("no right: %q, %v", p.Code, err)
	}
}

// tokenHall is a hall whose meter has tokens, the newest first.
type tokenHall struct {
	*hall
	list []sale.Token
}

func (h tokenHall) VendTokens(int64, id.ID, int) ([]sale.Token, error) { return h.list, nil }
func (h tokenHall) TokenForPush(token id.ID) (sale.Token, string, bool, error) {
	for _, t := range h.list {
		if t.ID == token {
			return t, map[bool]string{true: meterB, false: meterA}[t.ID[14] == 1], true, nil
		}
	}
	return sale.Token{}, "", false, nil
}

// TokenByHash finds a token that is sealed as its digits.
func (h tokenHall) TokenByHash(hash []byte) (sale.Token, id.ID, bool, error) {
	for _, t := range h.list {
		if bytes.Equal(hash, h.Hash(sale.HashContext, t.Sealed)) {
			return t, id.ID{2}, true, nil
		}
	}
	return sale.Token{}, id.ID{}, false, nil
}

// TestATokenIsOrdered checks that an order names a token by its identity, or means the newest token that is not known to be in the meter.
func TestATokenIsOrdered(t *testing.T) {
	token := func(n byte, s sale.TokenState, sealed string) sale.Token {
		return sale.Token{ID: id.ID{15: n}, State: s, Sealed: sale.Sealed(sealed), Sale: id.ID{n}, Units: 100}
	}
	elsewhere := sale.Token{ID: id.ID{14: 1, 15: 9}, State: sale.TokenIssued, Sealed: sale.Sealed("x")}
	change := token(5, sale.TokenIssued, "x")
	change.Class, change.SubClass = 2, 3
	list := []sale.Token{token(1, sale.TokenAccepted, "x"), token(2, sale.TokenReversed, "x"), token(3, sale.TokenIssued, ""), token(4, sale.TokenIssued, "x"), change, elsewhere}
	for _, c := range []struct {
		name, token, via string
		want             string // the refusal's beginning
		purpose          notify.Purpose
		phone            string
		of               byte
		sale             notify.LastSale
		amount           money.Minor
	}{
		{"the newest, to the customer", "", sale.RouteSMS, "", notify.PurposeTokenFree, amina, 4, notify.LastSale{}, 0},
		{"the newest, with what was paid", "", sale.RouteSMS, "", notify.PurposeLast, amina, 4, notify.LastSale{Vend: id.ID{4}, Tender: money.Amount{Minor: 700, Currency: "KES"}}, 700},
		{"the newest, which is not of the last sale", "", sale.RouteSMS, "", notify.PurposeTokenFree, amina, 4, notify.LastSale{Vend: id.ID{3}, Tender: money.Amount{Minor: 700}}, 0},
		{"the newest, to the meter", "", sale.RouteMeterSMS, "", notify.PurposeMeter, meterSIM, 4, notify.LastSale{}, 0},
		{"one by its identity", id.ID{15: 5}.Text(id.Token), sale.RouteSMS, "", notify.PurposeKeyChange, amina, 5, notify.LastSale{Vend: id.ID{5}, Tender: money.Amount{Minor: 700}}, 0},
		{"one that is in the meter", id.ID{15: 1}.Text(id.Token), sale.RouteSMS, "Meter 04140001001 already has this token.", "", "", 0, notify.LastSale{}, 0},
		{"one of another meter", elsewhere.ID.Text(id.Token), sale.RouteSMS, "Meter 04140001001 has no such token.", "", "", 0, notify.LastSale{}, 0},
		{"one that is none", id.ID{15: 8}.Text(id.Token), sale.RouteSMS, "Meter 04140001001 has no such token.", "", "", 0, notify.LastSale{}, 0},
		{"no token", "123", sale.RouteSMS, "token must be the id of a token", "", "", 0, notify.LastSale{}, 0},
	} {
		h, _, _ := newHall(t)
		h.meter = registry.Meter{N: 1, Number: meterA}
		if !c.sale.Vend.IsZero() {
			h.office.sales = map[int64]notify.LastSale{1: c.sale}
		}
		x := tokenHall{h, list}
		dispatcher := notify.New(notify.Config{Door: doorTo[notify.Tx]{x}, Opener: h, Hasher: h, Routes: h.routes, Now: func() time.Time { return h.now }})
		got, err := dispatcher.Send(t.Context(), clerk(), notify.MessageRequest{Meter: meterA, Token: c.token, Via: c.via})
		if err != nil || !strings.HasPrefix(got.What, c.want) || got.Refused() != (c.want != "") {
			t.Errorf("%s: %q, %v; want %q", c.name, got.What, err, c.want)
			continue
		}
		if c.want != "" {
			continue
		}
		m := got.Messages[0]
		if m.Purpose != c.purpose || m.Phone != c.phone || m.Token != (id.ID{15: c.of}) || m.Vend != (id.ID{c.of}) || m.Args.Units != 100 || m.Args.Amount != c.amount {
			t.Errorf("%s: %+v", c.name, m)
		}
	}
	for class, subclasses := range map[uint8][]uint8{2: {3, 4, 8, 9}} {
		for sub := range uint8(16) {
			if got, want := notify.PurposeOfToken(sale.Token{Class: class, SubClass: sub}, 1, false) == notify.PurposeKeyChange, slices.Contains(subclasses, sub); got != want {
				t.Errorf("a token of class %d, %d changes the key: %t, want %t", class, sub, got, want)
			}
			if notify.PurposeOfToken(sale.Token{SubClass: sub}, 1, false) != notify.PurposeToken {
				t.Errorf("a credit token of subclass %d", sub)
			}
		}
	}
}

// TestAMessageThatNoRouteTakes checks that such a message fails at once if no other server could take it, and otherwise expires at the end
// of its lifetime.
func TestAMessageThatNoRouteTakes(t *testing.T) {
	for _, alone := range []bool{true, false} {
		h, _, b := newHall(t)
		routes := []notify.Configured{{Route: b, Prefixes: []string{"+2557"}}}
		h.dispatcher = notify.New(notify.Config{Door: h, Hasher: h, Routes: routes, Alone: alone, Now: func() time.Time { return h.now }})
		m := h.queues(notify.Draft{Purpose: notify.PurposeWritten, Text: "hello"})
		h.of(m).Tries = 0
		said := h.serves()
		if alone {
			h.want("nobody else could", said, "message.failed purpose=text why=no route takes it")
			continue
		}
		h.want("another server may", said, "")
		h.now = h.now.Add(24*time.Hour - time.Second)
		h.want("until its time is over", h.serves(), "")
		h.now = h.now.Add(time.Second)
		h.want("its time is over", h.serves(), "message.expired purpose=text why=no route takes it")
	}
}

// TestWhoIsNotRegisteredAnyMoreIsSentNothing checks that a number that is not registered any more gets only texts that a person wrote to
// it.
func TestWhoIsNotRegisteredAnyMoreIsSentNothing(t *testing.T) {
	for _, c := range []struct {
		purpose notify.Purpose
		phone   string
		want    notify.State
	}{{notify.PurposeCutOff, amina, notify.SentOut}, {notify.PurposeCutOff, juma, notify.Suppressed}, {notify.PurposeWritten, amina, notify.SentOut}, {notify.PurposeWritten, juma, notify.SentOut}} {
		h, _, _ := newHall(t)
		m := h.queues(notify.Draft{Purpose: c.purpose, Phone: c.phone, Text: "hello", Meter: 1, Number: meterA, Args: notify.Args{Meter: meterA, Currency: "KES"}})
		h.serves()
		if got := h.of(m).State; got != c.want {
			t.Errorf("%s to %s: %s (%s), want %s", c.purpose, c.phone, got, h.of(m).Failure, c.want)
		}
	}
}

// TestAReportComesBeforeTheAnswerOfItsRoute checks that a report is recorded even while the route's worker is still sending the message.
func TestAReportComesBeforeTheAnswerOfItsRoute(t *testing.T) {
	for state, want := range map[notify.ReportState]string{notify.Delivered: "message.delivered purpose=text", notify.Failed: ""} {
		h, _, _ := newHall(t)
		m := h.queues(notify.Draft{Purpose: notify.PurposeWritten, Text: "hello"})
		h.of(m).Route, h.of(m).Tries = "a", 1
		h.tries[m] = []notify.Try{{N: 1, Route: "a", At: h.now}}
		if err := h.dispatcher.Inbox(1).Report(t.Context(), notify.Report{Route: "a", ID: m.Text(id.Message), State: state, Why: "absent"}); err != nil {
			t.Fatal(err)
		}
		if got := h.says(); !strings.HasPrefix(got, want) || (got == "") != (want == "") || h.tries[m][0].Report != state.String() || h.tries[m][0].Outcome != "" {
			t.Errorf("%s: wrote %q, tried %+v", state, got, h.tries[m][0])
		}
	}
	arrived, _, _ := newHall(t)
	m := arrived.queues(notify.Draft{Purpose: notify.PurposeWritten, Text: "hello"})
	arrived.of(m).Incoming = true
	if err := arrived.dispatcher.Inbox(1).Report(t.Context(), notify.Report{Route: "a", ID: m.Text(id.Message), State: notify.Delivered}); err != nil || arrived.says() != "" {
		t.Errorf("a report about a message that came in: %v", err)
	}
	for _, s := range notify.States() {
		if got, want := s.Over(), slices.Contains([]notify.State{notify.Answered, notify.Lost, notify.Expired, notify.Suppressed, notify.Received}, s); got != want {
			t.Errorf("%s is over: %t, want %t", s, got, want)
		}
	}
}

// doorTo runs every transaction on the rows of tx.
type doorTo[X any] struct{ tx X }

func (d doorTo[X]) Do(_ context.Context, _ access.Tenant, fn func(X) (bool, error)) error {
	return commit(d.tx, fn)
}
func (d doorTo[X]) View(_ context.Context, _ access.Tenant, fn func(X) error) error { return fn(d.tx) }
