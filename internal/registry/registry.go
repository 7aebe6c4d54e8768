// Package registry holds customers, service points, accounts, meters with their keys by reference, tariffs and the tenant's
// settings. Start at [Registry].
//
// A meter is named by its number or its id. Secrets (MQTT password, link key, decoder key of a virtual meter) are made here,
// returned once in [Added] and stored only as a hash or sealed. [MeterView] computes the state of a meter from its last
// report and whether it is connected. This package does not talk to meters.
//
// Other packages do the rest: vending sells, metering handles messages of meters, and command sends commands to them.
package registry

import (
	"fmt"
	"io"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/sts"
)

// Mode is how a supply is paid for.
type Mode string

// Payment modes.
const (
	PrepayToken  Mode = "prepay_token"  // units in the meter, bought as tokens
	PrepayWallet Mode = "prepay_wallet" // money on the server, which switches the meter
	Postpay      Mode = "postpay"
)

// Known reports whether m is a payment mode.
func (m Mode) Known() bool { return m == PrepayToken || m == PrepayWallet || m == Postpay }

// Status is the stage of a meter's life.
type Status string

// Stages of a meter's life. A new meter is Active at once unless it is put into Stock.
const (
	Stock        Status = "stock"
	Installed    Status = "installed"
	Commissioned Status = "commissioned"
	Active       Status = "active"
	Blocked      Status = "blocked" // another meter took its place: it takes no tokens and supplies nobody, but may still report
	Removed      Status = "removed" // somebody took it off the wall
	Scrapped     Status = "scrapped"
)

// Statuses lists the stages in their order.
func Statuses() []Status {
	return []Status{Stock, Installed, Commissioned, Active, Blocked, Removed, Scrapped}
}

// MayBecome reports whether a meter of this status may get another one. docs/operate/running.md#the-life-of-a-meter says what does it, and a test
// compares the two.
func (s Status) MayBecome(next Status) bool {
	switch s {
	case Stock:
		return next == Active || next == Scrapped
	case Installed:
		return next == Active || next == Removed
	case Active:
		return next == Installed || next == Blocked
	case Blocked:
		return next == Removed
	case Removed:
		return next == Scrapped
	}
	return false
}

// IsGone reports whether a meter was removed or scrapped: it cannot sign in, and lists leave it out.
func (s Status) IsGone() bool { return s == Removed || s == Scrapped }

// HasLeft reports whether a meter no longer supplies the account that its row names: another meter took its place, or it is gone.
func (s Status) HasLeft() bool { return s == Blocked || s.IsGone() }

// Meter is the registered data of a meter, not what it reports.
type Meter struct {
	ID              id.ID
	N               int64  // dense private number, which readings, tokens and commands carry
	Number          string // canonical: digits only
	Mode            Mode
	Status          Status
	Account         id.ID
	Model           string
	Phases          int
	ImpPerKWh       int64  // impulses per kilowatt-hour
	TT              string // token technology as receipts print it: "02" numeric keypad
	Simulated       bool   // the meter has its own clock, and everything about it is marked TEST
	SIM             string // number of the SIM in the meter's own modem; empty without one
	Profile         string // device profile of a meter that does not speak Paywatt's own messages
	ReadingInterval time.Duration
	ConfigVersion   int64
	CreatedAt       time.Time
	Version         int64
	NextLinkAt      time.Time // since when a next link key is in use beside the present one; zero if none is
	NextPasswordAt  time.Time // since when a next MQTT password waits to be used first; zero if none does
	LoginEndsAt     time.Time // from when on the meter may no longer sign in; zero for never
}

// Key is a meter's STS key by reference: the vending key and the attributes that make it. It holds no key material.
type Key struct {
	ID       id.ID
	Meter    int64
	SGC      string
	KRN      uint8
	KT       sts.KeyType
	TI       string
	KEN      uint8
	EA       sts.EA
	DKGA     sts.DKGA
	BaseDate sts.BaseDate
	From     time.Time
	State    string  // planned, issued, current, past
	LastTID  sts.TID // newest TID that was used, or may have been used, under the key; 0 for none
}

// Facts names a key by what it is made from, and never shows the key itself.
func (k Key) Facts() string {
	return fmt.Sprintf("SGC %s, KRN %d, TI %s, KT %d, KEN %d, DKGA %s, base date %s", k.SGC, k.KRN, k.TI, k.KT, k.KEN, k.DKGA, k.BaseDate)
}

// Attributes returns the data from which the decoder key of the meter with this number is derived. It fails for an invalid STS meter
// number.
func (k Key) Attributes(number string) (sts.Attributes, error) {
	pan, err := sts.ParseNumber(number)
	if err != nil {
		return sts.Attributes{}, err
	}
	return sts.Attributes{SGC: k.SGC, KRN: k.KRN, KT: k.KT, TI: k.TI, EA: k.EA, DKGA: k.DKGA, BaseDate: k.BaseDate, PAN: pan}, nil
}

// Customer is the person who pays for one or more accounts.
type Customer struct {
	ID        id.ID
	Name      string
	Phone     string // as dialled, with country code
	IDNo      string
	Lang      string
	Stopped   bool // the customer wants no warnings (STOP)
	CreatedAt time.Time
	// PhoneSince is when the telephone number was registered, by the store's clock; zero for none, and for one that was registered before the server
	// took note of it. Only the store sets it.
	PhoneSince time.Time
}

// AccountActive is the status of an account that buys and is charged.
const AccountActive = "active"

// Account is the contract of one customer at one service point.
type Account struct {
	ID       id.ID
	Customer id.ID
	Point    id.ID
	Mode     Mode
	Tariff   id.ID
	Status   string
	OpenedAt time.Time
	CreditIn CreditLeft // of a keypad meter, when the account was opened
}

// Identity is a meter that has authenticated when it connected.
type Identity struct {
	Tenant    access.Tenant
	Meter     int64
	Number    string
	Simulated bool
	Login     string // the stored form of the password with which it signed in; empty for any other way
}

// Login is with what a meter may sign in.
type Login struct {
	Who            Identity
	Status         Status
	Password, Next []byte    // stored forms of its MQTT passwords; nil for none
	EndsAt         time.Time // from when on it may no longer sign in; zero for never
}

// Sealer seals small secrets with the data key. The context binds a sealed text to its place.
type Sealer interface {
	Seal(context string, plain []byte) []byte
	Open(context string, sealed []byte) ([]byte, error)
	Hash(context string, data []byte) []byte
}

// TestKeys returns the decoder key of a virtual meter under a test vending key. ok is false for a real or unknown vending
// key, and while the key store is locked.
type TestKeys interface {
	DecoderKey(a sts.Attributes) (key sts.Key, ok bool)
}

// Config is what a Registry needs; every field is required.
type Config struct {
	Door      access.Door[Tx]
	Sealer    Sealer
	TestKeys  TestKeys
	Connected func(number string) bool // whether the meter holds a connection right now
	Now       func() time.Time
	Rand      io.Reader // must be safe for concurrent use, like crypto/rand.Reader
}

// Registry carries out the use cases of this package.
type Registry struct{ c Config }

// New makes a Registry.
func New(c Config) *Registry { return &Registry{c: c} }

// LinkKeyContext is the sealing context of a meter's link key.
func LinkKeyContext(meter id.ID) string { return "link:" + meter.Text(id.Meter) }

// NextLinkKeyContext is the sealing context of the key that replaces a meter's link key. It differs from the other one, so that
// nobody can swap the two in the database.
func NextLinkKeyContext(meter id.ID) string { return "next-link:" + meter.Text(id.Meter) }
