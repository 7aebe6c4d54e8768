package shoptest_test

import (
	"context"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/print"
	"github.com/paywatt/paywatt/internal/receipt"
)

const pressed = "Press # on the meter to switch the supply on."

// TestACustomerIsToldToPressTheKey: if a meter's relay is armed, the answer and every form of the receipt say so, at once and when they are
// read again. The next recharge finds the relay closed, and its answer does not say so.
func TestACustomerIsToldToPressTheKey(t *testing.T) {
	s := open(t, true)
	m := s.walletMeter(1, s.publish("domestic", flat(), monday().AddDate(0, -1, 0)))
	s.sell(order(m, 1000, "recharge-1"))
	s.uses(m, 0, 1000, 4000)
	s.tells(m, "armed", 4000) // somebody at the utility had cut off the supply and ended the cut-off
	sold := s.sell(order(m, 5000, "recharge-2"))
	if !sold.Sale.PressKey {
		t.Fatal("the answer does not say that a key must be pressed")
	}
	papers := func(sale id.ID) map[string]string {
		got, err := s.Receipt(context.Background(), owner(), sale.Text(id.Vend))
		if err != nil || got.Refused() {
			t.Fatalf("receipt: %v %s", err, got.Detail())
		}
		html, err := print.HTML(english(t), got.Receipt)
		if err != nil {
			t.Fatal(err)
		}
		document, err := receipt.JSON(got.Receipt)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := receipt.ParseJSON(document); err != nil || len(back.Altered) != 0 || back.Receipt.PressKey != got.Receipt.PressKey {
			t.Errorf("read back: %v, altered %v", err, back.Altered)
		}
		flat := func(s string) string { return strings.Join(strings.Fields(s), " ") }
		return map[string]string{"text32": flat(print.Text32(english(t), got.Receipt)), "text48": flat(print.Text48(english(t), got.Receipt)), "html": html,
			"sms": strings.Join(print.SMS(english(t), got.Receipt), "|"), "json": string(document)}
	}
	for name, text := range papers(sold.Sale.ID) {
		want := pressed
		if name == "json" {
			want = `"press_key":true`
		}
		if !strings.Contains(text, want) || name == "sms" && (len(text) > print.Septets || strings.Contains(text, "|")) {
			t.Errorf("%s does not say %q, or not in one message:\n%s", name, want, text)
		}
	}
	if shown, err := s.Sale(context.Background(), owner(), sold.Sale.ID.Text(id.Vend)); err != nil || !shown.Sale.PressKey {
		t.Errorf("looked up again: %+v (%v), want it to say so still", shown.Sale, err)
	}
	s.uses(m, 4000)
	for name, text := range papers(s.sell(order(m, 5000, "recharge-3")).Sale.ID) {
		if strings.Contains(text, "Press #") || strings.Contains(text, "press_key") {
			t.Errorf("%s of a meter that is on speaks of a key:\n%s", name, text)
		}
	}
	s.audit()
}
