package e2e

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/store/postgres/pgtest"
	"github.com/paywatt/paywatt/internal/tier"
)

// newDesk is a place with a server on one of the databases, its clock two hours before a month ends, and the tariffs of the vectors.
func newDesk(t *testing.T, database string) *cashDesk {
	t.Helper()
	w := &cashDesk{T: t, whole: t, p: newPlace(t, buildOnce(t, "faultinject")), keys: map[string]string{}}
	if database == "PostgreSQL" {
		w.p.env = append(w.p.env, "PAYWATT_STORE="+pgtest.New(t))
	}
	w.keys["owner"] = strings.TrimSpace(w.p.run(t, "", "apikey", "create", "--role", "owner", "--data", w.p.dir))
	w.open(2 * time.Hour)
	w.owner.must(t, 200, "POST", "/v1/settings", `{"tz":"Africa/Harare","currency":"KES"}`)
	w.owner.tariff(t)
	w.owner.must(t, 201, "POST", "/v1/tariffs", ibt+"}")
	w.owner.must(t, 201, "POST", "/v1/tariffs", strings.Replace(ibt, `"ibt"`, `"social"`, 1)+`,"free_units":{"units_wh":50000}}`)
	return w
}

// books returns the trial balance, for comparison.
func (w *cashDesk) books() string {
	w.Helper()
	return string(w.owner.must(w, 200, "GET", "/v1/ledger/trial-balance", nil).body)
}

// TestStoriesOfLostMoney: failures known from other systems have exactly one correct outcome here, on both databases. SQLite has one writer, so
// only ./check long asks it too.
func TestStoriesOfLostMoney(t *testing.T) {
	t.Parallel()
	for _, database := range []string{"SQLite", "PostgreSQL"} {
		t.Run(database, func(t *testing.T) {
			if database == "SQLite" {
				tier.Long(t)
			}
			w := newDesk(t, database)
			for _, s := range []struct {
				name string
				run  func(*cashDesk)
			}{
				{"fifty identical sales at once", (*cashDesk).fifty}, {"two paths for one payment reference", (*cashDesk).twoPaths},
				{"a number in four letter cases", (*cashDesk).fourCases}, {"energy where money is expected", (*cashDesk).energyForMoney},
				{"a sale across midnight at month end", (*cashDesk).acrossMidnight},
			} {
				ok := t.Run(s.name, func(t *testing.T) {
					of := *w
					of.T = t
					s.run(&of)
					w.server, w.owner, w.meters = of.server, of.owner, of.meters
				})
				if !ok {
					return
				}
			}
			w.server.stop()
			w.p.run(t, "", "verify", "--data", w.p.dir)
		})
	}
}

// fifty callers send the same sale: one token, one journal, the same bytes for all.
func (w *cashDesk) fifty() {
	m := w.house("domestic")
	api := w.as("operator")
	bodies := make([]string, 50)
	var wg sync.WaitGroup
	for i := range bodies {
		wg.Go(func() {
			for {
				a, err := api.do("POST", "/v1/vends", map[string]any{"meter": m, "tender": kes(10_000)}, "Idempotency-Key", "fifty-identical")
				switch {
				case err != nil:
					w.Error(err)
					return
				case a.status == 201:
					bodies[i] = string(a.body)
					return
				case a.status != 409 || a.text(w, "code") != "vend-in-progress" && a.text(w, "code") != "request-in-progress":
					w.Errorf("caller %d: %d %s", i, a.status, a.body)
					return
				}
			}
		})
	}
	wg.Wait()
	for i, b := range bodies {
		if b != bodies[0] || b == "" {
			w.Errorf("caller %d got\n%s\nthe first got\n%s", i, b, bodies[0])
		}
	}
	if n := strings.Count(string(w.owner.must(w, 200, "GET", "/v1/meters/"+m+"/tokens", nil).body), `"tok_`); n != 1 {
		w.Errorf("%d tokens, want 1", n)
	}
}

// twoPaths: a clerk books a bank payment while the import of the bank statement books the same payment. It is booked
// once.
func (w *cashDesk) twoPaths() {
	w.owner.must(w, 201, "POST", "/v1/vendors", `{"name":"Two paths","code":"TWO"}`)
	finance := w.as("finance")
	statuses := make([]int, 20)
	var wg sync.WaitGroup
	for i := range statuses {
		wg.Go(func() {
			api, reference := finance, "FT26-0001"
			if i%2 == 1 {
				api, reference = w.owner, "ft26-0001" // another program, which writes lower-case letters
			}
			a, err := api.do("POST", "/v1/vendors/TWO/deposits", map[string]any{"amount": kes(5_000), "reference": reference}, "Idempotency-Key", fmt.Sprintf("two-paths-%d", i))
			if err != nil {
				w.Error(err)
				return
			}
			statuses[i] = a.status
		})
	}
	wg.Wait()
	booked := 0
	for i, s := range statuses {
		switch s {
		case 201:
			booked++
		case 409:
		default:
			w.Errorf("path %d: status %d", i, s)
		}
	}
	if got := w.owner.must(w, 200, "GET", "/v1/vendors/TWO/float", nil).num(w, "balance_minor"); booked != 1 || got != 5_000 {
		w.Errorf("booked %d times, the float is %d; want once and 5000", booked, got)
	}
}

// fourCases: an id is the same in upper and lower case.
func (w *cashDesk) fourCases() {
	m := w.house("domestic")
	id := w.owner.must(w, 200, "GET", "/v1/meters/"+m, nil).text(w, "id")
	mixed := strings.ToUpper(id[:8]) + id[8:]
	seen := map[string]bool{}
	for i, name := range []string{id, strings.ToUpper(id), mixed, strings.ToUpper(id[:1]) + id[1:]} {
		s := w.buy(w.as("operator"), name, 10_000, fmt.Sprintf("four-cases-%d", i))
		if s.status != 201 || s.text(w, "meter") != m {
			w.Fatalf("%s: %d %s", name, s.status, s.body)
		}
		seen[s.text(w, "meter")] = true
	}
	w.owner.must(w, 201, "POST", "/v1/vendors", `{"name":"Cases","code":"case1"}`)
	for i, code := range []string{"CASE1", "case1", "Case1", "cASE1"} {
		w.owner.must(w, 201, "POST", "/v1/vendors/"+code+"/deposits", map[string]any{"amount": kes(100), "reference": fmt.Sprintf("C-%d", i)},
			"Idempotency-Key", fmt.Sprintf("four-cases-d%d", i))
	}
	if got := w.owner.must(w, 200, "GET", "/v1/vendors/CASE1/float", nil).num(w, "balance_minor"); got != 400 || len(seen) != 1 {
		w.Errorf("one float of %d and %d accounts, want 400 and 1", got, len(seen))
	}
}

// energyForMoney orders an amount of energy, or gives an amount of money in a wrong form. Every order is refused, and nothing is sold.
func (w *cashDesk) energyForMoney() {
	m := w.house("domestic")
	before := w.books()
	for i, body := range []string{
		`{"meter":"` + m + `","tender":{"units_wh":34700,"currency":"KES"}}`,
		`{"meter":"` + m + `","units_wh":34700}`,
		`{"meter":"` + m + `","tender":{"amount_minor":34.7,"currency":"KES"}}`,
		`{"meter":"` + m + `","tender":{"amount_minor":34700,"currency":"KWH"}}`,
		`{"meter":"` + m + `","tender":{"amount_minor":"34700","currency":"KES"}}`,
		`{"meter":"` + m + `","tender":34700}`,
	} {
		a, err := w.as("operator").do("POST", "/v1/vends", body, "Idempotency-Key", fmt.Sprintf("energy-%06d", i))
		if err != nil || a.status < 400 || a.status > 422 || a.text(w, "money_moved") != "no" {
			w.Errorf("%s: %v %d %s", body, err, a.status, a.body)
		}
	}
	if after := w.books(); after != before {
		w.Errorf("the books were %s and are %s", before, after)
	}
}

// acrossMidnight: callers sell without a pause while one month becomes the next. Every sale is priced in the month on its receipt, and its
// block follows from the earlier sales of that month.
func (w *cashDesk) acrossMidnight() {
	const each = 10 // sales of a meter in each month, at least
	meters := []string{w.house("ibt"), w.house("ibt"), w.house("ibt"), w.house("ibt")}
	w.at(30 * time.Minute)
	api := w.as("operator")
	midnight := w.midnight.UTC().Format("2006-01-02T15") // a moment may have a fraction of a second
	var wg sync.WaitGroup
	var before, ended atomic.Int64
	sold := make([][]answer, len(meters))
	for i, m := range meters {
		wg.Go(func() {
			defer ended.Add(1)
			after := 0
			for n := 0; n < 1400 && after < each; n++ { // a meter accepts 1,440 tokens a day
				a, err := api.do("POST", "/v1/vends", map[string]any{"meter": m, "tender": kes(700)}, "Idempotency-Key", fmt.Sprintf("midnight-%d-%04d", i, n))
				if err != nil || a.status != 201 {
					w.Errorf("sale %d: %v %d %s", n, err, a.status, a.body)
					return
				}
				sold[i] = append(sold[i], a)
				if a.text(w, "created_at") >= midnight {
					after++
				} else {
					before.Add(1)
				}
			}
		})
	}
	await.True(w, "every caller is selling", func() bool { return before.Load() >= int64(each*len(meters)) || ended.Load() > 0 })
	w.at(0)
	wg.Wait()
	first, next := monthOf(w.midnight.Add(-time.Hour)), monthOf(w.midnight)
	months := map[string]int{}
	for _, of := range sold {
		units := map[string]int64{}
		for _, a := range of {
			e := w.owner.must(w, 200, "GET", "/v1/vends/"+a.text(w, "id")+"/explain", nil)
			in := e.text(w, "month")
			months[in]++
			if e.text(w, "agrees") != "true" || e.num(w, "month_before_wh") != units[in] {
				w.Fatalf("sale at %s: month %s begins at %d Wh, want %d: %s", a.text(w, "created_at"), in, e.num(w, "month_before_wh"), units[in], e.body)
			}
			if want := map[bool]string{true: first, false: next}[a.text(w, "created_at") < midnight]; in != want {
				w.Errorf("a sale at %s is in %s", a.text(w, "created_at"), in)
			}
			units[in] += a.num(w, "units_wh")
		}
	}
	if months[first] == 0 || months[next] == 0 {
		w.Errorf("the sales fell into %v: midnight was missed", months)
	}
	w.Logf("figures: %d sales in %s and %d in %s, each in the block of its own month", months[first], first, months[next], next)
}
