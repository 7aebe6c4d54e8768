package ledger

import "github.com/paywatt/paywatt/internal/id"

// Books are the ledger accounts and journals of a transaction.
type Books interface {
	NewID() (id.ID, error)
	// Post writes a journal and moves the balances of limited accounts; a limit that forbids it comes back as Breach.
	Post(Journal) (Breach, error)
	// PostTogether is Post for journals that stand or fall together: a limit judges their sum.
	PostTogether(...Journal) (Breach, error)
	// Balance is the signed balance of an account, debit positive.
	Balance(AccountRef) (Minor, error)
	// Headroom is what a limited account holds and how much more it could give.
	Headroom(AccountRef) (Headroom, error)
	// JournalByRef reads the journal of an operation.
	JournalByRef(k Kind, ref string) (Journal, bool, error)
	// Currency is the tenant's, empty while it has none.
	Currency() (code string, exp int, err error)
}

// Headroom is what an account with a limit holds and how much more it could give.
type Headroom struct {
	Balance Minor // signed, debit positive
	Held    Minor // reserved by open sales
	Left    Minor // what is left to the limit after holds; negative beyond a lowered limit
}

// Enter posts a journal under a new identity, which it returns. No limit may stand in its way: a breach is an error.
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
