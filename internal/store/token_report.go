package store

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/wire"
)

// ownToken is a token of ours as a report of it needs it.
type ownToken struct {
	id    id.ID
	state metering.TokenState
}

// takeToken keeps what a meter said of a token and draws the consequences: the token's state, the end of its delivery,
// or an alarm where nobody sold it.
func (tx *Tx) takeToken(r *metering.Record, store string) error {
	t := r.Rec.Token
	own, found, err := tx.reportedToken(r.Meter, t)
	if err != nil {
		return err
	}
	given := false
	if !found {
		if own.id, given, err = tx.takeGiven(r); err != nil {
			return err
		}
	}
	if err := tx.putTokenReport(r, store, own.id); err != nil {
		return err
	}
	if !found {
		if a := ghost(t, given); a != nil {
			return tx.RaiseAlarm(r.Meter, *a)
		}
		return nil
	}
	v := metering.JudgeToken(own.state, t.Result)
	if v.Alarm != nil {
		if err := tx.RaiseAlarm(r.Meter, *v.Alarm); err != nil {
			return err
		}
	}
	err = tx.must(`UPDATE token SET state = $1, result = $2, answered_at = $3, version = version + 1
		WHERE tenant_id = $4 AND id = $5`, string(v.State), t.Result, r.ReceivedAt, tx.Tenant, own.id)
	if err != nil {
		return fmt.Errorf("token %s answered %s: %w", own.id.Text(id.Token), t.Result, err)
	}
	if t.Result == "accept" {
		if err := tx.confirmKey(own.id); err != nil {
			return err
		}
	}
	if !v.Answered {
		return nil
	}
	return tx.dropDelivery(r.Number, own.id.Text(id.Token))
}

// reportedToken finds the token a report is about: by the request of our own delivery, else by its TID. A meter can
// only ever speak of tokens that were made for it.
func (tx *Tx) reportedToken(meter int64, t *wire.Token) (ownToken, bool, error) {
	var own ownToken
	row := func(r Row) error {
		own = ownToken{r.ID(0), signedState(r.Text(1), r.Text(2))}
		return nil
	}
	if asked, err := id.Parse(id.Token, t.Request); err == nil {
		found, err := tx.one(`SELECT id, state, result FROM token WHERE tenant_id = $1 AND id = $2 AND meter = $3`+tx.C.ForUpdate(), row, tx.Tenant, asked, meter)
		if err != nil || found {
			return own, found, wrapToken(err)
		}
	}
	if t.TID == nil || t.Class == nil || t.SubClass == nil {
		return ownToken{}, false, nil
	}
	found, err := tx.one(`SELECT id, state, result FROM token WHERE tenant_id = $1
		AND meter_key_id IN (SELECT k.id FROM meter_key k WHERE k.tenant_id = $1 AND k.meter = $2) AND tid = $3
		AND ($4 = 0 OR base_date = $4) AND class = $5 AND subclass = $6 ORDER BY issued_at DESC LIMIT 1`+tx.C.ForUpdate(),
		row, tx.Tenant, meter, *t.TID, t.BaseDate, *t.Class, *t.SubClass)
	return own, found, wrapToken(err)
}

// signedState is how far a token has come by what the meter has signed: one that was only heard of by SMS was sent, and what
// the meter says of it now takes the place of that.
func signedState(state, result string) metering.TokenState {
	if metering.TokenState(state) == metering.TokenAccepted && result == metering.ResultHeard {
		return metering.TokenSent
	}
	return metering.TokenState(state)
}

func wrapToken(err error) error {
	if err != nil {
		return fmt.Errorf("find the reported token: %w", err)
	}
	return nil
}

func (tx *Tx) putTokenReport(r *metering.Record, store string, own id.ID) error {
	t := r.Rec.Token
	_, err := tx.C.Exec(`INSERT INTO token_report (tenant_id, meter, store, seq, at, received_at, tid, base_date, class, subclass,
		result, source, request, units_wh, balance_wh, token_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) ON CONFLICT DO NOTHING`,
		tx.Tenant, r.Meter, store, int64(t.Seq), time.Unix(t.At, 0), r.ReceivedAt, t.TID, t.BaseDate, t.Class, t.SubClass,
		t.Result, t.Source, t.Request, t.UnitsWh, t.BalanceWh, own)
	if err != nil {
		return fmt.Errorf("write token report: %w", err)
	}
	return nil
}

// dropDelivery ends the delivery of a token or command that its meter has answered. Items are few per meter, so they
// are looked through in Go rather than by searching in JSON.
func (tx *Tx) dropDelivery(key, object string) error {
	var done []id.ID
	err := tx.C.Query(`SELECT id, body FROM outbox WHERE tenant_id = $1 AND lane = $2 AND key = $3`, func(r Row) error {
		var b job.Body
		if err := json.Unmarshal([]byte(r.Text(1)), &b); err == nil && b.Names(object) {
			done = append(done, r.ID(0))
		}
		return nil
	}, tx.Tenant, job.LaneMQTT, key)
	if err != nil {
		return fmt.Errorf("look for the delivery of %s: %w", object, err)
	}
	for _, i := range done {
		if _, err := tx.OutboxDrop(i); err != nil {
			return err
		}
	}
	return nil
}
