package access

import (
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
)

// TestFiguresOfOneNameAreComparedInOrder: two figures with one name are not called changed because they differ from each other.
func TestFiguresOfOneNameAreComparedInOrder(t *testing.T) {
	two := func(second string) (e Effect) {
		e.Fact("sold-by", "Amina")
		e.Fact("sold-by", second)
		return e
	}
	now := two("Juma")
	if now.compare(two("Juma")) {
		t.Errorf("nothing changed: %+v", now)
	}
	if !now.compare(two("Grace")) || now.Facts[0].Was != (Value{}) || now.Facts[1].Was.Text != "Grace" {
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
	var e Effect
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
	for body, want := range map[string]string{`{"Reason":"wrong meter","wish":1}`: "wrong meter", `{"wish":{"why":" booked by hand "}}`: "booked by hand", `{"note":""}`: "", ``: ""} {
		var e Effect
		for range 2 {
			if err := e.addReason([]byte(body)); err != nil {
				t.Fatal(err)
			}
		}
		if len(e.Facts) > 1 || e.Named("reason") != want {
			t.Errorf("%s: %+v, want reason %q", body, e.Facts, want)
		}
	}
	var e Effect
	none, some := money.Amount{Currency: "KES"}, money.Amount{Minor: 5, Currency: "KES"}
	e.Sum("paid", none)
	e.Sum("owed", some)
	e.Change("balance", Pays(some), Pays(none))
	if e.leaveOutNothing(); len(e.Facts) != 2 || e.Facts[0].Name != "owed" || e.Facts[1].Name != "balance" {
		t.Errorf("left: %+v", e.Facts)
	}
}

// TestWhatIsNotCompared: a clock that goes on is not compared, and figures that an older version remembered are not either.
func TestWhatIsNotCompared(t *testing.T) {
	now, was := Effect{Facts: []Fact{{Name: "clock", After: Counts(UnitMoment, 100), Live: true}}}, Effect{Facts: []Fact{{Name: "clock", After: Counts(UnitMoment, 40), Live: true}}}
	if now.compare(was) {
		t.Error("a clock that goes on is called changed")
	}
	if was, older := (Approval{Effect: `{"facts":[{"name":"paid-at","after":{"text":"2026-11-20T08:00:00Z"}}]}`}).remembered(); !older {
		t.Errorf("an older version's figures are compared: %+v", was)
	}
	if was, older := (Approval{Effect: now.remember()}).remembered(); older || len(was.Facts) != 1 {
		t.Errorf("today's figures are not compared: %+v", was)
	}
}

// namedKeys knows the names of API keys. Other calls fail.
type namedKeys struct {
	EyesTx
	keys map[id.ID]Key
}

func (namedKeys) PersonByID(id.ID) (PersonRow, bool, error) {
	return PersonRow{Email: "amina@example.org"}, true, nil
}

func (n namedKeys) KeyByID(i id.ID) (Key, bool, error) { k, known := n.keys[i]; return k, known, nil }

// TestKeysAreCalledByName: nobody knows an id by heart.
func TestKeysAreCalledByName(t *testing.T) {
	known, unknown, bare, hers := id.ID{1}, id.ID{2}, id.ID{3}, id.ID{4}
	tx := namedKeys{keys: map[id.ID]Key{known: {Name: "front desk"}, bare: {Role: Owner}, hers: {Answers: id.ID{9}}}}
	r := Rehearsed{Summary: "close till 4 of API key " + known.Text(id.Key)}
	r.Effect.Fact("sold-by", "apikey "+known.Text(id.Key)+", 1-00001 to 1-00002")
	r.Effect.Fact("added-by", "API key "+unknown.Text(id.Key))
	r.Effect.Fact("operator", "API key "+hers.Text(id.Key))
	r.Effect.Fact("imported-by", "API key "+bare.Text(id.Key))
	if err := r.nameKeys(tx); err != nil {
		t.Fatal(err)
	}
	if got := r.Effect.Named("operator") + ", " + r.Effect.Named("imported-by"); got != "API key of amina@example.org, API key without a name (owner)" {
		t.Error(got)
	}
	if r.Summary != "close till 4 of API key front desk" || r.Effect.Named("sold-by") != "API key front desk, 1-00001 to 1-00002" || !strings.HasSuffix(r.Effect.Named("added-by"), unknown.Text(id.Key)) {
		t.Errorf("%q %+v", r.Summary, r.Effect.Facts)
	}
}

// TestOwnRowsHavePlacesOfTheirOwn: other strange rows do not take the place of a row for somebody of the utility.
func TestOwnRowsHavePlacesOfTheirOwn(t *testing.T) {
	var rows []EffectRow
	for n := range 200 {
		rows = append(rows, EffectRow{Line: n, Fate: FateSold, Amount: money.Amount{Minor: 600_000}, Odd: make([]Oddity, 1)})
	}
	own := EffectRow{Line: 200, Fate: FateSold, Amount: money.Amount{Minor: 100}, Odd: make([]Oddity, 1), Own: true}
	shown := ChooseRows(append(rows, own))
	if last := shown[len(shown)-1]; len(shown) != strangeRows+1 || !last.Own {
		t.Errorf("%d rows are shown, the last is %+v", len(shown), last)
	}
}
