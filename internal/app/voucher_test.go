package app

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
)

// printed makes vouchers of 100.00, sells them all and returns their PINs.
func (v *village) printed(count int64) (pins []string) {
	v.t.Helper()
	ctx := v.t.Context()
	b, err := v.c.MakeVouchers(ctx, apiv1.NewVoucherBatch{Count: count, FaceMinor: 10_000, Expires: time.Now().AddDate(1, 0, 0).Format(time.DateOnly)}, "voucher-batch")
	v.must(err)
	sheet, err := v.c.TakeVoucherPins(ctx, b.ID)
	v.must(err)
	_, err = v.c.SellVouchers(ctx, b.ID, apiv1.VoucherRange{}, "vouchers-sold")
	v.must(err)
	for _, p := range sheet.Vouchers {
		pins = append(pins, p.PIN)
	}
	return pins
}

// told waits until the last text to a telephone has a pattern, and returns it.
func (v *village) told(phone, pattern string) string {
	v.t.Helper()
	want, last := regexp.MustCompile(pattern), ""
	for range 200 {
		v.mu.Lock()
		last = v.texts[phone]
		v.mu.Unlock()
		if want.MatchString(last) {
			return last
		}
		time.Sleep(25 * time.Millisecond) // the dispatcher has no signal that a message is sent
	}
	v.t.Fatalf("%s was told %q, want %s", phone, last, pattern)
	return ""
}

// TestVouchersFromATelephone: a voucher is redeemed once, by SMS or on the customer's page, and its token reaches the customer. Wrong PINs are
// limited for each telephone and each page, and no PIN is stored.
func TestVouchersFromATelephone(t *testing.T) {
	v := settle(t, 1)
	v.build(0)
	v.build(1)
	token, wallet := v.houses[0], v.houses[1]
	b, path := v.visitor(), v.link(token)
	if _, page := b.ask("GET", path+"/buy", nil); strings.Contains(page, `name="pin"`) {
		t.Error("the page has a field for vouchers that there are not")
	}
	pins := v.printed(6)
	digits := `^(\d{4} ){5}= .* kWh, KES 100\.00, meter ` + token.number

	v.text(token.phone, "PIN "+pins[0])
	first := v.told(token.phone, digits)
	v.text(token.phone, pins[0])
	if again := v.told(token.phone, digits+", bought "); again[:24] != first[:24] {
		t.Errorf("the same voucher brings %.24q, then %.24q", first, again)
	}
	v.text(wallet.phone, "VOUCHER "+pins[1])
	v.told(wallet.phone, wallet.number+`.* Balance KES 100\.00`)
	v.text(wallet.phone, "PIN "+pins[0])
	v.told(wallet.phone, `^Voucher 1-00001 was redeemed before, for another meter`)
	const friend = "+254733000001"
	v.text(friend, "PIN "+pins[2]+" "+token.number)
	v.told(friend, `^Voucher of KES 100\.00 redeemed for meter `+token.number)
	for range 10 {
		v.text(friend, "PIN 1234 5678 9012 3452 "+token.number)
	}
	v.text(friend, "PIN "+pins[3]+" "+token.number)
	if sales, err := v.c.Vends(t.Context(), apiv1.SaleFilter{Meter: token.number}); err != nil || len(sales.Data) != 2 {
		t.Errorf("%d sales, want 2: the friend's telephone has tried ten wrong PINs (%v)", len(sales.Data), err)
	}

	v.redeemedOnPages(b, path, token.number, pins)
	if sales, err := v.c.Vends(t.Context(), apiv1.SaleFilter{Meter: token.number}); err != nil || len(sales.Data) != 4 {
		t.Errorf("%d sales in all, want 4 (%v)", len(sales.Data), err)
	}
	messages, err := v.c.Messages(t.Context(), apiv1.MessageFilter{})
	v.must(err)
	for _, m := range messages.Data {
		for _, pin := range pins {
			if strings.Contains(strings.ReplaceAll(m.Text, " ", ""), strings.ReplaceAll(pin, " ", "")) {
				t.Errorf("a stored message has the PIN of a voucher: %+v", m)
			}
		}
	}
}

// redeemedOnPages redeems the fourth and the fifth voucher on the pages of a link, and tries wrong ones.
func (v *village) redeemedOnPages(b visitor, path, meter string, pins []string) {
	t := v.t
	t.Helper()
	_, page := b.ask("GET", path+"/buy", nil)
	weigh(t, b, page)
	for n, at := range []string{"/buy/voucher", "/pay/voucher", "/pay/voucher"} {
		a, page := b.ask("POST", path+at, url.Values{"pin": {pins[3+min(n, 1)]}})
		if a.StatusCode != http.StatusOK || !strings.Contains(page, "Voucher 1-0000"+string("455"[n])+" of KES 100.00 is redeemed") {
			t.Errorf("POST %s: %s\n%s", at, a.Status, page)
		}
		if strings.Contains(page, pins[3+min(n, 1)]) || n > 0 && strings.Contains(page, meter) {
			t.Errorf("the answer of %s shows too much:\n%s", at, page)
		}
	}
	for _, wrong := range []string{"1234", "1234 5678 9012 3452"} {
		for range 11 {
			_, page = b.ask("POST", path+"/buy/voucher", url.Values{"pin": {wrong}})
		}
	}
	if !strings.Contains(page, "10 wrong PINs were tried today") {
		t.Errorf("after eleven wrong PINs:\n%s", page)
	}
	if _, page = b.ask("POST", path+"/pay/voucher", url.Values{"pin": {pins[5]}}); !strings.Contains(page, "10 wrong PINs") {
		t.Errorf("the payer's page of the same link may go on guessing:\n%s", page)
	}
	if a, _ := b.ask("POST", path+"/buy/voucher", url.Values{"pin": {pins[5]}}, "Sec-Fetch-Site", "cross-site"); a.StatusCode != http.StatusForbidden {
		t.Errorf("another site redeems a voucher: %s", a.Status)
	}
}
