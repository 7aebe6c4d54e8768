package console_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// usage asks the API for the use of a meter, oldest first, with pages of a few rows.
func (w *world) usage(meter, query string) (all []apiv1.Usage) {
	w.t.Helper()
	for cursor := ""; ; {
		req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.url+"/v1/meters/"+meter+"/usage?limit=2&cursor="+cursor+query, nil)
		if err != nil {
			w.t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+w.key)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			w.t.Fatal(err)
		}
		var page apiv1.List[apiv1.Usage]
		err = json.NewDecoder(resp.Body).Decode(&page)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || len(all) > 100 {
			w.t.Fatalf("usage of %s: status %d, %v, %d rows so far", meter, resp.StatusCode, err, len(all))
		}
		all = append(all, page.Data...)
		if cursor = page.NextCursor; cursor == "" {
			slices.Reverse(all)
			return all
		}
	}
}

// TestChartsAgreeWithTheAPI: the table beside the chart of the use of a meter, what the script draws, and the API have the same figures for a
// meter with tokens and for one with a wallet. A day without a reading is a gap, a day without use is 0, and a register that began again is a
// mark, never a negative use.
func TestChartsAgreeWithTheAPI(t *testing.T) {
	w := begin(t)
	w.walletMeter()
	w.noonOfTheFifth()
	registers := []int64{1000, 1700, 1700, -1, -1, 1700, 200, 950} // a day each; -1: no reading
	seq := uint64(0)
	for _, wh := range registers {
		if wh >= 0 {
			for range 2 {
				seq++
				w.reading(meterNumber, seq, wire.Reading{RegisterWh: wh, BalanceWh: 9000 - wh, W: wh % 777, Relay: "closed"})
				w.reading(walletNumber, seq, wire.Reading{RegisterWh: wh, W: 5, Relay: "closed"})
				w.clock.move(10 * time.Minute)
			}
			w.clock.move(-20 * time.Minute)
		}
		w.clock.move(24 * time.Hour)
	}
	g := w.enter(ownerEmail)
	for _, meter := range []string{meterNumber, walletNumber} {
		page := g.get("/meters/" + meter).is(200)
		bars, rows, used := page.plot("chart-use"), page.table("chart-use"), w.usage(meter, "&by=day")
		if len(rows) < 3 || len(bars.X) < 28 || bars.Unit != "kWh" {
			t.Fatalf("meter %s: %d rows, %d bars in %s", meter, len(rows), len(bars.X), bars.Unit)
		}
		byDay, sum := map[string]int64{}, int64(0)
		for _, u := range used {
			byDay[u.From], sum = u.UnitsWh, sum+u.UnitsWh
		}
		page.says("Use by day: " + unit.Energy(sum).KWh(3) + " kWh")
		for _, row := range rows {
			want, known := byDay[row[0]]
			if row[1] != unit.Energy(want).KWh(3) && (known || row[1] != "no reading" && row[1] != "0.000") {
				t.Errorf("meter %s, %s: the table has %s, the API %d Wh", meter, row[0], row[1], want)
			}
		}
		for i, day := range bars.X {
			if y := bars.Y[i]; y != nil && *y != byDay[day.(string)] {
				t.Errorf("meter %s, %s: the chart has %d Wh, the API %d", meter, day, *y, byDay[day.(string)])
			}
		}
		for _, by := range []string{"week", "month"} {
			g.get("/meters/" + meter + "?by=" + by).says("Use by " + by + ": " + unit.Energy(sum).KWh(3) + " kWh")
		}
	}
	page := g.get("/meters/"+meterNumber).is(200).says("the register went from 1.700 to 0.200 kWh. No use is counted there.", "Load: highest 223 W", "Balance in the meter: 8.050 kWh")
	bars := page.plot("chart-use")
	first := slices.IndexFunc(bars.Y, func(y *int64) bool { return y != nil })
	var got []int64
	for _, y := range bars.Y[first : first+len(registers)] {
		if y == nil {
			got = append(got, -1)
		} else {
			got = append(got, *y)
		}
	}
	sum := int64(0)
	for i, y := range got {
		if sum += max(y, 0); registers[i] < 0 && y >= 0 {
			t.Errorf("day %d has no reading, but a use of %d Wh", i, y)
		}
	}
	if sum != 700+750 || len(bars.Marks) != 1 {
		t.Errorf("the bars %v sum to %d Wh with %d marks, want 1450 and one", got, sum, len(bars.Marks))
	}
	earlier := page.link(t, `/meters/`+meterNumber+`\?by=day[^"#]*on=[0-9-]+#charts`)
	g.get(earlier).is(200).says("No readings in this time.", "Later")
	g.get("/meters/" + meterNumber + "?on=tomorrow&by=hour").is(200).says("Use by day: 1.450 kWh")
}

// plot is what the script of a chart draws.
type plot struct {
	Kind, By, TZ, Unit string
	Scale              int64
	Digits             int
	Span               []int64
	X                  []any
	Y, Part            []*int64
	Marks              [][2]any
}

// plot returns what the script draws in a part of the page.
func (a answer) plot(id string) (p plot) {
	a.t.Helper()
	for n := range a.page.Descendants() {
		if n.Type != html.ElementNode || attr(n, "id") != id {
			continue
		}
		for m := range n.Descendants() {
			if text := attr(m, "data-chart"); text != "" {
				if err := json.Unmarshal([]byte(text), &p); err != nil {
					a.t.Fatalf("%s: %v", a.what, err)
				}
				return p
			}
		}
	}
	a.t.Fatalf("%s has no chart %s", a.what, id)
	return p
}

// table returns the texts of the rows of a part of the page.
func (a answer) table(id string) (rows [][]string) {
	a.t.Helper()
	for n := range a.page.Descendants() {
		if n.Type != html.ElementNode || attr(n, "id") != id {
			continue
		}
		for m := range n.Descendants() {
			if m.Data != "tr" || m.Parent.Data != "tbody" {
				continue
			}
			var row []string
			for c := range m.ChildNodes() {
				if c.Data == "td" && c.FirstChild != nil {
					row = append(row, c.FirstChild.Data)
				}
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// TestSalesPerDayAddUp: the chart of the sales has each day's sum, 0 for a day without a sale, and all of them sum to the total of the list.
func TestSalesPerDayAddUp(t *testing.T) {
	w := begin(t)
	w.noon()
	g := w.enter(ownerEmail)
	if g.get("/sales").is(200); strings.Contains(g.get("/sales").body, "chart-sales") {
		t.Error("there is a chart without a sale")
	}
	g.sell(meterNumber, "100")
	w.clock.move(48 * time.Hour)
	g = w.enter(ownerEmail)
	g.sell(meterNumber, "30")
	g.sell(meterNumber, "20")
	page := g.get("/sales").is(200).says("Sales by day: KES 150.00")
	bars := page.plot("chart-sales")
	n := len(bars.Y)
	if n != 31 || *bars.Y[n-1] != 5000 || *bars.Y[n-2] != 0 || *bars.Y[n-3] != 10000 || bars.Unit != "KES" || bars.Scale != 100 {
		t.Errorf("the chart has %d days, the last with %d, %d and %d of %s", n, *bars.Y[n-3], *bars.Y[n-2], *bars.Y[n-1], bars.Unit)
	}
	rows := page.table("chart-sales")
	if last := rows[len(rows)-1]; len(rows) != n || last[1] != "2" || last[2] != "50.00" {
		t.Errorf("the table ends with %v", last)
	}
	g.get("/sales?from=" + bars.X[n-1].(string)).is(200).says("Sales by day: KES 50.00")
}
