package profile

import (
	"context"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
)

// Account is what a meter's account requires of its device.
type Account struct {
	// Wallet says that the account is a wallet, so that the account decides about the supply.
	Wallet  bool
	On      bool
	Reasons []string // why the supply should be off
	// Warning is the level of the warning in force: 0 for no warning, 1 for little money, 2 for nearly none.
	Warning int
	Left    money.Minor // the available money
	Words   Words
	// Device is the name of the device that the meter belongs to, if its listener is bound. Orders go to this name only.
	Device string
	// Contested says that two devices were heard and nobody has chosen one. Nothing is sent to them.
	Contested bool
	// Unread says that no value of the device was ever read, so its relay is not closed yet.
	Unread bool
}

// Account returns what the account of a meter requires. It reads only the meter's wallet row, and [wallet.Wanted]
// decides about the supply. The parameter now is the server's time; it gives the local month of a summary.
func (l *Listener) Account(ctx context.Context, who registry.Identity, now time.Time) (a Account, err error) {
	err = l.door.View(ctx, who.Tenant, func(tx Tx) error {
		a = Account{Words: Words{Meter: who.Number}}
		g, err := tx.ProfileRegister(who.Meter)
		if err != nil {
			return err
		}
		a.Words.TotalKWh, a.Words.Relay = unit.Energy(g.Wh()).KWh(3), g.Relay
		b, err := bindingOf(tx, who, g)
		if err != nil {
			return err
		}
		a.Contested, a.Unread = b.Contested(), b.ReadAt.IsZero()
		if b.Bound() {
			a.Device = b.Name
		}
		err = a.wants(tx.Rating(), who, now)
		a.Unread = a.Unread && a.Wallet
		return err
	})
	if err != nil {
		return Account{}, fmt.Errorf("look up the account of meter %s: %w", who.Number, err)
	}
	return a, nil
}

// wants fills in the values that come from the meter's wallet.
func (a *Account) wants(tx wallet.ReleaseTx, who registry.Identity, now time.Time) error {
	rows, err := tx.WalletOf(who.Meter)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.Meter.N != who.Meter {
			continue
		}
		m, err := wallet.MoneyOf(tx, row.Meter.Account, rows)
		if err != nil {
			return err
		}
		t, err := tx.WalletTenant()
		if err != nil {
			return err
		}
		a.Wallet, a.On, a.Reasons, a.Warning = true, wallet.Wanted(row.State), row.Off.Names(), warning(row.State)
		a.Unread = a.Unread && row.UnreadCutHours > 0
		if !row.Closed() { // the account pays for the meter that took this one's place
			a.Left, a.Words.Balance = m.Available(), amount(m.Available(), t.Currency)
		}
		a.Words.MonthKWh = unit.Energy(0).KWh(3)
		if row.Month == now.In(t.Zone).Format("2006-01") {
			a.Words.MonthKWh = row.Used.KWh(3)
		}
	}
	return nil
}

// warning returns the level of the warning in force. A warning is in force if it was sent and the money is still below
// its level.
func warning(s wallet.State) int {
	switch {
	case s.Low2.Below && s.Low2.Fired:
		return 2
	case s.Low1.Below && s.Low1.Fired:
		return 1
	}
	return 0
}

// amount formats money for people, with its currency in front.
func amount(m money.Minor, code string) string {
	c, ok := money.CurrencyOf(code)
	if !ok {
		return fmt.Sprintf("%s %d", code, m)
	}
	return code + " " + money.Format(m, c)
}
