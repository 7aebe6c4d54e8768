package vending_test

import "testing"

// TestNoFailureOfTheStoreIsSwallowed runs tests of every use case again, on a store whose statements fail one after the other. A
// transaction that reports success although one of its statements failed, or that makes a refusal of the failure, fails the test.
func TestNoFailureOfTheStoreIsSwallowed(t *testing.T) {
	if *everyStatement {
		t.Skip("every test runs so")
	}
	*everyStatement = true
	t.Cleanup(func() { *everyStatement = false })
	for _, c := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"a sale and its repetition", TestAClientRefNamesOneSaleForEver},
		{"a sale with charges, debts and free units", TestAReversalGivesChargesDebtsAndFreeUnitsBack},
		{"a sale by SMS", TestWhoGotASaleBySMSIsToldThatItWasTakenBack},
		{"a quote", TestAQuoteIsTheSaleWithoutTheSale},
		{"a refused token", TestARefusedTokenGivesEverythingBack},
		{"a recovered sale", TestTheRecoveryTakesASaleUpAgain},
		{"a recovered refusal", TestARequestLearnsThatRecoveryWasRefused},
		{"a vendor's hold", TestAHoldThatExpiredIsMadeGoodOrTheSaleFails},
		{"a recharge", TestARechargeIsReversedOnlyWhileItIsThere},
		{"a recharge with tax", TestTaxOnARechargeIsOwedOnce},
		{"a recharge that arms the relay", TestACustomerIsToldToPressTheKey},
		{"a vendor's recharge", TestAVendorsRechargeTakesItsFloatAndEarnsCommission},
		{"a replacement", TestAReplacementCarriesUnitsWithoutMoney},
		{"a key change", TestAKeyChangeFromPlanToConfirmation},
		{"a refused key change", TestARefusedKeyChangeLeavesThePlan},
		{"tokens that wait", TestAKeyChangeThatWaitsStopsNoSale},
		{"recovered tokens", TestACrashBetweenReservationAndIssueGivesTheSameTokens},
		{"a reversal that the meter confirms", TestEveryTokenMustBeConfirmed},
		{"a reversal that is confirmed late", TestTheAlarmEndsWhenTheMeterConfirms},
		{"a reversal by two people", TestTwoKeysOfOnePersonDoNotReverse},
		{"two answers of a meter", TestWhatWasCancelledIsNotUsed},
		{"a late answer", TestALateAnswerReversesOnlyTheLastSale},
		{"a replaced token", TestCancelledTokensOfASaleThatStandsAreReplaced},
		{"units that stay owed", TestUnitsThatCannotBeReplacedStayOwed},
		{"a used token", TestAReversedTokenThatIsUsedOwesItsLeviesToo},
		{"used free units", TestReversedFreeUnitsThatAreUsedAreFundedOnce},
		{"a proof", TestEverySaleIsProvenByItsReceipt},
		{"a copy", TestACopyIsCountedMarkedAndAudited},
		{"an explanation", TestAnExplanationReadsWell},
		{"a list of tokens", TestTokensOfAMeterNewestFirst},
		{"who sees a sale", TestWhoSeesASale},
		{"trust in the clock", TestTheClockIsTrustedByName},
		{"trust by two people", TestAnApprovalTrustsTheClockThatItNames},
		{"a noted clock", TestAServerThatSellsNothingKnowsTheTime},
	} {
		t.Run(c.name, c.run)
	}
}
