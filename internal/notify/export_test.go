package notify

import "github.com/paywatt/paywatt/internal/gsm/pdu"

// Parts returns how many short messages the text takes.
func (r Rendered) Parts() int { return pdu.Measure(r.text).Parts }

// Purposes returns all purposes that have a template, in the order of docs/reference/sms-texts.md.
func Purposes() []Purpose {
	return []Purpose{PurposeToken, PurposeTokenFree, PurposeTokenStep, PurposeKeyChange, PurposeRecharge, PurposeLow1, PurposeLow2,
		PurposeCutSoon, PurposeCutOff, PurposeRestored, PurposeUnread, PurposeReversal, PurposeReversalMoney, PurposePaymentBack, PurposePhoneChanged, PurposeSIMChanged,
		PurposeBalance, PurposeBalanceUnknown, PurposeWallet, PurposeWalletSettled, PurposeLast, PurposeLastStep, PurposeLastKey,
		PurposeLastNone, PurposeLastPending, PurposeLastReversed, PurposeLastWallet, PurposeUsage, PurposeUsageUnknown, PurposeUsageNone, PurposeWalletUsage, PurposeHelp, PurposeUnknown,
		PurposeChoose, PurposeNotYours, PurposeNotHere, PurposeStopAsk, PurposeStopped, PurposeStarted, PurposeLater, PurposePublic, PurposePage, PurposePageNone,
		PurposeVoucherDone, PurposeVoucherWrong, PurposeVoucherMistyped, PurposeVoucherMeter, PurposeVoucherUsed, PurposeVoucherOver, PurposeVoucherReversed,
		PurposeVoucherMany, PurposeVoucherLater, PurposeBuyAsked, PurposeBuyWaiting, PurposeBuyHow, PurposeBuyNone, PurposeBuyOften, PurposeBuyRefused}
}

// The pure functions of urgency.go.

func UrgencyOf(m Message) Urgency                                    { return urgencyOf(m) }
func TokenSetOf(m Message) string                                    { return tokenSetOf(m) }
func ReplacedBy(m Message, later []Message) (by Message, found bool) { return replacedBy(m, later) }
