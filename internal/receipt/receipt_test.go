package receipt_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/receipt"
	"github.com/paywatt/paywatt/sts"
)

func TestJSONRevealsWhatTheReceiptCarriesAndNothingElseDoes(t *testing.T) {
	token, result := sts.ParseToken("58625789986991357486")
	if result != sts.Accept {
		t.Fatal(result)
	}
	r := receipt.Receipt{Title: receipt.TaxInvoice, No: "main-000001", At: time.Date(2026, 11, 20, 11, 0, 0, 0, time.FixedZone("EAT", 3*3600)),
		Currency: money.Currency{Code: "KES", Exp: 2}, Units: 34_700, Tendered: 10000, Net: 8675, VATBps: 1500, VAT: 1301, CarryOut: 24,
		Tokens: []receipt.Token{{Kind: "sale", Digits: token, Units: 34_700}, {Kind: "sale", Units: 100}},
		Steps:  []receipt.Step{{Units: 34_700, Rate: 2_500_000, Amount: 8675}}, Others: []receipt.Part{{Kind: "fee", Amount: 5}}}
	b, err := receipt.JSON(r)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		At     string `json:"at"`
		Tokens []struct {
			Digits  string `json:"digits"`
			UnitsWh int    `json:"units_wh"`
		} `json:"tokens"`
		Steps []struct {
			Price string `json:"price"`
		} `json:"steps"`
	}
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Tokens) != 2 || got.Tokens[0].Digits != "5862 5789 9869 9135 7486" || got.Tokens[1].Digits != receipt.Hidden {
		t.Errorf("tokens = %+v, want the digits of the first and a mask for the second", got.Tokens)
	}
	if got.At != "2026-11-20T11:00:00+03:00" || len(got.Steps) != 1 || got.Steps[0].Price != "2.50" {
		t.Errorf("at %s, steps %+v; want local time and the price 2.50", got.At, got.Steps)
	}
	if text := fmt.Sprintf("%v %+v %#v", r, r, r); strings.Contains(text, "5789") || strings.Contains(text, "57899869") {
		t.Error("a formatted receipt shows the digits")
	}
}

func TestAnEmptyReceiptHasListsAndNoNulls(t *testing.T) {
	b, err := receipt.JSON(receipt.Receipt{})
	if err != nil || strings.Contains(string(b), "null") {
		t.Errorf("receipt = %s, %v", b, err)
	}
}

// TestATestReceiptIsNoTaxDocument: after any change, a test receipt cannot be handed out under the title of a tax document.
func TestATestReceiptIsNoTaxDocument(t *testing.T) {
	r := receipt.Receipt{Title: receipt.TestReceipt, Test: true, No: "main-000001"}
	if err := r.Check(); err != nil {
		t.Error(err)
	}
	note := r.Credited("main-000001-R", r.At, false)
	if err := note.Check(); err != nil || note.Title != receipt.TestCredit || !note.Credits() || note.Cancelled || !r.Credited("x", r.At, true).Cancelled {
		t.Errorf("its credit note is a %s, %v", note.Title, err)
	}
	for _, title := range []string{receipt.TaxInvoice, receipt.CreditNote} {
		r.Title = title
		if err := r.Check(); !errors.Is(err, receipt.ErrTest) {
			t.Errorf("a test receipt titled %s: %v", title, err)
		}
	}
}
