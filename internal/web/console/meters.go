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
)

// row is a meter in a list. The live stream sends the same texts.
type row struct {
	Number, Grouped, Customer, Tariff string
	Balance, Load, Relay, AsOf        string
	State                             badge
	Simulated                         bool
}

// element is the id of the row's element on the page.
func (r row) element() string { return "m-" + r.Number }

// nothing is the text that is shown for an unknown figure.
const nothing = "–"

func (t site) row(v registry.MeterView) row {
	out := row{Number: v.Meter.Number, Grouped: groups(v.Meter.Number), Customer: v.Customer.Name, Tariff: v.Tariff,
		State: stateBadge(t.say, v.State), Simulated: v.Meter.Simulated, Relay: relayWord(t.say, v.Relay), Balance: nothing, Load: nothing, AsOf: t.say.MetersNoReading()}
	if f := v.Figures; f != nil {
		out.Load = strconv.FormatInt(f.Watts, 10) + " W"
		out.AsOf = t.say.MetersAsOf(t.clock(f.AsOf))
		if v.Meter.Mode == registry.PrepayToken {
			out.Balance = f.Balance.KWh(1) + " kWh"
		}
	}
	if v.Balance != nil {
		// The server has the wallet, so its balance is always the present balance.
		out.Balance, out.AsOf = sum(*v.Balance), t.say.MetersAsOf(t.clock(v.Clock))
	}
	return out
}

// cells are the parts of a row that update.
func (r row) cells() map[string]cell {
	return map[string]cell{"state": r.State.cell(), "balance": {r.Balance}, "load": {r.Load}, "asof": {r.AsOf}}
}

// sum writes an amount with its code.
func sum(a money.Amount) string { return a.Currency + " " + figure(a) }

// figure writes an amount in major units, without the code.
func figure(a money.Amount) string {
	c, ok := money.CurrencyOf(a.Currency)
	if !ok {
		return ""
	}
	return money.Format(a.Minor, c)
}

func (s *Console) meters(w http.ResponseWriter, r *http.Request, v visit) {
	cursor := r.URL.Query().Get("cursor")
	list, err := s.c.Registry.Meters(r.Context(), v.by, registry.Page{Limit: pageSize, Cursor: cursor})
	if s.stopped(w, r, v, err, list.Refusal) {
		return
	}
	p := s.page(r, v, v.site.say.MetersTitle())
	p.Live, p.Find = "/meters/live?cursor="+url.QueryEscape(cursor), true
	rows := make([]row, len(list.Data))
	for i, m := range list.Data {
		rows[i] = v.site.row(m)
	}
	s.show(w, r, http.StatusOK, metersView(p, rows, nextPage("/meters", nil, list.Next), cursor != ""))
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

// metersLive streams changes on the page of meters that the cursor names.
func (s *Console) metersLive(w http.ResponseWriter, r *http.Request) {
	cursor := r.URL.Query().Get("cursor")
	s.stream(w, r, func(ctx context.Context, v visit) (frame, bool, error) {
		list, err := s.c.Registry.Meters(ctx, v.by, registry.Page{Limit: pageSize, Cursor: cursor})
		if err != nil || list.Refused() {
			return nil, false, err
		}
		out := frame{}
		for _, m := range list.Data {
			row := v.site.row(m)
			out[row.element()] = row.cells()
		}
		return out, true, nil
	})
}

// sellable reports whether a sale to the meter can be started here.
func sellable(m registry.MeterView, v visit) bool {
	return v.sells() && m.Meter.Mode != registry.Postpay
}

// quiet is the actor without the right to see digits. Reads by this actor open no token, so the audit log does not record
// that somebody saw one.
func quiet(by access.Actor) access.Actor {
	if by.May(access.ShowTokens) && by.May(access.ReadVends) {
		by.Role = access.Support
	}
	return by
}
