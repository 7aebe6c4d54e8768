package registry

import (
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// Tx is the part of a transaction that the registry needs. Every method sees only the transaction's tenant, unless its comment
// says otherwise. A meter number is unique over all tenants, because it is also an MQTT user name. The meter's dense number is
// unique over all tenants too.
type Tx interface {
	Eyes() access.EyesTx
	Customers() CustomerTx
	Tariffs() TariffTx
	Numbers() NumberTx
	Lists() ListTx
	Limits() LimitTx
	NewID() (id.ID, error)
	AuditLog(access.Entry) error

	// NextMeterN returns the next dense number; it counts the meters of all tenants together.
	NextMeterN() (int64, error)
	// NumberTaken reports whether any tenant has a meter with this number.
	NumberTaken(number string) (bool, error)
	Logins() LoginTx
	MeterByNumber(number string) (Meter, bool, error)
	MeterByID(meter id.ID) (Meter, bool, error)
	AddMeterRow(m Meter, mqttHash, sealedLinkKey []byte) error
	AddMeterKey(k Key) error
	// LinkKey returns a meter's sealed link key and its sealed next key, if any, and locks the meter.
	LinkKey(meter int64) (who id.ID, sealed, next []byte, found bool, err error)
	// SetLinkKeys replaces the sealed link keys of a meter. If next is not nil, both are in use from now on.
	SetLinkKeys(meter id.ID, sealed, next []byte) error
	AddInstall(meter int64, point id.ID, from time.Time) error
	MeterRecord(meter id.ID) (MeterRecord, bool, error)
	// ReportedBalance reads the newest balance that a meter reported with a token. By the meter's clock, the balance must be
	// newer than the meter's last reading. ReportedBalance also reads the newest balance that came by SMS. Each result is
	// nil if there is no such balance.
	ReportedBalance(m Meter) (reported, texted *ReportedBalance, err error)
	// MeterBySIM returns the meter whose modem has this number.
	MeterBySIM(phone string) (Meter, bool, error)
	SetSIM(meter id.ID, sim string) error
	TenantSettings() (Settings, error)
	PutTenantSettings(s Settings) error
	SetCurrency(code string, exp int) (bool, error)
}

// LoginTx is the part of a transaction that knows with what meters sign in.
type LoginTx interface {
	// MeterLogin finds a meter of any tenant.
	MeterLogin(number string) (l Login, found bool, err error)
	// LockMeterLogin reads the stored forms of a meter's passwords, and locks the meter.
	LockMeterLogin(meter id.ID) (password, next []byte, err error)
	// SetMeterPasswords replaces the stored forms of a meter's passwords. Either may be nil.
	SetMeterPasswords(meter id.ID, password, next []byte) error
	// EndMeterLogins ends every login of a meter at a time, which may still come.
	EndMeterLogins(meter id.ID, at time.Time) error
	// LoginsChanged lists the meters of all tenants whose logins changed or ended in a time, by their dense numbers.
	LoginsChanged(after, until time.Time) (meters []int64, err error)
	// ReadEnding locks a meter and its account, and reads what decides whether the meter may be removed or scrapped.
	ReadEnding(m Meter) (Ending, error)
	// EndMeter removes or scraps a meter: its passwords and link keys are deleted, its logins end, and its SIM is free. Its
	// account and what it recorded stay, but the account of a meter in stock is closed, so that nothing is charged to it any more.
	EndMeter(m Meter, to Status) error
	// ClearAlarm ends an alarm of a meter.
	ClearAlarm(meter int64, code metering.AlarmCode) error
	// LockMeter locks a meter and its account, and reads the meter again.
	LockMeter(m Meter) (Meter, error)
}

// LimitTx is the part of a transaction that sets what wallet meters may do.
type LimitTx interface {
	// SetMostPower sets the greatest power that a wallet meter can measure, 0 means the default of its phases.
	SetMostPower(meter int64, most unit.Power) error
	// SetUnreadCut sets after how many hours a device that was never readable is cut off; 0 for never.
	SetUnreadCut(meter, hours int64) error
}

// ListTx is the part of a transaction that lists meters.
type ListTx interface {
	// MeterRecords returns records of meters in the order of their ids, after the meter with the given id.
	MeterRecords(after id.ID, max int) ([]MeterRecord, error)
	// MeterRecordsNumbered returns records of the meters with some numbers, in the order of their ids.
	MeterRecordsNumbered(numbers []string) ([]MeterRecord, error)
	// MeterStandings reads the facts of the meters' states, of the meters that a filter names, in the order of their ids after the given one.
	MeterStandings(f StandingFilter, after id.ID, max int) ([]Standing, error)
	// GoneMeters lists removed and scrapped meters with their last customers, those that ended last first.
	GoneMeters(max int) ([]GoneMeter, error)
	// WalletsLeft returns what is left in the wallets of all accounts that have one, as WalletMoney.Available of a meter.
	WalletsLeft() (map[id.ID]money.Minor, error)
}

// CustomerTx is the part of a transaction that customers, their accounts and their places need.
type CustomerTx interface {
	Owing() OwingTx
	AddCustomerRow(c Customer) error
	CustomerByID(customer id.ID) (Customer, bool, error)
	CustomerPut(Customer) error
	// CustomersLike lists customers whose name contains the given text. If digits are given too, it also lists customers
	// whose phone number or meter number contains these digits. The list is in the order of registration and begins after
	// the given customer.
	CustomersLike(text, digits string, after id.ID, max int) ([]Customer, error)
	MeterNumbersOf(customer id.ID, max int) ([]string, error)
	MeterRecordsOf(customer id.ID, max int) ([]MeterRecord, error)
	AddPoint(p Point) error
	// SetFeeder sets the feeder of the place that a meter supplies; it returns false if the meter supplies no place.
	SetFeeder(meter int64, feeder string) (bool, error)
	// SetMeasures sets the feeder that the meter of a place measures as a whole, and MainMeter finds that meter; false if there is none.
	SetMeasures(meter int64, feeder string) (bool, error)
	MainMeter(feeder string) (number string, found bool, err error)
	AddAccount(a Account) error
	// AccountTariff returns the tariff that an account has at a moment, even a closed one.
	AccountTariff(account id.ID, at time.Time) (id.ID, error)
	// FreePlace returns what a meter whose account has ended is free for; free is false for any other meter.
	FreePlace(meter int64) (place FreePlace, free bool, err error)
	// OccupyMeter makes a free meter supply an account, with a new wallet.
	OccupyMeter(m Meter, account id.ID) error
}

// TariffTx is the part of a transaction that tariffs need.
type TariffTx interface {
	Changing() TariffChangeTx
	TariffByName(name string) (id.ID, bool, error)
	TariffName(tariff id.ID) (string, bool, error)
	AddTariffRow(tariff id.ID, name string) error
	AddTariffVersion(v tariff.Version, by string) error
	// TariffVersions lists the versions of a tariff that were published before the given version (zero: all versions), the
	// newest first.
	TariffVersions(tariff, before id.ID, max int) ([]tariff.Version, error)
	// TariffVersionAt returns the version of a tariff that was in force at the given time. A version that never begins is in force at no time.
	TariffVersionAt(tariff id.ID, at time.Time) (tariff.Version, bool, error)
	// TariffUses returns the energy that each account on a tariff bought or got free in each local month. Each result names
	// the account's meter, or the account itself if it has no meter.
	TariffUses(tariff id.ID, fromMonth, toMonth string, max int) ([]tariff.MonthUse, error)
	// ChargedSince sums the fixed charges with these names since a local day, of accounts that were on a tariff at some time: those of the months of
	// keypad meters, and all that wallets were charged.
	ChargedSince(tariff id.ID, day string, names []string) (ChargedSoFar, error)
	// TariffSellsTokens reports whether an open account buys tokens on the tariff.
	TariffSellsTokens(tariff id.ID) (bool, error)
	// TariffsInForce returns the version of each tariff in force at the given time, or its first version if none has begun.
	// The tariffs are in the order of their ids, after the given id.
	TariffsInForce(at time.Time, after id.ID, max int) ([]tariff.Version, error)
}

// Point is a place that a meter supplies.
type Point struct {
	ID      id.ID
	Address string
	Feeder  string
	// Measures is the feeder that the meter of the place measures as a whole; empty for none.
	Measures string
}

// MeterRecord holds all stored data of one MeterView, before the state is computed.
type MeterRecord struct {
	Meter      Meter
	Key        *Key // the current key; nil for a meter without one
	TariffName string
	Customer   Customer
	Wallet     *WalletView // wallet of the account; nil if the mode has no wallet or no currency is set
	Seen       bool        // the meter has sent something
	LastSeen   time.Time   // server time
	NewestAt   int64       // meter time of LastSeen, Unix microseconds
	Reported   bool        // the figures below were reported
	AsOf       time.Time   // meter time of the figures
	ReceivedAt time.Time   // server time at which the figures came
	RegisterWh int64
	BalanceWh  int64
	ECUsedWh   int64
	OverrunWh  int64
	W, MV      int64
	Relay      string
	Reasons    string
	Tamper     bool
	Feeder     string
	Measures   string // the feeder that the meter measures as a whole
	Address    string
	MaxW       unit.Power // 0 for the default of the meter's phases
	// UnreadCutHours is how many hours an unmodified device may supply before a value of it was ever read; 0 for no limit.
	UnreadCutHours int64
	Since          time.Time // when the account was opened; zero without one
}
