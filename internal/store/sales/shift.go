package sales

import (
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/till"
	"github.com/paywatt/paywatt/unit"
)

// shiftRow is a row of shift.
type shiftRow = till.Shift

var shiftColumns = core.Columns[shiftRow]{Table: "shift", Attested: []core.Column[shiftRow]{
	core.Text("till", func(s *shiftRow) *string { return &s.Till }),
	core.ID("holder_id", func(s *shiftRow) *id.ID { return &s.Holder }),
	core.Text("operator", func(s *shiftRow) *string { return &s.Operator }),
	core.Int("opening", func(s *shiftRow) *money.Minor { return &s.Opening }),
	core.Time("opened_at", func(s *shiftRow) *time.Time { return &s.OpenedAt }),
	core.Time("closed_at", func(s *shiftRow) *time.Time { return &s.ClosedAt }),
	core.Text("closed_by", func(s *shiftRow) *string { return &s.ClosedBy }),
	core.Int("expected", func(s *shiftRow) *money.Minor { return &s.Expected }),
	core.Int("counted", func(s *shiftRow) *money.Minor { return &s.Counted }),
	core.Text("note", func(s *shiftRow) *string { return &s.Note }),
}, Unattested: []core.Column[shiftRow]{
	core.ID("id", func(s *shiftRow) *id.ID { return &s.ID }),
	{Name: "created_at", Form: 'i'},
	{Name: "version", Form: 'i'},
}}

const shiftKind = "shift"

// ShiftKind describes the evidence of shifts.
var ShiftKind = core.AttestedKind{Name: shiftKind, Noun: "Shift", Prefix: id.Shift, From: "shift r", Key: "id", Order: "r.version",
	Proof: shiftColumns.Proof("r")}

// AddShift stores a new shift. It stores nothing and returns false if the till or the holder has an open shift.
func (tx Rows) AddShift(s till.Shift) (bool, error) {
	n, err := tx.C.Exec(`INSERT INTO `+shiftColumns.Into("created_at")+` ON CONFLICT DO NOTHING`, shiftColumns.Values(tx.Tenant, &s, tx.Now)...)
	if err == nil && n == 1 {
		err = tx.Attest(shiftKind, s.ID)
	}
	return n == 1, fault.Wrap(err, "store a shift")
}

// CloseShift stores the end of a shift.
func (tx Rows) CloseShift(s till.Shift) error {
	err := tx.Rewrite(shiftKind, s.ID, func() error {
		return tx.Must(`UPDATE shift SET closed_at = $1, closed_by = $2, expected = $3, counted = $4, note = $5, version = version + 1
			WHERE tenant_id = $6 AND id = $7 AND closed_at IS NULL`, s.ClosedAt, s.ClosedBy, int64(s.Expected), int64(s.Counted), s.Note, tx.Tenant, s.ID)
	})
	return fault.Wrap(err, "close a shift")
}

// ShiftByID finds a shift and locks it.
func (tx Rows) ShiftByID(shift id.ID) (till.Shift, bool, error) {
	return tx.shift(`id = $2`, shift)
}

// OpenShift finds the open shift of a holder and locks it.
func (tx Rows) OpenShift(holder id.ID) (till.Shift, bool, error) {
	return tx.shift(`holder_id = $2 AND closed_at IS NULL`, holder)
}

// OpenAt finds the open shift of a till and locks it.
func (tx Rows) OpenAt(name string) (till.Shift, bool, error) {
	return tx.shift(`till = $2 AND closed_at IS NULL`, name)
}

var shiftQuery = `SELECT ` + shiftColumns.List("") + ` FROM shift WHERE tenant_id = $1 AND `

func (tx Rows) shift(where string, arg any) (s till.Shift, found bool, err error) {
	found, err = tx.One(shiftQuery+where+tx.C.ForUpdate(), shiftColumns.To(&s), tx.Tenant, arg)
	return s, found, fault.Wrap(err, "find a shift")
}

// ShiftPage lists shifts, newest first, opened before the given shift or from the newest on.
func (tx Rows) ShiftPage(f till.Filter, before id.ID, max int) (out []till.Shift, err error) {
	args := []any{tx.Tenant, core.UpTo(before)}
	where := []string{"id < $2"}
	add := func(wanted bool, condition string, arg ...any) {
		if !wanted {
			return
		}
		if args = append(args, arg...); len(arg) > 0 {
			condition += " $" + strconv.Itoa(len(args))
		}
		where = append(where, condition)
	}
	add(f.Till != "", "till =", f.Till)
	add(f.Operator != "", "operator =", f.Operator)
	add(f.State == till.StateOpen, "closed_at IS NULL")
	add(f.State == till.StateClosed, "closed_at IS NOT NULL")
	add(!f.OpenedBefore.IsZero(), "opened_at <", f.OpenedBefore)
	add(!f.ClosedFrom.IsZero(), "closed_at >=", f.ClosedFrom)
	add(!f.ClosedTo.IsZero(), "closed_at <", f.ClosedTo)
	args = append(args, max)
	err = tx.C.Query(shiftQuery+strings.Join(where, " AND ")+` ORDER BY id DESC LIMIT $`+strconv.Itoa(len(args)), shiftColumns.AddTo(&out), args...)
	return out, fault.Wrap(err, "list shifts")
}

// ShiftBusy reports whether a sale of the shift waits for its token.
func (tx Rows) ShiftBusy(shift id.ID) (bool, error) {
	n, err := tx.Number(`SELECT COUNT(*) FROM vend WHERE tenant_id = $1 AND shift_id = $2 AND state = 'held'`, tx.Tenant, shift)
	return n > 0, fault.Wrap(err, "look for open sales of a shift")
}

// shiftJournals are the journals on a shift's account.
const shiftJournals = ` FROM ledger_account a JOIN posting p ON p.tenant_id = a.tenant_id AND p.account = a.n AND p.listed = 1
	JOIN journal j ON j.tenant_id = p.tenant_id AND j.id = p.journal_id WHERE a.tenant_id = $1 AND a.code = $2 AND a.subject = $3`

// ShiftCash adds up the journals on a shift's account, without the closing. A sale that is reversed after the closing has two more journals,
// its mirror and the cash of the other till: together they change nothing.
func (tx Rows) ShiftCash(s till.Shift) (c till.Cash, err error) {
	args := []any{tx.Tenant, int64(ledger.Till), s.Account().Subject}
	err = tx.C.Query(`SELECT j.kind, CASE WHEN p.amount > 0 THEN 1 ELSE 0 END AS cash_in, COUNT(*), SUM(p.amount)`+shiftJournals+` GROUP BY 1, 2`, func(r core.Row) error {
		in, n, amount := r.Bool(1), r.Int(2), money.Minor(r.Int(3))
		switch ledger.Kind(r.Text(0)) {
		case ledger.Vend, ledger.TopUp:
			c.Sales, c.Sold = c.Sales+n, c.Sold+amount
		case ledger.Reversal, ledger.CashBack:
			if in {
				n = -n
			}
			c.Reversals, c.PaidBack = c.Reversals+n, c.PaidBack+amount
		case ledger.CashPayout:
			c.PaidOut += amount
		}
		return nil
	}, args...)
	if err != nil {
		return till.Cash{}, fault.Wrap(err, "add up the cash of a shift")
	}
	err = tx.C.Query(`SELECT b.code, SUM(o.amount) FROM (SELECT j.id AS id`+shiftJournals+` AND j.kind IN ('vend', 'top_up')) k
		JOIN posting o ON o.tenant_id = $1 AND o.journal_id = k.id JOIN ledger_account b ON b.tenant_id = o.tenant_id AND b.n = o.account
		WHERE b.code <> $2 GROUP BY b.code ORDER BY b.code`, func(r core.Row) error {
		c.Breakdown = append(c.Breakdown, till.Part{Code: ledger.Code(r.Int(0)), Amount: -money.Minor(r.Int(1))})
		return nil
	}, args...)
	if err != nil {
		return till.Cash{}, fault.Wrap(err, "divide the cash of a shift")
	}
	return c, tx.shiftPapers(s, &c)
}

// shiftPapers reads the first and the last receipt of a shift, and the energy of its sales.
func (tx Rows) shiftPapers(s till.Shift, c *till.Cash) error {
	states := []any{string(sale.Completed), string(sale.Reversing), string(sale.Reversed)}
	const of = ` FROM vend WHERE tenant_id = $1 AND shift_id = $2 AND state IN ($3, $4, $5)`
	args := append([]any{tx.Tenant, s.ID}, states...)
	units, err := tx.Number(`SELECT COALESCE(SUM(units_wh), 0)`+of, args...)
	c.Units = unit.Energy(units)
	for order, number := range map[string]*string{"ASC": &c.FirstPaper, "DESC": &c.LastPaper} {
		if err == nil {
			_, err = tx.One(`SELECT receipt_no`+of+` AND receipt_no IS NOT NULL ORDER BY id `+order+` LIMIT 1`,
				func(r core.Row) error { *number = r.Text(0); return nil }, args...)
		}
	}
	return fault.Wrap(err, "read the receipts of a shift")
}
