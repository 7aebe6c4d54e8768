package bench

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/postgres"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/sts"
)

// shop is a vending system in its own folder.
type shop struct {
	dir     string
	url     string // URL of a PostgreSQL database; "" for SQLite in the folder
	past    bool   // the shop's own clock counts, on PostgreSQL too
	now     func() time.Time
	engine  store.Engine
	commits func() int64 // number of commits so far
	vending *vending.Vending
	seller  access.Actor
	numbers []string
}

func (s *shop) close() {
	if s.engine != nil {
		_ = s.engine.Close() // the folder is removed anyway
	}
	_ = os.RemoveAll(s.dir)
}

// open makes the store, a test vending key, a tariff and the meters.
func (b *Vend) open(ctx context.Context) (*shop, error) { return b.openOn(ctx, "") }

// openOn does the same as open, on a PostgreSQL database if url names one.
func (b *Vend) openOn(ctx context.Context, url string) (*shop, error) {
	dir, err := os.MkdirTemp(b.Dir, "paywatt-bench-")
	if err != nil {
		return nil, fmt.Errorf("make the bench's folder: %w", err)
	}
	s := &shop{dir: dir, url: url, now: time.Now, seller: access.SystemActor(store.FirstTenant, "bench")}
	r, err := s.open(ctx)
	if err == nil {
		err = s.register(ctx, r, b.Meters)
	}
	if err != nil {
		if s.engine != nil {
			err = errors.Join(err, s.engine.Close())
		}
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

// open makes the store, a test vending key and the use cases.
func (s *shop) open(ctx context.Context) (*registry.Registry, error) {
	keys, err := keystore.Open(s.dir, keystore.Config{})
	if err != nil {
		return nil, err
	}
	if err := keys.Unlock([]byte(passphrase)); err != nil {
		return nil, err
	}
	vk, err := sts.NewVendingKey([]byte("20 bytes of no worth"))
	if err != nil {
		return nil, err
	}
	no, err := keys.Add(keystore.Fact{SGC: "123456", KRN: 1, KT: sts.DUTK, DKGA: sts.DKGA04, BaseDate: sts.Base2014, KEN: 255, Test: true}, vk)
	if err != nil || no.Refused() {
		return nil, errors.Join(err, errors.New(no.Detail()))
	}
	data, err := keystore.OpenData(s.dir)
	if err != nil {
		return nil, err
	}
	if err := s.openStore(ctx); err != nil {
		return nil, err
	}
	s.vending = vending.New(vending.Config{Door: store.DoorTo(s.engine, store.Sale, func(tx *store.Tx) vending.Tx { return tx }),
		Issuer: keys.Issuer(), Sealer: data, Now: s.now, Rand: rand.Reader})
	return registry.New(registry.Config{Door: store.DoorTo(s.engine, store.Sale, func(tx *store.Tx) registry.Tx { return tx }),
		Sealer: data, TestKeys: keys, Connected: func(string) bool { return false }, Now: s.now, Rand: rand.Reader}), nil
}

// passphrase opens the bench's key store.
const passphrase = "bench vend"

func (s *shop) openStore(ctx context.Context) error {
	if s.url != "" {
		e, err := postgres.Open(ctx, s.url, postgres.Options{Dir: s.dir, Now: s.now, Follow: !s.past, Intake: intake.Take})
		if err != nil {
			return err
		}
		s.engine, s.commits = e, func() int64 { return e.Stats().Commits }
		return nil
	}
	e, err := sqlite.Open(s.dir, sqlite.Options{Now: s.now, Intake: intake.Take})
	if err != nil {
		return err
	}
	s.engine, s.commits = e, func() int64 { return e.Stats().Batches }
	return nil
}

// register publishes a tariff of four blocks and adds the meters, many at a time so that they share commits.
func (s *shop) register(ctx context.Context, r *registry.Registry, meters int) error {
	if err := s.publish(ctx, r); err != nil {
		return err
	}
	s.numbers = make([]string, meters)
	return inParallel(64, meters, func(i int) error {
		m, err := addMeter(ctx, r, s.seller, i, registry.NewMeter{Mode: registry.PrepayToken, SGC: "123456", KRN: new(int64(1)), KT: new(int64(2)),
			TI: "01", DKGA: "04", Customer: &registry.NewCustomer{Name: "Bench"}})
		s.numbers[i] = m.Meter.Meter.Number
		return err
	})
}

// publish publishes the tariff of four blocks.
func (s *shop) publish(ctx context.Context, r *registry.Registry) error {
	t, err := r.AddTariff(ctx, s.seller, registry.NewTariff{Name: "bench", Body: tariff.Body{Currency: "KES", VATBps: 1500, Blocks: []tariff.Block{
		{UpTo: 50_000, Rate: 1_200_000}, {UpTo: 350_000, Rate: 1_600_000}, {UpTo: 600_000, Rate: 2_300_000}, {Rate: 2_750_000}}}})
	if err != nil || t.Refused() {
		return errors.Join(err, errors.New(t.Detail()))
	}
	return nil
}

// numberOf is the number of the i-th meter of a bench.
func numberOf(i int) (string, error) {
	body := fmt.Sprintf("04%08d", i)
	check, err := sts.Luhn(body)
	return body + string(check), err
}

// addMeter registers the i-th meter of a bench.
func addMeter(ctx context.Context, r *registry.Registry, by access.Actor, i int, n registry.NewMeter) (registry.Added, error) {
	number, err := numberOf(i)
	if err != nil {
		return registry.Added{}, err
	}
	n.Number, n.Tariff, n.Simulated = number, "bench", true
	m, err := r.AddMeter(ctx, by, n)
	if err == nil && m.Refused() {
		err = errors.New(m.Detail())
	}
	return m, err
}

// sellOne makes one sale through the use case and returns when it is durable. The sale has a client reference, as a
// sale of the console's form has, so it is safe to repeat.
func (s *shop) sellOne(ctx context.Context, w saleRequest) error {
	return s.sell(ctx, vending.Purchase{Meter: s.numbers[w.meter], Tender: money.Amount{Minor: w.tender, Currency: "KES"}, ClientRef: w.key,
		Deliver: []string{sale.RouteMQTT}})
}

// sellKeyed makes the same sale with an Idempotency-Key: the rendered answer is sealed and stored with the sale, as
// over HTTP.
func (s *shop) sellKeyed(ctx context.Context, w saleRequest) error {
	meter := s.numbers[w.meter]
	return s.sell(ctx, vending.Purchase{Meter: meter, Tender: money.Amount{Minor: w.tender, Currency: "KES"}, Deliver: []string{sale.RouteMQTT},
		Once: access.Once{Principal: "bench", Key: w.key, Hash: sha256.Sum256(fmt.Appendf(nil, "%s %d", meter, w.tender))}, Render: render})
}

func (s *shop) sell(ctx context.Context, o vending.Purchase) error {
	sold, err := s.vending.Sell(ctx, s.seller, o)
	if err == nil && sold.Refused() {
		err = errors.New("bench vend: " + sold.Detail())
	}
	return err
}

// onPostgres measures the sales on a PostgreSQL database of our own cluster.
func (b *Vend) onPostgres(ctx context.Context, url string) (drive, error) {
	s, err := b.openOn(ctx, url)
	if err != nil {
		return drive{}, err
	}
	defer s.close()
	return b.drive(ctx, b.half(), 0, s.sellOne)
}

// render returns an answer that is about as long as the server's.
func render(s sale.Sale, d vending.Digits) (int, []byte) {
	digits := make([]string, d.Len())
	for i := range digits {
		digits[i] = d.Reveal(i)
	}
	b, err := json.Marshal(map[string]any{"id": s.ID.Text(id.Vend), "client_ref": s.ClientRef, "meter": s.Meter.Number, "state": s.State,
		"units_wh": s.Units, "lines": s.Lines, "tokens": digits, "receipt_no": s.ReceiptNo})
	if err != nil {
		panic(err) // cannot fail: only integers and strings
	}
	return 201, b
}
