package sim

import (
	"errors"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// shop buys a token if little credit is left.
func (h *house) shop() error {
	s := h.dev.State()
	h.next[actShop] = h.lived + 3*hour + h.rnd.Int64N(8*hour)
	if s.Balance > h.careful || len(h.bought) > 0 {
		return nil
	}
	return h.buy(h.lived + minute + h.rnd.Int64N(20*minute))
}

// buy makes a token that is entered at the given time.
func (h *house) buy(enter int64) error {
	now := h.street.o.Start.Add(time.Duration(h.lived) * time.Millisecond)
	tid, err := sts.Base2014.Next(h.tid, now)
	if err != nil {
		return fmt.Errorf("token for meter %s: %w", h.number, err)
	}
	tenths := 10 + meanLoad*24/100*h.size/100*h.stock + h.rnd.Int64N(50)
	amount, err := sts.EncodeTenths(tenths)
	if err != nil {
		return fmt.Errorf("token for meter %s: %w", h.number, err)
	}
	t, err := sts.EncodeCredit(h.key, sts.Credit{TID: tid, Amount: amount, RND: uint8(h.rnd.IntN(16))})
	if err != nil {
		return fmt.Errorf("token for meter %s: %w", h.number, err)
	}
	h.tid = tid
	h.bought = append(h.bought, token{digits: t.Reveal(), tid: tid, units: unit.Energy(amount.Tenths()) * 100})
	h.street.result.Sold++
	h.next[actEnter] = min(h.next[actEnter], enter)
	return nil
}

// Odds of people's acts with a token: each act happens once in this number of cases, on average.
const (
	oddsSlip  = 12 // a digit is first mistyped
	oddsAgain = 8  // an old token is tried again
	oddsPush  = 6  // the server pushes the token
	oddsSMS   = 6  // the token is sent to the meter by SMS
)

// enter enters the oldest bought token.
func (h *house) enter() error {
	if len(h.bought) == 0 {
		return nil
	}
	if !h.dev.On() {
		h.next[actEnter] = h.lived + hour
		return nil
	}
	t := &h.bought[0]
	if h.rnd.IntN(oddsSlip) == 0 {
		if err := h.slip(t.digits); err != nil {
			return err
		}
	}
	tried := t.tried
	t.tried = true // if the mains fails from here on, the result is unknown
	before := h.shown()
	if err := h.put(t.digits); err != nil {
		return err
	}
	got := h.dev.View().LastToken
	switch {
	case got == sts.Accept.String():
		h.credited += t.units
		h.street.result.Accepted++
		h.street.result.Units += t.units
		if now := h.shown(); now != before+t.units {
			return h.broken("a token of %d Wh has brought the credit from %d to %d", t.units, before, now)
		}
	case got == sts.UsedError.String() && tried:
		// The cut came when the token was durable, so the token counts.
		h.credited += t.units
		h.street.result.Accepted++
		h.street.result.Units += t.units
	case got == sts.Locked.String(), got == sts.Busy.String():
		h.next[actEnter] = h.lived + 30*minute
		t.tried = tried
		return nil
	default:
		return h.broken("a bought token was answered with %s", got)
	}
	h.used = append(h.used, *t)
	h.bought = h.bought[1:]
	if len(h.bought) > 0 {
		h.next[actEnter] = h.lived + minute
	}
	if err := errors.Join(h.dev.Flush(), h.check()); err != nil {
		return err
	}
	if h.rnd.IntN(oddsAgain) == 0 {
		return h.again()
	}
	return nil
}

// shown returns the credit that the display shows.
func (h *house) shown() unit.Energy {
	s := h.dev.State()
	return s.Shown()
}

// put enters digits by push, by SMS or at the keypad.
func (h *house) put(digits string) error {
	switch {
	case h.rnd.IntN(oddsPush) == 0 && h.lived >= h.offline:
		payload, err := wire.EncodeTokenDown(wire.JSON, wire.TokenDown{Request: fmt.Sprintf("tok_%d_%d", h.index, h.rnd.Uint64()), Digits: wire.Digits(digits)})
		if err != nil {
			return fmt.Errorf("push to meter %s: %w", h.number, err)
		}
		return h.dev.Receive(wire.DownToken, wire.DownTopic(h.number, wire.DownToken), payload)
	case h.rnd.IntN(oddsSMS) == 0:
		return h.dev.SMS(phone, "*02#"+digits)
	}
	return h.dev.Keys("*" + "*" + digits + "#")
}

// slip enters a token with one wrong digit, which the meter must never accept.
func (h *house) slip(digits string) error {
	b := []byte(digits)
	i := h.rnd.IntN(len(b))
	b[i] = '0' + (b[i]-'0'+byte(1+h.rnd.IntN(9)))%10
	if err := h.put(string(b)); err != nil {
		return err
	}
	h.street.result.Wrong++
	if got := h.dev.View().LastToken; got == sts.Accept.String() {
		return h.broken("a mistyped token was accepted")
	}
	return nil
}

// again enters a token that the meter has already accepted.
func (h *house) again() error {
	t := h.used[h.rnd.IntN(len(h.used))]
	credit := h.shown()
	if err := h.put(t.digits); err != nil {
		return err
	}
	h.street.result.Again++
	switch got := h.dev.View().LastToken; {
	case h.shown() != credit:
		return h.broken("a used token has changed the credit")
	case got != sts.UsedError.String() && got != sts.OldError.String() && got != sts.Locked.String():
		return h.broken("a used token was answered with %s", got)
	}
	return nil
}

// clearTamper enters the token that clears the tamper latch.
func (h *house) clearTamper() error {
	if !h.dev.On() {
		h.next[actClear] = h.lived + hour
		return nil
	}
	now := h.street.o.Start.Add(time.Duration(h.lived) * time.Millisecond)
	tid, err := sts.Base2014.Next(h.tid, now)
	if err != nil {
		return fmt.Errorf("token for meter %s: %w", h.number, err)
	}
	t, err := sts.EncodeManagement(h.key, sts.Management{SubClass: sts.ManageClearTamper, TID: tid})
	if err != nil {
		return fmt.Errorf("token for meter %s: %w", h.number, err)
	}
	h.tid = tid
	if err := h.put(t.Reveal()); err != nil {
		return err
	}
	s := h.dev.State()
	if got := h.dev.View().LastToken; got == sts.Accept.String() && s.Latched != 0 {
		return h.broken("the latch is still closed after a token to open it: %v, switches %v", s.Latched.Names(), h.switches.Open().Names())
	}
	if s.Relay == supply.Armed {
		return h.dev.Keys("#")
	}
	return nil
}

// upload acts as the server: it acknowledges all durable records, in the windows of
// docs/reference/mqtt.md#acknowledgement.
func (h *house) upload() error {
	h.next[actUpload] = h.lived + day
	if !h.dev.On() || h.lived < h.offline {
		return nil
	}
	if err := h.dev.Flush(); err != nil {
		return err
	}
	box := h.dev.Box()
	if next := box.Marks().Next; next <= h.seq {
		return h.broken("the meter begins again at record %d, the server has %d", next, h.seq)
	}
	// A restarted meter may have lost the acknowledgements; the server's first answer repeats the last one.
	box.Ack(wire.Ack{Seq: h.seq})
	for {
		entries := box.Next(h.seq)
		if len(entries) == 0 {
			return h.check()
		}
		for _, e := range entries {
			if e.Seq != h.seq+1 {
				return h.broken("record %d follows record %d", e.Seq, h.seq)
			}
			h.seq = e.Seq
			h.trace(traceRecord, e.Data)
			h.street.result.Records++
			if e.Kind == wire.KindReading {
				h.street.result.Readings++
				if e.Register < h.register {
					return h.broken("the register fell from %d to %d", h.register, e.Register)
				}
				h.register = e.Register
			}
		}
		box.Ack(wire.Ack{Seq: h.seq})
	}
}

// check checks the rules that every meter must obey at any time.
func (h *house) check() error {
	s := h.dev.State()
	credited := s.Register + s.Balance - unit.Energy(s.ECUsed) - s.Overrun
	open := h.credited
	for _, t := range h.bought {
		if t.tried {
			open += t.units
		}
	}
	switch {
	case credited != h.credited && credited != open:
		return h.broken("%d Wh were credited, tokens have brought %d", credited, h.credited)
	case (s.Relay == supply.Closed) != (s.Reasons == 0 && !s.Confirm && s.ClosesIn() == 0):
		return h.broken("the relay is %s with the reasons %v", s.Relay, s.Reasons.Names())
	}
	return nil
}

// ErrInvariant is wrapped by the error of a simulation that broke an invariant.
var ErrInvariant = errors.New("broken promise")

func (h *house) broken(format string, args ...any) error {
	return fmt.Errorf("%w: meter %s, %v after the beginning: %s\nreplay: %s", ErrInvariant, h.number,
		time.Duration(h.lived)*time.Millisecond, fmt.Sprintf(format, args...), h.street.o.Line())
}
