package imports_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/imports"
	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/postgres"
	"github.com/paywatt/paywatt/internal/store/postgres/pgtest"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/store/sqlite/sqlitetest"
	"github.com/paywatt/paywatt/internal/store/storetest"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/upload"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// world is an Imports on a fresh database that can be killed at any write.
type world struct {
	*imports.Imports
	access   *access.Access
	registry *registry.Registry
	debts    *debt.Debts
	engine   *storetest.EngineFault
	t        *testing.T
	now      time.Time
	by       access.Actor // the only owner
	verify   func() (*store.Report, error)
}

func newWorld(t *testing.T, onPostgres bool) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)}
	dir := t.TempDir()
	if onPostgres {
		url := pgtest.New(t)
		e, err := postgres.Open(t.Context(), url, postgres.Options{Intake: intake.Take, Dir: dir, Now: w.clock, SealEvery: 50 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		w.engine, w.verify = &storetest.EngineFault{Engine: e}, func() (*store.Report, error) { return postgres.Verify(context.WithoutCancel(t.Context()), url, dir) }
	} else {
		sqlitetest.FillFolder(t, dir)
		e, err := sqlite.Open(dir, sqlite.Options{Intake: intake.Take, Reserve: -1, Now: w.clock})
		if err != nil {
			t.Fatal(err)
		}
		w.engine, w.verify = &storetest.EngineFault{Engine: e}, func() (*store.Report, error) { return sqlite.Verify(context.WithoutCancel(t.Context()), dir) }
	}
	t.Cleanup(w.end)
	data, err := keystore.OpenData(dir)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := keystore.Open(dir, keystore.Config{Params: keystore.Params{Time: 1, MemoryKiB: 64, Threads: 1}})
	if err != nil {
		t.Fatal(err)
	}
	meters := registry.New(registry.Config{Sealer: data, TestKeys: keys, Now: w.clock, Rand: rand.Reader, Connected: func(string) bool { return false },
		Door: store.DoorTo(w.engine, store.Sale, func(tx *store.Tx) registry.Tx { return tx })})
	w.registry = meters
	debts := debt.New(debt.Config{Sealer: data, Now: w.clock, MayDate: mayDate,
		Door: store.DoorTo(w.engine, store.Sale, func(tx *store.Tx) debt.Tx { return tx })})
	w.debts = debts
	w.Imports = imports.New(imports.Config{Registry: meters, Debts: debts, Sealer: data, Uploads: upload.NewGate(), Now: w.clock,
		Door: w.door()})
	w.access, err = access.New(access.Config{Hasher: data, Vault: data, FactorOptional: true, Now: w.clock, Rand: rand.Reader, Argon: access.Argon{Time: 1, MemoryKiB: 8, Threads: 1},
		Door: store.DoorTo(w.engine, store.Sale, func(tx *store.Tx) access.Tx { return tx })})
	if err != nil {
		t.Fatal(err)
	}
	all := w.Executors()
	maps.Copy(all, debts.Executors())
	w.access.Serve(all)
	w.by = w.owner()
	added, err := meters.AddTariff(t.Context(), w.by, registry.NewTariff{Name: "domestic", Body: tariff.Body{Currency: "KES", VATBps: 1600, Blocks: []tariff.Block{{Rate: 2_500_000}}}})
	if err != nil || added.Refused() {
		t.Fatal(added.Detail(), err)
	}
	return w
}

func mayDate(tx once.Clock) (sale.Times, refusal.Refusal, error) {
	times, err := tx.VendClock()
	return times, refusal.Refusal{}, err
}

func (w *world) clock() time.Time { return w.now }

// door is the door of imports to the store.
func (w *world) door() access.Door[imports.Tx] {
	return store.DoorTo(w.engine, store.Job, func(tx *store.Tx) imports.Tx { return tx })
}

// end closes the store and checks everything in it.
func (w *world) end() {
	if err := w.engine.Close(); err != nil {
		w.t.Error(err)
	}
	r, err := w.verify()
	if err != nil || !r.Sound() {
		w.t.Errorf("the data does not verify: %v %v", r, err)
	}
}

// owner makes an owner with a key.
func (w *world) owner() access.Actor {
	w.t.Helper()
	k := access.Key{Tenant: store.FirstTenant, Name: "owner", Role: access.Owner, CreatedAt: w.now}
	w.do(func(tx *store.Tx) (err error) {
		if k.ID, err = tx.NewID(); err != nil {
			return err
		}
		if k.Answers, err = tx.NewID(); err != nil {
			return err
		}
		email := k.Answers.Text(id.Person) + "@example.org"
		return errors.Join(tx.AddPersonRow(access.PersonRow{ID: k.Answers, Email: email, Role: k.Role, CreatedAt: w.now}), tx.AddKey(k, [32]byte(append(k.ID[:], k.ID[:]...))))
	})
	return k.Actor()
}

// do runs fn in a transaction of the first tenant.
func (w *world) do(fn func(*store.Tx) error) {
	w.t.Helper()
	err := w.engine.Engine.Run(w.t.Context(), store.FirstTenant, store.Sale, func(tx *store.Tx) (bool, error) { return false, fn(tx) })
	if err != nil {
		w.t.Fatal(err)
	}
}

// apply imports a file. Without a key it only tries the file.
func (w *world) apply(kind imports.Kind, file, key string) (imports.Result, error) {
	return w.Apply(w.t.Context(), w.by, imports.Request{Kind: kind, File: []byte(file), Key: key, DryRun: key == "", Defaults: map[imports.Kind]map[string]string{imports.Meters: {"tariff": "domestic"}}[kind]})
}

// meters registers meters and returns their numbers.
func (w *world) meters(from, n int) (numbers []string) {
	w.t.Helper()
	file := "number,name\n"
	for i := range n {
		numbers = append(numbers, meterNumber(from+i))
		file += fmt.Sprintf("%s,Holder %d\n", numbers[i], i)
	}
	if out, err := w.apply(imports.Meters, file, fmt.Sprintf("setup-%d", from)); err != nil || out.Refused() || out.Totals()[imports.Done] != n {
		w.t.Fatalf("register %d meters: %v %s %v", n, err, out.Detail(), out.Totals())
	}
	return numbers
}

// meterNumber returns the n-th meter number of manufacturer 14.
func meterNumber(n int) string {
	body := fmt.Sprintf("0414%06d", n)
	sum := 0
	for i := range body {
		d := int(body[len(body)-1-i] - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return body + string(rune('0'+(10-sum%10)%10))
}

// number reads one number.
func (w *world) number(sql string, args ...any) (n int64) {
	w.t.Helper()
	err := w.engine.Engine.View(w.t.Context(), store.FirstTenant, func(tx *store.Tx) (err error) {
		n, err = tx.Number(strings.ReplaceAll(sql, "{tenant}", "tenant_id = $1"), append([]any{tx.Tenant}, args...)...)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}
