package notify

// Which message goes first, and which notice replaces an older one. One table gives each purpose its place; everything else in this file
// is a pure function of it (docs/operate/sms.md#what-goes-first).

import (
	"github.com/paywatt/paywatt/internal/id"
)

// Urgency orders the messages that wait for a telephone or for a route. Lower values go first. The values are stored with messages.
type Urgency int

// The urgencies.
const (
	// UrgencyPrompt is that of tokens and of answers to a message. Such a message waits for no other, except for the tokens of its own
	// set that must be entered before its own.
	UrgencyPrompt Urgency = iota
	// UrgencyMoney is that of news about money, and about a changed number, to which tokens then go.
	UrgencyMoney
	// UrgencyState is that of notices about the balance and the supply.
	UrgencyState
	// UrgencyOther is that of all other messages.
	UrgencyOther
)

// topic is what a notice says something about. Of several notices with one topic only the last is true.
type topic uint8

const (
	noTopic      topic = iota
	balanceTopic       // how much is left on an account
	supplyTopic        // whether a meter's supply is on
	deviceTopic        // that a meter's unmodified device cannot be read
)

// place is the place of a purpose among the others.
type place struct {
	urgency Urgency
	says    topic // what the message says something about
	passing bool  // the message is out of date as soon as a later one says something else
}

// placeOf returns the place of a purpose. A message that brings a token or answers a message is urgent whatever its purpose is
// ([urgencyOf]).
func placeOf(p Purpose) place {
	switch p {
	case PurposeMeter:
		return place{urgency: UrgencyPrompt}
	case PurposeRecharge, PurposeReversalMoney:
		return place{urgency: UrgencyMoney, says: balanceTopic}
	case PurposeReversal, PurposePaymentBack, PurposePhoneChanged, PurposeSIMChanged:
		return place{urgency: UrgencyMoney}
	case PurposeLow1, PurposeLow2, PurposeCutSoon:
		return place{urgency: UrgencyState, says: balanceTopic, passing: true}
	case PurposeUnread:
		return place{urgency: UrgencyState, says: deviceTopic, passing: true}
	case PurposeCutOff, PurposeRestored:
		return place{urgency: UrgencyState, says: supplyTopic, passing: true}
	}
	return place{urgency: UrgencyOther}
}

// urgencyOf returns the urgency of a message.
func urgencyOf(m Message) Urgency {
	if !m.Token.IsZero() || !m.Answers.IsZero() {
		return UrgencyPrompt
	}
	return placeOf(m.Purpose).urgency
}

// tokenSetOf names the set of tokens that must be entered one after the other and to which the token of a message belongs, such as the
// tokens of a key change and the credit token behind them. It returns "" for a single token, for a message without a token and for a
// message to a meter, which has a line of its own. Tokens that answer LAST are a set apart from those that the sale sent.
func tokenSetOf(m Message) string {
	switch {
	case m.Token.IsZero() || m.Args.Of < 2 || m.Purpose == PurposeMeter:
		return ""
	case !m.Answers.IsZero():
		return m.Answers.Text(id.Message)
	case !m.Vend.IsZero():
		return m.Vend.Text(id.Vend)
	}
	return ""
}

// replacedBy returns the notice that makes an earlier one out of date; false if none does. The parameter later holds messages that were
// queued after m for the same telephone. News about the supply replaces a warning too: nobody needs to hear that the supply will go off
// after it went off, or after it came back.
//
// A warning that must precede a cut-off, and that has not left yet, is replaced only by a later warning of that kind. Without either of
// them the customer could not be cut off.
func replacedBy(m Message, later []Message) (Message, bool) {
	here := placeOf(m.Purpose)
	if !here.passing {
		return Message{}, false
	}
	for _, l := range later {
		there := placeOf(l.Purpose)
		switch {
		case m.startsWait() && !l.Purpose.cuts():
		case there.says == here.says && sameSubject(m, l), there.says == supplyTopic && m.Number == l.Number:
			return l, true
		}
	}
	return Message{}, false
}

// startsWait reports whether the message is a warning that must precede a cut-off and that no route has accepted yet.
func (m Message) startsWait() bool { return m.Purpose.cuts() && m.SentAt.IsZero() }

// sameSubject reports whether two messages are about one meter, or warn of the balance of one account.
func sameSubject(m, l Message) bool {
	return m.Number == l.Number || m.Args.Account != "" && m.Args.Account == l.Args.Account && placeOf(m.Purpose).says == balanceTopic
}

// replacingPurposes lists the purposes of messages that may replace a notice.
func replacingPurposes() []Purpose {
	return []Purpose{
		PurposeLow1, PurposeLow2, PurposeCutSoon, PurposeUnread,
		PurposeCutOff, PurposeRestored, PurposeRecharge, PurposeReversalMoney,
	}
}
