package shoptest_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/internal/till"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/vendor"
	"github.com/paywatt/paywatt/internal/words"
	"github.com/paywatt/paywatt/internal/words/wordstest"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// clock is a server clock that only tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

func (c *clock) add(d time.Duration) { c.set(c.Now().Add(d)) }

// door counts the transactions of a Vending and can break before or after any of them, as a crash would.
type door struct {
	engine store.Engine
	mu     sync.Mutex
	before func(n int) error // if it returns an error, the n-th transaction does not begin
	after  func(n int) error // if it returns an error, the caller gets it although the transaction has committed
	count  int
	wrap   func(vending.Tx) vending.Tx // wraps each transaction
	flaky  testing.TB                  // if not nil, every call fails once, and the test fails if that error is lost
}

func (d *door) Do(ctx context.Context, t access.Tenant, fn func(vending.Tx) (bool, error)) error {
	d.mu.Lock()
	d.count++
	n, before, after := d.count, d.before, d.after
	d.mu.Unlock()
	if before != nil {
		if err := before(n); err != nil {
			return err
		}
	}
	if err := d.tried(func(wrap func(vending.Tx) vending.Tx) error {
		return d.engine.Run(ctx, t, store.Sale, func(tx *store.Tx) (bool, error) { return fn(wrap(tx)) })
	}); err != nil {
		return err
	}
	if after != nil {
		return after(n)
	}
	return nil
}

func (d *door) View(ctx context.Context, t access.Tenant, fn func(vending.Tx) error) error {
	return d.tried(func(wrap func(vending.Tx) vending.Tx) error {
		return d.engine.View(ctx, t, func(tx *store.Tx) error { return fn(wrap(tx)) })
	})
}

// vendingKey is a public test key (docs/guide/own-implementation.md).
const vendingKey = "abababababababab949494949494949401234567"

// issuer makes real tokens under the public test key. It may be local, slow, unsure or refusing.
type issuer struct {
	local bool
	mu    sync.Mutex
	asked []vending.IssueRequest
	// say returns the answer to the n-th request. If say is nil or returns errAnswerItself, the issuer makes the token.
	say func(n int, o vending.IssueRequest) (vending.Answer, error)
}

func (i *issuer) Local() bool { return i.local }

var errAnswerItself = errors.New("make the token")

func (i *issuer) Issue(_ context.Context, o vending.IssueRequest) (vending.Answer, error) {
	i.mu.Lock()
	i.asked = append(i.asked, o)
	n, say := len(i.asked), i.say
	i.mu.Unlock()
	if say != nil {
		if a, err := say(n, o); !errors.Is(err, errAnswerItself) {
			return a, err
		}
	}
	key, err := decoderKey(o.Attributes)
	if err != nil {
		return vending.Answer{}, err
	}
	token, err := made(key, o)
	return vending.Answer{Outcome: vending.Made, Token: token}, err
}

// made returns the token of an order under the public test key.
func made(key sts.Key, o vending.IssueRequest) (sts.Token, error) {
	switch o.Make {
	case vending.MakeManagement:
		return sts.EncodeManagement(key, o.Manage)
	case vending.MakeKeyChange:
		next, err := decoderKey(o.Change.Next)
		if err != nil {
			return sts.Token{}, err
		}
		from := sts.Holding{Key: key, Attributes: o.Attributes, KEN: o.KEN}
		set, err := from.ChangeTo(&sts.Holding{Key: next, Attributes: o.Change.Next, KEN: o.Change.KEN}, o.Change.At, false)
		if err != nil {
			return sts.Token{}, err
		}
		return set[o.Change.Section], nil
	}
	return sts.EncodeCredit(key, o.Credit)
}

func (i *issuer) orders() []vending.IssueRequest {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]vending.IssueRequest(nil), i.asked...)
}

func decoderKey(a sts.Attributes) (sts.Key, error) {
	raw, err := hex.DecodeString(vendingKey)
	if err != nil {
		return sts.Key{}, err
	}
	vk, err := sts.NewVendingKey(raw)
	if err != nil {
		return sts.Key{}, err
	}
	return sts.DeriveKey(vk, a)
}

// shop is a vending system with a real store, one tenant and its meters.
type shop struct {
	t      testing.TB
	dir    string
	clock  *clock
	engine engine
	url    string // address of a PostgreSQL database; empty for SQLite
	door   *door
	issuer *issuer
	keys   vending.Issuer // asked instead of issuer if set
	sealer *keystore.DataKey
	kicks  atomic.Int64

	seq      uint64   // number of the last record that a meter sent
	online   sync.Map // numbers of meters that are connected
	sends    bool     // there is a route for text messages
	unsound  bool     // the books do not add up
	rehearse bool
	synced   bool             // a time service keeps the clock
	running  func() time.Time // running time, if the clock may be moved while the program runs
	machine  func() (boot string, up time.Duration)
	*vending.Vending
	*debt.Debts
	*vendor.Vendors
	Tills *till.Tills
}

const tenant = store.FirstTenant

func owner() access.Actor {
	return access.Actor{Tenant: tenant, Kind: access.APIKey, Name: "till3", Role: access.Owner, Answers: id.ID{15: 1}}
}

// signedIn is the owner after signing in: without the limits that a key can have.
func signedIn() access.Actor {
	by := owner()
	by.Kind, by.ID = access.Person, by.Answers
	return by
}

// addOwner adds the person of [signedIn], for whom a second person approves.
func (s *shop) addOwner() {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		return tx.AddPersonRow(access.PersonRow{ID: signedIn().ID, Email: "till3", Role: access.Owner, Password: "x", CreatedAt: tx.Now})
	})
}

// monday returns the time at which the tests begin. At that time TIDs exist only for the base date 2014.
func monday() time.Time { return time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC) }

// open opens a shop whose store runs every closure twice. That finds a closure with side effects outside its transaction.
func open(t *testing.T, local bool) *shop {
	t.Helper()
	return openWith(t, local, true)
}

func openWith(t testing.TB, local, rehearse bool) *shop {
	t.Helper()
	return openIn(t, "KES", local, rehearse)
}

// openIn opens a shop whose tenant has this currency.
func openIn(t testing.TB, currency string, local, rehearse bool) *shop {
	t.Helper()
	tier.World(t)
	_ = os.Getenv(storeVariable) // go test keeps results by the variables that tests read, and not by those that were read before
	s := &shop{t: t, dir: t.TempDir(), clock: &clock{now: monday()}, issuer: &issuer{local: local}, rehearse: rehearse}
	if everyPlace != nil || everyCall != nil {
		s.rehearse = false // the planted failure would fall into the rehearsal, whose outcome the store does not report
	}
	var err error
	if s.sealer, err = keystore.OpenData(s.dir); err != nil {
		t.Fatal(err)
	}
	s.start()
	t.Cleanup(func() {
		if err := s.engine.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	c, known := money.CurrencyOf(currency)
	if !known {
		t.Fatalf("there is no currency %s", currency)
	}
	s.do(func(tx *store.Tx) error {
		_, err := tx.SetCurrency(c.Code, c.Exp)
		return err
	})
	return s
}

// crash ends the process and starts another on the same data.
func (s *shop) crash() {
	s.t.Helper()
	if err := s.engine.Close(); err != nil {
		s.t.Fatal(err)
	}
	s.start()
}

func (s *shop) do(fn func(*store.Tx) error) {
	s.t.Helper()
	if err := s.engine.Run(context.Background(), tenant, store.Job, func(tx *store.Tx) (bool, error) { return false, fn(tx) }); err != nil {
		s.t.Fatal(err)
	}
}

func flat() tariff.Body {
	return tariff.Body{Currency: "KES", VATBps: 1500, Blocks: []tariff.Block{{Rate: 2_500_000}}}
}

func ibt() tariff.Body {
	return tariff.Body{Currency: "KES", VATBps: 1500, Blocks: []tariff.Block{{UpTo: 50_000, Rate: 1_200_000},
		{UpTo: 350_000, Rate: 1_600_000}, {UpTo: 600_000, Rate: 2_300_000}, {Rate: 2_750_000}}}
}

func must[T any](t testing.TB, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// publish stores a tariff that applies from a time.
func (s *shop) publish(name string, b tariff.Body, from time.Time) id.ID {
	s.t.Helper()
	var t id.ID
	s.do(func(tx *store.Tx) error {
		var err error
		if t, err = tx.NewID(); err != nil {
			return err
		}
		v, err := tx.NewID()
		if err != nil {
			return err
		}
		if err := tx.AddTariffRow(t, name); err != nil {
			return err
		}
		return tx.AddTariffVersion(tariff.Version{ID: v, TariffID: t, Name: name, N: 1, EffectiveFrom: from, Body: b}, "test")
	})
	return t
}

// republish adds the nth version of a tariff.
func (s *shop) republish(t id.ID, n int, b tariff.Body, from time.Time) {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		v, err := tx.NewID()
		if err != nil {
			return err
		}
		return tx.AddTariffVersion(tariff.Version{ID: v, TariffID: t, N: n, EffectiveFrom: from, Body: b}, "test")
	})
}

// place is a meter with everything around it, as a test needs it.
type place struct {
	tariff id.ID
	meter  func(*registry.Meter)
	keys   func([]registry.Key) []registry.Key
	link   func(meter id.ID) []byte // returns the meter's sealed link key
}

// numberOf is the meter number with this serial.
func numberOf(t testing.TB, serial int) string {
	t.Helper()
	body := fmt.Sprintf("04%08d", serial)
	check, err := sts.Luhn(body)
	if err != nil {
		t.Fatal(err)
	}
	return body + string(check)
}

// meter registers a meter on a tariff and returns its number.
func (s *shop) meter(serial int, p place) string {
	s.t.Helper()
	number := numberOf(s.t, serial)
	s.do(func(tx *store.Tx) (err error) {
		ids := make([]id.ID, 5)
		for i := range ids {
			if ids[i], err = tx.NewID(); err != nil {
				return err
			}
		}
		n, err := tx.NextMeterN()
		if err != nil {
			return err
		}
		m := registry.Meter{ID: ids[0], N: n, Number: number, Mode: registry.PrepayToken, Status: registry.Active, Account: ids[3],
			Phases: 1, ImpPerKWh: 1000, TT: "02", ReadingInterval: 30 * time.Minute, CreatedAt: tx.Now}
		if p.meter != nil {
			p.meter(&m)
		}
		link := []byte("link key")
		if p.link != nil {
			link = p.link(m.ID)
		}
		keys := []registry.Key{{ID: ids[4], Meter: n, SGC: "201457", KRN: 1, KT: sts.DUTK, TI: "01", KEN: 255, EA: sts.EA07, DKGA: sts.DKGA04,
			BaseDate: sts.Base2014, From: tx.Now, State: "current"}}
		if p.keys != nil {
			keys = p.keys(keys)
		}
		return errors.Join(
			tx.AddCustomerRow(registry.Customer{ID: ids[1], Name: "Amina A.", Phone: "+254700000001", Lang: "en", CreatedAt: tx.Now}),
			tx.AddPoint(registry.Point{ID: ids[2], Address: "12 Lake Road"}),
			tx.AddAccount(registry.Account{ID: ids[3], Customer: ids[1], Point: ids[2], Mode: m.Mode, Tariff: p.tariff,
				Status: "active", OpenedAt: tx.Now}),
			tx.AddMeterRow(m, nil, link), addKeys(tx, keys))
	})
	return number
}

func addKeys(tx *store.Tx, keys []registry.Key) error {
	for _, k := range keys {
		if err := tx.AddMeterKey(k); err != nil {
			return err
		}
	}
	return nil
}

func kes(minor money.Minor) money.Amount { return money.Amount{Minor: minor, Currency: "KES"} }

// answer is the body that these tests render for a sale.
type answer struct {
	ID     string   `json:"id"`
	Units  int64    `json:"units_wh"`
	Digits []string `json:"digits"`
}

func order(meter string, minor money.Minor, key string) vending.Purchase {
	o := vending.Purchase{Meter: meter, Tender: kes(minor), Once: access.Once{Principal: "key till3", Key: key}}
	o.Once.Hash = sha256.Sum256(fmt.Appendf(nil, "POST /v1/vends %s %d", meter, minor))
	o.Render = func(s sale.Sale, d vending.Digits) (int, []byte) {
		a := answer{ID: s.ID.Text(id.Vend), Units: int64(s.Units)}
		for i := range d.Len() {
			a.Digits = append(a.Digits, d.Reveal(i))
		}
		b, _ := json.Marshal(a)
		return 201, b
	}
	o.RenderRefusal = func(r refusal.Refusal) (int, []byte) { return r.Code.Status(), []byte(r.Code) }
	return o
}

// sell sells and fails the test if the sale is refused.
func (s *shop) sell(o vending.Purchase) vending.Sold {
	s.t.Helper()
	sold, err := s.Sell(context.Background(), owner(), o)
	if err != nil {
		s.t.Fatal(err)
	}
	if sold.Refused() {
		s.t.Fatalf("sale of %d to %s was refused: %s: %s", o.Tender.Minor, o.Meter, sold.Code, sold.Detail())
	}
	return sold
}

// refused tries a sale and expects this refusal.
func (s *shop) refused(o vending.Purchase, want refusal.Code) vending.Sold {
	s.t.Helper()
	sold, err := s.Sell(context.Background(), owner(), o)
	if err != nil {
		s.t.Fatal(err)
	}
	if sold.Code != want {
		s.t.Fatalf("sale of %d to %s: refusal %q (%s), want %q", o.Tender.Minor, o.Meter, sold.Code, sold.Detail(), want)
	}
	return sold
}

// number runs a query for one integer.
func (s *shop) number(sql string, args ...any) int64 {
	s.t.Helper()
	var n int64
	err := s.engine.View(context.Background(), tenant, func(tx *store.Tx) error {
		return tx.C.Query(sql, func(r core.Row) error { n = r.Int(0); return nil }, args...)
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// balances returns the trial balance. Reading it fails unless it sums to zero.
func (s *shop) balances() map[ledger.Code]money.Minor {
	s.t.Helper()
	out := map[ledger.Code]money.Minor{}
	err := s.engine.View(context.Background(), tenant, func(tx *store.Tx) error {
		lines, err := tx.TrialBalance()
		for _, l := range lines {
			out[l.Account.Code] = l.Amount
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

// opened is a token as its meter would open it.
func (s *shop) opened(number string, k registry.Key, digits string) sts.Opened {
	s.t.Helper()
	a, err := k.Attributes(number)
	if err != nil {
		s.t.Fatal(err)
	}
	key, err := decoderKey(a)
	if err != nil {
		s.t.Fatal(err)
	}
	token, result := sts.ParseToken(digits)
	if result != sts.Accept {
		s.t.Fatalf("%q is no token: %s", digits, result)
	}
	return sts.Open(key, token)
}

// key returns the meter key that a sale was made under.
func (s *shop) key(sale sale.Sale) registry.Key {
	s.t.Helper()
	var k registry.Key
	err := s.engine.View(context.Background(), tenant, func(tx *store.Tx) (err error) {
		k, _, err = tx.VendKey(sale.Key)
		return err
	})
	return must(s.t, k, err)
}

// audit checks the invariants of selling over everything in the store. A completed sale has exactly one journal and at least one token with
// digits; any other sale has no journal and no digits. Lines sum to the payment. The units stored for an account's month are the sum of the
// units of its tokens.
func (s *shop) audit() {
	s.t.Helper()
	s.balances()
	for _, c := range []struct{ what, sql string }{
		{"completed sales without a token", `SELECT COUNT(*) FROM vend v WHERE v.state = 'completed' AND v.units_wh > 0 AND NOT EXISTS (SELECT 1 FROM token t
			WHERE t.tenant_id = v.tenant_id AND t.vend_id = v.id AND t.digits_enc IS NOT NULL)`},
		{"tokens with digits of sales that are not completed", `SELECT COUNT(*) FROM token t JOIN vend v ON v.tenant_id = t.tenant_id
			AND v.id = t.vend_id WHERE v.state NOT IN ('completed', 'reversed') AND t.digits_enc IS NOT NULL`},
		{"sales whose lines do not sum to the tender", `SELECT COUNT(*) FROM vend v WHERE v.tender <> (SELECT SUM(l.amount) FROM vend_line l
			WHERE l.tenant_id = v.tenant_id AND l.vend_id = v.id)`},
		{"months that do not hold the units of their tokens", `SELECT COUNT(*) FROM usage_month u WHERE u.units_wh <> (SELECT
			COALESCE(SUM(t.units_wh), 0) FROM vend v JOIN token t ON t.tenant_id = v.tenant_id AND t.vend_id = v.id
			WHERE v.account_id = u.account_id AND v.month = u.month AND (v.state IN ('held', 'completed') OR v.state = 'reversed' AND t.state = 'accepted'))`},
		{"accounts whose carry is not the carry of their sales", `SELECT COUNT(*) FROM (SELECT a.id FROM account a JOIN vend v ON
			v.tenant_id = a.tenant_id AND v.account_id = a.id AND v.state = 'completed' GROUP BY a.id HAVING
			SUM(v.carry_out - v.carry_in) < 0) wrong`},
		{"carry in the books beside that of the sales", `SELECT ABS(COALESCE((SELECT -SUM(balance) FROM ledger_account WHERE code = 2060), 0) -
			COALESCE((SELECT SUM(carry_out - carry_in) FROM vend WHERE state = 'completed'), 0))`},
		{"receipt numbers missing", `SELECT ABS(COALESCE((SELECT SUM(value) FROM counter WHERE name LIKE 'receipt:%'), 0) -
			(SELECT COUNT(*) FROM vend WHERE receipt_no IS NOT NULL))`},
	} {
		if n := s.number(c.sql); n != 0 {
			s.t.Errorf("%d %s", n, c.what)
		}
	}
	s.verified()
}

// verified runs the store's independent checks over everything.
func (s *shop) verified() {
	s.t.Helper()
	for _, f := range s.verifyBooks() {
		s.t.Errorf("verify: %s: %s", f.Rule, f.What)
	}
}

// verifyBooks returns what verification finds wrong.
func (s *shop) verifyBooks() []store.Finding {
	s.t.Helper()
	var r store.Report
	err := s.engine.View(context.Background(), tenant, func(tx *store.Tx) error {
		r = store.Report{} // the store may run a closure twice
		return store.Verify(tx, s.trust(), &r)
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return r.Findings
}

// storeTx and storeRow are names for types of the store. A test file that uses only these types need not import the store.
type (
	storeTx  = store.Tx
	storeRow = core.Row
)

// setTZ moves the tenant to a time zone.
func setTZ(tx *store.Tx, zone string) error {
	set, err := tx.TenantSettings()
	if err != nil {
		return err
	}
	set.TZ, set.Name, set.VATNo = zone, "Lake Power", "P000000000A"
	return tx.PutTenantSettings(set)
}

func (s *shop) at(text string) time.Time {
	s.t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	return must(s.t, at, err)
}

func (s *shop) quote(meter string, minor money.Minor) vending.Quoted {
	s.t.Helper()
	q, err := s.Quote(context.Background(), owner(), meter, kes(minor))
	if err != nil || q.Refused() {
		s.t.Fatalf("quote: %v, %s", err, q.Detail())
	}
	return q
}

// buyUntil records that the account of a meter has bought a number of units this month, without selling them.
func (s *shop) buyUntil(meter string, units unit.Energy) {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		ref, no := registry.ParseRef(meter)
		if no.Refused() {
			return errors.New(no.Detail())
		}
		p, _, err := tx.VendPoint(ref)
		if err != nil {
			return err
		}
		_, err = tx.C.Exec(`INSERT INTO usage_month (tenant_id, account_id, month, units_wh) VALUES ($1, $2, $3, $4)`,
			tx.Tenant, p.Account, "2026-11", units)
		return err
	})
}

// tariffOf is the tariff of a meter's account.
func (s *shop) tariffOf(meter string) id.ID {
	s.t.Helper()
	ref, no := registry.ParseRef(meter)
	if no.Refused() {
		s.t.Fatal(no.Detail())
	}
	var p sale.Point
	err := s.engine.View(context.Background(), tenant, func(tx *store.Tx) (err error) {
		p, _, err = tx.VendPoint(ref)
		return err
	})
	return must(s.t, p.Tariff, err)
}

// english returns the texts of receipts and explanations.
func english(t testing.TB) *words.Texts { return wordstest.English(t) }
