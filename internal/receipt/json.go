package receipt

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/money"
)

// Document returns the receipt in its JSON form, with its digits and without a proof.
func Document(r Receipt) apiv1.Receipt {
	d := apiv1.Receipt{Title: r.Title, Marks: r.marks(), Copy: r.Copy, Test: r.Test, No: r.No, Reverses: r.Reverses, Epoch: r.Epoch, Fiscal: r.Fiscal,
		At: r.At.Format(time.RFC3339), Utility: r.Utility, Address: r.Address, Contact: r.Contact, VATNo: r.VATNo,
		Sale: r.Sale, ClientRef: r.ClientRef, Vendor: r.Vendor, Till: r.Till, Operator: r.Operator, Customer: r.Customer, Account: r.Account,
		Place: r.Place, Meter: r.Meter, STS: apiv1.ReceiptSTS(r.STS), Tariff: r.TariffName, TariffVersion: r.Version,
		UnitsWh: int64(r.Units), UnitsKWh: r.Units.KWh(1),
		Tokens: []apiv1.ReceiptToken{}, Steps: []apiv1.ReceiptStep{}, Others: partDocuments(r.Others), Levies: partDocuments(r.Levies),
		Currency: r.Currency.Code, TenderMinor: int64(r.Tendered), NetMinor: int64(r.Net), VATBps: int64(r.VATBps), VATMinor: int64(r.VAT),
		CarryInMinor: int64(r.CarryIn), CarryMinor: int64(r.CarryOut), ChangeMinor: int64(r.Change), PressKey: r.PressKey, Message: r.Message,
		Today: r.Today, Erased: r.Erased}
	if r.Balance != nil {
		d.BalanceMinor, d.BalanceAt = (*int64)(&r.Balance.Amount), r.Balance.At.Format(time.RFC3339)
	}
	if r.Credits() {
		d.Cancelled = &r.Cancelled
	}
	for _, t := range r.Ordered() {
		d.Tokens = append(d.Tokens, apiv1.ReceiptToken{Kind: t.Kind, Digits: t.Reveal(), UnitsWh: int64(t.Units), UnitsKWh: t.Units.KWh(1),
			AmountMinor: int64(t.Amount)})
	}
	for _, s := range r.Steps {
		d.Steps = append(d.Steps, apiv1.ReceiptStep{UnitsWh: int64(s.Units), UnitsKWh: s.Units.KWh(1), RateMicro: int64(s.Rate),
			Price: money.FormatRate(s.Rate, r.Currency), AmountMinor: int64(s.Amount)})
	}
	return d
}

// marks returns the marks in the JSON form: "TEST", "COPY 2".
func (r Receipt) marks() []string {
	var out []string
	for _, m := range r.Marks() {
		if m == MarkCopy {
			m += Mark(" " + strconv.Itoa(r.Copy))
		}
		out = append(out, string(m))
	}
	return out
}

// JSON encodes the receipt with its digits.
func JSON(r Receipt) ([]byte, error) {
	b, err := json.Marshal(Document(r))
	if err != nil {
		return nil, fmt.Errorf("write receipt %s: %w", r.No, err)
	}
	return b, nil
}

func partDocuments(parts []Part) []apiv1.ReceiptPart {
	var out []apiv1.ReceiptPart
	for _, p := range parts {
		out = append(out, apiv1.ReceiptPart{Kind: p.Kind, Ref: p.Ref, Label: p.Label, AmountMinor: int64(p.Amount), VATMinor: int64(p.VAT),
			LeftMinor: (*int64)(p.Left)})
	}
	return out
}
