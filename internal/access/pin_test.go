package access_test

import (
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/storetest"
	"github.com/paywatt/paywatt/internal/vendor"
)

func TestPINsThatAreEasyToGuessAreRefused(t *testing.T) {
	for pin, want := range map[string]string{
		"271828": "", "102948": "", "123465": "", "112334": "", "900901": "", "123124": "", "135792": "",
		"": "form", "27182": "form", "2718281": "form", "27182x": "form", "27 182": "form", "２７１８２８": "form", "-12345": "form",
		"000000": "simple", "111112": "simple", "121212": "simple", "122122": "simple", "112211": "simple", "999000": "simple",
		"123456": "simple", "654321": "simple", "890123": "simple", "210987": "simple", "123123": "simple", "750750": "simple", "112233": "simple", "998877": "simple", "889900": "simple",
		"123321": "simple", "789456": "simple", "147258": "simple", "159753": "simple", "111234": "simple", "135791": "simple", "102030": "simple", "111222": "simple",
		"012777": "simple", "808182": "simple",
	} {
		no := access.CheckPIN(pin)
		got := map[string]string{"": "", "The PIN is not 6 digits.": "form", "The PIN is too easy to guess.": "simple"}[no.What]
		if got != want || no.Refused() != (want != "") {
			t.Errorf("%q: %q, want %q", pin, no.What, want)
		}
	}
}

// TestAPINOpensSellingOnly: whatever the role of its person, a session that was opened with a PIN has no right but those of the counter.
func TestAPINOpensSellingOnly(t *testing.T) {
	counter := []access.Right{access.Quote, access.Sell, access.ReadVends, access.ShowTokens, access.ReadTariffs, access.ReadFloat}
	for _, role := range access.Roles() {
		by := access.Actor{Kind: access.Person, ID: id.ID{1}, Role: role, Vendor: shop(), Session: id.ID{2}, Stale: true}
		atCounter := by
		atCounter.Device = id.ID{3}
		for _, right := range access.Rights() {
			want := by.May(right) && slices.Contains(counter, right)
			if got := atCounter.May(right); got != want {
				t.Errorf("%s with a PIN may %s: %t, want %t", role, right, got, want)
			}
			no := atCounter.Needs(right)
			if no.Refused() == want {
				t.Errorf("%s with a PIN needs %s: %q", role, right, no.What)
			}
			if by.May(right) && !want && no.Code != refusal.SignInAgain {
				t.Errorf("%s with a PIN lacks %s: %q, want a hint to sign in with the password", role, right, no.Code)
			}
		}
	}
}

// counter is a world with a person of a vendor, and a person's session opened with the password.
func counter(t *testing.T) (w *world, amina, juma access.Actor) {
	t.Helper()
	w = newWorld(t)
	w.amina(t)
	amina = w.signIn(t, "a few unrelated words", "", "").Actor
	var shop id.ID
	w.run(t, func(tx *store.Tx) (err error) {
		if shop, err = tx.NewID(); err != nil {
			return err
		}
		return tx.AddVendor(vendor.Vendor{ID: shop, Code: "V1", Name: "Corner shop", Billing: vendor.PrepaidFloat})
	})
	invited := w.did(t)(w.Invite(t.Context(), amina, access.NewPerson{Email: "juma@example.org", Role: access.VendorAPI, Vendor: shop}))
	w.did(t)(w.Accept(t.Context(), 1, invited.Link.Reveal(), access.SecretOf("a few unrelated words"), ""))
	return w, amina, w.jumaNow(t)
}

// jumaNow signs Juma in with the password.
func (w *world) jumaNow(t *testing.T) access.Actor {
	t.Helper()
	in, err := w.SignIn(t.Context(), store.FirstTenant, "juma@example.org", "a few unrelated words", "", access.Browser{})
	if err != nil || in.Refused() {
		t.Fatal(in.Detail(), err)
	}
	return w.session(t, in.Session, "")
}

func (w *world) register(t *testing.T, by access.Actor, want refusal.Code) access.RegisteredDevice {
	t.Helper()
	d, err := w.RegisterDevice(t.Context(), by, access.NewDevice{Name: " Counter 1 ", PIN: access.SecretOf("271828")})
	if err != nil || d.Code != want {
		t.Fatalf("register: %q (%s), %v, want %q", d.Code, d.Detail(), err, want)
	}
	return d
}

func (w *world) pin(t *testing.T, d access.RegisteredDevice, pin string, want refusal.Code) access.SignedIn {
	t.Helper()
	in, err := w.SignInByPIN(t.Context(), store.FirstTenant, d.Secret.Reveal(), pin, "", access.Browser{IP: "192.0.2.7"})
	if err != nil || in.Code != want || in.Refused() == (in.Session.Reveal() != "") {
		t.Fatalf("PIN %s: %q (%s), %v, want %q", pin, in.Code, in.Detail(), err, want)
	}
	return in
}

func TestADeviceFromRegisteringToRevoking(t *testing.T) {
	w, amina, juma := counter(t)
	d := w.register(t, juma, "")
	if d.Device.Name != "Counter 1" || d.Device.Person != juma.ID || len(d.Secret.Reveal()) != 43 || !strings.HasPrefix(d.Device.PIN, "$argon2id$") {
		t.Errorf("registered %+v", d.Device)
	}
	in := w.pin(t, d, "271828", "")
	by := w.session(t, in.Session, "")
	if by.Device != d.Device.ID || !by.Stale || by.Vendor != juma.Vendor || by.ID != juma.ID || !by.May(access.Sell) {
		t.Errorf("the actor of the PIN is %+v", by)
	}
	// With the PIN alone, the account itself is out of reach.
	w.register(t, by, refusal.SignInAgain)
	if done, err := w.RevokeDevice(t.Context(), by, "juma@example.org", d.Device.ID.Text(id.Device)); err != nil || done.Code != refusal.SignInAgain {
		t.Errorf("revoked with the PIN: %q, %v", done.Code, err)
	}
	if done, err := w.EndSessions(t.Context(), by, "juma@example.org"); err != nil || done.Code != refusal.SignInAgain {
		t.Errorf("ended sessions with the PIN: %q, %v", done.Code, err)
	}
	if done, err := w.EndOtherSessions(t.Context(), by, in.Session.Reveal()); err != nil || done.Code != refusal.SignInAgain {
		t.Errorf("ended other sessions with the PIN: %q, %v", done.Code, err)
	}
	other, err := w.RevokeDevice(t.Context(), amina, amina.ID.Text(id.Person), d.Device.ID.Text(id.Device))
	if err != nil || other.Code != refusal.NotFound {
		t.Errorf("revoked as a device of somebody else: %q, %v", other.Code, err)
	}
	if l, err := w.Devices(t.Context(), amina, "juma@example.org"); err != nil || len(l.Data) != 1 || l.Data[0].ID != d.Device.ID || l.Data[0].UsedAt.IsZero() {
		t.Errorf("devices: %+v, %v", l, err)
	}
	if l, err := w.Devices(t.Context(), juma, amina.ID.Text(id.Person)); err != nil || l.Code != refusal.Forbidden {
		t.Errorf("devices of somebody else: %q, %v", l.Code, err)
	}
	if done, err := w.RevokeDevice(t.Context(), juma, "juma@example.org", d.Device.ID.Text(id.Device)); err != nil || done.Refused() {
		t.Errorf("revoke: %q, %v", done.Code, err)
	}
	w.session(t, in.Session, refusal.Unauthenticated)
	w.pin(t, d, "271828", refusal.Unauthenticated)
	if l, err := w.Devices(t.Context(), juma, "juma@example.org"); err != nil || len(l.Data) != 0 {
		t.Errorf("devices after revoking: %+v, %v", l, err)
	}
	if got := w.audited(t); got["person.register-device"] != 1 || got["signin.pin"] != 1 || got["person.revoke-device"] != 1 || got["signin.pin-refused"] != 0 {
		t.Errorf("audit log: %v", got)
	}
}

// TestWhoMayRegisterADevice: people who sell for a vendor, shortly after the password, at most five times.
func TestWhoMayRegisterADevice(t *testing.T) {
	w, amina, juma := counter(t)
	w.register(t, amina, refusal.Forbidden)
	w.register(t, boss(), refusal.Forbidden)
	key := w.who(t, w.key(t, boss(), access.NewKey{Role: access.VendorAPI, Vendor: juma.Vendor}).Secret.Reveal(), "")
	w.register(t, key, refusal.Forbidden)
	old := juma
	old.Stale = true
	w.register(t, old, refusal.SignInAgain)
	for _, n := range []access.NewDevice{{Name: "", PIN: access.SecretOf("271828")}, {Name: "a\nb", PIN: access.SecretOf("271828")}, {Name: "Counter", PIN: access.SecretOf("123456")},
		{Name: "A name that is longer than forty characters", PIN: access.SecretOf("271828")}} {
		if d, err := w.RegisterDevice(t.Context(), juma, n); err != nil || d.Code != refusal.InvalidRequest {
			t.Errorf("%q: %q, %v", n.Name, d.Code, err)
		}
	}
	for range access.MaxDevices {
		w.register(t, juma, "")
	}
	w.register(t, juma, refusal.InvalidRequest)
	l, err := w.Devices(t.Context(), juma, "juma@example.org")
	if err != nil || len(l.Data) != access.MaxDevices {
		t.Fatalf("devices: %+v, %v", l, err)
	}
	if done, err := w.RevokeDevice(t.Context(), amina, "juma@example.org", l.Data[0].ID.Text(id.Device)); err != nil || done.Refused() {
		t.Errorf("revoke: %q, %v", done.Code, err)
	}
	w.register(t, juma, "")
	if stale := w.later(t, juma); stale.Code != refusal.SignInAgain {
		t.Errorf("ten minutes after signing in: %q", stale.Code)
	}
}

// later tries to register a device ten minutes after signing in.
func (w *world) later(t *testing.T, juma access.Actor) access.RegisteredDevice {
	t.Helper()
	in, err := w.SignIn(t.Context(), store.FirstTenant, juma.Name, "a few unrelated words", "", access.Browser{})
	if err != nil || in.Refused() {
		t.Fatal(in.Detail(), err)
	}
	w.now = w.now.Add(access.ProofFresh)
	return w.register(t, w.session(t, in.Session, ""), refusal.SignInAgain)
}

func TestFiveWrongPINsInARowRevokeTheDevice(t *testing.T) {
	w, _, juma := counter(t)
	d := w.register(t, juma, "")
	open := w.pin(t, d, "271828", "")
	for range access.MaxWrongPINs - 1 {
		w.pin(t, d, "314159", refusal.Unauthenticated)
	}
	w.pin(t, d, "271828", "") // the right one gives the tries back
	for left := access.MaxWrongPINs - 1; left > 0; left-- {
		if in := w.pin(t, d, "271828271828", refusal.Unauthenticated); in.What != "The PIN is wrong. Tries left: "+string(rune('0'+left))+"." {
			t.Errorf("with %d tries left: %q", left, in.What)
		}
	}
	w.session(t, open.Session, "")
	if in := w.pin(t, d, "", refusal.Unauthenticated); in.What != "This browser can no longer sign in with a PIN." {
		t.Errorf("after the last try: %q", in.What)
	}
	w.pin(t, d, "271828", refusal.Unauthenticated)
	w.session(t, open.Session, refusal.Unauthenticated)
	if got := w.audited(t); got["signin.pin-refused"] != 2*access.MaxWrongPINs-1 || got["person.revoke-device"] != 1 || got["signin.pin"] != 2 {
		t.Errorf("audit log: %v", got)
	}
	w.register(t, juma, "")
}

// TestEveryChangeOfAPersonRevokesTheDevices: another role, a block, a reset and a new password.
func TestEveryChangeOfAPersonRevokesTheDevices(t *testing.T) {
	for name, change := range map[string]func(*world, access.Actor, access.Actor) (access.Changed, error){
		"role": func(w *world, by, juma access.Actor) (access.Changed, error) {
			return w.ChangeRole(t.Context(), by, juma.Name, access.VendorAPI, juma.Vendor)
		},
		"block": func(w *world, by, juma access.Actor) (access.Changed, error) {
			return w.Block(t.Context(), by, juma.Name)
		},
		"unblock": func(w *world, by, juma access.Actor) (access.Changed, error) {
			return w.Unblock(t.Context(), by, juma.Name)
		},
		"reset": func(w *world, by, juma access.Actor) (access.Changed, error) {
			return w.Reset(t.Context(), by, juma.Name)
		},
	} {
		w, amina, juma := counter(t)
		d := w.register(t, juma, "")
		in := w.pin(t, d, "271828", "")
		w.did(t)(change(w, amina, juma))
		w.session(t, in.Session, refusal.Unauthenticated)
		w.pin(t, d, "271828", refusal.Unauthenticated)
		w.run(t, func(tx *store.Tx) error {
			if l, err := tx.Devices().DevicesOf(juma.ID); err != nil || len(l) > 0 {
				t.Errorf("%s: %+v, %v", name, l, err)
			}
			return nil
		})
	}
}

// TestASessionOfAPINEndsAsOthersDo: after the idle time and the longest life.
func TestASessionOfAPINEndsAsOthersDo(t *testing.T) {
	w, _, juma := counter(t)
	in := w.pin(t, w.register(t, juma, ""), "271828", "")
	w.now = w.now.Add(access.SessionIdle - time.Second)
	w.session(t, in.Session, "")
	w.now = w.now.Add(access.SessionIdle)
	w.session(t, in.Session, refusal.Unauthenticated)
}

// TestADeviceNeedsItsSessionToTheEnd: hashing a PIN takes a while. A session that ended meanwhile, or grew old, registers no device.
func TestADeviceNeedsItsSessionToTheEnd(t *testing.T) {
	w, amina, juma := counter(t)
	if done, err := w.EndSessions(t.Context(), amina, juma.Name); err != nil || done.Ended != 1 {
		t.Fatalf("%+v, %v", done, err)
	}
	w.register(t, juma, refusal.Unauthenticated)
	again := w.jumaNow(t)
	w.register(t, juma, refusal.Unauthenticated)
	w.now = w.now.Add(access.ProofFresh)
	w.register(t, again, refusal.SignInAgain)
	w.register(t, w.jumaNow(t), "")
}

// TestOnlyPeopleWhoSellForAVendorUseAPIN: even if their devices were not revoked.
func TestOnlyPeopleWhoSellForAVendorUseAPIN(t *testing.T) {
	for name, change := range map[string]func(*access.PersonRow){
		"somebody of the utility": func(p *access.PersonRow) { p.Role, p.Vendor = access.Operator, id.ID{} },
		"somebody blocked":        func(p *access.PersonRow) { p.Blocked = true },
		"somebody reset":          func(p *access.PersonRow) { p.Password = "" },
	} {
		w, _, juma := counter(t)
		d := w.register(t, juma, "")
		w.run(t, func(tx *store.Tx) error {
			p, _, err := tx.People().LockPerson(juma.ID)
			if err != nil {
				return err
			}
			change(&p)
			return tx.People().PutPerson(p)
		})
		w.pin(t, d, "271828", refusal.Unauthenticated)
		if o, err := w.DeviceOf(t.Context(), store.FirstTenant, d.Secret.Reveal()); err != nil || !o.Refused() {
			t.Errorf("%s has a device: %+v, %v", name, o, err)
		}
		r, err := w.RegisterDevice(t.Context(), juma, access.NewDevice{Name: "Counter 2", PIN: access.SecretOf("271828")})
		if err != nil || r.Code != refusal.Forbidden {
			t.Errorf("%s registers a device: %q, %v", name, r.Code, err)
		}
	}
}

// TestAPINReplacesTheSessionOfItsBrowser: signing in ends the browser's earlier session, and the oldest of too many.
func TestAPINReplacesTheSessionOfItsBrowser(t *testing.T) {
	w, _, juma := counter(t)
	d := w.register(t, juma, "")
	first := w.pin(t, d, "271828", "").Session
	second, err := w.SignInByPIN(t.Context(), store.FirstTenant, d.Secret.Reveal(), "271828", first.Reveal(), access.Browser{})
	if err != nil || second.Refused() {
		t.Fatal(second.Detail(), err)
	}
	w.session(t, first, refusal.Unauthenticated)
	for range access.MaxSessions + 1 {
		w.pin(t, d, "271828", "")
	}
	if l, err := w.Sessions(t.Context(), juma, juma.Name); err != nil || len(l.Data) != access.MaxSessions {
		t.Errorf("%d sessions, %v, want %d", len(l.Data), err, access.MaxSessions)
	}
}

// TestWhatHappensWhileAPINIsComparedCounts: comparing takes a while. If the device is revoked meanwhile, or its person is blocked, the right PIN
// opens no session.
func TestWhatHappensWhileAPINIsComparedCounts(t *testing.T) {
	for name, change := range map[string]func(*rows){
		"revoked": func(r *rows) { _ = r.RevokeDevice(id.ID{4}, r.now) },
		"blocked": func(r *rows) {
			p := r.people["juma@example.org"]
			p.Blocked = true
			r.people[p.Email] = p
		},
	} {
		r := newRows(t)
		juma, a, done := withDevice(r), r.access(rand.Reader), 0
		r.between = func() {
			if done++; done == 2 { // after the try was stored
				change(r)
			}
		}
		before, err := r.LoginsOf(juma.ID)
		if err != nil {
			t.Fatal(err)
		}
		in, err := a.SignInByPIN(t.Context(), 1, "cookie", "271828", "", access.Browser{})
		if err != nil || in.Code != refusal.Unauthenticated || done != 2 {
			t.Errorf("%s after %d transactions: %+v, %v", name, done, in.Refusal, err)
		}
		if after, err := r.LoginsOf(juma.ID); err != nil || len(after) != len(before) {
			t.Errorf("%s: %d sessions, %v, want %d", name, len(after), err, len(before))
		}
	}
}

// TestTheAuditLogSaysWhyADeviceWasRevoked: wrong PINs and changes of the person are told apart from a wish.
func TestTheAuditLogSaysWhyADeviceWasRevoked(t *testing.T) {
	w, amina, juma := counter(t)
	wish, guessed := w.register(t, juma, ""), w.register(t, juma, "")
	w.register(t, juma, "")
	if done, err := w.RevokeDevice(t.Context(), amina, juma.Name, wish.Device.ID.Text(id.Device)); err != nil || done.Refused() {
		t.Fatal(done.Detail(), err)
	}
	for range access.MaxWrongPINs {
		w.pin(t, guessed, "314159", refusal.Unauthenticated)
	}
	w.did(t)(w.Block(t.Context(), amina, juma.Name))
	var got []string
	w.run(t, func(tx *store.Tx) error {
		_, log, err := storetest.AuditPage(tx, id.ID{}, 1000)
		got = nil // the engine may repeat a closure
		for _, e := range log {
			if e.Action == "person.revoke-device" {
				got = append(got, e.Actor+": "+e.Reason)
			}
		}
		return err
	})
	slices.Sort(got)
	if want := []string{"person amina@example.org: ", "person amina@example.org: person.block", "person juma@example.org: 5 wrong PINs in a row"}; !slices.Equal(got, want) {
		t.Errorf("the audit log has %q, want %q", got, want)
	}
}
