package sales

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/recharge"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

var externalColumns = core.Columns[tokenRow]{Table: "given_token", Unattested: []core.Column[tokenRow]{
	core.ID("id", func(t *tokenRow) *id.ID { return &t.ID }),
	core.Int("meter", func(t *tokenRow) *int64 { return &t.Meter }),
	core.Int("tid", func(t *tokenRow) *sts.TID { return &t.TID }).ReadOnly(),
	core.Int("base_date", func(t *tokenRow) *sts.BaseDate { return &t.BaseDate }),
	core.Int("class", func(t *tokenRow) *uint8 { return &t.Class }),
	core.Int("subclass", func(t *tokenRow) *uint8 { return &t.SubClass }),
	core.Int("units_wh", func(t *tokenRow) *unit.Energy { return &t.Units }),
	core.Text("state", func(t *tokenRow) *sale.TokenState { return &t.State }),
	core.Text("result", func(t *tokenRow) *string { return &t.Result }).ReadOnly(),
	core.Time("created_at", func(t *tokenRow) *time.Time { return &t.IssuedAt }),
	core.Bytes("digits_enc", func(t *tokenRow) *sale.Sealed { return &t.Sealed }),
	core.Bytes("digits_hash", func(t *tokenRow) *[]byte { return &t.Hash }),
	{Name: "by_actor", Form: 't'},
	{Name: "sent_at", Form: 'i'},
	{Name: "answered_at", Form: 'i'},
	{Name: "version", Form: 'i'},
}}

// externalQuery reads external tokens.
var externalQuery = `SELECT ` + externalColumns.List("") + ` FROM given_token WHERE tenant_id = $1 AND `

func scanExternal(r core.Row, t *tokenRow) error {
	t.Elsewhere = true
	_, err := externalColumns.Scan(r, 0, t)
	return err
}

// AddExternalToken stores an external token.
func (tx Rows) AddExternalToken(g recharge.ExternalToken) error {
	var tid *int64
	if g.HasTID {
		n := int64(g.TID)
		tid = &n
	}
	_, err := tx.C.Exec(`INSERT INTO `+externalColumns.Into("tid", "by_actor"), externalColumns.Values(tx.Tenant, &g.Token, tid, g.By)...)
	return fault.Wrap(err, "store an external token")
}

// ExternalTokenByHash finds an external token by the hash of its digits.
func (tx Rows) ExternalTokenByHash(meter int64, hash []byte) (token id.ID, found bool, err error) {
	found, err = tx.One(`SELECT id FROM given_token WHERE tenant_id = $1 AND meter = $2 AND digits_hash = $3`,
		func(r core.Row) error { token = r.ID(0); return nil }, tx.Tenant, meter, hash)
	return token, found, fault.Wrap(err, "find an external token by its digits")
}

// externalToken reads an external token.
func (tx Rows) externalToken(token id.ID) (t sale.Token, found bool, err error) {
	found, err = tx.One(externalQuery+`id = $2`, func(r core.Row) error { return scanExternal(r, &t) }, tx.Tenant, token)
	return t, found, fault.Wrap(err, "find external token %s", token.Text(id.Token))
}

// MeterTokens lists a meter's tokens, including external tokens, newest first. The list begins with the first token that is older than the
// given token, or with the newest token if the given identity is zero.
func (tx Rows) MeterTokens(meter int64, before id.ID, max int) ([]sale.Token, error) {
	out, err := tx.VendTokens(meter, before, max)
	if err != nil {
		return nil, err
	}
	err = tx.C.Query(externalQuery+`meter = $2 AND id < $3 ORDER BY id DESC LIMIT $4`,
		func(r core.Row) error {
			out = append(out, sale.Token{})
			return scanExternal(r, &out[len(out)-1])
		}, tx.Tenant, meter, core.UpTo(before), max)
	if err != nil {
		return nil, fmt.Errorf("list external tokens of meter %d: %w", meter, err)
	}
	slices.SortFunc(out, func(a, b sale.Token) int { return bytes.Compare(b.ID[:], a.ID[:]) })
	return out[:min(len(out), max)], nil
}

// TokenTimes returns when a token was last handed to its meter's connection and when the meter answered; zero means never. The third result
// is true for an external token.
func (tx Rows) TokenTimes(token id.ID) (sent, answered time.Time, given bool, err error) {
	for _, table := range []string{"token", "given_token"} {
		found, err := tx.One(`SELECT sent_at, answered_at FROM `+table+` WHERE tenant_id = $1 AND id = $2`,
			func(r core.Row) error { sent, answered = r.Time(0), r.Time(1); return nil }, tx.Tenant, token)
		if err != nil {
			return time.Time{}, time.Time{}, false, fmt.Errorf("read the times of token %s: %w", token.Text(id.Token), err)
		}
		if found {
			return sent, answered, table != "token", nil
		}
	}
	return time.Time{}, time.Time{}, false, nil
}

// TokenReportsOf returns a meter's reports about one of its tokens, newest first.
func (tx Rows) TokenReportsOf(meter int64, token id.ID, max int) ([]metering.StoredToken, error) {
	var out []metering.StoredToken
	err := tx.C.Query(`SELECT at, received_at, result, source, units_wh, balance_wh FROM token_report
		WHERE tenant_id = $1 AND meter = $2 AND token_id = $3 ORDER BY received_at DESC, seq DESC LIMIT $4`, func(r core.Row) error {
		out = append(out, metering.StoredToken{At: r.Time(0), ReceivedAt: r.Time(1), Result: r.Text(2), Source: r.Text(3), UnitsWh: r.Int(4),
			BalanceWh: r.Int(5), Token: token})
		return nil
	}, tx.Tenant, meter, token, max)
	return out, fault.Wrap(err, "list what meter %d said of token %s", meter, token.Text(id.Token))
}

// DeliveryOf returns the outbox item that delivers a token to its meter. If an item was given up, DeliveryOf returns it only if no other
// item still waits. A meter has few items, so Go searches them instead of SQL on JSON.
func (tx Rows) DeliveryOf(number string, token id.ID) (d recharge.Waiting, found bool, err error) {
	name := token.Text(id.Token)
	err = tx.C.Query(`SELECT body, created_at, attempts, dead_at, last_error FROM outbox WHERE tenant_id = $1 AND lane = $2 AND key = $3 ORDER BY seq`,
		func(r core.Row) error {
			var b job.Body
			if json.Unmarshal([]byte(r.Text(0)), &b) == nil && b.Names(name) && (!found || d.Dead) {
				d = recharge.Waiting{Since: r.Time(1), Attempts: int(r.Int(2)), Dead: !r.IsNull(3), Why: r.Text(4)}
				found = true
			}
			return nil
		}, tx.Tenant, job.LaneMQTT, number)
	return d, found, fault.Wrap(err, "look for the delivery of %s", name)
}
