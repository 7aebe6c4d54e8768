package diagnosis_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/diagnosis"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// clinic is a doctor with a real store and a real key store, in which the test puts meters and tokens.
type clinic struct {
	t      *testing.T
	engine store.Engine
	keys   *keystore.Store
	data   *keystore.DataKey
	doctor *diagnosis.Doctor
	clock  time.Time
	meters int64
}

// door is a use case's access to the engine.
type door struct{ e store.Engine }

func (d door) Do(ctx context.Context, t access.Tenant, fn func(diagnosis.Tx) (bool, error)) error {
	return d.e.Run(ctx, t, store.Sale, func(tx *store.Tx) (bool, error) { return fn(tx) })
}

func (d door) View(ctx context.Context, t access.Tenant, fn func(diagnosis.Tx) error) error {
	return d.e.View(ctx, t, func(tx *store.Tx) error { return fn(tx) })
}

const (
	passphrase = "a long passphrase"
	number     = "04140001001"
	another    = "04140001019"
)

func begin(t *testing.T) *clinic {
	t.Helper()
	dir := t.TempDir()
	c := &clinic{t: t, clock: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)}
	var err error
	if c.keys, err = keystore.Open(dir, keystore.Config{Params: keystore.Params{Time: 1, MemoryKiB: 8, Threads: 1}}); err != nil {
		t.Fatal(err)
	}
	c.unlock()
	c.addKey("123456", 1, sts.Base2014, 0xab)
	c.addKey("123456", 2, sts.Base2014, 0xcd)
	if c.data, err = keystore.OpenData(dir); err != nil {
		t.Fatal(err)
	}
	e, err := sqlite.Open(dir, sqlite.Options{Intake: intake.Take, Reserve: -1, Now: func() time.Time { return c.clock }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	c.engine = e
	c.doctor = diagnosis.New(diagnosis.Config{Door: door{e}, Keys: c.keys.Reader(), Hasher: c.data, Now: func() time.Time { return c.clock }})
	return c
}

func (c *clinic) unlock() {
	c.t.Helper()
	if err := c.keys.Unlock([]byte(passphrase)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *clinic) addKey(sgc string, krn uint8, base sts.BaseDate, b byte) {
	c.t.Helper()
	vk, err := sts.NewVendingKey(bytes.Repeat([]byte{b}, 8))
	if err != nil {
		c.t.Fatal(err)
	}
	no, err := c.keys.Add(keystore.Fact{SGC: sgc, KRN: krn, KT: sts.DUTK, DKGA: sts.DKGA02, BaseDate: base, KEN: 255, Test: true}, vk)
	if err != nil || no.Refused() {
		c.t.Fatal(no, err)
	}
}

func (c *clinic) do(fn func(*store.Tx) error) {
	c.t.Helper()
	err := c.engine.Run(c.t.Context(), store.FirstTenant, store.Sale, func(tx *store.Tx) (bool, error) { return false, fn(tx) })
	if err != nil {
		c.t.Fatal(err)
	}
}

// key returns a meter key of SGC 123456, KRN 1.
func key(change func(*registry.Key)) registry.Key {
	k := registry.Key{SGC: "123456", KRN: 1, KT: sts.DUTK, TI: "01", KEN: 255, EA: sts.EA07, DKGA: sts.DKGA02, BaseDate: sts.Base2014,
		From: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), State: "current"}
	if change != nil {
		change(&k)
	}
	return k
}

// meter registers a meter with these keys and returns the keys with their identities.
func (c *clinic) meter(number string, keys ...registry.Key) []registry.Key {
	c.t.Helper()
	c.meters++
	m := registry.Meter{N: c.meters, Number: number, Mode: registry.PrepayToken, Status: registry.Active, Phases: 1, ImpPerKWh: 1000, TT: "02",
		Simulated: true, ReadingInterval: time.Hour, CreatedAt: c.clock}
	if len(keys) == 0 {
		m.Mode = registry.PrepayWallet
	}
	c.do(func(tx *store.Tx) (err error) {
		if m.ID, err = tx.NewID(); err != nil {
			return err
		}
		if err := tx.AddMeterRow(m, nil, nil); err != nil {
			return err
		}
		for i := range keys {
			if keys[i].ID, err = tx.NewID(); err != nil {
				return err
			}
			keys[i].Meter = m.N
			if err := tx.AddMeterKey(keys[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return keys
}

// token makes a token of 34.7 kWh for a meter under a key, issued some minutes ago.
func (c *clinic) token(number string, k registry.Key, minutes int) sts.Token {
	c.t.Helper()
	a, err := k.Attributes(number)
	if err != nil {
		c.t.Fatal(err)
	}
	secret, ok := c.keys.DecoderKey(a)
	if !ok {
		c.t.Fatalf("no key for %+v", a)
	}
	t, err := sts.EncodeCredit(secret, sts.Credit{RND: 5, TID: c.tid(k, minutes), Amount: 347})
	if err != nil {
		c.t.Fatal(err)
	}
	return t
}

func (c *clinic) tid(k registry.Key, minutes int) sts.TID {
	c.t.Helper()
	tid, err := k.BaseDate.TIDAt(c.clock.Add(-time.Duration(minutes) * time.Minute))
	if err != nil {
		c.t.Fatal(err)
	}
	return tid
}

// soldToken is a token that was sold.
type soldToken struct {
	key     registry.Key
	minutes int // how many minutes ago the token was made
	state   sale.TokenState
	result  string
	vendor  id.ID
}

// sold makes a token and stores it with its sale.
func (c *clinic) sold(number string, s soldToken) sts.Token {
	c.t.Helper()
	t := c.token(number, s.key, s.minutes)
	if s.state == "" {
		s.state = sale.TokenIssued
	}
	c.do(func(tx *store.Tx) error {
		token, err := tx.NewID()
		if err != nil {
			return err
		}
		vend, err := tx.NewID()
		if err != nil {
			return err
		}
		vendor := ""
		if !s.vendor.IsZero() {
			vendor = fmt.Sprintf("%x", s.vendor[:])
		}
		at := c.clock.Add(-time.Duration(s.minutes) * time.Minute)
		_, err = tx.C.Exec(`INSERT INTO vend (tenant_id, id, vendor_key, client_ref, order_hash, meter, meter_key_id, account_id, mode, state, currency,
			tender, month, tariff_version_id, by_actor, priced_at, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'prepay_token', 'completed', 'KES', 10000, '2026-11', $9, 'test', $10, $10)`,
			tx.Tenant, vend, vendor, token.Text(id.Token), []byte{1}, s.key.Meter, s.key.ID, vend, vend, at)
		if err != nil {
			return err
		}
		_, err = tx.C.Exec(`INSERT INTO token (tenant_id, id, vend_id, meter, meter_key_id, tid, base_date, class, subclass, rnd, units_wh, digits_enc,
			digits_hash, state, issued_at, result, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, 5, $8, $9, $10, $11, $12, $13, $12)`,
			tx.Tenant, token, vend, s.key.Meter, s.key.ID, int64(c.tid(s.key, s.minutes)), int64(s.key.BaseDate), int64(34_700*unit.WattHour), []byte{1},
			c.data.Hash(sale.HashContext, []byte(t.Reveal())), string(s.state), at, s.result)
		return err
	})
	return t
}

// said stores what a meter reported about a token.
func (c *clinic) said(k registry.Key, minutes int, result string) {
	c.t.Helper()
	c.do(func(tx *store.Tx) error {
		_, err := tx.C.Exec(`INSERT INTO token_report (tenant_id, meter, store, seq, at, received_at, tid, base_date, class, subclass, result, source)
			VALUES ($1, $2, 'a1', $3, $4, $4, $5, $6, 0, 0, $7, 'keypad')`, tx.Tenant, k.Meter, c.clock.UnixNano(), c.clock, int64(c.tid(k, minutes)),
			int64(k.BaseDate), result)
		return err
	})
	c.clock = c.clock.Add(time.Second)
}

func actor(role access.Role) access.Actor {
	return access.Actor{Tenant: store.FirstTenant, Kind: access.APIKey, Name: string(role), Role: role, ID: id.ID{1, byte(len(role))}}
}

// ask asks as an owner and expects an answer.
func (c *clinic) ask(t sts.Token, number string) diagnosis.Diagnosis {
	c.t.Helper()
	return c.askAs(actor(access.Owner), t.RevealGrouped(), number)
}

func (c *clinic) askAs(by access.Actor, digits, number string) diagnosis.Diagnosis {
	c.t.Helper()
	d, err := c.doctor.Diagnose(c.t.Context(), by, diagnosis.Question{Digits: digits, Meter: number})
	if err != nil {
		c.t.Fatal(err)
	}
	for _, f := range d.Findings {
		if f.Code == "" || len(f.Text.English) < 20 || len(f.Do.English) < 20 || f.Text.English[len(f.Text.English)-1] != '.' || f.Do.English[len(f.Do.English)-1] != '.' {
			c.t.Errorf("a finding that does not say what is and what to do: %+v", f)
		}
	}
	return d
}

// codes returns the codes of a diagnosis's findings.
func codes(d diagnosis.Diagnosis) string {
	s := ""
	for i, f := range d.Findings {
		if i > 0 {
			s += " "
		}
		s += string(f.Code)
	}
	return s
}

// slip returns the token with one typing error: one digit changed, or two neighbours exchanged.
func slip(t *testing.T, token sts.Token, swapped bool) sts.Token {
	t.Helper()
	for s := range sts.Slips(token) {
		if s.Swapped == swapped && s.At > 3 && s.Token.Class() == 0 {
			return s.Token
		}
	}
	t.Fatal("no such slip")
	return sts.Token{}
}
