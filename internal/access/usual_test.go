package access_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
)

// kes returns a function that tells an amount.
func kes(minor money.Minor) func(*access.Effect) {
	return func(e *access.Effect) { e.Sum("amount", money.Amount{Minor: minor, Currency: "KES"}) }
}

// asksFor stores a request of Amina's that waits, and changes its act and its state.
func (r *rows) asksFor(act access.Act, state access.ApprovalState, tell func(*access.Effect)) access.Approval {
	r.t.Helper()
	on := true
	r.bind = &on
	request := access.ActRequest{Act: access.ActDeposit, Summary: "asked", Body: json.RawMessage(`{}`), Effect: access.Telling(tell)}
	eyes, err := access.SecondPerson(r, r.amina(), request, r.now)
	if err != nil || eyes.Waits == nil {
		r.t.Fatalf("%+v, %v, want a request that waits", eyes, err)
	}
	a := &r.approvals[len(r.approvals)-1]
	a.Act, a.State = act, state
	return *a
}

// sees returns what another owner is shown of a request that does what it says.
func (r *rows) sees(a access.Approval, tell func(*access.Effect)) access.Rehearsed {
	r.t.Helper()
	all := r.access(rand.Reader)
	all.Serve(access.Executors{a.Act: func(_ context.Context, by access.Actor, body []byte) (access.Done, error) {
		eyes, err := access.SecondPerson(r, by, access.ActRequest{Act: a.Act, Summary: "asked", Body: json.RawMessage(body), Effect: access.Telling(tell)}, r.now)
		return access.Done{Refusal: eyes.Refusal}, err
	}})
	shown, err := all.Approval(r.t.Context(), finance(), a.ID.Text(id.Approval))
	if err != nil || shown.Now == nil || shown.Now.Effect.Facts == nil {
		r.t.Fatalf("%+v, %v, want what the request does", shown, err)
	}
	return *shown.Now
}

// saysUsual writes what a figure usually is, and whether it is marked.
func saysUsual(f access.Fact) string {
	text := fmt.Sprintf("%s of %d", f.Usual.Median, f.Usual.Of)
	if len(f.Odd) > 0 {
		text += ", " + f.Odd[0].What
	}
	return text
}

// TestAnAmountStandsBesideWhatIsUsual: the median of what others agreed to in the last 30 days. A request that waits, that was rejected, that is older
// or of another kind says nothing, and neither does an amount in another currency.
func TestAnAmountStandsBesideWhatIsUsual(t *testing.T) {
	const odd = ", That is more than 10 times what is usual."
	for name, c := range map[string]struct {
		done []money.Minor
		asks money.Minor
		want string
	}{
		"nothing is known":             {nil, 450_000, " of 0"},
		"one":                          {[]money.Minor{5_000}, 450_000, "50.00 KES of 1"},
		"the middle of three":          {[]money.Minor{9_000_000, 5_000, 4_000}, 450_000, "50.00 KES of 3"},
		"four are too few for warning": {[]money.Minor{5_000, 5_000, 5_000, 5_000}, 450_000, "50.00 KES of 4"},
		"far more than five":           {[]money.Minor{5_000, 5_000, 5_000, 5_000, 5_000}, 450_000, "50.00 KES of 5" + odd},
		"ten times is not more":        {[]money.Minor{5_000, 5_000, 5_000, 5_000, 5_000}, 50_000, "50.00 KES of 5"},
		"both ways, little":            {[]money.Minor{-500, 500, -500, 500, 10}, 900, "0.10 KES of 5"},
		"both ways, much":              {[]money.Minor{-500, 500, 0, -500, 500}, 96_000, "0.00 KES of 5" + odd},
		"far below zero":               {[]money.Minor{-500, -500, -500, -500, -500}, -96_000, "-5.00 KES of 5" + odd},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRows(t)
			r.now = r.now.Add(-30*24*time.Hour - time.Second)
			r.asksFor(access.ActDeposit, access.ApprovalUsed, kes(7))
			r.now = r.now.Add(30*24*time.Hour + time.Second)
			r.asksFor(access.ActDeposit, access.ApprovalRejected, kes(7))
			r.asksFor(access.ActDeposit, access.ApprovalGiven, kes(7))
			r.asksFor(access.ActAdjust, access.ApprovalUsed, kes(7))
			r.asksFor(access.ActDeposit, access.ApprovalUsed, func(e *access.Effect) { e.Sum("amount", money.Amount{Minor: 7, Currency: "TZS"}) })
			for _, minor := range c.done {
				r.asksFor(access.ActDeposit, access.ApprovalUsed, kes(minor))
			}
			f := r.sees(r.asksFor(access.ActDeposit, access.ApprovalWaiting, kes(c.asks)), kes(c.asks)).Effect.Facts[0]
			if got := saysUsual(f); got != c.want || !f.Usual.Compared {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// TestRequestsApprovedBeforeAnUpgradeCount: requests stored by earlier versions count, if their amounts were written as today. The version before
// wrote an energy as a text, which is compared with nothing. What a later version stored is not known here.
func TestRequestsApprovedBeforeAnUpgradeCount(t *testing.T) {
	energy := func(wh int64) func(*access.Effect) {
		return func(e *access.Effect) { e.Tells("energy", access.Counts(access.UnitEnergy, wh)) }
	}
	for name, c := range map[string]struct {
		act     access.Act
		earlier []string
		asks    func(*access.Effect)
		want    string
	}{
		"an amount": {access.ActDeposit, []string{
			`{"form":1,"facts":[{"name":"amount","after":{"minor":100,"currency":"KES"}}]}`,
			`{"form":2,"facts":[{"name":"amount","after":{"minor":5000,"currency":"KES"}}]}`,
			`{"form":3,"facts":[{"name":"amount","after":{"minor":5000,"currency":"KES"}}]}`,
			`{"form":5,"facts":[{"name":"amount","after":{"minor":9000,"currency":"KES"}}]}`}, kes(6_000), "50.00 KES of 2"},
		"an energy": {access.ActUnits, []string{`{"form":2,"facts":[{"name":"energy","after":{"text":"90.0 kWh"}}]}`}, energy(90_000), " of 0"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRows(t)
			for _, stored := range c.earlier {
				r.asksFor(c.act, access.ApprovalUsed, c.asks)
				r.approvals[len(r.approvals)-1].Effect = stored
			}
			f := r.sees(r.asksFor(c.act, access.ApprovalWaiting, c.asks), c.asks).Effect.Facts[0]
			if got := saysUsual(f); got != c.want || !f.Usual.Compared {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// TestOnlyWhatWasDoneIsUsual: whoever asks can let a request say a large amount that is little by the time when somebody approves it, such as a file whose
// rows have been paid meanwhile. Only what was done says what is usual.
func TestOnlyWhatWasDoneIsUsual(t *testing.T) {
	const asked, done = 40_000_000, 5_000
	for name, isShown := range map[string]bool{"the approval says what was shown": true, "it does not say it": false} {
		r := newRows(t)
		for range 5 {
			a := r.asksFor(access.ActDeposit, access.ApprovalWaiting, kes(asked))
			d := access.Decision{Allow: true}
			if isShown {
				d.Shown = r.sees(a, kes(done)).Shown
			}
			all := r.access(rand.Reader)
			all.Serve(access.Executors{a.Act: func(_ context.Context, by access.Actor, body []byte) (access.Done, error) {
				eyes, err := access.SecondPerson(r, by, access.ActRequest{Act: a.Act, Summary: "asked", Body: json.RawMessage(body), Effect: access.Telling(kes(done))}, r.now)
				return access.Done{Refusal: eyes.Refusal}, err
			}})
			if out, err := all.Decide(t.Context(), finance(), a.ID.Text(id.Approval), d); err != nil || out.Refused() || out.Done.Refused() {
				t.Fatalf("%s: %+v, %v", name, out, err)
			}
		}
		const want = "50.00 KES of 5, That is more than 10 times what is usual."
		f := r.sees(r.asksFor(access.ActDeposit, access.ApprovalWaiting, kes(asked)), kes(asked)).Effect.Facts[0]
		if got := saysUsual(f); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// TestOnlyOthersSayWhatIsUsualAlone: below a ceiling one person raises debts alone. What others take in a day says what is usual, and what the maker
// took does not: nobody agreed to it.
func TestOnlyOthersSayWhatIsUsualAlone(t *testing.T) {
	r := newRows(t)
	r.currency = "KES"
	r.dayMeans = []access.DayMean{{Subject: id.ID{7}.Text(id.Person), Amount: 40_000_000}, {Subject: "per_other", Amount: 450_000}}
	for act, want := range map[access.Act]string{access.ActDebt: "4500.00 KES of 1", access.ActDeposit: " of 0"} {
		f := r.sees(r.asksFor(act, access.ApprovalWaiting, kes(45_000_000)), kes(45_000_000)).Effect.Facts[0]
		if got := saysUsual(f); got != want {
			t.Errorf("%s: %s, want %s", act, got, want)
		}
	}
}

// TestTheSumOfAFileStandsBesideWhatIsUsual: rows that move money are compared by their sum, and rows that are known already are not.
func TestTheSumOfAFileStandsBesideWhatIsUsual(t *testing.T) {
	file := func(minor money.Minor) func(*access.Effect) {
		return func(e *access.Effect) {
			e.Fact("provider", "bank")
			e.Tell([]access.EffectRow{{Fate: access.FateSold, Amount: money.Amount{Minor: minor, Currency: "KES"}}, {Fate: access.FateKnown, Amount: money.Amount{Minor: 1, Currency: "KES"}}})
		}
	}
	r := newRows(t)
	for range 5 {
		r.asksFor(access.ActStatement, access.ApprovalUsed, file(75_000))
	}
	sums := r.sees(r.asksFor(access.ActStatement, access.ApprovalWaiting, file(27_050_000)), file(27_050_000)).Effect.Sums
	if u := sums[0].Usual; len(sums) != 2 || u.Of != 5 || u.Median.String() != "750.00 KES" || len(sums[0].Odd) != 1 || sums[1].Usual.Compared {
		t.Errorf("%+v", sums)
	}
}

// TestWhatIsUsualIsNoPartOfWhatWasShown: it changes with whatever others approve, and no approval is refused for that.
func TestWhatIsUsualIsNoPartOfWhatWasShown(t *testing.T) {
	r := newRows(t)
	a := r.asksFor(access.ActDeposit, access.ApprovalWaiting, kes(450_000))
	before := r.sees(a, kes(450_000))
	for range 5 {
		r.asksFor(access.ActDeposit, access.ApprovalUsed, kes(5_000))
	}
	after := r.sees(a, kes(450_000))
	if after.Shown != before.Shown || after.Changed || len(after.Effect.Facts[0].Odd) != 1 {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

// TestEveryActSaysItsSizeOrWhyNot: an action that a second person approves has a figure that is compared with what is usual, or a reason why its page
// needs none.
func TestEveryActSaysItsSizeOrWhyNot(t *testing.T) {
	const before, which = "the page shows before and after", "it is yes or no: the page shows which meter and whose it is"
	none := map[access.Act]string{access.ActTariff: before, access.ActTerms: before, access.ActSettings: before, access.ActMeterConfig: before, access.ActMaxPower: before,
		access.ActUnreadCut: before, access.ActFeeder: before, access.ActSupply: which, access.ActForce: which, access.ActClearTamper: which, access.ActDevice: which,
		access.ActLinkKey: which, access.ActPassword: which, access.ActRemove: which,
		access.ActPostpaid: which, access.ActImpulses: "the sentence says what is usual", access.ActMoveIn: which,
		access.ActClearCredit: "the page shows the newest token and the credit of the meter", access.ActClock: "the page says how far the clock is ahead",
		access.ActProvider: "the page shows the address", access.ActProviderSecret: "the page says how long the old secrets count", access.ActWebhook: "the page shows the address"}
	for _, r := range access.ActRules() {
		if !slices.Contains(access.Acts(), r.Act) {
			continue
		}
		if (len(r.Size) > 0) == (none[r.Act] != "") {
			t.Errorf("%s is compared by %q, and the reason against it is %q", r.Act, strings.Join(r.Size, ", "), none[r.Act])
		}
	}
}
