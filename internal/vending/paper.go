package vending

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/receipt"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/sts"
)

// Receipt returns the receipt of a completed sale, with digits for an actor who may see them. Its names and addresses are those of the sale's time.
func (v *Vending) Receipt(ctx context.Context, by access.Actor, sold string) (Receipted, error) {
	return v.receiptAt(ctx, by, sold, func(s sale.Sale) time.Time { return s.CompletedAt })
}

// receiptAt returns the receipt of a completed sale with the names and addresses of a moment.
func (v *Vending) receiptAt(ctx context.Context, by access.Actor, sold string, moment func(sale.Sale) time.Time) (Receipted, error) {
	s, err := v.Sale(ctx, by, sold)
	if err != nil || s.Refused() {
		return Receipted{Refusal: s.Refusal}, err
	}
	if s.Sale.ReceiptNo == "" {
		return Receipted{Refusal: refuse.SaleWithoutReceipt(refusal.Echo(sold), string(s.Sale.State))}, nil
	}
	paper, err := access.Look(ctx, v.c.Door, by.Tenant, func(tx Tx) (sale.Paper, error) { return tx.Sold().VendReceipt(s.Sale, moment(s.Sale)) })
	if err != nil {
		return Receipted{}, fmt.Errorf("receipt of sale %s: %w", refusal.Echo(sold), err)
	}
	zone, err := v.zone(paper.Head.TZ)
	if err != nil {
		return Receipted{}, err
	}
	r, err := write(s.Sale, paper, s.Issued.digits, zone)
	if err == nil {
		r.Balance, err = v.BalanceAfter(ctx, by, s.Sale)
	}
	if r.Balance != nil {
		r.Balance.At = r.Balance.At.In(zone)
	}
	if v.c.PublicURL != "" && err == nil {
		r.Link = strings.TrimRight(v.c.PublicURL, "/") + "/sales/" + r.Sale + "/receipt"
	}
	if err == nil {
		err = r.Check()
	}
	return Receipted{Receipt: r}, fault.Wrap(err, "receipt of sale %s", refusal.Echo(sold))
}

// creditMark ends the number of a credit note. The rest is the number of the receipt, which is reversed at most once.
const creditMark = "-R"

// CreditNote returns the receipt of a reversal: the mirror of the sale's receipt, under its number with [creditMark], and with the names and
// addresses of the time of the reversal.
func (v *Vending) CreditNote(ctx context.Context, by access.Actor, sold string) (Receipted, error) {
	undone, err := v.Reversal(ctx, by, sold)
	if err != nil {
		return Receipted{}, err
	}
	at := undone.Reversal.SettledAt
	got, err := v.receiptAt(ctx, by, sold, func(s sale.Sale) time.Time {
		if at.IsZero() { // there is no credit note: the sale was not reversed
			return s.CompletedAt
		}
		return at
	})
	if err != nil || got.Refused() {
		return got, err
	}
	if !got.Receipt.Reversed {
		return Receipted{Refusal: refuse.SaleNotReversed(refusal.Echo(sold))}, nil
	}
	if undone.Refused() {
		return Receipted{Refusal: undone.Refusal}, nil
	}
	note := got.Receipt.Credited(got.Receipt.No+creditMark, at.In(got.Receipt.At.Location()), undone.Reversal.Confirmed)
	if err := note.Check(); err != nil {
		return Receipted{}, fmt.Errorf("credit note of sale %s: %w", refusal.Echo(sold), err)
	}
	return Receipted{Receipt: note}, nil
}

// write fills in the model of a receipt.
func write(s sale.Sale, p sale.Paper, d Digits, zone *time.Location) (receipt.Receipt, error) {
	cur, ok := money.CurrencyOf(s.Tender.Currency)
	if !ok {
		return receipt.Receipt{}, fmt.Errorf("currency %q is not known", s.Tender.Currency)
	}
	_, epoch, _ := strings.Cut(s.ReceiptNo, "/")
	title := receipt.TaxInvoice
	if s.Meter.Simulated {
		title = receipt.TestReceipt
	}
	r := receipt.Receipt{Title: title, Test: s.Meter.Simulated, Reversed: s.State == sale.Reversed, No: s.ReceiptNo, Epoch: epoch,
		At: s.CompletedAt.In(zone), Utility: p.Head.Name, Address: p.Head.Address, Contact: p.Head.Contact, Message: p.Head.Message,
		VATNo: p.Head.VATNo, Sale: s.ID.Text(id.Vend), ClientRef: s.ClientRef, Vendor: p.Vendor.Text, Till: s.Till, Operator: s.By,
		Customer: p.Account.Customer.Text, Erased: p.Account.Customer.Erased, Today: p.Today(),
		Account: s.Account.Text(id.Account), Place: p.Account.Place.Text, Meter: s.Meter.Number, TariffName: p.Tariff.Name,
		Version: p.Tariff.N, Currency: cur,
		STS:   receipt.STS{SGC: p.Key.SGC, KRN: int(p.Key.KRN), TI: p.Key.TI, TT: p.TT, EA: p.Key.EA.String()},
		Units: s.Units, Tendered: s.Tender.Minor, VATBps: p.Tariff.Body.VATBps, CarryIn: s.CarryIn, CarryOut: s.CarryOut}
	if s.Recharge() { // a recharge needs no key
		r.STS, r.PressKey, r.VAT = receipt.STS{}, s.PressKey, s.Advance()
	}
	if s.Recharge() && r.VAT == 0 { // a payment is not a supply; its receipt shows no tax unless tax is owed at once
		r.Title, r.VATBps = receipt.Payment, 0
	}
	for i := range s.Change { // above the credit: they are entered first
		var digits sts.Token
		if c := d.Change(); i < c.Len() {
			digits = c.Token(i)
		}
		r.Tokens = append(r.Tokens, receipt.Token{Kind: receipt.KeyChange, Digits: digits})
	}
	for i, t := range s.Tokens {
		var digits sts.Token
		if i < d.Len() {
			digits = d.Token(i)
		}
		kind := receipt.SaleToken
		if i < s.FreeTokens() {
			kind = receipt.FreeToken
		}
		r.Tokens = append(r.Tokens, receipt.Token{Kind: kind, Digits: digits, Units: t.Units})
	}
	for _, l := range s.Lines {
		switch {
		case l.Kind == sale.LineEnergy:
			r.Net = l.Amount
			for _, step := range l.Steps {
				r.Steps = append(r.Steps, receipt.Step{Units: step.Units, Rate: step.Rate, Amount: step.Amount})
			}
		case l.Kind == sale.LineVAT:
			r.VAT = l.Amount
		case l.Kind == sale.LineWallet:
			r.Others = append(r.Others, receipt.Part{Kind: string(l.Kind), Amount: l.Amount - l.VAT, VAT: l.VAT})
		case l.Kind == sale.LineLevy:
			r.Levies = append(r.Levies, receipt.Part{Kind: string(l.Kind), Ref: l.Ref, Amount: l.Amount})
		case l.Kind.Charge():
			r.Others = append(r.Others, receipt.Part{Kind: string(l.Kind), Ref: l.Ref, Label: l.Label, Amount: l.Amount, VAT: l.VAT, Left: l.Left})
		}
	}
	return r, r.Price()
}
