package sales

import (
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/meters"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// tokenRow is a row of the table token or given_token.
type tokenRow = sale.Token

var tokenColumns = core.Columns[tokenRow]{Table: "token", Attested: []core.Column[tokenRow]{
	{Name: "job_id", Form: 'b'},
	core.Int("meter", func(t *tokenRow) *int64 { return &t.Meter }).ReadOnly(),
	{Name: "meter_key_id", Form: 'b'},
	core.Int("tid", func(t *tokenRow) *sts.TID { return &t.TID }).ReadOnly(),
	core.Int("base_date", func(t *tokenRow) *sts.BaseDate { return &t.BaseDate }),
	core.Int("class", func(t *tokenRow) *uint8 { return &t.Class }),
	core.Int("subclass", func(t *tokenRow) *uint8 { return &t.SubClass }),
	core.Int("rnd", func(t *tokenRow) *uint8 { return &t.RND }),
	core.Int("units_wh", func(t *tokenRow) *unit.Energy { return &t.Units }),
	core.Bytes("digits_enc", func(t *tokenRow) *sale.Sealed { return &t.Sealed }).ReadOnly(),
	core.Bytes("digits_hash", func(t *tokenRow) *[]byte { return &t.Hash }).ReadOnly(),
	core.Time("issued_at", func(t *tokenRow) *time.Time { return &t.IssuedAt }),
}, Unattested: []core.Column[tokenRow]{
	core.ID("id", func(t *tokenRow) *id.ID { return &t.ID }),
	core.ID("vend_id", func(t *tokenRow) *id.ID { return &t.Sale }).ReadOnly(),
	core.Text("state", func(t *tokenRow) *sale.TokenState { return &t.State }),
	core.Text("result", func(t *tokenRow) *string { return &t.Result }).ReadOnly(),
	core.Bytes("digits_tail", func(t *tokenRow) *[]byte { return &t.Tail }).ReadOnly(),
	{Name: "sent_at", Form: 'i'},
	{Name: "answered_at", Form: 'i'},
	{Name: "created_at", Form: 'i'},
	{Name: "version", Form: 'i'},
}}

// TokenKind describes the evidence of tokens of jobs. Tokens of sales are in the evidence of their sale. A token without digits needs no
// evidence yet.
var TokenKind = core.AttestedKind{Name: "token", Noun: "Token", Prefix: id.Token, From: "token r", Key: "id", Order: "0",
	Must: " AND r.job_id IS NOT NULL AND r.digits_enc IS NOT NULL", Proof: tokenColumns.Proof("r")}

// Parts of the statements that read the tokens of sales.
const (
	saleTokenFrom  = ` FROM token WHERE tenant_id = $1 AND vend_id `
	saleTokenOrder = ` ORDER BY tid`
)

// Statements that read and write the tokens of sales and jobs.
var (
	tokenQuery     = `SELECT ` + tokenColumns.List("") + ` FROM token`
	saleTokenInto  = `INSERT INTO ` + tokenColumns.Into("vend_id", "meter", "meter_key_id", "tid", "created_at", "digits_enc", "digits_hash", "digits_tail")
	jobTokenInto   = `INSERT INTO ` + tokenColumns.Into("job_id", "meter", "meter_key_id", "tid", "created_at")
	saleTokenQuery = `SELECT ` + tokenColumns.List("") + saleTokenFrom + `= $2` + saleTokenOrder
)

// VendTokens lists a meter's tokens, newest first. The list begins with the first token that is older than the given token, or with the
// newest token if the given identity is zero.
func (tx Rows) VendTokens(meter int64, before id.ID, max int) ([]sale.Token, error) {
	var out []sale.Token
	err := tx.C.Query(tokenQuery+` WHERE tenant_id = $1 AND meter_key_id IN (
			SELECT k.id FROM meter_key k WHERE k.tenant_id = $1 AND k.meter = $2) AND id < $3 ORDER BY id DESC LIMIT $4`,
		tokenColumns.AddTo(&out), tx.Tenant, meter, core.UpTo(before), max)
	return out, fault.Wrap(err, "list tokens of meter %d", meter)
}

// tokenMade stores the digits of a reserved token.
func (tx Rows) tokenMade(t sale.Token) error {
	return tx.Must(`UPDATE token SET digits_enc = $1, digits_hash = $2, digits_tail = $3, state = $4, version = version + 1
		WHERE tenant_id = $5 AND id = $6 AND `+from(metering.MoveMade), []byte(t.Sealed), t.Hash, t.Tail, string(metering.MoveMade.To()), tx.Tenant, t.ID)
}

// TokenForPush returns a token, ours or external, that is to be sent to its meter, and the meter's number. The digits are sealed under
// sale.TokenContext. The third result is false for an unknown token, a token of ours that has no digits, and a token of a meter that was
// replaced or removed.
func (tx Rows) TokenForPush(token id.ID) (t sale.Token, number string, found bool, err error) {
	found, err = tx.One(tokenQuery+` WHERE tenant_id = $1 AND id = $2 AND digits_enc IS NOT NULL`, tokenColumns.To(&t), tx.Tenant, token)
	if err == nil && !found {
		t, found, err = tx.externalToken(token)
	}
	if err != nil {
		return sale.Token{}, "", false, fmt.Errorf("read token %s: %w", token.Text(id.Token), err)
	}
	if !found {
		return sale.Token{}, "", false, nil
	}
	m, found, err := meters.Of(tx.Tx).MeterByN(t.Meter)
	return t, m.Number, found && !m.Status.HasLeft(), err
}

// from returns the SQL condition that a token is in a state from which the move is allowed.
func from(m metering.TokenMove) string {
	states := ""
	for _, s := range m.From() {
		states += `, '` + string(s) + `'`
	}
	return `state IN (` + strings.TrimPrefix(states, ", ") + `)`
}

// TokenSent marks a token as sent to its meter. If the meter has answered already, the state from its answer stays.
func (tx Rows) TokenSent(token id.ID) error {
	for _, table := range []string{"token", "given_token"} {
		_, err := tx.C.Exec(`UPDATE `+table+` SET state = $1, version = version + 1 WHERE tenant_id = $2 AND id = $3 AND `+from(metering.MoveSent),
			string(metering.MoveSent.To()), tx.Tenant, token)
		if err != nil {
			return fmt.Errorf("mark token %s as sent: %w", token.Text(id.Token), err)
		}
	}
	return nil
}

// TokenPushed is TokenSent for a token that was handed to its meter's connection. It also stores the time.
func (tx Rows) TokenPushed(token id.ID) error {
	for _, table := range []string{"token", "given_token"} {
		_, err := tx.C.Exec(`UPDATE `+table+` SET state = CASE WHEN `+from(metering.MoveSent)+` THEN $1 ELSE state END, sent_at = $2, version = version + 1
			WHERE tenant_id = $3 AND id = $4`, string(metering.MoveSent.To()), tx.Now, tx.Tenant, token)
		if err != nil {
			return fmt.Errorf("mark token %s as pushed: %w", token.Text(id.Token), err)
		}
	}
	return nil
}

// TenderOfToken returns what was paid in the sale of a meter's newest token with an identifier. It reports whether such a token was sold here.
func (tx Rows) TenderOfToken(meter, tid int64) (a money.Amount, sold bool, err error) {
	sold, err = tx.One(`SELECT v.tender, v.currency FROM meter_key k JOIN token t ON t.tenant_id = k.tenant_id AND t.meter_key_id = k.id
		JOIN vend v ON v.tenant_id = t.tenant_id AND v.id = t.vend_id
		WHERE k.tenant_id = $1 AND k.meter = $2 AND t.tid = $3 ORDER BY t.id DESC LIMIT 1`,
		func(r core.Row) error { a.Minor, a.Currency = money.Minor(r.Int(0)), r.Text(1); return nil }, tx.Tenant, meter, tid)
	return a, sold, fault.Wrap(err, "read the sale of a token")
}
