package access_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"net/netip"
)

// operation is a use case, with the store calls that it makes if nothing fails.
type operation struct {
	name  string
	calls string
	does  func(context.Context, *rows, *access.Access) error
}

// runs does the use case on new rows.
func (o operation) runs(t *testing.T, at int) (*rows, error) {
	t.Helper()
	r := newRows(t)
	a := r.access(rand.Reader)
	a.Serve(access.Executors{access.ActTariff: func(context.Context, access.Actor, []byte) (access.Done, error) { return access.Done{}, nil }})
	r.keys[keyForm(access.SecretOf(knownKey))] = access.Key{ID: id.ID{3}, Role: access.Owner, UsedAt: r.now}
	r.logins[sessionForm(access.SecretOf("old"))] = access.Login{Person: id.ID{7}, CreatedAt: r.now, ProvedAt: r.now, SeenAt: r.now.Add(-time.Minute), ExpiresAt: r.now.Add(time.Hour)}
	r.broken = at
	return r, o.does(t.Context(), r, a)
}

const knownKey = access.KeyPrefix + "0123456789012345678901234567890123456789012"

// yes returns the error of a use case that should have succeeded: its own, or its refusal.
func yes(refused interface {
	Refused() bool
	Detail() string
}, err error) error {
	if err == nil && refused.Refused() {
		return errors.New("refused: " + refused.Detail())
	}
	return err
}

// TestNoFailureOfTheStoreIsHidden: whichever call of a use case fails, its error comes back, so that the transaction is
// rolled back and nobody gets a success.
func TestNoFailureOfTheStoreIsHidden(t *testing.T) {
	for _, o := range slices.Concat(signings(), changings(), decisions(), devices()) {
		r, err := o.runs(t, 0)
		if got := strings.Join(r.calls, " "); err != nil || got != o.calls {
			t.Errorf("%s: %v, it made the calls\n%s, want\n%s", o.name, err, got, o.calls)
		}
		if ofAll := o.name == "a key is known"; (r.tenant == 0) != ofAll || (r.tenant == 1) == ofAll {
			t.Errorf("%s: done in tenant %d", o.name, r.tenant)
		}
		for at := 1; at <= len(r.calls); at++ {
			if broken, err := o.runs(t, at); !errors.Is(err, errStore) {
				t.Errorf("%s: call %d (%s) fails, and the answer is %v", o.name, at, broken.calls[at-1], err)
			}
		}
	}
}

// signings are the use cases of keys and sessions.
func signings() []operation {
	return []operation{
		{"a vendor's key", "VendorExists PersonByID NewID AddKey AuditLog commit", func(ctx context.Context, r *rows, a *access.Access) error {
			return yes(a.CreateAPIKey(ctx, r.amina(), access.NewKey{Role: access.VendorAPI, Vendor: shop()}))
		}},
		{"a key for a person", "PersonByEmail NewID AddKey AuditLog commit", func(ctx context.Context, _ *rows, a *access.Access) error {
			return yes(a.CreateAPIKey(ctx, access.SystemActor(1, "test"), access.NewKey{Role: access.Owner, Person: aminaEmail}))
		}},
		{"a key makes a key", "PersonByID KeyByID NewID AddKey AuditLog commit", func(ctx context.Context, _ *rows, a *access.Access) error {
			return yes(a.CreateAPIKey(ctx, access.Actor{Tenant: 1, Kind: access.APIKey, ID: id.ID{3}, Role: access.Owner, Answers: id.ID{7}}, access.NewKey{Role: access.Owner}))
		}},
		{"a key replaces itself", "KeyByID PersonByID KeyByID NewID AddKey EndKey AuditLog commit", func(ctx context.Context, r *rows, a *access.Access) error {
			for hash, k := range r.keys {
				k.Answers = id.ID{7}
				r.keys[hash] = k
			}
			return yes(a.RotateAPIKey(ctx, access.Actor{Tenant: 1, Kind: access.APIKey, ID: id.ID{3}, Role: access.Owner, Answers: id.ID{7}}, id.ID{3}, time.Hour))
		}},
		{"a key is revoked", "RevokeKey AuditLog commit", func(ctx context.Context, r *rows, a *access.Access) error {
			return yes(a.RevokeAPIKey(ctx, r.amina(), id.ID{3}))
		}},
		{"the keys", "KeyPage view", func(ctx context.Context, r *rows, a *access.Access) error {
			return yes(a.APIKeys(ctx, r.amina(), id.ID{}))
		}},
		{"one key", "KeyByID view", func(ctx context.Context, r *rows, a *access.Access) error {
			return yes(a.APIKey(ctx, r.amina(), id.ID{3}))
		}},
		{"a key is looked up again", "KeyByID view", func(ctx context.Context, _ *rows, a *access.Access) error {
			still, err := a.Still(ctx, access.Actor{Tenant: 1, Kind: access.APIKey, ID: id.ID{3}, Role: access.Owner})
			if err == nil && !still {
				err = errors.New("the key works no more")
			}
			return err
		}},
		{"a key is known", "KeyByHash view", func(ctx context.Context, _ *rows, a *access.Access) error {
			return yes(a.ByAPIKey(ctx, knownKey, netip.Addr{}))
		}},
		{"somebody signs in", "PersonByEmail view PersonByEmail DropLogin SessionTimes DropLoginsOf AddLogin AuditLog commit", func(ctx context.Context, _ *rows, a *access.Access) error {
			return yes(a.SignIn(ctx, 1, aminaEmail, goodPassword, "old", access.Browser{}))
		}},
		{"somebody signs in anew", "PersonByEmail view PersonByEmail SessionTimes DropLoginsOf AddLogin AuditLog commit", func(ctx context.Context, _ *rows, a *access.Access) error {
			return yes(a.SignIn(ctx, 1, aminaEmail, goodPassword, "", access.Browser{}))
		}},
		{"a wrong password", "PersonByEmail view AuditLog commit", func(ctx context.Context, _ *rows, a *access.Access) error {
			_, err := a.SignIn(ctx, 1, aminaEmail, "another few words", "", access.Browser{})
			return err
		}},
		{"a session is known", "LoginByHash SessionTimes view SeeLogin commit", func(ctx context.Context, _ *rows, a *access.Access) error {
			return yes(a.ByLogin(ctx, 1, "old"))
		}},
		{"somebody signs out", "DropLogin AuditLog commit", func(ctx context.Context, r *rows, a *access.Access) error {
			return a.SignOut(ctx, r.amina(), "old")
		}},
		{"somebody is out already", "DropLogin commit", func(ctx context.Context, r *rows, a *access.Access) error {
			return a.SignOut(ctx, r.amina(), "another")
		}},
	}
}

// changings are the use cases of adding and changing people.
func changings() []operation {
	return []operation{
		{"a person", "PersonByEmail PersonPage PersonByID NewID AddPersonRow AuditLog commit", func(ctx context.Context, r *rows, a *access.Access) error {
			return yes(a.Invite(ctx, r.amina(), access.NewPerson{Email: "juma@example.org", Role: access.Support}))
		}},
		{"a person of a vendor", "VendorExists PersonByEmail PersonPage PersonByID NewID AddPersonRow AuditLog commit", func(ctx context.Context, r *rows, a *access.Access) error {
			return yes(a.Invite(ctx, r.amina(), access.NewPerson{Email: "juma@example.org", Role: access.VendorAPI, Vendor: shop()}))
		}},
		{"the first owner", "ActivePeople PersonByEmail PersonPage NewID AddPersonRow FourEyes KeyPage KeyByID GiveKey AuditLog AuditLog commit", func(ctx context.Context, r *rows, a *access.Access) error {
			clear(r.people)
			return yes(a.CreateOwner(ctx, access.SystemActor(1, "test"), access.NewOwner{Email: "juma@example.org", Password: access.SecretOf(goodPassword)}))
		}},
		{"a role is changed", "PersonByEmail LockPerson PersonByID PersonByID PersonPage FourEyes BindFourEyes AuditLog VendorExists PutPerson DevicesOf DropLoginsOf PersonPage FourEyes AuditLog commit", func(ctx context.Context, r *rows, a *access.Access) error {
			r.second("juma@example.org", access.Owner)
			return yes(a.ChangeRole(ctx, r.amina(), aminaEmail, access.VendorAPI, shop()))
		}},
		{"a person is confirmed", "PersonByEmail LockPerson PersonByID PersonByID PutPerson PersonPage FourEyes BindFourEyes AuditLog AuditLog commit", func(ctx context.Context, r *rows, a *access.Access) error {
			p := r.second("juma@example.org", access.Owner)
			p.CountsAs = id.ID{2}.Text(id.Person)
			r.people[p.Email] = p
			return yes(a.Confirm(ctx, r.amina(), p.Email))
		}},
		{"a link is used", "PersonByLink view LockPerson PersonByID PutPerson DevicesOf DropLoginsOf PersonPage FourEyes AuditLog commit", func(ctx context.Context, r *rows, a *access.Access) error {
			p := r.second("juma@example.org", access.Support)
			p.Link, p.LinkUntil = linkForm(access.SecretOf("link")), r.now.Add(1)
			r.people[p.Email] = p
			return yes(a.Accept(ctx, 1, "link", access.SecretOf(goodPassword), ""))
		}},
		{"a person is shown", "PersonByEmail PersonByID PersonByID view", func(ctx context.Context, r *rows, a *access.Access) error {
			p := r.second("juma@example.org", access.Owner)
			p.CountsAs = id.ID{1}.Text(id.Person)
			r.people[p.Email] = p
			return yes(a.Person(ctx, r.amina(), p.Email))
		}},
		{"other sessions end", "LoginByHash SessionTimes LoginsOf SessionTimes DropLoginsOf AddLogin AuditLog commit", func(ctx context.Context, r *rows, a *access.Access) error {
			return yes(a.EndOtherSessions(ctx, r.amina(), "old"))
		}},
		{"the people", "PersonPage view", func(ctx context.Context, r *rows, a *access.Access) error {
			return yes(a.People(ctx, r.amina(), id.ID{}, 10))
		}},
	}
}

// decisions are the use cases of approvals.
func decisions() []operation {
	decide := func(state access.ApprovalState, allow bool) func(context.Context, *rows, *access.Access) error {
		return func(ctx context.Context, r *rows, a *access.Access) error {
			return yes(a.Decide(ctx, finance(), r.waits(state), access.Decision{Allow: allow, Reason: ""}))
		}
	}
	wish := access.ActRequest{Act: access.ActTariff, Body: struct{}{}}
	return []operation{
		{"the approvals", "ApprovalPage view", func(ctx context.Context, r *rows, a *access.Access) error {
			return yes(a.Approvals(ctx, r.amina(), "", id.ID{}, 10))
		}},
		{"an act is allowed", "ApprovalByID PersonByID PersonByID PersonByID PersonByID PutApproval AuditLog commit", decide(access.ApprovalWaiting, true)},
		{"an act is rejected", "ApprovalByID PutApproval AuditLog commit", decide(access.ApprovalWaiting, false)},
		{"an act is tried again", "ApprovalByID PersonByID PersonByID PersonByID PersonByID commit", decide(access.ApprovalGiven, true)},
		{"an act is asked for", "FourEyes PersonByID NewID AddApproval AuditLog", func(_ context.Context, r *rows, _ *access.Access) error {
			r.bound = access.Rights()
			return yes(access.SecondPerson(r, r.amina(), wish, r.now))
		}},
		{"an act of one person", "FourEyes", func(_ context.Context, r *rows, _ *access.Access) error {
			return yes(access.SecondPerson(r, r.amina(), wish, r.now))
		}},
		{"an act under its approval", "ApprovalByID PersonByID PersonByID PutApproval", func(_ context.Context, r *rows, _ *access.Access) error {
			r.waits(access.ApprovalGiven)
			by := r.amina()
			by.Approval = r.approvals[0].ID
			return yes(access.SecondPerson(r, by, wish, r.now))
		}},
	}
}

// withDevice adds Juma of the shop, with a session, and a device whose cookie is "cookie" and whose PIN is 271828. It returns Juma.
func withDevice(r *rows) access.Actor {
	juma := r.second("juma@example.org", access.VendorAPI)
	juma.Vendor = shop()
	r.people[juma.Email] = juma
	hash, err := access.HashPassword("271828", cheap(), rand.Reader)
	if err != nil {
		r.t.Fatal(err)
	}
	r.devices[deviceForm(access.SecretOf("cookie"))] = access.CounterDevice{ID: id.ID{4}, Person: juma.ID, PIN: hash}
	r.logins[[32]byte{5}] = access.Login{Person: juma.ID, CreatedAt: r.now, ProvedAt: r.now, SeenAt: r.now, ExpiresAt: r.now.Add(time.Hour)}
	return access.Actor{Tenant: 1, Kind: access.Person, ID: juma.ID, Name: juma.Email, Role: juma.Role, Vendor: juma.Vendor, Session: id.ID{5}}
}

// devices are the use cases of counter devices.
func devices() []operation {
	pin := func(pin string) func(context.Context, *rows, *access.Access) error {
		return func(ctx context.Context, r *rows, a *access.Access) error {
			withDevice(r)
			in, err := a.SignInByPIN(ctx, 1, "cookie", pin, "old", access.Browser{})
			if err == nil && in.Refused() == (pin == "271828") {
				return errors.New("unexpected: " + in.Detail())
			}
			return err
		}
	}
	return []operation{
		{"a device is registered", "LockPerson PersonByID SessionTimes LoginsOf DevicesOf NewID AddDevice AuditLog commit", func(ctx context.Context, r *rows, a *access.Access) error {
			return yes(a.RegisterDevice(ctx, withDevice(r), access.NewDevice{Name: "Counter 1", PIN: access.SecretOf("314159")}))
		}},
		{"the devices", "PersonByEmail DevicesOf view", func(ctx context.Context, r *rows, a *access.Access) error {
			return yes(a.Devices(ctx, withDevice(r), "juma@example.org"))
		}},
		{"a device is revoked", "PersonByEmail DeviceByID RevokeDevice AuditLog commit", func(ctx context.Context, r *rows, a *access.Access) error {
			return yes(a.RevokeDevice(ctx, withDevice(r), "juma@example.org", id.ID{4}.Text(id.Device)))
		}},
		{"a device is known", "DeviceByHash PersonByID view", func(ctx context.Context, r *rows, a *access.Access) error {
			withDevice(r)
			return yes(a.DeviceOf(ctx, 1, "cookie"))
		}},
		{"a right PIN", "LockDevice PersonByID CountPIN commit LockDevice PersonByID CountPIN DropLogin SessionTimes DropLoginsOf AddLogin AuditLog commit", pin("271828")},
		{"a wrong PIN", "LockDevice PersonByID CountPIN commit DeviceByID AuditLog commit", pin("314159")},
		{"a PIN without tries left", "LockDevice PersonByID RevokeDevice AuditLog commit", func(ctx context.Context, r *rows, a *access.Access) error {
			withDevice(r)
			for hash, d := range r.devices {
				d.Wrong = access.MaxWrongPINs
				r.devices[hash] = d
			}
			_, err := a.SignInByPIN(ctx, 1, "cookie", "271828", "", access.Browser{})
			return err
		}},
	}
}

// TestWhatIsNotStoredIsNotGiven: a key and a session whose transaction did not commit are never shown.
func TestWhatIsNotStoredIsNotGiven(t *testing.T) {
	r := newRows(t)
	a := r.access(rand.Reader)
	r.broken = 4 // the 4th call fails: the calls are NewID, AddKey, AuditLog and commit
	if k, err := a.CreateAPIKey(t.Context(), r.amina(), access.NewKey{Role: access.Owner}); !errors.Is(err, errStore) || !reflect.DeepEqual(k, access.MadeKey{}) {
		t.Errorf("a key: %+v, %v", k, err)
	}
	r.calls, r.broken = nil, 7
	if in, err := a.SignIn(t.Context(), 1, aminaEmail, goodPassword, "", access.Browser{}); !errors.Is(err, errStore) || !reflect.DeepEqual(in, access.SignedIn{}) {
		t.Errorf("a session: %+v, %v", in, err)
	}
}

// TestAnErrorSaysWhatWasDone checks that an error names the use case and wraps the cause.
func TestAnErrorSaysWhatWasDone(t *testing.T) {
	want := map[string]string{
		"a vendor's key": "create API key", "a key makes a key": "create API key", "a key replaces itself": "rotate API key", "a key is revoked": "revoke API key", "the keys": "list API keys", "one key": "show API key", "a key is known": "look up API key", "a person": "invite",
		"somebody signs in": "sign in", "a session is known": "look up session", "somebody signs out": "sign out", "the approvals": "list approvals",
		"an act is allowed": "decide approval " + id.ID{15: 1}.Text(id.Approval),
	}
	for _, o := range slices.Concat(signings(), changings(), decisions(), devices()) {
		if says, ok := want[o.name]; ok {
			if _, err := o.runs(t, 1); fmt.Sprint(err) != says+": the store failed" {
				t.Errorf("%s: %v, want it to say %q", o.name, err, says)
			}
		}
	}
}

// TestABrokenDoerIsAnError: the error of an approved action comes back, and the approval stays open for another attempt.
func TestABrokenDoerIsAnError(t *testing.T) {
	r := newRows(t)
	a := r.access(rand.Reader)
	a.Serve(access.Executors{access.ActTariff: func(context.Context, access.Actor, []byte) (access.Done, error) { return access.Done{}, errStore }})
	approval := r.waits(access.ApprovalWaiting)
	d, err := a.Decide(t.Context(), finance(), approval, access.Decision{Allow: true, Reason: ""})
	if want := "carry out what approval " + approval + " allows: the store failed"; !errors.Is(err, errStore) || err.Error() != want || r.approvals[0].State != access.ApprovalGiven {
		t.Errorf("decided %+v, %v, want %q; the approval is %s", d, err, want, r.approvals[0].State)
	}
}

// TestAnActThatCannotBeWrittenDownIsAnError: an action that cannot be encoded for its approval is an error.
func TestAnActThatCannotBeWrittenDownIsAnError(t *testing.T) {
	r := newRows(t)
	eyes, err := access.SecondPerson(r, r.amina(), access.ActRequest{Act: access.ActTariff, Body: func() {}}, r.now)
	if err == nil || !strings.HasPrefix(err.Error(), "store the approval of tariff.publish: ") || len(r.calls) > 0 {
		t.Errorf("%+v, %v, calls %v", eyes, err, r.calls)
	}
}
