package receipt_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/receipt"
)

// TestThePaperOfAReceiptIsFixed: signed logs contain hashes of this form, so a form never changes under the same number.
func TestThePaperOfAReceiptIsFixed(t *testing.T) {
	left := money.Minor(70)
	r := receipt.Receipt{Title: receipt.TaxInvoice, No: "main-000001", At: time.Date(2026, 11, 20, 11, 0, 0, 999, time.FixedZone("EAT", 3*3600)),
		Sale: "vnd_1", ClientRef: `a "b" \ é`, Till: "main", Operator: "person a@b", Account: "acc_1", Meter: "04140001001",
		STS: receipt.STS{SGC: "123456", KRN: 1, TI: "01", TT: "02", EA: "07"}, Version: 3, Currency: money.Currency{Code: "KES", Exp: 2},
		Units: 34_900, Tendered: 10000, Net: 8675, VATBps: 1500, VAT: 1301, CarryIn: 1, CarryOut: 24,
		Tokens: []receipt.Token{{Kind: receipt.KeyChange}, {Kind: receipt.FreeToken, Units: 200}, {Kind: receipt.SaleToken, Units: 34_700, Amount: 9976}},
		Steps:  []receipt.Step{{Units: 34_700, Rate: 2_500_000, Amount: 8675}},
		Others: []receipt.Part{{Kind: "fee", Ref: "f", Amount: 5, VAT: 1}, {Kind: "debt", Ref: "d", Label: "Fine", Amount: 30, Left: &left}},
		Levies: []receipt.Part{{Kind: "levy", Ref: "rural", Amount: 7}}}
	const want = `paywatt paper 1
title "TAX INVOICE"
test false
receipt_no "main-000001"
reverses ""
at 1795161600
vend "vnd_1"
client_ref "a \"b\" \\ é"
till "main"
operator "person a@b"
account "acc_1"
meter "04140001001"
sts "123456" 1 "01" "07"
tariff_version 3
currency "KES"
units_wh 34900
tender 10000
net 8675
vat_bps 1500
vat 1301
carry_in 1
carry 24
change 0
token "free" 200 0
token "sale" 34700 9976
step 34700 2500000 8675
other "fee" "f" "" 5 1 -
other "debt" "d" "Fine" 30 0 70
levy "levy" "rural" "" 7 0 -
`
	if got := r.Paper(); got != want {
		t.Errorf("paper = %s\nwant %s", got, want)
	}
	sum := sha256.Sum256([]byte(want))
	if got := receipt.PaperHash(want); got != hex.EncodeToString(sum[:]) {
		t.Errorf("hash = %s, want that of sha256sum", got)
	}
}
