package banktest_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/reconcile"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/statement"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/upload"
)

// This file tries the acts of the room on a real store, and each of them with a store that fails at each of its calls. These tests have a folder
// of their own, because the store imports package reconcile: beside its tests inside, Go would compile the store a second time.

// errBroken is the error of the call that fails.
var errBroken = errors.New("the store failed")

// bank is a utility with one provider, whose statements are uploaded.
type bank struct {
	t        *testing.T
	now      time.Time
	engine   *sqlite.Engine
	payments *payment.Payments
	st       *reconcile.Statements
	asks     bool
	damaged  error // of the provider's config
	provider id.ID
	path     string // that the provider calls
	notices  []payment.Notice
	unread   error  // of the provider's calls
	zone     string // of the utility; empty for that of the store
	files    int
	calls    int // of the store, since the act began
	broken   int // number of the call that fails; 0 for none
	turns    int // transactions that may write
	audit    []string
	alarms   []string
}

func (b *bank) fails(err error) error {
	if b.calls++; b.calls == b.broken {
		return errBroken
	}
	return err
}

// adapter is a provider whose calls say what the test says.
type adapter struct {
	payment.Adapter
	b *bank
}

func (a adapter) Prove(payment.Incoming) error                    { return nil }
func (a adapter) Reply(payment.Incoming) payment.Reply            { return payment.Reply{Status: 200} }
func (a adapter) Read(payment.Incoming) ([]payment.Notice, error) { return a.b.notices, a.b.unread }

func (a adapter) Asks() bool           { return a.b.asks }
func (a adapter) Rules() payment.Rules { return payment.Rules{Names: payment.ExactName} }

func owner() access.Actor {
	return access.Actor{Tenant: store.FirstTenant, Kind: access.APIKey, Name: "till3", Role: access.Owner, Answers: id.ID{15: 1}}
}

// signedIn is the owner after signing in: without the limits that a key can have.
func signedIn() access.Actor {
	by := owner()
	by.Kind, by.ID = access.Person, by.Answers
	return by
}

func openBank(t *testing.T) *bank {
	t.Helper()
	b := &bank{t: t, now: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)}
	dir := t.TempDir()
	sealer, err := keystore.OpenData(dir)
	if err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return b.now }
	if b.engine, err = sqlite.Open(dir, sqlite.Options{Now: clock, Reserve: -1}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.engine.Close(); err != nil {
			t.Error(err)
		}
	})
	b.do(func(tx *store.Tx) error {
		_, err := tx.SetCurrency("KES", 2)
		return err
	})
	b.payments = payment.New(payment.Config{Door: store.DoorTo(b.engine, store.Sale, func(tx *store.Tx) payment.Tx { return tx }),
		Adapter: func(string, payment.Setup) (payment.Adapter, error) { return adapter{b: b}, b.damaged }, Sealer: sealer, Rand: rand.Reader, Now: clock,
		MayDate: func(once.Clock) (sale.Times, refusal.Refusal, error) { return sale.Times{}, refusal.Refusal{}, nil }})
	v, err := b.payments.AddProvider(t.Context(), signedIn(), payment.NewProvider{Name: "bank", Kind: "test", Config: []byte(`{}`), Secrets: []byte(`{}`), Single: 1_000_000, Daily: 1_000_000_000})
	if err != nil || v.Refused() {
		t.Fatal(err, v.Detail())
	}
	b.provider, b.path = v.Provider.ID, v.Path.Reveal()
	door := failingDoor{store.DoorTo(b.engine, store.Sale, func(tx *store.Tx) reconcile.Tx { return tx }), b}
	b.st = reconcile.New(reconcile.Config{Door: door, Payments: b.payments, Sealer: sealer, Uploads: upload.NewGate(), Now: clock})
	return b
}

func (b *bank) do(fn func(*store.Tx) error) {
	b.t.Helper()
	err := b.engine.Run(b.t.Context(), store.FirstTenant, store.Job, func(tx *store.Tx) (bool, error) { return false, fn(tx) })
	if err != nil {
		b.t.Fatal(err)
	}
}

// failingDoor gives each transaction a store that fails at one call.
type failingDoor struct {
	access.Door[reconcile.Tx]
	b *bank
}

func (d failingDoor) Do(ctx context.Context, t access.Tenant, fn func(reconcile.Tx) (bool, error)) error {
	before, audit := d.b.calls, len(d.b.audit)
	d.b.turns++
	return d.Door.Do(ctx, t, func(tx reconcile.Tx) (bool, error) {
		d.b.calls, d.b.audit = before, d.b.audit[:audit] // the store may run a closure again
		return fn(failingTx{tx, d.b})
	})
}

func (d failingDoor) View(ctx context.Context, t access.Tenant, fn func(reconcile.Tx) error) error {
	before := d.b.calls
	return d.Door.View(ctx, t, func(tx reconcile.Tx) error {
		d.b.calls = before
		return fn(failingTx{tx, d.b})
	})
}

type failingTx struct {
	reconcile.Tx
	b *bank
}

func (f failingTx) Reconciling() reconcile.Rows     { return failingRows{f.Tx.Reconciling(), f.b} }
func (f failingTx) Comparing() reconcile.Comparison { return failingComparison{f.Tx.Comparing(), f.b} }

func (f failingTx) AuditLog(e access.Entry) error {
	f.b.audit = append(f.b.audit, strings.TrimSpace(strings.Join([]string{e.Actor, e.Action, e.Object, e.Before, e.After, e.Reason}, "|")))
	return f.b.fails(f.Tx.AuditLog(e))
}

func (f failingTx) NewID() (id.ID, error) {
	i, err := f.Tx.NewID()
	return i, f.b.fails(err)
}

func (f failingTx) TenantZone() (string, error) {
	zone, err := f.Tx.TenantZone()
	if f.b.zone != "" {
		zone = f.b.zone
	}
	return zone, f.b.fails(err)
}

func (f failingTx) Paying() payment.Tx { return failingPaying{f.Tx.Paying(), f.b} }

type failingPaying struct {
	payment.Tx
	b *bank
}

func (p failingPaying) Payments() payment.PaymentTx { return failingPayments{p.Tx.Payments(), p.b} }

type failingPayments struct {
	payment.PaymentTx
	b *bank
}

func (p failingPayments) ProviderByID(i id.ID) (payment.Provider, bool, error) {
	provider, found, err := p.PaymentTx.ProviderByID(i)
	return provider, found, p.b.fails(err)
}

func (p failingPayments) ProviderByName(name string) (payment.Provider, bool, error) {
	provider, found, err := p.PaymentTx.ProviderByName(name)
	return provider, found, p.b.fails(err)
}

func (p failingPayments) ProviderPage(before id.ID, most int) ([]payment.Provider, error) {
	out, err := p.PaymentTx.ProviderPage(before, most)
	return out, p.b.fails(err)
}

func (p failingPayments) PaymentByID(i id.ID) (payment.Payment, bool, error) {
	found, is, err := p.PaymentTx.PaymentByID(i)
	return found, is, p.b.fails(err)
}

func (p failingPayments) CallByID(i id.ID) (payment.Call, bool, error) {
	call, found, err := p.PaymentTx.CallByID(i)
	return call, found, p.b.fails(err)
}

func (p failingPayments) PutCall(c payment.Call) error { return p.b.fails(p.PaymentTx.PutCall(c)) }

func (f failingTx) Currency() (string, int, error) {
	code, exp, err := f.Tx.Currency()
	return code, exp, f.b.fails(err)
}

func (f failingTx) UpdateAlarm(meter int64, a metering.Alarm) error {
	f.b.alarms = append(f.b.alarms, fmt.Sprint("raise ", meter, " ", a.Code, ": ", a.Text))
	return f.b.fails(f.Tx.UpdateAlarm(meter, a))
}

func (f failingTx) ClearAlarm(meter int64, code metering.AlarmCode) error {
	f.b.alarms = append(f.b.alarms, fmt.Sprint("end ", meter, " ", code))
	return f.b.fails(f.Tx.ClearAlarm(meter, code))
}

type failingRows struct {
	reconcile.Rows
	b *bank
}

func (r failingRows) AddStatementFile(f reconcile.File) (bool, error) {
	added, err := r.Rows.AddStatementFile(f)
	return added, r.b.fails(err)
}

func (r failingRows) StatementFileByID(i id.ID) (reconcile.File, bool, error) {
	f, found, err := r.Rows.StatementFileByID(i)
	return f, found, r.b.fails(err)
}

func (r failingRows) StatementFileBySum(provider string, sum []byte) (reconcile.File, bool, error) {
	f, found, err := r.Rows.StatementFileBySum(provider, sum)
	return f, found, r.b.fails(err)
}

func (r failingRows) PutAgreedMeters(f reconcile.File) error {
	return r.b.fails(r.Rows.PutAgreedMeters(f))
}

func (r failingRows) PutStatementFile(f reconcile.File) error {
	return r.b.fails(r.Rows.PutStatementFile(f))
}

func (r failingRows) StatementFiles(provider string, from, to time.Time, most int) ([]reconcile.File, error) {
	out, err := r.Rows.StatementFiles(provider, from, to, most)
	return out, r.b.fails(err)
}

func (r failingRows) UnreadFiles(most int) ([]reconcile.File, error) {
	out, err := r.Rows.UnreadFiles(most)
	return out, r.b.fails(err)
}

func (r failingRows) AddStatementRow(provider string, row reconcile.Row) (bool, error) {
	added, err := r.Rows.AddStatementRow(provider, row)
	return added, r.b.fails(err)
}

func (r failingRows) PutStatementRow(provider string, row reconcile.Row) error {
	return r.b.fails(r.Rows.PutStatementRow(provider, row))
}

func (r failingRows) StatementRow(provider, key string) (reconcile.Row, bool, error) {
	row, found, err := r.Rows.StatementRow(provider, key)
	return row, found, r.b.fails(err)
}

func (r failingRows) AddPageDays(provider string, days []reconcile.PageDay) error {
	return r.b.fails(r.Rows.AddPageDays(provider, days))
}

func (r failingRows) OpenSince(before time.Time) (int, time.Time, error) {
	n, oldest, err := r.Rows.OpenSince(before)
	return n, oldest, r.b.fails(err)
}

func (r failingRows) SettleFees(provider string, from, to time.Time, by id.ID) error {
	return r.b.fails(r.Rows.SettleFees(provider, from, to, by))
}

func (r failingRows) PutReconciliation(d reconcile.Reconciliation) error {
	return r.b.fails(r.Rows.PutReconciliation(d))
}

func (r failingRows) ReconciliationDated(provider, date string) (reconcile.Reconciliation, bool, error) {
	d, known, err := r.Rows.ReconciliationDated(provider, date)
	return d, known, r.b.fails(err)
}

func (r failingRows) UnownedCalls(most int) ([]reconcile.ProviderCall, error) {
	out, err := r.Rows.UnownedCalls(most)
	return out, r.b.fails(err)
}

func (r failingRows) ReadItems(most int) ([]reconcile.Item, error) {
	out, err := r.Rows.ReadItems(most)
	return out, r.b.fails(err)
}

func (r failingRows) PutItem(i reconcile.Item) error { return r.b.fails(r.Rows.PutItem(i)) }

func (r failingRows) ItemByID(i id.ID) (reconcile.Item, bool, error) {
	item, found, err := r.Rows.ItemByID(i)
	return item, found, r.b.fails(err)
}

func (r failingRows) ItemKeyed(provider string, k reconcile.Kind, key string) (reconcile.Item, bool, error) {
	item, known, err := r.Rows.ItemKeyed(provider, k, key)
	return item, known, r.b.fails(err)
}

func (r failingRows) ItemPage(f reconcile.Filter, before id.ID, most int) ([]reconcile.Item, error) {
	out, err := r.Rows.ItemPage(f, before, most)
	return out, r.b.fails(err)
}

type failingComparison struct {
	reconcile.Comparison
	b *bank
}

func (c failingComparison) StatementRows(provider string, from, to time.Time) ([]reconcile.Row, error) {
	out, err := c.Comparison.StatementRows(provider, from, to)
	return out, c.b.fails(err)
}

func (c failingComparison) NamedRows(provider string, from, to time.Time) ([]reconcile.Row, error) {
	out, err := c.Comparison.NamedRows(provider, from, to)
	return out, c.b.fails(err)
}

func (c failingComparison) NameUses(provider string, names []string) ([]reconcile.NameUse, error) {
	out, err := c.Comparison.NameUses(provider, names)
	return out, c.b.fails(err)
}

func (c failingComparison) PageDays(provider string, from, to time.Time) ([]reconcile.PageDay, error) {
	out, err := c.Comparison.PageDays(provider, from, to)
	return out, c.b.fails(err)
}

func (c failingComparison) ClaimedElsewhere(provider string, from, to time.Time) ([]reconcile.Row, error) {
	out, err := c.Comparison.ClaimedElsewhere(provider, from, to)
	return out, c.b.fails(err)
}

func (c failingComparison) ComparedPayments(provider string, from, to, paidFrom, paidTo time.Time) ([]payment.Payment, error) {
	out, err := c.Comparison.ComparedPayments(provider, from, to, paidFrom, paidTo)
	return out, c.b.fails(err)
}

func (c failingComparison) StatedElsewhere(provider string, from, to, paidFrom, paidTo time.Time) (map[string]bool, error) {
	out, err := c.Comparison.StatedElsewhere(provider, from, to, paidFrom, paidTo)
	return out, c.b.fails(err)
}

func (c failingComparison) StatedBack(provider, txn string) (bool, error) {
	back, err := c.Comparison.StatedBack(provider, txn)
	return back, c.b.fails(err)
}

func (c failingComparison) PaymentJournals(provider, name string) ([]reconcile.Journal, error) {
	out, err := c.Comparison.PaymentJournals(provider, name)
	return out, c.b.fails(err)
}

func (c failingComparison) UnclaimedPayments(provider string, from, to time.Time) ([]payment.Payment, error) {
	out, err := c.Comparison.UnclaimedPayments(provider, from, to)
	return out, c.b.fails(err)
}

func (c failingComparison) ProviderJournals(provider string, from, to time.Time) ([]reconcile.Journal, error) {
	out, err := c.Comparison.ProviderJournals(provider, from, to)
	return out, c.b.fails(err)
}

// whenever lets each call of an act fail, one after the other, and checks that the act says so. It returns how many calls the act has.
func (b *bank) whenever(what string, act func() error) int {
	b.t.Helper()
	return b.wheneverFrom(1, what, act)
}

// wheneverFrom lets each call of an act from a number on fail.
func (b *bank) wheneverFrom(first int, what string, act func() error) int {
	b.t.Helper()
	for n := first; ; n++ {
		b.calls, b.broken = 0, n
		err := act()
		b.broken = 0
		if b.calls < n {
			if err != nil {
				b.t.Errorf("%s: %v", what, err)
			}
			return n - 1
		}
		if !errors.Is(err, errBroken) {
			b.t.Errorf("%s: call %d failed, and the error is %v", what, n, err)
		}
		if err := b.st.Continue(b.t.Context(), store.FirstTenant); err != nil {
			b.t.Fatal(err)
		}
	}
}

// november is a day of the files.
func november(n int) time.Time { return time.Date(2026, 11, n, 0, 0, 0, 0, time.UTC) }

// file is a statement of one day from 100.00 on, with rows such as "C5,00 B1 AMINA" or "D1,00 - X".
func file(day int, closing string, rows ...string) []byte {
	var b strings.Builder
	date := november(day).Format("060102")
	fmt.Fprintf(&b, ":20:X\n:25:A1\n:60F:C%sKES100,00\n", date)
	for _, r := range rows {
		w := strings.Fields(r)
		kind := "NTRF"
		if len(w) > 3 {
			kind = w[3]
		}
		fmt.Fprintf(&b, ":61:%s%s%sNONREF//%s\n:86:/NAME/%s/REMI/rent\n", date, w[0], kind, strings.Trim(w[1], "-"), w[2])
	}
	fmt.Fprintf(&b, ":62F:C%sKES%s\n-\n", date, closing)
	return []byte(b.String())
}

func (b *bank) upload(f []byte) reconcile.UploadResult {
	b.t.Helper()
	up, err := b.st.Upload(b.t.Context(), owner(), "bank", f, "")
	if err != nil || up.Refused() || up.Waits != nil || up.File.State != reconcile.FileRead {
		b.t.Fatalf("upload: %v %s %+v", err, up.Detail(), up.File)
	}
	return up
}

// open lists the open differences of the bank.
func (b *bank) open() []reconcile.Item {
	b.t.Helper()
	l, err := b.st.Items(b.t.Context(), owner(), reconcile.Filter{Provider: "bank", Open: true}, registry.Page{})
	if err != nil || l.Refused() {
		b.t.Fatal(err, l.Detail())
	}
	return l.Items
}

// run compares a day.
func (b *bank) run(day int) reconcile.Ran {
	b.t.Helper()
	r, err := b.st.Run(b.t.Context(), owner(), "bank", november(day).Format(time.DateOnly))
	if err != nil || r.Refused() {
		b.t.Fatal(err, r.Detail())
	}
	return r
}

// TestAnUpload stores the rows of a file once.
func TestAnUpload(t *testing.T) {
	b := openBank(t)
	f := file(20, "112,00", "C5,00 B1 AMINA", "C7,00 B2 BEN")
	up := b.upload(f)
	if up.File.Rows != 2 || up.File.New != 2 || up.File.Doubtful != 0 || up.File.Taken != 2 || up.File.Format != statement.Swift || up.File.Proof != payment.StatedAlone ||
		up.File.Provider != "bank" || !up.File.From.Equal(november(20)) || !up.File.To.Equal(november(21)) || up.File.By != owner().String() || !up.File.AddedAt.Equal(b.now) || !up.File.ReadAt.Equal(b.now) {
		t.Errorf("the file is %+v", up.File)
	}
	if again := b.upload(f); again.File.ID != up.File.ID {
		t.Errorf("the same file again is %s", again.File.Name())
	}
	named, err := b.st.Upload(t.Context(), owner(), b.provider.Text(id.Provider), file(21, "105,00", "C5,00 B3 AMINA"), statement.Swift)
	if err != nil || named.Refused() || named.File.New != 1 || named.File.Provider != "bank" {
		t.Errorf("by the provider's identity: %+v %s (%v)", named.File, named.Detail(), err)
	}
	more := b.upload(file(20, "113,00", "C5,00 B1 AMINA", "C7,00 - Ben", "C1,00 B4 DIDA"))
	if more.File.New != 1 || more.File.Doubtful != 1 || more.File.Taken != 3 {
		t.Errorf("an export that overlaps: %+v", more.File)
	}
	l, err := b.st.Files(t.Context(), owner(), "bank", registry.Page{})
	if err != nil || len(l.Files) != 3 {
		t.Errorf("%d files (%v)", len(l.Files), err)
	}
}

// TestAnUploadIsRefused for a reason that the answer says.
func TestAnUploadIsRefused(t *testing.T) {
	b := openBank(t)
	good := file(20, "105,00", "C5,00 B1 AMINA")
	viewer := owner()
	viewer.Role = access.Auditor
	for name, c := range map[string]struct {
		by       access.Actor
		provider string
		file     []byte
		format   statement.Format
		want     string
	}{
		"no right":         {viewer, "bank", good, "", ""},
		"unknown format":   {owner(), "bank", []byte("%PDF-1.7"), "", "PDF"},
		"unknown provider": {owner(), "nobody", good, "", "nobody"},
		"another identity": {owner(), id.ID{15: 9}.Text(id.Provider), good, "", ""},
		"damaged":          {owner(), "bank", file(20, "106,00", "C5,00 B1 AMINA"), "", "MT940"},
		"another format":   {owner(), "bank", good, statement.Camt, "CAMT.053"},
	} {
		up, err := b.st.Upload(t.Context(), c.by, c.provider, c.file, c.format)
		if err != nil || !up.Refused() || !strings.Contains(up.Detail(), c.want) {
			t.Errorf("%s: %q (%v), want a refusal with %q", name, up.Detail(), err, c.want)
		}
	}
	b.do(func(tx *store.Tx) error { return tx.Paying().Payments().SetProvider(b.provider, b.now) })
	if up, err := b.st.Upload(t.Context(), owner(), "bank", good, ""); err != nil || !up.Refused() {
		t.Errorf("a disabled provider: %+v (%v)", up.File, err)
	}
	if l, err := b.st.Files(t.Context(), owner(), "bank", registry.Page{}); err != nil || len(l.Files) != 0 {
		t.Errorf("%d files (%v)", len(l.Files), err)
	}
}

// TestAnUploadOverAStoreThatFails ends with the error, and Continue stores what is left.
func TestAnUploadOverAStoreThatFails(t *testing.T) {
	b := openBank(t)
	calls := b.whenever("upload", func() error {
		b.files++
		_, err := b.st.Upload(t.Context(), owner(), "bank", file(20, "103,00", fmt.Sprintf("C5,00 B%d AMINA", b.files), fmt.Sprintf("D2,00 C%d X", b.files)), "")
		return err
	})
	if calls < 15 {
		t.Errorf("an upload has %d calls", calls)
	}
	l, err := b.st.Files(t.Context(), owner(), "bank", registry.Page{Limit: 100})
	if err != nil || len(l.Files) < 5 {
		t.Fatal(err, len(l.Files))
	}
	for _, f := range l.Files {
		if f.State != reconcile.FileRead || f.New != 2 || f.Taken != 2 || f.Proof != payment.StatedAlone {
			t.Errorf("file %+v", f)
		}
	}
}

// TestALongFileIsStoredInSlices goes on where it was interrupted.
func TestALongFileIsStoredInSlices(t *testing.T) {
	b := openBank(t)
	rows := make([]string, 450)
	for i := range rows {
		rows[i] = fmt.Sprintf("C1,00 B%d AMINA", i)
	}
	long := file(20, "550,00", rows...)
	for broken := 1; ; broken += 37 {
		b.calls, b.broken = 0, broken
		_, err := b.st.Upload(t.Context(), owner(), "bank", long, "")
		if b.broken = 0; err == nil {
			break
		}
		if errors.Is(err, errBroken) {
			continue
		}
		t.Fatal(err)
	}
	b.calls = 0
	if err := b.st.Continue(t.Context(), store.FirstTenant); err != nil {
		t.Fatal(err)
	}
	up := b.upload(long)
	if up.File.New != 450 || up.File.Taken != 450 {
		t.Errorf("the file is %+v", up.File)
	}
}

// TestATransactionStoresTwoHundredRows so that a long file does not hold up the sales, and a file that is stored anew begins at its first row.
func TestATransactionStoresTwoHundredRows(t *testing.T) {
	b := openBank(t)
	for n, want := range map[int]int{199: 2, 200: 3} { // one adds the file, and the last one ends it
		rows := make([]string, n)
		for i := range rows {
			rows[i] = fmt.Sprintf("C1,00 N%d-%d AMINA", n, i)
		}
		b.turns = 0
		up := b.upload(file(20, fmt.Sprintf("%d,00", 100+n), rows...))
		if b.turns != want || up.File.New != n || up.File.Taken != n {
			t.Errorf("%d rows took %d transactions, want %d; the file is %+v", n, b.turns, want, up.File)
		}
	}
}

// TestWhatAnUploadWritesIntoTheAuditLog is who added the file, and on whose word its payments are confirmed.
func TestWhatAnUploadWritesIntoTheAuditLog(t *testing.T) {
	b := openBank(t)
	up := b.upload(file(20, "105,00", "C5,00 B1 AMINA"))
	terms := fmt.Sprintf("provider=bank format=mt940 rows=1 from=2026-11-20T00:00:00Z to=2026-11-21T00:00:00Z sha256=%x", up.File.Sum)
	want := []string{
		"apikey till3|statement.upload|" + up.File.Name() + "||" + terms + "|",
		"apikey till3|statement.take|" + up.File.Name() + "||" + terms + " proof=" + string(payment.StatedAlone) + "|",
	}
	if !slices.Equal(b.audit, want) {
		t.Errorf("the audit log has\n%q, want\n%q", b.audit, want)
	}
	b.audit = nil
	if b.upload(file(20, "105,00", "C5,00 B1 AMINA")); len(b.audit) != 0 {
		t.Errorf("the same file again writes %q", b.audit)
	}
}

// TestAReversalInAFile says what became of its payment.
func TestAReversalInAFile(t *testing.T) {
	b := openBank(t)
	const head = "Short Code:,600000\n\nReceipt No.,Completion Time,Details,Transaction Status,Paid In,Withdrawn,Balance,Reason Type,Linked Transaction ID\n"
	up := b.upload([]byte(head + "Q1,20-11-2026 11:00:00,,Completed,5.00,,5.00,Pay Bill,\nQ2,20-11-2026 12:00:00,,Completed,,5.00,0.00,Reversal,Q1\n"))
	if up.File.New != 2 {
		t.Errorf("the file is %+v", up.File)
	}
}

// TestClosingADifference needs a right and a reason, and closes the day when it was the last.
func TestClosingADifference(t *testing.T) {
	b := openBank(t)
	b.upload(file(20, "99,00", "D1,00 B1 X NCHG"))
	if r := b.run(20); r.State != reconcile.Open || r.Unsettled != 1 {
		t.Fatalf("the day is %+v", r)
	}
	item := b.open()[0]
	viewer := owner()
	viewer.Role = access.Auditor
	refused := func(name string, s reconcile.Settled, err error) {
		t.Helper()
		if err != nil || !s.Refused() {
			t.Errorf("%s: not refused (%v)", name, err)
		}
	}
	for name, why := range map[string]string{"no reason": " ", "too long": strings.Repeat("x", 301), "unprintable": "a\x01b", "not text": "\xff"} {
		s, err := b.st.Close(t.Context(), owner(), item.Name(), reconcile.Settlement{Why: why})
		refused(name, s, err)
	}
	s, err := b.st.Close(t.Context(), viewer, item.Name(), reconcile.Settlement{Why: "booked"})
	refused("no right", s, err)
	s, err = b.st.Close(t.Context(), owner(), item.Name(), reconcile.Settlement{Why: "booked", Another: true})
	refused("no row", s, err)
	s, err = b.st.Close(t.Context(), owner(), item.Name(), reconcile.Settlement{Why: "booked", Payment: "pay_x"})
	refused("no call", s, err)
	s, err = b.st.Close(t.Context(), owner(), "nothing", reconcile.Settlement{Why: "booked"})
	refused("no difference", s, err)
	s, err = b.st.Close(t.Context(), owner(), id.ID{15: 9}.Text(id.Difference), reconcile.Settlement{Why: "booked"})
	refused("unknown difference", s, err)
	for name, owed := range map[string]string{"no owner": "", "too long": strings.Repeat("x", 101), "unprintable": "a\x01"} {
		s, err := b.st.Assign(t.Context(), owner(), item.Name(), owed)
		refused(name, s, err)
	}
	b.audit = nil
	if s, err := b.st.Assign(t.Context(), owner(), item.Name(), " Amina "); err != nil || s.Item.Owner != "Amina" {
		t.Errorf("the owner is %q (%v)", s.Item.Owner, err)
	}
	if want := []string{"apikey till3|difference.assign|" + item.Name() + "|owner=accountant|owner=Amina|"}; !slices.Equal(b.audit, want) {
		t.Errorf("the audit log has %q, want %q", b.audit, want)
	}
	b.whenever("assign", func() error {
		s, err := b.st.Assign(t.Context(), owner(), item.Name(), strings.Repeat("x", 100))
		if err == nil && s.Item.Owner != strings.Repeat("x", 100) {
			t.Errorf("the owner is %q", s.Item.Owner)
		}
		return err
	})
	b.whenever("show", func() error {
		s, err := b.st.Show(t.Context(), owner(), item.Name())
		if err == nil && (s.Item.ID != item.ID || !s.Item.Open || s.Refused()) {
			t.Errorf("shown %+v", s)
		}
		return err
	})
	s, err = b.st.Show(t.Context(), access.Actor{Tenant: store.FirstTenant}, item.Name())
	refused("nobody may look", s, err)
	b.now = b.now.Add(time.Hour)
	calls := b.whenever("close", func() error {
		s, err := b.st.Close(t.Context(), owner(), item.Name(), reconcile.Settlement{Why: " booked by hand "})
		if err == nil && (s.Refused() || s.Item.Open || s.Item.Why != "booked by hand" || !s.Item.ClosedAt.Equal(b.now) || s.Item.ClosedBy != owner().String()) {
			t.Errorf("closed %+v %s", s.Item, s.Detail())
		}
		return err
	})
	if calls < 8 {
		t.Errorf("closing has %d calls", calls)
	}
	terms := `provider=bank date=2026-11-20 kind=fee txn="" payment= stated=-100 paid=0 booked=0 KES`
	if want := "apikey till3|difference.close|" + item.Name() + "||" + terms + "|booked by hand"; !slices.Contains(b.audit, want) {
		t.Errorf("the audit log has %q, want %q", b.audit, want)
	}
	s, err = b.st.Close(t.Context(), owner(), item.Name(), reconcile.Settlement{Why: "again"})
	refused("closed again", s, err)
	if r := b.run(20); r.State != reconcile.Closed || r.Unsettled != 0 || len(b.open()) != 0 {
		t.Errorf("the day is %+v", r)
	}
}

// TestDecidingAboutARow keeps it as the same movement, or takes it.
func TestDecidingAboutARow(t *testing.T) {
	b := openBank(t)
	b.upload(file(20, "112,00", "C5,00 - AMINA", "C7,00 - BEN"))
	b.upload(file(20, "112,00", "C5,00 - Amina", "C7,00 - Ben"))
	b.run(20)
	row := func(i reconcile.Item) (r reconcile.Row) {
		b.do(func(tx *store.Tx) error {
			rows, err := tx.Comparing().StatementRows("bank", november(20), november(21))
			for _, x := range rows {
				if fmt.Sprintf("%x", x.Key) == i.Key {
					r = x
				}
			}
			return err
		})
		return r
	}
	decided := 0
	for _, i := range b.open() {
		if i.Kind != reconcile.PerhapsSame {
			continue
		}
		decided++
		how := reconcile.Settlement{Why: strings.Repeat("x", 300), Another: i.Stated == 700}
		want := reconcile.RowSame
		if how.Another {
			want = reconcile.RowTaken
		}
		b.whenever("decide", func() error {
			s, err := b.st.Close(t.Context(), owner(), i.Name(), how)
			if err == nil && s.Refused() {
				t.Error(s.Detail())
			}
			return err
		})
		if got := row(i); got.State != want || (got.SameAs == "") != how.Another {
			t.Errorf("the row of %d is %q, want %q", i.Stated, got.State, want)
		}
	}
	if decided != 2 {
		t.Errorf("%d rows waited", decided)
	}
	calls := b.told()
	if last := calls[len(calls)-1]; len(calls) != 2 || len(last) != 1 || last[0].Kind != payment.Paid || last[0].Amount != kes(700) || last[0].Payer != "Ben" {
		t.Errorf("the payments were told %+v", calls)
	}
}

// TestRunningADay needs a right, a provider and a day that is over.
func TestRunningADay(t *testing.T) {
	b := openBank(t)
	viewer := owner()
	viewer.Role = access.Auditor
	for name, c := range map[string]struct {
		by             access.Actor
		provider, date string
	}{
		"no right":    {by: viewer, provider: "bank", date: "2026-11-20"},
		"no provider": {by: owner(), provider: "nobody", date: "2026-11-20"},
		"no date":     {by: owner(), provider: "bank", date: "20/11"},
		"today":       {by: owner(), provider: "bank", date: "2026-11-25"},
	} {
		if r, err := b.st.Run(t.Context(), c.by, c.provider, c.date); err != nil || !r.Refused() {
			t.Errorf("%s: %+v (%v)", name, r, err)
		}
	}
	b.upload(file(20, "105,00", "C5,00 B1 AMINA"))
	b.whenever("run", func() error {
		r, err := b.st.Run(t.Context(), owner(), "bank", "2026-11-20")
		if err == nil && (r.State != reconcile.Open || r.Unsettled != 1 || r.Provider != "bank" || r.Date != "2026-11-20") {
			t.Errorf("the day is %+v", r)
		}
		return err
	})
	b.now = november(24).Add(reconcile.Slack)
	if r, err := b.st.Run(t.Context(), owner(), "bank", "2026-11-23"); err != nil || r.Refused() {
		t.Errorf("a day that is just over: %s (%v)", r.Detail(), err)
	}
	b.now = b.now.Add(-time.Second)
	if r, err := b.st.Run(t.Context(), owner(), "bank", "2026-11-23"); err != nil || !r.Refused() {
		t.Errorf("a second before: %+v (%v)", r, err)
	}
}

// TestTheDailyJob compares each day that is over, and raises an alarm about differences that stay open for a day.
func TestTheDailyJob(t *testing.T) {
	b := openBank(t)
	b.upload(file(20, "105,00", "C5,00 B1 AMINA"))
	b.upload(file(21, "100,00"))
	calls := b.whenever("daily job", func() error {
		days, err := b.st.RunDue(t.Context(), store.FirstTenant)
		if err == nil && days != 2 {
			t.Errorf("%d days", days)
		}
		return err
	})
	if open := b.open(); len(open) != 2 { // the payment was not read yet, and the second day does not begin where the first ended
		t.Errorf("differences %+v", open)
	}
	b.now = b.now.Add(25 * time.Hour)
	b.wheneverFrom(calls-5, "daily job with an alarm", func() error {
		_, err := b.st.RunDue(t.Context(), store.FirstTenant)
		return err
	})
}

// TestTheAlarmAboutOpenDifferences is raised when one has been open for a day, and ends when they are settled.
func TestTheAlarmAboutOpenDifferences(t *testing.T) {
	b := openBank(t)
	b.upload(file(20, "99,00", "D1,00 B1 X NCHG"))
	b.run(20)
	found := b.now
	job := func(name string, at time.Time, want string) {
		t.Helper()
		b.now, b.alarms = at, nil
		if _, err := b.st.RunDue(t.Context(), store.FirstTenant); err != nil || len(b.alarms) != 1 || b.alarms[0] != want {
			t.Errorf("%s: %q (%v), want %q", name, b.alarms, err, want)
		}
	}
	job("new", found, "end 0 differences-open")
	job("a day old", found.Add(24*time.Hour), "end 0 differences-open")
	job("older", found.Add(24*time.Hour+time.Second), "raise 0 differences-open: "+alarmtext.DifferencesOpen(1, "2026-11-25T12:00:00Z"))
	if s, err := b.st.Close(t.Context(), owner(), b.open()[0].Name(), reconcile.Settlement{Why: "booked"}); err != nil || s.Refused() {
		t.Fatal(err, s.Detail())
	}
	job("settled", found.Add(25*time.Hour), "end 0 differences-open")
}

// TestTheDailyJobLooksBackAMonth and not at days before.
func TestTheDailyJobLooksBackAMonth(t *testing.T) {
	b := openBank(t)
	b.upload(file(20, "105,00", "C5,00 B1 AMINA"))
	for name, c := range map[string]struct {
		now  time.Time
		want int
	}{
		"the day is not over":        {november(21).Add(reconcile.Slack - time.Second), 0},
		"it is just over":            {november(21).Add(reconcile.Slack), 1},
		"31 days ago":                {november(21).AddDate(0, 0, 31).Add(reconcile.Slack - time.Second), 1},
		"just more than 31 days ago": {november(21).AddDate(0, 0, 31).Add(reconcile.Slack), 0},
	} {
		b.now = c.now
		if days, err := b.st.RunDue(t.Context(), store.FirstTenant); err != nil || days != c.want {
			t.Errorf("%s: %d days (%v), want %d", name, days, err, c.want)
		}
	}
}

// TestADayOverAStoreThatFails reads payments that were booked or given back on another day than they were paid, and ends with the error.
func TestADayOverAStoreThatFails(t *testing.T) {
	b := openBank(t)
	b.pay("Q1", 500, true)
	b.notices[0].Kind = payment.Undone
	b.receive("paid", "it goes back")
	b.pay("Q2", 300, true)
	b.now = b.now.Add(48 * time.Hour)
	b.upload(file(25, "100,00"))
	b.whenever("run", func() error {
		r, err := b.st.Run(t.Context(), owner(), "bank", "2026-11-25")
		if err == nil && (r.Payments != 2 || r.Paid != 800 || r.Booked != 800) {
			t.Errorf("the day is %+v", r)
		}
		return err
	})
	var got []string
	for _, i := range b.open() {
		got = append(got, itemText(i))
	}
	slices.Sort(got)
	want := []string{
		`2026-11-25 not-given-back Q1 0/500 KES "refunded: given-back" x1`,
		`2026-11-25 not-in-statement Q1 0/500 KES "refunded: given-back" x1`,
		`2026-11-25 not-in-statement Q2 0/300 KES "received" x1`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("differences\n%q, want\n%q", got, want)
	}
}

// TestAnApprovedActIsCarriedOut settles a difference that a second person approved, and refuses what it cannot read.
func TestAnApprovedActIsCarriedOut(t *testing.T) {
	b := openBank(t)
	b.upload(file(20, "99,00", "D1,00 B1 X NCHG"))
	b.run(20)
	item := b.open()[0].Name()
	all := b.st.Executors()
	for _, act := range []access.Act{access.ActSettle, access.ActStatement} {
		if _, err := all[act](t.Context(), owner(), []byte("{")); err == nil {
			t.Errorf("%s: a damaged body is carried out", act)
		}
	}
	if done, err := all[access.ActStatement](t.Context(), owner(), []byte(`{"file":"nothing"}`)); err != nil || !done.Refused() {
		t.Errorf("an unknown file: %+v (%v)", done, err)
	}
	done, err := all[access.ActSettle](t.Context(), owner(), []byte(`{"difference":"`+item+`","why":"booked"}`))
	if err != nil || done.Refused() || done.Object != item || len(b.open()) != 0 {
		t.Errorf("the difference: %+v (%v)", done, err)
	}
}

// TestAProviderThatCannotBeOpened takes neither a file nor a row.
func TestAProviderThatCannotBeOpened(t *testing.T) {
	b := openBank(t)
	b.upload(file(20, "105,00", "C5,00 - AMINA"))
	b.upload(file(20, "105,00", "C5,00 - Amina"))
	b.run(20)
	b.damaged = errBroken
	if _, err := b.st.Upload(t.Context(), owner(), "bank", file(21, "105,00", "C5,00 B9 AMINA"), ""); !errors.Is(err, errBroken) {
		t.Errorf("the error of the upload is %v", err)
	}
	for _, i := range b.open() {
		if i.Kind != reconcile.PerhapsSame {
			continue
		}
		if _, err := b.st.Close(t.Context(), owner(), i.Name(), reconcile.Settlement{Why: "another", Another: true}); !errors.Is(err, errBroken) {
			t.Errorf("the error of the row is %v", err)
		}
	}
}
