package access_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
)

// allActs is every action of the table.
func allActs() (out []access.Act) {
	for _, line := range strings.Split(strings.TrimSpace(table), "\n") {
		out = append(out, access.Act(strings.Fields(line)[0]))
	}
	return out
}

// TestAnApprovalAllowsItsOwnActOnly checks all actions, and the three that older versions stored under another name.
func TestAnApprovalAllowsItsOwnActOnly(t *testing.T) {
	was := map[access.Act]access.Act{access.ActUnits: access.ActTokens, access.ActClearCredit: access.ActTokens, access.ActClearTamper: access.ActTokens}
	two := access.Acts()
	r := newRows(t)
	by := r.amina()
	for _, stored := range allActs() {
		for _, act := range two {
			r.waits(access.ApprovalGiven)
			a := &r.approvals[len(r.approvals)-1]
			a.Act, a.Right, by.Approval = stored, act.Right(), a.ID
			e, err := access.SecondPerson(r, by, access.ActRequest{Act: act, Body: struct{}{}}, r.now)
			want := refusal.ApprovalInvalid
			if stored == act || stored == was[act] {
				want = ""
			}
			if err != nil || e.Code != want || (a.State == access.ApprovalUsed) != (want == "") {
				t.Errorf("%s under an approval of %q: %q, %v, it is %s; want %q", act, stored, e.Code, err, a.State, want)
			}
			if want == "" && (e.Checker != "apikey finance" || e.Allowed != finance() || e.Waits != nil || e.Alone) {
				t.Errorf("%s was allowed so: %+v", act, e)
			}
		}
	}
}

// TestWhoMayAllowWhat: for every role and every action, an actor with the action's right may approve it, and a vendor's actor
// never may.
func TestWhoMayAllowWhat(t *testing.T) {
	r := newRows(t)
	r.keys[[32]byte{8}] = access.Key{ID: finance().ID, Tenant: 1, Role: access.Owner, Answers: finance().Answers} // has no limits
	a := r.access(rand.Reader)
	doers := access.Executors{}
	for _, act := range allActs() {
		doers[act] = func(context.Context, access.Actor, []byte) (access.Done, error) { return access.Done{}, nil }
	}
	a.Serve(doers)
	for _, act := range allActs() {
		for _, role := range access.Roles() {
			for _, vendor := range []id.ID{{}, shop()} {
				r.approvals, r.log = nil, nil
				approval := r.waits(access.ApprovalWaiting)
				r.approvals[0].Act, r.approvals[0].Right = act, act.Right()
				by := finance()
				by.Role, by.Vendor = role, vendor
				want := refusal.NotFound
				if vendor.IsZero() && role.May(act.Right()) && role != access.VendorAPI {
					want = ""
				}
				seen := want == "" || vendor.IsZero() && (role == access.Owner || role == access.Auditor)
				if l, err := a.Approvals(t.Context(), by, "", id.ID{}, 10); err != nil || (len(l.Data) == 1) != seen {
					t.Errorf("%s of vendor %v sees %d of %s, %v; want it seen %t", role, vendor, len(l.Data), act, err, seen)
				}
				if d, err := a.Decide(t.Context(), by, approval, access.Decision{Allow: true, Reason: ""}); err != nil || d.Code != want || (len(r.log) == 1) != (want == "") {
					t.Errorf("%s of vendor %v allows %s: %q, %v, noted %v; want %q", role, vendor, act, d.Code, err, r.log, want)
				}
			}
		}
	}
}

// TestWhoMayStillAsk gives the maker of an approved action every role in turn. The action is done only if the role has the
// action's right, or if a seller reverses a sale.
func TestWhoMayStillAsk(t *testing.T) {
	r := newRows(t)
	for _, act := range access.Acts() {
		for _, role := range access.Roles() {
			r.waits(access.ApprovalGiven)
			a := &r.approvals[len(r.approvals)-1]
			a.Act, a.Right = act, act.Right()
			r.becomes(role)
			by := r.amina()
			by.Approval = a.ID
			want := refusal.MakerNotInForce
			if role.May(act.Right()) || act == access.ActReverse && slices.Contains([]access.Role{access.Operator, access.VendorAPI}, role) {
				want = ""
			}
			if e, err := access.SecondPerson(r, by, access.ActRequest{Act: act, Body: struct{}{}}, r.now); err != nil || e.Code != want {
				t.Errorf("%s of a %s: %q, %v; want %q", act, role, e.Code, err, want)
			}
		}
	}
}

// TestHowManyCouldAllowIt: a second person is needed as soon as two confirmed people hold the action's right, in whatever role.
func TestHowManyCouldAllowIt(t *testing.T) {
	for _, role := range access.Roles() {
		for name, second := range map[string]access.PersonRow{
			"confirmed": {}, "not confirmed": {CountsAs: "unknown"}, "blocked": {Blocked: true}, "invited": {Password: ""}, "of a vendor": {Vendor: shop()},
		} {
			r := newRows(t)
			second.ID, second.Email, second.Role = id.ID{9}, "juma@example.org", role
			if name != "invited" {
				second.Password = "x"
			}
			r.people[second.Email] = second
			third := access.PersonRow{ID: id.ID{10}, Email: "third@example.org", Role: access.Support, Password: "x"}
			r.people[third.Email] = third
			if c, err := r.access(rand.Reader).Block(t.Context(), r.amina(), third.Email); err != nil || c.Refused() {
				t.Fatal(c.Detail(), err)
			}
			for _, act := range access.Acts() {
				if act == access.ActDebt || act == access.ActImportDebts || act == access.ActEmergency || act == access.ActShiftCloseAny {
					continue // below its ceiling it needs nobody
				}
				e, err := access.SecondPerson(r, r.amina(), access.ActRequest{Act: act, Body: struct{}{}}, time.Now())
				if waits := role.May(act.Right()) && name == "confirmed"; err != nil || (e.Waits != nil) != waits || e.Alone == waits {
					t.Errorf("%s, an owner and a %s who is %s: %+v, %v; want it to wait %t", act, role, name, e, err, waits)
				}
			}
		}
	}
}

// TestWhoIsThePersonBehindAnActor: the person who requested an action cannot approve it, under any id or name.
func TestWhoIsThePersonBehindAnActor(t *testing.T) {
	key := func(i, answers id.ID, name string) access.Actor {
		return access.Actor{Tenant: 1, Kind: access.APIKey, ID: i, Answers: answers, Name: name, Role: access.Owner}
	}
	one, two := id.ID{1}, id.ID{2}
	for _, c := range []struct {
		name           string
		maker, checker access.Actor
		one            bool
	}{
		{"one identity, two names", key(one, id.ID{}, "a"), key(one, id.ID{}, "b"), true},
		{"two identities, one name", key(one, id.ID{}, "a"), key(two, id.ID{}, "a"), false},
		{"two keys of one person", key(one, id.ID{7}, "a"), key(two, id.ID{7}, "b"), true},
		{"a person and a key", access.Actor{Kind: access.Person, ID: id.ID{7}, Role: access.Owner}, key(two, id.ID{7}, "b"), true},
		{"a key that made one", key(one, id.ID{}, "a"), key(two, one, "b"), true},
		{"two keys of two people", key(one, id.ID{7}, "a"), key(two, id.ID{8}, "a"), false},
		{"one name without identities", access.SystemActor(1, "a"), access.SystemActor(1, "a"), true},
		{"two names without identities", access.SystemActor(1, "a"), access.SystemActor(1, "b"), false},
		{"one name, the checker's identity unknown", key(one, id.ID{}, "a"), key(id.ID{}, id.ID{}, "a"), true},
		{"one name, the maker's identity unknown", key(id.ID{}, id.ID{}, "a"), key(one, id.ID{}, "a"), true},
		{"two names, one identity unknown", key(id.ID{}, id.ID{}, "a"), key(one, id.ID{}, "b"), false},
		{"two kinds of one name", access.SystemActor(1, "a"), key(id.ID{}, id.ID{}, "a"), false},
	} {
		r := newRows(t)
		a := r.access(rand.Reader)
		approval := r.waits(access.ApprovalWaiting)
		r.approvals[0].Maker = c.maker
		d, err := a.Decide(t.Context(), c.checker, approval, access.Decision{Allow: false, Reason: ""})
		if err != nil || (d.Code == refusal.Forbidden) != c.one || d.Refused() != c.one {
			t.Errorf("%s: %q, %v; want it to be one person %t", c.name, d.Code, err, c.one)
		}
	}
}

// TestWhenAnApprovalIsDead: an approval expires after a week, unless it was rejected or used before.
func TestWhenAnApprovalIsDead(t *testing.T) {
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	for state, dies := range map[access.ApprovalState]bool{access.ApprovalWaiting: true, access.ApprovalGiven: true, access.ApprovalRejected: false, access.ApprovalUsed: false} {
		a := access.Approval{State: state, CreatedAt: at}
		week := at.Add(7 * 24 * time.Hour)
		if a.Expired(at) || a.Expired(week.Add(-1)) || a.Expired(week) != dies || a.Expired(week.Add(time.Hour)) != dies {
			t.Errorf("%s: dead before a week %t, then %t; want %t", state, a.Expired(week.Add(-1)), a.Expired(week), dies)
		}
	}
}

// TestWhatIsAllowedIsNotRejectedAfterwards: an approved action cannot be rejected, or approved by somebody else. Its checker may try again
// as long as its maker may still do the action.
func TestWhatIsAllowedIsNotRejectedAfterwards(t *testing.T) {
	r := newRows(t)
	a := r.access(rand.Reader)
	did := 0
	a.Serve(access.Executors{access.ActTariff: func(context.Context, access.Actor, []byte) (access.Done, error) {
		did++
		return access.Done{Object: "trf_1"}, nil
	}})
	approval := r.waits(access.ApprovalGiven)
	other := finance()
	other.ID, other.Answers = id.ID{9}, id.ID{5}
	decide := func(by access.Actor, allow bool, want refusal.Code) access.Decided {
		t.Helper()
		d, err := a.Decide(t.Context(), by, approval, access.Decision{Allow: allow, Reason: "again"})
		if err != nil || d.Code != want || r.approvals[0].State != access.ApprovalGiven || r.approvals[0].Reason != "" || len(r.log) > 0 {
			t.Errorf("%q, %v, want %q; it is %+v, noted %v", d.Code, err, want, r.approvals[0], r.log)
		}
		return d
	}
	decide(finance(), false, refusal.ApprovalInvalid)
	decide(other, true, refusal.ApprovalInvalid)
	r.gone = true
	decide(finance(), true, refusal.MakerNotInForce)
	r.gone = false
	if d := decide(finance(), true, ""); did != 1 || d.Done.Object != "trf_1" || d.Approval.State != access.ApprovalUsed || d.Approval.ID != r.approvals[0].ID {
		t.Errorf("done %d times: %+v", did, d)
	}
}

// TestADecisionIsDatedAsItIsStored: a decision has its time in whole microseconds, the person who decided, and the reason.
func TestADecisionIsDatedAsItIsStored(t *testing.T) {
	for allow, want := range map[bool]access.ApprovalState{true: access.ApprovalGiven, false: access.ApprovalRejected} {
		r := newRows(t)
		a := r.access(rand.Reader)
		a.Serve(access.Executors{access.ActTariff: func(context.Context, access.Actor, []byte) (access.Done, error) { return access.Done{}, nil }})
		approval, at := r.waits(access.ApprovalWaiting), r.now
		r.now = at.In(time.FixedZone("east", 3*60*60)).Add(999)
		if d, err := a.Decide(t.Context(), finance(), approval, access.Decision{Allow: allow, Reason: "agreed"}); err != nil || d.Refused() {
			t.Errorf("%q, %v", d.Code, err)
		}
		if b := r.approvals[0]; b.State != want || b.DecidedAt != at || b.Checker != finance() || b.Reason != "agreed" || b.Maker != r.amina() {
			t.Errorf("decided %+v, want %s at %s", b, want, at)
		}
	}
}

// TestAListOfApprovalsLooksAtAThousand: for an actor that may see few approvals, one page reads at most a thousand approvals, and the next
// page continues from there.
func TestAListOfApprovalsLooksAtAThousand(t *testing.T) {
	r := newRows(t)
	a := r.access(rand.Reader)
	for range 1001 {
		r.waits(access.ApprovalWaiting)
	}
	cashier := finance()
	cashier.Role = access.Operator
	newest := func(n int) id.ID { return r.approvals[1001-n].ID }
	for _, c := range []struct {
		by     access.Actor
		before id.ID
		max    int
		data   int
		last   id.ID
		looks  int
	}{
		{cashier, id.ID{}, 10, 0, newest(1000), 5},
		{cashier, newest(1000), 10, 0, id.ID{}, 1},
		{cashier, newest(1), 10, 0, newest(1001), 5},
		{cashier, newest(2), 10, 0, id.ID{}, 5},
		{r.amina(), id.ID{}, 10, 10, newest(10), 1},
		{r.amina(), id.ID{}, 200, 200, newest(200), 2},
		{r.amina(), newest(1000), 1, 1, id.ID{}, 1},
		{r.amina(), newest(999), 1, 1, newest(1000), 1},
	} {
		r.calls = nil
		l, err := a.Approvals(t.Context(), c.by, "", c.before, c.max)
		if looks := len(r.calls) - 1; err != nil || len(l.Data) != c.data || l.Last != c.last || looks != c.looks || r.most != 200 {
			t.Errorf("%s before %v: %d, last %v, %d looks of %d, %v; want %d, %v, %d of 200", c.by, c.before, len(l.Data), l.Last, looks, r.most, err, c.data, c.last, c.looks)
		}
	}
}

// TestAnActInTwoForms: an action with two kinds of request goes to the executor for its kind.
func TestAnActInTwoForms(t *testing.T) {
	doer := func(name string) access.Executor {
		return func(_ context.Context, maker access.Actor, body []byte) (access.Done, error) {
			return access.Done{Object: fmt.Sprintf("%s: %s %s", name, maker, body)}, nil
		}
	}
	do := access.ByField("cut", doer("has"), doer("lacks"))
	for body, want := range map[string]string{
		`{"cut":true}`:      `has: person amina@example.org {"cut":true}`,
		`{"cut":null}`:      `has: person amina@example.org {"cut":null}`,
		`{"other":"cut"}`:   `lacks: person amina@example.org {"other":"cut"}`,
		`{"a":{"cut":1}}`:   `lacks: person amina@example.org {"a":{"cut":1}}`,
		`{}`:                `lacks: person amina@example.org {}`,
		`{"cut":true`:       "read an approved act: unexpected end of JSON input",
		`["cut"]`:           "read an approved act: json: cannot unmarshal array into Go value of type map[string]json.RawMessage",
		`{"cut":1,"cut2":}`: "read an approved act: invalid character '}' looking for beginning of value",
	} {
		done, err := do(t.Context(), (&rows{}).amina(), []byte(body))
		got := done.Object
		if err != nil {
			got += err.Error()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}
