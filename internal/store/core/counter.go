package core

import "fmt"

// Names of the counters that this package uses. Other packages name their own counters, for example "receipt:<outlet>".
const (
	CounterAccount = "ledger_account"
)

// Take returns the next number of a counter of the tenant: 1, 2, 3 and so on. There are no gaps, because the number of a transaction that
// does not commit is used again.
func (tx *Tx) Take(counter string) (int64, error) {
	if tx.together != nil {
		return tx.takeTogether(counter)
	}
	n, err := tx.next(counter)
	if err != nil {
		return 0, fmt.Errorf("take the next %s number: %w", counter, err)
	}
	return n, nil
}

// next moves the counter and returns its new number. With one writer, the commit remembers the number and writes it once, at its end
// ([Fresh.Write]). Otherwise one statement writes and returns the number, which saves a round trip to the server and locks the row.
func (tx *Tx) next(counter string) (int64, error) {
	if tx.Before != nil {
		n := tx.cachedCounter(counter)
		if n == 0 {
			var err error
			if n, err = tx.Number(`SELECT value FROM counter WHERE tenant_id = $1 AND name = $2`, tx.Tenant, counter); err != nil {
				return 0, err
			}
		}
		if n > 0 {
			tx.CacheCounter(counter, n+1)
			return n + 1, nil
		}
	}
	return tx.Number(`INSERT INTO counter (tenant_id, name, value) VALUES ($1, $2, 1)
		ON CONFLICT (tenant_id, name) DO UPDATE SET value = counter.value + 1 RETURNING value`, tx.Tenant, counter)
}

// Write stores the numbers that the closures of a commit took. An engine with one writer calls Write after the last closure and before
// sealing.
func (f *Fresh) Write(tx *Tx) error {
	for counter, n := range f.cache.counters {
		if n == 0 { // the counter was deleted meanwhile
			continue
		}
		if err := tx.Must(`UPDATE counter SET value = $1 WHERE tenant_id = $2 AND name = $3 AND value < $1`, n, tx.Tenant, counter); err != nil {
			return fmt.Errorf("write the %s number: %w", counter, err)
		}
	}
	return nil
}
