package console

import (
	"context"
	"crypto/sha256"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/recharge"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/words"
	"github.com/paywatt/paywatt/unit"
)

// The application platform: a token is made or sold, put into the box, and sent from there through the server's modem or over
// the meter's connection. The next page shows each step with its time until the meter has the token.

// tokenBox is the page with the box.
type tokenBox struct {
	FormID, Number, Grouped, Customer, SIM string
	Simulated, Connected                   bool
	Digits                                 string // digits in the box
	Token                                  string // a token whose digits the role may not see
	About                                  string // description of the token in the box
	By                                     string
	Error                                  string
	Makes                                  bool // the role may make tokens that nobody buys
	Sells                                  bool
	Make                                   makeForm
}

// makeForm is the form for a token that nobody buys.
type makeForm struct{ Kind, Figure, Code, Reason, Error string }

// kindText is a kind of token, as the form offers it.
type kindText struct{ Kind, Text string }

// kinds are the kinds that the role may request.
func kinds(t *words.Texts, by access.Actor) (out []kindText) {
	kind := func(k sale.JobKind) kindText { return kindText{string(k), t.Name("token-kind", string(k))} }
	if by.May(access.IssueUnits) {
		out = append(out, kind(sale.FreeIssue), kind(sale.Replacement))
	}
	return out
}

// tokenPage shows the box. If the address names a token of the meter, the token is in it.
func (s *Console) tokenPage(w http.ResponseWriter, r *http.Request, v visit) {
	s.showBox(w, r, v, http.StatusOK, tokenBox{Token: r.URL.Query().Get("token")})
}

func (s *Console) showBox(w http.ResponseWriter, r *http.Request, v visit, status int, b tokenBox) {
	if no := v.by.Needs(access.SendTokens); no.Refused() {
		s.refuse(w, r, v, no)
		return
	}
	m, err := s.find(r.Context(), v, r.PathValue("number"))
	if s.stopped(w, r, v, err, m.Refusal) {
		return
	}
	if m.Wallet != nil { // it has no tokens
		http.Redirect(w, r, "/meters/"+url.PathEscape(m.Meter.Number)+"/wallet", http.StatusSeeOther)
		return
	}
	b.Number, b.Grouped, b.Customer, b.SIM = m.Meter.Number, groups(m.Meter.Number), m.Customer.Name, m.Meter.SIM
	b.Simulated, b.Connected, b.Sells, b.Makes = m.Meter.Simulated, m.Connected, sellable(m, v), len(kinds(v.site.say, v.by)) > 0
	if b.By == "" {
		b.By = string(recharge.MQTT)
		if b.SIM != "" && !b.Connected {
			b.By = string(recharge.SMS)
		}
	}
	if err = s.fillBox(r.Context(), v, &b); err == nil {
		b.FormID, err = s.formID(v)
	}
	if err != nil {
		s.broken(w, r, v, err)
		return
	}
	p := s.page(r, v, v.site.say.BoxTitle(b.Grouped))
	p.mark(v.site.say, b.Simulated)
	s.show(w, r, status, boxView(p, b, kinds(v.site.say, v.by)))
}

// fillBox puts a token of the meter into the box. It shows the digits to a role that may see them, and the audit log records
// that.
func (s *Console) fillBox(ctx context.Context, v visit, b *tokenBox) error {
	if b.Token == "" {
		return nil
	}
	list, err := s.c.Vending.Tokens(ctx, v.by, b.Number, registry.Page{})
	if err != nil {
		return err
	}
	for i, t := range list.Tokens {
		if t.ID.Text(id.Token) != b.Token {
			continue
		}
		b.About = v.site.say.BoxUnitsOf(v.site.say.KWh(t.Units, 1), v.site.clock(t.IssuedAt))
		if t.Units == 0 {
			b.About = v.site.say.BoxMadeAt(v.site.clock(t.IssuedAt))
		}
		if i < list.Issued.Len() {
			b.Digits, b.Token = groups(list.Issued.Reveal(i)), ""
		}
		return nil
	}
	b.Token, b.Error = "", v.site.say.Refusal(refuse.FormTokenNotFound(b.Number)).Detail()
	return nil
}

// makeToken makes a token that nobody buys, and redirects to the box that contains the token.
func (s *Console) makeToken(w http.ResponseWriter, r *http.Request, v visit) {
	f := makeForm{Kind: r.PostFormValue("kind"), Figure: strings.TrimSpace(r.PostFormValue("figure")), Code: r.PostFormValue("code"), Reason: r.PostFormValue("reason")}
	form := r.PostFormValue("form")
	again := func(status int, no refusal.Refusal) {
		f.Error = v.site.say.Refusal(no).Detail()
		s.showBox(w, r, v, status, tokenBox{Make: f})
	}
	ask := vending.Ask{Meter: r.PathValue("number"), Kind: sale.JobKind(f.Kind), ReasonCode: f.Code, Reason: f.Reason}
	if !v.owns(form) {
		again(http.StatusUnprocessableEntity, refuse.TokenFormOfOtherSession())
		return
	}
	if no := f.read(&ask); no.Refused() {
		again(http.StatusUnprocessableEntity, no)
		return
	}
	ask.Once = access.Once{Principal: v.by.String(), Key: form, Hash: sha256.Sum256([]byte(strings.Join([]string{ask.Meter, f.Kind, f.Figure, f.Code, f.Reason}, "\x00")))}
	given, err := s.c.Vending.GiveTokens(r.Context(), v.by, ask)
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case given.Refused():
		again(given.Code.Status(), given.Refusal)
	case given.Waits != nil:
		s.show(w, r, http.StatusAccepted, noteView(s.page(r, v, v.site.say.BoxWaits()), note{Title: v.site.say.BoxWaitsTitle(),
			Text: v.site.say.BoxWaitsText(given.Waits.Summary), Link: boxPath(ask.Meter, ""), LinkText: v.site.say.BoxBack()}))
	default:
		http.Redirect(w, r, boxPath(given.Job.Meter.Number, given.Job.Tokens[0].ID.Text(id.Token)), http.StatusSeeOther)
	}
}

// read sets the field that the form's kind needs.
func (f makeForm) read(ask *vending.Ask) refusal.Refusal {
	switch ask.Kind {
	case sale.FreeIssue, sale.Replacement:
		whole, tenths, point := strings.Cut(f.Figure, ".")
		if !point {
			tenths = "0"
		}
		n, err := strconv.ParseUint(whole+tenths, 10, 32)
		if err != nil || len(tenths) != 1 {
			return refuse.FormUnitsOfWrongForm(refusal.Echo(f.Figure))
		}
		ask.Units = unit.Energy(n) * unit.Quantum
	case sale.PowerLimit:
		watts, err := strconv.ParseUint(f.Figure, 10, 32)
		if err != nil {
			return refuse.FormPowerOfWrongForm(refusal.Echo(f.Figure))
		}
		ask.PowerW = int64(watts)
	}
	return refusal.Refusal{}
}

func boxPath(number, token string) string {
	path := "/meters/" + url.PathEscape(number) + "/recharge"
	if token != "" {
		path += "?token=" + url.QueryEscape(token)
	}
	return path
}

func trackPath(number, token string) string {
	return "/meters/" + url.PathEscape(number) + "/recharges/" + url.PathEscape(token)
}

// sendToken sends the token in the box. The token may be sent again, because it loads only once.
func (s *Console) sendToken(w http.ResponseWriter, r *http.Request, v visit) {
	b := tokenBox{Digits: strings.TrimSpace(r.PostFormValue("digits")), Token: r.PostFormValue("token"), By: r.PostFormValue("by")}
	var sent recharge.Tracked
	var err error
	if !v.owns(r.PostFormValue("form")) {
		sent.Refusal = refuse.RechargeFormOfOtherSession()
	} else {
		sent, err = s.c.Recharges.Send(r.Context(), v.by, recharge.Request{Meter: r.PathValue("number"), Digits: access.SecretOf(b.Digits), Token: b.Token, By: recharge.Route(b.By)})
	}
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case sent.Refused():
		b.Error = v.site.say.Refusal(sent.Refusal).Detail()
		s.showBox(w, r, v, max(sent.Code.Status(), http.StatusBadRequest), b)
	default:
		http.Redirect(w, r, trackPath(sent.Meter.Number, sent.Token.ID.Text(id.Token)), http.StatusSeeOther)
	}
}

// tracked is the page of a token on its way.
type tracked struct {
	FormID, Number, Grouped, Token, Units, Balance, BalanceAt string
	State                                                     badge
	Simulated, Elsewhere, Heard, May, SIM                     bool
	Steps                                                     []stepLine
	Ways                                                      []wayLine
}

// stepLine is a step with the time at which it was reached.
type stepLine struct{ Name, Text, At, Note string }

// wayLine is one way by which the token was sent.
type wayLine struct {
	By, At, Why, Answer string
	State               badge
}

func (s *Console) track(w http.ResponseWriter, r *http.Request, v visit) {
	t, err := s.c.Recharges.Track(r.Context(), v.by, r.PathValue("number"), r.PathValue("token"))
	if s.stopped(w, r, v, err, t.Refusal) {
		return
	}
	d := v.site.tracked(t)
	d.May = v.by.May(access.SendTokens)
	if d.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	p := s.page(r, v, v.site.say.TrackTitle(d.Grouped))
	p.mark(v.site.say, d.Simulated)
	p.Live, p.Htmx = trackPath(d.Number, d.Token)+"/live", true
	s.show(w, r, http.StatusOK, trackView(p, d))
}

// ways answers with only the deliveries, for a page whose steps have changed.
func (s *Console) ways(w http.ResponseWriter, r *http.Request, v visit) {
	t, err := s.c.Recharges.Track(r.Context(), v.by, r.PathValue("number"), r.PathValue("token"))
	if s.stopped(w, r, v, err, t.Refusal) {
		return
	}
	s.show(w, r, http.StatusOK, waysView(v.site.tracked(t)))
}

// trackLive streams the steps of a token.
func (s *Console) trackLive(w http.ResponseWriter, r *http.Request) {
	number, token := r.PathValue("number"), r.PathValue("token")
	s.stream(w, r, func(ctx context.Context, v visit) (frame, bool, error) {
		t, err := s.c.Recharges.Track(ctx, v.by, number, token)
		if err != nil || t.Refused() {
			return nil, false, err
		}
		return frame{trackElement: v.site.tracked(t).cells()}, true, nil
	})
}

// trackElement is the id of the element that updates.
const trackElement = "track"

// seconds writes a time to the second, because the steps of a token are seconds apart.
func (t site) seconds(r recharge.Step) string { return t.say.Seconds(t.in(r.At)) }

func (t site) tracked(x recharge.Tracked) tracked {
	d := tracked{Number: x.Meter.Number, Grouped: groups(x.Meter.Number), Token: x.Token.ID.Text(id.Token), Units: t.say.Energy(x.Token.Units, 1),
		State: deliveryBadge(t.say, x.State), Simulated: x.Meter.Simulated, Elsewhere: x.Elsewhere, Heard: x.State == recharge.Heard, SIM: x.Meter.SIM != "", Balance: nothing}
	if x.Token.Units == 0 {
		d.Units = t.say.TrackNoUnits()
	}
	if b := x.Balance; b != nil {
		d.Balance, d.BalanceAt = t.say.Energy(b.Energy, 1), t.say.TrackAsOf(t.clock(b.At), t.say.Name("token-source", b.Source))
	}
	steps := []recharge.State{recharge.Queued, recharge.Sent, recharge.Delivered, recharge.Answered, recharge.Accepted}
	if d.SIM || d.Heard {
		steps = slices.Insert(steps, len(steps)-1, recharge.Heard)
	}
	for _, want := range steps {
		line := stepLine{Name: string(want), Text: t.say.Name("delivery", string(want)), At: nothing}
		for _, step := range x.Steps() {
			if step.State == want {
				line.At, line.Note = t.seconds(step), t.stepNote(x, step)
			}
		}
		d.Steps = append(d.Steps, line)
	}
	for _, way := range x.Deliveries {
		d.Ways = append(d.Ways, wayLine{By: wayWord(t.say, way.By), At: t.clock(way.Queued), State: deliveryBadge(t.say, way.State), Why: way.Why, Answer: way.Answer})
	}
	return d
}

// stepNote says by which way a step was reached, and what the meter answered.
func (t site) stepNote(x recharge.Tracked, step recharge.Step) string {
	switch {
	case step.By != "":
		return joined(wayWord(t.say, step.By), step.Note)
	case step.State == recharge.Rejected:
		return plain(x.Token.Result)
	case x.Balance != nil:
		return t.say.Name("token-source", x.Balance.Source)
	}
	return ""
}

// cells are the parts of the page that update.
func (d tracked) cells() map[string]cell {
	out := map[string]cell{"state": d.State.cell(), "balance": {d.Balance}, "asof": {d.BalanceAt}}
	for _, s := range d.Steps {
		out[s.Name], out[s.Name+"-note"] = cell{s.At}, cell{s.Note}
	}
	return out
}

func deliveryBadge(t *words.Texts, s recharge.State) badge {
	name := t.Name("delivery", string(s))
	switch s {
	case recharge.Heard:
		return badge{"◐", name, classWarn}
	case recharge.Accepted:
		return badge{"●", name, classOK}
	case recharge.Rejected, recharge.Failed:
		return badge{"■", name, classBad}
	case recharge.Idle, recharge.Queued:
		return badge{"○", name, classOff}
	case recharge.Sent, recharge.Delivered, recharge.Answered:
		return badge{onward(t), name, classOff}
	}
	return badge{"▲", name, classWarn}
}

func wayWord(t *words.Texts, r recharge.Route) string {
	if r == recharge.SMS {
		return t.TrackWaySMS()
	}
	return t.TrackWayConnection()
}
