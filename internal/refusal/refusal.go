// Package refusal is the typed "no" of every use case. A refusal is an answer, not an error. Its code is the stable name of the rule
// that refused. Its text says what happened, what did not happen and what to do next.
//
// A use case's result embeds [Refusal]. The store rolls back all writes of a refused closure. Errors are for failures. Only
// [Code.Status] and [Code.Exit] map codes to HTTP statuses and exit codes.
package refusal

import "strings"

// Code is a stable name, in kebab case, of a rule that refuses. API clients branch on codes, so never rename one.
type Code string

// The codes. docs/reference/http.md#errors explains them.
const (
	MeterNotFound         Code = "meter-not-found"
	MeterBlocked          Code = "meter-blocked"
	MeterExists           Code = "meter-exists"
	MeterNumberInvalid    Code = "meter-number-invalid"
	AccountClosed         Code = "account-closed"
	ReadingHeld           Code = "reading-held"
	VendTooSmall          Code = "vend-too-small"
	VendTooLarge          Code = "vend-too-large"
	DailyLimit            Code = "daily-limit"
	InsufficientFloat     Code = "insufficient-float"
	VendorExists          Code = "vendor-exists"
	VendorBlocked         Code = "vendor-blocked"
	ShiftOpen             Code = "shift-open"
	ShiftClosed           Code = "shift-closed"
	DayOpen               Code = "day-open"
	PaymentNotFound       Code = "payment-not-found"
	PaymentState          Code = "payment-state"
	VoucherNotFound       Code = "voucher-not-found"
	VoucherUsed           Code = "voucher-used"
	VoucherState          Code = "voucher-state"
	ProviderNotFound      Code = "provider-not-found"
	ProviderExists        Code = "provider-exists"
	ProviderInvalid       Code = "provider-invalid"
	StatementInvalid      Code = "statement-invalid"
	ReconcileTooEarly     Code = "reconcile-too-early"
	DifferenceNotFound    Code = "difference-not-found"
	DifferenceState       Code = "difference-state"
	WebhookNotFound       Code = "webhook-not-found"
	WebhookDisabled       Code = "webhook-disabled"
	WebhookInvalid        Code = "webhook-invalid"
	CommissionTooHigh     Code = "commission-too-high"
	ApprovalInvalid       Code = "approval-invalid"
	MakerNotInForce       Code = "maker-not-in-force"
	AlreadyDecided        Code = "already-decided"
	ApprovalChanged       Code = "approval-changed"
	KeyChangePending      Code = "key-change-pending"
	TariffMissing         Code = "tariff-missing"
	TariffExists          Code = "tariff-exists"
	TariffInvalid         Code = "tariff-invalid"
	KeyMissing            Code = "vending-key-missing"
	KeyExists             Code = "vending-key-exists"
	KeyExpired            Code = "key-expired"
	KeyTypeForbidden      Code = "key-type-forbidden"
	KeyChangeRequired     Code = "key-change-required"
	BaseDateExpired       Code = "base-date-expired"
	TooManyTokens         Code = "too-many-tokens"
	ClockUntrusted        Code = "clock-untrusted"
	ClockTrusted          Code = "clock-trusted"
	ChargeExists          Code = "charge-exists"
	FBEAlreadyIssued      Code = "fbe-already-issued"
	VendInProgress        Code = "vend-in-progress"
	VendNotFound          Code = "vend-not-found"
	NotSealedYet          Code = "not-sealed-yet"
	NotReversible         Code = "not-reversible"
	AlreadyReversed       Code = "already-reversed"
	IdempotencyKeyMissing Code = "idempotency-key-missing"
	IdempotencyKeyInvalid Code = "idempotency-key-invalid"
	IdempotencyKeyReused  Code = "idempotency-key-reused"
	IdempotencyRunning    Code = "idempotency-key-in-flight"
	ClientRefReused       Code = "client-ref-reused"
	QuoteExpired          Code = "quote-expired"
	MeterOffline          Code = "meter-offline"
	KeystoreLocked        Code = "keystore-locked"
	TimeZoneUnknown       Code = "time-zone-unknown"
	StorageUnavailable    Code = "storage-unavailable"
	StorageFull           Code = "storage-full"
	OutcomeUnknown        Code = "outcome-unknown"
	CurrencyMismatch      Code = "currency-mismatch"
	AmountInvalid         Code = "amount-invalid"
	InvalidRequest        Code = "invalid-request"
	Unauthenticated       Code = "unauthenticated"
	Forbidden             Code = "forbidden"
	SignInAgain           Code = "sign-in-again"
	NotFound              Code = "not-found"
	RateLimited           Code = "rate-limited"
	TooLarge              Code = "too-large"
	TokenUnfit            Code = "token-unfit"
	MessageAnswered       Code = "message-answered"
	IssuerUnknown         Code = "issuer-outcome-unknown"
	IssuerRefused         Code = "issuer-refused"
	ImportUnreadable      Code = "import-unreadable"
	ImportRow             Code = "import-row"
	ImportedBefore        Code = "imported-before"
	RowUsed               Code = "row-used"
	ConfigBroken          Code = "config-broken"
	DatabaseInUse         Code = "database-in-use"
	DatabaseNewer         Code = "database-newer"
	DatabaseAway          Code = "database-away"
	CertificateUnusable   Code = "certificate-unusable"
	ListenerClosed        Code = "listener-closed"
	FolderUnwritable      Code = "folder-unwritable"
	DeviceNameTaken       Code = "device-name-taken"
	Internal              Code = "internal"
)

// Refusal is a rule's "no". The zero value means yes. The package refuse has a constructor for each refusal.
type Refusal struct {
	Code Code
	// Text is the name of the refusal's text in the catalogue, and Args are the values of the places in that text. With both, a page can
	// show the refusal in another language.
	Text string
	Args []Arg
	// Instead is the name of another text in the catalogue, which says what did not happen. It is empty if the refusal's own text says it.
	Instead string `json:",omitempty"`
	// Within is a refusal whose sentences fill the places "what" and "try" of this one. It is nil for none.
	Within *Refusal `json:",omitempty"`
	// What says what happened, in one sentence for a person.
	What string
	// Not says what did not happen ("no money was taken and no token was made").
	Not string
	// Try says what to do next.
	Try string
}

// Arg is the value of a place in a text, such as "04140001001" for the place "meter". Of is the time, amount of money or energy that Value writes
// in English, so that a page can write it in its own form. It is nil for other values.
type Arg struct {
	Place, Value string
	Of           any `json:"-"`
}

// Refused reports whether this is a "no". The store rolls back a closure whose result is refused.
func (r Refusal) Refused() bool { return r.Code != "" }

// Detail joins the sentences for a problem document.
func (r Refusal) Detail() string {
	s := r.What
	for _, more := range []string{r.Not, r.Try} {
		if more == "" {
			continue
		}
		if s != "" {
			s += " "
		}
		s += more
	}
	return s
}

// Status returns the HTTP status of the code.
func (c Code) Status() int {
	switch c {
	case IdempotencyKeyMissing, IdempotencyKeyInvalid, InvalidRequest:
		return 400
	case Unauthenticated:
		return 401
	case Forbidden, SignInAgain:
		return 403
	case MeterNotFound, VendNotFound, NotFound, PaymentNotFound, VoucherNotFound, ProviderNotFound, WebhookNotFound, DifferenceNotFound:
		return 404
	case TooLarge:
		return 413
	case ImportUnreadable, ImportRow, ProviderInvalid, WebhookInvalid, StatementInvalid, IdempotencyKeyReused, MeterNumberInvalid, TariffInvalid, AmountInvalid, VendTooSmall, VendTooLarge:
		return 422
	case RateLimited:
		return 429
	case KeystoreLocked, StorageUnavailable, StorageFull, OutcomeUnknown, IssuerUnknown, ConfigBroken, DatabaseInUse, DatabaseNewer,
		DatabaseAway, CertificateUnusable, ListenerClosed, FolderUnwritable, TimeZoneUnknown:
		return 503
	case Internal:
		return 500
	default:
		return 409
	}
}

// Exit returns the command line's exit code. 2 means wrong usage, 3 not found, 4 refused by a rule, 5
// unreachable, and 1 any other failure.
func (c Code) Exit() int {
	switch s := c.Status(); {
	case s == 400, s == 413:
		return 2
	case s == 404:
		return 3
	case s == 500:
		return 1
	case s == 503 && c != KeystoreLocked:
		return 1
	default:
		return 4
	}
}

// maxEcho is the largest number of bytes of a caller's text that a refusal repeats.
const maxEcho = 40

// idPrefix is the number of bytes before the random part of an identity.
const idPrefix = 4

// Echo prepares a caller's text for a refusal or an error that repeats the text. It cuts the text after maxEcho bytes and makes
// it valid UTF-8. Digits that could be a token are masked, wherever somebody typed them; an identity (mtr_…) stays.
func Echo(text string) string {
	if len(text) < idPrefix || text[idPrefix-1] != '_' {
		text = MaskRuns(text)
	}
	if len(text) > maxEcho {
		text = text[:maxEcho] + "…"
	}
	return strings.ToValidUTF8(text, "?")
}
