package console

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/words"
)

// messageLine is a message as the list shows it. It never has the digits of a token.
type messageLine struct {
	ID, What, Phone, Meter, Route, At, Steps, Cost, Text, Failure, Track string
	State                                                                badge
	Again                                                                bool // the message may be sent once more
}

// routeLine is the present state of a route.
type routeLine struct {
	Name, Kind, Why, Last, Memory string
	State                         badge
}

// messagePage is the list of messages with the routes.
type messagePage struct {
	FormID, Meter, State, Next, Error string
	Rows                              []messageLine
	Routes                            []routeLine
	Months                            []string
	May                               bool
}

func (s *Console) messages(w http.ResponseWriter, r *http.Request, v visit) {
	s.showMessages(w, r, v, http.StatusOK, "")
}

func (s *Console) showMessages(w http.ResponseWriter, r *http.Request, v visit, status int, wrong string) {
	q := r.URL.Query()
	d := messagePage{Meter: q.Get("meter"), State: q.Get("state"), Error: wrong, May: v.by.May(access.SendMessages)}
	list, err := s.c.Messages.List(r.Context(), v.by, notify.List{Meter: d.Meter, State: notify.State(d.State), Page: registry.Page{Limit: pageSize, Cursor: q.Get("cursor")}})
	if s.stopped(w, r, v, err, list.Refusal) {
		return
	}
	routes, err := s.c.Messages.Routes(r.Context(), v.by)
	if err == nil {
		d.FormID, err = s.formID(v)
	}
	if err != nil {
		s.broken(w, r, v, err)
		return
	}
	for _, m := range list.Data {
		d.Rows = append(d.Rows, v.site.message(m))
	}
	t := v.site.say
	for _, route := range routes.Routes {
		line := routeLine{Name: route.Name, Kind: route.Kind, Why: route.Why, State: badge{"●", t.MessagesWorks(), classOK}, Last: t.MessagesNothingSent()}
		if route.Down {
			line.State = badge{"■", t.MessagesDownSince(v.site.clock(route.Since)), classBad}
		}
		if !route.Last.IsZero() {
			line.Last = t.MessagesLastSent(v.site.clock(route.Last))
		}
		if m := route.Memory; m.Slots > 0 {
			line.Memory = t.MessagesMemory(strconv.Itoa(m.Used), strconv.Itoa(m.Slots))
			if m.AlmostFull {
				line.Memory = t.MessagesMemoryFull(strconv.Itoa(m.Used), strconv.Itoa(m.Slots))
			}
		}
		d.Routes = append(d.Routes, line)
	}
	for _, m := range routes.Months {
		d.Months = append(d.Months, t.MessagesCostOfMonth(m.Month, m.Route, strconv.FormatInt(m.Messages, 10), strconv.FormatInt(m.Parts, 10), v.site.cost(m.Cost)))
	}
	d.Next = nextPage("/messages", url.Values{"meter": {d.Meter}, "state": {d.State}}, list.Next)
	s.show(w, r, status, messagesView(s.page(r, v, t.MessagesTitle()), d))
}

// messageTry is one attempt to send a message, as its page shows it.
type messageTry struct {
	N, At, Route, Outcome, Report, Parts, Cost, Why string
}

// messageDetail is one message with every attempt to send it.
type messageDetail struct {
	messageLine
	FormID, Error string
	Times         []stepLine // each step, and the next attempt
	Tries         []messageTry
	Routes        []string
	May           bool
}

// step is a step of a message with the time at which it was reached; zero if it was not reached yet.
type step struct {
	name, text string
	at         time.Time
}

func (s *Console) message(w http.ResponseWriter, r *http.Request, v visit) {
	s.showMessage(w, r, v, http.StatusOK, "")
}

func (s *Console) showMessage(w http.ResponseWriter, r *http.Request, v visit, status int, wrong string) {
	d, ok := s.messageOf(w, r, v)
	if !ok {
		return
	}
	d.Error = wrong
	p := s.page(r, v, v.site.say.MessageTitle())
	p.Live, p.Htmx = d.path()+"/live", true
	s.show(w, r, status, messageView(p, d))
}

// attempts answers with only the attempts, for a page whose state has changed.
func (s *Console) attempts(w http.ResponseWriter, r *http.Request, v visit) {
	if d, ok := s.messageOf(w, r, v); ok {
		s.show(w, r, http.StatusOK, attemptsView(d))
	}
}

// messageOf reads the message of a page. It has answered if it returns false.
func (s *Console) messageOf(w http.ResponseWriter, r *http.Request, v visit) (messageDetail, bool) {
	shown, err := s.c.Messages.Show(r.Context(), v.by, r.PathValue("message"))
	if s.stopped(w, r, v, err, shown.Refusal) {
		return messageDetail{}, false
	}
	routes, err := s.c.Messages.Routes(r.Context(), v.by)
	d := v.site.messageDetail(shown)
	d.May = v.by.May(access.SendMessages)
	if err == nil {
		d.FormID, err = s.formID(v)
	}
	if err != nil {
		s.broken(w, r, v, err)
		return d, false
	}
	for _, route := range routes.Routes {
		d.Routes = append(d.Routes, route.Name)
	}
	return d, true
}

// messageLive streams the state of a message and the times of its steps.
func (s *Console) messageLive(w http.ResponseWriter, r *http.Request) {
	message := r.PathValue("message")
	s.stream(w, r, func(ctx context.Context, v visit) (frame, bool, error) {
		shown, err := s.c.Messages.Show(ctx, v.by, message)
		if err != nil || shown.Refused() {
			return nil, false, err
		}
		return frame{messageElement: v.site.messageDetail(shown).cells()}, true, nil
	})
}

// messageElement is the id of the element that updates.
const messageElement = "message"

// path is the address of the message's page.
func (d messageDetail) path() string { return "/messages/" + d.ID }

// cells are the parts of the page that update. The number of attempts changes with each attempt, so that the page fetches them.
func (d messageDetail) cells() map[string]cell {
	out := map[string]cell{"state": d.State.cell(), "failure": {d.Failure}, "cost": {d.Cost}, "tries": {strconv.Itoa(len(d.Tries))}}
	for _, step := range d.Times {
		out[step.Name] = cell{step.At}
	}
	return out
}

func (t site) messageDetail(s notify.MessageView) messageDetail {
	m := s.Message
	d := messageDetail{messageLine: t.message(m)}
	next := m.NextAt
	if !m.Open {
		next = time.Time{}
	}
	for _, step := range []step{{"queued", t.say.MessageQueued(), m.CreatedAt}, {"sent", t.say.MessageSent(), m.SentAt}, {"delivered", t.say.MessageDelivered(), m.DeliveredAt},
		{"answered", t.say.MessageAnswered(), m.AnsweredAt}, {"ended", t.say.MessageEnded(), m.EndedAt}, {"next", t.say.MessageNext(), next}} {
		line := stepLine{Name: step.name, Text: step.text, At: nothing}
		if !step.at.IsZero() {
			line.At = t.clock(step.at)
		}
		if line.At != nothing || !m.Incoming { // nobody answers a message from a customer with a report
			d.Times = append(d.Times, line)
		}
	}
	for _, x := range s.Tries {
		line := messageTry{N: strconv.Itoa(x.N), At: t.clock(x.At), Route: x.Route, Outcome: t.say.Name("attempt", x.Outcome), Report: x.Report, Parts: strconv.Itoa(x.Parts),
			Cost: t.cost(x.Cost), Why: notify.Visible(x.Why)}
		if x.Outcome == "" {
			line.Outcome = t.say.MessageUnderWay()
		}
		if x.Asking {
			line.Why = sentences(t.say.MessageAsked(), line.Why)
		}
		d.Tries = append(d.Tries, line)
	}
	return d
}

// cost writes millionths of the currency's unit with four decimals, because a message costs less than a coin.
func (t site) cost(micro int64) string {
	c, known := money.CurrencyOf(t.currency)
	if !known {
		c = money.Currency{Exp: 2}
		return t.say.Rate(money.MicroRate(micro), c)
	}
	return t.say.Price(money.MicroRate(micro), c)
}

func (t site) message(m notify.Message) messageLine {
	line := messageLine{ID: m.ID.Text(id.Message), What: t.say.Name("message", string(m.Purpose)), Phone: t.say.MessagesTo(notify.Visible(m.Phone)), Meter: m.Number, Route: m.Route, At: t.clock(m.CreatedAt),
		Cost: t.cost(m.Cost), Text: notify.Visible(m.Text), Failure: notify.Visible(m.Failure), State: messageBadge(t.say, m.State)}
	if m.Incoming {
		line.Phone, line.Cost = t.say.MessagesFrom(notify.Visible(m.Phone)), ""
	}
	if m.Purpose == notify.PurposeMeter && m.Number != "" && !m.Token.IsZero() {
		line.Track = trackPath(m.Number, m.Token.Text(id.Token))
	}
	var steps []string
	for _, step := range []struct {
		text func(at string) string
		at   time.Time
	}{{t.say.MessagesSentAt, m.SentAt}, {t.say.MessagesDeliveredAt, m.DeliveredAt}, {t.say.MessagesAnsweredAt, m.AnsweredAt}} {
		if !step.at.IsZero() {
			steps = append(steps, step.text(t.minute(step.at)))
		}
	}
	line.Steps = t.say.List(steps...)
	line.Again = !m.Incoming && (m.State == notify.Lost || m.State == notify.Expired || m.State == notify.Uncertain || m.State == notify.Queued || m.State == notify.SentOut)
	return line
}

func messageBadge(t *words.Texts, s notify.State) badge {
	name := t.Name("message-state", string(s))
	switch s {
	case notify.Answered, notify.Arrived:
		return badge{"●", name, classOK}
	case notify.Received:
		return badge{"●", name, classOff}
	case notify.Lost, notify.Expired:
		return badge{"■", name, classBad}
	case notify.Queued, notify.Suppressed:
		return badge{"○", name, classOff}
	case notify.SentOut:
		return badge{onward(t), name, classOff}
	}
	return badge{"▲", name, classWarn}
}

// retryMessage sends a message once more, by the named route or by the first that works.
func (s *Console) retryMessage(w http.ResponseWriter, r *http.Request, v visit) {
	var done notify.MessageView
	var err error
	if !v.owns(r.PostFormValue("form")) {
		done.Refusal = refuse.MessageFormOfOtherSession()
	} else {
		done, err = s.c.Messages.Retry(r.Context(), v.by, r.PathValue("message"), r.PostFormValue("route"))
	}
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case done.Refused():
		s.showMessage(w, r, v, max(done.Code.Status(), http.StatusBadRequest), v.site.say.Refusal(done.Refusal).Detail())
	default:
		http.Redirect(w, r, "/messages/"+done.Message.ID.Text(id.Message), http.StatusSeeOther)
	}
}

// warningsWord says whether a customer wants warnings.
func warningsWord(t *words.Texts, wanted bool) string {
	if wanted {
		return t.CustomersWanted()
	}
	return t.CustomersNotWanted()
}

// reasonCodes are the reasons for tokens that nobody buys.
func reasonCodes() []string { return vending.ReasonCodes() }
