package registry

import (
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// The tariff of an account can change: a home becomes a shop, or a meter was registered on the wrong tariff. The account keeps the tariff with which
// it was opened; each change is a row of its own, which never changes. What was sold and rated before a change keeps its price.

// TariffChange is another tariff that an account got, or will get.
type TariffChange struct {
	ID, Account id.ID
	N           int // counts the changes of the account, from 1
	Tariff      id.ID
	From        time.Time
	Withdraws   int // number of the change that never begins, because this one takes it back; 0 for none
	By, Reason  string
	At          time.Time // when it was decided
}

// MaxTariffChanges is the greatest number of changes of one account's tariff. The last one can only take back the one before it.
const MaxTariffChanges = 200

// TariffChangeTx is the part of a transaction that changes the tariff of an account.
type TariffChangeTx interface {
	// PricedAccount locks the account that a meter supplies, and then its wallets, and reads what a change of its tariff depends on. It returns
	// false for a meter without an account.
	PricedAccount(meter int64) (PricedAccount, bool, error)
	// AccountBuys reads what an account bought in a local month, what its next purchase uses, and its newest purchase for a meter.
	AccountBuys(account id.ID, meter int64, month string) (AccountBuys, error)
	// AccountMonths returns what an account bought, or used if its balance is on the server, in each local month of a range.
	AccountMonths(a PricedAccount, from, to string) ([]tariff.MonthUse, error)
	// TariffChanges lists the changes of an account's tariff in the order in which they were decided.
	TariffChanges(account id.ID) ([]TariffChange, error)
	// AddTariffChange stores a change of the tariff of an account that is locked.
	AddTariffChange(c TariffChange) error
	// CheckSupplies makes the supplies of an account due for a check at a moment, because the price changes then.
	CheckSupplies(account id.ID, at time.Time) error
}

// PricedAccount is an account with what a change of its tariff depends on.
type PricedAccount struct {
	ID       id.ID
	Status   string
	Mode     Mode
	OpenedAt time.Time
	ClosedAt time.Time // zero for an account that is not closed
	Tariff   id.ID     // with which it was opened
	Later    tariff.Assignments
	// Earliest is the first moment at which another tariff can begin: everything that was bought or used before it keeps its price. It is zero for
	// an account that has bought and used nothing.
	Earliest time.Time
	// Month is the local month in which the meter's wallet has used Used.
	Month string
	Used  unit.Energy
}

// AccountBuys is what an account bought in a month, and what its next purchase uses.
type AccountBuys struct {
	Units, Free unit.Energy // bought and free, and the free part of it
	FreeClaimed bool
	Carry       money.Minor
	LastPaid    money.Minor // the newest purchase; 0 for none
}
