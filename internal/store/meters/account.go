package meters

import (
	"time"

	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/people"
	"github.com/paywatt/paywatt/internal/wallet"
)

// creditStated returns when the account that had the place before ended, if the credit that was stated then is the one with which an account began.
func (tx Rows) creditStated(account id.ID) (at time.Time, err error) {
	_, err = tx.One(`SELECT MAX(o.closed_at) FROM account a JOIN account o ON o.tenant_id = a.tenant_id AND o.service_point_id = a.service_point_id
		WHERE a.tenant_id = $1 AND a.id = $2 AND o.closed_at <= a.opened_at AND o.credit_out_wh = a.credit_in_wh`, func(r core.Row) error {
		if !r.IsNull(0) {
			at = r.Time(0)
		}
		return nil
	}, tx.Tenant, account)
	return at, fault.Wrap(err, "find who stated the credit of an account")
}

// AccountPlace finds an account by its identity or by a meter that supplies it, and locks the account and its meters. A transaction locks
// accounts and meters before it locks wallets. The signing of a command follows the same order.
func (tx Rows) AccountPlace(name debt.AccountName) (debt.AccountDetails, bool, error) {
	account := name.ID
	if account.IsZero() {
		_, err := tx.One(`SELECT account_id FROM meter WHERE tenant_id = $1 AND (id = $2 OR number = $3)`,
			func(r core.Row) error { account = r.ID(0); return nil }, tx.Tenant, name.Meter.ID, name.Meter.Number)
		if err != nil || account.IsZero() {
			return debt.AccountDetails{}, false, fault.Wrap(err, "read an account")
		}
	}
	a := debt.AccountDetails{ID: account}
	var customer, point id.ID
	found, err := tx.One(`SELECT customer_id, service_point_id, mode, status, tariff_id, opened_at, charged_to,
			closed_at, credit_in_wh, credit_out_wh FROM account
		WHERE tenant_id = $1 AND id = $2`+tx.C.ForUpdate(), func(r core.Row) error {
		customer, point, a.Mode, a.Status = r.ID(0), r.ID(1), registry.Mode(r.Text(2)), r.Text(3)
		a.Tariff, a.OpenedAt, a.ChargedTo, a.ClosedAt = r.ID(4), r.Time(5), r.Text(6), r.Time(7)
		a.CreditIn, a.CreditOut = people.ReadCredit(r, 8), people.ReadCredit(r, 9)
		return nil
	}, tx.Tenant, account)
	if err != nil || !found {
		return debt.AccountDetails{}, false, fault.Wrap(err, "read an account")
	}
	later, err := people.Of(tx.Tx).AssignmentsOf(account)
	if err != nil {
		return debt.AccountDetails{}, false, err
	}
	a.Later = later[account]
	if a.CreditIn.State != registry.CreditNotAsked {
		if a.CreditStated, err = tx.creditStated(account); err != nil {
			return debt.AccountDetails{}, false, err
		}
	}
	if a.Customer, _, err = people.Of(tx.Tx).CustomerByID(customer); err != nil {
		return debt.AccountDetails{}, false, err
	}
	_, err = tx.One(`SELECT address FROM service_point WHERE tenant_id = $1 AND id = $2`, func(r core.Row) error {
		a.Address = r.Text(0)
		return nil
	}, tx.Tenant, point)
	if err != nil {
		return debt.AccountDetails{}, false, fault.Wrap(err, "read an account")
	}
	if a.Status == people.ClosedAccount {
		return a, true, nil // rows of meters still point to a closed account, but the meters supply nobody
	}
	err = tx.C.Query(`SELECT number FROM meter WHERE tenant_id = $1 AND account_id = $2
		AND status NOT IN `+core.LeftMeters+` ORDER BY n`+tx.C.ForUpdate(), func(r core.Row) error {
		a.Meters = append(a.Meters, r.Text(0))
		return nil
	}, tx.Tenant, account)
	return a, err == nil, fault.Wrap(err, "read an account")
}

// MetersAt returns the numbers of the meters that supplied an account at a moment, in the order of their registration; nil if no installation says
// which they were. A moment before the account was opened, or after it was closed, counts as the nearest one within.
func (tx Rows) MetersAt(account id.ID, at time.Time) (numbers []string, err error) {
	var point id.ID
	found, err := tx.One(`SELECT service_point_id, opened_at, closed_at FROM account WHERE tenant_id = $1 AND id = $2`, func(r core.Row) error {
		point = r.ID(0)
		if closed := r.Time(2); !closed.IsZero() && !at.Before(closed) {
			at = closed.Add(-time.Microsecond)
		}
		if opened := r.Time(1); at.Before(opened) {
			at = opened
		}
		return nil
	}, tx.Tenant, account)
	if err != nil || !found {
		return nil, fault.Wrap(err, "read account %s", account.Text(id.Account))
	}
	err = tx.C.Query(`SELECT m.number FROM meter_install i JOIN meter m ON m.tenant_id = i.tenant_id AND m.n = i.meter
		WHERE i.tenant_id = $1 AND i.service_point_id = $2 AND i.from_at <= $3 AND (i.to_at IS NULL OR i.to_at > $3)
		ORDER BY m.n`, func(r core.Row) error {
		numbers = append(numbers, r.Text(0))
		return nil
	}, tx.Tenant, point, at)
	return numbers, fault.Wrap(err, "read the meters of account %s at a moment", account.Text(id.Account))
}

// OccupyMeter lets a free meter supply an account and resets its wallet. The record of the last orders to the meter is not changed.
func (tx Rows) OccupyMeter(m registry.Meter, account id.ID) error {
	rows, err := tx.WalletOf(m.N)
	if err != nil {
		return err
	}
	if err := tx.wakePayments(m.Number, account); err != nil {
		return err
	}
	err = tx.Rewrite("meter", m.ID, func() error {
		return tx.Must(`UPDATE meter SET account_id = $1, status = $2, version = version + 1 WHERE tenant_id = $3 AND id = $4`, account,
			string(registry.Active), tx.Tenant, m.ID)
	})
	for _, w := range rows {
		if err != nil || w.Meter.N != m.N {
			continue
		}
		w.State = wallet.MoveIn(w.State, w.Meter.Clock(tx.Now))
		if err = tx.WalletPut(w); err != nil {
			break
		}
		var all map[int64]wallet.Supplied
		if all, err = tx.SuppliesOf([]wallet.Row{w}); err == nil {
			s := all[m.N].Supply
			s.By, s.Why, s.Out, s.Block, s.Noticed, s.LookAt = "", "", time.Time{}, "", time.Time{}, time.Time{}
			err = tx.SupplyPut(m.N, s)
		}
	}
	return fault.Wrap(err, "let meter %s supply account %s", m.Number, account.Text(id.Account))
}
