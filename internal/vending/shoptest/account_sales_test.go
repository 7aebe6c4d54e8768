package shoptest_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/report"
	"github.com/paywatt/paywatt/internal/store/books"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
)

// movesIn lets a new account have the place of a meter that nobody has, as a move-in does.
func (s *shop) movesIn(number string, t id.ID) (account id.ID) {
	s.t.Helper()
	s.do(func(tx *storeTx) error {
		m, _, err := tx.MeterByNumber(number)
		if err != nil {
			return err
		}
		place, free, err := tx.FreePlace(m.N)
		if err != nil || !free {
			return fmt.Errorf("meter %s has a tenant: %w", number, err)
		}
		customer, err := tx.NewID()
		if err == nil {
			account, err = tx.NewID()
		}
		if err == nil {
			err = tx.AddCustomerRow(registry.Customer{ID: customer, Name: "Next N.", Lang: "en", CreatedAt: tx.Now})
		}
		if err == nil {
			err = tx.AddAccount(registry.Account{ID: account, Customer: customer, Point: place.Point, Mode: m.Mode, Tariff: t,
				Status: "active", OpenedAt: tx.Now})
		}
		if err != nil {
			return err
		}
		return tx.OccupyMeter(m, account)
	})
	return account
}

// tenants is what happened at some meters.
type tenants struct {
	*shop
	domestic        id.ID
	wallets         map[string]bool
	meters          []string // that supply somebody now
	accounts        []id.ID  // that there ever were
	serial, request int
	swapped, moved  int
}

func (l *tenants) key() string { l.request++; return fmt.Sprintf("key-number-%d", l.request) }

// view reads once; [shop.do] may run its function again.
func (l *tenants) view(fn func(*storeTx) error) {
	l.t.Helper()
	if err := l.engine.View(context.Background(), tenant, fn); err != nil {
		l.t.Fatal(err)
	}
}

func (l *tenants) accountOf(number string) (account id.ID) {
	l.do(func(tx *storeTx) error {
		m, _, err := tx.MeterByNumber(number)
		account = m.Account
		return err
	})
	return account
}

// soldToFormer counts the sales at meters that another account has now.
func (l *tenants) soldToFormer() int64 {
	return l.number(`SELECT COUNT(*) FROM vend v JOIN meter m ON m.n = v.meter WHERE m.account_id <> v.account_id`)
}

// swap replaces a meter by one from the stock.
func (l *tenants) swap(at int) {
	l.t.Helper()
	l.swapped++
	l.serial++
	a, mode := vending.Swap{Old: l.meters[at], Balance: ptr(unit.Energy(0))}, registry.PrepayToken
	if l.wallets[a.Old] {
		a.Balance, mode = nil, registry.PrepayWallet
	}
	a.New = l.stocked(l.serial, mode, l.domestic)
	l.accounts = append(l.accounts, l.accountOf(a.New))
	if out := l.swaps(a, l.key()); out.Refused() {
		l.t.Fatal(out.Detail())
	}
	l.meters[at], l.wallets[a.New] = a.New, l.wallets[a.Old]
}

// move lets the tenant of a meter move out, and another one in.
func (l *tenants) move(meter string) {
	l.t.Helper()
	l.moved++
	m := leaves(meter, l.key())
	if !l.wallets[meter] {
		m.Credit.State = registry.CreditUnknown
	}
	if out := must1(l.MoveOut(context.Background(), owner(), m))(l.t); out.Refused() {
		l.t.Fatal(out.Detail())
	}
	l.clock.add(time.Hour)
	l.accounts = append(l.accounts, l.movesIn(meter, l.domestic))
}

// step lets something happen at one of the meters: a sale, seldom one that is reversed, goodwill, a swap, or a new tenant.
func (l *tenants) step(r *rand.Rand) {
	l.t.Helper()
	at := r.IntN(len(l.meters))
	meter := l.meters[at]
	switch n := r.IntN(10); {
	case n < 6:
		sold := l.sellAs(owner(), order(meter, 1000+money.Minor(r.Int64N(5000)), l.key()))
		if n == 0 {
			l.clock.add(time.Minute)
			l.reversed(owner(), sold.Sale, "mistyped")
		}
	case n == 6 && !l.wallets[meter]:
		carry := ledger.AccountRef{Code: ledger.Carry, Subject: l.accountOf(meter).Text(id.Account)}
		l.do(func(tx *storeTx) error {
			return postOne(tx, ledger.Goodwill, ledger.AccountRef{Code: ledger.ExpenseGoodwill}, carry, 7)
		})
	case n < 8:
		l.swap(at)
	default:
		l.move(meter)
	}
	l.clock.add(time.Duration(r.Int64N(int64(5 * 24 * time.Hour))))
}

// soldTo finds the sales of an account by reading the sales of everybody.
func (l *tenants) soldTo(account id.ID, from, to time.Time) (out []id.ID) {
	l.view(func(tx *storeTx) error {
		return tx.C.Query(`SELECT id, account_id, priced_at FROM vend ORDER BY id DESC`, func(r core.Row) error {
			if at := r.Time(2); r.ID(1) == account && !at.Before(from) && at.Before(to) {
				out = append(out, r.ID(0))
			}
			return nil
		})
	})
	return out
}

// carried finds what moved the change carried forward of an account by reading the postings of everybody.
func (l *tenants) carried(account id.ID, from, to time.Time) (opening money.Minor, booked []wallet.Booked) {
	l.view(func(tx *storeTx) error {
		return tx.C.Query(`SELECT j.id, j.kind, j.ref, j.memo, j.posted_at, SUM(p.amount), a.subject FROM posting p JOIN journal j ON j.id = p.journal_id
			JOIN ledger_account a ON a.n = p.account WHERE a.code = 2060
			GROUP BY j.id, j.kind, j.ref, j.memo, j.posted_at, a.subject`, func(r core.Row) error {
			b := wallet.Booked{Journal: r.ID(0), Kind: ledger.Kind(r.Text(1)), Ref: r.Text(2), Memo: r.Text(3), At: r.Time(4), Amount: -money.Minor(r.Int(5))}
			switch {
			case r.Text(6) != account.Text(id.Account) || !b.At.Before(to):
			case b.At.Before(from):
				opening += b.Amount
			default:
				booked = append(booked, b)
			}
			return nil
		})
	})
	slices.SortFunc(booked, func(a, b wallet.Booked) int {
		return cmp.Or(a.At.Compare(b.At), bytes.Compare(a.Journal[:], b.Journal[:]))
	})
	return opening, booked
}

// TestNoSaleOfAnAccountIsMissed: the sales of an account, their total, and the changes of what it carries forward are those that a search of
// all sales and all postings finds, whatever meters the account had and whoever had its meters since.
func TestNoSaleOfAnAccountIsMissed(t *testing.T) {
	r := rand.New(rand.NewPCG(tier.Seed(t), 1))
	l := &tenants{shop: open(t, true), wallets: map[string]bool{}}
	begin := l.clock.Now()
	l.domestic = l.publish("domestic", flat(), monday())
	for _, inWallet := range [...]bool{false, false, true, true} {
		l.serial++
		if inWallet {
			l.meters = append(l.meters, l.walletMeter(l.serial, l.domestic))
		} else {
			l.meters = append(l.meters, l.meter(l.serial, place{tariff: l.domestic}))
		}
		l.wallets[l.meters[l.serial-1]] = inWallet
		l.accounts = append(l.accounts, l.accountOf(l.meters[l.serial-1]))
	}
	for n := 0; n < 40 || l.swapped < 2 || l.moved < 2 || l.soldToFormer() == 0; n++ {
		l.step(r)
	}
	end := l.clock.Now()
	found := 0
	for _, account := range l.accounts {
		from := begin.Add(time.Duration(r.Int64N(int64(end.Sub(begin)))))
		for _, span := range [][2]time.Time{{begin, end}, {from, from.AddDate(0, 1, 0)}} {
			l.same(account, span[0], span[1])
		}
		l.sameInTheBooks(account, from)
		found += len(l.soldTo(account, begin, end))
	}
	if total := l.number(`SELECT COUNT(*) FROM vend`); int64(found) != total {
		t.Errorf("%d of %d sales belong to an account", found, total)
	}
}

// same compares what the lists say about an account with what a search of everything finds.
func (l *tenants) same(account id.ID, from, to time.Time) {
	l.t.Helper()
	want := l.soldTo(account, from, to)
	opening, booked := l.carried(account, from, to)
	all := l.number(`SELECT COUNT(*) FROM vend WHERE account_id = $1`, account)
	f := vending.SaleFilter{Account: account, From: from, To: to}
	l.view(func(tx *storeTx) error {
		got, err := tx.Sales(f, id.ID{}, 1000)
		if err != nil {
			return err
		}
		if !slices.Equal(got, want) {
			l.t.Errorf("account %s has %d sales %v, want %d", account.Text(id.Account), len(got), got, len(want))
		}
		if len(want) > 1 {
			next, err := tx.Sales(f, want[0], 1)
			if err != nil {
				return err
			}
			if !slices.Equal(next, want[1:2]) {
				l.t.Errorf("after the newest sale come %v, want %v", next, want[1:2])
			}
		}
		sum, err := tx.SalesTotal(f)
		if err != nil {
			return err
		}
		if int(sum.Sold.Sales+sum.Held.Sales+sum.Reversed.Sales+sum.Failed.Sales) != len(want) {
			l.t.Errorf("the total is %+v, want %d sales", sum, len(want))
		}
		entries, err := tx.AccountEntries(account, id.ID{}, 1000)
		if err != nil {
			return err
		}
		sold := 0
		for _, e := range entries {
			if e.Kind == string(ledger.Vend) {
				sold++
			}
		}
		if int64(sold) != all {
			l.t.Errorf("the entries of the account have %d sales, want %d", sold, all)
		}
		before, moves, err := tx.CarryBooked(account, from, to, 1000)
		if err != nil {
			return err
		}
		if before != opening || !slices.Equal(moves, booked) {
			l.t.Errorf("account %s carries %d forward, and %d changes, want %d and %d", account.Text(id.Account), before, len(moves), opening, len(booked))
		}
		return nil
	})
}

// sameInTheBooks compares the journals and the balance of what an account carries forward with those that a search of all postings finds.
func (l *tenants) sameInTheBooks(account id.ID, at time.Time) {
	l.t.Helper()
	ref := ledger.AccountRef{Code: ledger.Carry, Subject: account.Text(id.Account)}
	f := report.JournalFilter{Account: &ref}
	l.view(func(tx *storeTx) error {
		all := books.Of(tx.Tx)
		for _, page := range []int{1000, 2} {
			before := id.ID{}
			for more := true; more; {
				want, err := all.Journals(f, before, page)
				if err != nil {
					return err
				}
				got, err := tx.Journals(f, before, page)
				if err != nil {
					return err
				}
				if !reflect.DeepEqual(got, want) {
					l.t.Errorf("what account %s carries forward has the journals\n%+v\nwant\n%+v", ref.Subject, got, want)
				}
				if more = len(want) == page; more {
					before = want[page-1].ID
				}
			}
		}
		for _, at := range []time.Time{at, l.clock.Now()} {
			want, err := all.BalanceAt(ref, at)
			if err != nil {
				return err
			}
			got, err := tx.BalanceAt(ref, at)
			if err != nil {
				return err
			}
			if got != want {
				l.t.Errorf("account %s carried %d forward at %s, want %d", ref.Subject, got, at, want)
			}
		}
		return nil
	})
}
