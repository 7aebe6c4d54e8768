package storetest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/silence"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/wallet"
)

func silenceTests() []test {
	return []test{
		{"a feeder that falls silent is one alarm, and pauses cut-offs until its meters are heard", feederSilent},
		{"what waits for a time that has not come is made due in slices, and nothing is seen meanwhile", wakeSlices},
	}
}

// doorOf is a use case's Door on an engine.
type doorOf[T any] struct {
	e  store.Engine
	as func(*store.Tx) T
}

func (d doorOf[T]) Do(ctx context.Context, t access.Tenant, fn func(T) (bool, error)) error {
	return d.e.Run(ctx, t, store.Sale, func(tx *store.Tx) (bool, error) { return fn(d.as(tx)) })
}

func (d doorOf[T]) View(ctx context.Context, t access.Tenant, fn func(T) error) error {
	return d.e.View(ctx, t, func(tx *store.Tx) error { return fn(d.as(tx)) })
}

// ear looks for silent meters each minute, with a clock of its own.
type ear struct {
	watch *silence.Watch
	now   time.Time
	here  map[string]bool
}

func newEar(e store.Engine, began time.Time) *ear {
	h := &ear{now: began, here: map[string]bool{}}
	h.watch = silence.New(silence.Config{Now: func() time.Time { return h.now }, Connected: func(number string) bool { return h.here[number] },
		Door: doorOf[silence.Tx]{e, func(tx *store.Tx) silence.Tx { return tx }}})
	return h
}

// until looks once a minute up to a moment.
func (h *ear) until(t *testing.T, end time.Time) {
	t.Helper()
	for ; !h.now.After(end); h.now = h.now.Add(time.Minute) {
		if err := h.watch.Look(t.Context(), access.SystemActor(store.FirstTenant, "silence")); err != nil {
			t.Fatal(err)
		}
	}
}

// waiting counts the rows of wakeSlices that are not due, by table.
func waiting(t *testing.T, e store.Engine, now time.Time) (rows [3]int64) {
	t.Helper()
	for i, sql := range []string{`SELECT COUNT(*) FROM wallet_supply WHERE tenant_id = $1 AND look_at > $2`,
		`SELECT COUNT(*) FROM outbox WHERE tenant_id = $1 AND next_at > $2`, `SELECT COUNT(*) FROM message WHERE tenant_id = $1 AND next_at > $2`} {
		rows[i] = look(t, e, func(tx *store.Tx) (n int64, err error) {
			err = tx.C.Query(sql, func(r core.Row) error { n = r.Int(0); return nil }, tx.Tenant, now)
			return n, err
		})
	}
	return rows
}

// wakeSlices lets a server check many meters after its clock, which was a month ahead, was set back.
func wakeSlices(t *testing.T, r Rig) {
	e := r.Open(t)
	const many, most = 450, 40
	now := time.Now().UTC()
	month := now.AddDate(0, 1, 0)
	for n := range many {
		must(t, e, func(tx *store.Tx) error {
			if err := tx.SupplyPut(int64(n+1), wallet.Supply{LookAt: month}); err != nil {
				return err
			}
			if _, err := tx.Enqueue(job.Item{Lane: job.LaneMQTT, Key: fmt.Sprint("m", n), Kind: "k", Body: []byte("{}"), NextAt: month}); err != nil {
				return err
			}
			i, err := tx.NewID()
			if err != nil {
				return err
			}
			_, err = tx.C.Exec(`INSERT INTO message (tenant_id, id, direction, state, purpose, phone, open, next_at, created_at)
				VALUES ($1, $2, 'out', 'queued', 'notice', $3, 1, $4, $4)`, tx.Tenant, i, fmt.Sprint(n), month)
			return err
		})
	}
	must(t, e, func(tx *store.Tx) error { return tx.NoteVisibility(month, time.Time{}) })
	blind := func() (blind bool) {
		must(t, e, func(tx *store.Tx) error {
			s, err := wallet.VisibilityOf(tx)
			blind = s.Doubt
			return err
		})
		return blind
	}
	must(t, e, func(tx *store.Tx) error { return wallet.NoteSeen(tx) })
	left, due := waiting(t, e, time.Now().Add(time.Hour)), [3]int64{}
	for i := range left {
		if due[i] = many - left[i]; due[i] < 1 || due[i] > 100 {
			t.Errorf("one look made %d rows due, want at most 100", due[i])
		}
	}
	if !blind() {
		t.Error("it sees its meters before all of them are due")
	}
	for more, slices := true, 0; more; slices++ {
		was := waiting(t, e, time.Now().Add(time.Hour))
		must(t, e, func(tx *store.Tx) (err error) { more, err = wallet.Wake(tx, most); return err })
		is := waiting(t, e, time.Now().Add(time.Hour))
		for i := range is {
			if woken := was[i] - is[i]; woken > most || woken < 0 || more && woken == 0 && is[i] > 0 {
				t.Fatalf("slice %d made %d rows due and left %d, want at most %d at once", slices, woken, is[i], most)
			}
		}
		if !blind() {
			t.Error("it sees its meters while slices are left")
		}
	}
	if is := waiting(t, e, time.Now().Add(time.Hour)); is != [3]int64{} {
		t.Errorf("%v rows are left, want none", is)
	}
	must(t, e, func(tx *store.Tx) error { return wallet.NoteSeen(tx) })
	if s := look(t, e, func(tx *store.Tx) (wallet.Visibility, error) { return wallet.VisibilityOf(tx) }); s.Doubt || s.Unseen.Before(now) {
		t.Errorf("it sees %+v, want its meters from now on", s)
	}
}

// feederAlarms returns the open alarms of feeders.
func feederAlarms(t *testing.T, e store.Engine) []metering.RaisedAlarm {
	t.Helper()
	all := look(t, e, func(tx *store.Tx) ([]metering.RaisedAlarm, error) { return tx.Alarms(0, true, metering.After{}, 200) })
	var out []metering.RaisedAlarm
	for _, a := range all {
		if a.Alarm.Code == silence.AlarmFeeder {
			out = append(out, a)
		}
	}
	return out
}

func feederSilent(t *testing.T, r Rig) {
	e := r.Open(t)
	now := time.Now().UTC().Truncate(time.Second)
	heard := now.Add(-62 * time.Minute) // a little over two intervals: silent, but recent enough for a cut-off
	var all []walletMeter
	for n := range int64(4) {
		p := addWalletMeter(t, e, n+1, 1000)
		p.began = heard.Add(-time.Hour)
		must(t, e, func(tx *store.Tx) error {
			placed, err := tx.SetFeeder(p.N, "North 3")
			if err == nil && !placed {
				err = fmt.Errorf("meter %s hangs on no feeder", p.Number)
			}
			return err
		})
		boot, first, second := p.boot(1, 9), p.use(1, 100), p.use(2, 200)
		for _, rec := range []*metering.Record{&boot, &first, &second} {
			rec.ReceivedAt = heard
		}
		outcomes(t, e, boot, first, second)
		all = append(all, p)
	}
	h := newEar(e, now.Add(-61*time.Minute))
	h.until(t, now.Add(-2*time.Minute))
	if got := feederAlarms(t, e); len(got) != 0 {
		t.Errorf("before two intervals are over: %+v", got)
	}
	h.until(t, now.Add(45*time.Minute)) // after the time at which each meter would have an alarm of its own
	got := feederAlarms(t, e)
	if len(got) != 1 || got[0].Feeder != "North 3" || got[0].Number != "" || !strings.HasPrefix(got[0].Alarm.Text, "4 of 4 meters of feeder North 3 are silent together. The last message from any of them came at "+heard.Format(time.RFC3339)) {
		t.Errorf("alarms %+v, want one of the feeder that says how many and since when", got)
	}
	for _, p := range all {
		if a := alarms(t, e, p.mtr); a != "" {
			t.Errorf("meter %s has alarms %q of its own", p.Number, a)
		}
	}
	p := all[0]
	p.spendAll(t, e)
	if w, s := p.row(t, e), supplied(t, e, p); !wallet.Wanted(w.State) || s.Block != wallet.BlockUnheard {
		t.Errorf("nothing left while the feeder is silent: off %q, waits for %q; want it on because of %s", w.Off, s.Block, wallet.BlockUnheard)
	}
	p.began = time.Now().Add(-90 * time.Minute)
	outcomes(t, e, p.use(3, 250))
	if w := p.row(t, e); wallet.Wanted(w.State) {
		t.Errorf("heard again with nothing left: %+v, want the supply off", w.State)
	}
	h.here[all[1].Number], h.here[all[2].Number] = true, true
	h.until(t, h.now)
	if got := feederAlarms(t, e); len(got) != 1 || !strings.HasPrefix(got[0].Alarm.Text, "1 of 4 ") {
		t.Errorf("three of four are back: %+v, want the alarm to say so", got)
	}
	h.here[all[3].Number] = true
	h.until(t, h.now)
	if got := feederAlarms(t, e); len(got) != 0 {
		t.Errorf("all are back: %+v", got)
	}
	delete(h.here, all[3].Number)
	h.until(t, now.Add(2*time.Hour))
	if a, b := alarms(t, e, all[3].mtr), alarms(t, e, all[1].mtr); a != string(silence.AlarmMeter) || b != "" {
		t.Errorf("one meter that is silent alone has %q and one that is connected %q, want %s and none", a, b, silence.AlarmMeter)
	}
}

// spendAll takes all money of the wallet.
func (p walletMeter) spendAll(t *testing.T, e store.Engine) {
	t.Helper()
	must(t, e, func(tx *store.Tx) error {
		have, _, err := tx.WalletMoney(p.account)
		if err == nil {
			_, err = post(tx, ledger.Payment, "", account(ledger.Wallet, p.account.Text(id.Account)), account(ledger.RevenueFixed, ""), have)
		}
		if err == nil {
			_, err = wallet.SettleAccount(tx, p.account, tx.Now, true)
		}
		return err
	})
}

func supplied(t *testing.T, e store.Engine, p walletMeter) wallet.Supplied {
	t.Helper()
	return look(t, e, func(tx *store.Tx) (wallet.Supplied, error) {
		rows, err := tx.WalletOf(p.N)
		if err != nil {
			return wallet.Supplied{}, err
		}
		all, err := tx.SuppliesOf(rows)
		return all[p.N], err
	})
}
