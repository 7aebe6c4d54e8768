package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/tier"
)

// cashDesk is a place with a server on one of the two databases, with a clock that the script sets. The time zone is two
// hours ahead of UTC.
type cashDesk struct {
	*testing.T
	whole  *testing.T // the test of all runs on one database; the servers run until this test ends
	p      *place
	owner  *api
	keys   map[string]string // API keys by role
	server *server
	meters int

	clock    string    // a file with the shift of the server's clock
	midnight time.Time // the next end of a month in the zone, at least three hours from now
}

// harare is the time zone of the desk.
var harare = time.FixedZone("Africa/Harare", 2*60*60)

// nextMidnight is the next end of a month in Harare that is at least three hours from now.
func nextMidnight() time.Time {
	now := time.Now().Add(3 * time.Hour).In(harare)
	return time.Date(now.Year(), now.Month()+1, 1, 0, 0, 0, 0, harare)
}

// monthOf is the month of a moment in the zone.
func monthOf(at time.Time) string { return at.In(harare).Format("2006-01") }

// at moves the server's clock to a time before midnight, or to midnight. Time only goes forward.
func (w *cashDesk) at(before time.Duration) {
	w.Helper()
	next := w.clock + ".next"
	write(w.T, next, time.Until(w.midnight.Add(-before)).String(), 0o600)
	if err := os.Rename(next, w.clock); err != nil { // the server reads a whole file
		w.Fatal(err)
	}
}

// open starts the server with its clock at a time before midnight. The server takes its time from the file on both databases.
func (w *cashDesk) open(before time.Duration) {
	w.Helper()
	w.clock, w.midnight = filepath.Join(w.TempDir(), "clock"), nextMidnight()
	w.at(before)
	env := w.p.env
	w.p.env = append(slices.Clone(env), "FAULT_INJECT=clock-file="+w.clock+",clock=0s,time-service")
	w.server = w.p.serve(w.whole, "127.0.0.1:0", "127.0.0.1:0")
	w.p.env = env
	w.owner = newAPI(w.server.http, w.keys["owner"])
}

// as returns the API with the key of a role.
func (w *cashDesk) as(role string) *api {
	w.Helper()
	if w.keys[role] == "" {
		args := []string{"apikey", "create", "--role", role, "--data", w.p.dir}
		if name, ok := strings.CutPrefix(role, "vendor_api "); ok {
			args = []string{"apikey", "create", "--role", "vendor_api", "--vendor", name, "--data", w.p.dir}
		}
		w.keys[role] = strings.TrimSpace(w.p.run(w, "", args...))
	}
	return newAPI(w.server.http, w.keys[role])
}

func kes(minor int64) map[string]any { return map[string]any{"amount_minor": minor, "currency": "KES"} }

// house registers a meter on a tariff. Every house has its own customer.
func (w *cashDesk) house(tariff string, number ...string) string {
	w.Helper()
	w.meters++
	n := fmt.Sprintf("0414%06d", 40_000+w.meters)
	n = luhn(n)
	if len(number) > 0 {
		n = number[0]
	}
	w.owner.must(w, 201, "POST", "/v1/meters", map[string]any{"number": n, "mode": "prepay_token", "sgc": "123456", "krn": 1, "kt": 2, "ti": "01",
		"tariff": tariff, "simulated": true, "customer": map[string]any{"name": fmt.Sprintf("House %d", w.meters), "phone": fmt.Sprintf("+2547000%05d", w.meters)}})
	return n
}

// luhn adds the check digit.
func luhn(body string) string {
	for d := range 10 {
		n, sum := body+fmt.Sprint(d), 0
		for i := range n {
			v := int(n[len(n)-1-i] - '0')
			if i%2 == 1 {
				if v *= 2; v > 9 {
					v -= 9
				}
			}
			sum += v
		}
		if sum%10 == 0 {
			return n
		}
	}
	panic("no digit fits")
}

// buy sells and returns the answer, whatever it is.
func (w *cashDesk) buy(c *api, meter string, minor int64, key string, ref ...string) answer {
	w.Helper()
	body := map[string]any{"meter": meter, "tender": kes(minor)}
	if len(ref) > 0 {
		body["client_ref"] = ref[0]
	}
	a, err := c.do("POST", "/v1/vends", body, "Idempotency-Key", key)
	if err != nil {
		w.Fatal(err)
	}
	return a
}

// lines returns the amounts of a sale or quote, summed by kind.
func (w *cashDesk) lines(a answer) map[string]int64 {
	w.Helper()
	var v struct {
		Lines []struct {
			Kind        string `json:"kind"`
			AmountMinor int64  `json:"amount_minor"`
		} `json:"lines"`
	}
	if err := json.Unmarshal(a.body, &v); err != nil {
		w.Fatal(err)
	}
	out := map[string]int64{}
	for _, l := range v.Lines {
		out[l.Kind] += l.AmountMinor
	}
	return out
}

// wants checks a sale: its units, and every line that is not 0.
func (w *cashDesk) wants(a answer, status int, units int64, lines map[string]int64) {
	w.Helper()
	if a.status != status {
		w.Fatalf("status %d, want %d\n%s", a.status, status, a.body)
	}
	if got := a.num(w, "units_wh"); got != units {
		w.Errorf("%d Wh, want %d", got, units)
	}
	got := w.lines(a)
	var sum int64
	for kind, minor := range got {
		if sum += minor; minor != lines[kind] {
			w.Errorf("%s %d, want %d", kind, minor, lines[kind])
		}
	}
	for kind, minor := range lines {
		if _, there := got[kind]; !there && minor != 0 {
			w.Errorf("no line %s of %d", kind, minor)
		}
	}
	if tender := a.num(w, "tender", "amount_minor"); sum != tender {
		w.Errorf("the lines sum to %d of %d tendered", sum, tender)
	}
}

// refused checks a problem's status and code, and that no money moved.
func (w *cashDesk) refused(a answer, status int, code string) {
	w.Helper()
	if a.status != status || a.text(w, "code") != code || a.text(w, "money_moved") != "no" {
		w.Errorf("status %d %s\nwant %d %s and money_moved no", a.status, a.body, status, code)
	}
}

// explained checks that every figure of a sale is computed again.
func (w *cashDesk) explained(a answer) {
	w.Helper()
	e := w.owner.must(w, 200, "GET", "/v1/vends/"+a.text(w, "id")+"/explain", nil)
	if e.text(w, "agrees") != "true" {
		w.Errorf("the explanation differs from the sale: %s", e.body)
	}
}

// ibt is the rising block tariff of docs/reference/money.md#worked-purchases.
const ibt = `{"name":"ibt","currency":"KES","vat_bps":1500,"blocks":[{"up_to_wh":50000,"rate_micro":1200000},{"up_to_wh":350000,"rate_micro":1600000},
	{"up_to_wh":600000,"rate_micro":2300000},{"up_to_wh":null,"rate_micro":2750000}]`

// scripts are the twelve runs, in the order of their clock.
func scripts() []struct {
	name string
	run  func(*cashDesk)
} {
	return []struct {
		name string
		run  func(*cashDesk)
	}{
		{"look-up", (*cashDesk).lookUp}, {"quote", (*cashDesk).quote}, {"sale", (*cashDesk).sale}, {"sale with debt and fixed charge", (*cashDesk).debtAndFixed},
		{"free units due", (*cashDesk).freeUnits}, {"time-out, then retry", (*cashDesk).timeOut}, {"unmatched retry", (*cashDesk).unmatched},
		{"duplicate id with another body", (*cashDesk).duplicate}, {"float exhausted", (*cashDesk).floatShort}, {"key change pending", (*cashDesk).keyChange},
		{"reversal in and out of its window", (*cashDesk).reversal}, {"block boundary at month end", (*cashDesk).monthEnd},
	}
}

// TestTwelveRuns plays everyday sales against the real binary over HTTP, and checks every amount. One request follows the other,
// so ./check leaves PostgreSQL to the tests of the store and of package shoptest.
func TestTwelveRuns(t *testing.T) {
	t.Parallel()
	for _, database := range []string{"SQLite", "PostgreSQL"} {
		t.Run(database, func(t *testing.T) {
			if database == "PostgreSQL" {
				tier.Long(t)
			}
			w := newDesk(t, database)
			for _, s := range scripts() {
				ok := t.Run(s.name, func(t *testing.T) {
					of := *w
					of.T = t
					s.run(&of)
					w.server, w.owner, w.meters = of.server, of.owner, of.meters
					if got := w.owner.must(t, 200, "GET", "/v1/ledger/trial-balance", nil).num(t, "sum_minor"); got != 0 {
						t.Errorf("the books sum to %d", got)
					}
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

func (w *cashDesk) lookUp() {
	m := w.house("domestic")
	for _, written := range []string{m, " " + m[:4] + "-" + m[4:8] + " " + m[8:]} {
		a := w.as("operator").must(w, 200, "GET", "/v1/meters/"+strings.ReplaceAll(written, " ", "%20"), nil)
		if a.text(w, "number") != m {
			w.Errorf("%q finds %s", written, a.body)
		}
	}
	a, err := w.as("operator").do("GET", "/v1/meters/"+luhn("0414999999"), nil)
	if err != nil || a.status != 404 || a.text(w, "code") != "meter-not-found" {
		w.Errorf("an unknown meter: %d %s", a.status, a.body)
	}
}

func (w *cashDesk) quote() {
	m := w.house("domestic")
	q := w.as("operator").must(w, 200, "POST", "/v1/vend-quotes", map[string]any{"meter": m, "tender": kes(10_000)})
	w.wants(q, 200, 34_700, map[string]int64{"energy": 8675, "vat": 1301, "carry": 24}) // V2
	if a := w.as("operator").must(w, 200, "GET", "/v1/meters/"+m+"/tokens", nil); strings.Contains(string(a.body), `"tok_`) {
		w.Errorf("a quote left a token: %s", a.body)
	}
	s := w.buy(w.as("operator"), m, 10_000, "script-quote")
	if fmt.Sprint(w.lines(q)) != fmt.Sprint(w.lines(s)) {
		w.Errorf("the quote said %v, the sale %v", w.lines(q), w.lines(s))
	}
}

func (w *cashDesk) sale() {
	m := w.house("domestic")
	s := w.buy(w.as("operator"), m, 10_000, "script-sale-1")
	w.wants(s, 201, 34_700, map[string]int64{"energy": 8675, "vat": 1301, "carry": 24}) // V2
	w.explained(s)
	if d := s.text(w, "tokens", 0, "digits"); len(strings.ReplaceAll(d, " ", "")) != 20 {
		w.Errorf("the token is %q", d)
	}
	next := w.buy(w.as("operator"), m, 10_001, "script-sale-2") // with 24 brought forward: 10,025, V14
	w.wants(next, 201, 34_800, map[string]int64{"energy": 8700, "vat": 1305, "carry": 20, "carry_in": -24})
	w.explained(next)
	over := w.buy(w.as("operator"), m, 28-20-1, "script-sale-3") // 27 with the carry: less than 0.1 kWh
	w.refused(over, 422, "vend-too-small")
}

func (w *cashDesk) debtAndFixed() {
	m := w.house("ibt")
	w.owner.must(w, 201, "POST", "/v1/charges", map[string]any{"account": m, "name": "standing", "month": monthOf(w.midnight.Add(-time.Hour)), "amount": kes(11_270), "vat_bps": 1500},
		"Idempotency-Key", "script-charge")
	w.owner.must(w, 201, "POST", "/v1/debts", map[string]any{"account": m, "kind": "arrears", "amount": kes(60_000), "mode": "percent", "percent_bps": 2000},
		"Idempotency-Key", "script-debt")
	s := w.buy(w.as("operator"), m, 50_000, "script-debt-sale") // V6
	w.wants(s, 201, 168_600, map[string]int64{"fixed": 9800, "debt": 10_000, "energy": 24_976, "vat": 1470 + 3746, "carry": 8})
	w.explained(s)
	d := w.owner.must(w, 200, "GET", "/v1/debts", nil)
	if got := d.num(w, "data", 0, "outstanding_minor"); got != 50_000 {
		w.Errorf("the debt is %d, want 50000", got)
	}
}

func (w *cashDesk) freeUnits() {
	m := w.house("social")
	s := w.buy(w.as("operator"), m, 10_000, "script-free") // V16, after a token of 50 kWh for nothing
	w.wants(s, 201, 54_300+50_000, map[string]int64{"energy": 8688, "vat": 1303, "carry": 9})
	if got := s.num(w, "tokens", 0, "units_wh"); got != 50_000 {
		w.Errorf("the first token has %d Wh, want the free 50,000", got)
	}
	w.explained(s)
	again := w.buy(w.as("operator"), m, 10_000, "script-free-2")
	if again.status != 201 || strings.Count(string(again.body), `"digits"`) != 1 {
		w.Errorf("in the same month again: %d %s", again.status, again.body)
	}
}

func (w *cashDesk) timeOut() {
	m := w.house("domestic", "04999990023") // its first answer is lost
	first := w.buy(w.as("operator"), m, 10_000, "script-lost")
	if first.status != 503 || first.text(w, "code") != "outcome-unknown" || first.text(w, "money_moved") != "unknown" {
		w.Fatalf("the lost answer: %d %s", first.status, first.body)
	}
	found := w.as("operator").must(w, 200, "GET", "/v1/vends?client_ref=script-lost", nil)
	again := w.buy(w.as("operator"), m, 10_000, "script-lost")
	w.wants(again, 201, 34_700, map[string]int64{"energy": 8675, "vat": 1301, "carry": 24})
	if found.text(w, "data", 0, "id") != again.text(w, "id") {
		w.Errorf("asked by reference %s, repeated %s", found.body, again.body)
	}
}

func (w *cashDesk) unmatched() {
	m := w.house("domestic")
	none := w.as("operator").must(w, 200, "GET", "/v1/vends?client_ref=never-arrived", nil)
	if len(none.field(w, "data").([]any)) != 0 {
		w.Fatalf("a request that never arrived: %s", none.body)
	}
	w.wants(w.buy(w.as("operator"), m, 10_000, "never-arrived"), 201, 34_700, map[string]int64{"energy": 8675, "vat": 1301, "carry": 24})
	if n := len(w.as("operator").must(w, 200, "GET", "/v1/vends?client_ref=never-arrived", nil).field(w, "data").([]any)); n != 1 {
		w.Errorf("%d sales, want 1", n)
	}
}

func (w *cashDesk) duplicate() {
	m := w.house("domestic")
	first := w.buy(w.as("operator"), m, 10_000, "script-dup-1", "slip-77")
	w.wants(first, 201, 34_700, map[string]int64{"energy": 8675, "vat": 1301, "carry": 24})
	w.refused(w.buy(w.as("operator"), m, 20_000, "script-dup-1", "slip-77"), 422, "idempotency-key-reused")
	w.refused(w.buy(w.as("operator"), m, 20_000, "script-dup-2", "slip-77"), 409, "client-ref-reused")
	same := w.buy(w.as("operator"), m, 10_000, "script-dup-3", "slip-77")
	if same.status != 200 || same.text(w, "id") != first.text(w, "id") {
		w.Errorf("the same sale under a new key: %d %s", same.status, same.body)
	}
	replayed := w.buy(w.as("operator"), m, 10_000, "script-dup-1", "slip-77")
	if string(replayed.body) != string(first.body) || replayed.header.Get("Idempotency-Replayed") != "true" {
		w.Errorf("repeated: %d %s", replayed.status, replayed.body)
	}
}

func (w *cashDesk) floatShort() {
	m := w.house("domestic")
	w.owner.must(w, 201, "POST", "/v1/vendors", `{"name":"Corner shop","code":"CORNER","commission_bps":150}`)
	w.owner.must(w, 201, "POST", "/v1/vendors/CORNER/deposits", map[string]any{"amount": kes(15_000), "reference": "BANK-1"}, "Idempotency-Key", "script-deposit")
	shop := w.as("vendor_api CORNER")
	w.wants(w.buy(shop, m, 10_000, "script-float-1"), 201, 34_700, map[string]int64{"energy": 8675, "vat": 1301, "carry": 24})
	w.refused(w.buy(shop, m, 10_000, "script-float-2"), 409, "insufficient-float")
	f := shop.must(w, 200, "GET", "/v1/vendors/CORNER/float", nil)
	if got := f.num(w, "available_minor"); got != 5_150 { // 15,000 - 10,000 + 1.5 % commission
		w.Errorf("%d left, want 5150", got)
	}
	w.owner.must(w, 201, "POST", "/v1/vendors/CORNER/deposits", map[string]any{"amount": kes(10_000), "reference": "BANK-2"}, "Idempotency-Key", "script-deposit-2")
	w.refused(w.buy(shop, m, 10_000, "script-float-2"), 409, "insufficient-float") // the answer to this key is stored
	if a := w.buy(shop, m, 10_000, "script-float-3"); a.status != 201 {
		w.Errorf("after a deposit: %d %s", a.status, a.body)
	}
}

func (w *cashDesk) keyChange() {
	w.refused(w.buy(w.as("operator"), w.house("domestic", "04999990031"), 10_000, "script-key-magic"), 409, "key-change-required")
	m := w.house("domestic")
	w.p.run(w, "cdcdcdcdcdcdcdcd\n", "vendingkey", "add", "--sgc", "123456", "--krn", "2", "--kt", "2", "--dkga", "02", "--base-date", "2014",
		"--key-file", "-", "--test", "--data", w.p.dir)
	set := w.owner.must(w, 201, "POST", "/v1/meters/"+m+"/tokens", map[string]any{"kind": "key_change", "reason_code": "key_campaign", "key": map[string]any{"krn": 2}},
		"Idempotency-Key", "script-key-set")
	s := w.buy(w.as("operator"), m, 10_000, "script-key-sale")
	if s.status != 201 {
		w.Fatalf("a set is issued and not confirmed: %d %s", s.status, s.body)
	}
	receipt := string(w.as("operator").must(w, 200, "GET", "/v1/vends/"+s.text(w, "id")+"/receipt?format=text48", nil).body)
	at := strings.Index(receipt, grouped(s.text(w, "tokens", len(s.field(w, "tokens").([]any))-1, "digits")))
	first := strings.Index(receipt, grouped(set.text(w, "tokens", 0, "digits")))
	if first < 0 || at < first {
		w.Errorf("the set does not stand above the token on the receipt:\n%s", receipt)
	}
}

// grouped returns 20 digits as receipts print them.
func grouped(digits string) string {
	d := strings.ReplaceAll(digits, " ", "")
	return d[:4] + " " + d[4:8] + " " + d[8:12] + " " + d[12:16] + " " + d[16:]
}

func (w *cashDesk) reversal() {
	m, late := w.house("ibt"), w.house("ibt")
	undo := func(c *api, s answer, key, reason string) answer {
		a, err := c.do("POST", "/v1/vends/"+s.text(w, "id")+"/reversal", map[string]any{"reason": reason}, "Idempotency-Key", key)
		if err != nil {
			w.Fatal(err)
		}
		return a
	}
	before := w.owner.must(w, 200, "GET", "/v1/ledger/trial-balance", nil)
	s := w.buy(w.as("operator"), m, 20_000, "script-rev-1")
	if a := undo(w.as("operator"), s, "script-rev-1u", ""); a.status != 201 {
		w.Fatalf("at once, by who sold: %d %s", a.status, a.body)
	}
	if after := w.owner.must(w, 200, "GET", "/v1/ledger/trial-balance", nil); string(after.body) != string(before.body) {
		w.Errorf("the books were %s and are %s", before.body, after.body)
	}
	w.refused(undo(w.as("operator"), s, "script-rev-1v", ""), 409, "already-reversed")
	w.wants(w.buy(w.as("operator"), m, 20_000, "script-rev-2"), 201, 121_100, map[string]int64{"energy": 17_376, "vat": 2606, "carry": 18}) // V3: the month begins anew
	old := w.buy(w.as("operator"), late, 20_000, "script-rev-3")
	w.at(90 * time.Minute)
	if a := undo(w.as("operator"), old, "script-rev-3u", ""); a.status != 403 && a.status != 409 {
		w.Errorf("after half an hour, by the operator: %d %s", a.status, a.body)
	}
	if a := undo(w.as("supervisor"), old, "script-rev-3v", "wrong meter"); a.status != 201 {
		w.Errorf("after half an hour, by a supervisor with a reason: %d %s", a.status, a.body)
	}
}

func (w *cashDesk) monthEnd() {
	m := w.house("ibt")
	w.wants(w.buy(w.as("operator"), m, 60_260, "script-month-0"), 201, 340_000, map[string]int64{"energy": 52_400, "vat": 7860})
	w.at(30 * time.Minute)
	before := w.buy(w.as("operator"), m, 20_000, "script-month-1")
	w.wants(before, 201, 78_600, map[string]int64{"energy": 17_378, "vat": 2607, "carry": 15}) // V4
	w.explained(before)
	w.at(0)
	after := w.buy(w.as("operator"), m, 20_000-15, "script-month-2")
	w.wants(after, 201, 121_100, map[string]int64{"energy": 17_376, "vat": 2606, "carry": 18, "carry_in": -15}) // V3
	w.explained(after)
	a, err := w.as("supervisor").do("POST", "/v1/vends/"+before.text(w, "id")+"/reversal", map[string]any{"reason": "late"}, "Idempotency-Key", "script-month-u")
	if err != nil {
		w.Fatal(err)
	}
	w.refused(a, 409, "not-reversible")
}
