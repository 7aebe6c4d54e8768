package meters

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/imports"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/people"
)

var importColumns = core.Columns[imports.Import]{Table: "import", Unattested: []core.Column[imports.Import]{
	core.ID("id", func(i *imports.Import) *id.ID { return &i.ID }),
	core.Text("kind", func(i *imports.Import) *imports.Kind { return &i.Kind }),
	core.Text("by_name", func(i *imports.Import) *string { return &i.By }),
	core.Text("principal", func(i *imports.Import) *string { return &i.Principal }),
	core.Text("key", func(i *imports.Import) *string { return &i.Key }),
	sumColumn("sum", func(i *imports.Import) *[sha256.Size]byte { return &i.Sum }),
	core.Int("lines", func(i *imports.Import) *int { return &i.Lines }),
	core.Time("created_at", func(i *imports.Import) *time.Time { return &i.CreatedAt }),
	core.Time("done_at", func(i *imports.Import) *time.Time { return &i.DoneAt }),
	core.Time("undone_at", func(i *imports.Import) *time.Time { return &i.UndoneAt }),
	core.Int("total", func(i *imports.Import) *money.Minor { return &i.Total }),
	core.ID("approval", func(i *imports.Import) *id.ID { return &i.Approval }),
	core.Bool("approved", func(i *imports.Import) *bool { return &i.Approved }),
	core.Time("undo_at", func(i *imports.Import) *time.Time { return &i.UndoAt }),
	core.Bool("undo_approved", func(i *imports.Import) *bool { return &i.UndoApproved }),
}}

// importedLine is a row of import_line.
type importedLine struct {
	imports.Line
	of     id.ID
	code   refusal.Code
	detail string // the sentences in English
}

var importLineColumns = core.Columns[importedLine]{Table: "import_line", Unattested: []core.Column[importedLine]{
	core.ID("import_id", func(l *importedLine) *id.ID { return &l.of }),
	core.Int("line", func(l *importedLine) *int { return &l.Line.Line }),
	core.Text("state", func(l *importedLine) *imports.State { return &l.State }),
	core.Text("code", func(l *importedLine) *refusal.Code { return &l.code }),
	core.Text("detail", func(l *importedLine) *string { return &l.detail }),
	whyColumn,
	core.ID("object", func(l *importedLine) *id.ID { return &l.Object }),
	sumColumn("print", func(l *importedLine) *[sha256.Size]byte { return &l.Print }),
}}

// whyColumn has a refusal as JSON, so that a page can show it in another language. Rows from before the column have only a code and
// sentences in English.
var whyColumn = core.Column[importedLine]{Name: "why", Form: 't',
	Read: func(l *importedLine, r core.Row, col int) error {
		switch text := r.Text(col); {
		case text != "":
			return json.Unmarshal([]byte(text), &l.Refusal)
		case l.code != "":
			l.Refusal = refuse.ImportResultStored(l.detail)
			l.Code = l.code
		}
		return nil
	},
	Write: func(l *importedLine) any { return whyText(l.Refusal) }}

func whyText(no refusal.Refusal) string {
	if !no.Refused() {
		return ""
	}
	b, err := json.Marshal(no)
	if err != nil {
		panic(fmt.Sprintf("encode a refusal: %v", err)) // cannot happen: it has only texts
	}
	return string(b)
}

// sumColumn is a column with a SHA-256.
func sumColumn[T any](name string, at func(*T) *[sha256.Size]byte) core.Column[T] {
	return core.Column[T]{Name: name, Form: 'b',
		Read: func(row *T, r core.Row, col int) error {
			copy(at(row)[:], r.Bytes(col))
			return nil
		},
		Write: func(row *T) any { return at(row)[:] }}
}

// AddImport stores a new import. It stores nothing and returns false if the sender has used the key before.
func (tx Rows) AddImport(i imports.Import) (bool, error) {
	n, err := tx.C.Exec(`INSERT INTO `+importColumns.Into()+` ON CONFLICT DO NOTHING`, importColumns.Values(tx.Tenant, &i)...)
	return n == 1, fault.Wrap(err, "store an import")
}

var importQuery = `SELECT ` + importColumns.List("") + ` FROM import WHERE tenant_id = $1 AND `

func (tx Rows) importWhere(condition string, args ...any) (i imports.Import, found bool, err error) {
	found, err = tx.One(importQuery+condition, importColumns.To(&i), append([]any{tx.Tenant}, args...)...)
	return i, found, fault.Wrap(err, "find an import")
}

// ImportByKey finds the import that a sender began under a key.
func (tx Rows) ImportByKey(principal, key string) (imports.Import, bool, error) {
	return tx.importWhere(`principal = $2 AND key = $3`, principal, key)
}

// ImportByID finds an import.
func (tx Rows) ImportByID(i id.ID) (imports.Import, bool, error) { return tx.importWhere(`id = $2`, i) }

// UnfinishedImport finds the newest import of the same file that has rows without a result.
func (tx Rows) UnfinishedImport(sum [sha256.Size]byte) (imports.Import, bool, error) {
	return tx.importWhere(`sum = $2 AND done_at IS NULL ORDER BY id DESC LIMIT 1`, sum[:])
}

// FinishImport notes that every row of an import has a result.
func (tx Rows) FinishImport(i id.ID, at time.Time) error {
	_, err := tx.C.Exec(`UPDATE import SET done_at = $1 WHERE tenant_id = $2 AND id = $3 AND done_at IS NULL`, at, tx.Tenant, i)
	return fault.Wrap(err, "finish an import")
}

// UndoImport notes that an import was undone.
func (tx Rows) UndoImport(i id.ID, at time.Time) error {
	return fault.Wrap(tx.Must(`UPDATE import SET undone_at = $1 WHERE tenant_id = $2 AND id = $3`, at, tx.Tenant, i), "undo an import")
}

// ImportPage lists imports made before the given one, newest first.
func (tx Rows) ImportPage(before id.ID, max int) (out []imports.Import, err error) {
	err = tx.C.Query(importQuery+`id < $2 ORDER BY id DESC LIMIT $3`, importColumns.AddTo(&out), tx.Tenant, core.UpTo(before), max)
	return out, fault.Wrap(err, "list imports")
}

// AddImportLine stores the result of a row. It stores nothing and returns false if the row has a result, or if another row with the same print
// was imported and not undone.
func (tx Rows) AddImportLine(i id.ID, l imports.Line) (bool, error) {
	n, err := tx.C.Exec(`INSERT INTO `+importLineColumns.Into()+` ON CONFLICT DO NOTHING`, importLineColumns.Values(tx.Tenant, &importedLine{l, i, l.Code, l.Detail()})...)
	return n == 1, fault.Wrap(err, "store the result of a row")
}

// ImportedRow finds the row with a print that was imported and not undone.
func (tx Rows) ImportedRow(print [sha256.Size]byte) (i id.ID, line int, found bool, err error) {
	found, err = tx.One(`SELECT import_id, line FROM import_line WHERE tenant_id = $1 AND print = $2 AND state = 'ok'`, func(r core.Row) error {
		i, line = r.ID(0), int(r.Int(1))
		return nil
	}, tx.Tenant, print[:])
	return i, line, found, fault.Wrap(err, "look for an imported row")
}

// ImportLines lists rows in the order of their lines, after the given line.
func (tx Rows) ImportLines(i id.ID, after, max int) ([]imports.Line, error) {
	var rows []importedLine
	err := tx.C.Query(`SELECT `+importLineColumns.List("")+` FROM import_line WHERE tenant_id = $1 AND import_id = $2 AND line > $3 ORDER BY line LIMIT $4`,
		importLineColumns.AddTo(&rows), tx.Tenant, i, after, max)
	out := make([]imports.Line, len(rows))
	for n := range rows {
		out[n] = rows[n].Line
	}
	return out, fault.Wrap(err, "list the rows of an import")
}

// SetImportLine changes the state of a row and its reason.
func (tx Rows) SetImportLine(i id.ID, l imports.Line) error {
	return fault.Wrap(tx.Must(`UPDATE import_line SET state = $1, code = $2, detail = $3, why = $4 WHERE tenant_id = $5 AND import_id = $6 AND line = $7`,
		string(l.State), string(l.Code), l.Detail(), whyText(l.Refusal), tx.Tenant, i, l.Line), "change the result of a row")
}

// waitingRow is a row of import_row.
type waitingRow struct {
	of   id.ID
	line int
	body string
}

var importRowColumns = core.Columns[waitingRow]{Table: "import_row", Unattested: []core.Column[waitingRow]{
	core.ID("import_id", func(r *waitingRow) *id.ID { return &r.of }),
	core.Int("line", func(r *waitingRow) *int { return &r.line }),
	core.Text("body", func(r *waitingRow) *string { return &r.body }),
}}

// AddImportRow keeps a row of a file that waits for a second person.
func (tx Rows) AddImportRow(i id.ID, line int, body string) error {
	_, err := tx.C.Exec(`INSERT INTO `+importRowColumns.Into(), importRowColumns.Values(tx.Tenant, &waitingRow{i, line, body})...)
	return fault.Wrap(err, "keep a row of an import")
}

// ImportRows lists the rows that are kept of a file, after the given line.
func (tx Rows) ImportRows(i id.ID, after, max int) (out []string, err error) {
	err = tx.C.Query(`SELECT body FROM import_row WHERE tenant_id = $1 AND import_id = $2 AND line > $3 ORDER BY line LIMIT $4`, func(r core.Row) error {
		out = append(out, r.Text(0))
		return nil
	}, tx.Tenant, i, after, max)
	return out, fault.Wrap(err, "list the kept rows of an import")
}

// ApproveImport notes what a second person approved: the import, or undoing it.
func (tx Rows) ApproveImport(i imports.Import) error {
	return fault.Wrap(tx.Must(`UPDATE import SET approved = $1, undo_at = $2, undo_approved = $3, undone_at = $4 WHERE tenant_id = $5 AND id = $6`,
		i.Approved, i.UndoAt, i.UndoApproved, i.UndoneAt, tx.Tenant, i.ID), "approve an import")
}

// MeterUsed reports whether anything happened at a meter since its registration. It locks the account and the meter, so that no sale to it is
// under way, and none begins before the end of the transaction.
func (tx Rows) MeterUsed(m registry.Meter) (bool, error) {
	if err := tx.lockPlace(m); err != nil {
		return false, err
	}
	n, err := tx.Number(`SELECT (SELECT COUNT(*) FROM meter_live WHERE tenant_id = $1 AND meter = $2 AND last_seen IS NOT NULL)
		+ (SELECT COUNT(*) FROM vend WHERE tenant_id = $1 AND meter = $2)
		+ (SELECT COUNT(*) FROM meter_key k JOIN token t ON t.tenant_id = k.tenant_id AND t.meter_key_id = k.id WHERE k.tenant_id = $1 AND k.meter = $2)
		+ (SELECT COUNT(*) FROM given_token WHERE tenant_id = $1 AND meter = $2)
		+ (SELECT COUNT(*) FROM token_job WHERE tenant_id = $1 AND meter = $2)
		+ (SELECT COUNT(*) FROM quarantine WHERE tenant_id = $1 AND meter = $2)
		+ (SELECT COUNT(*) FROM meter_swap WHERE tenant_id = $1 AND (old_meter = $2 OR new_meter = $2))
		+ (SELECT COUNT(*) FROM debt WHERE tenant_id = $1 AND account_id = $3)
		+ (SELECT COUNT(*) FROM ledger_account a JOIN posting p ON p.tenant_id = a.tenant_id AND p.account = a.n AND p.listed = 1
			WHERE a.tenant_id = $1 AND a.code IN (2000, 2060) AND a.subject = $4)
		+ (SELECT COUNT(*) FROM charge_due WHERE tenant_id = $1 AND account_id = $3 AND (amount_gross = 0 OR moved IS NOT NULL OR kind LIKE $5))
		+ (SELECT COUNT(*) FROM ledger_account WHERE tenant_id = $1 AND code IN (2080, 2090) AND subject = $4)
		+ (SELECT COUNT(*) FROM account a JOIN account o ON o.tenant_id = a.tenant_id AND o.service_point_id = a.service_point_id
			WHERE a.tenant_id = $1 AND a.id = $3 AND o.status = $6)`, tx.Tenant, m.N, m.Account, m.Account.Text(id.Account), registry.FormerCharge+"%", people.ClosedAccount)
	return n > 0, fault.Wrap(err, "look for the use of meter %s", m.Number)
}

// lockPlace locks a meter and its account, in the order in which a sale locks them.
func (tx Rows) lockPlace(m registry.Meter) error {
	if tx.C.ForUpdate() == "" {
		return nil
	}
	if _, err := tx.One(`SELECT id FROM account WHERE tenant_id = $1 AND id = $2`+tx.C.ForUpdate(), func(core.Row) error { return nil }, tx.Tenant, m.Account); err != nil {
		return fault.Wrap(err, "lock the account of meter %s", m.Number)
	}
	var account id.ID
	_, err := tx.One(`SELECT account_id FROM meter WHERE tenant_id = $1 AND id = $2`+tx.C.ForUpdate(), func(r core.Row) error { account = r.ID(0); return nil }, tx.Tenant, m.ID)
	if err == nil && account != m.Account {
		err = fmt.Errorf("%w: it was moved to another account meanwhile", core.ErrConflict)
	}
	return fault.Wrap(err, "lock meter %s", m.Number)
}

// RemoveMeter takes a meter out of all lists. Its row stays under another number, so that the number is free, and no sign-in of the meter works
// any more.
func (tx Rows) RemoveMeter(m registry.Meter) error {
	if err := people.Of(tx.Tx).AccountClose(m.Account, tx.Now, registry.CreditLeft{}); err != nil {
		return err
	}
	err := tx.Rewrite("meter", m.ID, func() error {
		return tx.Must(`UPDATE meter SET status = $1, number = $2, account_id = NULL, mqtt_hash = NULL, mqtt_next_hash = NULL, mqtt_next_at = NULL,
			login_at = $3, sim_phone = '', version = version + 1 WHERE tenant_id = $4 AND id = $5`, string(registry.Removed),
			"removed "+m.ID.Text(id.Meter), tx.Now, tx.Tenant, m.ID)
	})
	tx.Due.Add(job.LaneLogin)
	if err == nil {
		_, err = tx.C.Exec(`UPDATE meter_install SET to_at = $1 WHERE tenant_id = $2 AND meter = $3 AND to_at IS NULL`, tx.Now, tx.Tenant, m.N)
	}
	return fault.Wrap(err, "remove meter %s", m.Number)
}

// CustomerBusy reports whether a customer has or had an account, other than one that was closed because its meter was removed. Such an account has no meter
// and no debt, and nobody followed it at its place.
func (tx Rows) CustomerBusy(customer id.ID) (bool, error) {
	n, err := tx.Number(`SELECT COUNT(*) FROM account a WHERE a.tenant_id = $1 AND a.customer_id = $2 AND (a.status <> $3
		OR EXISTS (SELECT 1 FROM meter m WHERE m.tenant_id = a.tenant_id AND m.account_id = a.id)
		OR EXISTS (SELECT 1 FROM debt d WHERE d.tenant_id = a.tenant_id AND d.account_id = a.id)
		OR EXISTS (SELECT 1 FROM account o WHERE o.tenant_id = a.tenant_id AND o.service_point_id = a.service_point_id AND o.id <> a.id))`,
		tx.Tenant, customer, people.ClosedAccount)
	return n > 0, fault.Wrap(err, "look for the accounts of a customer")
}

// RemoveCustomer takes a customer out of all lists.
func (tx Rows) RemoveCustomer(customer id.ID) error {
	err := people.Of(tx.Tx).WriteNumber(customer, func(n *people.Number) { n.Search = "" }, func() error {
		return tx.Must(`UPDATE customer SET flags = $1, search = '', version = version + 1 WHERE tenant_id = $2 AND id = $3`, people.RemovedCustomer, tx.Tenant, customer)
	})
	return fault.Wrap(err, "remove customer %s", customer.Text(id.Customer))
}
