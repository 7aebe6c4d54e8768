package wallet

import (
	"fmt"
	"math"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// Actor is the name under which wallets give commands that no person ordered.
const Actor = "wallets"

// SigningTx is the part of a transaction that signing a command of a wallet needs.
type SigningTx interface {
	SettleTx
	// WalletOf locks and reads the wallets of the account that a meter supplies. The list is empty for a meter without a wallet.
	WalletOf(meter int64) ([]Row, error)
	// CheckSupplyNow makes the supply of a meter due to be looked at as soon as possible.
	CheckSupplyNow(meter int64) error
	// LeaseNumber returns the last number given to a lease of a meter, under the meter's lock. The result refused means that the meter
	// refused the previous lease because it had already had a higher number.
	LeaseNumber(meter int64, order id.ID) (last int64, refused bool, err error)
	// LeaseNumbered stores the number of a meter's newest lease.
	LeaseNumbered(meter, number int64) error
}

// StillRight reports whether a command that no person ordered is still right. The transaction that signs the command calls it. The result
// is false for any command dated in the future, for a clock setting while the server's time is in doubt, and for a lease above the present
// limit. It is false for a cut-off if the supply should be on again, or if a rule forbids the cut-off now.
func StillRight(tx SigningTx, meter int64, t CommandType, max unit.Energy, given, now time.Time) (bool, error) {
	switch {
	case NotYet(given, now): // the clock was ahead when the command was given, so its age is unknown and its expiry is too late
		return false, tx.CheckSupplyNow(meter)
	case t == CommandClock:
		visibility, err := VisibilityOf(tx)
		return !visibility.Doubt, err
	case t != CommandCut && t != CommandLease:
		return true, nil
	}
	rows, err := tx.WalletOf(meter)
	if err != nil {
		return false, err
	}
	tenant, err := tx.WalletTenant()
	if err != nil {
		return false, err
	}
	most, cut, err := Standing(tx, tenant, rows, meter, now)
	if err != nil || t == CommandCut {
		return cut, err
	}
	if max <= most {
		return true, nil
	}
	return false, tx.CheckSupplyNow(meter)
}

// StillWanted reports whether a cut-off that a person ordered is still right. It is right while a reason other than missing money keeps the
// supply off. Once the person has taken the order back, the cut-off is right only if the rules would cut too. A meter without a wallet has
// no rules. A command dated in the future is never right: nobody knows its age.
func StillWanted(tx SigningTx, meter int64, given, now time.Time) (bool, error) {
	if NotYet(given, now) {
		return false, nil
	}
	rows, err := tx.WalletOf(meter)
	if err != nil || len(rows) == 0 {
		return err == nil, err
	}
	for _, r := range rows {
		if r.Meter.N == meter && r.Off.Without(supply.Credit) != 0 {
			return true, nil
		}
	}
	return StillRight(tx, meter, CommandCut, 0, given, now)
}

// leaseSkip is how far the numbers of leases jump when a meter says that it has had a higher number: a day of seconds.
const leaseSkip = 24 * 60 * 60

// NumberLease gives a lease its number at its first signing.
func NumberLease(tx SigningTx, meter int64, order id.ID, now time.Time) (int64, error) {
	last, refused, err := tx.LeaseNumber(meter, order)
	if err != nil {
		return 0, err
	}
	next := NextLease(last, refused, now)
	if next < 1 || next > math.MaxUint32 {
		return 0, fmt.Errorf("lease number %d is out of range", next)
	}
	return next, tx.LeaseNumbered(meter, next)
}

// NextLease returns the number of the next lease: the present second since 1970, or the last number plus one if that is higher. Because the
// number follows the clock, a restored database never repeats a number from the lost one. The numbers last until the year 2106. If the
// meter refused its previous lease because it had already had a higher number, the next number is a day ahead.
func NextLease(last int64, refused bool, now time.Time) int64 {
	if refused {
		last += leaseSkip
	}
	return max(last+1, now.Unix())
}
