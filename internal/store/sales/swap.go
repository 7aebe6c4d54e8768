package sales

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/meters"
	"github.com/paywatt/paywatt/unit"
)

// swapRow is a row of meter_swap.
type swapRow = sale.Swap

var swapColumns = core.Columns[swapRow]{Table: "meter_swap", Attested: []core.Column[swapRow]{
	core.Int("old_meter", func(s *swapRow) *int64 { return &s.Old.N }),
	core.Int("new_meter", func(s *swapRow) *int64 { return &s.New.N }),
	core.ID("account_id", func(s *swapRow) *id.ID { return &s.Account }),
	core.Time("at", func(s *swapRow) *time.Time { return &s.At }),
	core.Int("balance_wh", func(s *swapRow) *unit.Energy { return &s.Balance }),
	core.Time("balance_at", func(s *swapRow) *time.Time { return &s.BalanceAt }),
	core.Text("source", func(s *swapRow) *string { return &s.Source }),
	{Name: "tokens", Form: 't', Read: func(s *swapRow, r core.Row, col int) (err error) {
		s.Tokens, err = readTokens(r.Text(col))
		return err
	}, Write: func(s *swapRow) any { return writeTokens(s.Tokens) }},
	core.Int("tokens_wh", func(s *swapRow) *unit.Energy { return &s.TokenUnits }),
	core.Int("units_wh", func(s *swapRow) *unit.Energy { return &s.Units }),
	core.ID("job_id", func(s *swapRow) *id.ID { return &s.Job }),
	core.Int("register_wh", func(s *swapRow) *unit.Energy { return &s.Register }),
	core.Time("register_at", func(s *swapRow) *time.Time { return &s.RegisterAt }),
	core.Text("reason", func(s *swapRow) *string { return &s.Reason }),
	core.Text("by_actor", func(s *swapRow) *string { return &s.By }),
	core.Text("approved_by", func(s *swapRow) *string { return &s.ApprovedBy }),
}, Unattested: []core.Column[swapRow]{
	core.ID("id", func(s *swapRow) *id.ID { return &s.ID }),
	{Name: "tries", Form: 'i'},
}}

// SwapKind describes the evidence of swaps.
var SwapKind = core.AttestedKind{Name: "swap", Noun: "Swap", Prefix: id.Swap, From: "meter_swap r", Key: "id", Order: "r.tries", Proof: swapColumns.Proof("r")}

func writeTokens(tokens []id.ID) string {
	texts := make([]string, len(tokens))
	for i, t := range tokens {
		texts[i] = t.Text(id.Token)
	}
	return strings.Join(texts, " ")
}

func readTokens(text string) (out []id.ID, err error) {
	for _, t := range strings.Fields(text) {
		i, wrong := id.Parse(id.Token, t)
		out, err = append(out, i), errors.Join(err, wrong)
	}
	return out, err
}

// PutSwap stores a swap. The old meter keeps its account, so that what it reports late still finds it, but gets no more tokens.
func (tx Rows) PutSwap(s sale.Swap) error {
	_, err := tx.C.Exec(`INSERT INTO `+swapColumns.Into(), swapColumns.Values(tx.Tenant, &s)...)
	if err == nil {
		err = tx.Attest(SwapKind.Name, s.ID)
	}
	if err == nil {
		err = tx.Rewrite("meter", s.Old.ID, func() error {
			return tx.Must(`UPDATE meter SET status = $1, version = version + 1 WHERE tenant_id = $2 AND id = $3 AND status = $4`,
				string(registry.Blocked), tx.Tenant, s.Old.ID, string(registry.Active))
		})
	}
	if err == nil {
		_, err = tx.C.Exec(`UPDATE meter_install SET to_at = $1, reg_to_wh = $2 WHERE tenant_id = $3 AND meter = $4 AND to_at IS NULL`, s.At,
			int64(s.Register), tx.Tenant, s.Old.N)
	}
	var point id.ID
	if err == nil {
		_, err = tx.One(`SELECT service_point_id FROM account WHERE tenant_id = $1 AND id = $2`, func(r core.Row) error { point = r.ID(0); return nil }, tx.Tenant, s.Account)
	}
	if err == nil {
		err = meters.Of(tx.Tx).AddInstall(s.New.N, point, s.At)
	}
	return fault.Wrap(err, "replace meter %s by meter %s", s.Old.Number, s.New.Number)
}

// PutSwapJob stores the job that makes the tokens of a swap instead of the one that failed.
func (tx Rows) PutSwapJob(s sale.Swap) error {
	err := tx.Rewrite(SwapKind.Name, s.ID, func() error {
		return tx.Must(`UPDATE meter_swap SET job_id = $1, tries = tries + 1 WHERE tenant_id = $2 AND id = $3`, s.Job, tx.Tenant, s.ID)
	})
	return fault.Wrap(err, "make the tokens of swap %s again", s.ID.Text(id.Swap))
}

// SwapOf returns the swap by which a meter was replaced.
func (tx Rows) SwapOf(oldMeter int64) (sale.Swap, bool, error) {
	return tx.swapWhere(`s.old_meter = $2`, oldMeter)
}

// SwapTo returns the swap by which a meter came to its place.
func (tx Rows) SwapTo(newMeter int64) (sale.Swap, bool, error) {
	return tx.swapWhere(`s.new_meter = $2`, newMeter)
}

func (tx Rows) swapWhere(condition string, arg any) (s sale.Swap, found bool, err error) {
	found, err = tx.One(`SELECT o.id, o.number, n.id, n.number, n.simulated, `+swapColumns.List("s")+` FROM meter_swap s
		JOIN meter o ON o.tenant_id = s.tenant_id AND o.n = s.old_meter JOIN meter n ON n.tenant_id = s.tenant_id AND n.n = s.new_meter
		WHERE s.tenant_id = $1 AND `+condition, func(r core.Row) error {
		s.Old = sale.MeterRef{ID: r.ID(0), Number: r.Text(1), Simulated: r.Bool(4)}
		s.New = sale.MeterRef{ID: r.ID(2), Number: r.Text(3), Simulated: r.Bool(4)}
		_, err := swapColumns.Scan(r, 5, &s)
		return err
	}, tx.Tenant, arg)
	return s, found, fault.Wrap(err, "read the swap of a meter")
}

// ofMeter is the condition that a token was made for the meter $2.
const ofMeter = ` WHERE tenant_id = $1 AND meter_key_id IN (SELECT k.id FROM meter_key k WHERE k.tenant_id = $1 AND k.meter = $2) AND class = 0`

// OpenCredit lists tokens with units that a meter is not known to have taken, newest first.
func (tx Rows) OpenCredit(meter int64, max int) ([]sale.Token, error) {
	var out []sale.Token
	err := tx.C.Query(tokenQuery+ofMeter+` AND state IN ($3, $4) ORDER BY id DESC LIMIT $5`, tokenColumns.AddTo(&out), tx.Tenant, meter,
		string(metering.TokenIssued), string(metering.TokenSent), max)
	return out, fault.Wrap(err, "list the unused tokens of meter %d", meter)
}

// CreditTaken returns the units of all tokens that a meter took and that were made after a time.
func (tx Rows) CreditTaken(meter int64, since time.Time) (unit.Energy, error) {
	n, err := tx.Number(`SELECT COALESCE(SUM(units_wh), 0) FROM token`+ofMeter+` AND state IN ($3, $4) AND issued_at > $5`, tx.Tenant, meter,
		string(metering.TokenHeard), string(metering.TokenAccepted), since)
	return unit.Energy(n), fault.Wrap(err, "sum the units of meter %d", meter)
}

// CountedAtSwap reports whether a token of a meter was counted as unused when another meter took its place.
func (tx Rows) CountedAtSwap(meter int64, token id.ID) (bool, error) {
	s, found, err := tx.SwapOf(meter)
	return found && slices.Contains(s.Tokens, token), err
}
