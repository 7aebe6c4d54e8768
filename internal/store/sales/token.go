package sales

import (
	"fmt"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/meters"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// TokenKind is the evidence of tokens of jobs. Those of sales have theirs in the sale's, and a token without digits is none yet.
var TokenKind = core.AttestedKind{Name: "token", Noun: "Token", Prefix: id.Token, From: "token r", Key: "id", Order: "0",
	Must: " AND r.job_id IS NOT NULL AND r.digits_enc IS NOT NULL",
	Proof: core.Proof{Columns: "r.job_id, r.meter, r.meter_key_id, r.tid, r.base_date, r.class, r.subclass, r.rnd, r.units_wh, r.digits_enc, r.digits_hash, r.issued_at",
		Forms: "bibiiiiiibbi"}}

// tokenColumns are the columns of token in the order in which scanToken reads them.
const (
	tokenColumns = `id, vend_id, meter, tid, base_date, class, subclass, rnd, units_wh, state, result, issued_at, digits_enc, digits_hash`
	tokenWidth   = 14
)

func scanToken(r core.Row) sale.Token {
	return sale.Token{ID: r.ID(0), Sale: r.ID(1), Meter: r.Int(2), TID: sts.TID(r.Int(3)), BaseDate: sts.BaseDate(r.Int(4)),
		Class: uint8(r.Int(5)), SubClass: uint8(r.Int(6)), RND: uint8(r.Int(7)), Units: unit.Energy(r.Int(8)),
		State: sale.TokenState(r.Text(9)), Result: r.Text(10), IssuedAt: r.Time(11), Sealed: r.Bytes(12), Hash: r.Bytes(13)}
}

// VendTokens lists a meter's tokens, newest first, from the one after before on (zero for the newest).
func (tx Rows) VendTokens(meter int64, before id.ID, max int) ([]sale.Token, error) {
	var out []sale.Token
	err := tx.C.Query(`SELECT `+tokenColumns+` FROM token WHERE tenant_id = $1 AND meter_key_id IN (
			SELECT k.id FROM meter_key k WHERE k.tenant_id = $1 AND k.meter = $2) AND id < $3 ORDER BY id DESC LIMIT $4`,
		func(r core.Row) error {
			out = append(out, scanToken(r))
			return nil
		}, tx.Tenant, meter, newestOr(before), max)
	if err != nil {
		return nil, fmt.Errorf("list tokens of meter %d: %w", meter, err)
	}
	return out, nil
}

// newestOr is the identity before which a list that runs backwards begins: after every other where none is given.
func newestOr(before id.ID) id.ID {
	if before.IsZero() {
		for i := range before {
			before[i] = 0xff
		}
	}
	return before
}

// TokenForPush is a token that is to be sent to its meter, made here or handed in, with the meter's number. Its digits
// are sealed under vending.TokenContext; found is false for an unknown token and for one without digits.
func (tx Rows) TokenForPush(token id.ID) (t sale.Token, number string, found bool, err error) {
	found, err = tx.One(`SELECT `+tokenColumns+` FROM token WHERE tenant_id = $1 AND id = $2 AND digits_enc IS NOT NULL`,
		func(r core.Row) error { t = scanToken(r); return nil }, tx.Tenant, token)
	if err == nil && !found {
		t, found, err = tx.givenToken(token)
	}
	if err != nil {
		return sale.Token{}, "", false, fmt.Errorf("read token %s: %w", token.Text(id.Token), err)
	}
	if !found {
		return sale.Token{}, "", false, nil
	}
	m, found, err := meters.Of(tx.Tx).MeterByN(t.Meter)
	return t, m.Number, found, err
}

// TokenSent notes that a token is on its way to its meter. What the meter has said of it meanwhile stays.
func (tx Rows) TokenSent(token id.ID) error {
	for _, table := range []string{"token", "given_token"} {
		_, err := tx.C.Exec(`UPDATE `+table+` SET state = 'sent', version = version + 1 WHERE tenant_id = $1 AND id = $2 AND state = 'issued'`, tx.Tenant, token)
		if err != nil {
			return fmt.Errorf("mark token %s as sent: %w", token.Text(id.Token), err)
		}
	}
	return nil
}

// TokenPushed is TokenSent for a token that was handed to its meter's connection: it keeps when that was last.
func (tx Rows) TokenPushed(token id.ID) error {
	for _, table := range []string{"token", "given_token"} {
		_, err := tx.C.Exec(`UPDATE `+table+` SET state = CASE state WHEN 'issued' THEN 'sent' ELSE state END, sent_at = $1, version = version + 1
			WHERE tenant_id = $2 AND id = $3`, tx.Now, tx.Tenant, token)
		if err != nil {
			return fmt.Errorf("mark token %s as pushed: %w", token.Text(id.Token), err)
		}
	}
	return nil
}
