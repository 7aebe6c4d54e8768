package reconcile

import (
	"context"
	"log/slog"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/statement"
	"github.com/paywatt/paywatt/internal/upload"
)

// FileState is the state of a statement file.
type FileState string

// States of a file.
const (
	FileWaiting FileState = "waiting" // for a second person
	FileReading FileState = "reading" // its rows are being stored
	FileRead    FileState = "read"
)

// File is a statement file that somebody uploaded.
type File struct {
	ID       id.ID
	Provider string // name of the provider
	Format   statement.Format
	Sum      []byte // SHA-256 of the file
	Sealed   []byte // the file, compressed
	Agreed   []byte // the meters that a second person saw for its rows, sealed; empty if nobody saw any
	From, To time.Time
	Rows     int // booked rows
	Skipped  int // lines that are not booked
	State    FileState
	Proof    payment.Proof // who answers for it; empty while it waits
	Taken    int           // rows that were handled
	New      int           // rows that no earlier file had
	Doubtful int           // rows that are perhaps the same as older ones, when the file was read
	By       string
	AddedAt  time.Time
	ReadAt   time.Time
	Version  int64
}

// Name returns the file's identity as text.
func (f File) Name() string { return f.ID.Text(id.StatementFile) }

// State is the state of a reconciliation.
type State string

// States of a reconciliation.
const (
	Waiting State = "waiting" // no statement covers the whole day yet
	Open    State = "open"    // there are differences
	Closed  State = "closed"  // there was no difference, or all were settled
)

// Reconciliation is the comparison of one day of a provider. A closed one stays as it was: what appears later is a new difference.
type Reconciliation struct {
	ID       id.ID
	Provider string
	Date     string
	From, To time.Time
	State    State
	Rows     int         // rows of the statement about payments
	Stated   money.Minor // their sum
	Fees     money.Minor // what the provider charged, negative
	Payments int         // confirmed payments of the day
	Paid     money.Minor // their sum
	Booked   money.Minor // sum of their journals
	Currency string
	RanAt    time.Time
	ClosedAt time.Time
	ClosedBy string
	Unknown  string // what could not be compared, such as [FirstStatement], separated by commas
	Version  int64
	// Unsettled counts the open differences of the day now; it is not stored.
	Unsettled int
}

// Item is a stored difference.
type Item struct {
	ID       id.ID
	Provider string
	Date     string
	Difference
	Count    int // fees of a day are one item
	Owner    string
	Open     bool
	FoundAt  time.Time
	ClosedAt time.Time
	ClosedBy string
	Why      string
	Version  int64
}

// Name returns the item's identity as text.
func (i Item) Name() string { return i.ID.Text(id.Difference) }

// Tx is the part of a transaction that reconciliations need.
type Tx interface {
	Eyes() access.EyesTx
	NewID() (id.ID, error)
	AuditLog(access.Entry) error
	Moment() time.Time
	Currency() (code string, exp int, err error)
	TenantZone() (string, error)
	Paying() payment.Tx
	Reconciling() Rows
	Comparing() Comparison
	// UpdateAlarm opens an alarm of the server (meter 0), or gives it a new text; ClearAlarm ends it.
	UpdateAlarm(meter int64, a metering.Alarm) error
	ClearAlarm(meter int64, code metering.AlarmCode) error
}

// Rows reads and writes the rows of statements and reconciliations.
type Rows interface {
	// AddStatementFile stores a file; false means that the provider has it already.
	AddStatementFile(File) (bool, error)
	StatementFileByID(id.ID) (File, bool, error)
	StatementFileBySum(provider string, sum []byte) (File, bool, error)
	// PutStatementFile stores the state of a file that StatementFileByID locked.
	PutStatementFile(File) error
	// PutAgreedMeters stores the meters that a second person saw for the rows of a file.
	PutAgreedMeters(File) error
	// StatementFiles lists the files of a provider that overlap a period, without their contents.
	StatementFiles(provider string, from, to time.Time, max int) ([]File, error)
	// StatementFilePage lists the files of a provider, or of all if it is empty, without their contents: newest first, from before the given one or
	// from the newest on.
	StatementFilePage(provider string, before id.ID, max int) ([]File, error)
	// UnreadFiles lists files whose rows are being stored.
	UnreadFiles(max int) ([]File, error)

	// AddStatementRow stores a row with its names; false means that a row of this key is stored already.
	AddStatementRow(provider string, r Row) (bool, error)
	// PutStatementRow stores the state of a row.
	PutStatementRow(provider string, r Row) error
	// StatementRow reads the row of a key.
	StatementRow(provider, key string) (Row, bool, error)
	// AddPageDays stores what a file says about the balances of days, once.
	AddPageDays(provider string, days []PageDay) error
	// OpenSince counts the open differences that were found before a time, and returns when the oldest was.
	OpenSince(before time.Time) (n int, oldest time.Time, err error)
	// SettleFees says that the fees of a period are settled by an item.
	SettleFees(provider string, from, to time.Time, by id.ID) error

	PutReconciliation(Reconciliation) error
	ReconciliationDated(provider, date string) (Reconciliation, bool, error)
	ReconciliationPage(f Filter, before id.ID, max int) ([]Reconciliation, error)
	PutItem(Item) error
	ItemByID(id.ID) (Item, bool, error)
	ItemKeyed(provider string, k Kind, key string) (Item, bool, error)
	ItemPage(f Filter, before id.ID, max int) ([]Item, error)
	// UnownedCalls lists providers' calls that could not be read and belong to no difference yet, and ReadItems open differences about calls that
	// have been read since.
	UnownedCalls(max int) ([]ProviderCall, error)
	ReadItems(max int) ([]Item, error)
}

// Comparison reads what a file or a day is compared with. It changes nothing.
type Comparison interface {
	// StatementRows lists the rows of a period, those that wait and those that are the same as others too. Their names and formats are missing;
	// NamedRows lists the rows with them.
	StatementRows(provider string, from, to time.Time) ([]Row, error)
	NamedRows(provider string, from, to time.Time) ([]Row, error)
	// NameUses lists the rows that have one of some names.
	NameUses(provider string, names []string) ([]NameUse, error)
	// UnclaimedPayments lists payments of a period that no row names.
	UnclaimedPayments(provider string, from, to time.Time) ([]payment.Payment, error)
	// ClaimedElsewhere lists the rows outside a period that count and name a payment which a row of the period names too.
	ClaimedElsewhere(provider string, from, to time.Time) ([]Row, error)
	// PageDays lists what files say about the balances of the days of a period.
	PageDays(provider string, from, to time.Time) ([]PageDay, error)
	// ComparedPayments lists payments that rows of a period name, and those that were paid in another period.
	ComparedPayments(provider string, from, to, paidFrom, paidTo time.Time) ([]payment.Payment, error)
	// StatedElsewhere lists the names of payments paid in a period that rows outside another period have.
	StatedElsewhere(provider string, from, to, paidFrom, paidTo time.Time) (map[string]bool, error)
	// StatedBack reports whether a row of a statement gives a payment back.
	StatedBack(provider, txn string) (bool, error)
	// ProviderJournals lists journals of payments on a provider's clearing account that were posted in a period, and PaymentJournals those of one
	// payment.
	ProviderJournals(provider string, from, to time.Time) ([]Journal, error)
	PaymentJournals(provider, payment string) ([]Journal, error)
}

// Filter says which reconciliations or items to list. Empty fields name all.
type Filter struct {
	Provider string
	Date     string
	Kind     Kind
	Open     bool // only items that are not settled
}

// Config has the parts that Statements needs. Every field but Log is required.
type Config struct {
	Door     access.Door[Tx]
	Payments *payment.Payments
	Sealer   registry.Sealer
	Uploads  *upload.Gate
	Now      func() time.Time
	Log      *slog.Logger
}

// Statements carries out the use cases of this package.
type Statements struct{ c Config }

// New makes a Statements.
func New(c Config) *Statements {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Statements{c: c}
}

// actor is who acts when the program itself reconciles.
func actor(t access.Tenant) access.Actor { return access.SystemActor(t, "reconciliation") }

// List is one page of reconciliations, newest first.
type List struct {
	refusal.Refusal
	Days []Reconciliation
	Next string
}

// Items is one page of differences, newest first.
type Items struct {
	refusal.Refusal
	Items []Item
	Next  string
}

// Lists that cursors belong to.
const (
	listDays  = "reconciliations"
	listItems = "reconciliation-differences"
	listFiles = "statement-files"
)

// List lists reconciliations (right: payment.read).
func (s *Statements) List(ctx context.Context, by access.Actor, f Filter, page registry.Page) (List, error) {
	if no := by.Needs(access.ReadPayments); no.Refused() {
		return List{Refusal: no}, nil
	}
	before, max, no := page.Read(s.c.Sealer, by.Tenant, listDays)
	if no.Refused() {
		return List{Refusal: no}, nil
	}
	out, err := access.Look(ctx, s.c.Door, by.Tenant, func(tx Tx) (List, error) {
		rows, err := tx.Reconciling().ReconciliationPage(f, before, max+1)
		l := List{}
		l.Days, l.Next = registry.Cut(rows, max, s.c.Sealer, by.Tenant, listDays, func(r Reconciliation) id.ID { return r.ID })
		return l, err
	})
	return out, fault.Wrap(err, "list reconciliations")
}

// Items lists differences (right: payment.read).
func (s *Statements) Items(ctx context.Context, by access.Actor, f Filter, page registry.Page) (Items, error) {
	if no := by.Needs(access.ReadPayments); no.Refused() {
		return Items{Refusal: no}, nil
	}
	before, max, no := page.Read(s.c.Sealer, by.Tenant, listItems)
	if no.Refused() {
		return Items{Refusal: no}, nil
	}
	out, err := access.Look(ctx, s.c.Door, by.Tenant, func(tx Tx) (Items, error) {
		rows, err := tx.Reconciling().ItemPage(f, before, max+1)
		l := Items{}
		l.Items, l.Next = registry.Cut(rows, max, s.c.Sealer, by.Tenant, listItems, func(i Item) id.ID { return i.ID })
		return l, err
	})
	return out, fault.Wrap(err, "list differences")
}

// Files is one page of statement files, newest first.
type Files struct {
	refusal.Refusal
	Files []File
	Next  string
}

// Files lists the statement files of a provider, or of all if it is empty (right: payment.read).
func (s *Statements) Files(ctx context.Context, by access.Actor, provider string, page registry.Page) (Files, error) {
	if no := by.Needs(access.ReadPayments); no.Refused() {
		return Files{Refusal: no}, nil
	}
	before, max, no := page.Read(s.c.Sealer, by.Tenant, listFiles)
	if no.Refused() {
		return Files{Refusal: no}, nil
	}
	out, err := access.Look(ctx, s.c.Door, by.Tenant, func(tx Tx) (Files, error) {
		rows, err := tx.Reconciling().StatementFilePage(provider, before, max+1)
		l := Files{}
		l.Files, l.Next = registry.Cut(rows, max, s.c.Sealer, by.Tenant, listFiles, func(f File) id.ID { return f.ID })
		return l, err
	})
	return out, fault.Wrap(err, "list statement files")
}
