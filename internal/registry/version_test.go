package registry_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/storetest"
	"github.com/paywatt/paywatt/internal/tariff"
)

// priced returns a flat tariff at a price in millionths.
func priced(rate money.MicroRate) tariff.Body {
	b := flat("KES")
	b.Blocks[0].Rate = rate
	return b
}

// byTime returns a tariff with prices by time of use, which cannot price tokens.
func byTime() tariff.Body {
	return tariff.Body{Currency: "KES", TOU: &tariff.TOU{Rates: []tariff.Rate{{Name: "all-day", Rate: 1}}}}
}

func TestVersionsBeginOneAfterTheOther(t *testing.T) {
	w := newWorld(t)
	first := w.domestic(t)
	publish := func(from time.Time, b tariff.Body) registry.AddedTariff {
		t.Helper()
		a, err := w.AddVersion(t.Context(), boss(), registry.NewVersion{Tariff: "domestic", Body: b, EffectiveFrom: from})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	june := w.now.AddDate(0, 6, 0)
	if a := publish(june, priced(1_000_000)); a.Refused() || a.Version.N != 2 || a.Version.Name != "domestic" || a.Version.TariffID != first.TariffID {
		t.Fatalf("a version to come: %+v %s", a.Version, a.Detail())
	}
	// A version that begins before another version is in force until that version begins.
	if a := publish(w.now.AddDate(0, 1, 0), priced(3_000_000)); a.Refused() || a.Version.N != 3 {
		t.Fatalf("one in between: %+v %s", a.Version, a.Detail())
	}
	for name, c := range map[string]struct {
		from time.Time
		body tariff.Body
		want refusal.Code
		says string
	}{
		"the same moment":  {june, priced(1_000_000), refusal.TariffInvalid, "Version 2 begins at"},
		"the past":         {w.now.Add(-2 * time.Minute), priced(1_000_000), refusal.TariffInvalid, "has passed"},
		"the far future":   {w.now.AddDate(6, 0, 0), priced(1_000_000), refusal.TariffInvalid, "five years"},
		"no price":         {june.Add(time.Hour), tariff.Body{Currency: "KES"}, refusal.TariffInvalid, "blocks"},
		"another currency": {june.Add(time.Hour), flat("UGX"), refusal.CurrencyMismatch, "currency"},
	} {
		a := publish(c.from, c.body)
		if refused(t, name, a.Refusal, nil, c.want); !strings.Contains(a.What, c.says) {
			t.Errorf("%s: %q does not say %q", name, a.What, c.says)
		}
	}
	w.now = w.now.AddDate(0, 2, 0)
	page, err := w.TariffVersions(t.Context(), boss(), "domestic", registry.Page{Limit: 2})
	if err != nil || page.Refused() {
		t.Fatal(err, page.Detail())
	}
	got := ""
	for page.Next != "" || len(page.Data) > 0 {
		for _, v := range page.Data {
			got += fmt.Sprintf("%d %s; ", v.N, page.Standing(v))
		}
		if page.Next == "" {
			break
		}
		if page, err = w.TariffVersions(t.Context(), boss(), first.TariffID.Text("trf_"), registry.Page{Limit: 2, Cursor: page.Next}); err != nil {
			t.Fatal(err)
		}
	}
	if want := "3 in force; 2 to come; 1 past; "; got != want {
		t.Errorf("versions two months later: %q, want %q", got, want)
	}
	if n := w.audited(t, store.FirstTenant)["tariff.publish"]; n != 3 {
		t.Errorf("%d publications are audited, want 3", n)
	}
}

func TestAFirstVersionDoesNotBeginInThePast(t *testing.T) {
	w := newWorld(t)
	a, err := w.AddTariff(t.Context(), boss(), registry.NewTariff{Name: "old", Body: flat("KES"), EffectiveFrom: w.now.AddDate(0, 0, -1)})
	refused(t, "yesterday", a.Refusal, err, refusal.TariffInvalid)
	a, err = w.AddTariff(t.Context(), boss(), registry.NewTariff{Name: "new", Body: flat("KES"), EffectiveFrom: w.now.Add(-30 * time.Second)})
	if err != nil || a.Refused() || !a.Version.EffectiveFrom.Equal(w.now) {
		t.Errorf("half a minute ago: %+v, %v %s; want to begin at once", a.Version, err, a.Detail())
	}
}

func TestTimeOfUseIsForWalletsOnly(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	a, err := w.AddTariff(t.Context(), boss(), registry.NewTariff{Name: "solar", Body: byTime()})
	if err != nil || a.Refused() {
		t.Fatalf("publish for wallet meters: %v %s", err, a.Detail())
	}
	n := tokenMeter("04140001001")
	n.Tariff = "solar"
	m, err := w.AddMeter(t.Context(), boss(), n)
	refused(t, "a token meter", m.Refusal, err, refusal.TariffInvalid)
	w.add(t, registry.NewMeter{Number: "04140001001", Mode: registry.PrepayWallet, Tariff: "solar"})

	// A tariff that token meters use, now or later, refuses a version that cannot price tokens.
	w.add(t, tokenMeter("04140001019"))
	v, err := w.AddVersion(t.Context(), boss(), registry.NewVersion{Tariff: "domestic", Body: byTime(), EffectiveFrom: w.now.Add(time.Hour)})
	refused(t, "a version under token meters", v.Refusal, err, refusal.TariffInvalid)
	later, err := w.AddTariff(t.Context(), boss(), registry.NewTariff{Name: "later", Body: flat("KES")})
	if err != nil || later.Refused() {
		t.Fatal(err, later.Detail())
	}
	if v, err = w.AddVersion(t.Context(), boss(), registry.NewVersion{Tariff: "later", Body: byTime(), EffectiveFrom: w.now.Add(time.Hour)}); err != nil || v.Refused() {
		t.Fatal(err, v.Detail())
	}
	n = tokenMeter("04140001027")
	n.Tariff = "later"
	m, err = w.AddMeter(t.Context(), boss(), n)
	refused(t, "a token meter on a tariff that will be by time of use", m.Refusal, err, refusal.TariffInvalid)
}

func TestVersionsNeedTheRight(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	v, err := w.AddVersion(t.Context(), as(access.Operator), registry.NewVersion{Tariff: "domestic", Body: flat("KES")})
	refused(t, "a cashier publishes", v.Refusal, err, refusal.Forbidden)
	page, err := w.TariffVersions(t.Context(), as("stranger"), "domestic", registry.Page{})
	refused(t, "a device reads", page.Refusal, err, refusal.Forbidden)
	page, err = w.TariffVersions(t.Context(), access.SystemActor(w.other, "test"), "domestic", registry.Page{})
	refused(t, "another tenant reads", page.Refusal, err, refusal.NotFound)
}

// TestAVersionThatHasNotBegunIsReplacedOrWithdrawn: both take effect at the moment at which the version would have begun, because a month's fee
// is that of the version in force when the month began. The version stays in the list.
func TestAVersionThatHasNotBegunIsReplacedOrWithdrawn(t *testing.T) {
	w := newWorld(t)
	first := w.domestic(t)
	publish := func(n registry.NewVersion) registry.AddedTariff {
		t.Helper()
		n.Tariff = "domestic"
		a, err := w.AddVersion(t.Context(), boss(), n)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	june := w.now.AddDate(0, 6, 0)
	if a := publish(registry.NewVersion{Body: priced(31_000_000), EffectiveFrom: june}); a.Refused() || a.Version.N != 2 {
		t.Fatal(a.Version.N, a.Detail())
	}
	if a := publish(registry.NewVersion{Body: priced(3_100_000), Replaces: 2}); a.Refused() || a.Version.N != 3 || !a.Version.EffectiveFrom.Equal(june) {
		t.Fatalf("replaced by version %d from %s: %s", a.Version.N, a.Version.EffectiveFrom, a.Detail())
	}
	if v := w.versionAt(t, first.TariffID, june); v.N != 3 {
		t.Errorf("when it would begin, version %d is in force, want 3", v.N)
	}
	back := publish(registry.NewVersion{Withdraws: true, Replaces: 3})
	if back.Refused() || back.Version.N != 4 || back.Version.Body.Blocks[0].Rate != first.Body.Blocks[0].Rate {
		t.Fatalf("withdrawn by version %d at %v: %s", back.Version.N, back.Version.Body.Blocks, back.Detail())
	}
	if v := w.versionAt(t, first.TariffID, june); v.N != 1 {
		t.Errorf("after the withdrawal, version %d is in force, want 1", v.N)
	}
	if a := publish(registry.NewVersion{Body: priced(3_200_000), EffectiveFrom: june}); a.Refused() || a.Version.N != 5 {
		t.Fatalf("another one at that moment: version %d %s", a.Version.N, a.Detail())
	}
	if got, want := w.standings(t, "domestic"), "5 to come, 4 withdrawal, 3 withdrawn, 2 replaced, 1 in force"; got != want {
		t.Errorf("the versions are %s, want %s", got, want)
	}
	for name, c := range map[string]struct {
		n    registry.NewVersion
		says string
	}{
		"one in force":      {registry.NewVersion{Body: priced(1), Replaces: 1}, "only to make its fixed charges smaller"},
		"one that is gone":  {registry.NewVersion{Body: priced(1), Replaces: 2}, "Version 5 has taken the place of version 2."},
		"none":              {registry.NewVersion{Body: priced(1), Replaces: 9}, "has no version 9"},
		"no number":         {registry.NewVersion{Withdraws: true}, "has no version 0"},
		"a negative number": {registry.NewVersion{Body: priced(1), Replaces: -1}, "has no version -1"},
		"at another time": {registry.NewVersion{Body: priced(1), Replaces: 5, EffectiveFrom: june.Add(time.Second)},
			"begins when that one would have begun"},
		"at its time":        {registry.NewVersion{Body: priced(1), EffectiveFrom: june}, "you can replace it"},
		"the only one":       {registry.NewVersion{Withdraws: true, Replaces: 1}, "Version 1 began at"},
		"by no price at all": {registry.NewVersion{Body: tariff.Body{Currency: "KES"}, Replaces: 5}, "blocks"},
	} {
		if a := publish(c.n); !a.Refused() || !strings.Contains(a.Detail(), c.says) {
			t.Errorf("%s: %q, want %q", name, a.Detail(), c.says)
		}
	}
	w.now = june.Add(-time.Minute)
	if a := publish(registry.NewVersion{Body: priced(1), Replaces: 5}); !strings.Contains(a.Detail(), "Version 5 began at") {
		t.Errorf("a minute before it begins: %q", a.Detail())
	}
	a, err := w.AddTariff(t.Context(), boss(), registry.NewTariff{Name: "later", Body: flat("KES"), EffectiveFrom: w.now.Add(time.Hour)})
	if err != nil || a.Refused() {
		t.Fatal(err, a.Detail())
	}
	a, err = w.AddVersion(t.Context(), boss(), registry.NewVersion{Tariff: "later", Withdraws: true, Replaces: 1})
	if err != nil || !strings.Contains(a.Detail(), "Version 1 is the first version.") {
		t.Errorf("a first version is withdrawn: %v %q", err, a.Detail())
	}
}

// step is something done to the versions of a tariff: a version published, another one that replaces it, or a withdrawal.
type step struct {
	n    registry.NewVersion
	says string // what the refusal says; empty if it is done
}

// TestAWithdrawnVersionNeverCounts has histories after which the price of a moment is that of the version which began last before it. A withdrawal
// takes a version back, and brings no earlier price to its moment.
func TestAWithdrawnVersionNeverCounts(t *testing.T) {
	day := func(month time.Month, day int) time.Time { return time.Date(2027, month, day, 0, 0, 0, 0, time.UTC) }
	january, mid, february, march := day(1, 1), day(1, 15), day(2, 1), day(3, 1)
	publish := func(at time.Time, rate money.MicroRate) step {
		return step{n: registry.NewVersion{Body: priced(rate), EffectiveFrom: at}}
	}
	replace := func(n int, rate money.MicroRate) step {
		return step{n: registry.NewVersion{Body: priced(rate), Replaces: n}}
	}
	withdraw := func(n int) step { return step{n: registry.NewVersion{Withdraws: true, Replaces: n}} }
	refused := func(s step, says string) step { s.says = says; return s }
	for name, c := range map[string]struct {
		steps    []step
		prices   [4]money.MicroRate // on 1 January, 15 January, 1 February and 1 March
		standing string             // of the versions, the newest first
	}{
		"a price published between now and the moment goes on": {
			[]step{publish(february, 31_000), withdraw(2), publish(mid, 310)},
			[4]money.MicroRate{250, 310, 310, 310}, "4 to come, 3 withdrawal, 2 withdrawn, 1 in force"},
		"the later of two is withdrawn first": {
			[]step{publish(january, 31_000), publish(february, 32_000), withdraw(3), withdraw(2)},
			[4]money.MicroRate{250, 250, 250, 250}, "5 withdrawal, 4 withdrawal, 3 withdrawn, 2 withdrawn, 1 in force"},
		"the earlier of two is withdrawn first": {
			[]step{publish(january, 31_000), publish(february, 32_000), withdraw(2), withdraw(3)},
			[4]money.MicroRate{250, 250, 250, 250}, "5 withdrawal, 4 withdrawal, 3 withdrawn, 2 withdrawn, 1 in force"},
		"the earlier one is replaced after the later one was withdrawn": {
			[]step{publish(january, 31_000), publish(february, 32_000), withdraw(3), replace(2, 310)},
			[4]money.MicroRate{310, 310, 310, 310}, "5 to come, 4 withdrawal, 3 withdrawn, 2 replaced, 1 in force"},
		"a replacing version is withdrawn, and the replaced one does not come back": {
			[]step{publish(february, 31_000), replace(2, 310), withdraw(3)},
			[4]money.MicroRate{250, 250, 250, 250}, "4 withdrawal, 3 withdrawn, 2 replaced, 1 in force"},
		"another version is published for the moment of a withdrawn one, and replaced": {
			[]step{publish(february, 31_000), withdraw(2), publish(february, 310), refused(publish(february, 1), "Version 4 begins at"),
				replace(4, 320)},
			[4]money.MicroRate{250, 250, 320, 320}, "5 to come, 4 replaced, 3 withdrawal, 2 withdrawn, 1 in force"},
		"it is withdrawn twice": {
			[]step{publish(february, 31_000), withdraw(2), publish(february, 310), withdraw(4), publish(march, 400)},
			[4]money.MicroRate{250, 250, 250, 400}, "6 to come, 5 withdrawal, 4 withdrawn, 3 withdrawal, 2 withdrawn, 1 in force"},
		"neither a withdrawn version nor its withdrawal is replaced or withdrawn": {
			[]step{publish(february, 31_000), withdraw(2), refused(replace(2, 1), "Version 3 withdrew"),
				refused(withdraw(2), "Version 3 withdrew"), refused(replace(3, 1), "Version 3 withdrew"), refused(withdraw(3), "Version 3 withdrew")},
			[4]money.MicroRate{250, 250, 250, 250}, "3 withdrawal, 2 withdrawn, 1 in force"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			first, err := w.AddTariff(t.Context(), boss(), registry.NewTariff{Name: "domestic", Body: priced(250)})
			if err != nil || first.Refused() {
				t.Fatal(err, first.Detail())
			}
			for i, s := range c.steps {
				s.n.Tariff = "domestic"
				a, err := w.AddVersion(t.Context(), boss(), s.n)
				if err != nil || a.Refused() != (s.says != "") || !strings.Contains(a.Detail(), s.says) {
					t.Fatalf("step %d: %v %q, want %q", i+1, err, a.Detail(), s.says)
				}
			}
			for i, at := range []time.Time{january, mid, february, march} {
				if v := w.versionAt(t, first.Version.TariffID, at); v.Body.Blocks[0].Rate != c.prices[i] {
					t.Errorf("on %s the price is %d by version %d, want %d", at.Format(time.DateOnly), v.Body.Blocks[0].Rate, v.N, c.prices[i])
				}
			}
			if got := w.standings(t, "domestic"); got != c.standing {
				t.Errorf("the versions are %s, want %s", got, c.standing)
			}
		})
	}
}

// versionAt returns the version of a tariff in force at a moment.
func (w *world) versionAt(t *testing.T, of id.ID, at time.Time) (v tariff.Version) {
	t.Helper()
	if err := w.engine.View(t.Context(), boss().Tenant, func(tx *store.Tx) (err error) {
		v, _, err = tx.TariffVersionAt(of, at)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return v
}

// standings returns the numbers and the states of the versions of a tariff, the newest first.
func (w *world) standings(t *testing.T, name string) string {
	t.Helper()
	list, err := w.TariffVersions(t.Context(), boss(), name, registry.Page{})
	if err != nil || list.Refused() {
		t.Fatal(err, list.Detail())
	}
	var all []string
	for _, v := range list.Data {
		all = append(all, fmt.Sprint(v.N, " ", list.Standing(v)))
	}
	return strings.Join(all, ", ")
}

// TestAVersionIsCorrectedUnderAnApproval: a replacement and a withdrawal wait for a second person, who sees what they change. They are done once, and
// not at all if the version has begun meanwhile.
func TestAVersionIsCorrectedUnderAnApproval(t *testing.T) {
	for name, c := range map[string]struct {
		n                 registry.NewVersion
		summary, standing string
	}{
		"replaced": {registry.NewVersion{Tariff: "domestic", Body: priced(3_100_000), Replaces: 2},
			"replace version 2 of tariff domestic, which has not begun", "3 to come, 2 replaced, 1 in force"},
		"withdrawn": {registry.NewVersion{Tariff: "domestic", Withdraws: true, Replaces: 2},
			"withdraw version 2 of tariff domestic, which has not begun: the price from before goes on", "3 withdrawal, 2 withdrawn, 1 in force"},
		"withdrawn for a reason": {registry.NewVersion{Tariff: "domestic", Withdraws: true, Replaces: 2, Reason: " ten times too dear "},
			"withdraw version 2 of tariff domestic, which has not begun: the price from before goes on; reason: ten times too dear",
			"3 withdrawal, 2 withdrawn, 1 in force"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			begins := w.now.Add(time.Hour)
			w.domestic(t)
			wrong, err := w.AddVersion(t.Context(), boss(), registry.NewVersion{Tariff: "domestic", Body: priced(31_000_000), EffectiveFrom: begins})
			if err != nil || wrong.Refused() {
				t.Fatal(err, wrong.Detail())
			}
			w.fourEyes(t)
			asked := w.askForVersion(t, c.n)
			if asked.Act != access.ActTariff || asked.Summary != c.summary || !strings.Contains(asked.Effect, `"replaces-version","after":{"text":"2"}`) {
				t.Errorf("a second person is asked for %s to %s, and sees %s", asked.Act, asked.Summary, asked.Effect)
			}
			if got, want := w.standings(t, "domestic"), "2 to come, 1 in force"; got != want {
				t.Errorf("while it waits the versions are %s, want %s", got, want)
			}
			w.now = begins.Add(-2 * time.Minute)
			if done := w.approve(t, asked); done.Refused() {
				t.Errorf("under its approval: %s", done.Detail())
			}
			if got := w.standings(t, "domestic"); got != c.standing {
				t.Errorf("done under its approval, the versions are %s, want %s", got, c.standing)
			}
			if done := w.carryOut(t, asked); !done.Refused() {
				t.Errorf("a second time: %+v", done)
			}
		})
		t.Run(name+" too late", func(t *testing.T) {
			w := newWorld(t)
			begins := w.now.Add(time.Hour)
			w.domestic(t)
			wrong, err := w.AddVersion(t.Context(), boss(), registry.NewVersion{Tariff: "domestic", Body: priced(31_000_000), EffectiveFrom: begins})
			if err != nil || wrong.Refused() {
				t.Fatal(err, wrong.Detail())
			}
			w.fourEyes(t)
			asked := w.askForVersion(t, c.n)
			w.now = begins
			if done := w.approve(t, asked); done.Code != refusal.TariffInvalid || done.What == "" {
				t.Errorf("when it has begun: %s %s", done.Code, done.Detail())
			}
			if got, want := w.standings(t, "domestic"), "2 in force, 1 past"; got != want {
				t.Errorf("the versions are %s, want %s", got, want)
			}
		})
	}
}

// TestAWithdrawalKeepsItsReason: the sealed log has the reason as it was typed, without the blanks around it. A program that gives none is served as before.
func TestAWithdrawalKeepsItsReason(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	later := registry.NewVersion{Tariff: "domestic", Body: priced(31_000_000), EffectiveFrom: w.now.Add(time.Hour)}
	publish := func(n registry.NewVersion) registry.AddedTariff {
		t.Helper()
		added, err := w.AddVersion(t.Context(), boss(), n)
		if err != nil {
			t.Fatal(err)
		}
		return added
	}
	publish(later)
	for name, reason := range map[string]string{"too long": strings.Repeat("é", 121), "of two lines": "too dear\nby far"} {
		no := publish(registry.NewVersion{Tariff: "domestic", Withdraws: true, Replaces: 2, Reason: reason})
		if no.Code != refusal.InvalidRequest || !strings.Contains(no.What, "120") {
			t.Errorf("a reason that is %s: %q %s", name, no.Code, no.Detail())
		}
	}
	longest := strings.Repeat("é", 120)
	publish(registry.NewVersion{Tariff: "domestic", Withdraws: true, Replaces: 2, Reason: " " + longest + " "})
	publish(later)
	publish(registry.NewVersion{Tariff: "domestic", Withdraws: true, Replaces: 4})
	if got, want := w.standings(t, "domestic"), "5 withdrawal, 4 withdrawn, 3 withdrawal, 2 withdrawn, 1 in force"; got != want {
		t.Errorf("the versions are %s, want %s", got, want)
	}
	w.exec(t, func(tx *store.Tx) error {
		_, rows, err := storetest.AuditPage(tx, id.ID{}, 1000)
		rows = slices.DeleteFunc(rows, func(e access.Entry) bool { return !strings.Contains(e.After, "withdraws=") })
		if len(rows) != 2 || rows[0].Reason+rows[1].Reason != longest {
			t.Errorf("the log has %+v, want the reason of one of two withdrawals", rows)
		}
		return err
	})
}

// askForVersion asks a second person for a version of a tariff.
func (w *world) askForVersion(t *testing.T, n registry.NewVersion) *access.Approval {
	t.Helper()
	out, err := w.AddVersion(t.Context(), boss(), n)
	if err != nil || out.Waits == nil {
		t.Fatalf("%v %+v", err, out)
	}
	return out.Waits
}

// approve stores the approval of a second person, and carries out what was asked for.
func (w *world) approve(t *testing.T, a *access.Approval) access.Done {
	t.Helper()
	w.exec(t, func(tx *store.Tx) error {
		given := *a
		given.State, given.Checker, given.DecidedAt = access.ApprovalGiven, access.Actor{Kind: access.Person, Name: "second@example.org"}, w.now
		_, err := tx.PutApproval(given, access.ApprovalWaiting)
		return err
	})
	return w.carryOut(t, a)
}

// carryOut carries out what was asked for, in the name of the person who asked.
func (w *world) carryOut(t *testing.T, a *access.Approval) access.Done {
	t.Helper()
	maker := a.Maker
	maker.Approval = a.ID
	done, err := w.Executors()[a.Act](t.Context(), maker, a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return done
}
