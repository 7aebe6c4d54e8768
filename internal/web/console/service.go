package console

import (
	"crypto/sha256"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/words"
)

// What an engineer does at a meter: each act has a page that says what will happen, and ends on a page that says what has happened.

// serviceRoutes adds the pages of a meter's service.
func (s *Console) serviceRoutes(m *http.ServeMux) {
	m.Handle("GET /meters/{number}/service", s.signedIn(s.service))
	m.Handle("GET /meters/{number}/service/{kind}", s.signedIn(s.serviceToken))
	m.Handle("POST /meters/{number}/service/{kind}", s.signedIn(s.makeServiceToken))
	m.Handle("GET /meters/{number}/made/{request}", s.signedIn(s.madeTokens))
	m.Handle("GET /meters/{number}/key", s.signedIn(s.meterKey))
	m.Handle("POST /meters/{number}/key", s.signedIn(s.changeMeterKey))
	m.Handle("GET /meters/{number}/swap", s.signedIn(s.swapMeter))
	m.Handle("POST /meters/{number}/swap", s.signedIn(s.doSwap))
	m.Handle("GET /meters/{number}/tariff", s.signedIn(s.tariffOfMeter))
	m.Handle("POST /meters/{number}/tariff", s.signedIn(s.changeTariffOfMeter))
	m.Handle("GET /meters/{number}/place", s.signedIn(s.place))
	m.Handle("POST /meters/{number}/place", s.signedIn(s.changePlace))
	m.Handle("GET /meters/{number}/move-in", s.signedIn(s.moveInPage))
	m.Handle("POST /meters/{number}/move-in", s.signedIn(s.moveIn))
	m.Handle("GET /meters/{number}/end", s.signedIn(s.endingPage))
	m.Handle("POST /meters/{number}/end", s.signedIn(s.endMeter))
	m.Handle("GET /meters/{number}/password", s.signedIn(s.meterPassword))
	m.Handle("POST /meters/{number}/password", s.signedIn(s.changeMeterPassword))
	m.Handle("GET /doctor", s.signedIn(s.doctor))
	m.Handle("POST /doctor", s.signedIn(s.diagnose))
}

// serviceKinds are the service tokens with a page of their own.
func serviceKinds() []sale.JobKind {
	return []sale.JobKind{sale.ClearTamper, sale.PowerLimit, sale.ClearCredit}
}

// serviceAct is a link to an act, and what the act is for.
type serviceAct struct{ Path, Title, About string }

// servicePage leads to the acts at a meter.
type servicePage struct {
	Number, Grouped string
	Key, KeyState   string
	Acts            []serviceAct
	Recent          []tokenLine
}

// serves reports whether the visitor finds something on a meter's service page.
func (v visit) serves() bool {
	return v.by.OfUtility() && (v.by.May(access.IssueTokens) || v.by.May(access.WriteMeters) || v.by.May(access.WriteCustomers))
}

func servicePath(number, act string) string {
	path := "/meters/" + url.PathEscape(number) + "/service"
	if act != "" {
		path += "/" + act
	}
	return path
}

func madePath(number, request string) string {
	return "/meters/" + url.PathEscape(number) + "/made/" + url.PathEscape(request)
}

func keyPath(number string) string { return "/meters/" + url.PathEscape(number) + "/key" }

// service shows what can be done at a meter.
func (s *Console) service(w http.ResponseWriter, r *http.Request, v visit) {
	m, err := s.find(r.Context(), v, r.PathValue("number"))
	if s.stopped(w, r, v, err, m.Refusal) {
		return
	}
	t, number := v.site.say, m.Meter.Number
	d := servicePage{Number: number, Grouped: groups(number), Key: v.site.detail(m).Key, Acts: v.serviceActs(m)}
	if d.KeyState, err = s.keyState(r.Context(), v, m); err == nil && v.by.May(access.ReadVends) && v.by.OfUtility() {
		d.Recent, err = s.serviceTokens(r, v, number)
	}
	if err != nil {
		s.broken(w, r, v, err)
		return
	}
	p := s.page(r, v, t.ServiceTitle(d.Grouped))
	p.mark(t, m.Meter.Simulated)
	s.show(w, r, http.StatusOK, serviceView(p, d))
}

// serviceActs lists the acts that the visitor may do at a meter.
func (v visit) serviceActs(m registry.MeterView) (out []serviceAct) {
	t, number := v.site.say, m.Meter.Number
	add := func(may bool, path, title, about string) {
		if may {
			out = append(out, serviceAct{path, title, about})
		}
	}
	takes := m.Meter.Mode == registry.PrepayToken
	add(takes && v.by.OfUtility() && v.by.May(access.ReadVends), "/doctor?meter="+url.QueryEscape(number), t.DoctorTitle(), t.DoctorAbout())
	if step, can := findNextEnd(m.Meter.Status); can {
		add(v.by.May(access.WriteMeters), endingPath(number), titleEnding(t, step, ""), explainEnding(t, step))
	}
	if m.Meter.Status.IsGone() {
		return out
	}
	for _, k := range serviceKinds() {
		add(takes && v.by.May(access.IssueTokens), servicePath(number, string(k)), t.Name("token-kind", string(k)), t.Name("service-effect", string(k)))
	}
	add(takes && m.Key != nil && v.by.OfUtility(), keyPath(number), t.KeyChangeTitle(), t.KeyChangeAbout())
	replaced := m.Meter.Status == registry.Blocked
	swaps := m.Meter.Status == registry.Active && (takes || m.Meter.Mode == registry.PrepayWallet)
	add(v.by.OfUtility() && (replaced || swaps && v.by.May(access.ActSwap.Right())), swapPath(number), t.SwapOpen(), t.SwapAbout())
	changes := !vacant(m) && !replaced && v.by.OfUtility() && v.by.May(access.WriteMeters)
	add(changes, tariffChangePath(number), t.TariffChangeOpen(), t.TariffChangeAbout())
	add(v.configures(m.Meter), configPath(number), t.ConfigOpen(), t.ConfigAbout())
	add(v.by.OfUtility() && v.by.May(access.ActPassword.Right()), meterPasswordPath(number), t.PasswordOpen(), t.PasswordAbout())
	add(v.by.May(access.WriteMeters), placePath(number), t.PlaceOpen(), t.PlaceAbout())
	movesIn := t.MoveInEffect()
	if takes {
		movesIn = t.MoveInEffectToken()
	}
	add(vacant(m) && v.by.May(access.WriteCustomers), moveInPath(number), t.MoveInSubmit(), movesIn)
	add(!vacant(m) && v.by.May(access.ReadCustomers), accountPath(number), t.AccountsOpen(), t.AccountsAbout())
	return out
}

// serviceTokens lists a meter's newest tokens without units.
func (s *Console) serviceTokens(r *http.Request, v visit, number string) (out []tokenLine, err error) {
	list, err := s.c.Vending.Tokens(r.Context(), v.by.Quiet(), number, registry.Page{Limit: pageSize})
	for _, t := range list.Tokens {
		if t.Class == 0 || len(out) == shownTokens {
			continue
		}
		out = append(out, v.site.serviceLine(number, t))
	}
	return out, err
}

func (t site) serviceLine(number string, token sale.Token) tokenLine {
	name := token.ID.Text(id.Token)
	return tokenLine{ID: name, Units: serviceWord(t.say, token), IssuedAt: t.clock(token.IssuedAt), Path: trackPath(number, name), State: tokenBadge(t.say, token)}
}

// serviceWord says what a token without units does.
func serviceWord(t *words.Texts, token sale.Token) string {
	const limit, credit, tamper = 0, 1, 5 // sub-classes of class 2
	switch token.SubClass {
	case limit:
		return t.Name("token-kind", string(sale.PowerLimit))
	case credit:
		return t.Name("token-kind", string(sale.ClearCredit))
	case tamper:
		return t.Name("token-kind", string(sale.ClearTamper))
	}
	return t.Name("token-kind", string(sale.KeyChange))
}

// serviceForm is the page that makes a service token.
type serviceForm struct {
	Number, Grouped, Customer  string
	Kind, Title, Effect, Needs string
	Figure, Code, Reason       string
	FormID, Error              string
	Watts                      bool // the token carries a power
	Codes                      []choice
}

// command is the command that makes the same token.
func (f serviceForm) command() string {
	return commandLine("paywatt meter give-token "+f.Number+" "+f.Kind, "--power", f.Figure, "--reason-code", f.Code, "--reason", f.Reason)
}

// serviceToken shows the form for a service token.
func (s *Console) serviceToken(w http.ResponseWriter, r *http.Request, v visit) {
	s.showServiceToken(w, r, v, http.StatusOK, serviceForm{})
}

func (s *Console) showServiceToken(w http.ResponseWriter, r *http.Request, v visit, status int, f serviceForm) {
	kind := sale.JobKind(r.PathValue("kind"))
	if !slices.Contains(serviceKinds(), kind) {
		s.notFound(w, r, v)
		return
	}
	if no := v.by.Needs(access.IssueTokens); no.Refused() {
		s.refuse(w, r, v, no)
		return
	}
	m, err := s.find(r.Context(), v, r.PathValue("number"))
	if s.stopped(w, r, v, err, m.Refusal) {
		return
	}
	t := v.site.say
	f.Number, f.Grouped, f.Customer = m.Meter.Number, groups(m.Meter.Number), m.Customer.Name
	f.Kind, f.Title, f.Effect = string(kind), t.Name("token-kind", string(kind)), t.Name("service-effect", string(kind))
	f.Watts, f.Codes = kind == sale.PowerLimit, codeChoices(t)
	if f.Code == "" {
		f.Code = "other"
		if kind == sale.ClearTamper {
			f.Code = "tamper_fixed"
		}
	}
	if f.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	p := s.page(r, v, f.Title)
	p.mark(t, m.Meter.Simulated)
	s.show(w, r, status, serviceTokenView(p, f))
}

// codeChoices lists the reasons for tokens that nobody buys.
func codeChoices(t *words.Texts) (out []choice) {
	for _, code := range reasonCodes() {
		out = append(out, choice{code, t.Name("token-reason", code)})
	}
	return out
}

// makeServiceToken makes a service token, or asks for a second person.
func (s *Console) makeServiceToken(w http.ResponseWriter, r *http.Request, v visit) {
	f := serviceForm{Figure: strings.TrimSpace(r.PostFormValue("figure")), Code: r.PostFormValue("code"), Reason: strings.TrimSpace(r.PostFormValue("reason"))}
	kind := sale.JobKind(r.PathValue("kind"))
	ask := vending.Ask{Meter: r.PathValue("number"), Kind: kind, ReasonCode: f.Code, Reason: f.Reason}
	no := makeForm{Kind: string(kind), Figure: f.Figure}.read(&ask)
	switch {
	case !slices.Contains(serviceKinds(), kind):
		s.notFound(w, r, v)
		return
	case !v.owns(r.PostFormValue("form")):
		no = refuse.TokenFormOfOtherSession()
	case f.Reason == "":
		no = refuse.ServiceWithoutReason()
	}
	s.give(w, r, v, ask, no, func(no refusal.Refusal) {
		f.Error = v.site.say.Refusal(no).Detail()
		s.showServiceToken(w, r, v, max(no.Code.Status(), http.StatusBadRequest), f)
	})
}

// give makes tokens that nobody buys, once for each form, and shows them. The parameter again shows the form with a refusal.
func (s *Console) give(w http.ResponseWriter, r *http.Request, v visit, ask vending.Ask, no refusal.Refusal, again func(refusal.Refusal)) {
	ask.Request = v.requestOf(r)
	ask.Render = func(j sale.Job, _ vending.Digits) (int, []byte) {
		return http.StatusSeeOther, []byte(madePath(j.Meter.Number, j.ID.Text(id.Job)))
	}
	ask.RenderWaits = waitsAt
	given := vending.JobResult{Refusal: no}
	var err error
	if !no.Refused() {
		given, err = s.c.Vending.GiveTokens(r.Context(), v.by, ask)
	}
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case given.Replay != nil:
		http.Redirect(w, r, string(given.Replay.Body), http.StatusSeeOther)
	case given.Refused():
		again(given.Refusal)
	case given.Waits != nil:
		s.showWaits(w, r, v, *given.Waits)
	default:
		http.Redirect(w, r, madePath(given.Job.Meter.Number, given.Job.ID.Text(id.Job)), http.StatusSeeOther)
	}
}

// requestOf identifies a form, so that it has its effect once however often the browser sends it.
func (v visit) requestOf(r *http.Request) once.Request {
	body := strings.Join([]string{r.URL.Path, r.PostForm.Encode()}, "\x00")
	return once.Request{Once: access.Once{Principal: v.by.String(), Key: r.PostFormValue("form"), Hash: sha256.Sum256([]byte(body))}}
}

// waitsAt is the stored answer of a form whose request waits for a second person: the page of the approval.
func waitsAt(a access.Approval) (int, []byte) {
	return http.StatusSeeOther, []byte("/approvals/" + a.ID.Text(id.Approval))
}

// madePage shows the tokens of a request in the order in which they are entered.
type madePage struct {
	Number, Grouped, Title, Kind string
	At, By, Approved, Reason     string
	Held                         bool // the issuer has not answered yet
	Change                       bool // a key change
	Digits                       bool
	Tokens                       []tokenLine
}

// madeTokens shows the tokens of a request that was carried out.
func (s *Console) madeTokens(w http.ResponseWriter, r *http.Request, v visit) {
	m, err := s.c.Vending.Made(r.Context(), v.by, r.PathValue("request"))
	if s.stopped(w, r, v, err, m.Refusal) {
		return
	}
	t, j := v.site.say, m.Job
	d := madePage{Number: j.Meter.Number, Grouped: groups(j.Meter.Number), Kind: t.Name("token-kind", string(j.Kind)), By: v.site.actor(j.By), Approved: v.site.actor(j.ApprovedBy),
		Reason: j.Reason, At: v.site.clock(j.CompletedAt), Held: j.State == sale.Held, Change: j.Kind == sale.KeyChange, Digits: m.Issued.Len() > 0}
	for i, token := range j.Tokens {
		line := v.site.serviceLine(d.Number, token)
		if i < m.Issued.Len() {
			line.Digits = m.Issued.Reveal(i)
			line.Grouped = groups(line.Digits)
		}
		d.Tokens = append(d.Tokens, line)
	}
	p := s.page(r, v, t.MadeTitle(d.Grouped))
	p.mark(t, j.Meter.Simulated)
	s.show(w, r, http.StatusOK, madeView(p, d))
}
