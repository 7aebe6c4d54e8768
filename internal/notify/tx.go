package notify

import (
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/early"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/pagelink"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// Tx is the part of a transaction that the dispatcher needs.
type Tx interface {
	Carried() CarriedTx
	Recipients() RecipientTx
	Outcomes() OutcomeTx
	Queued() QueuedTx
	QueueTx
	LogTx
	// PageLinks returns the rows of links to customers' pages.
	PageLinks() pagelink.RowTx
	// MessageKnown reports whether a message with this identity has arrived before.
	MessageKnown(identity [16]byte) (bool, error)
	// MessageOf returns the message with this identity.
	MessageOf(identity [16]byte) (Message, bool, error)
	// MessageByID reads a message and locks it if the engine has locks.
	MessageByID(id.ID) (Message, bool, error)
	// MessagePut writes the mutable fields of a message, and releases its claim.
	MessagePut(Message) error
	// MessageHold does the work of MessagePut for a message that stays claimed.
	MessageHold(Message) error
	// MessageTries lists the tries of a message in their order.
	MessageTries(message id.ID) ([]Try, error)
	// TryPut writes a new or an existing try.
	TryPut(message id.ID, t Try) error
	// MessageOfTry finds the newest message that a route has had under this reference since the given moment, and the number
	// of the try.
	MessageOfTry(route, reference, phone string, since time.Time) (message id.ID, n int, found bool, err error)
	// MessageTotal adds an accepted message to its month's cost.
	MessageTotal(month, route string, parts int, cost int64) error
	// MessageTotals lists the costs of months, the newest month first.
	MessageTotals(max int) ([]Total, error)
	// MessageList lists messages older than the given one, the newest first.
	MessageList(l Filter, before id.ID, max int) ([]Message, error)
	// MessageAtMeter returns the head of a meter's queue, if a route has had this message. A message that the meter rejected and
	// that waits for another day does not count.
	MessageAtMeter(meter int64, now time.Time) (Message, bool, error)
	// MeterMessages lists messages to a meter that a route has had since the given moment, the newest first.
	MeterMessages(meter int64, since time.Time, max int) ([]MeterMessage, error)
}

// QueuedTx finds due messages in the queues, and makes waiting messages due.
type QueuedTx interface {
	// MessageDue reports whether any unclaimed message is due.
	MessageDue(now time.Time) (bool, error)
	// MessageClaim claims the most urgent message that is due on a route and that no other holds up. The claim lasts until the
	// given time. In a telephone's queue a message waits for the one that is being sent, unless it is prompt, and a token for the
	// earlier tokens of its set. In a meter's queue, a message that may already be at the meter goes first. A message that the
	// meter rejected waits for another day and does not block the queue.
	MessageClaim(route, owner string, now, until time.Time) (Message, bool, error)
	// MessagesStray lists due, unclaimed messages that need another route. The first list of names holds this server's routes. The second
	// holds those of them that are down. A queued or unknown message needs another route if it has no route, or if its route is down. If
	// this server has routes, MessagesStray also lists the messages of other routes that were due before the second of the two times.
	MessagesStray(mine, down []string, now, stray time.Time, max int) ([]Message, error)
	// MessagesWake makes due the messages of a telephone that wait because it could not be reached. It leaves out messages that were tried
	// after the given moment, and messages that have had MaxTriesWoken tries.
	MessagesWake(phone string, now, tried time.Time) error
	// MessagesWakeRoute makes messages due whose last try did not leave and which the route has tried.
	// A message that has had MaxTriesWoken tries keeps waiting.
	MessagesWakeRoute(route string, now time.Time) error
	// MessagesAfter lists the messages with one of the purposes that were queued for the same telephone after m, newest first.
	MessagesAfter(m Message, purposes []Purpose, max int) ([]Message, error)
}

// CarriedTx reads the tokens that messages bring.
type CarriedTx interface {
	// VendTokens lists a meter's tokens, newest first. It begins after the given token, or with the newest if it is zero.
	VendTokens(meter int64, before id.ID, max int) ([]sale.Token, error)
	// TokenForPush returns a token with the number of its meter; found is false while the token has no digits.
	TokenForPush(token id.ID) (t sale.Token, number string, found bool, err error)
	TokenSent(token id.ID) error
	// VendSale returns a sale.
	VendSale(sale id.ID) (sale.Sale, bool, error)
	// VendNumbered returns the identity of the sale with a receipt number; zero if there is no such sale.
	VendNumbered(receiptNo string) (id.ID, error)
	// ReportedToken finds and locks the token that a meter's answer names in Request.
	ReportedToken(meter int64, t *wire.Token) (metering.OwnToken, bool, error)
	// TokenAnswered writes the state of a token and its meter's answer.
	TokenAnswered(token metering.OwnToken, state metering.TokenState, result string, at time.Time) error
	// TokenByHash finds a token by the keyed hash of its digits.
	TokenByHash(hash []byte) (t sale.Token, meter id.ID, found bool, err error)
	Bought() BoughtTx
	// SoldHere reports whether a sale was made to the account that its meter supplies now.
	SoldHere(sale id.ID) (bool, error)
}

// BoughtTx reads a meter's last sale.
type BoughtTx interface {
	// VendTokens lists a meter's tokens, newest first. It begins after the given token, or with the newest if it is zero.
	VendTokens(meter int64, before id.ID, max int) ([]sale.Token, error)
	// VendSale returns a sale with its tokens in the order of entering.
	VendSale(sale id.ID) (sale.Sale, bool, error)
	// JobOfKey returns the completed key change that gives a meter this key, until the meter confirms it.
	JobOfKey(newKey id.ID) (sale.Job, bool, error)
	// SoldHere reports whether a sale was made to the account that its meter supplies now.
	SoldHere(sale id.ID) (bool, error)
}

// RecipientTx reads the recipients of messages, and the data for answers.
type RecipientTx interface {
	Meters() registry.MeterLookup
	// MeterBySIM returns the meter whose modem has this number.
	MeterBySIM(phone string) (registry.Meter, bool, error)
	// SIMOf returns the number of the SIM in a meter's modem, "" for none.
	SIMOf(meter int64) (string, error)
	// NoticeTo returns the recipient of a meter's notices; found is false for an unknown meter.
	NoticeTo(number string) (to Addressee, found bool, err error)
	// NumberChange returns the last change of the number of a SIM.
	NumberChange(owner string) (c registry.NumberChange, found bool, err error)
	// NumberHold returns until when a customer's telephone number is held after its last change, and whether the server wrote the number and its hold
	// as they are. A customer who does not exist has no hold.
	NumberHold(customer id.ID) (until time.Time, written bool, err error)
	// Arrivals lists the stored texts of a telephone's messages since the given moment, at most max.
	Arrivals(phone string, since time.Time, max int) ([]string, error)
	// AnswersTo lists the answers queued for a telephone since the given moment, AnswersAbout those about a meter; at most max.
	AnswersTo(phone string, since time.Time, max int) ([]Answer, error)
	AnswersAbout(meter int64, since time.Time, max int) ([]Answer, error)
	// MessagesOf counts messages of a purpose since the given moment, up to a limit.
	MessagesOf(p Purpose, since time.Time, most int) (int, error)
	// Subscriptions lists the meters of all customers with a telephone number, at most max.
	Subscriptions(phone string, max int) ([]Subscription, error)
	// SetNotices stores whether the customers of a telephone number want warnings.
	SetNotices(phone string, on bool) error
	TenantSettings() (registry.Settings, error)
	MeterRecord(meter id.ID) (registry.MeterRecord, bool, error)
	// ReportedBalance returns what a meter reported about its balance outside its readings (see [registry.MeterRecord.Said]).
	ReportedBalance(m registry.Meter) (reported, texted *registry.ReportedBalance, err error)
	// Readings returns a page of a meter's readings, newest first.
	Readings(meter int64, s metering.Span, after metering.After, max int) ([]metering.StoredReading, error)
	// WalletUsed returns a wallet meter's use today, yesterday and in this month. The two local dates have the form 2026-11-30.
	WalletUsed(meter int64, today, yesterday string) (WalletUse, error)
	// DeviceWasRead reports whether a value of a meter's unmodified device was ever read.
	DeviceWasRead(meter int64) (bool, error)
	// WalletFigures returns the settled balance of an account's wallet, and the live estimate with its time.
	WalletFigures(meter int64) (settled, available money.Amount, asOf time.Time, found bool, err error)
}

// OutcomeTx writes alarms and audit rows, and reads the tenants.
type OutcomeTx interface {
	// Tenants lists all tenants, not only the tenant of the transaction.
	Tenants() ([]access.Tenant, error)
	AuditLog(access.Entry) error
	// Eyes returns the transaction that counts the texts of each person.
	Eyes() access.EyesTx
	RaiseAlarm(meter int64, a metering.Alarm) error
	// EndOldAlarms ends the alarms with a code that were raised before a time.
	EndOldAlarms(code metering.AlarmCode, before time.Time) error
	// Early returns the transaction for reports that came before their references.
	Early() early.Tx
	// ClearAlarmText closes the open alarm with this code and text about a server.
	ClearAlarmText(server string, code metering.AlarmCode, text string) error
	// EndGoneAlarms closes the open alarms about a server with this code that have none of the texts.
	EndGoneAlarms(server string, code metering.AlarmCode, texts []string) error
}

// Subscription is a meter about which a customer gets messages.
type Subscription struct {
	Customer  id.ID
	Lang      string
	Notices   bool
	Meter     id.ID
	N         int64
	Number    string
	Simulated bool
	Wallet    bool
	Menu      bool // the meter's display has a menu that shows the use
	SIM       string
	Since     time.Time // when the customer's account was opened; earlier use belongs to somebody else
	// Unsettled says that the telephone was another customer's a moment ago, or that the customer was moved out of another meter: what the telephone
	// buys without naming a meter may be meant for that other meter.
	Unsettled bool
}

// Use is a meter's use in seven days.
type Use struct {
	Total, Yesterday unit.Energy
	Measured         bool
}

// WalletUse is a wallet meter's use, as the server rated it.
type WalletUse struct {
	Today, Yesterday unit.Energy
	Month            unit.Energy // counted for the meter's present account
	At               time.Time   // time of the last rated reading; zero if there is none
}

// Total is the cost of a month's messages by one route.
type Total struct {
	Month, Route    string
	Messages, Parts int64
	Cost            int64 // cost in millionths of the currency's unit
}

// Filter chooses the messages of a list.
type Filter struct {
	Meter    int64
	Phone    string
	State    State
	Incoming *bool
	Vend     id.ID
}
