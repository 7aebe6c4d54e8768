// Package access defines who acts and what they may do, and records what they did.
//
// Every use case takes an [Actor] after its context, calls [Actor.May] itself and writes its [Entry] in the transaction of
// the change. The adapters (api, web, gsm, cli) only authenticate: they turn a secret into an Actor.
package access

import (
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/id"
)

// Tenant is the dense number of a tenant. Every row of the store belongs to a tenant.
type Tenant int64

// Kind is the kind of an actor.
type Kind string

// Kinds of actors.
const (
	Person Kind = "person"
	APIKey Kind = "apikey"
	System Kind = "system"
	Device Kind = "device"
)

// Actor is an authenticated caller.
type Actor struct {
	Tenant    Tenant
	Kind      Kind
	ID        id.ID
	Name      string // for the audit log: "key till3", "amina@example.org", "system"
	Role      Role
	Vendor    id.ID // the vendor whose float this actor sells from; zero for the tenant itself
	IP        string
	RequestID string
	Answers   id.ID      // the person that an API key is for, or else the key's maker; zero if unknown
	Approval  id.ID      // the approval under which the actor acts; zero for none
	Entered   Secret     // what the second person entered with the approval; only for an [Executor]
	Session   id.ID      // the session of a person who signed in; zero for others
	Device    id.ID      // the counter device of a session that was opened with a PIN; zero for all others
	seen      string     // digest of what the second person was shown of the action; empty if unknown
	rehearsal *rehearsal // set while an approver looks at what the action would do; nothing is stored
	Stale     bool       // the person signed in too long ago for the rights of [Right.NeedsFreshProof]
}

// String names the actor in audit rows and on receipts.
func (a Actor) String() string {
	if a.Name == "" {
		return string(a.Kind)
	}
	return string(a.Kind) + " " + a.Name
}

// PlainName returns an actor's stored name as a sentence uses it: "API key till3" for "apikey till3", "amina@example.org" for
// "person amina@example.org".
func PlainName(stored string) string {
	if name, ok := strings.CutPrefix(stored, string(APIKey)+" "); ok {
		return "API key " + strings.TrimPrefix(name, "key ")
	}
	return strings.TrimPrefix(stored, string(Person)+" ")
}

// SystemActor is the program itself, or the person at its command line. It has every right, and its audit rows say from where
// it acted.
func SystemActor(t Tenant, name string) Actor {
	return Actor{Tenant: t, Kind: System, Name: name, Role: Owner}
}

// Entry starts the audit row of this actor's action on the object. The store adds id, time and leaf.
func (a Actor) Entry(action, object string) Entry {
	return Entry{Actor: a.String(), IP: a.IP, Action: action, Object: object}
}

// Entry is one audit row, before the store adds its id, time and leaf.
type Entry struct {
	At                    time.Time
	Actor, IP             string
	Action, Object        string
	Before, After, Reason string
	SinglePerson          bool
}

// Once identifies a request that moves money: by its caller, its key, and a hash of the request (method, path, canonical body, principal).
// The zero value means that the caller needs no replay.
type Once struct {
	Principal, Key string
	Hash           [32]byte
}

// StoredAnswer is a stored answer. Status 0 means the request is still running.
type StoredAnswer struct {
	Hash   [32]byte
	Status int
	Body   []byte // sealed; the holder of the data key opens it
}
