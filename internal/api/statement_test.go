package api_test

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/api/apiv1"
)

// TestAStatementSumsToTheLedger: after purchases, a reversal and goodwill, the opening balance and the lines of the month's statement sum to
// its closing balance, which is the balance of the books. Its CSV has the same figures, and a wrong month or format is refused.
func TestAStatementSumsToTheLedger(t *testing.T) {
	w := begin(t)
	w.want(201, w.sell("statement-1", order("10000")))
	w.want(201, w.sell("statement-2", order("5050")))
	third := decode[sale](t, w.want(201, w.sell("statement-3", order("7077"))))
	w.want(201, w.ask("POST", "/v1/adjustments", w.key, `{"account":"`+meterNumber+`","amount":{"amount_minor":13,"currency":"KES"},"reason":"outage"}`, "Idempotency-Key", "statement-4"))
	w.want(201, w.ask("POST", "/v1/vends/"+third.ID+"/reversal", w.key, `{"reason":"wrong amount"}`, "Idempotency-Key", "statement-5"))
	month := decode[apiv1.Sale](t, w.want(200, w.get("/v1/vends/"+third.ID))).CreatedAt.Format("2006-01")
	path := "/v1/accounts/" + meterNumber + "/statements/" + month
	s := decode[apiv1.Statement](t, w.want(200, w.get(path)))
	balance, paid, reversed := s.OpeningMinor, int64(0), 0
	for _, l := range s.Lines {
		if balance += l.ChangeMinor; l.BalanceMinor != balance {
			t.Errorf("after %+v the balance is %d", l, balance)
		}
		if l.Reversed {
			reversed++
		} else {
			paid += l.PaidMinor
		}
	}
	books := decode[apiv1.AccountBalance](t, w.want(200, w.get("/v1/accounts/"+meterNumber+"/balance")))
	if balance != s.ClosingMinor || s.ClosingMinor != books.CarryMinor || books.CarryMinor == 0 || s.Balance != "carry" {
		t.Errorf("the lines sum to %d, the closing balance is %d, the books have %d: %+v", balance, s.ClosingMinor, books.CarryMinor, s)
	}
	if paid != 15050 || s.PaidMinor != paid || reversed != 1 || len(s.Lines) < 5 {
		t.Errorf("%d paid, %d by the lines, %d reversed of %d lines", s.PaidMinor, paid, reversed, len(s.Lines))
	}
	sheet := string(w.want(200, w.get(path+"?format=csv")).body)
	if rows := strings.Count(sheet, "\n"); rows != len(s.Lines)+3 || !strings.Contains(sheet, "opening") || !strings.Contains(sheet, "main-000001") {
		t.Errorf("%d rows:\n%s", rows, sheet)
	}
	if pdf := w.want(200, w.get(path+"?format=pdf")); !strings.HasPrefix(string(pdf.body), "%PDF-") {
		t.Errorf("%.20q", pdf.body)
	}
	for ask, want := range map[string]string{"/v1/accounts/" + meterNumber + "/statements/november": "invalid-request", path + "?format=docx": "format-unsupported"} {
		if code, _ := w.problem(w.get(ask)); code != want {
			t.Errorf("%s: %s", ask, code)
		}
	}
	for format, want := range map[string]string{"pdf": "%PDF-", "text48": " ", "escpos58": "\x1b@"} {
		w.want(201, w.ask("POST", "/v1/shifts", w.key, `{}`, "Idempotency-Key", "statement-shift"))
		if a := w.want(200, w.get("/v1/shifts/main/report?format="+format)); !strings.HasPrefix(string(a.body), want) {
			t.Errorf("%s: %.40q", format, a.body)
		}
	}
}

// TestBothStatementsSayWhatIsLeftInAKeypadMeter: the customer who left and the one who came have it in the statement of the month, and in its file.
func TestBothStatementsSayWhatIsLeftInAKeypadMeter(t *testing.T) {
	w := begin(t)
	sold := decode[sale](t, w.want(201, w.sell("keypad-0001", order("10000"))))
	month := decode[apiv1.Sale](t, w.want(200, w.get("/v1/vends/"+sold.ID))).CreatedAt.Format("2006-01")
	account := func() string { return decode[apiv1.Account](t, w.want(200, w.get("/v1/accounts/"+meterNumber))).ID }
	before := account()
	w.want(201, w.ask("POST", "/v1/accounts/"+before+"/move-out", w.key, `{"reason":"lease ended","credit_wh":12400}`,
		"Idempotency-Key", "keypad-0002"))
	w.want(201, w.post("/v1/meters/"+meterNumber+"/move-in", `{"tariff":"domestic","reason":"new lease"}`))
	for of, kind := range map[string]string{before: "credit_out", account(): "credit_in"} {
		path := "/v1/accounts/" + of + "/statements/" + month
		s := decode[apiv1.Statement](t, w.want(200, w.get(path)))
		credit := map[string]*apiv1.StatedCredit{"credit_out": s.CreditOut, "credit_in": s.CreditIn}
		if got := credit[kind]; got == nil || *got.CreditWh != 12_400 || (s.CreditIn == nil) == (s.CreditOut == nil) {
			t.Errorf("the statement does not say %s: %+v", kind, s)
		}
		if csv := string(w.want(200, w.get(path+"?format=csv")).body); !strings.Contains(csv, ","+kind+",,,,,,12400,") {
			t.Errorf("the file does not say %s:\n%s", kind, csv)
		}
	}
}
