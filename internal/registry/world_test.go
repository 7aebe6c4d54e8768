package registry_test

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/store/storetest"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/sts"
)

// door opens a store for the use cases of the registry, as the application does.
type door struct{ e store.Engine }

func (d door) Do(ctx context.Context, t access.Tenant, fn func(registry.Tx) (bool, error)) error {
	return d.e.Run(ctx, t, store.Sale, func(tx *store.Tx) (bool, error) { return fn(tx) })
}

func (d door) View(ctx context.Context, t access.Tenant, fn func(registry.Tx) error) error {
	return d.e.View(ctx, t, func(tx *store.Tx) error { return fn(tx) })
}

// world is a Registry on a fresh database, with its own clock, real keys and a second tenant.
type world struct {
	*registry.Registry
	engine    store.Engine
	keys      *keystore.Store
	data      *keystore.DataKey
	dir       string
	now       time.Time
	connected map[string]bool
	other     access.Tenant
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), now: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC), connected: map[string]bool{}}
	// Rehearse runs every closure twice, which finds closures that keep state from their first run.
	e, err := sqlite.Open(w.dir, sqlite.Options{Intake: intake.Take, Reserve: -1, Rehearse: true, Now: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	w.engine = e
	if w.data, err = keystore.OpenData(w.dir); err != nil {
		t.Fatal(err)
	}
	if w.keys, err = keystore.Open(w.dir, keystore.Config{Params: keystore.Params{Time: 1, MemoryKiB: 64, Threads: 1}}); err != nil {
		t.Fatal(err)
	}
	w.Registry = registry.New(registry.Config{Door: door{e}, Sealer: w.data, TestKeys: w.keys, Now: w.clock, Rand: rand.Reader,
		Connected: func(number string) bool { return w.connected[number] }})
	w.exec(t, func(tx *store.Tx) (err error) { w.other, err = storetest.NewTenant(tx, "another utility"); return err })
	return w
}

func (w *world) clock() time.Time { return w.now }

// exec runs fn in a transaction of the first tenant.
func (w *world) exec(t *testing.T, fn func(*store.Tx) error) {
	t.Helper()
	err := w.engine.Run(t.Context(), store.FirstTenant, store.Sale, func(tx *store.Tx) (bool, error) { return false, fn(tx) })
	if err != nil {
		t.Fatal(err)
	}
}

func boss() access.Actor { return access.SystemActor(store.FirstTenant, "test") }

func as(role access.Role) access.Actor {
	return access.Actor{Tenant: store.FirstTenant, Kind: access.Person, Name: string(role), Role: role}
}

func flat(currency string) tariff.Body {
	return tariff.Body{Currency: currency, VATBps: 1500, Blocks: []tariff.Block{{Rate: 2_500_000}}}
}

// domestic publishes the tariff of the tests' meters.
func (w *world) domestic(t *testing.T) tariff.Version {
	t.Helper()
	added, err := w.AddTariff(t.Context(), boss(), registry.NewTariff{Name: "domestic", Body: flat("KES")})
	if err != nil || added.Refused() {
		t.Fatalf("publish tariff: %v %s", err, added.Detail())
	}
	return added.Version
}

func ptr(v int64) *int64 { return &v }

// tokenMeter returns the smallest valid request for a token meter.
func tokenMeter(number string) registry.NewMeter {
	return registry.NewMeter{Number: number, Mode: registry.PrepayToken, Tariff: "domestic", SGC: "123456", KRN: ptr(1), KT: ptr(2), TI: "01"}
}

func (w *world) add(t *testing.T, n registry.NewMeter) registry.Added {
	t.Helper()
	a, err := w.AddMeter(t.Context(), boss(), n)
	if err != nil || a.Refused() {
		t.Fatalf("add meter %s: %v %s", n.Number, err, a.Detail())
	}
	return a
}

func (w *world) show(t *testing.T, ref string) registry.MeterView {
	t.Helper()
	v, err := w.Meter(t.Context(), boss(), ref)
	if err != nil || v.Refused() {
		t.Fatalf("meter %s: %v %s", ref, err, v.Detail())
	}
	return v
}

// live writes columns of the row with a meter's last report.
func (w *world) live(t *testing.T, meter int64, columns string, values ...any) {
	t.Helper()
	w.exec(t, func(tx *store.Tx) error {
		if _, err := tx.C.Exec(`INSERT INTO meter_live (tenant_id, meter) VALUES ($1, $2) ON CONFLICT DO NOTHING`, tx.Tenant, meter); err != nil {
			return err
		}
		for i, c := range strings.Split(columns, ",") {
			if _, err := tx.C.Exec(`UPDATE meter_live SET `+c+` = $1 WHERE meter = $2`, values[i], meter); err != nil {
				return err
			}
		}
		return nil
	})
}

// audited counts the audit rows of a tenant by action.
func (w *world) audited(t *testing.T, of access.Tenant) map[string]int {
	t.Helper()
	out := map[string]int{}
	err := w.engine.View(t.Context(), of, func(tx *store.Tx) error {
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

// vendingKey adds a vending key. Its bytes are public test data. The parameter test says whether it is marked as a test
// key.
func (w *world) vendingKey(t *testing.T, sgc string, test bool) {
	t.Helper()
	if err := w.keys.Unlock([]byte("a few unrelated words")); err != nil {
		t.Fatal(err)
	}
	key, err := keystore.ReadVendingKey(strings.NewReader("abababababababab"))
	if err != nil {
		t.Fatal(err)
	}
	no, err := w.keys.Add(keystore.Fact{SGC: sgc, KRN: 1, KT: sts.DUTK, DKGA: sts.DKGA02, BaseDate: sts.Base2014, KEN: 255, Test: test}, key)
	if err != nil || no.Refused() {
		t.Fatalf("add vending key: %v %s", err, no.Detail())
	}
}

// refused checks that a request was refused with the given code, and that the refusal has all three sentences.
func refused(t *testing.T, what string, got refusal.Refusal, err error, want refusal.Code) {
	t.Helper()
	if err != nil || got.Code != want {
		t.Errorf("%s: got %q (%s), %v, want %q", what, got.Code, got.What, err, want)
		return
	}
	if got.What == "" || got.Try == "" {
		t.Errorf("%s: the refusal does not say what to do: %+v", what, got)
	}
}
