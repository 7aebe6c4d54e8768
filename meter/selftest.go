package meter

import (
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
)

// Version is the version of these rules, as display test 10 shows it.
const Version = "1.1"

// The tests and displays that class 1 tokens ask for, by their numbers in the STS list. Package panel has a page for
// each. The list leaves out tests that do not apply to a single-phase electricity meter with credit in energy: 11 the
// phase unbalance limit, 12 the water factor, 13 the tariff rate, and all reserved numbers.
const (
	TestSwitch    = 1  // opens the load switch for a moment
	TestDisplay   = 2  // all segments
	TestTotal     = 3  // total register
	TestRevision  = 4  // KRN and KT
	TestTariff    = 5  // TI
	TestInput     = 6  // token input
	TestLimit     = 7  // maximum power limit
	TestTamper    = 8  // tamper status
	TestLoad      = 9  // active power
	TestVersion   = 10 // software
	TestAlgorithm = 14 // EA
	TestKeyTokens = 15 // tokens a key change may have
	TestGroup     = 16 // SGC
	TestExpiry    = 17 // KEN
	TestNumber    = 18 // meter number
)

// KnownTests are the tests the meter carries out, bit n-1 for test n.
const KnownTests = 1<<(TestSwitch-1) | 1<<(TestDisplay-1) | 1<<(TestTotal-1) | 1<<(TestRevision-1) | 1<<(TestTariff-1) |
	1<<(TestInput-1) | 1<<(TestLimit-1) | 1<<(TestTamper-1) | 1<<(TestLoad-1) | 1<<(TestVersion-1) |
	1<<(TestAlgorithm-1) | 1<<(TestKeyTokens-1) | 1<<(TestGroup-1) | 1<<(TestExpiry-1) | 1<<(TestNumber-1)

// testTime is how long the switch stays open in its test, in seconds: the minimum time between two operations.
const testTime = 5

// judgeTest accepts a test or display token for this make of meter if the meter knows at least one test in the token.
// Such tokens are printed in manuals, so they are never locked, never count as wrong, and change nothing permanently.
func (x *step) judgeTest() sts.Result {
	o := &x.ev.Opened
	switch {
	case o.SubClass > sts.TestLong || x.c.LongNumber != (o.SubClass == sts.TestLong):
		// TestShort is for meters with an 11-digit number, TestLong for meters with a 13-digit number. ExtendedRead
		// is not supported.
		return sts.FunctionError
	case o.MfrCode != 0 && o.MfrCode != x.c.MfrCode:
		return sts.MfrCodeError
	case x.tests() == 0:
		return sts.FunctionError
	}
	return sts.Accept
}

// tests returns the tests that the meter carries out for the token in the event. The token that opens the load switch
// is public, so it works only at the keypad.
func (x *step) tests() uint64 {
	if x.ev.Kind != EventToken || x.ev.Opened.Class != classTest {
		return 0
	}
	known := uint64(KnownTests)
	if x.ev.Source != Keypad {
		known &^= 1 << (TestSwitch - 1)
	}
	return x.ev.Opened.Control & known
}

// beginTest opens the load switch for its test. A switch that is already open needs no test.
func (x *step) beginTest() {
	if x.tests()>>(TestSwitch-1)&1 == 0 || x.s.Relay != supply.Closed {
		return
	}
	x.set(supply.Test)
	x.s.MoveAt = x.s.second() + testTime
	x.moveRelay()
}

// endTest lets the supply return.
func (x *step) endTest() {
	x.s.MoveAt = 0
	x.s.Reasons = x.s.Reasons.Without(supply.Test)
	x.moveRelay()
}
