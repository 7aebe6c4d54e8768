package registry

import (
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// Tx is what the registry needs of a transaction. Every method sees only the transaction's tenant, unless it says otherwise.
// A meter number is unique over all tenants, because it is also an MQTT user name; so is the dense number behind it.
type Tx interface {
	Eyes() access.EyesTx
	Customers() CustomerTx
	Tariffs() TariffTx
	NewID() (id.ID, error)
	AuditLog(access.Entry) error
	// ActivePeople counts the people who are not blocked and hold one of the roles.
	ActivePeople(roles ...access.Role) (int, error)

	// NextMeterN counts for all tenants together.
	NextMeterN() (int64, error)
	// NumberTaken looks in all tenants.
	NumberTaken(number string) (bool, error)
	// MeterLogin looks in all tenants. It returns the hash of the meter's MQTT password; nil if the meter has no password.
	MeterLogin(number string) (who Identity, status Status, hash []byte, found bool, err error)
	MeterByNumber(number string) (Meter, bool, error)
	MeterByID(meter id.ID) (Meter, bool, error)
	AddMeterRow(m Meter, mqttHash, sealedLinkKey []byte) error
	AddMeterKey(k Key) error
	AddInstall(meter int64, point id.ID, from time.Time) error
	// MeterRecords returns records of meters in the order of their ids, after the given one.
	MeterRecords(after id.ID, max int) ([]MeterRecord, error)
	MeterRecord(meter id.ID) (MeterRecord, bool, error)
	// ReportedBalance reads the newest balance that a meter reported with a token after its newest reading, and the newest that
	// came by SMS; nil for none.
	ReportedBalance(m Meter) (reported, texted *ReportedBalance, err error)
	// MeterBySIM returns the meter whose modem has this number.
	MeterBySIM(phone string) (Meter, bool, error)
	SetSIM(meter id.ID, sim string) error
	// SetMostPower sets the greatest power that a wallet meter can measure, 0 for the default of its phases.
	SetMostPower(meter int64, most unit.Power) error
	TenantSettings() (Settings, error)
	PutTenantSettings(s Settings) error
	SetCurrency(code string, exp int) (bool, error)
}

// CustomerTx is what customers, their accounts and their places need of a transaction.
type CustomerTx interface {
	AddCustomerRow(c Customer) error
	CustomerByID(customer id.ID) (Customer, bool, error)
	CustomerPut(Customer) error
	// CustomersLike lists customers whose name contains text, or whose phone or meter number contains digits (if not empty),
	// in the order of registration, after the given one.
	CustomersLike(text, digits string, after id.ID, max int) ([]Customer, error)
	MeterNumbersOf(customer id.ID, max int) ([]string, error)
	MeterRecordsOf(customer id.ID, max int) ([]MeterRecord, error)
	AddPoint(p Point) error
	// SetFeeder sets the feeder of the place that a meter supplies; false if the meter supplies no place.
	SetFeeder(meter int64, feeder string) (bool, error)
	AddAccount(a Account) error
	// FreePlace returns the place of a meter whose account has ended; free is false for any other meter.
	FreePlace(meter int64) (point id.ID, free bool, err error)
	// OccupyMeter makes a free meter supply an account, with a new wallet.
	OccupyMeter(m Meter, account id.ID) error
}

// TariffTx is what tariffs need of a transaction.
type TariffTx interface {
	TariffByName(name string) (id.ID, bool, error)
	TariffName(tariff id.ID) (string, bool, error)
	AddTariffRow(tariff id.ID, name string) error
	AddTariffVersion(v tariff.Version, by string) error
	// TariffVersions lists the versions of a tariff that were published before the given one (zero: all versions), the newest
	// first.
	TariffVersions(tariff, before id.ID, max int) ([]tariff.Version, error)
	// TariffVersionAt returns the version of a tariff in force at a moment.
	TariffVersionAt(tariff id.ID, at time.Time) (tariff.Version, bool, error)
	// TariffUses returns what the accounts on a tariff bought or were given in local months, each under its meter's number.
	TariffUses(tariff id.ID, fromMonth, toMonth string, max int) ([]tariff.MonthUse, error)
	// TariffSellsTokens reports whether an account that is not closed buys tokens on the tariff.
	TariffSellsTokens(tariff id.ID) (bool, error)
	// TariffsInForce returns each tariff's version in force at the moment, or its first if none has begun, in the order of
	// their ids, after the given one.
	TariffsInForce(at time.Time, after id.ID, max int) ([]tariff.Version, error)
}

// Point is a place supplied.
type Point struct {
	ID      id.ID
	Address string
	Feeder  string
}

// MeterRecord is everything that the store has for one MeterView, before the state is computed.
type MeterRecord struct {
	Meter      Meter
	Key        *Key // the current key; nil for a meter without one
	TariffName string
	Customer   Customer
	Wallet     *WalletView // of the account; nil if the mode has none or no currency is set
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
	MaxW       unit.Power // 0 for the default of the meter's phases
}
