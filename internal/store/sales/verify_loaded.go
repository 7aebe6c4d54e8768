package sales

import (
	"math"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store/core"
)

// SaysLoaded is [metering.HasIt] in SQL: the condition that the result in a row proves that a meter has loaded a token. The parameter token
// is the SQL of the token's identity.
func SaysLoaded(row, token string) string {
	return `(` + row + `.result = '` + metering.ResultAccept + `' OR ` + row + `.result = '` + metering.ResultUsed + `' AND NOT EXISTS (
		SELECT 1 FROM reversal_token f WHERE f.tenant_id = ` + row + `.tenant_id AND f.token_id = ` + token + `))`
}

// loaded is the SQL condition that a report shows token t as loaded by its meter, even if the token's own row does not.
var loaded = `EXISTS (SELECT 1 FROM token_report p WHERE p.tenant_id = t.tenant_id AND p.meter = t.meter AND p.token_id = t.id AND ` +
	SaysLoaded("p", "p.token_id") + `)`

// Loaded reports whether a meter has reported a token of the sale as loaded, whatever the token's state.
func (tx Rows) Loaded(sale id.ID) (bool, error) {
	n, err := tx.Number(`SELECT COUNT(*) FROM token t WHERE t.tenant_id = $1 AND t.vend_id = $2 AND `+loaded, tx.Tenant, sale)
	return n > 0, fault.Wrap(err, "look for what a meter says of a sale")
}

// ReportLag is how long a report about a sale may still be on its way into the books when the sale is reversed.
const ReportLag = time.Minute

// Minute is the time layout in findings.
const Minute = "2006-01-02 15:04"

// ReversedAt returns when the last reversal of a sale began, according to the sealed log; zero if there was none. The time is also zero if
// the clock was set back since then, because later reports may then have an earlier time. An earlier time in a later seal proves that the
// clock was set back. An earlier time in the same seal proves nothing, because a seal does not show the order in which its rows were
// committed. A late seal may hold the rows of an hour.
func (tx Rows) ReversedAt(sale string) (at time.Time, err error) {
	const unsealed int64 = math.MaxInt64
	var n int64
	_, err = tx.One(`SELECT at, COALESCE(seal_n, $1) FROM audit WHERE tenant_id = $2 AND action = 'vend.reverse' AND object = $3 ORDER BY at DESC LIMIT 1`,
		func(w core.Row) error { at, n = w.Time(0), w.Int(1); return nil }, unsealed, tx.Tenant, sale)
	if err != nil || at.IsZero() {
		return at, err
	}
	back, err := tx.Number(`SELECT COUNT(*) FROM audit WHERE tenant_id = $1 AND COALESCE(seal_n, $2) > $3 AND at < $4`,
		tx.Tenant, unsealed, n, at.Add(-ReportLag))
	if back > 0 {
		return time.Time{}, err
	}
	return at, err
}
