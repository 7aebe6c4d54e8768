package console

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/webhook"
	"github.com/paywatt/paywatt/internal/words"
)

// webhooksPath is the list of webhooks. The page of one is below it.
const webhooksPath = "/webhooks"

// hookLine is a webhook as pages show it.
type hookLine struct {
	ID, URL        string
	Events         []webhook.Type
	Private, Works bool
	State          badge
}

func (l hookLine) path() string { return webhooksPath + "/" + l.ID }

// newHook is a webhook to add, as somebody typed it.
type newHook struct {
	URL     string
	Events  []webhook.Type
	Private bool
}

func (f newHook) chosen(t webhook.Type) bool { return slices.Contains(f.Events, t) }

func (f newHook) command() string {
	var options []string
	for _, t := range f.Events {
		options = append(options, "--event", string(t))
	}
	return commandLine("paywatt webhook add "+shellWord(cmp.Or(f.URL, "URL")), options...)
}

// shownSecret is a secret that was just made, and the approval that its webhook waits for; the paths are empty if there is none.
type shownSecret struct{ Secret, Path, Waits string }

// webhooksPage is the list of webhooks, with the form that adds one.
type webhooksPage struct {
	Rows                  []hookLine
	FormID, Error, Notice string
	Adds                  bool
	SignIn                string // address to sign in again; empty if the proof of identity is fresh enough
	Add                   newHook
	Made                  shownSecret
}

// deliveryLine is an event for a webhook as its page shows it.
type deliveryLine struct {
	ID, Sequence, Type, Attempts, Answer, At, Next string
	State                                          badge
}

// hookPage is one webhook with its deliveries.
type hookPage struct {
	hookLine
	Facts                         []factLine
	FormID, Error, Notice, SignIn string
	Manages                       bool
	Shown                         shownSecret
	Only                          string // state of the listed deliveries; empty for all
	Rows                          []deliveryLine
	Next, Since                   string
}

// Acts of the forms on a webhook's page.
const (
	actEnable  = "enable"
	actDisable = "disable"
	actRotate  = "rotate"
	actRemove  = "remove"
	actTest    = "test"
	actResend  = "resend"
	actRecover = "recover"
)

func (s *Console) webhookRoutes(m *http.ServeMux) {
	m.Handle("GET "+webhooksPath, s.signedIn(s.webhooks))
	m.Handle("POST "+webhooksPath, s.signedIn(s.addWebhook))
	m.Handle("GET "+webhooksPath+"/{webhook}", s.signedIn(s.webhook))
	m.Handle("POST "+webhooksPath+"/{webhook}", s.signedIn(s.changeWebhook))
}

// deliveryStates lists the states of deliveries, in the order of their way.
func deliveryStates() []webhook.State {
	return []webhook.State{webhook.Waiting, webhook.Delivered, webhook.Failed}
}

// webhooks lists the webhooks.
func (s *Console) webhooks(w http.ResponseWriter, r *http.Request, v visit) {
	d := webhooksPage{}
	if r.URL.Query().Has("done") {
		d.Notice = v.site.say.WebhooksRemoved()
	}
	s.showWebhooks(w, r, v, http.StatusOK, d)
}

func (s *Console) showWebhooks(w http.ResponseWriter, r *http.Request, v visit, status int, d webhooksPage) {
	list, err := s.c.Webhooks.List(r.Context(), v.by, registry.Page{Limit: webhook.MaxEndpoints})
	if s.stopped(w, r, v, err, list.Refusal) {
		return
	}
	for _, e := range list.Webhooks {
		d.Rows = append(d.Rows, v.site.hookLine(e.Endpoint))
	}
	no := v.by.Needs(access.WriteSettings)
	d.Adds, d.SignIn = !no.Refused(), signInAgain(no, webhooksPath)
	if d.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.show(w, r, status, webhooksView(s.page(r, v, v.site.say.WebhooksTitle()), d))
}

func (t site) hookLine(e webhook.Endpoint) hookLine {
	l := hookLine{ID: e.Name(), URL: e.URL, Events: e.Events.Types(), Private: e.AllowPrivate, Works: e.Enabled(), State: badge{"✓", t.say.WebhooksWorks(), classOK}}
	switch {
	case e.Enabled() && !e.FailingSince.IsZero():
		l.State = badge{"▲", t.say.WebhooksFails(t.clock(e.FailingSince)), classWarn}
	case e.Enabled():
	case e.DisabledWhy == webhook.New:
		l.State = badge{"…", t.say.WebhooksNew(), classOff}
	case e.DisabledWhy == webhook.ByPerson:
		l.State = badge{"■", t.say.WebhooksDisabled(t.clock(e.DisabledAt)), classOff}
	case e.DisabledWhy == webhook.Gone:
		l.State = badge{"■", t.say.WebhooksGone(t.clock(e.DisabledAt)), classBad}
	default:
		l.State = badge{"■", t.say.WebhooksFailing(t.clock(e.DisabledAt)), classBad}
	}
	return l
}

// secretOf returns what a page shows of a secret that was just made.
func (t site) secretOf(v webhook.View) shownSecret {
	out := shownSecret{Secret: v.Shown.Reveal()}
	if v.Waits != nil {
		out.Path, out.Waits = "/approvals/"+v.Waits.ID.Text(id.Approval), t.say.ApprovalsNothingYet(v.Waits.Summary)
	}
	return out
}

// addWebhook adds a webhook and shows its secret, which no other page shows. The form sent again adds no second one.
func (s *Console) addWebhook(w http.ResponseWriter, r *http.Request, v visit) {
	f := newHook{URL: strings.TrimSpace(r.PostFormValue("url")), Private: r.PostFormValue("private") != ""}
	for _, t := range r.PostForm["event"] {
		f.Events = append(f.Events, webhook.Type(t))
	}
	var made webhook.View
	_, no, err := s.formOnce(r, v, func(ctx context.Context) (_ string, _ refusal.Refusal, err error) {
		made, err = s.c.Webhooks.Add(ctx, v.by, webhook.NewEndpoint{URL: f.URL, Events: f.Events, AllowPrivate: f.Private})
		return webhooksPath, made.Refusal, err
	})
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case no.Refused():
		s.showWebhooks(w, r, v, http.StatusUnprocessableEntity, webhooksPage{Add: f, Error: v.site.say.Refusal(no).Detail()})
	case made.Shown.Reveal() == "": // sent before
		http.Redirect(w, r, webhooksPath, http.StatusSeeOther)
	default:
		s.showWebhooks(w, r, v, http.StatusCreated, webhooksPage{Made: v.site.secretOf(made)})
	}
}

// webhook shows one webhook.
func (s *Console) webhook(w http.ResponseWriter, r *http.Request, v visit) {
	f, t := hookPage{}, v.site.say
	switch r.URL.Query().Get("done") {
	case actTest, actResend:
		f.Notice = t.WebhooksSent()
	case actEnable, actDisable:
		f.Notice = t.WebhooksChanged()
	}
	s.showWebhook(w, r, v, http.StatusOK, f)
}

func (s *Console) showWebhook(w http.ResponseWriter, r *http.Request, v visit, status int, f hookPage) {
	ctx, q, named := r.Context(), r.URL.Query(), r.PathValue("webhook")
	shown, err := s.c.Webhooks.Show(ctx, v.by, named)
	if s.stopped(w, r, v, err, shown.Refusal) {
		return
	}
	f.Only = q.Get("state")
	list, err := s.c.Webhooks.Deliveries(ctx, v.by, named, webhook.State(f.Only), registry.Page{Limit: pageSize, Cursor: q.Get("cursor")})
	if s.stopped(w, r, v, err, list.Refusal) {
		return
	}
	f.hookLine, f.Facts = v.site.hookLine(shown.Endpoint), v.site.hookFacts(shown.Endpoint)
	for _, d := range list.Deliveries {
		f.Rows = append(f.Rows, v.site.deliveryLine(d.Delivery))
	}
	f.Next = nextPage(f.path(), q, list.Next)
	no := v.by.Needs(access.WriteSettings)
	f.Manages, f.SignIn = !no.Refused(), signInAgain(no, f.path())
	if f.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.show(w, r, status, webhookView(s.page(r, v, v.site.say.WebhooksOne()), f))
}

func (t site) hookFacts(e webhook.Endpoint) []factLine {
	out := []factLine{{t.say.MeterMade(), t.say.VouchersBy(t.clock(e.AddedAt), t.actor(e.AddedBy))}}
	if !e.PausedUntil.IsZero() {
		out = append(out, factLine{t.say.WebhooksPaused(), t.clock(e.PausedUntil)})
	}
	if !e.PreviousUntil.IsZero() {
		out = append(out, factLine{t.say.WebhooksPrevious(), t.clock(e.PreviousUntil)})
	}
	return out
}

func sentBadge(t *words.Texts, s webhook.State) badge {
	switch text := t.Name("webhook-delivery", string(s)); s {
	case webhook.Delivered:
		return badge{"✓", text, classOK}
	case webhook.Failed:
		return badge{"■", text, classBad}
	default:
		return badge{"…", text, classOff}
	}
}

func (t site) deliveryLine(d webhook.Delivery) deliveryLine {
	l := deliveryLine{ID: d.Name(), Sequence: strconv.FormatInt(d.Sequence, 10), Type: string(d.Type), Attempts: itoa(d.Attempts), At: t.clock(d.CreatedAt), State: sentBadge(t.say, d.State)}
	if d.State == webhook.Waiting {
		l.Next = t.say.WebhooksNext(t.clock(d.NextAt))
	}
	if len(d.Log) > 0 {
		last := d.Log[len(d.Log)-1]
		l.Answer = strings.TrimSpace(cmp.Or(last.Error, strconv.Itoa(last.Status)+" "+last.Answer))
	}
	return l
}

// changeWebhook does what a form on the page of a webhook asks for.
func (s *Console) changeWebhook(w http.ResponseWriter, r *http.Request, v visit) {
	act := r.PostFormValue("act")
	if !v.owns(r.PostFormValue("form")) {
		s.webhookRefused(w, r, v, refuse.OfficeFormOfOtherSession())
		return
	}
	switch act {
	case actRotate:
		s.rotateWebhook(w, r, v)
		return
	case actRecover:
		s.recoverWebhook(w, r, v)
		return
	}
	ctx, named, to := r.Context(), r.PathValue("webhook"), webhooksPath+"/"+r.PathValue("webhook")+"?done="+act
	out, err := webhook.View{Refusal: refuse.ServiceActUnknown(refusal.Echo(act))}, error(nil)
	switch act {
	case actEnable:
		out, err = s.c.Webhooks.Enable(ctx, v.by, named)
	case actDisable:
		out, err = s.c.Webhooks.Disable(ctx, v.by, named)
	case actRemove:
		out, err = s.c.Webhooks.Remove(ctx, v.by, named)
		to = webhooksPath + "?done=" + act
	case actTest:
		var d webhook.DeliveryView
		d, err = s.c.Webhooks.Test(ctx, v.by, named)
		out = webhook.View{Refusal: d.Refusal}
	case actResend:
		var d webhook.DeliveryView
		d, err = s.c.Webhooks.Resend(ctx, v.by, named, r.PostFormValue("delivery"))
		out = webhook.View{Refusal: d.Refusal}
	}
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case out.Refused():
		s.webhookRefused(w, r, v, out.Refusal)
	case out.Waits != nil:
		s.showWaits(w, r, v, *out.Waits)
	default:
		http.Redirect(w, r, to, http.StatusSeeOther)
	}
}

func (s *Console) webhookRefused(w http.ResponseWriter, r *http.Request, v visit, no refusal.Refusal) {
	s.showWebhook(w, r, v, http.StatusUnprocessableEntity, hookPage{Error: v.site.say.Refusal(no).Detail(), Since: r.PostFormValue("since")})
}

// rotateWebhook gives a webhook a new secret and shows it, once. The form sent again makes no further secret, because the one before the last would
// end at once.
func (s *Console) rotateWebhook(w http.ResponseWriter, r *http.Request, v visit) {
	var made webhook.View
	at, no, err := s.formOnce(r, v, func(ctx context.Context) (_ string, _ refusal.Refusal, err error) {
		made, err = s.c.Webhooks.Rotate(ctx, v.by, r.PathValue("webhook"))
		return webhooksPath + "/" + r.PathValue("webhook"), made.Refusal, err
	})
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case no.Refused():
		s.webhookRefused(w, r, v, no)
	case made.Shown.Reveal() == "": // sent before
		http.Redirect(w, r, at, http.StatusSeeOther)
	default:
		s.showWebhook(w, r, v, http.StatusCreated, hookPage{Shown: v.site.secretOf(made)})
	}
}

// recoverWebhook sends what failed since a local day again.
func (s *Console) recoverWebhook(w http.ResponseWriter, r *http.Request, v visit) {
	typed := strings.TrimSpace(r.PostFormValue("since"))
	since, wrong := localday.Parse(typed, v.site.zone)
	if wrong != nil {
		s.webhookRefused(w, r, v, refuse.LocalDateOfWrongForm(refusal.Echo(typed)))
		return
	}
	out, err := s.c.Webhooks.Recover(r.Context(), v.by, r.PathValue("webhook"), since)
	t := v.site.say
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case out.Refused():
		s.webhookRefused(w, r, v, out.Refusal)
	default:
		f := hookPage{Notice: t.WebhooksRecovered(itoa(out.Sent))}
		if out.More {
			f.Notice, f.Since = sentences(f.Notice, t.WebhooksMore()), typed
		}
		s.showWebhook(w, r, v, http.StatusOK, f)
	}
}
