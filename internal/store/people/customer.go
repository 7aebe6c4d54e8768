package people

import (
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/unit"
)

// CustomerColumns are the columns of a customer.
var CustomerColumns = core.Columns[registry.Customer]{Table: "customer", Unattested: []core.Column[registry.Customer]{
	core.ID("id", func(c *registry.Customer) *id.ID { return &c.ID }),
	core.Text("name", func(c *registry.Customer) *string { return &c.Name }),
	core.Text("phone", func(c *registry.Customer) *string { return &c.Phone }),
	core.Text("id_no", func(c *registry.Customer) *string { return &c.IDNo }),
	core.Text("lang", func(c *registry.Customer) *string { return &c.Lang }),
	core.Time("created_at", func(c *registry.Customer) *time.Time { return &c.CreatedAt }),
	{Name: "notices", Form: 'i',
		Read: func(c *registry.Customer, r core.Row, col int) error {
			c.Stopped = !r.IsNull(col) && !r.Bool(col)
			return nil
		},
		Write: func(c *registry.Customer) any { return !c.Stopped }},
	{Name: "flags", Form: 't'},
	{Name: "search", Form: 't', Write: func(c *registry.Customer) any { return c.SearchText() }},
	core.Time("phone_since", func(c *registry.Customer) *time.Time { return &c.PhoneSince }),
	{Name: "mark", Form: 'b'},
	{Name: "version", Form: 'i'},
}}

// AccountColumns are the columns of an account.
var AccountColumns = core.Columns[registry.Account]{Table: "account", Attested: []core.Column[registry.Account]{
	core.ID("customer_id", func(a *registry.Account) *id.ID { return &a.Customer }),
	core.ID("service_point_id", func(a *registry.Account) *id.ID { return &a.Point }),
	core.Text("mode", func(a *registry.Account) *registry.Mode { return &a.Mode }),
	core.ID("tariff_id", func(a *registry.Account) *id.ID { return &a.Tariff }),
	core.Text("status", func(a *registry.Account) *string { return &a.Status }),
	core.Time("opened_at", func(a *registry.Account) *time.Time { return &a.OpenedAt }),
	{Name: "closed_at", Form: 'i'},
	{Name: "charged_to", Form: 't'},
	{Name: "protected", Form: 'i'},
	{Name: "lease_grace_wh", Form: 'i'},
}, Added: []core.Column[registry.Account]{
	{Name: "credit_in_wh", Form: 'i',
		Read:  func(a *registry.Account, r core.Row, col int) error { a.CreditIn = ReadCredit(r, col); return nil },
		Write: func(a *registry.Account) any { return creditValue(a.CreditIn) }},
	{Name: "credit_out_wh", Form: 'i'},
}, Unattested: []core.Column[registry.Account]{
	core.ID("id", func(a *registry.Account) *id.ID { return &a.ID }),
	{Name: "created_at", Form: 'i'},
	{Name: "version", Form: 'i'},
}}

// AccountKind describes the evidence of accounts.
var AccountKind = core.AttestedKind{Name: "account", Noun: "Account", Prefix: id.Account, From: "account r", Key: "id", Order: "r.version",
	Proof: AccountColumns.Proof("r")}

// RemovedCustomer is the flag of a customer whose registration was taken back.
const RemovedCustomer = "removed"

// listedCustomer is the condition that the lists have a customer c. One without a name and a number is known by the meters alone, and nobody once
// the last account is closed: it was made with a meter that has replaced another one since.
const listedCustomer = `c.flags <> '` + RemovedCustomer + `' AND (c.name <> '' OR c.phone <> '' OR EXISTS (SELECT 1 FROM account a
	WHERE a.tenant_id = c.tenant_id AND a.customer_id = c.id AND a.status <> '` + ClosedAccount + `'))`

// AddCustomerRow stores a new customer. The clock that says when a payment became known also says when the number was registered, because the two
// times are compared.
func (tx Rows) AddCustomerRow(c registry.Customer) error {
	c.PhoneSince = time.Time{}
	if c.Phone != "" {
		c.PhoneSince = tx.Now
		if err := tx.WakeParked(job.Registration{Phone: c.Phone}, time.Time{}); err != nil {
			return err
		}
	}
	number := Number{customer: c.ID, Phone: c.Phone, Search: c.SearchText(), Since: c.PhoneSince}
	_, err := tx.C.Exec(`INSERT INTO `+CustomerColumns.Into("mark"), CustomerColumns.Values(tx.Tenant, &c, tx.markNumber(tx.Marker, &number))...)
	if err == nil {
		err = tx.addFirstText(customerPapers(c.ID), c.Name)
	}
	return fault.Wrap(err, "store customer %s", c.ID.Text(id.Customer))
}

// CustomerByID finds a customer of the tenant.
func (tx Rows) CustomerByID(customer id.ID) (registry.Customer, bool, error) {
	var c registry.Customer
	found, err := tx.One(`SELECT `+CustomerColumns.List("")+` FROM customer WHERE tenant_id = $1 AND id = $2`, CustomerColumns.To(&c), tx.Tenant, customer)
	return c, found, fault.Wrap(err, "find customer %s", customer.Text(id.Customer))
}

// CustomersLike lists customers whose name contains the given text. If digits are given too, it also lists customers whose phone number or
// meter number contains these digits. The list is in the order of registration and begins after the given customer. CustomersLike reads
// customers until it has found enough of them, which is fast enough for one utility.
func (tx Rows) CustomersLike(text, digits string, after id.ID, max int) ([]registry.Customer, error) {
	var out []registry.Customer
	err := tx.C.Query(`SELECT `+CustomerColumns.List("c")+` FROM customer c WHERE c.tenant_id = $1 AND c.id > $2 AND `+listedCustomer+`
		AND (LOWER(c.name) LIKE LOWER($3) ESCAPE '!'
		OR $4 <> '' AND (c.phone LIKE $5 OR EXISTS (SELECT 1 FROM account a JOIN meter m ON m.tenant_id = a.tenant_id AND m.account_id = a.id
			WHERE a.tenant_id = c.tenant_id AND a.customer_id = c.id AND m.number LIKE $5))) ORDER BY c.id LIMIT $6`,
		CustomerColumns.AddTo(&out),
		tx.Tenant, after[:], "%"+strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(text)+"%", digits, "%"+digits+"%", max)
	return out, fault.Wrap(err, "find customers")
}

// MeterNumbersOf lists the numbers of the meters of a customer's accounts in the order they were registered.
func (tx Rows) MeterNumbersOf(customer id.ID, max int) ([]string, error) {
	var out []string
	err := tx.C.Query(`SELECT m.number FROM account a JOIN meter m ON m.tenant_id = a.tenant_id AND m.account_id = a.id
		WHERE a.tenant_id = $1 AND a.customer_id = $2 AND m.status NOT IN `+core.LeftMeters+` ORDER BY m.id LIMIT $3`,
		func(r core.Row) error { out = append(out, r.Text(0)); return nil }, tx.Tenant, customer, max)
	return out, fault.Wrap(err, "list the meters of customer %s", customer.Text(id.Customer))
}

var pointColumns = core.Columns[registry.Point]{Table: "service_point", Unattested: []core.Column[registry.Point]{
	core.ID("id", func(p *registry.Point) *id.ID { return &p.ID }),
	core.Text("address", func(p *registry.Point) *string { return &p.Address }),
	core.Text("feeder", func(p *registry.Point) *string { return &p.Feeder }),
	core.Text("measures", func(p *registry.Point) *string { return &p.Measures }),
	{Name: "search", Form: 't', Write: func(p *registry.Point) any { return registry.Folded(p.Address) }},
	{Name: "lat_e7", Form: 'i'}, {Name: "lon_e7", Form: 'i'}, {Name: "created_at", Form: 'i'}, {Name: "version", Form: 'i'},
}}

// AddPoint stores a new service point.
func (tx Rows) AddPoint(p registry.Point) error {
	_, err := tx.C.Exec(`INSERT INTO `+pointColumns.Into("created_at"), pointColumns.Values(tx.Tenant, &p, tx.Now)...)
	if err == nil {
		err = tx.addFirstText(placePapers(p.ID), p.Address)
	}
	return fault.Wrap(err, "store service point %s", p.ID.Text(id.Point))
}

// SetFeeder sets the feeder of the service point that a meter supplies; it returns false if the meter supplies no service point.
func (tx Rows) SetFeeder(meter int64, feeder string) (bool, error) {
	n, err := tx.C.Exec(`UPDATE service_point SET feeder = $1, version = version + 1 WHERE tenant_id = $2 AND id = (SELECT a.service_point_id
		FROM meter m JOIN account a ON a.tenant_id = m.tenant_id AND a.id = m.account_id WHERE m.tenant_id = $2 AND m.n = $3)`, feeder, tx.Tenant, meter)
	return n > 0, fault.Wrap(err, "set the feeder of meter %d", meter)
}

// SetMeasures sets the feeder that the meter at a place measures as a whole; it returns false if the meter supplies no service point.
func (tx Rows) SetMeasures(meter int64, feeder string) (bool, error) {
	n, err := tx.C.Exec(`UPDATE service_point SET measures = $1, version = version + 1 WHERE tenant_id = $2 AND id = (SELECT a.service_point_id
		FROM meter m JOIN account a ON a.tenant_id = m.tenant_id AND a.id = m.account_id WHERE m.tenant_id = $2 AND m.n = $3)`, feeder, tx.Tenant, meter)
	return n > 0, fault.Wrap(err, "set what meter %d measures", meter)
}

// SetMostPower sets the maximum power that a wallet meter can measure; 0 for the default of its phases.
func (tx Rows) SetMostPower(meter int64, most unit.Power) error {
	err := tx.setOfWallet("max_w", int64(most), meter)
	return fault.Wrap(err, "set the maximum power of meter %d", meter)
}

// SetUnreadCut sets after how many hours a device that was never readable is cut off; 0 for never.
func (tx Rows) SetUnreadCut(meter, hours int64) error {
	err := tx.setOfWallet("unread_cut_h", hours, meter)
	return fault.Wrap(err, "set when the device of meter %d is cut off", meter)
}

// setOfWallet sets a column of a wallet that a person decides, with evidence.
func (tx Rows) setOfWallet(column string, value, meter int64) error {
	var row id.ID
	_, err := tx.One(`SELECT id FROM meter WHERE tenant_id = $1 AND n = $2`, func(r core.Row) error { row = r.ID(0); return nil }, tx.Tenant, meter)
	if err != nil {
		return fault.Wrap(err, "find meter %d", meter)
	}
	return tx.Rewrite("base", row, func() error {
		return tx.Must(`UPDATE wallet SET `+column+` = $1, version = version + 1 WHERE tenant_id = $2 AND meter = $3`, value, tx.Tenant, meter)
	})
}

// AddAccount stores a new account.
func (tx Rows) AddAccount(a registry.Account) error {
	_, err := tx.C.Exec(`INSERT INTO `+AccountColumns.Into("created_at"), AccountColumns.Values(tx.Tenant, &a, tx.Now)...)
	if err != nil {
		return fmt.Errorf("store account %s: %w", a.ID.Text(id.Account), err)
	}
	return tx.Attest("account", a.ID)
}

// CustomerPut writes the fields of a customer that can change.
func (tx Rows) CustomerPut(c registry.Customer) error {
	if err := tx.lockNumber(c.ID); err != nil {
		return err
	}
	before, _, err := tx.CustomerByID(c.ID)
	if err != nil {
		return err
	}
	since := before.PhoneSince
	if registry.DialForm(before.Phone) != registry.DialForm(c.Phone) { // otherwise it is the same number, written in another way
		since = tx.Now
	}
	if before.Phone != c.Phone {
		for _, phone := range []string{before.Phone, c.Phone} { // the old one may now be that of one customer only
			if phone == "" {
				continue
			}
			if err := tx.WakeParked(job.Registration{Phone: phone}, time.Time{}); err != nil {
				return err
			}
		}
	}
	err = tx.WriteNumber(c.ID, func(n *Number) { n.Phone, n.Search, n.Since = c.Phone, c.SearchText(), since }, func() error {
		return tx.Must(`UPDATE customer SET name = $1, phone = $2, id_no = $3, lang = $4, notices = $5, search = $6, phone_since = $7, version = version + 1
			WHERE tenant_id = $8 AND id = $9`, c.Name, c.Phone, c.IDNo, c.Lang, !c.Stopped, c.SearchText(), since, tx.Tenant, c.ID)
	})
	if err == nil {
		err = tx.changePaperText(customerPapers(c.ID), before.Name, c.Name)
	}
	return fault.Wrap(err, "change customer %s", c.ID.Text(id.Customer))
}
