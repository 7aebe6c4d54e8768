package registry_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
)

// letsIn reports whether a meter signs in with a password, and as whom.
func (w *world) letsIn(t *testing.T, number, password string) (registry.Identity, bool) {
	t.Helper()
	who, ok, err := w.MQTTIdentity(t.Context(), number, password)
	if err != nil {
		t.Fatal(err)
	}
	return who, ok
}

func (w *world) step(t *testing.T, by access.Actor, step registry.PasswordStep) registry.PasswordChange {
	t.Helper()
	done, err := w.ReplacePassword(t.Context(), by, number, step)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// stays reports whether a meter that has signed in may stay.
func (w *world) stays(t *testing.T, who registry.Identity) bool {
	t.Helper()
	stays, err := w.StillSignedIn(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	return stays
}

// TestAPasswordIsReplaced: with a next password the old one counts until the next one was used, and then ends, also for who is connected.
// With at_once it ends at once. After the end none counts, and a later new one lets the meter in again.
func TestAPasswordIsReplaced(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	old := w.add(t, tokenMeter(number)).MQTTPassword.Reveal()
	connected, ok := w.letsIn(t, number, old)
	if !ok || !w.stays(t, connected) {
		t.Fatal("the meter's password does not let it in")
	}
	dropped := w.step(t, boss(), registry.NextPassword)
	next := w.step(t, boss(), registry.NextPassword)
	if next.Meter.NextPasswordAt.IsZero() || next.Password.Reveal() == dropped.Password.Reveal() {
		t.Errorf("another next password: %+v", next.Meter)
	}
	if _, ok := w.letsIn(t, number, dropped.Password.Reveal()); ok {
		t.Error("a next password counts after another one has replaced it")
	}
	if _, ok := w.letsIn(t, number, old); !ok || !w.stays(t, connected) {
		t.Error("the old password ended before the new one was used")
	}
	used, ok := w.letsIn(t, number, next.Password.Reveal())
	if !ok {
		t.Fatal("the next password does not let the meter in")
	}
	if _, ok := w.letsIn(t, number, old); ok || w.stays(t, connected) {
		t.Error("the old password counts after the new one was used")
	}
	if again, ok := w.letsIn(t, number, next.Password.Reveal()); !ok || again != used || !w.stays(t, used) {
		t.Error("the new password counts only once")
	}
	last := w.step(t, boss(), registry.NewPassword)
	if _, ok := w.letsIn(t, number, next.Password.Reveal()); ok || w.stays(t, used) {
		t.Error("a password counts after it was replaced at once")
	}
	in, ok := w.letsIn(t, number, last.Password.Reveal())
	if !ok {
		t.Error("a password that was made at once does not count")
	}
	w.step(t, boss(), registry.NextPassword)
	if done := w.step(t, boss(), registry.EndPassword); done.Password.Reveal() != "" || !done.Meter.NextPasswordAt.IsZero() {
		t.Errorf("the end made a password, or left the next one: %+v", done)
	}
	for _, password := range []string{last.Password.Reveal(), ""} {
		if _, ok := w.letsIn(t, number, password); ok || w.stays(t, in) {
			t.Errorf("the password %q counts after the end", password)
		}
	}
	if _, ok := w.letsIn(t, number, w.step(t, boss(), registry.NextPassword).Password.Reveal()); !ok {
		t.Error("a new password after the end does not count")
	}
}

// TestServersLearnOfChangedLogins: every change of a login is in the list of the time in which it happened, and an end in that of its time.
func TestServersLearnOfChangedLogins(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	w.add(t, tokenMeter(number))
	changed := func(want int) {
		t.Helper()
		got, err := w.LoginsChanged(t.Context(), w.now.Add(-time.Minute), w.now)
		if err != nil || len(got) != want {
			t.Errorf("changed are %v, %v; want %d", got, err, want)
		}
		w.now = w.now.Add(time.Hour)
	}
	changed(0)
	next := w.step(t, boss(), registry.NextPassword)
	changed(1)
	changed(0)
	who, _ := w.letsIn(t, number, next.Password.Reveal())
	changed(1)
	w.step(t, boss(), registry.EndPassword)
	changed(1)
	w.exec(t, func(tx *store.Tx) error { return tx.EndMeterLogins(next.Meter.ID, w.now.Add(time.Hour)) })
	changed(0)
	if w.stays(t, who) {
		t.Error("a meter stays after its logins have ended")
	}
	changed(1)
}

// TestNewPasswordsAndTheirRights: a step needs the right, a meter that may still sign in, and for a new password a second person, who is
// about the same next password. One person alone may end a password.
func TestNewPasswordsAndTheirRights(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	added := w.add(t, tokenMeter(number))
	if no := w.step(t, as(access.Support), registry.EndPassword); no.Code != refusal.Forbidden {
		t.Errorf("without the right: %v", no.Refusal)
	}
	if done, err := w.ReplacePassword(t.Context(), boss(), "04140001019", registry.EndPassword); err != nil || done.Code != refusal.MeterNotFound {
		t.Errorf("an unknown meter: %v, %v", done.Refusal, err)
	}
	w.exec(t, func(tx *store.Tx) error { return tx.EndMeterLogins(added.Meter.Meter.ID, w.now.Add(time.Hour)) })
	if no := w.step(t, boss(), registry.NextPassword); no.Code != refusal.InvalidRequest || no.Password.Reveal() != "" {
		t.Errorf("a meter that was replaced: %v", no.Refusal)
	}
	if no := w.step(t, boss(), registry.EndPassword); no.Refused() {
		t.Errorf("the end of the password of a meter that was replaced and may sign in for a while: %v", no.Refusal)
	}
}
