package access_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/store/storetest"
	"net/netip"
)

// door opens a store for the use cases of this package, as the application does.
type door struct{ e store.Engine }

func (d door) Do(ctx context.Context, t access.Tenant, fn func(access.Tx) (bool, error)) error {
	return d.e.Run(ctx, t, store.Sale, func(tx *store.Tx) (bool, error) { return fn(tx) })
}

func (d door) View(ctx context.Context, t access.Tenant, fn func(access.Tx) error) error {
	return d.e.View(ctx, t, func(tx *store.Tx) error { return fn(tx) })
}

// world is an Access on a fresh database with its own clock and a second tenant.
type world struct {
	*access.Access
	engine store.Engine
	dir    string
	now    time.Time
	other  access.Tenant
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), now: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)}
	e, err := sqlite.Open(w.dir, sqlite.Options{Reserve: -1, Rehearse: true, Now: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	w.engine = e
	if w.Access, err = access.New(access.Config{Hasher: storetest.Hasher{}, FactorOptional: true, Door: door{e}, Now: w.clock, Rand: rand.Reader, Argon: cheap()}); err != nil {
		t.Fatal(err)
	}
	err = e.Run(t.Context(), store.FirstTenant, store.Job, func(tx *store.Tx) (_ bool, err error) {
		w.other, err = storetest.NewTenant(tx, "another utility")
		return false, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) clock() time.Time { return w.now }

func boss() access.Actor { return access.SystemActor(store.FirstTenant, "test") }

func (w *world) key(t *testing.T, by access.Actor, n access.NewKey) access.MadeKey {
	t.Helper()
	k, err := w.CreateAPIKey(t.Context(), by, n)
	if err != nil || k.Refused() {
		t.Fatalf("create API key: %v %s", err, k.Detail())
	}
	return k
}

// who checks the refusal code of a secret; "" means that the secret is valid.
func (w *world) who(t *testing.T, secret string, want refusal.Code) access.Actor {
	t.Helper()
	k, err := w.ByAPIKey(t.Context(), secret, netip.Addr{})
	if err != nil || k.Code != want {
		t.Fatalf("API key: got %q, %v, want %q", k.Code, err, want)
	}
	return k.Actor
}

// TestAKeyEndsWithItsPerson: blocking a person disables that person's keys; unblocking enables them again.
func TestAKeyEndsWithItsPerson(t *testing.T) {
	w := newWorld(t)
	w.amina(t)
	hers := w.key(t, boss(), access.NewKey{Role: access.Owner, Person: "amina@example.org"}).Secret.Reveal()
	made := w.key(t, w.who(t, hers, ""), access.NewKey{Role: access.Operator}).Secret.Reveal() // Amina makes it herself, through her key
	for status, want := range map[string]refusal.Code{"blocked": refusal.Unauthenticated, "active": ""} {
		w.run(t, func(tx *store.Tx) error {
			_, err := tx.C.Exec(`UPDATE person SET status = $1 WHERE email = $2`, status, "amina@example.org")
			return err
		})
		w.who(t, hers, want)
		w.who(t, made, want)
	}
}

func TestAPIKeyLives(t *testing.T) {
	w := newWorld(t)
	k := w.key(t, boss(), access.NewKey{Role: access.Operator, Name: "till3", ExpiresAt: w.now.Add(time.Hour)})
	secret := k.Secret.Reveal()
	by := w.who(t, secret, "")
	if by.Tenant != store.FirstTenant || by.Kind != access.APIKey || by.Role != access.Operator || by.ID != k.Key.ID || by.String() != "apikey till3" {
		t.Errorf("the key's actor is %+v", by)
	}
	w.who(t, secret+"x", refusal.Unauthenticated)
	w.who(t, secret[:len(secret)-1], refusal.Unauthenticated)
	w.who(t, "", refusal.Unauthenticated)
	w.who(t, secret[:len(secret)-2]+"AA", refusal.Unauthenticated)

	w.now = w.now.Add(time.Hour - time.Microsecond)
	w.who(t, secret, "")
	w.now = w.now.Add(time.Microsecond)
	w.who(t, secret, refusal.Unauthenticated)

	forever := w.key(t, boss(), access.NewKey{Role: access.Owner})
	if by := w.who(t, forever.Secret.Reveal(), ""); by.Name != forever.Key.ID.Text(id.Key) {
		t.Errorf("a key without a name is called %q", by.Name)
	}
	for n, want := range []refusal.Code{"", refusal.NotFound} {
		if r, err := w.RevokeAPIKey(t.Context(), boss(), forever.Key.ID); err != nil || r.Code != want {
			t.Errorf("revoking, time %d: got %q, %v, want %q", n+1, r.Code, err, want)
		}
	}
	w.who(t, forever.Secret.Reveal(), refusal.Unauthenticated)

	list, err := w.APIKeys(t.Context(), boss(), id.ID{})
	if err != nil || len(list.Data) != 2 || list.Data[0] != used(k.Key, w.now.Add(-time.Hour)) || list.Data[1].RevokedAt.IsZero() {
		t.Errorf("list: %+v, %v", list, err)
	}
	if rest, err := w.APIKeys(t.Context(), boss(), k.Key.ID); err != nil || len(rest.Data) != 1 {
		t.Errorf("list after the first: %+v, %v", rest, err)
	}
}

func TestAPIKeyIsRefusedWithReason(t *testing.T) {
	w := newWorld(t)
	for name, n := range map[string]access.NewKey{
		"unknown role":        {Role: "root"},
		"no role":             {},
		"powerless role":      {Role: access.CustomerRole},
		"expired":             {Role: access.Owner, ExpiresAt: w.now},
		"name of two lines":   {Role: access.Owner, Name: "a\nb"},
		"cashier of a vendor": {Role: access.Operator, Vendor: id.ID{1}},
		"vendor of no vendor": {Role: access.VendorAPI},
		"long name":           {Role: access.Owner, Name: string(make([]byte, 65))},
	} {
		k, err := w.CreateAPIKey(t.Context(), boss(), n)
		if err != nil || k.Code != refusal.InvalidRequest || k.What == "" || k.Try == "" || k.Secret.Reveal() != "" {
			t.Errorf("%s: got %+v, %v", name, k.Refusal, err)
		}
	}
	unknown, err := w.CreateAPIKey(t.Context(), boss(), access.NewKey{Role: "root"})
	if want := "Use one of these roles: owner, tariff_manager, engineer, operator, supervisor, finance, support, installer, auditor, vendor_api."; err != nil || unknown.Try != want {
		t.Errorf("%q, %v; want %q", unknown.Try, err, want)
	}
	k, err := w.CreateAPIKey(t.Context(), boss(), access.NewKey{Role: access.VendorAPI, Vendor: id.ID{1}})
	if err != nil || k.Code != refusal.NotFound {
		t.Errorf("unknown vendor: got %q, %v", k.Code, err)
	}
	for _, role := range access.Roles() {
		if role == access.Owner {
			continue
		}
		by := access.Actor{Tenant: store.FirstTenant, Role: role}
		k, err := w.CreateAPIKey(t.Context(), by, access.NewKey{Role: access.Owner})
		if err != nil || k.Code != refusal.Forbidden {
			t.Errorf("%s made a key: %q, %v", role, k.Code, err)
		}
		r, err := w.RevokeAPIKey(t.Context(), by, id.ID{1})
		if err != nil || r.Code != refusal.Forbidden {
			t.Errorf("%s revoked a key: %q, %v", role, r.Code, err)
		}
		l, err := w.APIKeys(t.Context(), by, id.ID{})
		if err != nil || l.Code != refusal.Forbidden {
			t.Errorf("%s listed keys: %q, %v", role, l.Code, err)
		}
	}
}

func TestTenantsDoNotSeeEachOther(t *testing.T) {
	w := newWorld(t)
	mine := w.key(t, boss(), access.NewKey{Role: access.Owner})
	theirs := access.SystemActor(w.other, "test")
	other := w.key(t, theirs, access.NewKey{Role: access.Operator})
	if by := w.who(t, other.Secret.Reveal(), ""); by.Tenant != w.other {
		t.Errorf("their key opens tenant %d, want %d", by.Tenant, w.other)
	}
	if l, err := w.APIKeys(t.Context(), theirs, id.ID{}); err != nil || len(l.Data) != 1 || l.Data[0].ID != other.Key.ID {
		t.Errorf("their list: %+v, %v", l.Data, err)
	}
	if r, err := w.RevokeAPIKey(t.Context(), theirs, mine.Key.ID); err != nil || r.Code != refusal.NotFound {
		t.Errorf("they revoked our key: %q, %v", r.Code, err)
	}
	w.who(t, mine.Secret.Reveal(), "")
	amina := access.NewOwner{Email: "amina@example.org", Password: access.SecretOf("a few unrelated words")}
	for _, by := range []access.Actor{boss(), theirs} { // both tenants have a person with the same address
		if p, err := w.CreateOwner(t.Context(), by, amina); err != nil || p.Refused() {
			t.Fatalf("tenant %d: %v %s", by.Tenant, err, p.Detail())
		}
	}
	in := w.signIn(t, "a few unrelated words", "", "")
	if k, err := w.ByLogin(t.Context(), w.other, in.Session.Reveal()); err != nil || k.Code != refusal.Unauthenticated {
		t.Errorf("our session opens their tenant: %q, %v", k.Code, err)
	}
}

func TestOwnerIsMadeOnce(t *testing.T) {
	w := newWorld(t)
	own := func(email, password string, want refusal.Code) {
		t.Helper()
		p, err := w.CreateOwner(t.Context(), boss(), access.NewOwner{Email: email, Password: access.SecretOf(password)})
		if err != nil || p.Code != want {
			t.Errorf("%s: got %q, %v, want %q", email, p.Code, err, want)
		}
	}
	add := func(by access.Actor, email string, role access.Role, want refusal.Code) {
		t.Helper()
		p, err := w.Invite(t.Context(), by, access.NewPerson{Email: email, Role: role})
		if err != nil || p.Code != want {
			t.Errorf("%s: got %q, %v, want %q", email, p.Code, err, want)
		}
	}
	const good = "a few unrelated words"
	own("a@example.org", "short", refusal.InvalidRequest)
	own("nobody", good, refusal.InvalidRequest)
	own("a b@example.org", good, refusal.InvalidRequest)
	own(" A@Example.org ", good, "")
	own("b@example.org", good, refusal.Forbidden)
	add(boss(), "a@EXAMPLE.org", access.Operator, refusal.InvalidRequest)
	add(boss(), "b@example.org", access.Operator, "")
	add(boss(), "c@example.org", "root", refusal.InvalidRequest)
	add(boss(), "c@example.org", access.DeviceRole, refusal.InvalidRequest)
	add(access.Actor{Tenant: store.FirstTenant, Role: access.Auditor}, "c@example.org", access.Owner, refusal.Forbidden)
}

func (w *world) signIn(t *testing.T, password, old string, want refusal.Code) access.SignedIn {
	t.Helper()
	in, err := w.SignIn(t.Context(), store.FirstTenant, "Amina@example.org", password, old, access.Browser{IP: "192.0.2.7"})
	if err != nil || in.Code != want {
		t.Fatalf("sign in: got %q, %v, want %q", in.Code, err, want)
	}
	return in
}

func (w *world) session(t *testing.T, s access.Secret, want refusal.Code) access.Actor {
	t.Helper()
	k, err := w.ByLogin(t.Context(), store.FirstTenant, s.Reveal())
	if err != nil || k.Code != want {
		t.Fatalf("session at %s: got %q, %v, want %q", w.now.Format(time.TimeOnly), k.Code, err, want)
	}
	return k.Actor
}

func (w *world) amina(t *testing.T) {
	t.Helper()
	p, err := w.CreateOwner(t.Context(), boss(), access.NewOwner{Email: "amina@example.org", Name: "Amina", Password: access.SecretOf("a few unrelated words")})
	if err != nil || p.Refused() {
		t.Fatalf("%v %s", err, p.Detail())
	}
}

func TestSignInAndOut(t *testing.T) {
	w := newWorld(t)
	w.amina(t)
	w.signIn(t, "another few words", "", refusal.Unauthenticated)
	w.signIn(t, "", "", refusal.Unauthenticated)
	in := w.signIn(t, "a few unrelated words", "", "")
	by := w.session(t, in.Session, "")
	if by.Kind != access.Person || by.Role != access.Owner || by.Tenant != store.FirstTenant || by.ID != in.Actor.ID {
		t.Errorf("the session's actor is %+v", by)
	}
	if in, err := w.SignIn(t.Context(), store.FirstTenant, "nobody@example.org", "a few unrelated words", "", access.Browser{}); err != nil || in.Code != refusal.Unauthenticated {
		t.Errorf("unknown address: %q, %v", in.Code, err)
	}
	if err := w.SignOut(t.Context(), by, in.Session.Reveal()); err != nil {
		t.Fatal(err)
	}
	w.session(t, in.Session, refusal.Unauthenticated)
	if err := w.SignOut(t.Context(), by, in.Session.Reveal()); err != nil {
		t.Errorf("signing out twice: %v", err)
	}
	w.session(t, access.Secret{}, refusal.Unauthenticated)
	if got := w.audited(t); got["signin"] != 1 || got["signin.refused"] != 3 || got["signout"] != 1 {
		t.Errorf("audit log: %v, want 1 signin, 3 refused, 1 signout", got)
	}
}

// TestTheAuditLogSaysWhoLetWhomIn: the audit log says who made a person or a key, and who signed in from where.
func TestTheAuditLogSaysWhoLetWhomIn(t *testing.T) {
	w := newWorld(t)
	w.amina(t)
	in := w.signIn(t, "a few unrelated words", "", "")
	amina := w.session(t, in.Session, "")
	hers := amina.ID.Text(id.Person)
	const who, ip = "person amina@example.org", "192.0.2.7"
	wantLog(t, w, access.Entry{At: w.now, Actor: who, IP: ip, Action: "signin", Object: hers})
	w.signIn(t, "another few words", "", refusal.Unauthenticated)
	wantLog(t, w, access.Entry{At: w.now, Actor: "person", IP: ip, Action: "signin.refused", Object: hers})
	if in, err := w.SignIn(t.Context(), store.FirstTenant, "nobody@example.org", "a few unrelated words", "", access.Browser{IP: "192.0.2.8"}); err != nil || in.Code != refusal.Unauthenticated {
		t.Errorf("unknown address: %q, %v", in.Code, err)
	}
	wantLog(t, w, access.Entry{At: w.now, Actor: "person", IP: "192.0.2.8", Action: "signin.refused"})
	amina.IP = ip
	juma := w.did(t)(w.Invite(t.Context(), amina, access.NewPerson{Email: "Juma@example.org", Role: access.Operator}))
	his := juma.Person.ID.Text(id.Person)
	wantLog(t, w, access.Entry{At: w.now, Actor: who, IP: ip, Action: "person.invite", Object: his, After: "role=operator state=invited counts_as=" + hers})
	w.did(t)(w.Accept(t.Context(), 1, juma.Link.Reveal(), access.SecretOf("a few unrelated words"), "192.0.2.9"))
	wantLog(t, w, access.Entry{At: w.now, Actor: "person juma@example.org", IP: "192.0.2.9", Action: "person.accept", Object: his,
		Before: "role=operator state=invited counts_as=" + hers, After: "role=operator state=active counts_as=" + hers})
	w.did(t)(w.Confirm(t.Context(), boss(), his))
	wantLog(t, w, access.Entry{At: w.now, Actor: "system test", Action: "person.confirm", Object: his, SinglePerson: true,
		Before: "role=operator state=active counts_as=" + hers, After: "role=operator state=active"})
	k := w.key(t, amina, access.NewKey{Role: access.Support, Name: "desk"})
	wantLog(t, w, access.Entry{At: w.now, Actor: who, IP: ip, Action: "apikey.create", Object: k.Key.ID.Text(id.Key), After: "role=support name=desk"})
	if no, err := w.RevokeAPIKey(t.Context(), amina, k.Key.ID); err != nil || no.Refused() {
		t.Fatal(no.Detail(), err)
	}
	revoked := access.Entry{At: w.now, Actor: who, IP: ip, Action: "apikey.revoke", Object: k.Key.ID.Text(id.Key)}
	wantLog(t, w, revoked)
	if no, err := w.RevokeAPIKey(t.Context(), amina, k.Key.ID); err != nil || no.Code != refusal.NotFound {
		t.Errorf("revoked again: %q, %v", no.Code, err)
	}
	wantLog(t, w, revoked) // the audit log has no newer row
	if err := w.SignOut(t.Context(), amina, in.Session.Reveal()); err != nil {
		t.Fatal(err)
	}
	wantLog(t, w, access.Entry{At: w.now, Actor: who, IP: ip, Action: "signout", Object: hers})
}

// TestTheFirstOwnerIsAnOwner: the first owner gets the role owner even if another role was given, and signs in with it.
func TestTheFirstOwnerIsAnOwner(t *testing.T) {
	w := newWorld(t)
	p, err := w.CreateOwner(t.Context(), boss(), access.NewOwner{Email: "amina@example.org", Password: access.SecretOf("a few unrelated words")})
	if err != nil || p.Refused() || p.Person.Role != access.Owner {
		t.Fatalf("%+v %v", p, err)
	}
	if by := w.signIn(t, "a few unrelated words", "", "").Actor; by.Role != access.Owner || by.Kind != access.Person || by.Name != "amina@example.org" || by.Tenant != store.FirstTenant {
		t.Errorf("signed in as %+v", by)
	}
	w.block(t, "amina@example.org") // nobody is an owner now
	if p, err := w.CreateOwner(t.Context(), boss(), access.NewOwner{Email: "juma@example.org", Password: access.SecretOf("a few unrelated words")}); err != nil || p.Refused() {
		t.Errorf("a new owner where the only one is blocked: %q, %v", p.Code, err)
	}
	if p, err := w.CreateOwner(t.Context(), access.Actor{Tenant: store.FirstTenant, Role: access.Operator}, access.NewOwner{Email: "x@example.org", Password: access.SecretOf("a few unrelated words")}); err != nil || p.Code != refusal.Forbidden {
		t.Errorf("made by a cashier: %q, %v", p.Code, err)
	}
}

// TestAddressesAndNamesOfPeople tests one text just inside each limit and one text just outside it.
func TestAddressesAndNamesOfPeople(t *testing.T) {
	w := newWorld(t)
	long := func(n int) string { return strings.Repeat("a", n-len("@example.org")) + "@example.org" }
	for _, c := range []struct {
		email, name string
		ok          bool
	}{
		{"a@b", "", true}, {long(254), "", true}, {long(255), "", false}, {"b@example.org", strings.Repeat("n", 128), true},
		{"c@example.org", strings.Repeat("n", 129), false}, {"@example.org", "", false}, {"d@", "", false}, {"d.example.org", "", false},
		{"d@example@org", "", false}, {"d,e@example.org", "", false}, {"<d@example.org>", "", false}, {"d;@example.org", "", false}, {"d\t@example.org", "", false},
	} {
		p, err := w.Invite(t.Context(), boss(), access.NewPerson{Email: c.email, Name: c.name, Role: access.Support})
		if err != nil || p.Refused() == c.ok {
			t.Errorf("%q, %q: refused %t (%s), %v; want it taken %t", c.email, c.name, p.Refused(), p.Detail(), err, c.ok)
		}
	}
}

// TestALookIsNotedOnceAMinute: a session ends half an hour after the last recorded request; a request within a minute of the
// last one is not recorded.
func TestALookIsNotedOnceAMinute(t *testing.T) {
	if access.SessionIdle != 30*time.Minute || access.SessionLife != 12*time.Hour || access.MaxSessions != 20 {
		t.Errorf("a session ends after %s, after %s without a request, and one person has %d", access.SessionLife, access.SessionIdle, access.MaxSessions)
	}
	for after, prolonged := range map[time.Duration]bool{59 * time.Second: false, time.Minute: true} {
		w := newWorld(t)
		w.amina(t)
		in := w.signIn(t, "a few unrelated words", "", "")
		w.now = w.now.Add(after)
		w.session(t, in.Session, "")
		w.now = w.now.Add(access.SessionIdle - after)
		want := refusal.Unauthenticated
		if prolonged {
			want = ""
		}
		w.session(t, in.Session, want)
	}
}

// audited counts the audit rows of the first tenant by action.
func (w *world) audited(t *testing.T) map[string]int {
	t.Helper()
	out := map[string]int{}
	err := w.engine.View(t.Context(), store.FirstTenant, func(tx *store.Tx) error {
		_, rows, err := storetest.AuditPage(tx, id.ID{}, 1000)
		for _, e := range rows {
			out[e.Action]++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// fullDoor is the door of a full disk.
type fullDoor struct{ door }

func (fullDoor) Do(context.Context, access.Tenant, func(access.Tx) (bool, error)) error {
	return access.ErrFull
}

// TestASessionOnAFullDisk: on a full disk a session still reads until it ends, and is not prolonged.
func TestASessionOnAFullDisk(t *testing.T) {
	w := newWorld(t)
	w.amina(t)
	in := w.signIn(t, "a few unrelated words", "", "")
	var err error
	if w.Access, err = access.New(access.Config{Hasher: storetest.Hasher{}, FactorOptional: true, Door: fullDoor{door{w.engine}}, Now: w.clock, Rand: rand.Reader, Argon: cheap()}); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(access.SessionIdle - time.Minute)
	w.session(t, in.Session, "")
	w.now = w.now.Add(time.Minute)
	w.session(t, in.Session, refusal.Unauthenticated)
}

func TestSessionEndsWhenIdleAndAtItsEnd(t *testing.T) {
	w := newWorld(t)
	w.amina(t)
	idle := w.signIn(t, "a few unrelated words", "", "")
	w.now = w.now.Add(access.SessionIdle - time.Microsecond)
	w.session(t, idle.Session, "")
	w.now = w.now.Add(access.SessionIdle - time.Microsecond)
	w.session(t, idle.Session, "") // the previous request prolonged the session
	w.now = w.now.Add(access.SessionIdle)
	w.session(t, idle.Session, refusal.Unauthenticated)

	busy := w.signIn(t, "a few unrelated words", "", "")
	if want := w.now.Add(access.SessionLife); !busy.Expires.Equal(want) {
		t.Errorf("the session ends at %s, want %s", busy.Expires, want)
	}
	for end := w.now.Add(access.SessionLife); ; {
		w.now = w.now.Add(20 * time.Minute)
		if !w.now.Before(end) {
			break
		}
		w.session(t, busy.Session, "")
	}
	w.session(t, busy.Session, refusal.Unauthenticated)
}

func TestSigningInRotatesTheSessionAndBoundsTheirNumber(t *testing.T) {
	w := newWorld(t)
	w.amina(t)
	first := w.signIn(t, "a few unrelated words", "", "")
	second := w.signIn(t, "a few unrelated words", first.Session.Reveal(), "")
	if first.Session.Reveal() == second.Session.Reveal() {
		t.Error("signing in again gave the same session")
	}
	w.session(t, first.Session, refusal.Unauthenticated)
	for range access.MaxSessions - 1 {
		w.now = w.now.Add(time.Second)
		w.signIn(t, "a few unrelated words", "", "")
	}
	w.session(t, second.Session, "") // this is the largest number of sessions that is allowed
	w.now = w.now.Add(time.Second)
	w.signIn(t, "a few unrelated words", "", "")
	w.session(t, second.Session, refusal.Unauthenticated) // the oldest session made room
}

func TestBlockedPersonIsOutAtOnce(t *testing.T) {
	w := newWorld(t)
	w.amina(t)
	in := w.signIn(t, "a few unrelated words", "", "")
	err := w.engine.Run(t.Context(), store.FirstTenant, store.Sale, func(tx *store.Tx) (bool, error) {
		_, err := tx.C.Exec(`UPDATE person SET status = 'blocked' WHERE tenant_id = $1`, tx.Tenant)
		return false, err
	})
	if err != nil {
		t.Fatal(err)
	}
	w.session(t, in.Session, refusal.Unauthenticated)
	w.signIn(t, "a few unrelated words", "", refusal.Unauthenticated)
}

func TestDatabaseKeepsNoSecret(t *testing.T) {
	w := newWorld(t)
	w.amina(t)
	k := w.key(t, boss(), access.NewKey{Role: access.Owner})
	in := w.signIn(t, "a few unrelated words", "", "")
	files, err := os.ReadDir(w.dir)
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(w.dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []string{k.Secret.Reveal(), k.Secret.Reveal()[3:], in.Session.Reveal(), "a few unrelated words"} {
			if bytes.Contains(b, []byte(s)) {
				t.Errorf("%s holds a secret", f.Name())
			}
		}
	}
}
