package keystore_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/sts"
)

// door is a use case's Door on an engine, as in the application.
type door[X any] struct {
	e  store.Engine
	as func(*store.Tx) X
}

func (d door[X]) Do(ctx context.Context, t access.Tenant, fn func(X) (bool, error)) error {
	return d.e.Run(ctx, t, store.Sale, func(tx *store.Tx) (bool, error) { return fn(d.as(tx)) })
}

func (d door[X]) View(ctx context.Context, t access.Tenant, fn func(X) error) error {
	return d.e.View(ctx, t, func(tx *store.Tx) error { return fn(d.as(tx)) })
}

// TestFolderOfAWorkingServerHoldsNoKey sells a token to a simulated meter with everything in one folder. Then it searches the database,
// its log, the key store and all other files there for every secret of the sale.
func TestFolderOfAWorkingServerHoldsNoKey(t *testing.T) {
	dir := t.TempDir()
	const vendingKeyHex = "0123456789abcdef"
	now := func() time.Time { return time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC) }
	e, err := sqlite.Open(dir, sqlite.Options{Reserve: -1, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	keys, data := unlocked(t, dir), openData(t, dir)
	add(t, keys, fact02(), vendingKeyHex)
	reg := registry.New(registry.Config{Door: door[registry.Tx]{e, func(tx *store.Tx) registry.Tx { return tx }}, Sealer: data, TestKeys: keys,
		Connected: func(string) bool { return false }, Now: now, Rand: rand.Reader})
	sales := vending.New(vending.Config{Door: door[vending.Tx]{e, func(tx *store.Tx) vending.Tx { return tx }}, Issuer: keys.Issuer(), Sealer: data,
		Now: now, Rand: rand.Reader})
	by := access.SystemActor(store.FirstTenant, "test")

	published, err := reg.AddTariff(t.Context(), by, registry.NewTariff{Name: "domestic",
		Body: tariff.Body{Currency: "KES", VATBps: 1500, Blocks: []tariff.Block{{Rate: 2_500_000}}}})
	if err != nil || published.Refused() {
		t.Fatal(err, published.Detail())
	}
	one, two := int64(1), int64(2)
	meter, err := reg.AddMeter(t.Context(), by, registry.NewMeter{Number: "04140001001", Mode: registry.PrepayToken, Tariff: "domestic",
		SGC: "123456", KRN: &one, KT: &two, TI: "01", Simulated: true})
	if err != nil || meter.Refused() {
		t.Fatal(err, meter.Detail())
	}
	sold, err := sales.Sell(t.Context(), by, vending.Purchase{Meter: "04140001001", Tender: money.Amount{Minor: 10_000, Currency: "KES"}, ClientRef: "till3-000017"})
	if err != nil || sold.Refused() || sold.Issued.Len() != 1 {
		t.Fatal(err, sold.Detail(), sold.Issued.Len())
	}

	raw, err := hex.DecodeString(meter.DecoderKey.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	decoder, err := sts.NewKey(sts.EA07, raw)
	if err != nil {
		t.Fatal(err)
	}
	token, result := sts.ParseToken(sold.Issued.Reveal(0))
	if o := sts.Open(decoder, token); result != sts.Accept || o.Result != sts.Accept || o.Amount.Tenths() != 347 {
		t.Fatalf("the meter's key opens the token to %s, %d tenths, want 347", o.Result, o.Amount.Tenths())
	}
	searched := 0
	for _, secret := range []string{vendingKeyHex, meter.DecoderKey.Reveal(), hex.EncodeToString(meter.LinkKey.Reveal()),
		hex.EncodeToString([]byte(meter.MQTTPassword.Reveal())), hex.EncodeToString([]byte(sold.Issued.Reveal(0))), hex.EncodeToString([]byte(pass))} {
		searched += searchFolder(t, dir, secret)
	}
	if searched < 6*4 { // at least the database, its log, the key store, the data key and the locks
		t.Errorf("only %d files were searched", searched)
	}
}

var _ registry.TestKeys = (*keystore.Store)(nil)
