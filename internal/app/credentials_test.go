package app

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/mirror"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/headlog"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/tier"
	"net/netip"
)

const (
	oldKey      = "pk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	oldPassword = "a password of many words"
	ownerEmail  = "owner@example.org"
	meterOne    = "04140001001"
)

// oldCredentials fills a folder with one credential of each kind, in the form of versions that stored plain hashes.
func oldCredentials(t *testing.T, dir string) (login id.ID) {
	t.Helper()
	e, err := sqlite.Open(dir, sqlite.Options{Reserve: -1}) // without a marker, as older versions
	if err != nil {
		t.Fatal(err)
	}
	var hashes [2]string // of the same password
	for i := range hashes {
		if hashes[i], err = access.HashPassword(oldPassword, access.Argon{Time: 1, MemoryKiB: 8, Threads: 1}, rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	sum := func(secret string) [32]byte { return sha256.Sum256([]byte(secret)) }
	login = id.ID{15: 4}
	err = e.Run(t.Context(), store.FirstTenant, store.Job, func(tx *store.Tx) (bool, error) {
		password := sum("mqtt password")
		_, err := tx.NextMeterN()
		return false, errors.Join(err,
			tx.AddPersonRow(access.PersonRow{ID: id.ID{15: 1}, Email: ownerEmail, Role: access.Owner, Password: hashes[0], CreatedAt: tx.Now}),
			tx.AddPersonRow(access.PersonRow{ID: id.ID{15: 2}, Email: "clerk@example.org", Role: access.Auditor, Password: hashes[1], CreatedAt: tx.Now}),
			tx.AddKey(access.Key{ID: id.ID{15: 3}, Name: "till", Role: access.Operator, CreatedAt: tx.Now}, sum(oldKey)),
			tx.AddIntegration(mirror.Login{ID: login, Name: "dashboard", CreatedAt: tx.Now}, sum("integration password")),
			tx.AddMeterRow(registry.Meter{ID: id.ID{15: 5}, N: 1, Number: meterOne, Mode: registry.PrepayToken, Status: registry.Active, Phases: 1, ImpPerKWh: 1000,
				CreatedAt: tx.Now}, password[:], nil))
	})
	if err = errors.Join(err, e.Close()); err != nil {
		t.Fatal(err)
	}
	return login
}

// testServer is a server that is not running, and what signs in at it.
type testServer struct {
	*App
	t       *testing.T
	login   id.ID
	session access.Secret
}

func openServer(t *testing.T, dir string, login id.ID) *testServer {
	t.Helper()
	a, err := New(Config{Data: dir, HTTP: "127.0.0.1:0", MQTT: "127.0.0.1:0", Reserve: -1, Test: true, // no second factor
		PasswordCost: access.Argon{Time: 1, MemoryKiB: 8, Threads: 1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.close(); err != nil {
			t.Error(err)
		}
	})
	return &testServer{App: a, t: t, login: login}
}

// refused lists the ways to sign in that do not work.
func (s *testServer) refused() (out []string) {
	s.t.Helper()
	ctx := s.t.Context()
	note := func(way string, ok bool, err error) {
		if err != nil {
			s.t.Fatal(way, err)
		}
		if !ok {
			out = append(out, way)
		}
	}
	key, err := s.access.ByAPIKey(ctx, oldKey, netip.Addr{})
	note("key", !key.Refused() && key.Actor.Role == access.Operator, err)
	in, err := s.access.SignIn(ctx, store.FirstTenant, ownerEmail, oldPassword, "", access.Browser{IP: "127.0.0.1"})
	note("password", !in.Refused(), err)
	if s.session.Reveal() == "" {
		s.session = in.Session
	}
	session, err := s.access.ByLogin(ctx, store.FirstTenant, s.session.Reveal())
	note("session", !session.Refused(), err)
	_, ok, err := newLogins(s.engine, s.c, s.data).Check(ctx, mirror.Login{ID: s.login}.User(), "integration password")
	note("integration", ok, err)
	_, ok, err = s.registry.MQTTIdentity(ctx, meterOne, "mqtt password")
	note("meter", ok, err)
	return out
}

func (s *testServer) exec(sql string, args ...any) {
	s.t.Helper()
	err := s.engine.Run(s.t.Context(), store.FirstTenant, store.Job, func(tx *store.Tx) (bool, error) {
		_, err := tx.C.Exec(sql, args...)
		return false, err
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// TestOldCredentialsGoOnWorking: the upgrade replaces every plain hash, and all credentials work as before. It can be interrupted at every
// transaction.
func TestOldCredentialsGoOnWorking(t *testing.T) {
	tier.Slow(t)
	tier.OneGoroutine(t)
	for stop := 0; ; stop++ {
		dir := t.TempDir()
		login := oldCredentials(t, dir)
		d, err := openDatabase(t.Context(), databaseConfig{data: dir, now: time.Now, rand: rand.Reader, log: slog.New(slog.DiscardHandler), reserve: -1})
		if err != nil {
			t.Fatal(err)
		}
		engine := d.Engine
		d.Engine = &stopping{Engine: engine, left: stop}
		interrupted := keyCredentials(t.Context(), d, dir, slog.New(slog.DiscardHandler))
		if err := engine.Close(); err != nil || interrupted != nil && (!errors.Is(interrupted, errStopped) || keyed(dir)) {
			t.Fatal(err, interrupted)
		}
		s := openServer(t, dir, login)
		if got := s.refused(); len(got) > 0 || !keyed(dir) {
			t.Errorf("interrupted after %d transactions: %v refused", stop, got)
		}
		for _, secret := range []string{oldKey, "integration password", "mqtt password"} {
			sum := sha256.Sum256([]byte(secret))
			s.exec(`UPDATE counter SET value = value / (SELECT 1 - count(*) FROM (SELECT hash FROM api_key UNION ALL SELECT hash FROM integration_login
				UNION ALL SELECT mqtt_hash FROM meter) x WHERE hash = $1)`, sum[:]) // a division by zero is NULL, which the column refuses
		}
		if r := check(t, dir); !r.Sound() {
			t.Errorf("interrupted after %d transactions: %+v", stop, r.Findings)
		}
		if interrupted == nil {
			if stop < 5 {
				t.Errorf("the conversion took %d transactions", stop)
			}
			return
		}
	}
}

// TestARowOfAnIntruderSignsNobodyIn: somebody who can write to the database, but has no key, gets in neither with a row of their own nor by
// changing one, and the verification names the row.
func TestARowOfAnIntruderSignsNobodyIn(t *testing.T) {
	tier.Slow(t)
	tier.OneGoroutine(t)
	sum := sha256.Sum256([]byte("mqtt password of an intruder"))
	for _, c := range []struct {
		name, sql string
		args      []any
		refused   string
		finding   string
	}{
		{"nothing", `UPDATE counter SET value = value`, nil, "", ""},
		{"a key is promoted", `UPDATE api_key SET role = 'owner'`, nil, "key", "API key"},
		{"a key gets a vendor", `UPDATE api_key SET vendor_id = $1`, []any{id.ID{15: 9}}, "key", "API key"},
		{"a key loses its mark", `UPDATE api_key SET mark = NULL`, nil, "key", "API key"},
		{"a person gets another password", `UPDATE person SET pw_hash = (SELECT pw_hash FROM person WHERE email LIKE 'clerk%')`, nil, "password session", "Person"},
		{"a person is promoted", `UPDATE role_binding SET role = 'finance'`, nil, "password session", "Person"},
		{"a person is unblocked", `UPDATE person SET status = 'active', mark = $1`, []any{make([]byte, 32)}, "password session", "Person"},
		{"a session lasts longer", `UPDATE login SET expires_at = expires_at + 1`, nil, "session", "A session of person"},
		{"a session is another person's", `UPDATE login SET person_id = $1`, []any{id.ID{15: 2}}, "session", "A session of person"},
		{"a login sees another customer", `UPDATE integration_login SET customer_id = $1`, []any{id.ID{15: 9}}, "integration", "Integration login"},
		{"a meter gets a plain hash", `UPDATE meter SET mqtt_hash = $1`, []any{sum[:]}, "meter", "Meter"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			s := openServer(t, dir, oldCredentials(t, dir))
			if got := s.refused(); len(got) > 0 {
				t.Fatal("refused before: ", got)
			}
			s.exec(c.sql, c.args...)
			if c.finding == "" {
				return
			}
			if got := strings.Join(s.refused(), " "); got != c.refused {
				t.Errorf("refused %q, want %q", got, c.refused)
			}
			r := check(t, dir)
			if found := fmt.Sprint(r.Findings); !strings.Contains(found, c.finding) {
				t.Errorf("the verification found %s, want %s", found, c.finding)
			}
		})
	}
}

const deviceCookie = "the cookie of a counter device"

// addDevice adds a person of a vendor who may sign in with the PIN 271828.
func addDevice(t *testing.T, a *App) {
	t.Helper()
	agent := access.PersonRow{ID: id.ID{15: 6}, Email: "agent@example.org", Role: access.VendorAPI, Vendor: id.ID{15: 7}, Password: "x"}
	pin, err := access.HashPassword("271828", access.Argon{Time: 1, MemoryKiB: 8, Threads: 1}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	err = a.engine.Run(t.Context(), store.FirstTenant, store.Job, func(tx *store.Tx) (bool, error) {
		agent.CreatedAt = tx.Now
		d := access.CounterDevice{ID: id.ID{15: 8}, Person: agent.ID, Name: "Counter 1", PIN: pin, CreatedAt: tx.Now}
		return false, errors.Join(tx.AddPersonRow(agent), tx.Devices().AddDevice(d, access.StoredForm(a.data, "device", access.SecretOf(deviceCookie))))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestADeviceOfAnIntruderSignsNobodyIn: a device that was put into the database or changed there signs nobody in, a session of a PIN does not
// become one of a password, and the verification names the row.
func TestADeviceOfAnIntruderSignsNobodyIn(t *testing.T) {
	tier.Slow(t)
	tier.OneGoroutine(t)
	for _, c := range []struct {
		name, sql       string
		args            []any
		device, session bool // they still work
		finding         string
	}{
		{"the tries", `UPDATE counter_device SET wrong = 1`, nil, true, true, ""},
		{"another PIN", `UPDATE counter_device SET pin_hash = 'x'`, nil, false, true, "Counter device"},
		{"another person", `UPDATE counter_device SET person_id = $1`, []any{id.ID{15: 1}}, false, true, "Counter device"},
		{"another cookie", `UPDATE counter_device SET hash = $1`, []any{make([]byte, 32)}, false, true, "Counter device"},
		{"no mark", `UPDATE counter_device SET mark = NULL`, nil, false, true, "Counter device"},
		{"a session without its device", `UPDATE login SET device_id = NULL`, nil, true, false, "A session of person"},
		{"a session of another device", `UPDATE login SET device_id = $1`, []any{id.ID{15: 9}}, true, false, "A session of person"},
	} {
		dir := t.TempDir()
		s := openServer(t, dir, oldCredentials(t, dir))
		addDevice(t, s.App)
		in, err := s.access.SignInByPIN(t.Context(), store.FirstTenant, deviceCookie, "271828", "", access.Browser{})
		if err != nil || in.Refused() {
			t.Fatal(in.Detail(), err)
		}
		s.exec(c.sql, c.args...)
		device, err := s.access.DeviceOf(t.Context(), store.FirstTenant, deviceCookie)
		if err != nil || device.Refused() == c.device {
			t.Errorf("%s: the device: %q, %v", c.name, device.Code, err)
		}
		session, err := s.access.ByLogin(t.Context(), store.FirstTenant, in.Session.Reveal())
		if err != nil || session.Refused() == c.session {
			t.Errorf("%s: the session: %q, %v", c.name, session.Code, err)
		}
		if found := check(t, dir).Findings; (len(found) > 0) != (c.finding != "") || !strings.Contains(fmt.Sprint(found), c.finding) {
			t.Errorf("%s: the verification found %+v, want %s", c.name, found, c.finding)
		}
	}
}

// TestNoDeviceIsInsertedOrRevived: a device that an intruder adds with a cookie and a PIN of their own signs nobody in, even if they know its
// stored form. Neither does one whose revocation was undone. The verification names both.
func TestNoDeviceIsInsertedOrRevived(t *testing.T) {
	tier.Slow(t)
	tier.OneGoroutine(t)
	const intruder = "the cookie of an intruder"
	for cookie, change := range map[string]func(s *testServer){
		intruder: func(s *testServer) {
			form := access.StoredForm(s.data, "device", access.SecretOf(intruder))
			s.exec(`INSERT INTO counter_device (tenant_id, id, hash, person_id, name, pin_hash, created_at, mark)
				SELECT tenant_id, $1, $2, person_id, name, pin_hash, created_at, mark FROM counter_device`, id.ID{15: 10}, form[:])
		},
		deviceCookie: func(s *testServer) {
			err := s.engine.Run(t.Context(), store.FirstTenant, store.Job, func(tx *store.Tx) (bool, error) {
				return false, tx.Devices().RevokeDevice(id.ID{15: 8}, tx.Now)
			})
			if err != nil {
				t.Fatal(err)
			}
			if found := check(t, s.c.Data).Findings; len(found) > 0 {
				t.Errorf("a revoked device: %+v", found)
			}
			s.exec(`UPDATE counter_device SET revoked_at = NULL, version = version - 1`)
		},
	} {
		dir := t.TempDir()
		s := openServer(t, dir, oldCredentials(t, dir))
		addDevice(t, s.App)
		change(s)
		in, err := s.access.SignInByPIN(t.Context(), store.FirstTenant, cookie, "271828", "", access.Browser{})
		if err != nil || in.Code != refusal.Unauthenticated {
			t.Errorf("%s signs in: %q, %v", cookie, in.Code, err)
		}
		if found := fmt.Sprint(check(t, dir).Findings); !strings.Contains(found, "Counter device") {
			t.Errorf("%s: the verification found %s", cookie, found)
		}
	}
}

func check(t *testing.T, dir string) *store.Report {
	t.Helper()
	r, err := Verify(t.Context(), dir, "", headlog.ExternalHeads{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var errStopped = errors.New("stopped")

// stopping is an engine that fails after some transactions.
type stopping struct {
	store.Engine
	left int
}

func (s *stopping) Run(ctx context.Context, t access.Tenant, lane store.Lane, fn func(*store.Tx) (bool, error)) error {
	if s.left--; s.left < 0 {
		return errStopped
	}
	return s.Engine.Run(ctx, t, lane, fn)
}
