package vendor_test

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/store/storetest"
	"github.com/paywatt/paywatt/internal/vendor"
)

// update rewrites the transcripts. Read the difference before you commit it.
var update = flag.Bool("update", false, "write testdata/*.txt anew")

// world is a Vendors on a fresh database, with a clock that only the test moves.
type world struct {
	*vendor.Vendors
	t      *testing.T
	engine store.Engine
	door   access.Door[vendor.Tx]
	data   *keystore.DataKey
	now    time.Time
	storetest.Transcript
}

// newWorld makes a world whose tenant's currency is KES. If the parameter every is true, each statement and each new id of every
// transaction fails once before it succeeds.
func newWorld(t *testing.T, every bool) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)}
	dir := t.TempDir()
	// Rehearse runs every closure twice. That finds closures that keep state from their first run.
	e, err := sqlite.Open(dir, sqlite.Options{Intake: intake.Take, Reserve: -1, Rehearse: !every, Now: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	if w.data, err = keystore.OpenData(dir); err != nil {
		t.Fatal(err)
	}
	w.engine, w.door = e, storetest.DoorOf(t, e, every, (*store.Tx).Vendors)
	w.Vendors = vendor.New(vendor.Config{Door: w.door, Sealer: w.data, Now: w.clock, MayDate: mayDate})
	w.exec(func(tx *store.Tx) error { _, err := tx.SetCurrency("KES", 2); return err })
	return w
}

func mayDate(tx once.Clock) (sale.Times, refusal.Refusal, error) {
	times, err := tx.VendClock()
	return times, refusal.Refusal{}, err
}

func (w *world) clock() time.Time { return w.now }

// exec runs fn in a transaction of the first tenant.
func (w *world) exec(fn func(*store.Tx) error) {
	w.t.Helper()
	err := w.engine.Run(w.t.Context(), store.FirstTenant, store.Sale, func(tx *store.Tx) (bool, error) { return false, fn(tx) })
	if err != nil {
		w.t.Fatal(err)
	}
}

// step records the result of a step, and moves the clock on by one second.
func (w *world) step(what string, got any, err error) {
	w.Step(what, got, err)
	w.now = w.now.Add(time.Second)
}

func owner() access.Actor {
	return access.Actor{Tenant: store.FirstTenant, Kind: access.APIKey, Name: "till3", Role: access.Owner}
}

// clerk is an actor that sells for a vendor.
func clerk(v vendor.Vendor) access.Actor {
	return access.Actor{Tenant: store.FirstTenant, Kind: access.APIKey, Name: "shop " + v.Code, Role: access.VendorAPI, Vendor: v.ID}
}

func kes(minor money.Minor) money.Amount { return money.Amount{Minor: minor, Currency: "KES"} }

func ptr[T any](v T) *T { return &v }

// taken registers a vendor.
func (w *world) taken(n vendor.NewVendor) vendor.Vendor {
	w.t.Helper()
	got, err := w.Add(w.t.Context(), owner(), n)
	if err != nil || got.Refused() || got.Waits != nil {
		w.t.Fatalf("vendor: %v, %s", err, got.Detail())
	}
	return got.Vendor
}

// fourEyes turns four eyes on or off.
func (w *world) fourEyes(on bool) {
	w.t.Helper()
	w.exec(func(tx *store.Tx) error {
		set, err := tx.TenantSettings()
		if err != nil {
			return err
		}
		set.FourEyes = &on
		return tx.PutTenantSettings(set)
	})
}

// allowed makes a second person approve an action, and carries it out.
func (w *world) allowed(a *access.Approval) (access.Done, error) {
	w.t.Helper()
	if a == nil {
		w.t.Fatal("the act does not wait for a second person")
	}
	w.exec(func(tx *store.Tx) error {
		given := *a
		given.State, given.Checker, given.DecidedAt = access.ApprovalGiven, access.Actor{Kind: access.Person, Name: "finance"}, tx.Now
		_, err := tx.PutApproval(given, access.ApprovalWaiting)
		return err
	})
	maker := a.Maker
	maker.Approval = a.ID
	return w.Executors()[a.Act](w.t.Context(), maker, a.Body)
}

// offer is the result of Selling for a sale.
type offer struct {
	refusal.Refusal
	Till   string
	Seller sale.Seller
}

// selling calls Selling for a sale.
func (w *world) selling(by access.Actor, tender money.Minor) (offer, error) {
	return access.Look(w.t.Context(), w.door, store.FirstTenant, func(tx vendor.Tx) (o offer, err error) {
		o.Till, o.Seller, o.Refusal, err = vendor.Selling(tx, by, kes(tender), 1500)
		return o, err
	})
}

// sold is the part of a sale that vendors need.
func (w *world) sold(v vendor.Vendor, tender, commission money.Minor, account ledger.Code) sale.Sale {
	w.t.Helper()
	s := sale.Sale{Tender: kes(tender), Vendor: v.ID, Till: ledger.MainTill, PricedAt: w.now, Seller: sale.Seller{Account: account, Commission: commission, CommissionVAT: commission / 5}}
	w.exec(func(tx *store.Tx) (err error) { s.ID, err = tx.NewID(); return err })
	return s
}

// reserve reserves the money of a sale.
func (w *world) reserve(s *sale.Sale) (offer, error) {
	return access.Through(w.t.Context(), w.door, store.FirstTenant, func(tx vendor.Tx) (o offer, err error) {
		next := *s
		o.Refusal, err = vendor.Reserve(tx, &next)
		if o.Seller = next.Seller; err == nil && !o.Refused() {
			*s = next
		}
		return o, err
	})
}

// book posts two journals: the sale, from the account that pays for it, and the commission of the sale.
func (w *world) book(s sale.Sale) (offer, error) {
	return access.Through(w.t.Context(), w.door, store.FirstTenant, func(tx vendor.Tx) (o offer, err error) {
		j := ledger.Journal{Kind: ledger.Vend, Ref: s.ID.Text(id.Vend), PostedAt: w.now, Postings: []ledger.Posting{
			{Account: s.Source(), Amount: s.Tender.Minor}, {Account: ledger.AccountRef{Code: ledger.RevenueEnergy}, Amount: -s.Tender.Minor}}}
		if j.ID, err = tx.NewID(); err != nil {
			return o, err
		}
		if o.Refusal, err = vendor.Book(tx, s, j); err != nil || o.Refused() {
			return o, err
		}
		return o, vendor.BookCommission(tx, s, w.now)
	})
}

// books prints the accounts that are not at zero, and then every journal.
func (w *world) books() (out []string) {
	w.t.Helper()
	w.exec(func(tx *store.Tx) error {
		out = nil
		err := tx.C.Query(`SELECT a.code, a.subject, SUM(p.amount) FROM posting p JOIN ledger_account a ON a.tenant_id = p.tenant_id AND a.n = p.account
			GROUP BY a.code, a.subject HAVING SUM(p.amount) <> 0 ORDER BY a.code, a.n`, func(r core.Row) error {
			out = append(out, fmt.Sprintf("%d %q %d", r.Int(0), r.Text(1), r.Int(2)))
			return nil
		})
		if err != nil {
			return err
		}
		return tx.C.Query(`SELECT kind, ref, memo, posted_at FROM journal ORDER BY id`, func(r core.Row) error {
			out = append(out, fmt.Sprintf("%s ref=%q memo=%q %s", r.Text(0), r.Text(1), r.Text(2), r.Time(3).Format(time.DateTime)))
			return nil
		})
	})
	return out
}

// audit prints the audit log, oldest first.
func (w *world) audit() (out []access.Entry) {
	w.t.Helper()
	w.exec(func(tx *store.Tx) error {
		_, rows, err := storetest.AuditPage(tx, id.ID{}, 1000)
		out = nil
		for i := range rows {
			out = append(out, rows[len(rows)-1-i])
		}
		return err
	})
	return out
}
