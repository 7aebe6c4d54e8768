package access_test

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/store"
)

const rightWords = "a few unrelated words"

// strict is a world in which second factors are compulsory.
func strict(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	data, err := keystore.OpenData(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if w.Access, err = access.New(access.Config{Hasher: data, Vault: data, Door: door{w.engine}, Now: w.clock, Rand: rand.Reader, Argon: cheap()}); err != nil {
		t.Fatal(err)
	}
	w.amina(t)
	return w
}

func (w *world) prove(t *testing.T, s access.Secret, code string, want refusal.Code) access.Proved {
	t.Helper()
	out, err := w.Prove(t.Context(), store.FirstTenant, s.Reveal(), code, access.Browser{IP: "192.0.2.7"})
	if err != nil || out.Code != want {
		t.Fatalf("prove with %q: got %q, %v, want %q", code, out.Code, err, want)
	}
	return out
}

func (w *world) setUp(t *testing.T, s access.Secret) access.Secret {
	t.Helper()
	f, err := w.SetUpFactor(t.Context(), store.FirstTenant, s.Reveal())
	if err != nil || f.Refused() {
		t.Fatal(f.Detail(), err)
	}
	return f.Secret
}

func (w *world) app(t *testing.T, factor access.Secret) string {
	t.Helper()
	code, err := totp.GenerateCode(factor.Reveal(), w.now)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// TestTheLifeOfASecondFactor: an owner sets up an app at the first sign-in, signs in with its codes and with recovery codes, each once, and sets
// up another app after a reset.
func TestTheLifeOfASecondFactor(t *testing.T) {
	w := strict(t)
	in := w.signIn(t, rightWords, "", "")
	if in.Step != access.StepSetUp {
		t.Fatalf("the step is %q", in.Step)
	}
	w.session(t, in.Session, refusal.Unauthenticated) // the password alone opens nothing
	w.prove(t, in.Session, "123456", refusal.Unauthenticated)
	factor := w.setUp(t, in.Session)
	if again := w.setUp(t, in.Session); again.Reveal() != factor.Reveal() {
		t.Error("the page shows another secret when it is loaded again")
	}
	done := w.prove(t, in.Session, w.app(t, factor), "")
	if len(done.Recovery) != 8 || done.Session.Reveal() == in.Session.Reveal() {
		t.Errorf("%d recovery codes", len(done.Recovery))
	}
	w.session(t, in.Session, refusal.Unauthenticated)
	amina := w.session(t, done.Session, "")
	if f, err := w.SetUpFactor(t.Context(), store.FirstTenant, done.Session.Reveal()); err != nil || f.Code != refusal.Unauthenticated {
		t.Errorf("a session in use shows a secret: %q, %v", f.Code, err)
	}

	in = w.signIn(t, rightWords, "", "")
	if in.Step != access.StepCode {
		t.Fatalf("the step is %q", in.Step)
	}
	if f, err := w.SetUpFactor(t.Context(), store.FirstTenant, in.Session.Reveal()); err != nil || f.Code != refusal.Forbidden {
		t.Errorf("the password alone replaces the factor: %q, %v", f.Code, err)
	}
	w.prove(t, in.Session, w.app(t, factor), refusal.Unauthenticated) // this code was used
	w.now = w.now.Add(31 * time.Second)
	w.prove(t, in.Session, w.app(t, factor), "")

	in = w.signIn(t, rightWords, "", "")
	if left := w.prove(t, in.Session, " "+done.Recovery[3].Reveal()+" ", "").Left; left != 7 {
		t.Errorf("%d recovery codes are left", left)
	}
	in = w.signIn(t, rightWords, "", "")
	w.prove(t, in.Session, done.Recovery[3].Reveal(), refusal.Unauthenticated)
	w.now = w.now.Add(11 * time.Minute)
	w.prove(t, in.Session, done.Recovery[4].Reveal(), refusal.Unauthenticated) // the session waits for 10 minutes

	juma := w.did(t)(w.Invite(t.Context(), boss(), access.NewPerson{Email: "juma@example.org", Role: access.Owner}))
	w.did(t)(w.Accept(t.Context(), store.FirstTenant, juma.Link.Reveal(), access.SecretOf(rightWords), ""))
	reset, err := w.Reset(t.Context(), amina, amina.ID.Text(id.Person))
	if err != nil || reset.Refused() {
		t.Fatal(reset.Detail(), err)
	}
	w.did(t)(w.Accept(t.Context(), store.FirstTenant, reset.Link.Reveal(), access.SecretOf(rightWords), ""))
	if in = w.signIn(t, rightWords, "", ""); in.Step != access.StepSetUp {
		t.Errorf("after a reset the step is %q", in.Step)
	}
	if other := w.setUp(t, in.Session); other.Reveal() == factor.Reveal() {
		t.Error("after a reset the secret is the old one")
	}
	if got := w.audited(t); got["factor.setup"] != 1 || got["signin.code"] != 1 || got["signin.recovery"] != 1 || got["signin.code-refused"] != 3 {
		t.Errorf("audit log: %v", got)
	}
}

// TestWhoNeedsASecondFactor: roles that may approve, make free tokens, or manage people, keys or settings need one; others sign in with the
// password.
func TestWhoNeedsASecondFactor(t *testing.T) {
	free := map[access.Role]bool{access.Operator: true, access.Support: true, access.Auditor: true, access.VendorAPI: true,
		access.CustomerRole: true, access.DeviceRole: true}
	for _, role := range access.Roles() {
		if got := role.NeedsFactor(); got == free[role] {
			t.Errorf("%s needs a second factor: %t", role, got)
		}
	}
}

// TestAnOldProofIsNotEnough: ten minutes after signing in, a person must sign in again before managing people, keys or settings, or making free
// tokens. Everything else goes on.
func TestAnOldProofIsNotEnough(t *testing.T) {
	w := strict(t)
	in := w.signIn(t, rightWords, "", "")
	session := w.prove(t, in.Session, w.app(t, w.setUp(t, in.Session)), "").Session
	invite := func(want refusal.Code) {
		t.Helper()
		by := w.session(t, session, "")
		out, err := w.Invite(t.Context(), by, access.NewPerson{Email: w.now.Format("150405") + "@example.org", Role: access.Support})
		if err != nil || out.Code != want {
			t.Errorf("invite: %q, %v, want %q", out.Code, err, want)
		}
		for _, right := range access.Rights() {
			if no := by.Needs(right); (no.Code == refusal.SignInAgain) != (want != "" && right.NeedsFreshProof()) {
				t.Errorf("%s: %q", right, no.Code)
			}
		}
	}
	w.now = w.now.Add(access.ProofFresh - time.Second)
	invite("")
	w.now = w.now.Add(time.Second)
	invite(refusal.SignInAgain)
}
