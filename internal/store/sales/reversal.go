package sales

import (
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/meters"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/webhook"
	"github.com/paywatt/paywatt/unit"
)

// reversalRow is a row of reversal.
type reversalRow = sale.Reversal

var reversalColumns = core.Columns[reversalRow]{Table: "reversal", Attested: []core.Column[reversalRow]{
	core.ID("vend_id", func(r *reversalRow) *id.ID { return &r.Sale }),
	core.Text("state", func(r *reversalRow) *sale.ReversalState { return &r.State }),
	core.Bool("confirmed", func(r *reversalRow) *bool { return &r.Confirmed }).ReadOnly(),
	core.Text("failure", func(r *reversalRow) *refusal.Code { return &r.Failure }).ReadOnly(),
	core.Text("reason", func(r *reversalRow) *string { return &r.Reason }),
	core.Text("by_actor", func(r *reversalRow) *string { return &r.By }),
	core.Time("settled_at", func(r *reversalRow) *time.Time { return &r.SettledAt }).ReadOnly(),
}, Added: []core.Column[reversalRow]{
	core.ID("shift_id", func(r *reversalRow) *id.ID { return &r.Shift }),
}, Unattested: []core.Column[reversalRow]{
	core.ID("id", func(r *reversalRow) *id.ID { return &r.ID }),
	core.Time("created_at", func(r *reversalRow) *time.Time { return &r.At }),
	{Name: "version", Form: 'i'},
}}

var cancelColumns = core.Columns[sale.Cancel]{Table: "reversal_token", Attested: []core.Column[sale.Cancel]{
	core.ID("token_id", func(c *sale.Cancel) *id.ID { return &c.Token }),
	core.ID("command_id", func(c *sale.Cancel) *id.ID { return &c.Command }),
	core.Text("taken", func(c *sale.Cancel) *sale.CancelTaken { return &c.Taken }).ReadOnly(),
}, Unattested: []core.Column[sale.Cancel]{
	{Name: "reversal_id", Form: 'b'},
}}

// ReversalKind describes the evidence of reversals.
var ReversalKind = core.AttestedKind{Name: "reversal", Noun: "Reversal", Prefix: id.Reversal, Key: "id", Order: "r.version",
	From:  "reversal r LEFT JOIN reversal_token c ON c.tenant_id = r.tenant_id AND c.reversal_id = r.id",
	Proof: reversalColumns.Proof("r").And(cancelColumns.Proof("c")), Sort: ", c.token_id"}

// VendMeter returns the meter of a sale. It locks neither the sale nor the meter, because the lock order begins with the account.
func (tx Rows) VendMeter(sale id.ID) (id.ID, bool, error) {
	var meter id.ID
	found, err := tx.One(`SELECT m.id FROM vend v JOIN meter m ON m.tenant_id = v.tenant_id AND m.n = v.meter WHERE v.tenant_id = $1 AND v.id = $2`,
		func(r core.Row) error { meter = r.ID(0); return nil }, tx.Tenant, sale)
	return meter, found, fault.Wrap(err, "find the meter of a sale")
}

// VendNewest returns the identity of a meter's newest sale. It ignores failed and reversed sales, and returns the zero ID if no other sale
// exists. Identities of the same millisecond are not in order. So if two sales have the same time, the newer sale is the one with more
// units sold before it in the month.
func (tx Rows) VendNewest(meter int64) (id.ID, error) {
	var newest id.ID
	_, err := tx.One(`SELECT id FROM vend WHERE tenant_id = $1 AND meter = $2 AND state NOT IN ('failed', 'reversed')
		ORDER BY priced_at DESC, mtd_before_wh DESC, id DESC LIMIT 1`,
		func(r core.Row) error { newest = r.ID(0); return nil }, tx.Tenant, meter)
	return newest, fault.Wrap(err, "find the newest sale of a meter")
}

// SetSaleState moves a sale from one state to another.
func (tx Rows) SetSaleState(i id.ID, from, to sale.State) error {
	err := tx.Must(`UPDATE vend SET state = $1, version = version + 1
		WHERE tenant_id = $2 AND id = $3 AND state = $4`, string(to), tx.Tenant, i, string(from))
	if err != nil || to != sale.Reversed {
		return fault.Wrap(err, "change a sale to state %s", to)
	}
	return tx.Announce(webhook.VendReversed, func() (webhook.Event, error) {
		s, _, err := tx.VendSale(i)
		e, _ := webhook.OfSale(s)
		return e, err
	})
}

// TokenMoved moves a token to the next state, if the move is allowed from its present one. An accepted token has an answer that the meter
// signed, which replaces a result that came by SMS.
func (tx Rows) TokenMoved(token id.ID, m metering.TokenMove) error {
	result := `result`
	if m.To() == sale.TokenAccepted {
		result = `CASE result WHEN '` + metering.ResultHeard + `' THEN '` + metering.ResultUsed + `' ELSE result END`
	}
	_, err := tx.C.Exec(`UPDATE token SET state = $1, result = `+result+`, version = version + 1
		WHERE tenant_id = $2 AND id = $3 AND `+from(m), string(m.To()), tx.Tenant, token)
	return fault.Wrap(err, "change a token to state %s", m.To())
}

// DropPush removes the outbox items that deliver a token to its meter.
func (tx Rows) DropPush(number string, token id.ID) error {
	return meters.Of(tx.Tx).DropDelivery(number, token.Text(id.Token))
}

// AddReversal stores a new reversal with the commands that it waits for.
func (tx Rows) AddReversal(r sale.Reversal) error {
	_, err := tx.C.Exec(`INSERT INTO `+reversalColumns.Into(), reversalColumns.Values(tx.Tenant, &r)...)
	for _, c := range r.Cancels {
		if err == nil {
			_, err = tx.C.Exec(`INSERT INTO `+cancelColumns.Into("reversal_id"), cancelColumns.Values(tx.Tenant, &c, r.ID)...)
		}
	}
	if err == nil {
		err = tx.Attest("reversal", r.ID)
	}
	return fault.Wrap(err, "store a reversal")
}

// PutReversal stores the outcome of a reversal. A reversal that is done stays done.
func (tx Rows) PutReversal(r sale.Reversal) error {
	err := tx.Rewrite("reversal", r.ID, func() error {
		return tx.Must(`UPDATE reversal SET state = $1, confirmed = $2, failure = $3, settled_at = $4, version = version + 1
			WHERE tenant_id = $5 AND id = $6 AND (state <> 'done' OR $1 = 'done')`, string(r.State), r.Confirmed, string(r.Failure), r.SettledAt,
			tx.Tenant, r.ID)
	})
	return fault.Wrap(err, "end a reversal")
}

// ReversalOf returns the newest reversal of a sale, without the tokens that its meter was told to cancel. It returns a refused reversal
// only if the sale has no other reversal.
func (tx Rows) ReversalOf(saleID id.ID) (sale.Reversal, bool, error) {
	var r sale.Reversal
	found, err := tx.One(`SELECT `+reversalColumns.List("")+` FROM reversal
		WHERE tenant_id = $1 AND vend_id = $2 ORDER BY CASE state WHEN 'refused' THEN 1 ELSE 0 END, created_at DESC, id DESC LIMIT 1`,
		reversalColumns.To(&r), tx.Tenant, saleID)
	return r, found && err == nil, fault.Wrap(err, "read a reversal")
}

// CancelAnswers returns all commands that told a meter to cancel tokens of a sale, with their answers. They are sorted by token and then
// by age.
func (tx Rows) CancelAnswers(saleID id.ID) ([]vending.CancelAnswer, error) {
	var out []vending.CancelAnswer
	err := tx.C.Query(`SELECT x.token_id, x.command_id, x.taken, c.state, c.answer, c.created_at, CASE WHEN `+loaded+` THEN 1 ELSE 0 END
		FROM token t JOIN reversal_token x ON x.tenant_id = t.tenant_id AND x.token_id = t.id
		JOIN command c ON c.tenant_id = x.tenant_id AND c.id = x.command_id
		WHERE t.tenant_id = $1 AND t.vend_id = $2 ORDER BY x.token_id, c.created_at, c.id`, func(w core.Row) error {
		out = append(out, vending.CancelAnswer{Token: w.ID(0), Command: w.ID(1), Taken: sale.CancelTaken(w.Text(2)), State: command.State(w.Text(3)),
			Answer: w.Text(4), Asked: w.Time(5), Loaded: w.Bool(6)})
		return nil
	}, tx.Tenant, saleID)
	return out, fault.Wrap(err, "read what a meter answered")
}

// CancelTake stores the result of a meter's answers about a token, in every reversal of that token.
func (tx Rows) CancelTake(token id.ID, taken sale.CancelTaken) error {
	var reversals []id.ID
	err := tx.C.Query(`SELECT reversal_id FROM reversal_token WHERE tenant_id = $1 AND token_id = $2 ORDER BY reversal_id`,
		func(r core.Row) error { reversals = append(reversals, r.ID(0)); return nil }, tx.Tenant, token)
	for _, i := range reversals {
		if err != nil {
			break
		}
		err = tx.Rewrite("reversal", i, func() error {
			_, err := tx.C.Exec(`UPDATE reversal SET version = version + 1 WHERE tenant_id = $1 AND id = $2`, tx.Tenant, i)
			if err == nil {
				err = tx.Must(`UPDATE reversal_token SET taken = $1 WHERE tenant_id = $2 AND reversal_id = $3 AND token_id = $4`, string(taken), tx.Tenant, i, token)
			}
			return err
		})
	}
	return fault.Wrap(err, "record what a meter answered")
}

// CancelsLate lists sales for which a meter's answer may have come late. Package vending decides whether the answer was late.
func (tx Rows) CancelsLate(after id.ID, max int) ([]id.ID, error) {
	var out []id.ID
	err := tx.C.Query(`SELECT DISTINCT r.vend_id FROM reversal_token t
		JOIN command c ON c.tenant_id = t.tenant_id AND c.id = t.command_id
		JOIN reversal r ON r.tenant_id = t.tenant_id AND r.id = t.reversal_id
		WHERE t.tenant_id = $1 AND (t.taken = 'never' OR t.taken = 'used') AND (c.state = 'done' OR t.taken = 'never' AND c.state = 'failed' AND c.answer LIKE '`+vending.AnsweredUsed+`%')
		AND r.vend_id > $2 ORDER BY r.vend_id LIMIT $3`, func(r core.Row) error { out = append(out, r.ID(0)); return nil }, tx.Tenant, after[:], max)
	return out, fault.Wrap(err, "list late answers")
}

// CancelsOwed lists tokens whose units must be replaced.
func (tx Rows) CancelsOwed(after id.ID, max int) ([]sale.Token, error) {
	var out []sale.Token
	err := tx.C.Query(tokenQuery+` WHERE tenant_id = $1 AND id > $2 AND id IN (SELECT token_id FROM reversal_token
		WHERE tenant_id = $1 AND taken = 'owed') ORDER BY id LIMIT $3`, tokenColumns.AddTo(&out),
		tx.Tenant, after[:], max)
	return out, fault.Wrap(err, "list units that are owed")
}

// ReversalsSince returns two sums of the reversals since a moment: the reversals by these actors, and the reversals of the vendor's sales.
// If vendor is zero, the second sum is zero.
func (tx Rows) ReversalsSince(by []string, vendor id.ID, from time.Time) (person, ofVendor sale.Reversals, err error) {
	err = tx.C.Query(`SELECT r.by_actor, v.vendor_key, CASE r.state WHEN 'refused' THEN 0 ELSE v.tender END FROM reversal r
		JOIN vend v ON v.tenant_id = r.tenant_id AND v.id = r.vend_id WHERE r.tenant_id = $1 AND r.created_at >= $2`, func(r core.Row) error {
		tender := money.Minor(r.Int(2))
		if slices.Contains(by, r.Text(0)) {
			person.Number, person.Value = person.Number+1, person.Value+tender
		}
		if !vendor.IsZero() && r.Text(1) == VendorKey(vendor) {
			ofVendor.Number, ofVendor.Value = ofVendor.Number+1, ofVendor.Value+tender
		}
		return nil
	}, tx.Tenant, from)
	return person, ofVendor, fault.Wrap(err, "sum reversals")
}

// Unconfirmed sums the reversed sales of a meter that have a token that may still load.
func (tx Rows) Unconfirmed(meter int64) (sale.Reversals, error) {
	var out sale.Reversals
	_, err := tx.One(`SELECT COUNT(*), SUM(tender) FROM vend WHERE tenant_id = $1 AND id IN (SELECT vend_id FROM token
		WHERE tenant_id = $1 AND state = 'reversed_unconfirmed' AND meter = $2)`, func(r core.Row) error {
		out = sale.Reversals{Number: r.Int(0), Value: money.Minor(r.Int(1))}
		return nil
	}, tx.Tenant, meter)
	return out, fault.Wrap(err, "sum unconfirmed reversals")
}

// ReversalsWaiting lists sales whose reversal waits for an answer from the meter.
func (tx Rows) ReversalsWaiting(after id.ID, max int) ([]id.ID, error) {
	var out []id.ID
	err := tx.C.Query(`SELECT vend_id FROM reversal WHERE tenant_id = $1 AND state = 'waiting' AND vend_id > $2 ORDER BY vend_id LIMIT $3`,
		func(r core.Row) error { out = append(out, r.ID(0)); return nil }, tx.Tenant, after[:], max)
	return out, fault.Wrap(err, "list waiting reversals")
}

// MonthTakes adds units of a reversed sale back to an account's month, because a token of the sale was used after all. It also adds the
// free units among them back to the month's free units.
func (tx Rows) MonthTakes(account id.ID, month string, units, free unit.Energy) error {
	err := tx.addUnits(sale.Sale{Account: account, Month: month, Units: units, Free: free})
	return fault.Wrap(err, "add units back to a month")
}

// ReversedUsed lists tokens of unconfirmed reversals that their meter has loaded, according to the token's row or a report. If the meter
// was told to cancel the token, the result used_error does not prove this, because a cancelled token has this result too. The meter's
// answer to the command decides then.
func (tx Rows) ReversedUsed(max int) ([]sale.Token, error) {
	var out []sale.Token
	err := tx.C.Query(tokenQuery+` t WHERE tenant_id = $1 AND state = 'reversed_unconfirmed' AND (`+SaysLoaded("t", "t.id")+` OR `+loaded+`)
		LIMIT $2`, tokenColumns.AddTo(&out), tx.Tenant, max)
	return out, fault.Wrap(err, "look for reversed tokens that were used")
}
