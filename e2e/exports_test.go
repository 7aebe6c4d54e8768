package e2e

// A bank writes one day in many ways. Pairs of exports of a day go through the real program and its HTTP API, and each payer is counted.
// Tests in internal/vending upload every pair of 20 days, without HTTP.

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/statement/statementtest"
	"github.com/paywatt/paywatt/internal/tier"
)

// providersOfAServer is how many providers a server gets: a utility has few of them.
const providersOfAServer = 45

// exportBank is a server to which exports of a bank are uploaded.
type exportBank struct {
	*testing.T
	c     *client.Client
	pairs int
}

// TestPairsOfExportsThroughTheServer uploads random pairs of exports of random days.
func TestPairsOfExportsThroughTheServer(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	rnd := rand.New(rand.NewPCG(tier.Seed(t), 53))
	ways := statementtest.Exports()
	sum := &statementtest.Tally{}
	var b *exportBank
	for n := range tier.E2EPairsOfExports.N() {
		if n%providersOfAServer == 0 {
			b = openBank(t)
		}
		one, two := ways[rnd.IntN(len(ways))], ways[rnd.IntN(len(ways))]
		day := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -3).In(time.FixedZone("EAT", 3*60*60)) // M-Pesa writes times of this zone
		all := statementtest.RandomDay(rnd, day)
		for _, wrong := range sum.Check(one, two, all, b.upload(day, all, one, two)) {
			t.Error(wrong)
		}
	}
	t.Log(sum)
}

func openBank(t *testing.T) *exportBank {
	t.Helper()
	p := newPlace(t, paywatt(t))
	srv := p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	key := p.personKey(t, "amina", "owner")
	newAPI(srv.http, key).plan(t)
	c, err := client.New("http://"+srv.http, key, client.Config{})
	b := &exportBank{T: t, c: c}
	b.must(err)
	return b
}

func (b *exportBank) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// upload uploads the exports of a day to a new provider, reconciles the day, and returns what became of its payments.
func (b *exportBank) upload(day time.Time, all []statementtest.Movement, files ...statementtest.Export) statementtest.Outcome {
	b.Helper()
	b.pairs++
	provider := fmt.Sprint("bank", b.pairs)
	signing := "whsec_" + base64.StdEncoding.EncodeToString([]byte("a key that nobody uses here"))
	_, err := b.c.AddPaymentProvider(b.Context(), apiv1.NewPaymentProvider{Name: provider, Kind: "webhook", Secrets: map[string]any{"signing": signing},
		MaxSingleMinor: 1_000_000, MaxDailyMinor: 1_000_000_000})
	b.must(err)
	doubtful := 0
	for _, e := range files {
		f, err := b.c.UploadStatement(b.Context(), provider, e.Write(fmt.Sprintf("70%08d", b.pairs), all, 1_000_000, day), "")
		b.must(err)
		if f.State != "read" {
			b.Fatalf("%s: the file is %s", e, f.State)
		}
		doubtful += f.DoubtfulRows
	}
	out := statementtest.Outcome{Credited: b.credited(provider, payersOf(all, files)-doubtful), Waiting: map[int64]int{}}
	r, err := b.c.Reconcile(b.Context(), apiv1.Reconcile{Provider: provider, Date: day.Format(time.DateOnly)})
	b.must(err)
	switch r.State {
	case "open":
		out.State = statementtest.Open
	case "closed":
		out.State = statementtest.Closed
	}
	found, err := b.c.Differences(b.Context(), apiv1.DifferenceFilter{Provider: provider, Open: true, Page: apiv1.Page{Limit: 200}})
	b.must(err)
	for _, d := range found.Data {
		out.Found += fmt.Sprintf("%s %d/%d %s; ", d.Kind, d.StatedMinor, d.PaidMinor, d.Note)
		if d.Kind == "perhaps-same" {
			out.Waiting[d.StatedMinor]++
		}
	}
	return out
}

// payersOf counts the payments of a day that stand in one of the exports.
func payersOf(all []statementtest.Movement, files []statementtest.Export) (n int) {
	for i, m := range all {
		if m.Amount > 0 && slices.ContainsFunc(files, func(e statementtest.Export) bool { return e.Has(i, len(all)) }) {
			n++
		}
	}
	return n
}

// credited counts the confirmed payments of a provider by their amounts. It waits until there are as many as wanted, and then a little longer,
// because there might be one too many.
func (b *exportBank) credited(provider string, wanted int) (out map[int64]int) {
	b.Helper()
	count := func() (n int) {
		l, err := b.c.Payments(b.Context(), apiv1.PaymentFilter{Provider: provider, Page: apiv1.Page{Limit: 200}})
		b.must(err)
		out = map[int64]int{}
		for _, p := range l.Data {
			if p.ConfirmedAt != nil {
				out[p.Amount.AmountMinor]++
				n++
			}
		}
		return n
	}
	await.True(b, fmt.Sprintf("%d payments are confirmed", wanted), func() bool { return count() >= wanted })
	time.Sleep(50 * time.Millisecond)
	count()
	return out
}
