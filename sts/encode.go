package sts

import "fmt"

// Token classes.
const (
	classCredit     = 0
	classTest       = 1
	classManagement = 2
)

// Sub-classes of credit (class 0). Unit credit counts tenths of a unit, currency credit 0.00001 of the base currency
// unit; 8 to 15 are reserved (CTSA01 and CTSA20 to CTSA23).
const (
	CreditElectricity uint8 = iota // 0.1 kWh
	CreditWater                    // 0.1 m3
	CreditGas                      // 0.1 m3
	CreditTime                     // 0.1 min
	CurrencyElectricity
	CurrencyWater
	CurrencyGas
	CurrencyTime
)

// Sub-classes of management (class 2). 3, 4, 8 and 9 are the sections of a key change, see [EncodeKeyChange].
const (
	ManageMaxPower     uint8 = 0  // value: watts, as an [Amount] (CTSA03, CTSA12)
	ManageClearCredit  uint8 = 1  // value: the register, 0 electricity to 3 time, 4 to 7 currency, 0xFFFF all (CTSA04, CTSA14)
	ManageTariffRate   uint8 = 2  // value: 16 bits without a known meaning; layout unproven
	ManageClearTamper  uint8 = 5  // value: 0 (CTSA06)
	ManagePhaseBalance uint8 = 6  // value: watts of unbalance, as an [Amount] (CTSA07, CTSA13)
	ManageWaterFactor  uint8 = 7  // value: 16 bits without a known meaning; layout unproven
	ManageExtendedSet  uint8 = 10 // value: STS 202-5, index in the top 6 bits, value in the lower 10 (CTSA24)
)

const (
	maxRND         = 1<<4 - 1
	subClassShift  = 60
	rndShift       = 56
	tidShift       = 32
	valueShift     = 16
	currencyHigh   = 16 // the top 4 bits of a currency amount take the place of RND
	control36Shift = 24
	control28Shift = 32
)

func isCurrency(subClass uint8) bool {
	return subClass >= CurrencyElectricity && subClass <= CurrencyTime
}

func hasValue(subClass uint8) bool {
	switch subClass {
	case ManageMaxPower, ManageClearCredit, ManageTariffRate, ManageClearTamper, ManagePhaseBalance, ManageWaterFactor,
		ManageExtendedSet:
		return true
	}
	return false
}

// Credit is a unit credit token (CTSA01): sub-class [CreditElectricity] to [CreditTime].
type Credit struct {
	SubClass uint8  // CreditElectricity to CreditTime
	RND      uint8  // 4 random bits, so that the same amount in the same minute does not give the same block
	TID      TID    // minute of issue
	Amount   Amount // tenths of a unit
}

// EncodeCredit makes a unit credit token for the meter that holds k (CTSA01). It does not check the rules of vending
// (the type and expiry of the key, the limit of [MaxCreditTenths]); [Holding.AppendCredits] does. The errors are
// [ErrField] and [ErrKey].
func EncodeCredit(k Key, c Credit) (Token, error) {
	if c.SubClass > CreditTime || c.RND > maxRND || c.TID > MaxTID {
		return Token{}, fieldError("credit", c.SubClass, c.RND, c.TID)
	}
	return seal(&k, classCredit, valueBlock(c.SubClass, c.RND, c.TID, uint16(c.Amount)))
}

// CurrencyCredit is a currency credit token (CTSA20 to CTSA23): sub-class [CurrencyElectricity] to [CurrencyTime]. It
// has no RND: the top bits of the amount take its place.
type CurrencyCredit struct {
	SubClass uint8          // CurrencyElectricity to CurrencyTime
	TID      TID            // minute of issue
	Amount   CurrencyAmount // 0.00001 of the base currency unit
}

// EncodeCurrencyCredit makes a currency credit token for the meter that holds k (CTSA20). The errors are [ErrField] and
// [ErrKey].
func EncodeCurrencyCredit(k Key, c CurrencyCredit) (Token, error) {
	if !isCurrency(c.SubClass) || c.TID > MaxTID || c.Amount > currencyMask {
		return Token{}, fieldError("currency credit", c.SubClass, 0, c.TID)
	}
	return seal(&k, classCredit, valueBlock(c.SubClass, uint8(c.Amount>>currencyHigh), c.TID, uint16(c.Amount)))
}

// Management is a meter-specific management token other than a key change: one of the Manage sub-classes (CTSA03 to
// CTSA07, CTSA24).
type Management struct {
	SubClass uint8  // one of the Manage constants
	RND      uint8  // 4 random bits
	TID      TID    // minute of issue, from the same sequence as credit
	Value    uint16 // depends on the sub-class; limits are an Amount in watts
}

// EncodeManagement makes a management token for the meter that holds k (CTSA03). The errors are [ErrField] and
// [ErrKey].
func EncodeManagement(k Key, m Management) (Token, error) {
	if !hasValue(m.SubClass) || m.RND > maxRND || m.TID > MaxTID {
		return Token{}, fieldError("management", m.SubClass, m.RND, m.TID)
	}
	return seal(&k, classManagement, valueBlock(m.SubClass, m.RND, m.TID, m.Value))
}

// Sub-classes of tests and displays (class 1; CTSA11, CTSA24).
const (
	TestShort    uint8 = iota // meters with a 2-digit manufacturer code (11-digit number): 36 control bits
	TestLong                  // meters with a 4-digit manufacturer code (13-digit number): 28 control bits
	ExtendedRead              // STS 202-5: 36 control bits, no manufacturer code
)

// MeterTest is a test or display token. It is not encrypted and works on every meter of a manufacturer, or on all
// meters when the code is 0 (CTSA11). [TestName] names the tests.
type MeterTest struct {
	SubClass uint8  // TestShort, TestLong or ExtendedRead
	Control  uint64 // bit n-1 asks for test n; all bits ask for every test of the meter
	MfrCode  uint16 // 0 to 99 in a short test, 0 to 9999 in a long test; codes above 9 are unproven
}

// EncodeTest makes a test or display token (CTSA11). The error is [ErrField].
func EncodeTest(m MeterTest) (Token, error) {
	var block uint64
	switch {
	case (m.SubClass == TestShort && m.MfrCode <= 99 || m.SubClass == ExtendedRead && m.MfrCode == 0) && m.Control < 1<<36:
		block = m.Control<<control36Shift | uint64(m.MfrCode)<<valueShift
	case m.SubClass == TestLong && m.MfrCode <= 9999 && m.Control < 1<<28:
		block = m.Control<<control28Shift | uint64(m.MfrCode)<<valueShift
	default:
		return Token{}, fmt.Errorf("sts: test token of sub-class %d with control %x, manufacturer %d: %w",
			m.SubClass, m.Control, m.MfrCode, ErrField)
	}
	block |= uint64(m.SubClass) << subClassShift
	return newToken(classTest, block|uint64(CheckField(classTest, block))), nil
}

// valueBlock lays out sub(4) RND(4) TID(24) value(16) and leaves the check field 0.
func valueBlock(subClass, rnd uint8, t TID, value uint16) uint64 {
	return uint64(subClass)<<subClassShift | uint64(rnd)<<rndShift | uint64(t)<<tidShift | uint64(value)<<valueShift
}

// seal adds the check field, encrypts the block and inserts the class.
func seal(k *Key, class uint8, block uint64) (Token, error) {
	if k.ea == 0 {
		return Token{}, fmt.Errorf("sts: no decoder key: %w", ErrKey)
	}
	return newToken(class, k.encrypt(block|uint64(CheckField(class, block)))), nil
}

func fieldError(what string, subClass, rnd uint8, t TID) error {
	return fmt.Errorf("sts: %s token of sub-class %d with RND %d, TID %d: %w", what, subClass, rnd, t, ErrField)
}
