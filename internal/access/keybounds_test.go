package access_test

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
)

// TestALimitedKeyGetsNoWiderKey: a key with limits neither makes nor replaces a key that has fewer limits, even of the same person. The
// person may do so after signing in.
func TestALimitedKeyGetsNoWiderKey(t *testing.T) {
	w := newWorld(t)
	w.amina(t)
	amina := w.session(t, w.signIn(t, "a few unrelated words", "", "").Session, "")
	soon := w.now.Add(24 * time.Hour)
	issue := func(n access.NewKey) access.Key { t.Helper(); n.Role = access.Owner; return w.key(t, amina, n).Key }
	wide, brief, longer := access.NewKey{Name: "wide"}, access.NewKey{Name: "brief", ExpiresAt: soon}, access.NewKey{Name: "longer", ExpiresAt: soon.Add(time.Microsecond)}
	office := access.NewKey{Name: "office", From: []string{"10.0.0.0/8", "2001:db8::/32"}}
	desk := access.NewKey{Name: "desk", From: []string{"10.1.2.3", "2001:db8:1::/48"}}
	floor := access.NewKey{Name: "floor", From: []string{"10.0.0.0/9", "2001:db8::/32"}}
	street := access.NewKey{Name: "street", From: []string{"10.1.2.3", "192.0.2.1"}}
	for _, c := range []struct {
		name    string
		by, old access.NewKey
		want    string
	}{
		{"one that ends soon, one without an end", brief, wide, "key-outlives-maker"},
		{"one that ends soon, one that ends later", brief, longer, "key-outlives-maker"},
		{"one that ends later, one that ends soon", longer, brief, ""},
		{"one of the office, one from everywhere", office, wide, "key-networks-beyond-maker"},
		{"one of the office, one of the desk", office, desk, ""},
		{"one of the desk, one of the office", desk, office, "key-networks-beyond-maker"},
		{"one of a floor, one of the office, whose network begins with the same address", floor, office, "key-networks-beyond-maker"},
		{"one of the office, one of the street", office, street, "key-networks-beyond-maker"},
		{"one without limits, one of the street", wide, street, ""},
	} {
		by, old := issue(c.by), issue(c.old)
		w.now = w.now.Add(time.Minute)
		made, err := w.RotateAPIKey(t.Context(), by.Actor(), old.ID, time.Hour)
		if err != nil || made.Text != c.want {
			t.Errorf("%s: replaced: %q, %v, want %q", c.name, made.Text, err, c.want)
		}
		if end := made.Key.ExpiresAt; !by.ExpiresAt.IsZero() && end.After(by.ExpiresAt) {
			t.Errorf("%s: the new key ends at %s, after the one that replaced it", c.name, end)
		}
		c.old.Role = access.Owner
		if made, err := w.CreateAPIKey(t.Context(), by.Actor(), c.old); err != nil || made.Text != c.want {
			t.Errorf("%s: made: %q, %v, want %q", c.name, made.Text, err, c.want)
		}
		if made, err := w.RotateAPIKey(t.Context(), amina, old.ID, time.Hour); err != nil || made.Refused() {
			t.Errorf("%s: the person herself: %q, %v", c.name, made.Text, err)
		}
	}
	some := issue(wide)
	stale := amina
	stale.Stale = true
	for what, by := range map[string]access.Actor{"proof-too-old": stale, "key-not-valid": {Tenant: 1, Kind: access.APIKey, ID: id.ID{9}, Role: access.Owner, Answers: amina.ID}} {
		if made, err := w.RotateAPIKey(t.Context(), by, some.ID, 0); err != nil || made.Text != what {
			t.Errorf("replaced: %q, %v, want %q", made.Text, err, what)
		}
	}
}

// TestAKeyReplacesItselfWithinItsLife: the new key ends when the old one would have ended, so a stolen key cannot prolong its life.
func TestAKeyReplacesItselfWithinItsLife(t *testing.T) {
	w := newWorld(t)
	w.amina(t)
	old := w.key(t, boss(), access.NewKey{Role: access.Owner, ExpiresAt: w.now.Add(24 * time.Hour)}).Key
	w.now = w.now.Add(time.Hour)
	made, err := w.RotateAPIKey(t.Context(), old.Actor(), old.ID, time.Hour)
	if err != nil || made.Refused() || !made.Key.ExpiresAt.Equal(old.ExpiresAt) {
		t.Errorf("the new key ends at %s, want %s; %s, %v", made.Key.ExpiresAt, old.ExpiresAt, made.Detail(), err)
	}
}

// TestAReplacedKeyOfNobodyStaysOne: the key that replaces a key of nobody belongs to nobody too. It makes and replaces no keys, and moves no
// value once there are people.
func TestAReplacedKeyOfNobodyStaysOne(t *testing.T) {
	w := newWorld(t)
	old := w.key(t, boss(), access.NewKey{Role: access.Owner})
	made, err := w.RotateAPIKey(t.Context(), boss(), old.Key.ID, time.Hour)
	if err != nil || made.Refused() {
		t.Fatal(err, made.Detail())
	}
	w.person(t, "juma@example.org", access.Owner)
	w.person(t, "neema@example.org", access.Owner)
	by := w.who(t, made.Secret.Reveal(), "")
	if got := outcome(w.tries(t, by, access.ActRequest{Act: access.ActSell, Body: struct{}{}, Takes: access.Takes{Amount: 1}})); got != string(refusal.Forbidden) {
		t.Errorf("it sells: %q", got)
	}
	if k, err := w.CreateAPIKey(t.Context(), by, access.NewKey{Role: access.Support}); err != nil || k.Text != "key-maker-without-person" {
		t.Errorf("it makes a key: %q, %v", k.Text, err)
	}
	if k, err := w.RotateAPIKey(t.Context(), by, by.ID, 0); err != nil || k.Text != "key-maker-without-person" {
		t.Errorf("it replaces itself: %q, %v", k.Text, err)
	}
}

// TestALimitedKeyGivesNobodyARight: an API key that ends, or works only from some networks, gives no person a right, because the person would
// have it without these limits. It may still take rights away.
func TestALimitedKeyGivesNobodyARight(t *testing.T) {
	w := newWorld(t)
	w.amina(t)
	amina := w.session(t, w.signIn(t, "a few unrelated words", "", "").Session, "")
	juma := w.joined(t, amina, "juma@example.org", access.Operator)
	who := juma.ID.Text(id.Person)
	issue := func(n access.NewKey) access.Actor {
		t.Helper()
		n.Role = access.Owner
		return w.key(t, amina, n).Key.Actor()
	}
	brief := issue(access.NewKey{Name: "brief", ExpiresAt: w.now.Add(24 * time.Hour)})
	office := issue(access.NewKey{Name: "office", From: []string{"10.0.0.0/8"}})
	wide := issue(access.NewKey{Name: "wide"})

	for _, by := range []access.Actor{brief, office} {
		for what, fn := range map[string]func() (access.Changed, error){
			"invite": func() (access.Changed, error) {
				return w.Invite(t.Context(), by, access.NewPerson{Email: "new@example.org", Name: "New", Role: access.Owner})
			},
			"promote": func() (access.Changed, error) { return w.ChangeRole(t.Context(), by, who, access.Owner, amina.Vendor) },
			"sidestep": func() (access.Changed, error) {
				return w.ChangeRole(t.Context(), by, who, access.Finance, amina.Vendor)
			},
			"new link":  func() (access.Changed, error) { return w.Reset(t.Context(), by, who) },
			"confirm":   func() (access.Changed, error) { return w.Confirm(t.Context(), by, who) },
			"unblocked": func() (access.Changed, error) { return w.Unblock(t.Context(), by, who) },
		} {
			if out, err := fn(); err != nil || out.Text != "key-gives-no-rights" {
				t.Errorf("%s by the key %s: %q, %v, want a refusal", what, by.Name, out.Text, err)
			}
		}
	}

	w.did(t)(w.ChangeRole(t.Context(), wide, who, access.Engineer, amina.Vendor))
	w.did(t)(w.ChangeRole(t.Context(), office, who, access.Installer, amina.Vendor))
	w.did(t)(w.Block(t.Context(), brief, who))
	w.did(t)(w.Unblock(t.Context(), wide, who))
	w.did(t)(w.Invite(t.Context(), wide, access.NewPerson{Email: "new@example.org", Name: "New", Role: access.Operator}))
}

// TestKeyBoundsHoldRights: a key has no right that its person lacks, or that the key through which it is made lacks.
func TestKeyBoundsHoldRights(t *testing.T) {
	none := access.Role("")
	for _, c := range []struct {
		name                  string
		person, through, role access.Role // through is the role of the key that makes the key; none for a session
		want                  string
	}{
		{"a person without a role", none, none, access.Support, "key-beyond-person"},
		{"an owner", access.Owner, none, access.Finance, ""},
		{"a supervisor", access.Supervisor, none, access.Operator, "key-beyond-person"},
		{"an owner through a supervisor's key", access.Owner, access.Supervisor, access.Operator, "key-beyond-maker"},
		{"an owner through an operator's key", access.Owner, access.Operator, access.Operator, ""},
	} {
		r := newRows(t)
		r.becomes(c.person)
		by := r.amina()
		if c.through != none {
			by.Kind, by.ID, by.Answers = access.APIKey, id.ID{5}, by.ID
			r.keys[[32]byte{5}] = access.Key{ID: by.ID, Tenant: 1, Role: c.through, Answers: by.Answers}
		}
		if made, err := r.access(rand.Reader).CreateAPIKey(t.Context(), by, access.NewKey{Role: c.role}); err != nil || made.Text != c.want {
			t.Errorf("%s, a key of the role %s: %q, %v, want %q", c.name, c.role, made.Text, err, c.want)
		}
	}
	r := newRows(t)
	if made, err := r.access(rand.Reader).CreateAPIKey(t.Context(), boss(), access.NewKey{Role: access.Owner}); err != nil || made.Refused() {
		t.Errorf("the command line, a key of an owner: %q, %v", made.Text, err)
	}
}
