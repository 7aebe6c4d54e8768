package ledger_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tier"
)

func at(minute int) time.Time { return time.Date(2026, 11, 20, 8, minute, 0, 0, time.UTC) }

func line(c ledger.Code, subject string, amount ledger.Minor) ledger.Posting {
	return ledger.Posting{Account: ledger.AccountRef{Code: c, Subject: subject}, Amount: amount}
}

// books is a ledger in memory with the limits of the chart and the balance of every account.
type books struct {
	t        *testing.T
	n        byte
	free     bool // limits are not checked
	balances map[ledger.AccountRef]ledger.Minor
}

func open(t *testing.T) *books {
	return &books{t: t, balances: map[ledger.AccountRef]ledger.Minor{}}
}

func (b *books) next() id.ID {
	b.n++
	return id.ID{15: b.n}
}

// post books a journal. The journal must balance, and its postings together must keep every limit.
func (b *books) post(kind ledger.Kind, postings ...ledger.Posting) ledger.Journal {
	b.t.Helper()
	j, err := ledger.New(ledger.Journal{ID: b.next(), Kind: kind, Ref: fmt.Sprint(b.n), PostedAt: at(int(b.n)), Postings: postings})
	if err != nil {
		b.t.Fatal(err)
	}
	b.book(j)
	return j
}

func (b *books) book(j ledger.Journal) {
	b.t.Helper()
	change := map[ledger.AccountRef]ledger.Minor{}
	for _, p := range j.Postings {
		change[p.Account] += p.Amount
	}
	for a, c := range change {
		if breach := ledger.LimitOf(a.Code).Check(a, b.balances[a], 0, c); !b.free && breach.Refused() {
			b.t.Fatalf("journal %s breaks the limit of %v by %d", j.Ref, a, breach.Short())
		}
		b.balances[a] += c
	}
}

func (b *books) mirror(j ledger.Journal) {
	b.t.Helper()
	back, err := ledger.Mirror(j, b.next(), at(int(b.n)), "back "+j.Ref, "")
	if err != nil {
		b.t.Fatal(err)
	}
	if back.Reverses != j.ID || back.Kind != ledger.Reversal {
		b.t.Errorf("mirror reverses %v as %s", back.Reverses, back.Kind)
	}
	b.book(back)
}

// TestIntegrationVector posts P1 to P7, P12, P8, P11 with the reversal of its commission, P14, P15, P16 and P17, in this order
// (docs/reference/postings.md#check-your-own-books).
func TestIntegrationVector(t *testing.T) {
	b := open(t)
	rows := map[string][]ledger.Posting{}
	for _, o := range table() {
		rows[o.name] = o.got
	}
	posted := map[string]ledger.Journal{}
	for _, name := range strings.Fields("P1 P2 P3 P4 P5 P6 P7 P12 P8 -P6 -P7 P14 P15 P16 P17") {
		if undone, is := strings.CutPrefix(name, "-"); is {
			b.mirror(posted[undone]) // P11
			continue
		}
		posted[name] = b.post(ledger.Kind(name), rows[name]...)
	}
	want := map[ledger.Code]ledger.Minor{1000: 65750, 1010: 509945, 1020: 10000, 1100: 50000, 2000: -9387, 2020: -8648, 2022: 0,
		2040: -500000, 2060: -56, 2070: 0, 3000: -60000, 4000: -42576, 4010: -10083, 4030: -5000, 5000: 0, 5010: 55}
	got, total := map[ledger.Code]ledger.Minor{}, ledger.Minor(0)
	for a, balance := range b.balances {
		got[a.Code] += balance
		total += balance
	}
	for code, balance := range got {
		if balance != want[code] {
			t.Errorf("account %d = %d, want %d", code, balance, want[code])
		}
	}
	if len(got) != len(want) || total != 0 {
		t.Errorf("%d accounts with total %d, want %d with total 0", len(got), total, len(want))
	}
}

func TestSaleThatUsesCarry(t *testing.T) {
	got := ledger.SalePostings(ledger.SaleEntry{Source: ledger.AccountRef{Code: ledger.Till, Subject: "main"}, Tender: 10000, // P9
		Account: "a", CarryIn: 25, Energy: 8700, VAT: 1305, Carry: 20})
	want := []ledger.Posting{line(1000, "main", 10000), line(2060, "a", 25), line(4000, "", -8700), line(2020, "", -1305), line(2060, "a", -20)}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("postings = %v, want %v", got, want)
	}
	if got = ledger.SalePostings(ledger.SaleEntry{Source: want[0].Account, Tender: 100, Energy: 100}); len(got) != 2 {
		t.Errorf("a sale without tax and carry has lines %v, want two", got)
	}
}

func TestJournalsThatAreNoneAreRefused(t *testing.T) {
	good := ledger.Journal{ID: id.ID{1}, Kind: ledger.Vend, Ref: "r", PostedAt: at(0),
		Postings: []ledger.Posting{line(1000, "main", 5), line(4000, "", -5)}}
	for _, c := range []struct {
		name   string
		change func(*ledger.Journal)
		want   error
	}{
		{"off by one", func(j *ledger.Journal) { j.Postings[0].Amount = 6 }, ledger.ErrUnbalanced},
		{"no identity", func(j *ledger.Journal) { j.ID = id.ID{} }, ledger.ErrEmpty},
		{"no kind", func(j *ledger.Journal) { j.Kind = "" }, ledger.ErrEmpty},
		{"no time", func(j *ledger.Journal) { j.PostedAt = time.Time{} }, ledger.ErrEmpty},
		{"one line", func(j *ledger.Journal) { j.Postings = j.Postings[:1] }, ledger.ErrEmpty},
		{"unknown account", func(j *ledger.Journal) { j.Postings[0].Account.Code = 1234 }, ledger.ErrAccount},
		{"zero line", func(j *ledger.Journal) { j.Postings = append(j.Postings, line(2020, "", 0)) }, ledger.ErrAmount},
		{"huge line", func(j *ledger.Journal) { j.Postings[0].Amount = money.MaxMinor + 1 }, ledger.ErrAmount},
		{"long subject", func(j *ledger.Journal) { j.Postings[0].Account.Subject = strings.Repeat("x", ledger.MaxText+1) }, ledger.ErrTooLong},
		{"long reference", func(j *ledger.Journal) { j.Ref = strings.Repeat("x", ledger.MaxText+1) }, ledger.ErrTooLong},
		{"huge line the other way", func(j *ledger.Journal) { j.Postings[1].Amount = -money.MaxMinor - 1 }, ledger.ErrAmount},
		{"long memo", func(j *ledger.Journal) { j.Memo = strings.Repeat("x", ledger.MaxMemo+1) }, ledger.ErrTooLong},
		{"too many lines", func(j *ledger.Journal) { j.Postings = make([]ledger.Posting, ledger.MaxPostings+1) }, ledger.ErrTooLong},
	} {
		j := good
		j.Postings = append([]ledger.Posting(nil), good.Postings...)
		c.change(&j)
		if _, err := ledger.New(j); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	most := good
	most.Ref, most.Memo = strings.Repeat("r", ledger.MaxText), strings.Repeat("m", ledger.MaxMemo)
	most.Postings = []ledger.Posting{line(1000, strings.Repeat("s", ledger.MaxText), money.MaxMinor), line(4000, "", -money.MaxMinor)}
	for len(most.Postings) < ledger.MaxPostings {
		most.Postings = append(most.Postings, line(1000, "main", 1), line(4000, "", -1))
	}
	for name, j := range map[string]ledger.Journal{"a good one": good, "one at every limit": most} {
		if _, err := ledger.New(j); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestANewJournalSharesNothingWithItsBuilder(t *testing.T) {
	lines := []ledger.Posting{line(1000, "main", 5), line(4000, "", -5)}
	j, err := ledger.New(ledger.Journal{ID: id.ID{1}, Kind: ledger.Vend, PostedAt: at(0), Postings: lines})
	if err != nil {
		t.Fatal(err)
	}
	lines[0].Amount = 7
	if j.Postings[0].Amount != 5 {
		t.Errorf("a posting changed to %d after the journal was checked", j.Postings[0].Amount)
	}
}

func TestEveryFieldChangesTheLeaf(t *testing.T) {
	j := ledger.Journal{ID: id.ID{1}, Kind: ledger.Vend, Ref: "r", PostedAt: at(0), Memo: "m",
		Postings: []ledger.Posting{line(1000, "main", 5), line(4000, "", -5)}}
	seen := map[[32]byte]string{ledger.Leaf(j): "as it is"}
	for name, change := range map[string]func(*ledger.Journal){
		"id": func(j *ledger.Journal) { j.ID[15] = 1 }, "kind": func(j *ledger.Journal) { j.Kind = ledger.Reversal },
		"ref": func(j *ledger.Journal) { j.Ref = "s" }, "time": func(j *ledger.Journal) { j.PostedAt = j.PostedAt.Add(time.Microsecond) },
		"reverses": func(j *ledger.Journal) { j.Reverses = id.ID{2} }, "memo": func(j *ledger.Journal) { j.Memo = "" },
		"moved boundary": func(j *ledger.Journal) { j.Ref, j.Memo = "rm", "" },
		"code":           func(j *ledger.Journal) { j.Postings[0].Account.Code = 1010 },
		"subject":        func(j *ledger.Journal) { j.Postings[0].Account.Subject = "main2" },
		"amount":         func(j *ledger.Journal) { j.Postings[0].Amount, j.Postings[1].Amount = 6, -6 },
		"order":          func(j *ledger.Journal) { j.Postings[0], j.Postings[1] = j.Postings[1], j.Postings[0] },
	} {
		c := j
		c.Postings = append([]ledger.Posting(nil), j.Postings...)
		change(&c)
		leaf := ledger.Leaf(c)
		if other, taken := seen[leaf]; taken {
			t.Errorf("changing the %s gives the leaf of %s", name, other)
		}
		seen[leaf] = name
	}
	const want = "9b0f8f924cbacefe7c0a27ad0867b39d978a07e59eb86599ecb1186f7605d97a" // computed by another program from the description of Leaf
	if got := fmt.Sprintf("%x", ledger.Leaf(j)); got != want {
		t.Errorf("leaf = %s, want %s: the form of stored leaves must never change", got, want)
	}
}

func TestLimitsCountWhatIsHeld(t *testing.T) {
	float, till := ledger.LimitOf(ledger.Float), ledger.LimitOf(ledger.Till)
	credit := ledger.Limit{Bound: ledger.NotAbove, At: 500}
	for _, c := range []struct {
		name                  string
		limit                 ledger.Limit
		balance, held, change ledger.Minor
		short                 ledger.Minor
	}{
		{"float spent to nothing", float, -1000, 0, 1000, 0},
		{"float overdrawn", float, -1000, 0, 1001, 1},
		{"float with a hold", float, -1000, 400, 601, 1},
		{"float into its credit line", credit, -1000, 0, 1500, 0},
		{"float beyond its credit line", credit, -1000, 0, 1501, 1},
		{"deposit to an overdrawn float", float, 300, 0, -100, 0},
		{"till paid out to nothing", till, 1000, 0, -1000, 0},
		{"till paid out below nothing", till, 1000, 0, -1001, 1},
		{"till with a hold", till, 1000, 200, -900, 100},
		{"cash into a till", till, -5, 0, 1, 0},
		{"revenue has no limit", ledger.LimitOf(ledger.RevenueEnergy), 0, 0, -1 << 40, 0},
	} {
		b := c.limit.Check(ledger.AccountRef{}, c.balance, c.held, c.change)
		if b.Refused() != (c.short > 0) || c.short > 0 && b.Short() != c.short {
			t.Errorf("%s: refused %t, short by %d; want %d", c.name, b.Refused(), b.Short(), c.short)
		}
	}
	if b := float.CheckHold(ledger.AccountRef{}, -1000, 400, 601); b.Short() != 1 {
		t.Errorf("holding 601 of 600 free: short by %d, want 1", b.Short())
	}
	if b := till.CheckHold(ledger.AccountRef{}, 1000, 400, 600); b.Refused() {
		t.Errorf("holding the last 600 of a till was refused: %+v", b)
	}
}

// TestRandomWorkKeepsEveryLimit makes random postings and holds by the rules that the store uses, and checks the balances independently of
// them.
func TestRandomWorkKeepsEveryLimit(t *testing.T) {
	r := rand.New(rand.NewPCG(tier.Seed(t), 2026))
	for _, code := range []ledger.Code{ledger.Till, ledger.Debt, ledger.Wallet, ledger.Float, ledger.Carry, ledger.Unapplied, ledger.VendorReceivable} {
		limit := ledger.LimitOf(code)
		if !limit.Limited() {
			t.Fatalf("account %d has no limit", code)
		}
		var balance, held ledger.Minor
		moved := 0
		for range tier.RandomSums.N() {
			change := ledger.Minor(r.IntN(2001) - 1000)
			if r.IntN(3) == 0 {
				if hold := max(change, -change); hold > 0 && !limit.CheckHold(ledger.AccountRef{}, balance, held, hold).Refused() {
					held += hold
				}
				held = max(held-ledger.Minor(r.IntN(300)), 0)
			} else if !limit.Check(ledger.AccountRef{}, balance, held, change).Refused() {
				balance += change
				moved++
			}
			if at, ok := limit.Floor(); ok && balance-held < at {
				t.Fatalf("account %d: balance %d with %d held is below %d", code, balance, held, at)
			}
			if at, ok := limit.Ceiling(); ok && balance+held > at {
				t.Fatalf("account %d: balance %d with %d held is above %d", code, balance, held, at)
			}
		}
		if moved < 1000 {
			t.Errorf("account %d: only %d postings got through", code, moved)
		}
	}
}

func TestTheChartHasNoAccountTwice(t *testing.T) {
	codes := map[ledger.Code]bool{}
	for c := ledger.Code(0); c < 10_000; c++ {
		a, ok := ledger.Find(c)
		if !ok {
			continue
		}
		if a.Code != c || a.Path == "" || a.Class == "" || codes[c] {
			t.Errorf("account %d = %+v", c, a)
		}
		codes[c] = true
	}
	if len(codes) != 30 {
		t.Errorf("the chart has %d accounts, want the 30 of docs/reference/postings.md", len(codes))
	}
	if ledger.LimitOf(9999).Limited() {
		t.Error("an account outside the chart has a limit")
	}
}

// TestAnAccountIsNamedAsPeopleReadIt: the code comes with the name in the chart, and with the subject if the account has one.
func TestAnAccountIsNamedAsPeopleReadIt(t *testing.T) {
	for want, ref := range map[string]ledger.AccountRef{
		"1000 cash:till:main": {Code: ledger.Till, Subject: "main"},
		"2020 vat_payable":    {Code: ledger.VATPayable},
		"9999:x":              {Code: 9999, Subject: "x"},
	} {
		if got := ref.Name(); got != want {
			t.Errorf("%+v is called %q, want %q", ref, got, want)
		}
	}
}
