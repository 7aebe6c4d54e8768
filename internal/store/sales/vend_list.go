package sales

import (
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store/books"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/people"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/unit"
)

// idSlack is by how much the time in a sale's id, which is also that of its row, may differ from the time when it was priced.
const idSlack = time.Hour

// conditions are the SQL conditions of a filter and their arguments.
func (tx Rows) conditions(f vending.SaleFilter) (sql string, args []any) {
	args = []any{tx.Tenant}
	where := []string{"tenant_id = $1"}
	add := func(wanted bool, condition string, arg any) {
		if wanted {
			args = append(args, arg)
			where = append(where, condition+" $"+strconv.Itoa(len(args)))
		}
	}
	add(f.Meter != 0, "meter =", f.Meter)
	add(!f.Account.IsZero(), "account_id =", f.Account)
	add(!f.From.IsZero(), "id >=", id.First(f.From.Add(-idSlack)))
	add(!f.From.IsZero(), "priced_at >=", f.From)
	add(!f.To.IsZero(), "id <", id.First(f.To.Add(idSlack)))
	add(!f.To.IsZero(), "priced_at <", f.To)
	add(f.Meter != 0 && !f.From.IsZero(), "created_at >=", f.From.Add(-idSlack)) // the index of a meter's sales has this time
	add(f.Meter != 0 && !f.To.IsZero(), "created_at <", f.To.Add(idSlack))
	add(f.Receipt != "", "receipt_no =", f.Receipt)
	add(!f.Vendor.IsZero(), "vendor_key =", VendorKey(f.Vendor))
	add(f.Till != "", "till =", f.Till)
	add(!f.Shift.IsZero(), "shift_id =", f.Shift)
	if f.State != "" {
		where = append(where, inState(f.State))
	}
	return strings.Join(where, " AND "), args
}

// Sales lists the sales that a filter names, newest first, made before the given sale or from the newest on. It follows the ids, which sort
// by time: a second index of all sales would cost every sale more than a search costs. The sales of an account are those of its meters.
func (tx Rows) Sales(f vending.SaleFilter, before id.ID, max int) ([]id.ID, error) {
	n := strconv.Itoa
	var out []id.ID
	err := tx.eachMeter(f, func(f vending.SaleFilter) error {
		where, args := tx.conditions(f)
		return tx.C.Query(`SELECT id FROM vend WHERE `+where+` AND id < $`+n(len(args)+1)+` ORDER BY id DESC LIMIT $`+n(len(args)+2),
			func(r core.Row) error {
				out = append(out, r.ID(0))
				return nil
			}, append(args, core.UpTo(before), max)...)
	})
	return books.Newest(out, max), fault.Wrap(err, "list sales")
}

// eachMeter calls do with a filter: once, or once for each meter that ever supplied the account that the filter names. There is an index of
// sales by meter, and none by account.
func (tx Rows) eachMeter(f vending.SaleFilter, do func(vending.SaleFilter) error) error {
	if f.Account.IsZero() || f.Meter != 0 {
		return do(f)
	}
	all, err := people.Of(tx.Tx).MetersEver(f.Account)
	for _, f.Meter = range all {
		if err == nil {
			err = do(f)
		}
	}
	return err
}

// inOrder is true for every sale. It makes SQLite follow the ids, as the list does, if a filter names nothing that an index begins with. It
// would choose any index otherwise, and look up every sale by itself.
const inOrder = ` AND id >= $`

// SalesTotal adds up the sales that a filter names.
func (tx Rows) SalesTotal(f vending.SaleFilter) (t vending.SaleTotal, err error) {
	currency, _, err := tx.Currency()
	if err == nil {
		err = tx.eachMeter(f, func(f vending.SaleFilter) error { return tx.addSales(f, currency, &t) })
	}
	return t, fault.Wrap(err, "add sales up")
}

// addSales adds the sales that a filter names to a total. Most sales are completed, so they are what remains of all sales without the others: to
// group all of them by their states would sort them. The others are few, and have indexes of their own.
func (tx Rows) addSales(f vending.SaleFilter, currency string, t *vending.SaleTotal) error {
	where, args := tx.conditions(f)
	from, args := where+inOrder+strconv.Itoa(len(args)+1), append(args, make([]byte, len(id.ID{})))
	count := func(part *vending.SaleSum, r core.Row, sign int64) {
		part.Sales += sign * r.Int(0)
		part.Tender.Minor += money.Minor(sign * r.Int(1))
		part.Units += unit.Energy(sign * r.Int(2))
		part.Tender.Currency = currency
	}
	_, err := tx.One(`SELECT COUNT(*), SUM(tender), SUM(units_wh) FROM vend WHERE `+from, func(r core.Row) error {
		count(&t.Sold, r, 1)
		return nil
	}, args...)
	for _, few := range [...]string{`(state = 'priced' OR state = 'held' OR state = 'issued' OR state = 'reversing')`, `(state = 'failed' OR state = 'reversed')`} {
		if err != nil || f.State == sale.Completed {
			break
		}
		err = tx.C.Query(`SELECT COUNT(*), SUM(tender), SUM(units_wh), state FROM vend WHERE `+from+` AND `+few+` GROUP BY state`, func(r core.Row) error {
			part := &t.Failed
			switch sale.State(r.Text(3)) {
			case sale.Reversing:
				return nil // sold until it is reversed
			case sale.Reversed:
				part = &t.Reversed
			case sale.Held:
				part = &t.Held
			}
			count(&t.Sold, r, -1)
			count(part, r, 1)
			return nil
		}, args...)
	}
	return err
}

// inState is the condition that a sale is in a state. It names the state in the text, so that SQLite sees that a partial index has all of them.
func inState(s sale.State) string {
	switch s {
	case sale.Held, sale.Completed, sale.Failed, sale.Reversing, sale.Reversed:
		return "state = '" + string(s) + "'"
	}
	return "state = ''" // no sale
}
