package vending

import (
	"context"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/vendor"
)

// Payment is a confirmed payment as a sale sees it.
type Payment struct {
	Amount money.Amount
	Till   string // what stands for a till in its sales, and begins their receipt numbers
	Free   bool   // no sale has used the payment, and it was not given back
	Batch  string // the batch of the voucher that becomes the payment; empty for a payment that is in the books
}

// PaymentTx is what a sale needs of the payment that pays for it.
type PaymentTx interface {
	// PaymentToSpend reads a payment and locks it.
	PaymentToSpend(payment id.ID) (Payment, bool, error)
	// PaymentSpent records that a sale used a payment.
	PaymentSpent(payment, sale id.ID) error
	// RedeemVoucher makes an active voucher a payment for a meter, which is booked and not used.
	RedeemVoucher(voucher id.ID, meter string) error
	// PaymentUnspent records that the sale of a payment was reversed: the payment is parked again.
	PaymentUnspent(payment, sale id.ID) error
	// PaidFor returns who brought a payment, and the telephone of the customer of a meter.
	PaidFor(payment id.ID, meter string) (PaidFor, error)
	// RaiseOwnAlarm opens an alarm about a payment unless the same one is open, however many alarms the meter has.
	RaiseOwnAlarm(meter int64, a metering.Alarm) error
}

// sharing lets sales share a transaction. A sale from a payment has a transaction of its own, because it locks the payment too.
func (p purchase) sharing(ctx context.Context) context.Context {
	if p.order.Payment.IsZero() {
		return access.Sharing(ctx)
	}
	return ctx
}

// pays reports whether a sale is the one that this order began with the same payment. Its routes may have changed since.
func (p purchase) pays(s sale.Sale, meter id.ID) bool {
	return !p.order.Payment.IsZero() && s.Payment == p.order.Payment && s.Meter.ID == meter && s.Tender == p.order.Tender
}

// unpaid reports whether the payment of a held sale has gone elsewhere, for example back to its payer after the reservation expired.
func unpaid(tx Tx, s sale.Sale) (bool, error) {
	if s.Payment.IsZero() {
		return false, nil
	}
	pay, found, err := tx.Spending().PaymentToSpend(s.Payment)
	return err == nil && (!found || !pay.Free), err
}

// redeem makes a voucher a payment that is in the books (P29 of docs/reference/postings.md). If the sale is refused, nothing of this remains.
func redeem(tx Tx, voucher id.ID, pay Payment, meter string, now time.Time) error {
	name := voucher.Text(id.Payment)
	j := ledger.Journal{Kind: ledger.Payment, Ref: name, PostedAt: now, Memo: "voucher", Postings: ledger.VoucherRedeemed(pay.Batch, name, pay.Amount.Minor)}
	if _, err := ledger.Enter(tx.Books(), j); err != nil {
		return err
	}
	return tx.Spending().RedeemVoucher(voucher, meter)
}

// payer finds out whose money a sale uses: a till's, a vendor's, or that of a payment, which must be for the whole payment.
func (p purchase) payer(tx Tx, meter string, vat money.Bps) (till string, s sale.Seller, no refusal.Refusal, err error) {
	if p.order.Payment.IsZero() {
		return vendor.Selling(tx.Vendors(), p.by, p.order.Tender, vat)
	}
	pay, found, err := tx.Spending().PaymentToSpend(p.order.Payment)
	if err != nil {
		return "", sale.Seller{}, refusal.Refusal{}, err
	}
	if !found || !pay.Free || pay.Amount != p.order.Tender {
		return "", sale.Seller{}, refuse.PaymentNotFree(p.order.Payment.Text(id.Payment)), nil
	}
	if pay.Batch != "" {
		err = redeem(tx, p.order.Payment, pay, meter, p.now)
	}
	return pay.Till, sale.Seller{Account: ledger.Unapplied}, refusal.Refusal{}, err
}
