package books

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// TariffByName finds a tariff's identity by its name.
func (tx Rows) TariffByName(name string) (id.ID, bool, error) {
	var i id.ID
	found, err := tx.One(`SELECT id FROM tariff WHERE tenant_id = $1 AND name = $2`,
		func(r core.Row) error { i = r.ID(0); return nil }, tx.Tenant, name)
	if err != nil {
		return id.ID{}, false, fmt.Errorf("find tariff %q: %w", name, err)
	}
	return i, found, nil
}

// TariffName finds a tariff's name by its identity.
func (tx Rows) TariffName(t id.ID) (string, bool, error) {
	name := ""
	found, err := tx.One(`SELECT name FROM tariff WHERE tenant_id = $1 AND id = $2`,
		func(r core.Row) error { name = r.Text(0); return nil }, tx.Tenant, t)
	if err != nil {
		return "", false, fmt.Errorf("find tariff %s: %w", t.Text(id.Tariff), err)
	}
	return name, found, nil
}

// AddTariffRow keeps a new tariff, without a version yet.
func (tx Rows) AddTariffRow(t id.ID, name string) error {
	_, err := tx.C.Exec(`INSERT INTO tariff (tenant_id, id, name, created_at) VALUES ($1, $2, $3, $4)`, tx.Tenant, t, name, tx.Now)
	if err != nil {
		return fmt.Errorf("keep tariff %q: %w", name, err)
	}
	return tx.Attest("tariff", t)
}

// AddTariffVersion keeps a published version, which is never changed afterwards.
func (tx Rows) AddTariffVersion(v tariff.Version, by string) error {
	body, err := tariff.Encode(v.Body)
	if err != nil {
		return err
	}
	_, err = tx.C.Exec(`INSERT INTO tariff_version (tenant_id, id, tariff_id, n, effective_from, body_json, published_at, published_by,
		created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		tx.Tenant, v.ID, v.TariffID, v.N, v.EffectiveFrom, string(body), tx.Now, by, tx.Now)
	if err != nil {
		return fmt.Errorf("keep version %d of tariff %q: %w", v.N, v.Name, err)
	}
	tx.KeepVersion(v.TariffID, core.VersionSpan{}) // whatever was known of the tariff may be over
	return tx.Attest("version", v.ID)
}

// VersionColumns are the columns that [Rows.ScanVersion] reads, of [VersionTables].
const VersionColumns = `v.id, v.tariff_id, t.name, v.n, v.effective_from, v.body_json`

// VersionTables is the FROM clause of a tariff version with its tariff.
const VersionTables = ` FROM tariff_version v JOIN tariff t ON t.tenant_id = v.tenant_id AND t.id = v.tariff_id`

// ScanVersion reads the columns of versionColumns.
func (tx Rows) ScanVersion(r core.Row) (tariff.Version, error) {
	v := tariff.Version{ID: r.ID(0), TariffID: r.ID(1), Name: r.Text(2), N: int(r.Int(3)), EffectiveFrom: r.Time(4)}
	var err error
	if v.Body, err = tx.TariffBody(r.Text(5)); err != nil {
		return tariff.Version{}, fmt.Errorf("version %d of tariff %q: %w", v.N, v.Name, err)
	}
	return v, nil
}

// TariffVersionAt is the version of a tariff in force at a moment: of those that have begun, the one that began last.
func (tx Rows) TariffVersionAt(t id.ID, at time.Time) (tariff.Version, bool, error) {
	if v, ok := tx.KeptVersion(t, at); ok {
		return v, true, nil
	}
	var s core.VersionSpan
	found, err := tx.One(`SELECT `+VersionColumns+`, (SELECT MIN(w.effective_from) FROM tariff_version w
			WHERE w.tenant_id = $1 AND w.tariff_id = $2 AND w.effective_from > $3)`+VersionTables+`
		WHERE v.tenant_id = $1 AND v.tariff_id = $2 AND v.effective_from <= $3 ORDER BY v.effective_from DESC, v.n DESC LIMIT 1`,
		func(r core.Row) (err error) { s.Until = r.Time(6); s.Version, err = tx.ScanVersion(r); return err }, tx.Tenant, t, at)
	if err != nil {
		return tariff.Version{}, false, fmt.Errorf("find tariff %s in force: %w", t.Text(id.Tariff), err)
	}
	if found {
		tx.KeepVersion(t, s)
	}
	return s.Version, found, nil
}

// beyondVersions is above every version's number.
const beyondVersions = 1 << 30

// TariffVersions lists versions of a tariff, the newest first, from the one published before the given one on (zero:
// from the newest).
func (tx Rows) TariffVersions(t, before id.ID, max int) ([]tariff.Version, error) {
	var out []tariff.Version
	err := tx.C.Query(`SELECT `+VersionColumns+VersionTables+` WHERE v.tenant_id = $1 AND v.tariff_id = $2
		AND v.n < COALESCE((SELECT w.n FROM tariff_version w WHERE w.tenant_id = $1 AND w.id = $3), $4)
		ORDER BY v.n DESC LIMIT $5`, func(r core.Row) error {
		v, err := tx.ScanVersion(r)
		out = append(out, v)
		return err
	}, tx.Tenant, t, before[:], beyondVersions, max)
	if err != nil {
		return nil, fmt.Errorf("list versions of tariff %s: %w", t.Text(id.Tariff), err)
	}
	return out, nil
}

// TariffUses is what the accounts on a tariff bought or were given in local months, each under its meter's number, or
// its own identity where it has none any more.
func (tx Rows) TariffUses(t id.ID, fromMonth, toMonth string, max int) ([]tariff.MonthUse, error) {
	var out []tariff.MonthUse
	err := tx.C.Query(`SELECT u.account_id, u.month, u.units_wh, COALESCE((SELECT MIN(m.number) FROM meter m
			WHERE m.tenant_id = u.tenant_id AND m.account_id = u.account_id), '')
		FROM usage_month u JOIN account a ON a.tenant_id = u.tenant_id AND a.id = u.account_id
		WHERE u.tenant_id = $1 AND a.tariff_id = $2 AND u.month >= $3 AND u.month <= $4
		ORDER BY u.account_id, u.month LIMIT $5`, func(r core.Row) error {
		u := tariff.MonthUse{Meter: r.Text(3), Month: r.Text(1), Units: unit.Energy(r.Int(2))}
		if u.Meter == "" {
			u.Meter = r.ID(0).Text(id.Account)
		}
		out = append(out, u)
		return nil
	}, tx.Tenant, t, fromMonth, toMonth, max)
	if err != nil {
		return nil, fmt.Errorf("read what was bought on tariff %s: %w", t.Text(id.Tariff), err)
	}
	return out, nil
}

// TariffSellsTokens reports whether an account that is not closed buys tokens on the tariff.
func (tx Rows) TariffSellsTokens(t id.ID) (bool, error) {
	found, err := tx.One(`SELECT id FROM account WHERE tenant_id = $1 AND tariff_id = $2 AND mode = 'prepay_token' AND status <> 'closed' LIMIT 1`,
		func(core.Row) error { return nil }, tx.Tenant, t)
	if err != nil {
		return false, fmt.Errorf("look for token meters on tariff %s: %w", t.Text(id.Tariff), err)
	}
	return found, nil
}

// TariffsInForce lists tariffs after the given one in the order they were published, each with its version in force at
// the moment, or the first where none has begun.
func (tx Rows) TariffsInForce(at time.Time, after id.ID, max int) ([]tariff.Version, error) {
	var out []tariff.Version
	err := tx.C.Query(`SELECT `+VersionColumns+VersionTables+` WHERE v.tenant_id = $1 AND v.tariff_id > $2 AND v.n = COALESCE(
			(SELECT w.n FROM tariff_version w WHERE w.tenant_id = $1 AND w.tariff_id = v.tariff_id AND w.effective_from <= $3
				ORDER BY w.effective_from DESC, w.n DESC LIMIT 1),
			(SELECT MIN(w.n) FROM tariff_version w WHERE w.tenant_id = $1 AND w.tariff_id = v.tariff_id))
		ORDER BY v.tariff_id LIMIT $4`, func(r core.Row) error {
		v, err := tx.ScanVersion(r)
		out = append(out, v)
		return err
	}, tx.Tenant, after[:], at, max)
	if err != nil {
		return nil, fmt.Errorf("list tariffs: %w", err)
	}
	return out, nil
}

// TariffVersion reads a version of a tariff by its identity.
func (tx Rows) TariffVersion(version id.ID) (tariff.Version, error) {
	var v tariff.Version
	found, err := tx.One(`SELECT `+VersionColumns+VersionTables+` WHERE v.tenant_id = $1 AND v.id = $2`,
		func(r core.Row) (err error) { v, err = tx.ScanVersion(r); return err }, tx.Tenant, version)
	if err == nil && !found {
		err = core.ErrNotFound
	}
	return v, WrapVend("read the tariff version", err)
}
