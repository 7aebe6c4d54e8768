package command_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/wire"
)

// line is the connection of a meter that is always connected. It records what is sent, and when.
type line struct {
	mu   sync.Mutex
	from time.Time
	sent []string
}

func (l *line) Connected(string) bool     { return true }
func (l *line) Format(string) wire.Format { return wire.JSON }
func (l *line) Publish(_ string, d wire.Down, _ []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = append(l.sent, fmt.Sprintf("%s@%s", d, time.Since(l.from)))
	return true
}

// begin forgets what was sent, and measures time from now on.
func (l *line) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.from, l.sent = time.Now(), nil
}

func (l *line) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.sent, " ")
}

// pays puts money into the wallet of a meter.
func (h *house) pays(m registry.Meter, amount ledger.Minor) {
	h.t.Helper()
	err := h.engine.Run(h.t.Context(), store.FirstTenant, store.Sale, func(tx *store.Tx) (bool, error) {
		i, err := tx.NewID()
		if err != nil {
			return false, err
		}
		_, err = tx.Post(ledger.Journal{ID: i, Kind: ledger.Payment, PostedAt: tx.Now, Postings: []ledger.Posting{
			{Account: ledger.AccountRef{Code: ledger.Till, Subject: ledger.MainTill}, Amount: amount},
			{Account: ledger.AccountRef{Code: ledger.Wallet, Subject: m.Account.Text(id.Account)}, Amount: -amount}}})
		if err == nil {
			_, err = wallet.SettleCredit(tx, m.Account, tx.Now)
		}
		return false, err
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// reads sends a meter's reading to the store and waits until it is durable. Before the first reading it sends the meter's boot.
func (h *house) reads(m registry.Meter, seq uint64, register int64) {
	h.t.Helper()
	const memory = "00112233aabbccdd"
	r := wire.Reading{RegisterWh: register, Relay: "closed", Head: wire.Head{Seq: seq, At: time.Now().Unix(), Up: seq * 60_000, Clock: wire.ClockValid}}
	recs := []wire.Record{r.Record()}
	if seq == 1 {
		recs = slices.Insert(recs, 0, wire.Boot{Memory: memory, Lowest: 1, Next: 1, Boot: 1, Proto: 1, FW: "1.0"}.Record())
	}
	var in []metering.Record
	for _, rec := range recs {
		in = append(in, metering.Record{Tenant: store.FirstTenant, Meter: m.N, Number: m.Number, ReceivedAt: time.Now(), Memory: memory, Rec: rec})
	}
	h.ingest(in...)
}

// TestACutOffFollowsItsReadingAtOnce: the order is sent as soon as the reading that caused it is durable, even in the middle of
// the worker's rest. A reading without consequences wakes nobody.
func TestACutOffFollowsItsReadingAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, l := newHouse(t), &line{}
		m := h.wallet("04140001001").Meter.Meter
		outbox := job.NewOutbox(job.OutboxConfig{Lane: job.LaneMQTT, Owner: "test", Now: time.Now,
			Door:   door[job.OutboxTx]{h.engine, func(tx *store.Tx) job.OutboxTx { return tx }},
			Sender: command.NewCourier(door[command.CourierTx]{h.engine, func(tx *store.Tx) command.CourierTx { return tx }}, h.data, l, time.Now)})
		h.worker = outbox.Kick
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = outbox.Run(ctx) }) // ends with ctx
		defer running.Wait()
		defer stop()

		h.pays(m, 100) // for 1 kWh
		h.reads(m, 1, 0)
		time.Sleep(10*time.Minute + 300*time.Millisecond) // in the middle of a rest
		h.kicked = 0
		l.begin()
		h.reads(m, 2, 10)
		synctest.Wait()
		if got := l.all(); got != "" || h.kicked != 0 {
			t.Errorf("a reading from which nothing follows: sent %q, worker kicked %d times", got, h.kicked)
		}
		time.Sleep(10 * time.Minute)
		l.begin()
		h.reads(m, 3, 1500)
		synctest.Wait()
		if got, want := l.all(), "command@0s"; got != want {
			t.Errorf("a reading that exhausts the wallet: sent %q, want %q", got, want)
		}
	})
}

// locking records the order in which signing takes its locks.
type locking struct {
	command.SignTx
	took []string
}

func (l *locking) CommandCounter(meter int64) (uint64, error) {
	l.took = append(l.took, "meter")
	return l.SignTx.CommandCounter(meter)
}

// WalletCommands returns the rows of the meter's wallets; it records the lock too.
func (l *locking) WalletCommands() wallet.SigningTx {
	return lockingWallets{l.SignTx.WalletCommands(), l}
}

type lockingWallets struct {
	wallet.SigningTx
	l *locking
}

func (w lockingWallets) WalletOf(meter int64) ([]wallet.Row, error) {
	w.l.took = append(w.l.took, "wallets")
	return w.SigningTx.WalletOf(meter)
}

func (w lockingWallets) SuppliesOf(rows []wallet.Row) (map[int64]wallet.Supplied, error) {
	w.l.took = append(w.l.took, "supply")
	return w.SigningTx.SuppliesOf(rows)
}

// TestSigningLocksTheMeterBeforeItsWallets: two servers that sign and settle at the same time avoid a deadlock only if both
// take the locks in the same order.
func TestSigningLocksTheMeterBeforeItsWallets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		m := h.wallet("04140001001").Meter.Meter
		h.pays(m, 100)
		h.reads(m, 1, 0)
		time.Sleep(10 * time.Minute)
		h.reads(m, 2, 1500)
		err := h.engine.Run(t.Context(), store.FirstTenant, store.Job, func(tx *store.Tx) (bool, error) {
			all, err := tx.CommandsOf(m.N, id.ID{}, 1)
			if err != nil || len(all) != 1 || all[0].Type != command.Disconnect {
				return false, fmt.Errorf("the meter's orders are %+v, want a cut-off: %w", all, err)
			}
			l := &locking{SignTx: tx}
			s, err := command.Sign(l, all[0].ID)
			if got, want := strings.Join(l.took, " "), "meter wallets supply"; got != want || s.LinkKey == nil {
				t.Errorf("signing took the locks %q (signed: %t), want %q", got, s.LinkKey != nil, want)
			}
			return false, err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
