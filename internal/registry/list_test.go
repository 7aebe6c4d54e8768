package registry_test

import (
	"fmt"
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
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// numbers returns n valid meter numbers.
func numbers(t *testing.T, n int) []string {
	t.Helper()
	out := make([]string, n)
	for i := range out {
		body := fmt.Sprintf("0414%06d", i)
		check, err := sts.Luhn(body)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = body + string(check)
	}
	return out
}

func TestMetersArePagedWithoutLossOrRepetition(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	all := numbers(t, 25)
	for _, n := range all {
		w.now = w.now.Add(time.Millisecond)
		w.add(t, tokenMeter(n))
	}
	for _, limit := range []int{1, 7, 24, 25, 26, 0, registry.MaxLimit} {
		var seen []string
		p := registry.Page{Limit: limit}
		for pages := 0; ; pages++ {
			got, err := w.Meters(t.Context(), boss(), registry.MeterFilter{}, p)
			if err != nil || got.Refused() || pages > len(all) {
				t.Fatalf("limit %d, page %d: %v %s", limit, pages, err, got.Detail())
			}
			for _, v := range got.Data {
				seen = append(seen, v.Meter.Number)
			}
			if p.Cursor = got.Next; p.Cursor == "" {
				break
			}
			if len(got.Data) != limit {
				t.Errorf("limit %d: a page of %d before the last", limit, len(got.Data))
			}
		}
		if strings.Join(seen, " ") != strings.Join(all, " ") {
			t.Errorf("limit %d: got %v, want %v", limit, seen, all)
		}
	}
}

func TestCursorsAndLimitsAreChecked(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	for _, n := range numbers(t, 3) {
		w.now = w.now.Add(time.Millisecond)
		w.add(t, tokenMeter(n))
	}
	first, err := w.Meters(t.Context(), boss(), registry.MeterFilter{}, registry.Page{Limit: 1})
	if err != nil || first.Next == "" {
		t.Fatal(err, first.Next)
	}
	other := "A"
	if strings.HasPrefix(first.Next, other) {
		other = "B"
	}
	for name, p := range map[string]registry.Page{
		"limit above the largest": {Limit: registry.MaxLimit + 1},
		"negative limit":          {Limit: -1},
		"cursor of letters":       {Cursor: "next"},
		"cursor cut short":        {Cursor: first.Next[:len(first.Next)-2]},
		"cursor altered":          {Cursor: other + first.Next[1:]},
		"cursor of zeros":         {Cursor: strings.Repeat("A", 32)},
	} {
		got, err := w.Meters(t.Context(), boss(), registry.MeterFilter{}, p)
		refused(t, name, got.Refusal, err, refusal.InvalidRequest)
	}
	customers, err := w.Customers(t.Context(), boss(), "", registry.Page{Cursor: first.Next})
	refused(t, "cursor of another list", customers.Refusal, err, refusal.InvalidRequest)
	theirs, err := w.Meters(t.Context(), access.SystemActor(w.other, "test"), registry.MeterFilter{}, registry.Page{Cursor: first.Next})
	refused(t, "cursor of another tenant", theirs.Refusal, err, refusal.InvalidRequest)
}

func TestCustomersLive(t *testing.T) {
	w := newWorld(t)
	var made []registry.Customer
	for i, phone := range []string{"+254 700 000 001", "0700.000.002", ""} {
		w.now = w.now.Add(time.Millisecond)
		a, err := w.AddCustomer(t.Context(), boss(), registry.NewCustomer{Name: fmt.Sprintf("Customer %d", i), Phone: phone})
		if err != nil || a.Refused() {
			t.Fatalf("%q: %v %s", phone, err, a.Detail())
		}
		if a.Customer.Phone != "" {
			a.Customer.PhoneSince = w.now // by the store
		}
		made = append(made, a.Customer)
	}
	if made[0].Phone != "+254700000001" || made[1].Phone != "0700000002" || made[2].Phone != "" || made[0].Lang != "en" {
		t.Errorf("customers: %+v", made)
	}
	got, err := w.Customer(t.Context(), boss(), made[1].ID.Text(id.Customer))
	if err != nil || got.Customer != made[1] {
		t.Errorf("looked up %+v, %v, want %+v", got, err, made[1])
	}
	page, err := w.Customers(t.Context(), boss(), "", registry.Page{Limit: 2})
	if err != nil || len(page.Data) != 2 || page.Data[0].Customer != made[0] || page.Next == "" {
		t.Fatalf("first page: %+v, %v", page, err)
	}
	rest, err := w.Customers(t.Context(), boss(), "", registry.Page{Cursor: page.Next})
	if err != nil || len(rest.Data) != 1 || rest.Data[0].Customer != made[2] || rest.Next != "" {
		t.Errorf("second page: %+v, %v", rest, err)
	}
	for name, n := range map[string]registry.NewCustomer{
		"neither name nor number": {IDNo: "1"}, "five digits": {Name: "A", Phone: "07000"}, "sixteen digits": {Name: "A", Phone: "0123456789012345"},
		"two plus signs": {Name: "A", Phone: "++254700000001"}, "only a plus": {Name: "A", Phone: "+"}, "only dashes": {Name: "A", Phone: "---"},
		"long name": {Name: strings.Repeat("a", 121)}, "no language": {Name: "A", Lang: "english please"}, "broken text": {Name: "\xff"},
	} {
		a, err := w.AddCustomer(t.Context(), boss(), n)
		refused(t, name, a.Refusal, err, refusal.InvalidRequest)
	}
	none, err := w.Customer(t.Context(), boss(), "cus_nobody")
	refused(t, "unknown", none.Refusal, err, refusal.NotFound)
}

func TestFirstTariffNamesTheCurrency(t *testing.T) {
	w := newWorld(t)
	first := w.domestic(t)
	if first.N != 1 || first.Name != "domestic" || !first.EffectiveFrom.Equal(w.now) || first.Body.Currency != "KES" {
		t.Errorf("published %+v", first)
	}
	s, err := w.Settings(t.Context(), boss())
	if err != nil || s.Currency != "KES" {
		t.Errorf("currency %q, %v, want KES", s.Currency, err)
	}
	for name, c := range map[string]struct {
		n    registry.NewTariff
		want refusal.Code
	}{
		"another currency":    {registry.NewTariff{Name: "x", Body: flat("UGX")}, refusal.CurrencyMismatch},
		"unknown currency":    {registry.NewTariff{Name: "x", Body: flat("XQQ")}, refusal.TariffInvalid},
		"the same name":       {registry.NewTariff{Name: " domestic ", Body: flat("KES")}, refusal.TariffExists},
		"no name":             {registry.NewTariff{Body: flat("KES")}, refusal.TariffInvalid},
		"named as an id":      {registry.NewTariff{Name: "trf_1", Body: flat("KES")}, refusal.TariffInvalid},
		"no price":            {registry.NewTariff{Name: "x", Body: tariff.Body{Currency: "KES"}}, refusal.TariffInvalid},
		"in the next century": {registry.NewTariff{Name: "x", Body: flat("KES"), EffectiveFrom: w.now.AddDate(100, 0, 0)}, refusal.TariffInvalid},
	} {
		a, err := w.AddTariff(t.Context(), boss(), c.n)
		refused(t, name, a.Refusal, err, c.want)
	}
	// A refusal left no trace: the name x is free, and so is the currency of a tenant whose first tariff failed.
	a, err := w.AddTariff(t.Context(), boss(), registry.NewTariff{Name: "x", Body: flat("KES")})
	if err != nil || a.Refused() {
		t.Errorf("after the refusals: %v %s", err, a.Detail())
	}
	theirs := access.SystemActor(w.other, "test")
	broken := flat("UGX")
	broken.VATBps = 100_000
	b, err := w.AddTariff(t.Context(), theirs, registry.NewTariff{Name: "x", Body: broken})
	refused(t, "tax of 1000 %", b.Refusal, err, refusal.TariffInvalid)
	if b, err = w.AddTariff(t.Context(), theirs, registry.NewTariff{Name: "x", Body: flat("TZS")}); err != nil || b.Refused() {
		t.Errorf("another tenant, another currency: %v %s", err, b.Detail())
	}
}

func TestTariffIsKeptWordForWord(t *testing.T) {
	w := newWorld(t)
	body := tariff.Body{Currency: "KES", VATBps: 1600, Rounding: tariff.Income, MinVend: 100, MaxVend: 5_000_000,
		Blocks: []tariff.Block{{UpTo: 50_000, Rate: 1_200_000}, {UpTo: 350_000, Rate: 2_000_000}, {Rate: 2_750_000}}}
	a, err := w.AddTariff(t.Context(), boss(), registry.NewTariff{Name: "blocks", Body: body})
	if err != nil || a.Refused() {
		t.Fatal(err, a.Detail())
	}
	got, err := w.Tariffs(t.Context(), boss(), registry.Page{})
	if err != nil || len(got.Data) != 1 || fmt.Sprintf("%+v", got.Data[0]) != fmt.Sprintf("%+v", a.Version) {
		t.Errorf("kept %+v, %v, want %+v", got.Data, err, a.Version)
	}
}

func TestVersionInForceIsTheOneThatBeganLast(t *testing.T) {
	w := newWorld(t)
	v := w.domestic(t)
	begun := w.now
	w.exec(t, func(tx *store.Tx) error {
		for n, from := range []time.Time{begun.Add(2 * time.Hour), begun.Add(time.Hour), begun.Add(time.Hour)} {
			next := v
			next.N, next.EffectiveFrom = n+2, from
			var err error
			if next.ID, err = tx.NewID(); err != nil {
				return err
			}
			if err := tx.AddTariffVersion(next, "test"); err != nil {
				return err
			}
		}
		return nil
	})
	for at, want := range map[time.Duration]int{0: 1, time.Hour - time.Microsecond: 1, time.Hour: 4, 2*time.Hour - time.Microsecond: 4, 2 * time.Hour: 2} {
		w.now = begun.Add(at)
		page, err := w.Tariffs(t.Context(), boss(), registry.Page{})
		if err != nil || len(page.Data) != 1 || page.Data[0].N != want {
			t.Errorf("after %s: %+v, %v, want version %d", at, page.Data, err, want)
		}
		w.exec(t, func(tx *store.Tx) error {
			got, found, err := tx.TariffVersionAt(v.TariffID, w.now)
			if err == nil && (!found || got.N != want) {
				t.Errorf("after %s: version %d, found %t, want %d", at, got.N, found, want)
			}
			return err
		})
	}
	w.now = begun.Add(-time.Hour)
	if page, err := w.Tariffs(t.Context(), boss(), registry.Page{}); err != nil || len(page.Data) != 1 || page.Data[0].N != 1 {
		t.Errorf("before any began: %+v, %v, want version 1", page.Data, err)
	}
	w.exec(t, func(tx *store.Tx) error {
		if _, found, err := tx.TariffVersionAt(v.TariffID, w.now); err != nil || found {
			t.Errorf("a version is in force before any began (%v)", err)
		}
		return nil
	})
}

func str(s string) *string { return &s }

func yes(b bool) *bool { return &b }

func TestSettingsChange(t *testing.T) {
	w := newWorld(t)
	change := func(c registry.SettingsChange) registry.SettingsView {
		t.Helper()
		s, err := w.ChangeSettings(t.Context(), boss(), c)
		if err != nil || s.Refused() {
			t.Fatalf("%+v: %v %s", c, err, s.Detail())
		}
		again, err := w.Settings(t.Context(), boss())
		if err != nil || fmt.Sprint(again.Currency, again.TZ, again.VATNo, again.Name, again.FourEyesBind) != fmt.Sprint(s.Currency, s.TZ, s.VATNo, s.Name, s.FourEyesBind) {
			t.Errorf("answered %+v, kept %+v, %v", s, again, err)
		}
		return s
	}
	before, err := w.Settings(t.Context(), boss())
	if err != nil || before.TZ != "UTC" || before.Currency != "" || before.FourEyes != nil || before.FourEyesBind {
		t.Errorf("defaults: %+v, %v", before, err)
	}
	s := change(registry.SettingsChange{Name: str("Kijiji Power"), Currency: str("KES"), TZ: str("Africa/Nairobi"), VATNo: str("P051234567X")})
	if s.Name != "Kijiji Power" || s.Currency != "KES" || s.TZ != "Africa/Nairobi" || s.VATNo != "P051234567X" {
		t.Errorf("changed: %+v", s)
	}
	if s = change(registry.SettingsChange{Currency: str("KES")}); s.TZ != "Africa/Nairobi" || s.Name != "Kijiji Power" {
		t.Errorf("naming the same currency again changed %+v", s)
	}
	window, free := int64(0), 200*unit.KilowattHour
	if s = change(registry.SettingsChange{ReversalWindow: &window, FreeUnitsADay: &free}); s.Limits != (registry.Limits{ReversalsADay: 50, FreeUnitsADay: free, MaxCommission: 1000}) {
		t.Errorf("limits: %+v", s.Limits)
	}
	if s = change(registry.SettingsChange{QuietFrom: str("20:30")}); s.Quiet != (registry.QuietHours{From: "20:30"}) {
		t.Errorf("quiet hours: %+v", s.Quiet)
	}
	bad := func(n int64) *int64 { return &n }
	for name, c := range map[string]struct {
		c    registry.SettingsChange
		want refusal.Code
	}{
		"another currency": {registry.SettingsChange{Currency: str("UGX"), TZ: str("UTC")}, refusal.CurrencyMismatch},
		"no currency":      {registry.SettingsChange{Currency: str("")}, refusal.TariffInvalid},
		"unknown zone":     {registry.SettingsChange{TZ: str("Mars/Olympus")}, refusal.InvalidRequest},
		"the machine's":    {registry.SettingsChange{TZ: str("Local")}, refusal.InvalidRequest},
		"empty zone":       {registry.SettingsChange{TZ: str("")}, refusal.InvalidRequest},
		"a path":           {registry.SettingsChange{TZ: str("../../etc/passwd")}, refusal.InvalidRequest},
		"empty name":       {registry.SettingsChange{Name: str(" ")}, refusal.InvalidRequest},
		"both eyes":        {registry.SettingsChange{FourEyes: yes(true), FourEyesDefault: true}, refusal.InvalidRequest},
		"a long window":    {registry.SettingsChange{ReversalWindow: bad(7*24*3600 + 1)}, refusal.InvalidRequest},
		"window < 0":       {registry.SettingsChange{ReversalWindow: bad(-1)}, refusal.InvalidRequest},
		"reversals < 0":    {registry.SettingsChange{ReversalsADay: bad(-1)}, refusal.InvalidRequest},
		"value < -1":       {registry.SettingsChange{ReversalValue: (*money.Minor)(bad(-2))}, refusal.InvalidRequest},
		"a vast value":     {registry.SettingsChange{ReversalValue: (*money.Minor)(bad(int64(money.MaxMinor) + 1))}, refusal.InvalidRequest},
		"half a quantum":   {registry.SettingsChange{FreeUnitsADay: (*unit.Energy)(bad(50))}, refusal.InvalidRequest},
		"no time":          {registry.SettingsChange{QuietFrom: str("nine in the evening")}, refusal.InvalidRequest},
		"no such time":     {registry.SettingsChange{QuietTo: str("24:00")}, refusal.InvalidRequest},
		"long VAT number":  {registry.SettingsChange{VATNo: str(strings.Repeat("1", 65))}, refusal.InvalidRequest},
	} {
		got, err := w.ChangeSettings(t.Context(), boss(), c.c)
		refused(t, name, got.Refusal, err, c.want)
	}
	if s, err := w.Settings(t.Context(), boss()); err != nil || s.TZ != "Africa/Nairobi" || s.Currency != "KES" || s.Limits.FreeUnitsADay != free || s.Quiet != (registry.QuietHours{From: "20:30"}) {
		t.Errorf("after the refusals: %+v, %v", s, err)
	}
	if got := w.audited(t, store.FirstTenant)["settings.change"]; got != 4 {
		t.Errorf("%d audit rows, want 4", got)
	}
}

// TestFourEyesAreNotSwitchedOffByOne: with four eyes on, every change of the settings waits for a second person, above all
// the change that turns four eyes off. An approved change is made only once, and the audit log has both names.
func TestFourEyesAreNotSwitchedOffByOne(t *testing.T) {
	w := newWorld(t)
	change := func(by access.Actor, c registry.SettingsChange) registry.SettingsView {
		t.Helper()
		s, err := w.ChangeSettings(t.Context(), by, c)
		if err != nil || s.Refused() {
			t.Fatalf("%+v: %v %s", c, err, s.Detail())
		}
		return s
	}
	if s := change(boss(), registry.SettingsChange{FourEyes: yes(true), FourEyesAlone: true}); s.Waits != nil || !s.FourEyesBind {
		t.Fatalf("switched on: %+v", s)
	}
	var off *access.Approval
	for _, c := range []registry.SettingsChange{{FourEyesDefault: true}, {Name: str("Kijiji")}, {FourEyes: yes(false)}} {
		off = change(boss(), c).Waits
		if s, err := w.Settings(t.Context(), boss()); err != nil || off == nil || s.FourEyes == nil || !*s.FourEyes || s.Name == "Kijiji" {
			t.Fatalf("%+v by one person: waits %+v, the settings are %+v, %v", c, off, s.Settings, err)
		}
	}
	w.exec(t, func(tx *store.Tx) error {
		a := *off
		a.State, a.Checker, a.DecidedAt = access.ApprovalGiven, access.Actor{Kind: access.Person, Name: "second@example.org"}, w.now
		_, err := tx.PutApproval(a, access.ApprovalWaiting)
		return err
	})
	maker := off.Maker
	maker.Approval = off.ID
	for _, want := range []refusal.Code{"", refusal.ApprovalInvalid} {
		if done, err := w.Executors()[access.ActSettings](t.Context(), maker, off.Body); err != nil || done.Code != want {
			t.Errorf("done under its approval: %q, %v; want %q, the first time only", done.Code, err, want)
		}
	}
	if s, err := w.Settings(t.Context(), boss()); err != nil || s.FourEyesBind {
		t.Errorf("after both: %+v, %v", s.Settings, err)
	}
	var both int
	w.exec(t, func(tx *store.Tx) error {
		both = 0 // the database runs this closure twice
		_, entries, err := storetest.AuditPage(tx, id.ID{}, 100)
		for _, e := range entries {
			if e.Action == "settings.change" && !e.SinglePerson && strings.HasSuffix(e.After, "approved_by=person second@example.org") {
				both++
			}
		}
		return err
	})
	if both != 1 {
		t.Errorf("%d changes in the audit log name the second person, want 1", both)
	}
}

// TestHowMuchMayBeReversedInADay: a stored 0 means the default, and -1 means no limit.
func TestHowMuchMayBeReversedInADay(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		set   money.Minor
		want  money.Minor
		bound bool
	}{{5000, 5000, true}, {-1, 0, false}, {0, 100_000_000, true}, {1, 1, true}} {
		s, err := w.ChangeSettings(t.Context(), boss(), registry.SettingsChange{ReversalValue: &c.set})
		if err != nil || s.Refused() {
			t.Fatal(err, s.Detail())
		}
		if most, bound := s.Limits.ReversalValue(); most != c.want || bound != c.bound || s.Limits.ReversalsADay != 50 {
			t.Errorf("set to %d: %d, %t; want %d, %t", c.set, most, bound, c.want, c.bound)
		}
	}
	if most, bound := registry.DefaultLimits().ReversalValue(); most != 100_000_000 || !bound {
		t.Errorf("unset: %d, %t", most, bound)
	}
}

// TestWhatHasWeightIsNotHiddenBehindWords: the approver of a change of settings reads a summary that may be shortened.
// Important changes must never be cut from it.
func TestWhatHasWeightIsNotHiddenBehindWords(t *testing.T) {
	w := newWorld(t)
	long := strings.Repeat("<", 240)
	off, window, day, free, cut := false, int64(3600), int64(1000), unit.Energy(123_456_700), money.Minor(-1_234_567_890)
	if s, err := w.ChangeSettings(t.Context(), boss(), registry.SettingsChange{FourEyes: yes(true), FourEyesAlone: true}); err != nil || s.Refused() {
		t.Fatal(err, s.Detail())
	}
	s, err := w.ChangeSettings(t.Context(), boss(), registry.SettingsChange{Name: &[]string{long[:120]}[0], Address: &long, Contact: &long, Message: &long, FourEyes: &off,
		ReversalWindow: &window, ReversalsADay: &day, FreeUnitsADay: &free, WalletCutOff: &cut,
		Friendly: &[]string{strings.Repeat("mon,", 120) + "mon 18:00-18:01"}})
	if err != nil || s.Waits == nil {
		t.Fatalf("%v %s: want it to wait", err, s.Detail())
	}
	for _, part := range []string{"second person for sensitive actions: no", "reversal window: 1h0m0s", "reversals per day: 1000", "free units per day: 123456.7 kWh", "wallet cutoff: -1234567890"} {
		if !strings.Contains(s.Waits.Summary, part) {
			t.Errorf("the summary %q does not show %s", s.Waits.Summary, part)
		}
	}
}

func TestFourEyesBindOnceTwoCouldApprove(t *testing.T) {
	w := newWorld(t)
	person := func(n int, role access.Role, blocked bool) {
		w.exec(t, func(tx *store.Tx) error {
			i, err := tx.NewID()
			if err != nil {
				return err
			}
			return tx.AddPersonRow(access.PersonRow{ID: i, Email: fmt.Sprintf("p%d@example.org", n), Role: role, Blocked: blocked, CreatedAt: w.now})
		})
	}
	publish := func(name string, want refusal.Code) {
		t.Helper()
		a, err := w.AddTariff(t.Context(), boss(), registry.NewTariff{Name: name, Body: flat("KES")})
		if err != nil || a.Code != want {
			t.Errorf("%s: got %q, %v, want %q", name, a.Code, err, want)
		}
	}
	person(1, access.Owner, false)
	person(2, access.Operator, false)     // may not publish, so this person cannot approve
	person(3, access.TariffManager, true) // this person is blocked
	publish("one could", "")
	w.exec(t, func(tx *store.Tx) error { return tx.BindFourEyes([]access.Right{access.WriteTariffs}) }) // two people could, once
	two, err := w.AddTariff(t.Context(), boss(), registry.NewTariff{Name: "two could", Body: flat("KES")})
	if err != nil || two.Refused() || two.Waits == nil || !two.Version.ID.IsZero() {
		t.Errorf("two could: got %+v, %v, want it to wait for a second person", two, err)
	}
	if s, err := w.ChangeSettings(t.Context(), boss(), registry.SettingsChange{FourEyes: yes(false)}); err != nil || s.Refused() {
		t.Fatal(err, s.Detail())
	}
	publish("switched off", "")
	rows := map[string]bool{}
	w.exec(t, func(tx *store.Tx) error {
		_, entries, err := storetest.AuditPage(tx, id.ID{}, 100)
		for _, e := range entries {
			if e.Action == "tariff.publish" {
				rows[e.After] = e.SinglePerson
			}
		}
		return err
	})
	if len(rows) != 2 {
		t.Errorf("audit rows of published tariffs: %v, want 2", rows)
	}
	for after, single := range rows {
		if !single {
			t.Errorf("%s was published by one person and is not marked so", after)
		}
	}
}
