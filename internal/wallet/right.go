package wallet

import (
	"fmt"
	"math"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// Actor gives the commands of wallets that nobody asked for.
const Actor = "wallets"

// SigningTx is what signing a command of a wallet needs of a transaction.
type SigningTx interface {
	SettleTx
	// WalletOf locks and reads the wallets of the account that a meter supplies; none for a meter without a wallet.
	WalletOf(meter int64) ([]Row, error)
	// LookNow has the supply of a meter looked at as soon as may be.
	LookNow(meter int64) error
	// LeaseNumber is the last number that a lease of a meter was given, under the meter's lock. refused reports whether the
	// meter answered the lease before order that it has had a higher one.
	LeaseNumber(meter int64, order id.ID) (last int64, refused bool, err error)
	// LeaseNumbered writes the number of a meter's newest lease.
	LeaseNumbered(meter, number int64) error
}

// StillRight asks once more, in the transaction that signs it, whether a command that nobody but the rules gave is right. These
// are not sent: a cut-off whose supply is wanted again or must not be cut any more, a lease of more than there is by now, the
// time while it is in doubt, and anything that was given at a time that has not come.
func StillRight(tx SigningTx, meter int64, t CommandType, max unit.Energy, given, now time.Time) (bool, error) {
	switch {
	case NotYet(given, now): // nobody knows how old it is, and its end is as far away
		return false, tx.LookNow(meter)
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
	return false, tx.LookNow(meter)
}

// StillWanted asks the same about a cut-off that a person ordered. It is right while a reason other than missing money keeps the
// supply off. Once the person has taken it back, it is right only if the rules would cut too. A meter without a wallet has no
// rules. A command dated in the future is never right: nobody knows its age.
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

// leaseSkip is by how much the numbers of leases are moved on when a meter says that it has had a higher one: a day of
// seconds.
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

// NextLease is the number after last: the second since 1970, or one more than the last, which serves until the year 2106. So a
// restored database never repeats what the meter has seen from the lost one. A meter that refused the lease before, because it
// has had a higher number, gets one that is a day ahead.
func NextLease(last int64, refused bool, now time.Time) int64 {
	if refused {
		last += leaseSkip
	}
	return max(last+1, now.Unix())
}
