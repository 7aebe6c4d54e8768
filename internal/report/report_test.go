package report_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/report"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/sqlite"
)

// door opens a store for reports, as the application does.
type door struct{ e store.Engine }

func (d door) Do(ctx context.Context, t access.Tenant, fn func(report.Tx) (bool, error)) error {
	return d.e.Run(ctx, t, store.Sale, func(tx *store.Tx) (bool, error) { return fn(tx) })
}

func (d door) View(ctx context.Context, t access.Tenant, fn func(report.Tx) error) error {
	return d.e.View(ctx, t, func(tx *store.Tx) error { return fn(tx) })
}

// world is Reports over a database, with its own clock.
type world struct {
	*report.Reports
	t      *testing.T
	engine store.Engine
	now    time.Time
}

func open(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)}
	dir := t.TempDir()
	e, err := sqlite.Open(dir, sqlite.Options{Reserve: -1, Now: func() time.Time { return w.now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	data, err := keystore.OpenData(dir)
	if err != nil {
		t.Fatal(err)
	}
	w.engine, w.Reports = e, report.New(door{e}, data, e.Keys())
	return w
}

func (w *world) do(fn func(*store.Tx) error) {
	w.t.Helper()
	err := w.engine.Run(w.t.Context(), store.FirstTenant, store.Sale, func(tx *store.Tx) (bool, error) { return false, fn(tx) })
	if err != nil {
		w.t.Fatal(err)
	}
}

// post books an amount at the test's time, and moves this time forward by a minute.
func (w *world) post(ref string, debit, credit ledger.AccountRef, amount ledger.Minor) {
	w.t.Helper()
	w.do(func(tx *store.Tx) error {
		i, err := tx.NewID()
		if err != nil {
			return err
		}
		breach, err := tx.Post(ledger.Journal{ID: i, Kind: ledger.DepositIn, Ref: ref, PostedAt: tx.Now, Postings: []ledger.Posting{
			{Account: debit, Amount: amount}, {Account: credit, Amount: -amount}}})
		if breach.Refused() {
			w.t.Errorf("post %s: %+v", ref, breach)
		}
		return err
	})
	w.now = w.now.Add(time.Minute)
}

func as(role access.Role) access.Actor {
	return access.Actor{Tenant: store.FirstTenant, Kind: access.Person, Name: string(role), Role: role}
}

func account(c ledger.Code, subject string) ledger.AccountRef {
	return ledger.AccountRef{Code: c, Subject: subject}
}

// TestOnlyWhoReadsTheBooksGetsAReport: every report but the feed needs ledger.read.
func TestOnlyWhoReadsTheBooksGetsAReport(t *testing.T) {
	w := open(t)
	ctx := t.Context()
	for _, role := range access.Roles() {
		by := as(role)
		asked := map[string]func() (refusal.Refusal, error){
			"trial balance": func() (refusal.Refusal, error) { v, err := w.TrialBalance(ctx, by); return v.Refusal, err },
			"accounts": func() (refusal.Refusal, error) {
				v, err := w.Accounts(ctx, by, 0, registry.Page{})
				return v.Refusal, err
			},
			"balance": func() (refusal.Refusal, error) {
				v, err := w.BalanceAt(ctx, by, account(ledger.Till, "main"), w.now)
				return v.Refusal, err
			},
			"journals": func() (refusal.Refusal, error) {
				v, err := w.Journals(ctx, by, report.JournalFilter{}, registry.Page{})
				return v.Refusal, err
			},
			"day": func() (refusal.Refusal, error) { v, err := w.Day(ctx, by, "", w.now); return v.Refusal, err },
		}
		for name, ask := range asked {
			no, err := ask()
			want := refusal.Forbidden
			if by.May(access.ReadLedger) {
				want = ""
			}
			if err != nil || no.Code != want {
				t.Errorf("%s for %s: %q, %v; want %q", name, role, no.Code, err, want)
			}
		}
	}
}

// TestTheTrialBalanceIsInTheOrderOfTheChartAndSumsToZero checks this for postings in another order than the chart's.
func TestTheTrialBalanceIsInTheOrderOfTheChartAndSumsToZero(t *testing.T) {
	w := open(t)
	if b, err := w.TrialBalance(t.Context(), as(access.Finance)); err != nil || len(b.Lines) != 0 || b.Sum != 0 {
		t.Errorf("of empty books: %+v, %v", b, err)
	}
	w.post("c", account(ledger.Bank, "a"), account(ledger.Float, "x"), 500)
	w.post("a", account(ledger.Till, "main"), account(ledger.RevenueEnergy, ""), 100)
	w.post("b", account(ledger.Till, "other"), account(ledger.Float, "y"), 7)
	b, err := w.TrialBalance(t.Context(), as(access.Finance))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, l := range b.Lines {
		lines = append(lines, fmt.Sprintf("%d %s %d", l.Code, l.Class, l.Balance))
	}
	if got, want := strings.Join(lines, ", "), "1000 asset 107, 1010 asset 500, 2040 liability -507, 4000 income -100"; got != want || b.Sum != 0 {
		t.Errorf("the trial balance is %s (sum %d), want %s", got, b.Sum, want)
	}
}

// journals returns the references of the journals that a filter selects, read two at a time.
func (w *world) journals(by access.Actor, f report.JournalFilter) string {
	w.t.Helper()
	var refs []string
	for page := (registry.Page{Limit: 2}); ; {
		l, err := w.Journals(w.t.Context(), by, f, page)
		if err != nil || l.Refused() || len(l.Journals) > 2 {
			w.t.Fatalf("journals: %d, %v, %s", len(l.Journals), err, l.Detail())
		}
		for _, j := range l.Journals {
			refs = append(refs, j.Ref)
		}
		if page.Cursor = l.Next; l.Next == "" {
			return strings.Join(refs, " ")
		}
	}
}

// TestFiguresLeadToTheirJournals: it reads the accounts page by page, the balance at a past time, and the journals of an account and of an
// operation, newest first.
func TestFiguresLeadToTheirJournals(t *testing.T) {
	w := open(t)
	till, revenue := account(ledger.Till, "main"), account(ledger.RevenueEnergy, "")
	began := w.now
	for i := range 5 {
		w.post(fmt.Sprintf("op-%d", i), till, revenue, ledger.Minor(10<<i))
	}
	w.post("other", account(ledger.Bank, "a"), account(ledger.Float, "x"), 1)
	by := as(access.Auditor)
	var accounts []string
	for page := (registry.Page{Limit: 3}); ; {
		l, err := w.Accounts(t.Context(), by, 0, page)
		if err != nil || l.Refused() || len(l.Accounts) > 3 {
			t.Fatalf("accounts: %d, %v, %s", len(l.Accounts), err, l.Detail())
		}
		for _, a := range l.Accounts {
			accounts = append(accounts, fmt.Sprintf("%d:%s", a.Ref.Code, a.Ref.Subject))
		}
		if page.Cursor = l.Next; l.Next == "" {
			break
		}
	}
	if got, want := strings.Join(accounts, " "), "1000:main 4000: 1010:a 2040:x"; got != want {
		t.Errorf("accounts %s, want %s", got, want)
	}
	for after, want := range map[time.Duration]ledger.Minor{-time.Second: 0, 0: 10, 90 * time.Second: 30, time.Hour: 310} {
		if b, err := w.BalanceAt(t.Context(), by, till, began.Add(after)); err != nil || b.Balance != want {
			t.Errorf("the till %s after the start: %d, %v; want %d", after, b.Balance, err, want)
		}
	}
	for want, f := range map[string]report.JournalFilter{"other op-4 op-3 op-2 op-1 op-0": {}, "op-4 op-3 op-2 op-1 op-0": {Account: &till},
		"op-2": {Ref: "op-2"}, "": {Ref: "nothing"}} {
		if got := w.journals(by, f); got != want {
			t.Errorf("journals of %+v: %q, want %q", f, got, want)
		}
	}
	nowhere := account(9999, "")
	for name, ask := range map[string]func() (refusal.Refusal, error){
		"a balance": func() (refusal.Refusal, error) {
			v, err := w.BalanceAt(t.Context(), by, nowhere, w.now)
			return v.Refusal, err
		},
		"journals of one": func() (refusal.Refusal, error) {
			v, err := w.Journals(t.Context(), by, report.JournalFilter{Account: &nowhere}, registry.Page{})
			return v.Refusal, err
		},
	} {
		if no, err := ask(); err != nil || no.Code != refusal.NotFound {
			t.Errorf("%s outside the chart: %q, %v", name, no.Code, err)
		}
	}
	if l, err := w.Accounts(t.Context(), by, 0, registry.Page{Limit: 3}); err != nil || l.Next == "" {
		t.Fatal(err, l.Next)
	} else if j, err := w.Journals(t.Context(), by, report.JournalFilter{}, registry.Page{Cursor: l.Next}); err != nil || j.Code != refusal.InvalidRequest {
		t.Errorf("a cursor of another list: %q, %v", j.Code, err)
	}
}

// TestADayIsALocalDay: a day begins and ends at midnight in the tenant's zone, even on the day when summer time begins or ends.
func TestADayIsALocalDay(t *testing.T) {
	w := open(t)
	w.do(func(tx *store.Tx) error {
		s, err := tx.TenantSettings()
		if err != nil {
			return err
		}
		s.TZ = "Europe/Lisbon" // the clock goes back an hour on 2026-10-25 at 02:00
		if err := tx.PutTenantSettings(s); err != nil {
			return err
		}
		for i, at := range []string{"2026-10-24T22:59:59Z", "2026-10-24T23:00:00Z", "2026-10-25T23:59:59Z", "2026-10-26T00:00:00Z"} {
			moment, err := time.Parse(time.RFC3339, at)
			if err != nil {
				return err
			}
			if err := tx.AuditLog(access.Entry{At: moment, Actor: "x", Action: fmt.Sprintf("act.%d", i), Object: "x", SinglePerson: true}); err != nil {
				return err
			}
		}
		return nil
	})
	d, err := w.Day(t.Context(), as(access.Finance), "2026-10-25", w.now)
	if err != nil || d.Zone != "Europe/Lisbon" || len(d.Alone) != 2 || d.Alone[0].Action != "act.1" || d.Alone[1].Action != "act.2" || d.Head == "" {
		t.Errorf("25 hours: %+v, %v", d, err)
	}
	w.now = time.Date(2026, 6, 30, 23, 30, 0, 0, time.UTC) // half an hour past midnight in Lisbon
	if d, err := w.Day(t.Context(), as(access.Finance), "", w.now); err != nil || d.Date != "2026-07-01" {
		t.Errorf("today is %q, %v, want 2026-07-01", d.Date, err)
	}
	for _, bad := range []string{"25-10-2026", "2026-02-30", "yesterday"} {
		if d, err := w.Day(t.Context(), as(access.Finance), bad, w.now); err != nil || d.Code != refusal.InvalidRequest {
			t.Errorf("the day %q: %q, %v", bad, d.Code, err)
		}
	}
}

// TestTheFeedShowsEachWhatIsTheirs: every reader gets the entries that it may see, and its next position skips the
// entries that it may not see.
func TestTheFeedShowsEachWhatIsTheirs(t *testing.T) {
	w := open(t)
	start, err := w.Happened(t.Context(), as(access.Owner), -1)
	if err != nil || len(start.Rows) != 0 {
		t.Fatalf("from the end: %+v, %v", start, err)
	}
	w.post("op-1", account(ledger.Bank, "a"), account(ledger.Float, "x"), 1)
	w.do(func(tx *store.Tx) error {
		return tx.AuditLog(access.Entry{Actor: "x", Action: "vendor.add", Object: "x"})
	})
	vendor := as(access.VendorAPI)
	vendor.Vendor = id.ID{7}
	for _, c := range []struct {
		by   access.Actor
		want string
	}{
		{as(access.Owner), "float.deposited audit.vendor.add"}, {as(access.Auditor), "float.deposited audit.vendor.add"}, {as(access.Finance), "float.deposited"},
		{as(access.Support), ""}, {vendor, ""},
	} {
		f, err := w.Happened(t.Context(), c.by, start.Next)
		var types []string
		for _, h := range f.Rows {
			types = append(types, h.Type)
		}
		if got := strings.Join(types, " "); err != nil || got != c.want || f.Next != start.Next+2 {
			t.Errorf("%s sees %q and goes on at %d, %v; want %q and %d", c.by, got, f.Next, err, c.want, start.Next+2)
		}
	}
	if f, err := w.Happened(t.Context(), as(access.TariffManager), 0); err != nil || f.Code != refusal.Forbidden {
		t.Errorf("who may not read sales: %q, %v", f.Code, err)
	}
	for kind, want := range map[ledger.Kind]string{ledger.Vend: "vend.completed", ledger.Reversal: "vend.reversed", ledger.Raised: "debt.raised", ledger.Commission: "ledger." + string(ledger.Commission)} {
		if got := report.TypeOfJournal(kind); got != want {
			t.Errorf("a journal %s is told as %q, want %q", kind, got, want)
		}
	}
}
