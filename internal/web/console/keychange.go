package console

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/vending"
)

// keyFields are the figures of a meter's next key as somebody typed them.
type keyFields struct{ SGC, KRN, TI, Reason string }

// meterKeyPage is a meter's key with the change to the next one. State is the state of the change: empty, planned or issued.
type meterKeyPage struct {
	keyFields
	Number, Grouped      string
	Current, Next, State string
	NextState            string // whether the server can make tokens under the next key
	KeyState             string // whether the server can make tokens under the key in use
	Made                 string // page with the tokens of an issued change
	Tokens               []tokenLine
	May                  bool
	FormID, Error        string
	Notice               string
}

// Acts of the forms on the page of a meter's key.
const (
	actPlan       = "plan"
	actMake       = "make"
	actConfirmKey = "confirm"
	actCancelKey  = "cancel"
)

func (d meterKeyPage) planCommand() string {
	return commandLine("paywatt meter plan-key "+d.Number, "--sgc", d.SGC, "--krn", d.KRN, "--ti", d.TI, "--reason", d.Reason)
}

func (d meterKeyPage) makeCommand() string {
	return commandLine("paywatt meter give-token "+d.Number+" key_change", "--reason-code", "key_campaign")
}

func (d meterKeyPage) confirmCommand() string {
	return commandLine("paywatt meter confirm-key "+d.Number, "--reason", d.Reason)
}

func (d meterKeyPage) cancelCommand() string {
	return commandLine("paywatt meter cancel-key "+d.Number, "--reason", cmp.Or(d.Reason, "REASON"))
}

// keyText names a key by its figures. It never shows the key itself.
func keyText(k registry.Key) string {
	return fmt.Sprintf("SGC %s, KRN %d, TI %s, KT %d", k.SGC, k.KRN, k.TI, k.KT)
}

// meterKey shows a meter's key, and where its change stands.
func (s *Console) meterKey(w http.ResponseWriter, r *http.Request, v visit) {
	d := meterKeyPage{}
	switch r.URL.Query().Get("done") {
	case actPlan:
		d.Notice = v.site.say.KeyChangePlannedNow()
	case actCancelKey:
		d.Notice = v.site.say.KeyChangeCancelled()
	case actConfirmKey:
		d.Notice = v.site.say.KeyChangeConfirmedNow(v.site.clock(s.c.Now()))
	}
	s.showMeterKey(w, r, v, http.StatusOK, d)
}

func (s *Console) showMeterKey(w http.ResponseWriter, r *http.Request, v visit, status int, d meterKeyPage) {
	ctx := r.Context()
	m, err := s.find(ctx, v, r.PathValue("number"))
	if s.stopped(w, r, v, err, m.Refusal) {
		return
	}
	k, err := s.c.Vending.KeyChange(ctx, v.by, m.Meter.Number)
	if s.stopped(w, r, v, err, k.Refusal) {
		return
	}
	t := v.site.say
	d.Number, d.Grouped, d.State, d.May = m.Meter.Number, groups(m.Meter.Number), k.Next.State, v.by.May(access.IssueTokens)
	d.Current = t.KeyChangeNone()
	if !k.Current.ID.IsZero() {
		d.Current = keyText(k.Current)
	}
	if !k.Next.ID.IsZero() {
		d.Next = keyText(k.Next)
		next := m
		next.Key = &k.Next
		if d.NextState, err = s.keyState(ctx, v, next); err != nil {
			s.broken(w, r, v, err)
			return
		}
	}
	for _, token := range k.Job.Tokens {
		d.Tokens = append(d.Tokens, v.site.serviceLine(d.Number, token))
	}
	if !k.Job.ID.IsZero() {
		d.Made = madePath(d.Number, k.Job.ID.Text(id.Job))
	}
	if d.KeyState, err = s.keyState(ctx, v, m); err == nil {
		d.FormID, err = s.formID(v)
	}
	if err != nil {
		s.broken(w, r, v, err)
		return
	}
	p := s.page(r, v, t.KeyChangeOf(d.Grouped))
	p.mark(t, m.Meter.Simulated)
	s.show(w, r, status, meterKeyView(p, d))
}

// changeMeterKey plans a key change, makes its tokens, or records that the meter holds the next key.
func (s *Console) changeMeterKey(w http.ResponseWriter, r *http.Request, v visit) {
	field := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	number, act := r.PathValue("number"), field("act")
	d := meterKeyPage{keyFields: keyFields{field("sgc"), field("krn"), field("ti"), field("reason")}}
	again := func(no refusal.Refusal) {
		d.Error = v.site.say.Refusal(no).Detail()
		s.showMeterKey(w, r, v, max(no.Code.Status(), http.StatusBadRequest), d)
	}
	var done vending.Planned
	var err error
	switch {
	case !v.owns(field("form")):
		done.Refusal = refuse.TokenFormOfOtherSession()
	case act == actMake:
		s.give(w, r, v, vending.Ask{Meter: number, Kind: sale.KeyChange, ReasonCode: "key_campaign", Reason: d.Reason}, refusal.Refusal{}, again)
		return
	case act == actPlan:
		done, err = s.planKey(r, v, number, d.keyFields)
	case act == actCancelKey:
		done, err = s.c.Vending.CancelKeyChange(r.Context(), v.by, number, d.Reason)
	case act == actConfirmKey:
		done, err = s.c.Vending.ConfirmKeyChange(r.Context(), v.by, number, d.Reason)
	default:
		done.Refusal = refuse.ServiceActUnknown(refusal.Echo(act))
	}
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case done.Refused():
		again(done.Refusal)
	default:
		http.Redirect(w, r, keyPath(done.Meter.Number)+"?done="+act, http.StatusSeeOther)
	}
}

// planKey plans a key change with the typed figures. An empty figure stays as it is.
func (s *Console) planKey(r *http.Request, v visit, number string, f keyFields) (vending.Planned, error) {
	next := vending.NextKey{SGC: f.SGC, TI: f.TI}
	if f.KRN != "" {
		krn, err := strconv.ParseUint(f.KRN, 10, 8)
		if err != nil || krn == 0 {
			return vending.Planned{Refusal: refuse.KrnOutOfRange()}, nil
		}
		next.KRN = uint8(krn)
	}
	if f.Reason == "" {
		return vending.Planned{Refusal: refuse.ServiceWithoutReason()}, nil
	}
	return s.c.Vending.PlanKeyChange(r.Context(), v.by, number, next, f.Reason)
}
