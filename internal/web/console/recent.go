package console

import (
	"context"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/internal/words"
	"github.com/paywatt/paywatt/supply"
)

// soldBefore is a sale to the same meter a short while ago: perhaps the clerk is repeating that sale. The field What holds its units, or
// the amount of a wallet's recharge.
type soldBefore struct{ At, What, SaleID string }

// warnWithin is how recent a sale must be for the check to mention it.
const warnWithin = 15 * time.Minute

// soldBefore looks for the last sale to the meter a short while ago. It ignores a sale that made no token or was reversed.
func (s *Console) soldBefore(ctx context.Context, v visit, m registry.MeterView) (*soldBefore, error) {
	if m.Meter.Mode == registry.PrepayWallet {
		return s.rechargedBefore(ctx, v, m.Meter.Number)
	}
	list, err := s.c.Vending.Tokens(ctx, v.by.Quiet(), m.Meter.Number, registry.Page{Limit: shownTokens})
	if err != nil || list.Refused() {
		return nil, err
	}
	at := slices.IndexFunc(list.Tokens, func(t sale.Token) bool {
		return !t.Sale.IsZero() && t.State != sale.TokenFailed && t.State != sale.TokenReversed
	})
	if at < 0 {
		return nil, nil
	}
	t := list.Tokens[at]
	if s.c.Now().Sub(t.IssuedAt) > warnWithin {
		return nil, nil
	}
	return &soldBefore{At: v.site.minute(t.IssuedAt), What: v.site.say.Energy(t.Units, 1), SaleID: t.Sale.Text(id.Vend)}, nil
}

// rechargedBefore looks for the last recharge of the meter's wallet a short while ago.
func (s *Console) rechargedBefore(ctx context.Context, v visit, number string) (*soldBefore, error) {
	if !v.by.May(access.ReadCustomers) {
		return nil, nil
	}
	since := s.c.Now().Add(-warnWithin)
	st, err := s.c.Wallets.Statement(ctx, v.by.Quiet(), number, v.site.in(since).Format(time.DateOnly), "", registry.Page{Limit: registry.MaxLimit})
	if err != nil || st.Refused() {
		return nil, err
	}
	for _, l := range slices.Backward(st.Lines) {
		if l.Kind != wallet.LineRecharge {
			continue
		}
		if l.At.Before(since) {
			return nil, nil
		}
		return &soldBefore{At: v.site.minute(l.At), What: v.site.say.Sum(money.Amount{Minor: l.Amount, Currency: st.Currency}), SaleID: l.Ref}, nil
	}
	return nil, nil
}

// lastShown is how many earlier sales the check shows.
const lastShown = 3

// lastSales lists the last sales to a meter, the newest first, for those who may read sales.
func (s *Console) lastSales(ctx context.Context, v visit, m registry.MeterView) (out []saleLine, err error) {
	if m.Meter.ID.IsZero() || !v.by.May(access.ReadVends) {
		return nil, nil
	}
	list, err := s.c.Vending.Sales(ctx, v.by.Quiet(), vending.SaleRequest{Meter: m.Meter.Number, Page: registry.Page{Limit: lastShown}})
	for _, one := range list.Sales {
		out = append(out, v.site.saleLine(one))
	}
	return out, err
}

// staysOff says why a supply stays off although it is paid for: a person has cut it, or the meter was tampered with. It is empty if nothing
// but credit is missing.
func staysOff(t *words.Texts, m registry.MeterView) string {
	if m.Wallet != nil {
		return t.Names("off-reason", otherThanCredit(m.Wallet.Off))
	}
	kept := slices.DeleteFunc(slices.Clone(m.Reasons), func(r string) bool {
		return r != supply.Remote.String() && r != supply.Tamper.String()
	})
	if m.Relay == registry.RelayClosed {
		return ""
	}
	return t.Names("relay-reason", kept)
}

// unseen reports whether there was a sale to the meter that the check did not show and that this form did not make. Such a sale comes from
// another tab or another till. The clerk then sees that sale and decides again. unseen first reads the last sale to the meter, and only
// then asks whether this form has made a sale. In this order, a form that is sent twice at once never takes its own sale for a sale from
// elsewhere.
func (s *Console) unseen(ctx context.Context, v visit, f sellForm) (bool, error) {
	m, err := s.payeeOf(ctx, v, f.Meter)
	if err != nil || m.Refused() {
		return false, err // the sale itself reports the error
	}
	last, err := s.soldBefore(ctx, v, m)
	if err != nil || last == nil || last.SaleID == f.Seen {
		return false, err
	}
	made, err := s.made(ctx, v, f.FormID)
	return made.IsZero(), err
}

// role is the ARIA role: an alert if it stopped a sale.
func (b soldBefore) role(stopped bool) string {
	if stopped {
		return "alert"
	}
	return "status"
}
