package people

import (
	"fmt"
	"strings"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/unit"
)

// CustomerColumns are the columns of a customer, in the order in which they are read.
const CustomerColumns = `c.id, c.name, c.phone, c.id_no, c.lang, c.created_at, c.notices`

// ScanCustomer reads the columns of customerColumns, the first of them at col.
func ScanCustomer(r core.Row, col int) registry.Customer {
	return registry.Customer{ID: r.ID(col), Name: r.Text(col + 1), Phone: r.Text(col + 2), IDNo: r.Text(col + 3), Lang: r.Text(col + 4),
		CreatedAt: r.Time(col + 5), Stopped: !r.IsNull(col+6) && !r.Bool(col+6)}
}

// AddCustomerRow keeps a new customer.
func (tx Rows) AddCustomerRow(c registry.Customer) error {
	_, err := tx.C.Exec(`INSERT INTO customer (tenant_id, id, name, phone, id_no, lang, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`, tx.Tenant, c.ID, c.Name, c.Phone, c.IDNo, c.Lang, c.CreatedAt)
	if err != nil {
		return fmt.Errorf("keep customer %s: %w", c.ID.Text(id.Customer), err)
	}
	return nil
}

// CustomerByID finds a customer of the tenant.
func (tx Rows) CustomerByID(customer id.ID) (registry.Customer, bool, error) {
	var c registry.Customer
	found, err := tx.One(`SELECT `+CustomerColumns+` FROM customer c WHERE c.tenant_id = $1 AND c.id = $2`,
		func(r core.Row) error { c = ScanCustomer(r, 0); return nil }, tx.Tenant, customer)
	if err != nil {
		return registry.Customer{}, false, fmt.Errorf("find customer %s: %w", customer.Text(id.Customer), err)
	}
	return c, found, nil
}

// CustomersLike lists customers whose name holds text, or whose phone or one of whose meter numbers holds digits, if there
// are any, in the order they were registered, after the given one. It reads all customers until it has found enough: a
// person waits for it, and there are as many customers as one utility has.
func (tx Rows) CustomersLike(text, digits string, after id.ID, max int) ([]registry.Customer, error) {
	var out []registry.Customer
	err := tx.C.Query(`SELECT `+CustomerColumns+` FROM customer c WHERE c.tenant_id = $1 AND c.id > $2 AND (LOWER(c.name) LIKE LOWER($3) ESCAPE '!'
		OR $4 <> '' AND (c.phone LIKE $5 OR EXISTS (SELECT 1 FROM account a JOIN meter m ON m.tenant_id = a.tenant_id AND m.account_id = a.id
			WHERE a.tenant_id = c.tenant_id AND a.customer_id = c.id AND m.number LIKE $5))) ORDER BY c.id LIMIT $6`,
		func(r core.Row) error { out = append(out, ScanCustomer(r, 0)); return nil },
		tx.Tenant, after[:], "%"+strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(text)+"%", digits, "%"+digits+"%", max)
	if err != nil {
		return nil, fmt.Errorf("find customers: %w", err)
	}
	return out, nil
}

// MeterNumbersOf lists the numbers of the meters of a customer's accounts in the order they were registered.
func (tx Rows) MeterNumbersOf(customer id.ID, max int) ([]string, error) {
	var out []string
	err := tx.C.Query(`SELECT m.number FROM account a JOIN meter m ON m.tenant_id = a.tenant_id AND m.account_id = a.id
		WHERE a.tenant_id = $1 AND a.customer_id = $2 ORDER BY m.id LIMIT $3`, func(r core.Row) error { out = append(out, r.Text(0)); return nil },
		tx.Tenant, customer, max)
	if err != nil {
		return nil, fmt.Errorf("list the meters of customer %s: %w", customer.Text(id.Customer), err)
	}
	return out, nil
}

// AddPoint keeps a new service point.
func (tx Rows) AddPoint(p registry.Point) error {
	_, err := tx.C.Exec(`INSERT INTO service_point (tenant_id, id, address, feeder, created_at) VALUES ($1, $2, $3, $4, $5)`,
		tx.Tenant, p.ID, p.Address, p.Feeder, tx.Now)
	if err != nil {
		return fmt.Errorf("keep service point %s: %w", p.ID.Text(id.Point), err)
	}
	return nil
}

// SetFeeder sets the feeder of the place that a meter supplies; false where it supplies none.
func (tx Rows) SetFeeder(meter int64, feeder string) (bool, error) {
	n, err := tx.C.Exec(`UPDATE service_point SET feeder = $1, version = version + 1 WHERE tenant_id = $2 AND id = (SELECT a.service_point_id
		FROM meter m JOIN account a ON a.tenant_id = m.tenant_id AND a.id = m.account_id WHERE m.tenant_id = $2 AND m.n = $3)`, feeder, tx.Tenant, meter)
	if err != nil {
		return false, fmt.Errorf("set the feeder of meter %d: %w", meter, err)
	}
	return n > 0, nil
}

// SetMostPower sets the greatest power that a wallet meter can measure, 0 for the default of its phases.
func (tx Rows) SetMostPower(meter int64, most unit.Power) error {
	if err := tx.Must(`UPDATE wallet SET max_w = $1, version = version + 1 WHERE tenant_id = $2 AND meter = $3`, int64(most), tx.Tenant, meter); err != nil {
		return fmt.Errorf("set the most power of meter %d: %w", meter, err)
	}
	return nil
}

// AddAccount keeps a new account.
func (tx Rows) AddAccount(a registry.Account) error {
	_, err := tx.C.Exec(`INSERT INTO account (tenant_id, id, customer_id, service_point_id, mode, tariff_id, status, opened_at, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		tx.Tenant, a.ID, a.Customer, a.Point, string(a.Mode), a.Tariff, a.Status, a.OpenedAt, tx.Now)
	if err != nil {
		return fmt.Errorf("keep account %s: %w", a.ID.Text(id.Account), err)
	}
	return tx.Attest("account", a.ID)
}

// CustomerPut writes what can change of a customer.
func (tx Rows) CustomerPut(c registry.Customer) error {
	err := tx.Must(`UPDATE customer SET name = $1, phone = $2, id_no = $3, lang = $4, notices = $5, version = version + 1 WHERE tenant_id = $6 AND id = $7`,
		c.Name, c.Phone, c.IDNo, c.Lang, !c.Stopped, tx.Tenant, c.ID)
	if err != nil {
		return fmt.Errorf("change customer %s: %w", c.ID.Text(id.Customer), err)
	}
	return nil
}
