package api_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/api"
)

// settlement reads a vendor's settlement, checks its last line, and returns its head by name and its entries by column.
func (w *world) settlement(key, path string) (head map[string][]string, entries []map[string]string, file []byte) {
	w.t.Helper()
	file = w.want(200, w.ask("GET", path, key, "")).body
	at := bytes.LastIndex(bytes.TrimSuffix(file, []byte("\n")), []byte("\n")) + 1
	sum := sha256.Sum256(file[:at])
	if want := "sha256," + hex.EncodeToString(sum[:]) + "\n"; string(file[at:]) != want {
		w.t.Errorf("the last line is %q, want %q", file[at:], want)
	}
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(file[:at]), "\ufeff")))
	r.FieldsPerRecord = -1
	rows, err := r.ReadAll()
	if err != nil {
		w.t.Fatal(err)
	}
	head = map[string][]string{}
	var columns []string
	for _, row := range rows {
		switch {
		case row[0] == "local_time":
			columns = row
		case columns == nil:
			head[row[0]] = row[1:]
		default:
			e := map[string]string{}
			for i, name := range columns {
				e[name] = row[i]
			}
			entries = append(entries, e)
		}
	}
	return head, entries, file
}

// journalsOf adds up a vendor's account and its journals from the ledger, without the settlement: the sums of each kind on the account, and the
// tax of its commissions, in minor units, positive for the vendor.
func (w *world) journalsOf(vendor, day string) (sums map[string]int64, count map[string]int, tax, all int64) {
	w.t.Helper()
	sums, count = map[string]int64{}, map[string]int{}
	for _, j := range decode[apiv1.List[apiv1.Journal]](w.t, w.want(200, w.get("/v1/ledger/journals?limit=100&code=2040&subject="+vendor))).Data {
		if at := j.PostedAt.Format(time.DateOnly); day != "" && at != day {
			continue
		}
		name := map[string]string{"vend": "sales", "commission": "commission", "deposit": "payments_in", "reversal": "reversals"}[j.Kind]
		if j.Kind == "reversal" && strings.HasPrefix(j.Ref, "commission ") {
			name = "commission_taken_back"
		}
		count[name]++
		for _, p := range j.Postings {
			switch {
			case p.Subject == vendor:
				sums[name], all = sums[name]-p.AmountMinor, all-p.AmountMinor
			case strings.HasPrefix(name, "commission") && p.Code == vatInput:
				tax += p.AmountMinor
			}
		}
	}
	return sums, count, tax, all
}

// agrees compares a settlement with the journals of one day, or of all days.
func (w *world) agrees(vendor, what string, head map[string][]string, entries []map[string]string, only string) {
	w.t.Helper()
	sums, count, tax, all := w.journalsOf(vendor, only)
	sum := minor(w.t, head["opening_float"][1])
	for _, name := range []string{"sales", "reversals", "commission", "commission_taken_back", "payments_in"} {
		n := minor(w.t, head[name][1])
		sum += n
		if n != sums[name] || head[name][0] != strconv.Itoa(count[name]) {
			w.t.Errorf("%s: %s are %v, in the ledger %d with %d", what, name, head[name], count[name], sums[name])
		}
	}
	if closing := minor(w.t, head["closing_float"][1]); closing != sum || closing != minor(w.t, head["opening_float"][1])+all {
		w.t.Errorf("%s: the closing float is %d, the head adds up to %d, the ledger to %d", what, closing, sum, all)
	}
	if got := minor(w.t, head["tax_in_commission"][1]); got != tax {
		w.t.Errorf("%s: tax %d, in the ledger %d", what, got, tax)
	}
	balance := minor(w.t, head["opening_float"][1])
	for _, e := range entries {
		if balance += minor(w.t, e["amount"]); balance != minor(w.t, e["float_after"]) {
			w.t.Errorf("%s: the float after %v should be %d", what, e, balance)
		}
		if e["kind"] != "deposit" && (e["receipt"] == "" || e["meter"] != "04140001001") {
			w.t.Errorf("%s: an entry without its sale: %v", what, e)
		}
	}
	if total := count["sales"] + count["commission"] + count["reversals"] + count["commission_taken_back"] + count["payments_in"]; len(entries) != total {
		w.t.Errorf("%s: %d entries, in the ledger %d", what, len(entries), total)
	}
}

// vatInput is the code of the account of tax that the utility gets back.
const vatInput = 2022

// TestTheSettlementOfAVendorAgreesWithTheLedger: over a day change and with a reversed sale, opening float and totals sum to the closing float,
// and totals, tax and balances are those of the journals. Closed days are said to be closed, and the same content gives the same bytes.
func TestTheSettlementOfAVendorAgreesWithTheLedger(t *testing.T) {
	w, began := beginAtNoon(t)
	v := decode[apiv1.Vendor](t, w.want(201, w.post("/v1/vendors", `{"name":"=Corner shop","code":"SHOP1","commission_bps":150}`)))
	w.want(201, w.post("/v1/vendors", `{"name":"Other shop"}`))
	key, other := w.vendorKey("SHOP1"), w.vendorKey("V001")
	w.want(201, w.keyed("deposit-1", "/v1/vendors/SHOP1/deposits", `{"amount":{"amount_minor":50000,"currency":"KES"},"reference":"BANK-1"}`))
	w.want(201, w.ask("POST", "/v1/vends", key, order("10000"), "Idempotency-Key", "sale-0001"))
	back := decode[sale](t, w.want(201, w.ask("POST", "/v1/vends", key, order("5000"), "Idempotency-Key", "sale-0002")))
	w.want(201, w.keyed("reversal-1", "/v1/vends/"+back.ID+"/reversal", `{"reason":"wrong meter"}`))

	w.stop()
	w.ahead = time.Until(began.AddDate(0, 0, 2)) // far enough to be doubted
	w.serve(true, api.Limits{})
	w.want(200, w.post("/v1/clock/trust", `{"reason":"a test"}`))
	w.want(201, w.ask("POST", "/v1/vends", key, order("20000"), "Idempotency-Key", "sale-0003"))

	first, second := day(began), day(began.AddDate(0, 0, 2))
	path := func(from, to string) string { return "/v1/vendors/SHOP1/settlement?from=" + from + "&to=" + to }
	head, entries, both := w.settlement(w.key, path(first, second))
	w.agrees(v.ID, "both days", head, entries, "")
	if head["reversals"][0] != "1" || head["commission_taken_back"][0] != "1" || head["sales"][0] != "3" || head["tax_in_commission"][1] == "0.00" {
		t.Errorf("the head: %v", head)
	}
	if head["vendor"][1] != "'=Corner shop" || head["every_day_closed"][0] != "no" {
		t.Errorf("the head: %v", head)
	}
	head, entries, before := w.settlement(key, path(first, first))
	w.agrees(v.ID, "the first day", head, entries, first)
	closing := head["closing_float"][1]
	head, entries, _ = w.settlement(key, path(second, second))
	w.agrees(v.ID, "the second day", head, entries, second)
	if head["opening_float"][1] != closing || head["sales"][0] != "1" {
		t.Errorf("the second day opens with %v, the first closed with %s", head["opening_float"], closing)
	}
	if _, _, again := w.settlement(w.key, path(first, second)); !bytes.Equal(again, both) {
		t.Error("the same content gives other bytes")
	}
	w.want(200, w.post("/v1/days", `{"accept":true}`))
	head, _, after := w.settlement(key, path(first, first))
	if want := strings.Replace(string(before), "every_day_closed,no", "every_day_closed,yes", 1); head["every_day_closed"][0] != "yes" || string(after[:len(after)-65]) != want[:len(want)-65] {
		t.Errorf("the closed day: %s, want %s", after, want)
	}
	if head, _, _ = w.settlement(key, path(first, second)); head["every_day_closed"][0] != "no" {
		t.Error("a period with an open day counts as closed")
	}
	for query, status := range map[string]int{"month=" + first[:7]: 200, "": 200, "month=2026-13": 400, "from=" + first: 400, "from=2026-02-02&to=2026-02-01": 400, "from=x&to=y": 400,
		"month=" + first[:7] + "&from=" + first + "&to=" + first: 400} {
		w.want(status, w.ask("GET", "/v1/vendors/SHOP1/settlement?"+query, key, ""))
	}
	w.want(404, w.ask("GET", path(first, second), other, ""))
}
