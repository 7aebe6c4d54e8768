package receipt

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/unit"
)

// document is the JSON form of a receipt.
type document struct {
	Title         string          `json:"title"`
	Marks         []string        `json:"marks,omitempty"`
	Copy          int             `json:"copy,omitempty"`
	Test          bool            `json:"test,omitempty"`
	No            string          `json:"receipt_no"`
	Reverses      string          `json:"reverses_receipt_no,omitempty"`
	Cancelled     *bool           `json:"tokens_cancelled,omitempty"` // of a credit note
	Epoch         string          `json:"epoch,omitempty"`
	Fiscal        string          `json:"fiscal_code,omitempty"`
	At            string          `json:"at"`
	Utility       string          `json:"utility"`
	Address       string          `json:"utility_address,omitempty"`
	Contact       string          `json:"utility_contact,omitempty"`
	VATNo         string          `json:"vat_no,omitempty"`
	Sale          string          `json:"vend"`
	ClientRef     string          `json:"client_ref"`
	Vendor        string          `json:"vendor,omitempty"`
	Till          string          `json:"till"`
	Operator      string          `json:"operator"`
	Customer      string          `json:"customer,omitempty"`
	Account       string          `json:"account"`
	Place         string          `json:"address,omitempty"`
	Meter         string          `json:"meter"`
	STS           STS             `json:"sts"`
	Tariff        string          `json:"tariff"`
	TariffVersion int             `json:"tariff_version,omitempty"`
	Tokens        []tokenDocument `json:"tokens"`
	UnitsWh       unit.Energy     `json:"units_wh"`
	UnitsKWh      string          `json:"units_kwh"`
	Steps         []stepDocument  `json:"steps"`
	Others        []partDocument  `json:"others,omitempty"`
	Levies        []partDocument  `json:"levies,omitempty"`
	Currency      string          `json:"currency"`
	TenderMinor   money.Minor     `json:"tender_minor"`
	NetMinor      money.Minor     `json:"net_minor"`
	VATBps        money.Bps       `json:"vat_bps"`
	VATMinor      money.Minor     `json:"vat_minor"`
	CarryInMinor  money.Minor     `json:"carry_in_minor"`
	CarryMinor    money.Minor     `json:"carry_minor"`
	ChangeMinor   money.Minor     `json:"change_minor,omitempty"`
	PressKey      bool            `json:"press_key,omitempty"`
	Message       string          `json:"message,omitempty"`
}

type tokenDocument struct {
	Kind        string      `json:"kind"`
	Digits      string      `json:"digits"`
	UnitsWh     unit.Energy `json:"units_wh"`
	UnitsKWh    string      `json:"units_kwh"`
	AmountMinor money.Minor `json:"amount_minor"`
}

type stepDocument struct {
	UnitsWh     unit.Energy     `json:"units_wh"`
	UnitsKWh    string          `json:"units_kwh"`
	RateMicro   money.MicroRate `json:"rate_micro"`
	Price       string          `json:"price"`
	AmountMinor money.Minor     `json:"amount_minor"`
}

type partDocument struct {
	Kind        string       `json:"kind"`
	Ref         string       `json:"ref,omitempty"`
	Label       string       `json:"label,omitempty"`
	AmountMinor money.Minor  `json:"amount_minor"`
	VATMinor    money.Minor  `json:"vat_minor,omitempty"`
	LeftMinor   *money.Minor `json:"left_minor,omitempty"`
}

// JSON writes the receipt with its digits.
func JSON(r Receipt) ([]byte, error) {
	d := document{Title: r.Title, Marks: r.Marks(), Copy: r.Copy, Test: r.Test, No: r.No, Reverses: r.Reverses, Epoch: r.Epoch, Fiscal: r.Fiscal,
		At: r.At.Format(time.RFC3339), Utility: r.Utility, Address: r.Address, Contact: r.Contact, VATNo: r.VATNo,
		Sale: r.Sale, ClientRef: r.ClientRef, Vendor: r.Vendor, Till: r.Till, Operator: r.Operator, Customer: r.Customer, Account: r.Account,
		Place: r.Place, Meter: r.Meter, STS: r.STS, Tariff: r.TariffName, TariffVersion: r.Version, UnitsWh: r.Units, UnitsKWh: r.Units.KWh(1),
		Tokens: []tokenDocument{}, Steps: []stepDocument{}, Others: partDocuments(r.Others), Levies: partDocuments(r.Levies),
		Currency: r.Currency.Code, TenderMinor: r.Tendered, NetMinor: r.Net, VATBps: r.VATBps, VATMinor: r.VAT,
		CarryInMinor: r.CarryIn, CarryMinor: r.CarryOut, ChangeMinor: r.Change, PressKey: r.PressKey, Message: r.Message}
	if r.Credits() {
		d.Cancelled = &r.Cancelled
	}
	for _, t := range r.Ordered() {
		d.Tokens = append(d.Tokens, tokenDocument{Kind: t.Kind, Digits: t.Reveal(), UnitsWh: t.Units, UnitsKWh: t.Units.KWh(1), AmountMinor: t.Amount})
	}
	for _, s := range r.Steps {
		d.Steps = append(d.Steps, stepDocument{UnitsWh: s.Units, UnitsKWh: s.Units.KWh(1), RateMicro: s.Rate,
			Price: money.FormatRate(s.Rate, r.Currency), AmountMinor: s.Amount})
	}
	b, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("write receipt %s: %w", r.No, err)
	}
	return b, nil
}

func partDocuments(parts []Part) []partDocument {
	var out []partDocument
	for _, p := range parts {
		out = append(out, partDocument{Kind: p.Kind, Ref: p.Ref, Label: p.Label, AmountMinor: p.Amount, VATMinor: p.VAT, LeftMinor: p.Left})
	}
	return out
}
