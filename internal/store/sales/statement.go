package sales

import (
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/reconcile"
	"github.com/paywatt/paywatt/internal/statement"
	"github.com/paywatt/paywatt/internal/store/books"
	"github.com/paywatt/paywatt/internal/store/core"
)

var statementFileColumns = core.Columns[reconcile.File]{Table: "statement_file", Attested: []core.Column[reconcile.File]{
	core.Text("provider", func(f *reconcile.File) *string { return &f.Provider }),
	core.Text("format", func(f *reconcile.File) *statement.Format { return &f.Format }),
	core.Bytes("sum", func(f *reconcile.File) *[]byte { return &f.Sum }),
	core.Time("from_at", func(f *reconcile.File) *time.Time { return &f.From }),
	core.Time("to_at", func(f *reconcile.File) *time.Time { return &f.To }),
	core.Int("rows", func(f *reconcile.File) *int { return &f.Rows }),
	core.Int("skipped", func(f *reconcile.File) *int { return &f.Skipped }),
	core.Text("state", func(f *reconcile.File) *reconcile.FileState { return &f.State }),
	core.Text("proof", func(f *reconcile.File) *payment.Proof { return &f.Proof }),
	core.Text("by_actor", func(f *reconcile.File) *string { return &f.By }),
	core.Time("created_at", func(f *reconcile.File) *time.Time { return &f.AddedAt }),
	core.Time("read_at", func(f *reconcile.File) *time.Time { return &f.ReadAt }),
}, Unattested: []core.Column[reconcile.File]{ // how far the rows are stored says nothing about money; the sealed file proves itself
	core.ID("id", func(f *reconcile.File) *id.ID { return &f.ID }),
	{Name: "file_enc", Form: 'b', Write: func(f *reconcile.File) any { return f.Sealed }},
	{Name: "agreed_enc", Form: 'b'},
	core.Int("taken", func(f *reconcile.File) *int { return &f.Taken }),
	core.Int("fresh", func(f *reconcile.File) *int { return &f.New }),
	core.Int("doubtful", func(f *reconcile.File) *int { return &f.Doubtful }),
	core.Int("version", func(f *reconcile.File) *int64 { return &f.Version }).ReadOnly(),
}}

var reconciliationColumns = core.Columns[reconcile.Reconciliation]{Table: "reconciliation", Attested: []core.Column[reconcile.Reconciliation]{
	core.Text("provider", func(r *reconcile.Reconciliation) *string { return &r.Provider }),
	core.Text("date", func(r *reconcile.Reconciliation) *string { return &r.Date }),
	core.Time("from_at", func(r *reconcile.Reconciliation) *time.Time { return &r.From }),
	core.Time("to_at", func(r *reconcile.Reconciliation) *time.Time { return &r.To }),
	core.Text("state", func(r *reconcile.Reconciliation) *reconcile.State { return &r.State }),
	core.Int("rows", func(r *reconcile.Reconciliation) *int { return &r.Rows }),
	core.Int("stated", func(r *reconcile.Reconciliation) *money.Minor { return &r.Stated }),
	core.Int("fees", func(r *reconcile.Reconciliation) *money.Minor { return &r.Fees }),
	core.Int("payments", func(r *reconcile.Reconciliation) *int { return &r.Payments }),
	core.Int("paid", func(r *reconcile.Reconciliation) *money.Minor { return &r.Paid }),
	core.Int("booked", func(r *reconcile.Reconciliation) *money.Minor { return &r.Booked }),
	core.Text("currency", func(r *reconcile.Reconciliation) *string { return &r.Currency }),
	core.Time("closed_at", func(r *reconcile.Reconciliation) *time.Time { return &r.ClosedAt }),
	core.Text("closed_by", func(r *reconcile.Reconciliation) *string { return &r.ClosedBy }),
}, Unattested: []core.Column[reconcile.Reconciliation]{
	core.ID("id", func(r *reconcile.Reconciliation) *id.ID { return &r.ID }),
	core.Time("ran_at", func(r *reconcile.Reconciliation) *time.Time { return &r.RanAt }),
	core.Text("unknown", func(r *reconcile.Reconciliation) *string { return &r.Unknown }),
	core.Int("version", func(r *reconcile.Reconciliation) *int64 { return &r.Version }).ReadOnly(),
}}

var differenceColumns = core.Columns[reconcile.Item]{Table: "difference", Attested: []core.Column[reconcile.Item]{
	core.Text("provider", func(i *reconcile.Item) *string { return &i.Provider }),
	core.Text("date", func(i *reconcile.Item) *string { return &i.Date }),
	core.Text("kind", func(i *reconcile.Item) *reconcile.Kind { return &i.Kind }),
	core.Text("key", func(i *reconcile.Item) *string { return &i.Key }),
	core.Text("txn", func(i *reconcile.Item) *string { return &i.Txn }),
	core.Text("payment", func(i *reconcile.Item) *string { return &i.Payment }),
	core.Int("stated", func(i *reconcile.Item) *money.Minor { return &i.Stated }),
	core.Int("paid", func(i *reconcile.Item) *money.Minor { return &i.Paid }),
	core.Int("booked", func(i *reconcile.Item) *money.Minor { return &i.Booked }),
	core.Text("currency", func(i *reconcile.Item) *string { return &i.Currency }),
	core.Text("note", func(i *reconcile.Item) *string { return &i.Note }),
	core.Time("at", func(i *reconcile.Item) *time.Time { return &i.At }),
	core.Int("n", func(i *reconcile.Item) *int { return &i.Count }),
	core.Text("owner", func(i *reconcile.Item) *string { return &i.Owner }),
	core.Bool("open", func(i *reconcile.Item) *bool { return &i.Open }),
	core.Time("closed_at", func(i *reconcile.Item) *time.Time { return &i.ClosedAt }),
	core.Text("closed_by", func(i *reconcile.Item) *string { return &i.ClosedBy }),
	core.Text("why", func(i *reconcile.Item) *string { return &i.Why }),
}, Unattested: []core.Column[reconcile.Item]{
	core.ID("id", func(i *reconcile.Item) *id.ID { return &i.ID }),
	core.Time("created_at", func(i *reconcile.Item) *time.Time { return &i.FoundAt }),
	core.Int("version", func(i *reconcile.Item) *int64 { return &i.Version }).ReadOnly(),
}}

// Names of statement files, reconciliations and differences in evidence.
const (
	statementFileKind  = "statement_file"
	reconciliationKind = "reconciliation"
	differenceKind     = "difference"
)

// Kinds of evidence of statement files, reconciliations and differences.
var (
	StatementFileKind = core.AttestedKind{Name: statementFileKind, Noun: "Statement", Prefix: id.StatementFile, From: "statement_file r", Key: "id", Order: "r.version",
		Proof: statementFileColumns.Proof("r")}
	ReconciliationKind = core.AttestedKind{Name: reconciliationKind, Noun: "Reconciliation", Prefix: id.Reconciliation, From: "reconciliation r", Key: "id", Order: "r.version",
		Proof: reconciliationColumns.Proof("r")}
	DifferenceKind = core.AttestedKind{Name: differenceKind, Noun: "Difference", Prefix: id.Difference, From: "difference r", Key: "id", Order: "r.version",
		Proof: differenceColumns.Proof("r")}
)

var (
	statementFileQuery  = `SELECT ` + statementFileColumns.List("") + ` FROM statement_file WHERE tenant_id = $1 AND `
	reconciliationQuery = `SELECT ` + reconciliationColumns.List("") + ` FROM reconciliation WHERE tenant_id = $1 AND `
	differenceQuery     = `SELECT ` + differenceColumns.List("") + ` FROM difference WHERE tenant_id = $1 AND `
)

// AddStatementFile stores a statement file. If its provider has the same file already, AddStatementFile stores nothing and returns false.
func (tx Rows) AddStatementFile(f reconcile.File) (bool, error) {
	n, err := tx.C.Exec(`INSERT INTO `+statementFileColumns.Into()+` ON CONFLICT DO NOTHING`, statementFileColumns.Values(tx.Tenant, &f)...)
	if err == nil && n == 1 {
		err = tx.Attest(statementFileKind, f.ID)
	}
	return n == 1, fault.Wrap(err, "store a statement")
}

// PutStatementFile stores the state of a file that StatementFileByID locked.
func (tx Rows) PutStatementFile(f reconcile.File) error {
	err := tx.Rewrite(statementFileKind, f.ID, func() error {
		return tx.Must(`UPDATE statement_file SET state = $1, proof = $2, taken = $3, fresh = $4, read_at = $5, version = version + 1 WHERE tenant_id = $6 AND id = $7`,
			string(f.State), string(f.Proof), f.Taken, f.New, f.ReadAt, tx.Tenant, f.ID)
	})
	return fault.Wrap(err, "write statement %s", f.Name())
}

// PutAgreedMeters stores the meters that a second person saw for the rows of a file that StatementFileByID locked.
func (tx Rows) PutAgreedMeters(f reconcile.File) error {
	err := tx.Must(`UPDATE statement_file SET agreed_enc = $1 WHERE tenant_id = $2 AND id = $3`, f.Agreed, tx.Tenant, f.ID)
	return fault.Wrap(err, "write the meters of statement %s", f.Name())
}

// StatementFileByID reads a statement file with its contents and locks it.
func (tx Rows) StatementFileByID(i id.ID) (f reconcile.File, found bool, err error) {
	found, err = tx.One(statementFileQuery+`id = $2`+tx.C.ForUpdate(), statementFileColumns.To(&f), tx.Tenant, i)
	if err == nil && found {
		_, err = tx.One(`SELECT file_enc, agreed_enc FROM statement_file WHERE tenant_id = $1 AND id = $2`, func(r core.Row) error {
			f.Sealed, f.Agreed = r.Bytes(0), r.Bytes(1)
			return nil
		}, tx.Tenant, i)
	}
	return f, found, fault.Wrap(err, "find a statement")
}

// StatementFileBySum finds a provider's statement file by its hash.
func (tx Rows) StatementFileBySum(provider string, sum []byte) (f reconcile.File, found bool, err error) {
	found, err = tx.One(statementFileQuery+`provider = $2 AND sum = $3`, statementFileColumns.To(&f), tx.Tenant, provider, sum)
	return f, found, fault.Wrap(err, "find a statement by its hash")
}

// StatementFiles lists at most max files of a provider that overlap a period, without their contents.
func (tx Rows) StatementFiles(provider string, from, to time.Time, max int) (out []reconcile.File, err error) {
	err = tx.C.Query(statementFileQuery+`provider = $2 AND from_at < $3 AND to_at > $4 ORDER BY id DESC LIMIT $5`, statementFileColumns.AddTo(&out), tx.Tenant, provider, to, from, max)
	return out, fault.Wrap(err, "list statements")
}

// StatementFilePage lists the files of a provider, or of all if it is empty, without their contents: newest first, from before the given one or from
// the newest on.
func (tx Rows) StatementFilePage(provider string, before id.ID, max int) (out []reconcile.File, err error) {
	err = tx.C.Query(statementFileQuery+`id < $2 AND ($3 = '' OR provider = $3) ORDER BY id DESC LIMIT $4`, statementFileColumns.AddTo(&out), tx.Tenant, core.UpTo(before), provider, max)
	return out, fault.Wrap(err, "list statements")
}

// UnreadFiles lists at most max files whose rows are being stored.
func (tx Rows) UnreadFiles(max int) (out []reconcile.File, err error) {
	err = tx.C.Query(statementFileQuery+`state = 'reading' ORDER BY id LIMIT $2`, statementFileColumns.AddTo(&out), tx.Tenant, max)
	return out, fault.Wrap(err, "list statements to read")
}

// statementRow is a row of statement_row.
type statementRow struct {
	reconcile.Row
	provider string
	key      []byte
	settled  id.ID
	balance  *money.Minor
	after    *money.Minor
}

var statementRowColumns = core.Columns[statementRow]{Table: "statement_row", Unattested: []core.Column[statementRow]{ // the file proves its rows
	core.Text("provider", func(r *statementRow) *string { return &r.provider }),
	core.Bytes("key", func(r *statementRow) *[]byte { return &r.key }),
	core.ID("file_id", func(r *statementRow) *id.ID { return &r.File }),
	core.Int("line", func(r *statementRow) *int { return &r.Line }),
	core.Text("kind", func(r *statementRow) *statement.Kind { return &r.Kind }),
	core.Text("txn", func(r *statementRow) *string { return &r.Txn }),
	core.Text("of_txn", func(r *statementRow) *string { return &r.Of }),
	core.Time("at", func(r *statementRow) *time.Time { return &r.At }),
	core.Int("amount", func(r *statementRow) *money.Minor { return &r.Amount }),
	core.Text("currency", func(r *statementRow) *string { return &r.Currency }),
	core.Maybe("balance", func(r *statementRow) **money.Minor { return &r.balance }),
	core.ID("settled_by", func(r *statementRow) *id.ID { return &r.settled }),
	core.Text("account", func(r *statementRow) *string { return &r.Account }),
	core.Text("state", func(r *statementRow) *reconcile.RowState { return &r.State }),
	core.Text("same_as", func(r *statementRow) *string { return &r.SameAs }),
	core.Maybe("after_balance", func(r *statementRow) **money.Minor { return &r.after }),
	core.Bool("date_only", func(r *statementRow) *bool { return &r.DateOnly }),
	core.Text("reference", func(r *statementRow) *string { return &r.Reference }),
	core.Text("payer", func(r *statementRow) *string { return &r.Payer }),
	core.Bool("named", func(r *statementRow) *bool { return &r.Named }),
}}

// row completes a row that was read.
func (r *statementRow) row() reconcile.Row {
	if r.balance != nil {
		r.Balance, r.Balanced = *r.balance, true
	}
	if r.after != nil {
		r.After, r.HasAfter = *r.after, true
	}
	r.Booked, r.Key = !r.settled.IsZero(), string(r.key)
	return r.Row
}

// statementName is a row of statement_name.
type statementName struct {
	provider, name string
	kind           statement.NameKind
	key            []byte
	at             time.Time
}

var statementNameColumns = core.Columns[statementName]{Table: "statement_name", Unattested: []core.Column[statementName]{ // the file proves its rows
	core.Text("provider", func(n *statementName) *string { return &n.provider }),
	core.Text("name", func(n *statementName) *string { return &n.name }),
	core.Int("kind", func(n *statementName) *statement.NameKind { return &n.kind }),
	core.Bytes("key", func(n *statementName) *[]byte { return &n.key }),
	core.Time("at", func(n *statementName) *time.Time { return &n.at }),
}}

// pageDay is a row of statement_day.
type pageDay struct {
	reconcile.PageDay
	provider         string
	opening, closing *money.Minor
}

var pageDayColumns = core.Columns[pageDay]{Table: "statement_day", Unattested: []core.Column[pageDay]{ // the file proves it
	core.Text("provider", func(d *pageDay) *string { return &d.provider }),
	core.Time("at", func(d *pageDay) *time.Time { return &d.Day }),
	core.ID("file_id", func(d *pageDay) *id.ID { return &d.File }),
	core.Int("page", func(d *pageDay) *int { return &d.Page }),
	core.Text("account", func(d *pageDay) *string { return &d.Account }),
	core.Text("currency", func(d *pageDay) *string { return &d.Currency }),
	core.Maybe("opening", func(d *pageDay) **money.Minor { return &d.opening }),
	core.Maybe("closing", func(d *pageDay) **money.Minor { return &d.closing }),
	core.Int("credits", func(d *pageDay) *int { return &d.Credits }),
	core.Int("paid_in", func(d *pageDay) *money.Minor { return &d.PaidIn }),
	core.Bool("whole", func(d *pageDay) *bool { return &d.Whole }),
}}

// AddStatementRow stores a row of a statement with its names. If a row of its key is stored already, AddStatementRow stores nothing and returns
// false.
func (tx Rows) AddStatementRow(provider string, r reconcile.Row) (bool, error) {
	r.Named = true
	row := statementRow{Row: r, provider: provider, key: []byte(r.Key)}
	if r.Balanced {
		row.balance = &r.Balance
	}
	if r.HasAfter {
		row.after = &r.After
	}
	n, err := tx.C.Exec(`INSERT INTO `+statementRowColumns.Into()+` ON CONFLICT DO NOTHING`, statementRowColumns.Values(tx.Tenant, &row)...)
	for kind, name := range r.Names {
		if err != nil || n == 0 || name == "" {
			continue
		}
		named := statementName{provider, name, statement.NameKind(kind), row.key, r.At}
		_, err = tx.C.Exec(`INSERT INTO `+statementNameColumns.Into()+` ON CONFLICT DO NOTHING`, statementNameColumns.Values(tx.Tenant, &named)...)
	}
	return n == 1, fault.Wrap(err, "store a row of a statement")
}

// PutStatementRow stores the state of a row.
func (tx Rows) PutStatementRow(provider string, r reconcile.Row) error {
	err := tx.Must(`UPDATE statement_row SET state = $1, same_as = $2 WHERE tenant_id = $3 AND provider = $4 AND key = $5`, string(r.State), r.SameAs, tx.Tenant, provider, []byte(r.Key))
	return fault.Wrap(err, "write a row of a statement")
}

// StatementRow reads the row of a key.
func (tx Rows) StatementRow(provider, key string) (reconcile.Row, bool, error) {
	rows, err := tx.statementRows(`tenant_id = $1 AND provider = $2 AND key = $3`, tx.Tenant, provider, []byte(key))
	if err != nil || len(rows) == 0 {
		return reconcile.Row{}, false, err
	}
	return rows[0], true, nil
}

// StatementRows lists the rows of a period.
func (tx Rows) StatementRows(provider string, from, to time.Time) ([]reconcile.Row, error) {
	return tx.statementRows(`tenant_id = $1 AND provider = $2 AND at >= $3 AND at < $4 ORDER BY at, key`, tx.Tenant, provider, from, to)
}

func (tx Rows) statementRows(where string, args ...any) ([]reconcile.Row, error) {
	rows, err := statementRowColumns.All(tx.C, where, args...)
	out := make([]reconcile.Row, len(rows))
	for i := range rows {
		out[i] = rows[i].row()
	}
	return out, fault.Wrap(err, "list the rows of statements")
}

// NamedRows lists the rows of a period with their names and the formats of their files.
func (tx Rows) NamedRows(provider string, from, to time.Time) ([]reconcile.Row, error) {
	rows, err := tx.StatementRows(provider, from, to)
	if err != nil {
		return nil, err
	}
	byKey := map[string]int{}
	for i, r := range rows {
		byKey[r.Key] = i
	}
	err = tx.C.Query(`SELECT key, kind, name FROM statement_name WHERE tenant_id = $1 AND provider = $2 AND at >= $3 AND at < $4`, func(r core.Row) error {
		i, known := byKey[string(r.Bytes(0))]
		if kind := statement.NameKind(r.Int(1)); known && kind >= 0 && kind < statement.NameKinds {
			rows[i].Names[kind] = r.Text(2)
		}
		return nil
	}, tx.Tenant, provider, from, to)
	if err != nil {
		return nil, fault.Wrap(err, "list the names of rows of statements")
	}
	formats := map[id.ID]statement.Format{}
	err = tx.C.Query(`SELECT id, format FROM statement_file WHERE tenant_id = $1 AND provider = $2 AND from_at < $3 AND to_at > $4`, func(r core.Row) error {
		formats[r.ID(0)] = statement.Format(r.Text(1))
		return nil
	}, tx.Tenant, provider, to, from)
	for i := range rows {
		rows[i].Format = formats[rows[i].File]
	}
	return rows, fault.Wrap(err, "list the formats of statements")
}

// NameUses lists the rows that have one of some names.
func (tx Rows) NameUses(provider string, names []string) (out []reconcile.NameUse, err error) {
	err = core.ReadBy(tx.Tx, core.Keyed{Form: 't', Args: []any{provider},
		Query: `SELECT n.kind, n.name, r.amount, r.currency, r.at FROM statement_name n JOIN statement_row r ON r.tenant_id = n.tenant_id AND r.provider = n.provider AND r.key = n.key
			WHERE n.tenant_id = $1 AND n.provider = $2 AND n.name `}, names, func(r core.Row) error {
		out = append(out, reconcile.NameUse{Kind: statement.NameKind(r.Int(0)), Name: r.Text(1), Amount: money.Minor(r.Int(2)), Currency: r.Text(3), At: r.Time(4)})
		return nil
	})
	if err != nil {
		return nil, fault.Wrap(err, "find the rows of names in statements")
	}
	err = core.ReadBy(tx.Tx, core.Keyed{Form: 't', Args: []any{provider},
		Query: `SELECT txn, amount, currency, at FROM statement_row WHERE tenant_id = $1 AND provider = $2 AND named = 0 AND txn `}, names, func(r core.Row) error {
		out = append(out, reconcile.NameUse{AnyKind: true, Name: statement.NameOf(r.Text(0)), Amount: money.Minor(r.Int(1)), Currency: r.Text(2), At: r.Time(3)})
		return nil
	})
	return out, fault.Wrap(err, "find the rows of names in old statements")
}

// UnclaimedPayments lists payments of a period that no row names.
func (tx Rows) UnclaimedPayments(provider string, from, to time.Time) (out []payment.Payment, err error) {
	err = tx.C.Query(paymentQuery+`provider = $2 AND paid_at >= $3 AND paid_at < $4 AND status <> 'rejected' AND NOT EXISTS (SELECT 1 FROM statement_row r
		WHERE r.tenant_id = payment.tenant_id AND r.provider = payment.provider AND r.txn = payment.provider_txn)`, paymentColumns.AddTo(&out), tx.Tenant, provider, from, to)
	return out, fault.Wrap(err, "list payments that no statement names")
}

// ClaimedElsewhere lists the rows outside a period that count and name a payment which a row of the period names too.
func (tx Rows) ClaimedElsewhere(provider string, from, to time.Time) ([]reconcile.Row, error) {
	return tx.statementRows(`tenant_id = $1 AND provider = $2 AND (at < $3 OR at >= $4) AND kind = 'payment' AND state = '' AND txn IN (SELECT o.txn FROM statement_row o
		WHERE o.tenant_id = $1 AND o.provider = $2 AND o.at >= $3 AND o.at < $4 AND o.kind = 'payment' AND o.state = '')`, tx.Tenant, provider, from, to)
}

// AddPageDays stores what a file says about the balances of days, once.
func (tx Rows) AddPageDays(provider string, days []reconcile.PageDay) error {
	for _, d := range days {
		row := pageDay{PageDay: d, provider: provider}
		if d.Balanced {
			row.opening, row.closing = &d.Opening, &d.Closing
		}
		if _, err := tx.C.Exec(`INSERT INTO `+pageDayColumns.Into()+` ON CONFLICT DO NOTHING`, pageDayColumns.Values(tx.Tenant, &row)...); err != nil {
			return fault.Wrap(err, "store the balances of a statement")
		}
	}
	return nil
}

// PageDays lists what files say about the balances of the days that begin in a period.
func (tx Rows) PageDays(provider string, from, to time.Time) ([]reconcile.PageDay, error) {
	rows, err := pageDayColumns.All(tx.C, `tenant_id = $1 AND provider = $2 AND at >= $3 AND at < $4 ORDER BY at, file_id, page`, tx.Tenant, provider, from, to)
	out := make([]reconcile.PageDay, len(rows))
	for i, r := range rows {
		if r.opening != nil && r.closing != nil {
			r.Opening, r.Closing, r.Balanced = *r.opening, *r.closing, true
		}
		out[i] = r.PageDay
	}
	return out, fault.Wrap(err, "list the balances of statements")
}

// ComparedPayments lists payments that rows of a period name, and those that were paid in another period.
func (tx Rows) ComparedPayments(provider string, from, to, paidFrom, paidTo time.Time) (out []payment.Payment, err error) {
	err = tx.C.Query(paymentQuery+`provider = $2 AND paid_at >= $3 AND paid_at < $4`, paymentColumns.AddTo(&out), tx.Tenant, provider, paidFrom, paidTo)
	if err != nil {
		return nil, fault.Wrap(err, "list the payments of a day")
	}
	seen := map[id.ID]bool{}
	for _, p := range out {
		seen[p.ID] = true
	}
	for _, name := range [...]string{`txn FROM statement_row WHERE state = '' AND kind = 'payment'`, `of_txn FROM statement_row WHERE of_txn <> ''`} {
		var named []payment.Payment
		err := tx.C.Query(paymentQuery+`provider = $2 AND provider_txn IN (SELECT `+name+` AND tenant_id = $1 AND provider = $2 AND at >= $3 AND at < $4)`,
			paymentColumns.AddTo(&named), tx.Tenant, provider, from, to)
		if err != nil {
			return nil, fault.Wrap(err, "list the payments of a statement")
		}
		for _, p := range named {
			if !seen[p.ID] {
				seen[p.ID] = true
				out = append(out, p)
			}
		}
	}
	return out, nil
}

// StatedElsewhere lists the names of payments paid in a period that rows outside another period have.
func (tx Rows) StatedElsewhere(provider string, from, to, paidFrom, paidTo time.Time) (map[string]bool, error) {
	out := map[string]bool{}
	err := tx.C.Query(`SELECT p.provider_txn FROM payment p JOIN statement_row r ON r.tenant_id = p.tenant_id AND r.provider = p.provider AND r.txn = p.provider_txn
		WHERE p.tenant_id = $1 AND p.provider = $2 AND p.paid_at >= $3 AND p.paid_at < $4 AND r.kind = 'payment' AND r.state = '' AND (r.at < $5 OR r.at >= $6)`, func(r core.Row) error {
		out[r.Text(0)] = true
		return nil
	}, tx.Tenant, provider, paidFrom, paidTo, from, to)
	return out, fault.Wrap(err, "find payments in statements of other days")
}

// StatedBack reports whether a row of a statement gives a payment back.
func (tx Rows) StatedBack(provider, txn string) (bool, error) {
	back, err := tx.One(`SELECT txn FROM statement_row WHERE tenant_id = $1 AND provider = $2 AND of_txn = $3 AND of_txn <> '' AND kind = 'reversal' LIMIT 1`,
		func(core.Row) error { return nil }, tx.Tenant, provider, txn)
	return back, fault.Wrap(err, "find the return of a payment in statements")
}

// journalQuery lists journals of payments with what they moved on a provider's clearing account, without those of money that was taken back whose
// sale was reversed.
const journalQuery = `SELECT j.id, j.kind, j.ref, j.posted_at, SUM(p.amount) FROM journal j JOIN posting p ON p.tenant_id = j.tenant_id AND p.journal_id = j.id
	JOIN ledger_account a ON a.tenant_id = j.tenant_id AND a.n = p.account WHERE j.tenant_id = $1 AND a.code = $2 AND a.subject = $3
	AND (j.kind = 'payment' OR j.kind = 'returned' OR j.kind = 'taken_back' AND NOT EXISTS (SELECT 1 FROM journal m WHERE m.tenant_id = j.tenant_id AND m.reverses = j.id)) AND `

func (tx Rows) journalsWhere(condition string, args ...any) (out []reconcile.Journal, err error) {
	err = tx.C.Query(journalQuery+condition+` GROUP BY j.id, j.kind, j.ref, j.posted_at`, func(r core.Row) error {
		out = append(out, reconcile.Journal{ID: r.ID(0).Text(id.Journal), Kind: ledger.Kind(r.Text(1)), Ref: debt.PaymentOf(r.Text(2)), At: r.Time(3), Amount: money.Minor(r.Int(4))})
		return nil
	}, args...)
	return out, fault.Wrap(err, "list the journals of payments")
}

// ProviderJournals lists journals of payments on a provider's clearing account that were posted in a period.
func (tx Rows) ProviderJournals(provider string, from, to time.Time) ([]reconcile.Journal, error) {
	return tx.journalsWhere(`j.id >= $4 AND j.id < $5 AND j.posted_at >= $6 AND j.posted_at < $7`,
		tx.Tenant, int64(ledger.Clearing), provider, id.First(from.Add(-books.PostSlack)), id.First(to.Add(books.PostSlack)), from, to)
}

// PaymentJournals lists the journals of one payment on its provider's clearing account.
func (tx Rows) PaymentJournals(provider, payment string) ([]reconcile.Journal, error) {
	refs := []any{tx.Tenant, int64(ledger.Clearing), provider, payment}
	for n := range debt.MaxBacks {
		refs = append(refs, debt.BackRef(payment, n+1))
	}
	return tx.journalsWhere(`j.ref IN ($4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`, refs...)
}

// OpenSince counts the open differences that were found before a time, and returns when the oldest was.
func (tx Rows) OpenSince(before time.Time) (n int, oldest time.Time, err error) {
	_, err = tx.One(`SELECT COUNT(*), MIN(created_at) FROM difference WHERE tenant_id = $1 AND open = 1 AND created_at < $2`, func(r core.Row) error {
		n, oldest = int(r.Int(0)), r.Time(1)
		return nil
	}, tx.Tenant, before)
	return n, oldest, fault.Wrap(err, "count the open differences")
}

// SettleFees says that the open fees of a period are settled by a difference.
func (tx Rows) SettleFees(provider string, from, to time.Time, by id.ID) error {
	_, err := tx.C.Exec(`UPDATE statement_row SET settled_by = $1 WHERE tenant_id = $2 AND provider = $3 AND at >= $4 AND at < $5 AND kind = 'fee' AND settled_by IS NULL`,
		by, tx.Tenant, provider, from, to)
	return fault.Wrap(err, "settle the fees of a day")
}

// PutReconciliation stores a reconciliation, new or changed.
func (tx Rows) PutReconciliation(r reconcile.Reconciliation) error {
	return putKnown(tx, &reconciliationColumns, reconciliationKind, r.ID, r.Version, &r)
}

// PutItem stores a difference, new or changed.
func (tx Rows) PutItem(i reconcile.Item) error {
	return putKnown(tx, &differenceColumns, differenceKind, i.ID, i.Version, &i)
}

// putKnown inserts a row whose version is 0, and updates any other.
func putKnown[T any](tx Rows, columns *core.Columns[T], kind string, i id.ID, version int64, row *T) error {
	if version == 0 {
		if _, err := tx.C.Exec(`INSERT INTO `+columns.Into(), columns.Values(tx.Tenant, row)...); err != nil {
			return fmt.Errorf("store a %s: %w", kind, err)
		}
		return tx.Attest(kind, i)
	}
	err := tx.Rewrite(kind, i, func() error {
		return tx.Must(`UPDATE `+columns.Update("id"), columns.Changes(row, tx.Tenant, i)...)
	})
	return fault.Wrap(err, "write a %s", kind)
}

// ReconciliationDated finds the reconciliation of a provider's day and locks it.
func (tx Rows) ReconciliationDated(provider, date string) (r reconcile.Reconciliation, found bool, err error) {
	found, err = tx.One(reconciliationQuery+`provider = $2 AND date = $3`+tx.C.ForUpdate(), reconciliationColumns.To(&r), tx.Tenant, provider, date)
	return r, found, fault.Wrap(err, "find a reconciliation")
}

// filterQuery adds conditions to a query.
type filterQuery struct {
	where []string
	args  []any
}

func (n *filterQuery) add(use bool, condition string, value any) {
	if use {
		n.args = append(n.args, value)
		n.where = append(n.where, fmt.Sprintf(condition+` $%d`, len(n.args)))
	}
}

// end returns the conditions and the limit.
func (n *filterQuery) end(max int) string {
	n.args = append(n.args, max)
	return strings.Join(n.where, ` AND `) + fmt.Sprintf(` ORDER BY id DESC LIMIT $%d`, len(n.args))
}

// ReconciliationPage lists reconciliations, newest first, with how many of their differences are open.
func (tx Rows) ReconciliationPage(f reconcile.Filter, before id.ID, max int) (out []reconcile.Reconciliation, err error) {
	n := filterQuery{[]string{`id < $2`}, []any{tx.Tenant, core.UpTo(before)}}
	n.add(f.Provider != "", `provider =`, f.Provider)
	n.add(f.Date != "", `date =`, f.Date)
	end := n.end(max)
	if err = tx.C.Query(reconciliationQuery+end, reconciliationColumns.AddTo(&out), n.args...); err != nil {
		return nil, fault.Wrap(err, "list reconciliations")
	}
	for i := range out {
		open, err := tx.Number(`SELECT COUNT(*) FROM difference WHERE tenant_id = $1 AND provider = $2 AND date = $3 AND open = 1`, tx.Tenant, out[i].Provider, out[i].Date)
		if err != nil {
			return nil, fault.Wrap(err, "count open differences")
		}
		out[i].Unsettled = int(open)
	}
	return out, nil
}

// ItemByID finds a difference and locks it.
func (tx Rows) ItemByID(i id.ID) (reconcile.Item, bool, error) {
	return tx.itemWhere(`id = $2`, i)
}

// ItemKeyed finds a difference by what it is about, and locks it.
func (tx Rows) ItemKeyed(provider string, k reconcile.Kind, key string) (reconcile.Item, bool, error) {
	return tx.itemWhere(`provider = $2 AND kind = $3 AND key = $4`, provider, string(k), key)
}

func (tx Rows) itemWhere(condition string, args ...any) (i reconcile.Item, found bool, err error) {
	found, err = tx.One(differenceQuery+condition+tx.C.ForUpdate(), differenceColumns.To(&i), append([]any{tx.Tenant}, args...)...)
	return i, found, fault.Wrap(err, "find a difference")
}

// ItemPage lists differences, newest first, from before the given one or from the newest on.
func (tx Rows) ItemPage(f reconcile.Filter, before id.ID, max int) (out []reconcile.Item, err error) {
	n := filterQuery{[]string{`id < $2`}, []any{tx.Tenant, core.UpTo(before)}}
	n.add(f.Provider != "", `provider =`, f.Provider)
	n.add(f.Date != "", `date =`, f.Date)
	n.add(f.Kind != "", `kind =`, string(f.Kind))
	if f.Open {
		n.where = append(n.where, `open = 1`)
	}
	end := n.end(max)
	err = tx.C.Query(differenceQuery+end, differenceColumns.AddTo(&out), n.args...)
	return out, fault.Wrap(err, "list differences")
}

// UnownedCalls lists providers' calls that could not be read and belong to no difference yet, oldest first.
func (tx Rows) UnownedCalls(max int) (out []reconcile.ProviderCall, err error) {
	err = tx.C.Query(`SELECT c.id, p.name FROM payment_call c JOIN provider p ON p.tenant_id = c.tenant_id AND p.id = c.provider_id
		WHERE c.tenant_id = $1 AND c.state = 'unreadable' AND c.difference_id IS NULL ORDER BY c.id LIMIT $2`, func(r core.Row) error {
		out = append(out, reconcile.ProviderCall{Call: r.ID(0), Provider: r.Text(1)})
		return nil
	}, tx.Tenant, max)
	return out, fault.Wrap(err, "list calls that could not be read")
}

// ReadItems lists open differences about calls that have been read since.
func (tx Rows) ReadItems(max int) (out []reconcile.Item, err error) {
	err = tx.C.Query(differenceQuery+`open = 1 AND kind = $2 AND id IN (SELECT difference_id FROM payment_call WHERE tenant_id = $1 AND difference_id IS NOT NULL AND state = 'read')
		ORDER BY id LIMIT $3`, differenceColumns.AddTo(&out), tx.Tenant, string(reconcile.UnreadCall), max)
	return out, fault.Wrap(err, "list differences about calls that were read")
}
