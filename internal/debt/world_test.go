package debt_test

import (
	"errors"
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/store/storetest"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/wire"
)

// update rewrites the transcripts; read the difference.
var update = flag.Bool("update", false, "write testdata/*.txt anew")

// world is a Debts on a fresh database, with its own clock.
type world struct {
	*debt.Debts
	t      *testing.T
	engine store.Engine
	data   *keystore.DataKey
	now    time.Time
	storetest.Transcript
}

// newWorld makes a world whose tenant uses KES. If the parameter every is true, each statement and each identity of each
// transaction fails once before it succeeds.
func newWorld(t *testing.T, every bool) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)}
	dir := t.TempDir()
	// Rehearse runs every closure twice, which finds a closure that keeps state from its first run.
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
	w.engine = e
	w.Debts = debt.New(debt.Config{Door: storetest.DoorOf(t, e, every, (*store.Tx).Debts), Sealer: w.data, Now: w.clock, MayDate: mayDate})
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

func owner() access.Actor {
	return access.Actor{Tenant: store.FirstTenant, Kind: access.APIKey, Name: "till3", Role: access.Owner}
}

func system() access.Actor { return access.SystemActor(store.FirstTenant, "test") }

func kes(minor money.Minor) money.Amount { return money.Amount{Minor: minor, Currency: "KES"} }

func ptr[T any](v T) *T { return &v }

func flat() tariff.Body {
	return tariff.Body{Currency: "KES", VATBps: 1500, Blocks: []tariff.Block{{Rate: 2_500_000}}}
}

// standing is a flat tariff with a fixed charge of 98.00 a month, plus VAT.
func standing() tariff.Body {
	b := flat()
	b.Fixed = []tariff.FixedCharge{{Name: "standing", Amount: 9800, Per: tariff.PerMonth}}
	return b
}

// from is a version of a tariff and when it begins.
type from struct {
	at   string
	body tariff.Body
}

// publish stores a tariff with its versions.
func (w *world) publish(name string, versions ...from) id.ID {
	w.t.Helper()
	var i id.ID
	w.exec(func(tx *store.Tx) (err error) {
		if i, err = tx.NewID(); err != nil {
			return err
		}
		err = tx.AddTariffRow(i, name)
		for n, v := range versions {
			at, e := time.Parse(time.RFC3339, v.at)
			version, e2 := tx.NewID()
			err = errors.Join(err, e, e2, tx.AddTariffVersion(tariff.Version{ID: version, TariffID: i, Name: name, N: n + 1, EffectiveFrom: at, Body: v.body}, "test"))
		}
		return err
	})
	return i
}

// home is an account with its meter.
type home struct {
	account id.ID
	text    string // identity of the account
	number  string
	n       int64
}

// home opens an account with a meter on a tariff.
func (w *world) home(n int64, mode registry.Mode, tariff id.ID) home {
	w.t.Helper()
	number := fmt.Sprintf("0414000%03d", n)
	check, err := sts.Luhn(number)
	if err != nil {
		w.t.Fatal(err)
	}
	h := home{n: n, number: number + string(check)}
	w.exec(func(tx *store.Tx) (err error) {
		ids := make([]id.ID, 4)
		for i := range ids {
			if ids[i], err = tx.NewID(); err != nil {
				return err
			}
		}
		h.account, h.text = ids[3], ids[3].Text(id.Account)
		m := registry.Meter{ID: ids[0], N: n, Number: h.number, Mode: mode, Status: registry.Active, Account: h.account, Phases: 1, ImpPerKWh: 1000,
			TT: "02", ReadingInterval: 30 * time.Minute, CreatedAt: tx.Now}
		return errors.Join(
			tx.AddCustomerRow(registry.Customer{ID: ids[1], Name: "Amina A.", Phone: "+254700000001", Lang: "en", CreatedAt: tx.Now}),
			tx.AddPoint(registry.Point{ID: ids[2], Address: "12 Lake Road"}),
			tx.AddAccount(registry.Account{ID: h.account, Customer: ids[1], Point: ids[2], Mode: mode, Tariff: tariff, Status: "active", OpenedAt: tx.Now}),
			tx.AddMeterRow(m, nil, []byte("link key")))
	})
	return h
}

// move posts an amount from one account of the books to another.
func (w *world) move(debit, credit ledger.AccountRef, amount money.Minor) {
	w.t.Helper()
	w.exec(func(tx *store.Tx) error {
		_, err := ledger.Enter(tx, ledger.Journal{Kind: ledger.Payment, PostedAt: tx.Now,
			Postings: []ledger.Posting{{Account: debit, Amount: amount}, {Account: credit, Amount: -amount}}})
		return err
	})
}

// has pays money into an account of a home: its wallet, its carry or its deposit.
func (w *world) has(h home, code ledger.Code, amount money.Minor) {
	w.t.Helper()
	w.move(ledger.AccountRef{Code: ledger.Till, Subject: ledger.MainTill}, ledger.AccountRef{Code: code, Subject: h.text}, amount)
}

// reads makes the meter of a home report its registers, half an hour apart, the last one now.
func (w *world) reads(h home, registers ...int64) {
	w.t.Helper()
	var next uint64
	w.exec(func(tx *store.Tx) error {
		return tx.C.Query(`SELECT COALESCE(MAX(seq), 0) + 1 FROM reading WHERE meter = $1`, func(r core.Row) error { next = uint64(r.Int(0)); return nil }, h.n)
	})
	const memory = "00000000000000a1"
	recs := []metering.Record{{Tenant: store.FirstTenant, Meter: h.n, Number: h.number, ReceivedAt: w.now,
		Rec: wire.Boot{Memory: memory, Lowest: 1, Next: next, Proto: 1}.Record()}}
	for i, register := range registers {
		at := w.now.Add(time.Duration(i+1-len(registers)) * 30 * time.Minute)
		head := wire.Head{Seq: next + uint64(i), At: at.Unix(), Up: (next + uint64(i)) * 1_800_000, Clock: wire.ClockValid}
		recs = append(recs, metering.Record{Tenant: store.FirstTenant, Meter: h.n, Number: h.number, ReceivedAt: w.now, Memory: memory,
			Rec: wire.Reading{Head: head, RegisterWh: register, Relay: "closed"}.Record()})
	}
	done := make(chan error, 1)
	if err := w.engine.Ingest(recs, func(_ []metering.Outcome, err error) { done <- err }); err != nil {
		w.t.Fatal(err)
	}
	if err := <-done; err != nil {
		w.t.Fatal(err)
	}
}

// settings changes the tenant's settings.
func (w *world) settings(change func(*registry.Settings)) {
	w.t.Helper()
	w.exec(func(tx *store.Tx) error {
		set, err := tx.TenantSettings()
		if err != nil {
			return err
		}
		change(&set)
		return tx.PutTenantSettings(set)
	})
}

// fourEyes sets whether acts need a second person.
func (w *world) fourEyes(on bool) {
	w.settings(func(s *registry.Settings) { s.FourEyes = &on })
}

// allowed has a second person approve an act, and carries it out.
func (w *world) allowed(a *access.Approval) (access.Done, error) {
	w.t.Helper()
	return w.allowedBy(w.Executors(), a)
}

// allowedBy is allowed for an act of another room.
func (w *world) allowedBy(does access.Executors, a *access.Approval) (access.Done, error) {
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
	return does[a.Act](w.t.Context(), maker, a.Body)
}

// step records the result of a step, and sets the clock forward by one second.
func (w *world) step(what string, got any, err error) {
	w.Step(what, got, err)
	w.now = w.now.Add(time.Second)
}

// line is an account of the books with a balance.
type line struct {
	Code    ledger.Code
	Subject string
	Balance money.Minor
}

// books returns the accounts of the books that are not at zero, and the journals' memos.
func (w *world) books() (out []line) {
	w.t.Helper()
	w.exec(func(tx *store.Tx) error {
		out = nil
		return tx.C.Query(`SELECT a.code, a.subject, SUM(p.amount) FROM posting p JOIN ledger_account a ON a.tenant_id = p.tenant_id AND a.n = p.account
			GROUP BY a.code, a.subject HAVING SUM(p.amount) <> 0 ORDER BY a.code, a.n`, func(r core.Row) error {
			out = append(out, line{ledger.Code(r.Int(0)), r.Text(1), money.Minor(r.Int(2))})
			return nil
		})
	})
	return out
}

// journals returns what was posted, in order.
func (w *world) journals() (out []string) {
	w.t.Helper()
	w.exec(func(tx *store.Tx) error {
		out = nil
		return tx.C.Query(`SELECT kind, COALESCE(ref, ''), memo, posted_at FROM journal ORDER BY id`, func(r core.Row) error {
			out = append(out, fmt.Sprintf("%s ref=%q memo=%q %s", r.Text(0), r.Text(1), r.Text(2), r.Time(3).Format(time.DateTime)))
			return nil
		})
	})
	return out
}

// audit returns the audit log, oldest first.
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
