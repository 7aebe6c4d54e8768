package sales

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/wire"
)

// ReportedToken finds and locks the token that a report is about: by the request of our own delivery or, without one, by the token's TID.
// It finds only tokens that were made for this meter and external tokens of this meter.
func (tx Rows) ReportedToken(meter int64, t *wire.Token) (own metering.OwnToken, found bool, err error) {
	row := func(r core.Row) error {
		own.ID, own.State, own.Class = r.ID(0), metering.TokenState(r.Text(1)), uint8(r.Int(2))
		return nil
	}
	for _, from := range []struct{ table, meters, order string }{
		{`token`, `meter_key_id IN (SELECT k.id FROM meter_key k WHERE k.tenant_id = $1 AND k.meter = $2)`, `issued_at`},
		{`given_token`, `meter = $2`, `created_at`},
	} {
		if asked, no := id.Parse(id.Token, t.Request); no == nil {
			found, err = tx.One(`SELECT id, state, class FROM `+from.table+` WHERE tenant_id = $1 AND id = $2 AND meter = $3`+tx.C.ForUpdate(), row,
				tx.Tenant, asked, meter)
		}
		if err == nil && !found && t.TID != nil && t.Class != nil && t.SubClass != nil {
			found, err = tx.One(`SELECT id, state, class FROM `+from.table+` WHERE tenant_id = $1 AND `+from.meters+` AND tid = $3
				AND ($4 = 0 OR base_date = $4) AND class = $5 AND subclass = $6 ORDER BY `+from.order+` DESC LIMIT 1`+tx.C.ForUpdate(),
				row, tx.Tenant, meter, *t.TID, t.BaseDate, *t.Class, *t.SubClass)
		}
		if err != nil {
			return metering.OwnToken{}, false, fmt.Errorf("find the reported token: %w", err)
		}
		own.Elsewhere = from.table == `given_token`
		if found {
			return own, true, nil
		}
	}
	return metering.OwnToken{}, false, nil
}

// TokenAnswered stores the state of a token and its meter's answer, signed or by SMS.
func (tx Rows) TokenAnswered(token metering.OwnToken, state metering.TokenState, result string, at time.Time) error {
	table := `token`
	if token.Elsewhere {
		table = `given_token`
	}
	return tx.Must(`UPDATE `+table+` SET state = $1, result = $2, answered_at = $3, version = version + 1 WHERE tenant_id = $4 AND id = $5`,
		string(state), result, at, tx.Tenant, token.ID)
}
