package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/wire"
)

func walletTests() []test {
	return []test{
		{"loss, repetition and order change nothing about the money", playStory(walletOrder)},
		{"use is accrued, posted by the hour and warned of once", walletPosts},
		{"a register that cannot be true moves no money until somebody decides", walletHeld},
		{"a meter that comes with another memory is rated on", walletMemory},
		{"a clock that is a day ahead or stays behind is set", walletClock},
		{"a recharge and a change of the account do not wait for each other", walletLocks},
		{"a verification makes no statement for each wallet", walletsVerified},
	}
}

// walletMeter is a wallet meter with its account.
type walletMeter struct {
	mtr
	account id.ID
	began   time.Time // start of the meter's half-hours; the zero time stands for base
}

// addWalletMeter adds a wallet meter on 2.50 per kWh and 15 % tax, with some money paid in.
func addWalletMeter(t *testing.T, e store.Engine, n int64, paid money.Minor) walletMeter {
	t.Helper()
	return addWalletMeterAt(t, e, n, paid, tariff.Body{Currency: "KES", VATBps: 1500, Blocks: []tariff.Block{{Rate: 2_500_000}}})
}

// addWalletMeterAt adds a wallet meter on a tariff.
func addWalletMeterAt(t *testing.T, e store.Engine, n int64, paid money.Minor, body tariff.Body) walletMeter {
	t.Helper()
	m := registry.Meter{N: n, Number: fmt.Sprintf("0414000%04d", n), Mode: registry.PrepayWallet, Status: registry.Active, Phases: 1,
		ImpPerKWh: 1000, TT: "02", ReadingInterval: 30 * time.Minute, CreatedAt: base()}
	p := walletMeter{}
	must(t, e, func(tx *store.Tx) error {
		ids := make([]id.ID, 6)
		for i := range ids {
			var err error
			if ids[i], err = tx.NewID(); err != nil {
				return err
			}
		}
		m.ID, m.Account, p.account = ids[0], ids[1], ids[1]
		if _, err := tx.SetCurrency("KES", 2); err != nil {
			return err
		}
		for _, step := range []func() error{
			func() error { return tx.AddTariffRow(ids[4], fmt.Sprintf("tariff %d", n)) },
			func() error {
				return tx.AddTariffVersion(tariff.Version{ID: ids[5], TariffID: ids[4], N: 1, EffectiveFrom: base().AddDate(-1, 0, 0), Body: body}, "test")
			},
			func() error {
				return tx.AddCustomerRow(registry.Customer{ID: ids[2], Name: "Amina A.", Lang: "en", CreatedAt: base()})
			},
			func() error { return tx.AddPoint(registry.Point{ID: ids[3]}) },
			func() error {
				return tx.AddAccount(registry.Account{ID: ids[1], Customer: ids[2], Point: ids[3], Mode: registry.PrepayWallet, Tariff: ids[4],
					Status: "active", OpenedAt: base()})
			},
			func() error { return tx.AddMeterRow(m, nil, []byte("sealed link key")) },
		} {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	})
	p.mtr = mtr{m, memory}
	if paid > 0 {
		p.pay(t, e, paid)
	}
	return p
}

// pay credits money to the wallet.
func (p walletMeter) pay(t *testing.T, e store.Engine, amount money.Minor) {
	t.Helper()
	must(t, e, func(tx *store.Tx) error {
		_, err := post(tx, ledger.Payment, "", account(ledger.Till, ledger.MainTill), account(ledger.Wallet, p.account.Text(id.Account)), amount)
		if err == nil {
			_, err = wallet.SettleCredit(tx, p.account, tx.Now)
		}
		return err
	})
}

// use returns a reading with this record number and register. Each record number is half an hour later than the one before.
func (p walletMeter) use(seq uint64, register int64) metering.Record {
	began := p.began
	if began.IsZero() {
		began = base()
	}
	head := wire.Head{Seq: seq, At: began.Add(time.Duration(seq) * 30 * time.Minute).Unix(), Up: seq * 1_800_000, Clock: wire.ClockValid}
	r := p.record(wire.Reading{Head: head, RegisterWh: register, Relay: "closed"}.Record())
	if r.ReceivedAt = base().AddDate(0, 3, 0); !p.began.IsZero() {
		r.ReceivedAt = time.Now()
	}
	return r
}

// row returns the meter's wallet, without the parts of its state that only time changes.
func (p walletMeter) row(t *testing.T, e store.Engine) wallet.Row {
	t.Helper()
	rows := look(t, e, func(tx *store.Tx) ([]wallet.Row, error) { return tx.WalletOf(p.N) })
	p.amongOthers(t, e, rows)
	if len(rows) != 1 {
		t.Fatalf("meter %s has %d wallets, want one", p.Number, len(rows))
	}
	rows[0].SettledAt = time.Time{}
	return rows[0]
}

// amongOthers checks that reading a meter's wallet, its use and its money together with those of others gives the same.
func (p walletMeter) amongOthers(t *testing.T, e store.Engine, rows []wallet.Row) {
	t.Helper()
	const first, last = "2000-01-01", "2100-01-01"
	look(t, e, func(tx *store.Tx) (struct{}, error) {
		all, err1 := tx.WalletsOfMeters([]int64{p.N, p.N + 1000})
		used, err2 := tx.WalletUse(p.N, first, last, 1000)
		each, err3 := tx.WalletUseOf([]int64{p.N + 1000, p.N}, first, last)
		balance, held, err4 := tx.WalletMoney(p.account)
		money, err5 := tx.WalletMoneyOf([]id.ID{p.account, p.ID})
		if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
			return struct{}{}, err
		}
		if !reflect.DeepEqual(all, rows) || len(each) > 1 || !slices.Equal(each[p.N], used) || len(money) > 1 || money[p.account] != (wallet.Money{Wallet: balance, Held: held}) {
			t.Errorf("among others meter %s has %d wallets, %d days and %v, want %d, %d and %d", p.Number, len(all), len(each[p.N]), money, len(rows), len(used), balance)
		}
		return struct{}{}, nil
	})
}

// balance returns the wallet's balance in the books.
func (p walletMeter) balance(t *testing.T, e store.Engine) money.Minor {
	t.Helper()
	return look(t, e, func(tx *store.Tx) (money.Minor, error) {
		b, _, err := tx.WalletMoney(p.account)
		return b, err
	})
}

// walletOrder delivers the same readings for two meters: for one meter in order, and for the other meter as a bad network would deliver
// them.
func walletOrder(t *testing.T, r Rig) {
	e := r.Open(t)
	const last, enough = 300, 1_000_000
	for seed := range uint64(4) {
		rnd := rand.New(rand.NewPCG(seed, 6))
		calm, rough := addWalletMeter(t, e, int64(2*seed)+1, enough), addWalletMeter(t, e, int64(2*seed)+2, enough)
		registers := make([]int64, last+1)
		for i := 1; i <= last; i++ {
			registers[i] = registers[i-1] + rnd.Int64N(900)
		}
		for _, p := range []walletMeter{calm, rough} {
			outcomes(t, e, p.boot(1, last+1))
		}
		for i := uint64(1); i <= last; i++ {
			outcomes(t, e, calm.use(i, registers[i]))
		}
		for round := 0; live(t, e, rough.mtr).Window.Watermark < last; round++ {
			if round > 1000 {
				t.Fatal("the records never arrive")
			}
			var recs []metering.Record
			first := live(t, e, rough.mtr).Window.Watermark + 1
			for i := first; i < first+70 && i <= last; i++ {
				if rnd.IntN(10) < 7 {
					recs = append(recs, rough.use(i, registers[i]))
				}
			}
			rnd.Shuffle(len(recs), func(i, j int) { recs[i], recs[j] = recs[j], recs[i] })
			for len(recs) > 0 {
				n := 1 + rnd.IntN(len(recs))
				outcomes(t, e, append(recs[:n:n], recs[rnd.IntN(n)])...)
				recs = recs[n:]
			}
		}
		a, b := calm.row(t, e), rough.row(t, e)
		if a.Total().KWh(3) != b.Total().KWh(3) || a.Debited != b.Debited || a.Meter.Account == b.Meter.Account || a.State.Month != b.State.Month ||
			a.Used != b.Used || a.Rest != b.Rest || int64(a.Register) != registers[last] {
			t.Errorf("seed %d: the calm meter has %+v, the rough one %+v", seed, a.State, b.State)
		}
		if a, b := calm.days(t, e), rough.days(t, e); !slices.Equal(a, b) || len(a) < 6 {
			t.Errorf("seed %d: days of the calm meter %v, of the rough one %v", seed, a, b)
		}
	}
}

// days lists a meter's use by day.
func (p walletMeter) days(t *testing.T, e store.Engine) []string {
	t.Helper()
	return look(t, e, func(tx *store.Tx) (out []string, err error) {
		err = tx.C.Query(`SELECT day, wh, debit FROM wallet_day WHERE tenant_id = $1 AND meter = $2 ORDER BY day`, func(r core.Row) error {
			out = append(out, fmt.Sprintf("%s %d %d", r.Text(0), r.Int(1), r.Int(2)))
			return nil
		}, tx.Tenant, p.N)
		return out, err
	})
}

func walletPosts(t *testing.T, r Rig) {
	e := r.Open(t)
	p := addWalletMeter(t, e, 1, 0)
	p.began = time.Now().Add(-4 * time.Hour).Truncate(time.Second) // an old reading does not cut anybody off
	if w := p.row(t, e); wallet.Wanted(w.State) || w.Off.String() != "CREDIT" {
		t.Errorf("a meter nothing is paid for: off %q, want CREDIT", w.Off)
	}
	p.pay(t, e, 7000)
	if w := p.row(t, e); !wallet.Wanted(w.State) || w.Low1.Fired || w.Low2.Fired {
		t.Errorf("after 70.00: %+v, want the supply on and no warning", w.State)
	}
	outcomes(t, e, p.boot(1, 9), p.use(1, 1000), p.use(2, 2000))
	w := p.row(t, e)
	if w.Accrued != 287 || p.balance(t, e) != 7000 || w.Posted != 0 {
		t.Errorf("after 1 kWh: accrued %d, wallet %d, %d journals; want 287, 7000 and none", w.Accrued, p.balance(t, e), w.Posted)
	}
	outcomes(t, e, p.use(3, 8000)) // 49.87 left, less than the price of 20 kWh
	if w = p.row(t, e); !w.Low1.Fired || w.Low2.Fired || w.Accrued != 0 || w.Posted != 1 || p.balance(t, e) != 4988 {
		t.Errorf("at the first warning: %+v, wallet %d; want it posted and warned once", w.State, p.balance(t, e))
	}
	outcomes(t, e, p.use(4, 20_000), p.use(5, 24_000)) // 66.12 of 70.00 used
	if w = p.row(t, e); !w.Low2.Fired || !wallet.Wanted(w.State) || w.Debited != 6612 {
		t.Errorf("at the second warning: %+v, want it fired and the supply on", w.State)
	}
	outcomes(t, e, p.use(6, 30_000)) // 83.37 of 70.00 used: use is never refused
	if w = p.row(t, e); wallet.Wanted(w.State) || p.balance(t, e) != -1337 || w.Accrued != 0 {
		t.Errorf("beyond the end: %+v, wallet %d; want -1337 and the supply off", w.State, p.balance(t, e))
	}
	p.pay(t, e, 1337)
	if w = p.row(t, e); wallet.Wanted(w.State) {
		t.Error("the supply is wanted with nothing available")
	}
	p.pay(t, e, 1)
	if w = p.row(t, e); !wallet.Wanted(w.State) {
		t.Error("the supply is not wanted after a payment")
	}
	walletJournals(t, e, p)
	r.seal(t, e)
	verified(t, e)
}

// walletJournals checks that the memos of a meter's use journals cover everything that was rated and posted.
func walletJournals(t *testing.T, e store.Engine, p walletMeter) {
	t.Helper()
	w := p.row(t, e)
	must(t, e, func(tx *store.Tx) error {
		var wh int64
		for n := int64(1); n <= w.Posted; n++ {
			j, found, err := tx.JournalByRef(ledger.Usage, wallet.UseRef(p.ID, n))
			if err != nil || !found {
				return fmt.Errorf("journal %d of use (found: %t): %w", n, found, err)
			}
			span, ok := wallet.ParseSpan(j.Memo)
			if !ok || span.String() != j.Memo || span.Test {
				t.Errorf("memo %q does not read back", j.Memo)
			}
			wh += int64(span.Units)
		}
		if wh != int64(w.PostedWh) {
			t.Errorf("the journals tell of %d Wh, the wallet of %d", wh, w.PostedWh)
		}
		return nil
	})
}

func walletHeld(t *testing.T, r Rig) {
	e := r.Open(t)
	p := addWalletMeter(t, e, 1, 100_000)
	outcomes(t, e, p.boot(1, 9), p.use(1, 1000), p.use(2, 2000))
	for i, c := range []struct {
		register int64
		reason   wallet.HoldReason
	}{{0, wallet.HoldRegress}, {53_750_000, wallet.HoldImplausible}} {
		seq := uint64(3 + 3*i)
		was := p.row(t, e)
		outcomes(t, e, p.use(seq, c.register), p.use(seq+1, c.register+500))
		w := p.row(t, e)
		if w.Held.Reason != c.reason || w.Held.Seq != seq || w.Debited != was.Debited || w.Register != was.Register {
			t.Errorf("register %d: %+v, want it held as %s and nothing charged", c.register, w.State, c.reason)
		}
		if got := alarms(t, e, p.mtr); !strings.Contains(got, string(metering.AlarmRatingHeld)) {
			t.Errorf("register %d: alarms %q, want %s", c.register, got, metering.AlarmRatingHeld)
		}
		must(t, e, func(tx *store.Tx) error {
			_, err := wallet.Release(tx, p.N, wallet.Rebased(w.Held.Register), tx.Now)
			return err
		})
		w = p.row(t, e)
		if w.Held.Stopped() || int64(w.Register) != c.register+500 || w.Total() != was.Total()+500 {
			t.Errorf("register %d rebased: %+v, want the 500 Wh since then rated and nothing of the jump", c.register, w.State)
		}
		outcomes(t, e, p.use(seq+2, c.register+700))
		if w = p.row(t, e); w.Total() != was.Total()+700 {
			t.Errorf("after the rebase %d Wh in all, want %d", w.Total(), was.Total()+700)
		}
	}
	r.seal(t, e)
	verified(t, e)
}

func walletMemory(t *testing.T, r Rig) {
	e := r.Open(t)
	p := addWalletMeter(t, e, 1, 100_000)
	outcomes(t, e, p.boot(1, 9), p.use(1, 1000))
	other := p
	other.store = "00000000000000b2"
	// One batch has the last record of the old memory, the boot message of the new memory, and the first records of the new memory.
	outcomes(t, e, p.use(2, 1500), other.boot(1, 5), other.use(3, 1700), other.use(1, 1600), other.use(2, 1650))
	w := p.row(t, e)
	if w.Register != 1700 || w.Total() != 700 || w.Memory != other.store || w.Seq != 3 {
		t.Errorf("got %+v, want 700 Wh rated up to record 3 of the new memory", w.State)
	}
}

// walletClock sends readings with wrong clocks, and checks which orders to set the clock were sent and when they expire.
func walletClock(t *testing.T, r Rig) {
	e := r.Open(t)
	now := time.Now().Truncate(time.Second)
	half := 30 * time.Minute
	for i, c := range []struct {
		name  string
		clock []time.Duration // offset of each reading from the server's clock
		apart time.Duration   // time between arrivals; 0 means half an hour
		set   bool
	}{
		{"a century ahead", []time.Duration{0, 80 * 365 * 24 * time.Hour}, 0, true},
		{"25 hours ahead", []time.Duration{25 * time.Hour}, 0, true},
		{"two hours ahead", []time.Duration{2 * time.Hour}, 0, true},
		{"right again", []time.Duration{25 * time.Hour, 0}, 0, true},
		{"70 minutes behind", []time.Duration{-70 * time.Minute, -70 * time.Minute}, 0, true},
		{"behind once", []time.Duration{0, -70 * time.Minute}, 0, false},
		{"a backlog", []time.Duration{-3 * time.Hour, -2*time.Hour - half}, 0, false},
		{"a backlog at once", []time.Duration{-3 * time.Hour, -3 * time.Hour}, time.Second, false},
		{"right", []time.Duration{0, -10 * time.Second, 10 * time.Second}, 0, false},
	} {
		p := addWalletMeter(t, e, int64(i+1), 100_000)
		boot := p.boot(1, 9)
		boot.Rec.Boot.Caps = []string{"lease"}
		outcomes(t, e, boot)
		var newest time.Time
		for n, ahead := range c.clock {
			apart := half
			if c.apart > 0 {
				apart = c.apart
			}
			rec := p.use(uint64(n+1), 1000)
			rec.ReceivedAt = now.Add(time.Duration(n) * apart)
			at := rec.ReceivedAt.Add(ahead)
			if at.After(newest) {
				newest = at
			}
			rec.Rec.Reading.At = at.Unix()
			rec.Rec.Head.At = at.Unix()
			outcomes(t, e, rec)
		}
		orders := look(t, e, func(tx *store.Tx) ([]command.Command, error) { return tx.CommandsOf(p.N, id.ID{}, 10) })
		set := false
		for _, o := range orders {
			if o.Type != command.SetTime {
				continue
			}
			set = true
			if o.ExpiresAt.Before(newest.Truncate(time.Second).Add(5 * time.Minute)) {
				t.Errorf("%s: the order ends at %s by the meter's clock, which shows %s", c.name, o.ExpiresAt, newest)
			}
		}
		if set != c.set {
			t.Errorf("%s: the clock is set: %t, want %t", c.name, set, c.set)
		}
	}
}
