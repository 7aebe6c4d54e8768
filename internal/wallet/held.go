package wallet

import (
	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// Accept rates the reading at which rating stopped, because a person says that the reading is true. A register that fell cannot be
// accepted, because the use would be negative. Energy without a price cannot be accepted either. A refusal leaves the state as it is. If
// more than [tariff.MaxSpan] has passed since the last rated reading, the energy is shared over the last [tariff.MaxSpan] only.
func Accept(s State, t Terms) (next State, out Taken, no refusal.Refusal) {
	h := s.Held
	switch {
	case !h.Stopped() || h.Reason == HoldOpen:
		return s, Taken{}, refuse.NoReadingToAccept()
	case h.Register < s.Register:
		return s, Taken{}, refuse.HeldReadingTooLow(h.Register, s.Register)
	}
	r := h.reading()
	to := s.until(r, t)
	free := s
	free.Held = Held{}
	if to.Sub(s.At) > tariff.MaxSpan {
		free.At = to.Add(-tariff.MaxSpan)
	}
	next, out, err := free.rate(r, to, t)
	if err != nil {
		return s, Taken{}, refuse.EnergyWithoutPrice()
	}
	next.Ahead = 0
	return next, out, refusal.Refusal{}
}

// Rebase continues from the register at which rating stopped, or from another register that a person read off the meter. It does not charge
// for the energy in between. The energy rated so far stays rated.
func Rebase(s State, register unit.Energy, t Terms) State {
	h, total := s.Held, s.Total()
	if !s.Started {
		return s
	}
	if h.Stopped() && h.Reason != HoldOpen {
		s.At, s.Memory, s.Seq, s.Up = s.until(h.reading(), t), h.Memory, h.Seq, h.Up
	}
	s.Held, s.Register, s.Base = Held{}, register, register-total
	s.Open, s.OpenFrom, s.Ahead = false, 0, 0
	return s
}

// Discard continues from the register rated last, as if the reading at which rating stopped had never come.
func Discard(s State) State {
	if h := s.Held; h.Stopped() {
		s.Memory, s.Seq, s.Held = h.Memory, h.Seq, Held{}
		s.Open, s.OpenFrom = false, 0 // the discarded reading may have said that the relay closed
	}
	return s
}

// Doubt returns the reason why the register at which rating stopped cannot be true.
func (s State) Doubt() metering.Doubt {
	switch s.Held.Reason {
	case HoldSpan:
		return metering.DoubtSpan
	case HoldPrice:
		return metering.DoubtPrice
	case HoldOpen:
		return metering.DoubtOpen
	}
	return metering.CounterDoubt(int64(s.Register), int64(s.Held.Register))
}

func (h Held) reading() Reading {
	return Reading{Memory: h.Memory, Seq: h.Seq, At: h.At, Up: h.Up, Clock: h.Clock, ReceivedAt: h.Since, Register: h.Register}
}

// HeldAlarm returns the alarm about a meter whose rating stopped.
func HeldAlarm(s State) metering.Alarm {
	if s.Held.Reason == HoldOpen {
		return metering.Alarm{Code: metering.AlarmOpenRelay, Text: alarmtext.RelayOpen(HeldText(s))}
	}
	return metering.Alarm{Code: metering.AlarmRatingHeld, Text: alarmtext.RatingHeld(HeldText(s))}
}

// HeldText returns the sentence that says why rating stopped.
func HeldText(s State) string {
	h := s.Held
	return alarmtext.Held(int64(h.Register), int64(h.Seq), int64(s.Register), alarmtext.Doubt(string(s.Doubt())))
}
