package sim

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/wallet"
)

// Mistakes that the server can make on purpose, beginning on the tenth day.
const (
	// PlantLate: a cut-off is signed and not answered, then a payment is made. The server sends no connect, so the late
	// cut-off stays.
	PlantLate = "late-acknowledgement"
	// PlantStale: a meter is cut off after a payment, because of a reading from before the payment.
	PlantStale = "stale-reading"
	// PlantTwice: the newest use of a meter is charged twice.
	PlantTwice = "post-twice"
	// PlantReturn: every meter is cut off as soon as the server is back, before the meter has sent a reading.
	PlantReturn = "cut-on-return"
	// PlantStarve: leases are not renewed.
	PlantStarve = "never-renew"
	// PlantHeldRate: the server charges use according to a register that cannot be true.
	PlantHeldRate = "rate-held-register"
	// PlantHeldCut: a meter is cut off because of a register that cannot be true.
	PlantHeldCut = "cut-by-held-register"
	// PlantMoved: a connect is sent to a house without a customer.
	PlantMoved = "connect-vacant"
)

// Plants returns the mistakes.
func Plants() []string {
	return []string{PlantLate, PlantStale, PlantTwice, PlantReturn, PlantStarve, PlantHeldRate, PlantHeldCut, PlantMoved}
}

// plantFrom is the hour in which the planting of mistakes begins.
const plantFrom = 240

// forgets reports whether a planted mistake keeps an order from being sent.
func (s *walletRun) forgets(h *walletHouse, t command.Type) bool {
	if s.hour < plantFrom {
		return false
	}
	switch s.o.Plant {
	case PlantLate:
		return t == command.Connect && h.forgotten
	case PlantStarve:
		return t == command.Lease && h.witness.lease.Seq > 0
	}
	return false
}

// plantPaid plants the mistakes that follow a payment. The parameter unanswered says whether a cut-off was on its way
// before the payment.
func (s *walletRun) plantPaid(ctx context.Context, h *walletHouse, unanswered bool) error {
	w := &h.witness
	if s.hour < plantFrom {
		return nil
	}
	switch {
	case s.o.Plant == PlantLate && unanswered:
		h.forgotten = true
	case s.o.Plant == PlantStale && !s.office.posted && !w.protected && !w.view.doubt && w.view.last.at < w.now.Unix() &&
		w.now.Sub(w.view.heard) <= walletFresh && w.now.Sub(time.Unix(w.view.last.at, 0)) <= walletFresh && w.account.leftSomething && s.online(h):
		s.office.posted = true
		return s.office.cut(ctx, h)
	}
	return nil
}

// cut orders a cut-off in the way a person does. The server's rules do not stop such an order, and the witness is not
// told that a person ordered it.
func (f *office) cut(ctx context.Context, h *walletHouse) error {
	return f.do(ctx, func(tx *store.Tx) error {
		_, err := wallet.Switch(tx, h.n, true, "planted", "planted", tx.Now)
		return err
	})
}

// plantReturn plants PlantReturn in the first hour after the server was down, before any record has arrived.
func (s *walletRun) plantReturn(ctx context.Context, faults bool) error {
	if s.o.Plant != PlantReturn || s.hour != s.o.DownTo {
		return nil
	}
	for _, h := range s.houses {
		if err := s.office.cut(ctx, h); err != nil {
			return err
		}
	}
	_, err := s.send(ctx, faults)
	return err
}

// plant plants the other mistakes.
func (s *walletRun) plant(ctx context.Context) error {
	f := s.office
	if s.hour < plantFrom || f.posted {
		return nil
	}
	switch s.o.Plant {
	case PlantTwice, PlantHeldRate, PlantHeldCut, PlantMoved:
		for _, h := range s.houses {
			switch w := &h.witness; {
			case s.o.Plant == PlantTwice && !w.view.doubt && !w.vacant && len(w.account.members) == 1:
				f.posted = true
				return f.do(ctx, func(tx *store.Tx) error { return f.again(tx, h) })
			case s.o.Plant == PlantMoved && w.vacant && s.online(h):
				f.posted = true
				return f.do(ctx, func(tx *store.Tx) error {
					_, err := tx.QueueCommand(wallet.MeterFacts{N: h.n, Number: h.number}, wallet.Command{Type: wallet.CommandConnect, Reason: "planted", By: "planted", TTL: time.Hour})
					return err
				})
			case s.o.Plant == PlantHeldCut && w.view.doubt && !w.person && s.online(h):
				f.posted = true
				return f.cut(ctx, h)
			case s.o.Plant == PlantHeldRate && w.view.doubt && h.fate.spoilt[h.fate.doubtful] > int64(w.register):
				f.posted, h.fate.decideAt = true, math.MaxInt
				return f.do(ctx, func(tx *store.Tx) error {
					_, err := wallet.Release(tx, h.n, wallet.Accepted(), f.now)
					return err
				})
			}
		}
	}
	return nil
}

// again charges the newest use of a meter a second time.
func (f *office) again(tx *store.Tx, h *walletHouse) error {
	j := ledger.Journal{Kind: ledger.Usage, Ref: wallet.UseRef(h.meter, 100_000), PostedAt: f.now}
	err := tx.C.Query(`SELECT a.code, a.subject, p.amount FROM posting p JOIN ledger_account a ON a.tenant_id = p.tenant_id AND a.n = p.account
		WHERE p.tenant_id = $1 AND p.journal_id = (SELECT o.journal_id FROM posting o JOIN journal j ON j.tenant_id = o.tenant_id AND j.id = o.journal_id
			JOIN ledger_account w ON w.tenant_id = o.tenant_id AND w.n = o.account
			WHERE o.tenant_id = $1 AND j.kind = $2 AND w.code = $3 AND w.subject = $4 ORDER BY o.journal_id DESC LIMIT 1) ORDER BY p.seq`,
		func(r core.Row) error {
			j.Postings = append(j.Postings, ledger.Posting{Account: ledger.AccountRef{Code: ledger.Code(r.Int(0)), Subject: r.Text(1)}, Amount: ledger.Minor(r.Int(2))})
			return nil
		}, tx.Tenant, string(ledger.Usage), int64(ledger.Wallet), h.account.Text(id.Account))
	if err == nil && len(j.Postings) == 0 {
		err = fmt.Errorf("meter %s has no use that could be posted twice", h.number)
	}
	if err == nil {
		j.ID, err = tx.NewID()
	}
	if err == nil {
		_, err = tx.Post(j)
	}
	return err
}
