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

// printedWithCodes makes vouchers that require codes, sells them all and returns their PINs and codes.
func (v *village) printedWithCodes(count int64) (pins, codes []string) {
	v.t.Helper()
	ctx := v.t.Context()
	b, err := v.c.MakeVouchers(ctx, apiv1.NewVoucherBatch{Count: count, FaceMinor: 10_000, RequiresCode: true, Expires: time.Now().AddDate(1, 0, 0).Format(time.DateOnly)}, "coded-batch")
	v.must(err)
	sheet, err := v.c.TakeVoucherPins(ctx, b.ID)
	v.must(err)
	sold, err := v.c.SellVouchers(ctx, b.ID, apiv1.VoucherRange{}, "coded-sold")
	v.must(err)
	again, err := v.c.SellVouchers(ctx, b.ID, apiv1.VoucherRange{}, "coded-sold")
	v.must(err)
	for i, p := range sheet.Vouchers {
		pins, codes = append(pins, p.PIN), append(codes, sold.Codes[i].Code)
		if again.Codes[i] != sold.Codes[i] {
			v.t.Errorf("the answer repeated under its Idempotency-Key has the code %+v, was %+v", again.Codes[i], sold.Codes[i])
		}
	}
	return pins, codes
}

// TestVouchersWithCodesFromATelephone: by SMS and on the customer's page the PIN needs its code, and no stored message has either.
func TestVouchersWithCodesFromATelephone(t *testing.T) {
	v := settle(t, 1)
	v.build(0)
	house := v.houses[0]
	pins, codes := v.printedWithCodes(2)
	v.text(house.phone, "PIN "+pins[0])
	v.told(house.phone, `^No voucher with this PIN can be redeemed\. Compare it\. If the receipt has a code of 8 letters, send it after the PIN\.`)
	v.text(house.phone, "PIN "+pins[0]+" "+strings.ToLower(codes[0]))
	v.told(house.phone, `^(\d{4} ){5}= .* kWh, KES 100\.00, meter `+house.number)

	b, path := v.visitor(), v.link(house)
	ask := func(code string) string {
		_, page := b.ask("POST", path+"/buy/voucher", url.Values{"pin": {pins[1]}, "code": {code}})
		return page
	}
	for _, wrong := range []string{"", codes[0]} {
		if page := ask(wrong); !strings.Contains(page, "No voucher with this PIN can be redeemed") {
			t.Errorf("with the code %q the page says\n%s", wrong, page)
		}
	}
	if page := ask(codes[1]); !strings.Contains(page, "Voucher 1-00002 of KES 100.00 is redeemed") || strings.Contains(page, codes[1]) {
		t.Errorf("with its code:\n%s", page)
	}
	messages, err := v.c.Messages(t.Context(), apiv1.MessageFilter{})
	v.must(err)
	for _, m := range messages.Data {
		if text := strings.ToUpper(strings.ReplaceAll(m.Text, " ", "")); strings.Contains(text, strings.ReplaceAll(codes[0], " ", "")) || strings.Contains(text, strings.ReplaceAll(pins[0], " ", "")) {
			t.Errorf("a stored message has a secret of a voucher: %+v", m)
		}
	}
}

// told waits until the last text to a telephone has a pattern, and returns it.
func (v *village) told(phone, pattern string) string {
	v.t.Helper()
	return v.lastText(phone, "is "+pattern, regexp.MustCompile(pattern).MatchString)
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
	pins := v.printed(7)
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
	v.text(friend, "PIN "+pins[6]+" "+token.number) // anybody can send wrong PINs in another's name, so a right one counts
	if sales, err := v.c.Vends(t.Context(), apiv1.SaleFilter{Meter: token.number}); err != nil || len(sales.Data) != 3 {
		t.Errorf("%d sales, want 3: the friend sent a right PIN after ten wrong ones (%v)", len(sales.Data), err)
	}

	v.redeemedOnPages(b, path, token.number, pins)
	if sales, err := v.c.Vends(t.Context(), apiv1.SaleFilter{Meter: token.number}); err != nil || len(sales.Data) != 6 {
		t.Errorf("%d sales in all, want 6 (%v)", len(sales.Data), err)
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
	if _, page = b.ask("POST", path+"/pay/voucher", url.Values{"pin": {"1234 5678 9012 3452"}}); !strings.Contains(page, "10 wrong PINs") {
		t.Errorf("the payer's page of the same link may go on guessing:\n%s", page)
	}
	if _, page = b.ask("POST", path+"/pay/voucher", url.Values{"pin": {pins[5]}}); !strings.Contains(page, "Voucher 1-00006 of KES 100.00 is redeemed") {
		t.Errorf("a right PIN does not count after wrong ones:\n%s", page)
	}
	if a, _ := b.ask("POST", path+"/buy/voucher", url.Values{"pin": {pins[5]}}, "Sec-Fetch-Site", "cross-site"); a.StatusCode != http.StatusForbidden {
		t.Errorf("another site redeems a voucher: %s", a.Status)
	}
}
