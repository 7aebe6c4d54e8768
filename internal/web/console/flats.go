package console

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/flats"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/print"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
)

const flatsPath = "/flats"

// flatRow is a flat on the board. The live stream sends the same texts for state, left and time.
type flatRow struct {
	row
	Name, Tenant, Building, Days, Paid string
}

// flatsPage is the landlord's board.
type flatsPage struct {
	Building  string
	Buildings []countLink
	Counts    []choice // flats in each state
	Rows      []flatRow
	Rest      string // the board has more flats than the page
	Manages   bool
	FormID    string // of the cards for doors; empty for those who may not make them
	Loss      string // yesterday, in a line
	LossPath  string // leads to the comparison of the main meter with the flats; empty without a building
	Month     string // of the statements; empty for those who may not read them
}

// shownFlats is how many flats the board shows. More are found by their building.
const shownFlats = 100

func (s *Console) flatRoutes(m *http.ServeMux) {
	m.Handle("GET "+flatsPath, s.signedIn(s.flats))
	m.HandleFunc("GET "+flatsPath+"/live", s.flatsLive)
	m.Handle("GET "+flatsPath+"/statements.pdf", s.signedIn(s.flatStatements))
	m.Handle("POST "+flatsPath+"/doors", s.signedIn(s.doors))
	m.Handle("GET "+lossPath, s.signedIn(s.loss))
	m.Handle("GET "+newFlatsPath, s.signedIn(s.newFlats))
	m.Handle("POST "+newFlatsPath, s.signedIn(s.pasteFlats))
}

// flats is the board of the flats of a building, or of all.
func (s *Console) flats(w http.ResponseWriter, r *http.Request, v visit) {
	t := v.site.say
	d := flatsPage{Building: strings.TrimSpace(r.URL.Query().Get("feeder")), Manages: v.by.May(access.WriteMeters)}
	b, err := s.c.Flats.Board(r.Context(), v.by, d.Building, registry.Page{Limit: shownFlats})
	if s.stopped(w, r, v, err, b.Refusal) {
		return
	}
	if v.by.May(access.ReadCustomers) {
		d.Month = v.site.in(s.c.Now()).Format(localday.MonthForm)
	}
	numbers := make([]string, len(b.Flats))
	for i, f := range b.Flats {
		numbers[i] = f.Meter.Number
		d.Rows = append(d.Rows, v.site.flat(f))
	}
	if len(b.Flats) < b.Found {
		d.Rest = t.FlatsRest(itoa(len(b.Flats)), itoa(b.Found))
	}
	for _, state := range registry.States() {
		if n := b.Counts.By[state]; n > 0 {
			d.Counts = append(d.Counts, choice{stateBadge(t, state).Text(), itoa(n)})
		}
	}
	if v.by.May(access.SendMessages) && v.by.OfUtility() {
		if d.FormID, err = s.formID(v); err != nil {
			s.broken(w, r, v, err)
			return
		}
	}
	if one := oneBuilding(b.Flats, d.Building); one != "" {
		l, err := s.c.Flats.Loss(r.Context(), v.by, one, "")
		if err != nil {
			s.broken(w, r, v, err)
			return
		}
		d.LossPath, d.Loss = lossOf(one), v.site.lossLine(l)
	}
	d.Buildings = buildings(b.Flats, d.Building, t.FlatsEvery())
	p := s.page(r, v, t.FlatsTitle())
	p.Live = flatsPath + "/live?n=" + strings.Join(numbers, ",")
	s.show(w, r, http.StatusOK, flatsView(p, d))
}

// flatStatements answers with the statements of the flats of a board for a month as one PDF file.
func (s *Console) flatStatements(w http.ResponseWriter, r *http.Request, v visit) {
	q := r.URL.Query()
	got, err := s.c.Flats.Statements(r.Context(), v.by, v.site.say, strings.TrimSpace(q.Get("feeder")), strings.TrimSpace(q.Get("month")))
	if s.stopped(w, r, v, err, got.Refusal) {
		return
	}
	s.pdf(w, got.Name, got.PDF)
}

// doors answers with cards for the doors of the flats of a board, as a PDF file. A door is read by strangers, so its code opens the page on which
// anybody pays for the meter and sees nothing of the account.
func (s *Console) doors(w http.ResponseWriter, r *http.Request, v visit) {
	if !v.owns(r.PostFormValue("form")) {
		s.refuse(w, r, v, refuse.OfficeFormOfOtherSession())
		return
	}
	building := strings.TrimSpace(r.PostFormValue("feeder"))
	b, err := s.c.Flats.Board(r.Context(), v.by, building, registry.Page{Limit: registry.MaxLimit})
	if s.stopped(w, r, v, err, b.Refusal) {
		return
	}
	slices.SortStableFunc(b.Flats, func(a, c flats.Flat) int { return flats.ByName(a.Name(), c.Name()) })
	var all []print.Door
	for _, f := range b.Flats {
		if f.Customer.ID.IsZero() {
			continue // nobody can pay for a vacant flat
		}
		link, err := s.c.PageLinks.Pay(r.Context(), v.by, f.Meter.Number)
		if s.stopped(w, r, v, err, link.Refusal) {
			return
		}
		door := print.Door{Meter: groups(f.Meter.Number), Address: s.absolute(r, link.Address.Reveal())}
		if f.Address != "" { // a tenant's name is not for a door
			door.Name = f.Address
		}
		all = append(all, door)
	}
	file, err := print.Doors(v.site.say, v.site.say.FlatsDoors(), all, s.c.Now())
	if err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.pdf(w, "doors-"+cmp.Or(building, "flats"), file)
}

// oneBuilding is the building of a board: the chosen one, or that of all flats on it.
func oneBuilding(all []flats.Flat, here string) string {
	for _, f := range all {
		if here == "" {
			here = f.Feeder
		}
		if f.Feeder != here {
			return ""
		}
	}
	return here
}

// buildings are the links to the boards of the buildings on this one, if there is more than one.
func buildings(all []flats.Flat, here, every string) []countLink {
	count := map[string]int{}
	var names []string
	for _, f := range all {
		if f.Feeder != "" {
			if count[f.Feeder]++; count[f.Feeder] == 1 {
				names = append(names, f.Feeder)
			}
		}
	}
	if len(names) == 0 || len(names) == 1 && here == "" && count[names[0]] == len(all) {
		return nil
	}
	slices.Sort(names)
	out := []countLink{{Path: flatsPath, Text: every, Here: here == ""}}
	for _, n := range names {
		out = append(out, countLink{buildingPath(n), n, count[n], n == here})
	}
	return out
}

// buildingPath leads to the board of a building.
func buildingPath(name string) string { return flatsPath + "?" + buildingQuery(name) }

func buildingQuery(name string) string { return url.Values{"feeder": {name}}.Encode() }

func (t site) flat(f flats.Flat) flatRow {
	out := flatRow{row: t.row(f.MeterView), Name: f.Name(), Building: f.Feeder, Days: t.daysLeft(f), Paid: t.say.FlatsUnpaid()}
	if f.Customer.Name != out.Name {
		out.Tenant = f.Customer.Name
	}
	if p := f.Paid; !p.At.IsZero() {
		out.Paid = t.say.FlatsPaid(t.say.Sum(p.Amount), t.clock(p.At))
	}
	out.row = boardRow(t, f.MeterView, out.row)
	return out
}

// boardRow words what only a board says: that a meter was never heard, and that nobody knows what is left.
func boardRow(t site, m registry.MeterView, r row) row {
	if m.LastSeen.IsZero() {
		r.State.Word = t.say.FlatsNever()
	}
	if _, known := m.Left(); !known {
		r.Balance, r.AsOf = t.say.FlatsUnknown(), ""
	}
	return r
}

// daysLeft writes the estimate of days left as a range.
func (t site) daysLeft(f flats.Flat) string {
	switch d := f.Days; {
	case !d.Estimated:
		return t.say.FlatsDaysUnknown()
	case d.Least == d.Most:
		return t.say.FlatsDaysAbout(t.say.Count(d.Likely))
	default:
		return t.say.FlatsDaysRange(t.say.Count(d.Least), t.say.Count(d.Most))
	}
}

// flatsLive streams the states and balances of the flats that a board shows. Days and payments change with the next visit.
func (s *Console) flatsLive(w http.ResponseWriter, r *http.Request) {
	s.rowsLive(w, r, func(site site, m registry.MeterView) (string, map[string]cell) {
		row := boardRow(site, m, site.row(m))
		cells := row.cells()
		delete(cells, "load")
		return row.element(), cells
	})
}
