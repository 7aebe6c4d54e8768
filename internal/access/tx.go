package access

import (
	"io"
	"time"

	"github.com/paywatt/paywatt/internal/id"
)

// Tx is what the use cases of this package need of a transaction. Every method sees only the transaction's tenant, except
// KeyByHash, because the key names the tenant.
type Tx interface {
	EyesTx
	// ApprovalPage lists approvals in a state (empty: in every state), newest first. The parameter before is
	// the id of an approval: only older approvals are listed, and zero begins with the newest.
	ApprovalPage(state ApprovalState, before id.ID, max int) ([]Approval, error)

	AddKey(k Key, hash [32]byte) error
	// KeyByHash looks in all tenants.
	KeyByHash(hash [32]byte) (Key, bool, error)
	KeyPage(after id.ID, max int) ([]Key, error)
	// Keys reaches the rows of API keys to end them.
	Keys() KeyTx
	VendorExists(vendor id.ID) (bool, error)

	// Devices reaches the rows of counter devices.
	Devices() DeviceTx
	// People returns the transaction for adding and changing people.
	People() PeopleTx
	PersonByEmail(email string) (PersonRow, bool, error)

	AddLogin(l Login, hash [32]byte) error
	// LoginByHash returns the session and its person.
	LoginByHash(hash [32]byte) (Login, PersonRow, bool, error)
	SeeLogin(hash [32]byte, at time.Time) error
	// DropLogin reports whether such a session existed.
	DropLogin(hash [32]byte) (bool, error)
	// DropLoginsOf ends a person's sessions that are past their end, or that were last seen at the time idle or earlier. It then ends the
	// oldest remaining sessions until at most keep sessions are left.
	DropLoginsOf(person id.ID, now, idle time.Time, keep int) error
}

// KeyTx stores what happens to API keys after they were made.
type KeyTx interface {
	// RevokeKey reports whether such a key existed and was not revoked before.
	RevokeKey(key id.ID, at time.Time) (bool, error)
	// EndKey makes a key expire at a time.
	EndKey(key id.ID, at time.Time) error
	// GiveKey makes a person answer for a key.
	GiveKey(key, person id.ID) error
	// SeeKey stores when a key was last used.
	SeeKey(key id.ID, at time.Time) error
}

// DeviceTx is what counter devices need of a transaction.
type DeviceTx interface {
	AddDevice(d CounterDevice, hash [32]byte) error
	// DeviceByHash finds a device, and LockDevice and DeviceByID also lock it. All find revoked devices too.
	DeviceByHash(hash [32]byte) (CounterDevice, bool, error)
	LockDevice(hash [32]byte) (CounterDevice, bool, error)
	DeviceByID(device id.ID) (CounterDevice, bool, error)
	// DevicesOf lists a person's devices that are not revoked, in the order in which they were registered.
	DevicesOf(person id.ID) ([]CounterDevice, error)
	// CountPIN stores the tries and the last use of a device.
	CountPIN(d CounterDevice) error
	// RevokeDevice revokes a device and ends its sessions.
	RevokeDevice(device id.ID, at time.Time) error
}

// PeopleTx is what adding and changing people needs of a transaction.
type PeopleTx interface {
	AddPersonRow(p PersonRow) error
	// LockPerson reads and locks a person who is to be changed.
	LockPerson(person id.ID) (PersonRow, bool, error)
	// PutPerson writes a person's role, password, second factor, status, standing and link.
	PutPerson(p PersonRow) error
	// PersonByLink finds the person to whom an open one-time link belongs, even if the link has expired.
	PersonByLink(hash [32]byte) (PersonRow, bool, error)
	// PersonPage lists people in the order in which they were added, after the given person.
	PersonPage(after id.ID, max int) ([]PersonRow, error)
	// ActivePeople counts the people who can sign in and hold one of the roles.
	ActivePeople(roles ...Role) (int, error)
	// LoginsOf lists a person's sessions, even expired sessions.
	LoginsOf(person id.ID) ([]Login, error)
	// SessionTimes returns the tenant's times of sessions.
	SessionTimes() (SessionTimes, error)
	// BindFourEyes stores the rights that need a second person from now on.
	BindFourEyes(bound []Right) error
	// ReleaseFourEyes removes the setting of four eyes, so that the default holds.
	ReleaseFourEyes() error
}

// Config is what an Access needs.
type Config struct {
	Door Door[Tx]
	Now  func() time.Time
	Rand io.Reader // safe for concurrent use, as crypto/rand.Reader is
	// Hasher makes the stored forms of API keys and sessions.
	Hasher Hasher
	// Vault seals second factors. Only signing in needs it.
	Vault Vault
	// FactorOptional lets everybody sign in without a second factor. Test installations set it.
	FactorOptional bool
	// Argon is the cost of people's passwords; zero means DefaultArgon. Tests lower it.
	Argon Argon
}

// Access carries out the use cases of keys, people, signing in and out, and approvals.
type Access struct {
	c     Config
	decoy string    // a password hash, see decoyHash
	doers Executors // executors of approved actions
	about About     // says what the object of an action is
}

// New makes an Access. It fails if Rand fails.
func New(c Config) (*Access, error) {
	if c.Argon == (Argon{}) {
		c.Argon = DefaultArgon()
	}
	decoy, err := decoyHash(c.Argon, c.Rand)
	if err != nil {
		return nil, err
	}
	return &Access{c: c, decoy: decoy}, nil
}
