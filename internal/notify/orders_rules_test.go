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
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
)

// shop extends till with the tokens of the till's meter.
type shop struct {
	*till
	list  []sale.Token // tokens of the meter
	here  bool         // the tokens were sold to the account that the meter supplies now
	known bool         // the meter is registered
}

func (s *shop) Recipients() notify.RecipientTx                     { return s }
func (s *shop) Carried() notify.CarriedTx                          { return s }
func (s *shop) Meters() registry.MeterLookup                       { return s }
func (s *shop) SoldHere(id.ID) (bool, error)                       { return s.here, nil }
func (s *shop) MeterByNumber(string) (registry.Meter, bool, error) { return s.meter, s.known, nil }
func (s *shop) VendTokens(int64, id.ID, int) ([]sale.Token, error) { return s.list, nil }
func (s *shop) TokenByHash([]byte) (t sale.Token, m id.ID, found bool, err error) {
	if len(s.list) > 0 {
		t = s.list[0]
	}
	return t, m, len(s.list) > 0, nil
}
func (s *shop) TokenForPush(token id.ID) (sale.Token, string, bool, error) {
	for _, t := range s.list {
		if t.ID == token {
			return t, meterA, true, nil
		}
	}
	return sale.Token{}, "", false, nil
}

func newShop(t *testing.T) *shop {
	s := &shop{till: newTill(t), here: true, known: true}
	s.meter.Simulated = true
	s.list = []sale.Token{{ID: id.ID{15: 4}, State: sale.TokenIssued, Sealed: sale.Sealed("12345678901234567890"), Sale: id.ID{4}, Units: 100}}
	c := s.config()
	c.Door = doorTo[notify.Tx]{s}
	s.dispatcher = notify.New(c)
	return s
}

// TestWhatIsRefusedToBeSent checks that each refusal gives its reason in a sentence.
func TestWhatIsRefusedToBeSent(t *testing.T) {
	const noNumber = "The message has no telephone number to go to."
	for name, c := range map[string]struct {
		wish notify.MessageRequest
		do   func(*shop)
		want string
	}{
		"a route":                 {notify.MessageRequest{Phone: amina, Text: "x", Route: strings.Repeat("r", 41)}, nil, "This server has no route " + strings.Repeat("r", 40) + "… for messages."},
		"a text and a token":      {notify.MessageRequest{Phone: amina, Text: "x", Token: "y"}, nil, "A message carries a text or a token, not both."},
		"a text to a SIM":         {notify.MessageRequest{Phone: amina, Text: "x", Via: sale.RouteMeterSMS}, nil, "Only a token can be sent to the SIM of a meter, not a text."},
		"neither":                 {notify.MessageRequest{Phone: amina}, nil, "A message needs a text, or a meter whose token it carries."},
		"blanks":                  {notify.MessageRequest{Phone: amina, Text: " \n"}, nil, "The text has only spaces."},
		"a long text":             {notify.MessageRequest{Phone: amina, Text: strings.Repeat("x", 481)}, nil, "A text can have at most 480 bytes."},
		"a token in a text":       {notify.MessageRequest{Phone: amina, Text: "123456789012345678"}, nil, "The text has digits that look like a token."},
		"by no way":               {notify.MessageRequest{Meter: meterA}, nil, `via cannot be "".`},
		"by another way":          {notify.MessageRequest{Meter: meterA, Via: "mqtt"}, nil, `via cannot be "mqtt".`},
		"a token elsewhere":       {notify.MessageRequest{Meter: meterA, Phone: juma, Via: sale.RouteSMS}, nil, "A token goes to the registered telephone or to the SIM of the meter, not to another number."},
		"no SIM":                  {notify.MessageRequest{Meter: meterA, Via: sale.RouteMeterSMS}, func(s *shop) { s.to.SIM = "" }, "The number of the SIM in meter 04140001001 is not registered."},
		"no telephone":            {notify.MessageRequest{Meter: meterA, Via: sale.RouteSMS}, func(s *shop) { s.to.Phone = "" }, noNumber},
		"no telephone for a text": {notify.MessageRequest{Meter: meterA, Text: "x"}, func(s *shop) { s.to.Phone = "" }, noNumber},
		"a former customer's":     {notify.MessageRequest{Meter: meterA, Via: sale.RouteSMS}, func(s *shop) { s.here = false }, "The token was sold to a former customer of meter 04140001001. It is not sent to the present customer."},
		"no token":                {notify.MessageRequest{Meter: meterA, Via: sale.RouteSMS}, func(s *shop) { s.list = nil }, "Meter 04140001001 has no token that could be sent."},
		"no token of its digits":  {notify.MessageRequest{Meter: meterA, Via: sale.RouteSMS, Token: "12345678901234567890"}, func(s *shop) { s.list = nil }, "Meter 04140001001 has no such token."},
		"a token that is over":    {notify.MessageRequest{Meter: meterA, Via: sale.RouteSMS, Token: "12345678901234567890"}, func(s *shop) { s.list[0].State = sale.TokenReversed }, "This token of meter 04140001001 is no longer valid."},
		"one without digits":      {notify.MessageRequest{Meter: meterA, Via: sale.RouteSMS, Token: (id.ID{15: 4}).Text(id.Token)}, func(s *shop) { s.list[0].Sealed = nil }, "The server does not have the digits of this token of meter 04140001001."},
		"nineteen digits":         {notify.MessageRequest{Meter: meterA, Via: sale.RouteSMS, Token: "1234567890123456789"}, nil, "token must be the id of a token (tok_…) or its 20 digits."},
		"letters in a number":     {notify.MessageRequest{Phone: "+25470000000x", Text: "x"}, nil, `"+25470000000x" is not a telephone number.`},
	} {
		s := newShop(t)
		if c.do != nil {
			c.do(s)
		}
		got, err := s.dispatcher.Send(t.Context(), clerk(), c.wish)
		if err != nil || got.What != c.want || len(s.messages) != 0 || s.says() != "" || got.Not != "No message was sent." || got.Try == "" {
			t.Errorf("%s: %q, %v, %d messages; want %q", name, got.Detail(), err, len(s.messages), c.want)
		}
	}
	s := newShop(t)
	s.known = false
	if got, err := s.dispatcher.Send(t.Context(), clerk(), notify.MessageRequest{Meter: meterA, Via: sale.RouteSMS}); err != nil || got.Detail() != registry.NoMeter(meterA).Detail() || len(s.messages) != 0 {
		t.Errorf("no meter: %q, %v", got.Detail(), err)
	}
	none := notify.New(notify.Config{})
	if got, err := none.Send(t.Context(), clerk(), notify.MessageRequest{Phone: amina, Text: "x"}); err != nil || got.What != "This server has no route for messages." || got.Not != "No message was sent." {
		t.Errorf("without routes: %q, %v", got.What, err)
	}
	if got, err := none.Send(t.Context(), access.Actor{Tenant: 1, Role: access.VendorAPI}, notify.MessageRequest{}); err != nil || got.Code != refusal.Forbidden {
		t.Errorf("no right to send: %q, %v", got.Code, err)
	}
	if got, err := none.Routes(t.Context(), access.Actor{Tenant: 1, Role: access.VendorAPI}); err != nil || got.Code != refusal.Forbidden {
		t.Errorf("no right to see the routes: %q, %v", got.Code, err)
	}
}

// TestWhatAnOrderBrings checks that the message of a request names the meter and its customer, and for a token also its sale.
func TestWhatAnOrderBrings(t *testing.T) {
	at := time.Date(2026, 11, 1, 9, 0, 0, 0, time.FixedZone("EAT", 3*3600))
	for name, c := range map[string]struct {
		wish  notify.MessageRequest
		do    func(*shop)
		want  notify.Purpose
		phone string
		state notify.State
	}{
		"a text":                   {notify.MessageRequest{Meter: meterA, Text: "hello"}, nil, notify.PurposeWritten, amina, notify.Queued},
		"a text to another number": {notify.MessageRequest{Meter: meterA, Phone: juma, Text: "hello"}, nil, notify.PurposeWritten, juma, notify.Queued},
		"a text after STOP":        {notify.MessageRequest{Meter: meterA, Text: "hello", Route: "b"}, func(s *shop) { s.to.Notices = false }, notify.PurposeWritten, amina, notify.Suppressed},
		"a text to nobody's meter": {notify.MessageRequest{Meter: meterA, Phone: juma, Text: "hello"}, func(s *shop) { s.to = notify.Addressee{} }, notify.PurposeWritten, juma, notify.Queued},
		"a token":                  {notify.MessageRequest{Meter: meterA, Via: sale.RouteSMS}, nil, notify.PurposeTokenFree, amina, notify.Queued},
		"a token of the last sale": {notify.MessageRequest{Meter: meterA, Via: sale.RouteSMS}, func(s *shop) {
			s.office.sales[1] = notify.LastSale{Vend: id.ID{4}, At: at, Tender: money.Amount{Minor: 7, Currency: "KES"}}
		}, notify.PurposeLast, amina, notify.Queued},
		"a token of a change": {notify.MessageRequest{Meter: meterA, Via: sale.RouteSMS}, func(s *shop) {
			s.list[0].Class, s.list[0].SubClass = 2, 3
			s.office.sales[1] = notify.LastSale{Vend: id.ID{4}}
		}, notify.PurposeKeyChange, amina, notify.Queued},
		"a token of no sale":               {notify.MessageRequest{Meter: meterA, Via: sale.RouteSMS}, func(s *shop) { s.list[0].Sale, s.here = id.ID{}, false }, notify.PurposeTokenFree, amina, notify.Queued},
		"a token that another has by MQTT": {notify.MessageRequest{Meter: meterA, Via: sale.RouteMeterSMS}, func(s *shop) { s.here = false }, notify.PurposeMeter, meterSIM200, notify.Queued},
		"the second is the newest that is good": {notify.MessageRequest{Meter: meterA, Via: sale.RouteMeterSMS}, func(s *shop) {
			s.list = append([]sale.Token{{ID: id.ID{15: 3}, Sealed: sale.Sealed("x"), State: sale.TokenAccepted}}, s.list...)
		}, notify.PurposeMeter, meterSIM200, notify.Queued},
	} {
		s := newShop(t)
		if c.do != nil {
			c.do(s)
		}
		got, err := s.dispatcher.Send(t.Context(), clerk(), c.wish)
		if err != nil || got.Refused() || len(s.messages) != 1 {
			t.Errorf("%s: %s, %v", name, got.Detail(), err)
			continue
		}
		m := s.messages[0]
		if m.Purpose != c.want || m.Phone != c.phone || m.State != c.state || m.Meter != 1 || m.Number != meterA || m.Args.Meter != meterA || !m.Args.Test || m.Customer != s.to.Customer || m.Args.Utility != s.to.Utility || m.Args.Contact != s.to.Contact || m.By != clerk().String() {
			t.Errorf("%s: %+v", name, m)
		}
		if m.State == notify.Suppressed && m.Route != "" || m.Purpose == notify.PurposeLast && (m.Args.Amount != 7 || m.Args.Currency != "KES" || !m.Args.At.Equal(at) || m.Args.At.Location() != time.UTC) {
			t.Errorf("%s: %+v", name, m)
		}
		if step := m.Args.Step; (step == 1 && m.Args.Of == 1) != (m.Purpose == notify.PurposeKeyChange) || m.Purpose != notify.PurposeWritten && (m.Token != (id.ID{15: 4}) || m.Args.Units != 100) {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

// TestARequestWithAKeyMakesOneMessage checks that a repetition makes no second message. Another key, principal or body makes one.
func TestARequestWithAKeyMakesOneMessage(t *testing.T) {
	s := newShop(t)
	wish := func(o access.Once) notify.MessageRequest {
		return notify.MessageRequest{Phone: amina, Text: "hello", Once: o}
	}
	var ids []id.ID
	for _, o := range []access.Once{{Key: "k", Principal: "p"}, {Key: "k", Principal: "p"}, {Key: "k2", Principal: "p"}, {Key: "k", Principal: "q"}, {Key: "k", Principal: "p", Hash: [32]byte{1}}, {}, {}, {Principal: "p"}} {
		got, err := s.dispatcher.Send(t.Context(), clerk(), wish(o))
		if err != nil || len(got.Messages) != 1 {
			t.Fatal(got.Detail(), err)
		}
		ids = append(ids, got.Messages[0].ID)
	}
	if ids[0] != ids[1] || len(s.messages) != 7 || ids[5] == ids[6] {
		t.Errorf("%d messages: %v", len(s.messages), ids)
	}
	for i, m := range s.messages {
		if (m.Identity == [16]byte{}) != (i >= 4) {
			t.Errorf("message %d has the identity %x", i, m.Identity)
		}
	}
}

// TestANumberThatIsNotRegisteredAnyMore checks that such a number gets no message about a meter. A warning before a cut-off goes to the
// number that replaced it.
func TestANumberThatIsNotRegisteredAnyMore(t *testing.T) {
	const gone, stop = "the number is not registered any more", "the customer wants no such messages (STOP)"
	for name, c := range map[string]struct {
		draft notify.Draft
		do    func(*shop, *notify.Message)
		state notify.State
		why   string
		anew  string // state of the message that replaces the test's message
		says  string // the rows written
	}{
		"as it was":      {warning(), func(*shop, *notify.Message) {}, notify.SentOut, "", "", "given"},
		"another number": {warning(), func(s *shop, _ *notify.Message) { s.to.Phone = juma }, notify.Suppressed, gone, "queued", ""},
		"another number, and nobody knows of the first": {warning(), func(s *shop, m *notify.Message) { s.to.Phone, m.State = juma, notify.Uncertain }, notify.Suppressed, gone, "queued", ""},
		"another number, and it was given":              {warning(), func(s *shop, m *notify.Message) { s.to.Phone, m.State = juma, notify.SentOut }, notify.Suppressed, gone, "", ""},
		"another customer":                              {warning(), func(s *shop, _ *notify.Message) { s.to.Phone, s.to.Customer = juma, id.ID{3} }, notify.Suppressed, gone, "", ""},
		"nobody":                                        {warning(), func(s *shop, _ *notify.Message) { s.found = false }, notify.Suppressed, gone, "", ""},
		"no number":                                     {warning(), func(s *shop, _ *notify.Message) { s.to.Phone = "" }, notify.Suppressed, gone, "suppressed", "given notice.wallet-used-up"},
		"another kind of notice":                        {toCustomer(), func(s *shop, _ *notify.Message) { s.to.Phone = juma }, notify.Suppressed, gone, "", ""},
		"a text to another number":                      {text(), func(s *shop, _ *notify.Message) { s.to.Phone = juma }, notify.SentOut, "", "", ""},
		"a text to nobody":                              {text(), func(s *shop, _ *notify.Message) { s.found, s.to.Notices = false, false }, notify.SentOut, "", "", ""},
		"a text after STOP":                             {text(), func(s *shop, m *notify.Message) { m.Customer, s.to.Notices = s.to.Customer, false }, notify.Suppressed, stop, "", ""},
		"a text to another, who said STOP":              {text(), func(s *shop, m *notify.Message) { m.Customer, s.to.Notices = id.ID{3}, false }, notify.SentOut, "", "", ""},
		"a token after STOP":                            {toCustomer(), func(s *shop, m *notify.Message) { m.Customer, s.to.Notices = s.to.Customer, false }, notify.SentOut, "", "", ""},
		"what is about no meter":                        {text(), func(s *shop, m *notify.Message) { m.Number, m.Customer, s.to.Notices = "", s.to.Customer, false }, notify.SentOut, "", "", ""},
		"another SIM":                                   {toMeter(), func(s *shop, m *notify.Message) { m.Phone = juma }, notify.Suppressed, gone, "", ""},
		"the SIM, written in another way":               {toMeter(), func(s *shop, m *notify.Message) { s.to.SIM = "00255 700-000-200" }, notify.SentOut, "", "", ""},
		"a number, written in another way":              {warning(), func(s *shop, m *notify.Message) { s.to.Phone = "00254 700 000 001" }, notify.SentOut, "", "", "given"},
	} {
		s := newShop(t)
		s.list[0].ID = id.ID{15: 1}
		if c.draft.Purpose == notify.PurposeMeter {
			c.draft.Phone = meterSIM200
		}
		m := s.queues(c.draft)
		c.do(s, s.of(m))
		if _, err := s.dispatcher.Serve(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		said := s.says()
		if x := s.of(m); x.State != c.state || x.Failure != c.why || !x.EndedAt.IsZero() != (c.why != "") {
			t.Errorf("%s: %s, want %s, %s", name, s.state(m), c.state, c.why)
		}
		anew := ""
		if len(s.messages) > 1 {
			x := s.messages[1]
			anew = map[bool]string{true: "queued", false: string(x.State)}[x.State == notify.SentOut]
			if x.Phone != s.to.Phone || x.Customer != s.to.Customer || x.Purpose != notify.PurposeCutSoon || x.Meter != 1 || x.Number != meterA || x.Args.Account == "" || x.Lang != "en" {
				t.Errorf("%s: anew %+v", name, x)
			}
		}
		if anew != c.anew || !strings.Contains(said, c.says) || (c.why != "") != strings.Contains(said, "message.suppressed") || c.says == "" && c.anew == "" && strings.Contains(said, "given") {
			t.Errorf("%s: anew %q, want %q; wrote %q", name, anew, c.anew, said)
		}
	}
}

// TestAMessageIsShownWithItsTries also checks that an unknown message, route or state is refused.
func TestAMessageIsShownWithItsTries(t *testing.T) {
	h, _, _ := newHall(t)
	m := h.queues(text())
	h.serves()
	got, err := h.dispatcher.Show(t.Context(), clerk(), m.Text(id.Message))
	if err != nil || got.Refused() || got.Message.ID != m || len(got.Tries) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	for _, name := range []string{"x", id.ID{9}.Text(id.Message)} {
		if got, err := h.dispatcher.Show(t.Context(), clerk(), name); err != nil || got.What != "Message "+name+" was not found." || got.Code != refusal.NotFound || got.Try == "" {
			t.Errorf("%s: %q, %v", name, got.Detail(), err)
		}
	}
	if got, err := h.dispatcher.Retry(t.Context(), clerk(), m.Text(id.Message), strings.Repeat("r", 41)); err != nil || got.Detail() != "This server has no route "+strings.Repeat("r", 40)+"… for messages. No message was sent. Use one of its routes: a, b." {
		t.Errorf("%q, %v", got.What, err)
	}
	if got, err := h.dispatcher.List(t.Context(), clerk(), notify.List{State: notify.State(strings.Repeat("s", 41))}); err != nil || got.What != "Messages have no state \""+strings.Repeat("s", 40)+"…\"." {
		t.Errorf("%q, %v", got.What, err)
	}
}

// TestWhatIsSentAgainToWhomItDoesNotConcernAnyMore checks that a message is not sent again if its number is no longer registered, or if the
// customer refused its kind with STOP.
func TestWhatIsSentAgainToWhomItDoesNotConcernAnyMore(t *testing.T) {
	for _, c := range []struct {
		draft notify.Draft
		do    func(*shop, *notify.Message)
		want  string
	}{
		{warning(), func(s *shop, _ *notify.Message) { s.to.Phone = juma }, "Message {id} is for a telephone number that is no longer registered."},
		{text(), func(s *shop, m *notify.Message) { m.Customer, s.to.Notices = s.to.Customer, false }, "Message {id} is of a kind that the customer refused with STOP."},
	} {
		s := newShop(t)
		m := s.queues(c.draft)
		c.do(s, s.of(m))
		got, err := s.dispatcher.Retry(t.Context(), clerk(), m.Text(id.Message), "")
		if err != nil || got.What != strings.ReplaceAll(c.want, "{id}", m.Text(id.Message)) || got.Not != "No message was sent." || got.Code != refusal.InvalidRequest || s.says() != "" {
			t.Errorf("%q, %v; want %q", got.Detail(), err, c.want)
		}
	}
}

// TestWhatAReportSaysIsMadeStorable checks that invalid characters are replaced, also in the reference by which the message is found.
func TestWhatAReportSaysIsMadeStorable(t *testing.T) {
	h, a, _ := newHall(t)
	a.answers = []notify.Sent{{Outcome: notify.Accepted, Reference: "7\uFFFD"}}
	m := h.queues(text())
	h.serves()
	if err := h.dispatcher.Inbox(1).Report(t.Context(), notify.Report{Route: "a", Reference: "7\x00", State: notify.Failed, Why: "no\x00\xffway"}); err != nil || h.tries[m][0].Why != "no\uFFFD\uFFFDway" {
		t.Errorf("tried %+v, %v", h.tries[m], err)
	}
}

// TestAReportIsTakenForThreeDays checks that a reference finds its message for three days, because a route does not use the reference again
// sooner.
func TestAReportIsTakenForThreeDays(t *testing.T) {
	for ago, want := range map[time.Duration]notify.State{72*time.Hour - 1: notify.Arrived, 72 * time.Hour: notify.SentOut} {
		h, _, _ := newHall(t)
		m := h.queues(text())
		h.serves()
		h.now = h.now.Add(ago)
		if err := h.dispatcher.Inbox(1).Report(t.Context(), notify.Report{Route: "a", Reference: "1", State: notify.Delivered}); err != nil || h.of(m).State != want {
			t.Errorf("after %s: %s, %v; want %s", ago, h.of(m).State, err, want)
		}
	}
	h, _, _ := newHall(t)
	m := h.queues(text())
	report := notify.Report{Route: "a", ID: m.Text(id.Message), State: notify.Delivered}
	if err := h.dispatcher.Inbox(1).Report(t.Context(), report); err != nil || h.says() != "" || h.of(m).State != notify.Queued {
		t.Errorf("of a message without tries: %s, %v", h.state(m), err)
	}
	h.serves()
	if err := notify.New(notify.Config{Door: undone[notify.Tx]{doorTo[notify.Tx]{h}}, Now: func() time.Time { return h.now }}).Inbox(1).Report(t.Context(), report); !errors.Is(err, errStore) {
		t.Errorf("of a store that fails: %v", err)
	}
}
