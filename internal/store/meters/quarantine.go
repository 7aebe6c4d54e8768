package meters

import (
	"fmt"
	"strconv"

	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/internal/quarantine"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// heldRow is a row of quarantine with facts about its meter.
type heldRow = quarantine.Entry

var heldColumns = core.Columns[heldRow]{Table: "quarantine", Unattested: []core.Column[heldRow]{
	core.ID("id", func(e *heldRow) *id.ID { return &e.ID }),
	core.Int("meter", func(e *heldRow) *int64 { return &e.Meter }),
	core.Text("kind", func(e *heldRow) *quarantine.Kind { return &e.Kind }),
	core.Text("record", func(e *heldRow) *wire.Kind { return &e.Record }),
	core.Text("store", func(e *heldRow) *string { return &e.Memory }),
	core.Int("seq", func(e *heldRow) *uint64 { return &e.Seq }),
	core.Time("received_at", func(e *heldRow) *time.Time { return &e.ReceivedAt }),
	core.Text("doubt", func(e *heldRow) *metering.Doubt { return &e.Doubt }),
	core.Text("reason", func(e *heldRow) *string { return &e.Reason }),
	core.Bytes("payload", func(e *heldRow) *[]byte { return &e.Payload }),
	core.Maybe("was_wh", func(e *heldRow) **unit.Energy { return &e.Was }),
	core.Maybe("register_wh", func(e *heldRow) **unit.Energy { return &e.Register }),
	core.Time("at", func(e *heldRow) *time.Time { return &e.At }),
	core.Text("state", func(e *heldRow) *quarantine.State { return &e.State }).ReadOnly(),
	core.Time("decided_at", func(e *heldRow) *time.Time { return &e.DecidedAt }).ReadOnly(),
	core.Text("decided_by", func(e *heldRow) *string { return &e.DecidedBy }).ReadOnly(),
	core.Text("decision", func(e *heldRow) *string { return &e.Decision }).ReadOnly(),
}}

// heldQuery reads entries with facts about their meters; heldInsert adds an open entry.
var (
	heldQuery = `SELECT m.number, m.simulated, m.mode, ` + heldColumns.List("q") +
		` FROM quarantine q JOIN meter m ON m.tenant_id = q.tenant_id AND m.n = q.meter WHERE q.tenant_id = $1 AND `
	heldInsert = `INSERT INTO ` + heldColumns.Into()
)

// scanHeld reads the columns of heldQuery.
func scanHeld(r core.Row, e *heldRow) error {
	e.Number, e.Simulated, e.Wallet = r.Text(0), r.Bool(1), r.Text(2) == string(registry.PrepayWallet)
	_, err := heldColumns.Scan(r, 3, e)
	return err
}

// heldDropped returns the name of the counter of a meter's records that were not stored.
func heldDropped(meter int64) string { return fmt.Sprintf("aside dropped:%d", meter) }

// HoldRecord stores a record unchanged until a person decides about it.
func (tx Rows) HoldRecord(r *metering.Record, l *metering.Live, d metering.Decision) error {
	e, err := quarantine.HeldRecord(r, l, d)
	if err != nil {
		return err
	}
	return tx.addHeld(e)
}

// HoldDeviceValue enters a held value of a device's own register.
func (tx Rows) HoldDeviceValue(meter int64, v profile.HeldValue) (id.ID, error) {
	e := quarantine.OfDevice(meter, v)
	var err error
	if e.ID, err = tx.NewID(); err != nil {
		return id.ID{}, err
	}
	return e.ID, tx.addHeld(e)
}

// DecideHeldValue ends the entry of a held value as the later values of the device show. The entry of a meter that a person has decided
// meanwhile stays as it is.
func (tx Rows) DecideHeldValue(d profile.HeldDecision) error {
	e, found, err := tx.HeldEntry(d.Entry)
	if err != nil || !found || e.State != quarantine.Open {
		return err
	}
	return tx.WriteDecision(e.DecidedByDevice(d))
}

// HeldWaiting counts the records of a meter that wait for a decision.
func (tx Rows) HeldWaiting(meter int64) (int64, error) {
	n, err := tx.Number(`SELECT COUNT(*) FROM quarantine WHERE tenant_id = $1 AND meter = $2 AND kind = $3 AND state = 'open'`,
		tx.Tenant, meter, string(quarantine.OfRecord))
	return n, fault.Wrap(err, "quarantine: count")
}

// HeldDropped counts a record that was not stored, and returns the count for its meter.
func (tx Rows) HeldDropped(meter int64) (int64, error) {
	n, err := tx.Take(heldDropped(meter))
	return n, fault.Wrap(err, "quarantine: count dropped records")
}

// ResetHeldDropped resets the count of a meter's records that were not stored.
func (tx Rows) ResetHeldDropped(meter int64) error {
	if _, err := tx.C.Exec(`DELETE FROM counter WHERE tenant_id = $1 AND name = $2`, tx.Tenant, heldDropped(meter)); err != nil {
		return fault.Wrap(err, "quarantine: reset the count of dropped records")
	}
	tx.CacheCounter(heldDropped(meter), 0)
	return nil
}

// WalletStopped adds an entry for the reading at which the rating of a meter stopped.
func (tx Rows) WalletStopped(w wallet.Row) error { return tx.addHeld(quarantine.Stopped(w)) }

// WalletHeldEnergy changes the open quarantine entry about energy that a meter counted while its relay was open. It stores the register up
// to which the meter counted this energy.
func (tx Rows) WalletHeldEnergy(meter int64, d wallet.HeldEnergy) error {
	_, err := tx.C.Exec(`UPDATE quarantine SET register_wh = $1 WHERE tenant_id = $2 AND meter = $3 AND kind = $4 AND doubt = $5 AND store = $6
		AND seq = $7 AND state = 'open'`, d.Register, tx.Tenant, meter, string(quarantine.OfRating), string(metering.DoubtOpen), d.Memory, int64(d.Seq))
	return fault.Wrap(err, "quarantine: note what was counted")
}

// addHeld inserts an entry.
func (tx Rows) addHeld(e quarantine.Entry) error {
	var err error
	if e.ID.IsZero() {
		e.ID, err = tx.NewID()
	}
	if err != nil {
		return err
	}
	if e.Payload == nil {
		e.Payload = []byte{}
	}
	_, err = tx.C.Exec(heldInsert, heldColumns.Values(tx.Tenant, &e)...)
	return fault.Wrap(err, "quarantine: hold a record")
}

// HeldEntries lists entries of a meter (0: of all meters), newest first, before the given entry. If open is true, it lists only entries
// without a decision.
func (tx Rows) HeldEntries(meter int64, open bool, before id.ID, max int) ([]quarantine.Entry, error) {
	where, args := `q.id < $2`, []any{tx.Tenant, core.UpTo(before)}
	if meter != 0 {
		where, args = where+` AND q.meter = $3`, append(args, meter)
	}
	if open {
		where += ` AND q.state = 'open'`
	}
	var out []quarantine.Entry
	err := tx.C.Query(heldQuery+where+` ORDER BY q.id DESC LIMIT $`+strconv.Itoa(len(args)+1), func(r core.Row) error {
		out = append(out, heldRow{})
		return scanHeld(r, &out[len(out)-1])
	}, append(args, max)...)
	return out, fault.Wrap(err, "quarantine: list")
}

// HeldEntry reads an entry and locks it.
func (tx Rows) HeldEntry(entry id.ID) (quarantine.Entry, bool, error) {
	var e quarantine.Entry
	found, err := tx.One(heldQuery+`q.id = $2`+tx.LockOf("q"), func(r core.Row) error { return scanHeld(r, &e) }, tx.Tenant, entry)
	return e, found, fault.Wrap(err, "quarantine: read")
}

// HeldRating reads and locks the open entry at which the rating of a meter stopped.
func (tx Rows) HeldRating(meter int64) (quarantine.Entry, bool, error) {
	var e quarantine.Entry
	found, err := tx.One(heldQuery+`q.meter = $2 AND q.kind = $3 AND q.state = 'open'
		ORDER BY CASE WHEN q.doubt = $4 THEN 1 ELSE 0 END, q.id DESC LIMIT 1`+tx.LockOf("q"),
		func(r core.Row) error { return scanHeld(r, &e) }, tx.Tenant, meter, string(quarantine.OfRating),
		string(metering.DoubtOpen))
	return e, found, fault.Wrap(err, "quarantine: read")
}

// WriteDecision stores the decision about an entry.
func (tx Rows) WriteDecision(e quarantine.Entry) error {
	err := tx.Must(`UPDATE quarantine SET state = $1, decided_at = $2, decided_by = $3, decision = $4
		WHERE tenant_id = $5 AND id = $6 AND state = 'open'`, string(e.State), e.DecidedAt, e.DecidedBy, e.Decision, tx.Tenant, e.ID)
	return fault.Wrap(err, "quarantine: decide")
}

// HeldForDoubt counts the entries of a meter with this doubt that wait for a decision.
func (tx Rows) HeldForDoubt(meter int64, d metering.Doubt) (int64, error) {
	n, err := tx.Number(`SELECT COUNT(*) FROM quarantine WHERE tenant_id = $1 AND meter = $2 AND doubt = $3 AND state = 'open'`,
		tx.Tenant, meter, string(d))
	return n, fault.Wrap(err, "quarantine: count")
}

// RatingPending reports whether a wallet meter has an open entry about its rating.
func (tx Rows) RatingPending(meter int64) (bool, error) {
	n, err := tx.Number(`SELECT COUNT(*) FROM quarantine WHERE tenant_id = $1 AND meter = $2 AND kind = $3 AND state = 'open'`,
		tx.Tenant, meter, string(quarantine.OfRating))
	return n > 0, fault.Wrap(err, "quarantine: look for a rating")
}
