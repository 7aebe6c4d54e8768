package console

import (
	"net/http"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/reconcile"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// Acts of the forms on the page of a difference.
const (
	actAssign = "assign"
	actSettle = "settle"
	actRead   = "read"
	actTake   = "take"
)

// shownCall is how many bytes of a provider's call the page shows. The command shows all.
const shownCall = 4000

// differencePage is one difference with the ways to settle it.
type differencePage struct {
	differenceLine
	ID, FormID, Error, Notice string
	SignIn                    string // address to sign in again; empty if the proof of identity is fresh enough
	Decides, Unread           bool   // the forms are shown; it is about a call that could not be read
	Doubtful                  bool   // it is about a row that is perhaps the same as another one
	Call, CallWhy, CallAt     string
	To, Reason, Pay           string // what a refused form held
}

func (d differencePage) path() string { return differencesPath + "/" + d.ID }

// difference shows one difference.
func (s *Console) difference(w http.ResponseWriter, r *http.Request, v visit) {
	d := differencePage{}
	switch r.URL.Query().Get("done") {
	case "":
	case actRead:
		d.Notice = v.site.say.DifferencesReadNot()
	default:
		d.Notice = v.site.say.PaymentsDone()
	}
	s.showDifference(w, r, v, http.StatusOK, d)
}

func (s *Console) showDifference(w http.ResponseWriter, r *http.Request, v visit, status int, d differencePage) {
	shown, err := s.c.Reconciliations.Show(r.Context(), v.by, r.PathValue("difference"))
	if s.stopped(w, r, v, err, shown.Refusal) {
		return
	}
	i := shown.Item
	d.differenceLine, d.ID, d.Unread = v.site.differenceLine(i), i.Name(), i.Kind == reconcile.UnreadCall
	d.Doubtful = i.Kind == reconcile.PerhapsSame
	no := v.by.Needs(access.DecidePayments)
	d.Decides, d.SignIn = i.Open && !no.Refused(), signInAgain(no, d.path())
	if d.Unread && !no.Refused() {
		c, err := s.c.Reconciliations.ShowCall(r.Context(), v.by, i.Name())
		if s.stopped(w, r, v, err, c.Refusal) {
			return
		}
		d.Call, d.CallWhy, d.CallAt = strings.ToValidUTF8(c.Body[:min(len(c.Body), shownCall)], ""), c.Why, v.site.clock(i.At)
	}
	if d.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.show(w, r, status, differenceView(s.page(r, v, v.site.say.DifferencesOne()), d))
}

// settleDifference carries out an act about a difference.
func (s *Console) settleDifference(w http.ResponseWriter, r *http.Request, v visit) {
	field := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	d, item, act := differencePage{To: field("to"), Reason: field("reason"), Pay: field("payment")}, r.PathValue("difference"), field("act")
	out, err := reconcile.Settled{Refusal: refuse.ServiceActUnknown(refusal.Echo(act))}, error(nil)
	switch {
	case !v.owns(r.PostFormValue("form")):
		out.Refusal = refuse.OfficeFormOfOtherSession()
	case act == actAssign:
		out, err = s.c.Reconciliations.Assign(r.Context(), v.by, item, d.To)
	case act == actSettle:
		out, err = s.c.Reconciliations.Close(r.Context(), v.by, item, reconcile.Settlement{Why: d.Reason, Payment: d.Pay})
	case act == actTake:
		out, err = s.c.Reconciliations.Close(r.Context(), v.by, item, reconcile.Settlement{Why: d.Reason, Another: true})
	case act == actRead:
		out, err = s.c.Reconciliations.ReadAgain(r.Context(), v.by, item)
	}
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case out.Waits != nil:
		s.showWaits(w, r, v, *out.Waits)
	case out.Refused():
		d.Error = v.site.say.Refusal(out.Refusal).Detail()
		s.showDifference(w, r, v, http.StatusUnprocessableEntity, d)
	default:
		done := "1"
		if act == actRead && out.Item.Open {
			done = actRead
		}
		http.Redirect(w, r, differencesPath+"/"+out.Item.Name()+"?done="+done, http.StatusSeeOther)
	}
}
