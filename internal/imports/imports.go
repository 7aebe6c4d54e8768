// Package imports takes files with many meters, customers, debts or opening balances. Each row is imported as a whole or not at all, and only once: also if the server
// ends in the middle, if the file is sent again, or if two servers import it at the same time. An import can be undone, except the rows that
// were used since. Start at [Imports.Apply].
package imports

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sheet"
	"github.com/paywatt/paywatt/internal/upload"
	"github.com/paywatt/paywatt/wire"
)

// Import is a file that was imported.
type Import struct {
	ID             id.ID
	Kind           Kind
	By             string
	Principal, Key string            // who sent it, and under which idempotency key
	Sum            [sha256.Size]byte // of everything that decides what the file means
	Lines          int
	CreatedAt      time.Time
	DoneAt         time.Time // zero until every row has a result
	UndoneAt       time.Time // zero unless somebody undid it
	Total          money.Minor
	Approval       id.ID     // what it waits for, or was done under; zero if it needed no second person
	Approved       bool      // a second person approved it
	UndoAt         time.Time // when somebody was allowed to undo it; only for money
	UndoApproved   bool      // a second person approved that
}

// State is what became of a row.
type State string

// States of a row.
const (
	Done      State = "ok"
	Failed    State = "error"
	Duplicate State = "duplicate"
	Undone    State = "undone"
	Waiting   State = "waiting" // for a second person, together with all rows of its file
)

// Line is the result of one row.
type Line struct {
	refusal.Refusal     // why it was not imported, or not undone
	Line            int // in the file
	State           State
	Object          id.ID       // what the row made: a meter, a customer, a debt, or the journal of a balance
	Amount          money.Minor // of a debt or a balance; only when it was booked just now, or waits
	// Account and For are of a row that waits: the account as the file names it, and what the amount is for.
	Account, For string
	Print        [sha256.Size]byte
	// Number is that of a meter that this call registered. Password and LinkKey are the secrets of a meter that this call registered. Nobody can read them again.
	Number   string
	Password access.Secret
	LinkKey  wire.LinkKey
}

// Request is a file to import.
type Request struct {
	Kind     Kind
	File     []byte
	Mapping  map[string]string // headings of columns that have other headings than usual, by the column's name
	Defaults map[string]string // values of cells that are empty, by the column's name
	Sheet    string            // of a workbook; empty for the only visible one with values
	Hidden   bool              // hidden rows and columns of the sheet are meant too
	DryRun   bool
	Key      string // idempotency key
}

// Result is an import with its rows.
type Result struct {
	refusal.Refusal
	Import  Import
	Lines   []Line
	Ignored []string         // headings that mean nothing to the import
	Old     string           // a value whose letters may be wrong; see [sheet.Table]
	Book    sheet.Book       // which sheet was read; its sheets even if the file is refused
	Hidden  []Column         // hidden columns of the sheet: the letter of each, and its heading
	Header  []string         // all headings of the file
	Columns []Column         // the columns of the import, each with its heading
	Waits   *access.Approval // a second person must approve the whole file first
	Total   money.Amount     // of the rows that were booked or would be
}

// Column says which heading of a file a column of the import has; Heading is empty for none.
type Column struct{ Name, Heading string }

// String names a column of a file by its letter and heading.
func (c Column) String() string {
	if c.Heading == "" {
		return c.Name
	}
	return c.Name + " (" + c.Heading + ")"
}

// Totals counts the rows by state.
func (r Result) Totals() map[State]int {
	out := map[State]int{}
	for _, l := range r.Lines {
		out[l.State]++
	}
	return out
}

// Tx is the part of a transaction that imports need.
type Tx interface {
	Registering() registry.Tx
	TakingBack() registry.TakeBackTx
	Imports() ImportTx
	Debts() debt.Tx
	NewID() (id.ID, error)
	AuditLog(access.Entry) error
}

// ImportTx reads and writes imports.
type ImportTx interface {
	// AddImport stores a new import. It stores nothing and returns false if the sender has used the key before.
	AddImport(Import) (bool, error)
	ImportByKey(principal, key string) (Import, bool, error)
	ImportByID(i id.ID) (Import, bool, error)
	// UnfinishedImport finds an import of the same file that has rows without a result.
	UnfinishedImport(sum [sha256.Size]byte) (Import, bool, error)
	FinishImport(i id.ID, at time.Time) error
	UndoImport(i id.ID, at time.Time) error
	// ImportPage lists imports made before the given one, newest first.
	ImportPage(before id.ID, max int) ([]Import, error)
	// AddImportLine stores the result of a row. It stores nothing and returns false if the row has a result, or if another row with the same
	// print was imported and not undone.
	AddImportLine(i id.ID, l Line) (bool, error)
	// ImportedRow finds the row with a print that was imported and not undone.
	ImportedRow(print [sha256.Size]byte) (i id.ID, line int, found bool, err error)
	// ImportLines lists rows in the order of their lines, after the given line.
	ImportLines(i id.ID, after, max int) ([]Line, error)
	SetImportLine(i id.ID, l Line) error
	// AddImportRow keeps a row of a file that waits for a second person, and ImportRows lists such rows after the given line.
	AddImportRow(i id.ID, line int, body string) error
	ImportRows(i id.ID, after, max int) ([]string, error)
	// ApproveImport notes what a second person approved: the import, or undoing it.
	ApproveImport(i Import) error
}

// Config has the parts that an Imports needs; every field is required.
type Config struct {
	Door     access.Door[Tx]
	Registry *registry.Registry
	Debts    *debt.Debts
	Sealer   registry.Sealer // for cursors
	Uploads  *upload.Gate
	Now      func() time.Time
}

// Imports carries out the use cases of this package.
type Imports struct{ c Config }

// New makes an Imports.
func New(c Config) *Imports { return &Imports{c} }

// workers is how many rows are imported at once. One commit then stores many rows.
const workers = 32

// Right returns the right that an import of a kind needs.
func (k Kind) Right() access.Right {
	switch k {
	case Customers:
		return access.WriteCustomers
	case Debts, Balances:
		return k.act().Right()
	}
	return access.WriteMeters
}

// MaySend says why an actor may not send a file of any kind.
func MaySend(by access.Actor) refusal.Refusal {
	if len(KindsOf(by)) > 0 {
		return refusal.Refusal{}
	}
	return by.Needs(access.WriteMeters)
}

// KindsOf lists the kinds that an actor may import.
func KindsOf(by access.Actor) []Kind {
	return slices.DeleteFunc(Kinds(), func(k Kind) bool { return !by.May(k.Right()) })
}

// MayUndo reports whether an actor may undo an import of a kind, or ask a second person for that.
func MayUndo(by access.Actor, k Kind) bool {
	if k.Money() {
		return by.May(access.ActImportUndo.Right())
	}
	return k != Tariffs && by.May(k.Right())
}

// readRight returns the right to look at an import of a kind.
func (k Kind) readRight() access.Right {
	if k.Money() {
		return access.ReadLedger
	}
	return access.ReadMeters
}

// Apply imports a file (right: meter.write, customer.write, debt.write or ledger.adjust, as its kind needs), or says row by row what would happen. If the same file was sent before and did not
// get to its end, Apply goes on with its remaining rows. With a key that was used before, the same file gets its stored result.
func (s *Imports) Apply(ctx context.Context, by access.Actor, w Request) (_ Result, err error) {
	if !w.Kind.exists() {
		return Result{Refusal: refuse.ImportKindUnknown(refusal.Echo(string(w.Kind)))}, nil
	}
	if no := by.Needs(w.Kind.Right()); no.Refused() {
		return Result{Refusal: no}, nil
	}
	var table sheet.Table
	var no refusal.Refusal
	if busy := s.c.Uploads.Read(ctx, func() { table, no = sheet.ReadSheet(w.File, w.Sheet) }); busy.Refused() {
		return Result{Refusal: busy}, nil
	}
	if no.Refused() {
		return Result{Refusal: no, Book: table.Book}, nil
	}
	where, no := w.Kind.place(table, w.Mapping)
	if no.Refused() {
		return Result{Refusal: no, Book: table.Book}, nil
	}
	for name := range w.Defaults {
		if !slices.Contains(w.Kind.Columns(), name) {
			return Result{Refusal: refuse.ImportColumnUnknown(refusal.Echo(name), strings.Join(w.Kind.Columns(), ", "))}, nil
		}
	}
	if !w.DryRun && !w.Hidden {
		if no := where.refuseHidden(table.Book); no.Refused() {
			return Result{Refusal: no, Book: table.Book}, nil
		}
	}
	f := file{placed: where, defaults: w.Defaults}
	if w.Kind.Money() {
		if f.currency, no, err = s.currency(ctx, by); err != nil || no.Refused() {
			return Result{Refusal: no}, fault.Wrap(err, "read the currency")
		}
	}
	rows := w.Kind.entries(table, f)
	if w.DryRun {
		lines, err := s.each(ctx, by, Import{Kind: w.Kind}, rows)
		if err == nil && w.Kind == Meters {
			err = s.refuseFeedersAboveCeiling(ctx, by, rows, lines)
		}
		_, sum := total(lines)
		return Result{Import: Import{Kind: w.Kind, By: by.String(), Lines: len(rows), CreatedAt: s.c.Now()}, Lines: lines, Ignored: where.ignored,
			Old: table.Old, Book: table.Book, Hidden: where.listHidden(table.Book), Header: table.Header, Columns: where.columns(w.Kind, table),
			Total: money.Amount{Minor: sum, Currency: f.currency.Code}}, err
	}
	started, err := s.begin(ctx, by, w, rows)
	if err != nil || started.Refused() {
		return Result{Refusal: started.Refusal}, fault.Wrap(err, "begin an import")
	}
	if started.waits != nil {
		out, err := s.show(ctx, by, started.i)
		out.Waits, out.Book, out.Hidden = started.waits, table.Book, where.listHidden(table.Book)
		return out, err
	}
	if started.i.Approved { // only the rows that a second person has seen
		rows = started.rows
	}
	out, err := s.run(ctx, by, started.i, rows)
	out.Ignored, out.Old = where.ignored, table.Old
	out.Book, out.Hidden = table.Book, where.listHidden(table.Book)
	_, sum := total(out.Lines)
	out.Total = money.Amount{Minor: sum, Currency: f.currency.Code}
	return out, fault.Wrap(err, "import %s", started.i.ID.Text(id.Import))
}

// currency reads the currency of the books.
func (s *Imports) currency(ctx context.Context, by access.Actor) (c money.Currency, no refusal.Refusal, err error) {
	c, err = access.Look(ctx, s.c.Door, by.Tenant, func(tx Tx) (money.Currency, error) {
		code, exp, err := tx.Debts().Books().Currency()
		return money.Currency{Code: code, Exp: exp}, err
	})
	if err == nil && c.Code == "" {
		no = refuse.UtilityWithoutCurrency()
	}
	return c, no, err
}

// sum is the sum of everything that decides what a file means.
func (w Request) sum() [sha256.Size]byte {
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00", w.Kind)
	for _, m := range []map[string]string{w.Mapping, w.Defaults} {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			fmt.Fprintf(h, "%s=%s\x00", name, m[name])
		}
		fmt.Fprint(h, "\x01")
	}
	if w.Sheet != "" { // files without a name of a sheet keep the sum that they had before sheets had names
		fmt.Fprintf(h, "%s\x00\x01", w.Sheet)
	}
	h.Write(w.File)
	return [sha256.Size]byte(h.Sum(nil))
}

// beginning is an import that was begun now or before.
type beginning struct {
	refusal.Refusal
	i       Import
	waits   *access.Approval // a second person must approve it first
	rows    []entry          // of an approved import
	unknown bool             // it was not begun, because its total was not known yet
}

// begin stores the import, or finds the one that the same request began. It first tries the rows of a new import that moves money, because
// their total decides whether it takes a second person.
func (s *Imports) begin(ctx context.Context, by access.Actor, w Request, rows []entry) (beginning, error) {
	b, err := s.beginWith(ctx, by, w, rows, nil)
	if err != nil || !b.unknown {
		return b, err
	}
	would, err := s.each(ctx, by, Import{Kind: w.Kind}, rows)
	if err != nil {
		return beginning{}, err
	}
	return s.beginWith(ctx, by, w, rows, would)
}

// beginWith does the work of begin, once the results of trying the rows are known.
func (s *Imports) beginWith(ctx context.Context, by access.Actor, w Request, rows []entry, would []Line) (beginning, error) {
	sum := w.sum()
	return access.Through(ctx, s.c.Door, by.Tenant, func(tx Tx) (beginning, error) {
		known, found, err := tx.Imports().ImportByKey(by.String(), w.Key)
		byKey := found
		if err == nil && !found {
			known, found, err = tx.Imports().UnfinishedImport(sum)
		}
		if err != nil {
			return beginning{}, err
		}
		if found && known.Sum != sum {
			return beginning{Refusal: refuse.ImportKeyReused()}, nil
		}
		if found {
			old, over, err := s.known(tx, known)
			if err != nil || byKey || !over {
				return old, err
			}
		}
		if w.Kind.Money() && would == nil {
			return beginning{unknown: true}, nil
		}
		return s.beginNew(tx, by, w, sum, rows, would)
	})
}

// known continues with an import that was begun before. It reports whether that import can never go on.
func (s *Imports) known(tx Tx, i Import) (b beginning, over bool, err error) {
	b.i = i
	if b.waits, over, err = s.waiting(tx, i); err == nil && i.Approved {
		b.rows, err = s.rowsOf(tx, i.ID)
	}
	if err == nil && over {
		b.Refusal = refuse.ImportWaits(i.ID.Text(id.Import))
	}
	return b, over, err
}

func (s *Imports) beginNew(tx Tx, by access.Actor, w Request, sum [sha256.Size]byte, rows []entry, would []Line) (beginning, error) {
	i := Import{Kind: w.Kind, By: by.String(), Principal: by.String(), Key: w.Key, Sum: sum, Lines: len(rows), CreatedAt: access.Stored(s.c.Now())}
	var err error
	if i.ID, err = tx.NewID(); err != nil {
		return beginning{}, err
	}
	var eyes access.FourEyes
	if w.Kind.Money() {
		if eyes, err = s.decideImport(tx, by, &i, rows, would); err != nil || eyes.Refused() {
			return beginning{Refusal: eyes.Refusal}, err
		}
	}
	if added, err := tx.Imports().AddImport(i); err != nil || !added {
		return beginning{Refusal: refuse.ImportKeyReused()}, err
	}
	if err := keepRefused(tx, i.ID, would); err != nil {
		return beginning{}, err
	}
	e := by.Entry("import.begin", i.ID.Text(id.Import))
	e.After = fmt.Sprintf("kind=%s rows=%d sha256=%x", i.Kind, len(rows), sha256.Sum256(w.File))
	if w.Sheet != "" {
		e.After += fmt.Sprintf(" sheet=%q", w.Sheet)
	}
	return beginning{i: i, waits: eyes.Waits}, tx.AuditLog(eyes.Mark(e))
}

// run imports the rows that have no result yet, and returns all results.
func (s *Imports) run(ctx context.Context, by access.Actor, i Import, rows []entry) (Result, error) {
	have, err := s.lines(ctx, by, i.ID)
	if err != nil {
		return Result{}, err
	}
	done := map[int]Line{}
	for _, l := range have {
		done[l.Line] = l
	}
	left := slices.DeleteFunc(slices.Clone(rows), func(e entry) bool { _, ok := done[e.line]; return ok })
	made, err := s.each(ctx, by, i, left)
	if err != nil {
		return Result{}, err
	}
	if i.DoneAt.IsZero() {
		i.DoneAt = access.Stored(s.c.Now())
		_, err = access.Through(ctx, s.c.Door, by.Tenant, func(tx Tx) (beginning, error) { return beginning{}, tx.Imports().FinishImport(i.ID, i.DoneAt) })
	}
	all := append(have, made...)
	slices.SortFunc(all, func(a, b Line) int { return a.Line - b.Line })
	return Result{Import: i, Lines: all}, err
}

// each imports rows, several at once. If the import has no identity, it only tries them.
func (s *Imports) each(ctx context.Context, by access.Actor, i Import, rows []entry) ([]Line, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out, next := make([]Line, len(rows)), make(chan int)
	var wait sync.WaitGroup
	for range min(workers, len(rows)) {
		wait.Go(func() {
			for n := range next {
				line, err := s.row(ctx, by, i, rows[n])
				if err != nil {
					cancel(fmt.Errorf("line %d: %w", rows[n].line, err))
				}
				out[n] = line
			}
		})
	}
	for n := range rows {
		if ctx.Err() != nil {
			break
		}
		next <- n
	}
	close(next)
	wait.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return out, nil
}
