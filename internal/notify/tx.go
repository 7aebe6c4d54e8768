package notify

import (
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
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
	// MessageKnown reports whether a message of this identity came before.
	MessageKnown(identity [16]byte) (bool, error)
	// MessageOf returns the message with this identity.
	MessageOf(identity [16]byte) (Message, bool, error)
	// MessageByID reads a message and locks it if the engine has locks.
	MessageByID(id.ID) (Message, bool, error)
	// MessagePut writes the mutable fields of a message, and releases its claim.
	MessagePut(Message) error
	// MessageHold is MessagePut for a message that stays claimed.
	MessageHold(Message) error
	// MessageTries lists the tries of a message in their order.
	MessageTries(message id.ID) ([]Try, error)
	// TryPut writes a new or an existing try.
	TryPut(message id.ID, t Try) error
	// MessageOfTry finds the newest message that was given to a route under this reference since a moment, with the try's
	// number.
	MessageOfTry(route, reference, phone string, since time.Time) (message id.ID, n int, found bool, err error)
	// MessageTotal adds an accepted message to its month's cost.
	MessageTotal(month, route string, parts int, cost int64) error
	// MessageTotals lists months, the newest first.
	MessageTotals(max int) ([]Total, error)
	// MessageList lists messages, the newest first, before the given one.
	MessageList(l Filter, before id.ID, max int) ([]Message, error)
	// MessageAtMeter is the head of a meter's queue, once a route has had it. A message that the meter rejected and that waits
	// for another day does not count.
	MessageAtMeter(meter int64, now time.Time) (Message, bool, error)
	// MeterMessages lists messages that were given to a route for a meter since a moment, the newest first.
	MeterMessages(meter int64, since time.Time, max int) ([]MeterMessage, error)
}

// QueuedTx finds queued messages that are due, and makes others due.
type QueuedTx interface {
	// MessageDue reports whether any unclaimed message is due.
	MessageDue(now time.Time) (bool, error)
	// MessageClaim claims, until a moment, the first message that is due on a route and is at the head of its recipient's
	// queue. In a meter's queue a message that a route has had goes first; one that the meter rejected, and that waits for
	// another day, does not block the others.
	MessageClaim(route, owner string, now, until time.Time) (Message, bool, error)
	// MessagesStray lists due messages that need another route. These are queued and unknown messages that have no route or a route
	// in down. If mine is not empty, they are also all messages with a route outside mine that were due before stray.
	MessagesStray(mine, down []string, now, stray time.Time, max int) ([]Message, error)
	// MessagesWake makes due the messages of a telephone that wait because it could not be reached. It leaves out messages that were
	// tried in the last WakeEvery, and messages that have had MaxTriesWoken tries.
	MessagesWake(phone string, now time.Time) error
}

// CarriedTx reads the tokens that messages bring.
type CarriedTx interface {
	// VendTokens lists a meter's tokens, newest first, before the given one (zero: from the newest).
	VendTokens(meter int64, before id.ID, max int) ([]sale.Token, error)
	// TokenForPush returns a token with the number of its meter; found is false while it has no digits.
	TokenForPush(token id.ID) (t sale.Token, number string, found bool, err error)
	TokenSent(token id.ID) error
	// VendSale returns a sale.
	VendSale(sale id.ID) (sale.Sale, bool, error)
	// VendNumbered finds the sale of a receipt number; the zero identity for none.
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
	// VendTokens lists a meter's tokens, newest first, before the given one (zero: from the newest).
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
	// Arrivals counts messages from a telephone since a moment; AnswersTo counts the answers queued for it.
	Arrivals(phone string, since time.Time) (int, error)
	AnswersTo(phone string, since time.Time) (int, error)
	AnswersAbout(meter int64, since time.Time) (int, error)
	// MessagesOf counts messages of a purpose since a moment. It stops at the given maximum.
	MessagesOf(p Purpose, since time.Time, most int) (int, error)
	// Subscriptions lists the meters of all customers with a telephone number, at most max.
	Subscriptions(phone string, max int) ([]Subscription, error)
	// SetNotices stores whether the customers of a telephone number want warnings.
	SetNotices(phone string, on bool) error
	TenantSettings() (registry.Settings, error)
	MeterRecord(meter id.ID) (registry.MeterRecord, bool, error)
	// Readings returns a page of a meter's readings, newest first.
	Readings(meter int64, s metering.Span, after metering.After, max int) ([]metering.StoredReading, error)
	// WalletUsed returns a wallet meter's use on two local days, and in the month of the first.
	WalletUsed(meter int64, today, yesterday string) (WalletUse, error)
	// WalletFigures returns the settled balance and the live estimate of an account's wallet.
	WalletFigures(meter int64) (settled, available money.Amount, asOf time.Time, found bool, err error)
}

// OutcomeTx writes alarms and audit rows, and reads the tenants.
type OutcomeTx interface {
	// Tenants lists all tenants, whatever the transaction's own.
	Tenants() ([]access.Tenant, error)
	AuditLog(access.Entry) error
	RaiseAlarm(meter int64, a metering.Alarm) error
	// ClearAlarmText closes the open alarm of a meter (0: of none) with this code and text.
	ClearAlarmText(meter int64, code metering.AlarmCode, text string) error
}

// Subscription is a meter of a customer.
type Subscription struct {
	Customer  id.ID
	Lang      string
	Notices   bool
	Meter     id.ID
	N         int64
	Number    string
	Simulated bool
	Wallet    bool
	Menu      bool // its display has a menu that shows the use
	SIM       string
	Since     time.Time // when the customer's account was opened: earlier use is somebody else's
}

// Use is what a meter used in seven days.
type Use struct {
	Total, Yesterday unit.Energy
	Measured         bool
}

// WalletUse is a wallet meter's use, as the server rated it.
type WalletUse struct {
	Today, Yesterday unit.Energy
	Month            unit.Energy // by the meter's present account
	At               time.Time   // of the last rated reading; zero if there is none
}

// Total is the cost of a month's messages by one route.
type Total struct {
	Month, Route    string
	Messages, Parts int64
	Cost            int64 // in millionths of the currency's unit
}

// Filter selects the messages to list.
type Filter struct {
	Meter    int64
	Phone    string
	State    State
	Incoming *bool
	Vend     id.ID
}
