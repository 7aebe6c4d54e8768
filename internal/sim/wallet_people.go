package sim

import (
	"context"
	"errors"
	"fmt"

	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/quarantine"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/wallet"
)

// fate holds the events of a house, except those of the network: registers that cannot be true, cut-offs by persons,
// and customers who move out and in.
type fate struct {
	spoilt   map[uint64]int64 // false registers by record number
	doubtful uint64           // number of the newest of these records
	judged   uint64           // readings up to this number were sent and do not change any more
	decideAt int              // hour in which somebody reviews the doubtful reading; 0 if there is none
	backAt   int              // hour in which a person's cut-off is taken back; 0 if there is none
	inAt     int              // hour in which the next customer moves in
}

// once reports whether an event happens in this hour. The event happens once in the given number of hours on average, and never for 0.
func (h *walletHouse) once(in int) bool { return in > 0 && h.fates.IntN(in) == 0 }

// spoils returns the register of a reading as it is sent. Sometimes the sent register is 0, far too low or far too high.
// A repeated record has the same register each time.
func (h *walletHouse) spoils(o WalletStreet, seq uint64, register int64) int64 {
	if wrong, ok := h.fate.spoilt[seq]; ok {
		return wrong
	}
	if seq <= h.fate.judged {
		return register // the same register as before
	}
	h.fate.judged = seq
	waits := h.witness.view.doubt || h.doubted()
	if waits || !h.witness.rated || register < 3000 || !h.once(o.Spoilt) { // at the beginning of rating, any register is accepted
		return register
	}
	if h.fate.spoilt == nil {
		h.fate.spoilt = map[uint64]int64{}
	}
	h.fate.doubtful = seq
	h.fate.spoilt[seq] = [...]int64{0, register / 3, register + 53_700_000}[h.fates.IntN(3)]
	return h.fate.spoilt[seq]
}

// doubted reports whether a false register is still on its way to the server.
func (h *walletHouse) doubted() bool { return h.witness.view.seq < h.fate.doubtful }

// people lets persons review registers, cut and restore supplies, and lets customers move.
func (s *walletRun) people(ctx context.Context) error {
	for _, h := range s.houses {
		for _, do := range []func(context.Context, *walletHouse) error{s.reviewsQuarantine, s.switches, s.moves} {
			if err := do(ctx, h); err != nil {
				return fmt.Errorf("meter %s: %w", h.number, err)
			}
		}
	}
	return nil
}

// reviewsQuarantine decides about a doubtful register some hours after it came.
func (s *walletRun) reviewsQuarantine(ctx context.Context, h *walletHouse) error {
	w, f := &h.witness, s.office
	if !w.view.doubt || s.o.Spoilt == 0 {
		return nil
	}
	if h.fate.decideAt == 0 {
		h.fate.decideAt = s.hour + 2 + h.fates.IntN(48)
		s.result.Held++
	}
	if s.hour < h.fate.decideAt {
		return nil
	}
	var entry quarantine.Entry
	err := f.do(ctx, func(tx *store.Tx) (err error) {
		var found bool
		if entry, found, err = tx.HeldRating(h.n); err == nil && !found {
			err = errors.New("a register that cannot be true is not in quarantine")
		}
		return err
	})
	if err != nil {
		return err
	}
	out, err := f.quarantine.Decide(ctx, f.by, quarantine.Verdict{Entry: entry.ID.Text(id.Held), Choice: quarantine.Discard, Reason: "one bad reading"})
	if err != nil || out.Refused() {
		return errors.Join(err, refused(out.Refused(), out.Refusal))
	}
	h.fate.decideAt = 0
	w.decided()
	return nil
}

// refused turns a refusal into an error.
func refused(is bool, why any) error {
	if !is {
		return nil
	}
	return fmt.Errorf("refused: %+v", why)
}

// switches lets a person cut off a supply, and restore it after some time.
func (s *walletRun) switches(ctx context.Context, h *walletHouse) error {
	w, off := &h.witness, false
	switch {
	case w.vacant:
		return nil
	case w.person && s.hour >= h.fate.backAt:
	case !w.person && h.once(s.o.Switched):
		off, h.fate.backAt = true, s.hour+3+h.fates.IntN(60)
		s.result.Switched++
	default:
		return nil
	}
	w.person = off
	w.trace("a person wants the supply off: %t", off)
	return s.office.do(ctx, func(tx *store.Tx) error {
		out, err := wallet.Switch(tx, h.n, off, "sim", "a person's word", tx.Now)
		if out.Press {
			s.result.Pressed++
		}
		return err
	})
}

// moves lets the customer of a house with its own account move out, and the next customer move in some days later.
func (s *walletRun) moves(ctx context.Context, h *walletHouse) error {
	w, f := &h.witness, s.office
	switch {
	case w.vacant && s.hour >= h.fate.inAt:
		in, err := f.registry.MoveIn(ctx, f.by, h.number, registry.MovingIn{Tariff: "street", Customer: &registry.NewCustomer{Name: "the next"}, Reason: "a new lease"})
		if err != nil || in.Refused() {
			return errors.Join(err, refused(in.Refused(), in.Refusal))
		}
		w.account = newWalletAccount(s.o, f.now)
		w.account.moved, w.account.fresh, w.account.members = true, true, []*witness{w}
		w.vacant = false
		w.trace("somebody has moved in")
		return f.do(ctx, func(tx *store.Tx) error {
			m, _, err := tx.MeterByNumber(h.number)
			h.account = m.Account
			return err
		})
	case w.vacant, w.protected, w.view.doubt, h.doubted(), h.host != nil, len(w.account.members) > 1, !h.once(s.o.Moves):
		return nil
	}
	out, err := f.debts.MoveOut(ctx, f.by, debt.MoveOut{Account: h.number, Reason: "the lease has ended"})
	if err != nil || out.Refused() {
		return errors.Join(err, refused(out.Refused(), out.Refusal))
	}
	s.result.Moved++
	if have, want := int64(out.Value.Wallet-out.Value.FinalBill), w.account.books(f.now); have != want {
		w.wrong(RuleBooks, "moved out with %d, %d was to be left", have, want)
	}
	s.result.MostOwed = max(s.result.MostOwed, w.account.owed)
	h.payAt, h.fate.inAt = 0, s.hour+24+h.fates.IntN(96)
	w.account = newWalletAccount(WalletStreet{}, f.now)
	w.account.members, w.base, w.rated = []*witness{w}, 0, false
	w.vacant, w.person = true, false
	w.trace("the customer has moved out with %d", out.Value.Refund)
	return nil
}
