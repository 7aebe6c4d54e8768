package people

import (
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/seal"
	"github.com/paywatt/paywatt/internal/store/core"
)

// A customer's telephone number decides which meter a payment or a voucher is for. So the row of the customer has a mark: a keyed hash of the number,
// of the text by which it is found, of when it was registered, and of its last change, which says how long it is held and who may end that. A number
// that was changed in the database has a wrong mark and decides nothing. A mark tells nothing about the number to whoever lacks the data key, and goes
// with it when the number is erased.

// NumberChangeColumns are the columns of the last change of a telephone number. That of a customer has the customer's mark, and that of a SIM is in
// the evidence of its meter.
var NumberChangeColumns = core.Columns[registry.NumberChange]{Table: "number_change", Unattested: []core.Column[registry.NumberChange]{
	core.Text("owner", func(c *registry.NumberChange) *string { return &c.Owner }),
	core.Text("by_actor", func(c *registry.NumberChange) *string { return &c.By }),
	core.ID("self", func(c *registry.NumberChange) *id.ID { return &c.Self }),
	core.Time("changed_at", func(c *registry.NumberChange) *time.Time { return &c.At }),
	core.Time("held_until", func(c *registry.NumberChange) *time.Time { return &c.HeldUntil }),
}}

// Number is a customer's telephone number with everything that its mark covers.
type Number struct {
	Phone, Search string
	Since         time.Time
	Change        registry.NumberChange // the last one; its zero value if there was none

	customer id.ID
	mark     []byte
}

// hashNumber returns the hash of everything that decides whether the number counts.
func (n *Number) hashNumber() core.EvidenceSum {
	c := n.Change
	whole := seal.NewLeaf("paywatt number 1").Text(n.Phone).Text(n.Search).Int(n.Since.UnixMicro()).
		Text(c.By).Text(string(c.Self[:])).Int(c.At.UnixMicro()).Int(c.HeldUntil.UnixMicro()).Sum()
	return core.EvidenceSum(whole[:16])
}

// markNumber returns the mark of a number.
func (tx Rows) markNumber(m core.Marker, n *Number) []byte {
	return m.Of(CustomerColumns.Table, tx.Tenant, n.customer[:], n.hashNumber())
}

// wroteNumber reports whether the server wrote the number as it is. An engine without a Marker writes no marks.
func (tx Rows) wroteNumber(n *Number) bool {
	return tx.Marker.Matches(n.mark, CustomerColumns.Table, tx.Tenant, n.customer[:], n.hashNumber())
}

func (tx Rows) putNumberMark(n *Number, m core.Marker) error {
	_, err := tx.C.Exec(`UPDATE customer SET mark = $1 WHERE tenant_id = $2 AND id = $3`, tx.markNumber(m, n), tx.Tenant, n.customer)
	return fault.Wrap(err, "mark the number of %s", n.customer.Text(id.Customer))
}

const numberColumns = `c.id, c.phone, c.search, c.phone_since, c.mark`

var (
	numberQuery = `SELECT ` + numberColumns + `, ` + NumberChangeColumns.List("n") + ` FROM customer c
		LEFT JOIN number_change n ON n.tenant_id = c.tenant_id AND n.owner = $1 WHERE c.tenant_id = $2 AND c.id = $3`
	changeQuery = `SELECT ` + NumberChangeColumns.List("") + ` FROM number_change WHERE tenant_id = $1 AND owner = $2`
)

func scanNumber(r core.Row) Number {
	return Number{customer: r.ID(0), Phone: r.Text(1), Search: r.Text(2), Since: r.Time(3), mark: r.Bytes(4)}
}

// readNumber reads the number of a customer with its last change, in one statement: another transaction may change both.
func (tx Rows) readNumber(customer id.ID) (n Number, found bool, err error) {
	owner := registry.PhoneOwner(customer)
	found, err = tx.One(numberQuery, func(r core.Row) error {
		n = scanNumber(r)
		_, err := NumberChangeColumns.Scan(r, 5, &n.Change)
		return err
	}, owner, tx.Tenant, customer)
	return n, found, fault.Wrap(err, "read the number of %s", customer.Text(id.Customer))
}

// NumberChange returns the last change of an owner's telephone number; found is false if the number was never changed.
func (tx Rows) NumberChange(owner string) (c registry.NumberChange, found bool, err error) {
	found, err = tx.One(changeQuery, NumberChangeColumns.To(&c), tx.Tenant, owner)
	c.Owner = owner
	return c, found, fault.Wrap(err, "read the change of a number of %s", owner)
}

// LockNumberChange is NumberChange for whoever decides by it. Other transactions that change or confirm the number wait: it locks the row of the
// customer or of the meter.
func (tx Rows) LockNumberChange(owner string) (registry.NumberChange, bool, error) {
	var err error
	if meter, is := registry.ReadSIMOwner(owner); is {
		err = tx.lockRow(`SELECT id FROM meter WHERE tenant_id = $1 AND n = $2`, meter)
	} else if customer, no := id.Parse(id.Customer, owner); no == nil {
		err = tx.lockNumber(customer)
	} else {
		err = no
	}
	if err != nil {
		return registry.NumberChange{}, false, err
	}
	return tx.NumberChange(owner)
}

// lockNumber locks the row of a customer, which has the number.
func (tx Rows) lockNumber(customer id.ID) error {
	return tx.lockRow(`SELECT id FROM customer WHERE tenant_id = $1 AND id = $2`, customer)
}

func (tx Rows) lockRow(query string, key any) error {
	_, err := tx.One(query+tx.C.ForUpdate(), func(core.Row) error { return nil }, tx.Tenant, key)
	return fault.Wrap(err, "lock the number of %v", key)
}

// NumberHold returns until when a customer's telephone number is held after its last change, and whether the server wrote the number and its hold as
// they are. A customer who does not exist has no hold.
func (tx Rows) NumberHold(customer id.ID) (until time.Time, written bool, err error) {
	n, found, err := tx.readNumber(customer)
	return n.Change.HeldUntil, err == nil && (!found || tx.wroteNumber(&n)), err
}

// NumberWritten reports whether the server wrote a customer's telephone number as it is. It is true for a customer who does not exist.
func (tx Rows) NumberWritten(customer id.ID) (bool, error) {
	_, written, err := tx.NumberHold(customer)
	return written, err
}

// WriteNumber writes a change of a customer's number, of the text that finds it, or of its hold, and marks the number as change makes it: what
// somebody else writes meanwhile has no mark. A number that was changed outside the server gets none either, unless another number replaces it.
func (tx Rows) WriteNumber(customer id.ID, change func(*Number), write func() error) error {
	if err := tx.lockNumber(customer); err != nil {
		return err
	}
	before, _, err := tx.readNumber(customer)
	if err != nil {
		return err
	}
	after := before
	change(&after)
	if err := write(); err != nil {
		return err
	}
	if tx.wroteNumber(&before) || registry.DialForm(before.Phone) != registry.DialForm(after.Phone) {
		return tx.putNumberMark(&after, tx.Marker)
	}
	return nil
}

// numberBatch is how many numbers are read at once.
const numberBatch = 1000

// eachNumber calls do with the number of every customer.
func (tx Rows) eachNumber(do func(*Number) error) (all int, err error) {
	changes, err := tx.numberChanges()
	if err != nil {
		return 0, err
	}
	var last id.ID
	for n := numberBatch; n == numberBatch; all += n {
		rows, err := tx.numbersAfter(last, changes, "")
		for i := 0; i < len(rows) && err == nil; i++ {
			last, err = rows[i].customer, do(&rows[i])
		}
		if n = len(rows); err != nil {
			return all, err
		}
	}
	return all, nil
}

// numberChanges reads the last change of each owner's number.
func (tx Rows) numberChanges() (map[string]registry.NumberChange, error) {
	all, err := NumberChangeColumns.All(tx.C, `tenant_id = $1`, tx.Tenant)
	out := make(map[string]registry.NumberChange, len(all))
	for _, c := range all {
		out[c.Owner] = c
	}
	return out, fault.Wrap(err, "read the changes of numbers")
}

// numbersAfter reads one batch of numbers that fulfil a condition, in the order of the customers' identities.
func (tx Rows) numbersAfter(last id.ID, changes map[string]registry.NumberChange, condition string) (rows []Number, err error) {
	err = tx.C.Query(`SELECT `+numberColumns+` FROM customer c WHERE c.tenant_id = $1 AND c.id > $2`+condition+` ORDER BY c.id LIMIT $3`, func(r core.Row) error {
		n := scanNumber(r)
		n.Change = changes[registry.PhoneOwner(n.customer)]
		rows = append(rows, n)
		return nil
	}, tx.Tenant, last[:], numberBatch)
	return rows, fault.Wrap(err, "read the numbers of customers")
}

// numberMarkAction is the action of the audit log that says that the numbers of older versions were marked. It stands in the log, because a
// restored backup brings its own log along, and because a row that is taken out of the sealed log is found.
const numberMarkAction = "number.mark"

// NumbersMarked returns how often the numbers of older versions were marked: once, after the first start of a server that marks numbers.
func (tx Rows) NumbersMarked() (int64, error) {
	n, err := tx.Number(`SELECT COUNT(*) FROM audit WHERE tenant_id = $1 AND action = '`+numberMarkAction+`'`, tx.Tenant)
	return n, fault.Wrap(err, "find whether numbers were marked")
}

// MarkNumbers marks the next numbers that an older version registered. It returns how many, and false when there are no more: then the audit log says
// so, and later calls mark nothing. With another data key than the database's it does nothing.
func (tx Rows) MarkNumbers() (marked int, more bool, err error) {
	known, err := tx.KeyIs("data", tx.Marker.KeyMark())
	if err != nil || !known {
		return 0, false, err
	}
	if times, err := tx.NumbersMarked(); err != nil || times > 0 { // nothing is written or locked, so a server can start on a full disk
		return 0, false, err
	}
	_, err = tx.One(`SELECT id FROM tenant WHERE id = $1`+tx.C.ForUpdate(), func(core.Row) error { return nil }, tx.Tenant)
	if err != nil {
		return 0, false, fault.Wrap(err, "lock the tenant")
	}
	if times, err := tx.NumbersMarked(); err != nil || times > 0 { // another server has started meanwhile
		return 0, false, err
	}
	changes, err := tx.numberChanges()
	if err != nil {
		return 0, false, err
	}
	rows, err := tx.numbersAfter(id.ID{}, changes, " AND c.mark IS NULL")
	for i := 0; i < len(rows) && err == nil; i++ {
		err = tx.putNumberMark(&rows[i], tx.Marker)
	}
	if err != nil || len(rows) == numberBatch {
		return len(rows), true, err
	}
	return len(rows), false, tx.AuditLog(access.SystemActor(tx.Tenant, "start").Entry(numberMarkAction, ""))
}

// RemarkNumbers marks every number with another key, except those that the server did not write. It returns how many it marked.
func (tx Rows) RemarkNumbers(next core.Marker) (marked int, err error) {
	_, err = tx.eachNumber(func(n *Number) error {
		if !tx.wroteNumber(n) {
			return nil
		}
		marked++
		return tx.putNumberMark(n, next)
	})
	return marked, err
}

// ForgedNumbers calls do with every customer whose number the server did not write as it is. The parameter marked is false for a number without a
// mark. It returns how many customers there are.
func (tx Rows) ForgedNumbers(do func(customer id.ID, marked bool)) (int64, error) {
	n, err := tx.eachNumber(func(n *Number) error {
		if !tx.wroteNumber(n) {
			do(n.customer, n.mark != nil)
		}
		return nil
	})
	return int64(n), err
}
