package shoptest_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/provider/webhook"
	"github.com/paywatt/paywatt/internal/reconcile"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/statement/statementtest"
	"github.com/paywatt/paywatt/internal/tier"
)

// A bank writes one day in many ways. These tests upload every pair of them through the server, and count what each payer was credited.

var pairSeed = flag.Uint64("pair-seed", 1, "seed of the first day")

// exportPair is a day and two of its exports.
type exportPair struct {
	seed     uint64 // of the day
	all      []statementtest.Movement
	one, two statementtest.Export
}

// pairDay returns the begin of the day of all pairs.
func pairDay() time.Time {
	y, m, d := monday().Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.FixedZone("EAT", 3*60*60)).Add(3 * time.Hour)
}

// uploadPairs uploads pairs of exports, each to a provider of its own, and checks what became of them.
func uploadPairs(t *testing.T, pairs []exportPair) {
	t.Helper()
	sum := &statementtest.Tally{}
	for some := range slices.Chunk(pairs, pairsOfAShop) {
		t.Run("", func(t *testing.T) {
			s := openPaidFast(t)
			s.clock.add(72 * time.Hour)
			p := &pairShop{payShop: s, st: s.statements()}
			for _, pair := range some {
				p.check(sum, pair)
			}
		})
	}
	t.Log(sum)
}

// pairShop is a shop to which pairs of exports are uploaded.
type pairShop struct {
	*payShop
	st    *reconcile.Statements
	pairs int
}

// pairsOfAShop is how many pairs go to one shop: a utility has few providers.
const pairsOfAShop = 45

// upload uploads the exports of a day to a new provider. It returns how often each amount was credited.
func (p *pairShop) upload(all []statementtest.Movement, files ...statementtest.Export) (provider string, credited map[int64]int) {
	p.t.Helper()
	p.pairs++
	provider = fmt.Sprint("bank", p.pairs)
	v, err := p.AddProvider(p.t.Context(), signedIn(), payment.NewProvider{Name: provider, Kind: webhook.Kind, Config: []byte(`{}`), Secrets: p.secrets, Single: 1_000_000, Daily: 1_000_000_000})
	if err != nil || v.Refused() {
		p.t.Fatal(err, v.Detail())
	}
	account := fmt.Sprintf("70%08d", p.pairs)
	own := make([]statementtest.Movement, len(all))
	for i, m := range all {
		m.ID = fmt.Sprintf("%s%06d", m.ID[:12], p.pairs*20+i) // names of one provider are unknown to the others
		own[i] = m
	}
	for _, e := range files {
		up, err := p.st.Upload(p.t.Context(), owner(), provider, e.Write(account, own, 1_000_000, pairDay()), "")
		if err != nil || up.Refused() || up.File.State != reconcile.FileRead {
			p.t.Fatalf("%s: %v %s %+v", e, err, up.Detail(), up.File)
		}
	}
	p.work()
	credited = map[int64]int{}
	paid, err := p.Payments.List(p.t.Context(), owner(), payment.Filter{Provider: provider}, registry.Page{})
	if err != nil || paid.Next != "" {
		p.t.Fatal(err, paid.Next)
	}
	for _, v := range paid.Payments {
		if !v.Payment.ConfirmedAt.IsZero() {
			credited[int64(v.Payment.Amount.Minor)]++
		}
	}
	return provider, credited
}

// reconciled compares the day, and returns its state and how often each amount waits.
func (p *pairShop) reconciled(provider string) (state reconcile.State, waiting map[int64]int) {
	p.t.Helper()
	r, err := p.st.Run(p.t.Context(), owner(), provider, pairDay().Format(time.DateOnly))
	if err != nil || r.Refused() {
		p.t.Fatal(err, r.Detail())
	}
	l, err := p.st.Items(p.t.Context(), owner(), reconcile.Filter{Provider: provider, Kind: reconcile.PerhapsSame, Open: true}, registry.Page{})
	if err != nil || l.Next != "" {
		p.t.Fatal(err)
	}
	waiting = map[int64]int{}
	for _, i := range l.Items {
		waiting[int64(i.Stated)]++
	}
	return r.State, waiting
}

// check uploads a pair of exports, and checks what became of it.
func (p *pairShop) check(sum *statementtest.Tally, pair exportPair) {
	p.t.Helper()
	provider, credited := p.upload(pair.all, pair.one, pair.two)
	state, waiting := p.reconciled(provider)
	got := statementtest.Outcome{Credited: credited, Waiting: waiting}
	switch state {
	case reconcile.Open:
		got.State, got.Found = statementtest.Open, fmt.Sprint(p.kinds(provider))
	case reconcile.Closed:
		got.State = statementtest.Closed
	case reconcile.Waiting: // receipts alone do not cover the day of another time zone
	}
	for _, wrong := range sum.Check(pair.one, pair.two, pair.all, got) {
		p.t.Errorf("seed %d, %s", pair.seed, wrong)
	}
}

func (p *pairShop) kinds(provider string) (out []string) {
	l, err := p.st.Items(p.t.Context(), owner(), reconcile.Filter{Provider: provider, Open: true}, registry.Page{})
	if err != nil {
		p.t.Fatal(err)
	}
	for _, i := range l.Items {
		out = append(out, fmt.Sprintf("%s %d/%d %s", i.Kind, i.Stated, i.Paid, i.Note))
	}
	return out
}

// TestEveryPairOfExportsOfADay uploads every pair of exports of random days: formats, references, times, spellings, halves and overlaps.
// In ./check each export is uploaded once with the next one, and the pairs of internal/reconcile stand for the rest.
func TestEveryPairOfExportsOfADay(t *testing.T) {
	needsWholeStore(t)
	var pairs []exportPair
	exports := statementtest.Exports()
	days := drawn(tier.UploadedPairDays)
	for n := range max(days, 1) {
		seed := *pairSeed + uint64(n)
		all := statementtest.RandomDay(rand.New(rand.NewPCG(seed, 51)), pairDay())
		for i, one := range exports {
			others := exports
			if days == 0 {
				others = exports[(i+1)%len(exports):][:1]
			}
			for _, two := range others {
				pairs = append(pairs, exportPair{seed, all, one, two})
			}
		}
	}
	uploadPairs(t, pairs)
}

// TestARandomPairOfExports uploads one pair of exports of many days.
func TestARandomPairOfExports(t *testing.T) {
	needsWholeStore(t)
	var pairs []exportPair
	for n := range drawn(tier.UploadedPairs) {
		seed := *pairSeed + uint64(n)
		r := rand.New(rand.NewPCG(seed, 52))
		all := statementtest.RandomDay(r, pairDay())
		one, two := r.IntN(len(statementtest.Exports())), r.IntN(len(statementtest.Exports()))
		pairs = append(pairs, exportPair{seed, all, statementtest.Exports()[one], statementtest.Exports()[two]})
	}
	uploadPairs(t, pairs)
}
