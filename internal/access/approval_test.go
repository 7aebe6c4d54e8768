package access_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/storetest"
)

// eyes sets the tenant's four-eyes setting. If it is nil, the number of people decides.
func (w *world) eyes(t *testing.T, bind *bool) {
	t.Helper()
	w.run(t, func(tx *store.Tx) error {
		s, err := tx.TenantSettings()
		s.FourEyes = bind
		return errors.Join(err, tx.PutTenantSettings(s))
	})
}

// person adds a person who can sign in and is confirmed.
func (w *world) person(t *testing.T, email string, role access.Role) access.Actor {
	t.Helper()
	p := w.joined(t, boss(), email, role)
	w.did(t)(w.Confirm(t.Context(), boss(), email))
	return p
}

// joined adds a person who is invited by somebody and has set a password.
func (w *world) joined(t *testing.T, by access.Actor, email string, role access.Role) access.Actor {
	t.Helper()
	invited := w.did(t)(w.Invite(t.Context(), by, access.NewPerson{Email: email, Role: role}))
	p := w.did(t)(w.Accept(t.Context(), by.Tenant, invited.Link.Reveal(), access.SecretOf("a few unrelated words"), "192.0.2.7")).Person
	return access.Actor{Tenant: by.Tenant, Kind: access.Person, ID: p.ID, Name: p.Email, Role: p.Role}
}

// did expects that a change of a person was made.
func (w *world) did(t *testing.T) func(access.Changed, error) access.Changed {
	return func(c access.Changed, err error) access.Changed {
		t.Helper()
		if err != nil || c.Refused() {
			t.Fatalf("%v %s", err, c.Detail())
		}
		return c
	}
}

func (w *world) block(t *testing.T, emails string) {
	t.Helper()
	w.run(t, func(tx *store.Tx) error {
		_, err := tx.C.Exec(`UPDATE person SET status = 'blocked' WHERE email LIKE $1`, emails)
		return err
	})
}

// opened makes a key of a person, of a new one by default, and returns its actor.
func (w *world) opened(t *testing.T, n access.NewKey) access.Actor {
	t.Helper()
	if n.Person == "" {
		w.run(t, func(tx *store.Tx) error {
			i, err := tx.NewID()
			n.Person = "holder-" + i.Text(id.Person) + "@example.org"
			return errors.Join(err, tx.AddPersonRow(access.PersonRow{ID: i, Email: n.Person, Role: access.Owner, CreatedAt: w.now}))
		})
	}
	return w.who(t, w.key(t, boss(), n).Secret.Reveal(), "")
}

// price is an action as a use case stores it.
type price struct {
	Name  string `json:"name"`
	Minor int    `json:"minor"`
}

// tries does the action if it may be done now, as a use case does.
func (w *world) tries(t *testing.T, by access.Actor, wish access.ActRequest) (eyes access.FourEyes) {
	t.Helper()
	w.run(t, func(tx *store.Tx) (err error) {
		eyes, err = access.SecondPerson(tx, by, wish, w.now)
		return err
	})
	return eyes
}

func (w *world) approval(t *testing.T, i id.ID) (a access.Approval) {
	t.Helper()
	w.run(t, func(tx *store.Tx) (err error) {
		a, _, err = tx.ApprovalByID(i)
		return err
	})
	return a
}

// TestWhenASecondPersonIsNeeded checks what decides whether a second person is needed: the setting, how many people could approve the
// action, and the action itself.
func TestWhenASecondPersonIsNeeded(t *testing.T) {
	on, off := true, false
	two := []access.Role{access.Owner, access.TariffManager}
	w := newWorld(t)
	for name, c := range map[string]struct {
		set    *bool
		people []access.Role
		change func(*access.ActRequest)
		want   string
	}{
		"nobody is there":                         {nil, nil, nil, "alone"},
		"one could allow it":                      {nil, two[:1], nil, "alone"},
		"two could allow it":                      {nil, two, nil, "waits"},
		"the second has not the right":            {nil, []access.Role{access.Owner, access.Operator}, nil, "alone"},
		"the second is blocked since":             {nil, []access.Role{access.Owner, "blocked"}, nil, "waits"},
		"the second is not confirmed":             {nil, []access.Role{access.Owner, "unconfirmed"}, nil, "alone"},
		"two could, and it is switched off":       {&off, two, nil, "alone"},
		"nobody is there, and it is switched on":  {&on, nil, nil, "waits"},
		"a seller takes her own sale back":        {&on, two, func(w *access.ActRequest) { w.Anyway = true }, "alone"},
		"a seller asks, switched off":             {&off, two, func(w *access.ActRequest) { w.Utility = true }, "waits"},
		"a seller asks, and nobody is there":      {nil, nil, func(w *access.ActRequest) { w.Utility = true }, "waits"},
		"an act for one person":                   {&on, two, func(w *access.ActRequest) { w.Act = access.ActCommand }, "done"},
		"the largest act":                         {&on, two, func(w *access.ActRequest) { w.Body = strings.Repeat("x", 16<<10-2) }, "waits"},
		"an act too large":                        {&on, two, func(w *access.ActRequest) { w.Body = strings.Repeat("x", 16<<10-1) }, string(refusal.TooLarge)},
		"one too large that nobody has to decide": {&off, two, func(w *access.ActRequest) { w.Body = strings.Repeat("x", 16<<10-1) }, "alone"},
	} {
		t.Run(name, func(t *testing.T) {
			w.eyes(t, c.set)
			w.block(t, "%") // block all earlier people
			w.run(t, func(tx *store.Tx) error { return tx.BindFourEyes(nil) })
			for i, role := range c.people {
				email := fmt.Sprintf("p%d@%s.example.org", i, strings.Map(func(r rune) rune {
					if r >= 'a' && r <= 'z' {
						return r
					}
					return -1
				}, name))
				switch role {
				case "blocked":
					w.person(t, email, access.Owner)
					w.did(t)(w.Block(t.Context(), boss(), email))
				case "unconfirmed":
					w.joined(t, boss(), email, access.Owner)
				default:
					w.person(t, email, role)
				}
			}
			asked := w.audited(t)["approval.ask"]
			wish := access.ActRequest{Act: access.ActTariff, Object: "domestic", Summary: "dearer", Body: price{"domestic", 5}}
			if c.change != nil {
				c.change(&wish)
			}
			e := w.tries(t, boss(), wish)
			got := "done"
			if e.Refused() {
				got = string(e.Code)
			} else if e.Waits != nil {
				got = "waits"
			} else if e.Alone {
				got = "alone"
			}
			if got != c.want || e.Checker != "" || (w.audited(t)["approval.ask"] > asked) != (got == "waits") {
				t.Errorf("got %q %+v, want %q", got, e, c.want)
			}
			if row := e.Mark(access.Entry{After: "x"}); row.SinglePerson != (c.want == "alone") || row.After != "x" {
				t.Errorf("its audit row is %+v", row)
			}
		})
	}
}

// TestWhatIsWrittenDownForASecondPerson: the approval holds the action unchanged, and its whole summary. A request whose summary nobody could read
// is refused.
func TestWhatIsWrittenDownForASecondPerson(t *testing.T) {
	w := newWorld(t)
	on := true
	w.eyes(t, &on)
	by := w.opened(t, access.NewKey{Role: access.Owner, Name: "office"})
	by.IP = "192.0.2.7"
	for summary, want := range map[string]string{
		"dearer":                  "dearer",
		strings.Repeat("x", 501):  strings.Repeat("x", 501),
		strings.Repeat("x", 8192): strings.Repeat("x", 8192),
		"half a letter \xc3":      "half a letter ?",
	} {
		w.now = w.now.Add(time.Second)
		e := w.tries(t, by, access.ActRequest{Act: access.ActTariff, Object: "domestic", Summary: summary, Body: price{"domestic", 5}})
		if e.Waits == nil {
			t.Fatalf("%+v", e)
		}
		a := w.approval(t, e.Waits.ID)
		if a.Act != access.ActTariff || a.Right != access.WriteTariffs || a.Object != "domestic" || a.Summary != want || string(a.Body) != `{"name":"domestic","minor":5}` ||
			a.Maker.ID != by.ID || a.State != access.ApprovalWaiting || !a.CreatedAt.Equal(w.now) {
			t.Errorf("written down %+v, want it to say %q", a, want)
		}
		wantLog(t, w, access.Entry{At: w.now, Actor: "apikey office", IP: "192.0.2.7", Action: "approval.ask", Object: a.ID.Text(id.Approval), After: "tariff.publish: " + want})
	}
}

// TestARequestThatNobodyCanReadIsRefused: the approver would see a part of what changes.
func TestARequestThatNobodyCanReadIsRefused(t *testing.T) {
	w := newWorld(t)
	on := true
	w.eyes(t, &on)
	by := w.opened(t, access.NewKey{Role: access.Owner, Name: "office"})
	e := w.tries(t, by, access.ActRequest{Act: access.ActTariff, Object: "domestic", Summary: strings.Repeat("x", 8193), Body: price{"domestic", 5}})
	if e.Waits != nil || !e.Refused() || !strings.Contains(e.What, "8193") {
		t.Errorf("got %+v", e)
	}
}

// TestAnApprovalIsForOneActOnce: an approved action is done once, on behalf of its maker, within the approval's life. No other action is
// done under the approval.
func TestAnApprovalIsForOneActOnce(t *testing.T) {
	on := true
	wish := access.ActRequest{Act: access.ActTariff, Object: "domestic", Summary: "dearer", Body: price{"domestic", 5}, Content: "rows of a file"}
	w := newWorld(t)
	w.eyes(t, &on)
	maker, checker := w.opened(t, access.NewKey{Role: access.TariffManager}), w.opened(t, access.NewKey{Role: access.Owner, Name: "finance"})
	checker.IP, checker.RequestID = "192.0.2.9", "req_9"
	for name, c := range map[string]struct {
		change func(*world, *access.Actor, *access.ActRequest)
		want   refusal.Code
	}{
		"as it was allowed":      {nil, ""},
		"at the end of its life": {func(w *world, _ *access.Actor, _ *access.ActRequest) { w.now = w.now.Add(access.ApprovalLife - 1) }, ""},
		"after its life":         {func(w *world, _ *access.Actor, _ *access.ActRequest) { w.now = w.now.Add(access.ApprovalLife) }, refusal.ApprovalInvalid},
		"another body":           {func(_ *world, _ *access.Actor, o *access.ActRequest) { o.Body = price{"domestic", 6} }, refusal.ApprovalInvalid},
		"other rows of the file": {func(_ *world, _ *access.Actor, o *access.ActRequest) { o.Content = "rows of another file" }, refusal.ApprovalInvalid},
		"no rows of the file":    {func(_ *world, _ *access.Actor, o *access.ActRequest) { o.Content = nil }, refusal.ApprovalInvalid},
		"another act":            {func(_ *world, _ *access.Actor, o *access.ActRequest) { o.Act = access.ActAdjust }, refusal.ApprovalInvalid},
		"another approval":       {func(_ *world, by *access.Actor, _ *access.ActRequest) { by.Approval = id.ID{15: 1} }, refusal.ApprovalInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			waits := w.tries(t, maker, wish).Waits
			if waits == nil {
				t.Fatal("one person did it")
			}
			did := 0
			w.Serve(access.Executors{access.ActTariff: func(_ context.Context, as access.Actor, body []byte) (access.Done, error) {
				var p price
				if err := json.Unmarshal(body, &p); err != nil || p != (price{"domestic", 5}) {
					t.Errorf("done with %s, %v", body, err)
				}
				if as.ID != maker.ID || as.Approval != waits.ID || as.Tenant != store.FirstTenant || as.IP != "192.0.2.9" || as.RequestID != "req_9" {
					t.Errorf("done as %+v", as)
				}
				again := wish
				if c.change != nil {
					c.change(w, &as, &again)
				}
				e := w.tries(t, as, again)
				if e.Code != c.want || e.Waits != nil || e.Alone {
					t.Errorf("under its approval: %+v, want %q", e, c.want)
				}
				if c.want != "" {
					return access.Done{Refusal: e.Refusal}, nil
				}
				did++
				if row := e.Mark(access.Entry{After: "minor=5"}); row.SinglePerson || row.After != "minor=5 approved_by=apikey finance" || e.Allowed.ID != checker.ID {
					t.Errorf("its audit row is %+v, allowed by %+v", row, e.Allowed)
				}
				if twice := w.tries(t, as, again); twice.Code != refusal.ApprovalInvalid {
					t.Errorf("done twice: %+v", twice)
				}
				return access.Done{Object: "trf_1"}, nil
			}})
			at := w.now
			d, err := w.Decide(t.Context(), checker, waits.ID.Text(id.Approval), access.Decision{Allow: true, Reason: "agreed"})
			if err != nil || d.Refused() || d.Done.Code != c.want {
				t.Fatalf("decided: %+v, %v", d, err)
			}
			state := map[bool]access.ApprovalState{true: access.ApprovalUsed, false: access.ApprovalGiven}[c.want == ""]
			if a := w.approval(t, waits.ID); a.State != state || d.Approval.State != state || a.Reason != "agreed" || a.Checker.ID != checker.ID || a.DecidedAt.IsZero() {
				t.Errorf("then it is %+v and shown as %s, want %s", a, d.Approval.State, state)
			}
			wantLog(t, w, access.Entry{At: at, Actor: "apikey finance", IP: "192.0.2.9", Action: "approval.approved", Object: waits.ID.Text(id.Approval),
				After: "tariff.publish: dearer shown=unknown", Reason: "agreed"})
		})
	}
}

// TestWhoDecidesAndWhen: each decision is made once, by somebody with the right. If an approved action could not be done, its
// approver may try it again.
func TestWhoDecidesAndWhen(t *testing.T) {
	w := newWorld(t)
	maker, checker := w.opened(t, access.NewKey{Role: access.TariffManager}), w.opened(t, access.NewKey{Role: access.Owner, Name: "finance"})
	other, cashier := w.opened(t, access.NewKey{Role: access.Owner}), w.opened(t, access.NewKey{Role: access.Operator})
	seller := other
	seller.ID, seller.Answers, seller.Vendor = id.ID{7}, id.ID{}, id.ID{1}
	refuses, did := true, 0
	w.Serve(access.Executors{access.ActTariff: func(context.Context, access.Actor, []byte) (access.Done, error) {
		did++
		if refuses {
			return access.Done{Refusal: refusal.Refusal{Code: refusal.InvalidRequest, What: "Not now.", Not: "The request was not carried out."}}, nil
		}
		return access.Done{}, nil
	}})
	decide := func(a access.Approval, by access.Actor, allow bool, reason string, want refusal.Code) access.Decided {
		t.Helper()
		d, err := w.Decide(t.Context(), by, a.ID.Text(id.Approval), access.Decision{Allow: allow, Reason: reason})
		if err != nil || d.Code != want {
			t.Errorf("decided: %q (%s), %v, want %q", d.Code, d.Detail(), err, want)
		}
		return d
	}
	a := w.asks(t, maker)
	if d, err := w.Decide(t.Context(), checker, "app_x", access.Decision{Allow: true, Reason: ""}); err != nil || d.Code != refusal.NotFound {
		t.Errorf("no approval: %q, %v", d.Code, err)
	}
	for _, by := range []access.Actor{cashier, seller} {
		decide(a, by, true, "", refusal.NotFound)
		decide(a, by, false, "", refusal.NotFound)
	}
	decide(a, maker, true, "", refusal.Forbidden)
	decide(a, maker, false, "", refusal.Forbidden)
	decide(a, checker, true, strings.Repeat("ä", 501), refusal.InvalidRequest)
	if did != 0 || w.approval(t, a.ID).State != access.ApprovalWaiting {
		t.Fatalf("done %d times, it is %+v", did, w.approval(t, a.ID))
	}
	w.now = w.now.Add(access.ApprovalLife - time.Microsecond)
	if d := decide(a, checker, true, strings.Repeat("ä", 500), ""); d.Done.Code != refusal.InvalidRequest || d.Approval.State != access.ApprovalGiven {
		t.Errorf("allowed and not done: %+v", d)
	}
	decide(a, other, true, "", refusal.ApprovalInvalid)
	decide(a, checker, false, "", refusal.ApprovalInvalid)
	refuses = false
	if d := decide(a, checker, true, "", ""); d.Done.Refused() || did != 2 {
		t.Errorf("tried again: %+v, done %d times, want 2", d, did)
	}
	w.now = w.now.Add(time.Microsecond)
	decide(a, checker, true, "", refusal.ApprovalInvalid) // the approval has expired

	b := w.asks(t, maker)
	w.now = w.now.Add(access.ApprovalLife)
	decide(b, checker, true, "", refusal.ApprovalInvalid)
	decide(b, checker, false, "", refusal.ApprovalInvalid)

	c := w.asks(t, maker)
	checker.IP = "192.0.2.9"
	if d := decide(c, checker, false, "too dear", ""); d.Approval.State != access.ApprovalRejected || d.Approval.Reason != "too dear" || !d.Approval.DecidedAt.Equal(w.now) {
		t.Errorf("rejected: %+v", d.Approval)
	}
	wantLog(t, w, access.Entry{At: w.now, Actor: "apikey finance", IP: "192.0.2.9", Action: "approval.rejected", Object: c.ID.Text(id.Approval), After: "tariff.publish: ", Reason: "too dear"})
	for _, by := range []access.Actor{checker, other} {
		decide(c, by, true, "", refusal.ApprovalInvalid)
		decide(c, by, false, "", refusal.ApprovalInvalid)
	}
	if did != 2 {
		t.Errorf("done %d times, want 2", did)
	}
}

// TestWhoSeesWhichApprovals: actors see the approvals that they requested or could decide, and readers of the audit log see all approvals.
func TestWhoSeesWhichApprovals(t *testing.T) {
	w := newWorld(t)
	makers := []access.Actor{w.opened(t, access.NewKey{Role: access.TariffManager}), w.opened(t, access.NewKey{Role: access.Owner})}
	var asked []id.ID
	for i := range 5 {
		w.now = w.now.Add(time.Second)
		asked = append(asked, w.asks(t, makers[i%2]).ID)
	}
	seller := makers[1]
	seller.ID, seller.Answers, seller.Vendor = id.ID{7}, id.ID{}, id.ID{1}
	if d, err := w.Decide(t.Context(), makers[1], asked[0].Text(id.Approval), access.Decision{Allow: false, Reason: ""}); err != nil || d.Refused() {
		t.Fatal(d.Detail(), err)
	}
	for name, c := range map[string]struct {
		by     access.Actor
		state  access.ApprovalState
		before id.ID
		max    int
		want   string
		last   int // index of Last; -1: none
	}{
		"an owner":               {makers[1], "", id.ID{}, 10, "[4 3 2 1 0]", -1},
		"the waiting ones":       {makers[1], access.ApprovalWaiting, id.ID{}, 10, "[4 3 2 1]", -1},
		"the rejected":           {makers[1], access.ApprovalRejected, id.ID{}, 10, "[0]", -1},
		"a full page":            {makers[1], "", id.ID{}, 2, "[4 3]", 3},
		"and the next":           {makers[1], "", asked[3], 2, "[2 1]", 1},
		"exactly what there is":  {makers[1], "", id.ID{}, 5, "[4 3 2 1 0]", -1},
		"an auditor":             {w.opened(t, access.NewKey{Role: access.Auditor}), "", id.ID{}, 10, "[4 3 2 1 0]", -1},
		"a cashier":              {w.opened(t, access.NewKey{Role: access.Operator}), "", id.ID{}, 10, "[]", -1},
		"a seller for a utility": {seller, "", id.ID{}, 10, "[]", -1},
	} {
		l, err := w.Approvals(t.Context(), c.by, c.state, c.before, c.max)
		got := []int{}
		for _, a := range l.Data {
			for i := range asked {
				if asked[i] == a.ID {
					got = append(got, i)
				}
			}
		}
		var last id.ID
		if c.last >= 0 {
			last = asked[c.last]
		}
		if err != nil || l.Refused() || fmt.Sprint(got) != c.want || l.Last != last {
			t.Errorf("%s: %v (%v), last %v; want %s and %v", name, got, err, l.Last, c.want, last)
		}
	}
}

// wantLog checks that this is the newest row of the audit log about an actor.
func wantLog(t *testing.T, w *world, want access.Entry) {
	t.Helper()
	var got access.Entry
	err := w.engine.View(t.Context(), store.FirstTenant, func(tx *store.Tx) error {
		_, rows, err := storetest.AuditPage(tx, id.ID{}, 10)
		for _, e := range rows {
			if e.Action != core.ActionEvidence && got.Action == "" {
				got = e
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.At.Sub(want.At).Abs() > time.Second {
		t.Errorf("%s is dated %s, want %s", got.Action, got.At, want.At)
	}
	if got.At = want.At; got != want {
		t.Errorf("the audit log says\n%+v, want\n%+v", got, want)
	}
}
