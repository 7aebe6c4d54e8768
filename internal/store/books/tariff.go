package books

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/people"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// tariffColumns are the columns of a tariff. A [tariff.Version] carries the tariff's name.
var tariffColumns = core.Columns[tariff.Version]{Table: "tariff", Attested: []core.Column[tariff.Version]{
	core.Text("name", func(v *tariff.Version) *string { return &v.Name }),
}, Unattested: []core.Column[tariff.Version]{
	{Name: "id", Form: 'b', Write: func(v *tariff.Version) any { return v.TariffID }},
	{Name: "created_at", Form: 'i'},
	{Name: "version", Form: 'i'},
}}

var versionColumns = core.Columns[tariff.Version]{Table: "tariff_version", Attested: []core.Column[tariff.Version]{
	core.ID("tariff_id", func(v *tariff.Version) *id.ID { return &v.TariffID }),
	core.Int("n", func(v *tariff.Version) *int { return &v.N }),
	core.Time("effective_from", func(v *tariff.Version) *time.Time { return &v.EffectiveFrom }),
	{Name: "body_json", Form: 't'},
	{Name: "published_at", Form: 'i'},
	{Name: "published_by", Form: 't'},
}, Added: []core.Column[tariff.Version]{
	core.Int("withdraws", func(v *tariff.Version) *int { return &v.Withdraws }).OrNull(),
}, Unattested: []core.Column[tariff.Version]{
	core.ID("id", func(v *tariff.Version) *id.ID { return &v.ID }),
	{Name: "created_at", Form: 'i'},
}}

// TariffKind describes the evidence of tariffs.
var TariffKind = core.AttestedKind{Name: "tariff", Noun: "Tariff", Prefix: id.Tariff, From: "tariff r", Key: "id", Order: "0",
	Proof: tariffColumns.Proof("r")}

// VersionKind describes the evidence of tariff versions.
var VersionKind = core.AttestedKind{Name: "version", Noun: "Tariff version", Prefix: id.Version, From: "tariff_version r", Key: "id", Order: "0",
	Proof: versionColumns.Proof("r")}

// TariffByName finds a tariff's identity by its name.
func (tx Rows) TariffByName(name string) (id.ID, bool, error) {
	var i id.ID
	found, err := tx.One(`SELECT id FROM tariff WHERE tenant_id = $1 AND name = $2`,
		func(r core.Row) error { i = r.ID(0); return nil }, tx.Tenant, name)
	return i, found, fault.Wrap(err, "find tariff %q", name)
}

// TariffName finds a tariff's name by its identity.
func (tx Rows) TariffName(t id.ID) (string, bool, error) {
	name := ""
	found, err := tx.One(`SELECT name FROM tariff WHERE tenant_id = $1 AND id = $2`,
		func(r core.Row) error { name = r.Text(0); return nil }, tx.Tenant, t)
	return name, found, fault.Wrap(err, "find tariff %s", t.Text(id.Tariff))
}

// AddTariffRow stores a new tariff, which has no version yet.
func (tx Rows) AddTariffRow(t id.ID, name string) error {
	_, err := tx.C.Exec(`INSERT INTO `+tariffColumns.Into("created_at"),
		tariffColumns.Values(tx.Tenant, &tariff.Version{TariffID: t, Name: name}, tx.Now)...)
	if err != nil {
		return fmt.Errorf("store tariff %q: %w", name, err)
	}
	return tx.Attest("tariff", t)
}

// AddTariffVersion stores a published version, which never changes afterwards.
func (tx Rows) AddTariffVersion(v tariff.Version, by string) error {
	body, err := tariff.Encode(v.Body)
	if err != nil {
		return err
	}
	_, err = tx.C.Exec(`INSERT INTO `+versionColumns.Into("body_json", "published_at", "published_by", "created_at"),
		versionColumns.Values(tx.Tenant, &v, string(body), tx.Now, by, tx.Now)...)
	if err != nil {
		return fmt.Errorf("store version %d of tariff %q: %w", v.N, v.Name, err)
	}
	if err := tx.WakeParked(job.Registration{Prices: true}, v.EffectiveFrom); err != nil {
		return err
	}
	tx.CacheVersion(v.TariffID, core.VersionSpan{}) // the cached version may no longer be in force
	return tx.Attest("version", v.ID)
}

// BeginningVersions is the rest of a query that begins with [VersionTables]: the versions of tariff $2 that begin, in this order.
var BeginningVersions = ` WHERE v.tenant_id = $1 AND v.tariff_id = $2 AND ` + versionBegins("v") + ` ORDER BY v.effective_from`

// VersionList is the columns of [VersionTables] that [Rows.ScanVersion] reads.
var VersionList = `v.body_json, ` + tariffColumns.List("t") + `, ` + versionColumns.List("v")

// VersionTables is the FROM clause of a tariff version with its tariff.
const VersionTables = ` FROM tariff_version v JOIN tariff t ON t.tenant_id = v.tenant_id AND t.id = v.tariff_id`

// ScanVersion reads the columns of VersionList, starting at column col.
func (tx Rows) ScanVersion(r core.Row, col int) (v tariff.Version, err error) {
	body := r.Text(col)
	if col, err = tariffColumns.Scan(r, col+1, &v); err == nil {
		_, err = versionColumns.Scan(r, col, &v)
	}
	if err == nil {
		v.Body, err = tx.TariffBody(body)
	}
	if err != nil {
		return tariff.Version{}, fmt.Errorf("version %d of tariff %q: %w", v.N, v.Name, err)
	}
	return v, nil
}

// versionBegins returns the condition that a row of tariff_version begins, as [tariff.Version.Begins] says: it takes no version back, and no later
// row has its moment.
func versionBegins(row string) string {
	return row + `.withdraws IS NULL AND NOT EXISTS (SELECT 1 FROM tariff_version o WHERE o.tenant_id = ` + row + `.tenant_id AND o.tariff_id = ` + row +
		`.tariff_id AND o.effective_from = ` + row + `.effective_from AND o.n > ` + row + `.n)`
}

// TariffVersionAt returns the version of a tariff in force at a moment, which is the version that began last before it. The cached span may end
// earlier than the version: it ends at the moment of the next row, even if that one never begins.
func (tx Rows) TariffVersionAt(t id.ID, at time.Time) (tariff.Version, bool, error) {
	if v, ok := tx.CachedVersion(t, at); ok {
		return v, true, nil
	}
	var s core.VersionSpan
	found, err := tx.One(`SELECT (SELECT MIN(w.effective_from) FROM tariff_version w
			WHERE w.tenant_id = $1 AND w.tariff_id = $2 AND w.effective_from > $3), `+VersionList+VersionTables+`
		WHERE v.tenant_id = $1 AND v.tariff_id = $2 AND v.effective_from <= $3 AND `+versionBegins("v")+`
		ORDER BY v.effective_from DESC LIMIT 1`,
		func(r core.Row) (err error) { s.Until = r.Time(0); s.Version, err = tx.ScanVersion(r, 1); return err }, tx.Tenant, t, at)
	if err != nil {
		return tariff.Version{}, false, fmt.Errorf("find tariff %s in force: %w", t.Text(id.Tariff), err)
	}
	if found {
		tx.CacheVersion(t, s)
	}
	return s.Version, found, nil
}

// beyondVersions is greater than every version number.
const beyondVersions = 1 << 30

// TariffVersions lists versions of a tariff, newest first. It begins after the given version, or with the newest if it is zero.
func (tx Rows) TariffVersions(t, before id.ID, max int) ([]tariff.Version, error) {
	var out []tariff.Version
	err := tx.C.Query(`SELECT `+VersionList+VersionTables+` WHERE v.tenant_id = $1 AND v.tariff_id = $2
		AND v.n < COALESCE((SELECT w.n FROM tariff_version w WHERE w.tenant_id = $1 AND w.id = $3), $4)
		ORDER BY v.n DESC LIMIT $5`, func(r core.Row) error {
		v, err := tx.ScanVersion(r, 0)
		out = append(out, v)
		return err
	}, tx.Tenant, t, before[:], beyondVersions, max)
	return out, fault.Wrap(err, "list versions of tariff %s", t.Text(id.Tariff))
}

// TariffUses returns the energy that the accounts which are on a tariff now bought or got free in each local month. Each row names the account's
// meter, or the account itself if it has no meter any more.
func (tx Rows) TariffUses(t id.ID, fromMonth, toMonth string, max int) ([]tariff.MonthUse, error) {
	var out []tariff.MonthUse
	err := tx.C.Query(`SELECT u.account_id, u.month, u.units_wh, COALESCE((SELECT MIN(m.number) FROM meter m
			WHERE m.tenant_id = u.tenant_id AND m.account_id = u.account_id AND m.status NOT IN `+core.LeftMeters+`), '')
		FROM usage_month u JOIN account a ON a.tenant_id = u.tenant_id AND a.id = u.account_id
		WHERE u.tenant_id = $1 AND `+people.EverOn("$1", "$2")+` AND `+people.TariffAt("$3")+` = $2 AND u.month >= $4 AND u.month <= $5
		ORDER BY u.account_id, u.month LIMIT $6`, func(r core.Row) error {
		u := tariff.MonthUse{Meter: r.Text(3), Month: r.Text(1), Units: unit.Energy(r.Int(2))}
		if u.Meter == "" {
			u.Meter = r.ID(0).Text(id.Account)
		}
		out = append(out, u)
		return nil
	}, tx.Tenant, t, tx.Now, fromMonth, toMonth, max)
	return out, fault.Wrap(err, "read what was bought on tariff %s", t.Text(id.Tariff))
}

// TariffSellsTokens reports whether any open account buys tokens on the tariff, or will do so: a change that is planned counts, unless it was
// withdrawn.
func (tx Rows) TariffSellsTokens(t id.ID) (bool, error) {
	found, err := tx.One(`SELECT a.id FROM account a WHERE a.tenant_id = $1 AND a.mode = 'prepay_token' AND a.status <> 'closed'
		AND `+people.EverOn("$1", "$2")+` AND (`+people.TariffAt("$3")+` = $2 OR EXISTS (SELECT 1 FROM account_tariff h
			WHERE h.tenant_id = a.tenant_id AND h.account_id = a.id AND h.tariff_id = $2 AND h.from_at > $3 AND `+people.NotWithdrawn+`)) LIMIT 1`,
		func(core.Row) error { return nil }, tx.Tenant, t, tx.Now)
	return found, fault.Wrap(err, "look for token meters on tariff %s", t.Text(id.Tariff))
}

// TariffsInForce lists the tariffs after the given tariff in the order of publication. Each has its version in force at the moment, or the
// version that begins first if none has begun.
func (tx Rows) TariffsInForce(at time.Time, after id.ID, max int) ([]tariff.Version, error) {
	var out []tariff.Version
	err := tx.C.Query(`SELECT `+VersionList+VersionTables+` WHERE v.tenant_id = $1 AND v.tariff_id > $2 AND v.n = COALESCE(
			(SELECT w.n FROM tariff_version w WHERE w.tenant_id = $1 AND w.tariff_id = v.tariff_id AND w.effective_from <= $3
				AND `+versionBegins("w")+` ORDER BY w.effective_from DESC LIMIT 1),
			(SELECT w.n FROM tariff_version w WHERE w.tenant_id = $1 AND w.tariff_id = v.tariff_id AND `+versionBegins("w")+`
				ORDER BY w.effective_from LIMIT 1))
		ORDER BY v.tariff_id LIMIT $4`, func(r core.Row) error {
		v, err := tx.ScanVersion(r, 0)
		out = append(out, v)
		return err
	}, tx.Tenant, after[:], at, max)
	return out, fault.Wrap(err, "list tariffs")
}

// TariffVersion reads a version of a tariff by its identity.
func (tx Rows) TariffVersion(version id.ID) (tariff.Version, error) {
	var v tariff.Version
	found, err := tx.One(`SELECT `+VersionList+VersionTables+` WHERE v.tenant_id = $1 AND v.id = $2`,
		func(r core.Row) (err error) { v, err = tx.ScanVersion(r, 0); return err }, tx.Tenant, version)
	if err == nil && !found {
		err = core.ErrNotFound
	}
	return v, fault.Wrap(err, "read the tariff version of a sale")
}

// VersionsByID reads several versions as [Rows.TariffVersion] reads one. A version that does not exist is missing.
func (tx Rows) VersionsByID(versions []id.ID) (map[id.ID]tariff.Version, error) {
	out := make(map[id.ID]tariff.Version, len(versions))
	err := core.ReadBy(tx.Tx, core.Keyed{Query: `SELECT ` + VersionList + VersionTables + ` WHERE v.tenant_id = $1 AND v.id `, Form: 'b'}, versions, func(r core.Row) error {
		v, err := tx.ScanVersion(r, 0)
		out[v.ID] = v
		return err
	})
	return out, fault.Wrap(err, "read tariff versions")
}
