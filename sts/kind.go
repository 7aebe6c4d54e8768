package sts

import "fmt"

// creditKinds are the sub-classes of class 0, testKinds the sub-classes of class 1.
var (
	creditKinds = [...]string{"electricity credit", "water credit", "gas credit", "time credit", "electricity currency credit",
		"water currency credit", "gas currency credit", "time currency credit"}
	testKinds = [...]string{"test or display", "test or display (4-digit manufacturer)", "extended read"}
)

// Kind returns the purpose of the token, in words for people: "electricity credit", "clear tamper condition", "key
// change, section 1". The words are ours. It is "" for a token that does not open or that the standard leaves
// undefined.
func (o Opened) Kind() string {
	if o.Result != Accept {
		return ""
	}
	switch o.Class {
	case classCredit:
		return creditKinds[o.SubClass]
	case classTest:
		return testKinds[o.SubClass]
	}
	if o.Section != 0 {
		return fmt.Sprintf("key change, section %d", o.Section)
	}
	return manageKind(o.SubClass)
}

func manageKind(subClass uint8) string {
	switch subClass {
	case ManageMaxPower:
		return "set maximum power limit"
	case ManageClearCredit:
		return "clear credit"
	case ManageTariffRate:
		return "set tariff rate"
	case ManageClearTamper:
		return "clear tamper condition"
	case ManagePhaseBalance:
		return "set maximum phase power unbalance limit"
	case ManageWaterFactor:
		return "set water meter factor"
	case ManageExtendedSet:
		return "extended set"
	}
	return ""
}

// testNames are the tests of a class 1 token in the order of their control bits (STS 531-1 CTSA11).
var testNames = [...]string{
	1: "test the load switch", 2: "test display and indicators", 3: "show cumulative consumption", 4: "show key revision and key type",
	5: "show tariff index", 6: "test the token input", 7: "show maximum power limit", 8: "show tamper status", 9: "show power",
	10: "show software version", 11: "show phase power unbalance limit", 12: "show water meter factor", 13: "show tariff rate",
	14: "show encryption algorithm", 15: "show number of key change tokens", 16: "show supply group code", 17: "show key expiry number",
	18: "show meter number",
}

// MaxTest is the number of the last test with a name (CTSA11).
const MaxTest = len(testNames) - 1

// TestName returns our name of test n, or "" if n is outside 1 to [MaxTest]. Bit n-1 of a class 1 token asks for test n.
// CTSA11 shows tests 1 to 11 and 14 to 18. Tests 12 and 13 are reserved for water meters and tariff rates.
func TestName(n int) string {
	if n < 1 || n > MaxTest {
		return ""
	}
	return testNames[n]
}
