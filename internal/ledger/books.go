package ledger

import "github.com/paywatt/paywatt/internal/id"

// Books are the ledger accounts and journals of a transaction.
type Books interface {
	NewID() (id.ID, error)
	// Post writes a journal and updates the balances of limited accounts. If a limit forbids it, Post writes nothing and returns the
	// Breach.
	Post(Journal) (Breach, error)
	// PostTogether writes all the journals or none. It checks the limits against their sum.
	PostTogether(...Journal) (Breach, error)
	// Balance returns the signed balance of an account, debit positive.
	Balance(AccountRef) (Minor, error)
	// Headroom returns the balance of a limited account and how much is left up to the limit.
	Headroom(AccountRef) (Headroom, error)
	// JournalByRef reads the journal of an operation.
	JournalByRef(k Kind, ref string) (Journal, bool, error)
	// Currency returns the tenant's currency; empty if it has none yet.
	Currency() (code string, exp int, err error)
}

// Headroom is the balance of an account with a limit and how much is left up to the limit.
type Headroom struct {
	Balance Minor // signed, debit positive
	Held    Minor // amount reserved by open sales
	Left    Minor // amount left up to the limit after holds; negative if the limit was lowered below the balance
}

// Enter posts a journal under a new identity and returns the identity. A breach of a limit is an error here.
func Enter(b Books, j Journal) (id.ID, error) {
	var err error
	if j.ID, err = b.NewID(); err != nil {
		return id.ID{}, err
	}
	breach, err := b.Post(j)
	if err == nil && breach.Refused() {
		err = breach.Err(j)
	}
	return j.ID, err
}
