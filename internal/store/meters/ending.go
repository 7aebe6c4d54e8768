package meters

import (
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store/books"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/people"
	"github.com/paywatt/paywatt/unit"
)

// LockMeter locks a meter and its account, and reads the meter as it is under the lock.
func (tx Rows) LockMeter(m registry.Meter) (registry.Meter, error) {
	if err := tx.lockPlace(m); err != nil {
		return registry.Meter{}, err
	}
	m, _, err := tx.MeterByID(m.ID)
	return m, err
}

// ReadEnding locks a meter and its account, and reads what decides whether the meter may be removed or scrapped.
func (tx Rows) ReadEnding(m registry.Meter) (e registry.Ending, err error) {
	if e.Meter, err = tx.LockMeter(m); err != nil {
		return e, err
	}
	_, err = tx.One(`SELECT n.number, s.register_wh FROM meter_swap s JOIN meter n ON n.tenant_id = s.tenant_id AND n.n = s.new_meter
		WHERE s.tenant_id = $1 AND s.old_meter = $2`+tx.LockOf("s"), func(r core.Row) error {
		e.ReplacedBy, e.Closed = r.Text(0), unit.Energy(r.Int(1))
		return nil
	}, tx.Tenant, m.N)
	stocked := false // with an account that a move-out has not ended
	if err == nil && e.Meter.Status == registry.Stock {
		stocked, err = people.Of(tx.Tx).IsOpenAccount(e.Meter.Account)
	}
	if err == nil && stocked {
		e.OpenSums, err = books.Of(tx.Tx).HasOpenSums(e.Meter.Account)
	}
	if err == nil {
		_, err = tx.One(`SELECT p.measures FROM account a JOIN service_point p ON p.tenant_id = a.tenant_id AND p.id = a.service_point_id
			WHERE a.tenant_id = $1 AND a.id = $2`+tx.LockOf("p"),
			func(r core.Row) error { e.Measures = r.Text(0); return nil }, tx.Tenant, e.Meter.Account)
	}
	return e, fault.Wrap(err, "read what is known about the end of meter %s", m.Number)
}

// EndMeter removes or scraps a meter. Open connections are looked at after the commit. A meter in stock has an account of its own, which would be
// charged the fees of its tariff for ever, so it is closed, unless a move-out has closed it.
func (tx Rows) EndMeter(m registry.Meter, to registry.Status) error {
	err := tx.Rewrite("meter", m.ID, func() error {
		return tx.Must(`UPDATE meter SET status = $1, mqtt_hash = NULL, mqtt_next_hash = NULL, mqtt_next_at = NULL, link_key_enc = NULL,
			link_key_next_enc = NULL, link_key_next_at = NULL, login_ends_at = $2, login_at = $2, sim_phone = '', version = version + 1
			WHERE tenant_id = $3 AND id = $4 AND status = $5`, string(to), tx.Now, tx.Tenant, m.ID, string(m.Status))
	})
	tx.Due.Add(job.LaneLogin)
	if err == nil {
		_, err = tx.C.Exec(`UPDATE meter_install SET to_at = $1 WHERE tenant_id = $2 AND meter = $3 AND to_at IS NULL`, tx.Now, tx.Tenant, m.N)
	}
	open := false
	if err == nil && m.Status == registry.Stock {
		open, err = people.Of(tx.Tx).IsOpenAccount(m.Account)
	}
	if err == nil && open {
		err = people.Of(tx.Tx).AccountClose(m.Account, tx.Now, registry.CreditLeft{})
	}
	return fault.Wrap(err, "make meter %s %s", m.Number, string(to))
}

// GoneMeters lists at most max removed and scrapped meters with their last customers, those that ended last first. A registration that was taken back
// has no customer, and is not listed.
func (tx Rows) GoneMeters(max int) (out []registry.GoneMeter, err error) {
	err = tx.C.Query(`SELECT m.number, a.customer_id FROM meter m JOIN account a ON a.tenant_id = m.tenant_id AND a.id = m.account_id
		WHERE m.tenant_id = $1 AND m.status IN `+core.GoneMeters+` ORDER BY m.login_at DESC, m.n DESC LIMIT $2`, func(r core.Row) error {
		out = append(out, registry.GoneMeter{Number: r.Text(0), Customer: r.ID(1)})
		return nil
	}, tx.Tenant, max)
	return out, fault.Wrap(err, "list meters that are gone")
}
