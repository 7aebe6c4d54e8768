package meters

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// supplyRow is a row of wallet_supply.
type supplyRow = wallet.Supply

var supplyColumns = core.Columns[supplyRow]{Table: "wallet_supply", Unattested: []core.Column[supplyRow]{
	core.Time("out_since", func(s *supplyRow) *time.Time { return &s.Out }),
	core.Text("block", func(s *supplyRow) *wallet.CutoffDelay { return &s.Block }),
	core.Time("noticed_at", func(s *supplyRow) *time.Time { return &s.Noticed }),
	core.ID("lease_cmd", func(s *supplyRow) *id.ID { return &s.Lease.Command }),
	core.Int("lease_max_wh", func(s *supplyRow) *unit.Energy { return &s.Lease.Max }),
	core.Time("lease_at", func(s *supplyRow) *time.Time { return &s.Lease.At }),
	core.Text("lease_store", func(s *supplyRow) *string { return &s.Lease.Memory }),
	core.ID("in_cmd", func(s *supplyRow) *id.ID { return &s.InMeter.Command }),
	core.Int("in_max_wh", func(s *supplyRow) *unit.Energy { return &s.InMeter.Max }),
	core.Time("in_at", func(s *supplyRow) *time.Time { return &s.InMeter.At }),
	core.Text("in_store", func(s *supplyRow) *string { return &s.InMeter.Memory }),
	core.Int("lease_risk_wh", func(s *supplyRow) *unit.Energy { return &s.Risk }),
	core.ID("cut_cmd", func(s *supplyRow) *id.ID { return &s.Cut }),
	core.ID("connect_cmd", func(s *supplyRow) *id.ID { return &s.Connect }),
	core.ID("config_cmd", func(s *supplyRow) *id.ID { return &s.Config }),
	core.ID("clock_cmd", func(s *supplyRow) *id.ID { return &s.Clock }),
	core.Int("config_version", func(s *supplyRow) *int64 { return &s.ConfigVersion }),
	core.Text("config_hash", func(s *supplyRow) *string { return &s.ConfigHash }),
	core.Text("off_by", func(s *supplyRow) *string { return &s.By }),
	core.Text("off_why", func(s *supplyRow) *string { return &s.Why }),
	core.Time("look_at", func(s *supplyRow) *time.Time { return &s.LookAt }),
	{Name: "meter", Form: 'i'},
}}

// supplySave inserts or updates the supply of a meter, and suppliesSave those of several meters.
var (
	supplySave   = `INSERT INTO ` + supplyColumns.Into("meter") + supplyColumns.OrUpdate("meter")
	suppliesSave = `INSERT INTO ` + supplyColumns.IntoRows(nil, "meter") + supplyColumns.OrUpdate("meter")
)

// orderColumns are the columns of an order that supplyQuery reads.
var orderColumns = core.Columns[commandRow]{Table: "command",
	Unattested: commandColumns.Pick("state", "answer", "counter", "updated_at", "expires_at")}

// firstOrderColumn is the index in supplyQuery of the first of the orderColumns. These come five times: for the newest lease, cut-off,
// connect, configuration and clock order.
const firstOrderColumn = 11

// supplyQuery reads what meters reported last, the progress of their newest supply orders, and their stored supplies.
var supplyQuery = `SELECT l.meter, l.relay, l.reasons, l.balance_wh, l.received_at, l.store, l.info, l.register_wh, l.reading_seq, l.as_of,
	c1.answer_seq, ` + orderColumns.List("c1") + `, ` + orderColumns.List("c2") + `, ` + orderColumns.List("c3") + `, ` + orderColumns.List("c4") + `,
	` + orderColumns.List("c5") + `, ` + supplyColumns.List("s") + `
	FROM meter_live l LEFT JOIN wallet_supply s ON s.tenant_id = l.tenant_id AND s.meter = l.meter
	LEFT JOIN command c1 ON c1.tenant_id = s.tenant_id AND c1.id = s.lease_cmd
	LEFT JOIN command c2 ON c2.tenant_id = s.tenant_id AND c2.id = s.cut_cmd
	LEFT JOIN command c3 ON c3.tenant_id = s.tenant_id AND c3.id = s.connect_cmd
	LEFT JOIN command c4 ON c4.tenant_id = s.tenant_id AND c4.id = s.config_cmd
	LEFT JOIN command c5 ON c5.tenant_id = s.tenant_id AND c5.id = s.clock_cmd
	WHERE l.tenant_id = $1 AND l.meter `

// emergencyQuery reads the last supply that one person restored for each account. silenceQuery reads when the feeders of accounts were found
// silent. Mostly no feeder is silent, and its first condition is then false for all accounts.
const (
	emergencyQuery = `SELECT account_id, until_at, floor, energy_wh, meter, register_wh, by_actor, reason FROM emergency
		WHERE tenant_id = $1 AND account_id `
	silenceQuery = `SELECT a.id, f.raised_at FROM account a JOIN service_point p ON p.tenant_id = a.tenant_id AND p.id = a.service_point_id
		JOIN alarm f ON f.tenant_id = p.tenant_id AND f.feeder = p.feeder AND f.cleared_at IS NULL AND f.feeder <> ''
		WHERE EXISTS (SELECT 1 FROM alarm o WHERE o.tenant_id = $1 AND o.cleared_at IS NULL AND o.feeder <> '') AND a.tenant_id = $1 AND a.id `
)

// SuppliesOf reads the stored supplies of locked wallets, and the facts about their meters. The lock of a meter's wallet also protects its
// supply.
func (tx Rows) SuppliesOf(rows []wallet.Row) (map[int64]wallet.Supplied, error) {
	emergencies, silent, err := tx.accountsOf(rows)
	if err != nil {
		return nil, err
	}
	meters := make([]int64, len(rows))
	for i := range rows {
		meters[i] = rows[i].Meter.N
	}
	out := make(map[int64]wallet.Supplied, len(rows))
	err = core.ReadBy(tx.Tx, core.Keyed{Query: supplyQuery, Form: 'i'}, meters, func(r core.Row) error {
		var s wallet.Supplied
		err := tx.scanSupply(r, &s)
		out[r.Int(0)] = s
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the supplies of meters: %w", err)
	}
	for i := range rows { // the rows are read: a connection runs one statement at a time
		f := &rows[i].Meter
		m, s := f.N, out[f.N]
		s.Interval, s.Imp, s.Protected, s.Grace, s.Commands = f.Interval, f.Imp, f.Protected, f.Grace, f.Linked && s.Memory != profile.Memory
		s.Emergency, s.Dark = emergencies[f.Account], silent[f.Account]
		if s.NoCutYet() {
			s.CutBefore, err = tx.cutBefore(m, s.Supply.Cut, s.Supply.Connect)
		}
		if err == nil && s.LooksBack() {
			s.SignedLeases, err = tx.signedLeases(m, s.Memory)
		}
		if err != nil {
			return nil, err
		}
		out[m] = s
	}
	return out, nil
}

// accountsOf reads the last emergency supply of each account, and when its feeder was found silent.
func (tx Rows) accountsOf(rows []wallet.Row) (map[id.ID]wallet.Emergency, map[id.ID]time.Time, error) {
	accounts := make([]id.ID, len(rows))
	for i := range rows {
		accounts[i] = rows[i].Meter.Account
	}
	accounts = slices.Compact(accounts)
	emergencies, silent := map[id.ID]wallet.Emergency{}, map[id.ID]time.Time{}
	err := core.ReadBy(tx.Tx, core.Keyed{Query: emergencyQuery, Form: 'b'}, accounts, func(r core.Row) error {
		emergencies[r.ID(0)] = wallet.Emergency{Until: r.Time(1), Floor: money.Minor(r.Int(2)), Energy: unit.Energy(r.Int(3)), Meter: r.Int(4),
			Register: unit.Energy(r.Int(5)), By: r.Text(6), Reason: r.Text(7)}
		return nil
	})
	if err == nil {
		err = core.ReadBy(tx.Tx, core.Keyed{Query: silenceQuery, Form: 'b'}, accounts, func(r core.Row) error { silent[r.ID(0)] = r.Time(1); return nil })
	}
	return emergencies, silent, fault.Wrap(err, "read the supplies of accounts")
}

// cutBefore reports whether a signed cut-off of a meter was ordered between two commands. The parameter connect names the
// earlier command, and the parameter later names the later command.
func (tx Rows) cutBefore(meter int64, later, connect id.ID) (before bool, err error) {
	_, err = tx.One(`SELECT id FROM command WHERE tenant_id = $1 AND meter = $2 AND id < $3 AND type = $4 AND counter > 0 ORDER BY id DESC LIMIT 1`,
		func(r core.Row) error {
			cut := r.ID(0)
			before = bytes.Compare(cut[:], connect[:]) > 0
			return nil
		}, tx.Tenant, meter, later, string(command.Disconnect))
	if err != nil {
		return false, fmt.Errorf("look for a cut-off of meter %d: %w", meter, err)
	}
	return before, nil
}

// signedLeases lists the newest signed leases of a meter, with its present memory. Unsigned leases were never sent, so they do not show
// which leases the meter has. While a meter is offline and its money runs down, many unsigned leases are withdrawn.
func (tx Rows) signedLeases(meter int64, memory string) (out []wallet.SignedLease, err error) {
	err = tx.C.Query(`SELECT id, args, created_at, state, answer, counter, answer_seq FROM command
		WHERE tenant_id = $1 AND meter = $2 AND type = $3 AND counter > 0 ORDER BY id DESC LIMIT $4`, func(r core.Row) error {
		args, err := readArgs(r.Text(1))
		max, _ := args["max_register_wh"].(int64)
		out = append(out, wallet.SignedLease{Lease: wallet.Lease{Command: r.ID(0), Max: unit.Energy(max), At: r.Time(2), Memory: memory},
			Progress: wallet.Progress{ID: r.ID(0), State: r.Text(3), Answer: r.Text(4), Signed: r.Int(5) > 0, Seq: uint64(r.Int(6))}})
		return err
	}, tx.Tenant, meter, string(command.Lease), wallet.MaxSignedLeases)
	if err != nil {
		return nil, fmt.Errorf("list the leases of meter %d: %w", meter, err)
	}
	return out, nil
}

func (tx Rows) scanSupply(r core.Row, s *wallet.Supplied) error {
	s.Seen = wallet.Seen{Relay: r.Text(1), Left: unit.Energy(r.Int(3)), ReceivedAt: r.Time(4), Memory: r.Text(5), Register: unit.Energy(r.Int(7)),
		Seq: uint64(r.Int(8)), AsOf: r.Time(9)}
	for _, name := range metering.SplitReasons(r.Text(2)) {
		if reason, ok := supply.ParseReason(name); ok {
			s.Reasons = s.Reasons.With(reason)
		}
	}
	if text := r.Text(6); text != "" {
		info, err := core.ParsedOnce(tx.Tx, text, func(text string) (metering.Info, error) { return metering.ParseInfo(text), nil })
		if err != nil {
			return err
		}
		s.Leases = slices.Contains(info.Caps, "lease")
		s.Seen.ConfigVersion, s.Seen.ConfigHash, s.Seen.Booted = info.Config.Version, info.Config.Hash, info.Server.Booted
	}
	told := [...]*wallet.Progress{&s.Seen.Lease, &s.Seen.Cut, &s.Seen.Connect, &s.Seen.Config, &s.Seen.Clock}
	at, err := firstOrderColumn, error(nil)
	var c commandRow
	for i := 0; i < len(told) && err == nil; i++ {
		at, err = orderColumns.Scan(r, at, &c)
		*told[i] = wallet.Progress{State: string(c.State), Answer: c.Answer, Signed: c.Counter > 0, Since: c.UpdatedAt, Until: c.ExpiresAt}
	}
	if err == nil {
		_, err = supplyColumns.Scan(r, at, &s.Supply)
	}
	for i, order := range [...]id.ID{s.Supply.Lease.Command, s.Supply.Cut, s.Supply.Connect, s.Supply.Config, s.Supply.Clock} {
		told[i].ID = order
	}
	s.Seen.Lease.Seq = uint64(r.Int(firstOrderColumn - 1))
	return err
}

// SupplyPut stores a meter's supply.
func (tx Rows) SupplyPut(meter int64, s wallet.Supply) error {
	_, err := tx.C.Exec(supplySave, supplyColumns.Values(tx.Tenant, &s, meter)...)
	return fault.Wrap(err, "write the supply of meter %d", meter)
}

// SuppliesPut stores the supplies of meters.
func (tx Rows) SuppliesPut(all []wallet.MeterSupply) error {
	if len(all) == 1 {
		return tx.SupplyPut(all[0].Meter, all[0].Supply)
	}
	rows, err := core.RowsInto(suppliesSave, tx.Tenant), error(nil)
	for i := 0; i < len(all) && err == nil; i++ {
		err = core.AddRow(tx.Tx, &rows, &supplyColumns, &all[i].Supply, all[i].Meter)
	}
	if err == nil {
		err = rows.Insert(tx.Tx)
	}
	return fault.Wrap(err, "write the supplies of meters")
}

// QueueCommand queues an order to a wallet meter: a command that is signed when it is sent.
func (tx Rows) QueueCommand(m wallet.MeterFacts, o wallet.Command) (id.ID, error) {
	i, _, err := tx.NextCommandID(m.N)
	if err != nil {
		return id.ID{}, err
	}
	by := o.By
	if by == "" {
		by = access.SystemActor(tx.Tenant, wallet.Actor).String()
	}
	c := command.Command{Meter: m.N, Number: m.Number, Type: command.Type(o.Type), Args: o.Args, Reason: o.Reason, ExpiresAt: o.Ends(m.Clock(tx.Now)),
		By: by, CreatedAt: tx.Now}
	c, item, err := c.Queued(i, o.TTL)
	if err != nil {
		return id.ID{}, fmt.Errorf("order %s of meter %s: %w", o.Type, m.Number, err)
	}
	return i, tx.AddCommand(c, item)
}

// NextCommandID makes the identity of a meter's next order and returns the time of the order. Identities rise even if the clock was set
// back, because their order decides whether a cut-off or a connect is later, and how lists are sorted.
func (tx Rows) NextCommandID(meter int64) (i id.ID, at time.Time, err error) {
	var last id.ID
	_, err = tx.One(`SELECT id FROM command WHERE tenant_id = $1 AND meter = $2 ORDER BY id DESC LIMIT 1`,
		func(r core.Row) error { last = r.ID(0); return nil }, tx.Tenant, meter)
	if err != nil {
		return id.ID{}, time.Time{}, fmt.Errorf("find the last order of meter %d: %w", meter, err)
	}
	i, err = tx.NewID()
	if err == nil && bytes.Compare(i[:], last[:]) <= 0 {
		i, err = id.New(last.Time().Add(time.Millisecond), tx.Rand)
	}
	return i, tx.Now.Truncate(time.Millisecond), err
}

// Withdraw ends an order that its meter has not carried out, so that it is not sent again. If the meter still answers later, the answer
// counts.
func (tx Rows) Withdraw(m wallet.MeterFacts, t wallet.CommandType, order id.ID, why string) error {
	_, err := tx.C.Exec(`UPDATE command SET state = $1, mark = NULL, answer = $2, updated_at = $3, version = version + 1
		WHERE tenant_id = $4 AND id = $5 AND state IN ('queued', 'sent')`, string(command.StateExpired), why, tx.Now, tx.Tenant, order)
	if err != nil {
		return fmt.Errorf("withdraw order %s: %w", order.Text(id.Command), err)
	}
	return tx.DropDelivery(command.Type(t).Key(m.Number), order.Text(id.Command))
}

// WakeOrders makes the waiting orders of a type due at once.
func (tx Rows) WakeOrders(m wallet.MeterFacts, t wallet.CommandType) error {
	return tx.OutboxWake(job.LaneMQTT, command.Type(t).Key(m.Number))
}

// Notify puts a notice for a customer into the outbox.
func (tx Rows) Notify(m wallet.MeterFacts, n wallet.Notice) error {
	body, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("notice %s of meter %s: %w", n.Kind, m.Number, err)
	}
	_, err = tx.Enqueue(job.Item{Lane: job.LaneNotice, Key: n.Account, Kind: string(n.Kind), Body: body, ExpiresAt: tx.Now.Add(wallet.NoticeLife)})
	return err
}

// LastVisibility returns when the server last saw its meters, and the facts about the server's clock.
func (tx Rows) LastVisibility() (wallet.VisibilityInput, error) {
	l := wallet.VisibilityInput{Now: tx.Now, Apart: tx.Apart}
	_, err := tx.One(`SELECT seen, unseen FROM sight WHERE tenant_id = $1`, func(r core.Row) error { l.Seen, l.Unseen = r.Time(0), r.Time(1); return nil }, tx.Tenant)
	return l, fault.Wrap(err, "read when meters were last seen")
}

// NoteVisibility stores when the server last saw its meters, and the start of the last period in which it did not see them.
func (tx Rows) NoteVisibility(seen, unseen time.Time) error {
	_, err := tx.C.Exec(`INSERT INTO sight (tenant_id, seen, unseen) VALUES ($1, $2, $3)
		ON CONFLICT (tenant_id) DO UPDATE SET seen = excluded.seen, unseen = excluded.unseen`, tx.Tenant, seen, unseen)
	return fault.Wrap(err, "note that meters are seen")
}

// MakeDue makes waiting work due now, at most max rows of each kind. DueBounds holds a latest due time for supplies, for outbox items and
// for messages. Work with a later due time becomes due now. Items and messages that were stored at a time still in the future also become
// due, and so do all waiting items for meters. MakeDue ends the claim of an outbox item only if the claim would last beyond the time in the
// field Taken. Other claims stay, because otherwise their items would be sent twice. MakeDue reports whether there may be more rows.
func (tx Rows) MakeDue(later wallet.DueBounds, max int) (more bool, err error) {
	for _, s := range []struct {
		sql   string
		later time.Time
	}{
		{`UPDATE wallet_supply SET look_at = $1 WHERE tenant_id = $2 AND meter IN (
			SELECT meter FROM wallet_supply WHERE tenant_id = $2 AND look_at > $3 LIMIT $4)`, later.Looks},
		{`UPDATE outbox SET next_at = $1 WHERE tenant_id = $2 AND id IN (SELECT id FROM outbox WHERE tenant_id = $2 AND dead_at IS NULL
			AND next_at > $1 AND (lane = '` + job.LaneMQTT + `' OR created_at > $1 OR next_at > $3) LIMIT $4)`, later.Commands},
		{`UPDATE message SET next_at = $1 WHERE tenant_id = $2 AND id IN (SELECT id FROM message WHERE tenant_id = $2 AND open = 1
			AND next_at > $1 AND (created_at > $1 OR next_at > $3) LIMIT $4)`, later.Messages},
		{`UPDATE outbox SET owner_until = $1 WHERE tenant_id = $2 AND id IN (
			SELECT id FROM outbox WHERE tenant_id = $2 AND owner_until > $3 LIMIT $4)`, later.Taken},
	} {
		n, err := tx.C.Exec(s.sql, tx.Now, tx.Tenant, s.later, max)
		if err != nil {
			return false, fmt.Errorf("wake supplies whose time has not come: %w", err)
		}
		more = more || n >= int64(max)
	}
	return more, nil
}

// SuppliesDue lists the accounts with a supply that is due for a check by a moment. It names each account once. If it returns fewer than
// max accounts, there are no others.
func (tx Rows) SuppliesDue(by time.Time, max int) ([]id.ID, error) {
	var out []id.ID
	err := tx.C.Query(`SELECT m.account_id FROM wallet_supply s JOIN meter m ON m.tenant_id = s.tenant_id AND m.n = s.meter
		WHERE s.tenant_id = $1 AND s.look_at <= $2 AND m.account_id IS NOT NULL GROUP BY m.account_id ORDER BY MIN(s.look_at) LIMIT $3`, func(r core.Row) error {
		out = append(out, r.ID(0))
		return nil
	}, tx.Tenant, by, max)
	return out, fault.Wrap(err, "list supplies to look at")
}

// CheckSupplyNow makes the supply of a meter due for a check now.
func (tx Rows) CheckSupplyNow(meter int64) error {
	return tx.Must(`UPDATE wallet_supply SET look_at = $1 WHERE tenant_id = $2 AND meter = $3`, tx.Now, tx.Tenant, meter)
}

// LeaseNumber returns the number of a meter's last lease. It also looks at the last lease command before the given order. The result
// refused is true if the meter rejected that lease because it already had a lease with a higher number.
func (tx Rows) LeaseNumber(meter int64, order id.ID) (last int64, refused bool, err error) {
	_, err = tx.One(`SELECT state, answer FROM command WHERE tenant_id = $1 AND meter = $2 AND type = $3 AND id < $4 ORDER BY id DESC LIMIT 1`,
		func(r core.Row) error {
			refused = r.Text(0) == string(command.StateFailed) && strings.HasPrefix(r.Text(1), "old")
			return nil
		}, tx.Tenant, meter, string(command.Lease), order)
	if err == nil {
		last, err = tx.Number(`SELECT lease_seq FROM meter WHERE tenant_id = $1 AND n = $2`+tx.C.ForUpdate(), tx.Tenant, meter)
	}
	if err != nil {
		return 0, false, fmt.Errorf("read the last lease of meter %d: %w", meter, err)
	}
	return last, refused, nil
}

// LeaseNumbered stores the number of a meter's newest lease.
func (tx Rows) LeaseNumbered(meter, number int64) error {
	err := tx.Must(`UPDATE meter SET lease_seq = $1 WHERE tenant_id = $2 AND n = $3`, number, tx.Tenant, meter)
	if err != nil {
		return fmt.Errorf("number the lease of meter %d: %w", meter, err)
	}
	return nil
}

// emergencyColumns are the columns of supplies that were restored on credit.
var emergencyColumns = core.Columns[wallet.Emergency]{Table: "emergency", Later: []core.Column[wallet.Emergency]{
	core.Int("meter", func(e *wallet.Emergency) *int64 { return &e.Meter }),
	core.Int("register_wh", func(e *wallet.Emergency) *unit.Energy { return &e.Register }),
	core.Int("energy_wh", func(e *wallet.Emergency) *unit.Energy { return &e.Energy }),
	core.Int("floor", func(e *wallet.Emergency) *money.Minor { return &e.Floor }),
	core.Time("until_at", func(e *wallet.Emergency) *time.Time { return &e.Until }),
	core.Text("by_actor", func(e *wallet.Emergency) *string { return &e.By }),
	core.Text("reason", func(e *wallet.Emergency) *string { return &e.Reason }),
}, Unattested: []core.Column[wallet.Emergency]{{Name: "account_id", Form: 'b'}, {Name: "created_at", Form: 'i'}}}

// emergencyKind is the name of these supplies in evidence, and EmergencyKind describes it. Rows of older versions have none.
const emergencyKind = "emergency"

var EmergencyKind = core.AttestedKind{Name: emergencyKind, Noun: "Supply on credit of account", Prefix: id.Account, From: "emergency r", Key: "account_id",
	Order: "r.created_at", Proof: emergencyColumns.LaterProof("r"), Optional: true}

// PutEmergency stores the last supply that was restored for an account on credit.
func (tx Rows) PutEmergency(account id.ID, e wallet.Emergency) error {
	err := tx.Rewrite(emergencyKind, account, func() error {
		_, err := tx.C.Exec(`INSERT INTO `+emergencyColumns.Into("account_id", "created_at")+emergencyColumns.OrUpdate("account_id")+`, created_at = excluded.created_at`,
			emergencyColumns.Values(tx.Tenant, &e, account, tx.Now)...)
		return err
	})
	return fault.Wrap(err, "store the emergency supply of account %s", account.Text(id.Account))
}

// AccountSupply sets an account's protection from cut-off and its lease grace.
func (tx Rows) AccountSupply(account id.ID, s registry.AccountSupply) error {
	err := tx.Rewrite("account", account, func() error {
		return tx.Must(`UPDATE account SET protected = $1, lease_grace_wh = $2, version = version + 1 WHERE tenant_id = $3 AND id = $4`,
			s.Protected, s.Grace, tx.Tenant, account)
	})
	return fault.Wrap(err, "set the supply of account %s", account.Text(id.Account))
}
