package console

import (
	"net/http"
	"slices"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/vending"
)

// startStep is one line of the checklist for a new server.
type startStep struct {
	Done         bool
	Title, About string
	Path         string // where it is done
	Command      string // for what only the command line does
}

// startPage is the checklist for a new server.
type startPage struct {
	Steps []startStep
	Left  int
}

// begun says which steps of the checklist are done.
type begun struct {
	settings, tariff, meter, sale, people, backup bool
	unsure                                        bool // the list of people needs a fresh proof of identity
}

// bare reports whether the server has no meter yet. If that cannot be read, it says no, and the overview says what is wrong.
func (s *Console) bare(r *http.Request, v visit) bool {
	list, err := s.c.Registry.Meters(r.Context(), v.by, registry.MeterFilter{}, registry.Page{Limit: 1})
	return err == nil && !list.Refused() && len(list.Data) == 0
}

// start shows what a new server still needs.
func (s *Console) start(w http.ResponseWriter, r *http.Request, v visit) {
	b, no, err := s.begun(r, v)
	if s.stopped(w, r, v, err, no) {
		return
	}
	t := v.site.say
	d := startPage{Steps: []startStep{
		{Done: b.settings, Title: t.StartUtility(), About: t.StartUtilityAbout(), Path: "/settings"},
		{Done: b.tariff, Title: t.StartTariff(), About: t.StartTariffAbout(), Path: "/tariffs/new"},
		{Done: b.meter, Title: t.StartMeter(), About: t.StartMeterAbout(), Path: "/meters/new"},
		{Done: b.sale, Title: t.StartSale(), About: t.StartSaleAbout(), Path: "/sell"},
		{Done: b.people, Title: t.StartPeople(), About: t.StartPeopleAbout(), Path: "/people"},
		{Done: b.backup, Title: t.StartBackup(), About: t.StartBackupAbout(), Command: "paywatt backup create"},
	}}
	d.Steps = slices.DeleteFunc(d.Steps, func(step startStep) bool { return b.unsure && step.Path == "/people" })
	for _, step := range d.Steps {
		if !step.Done {
			d.Left++
		}
	}
	s.show(w, r, http.StatusOK, startView(s.page(r, v, t.StartTitle()), d))
}

// begun looks for the first of everything that a server needs.
func (s *Console) begun(r *http.Request, v visit) (b begun, no refusal.Refusal, err error) {
	ctx := r.Context()
	if no = v.by.Needs(access.WriteSettings); no.Refused() && no.Code != refusal.SignInAgain {
		return b, no, nil
	}
	b.settings = v.site.currency != ""
	one := registry.Page{Limit: 1}
	tariffs, err := s.c.Registry.Tariffs(ctx, v.by, one)
	if err != nil || tariffs.Refused() {
		return b, tariffs.Refusal, err
	}
	meters, err := s.c.Registry.Meters(ctx, v.by, registry.MeterFilter{}, one)
	if err != nil || meters.Refused() {
		return b, meters.Refusal, err
	}
	sales, err := s.c.Vending.Sales(ctx, v.by, vending.SaleRequest{Page: one})
	if err != nil || sales.Refused() {
		return b, sales.Refusal, err
	}
	b.tariff, b.meter, b.sale = len(tariffs.Data) > 0, len(meters.Data) > 0, len(sales.Sales) > 0
	people, err := s.c.Access.People(ctx, v.by, id.ID{}, pageSize)
	if err != nil {
		return b, no, err
	}
	active := 0
	for _, p := range people.Data {
		if p.Password != "" && !p.Blocked {
			active++
		}
	}
	needs, err := s.c.Overview.Show(ctx, v.by)
	if err != nil || needs.Refused() {
		return b, needs.Refusal, err
	}
	b.people, b.unsure = active > 1, people.Refused()
	b.backup = needs.Backup.Noted && !needs.Backup.At.IsZero()
	return b, refusal.Refusal{}, nil
}
