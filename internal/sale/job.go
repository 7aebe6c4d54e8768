package sale

import (
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/unit"
)

// JobKind is the purpose of tokens that nobody buys.
type JobKind string

// Kinds of jobs.
const (
	FreeIssue   JobKind = "free"         // units that are given away
	Replacement JobKind = "replacement"  // units that were paid for before, after a meter was swapped or a balance was lost
	KeyChange   JobKind = "key_change"   // the set that gives a meter its next key
	ClearCredit JobKind = "clear_credit" // engineering tokens
	ClearTamper JobKind = "clear_tamper"
	PowerLimit  JobKind = "power_limit"
)

// GivesUnits reports whether tokens of this kind carry energy.
func (k JobKind) GivesUnits() bool { return k == FreeIssue || k == Replacement }

// Job is a request for tokens that nobody buys.
type Job struct {
	ID          id.ID
	Ref         string // reference of the request, unique forever
	Kind        JobKind
	Meter       MeterRef
	Account     id.ID
	Key         id.ID // the meter key under which the tokens are made
	NewKey      id.ID // the meter's next key, for a key change
	Replaces    id.ID // the token that this job replaces automatically; zero if somebody requested the job
	Units       unit.Energy
	Value       int64 // watts of a power limit
	ReasonCode  string
	Reason      string
	By          string
	ApprovedBy  string
	State       State // Held, Completed or Failed
	Failure     refusal.Code
	CreatedAt   time.Time
	CompletedAt time.Time
	Tokens      []Token

	Unplanned *registry.Key // the new key of a key change, if the meter does not have this key yet
}
