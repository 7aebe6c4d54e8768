package api_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/sts"
)

// TestAnythingIsFound: each way of typing finds the thing that is meant, and nobody finds what they may not see.
func TestAnythingIsFound(t *testing.T) {
	w := begin(t)
	const other = "04140001019"
	w.want(201, w.post("/v1/meters", strings.NewReplacer(`"mode"`, `"address":"Plot 12, Ngong Road","mode"`, "+254700000001", "+254712345678").Replace(newMeter(other))))
	id := decode[apiv1.Meter](t, w.want(200, w.get("/v1/meters/"+other)))
	w.want(200, w.post("/v1/customers/"+id.Customer.ID, `{"name":"José da Conceição"}`))
	sold := decode[apiv1.Sale](t, w.want(201, w.sell("sale-key-1", order("10000"))))
	digits := sold.Tokens[0].Digits
	find := func(key, text string) string {
		t.Helper()
		var out []string
		for _, h := range decode[apiv1.SearchHits](t, w.want(200, w.ask("GET", "/v1/search?q="+url.QueryEscape(text), key, ""))).Data {
			if h.ID == "" || h.Title == "" {
				t.Errorf("%q found %+v", text, h)
			}
			out = append(out, h.Kind+" "+h.Title)
		}
		return strings.Join(out, ", ")
	}
	home := "meter " + other + ", customer José da Conceição"
	for text, want := range map[string]string{
		meterNumber: "meter " + meterNumber, "0414 0001-001": "meter " + meterNumber, "600727" + meterNumber + "6": "meter " + meterNumber,
		"0414000101": "meter " + other, "04140001": "meter " + meterNumber + ", meter " + other,
		"jose": home, "CONCEIÇÃO jo": home, "0712345678": home, "+254 712 345 678": home, "00254712345678": home, "345678": home,
		"ngong road": "meter " + other, "plot 12": "meter " + other, "jose ngong": "meter " + other,
		sold.ReceiptNo: "receipt " + sold.ReceiptNo, strings.ToUpper(sold.ReceiptNo): "receipt " + sold.ReceiptNo, sold.ID: "sale " + sold.ReceiptNo,
		digits: "token " + sold.ReceiptNo, digits[len(digits)-6:]: "token " + sold.ReceiptNo, strings.ReplaceAll(digits, " ", ""): "token " + sold.ReceiptNo,
		"Token " + digits + ". 34.7 kWh for meter " + meterNumber + ", KES 100.00. Press it at the meter, then #. Thank you.": "token " + sold.ReceiptNo,
		id.ID: "meter " + other, id.Customer.ID: "customer José da Conceição",
		"nobody": "", "100%": "", "a_b": "", "!": "", "99999999999999999999": "",
	} {
		if got := find(w.key, text); got != want {
			t.Errorf("%q found %q, want %q", text, got, want)
		}
	}
	vendor := decode[apiv1.Vendor](t, w.want(201, w.post("/v1/vendors", `{"name":"Shop","code":"SHOP"}`)))
	shop, manager, installer := w.vendorKey(vendor.ID), w.newKey(access.TariffManager), w.newKey(access.Installer)
	support := w.newKey(access.Support)
	if got := find(support, digits) + find(support, digits[len(digits)-6:]); got != "token "+sold.ReceiptNo {
		t.Errorf("somebody who may not see digits finds %q by all of them and by the last six", got)
	}
	for _, text := range []string{"jose", "0712345678", "04140001", sold.ReceiptNo, sold.ID, digits, digits[len(digits)-6:], id.Customer.ID, id.ID} {
		if got := find(shop, text) + find(manager, text); got != "" {
			t.Errorf("%q found %q for a vendor or a tariff manager", text, got)
		}
	}
	if got := find(shop, other); got != "meter "+other {
		t.Errorf("a seller who knows the number finds %q", got)
	}
	if got := find(installer, sold.ReceiptNo) + find(installer, digits); got != "" {
		t.Errorf("an installer finds the sale: %q", got)
	}
	w.want(400, w.get("/v1/search?q="+strings.Repeat("x", 65)))
	for n, more := 414000200, 0; more < 20; n++ {
		for check := range 10 {
			number := fmt.Sprintf("0%d%d", n, check)
			if _, err := sts.ParseNumber(number); err == nil {
				w.want(201, w.post("/v1/meters", newMeter(number)))
				more++
			}
		}
	}
	if got := strings.Count(find(w.key, "0414"), "meter "); got != 20 {
		t.Errorf("a search finds %d meters at once, want 20", got)
	}
}
