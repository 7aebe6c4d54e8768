package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/voucher"
	"github.com/paywatt/paywatt/internal/words"
)

// approvalRow is a request in the list.
type approvalRow struct {
	ID, Act, Summary, Maker, At, Until string
	State                              badge
}

func (r approvalRow) path() string { return "/approvals/" + r.ID }

// approvalPage is the list of requests that wait for a second person, or of all requests.
type approvalPage struct {
	Rows []approvalRow
	Next string
	All  bool

	ToConfirm  []personLine // people whom the visitor may confirm
	MorePeople bool         // more people than that
}

// confirmations is how many people to confirm the page of approvals shows.
const confirmations = 20

// approvalForm is one request with its evidence and the ways to decide.
type approvalForm struct {
	approvalRow
	Gains, Moves, Right   string
	Fields                []factLine // the request, field by field
	Object, Link          string     // what the request is about, and the address where it is shown as it is now
	Decided               string
	FormID, Reason        string
	Shown                 string // digest of what the page shows
	Error, Notice, Why    string
	SignIn                string // address to sign in again; empty if the proof of identity is fresh enough
	CanApprove, CanReject bool
	EntersSecrets         bool // the second person may have to enter the secrets of a payment provider
	Effect                *effectView
	Secrets               []factLine // of a meter that the approval registered; shown once
	Tokens                string     // page with the tokens that the request made; empty if it made none
}

// factLine is a name and its value.
type factLine struct{ Name, Value string }

// showWaits answers a form whose request waits for a second person.
func (s *Console) showWaits(w http.ResponseWriter, r *http.Request, v visit, a access.Approval) {
	t := v.site.say
	s.show(w, r, http.StatusAccepted, noteView(s.page(r, v, t.BoxWaits()), note{Title: t.BoxWaitsTitle(), Text: t.ApprovalsNothingYet(a.Summary),
		Link: "/approvals/" + a.ID.Text(id.Approval), LinkText: t.ApprovalsSee()}))
}

// approvals lists the requests that the person made or may decide about.
func (s *Console) approvals(w http.ResponseWriter, r *http.Request, v visit) {
	q := r.URL.Query()
	d := approvalPage{All: q.Get("all") != ""}
	state, before := access.ApprovalWaiting, id.ID{}
	if d.All {
		state = ""
	}
	if at := q.Get("before"); at != "" {
		var err error
		if before, err = id.Parse(id.Approval, at); err != nil {
			s.refuse(w, r, v, refuse.CursorNotOfList())
			return
		}
	}
	list, err := s.c.Access.Approvals(r.Context(), v.by, state, before, pageSize)
	if s.stopped(w, r, v, err, list.Refusal) {
		return
	}
	for _, a := range list.Data {
		if !d.All && a.Expired(s.c.Now()) {
			continue
		}
		d.Rows = append(d.Rows, s.approvalRow(v, a))
	}
	if !list.Last.IsZero() {
		next := url.Values{"before": {list.Last.Text(id.Approval)}}
		if d.All {
			next.Set("all", "1")
		}
		d.Next = "/approvals?" + next.Encode()
	}
	waiting, err := s.c.Access.ToConfirm(r.Context(), v.by, confirmations)
	if s.stopped(w, r, v, err, waiting.Refusal) {
		return
	}
	for _, p := range waiting.Data {
		d.ToConfirm = append(d.ToConfirm, v.site.personLine(p, waiting.Emails))
	}
	d.MorePeople = !waiting.Last.IsZero()
	s.show(w, r, http.StatusOK, approvalList(s.page(r, v, v.site.say.ApprovalsTitle()), d))
}

func (s *Console) approvalRow(v visit, a access.Approval) approvalRow {
	t := v.site.say
	row := approvalRow{ID: a.ID.Text(id.Approval), Act: t.Name("act", actKey(a.Act)), Summary: v.site.shown(a.Summary), Maker: a.Maker.String(), At: v.site.clock(a.CreatedAt),
		Until: v.site.clock(a.CreatedAt.Add(access.ApprovalLife))}
	switch {
	case a.Expired(s.c.Now()):
		row.State = badge{"■", t.ApprovalsExpired(), classOff}
	case a.State == access.ApprovalWaiting:
		row.State = badge{"▲", t.ApprovalsWaiting(), classWarn}
	case a.State == access.ApprovalGiven:
		row.State = badge{"⚠", t.ApprovalsGiven(), classBad}
	case a.State == access.ApprovalRejected:
		row.State = badge{"■", t.ApprovalsRejected(), classOff}
	default:
		row.State = badge{"✓", t.ApprovalsDone(), classOK}
	}
	return row
}

// actKey is the name of an action in the catalogue.
func actKey(a access.Act) string { return strings.NewReplacer(".", "-", "_", "-").Replace(string(a)) }

// approval shows one request.
func (s *Console) approval(w http.ResponseWriter, r *http.Request, v visit) {
	s.approvalPage(w, r, v, http.StatusOK, approvalForm{})
}

// approvalPage shows a request; f holds what a form sent, or what its answer says.
func (s *Console) approvalPage(w http.ResponseWriter, r *http.Request, v visit, status int, f approvalForm) {
	shown, err := s.c.Access.Approval(r.Context(), v.by, r.PathValue("id"))
	if s.stopped(w, r, v, err, shown.Refusal) {
		return
	}
	a, t := shown.Approval, v.site.say
	f.approvalRow = s.approvalRow(v, a)
	f.Summary, f.Maker = v.site.shown(shown.Summary), v.site.actor(shown.Maker)
	f.Moves, f.Gains, f.Right = string(a.Act), t.Name("act-gains", actKey(a.Act)), string(a.Right)
	f.Fields = requestFields(a.Body)
	f.Object, f.Link = objectOf(a)
	f.Tokens = tokensOf(a)
	if !a.DecidedAt.IsZero() {
		f.Decided = t.ApprovalsDecidedBy(a.Checker.String(), v.site.clock(a.DecidedAt))
		if a.Reason != "" {
			f.Decided = t.ApprovalsDecidedByReason(a.Checker.String(), v.site.clock(a.DecidedAt), a.Reason)
		}
	}
	f.Effect = effectOf(v.site, shown.Now)
	if shown.Now != nil {
		f.Shown = shown.Now.Shown
	}
	f.CanApprove, f.CanReject = !shown.Why.Refused(), shown.CanReject
	f.EntersSecrets = shown.Approval.Act == access.ActProvider || shown.Approval.Act == access.ActProviderSecret
	if shown.Why.Refused() && !closed(a) {
		no := t.Refusal(shown.Why.Refusal)
		f.Why = sentences(no.What, no.Try)
		f.SignIn = signInAgain(shown.Why.Refusal, "/approvals/"+f.ID)
	}
	if f.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.show(w, r, status, approvalView(s.page(r, v, t.ApprovalsTitleOf(f.Act)), f))
}

// tokensOf returns the page with the tokens that an approved request made, or "".
func tokensOf(a access.Approval) string {
	var asked struct {
		Kind string `json:"kind"`
		Code string `json:"reason_code"`
	}
	if a.State != access.ApprovalUsed || !strings.HasPrefix(a.Object, id.Meter) || json.Unmarshal(a.Body, &asked) != nil || asked.Kind == "" || asked.Code == "" {
		return ""
	}
	return madePath(a.Object, a.ID.Text(id.Approval))
}

// closed reports whether nothing is left to decide.
func closed(a access.Approval) bool {
	return a.State == access.ApprovalUsed || a.State == access.ApprovalRejected
}

// decideApproval carries out a decision. The use case checks the right, the second person and the proof of identity.
func (s *Console) decideApproval(w http.ResponseWriter, r *http.Request, v visit) {
	f := approvalForm{Reason: strings.TrimSpace(r.PostFormValue("reason"))}
	allow := r.PostFormValue("choice") == "approve"
	var out access.Decided
	var err error
	switch {
	case !v.owns(r.PostFormValue("form")):
		out.Refusal = refuse.DecisionFormOfOtherSession()
	case !allow && r.PostFormValue("choice") != "reject":
		out.Refusal = refuse.ApprovalNotFound(refusal.Echo(r.PathValue("id")))
	default:
		out, err = s.c.Access.Decide(r.Context(), v.by, r.PathValue("id"), access.Decision{Allow: allow, Reason: f.Reason,
			Entered: access.SecretOf(strings.TrimSpace(r.PostFormValue("secrets"))), Shown: r.PostFormValue("shown")})
	}
	t, status := v.site.say, http.StatusOK
	switch {
	case err != nil:
		s.broken(w, r, v, err)
		return
	case out.Refused():
		f.Error, status = t.Refusal(out.Refusal).Detail(), http.StatusUnprocessableEntity
	case !allow:
		f.Notice = t.ApprovalsNowRejected()
	case out.Done.Refused():
		no := t.Refusal(out.Done.Refusal)
		f.Error, status = t.ApprovalsRefused(sentences(no.What, no.Try)), http.StatusUnprocessableEntity
	default:
		f.Notice, f.Secrets = t.ApprovalsNowDone(), secretsOf(t, out.Done.Shown)
	}
	s.approvalPage(w, r, v, status, f)
}

// codeLines lists the codes of vouchers, for the second person who gives them to the buyer.
func codeLines(codes []voucher.Coded) (out []factLine) {
	for _, c := range codes {
		out = append(out, factLine{c.Serial, c.Code.Reveal()})
	}
	return out
}

// drawnLines lists what the server drew for a payment provider.
func drawnLines(t *words.Texts, drawn payment.ProviderSecrets) (out []factLine) {
	if secret := drawn.Secret.Reveal(); secret != "" {
		out = append(out, factLine{t.ApprovalsSigningSecret(), secret})
	}
	if path := drawn.Path.Reveal(); path != "" {
		out = append(out, factLine{t.ApprovalsProviderAddress(), payment.HookPath + path + "/"})
	}
	return out
}

// secretsOf lists the secrets of a meter that was registered, a meter's next link key or new password, or codes of vouchers; they are shown once.
func secretsOf(t *words.Texts, shown any) []factLine {
	if changed, ok := shown.(registry.LinkKeyChange); ok && changed.Key != nil {
		return []factLine{{t.ApprovalsNextLinkKey(), fmt.Sprintf("%x", changed.Key.Reveal())}}
	}
	if changed, ok := shown.(registry.PasswordChange); ok && changed.Password.Reveal() != "" {
		return []factLine{{t.ApprovalsPassword(), changed.Password.Reveal()}}
	}
	if drawn, ok := shown.(payment.ProviderSecrets); ok {
		return drawnLines(t, drawn)
	}
	if codes, ok := shown.([]voucher.Coded); ok {
		return codeLines(codes)
	}
	added, ok := shown.(registry.Added)
	if !ok {
		return nil
	}
	out := []factLine{{t.ApprovalsPassword(), added.MQTTPassword.Reveal()}, {t.ApprovalsLinkKey(), fmt.Sprintf("%x", added.LinkKey.Reveal())}}
	if key := added.DecoderKey.Reveal(); key != "" {
		out = append(out, factLine{t.ApprovalsDecoderKey(), key})
	}
	return out
}

// objectOf returns the id of what a request is about, and the address of its page.
func objectOf(a access.Approval) (object, link string) {
	switch {
	case strings.HasPrefix(a.Object, id.Meter):
		link = "/meters/" + a.Object
	case strings.HasPrefix(a.Object, id.Import):
		link = "/imports/" + a.Object
	case strings.HasPrefix(a.Object, id.Vend):
		link = "/sales/" + a.Object
	case strings.HasPrefix(a.Object, id.Payment):
		link = "/payments/" + a.Object
	case a.Act == access.ActTariff && a.Object != "":
		link = (&url.URL{Path: "/tariffs/" + a.Object}).String()
	case a.Act == access.ActReading && strings.HasPrefix(a.Object, id.Held):
		link = "/quarantine/" + a.Object
	}
	return a.Object, link
}

// requestFields lists the fields of a stored request that say something, with the path of a nested field.
func requestFields(body []byte) (out []factLine) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil
	}
	var walk func(name string, v any)
	walk = func(name string, v any) {
		switch v := v.(type) {
		case map[string]any:
			keys := make([]string, 0, len(v))
			for k := range v {
				keys = append(keys, k)
			}
			slices.Sort(keys)
			for _, k := range keys {
				walk(strings.TrimPrefix(name+"."+k, "."), v[k])
			}
		case []any:
			for i, e := range v {
				walk(fmt.Sprintf("%s[%d]", name, i+1), e)
			}
		case nil:
		default:
			if text := fmt.Sprint(v); text != "" {
				out = append(out, factLine{name, text})
			}
		}
	}
	walk("", v)
	return out
}
