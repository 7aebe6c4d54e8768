package access_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
)

// asked is a request of Amina's as the approvals have it.
func (r *rows) asked(body string, e access.Effect) access.Approval {
	r.t.Helper()
	on := true
	r.bind = &on
	eyes, err := access.SecondPerson(r, r.amina(), withEffect("", []byte(body), e), r.now)
	if err != nil || eyes.Waits == nil {
		r.t.Fatalf("%+v, %v, want a request that waits", eyes, err)
	}
	return *eyes.Waits
}

// shows returns what another owner is shown of a request, if its use case now says this sentence and this effect.
func (r *rows) shows(a access.Approval, summary string, e access.Effect) access.Rehearsed {
	r.t.Helper()
	all := r.access(rand.Reader)
	all.Serve(access.Executors{a.Act: func(_ context.Context, by access.Actor, body []byte) (access.Done, error) {
		eyes, err := access.SecondPerson(r, by, withEffect(summary, body, e), r.now)
		return access.Done{Refusal: eyes.Refusal}, err
	}})
	shown, err := all.Approval(r.t.Context(), finance(), a.ID.Text(id.Approval))
	if err != nil || shown.Now == nil {
		r.t.Fatalf("%+v, %v, want what the request does", shown, err)
	}
	return *shown.Now
}

// withEffect makes a request with an effect.
func withEffect(summary string, body []byte, e access.Effect) access.ActRequest {
	return access.ActRequest{Act: access.ActTariff, Summary: summary, Body: json.RawMessage(body), Effect: func() (access.Effect, error) {
		own := e
		own.Facts = slices.Clone(e.Facts) // a rehearsal writes into them
		return own, nil
	}}
}

// TestFiguresOfOneNameAreComparedInOrder: two figures with one name are not called changed because they differ from each other.
func TestFiguresOfOneNameAreComparedInOrder(t *testing.T) {
	two := func(second string) (e access.Effect) {
		e.Fact("sold-by", "Amina")
		e.Fact("sold-by", second)
		return e
	}
	r := newRows(t)
	if now := r.shows(r.asked(`{}`, two("Juma")), "", two("Juma")); now.Changed {
		t.Errorf("nothing changed: %+v", now)
	}
	now := r.shows(r.asked(`{}`, two("Grace")), "", two("Juma"))
	if facts := now.Effect.Facts; !now.Changed || facts[0].Was != (access.Value{}) || facts[1].Was.Text != "Grace" {
		t.Errorf("the second figure changed: %+v", now)
	}
}

// TestAFieldSaysItsUnit: the end of a field's name says what its number counts, so nobody reads millionths or minor units.
func TestAFieldSaysItsUnit(t *testing.T) {
	type price struct {
		Flat   int64   `json:"flat_micro,omitempty"`
		Tax    int64   `json:"vat_bps"`
		Limit  int64   `json:"min_vend_minor"`
		Stages []price `json:"blocks,omitempty"`
		Days   int64   `json:"days"`
		On     bool    `json:"on"`
		Time   int64   `json:"lease_ttl_s"`
		Energy int64   `json:"cap_wh"`
	}
	var e access.Effect
	err := e.Diff(price{Flat: 2_500_000, Stages: []price{{Flat: 1}}}, price{Flat: 20_000_000, Tax: 1600, Limit: 12_345, Stages: []price{{Flat: 300_000}}, Days: 3, On: true, Time: 3600, Energy: 2500}, "KES")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range e.Facts {
		got = append(got, f.Name+": "+f.Before.String()+" -> "+f.After.String())
	}
	want := []string{"blocks[1].flat_micro: 0.000001 KES per kWh -> 0.30 KES per kWh", "cap_wh: 0.0 kWh -> 2.5 kWh", "days: 0 -> 3", "flat_micro: 2.50 KES per kWh -> 20.00 KES per kWh",
		"lease_ttl_s: 0s -> 1h0m0s", "min_vend_minor: 0.00 KES -> 123.45 KES", "on: no -> yes", "vat_bps: 0 % -> 16 %"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestWhatTheMakerSaysIsSeen: the reason is a figure of its own, wherever the stored request has it, unless the action says it already. A sum of zero
// is left out, unless something is compared with it.
func TestWhatTheMakerSaysIsSeen(t *testing.T) {
	r := newRows(t)
	for body, want := range map[string]string{`{"Reason":"wrong meter","wish":1}`: "wrong meter", `{"wish":{"why":" booked by hand "}}`: "booked by hand", `{"note":""}`: "", `{}`: ""} {
		a := r.asked(body, access.Effect{})
		var said access.Effect
		said.Fact("reason", want)
		for _, e := range []access.Effect{{}, said} {
			if got := r.shows(a, "", e).Effect; len(got.Facts) > 1 || got.Named("reason") != want {
				t.Errorf("%s: %+v, want reason %q", body, got.Facts, want)
			}
		}
	}
	var e access.Effect
	none, some := money.Amount{Currency: "KES"}, money.Amount{Minor: 5, Currency: "KES"}
	e.Sum("paid", none)
	e.Sum("owed", some)
	e.Change("balance", access.Pays(some), access.Pays(none))
	if got := r.shows(r.asked(`{}`, e), "", e).Effect.Facts; len(got) != 2 || got[0].Name != "owed" || got[1].Name != "balance" {
		t.Errorf("left: %+v", got)
	}
}

// TestWhatIsNotCompared: a clock that goes on is not compared, and figures that an older version remembered are not either.
func TestWhatIsNotCompared(t *testing.T) {
	clock := func(n int64, live bool) access.Effect {
		return access.Effect{Facts: []access.Fact{{Name: "clock", After: access.Counts(access.UnitMoment, n), Live: live}}}
	}
	r := newRows(t)
	if now := r.shows(r.asked(`{}`, clock(40, true)), "", clock(100, true)); now.Changed {
		t.Errorf("a clock that goes on is called changed: %+v", now)
	}
	a := r.asked(`{}`, clock(40, false))
	if now := r.shows(a, "", clock(100, false)); !now.Changed {
		t.Errorf("today's figures are not compared: %+v", now)
	}
	r.approvals[len(r.approvals)-1].Effect = `{"facts":[{"name":"clock","after":{"text":"2026-11-20T08:00:00Z"}}]}`
	if now := r.shows(a, "its sentence of today", clock(100, false)); now.Changed || !now.Effect.Facts[0].Was.IsZero() {
		t.Errorf("an older version's figures are compared: %+v", now)
	}
}

// TestKeysAreCalledByName: nobody knows an id by heart.
func TestKeysAreCalledByName(t *testing.T) {
	r := newRows(t)
	known, unknown, bare, hers := id.ID{1}, id.ID{2}, id.ID{3}, id.ID{4}
	for _, k := range []access.Key{{ID: known, Name: "front desk"}, {ID: bare, Role: access.Owner}, {ID: hers, Answers: r.amina().ID}} {
		r.keys[[32]byte(slices.Repeat(k.ID[:], 2))] = k
	}
	var e access.Effect
	e.Fact("sold-by", "apikey "+known.Text(id.Key)+", 1-00001 to 1-00002")
	e.Fact("added-by", "API key "+unknown.Text(id.Key))
	e.Fact("operator", "API key "+hers.Text(id.Key))
	e.Fact("imported-by", "API key "+bare.Text(id.Key))
	now := r.shows(r.asked(`{}`, e), "close till 4 of API key "+known.Text(id.Key), e)
	if got := now.Effect.Named("operator") + ", " + now.Effect.Named("imported-by"); got != "API key of amina@example.org, API key without a name (owner)" {
		t.Error(got)
	}
	if now.Summary != "close till 4 of API key front desk" || now.Effect.Named("sold-by") != "API key front desk, 1-00001 to 1-00002" || !strings.HasSuffix(now.Effect.Named("added-by"), unknown.Text(id.Key)) {
		t.Errorf("%q %+v", now.Summary, now.Effect.Facts)
	}
}

// TestOwnRowsHavePlacesOfTheirOwn: other strange rows do not take the place of a row for somebody of the utility.
func TestOwnRowsHavePlacesOfTheirOwn(t *testing.T) {
	const strangeRows = 40
	var rows []access.EffectRow
	for n := range 200 {
		rows = append(rows, access.EffectRow{Line: n, Fate: access.FateSold, Amount: money.Amount{Minor: 600_000}, Odd: make([]access.Oddity, 1)})
	}
	own := access.EffectRow{Line: 200, Fate: access.FateSold, Amount: money.Amount{Minor: 100}, Odd: make([]access.Oddity, 1), Own: true}
	shown := access.ChooseRows(append(rows, own))
	if last := shown[len(shown)-1]; len(shown) != strangeRows+1 || !last.Own {
		t.Errorf("%d rows are shown, the last is %+v", len(shown), last)
	}
}
