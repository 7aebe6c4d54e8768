package storetest

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/vendor"
)

func deviceTests() []test {
	return []test{
		{"a counter device comes back as it was kept, until it is revoked", deviceStored},
		{"revoking a device ends its sessions and no others", deviceSessions},
		{"of many wrong PINs at once, five count", parallelPINs},
		{"a PIN and a block at once leave no session", pinAndBlock},
	}
}

// agent adds a person of a new vendor.
func agent(t *testing.T, e store.Engine, code string) access.PersonRow {
	t.Helper()
	v := addVendor(t, e, vendor.Vendor{Code: code, Name: "Corner shop", Billing: vendor.PrepaidFloat})
	p := access.PersonRow{Email: code + "@example.org", Role: access.VendorAPI, Vendor: v.ID, Password: "x"}
	must(t, e, func(tx *store.Tx) (err error) {
		p.CreatedAt = tx.Now
		if p.ID, err = tx.NewID(); err != nil {
			return err
		}
		return tx.AddPersonRow(p)
	})
	return p
}

// counterDevice adds a counter device with the stored form {n}.
func counterDevice(t *testing.T, e store.Engine, p access.PersonRow, n byte, pin string) access.CounterDevice {
	t.Helper()
	d := access.CounterDevice{Person: p.ID, Name: fmt.Sprintf("Counter %d", n), PIN: pin}
	must(t, e, func(tx *store.Tx) (err error) {
		d.CreatedAt = tx.Now
		if d.ID, err = tx.NewID(); err != nil {
			return err
		}
		return tx.Devices().AddDevice(d, [32]byte{n})
	})
	return d
}

func deviceStored(t *testing.T, r Rig) {
	e := r.Open(t)
	p := agent(t, e, "V1")
	first, second := counterDevice(t, e, p, 1, "one"), counterDevice(t, e, p, 2, "two")
	counterDevice(t, e, agent(t, e, "V2"), 3, "three")
	first.Wrong, first.UsedAt = 4, first.CreatedAt.Add(time.Minute)
	letThrough(e)
	must(t, e, func(tx *store.Tx) error { return tx.Devices().CountPIN(first) })
	must(t, e, func(tx *store.Tx) error {
		for how, find := range map[string]func() (access.CounterDevice, bool, error){
			"by hash":     func() (access.CounterDevice, bool, error) { return tx.Devices().DeviceByHash([32]byte{1}) },
			"locked":      func() (access.CounterDevice, bool, error) { return tx.Devices().LockDevice([32]byte{1}) },
			"by identity": func() (access.CounterDevice, bool, error) { return tx.Devices().DeviceByID(first.ID) },
		} {
			if got, found, err := find(); err != nil || !found || got != first {
				t.Errorf("%s: %+v, %t, %v, want %+v", how, got, found, err, first)
			}
		}
		if _, found, err := tx.Devices().DeviceByHash([32]byte{9}); found || err != nil {
			t.Errorf("an unknown device: %t, %v", found, err)
		}
		return tx.Devices().RevokeDevice(first.ID, tx.Now)
	})
	must(t, e, func(tx *store.Tx) error {
		all, err := tx.Devices().DevicesOf(p.ID)
		if err != nil || len(all) != 1 || all[0] != second {
			t.Errorf("devices in force: %+v, %v, want %+v", all, err, second)
		}
		got, found, err := tx.Devices().DeviceByHash([32]byte{1})
		if !found || got.RevokedAt.IsZero() {
			t.Errorf("the revoked device: %+v, %t", got, found)
		}
		return err
	})
}

func deviceSessions(t *testing.T, r Rig) {
	e := r.Open(t)
	p := agent(t, e, "V1")
	first, second := counterDevice(t, e, p, 1, "one"), counterDevice(t, e, p, 2, "two")
	must(t, e, func(tx *store.Tx) error {
		for n, d := range []id.ID{{}, first.ID, second.ID} {
			l := access.Login{Person: p.ID, CreatedAt: tx.Now, SeenAt: tx.Now, ExpiresAt: tx.Now.Add(time.Hour), ProvedAt: tx.Now, Device: d}
			if err := tx.AddLogin(l, [32]byte{byte(n)}); err != nil {
				return err
			}
		}
		return tx.Devices().RevokeDevice(first.ID, tx.Now)
	})
	must(t, e, func(tx *store.Tx) error {
		for n, want := range []id.ID{{}, {15: 1}, second.ID} {
			l, _, found, err := tx.LoginByHash([32]byte{byte(n)})
			if err != nil {
				return err
			}
			if found != (n != 1) || found && (l.Device != want || l.Forged) {
				t.Errorf("session %d: %+v, %t", n, l, found)
			}
		}
		return nil
	})
}

// pins is the sign-in with PINs on an engine, with one device whose cookie is "cookie" and whose PIN is 271828.
func pins(t *testing.T, e store.Engine) (*access.Access, access.CounterDevice) {
	t.Helper()
	cost := access.Argon{Time: 1, MemoryKiB: 8, Threads: 1}
	a, err := access.New(access.Config{Hasher: Hasher{}, Door: accessDoor{e}, Now: time.Now, Rand: rand.Reader, Argon: cost})
	if err != nil {
		t.Fatal(err)
	}
	hash, err := access.HashPassword("271828", cost, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	d := access.CounterDevice{Person: agent(t, e, "V1").ID, Name: "Counter 1", PIN: hash}
	must(t, e, func(tx *store.Tx) (err error) {
		d.CreatedAt = tx.Now
		if d.ID, err = tx.NewID(); err != nil {
			return err
		}
		return tx.Devices().AddDevice(d, access.StoredForm(Hasher{}, "device", access.SecretOf("cookie")))
	})
	return a, d
}

// accessDoor opens an engine for the use cases of people.
type accessDoor struct{ e store.Engine }

func (d accessDoor) Do(ctx context.Context, t access.Tenant, fn func(access.Tx) (bool, error)) error {
	return d.e.Run(ctx, t, store.Sale, func(tx *store.Tx) (bool, error) { return fn(tx) })
}

func (d accessDoor) View(ctx context.Context, t access.Tenant, fn func(access.Tx) error) error {
	return d.e.View(ctx, t, func(tx *store.Tx) error { return fn(tx) })
}

// parallelPINs sends many wrong PINs at once. No more than five are compared, and then the right one does not work either.
func parallelPINs(t *testing.T, r Rig) {
	e := r.Open(t)
	a, d := pins(t, e)
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if in, err := a.SignInByPIN(t.Context(), store.FirstTenant, "cookie", "314159", "", access.Browser{}); err != nil || !in.Refused() {
				t.Errorf("a wrong PIN: %+v, %v", in.Refusal, err)
			}
		})
	}
	all.Wait()
	if in, err := a.SignInByPIN(t.Context(), store.FirstTenant, "cookie", "271828", "", access.Browser{}); err != nil || !in.Refused() {
		t.Errorf("the right PIN after wrong ones: %+v, %v", in.Refusal, err)
	}
	must(t, e, func(tx *store.Tx) error {
		if got, _, err := tx.Devices().DeviceByID(d.ID); err != nil || got.RevokedAt.IsZero() || got.Wrong != access.MaxWrongPINs {
			t.Errorf("the device: %+v, %v", got, err)
		}
		compared, err := tx.Number(`SELECT count(*) FROM audit WHERE action = 'signin.pin-refused'`)
		revoked, err2 := tx.Number(`SELECT count(*) FROM audit WHERE action = 'person.revoke-device'`)
		if err != nil || err2 != nil || compared != access.MaxWrongPINs || revoked != 1 {
			t.Errorf("%d PINs were compared, and the device was revoked %d times; %v, %v", compared, revoked, err, err2)
		}
		return nil
	})
}

// pinAndBlock signs in with the right PIN while somebody blocks the person. Whichever comes first, no session is left.
func pinAndBlock(t *testing.T, r Rig) {
	e := r.Open(t)
	a, d := pins(t, e)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := a.SignInByPIN(t.Context(), store.FirstTenant, "cookie", "271828", "", access.Browser{}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Go(func() {
		if done, err := a.Block(t.Context(), access.SystemActor(store.FirstTenant, "test"), d.Person.Text(id.Person)); err != nil || done.Refused() {
			t.Errorf("block: %+v, %v", done.Refusal, err)
		}
	})
	all.Wait()
	must(t, e, func(tx *store.Tx) error {
		left, err := tx.LoginsOf(d.Person)
		if len(left) > 0 {
			t.Errorf("%d sessions are left", len(left))
		}
		return err
	})
}
