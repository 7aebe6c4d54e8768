package vending

import (
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/vendor"
	"github.com/paywatt/paywatt/internal/wallet"
)

// rechargeLines returns the only line of a recharge. All of it goes into the wallet; tax that is owed at once is contained in it.
func rechargeLines(tender, advance money.Minor) []sale.Line {
	return []sale.Line{{Kind: sale.LineWallet, Amount: tender, VAT: advance}}
}

// priceRecharge makes the checks of a recharge after those of every sale. It needs no vending key and no check of the clock for tokens. The
// tariff only limits the payment; its version is on the receipt. The account's wallets are locked here, before any account of the books.
func (v *Vending) priceRecharge(tx Tx, out priced, now time.Time) (priced, refusal.Refusal, error) {
	if no := v.c.Sound(); no.Refused() {
		return priced{}, no, nil
	}
	var found bool
	var err error
	p := out.point
	if out.version, found, err = p.Later.InForce(p.Tariff, now, tx.Debts().Charges().TariffVersionAt); err != nil {
		return priced{}, refusal.Refusal{}, err
	}
	body := out.version.Body
	switch {
	case !found:
		return priced{}, refuse.MeterWithoutTariff(p.Meter.Number), nil
	case out.tender == 0:
		return priced{}, refuse.AmountZero(), nil
	}
	if no := body.Bounds(out.tender); no.Refused() {
		return priced{}, no, nil
	}
	zone, no := v.findZone(p.TZ)
	if no.Refused() {
		return priced{}, no, nil
	}
	t, err := tx.Wallets().WalletTenant()
	if err == nil && t.Policy.VATOnAdvances {
		out.advance, err = money.TaxIn(out.tender, body.VATBps)
	}
	if err != nil {
		return priced{}, refusal.Refusal{}, err
	}
	out.recharge, out.month = true, now.In(zone).Format(localday.MonthForm)
	_, err = tx.Wallets().WalletsOf(p.Account)
	return out, refusal.Refusal{}, err
}

// postRecharge writes the journal of a recharge (P15 of docs/reference/postings.md), posts the accrued use of the account's meters, and
// decides again about warnings and supply. All of it happens in the sale's own transaction.
func postRecharge(tx Tx, s *sale.Sale, now time.Time) (refusal.Refusal, error) {
	j := ledger.Journal{Kind: ledger.TopUp, Ref: s.ID.Text(id.Vend), PostedAt: now, Memo: s.Memo(),
		Postings: ledger.WalletToppedUp(s.Source(), s.Account.Text(id.Account), s.Tender.Minor, s.Advance())}
	var err error
	if j.ID, err = tx.NewID(); err != nil {
		return refusal.Refusal{}, err
	}
	if r, err := vendor.Book(tx.Vendors(), *s, j); err != nil || r.Refused() {
		return r, err
	}
	if err := vendor.BookCommission(tx.Vendors(), *s, now); err != nil {
		return refusal.Refusal{}, err
	}
	if a := s.Advance(); a != 0 {
		if err := tx.Wallets().WalletAdvanced(s.Account, a); err != nil {
			return refusal.Refusal{}, err
		}
	}
	settled, err := wallet.SettleCredit(tx.Wallets(), s.Account, now)
	if s.PressKey = settled.Press; err == nil && s.PressKey {
		err = tx.Selling().VendPress(s.ID)
	}
	return refusal.Refusal{}, err
}

// stillThere refuses the reversal of a recharge that was used: the available amount must not be below zero afterwards. It first posts the
// accrued use of the account's meters.
func stillThere(tx Tx, s sale.Sale, now time.Time) (refusal.Refusal, error) {
	if !s.Recharge() {
		return refusal.Refusal{}, nil
	}
	settled, err := wallet.SettleAccount(tx.Wallets(), s.Account, now, true)
	if err != nil {
		return refusal.Refusal{}, err
	}
	if left := settled.Money.Available(); left < s.Tender.Minor {
		return refuse.RechargeUsed(money.Amount{Minor: max(left, 0), Currency: s.Tender.Currency}, s.Tender), nil
	}
	return refusal.Refusal{}, nil
}
