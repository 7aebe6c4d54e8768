package console

import (
	"cmp"
	"context"
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
	"github.com/paywatt/paywatt/internal/words"
	"github.com/paywatt/paywatt/sts"
)

// keyFields are the figures of a meter's next key as somebody typed them.
type keyFields struct{ SGC, KRN, TI, KT, KEN, DKGA, BaseDate, Reason string }

// meterKeyPage is a meter's key with the change to the next one. State is the state of the change: empty, planned or issued.
type meterKeyPage struct {
	keyFields
	Number, Grouped      string
	Current, Next, State string
	NextState            string // whether the server can make tokens under the next key
	KeyState             string // whether the server can make tokens under the key in use
	Over, OverDo         string // that the base date of the key in use has ended, and what to do about it
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
	return commandLine("paywatt meter plan-key "+d.Number, "--sgc", d.SGC, "--krn", d.KRN, "--ti", d.TI, "--kt", d.KT, "--ken", d.KEN,
		"--dkga", d.DKGA, "--base-date", d.BaseDate, "--reason", d.Reason)
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
		d.Current = k.Current.Facts()
	}
	if !k.Next.ID.IsZero() {
		d.Next = k.Next.Facts()
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
	if err == nil && d.State == "" && d.May {
		err = s.adviseRollOver(ctx, t, m, &d)
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
	d := meterKeyPage{keyFields: keyFields{SGC: field("sgc"), KRN: field("krn"), TI: field("ti"), KT: field("kt"), KEN: field("ken"),
		DKGA: field("dkga"), BaseDate: field("base_date"), Reason: field("reason")}}
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

// adviseRollOver says what to do if the base date of a meter's key has ended, and fills in the change that leads to the next base date.
func (s *Console) adviseRollOver(ctx context.Context, t *words.Texts, m registry.MeterView, d *meterKeyPage) error {
	r, err := s.c.Vending.RollOverOf(ctx, m)
	if err != nil || r.To == 0 {
		return err
	}
	d.Over = t.KeyChangeBaseOver(m.Key.BaseDate.String())
	switch {
	case r.Code == refusal.KeyMissing:
		d.OverDo = t.KeyChangeBaseKeyMissing(m.Key.SGC, r.To.String())
	case r.Refused():
		d.OverDo = t.Refusal(r.Refusal).Detail()
	default:
		d.OverDo = t.KeyChangeBaseNext(r.To.String())
	}
	if r.Key.KRN != 0 && d.keyFields == (keyFields{}) {
		d.KRN, d.BaseDate = strconv.Itoa(int(r.Key.KRN)), r.To.String()
		if r.Key.DKGA != 0 {
			d.DKGA = r.Key.DKGA.String()
		}
	}
	return nil
}

// nextKey reads the figures of the next key. An empty figure stays as it is.
func (f keyFields) nextKey() (n vending.NextKey, no refusal.Refusal) {
	n.SGC, n.TI = f.SGC, f.TI
	number := func(text string, most uint64, wrong refusal.Refusal) *uint8 {
		if text == "" {
			return nil
		}
		value, err := strconv.ParseUint(text, 10, 8)
		if err != nil || value > most {
			no = wrong
		}
		return new(uint8(value))
	}
	if krn := number(f.KRN, 9, refuse.KrnOutOfRange()); krn != nil {
		n.KRN = *krn
		if n.KRN == 0 {
			no = refuse.KrnOutOfRange()
		}
	}
	if kt := number(f.KT, 3, refuse.KtOutOfRange()); kt != nil {
		n.KT = new(sts.KeyType(*kt))
	}
	n.KEN = number(f.KEN, 255, refuse.KenOutOfRange())
	var err error
	if f.DKGA != "" {
		if n.DKGA, err = sts.ParseDKGA(f.DKGA); err != nil {
			no = refuse.DkgaOutOfRange()
		}
	}
	if f.BaseDate != "" {
		if n.BaseDate, err = sts.ParseBaseDate(f.BaseDate); err != nil {
			no = refuse.BaseDateOutOfRange()
		}
	}
	return n, no
}

// planKey plans a key change with the typed figures.
func (s *Console) planKey(r *http.Request, v visit, number string, f keyFields) (vending.Planned, error) {
	next, no := f.nextKey()
	if !no.Refused() && f.Reason == "" {
		no = refuse.ServiceWithoutReason()
	}
	if no.Refused() {
		return vending.Planned{Refusal: no}, nil
	}
	return s.c.Vending.PlanKeyChange(r.Context(), v.by, number, next, f.Reason)
}
