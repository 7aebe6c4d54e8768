package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/report"
	"github.com/paywatt/paywatt/internal/store"
)

func books() []test {
	return []test{
		{"a journal moves balances and the trial balance is zero", journalMoves},
		{"a broken limit is an answer and writes nothing", breachWritesNothing},
		{"a limit judges the journal as a whole", limitOnNet},
		{"a limit judges journals that stand together by their sum", limitOnSum},
		{"an operation is posted once and reversed once", postedOnce},
		{"what is not balanced is a broken invariant", unbalanced},
		{"a balance counts what this commit has posted and nobody else's failure", balanceInside},
		{"an account that was undone leaves its number to the next", accountUndone},
		{"a float is never overdrawn by callers at once", noOverdraft},
		{"random journals keep every balance at the sum of its postings", randomJournals},
		{"the operations of docs/reference/postings.md give its balances", vectorOfPostings},
	}
}

var (
	errUnexpected = fmt.Errorf("unexpected breach")
)

// book posts and fails on a breach.
func book(tx *store.Tx, ref string, debit, credit ledger.AccountRef, amount ledger.Minor) error {
	b, err := post(tx, ledger.Vend, ref, debit, credit, amount)
	if err == nil && b.Refused() {
		err = fmt.Errorf("%w: %+v", errUnexpected, b)
	}
	return err
}

func journalMoves(t *testing.T, r Rig) {
	e := r.Open(t)
	till, energy := account(ledger.Till, ledger.MainTill), account(ledger.RevenueEnergy, "")
	var first id.ID
	must(t, e, func(tx *store.Tx) error {
		if err := book(tx, "a", till, energy, 100); err != nil {
			return err
		}
		j, found, err := tx.JournalByRef(ledger.Vend, "a")
		first = j.ID
		if err == nil && !found {
			t.Error("the journal is not found by its reference in its own transaction")
		}
		return err
	})
	must(t, e, func(tx *store.Tx) error { return book(tx, "b", till, energy, 23) })
	lines := look(t, e, func(tx *store.Tx) ([]ledger.Posting, error) { return tx.TrialBalance() })
	if got, want := fmt.Sprint(lines), "[{{1000 } 123} {{4000 } -123}]"; got != want {
		t.Errorf("trial balance %s, want %s", got, want)
	}
	for ref, want := range map[ledger.AccountRef]ledger.Minor{till: 123, energy: -123, account(ledger.Bank, "x"): 0} {
		got := look(t, e, func(tx *store.Tx) (ledger.Minor, error) { return tx.Balance(ref) })
		if got != want {
			t.Errorf("balance of %v = %d, want %d", ref, got, want)
		}
	}
	j := look(t, e, func(tx *store.Tx) (ledger.Journal, error) {
		j, found, err := tx.Journal(first)
		if err == nil && !found {
			t.Error("the journal is not found by its identity")
		}
		return j, err
	})
	if len(j.Postings) != 2 || j.Postings[0] != (ledger.Posting{Account: till, Amount: 100}) || j.Ref != "a" || j.PostedAt.IsZero() {
		t.Errorf("the journal came back as %+v", j)
	}
}

func breachWritesNothing(t *testing.T, r Rig) {
	e := r.Open(t)
	float, energy, bank := account(ledger.Float, "v1"), account(ledger.RevenueEnergy, ""), account(ledger.Bank, "b")
	must(t, e, func(tx *store.Tx) error { return book(tx, "deposit", bank, float, 1000) })
	must(t, e, func(tx *store.Tx) error {
		b, err := post(tx, ledger.Vend, "too much", float, energy, 1001)
		if err != nil {
			return err
		}
		if !b.Refused() || b.Account != float || b.Balance != -1000 || b.Short() != 1 {
			t.Errorf("selling 1001 from a float of 1000: %+v, want a breach by 1", b)
		}
		if got, err := tx.Balance(float); err != nil {
			return err
		} else if got != -1000 {
			t.Errorf("after the breach the float is at %d, want -1000", got)
		}
		_, found, err := tx.JournalByRef(ledger.Vend, "too much")
		if found {
			t.Error("the journal of the breach was found")
		}
		return err
	})
	must(t, e, func(tx *store.Tx) error { return book(tx, "all of it", float, energy, 1000) })
	must(t, e, func(tx *store.Tx) error { return tx.SetLimit(float, 500) })
	must(t, e, func(tx *store.Tx) error { return book(tx, "on credit", float, energy, 500) })
	must(t, e, func(tx *store.Tx) error {
		b, err := post(tx, ledger.Vend, "beyond credit", float, energy, 1)
		if err == nil && b.Short() != 1 {
			t.Errorf("selling beyond the credit line: %+v, want a breach by 1", b)
		}
		return err
	})
	_, err := do(e, func(tx *store.Tx) (value, error) { return value{}, tx.SetLimit(energy, 5) })
	wantErr(t, "limiting an account that keeps no balance", err, store.ErrInvariant)
}

func limitOnNet(t *testing.T, r Rig) {
	e := r.Open(t)
	carry, till, energy := account(ledger.Carry, "a"), account(ledger.Till, "main"), account(ledger.RevenueEnergy, "")
	must(t, e, func(tx *store.Tx) error {
		i, err := tx.NewID()
		if err != nil {
			return err
		}
		b, err := tx.Post(ledger.Journal{ID: i, Kind: ledger.Vend, Ref: "x", PostedAt: tx.Now, Postings: []ledger.Posting{
			{Account: carry, Amount: 30}, {Account: till, Amount: 100}, {Account: energy, Amount: -80}, {Account: carry, Amount: -50}}})
		if b.Refused() {
			t.Errorf("a carry that ends at -20 was refused on the way: %+v", b)
		}
		return err
	})
	if got := look(t, e, func(tx *store.Tx) (ledger.Minor, error) { return tx.Balance(carry) }); got != -20 {
		t.Errorf("carry = %d, want -20", got)
	}
}

func limitOnSum(t *testing.T, r Rig) {
	e := r.Open(t)
	float, energy := account(ledger.Float, "v"), account(ledger.RevenueEnergy, "")
	together := func(back, taken ledger.Minor) (b ledger.Breach) {
		must(t, e, func(tx *store.Tx) (err error) {
			var js []ledger.Journal
			for _, l := range []ledger.Minor{-back, taken} {
				j := ledger.Journal{Kind: ledger.Vend, Ref: fmt.Sprint(back, " ", l), PostedAt: tx.Now, Postings: []ledger.Posting{
					{Account: float, Amount: l}, {Account: energy, Amount: -l}}}
				if j.ID, err = tx.NewID(); err != nil {
					return err
				}
				js = append(js, j)
			}
			b, err = tx.PostTogether(js...)
			return err
		})
		return b
	}
	must(t, e, func(tx *store.Tx) error { return tx.SetLimit(float, 1000) })
	must(t, e, func(tx *store.Tx) error { return book(tx, "sold", float, energy, 1000) })
	must(t, e, func(tx *store.Tx) error { return tx.SetLimit(float, 0) })
	if b := together(4, 5); b.Short() != 1001 {
		t.Errorf("4 given and 5 taken beyond the limit: %+v, want a breach by 1001", b)
	}
	if b := together(600, 9); b.Refused() {
		t.Errorf("600 given and 9 taken beyond the limit: %+v, want no breach", b)
	}
	if got := look(t, e, func(tx *store.Tx) (ledger.Minor, error) { return tx.Balance(float) }); got != 409 {
		t.Errorf("the float = %d, want 409", got)
	}
	verified(t, e)
}

func postedOnce(t *testing.T, r Rig) {
	e := r.Open(t)
	bank, energy := account(ledger.Bank, "b"), account(ledger.RevenueEnergy, "")
	must(t, e, func(tx *store.Tx) error { return book(tx, "a", bank, energy, 5) })
	_, err := do(e, func(tx *store.Tx) (value, error) { return value{}, book(tx, "a", bank, energy, 5) })
	wantErr(t, "posting the same operation again", err, store.ErrConflict)
	reverse := func(ref string) error {
		_, err := do(e, func(tx *store.Tx) (value, error) {
			j, _, err := tx.JournalByRef(ledger.Vend, "a")
			if err != nil {
				return value{}, err
			}
			i, err := tx.NewID()
			if err != nil {
				return value{}, err
			}
			back, err := ledger.Mirror(j, i, tx.Now, ref, "")
			if err != nil {
				return value{}, err
			}
			_, err = tx.Post(back)
			return value{}, err
		})
		return err
	}
	if err := reverse(ledger.MirrorRef(ledger.Vend, "a")); err != nil {
		t.Fatal(err)
	}
	found := look(t, e, func(tx *store.Tx) ([]ledger.Journal, error) {
		return tx.Journals(report.JournalFilter{Ref: "a"}, id.ID{}, 10)
	})
	if len(found) != 2 || found[0].Kind != ledger.Reversal || found[1].Kind != ledger.Vend {
		t.Errorf("the journals of the operation are %+v, want its own and the one that undid it", found)
	}
	wantErr(t, "reversing a journal twice", reverse("r2"), store.ErrConflict)
	if got := look(t, e, func(tx *store.Tx) (ledger.Minor, error) { return tx.Balance(bank) }); got != 0 {
		t.Errorf("the bank after sale and reversal: %d, want 0", got)
	}
}

func unbalanced(t *testing.T, r Rig) {
	e := r.Open(t)
	_, err := do(e, func(tx *store.Tx) (value, error) {
		i, err := tx.NewID()
		if err != nil {
			return value{}, err
		}
		_, err = tx.Post(ledger.Journal{ID: i, Kind: ledger.Vend, Ref: "x", PostedAt: tx.Now, Postings: []ledger.Posting{
			{Account: account(ledger.Till, "main"), Amount: 100}, {Account: account(ledger.RevenueEnergy, ""), Amount: -99}}})
		return value{}, err
	})
	wantErr(t, "posting 100 against 99", err, store.ErrInvariant)
	wantErr(t, "health", e.Health(), store.ErrInvariant)
}

// accountUndone opens an account in a transaction that is rolled back. The next new account may get the number of the undone account. A
// later posting to the undone account must not reach that next account.
func accountUndone(t *testing.T, r Rig) {
	e := r.Open(t)
	till, undone, next := account(ledger.Till, "main"), account(ledger.LevyPayable, "undone"), account(ledger.LevyPayable, "next")
	got, err := do(e, func(tx *store.Tx) (value, error) {
		// The second posting finds the account that the first posting opened.
		return value{refused: true}, errors.Join(book(tx, "a", till, undone, 100), book(tx, "again", till, undone, 100))
	})
	if err != nil || !got.refused {
		t.Fatalf("%+v, %v", got, err)
	}
	must(t, e, func(tx *store.Tx) error { return book(tx, "b", till, next, 10) })
	must(t, e, func(tx *store.Tx) error { return book(tx, "c", till, undone, 1) })
	for ref, want := range map[ledger.AccountRef]ledger.Minor{till: 11, next: -10, undone: -1} {
		if got := look(t, e, func(tx *store.Tx) (ledger.Minor, error) { return tx.Balance(ref) }); got != want {
			t.Errorf("%v has %d, want %d", ref, got, want)
		}
	}
}

func balanceInside(t *testing.T, r Rig) {
	e := r.Open(t)
	till, energy := account(ledger.Till, "main"), account(ledger.RevenueEnergy, "")
	must(t, e, func(tx *store.Tx) error { return book(tx, "committed", till, energy, 1) })
	release := stalled(t, e)
	var seen ledger.Minor
	waiting := []<-chan outcome{
		start(e, store.Sale, func(tx *store.Tx) (value, error) { return value{}, book(tx, "neighbour", till, energy, 10) }),
	}
	queued(t, r, e, 1)
	waiting = append(waiting, start(e, store.Sale, func(tx *store.Tx) (value, error) {
		return value{refused: true}, book(tx, "refused", till, energy, 100)
	}))
	queued(t, r, e, 2)
	waiting = append(waiting, start(e, store.Sale, func(tx *store.Tx) (value, error) {
		if err := book(tx, "own", till, energy, 1000); err != nil {
			return value{}, err
		}
		var err error
		if seen, err = tx.Balance(energy); err != nil {
			return value{}, err
		}
		lines, err := tx.TrialBalance()
		if err == nil && (len(lines) != 2 || lines[1].Amount != -1011) {
			t.Errorf("trial balance inside the transaction: %v, want 1011 and -1011", lines)
		}
		return value{}, err
	}))
	queued(t, r, e, 3)
	release()
	for _, w := range waiting {
		if got := <-w; got.err != nil {
			t.Error(got.err)
		}
	}
	if seen != -1011 {
		t.Errorf("revenue inside the transaction = %d, want -1011", seen)
	}
	if got := look(t, e, func(tx *store.Tx) (ledger.Minor, error) { return tx.Balance(energy) }); got != -1011 {
		t.Errorf("revenue afterwards = %d, want -1011", got)
	}
}

func noOverdraft(t *testing.T, r Rig) {
	e := r.Open(t)
	float, energy, bank := account(ledger.Float, "v"), account(ledger.RevenueEnergy, ""), account(ledger.Bank, "b")
	const deposit, callers, each, price = 1000, 8, 25, 7
	must(t, e, func(tx *store.Tx) error { return book(tx, "deposit", bank, float, deposit) })
	var mu sync.Mutex
	sold, refused := 0, 0
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for k := range each {
				v, err := do(e, func(tx *store.Tx) (value, error) {
					b, err := post(tx, ledger.Vend, fmt.Sprint(c, "/", k), float, energy, price)
					return value{refused: b.Refused()}, err
				})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if v.refused {
					refused++
				} else {
					sold++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if want := deposit / price; sold != want || refused != callers*each-want {
		t.Errorf("sold %d and refused %d, want %d and %d", sold, refused, want, callers*each-want)
	}
	if got := look(t, e, func(tx *store.Tx) (ledger.Minor, error) { return tx.Balance(float) }); got != -(deposit % price) {
		t.Errorf("the float is at %d, want %d", got, -(deposit % price))
	}
}

func randomJournals(t *testing.T, r Rig) {
	e := r.Open(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	codes := []ledger.AccountRef{account(ledger.Till, "main"), account(ledger.Bank, "b"), account(ledger.Float, "v1"),
		account(ledger.Float, "v2"), account(ledger.Carry, "c"), account(ledger.RevenueEnergy, ""), account(ledger.VATPayable, "")}
	want := make(map[ledger.AccountRef]ledger.Minor)
	for n := range 200 {
		var postings []ledger.Posting
		var rest ledger.Minor
		for range 1 + rnd.IntN(4) {
			amount := ledger.Minor(rnd.Int64N(2000) - 1000)
			if amount == 0 {
				continue
			}
			postings = append(postings, ledger.Posting{Account: codes[rnd.IntN(len(codes))], Amount: amount})
			rest -= amount
		}
		if rest == 0 || len(postings) == 0 {
			continue
		}
		postings = append(postings, ledger.Posting{Account: codes[rnd.IntN(len(codes))], Amount: rest})
		must(t, e, func(tx *store.Tx) error {
			i, err := tx.NewID()
			if err != nil {
				return err
			}
			b, err := tx.Post(ledger.Journal{ID: i, Kind: ledger.Vend, Ref: fmt.Sprint(n), PostedAt: tx.Now, Postings: postings})
			if err == nil && !b.Refused() {
				for _, p := range postings {
					want[p.Account] += p.Amount
				}
			}
			return err
		})
	}
	for _, ref := range codes {
		if got := look(t, e, func(tx *store.Tx) (ledger.Minor, error) { return tx.Balance(ref) }); got != want[ref] {
			t.Errorf("balance of %v = %d, want %d", ref, got, want[ref])
		}
	}
	if lines := look(t, e, func(tx *store.Tx) ([]ledger.Posting, error) { return tx.TrialBalance() }); sum(lines) != 0 {
		t.Errorf("trial balance sums to %d: %v", sum(lines), lines)
	}
	verified(t, e)
}

// verified runs the checks of the verification that need no key.
func verified(t *testing.T, e store.Engine) {
	t.Helper()
	report := look(t, e, func(tx *store.Tx) (*store.Report, error) {
		r := new(store.Report)
		return r, store.VerifyBooks(tx, r)
	})
	for _, f := range report.Findings {
		t.Errorf("%s: %s", f.Rule, f.What)
	}
}

func holds() []test {
	return []test{
		{"a hold reserves, then posts at most what it holds", holdPosts},
		{"a hold ends once", holdEndsOnce},
		{"a hold expires", holdExpires},
		{"a hold is posted although the limit was lowered", holdOutlivesLimit},
	}
}

// reserve opens a float of 1000 and holds an amount of it.
func reserve(t *testing.T, e store.Engine, amount ledger.Minor, life time.Duration) (i id.ID, b ledger.Breach) {
	t.Helper()
	float := account(ledger.Float, "v")
	must(t, e, func(tx *store.Tx) (err error) {
		have, err := tx.Balance(float)
		if err != nil {
			return err
		}
		if have == 0 {
			if err := book(tx, "deposit", account(ledger.Bank, "b"), float, 1000); err != nil {
				return err
			}
		}
		i, b, err = tx.Hold(float, amount, "vnd_x", tx.Now.Add(life))
		return err
	})
	return i, b
}

func holdPosts(t *testing.T, r Rig) {
	e := r.Open(t)
	float, energy := account(ledger.Float, "v"), account(ledger.RevenueEnergy, "")
	i, b := reserve(t, e, 600, time.Hour)
	if b.Refused() {
		t.Fatalf("holding 600 of 1000: %+v", b)
	}
	if _, b := reserve(t, e, 401, time.Hour); b.Short() != 1 {
		t.Errorf("holding 401 of the other 400: %+v, want a breach by 1", b)
	}
	must(t, e, func(tx *store.Tx) error {
		b, err := post(tx, ledger.Vend, "other", float, energy, 401)
		if err == nil && (b.Short() != 1 || b.Held != 600) {
			t.Errorf("selling 401 of the other 400: %+v, want a breach by 1", b)
		}
		return err
	})
	journal := func(tx *store.Tx, amount ledger.Minor) (ledger.Journal, error) {
		j, err := tx.NewID()
		return ledger.Journal{ID: j, Kind: ledger.Vend, Ref: "held", PostedAt: tx.Now, Postings: []ledger.Posting{
			{Account: float, Amount: amount}, {Account: energy, Amount: -amount}}}, err
	}
	_, err := do(e, func(tx *store.Tx) (value, error) {
		j, err := journal(tx, 601)
		if err != nil {
			return value{}, err
		}
		_, _, err = tx.HoldPost(i, j)
		return value{}, err
	})
	wantErr(t, "posting 601 of 600 held", err, store.ErrInvariant)
	must(t, e, func(tx *store.Tx) error {
		j, err := journal(tx, 550)
		if err != nil {
			return err
		}
		posted, b, err := tx.HoldPost(i, j)
		if err == nil && (!posted || b.Refused()) {
			t.Errorf("posting 550 of 600 held: posted %t, %+v", posted, b)
		}
		return err
	})
	must(t, e, func(tx *store.Tx) error { return book(tx, "rest", float, energy, 450) })
	verified(t, e)
}

func holdOutlivesLimit(t *testing.T, r Rig) {
	e := r.Open(t)
	float, energy := account(ledger.Float, "v"), account(ledger.RevenueEnergy, "")
	must(t, e, func(tx *store.Tx) error { return tx.SetLimit(float, 500) })
	i, b := reserve(t, e, 1500, time.Hour)
	if b.Refused() {
		t.Fatalf("holding 1500 of 1000 and a credit of 500: %+v", b)
	}
	must(t, e, func(tx *store.Tx) error { return tx.SetLimit(float, 0) })
	must(t, e, func(tx *store.Tx) error {
		j, err := tx.NewID()
		if err != nil {
			return err
		}
		posted, b, err := tx.HoldPost(i, ledger.Journal{ID: j, Kind: ledger.Vend, Ref: "held", PostedAt: tx.Now, Postings: []ledger.Posting{
			{Account: float, Amount: 1500}, {Account: energy, Amount: -1500}}})
		if err == nil && (!posted || b.Refused()) {
			t.Errorf("posting what was held: posted %t, %+v", posted, b)
		}
		return err
	})
	if _, b := reserve(t, e, 1, time.Hour); b.Short() != 501 {
		t.Errorf("holding 1 beyond the lowered limit: %+v, want a breach by 501", b)
	}
	verified(t, e)
}

func holdEndsOnce(t *testing.T, r Rig) {
	e := r.Open(t)
	i, _ := reserve(t, e, 1000, time.Hour)
	for n, want := range []bool{true, false} {
		must(t, e, func(tx *store.Tx) error {
			open, err := tx.HoldVoid(i)
			if err == nil && open != want {
				t.Errorf("voiding time %d: open %t, want %t", n+1, open, want)
			}
			return err
		})
	}
	must(t, e, func(tx *store.Tx) error {
		j, err := tx.NewID()
		if err != nil {
			return err
		}
		posted, _, err := tx.HoldPost(i, ledger.Journal{ID: j, Kind: ledger.Vend, Ref: "late", PostedAt: tx.Now, Postings: []ledger.Posting{
			{Account: account(ledger.Float, "v"), Amount: 1}, {Account: account(ledger.RevenueEnergy, ""), Amount: -1}}})
		if posted {
			t.Error("a voided hold was posted")
		}
		return err
	})
	if _, b := reserve(t, e, 1000, time.Hour); b.Refused() {
		t.Errorf("holding 1000 after the void gave it back: %+v", b)
	}
	verified(t, e)
}

func holdExpires(t *testing.T, r Rig) {
	e := r.Open(t)
	reserve(t, e, 1000, -time.Second)
	reserve(t, e, 0+1, time.Hour) // refused: all of the float is held
	must(t, e, func(tx *store.Tx) error {
		n, err := tx.HoldExpire(10)
		if err == nil && n != 1 {
			t.Errorf("%d holds expired, want 1", n)
		}
		return err
	})
	if _, b := reserve(t, e, 1000, time.Hour); b.Refused() {
		t.Errorf("holding 1000 after the expiry gave it back: %+v", b)
	}
	verified(t, e)
}
