package shoptest_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/tier"
)

// differing returns tests whose rule is held by the database: locks, retries of serialization failures, shared commits, and a seal that comes
// after the commit. All others run on PostgreSQL in ./check long.
func differing() []struct {
	name string
	run  func(*testing.T)
} {
	return []struct {
		name string
		run  func(*testing.T)
	}{
		{"tills of one account", TestEightTillsAndOneMeterShareTheBlocks},
		{"clients that do not wait", TestFiftyImpatientClientsGetOneSale},
		{"a payment from two providers", TestTwoProvidersBringOnePaymentInTheSameMoment},
		{"a float", TestAFloatNeverPassesItsLimitHoweverManySell},
		{"a voucher", TestAVoucherIsRedeemedOnce},
		{"a wallet and its readings", TestReadingsRechargesAndTheHourlyWorkAtOnce},
		{"a request and the recovery", TestARepeatedRequestAndRecoveryFinishOneSale},
		{"a seal that comes later", TestEverySaleIsProvenByItsReceipt},
	}
}

// TestSalesOnPostgreSQL runs tests again whose rule PostgreSQL holds in another way than SQLite.
func TestSalesOnPostgreSQL(t *testing.T) {
	tier.World(t)
	if onPostgres {
		t.Skip("in this run every test of the package is on PostgreSQL")
	}
	inPostgres(t)
	for _, c := range differing() {
		t.Run(c.name, c.run)
	}
}
