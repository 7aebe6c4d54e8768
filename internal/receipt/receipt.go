// Package receipt is the one model of a receipt: what a tax invoice must say (domain reference, §10), without any
// layout. Layouts are adapters; the JSON form stands here because it is the model itself.
//
// A [Receipt] carries tokens that mask themselves. Whoever renders one reveals them, so it is made only for a reader
// who may see digits; for all others Token.Digits is the zero token and renders as a mask.
package receipt

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// TaxInvoice is the title of a receipt of a sale.
const TaxInvoice = "TAX INVOICE"

// Receipt is everything a receipt says.
type Receipt struct {
	Title string
	Test  bool // a simulated meter: marked TEST everywhere, no tax document
	No    string
	At    time.Time // in the tenant's zone

	Utility string
	VATNo   string

	Sale      string // identity text
	ClientRef string
	Till      string
	Operator  string

	Customer string
	Account  string // identity text
	Address  string
	Meter    string
	STS      STS

	TariffName string
	Currency   money.Currency
	Tokens     []Token
	Units      unit.Energy
	Steps      []Step
	Others     []Part // fees, charges and debts, net of tax, in the order of the allocation

	Tendered money.Minor
	Net      money.Minor // energy without tax
	VATBps   money.Bps
	VAT      money.Minor // all tax of the sale
	CarryIn  money.Minor
	CarryOut money.Minor
}

// STS are the facts under which the tokens were made; a meter shop asks for them.
type STS struct {
	SGC string `json:"sgc"`
	KRN int    `json:"krn"`
	TI  string `json:"ti"`
	TT  string `json:"tt"`
	EA  string `json:"ea"`
}

// Token is one token on a receipt.
type Token struct {
	Kind   string // "sale"
	Digits sts.Token
	Units  unit.Energy
}

// Step is a line "kWh @ price" of one block.
type Step struct {
	Units  unit.Energy
	Rate   money.MicroRate
	Amount money.Minor // without tax
}

// Part is a line of something else that was paid.
type Part struct {
	Kind   string
	Ref    string
	Amount money.Minor
}

// Hidden stands for the digits that a reader may not see.
const Hidden = "**** **** **** **** ****"

// Reveal is the token's digits in five groups of four, as they are printed and typed, or [Hidden] where there are none
// to show.
func (t Token) Reveal() string {
	if t.Digits == (sts.Token{}) {
		return Hidden
	}
	return t.Digits.RevealGrouped()
}

// document is the JSON form of a receipt.
type document struct {
	Title        string          `json:"title"`
	Test         bool            `json:"test,omitempty"`
	No           string          `json:"receipt_no"`
	At           string          `json:"at"`
	Utility      string          `json:"utility"`
	VATNo        string          `json:"vat_no,omitempty"`
	Sale         string          `json:"vend"`
	ClientRef    string          `json:"client_ref"`
	Till         string          `json:"till"`
	Operator     string          `json:"operator"`
	Customer     string          `json:"customer,omitempty"`
	Account      string          `json:"account"`
	Address      string          `json:"address,omitempty"`
	Meter        string          `json:"meter"`
	STS          STS             `json:"sts"`
	Tariff       string          `json:"tariff"`
	Tokens       []tokenDocument `json:"tokens"`
	UnitsWh      unit.Energy     `json:"units_wh"`
	UnitsKWh     string          `json:"units_kwh"`
	Steps        []stepDocument  `json:"steps"`
	Others       []partDocument  `json:"others,omitempty"`
	Currency     string          `json:"currency"`
	TenderMinor  money.Minor     `json:"tender_minor"`
	NetMinor     money.Minor     `json:"net_minor"`
	VATBps       money.Bps       `json:"vat_bps"`
	VATMinor     money.Minor     `json:"vat_minor"`
	CarryInMinor money.Minor     `json:"carry_in_minor"`
	CarryMinor   money.Minor     `json:"carry_minor"`
}

type tokenDocument struct {
	Kind    string      `json:"kind"`
	Digits  string      `json:"digits"`
	UnitsWh unit.Energy `json:"units_wh"`
}

type stepDocument struct {
	UnitsWh     unit.Energy     `json:"units_wh"`
	UnitsKWh    string          `json:"units_kwh"`
	RateMicro   money.MicroRate `json:"rate_micro"`
	Price       string          `json:"price"`
	AmountMinor money.Minor     `json:"amount_minor"`
}

type partDocument struct {
	Kind        string      `json:"kind"`
	Ref         string      `json:"ref,omitempty"`
	AmountMinor money.Minor `json:"amount_minor"`
}

// JSON writes the receipt with its digits.
func JSON(r Receipt) ([]byte, error) {
	d := document{Title: r.Title, Test: r.Test, No: r.No, At: r.At.Format(time.RFC3339), Utility: r.Utility, VATNo: r.VATNo,
		Sale: r.Sale, ClientRef: r.ClientRef, Till: r.Till, Operator: r.Operator, Customer: r.Customer, Account: r.Account,
		Address: r.Address, Meter: r.Meter, STS: r.STS, Tariff: r.TariffName, UnitsWh: r.Units, UnitsKWh: r.Units.KWh(1),
		Tokens: []tokenDocument{}, Steps: []stepDocument{}, Currency: r.Currency.Code, TenderMinor: r.Tendered, NetMinor: r.Net,
		VATBps: r.VATBps, VATMinor: r.VAT, CarryInMinor: r.CarryIn, CarryMinor: r.CarryOut}
	for _, t := range r.Tokens {
		d.Tokens = append(d.Tokens, tokenDocument{Kind: t.Kind, Digits: t.Reveal(), UnitsWh: t.Units})
	}
	for _, s := range r.Steps {
		d.Steps = append(d.Steps, stepDocument{UnitsWh: s.Units, UnitsKWh: s.Units.KWh(1), RateMicro: s.Rate,
			Price: money.FormatRate(s.Rate, r.Currency), AmountMinor: s.Amount})
	}
	for _, p := range r.Others {
		d.Others = append(d.Others, partDocument{Kind: p.Kind, Ref: p.Ref, AmountMinor: p.Amount})
	}
	b, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("write receipt %s: %w", r.No, err)
	}
	return b, nil
}
