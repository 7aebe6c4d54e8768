package store

import "fmt"

// Names of the counters that this package takes from. Others name their own, "receipt:<outlet>" for example.
const (
	counterAccount = "ledger_account"
)

// Take gives the next number of a counter of the tenant: 1, 2, 3 and so on, dense, because a number taken by a
// transaction that does not commit is given again.
func (tx *Tx) Take(counter string) (int64, error) {
	n, err := tx.number(`INSERT INTO counter (tenant_id, name, value) VALUES ($1, $2, 1)
		ON CONFLICT (tenant_id, name) DO UPDATE SET value = counter.value + 1 RETURNING value`, tx.Tenant, counter)
	if err != nil {
		return 0, fmt.Errorf("take the next %s number: %w", counter, err)
	}
	return n, nil
}
