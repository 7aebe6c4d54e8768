package console

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/words"
)

// row is a meter in a list. The live stream sends the same texts.
type row struct {
	Number, Grouped, Customer, Tariff string
	Balance, Load, Relay, AsOf        string
	State                             badge
	Simulated                         bool
	Gone                              bool // it was removed or scrapped, so nothing is sold to it
}

// element is the id of the row's element on the page.
func (r row) element() string { return "m-" + r.Number }

// nothing is the text that is shown for an unknown figure.
const nothing = "–"

func (t site) row(v registry.MeterView) row {
	out := row{Number: v.Meter.Number, Grouped: groups(v.Meter.Number), Customer: v.Customer.Name, Tariff: v.Tariff,
		State: t.stateOf(v), Simulated: v.Meter.Simulated, Gone: v.Meter.Status.IsGone(),
		Relay: relayWord(t.say, v.Relay), Balance: nothing, Load: nothing, AsOf: t.say.MetersNoReading()}
	if f := v.Figures; f != nil {
		out.Load = t.say.Watts(f.Watts)
		out.AsOf = t.say.MetersAsOf(t.clock(f.AsOf))
	}
	if left, known := v.Left(); known {
		out.Balance, out.AsOf = t.say.Energy(left.Energy, 1), t.leftAsOf(left)
		if left.Money != nil {
			out.Balance = t.say.Sum(*left.Money)
		}
	}
	return out
}

// leftAsOf says when what is left was true.
func (t site) leftAsOf(left registry.Left) string {
	if left.Source != "" {
		return t.said(registry.ReportedBalance{At: left.AsOf, Source: left.Source})
	}
	return t.say.MetersAsOf(t.clock(left.AsOf))
}

// cells are the parts of a row that update.
func (r row) cells() map[string]cell {
	return map[string]cell{"state": r.State.cell(), "balance": {r.Balance}, "load": {r.Load}, "asof": {r.AsOf}}
}

// typed writes an amount as it is typed into a form.
func (t site) typed(a money.Amount) string {
	c, known := money.CurrencyOf(a.Currency)
	if !known {
		return ""
	}
	return t.say.Typed(a.Minor, c)
}

// metersPage is a list of meters, with how many meters are in each state.
type metersPage struct {
	Filter   registry.MeterFilter
	States   []choice
	Statuses []choice
	Counts   []countLink
	Rows     []row
	Order    registry.Order
	Orders   []choice
	Heads    []sortHead
	Pages    numbered
	// Manages says that the role may register meters.
	Manages bool
	Error   string
}

// countLink is how many meters are in a state, and the list of them.
type countLink struct {
	Path, Text string
	Count      int
	Here       bool // this list is shown
}

// meterFilter reads which meters a page is about.
func meterFilter(q url.Values) registry.MeterFilter {
	field := func(name string) string { return strings.TrimSpace(q.Get(name)) }
	return registry.MeterFilter{Find: field("find"), State: field("state"), Tariff: field("tariff"), Feeder: field("feeder"),
		Low: field("low") == "true", Status: field("status")}
}

// meters lists meters. A filter that cannot be read leaves the form as it is, and says what is wrong.
func (s *Console) meters(w http.ResponseWriter, r *http.Request, v visit) {
	q := r.URL.Query()
	d := metersPage{Filter: meterFilter(q), Order: orderOf(q), Manages: v.by.May(access.WriteMeters)}
	number, _ := strconv.Atoi(q.Get("page")) // 0 for a text that is no number: the first page
	list, err := s.c.Registry.Board(r.Context(), v.by, d.Filter, d.Order, number, pageSize)
	if err == nil && list.Refused() && v.by.May(access.ReadMeters) && d.Filter != (registry.MeterFilter{}) {
		d.Error = v.site.say.Refusal(list.Refusal).Detail()
	} else if s.stopped(w, r, v, err, list.Refusal) {
		return
	}
	p := s.page(r, v, v.site.say.MetersTitle())
	numbers := make([]string, len(list.Meters))
	d.Rows = make([]row, len(list.Meters))
	for i, m := range list.Meters {
		d.Rows[i], numbers[i] = v.site.row(m), m.Meter.Number
	}
	p.Live, p.Find = "/meters/live?n="+strings.Join(numbers, ","), true
	d.Pages = numberedPages("/meters", q, list.First, len(d.Rows), list.Found)
	d.Orders, d.Heads = orderChoices(v.site.say), sortHeads(v.site.say, q, d.Order)
	d.States, d.Counts = meterStates(v.site.say), countLinks(v.site.say, q, d.Filter, list.Counts)
	d.Statuses = meterStatuses(v.site.say)
	status := http.StatusOK
	if d.Error != "" {
		status = list.Code.Status()
	}
	s.show(w, r, status, metersView(p, d))
}

func meterStates(t *words.Texts) []choice {
	out := []choice{{"", t.MetersEveryState()}}
	for _, state := range registry.States() {
		out = append(out, choice{string(state), stateBadge(t, state).Word})
	}
	return out
}

func meterStatuses(t *words.Texts) []choice {
	out := []choice{{"", t.MetersStatusUsual()}, {registry.EveryStatus, t.MetersStatusEvery()}}
	for _, status := range registry.Statuses() {
		if status != registry.Commissioned { // no meter has it
			out = append(out, choice{string(status), t.Name("meter-status", string(status))})
		}
	}
	return out
}

// countLinks lists the states that meters are in, each with its count and a link that keeps the rest of the filter.
func countLinks(t *words.Texts, q url.Values, f registry.MeterFilter, c registry.MeterCounts) []countLink {
	with := func(field, value string) string {
		next := url.Values{}
		for k, v := range q {
			if k != "page" && k != "state" && k != "low" {
				next[k] = v
			}
		}
		if value != "" {
			next.Set(field, value)
		}
		return "/meters?" + next.Encode()
	}
	out := []countLink{{with("", ""), t.MetersAll(), c.All, f.State == "" && !f.Low}}
	for _, state := range registry.States() {
		if c.By[state] > 0 {
			out = append(out, countLink{with("state", string(state)), stateBadge(t, state).Text(), c.By[state], f.State == string(state)})
		}
	}
	return out
}

// find looks up a typed number. The registry only says that the meter is unknown; find also reports a wrong check digit, so that the person
// sees the typing error.
func (s *Console) find(ctx context.Context, v visit, typed string) (registry.MeterView, error) {
	if digitsOnly(typed) {
		if _, no := registry.Canonical(typed); no.Refused() {
			return registry.MeterView{Refusal: no}, nil
		}
	}
	return s.c.Registry.Meter(ctx, v.by, typed)
}

// digitsOnly reports whether a text has only digits, blanks and dashes, with at least one digit.
func digitsOnly(text string) bool {
	digits := strings.NewReplacer(" ", "", "-", "").Replace(text)
	return digits != "" && strings.Trim(digits, "0123456789") == ""
}

// metersLive streams changes of the meters that a page shows.
func (s *Console) metersLive(w http.ResponseWriter, r *http.Request) {
	s.rowsLive(w, r, func(site site, m registry.MeterView) (string, map[string]cell) {
		row := site.row(m)
		return row.element(), row.cells()
	})
}

// rowsLive streams the rows of the meters that the query names. The function show returns the element and the cells of a row.
func (s *Console) rowsLive(w http.ResponseWriter, r *http.Request, show func(site, registry.MeterView) (string, map[string]cell)) {
	numbers := strings.Split(r.URL.Query().Get("n"), ",")
	s.stream(w, r, func(ctx context.Context, v visit) (frame, bool, error) {
		list, err := s.c.Registry.MetersNumbered(ctx, v.by, numbers)
		if err != nil || list.Refused() {
			return nil, false, err
		}
		out := frame{}
		for _, m := range list.Data {
			element, cells := show(v.site, m)
			out[element] = cells
		}
		return out, true, nil
	})
}

// sellable reports whether a sale to the meter can be started here.
func sellable(m registry.MeterView, v visit) bool {
	return v.sells() && m.Meter.Mode != registry.Postpay && m.Meter.Status != registry.Stock && !m.Meter.Status.IsGone()
}
