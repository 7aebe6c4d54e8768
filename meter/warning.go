package meter

import (
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// The figures of docs/reference/meter-rules.md#warnings, in seconds.
const (
	beepEvery = 15 * 60
	beepTime  = 2
	toneTime  = 10
	// reminderTime is how long the reminder interrupts the supply.
	reminderTime = 30
	resultTime   = 1
	muteTime     = 4 * 60 * 60
	beepFrom     = 7 * 60 * 60 // local time of day
	beepTo       = 22 * 60 * 60
	day          = 24 * 60 * 60
)

// warn tells the customer once per crossing that the credit is low.
func (x *step) warn() {
	s, c := x.s, x.c
	if s.Wallet() {
		x.warnWallet()
		return
	}
	if low1 := s.low1(c); low1 > 0 && (s.Balance <= low1 || s.Low1 != supply.Crossing{}) && crossed(&s.Low1, s.Balance, low1) {
		x.event(CodeLow1, int64(s.Balance), int64(low1))
		x.message(MessageLow1)
	}
	if c.Low2 > 0 && (s.Balance <= c.Low2 || s.Low2 != supply.Crossing{}) && crossed(&s.Low2, s.Balance, c.Low2) {
		x.event(CodeLow2, int64(s.Balance), int64(c.Low2))
		x.message(MessageLow2)
		s.BeepAt = s.second() + beepEvery
		x.beep()
		if c.Reminder && s.Relay == supply.Closed {
			x.set(supply.Test)
			s.MoveAt = s.second() + reminderTime
		}
	}
}

// warnWallet sounds the reminder that the lease is nearly used up, because the wallet is nearly empty or the server
// does not answer. The server handles the messages and the thresholds in money.
func (x *step) warnWallet() {
	s, level := x.s, x.c.Low2
	if level > 0 && (s.Balance <= level || s.Low2 != supply.Crossing{}) && crossed(&s.Low2, s.Balance, level) {
		s.BeepAt = s.second() + beepEvery
		x.beep()
	}
}

func crossed(c *supply.Crossing, balance, level unit.Energy) bool {
	return c.Update(int64(balance), int64(level), supply.Margin(int64(level), rearm))
}

// light shows how low the credit is. While the credit is low, it repeats the buzzer's reminder, unless the supply is
// already off because the credit or the lease is used up.
func (x *step) light() {
	s := x.s
	led := LEDOff
	switch {
	case s.Balance <= x.c.Low2:
		led = LEDFast
	case s.Balance <= s.low1(x.c):
		led = LEDSlow
	}
	if led != s.LED {
		s.LED = led
		x.emit(EffectLED).LED = led
	}
	switch remind := led == LEDFast && !s.Reasons.Has(s.spent()); {
	case remind && s.BeepAt == 0:
		s.BeepAt = s.second() + beepEvery
	case !remind && s.BeepAt != 0:
		s.BeepAt = 0
		if s.Buzzer == BuzzerLow {
			x.sound(BuzzerOff, 0)
		}
	}
}

// beep sounds the reminder. It is silent at night, and also while the clock cannot tell when night is; the light still
// blinks.
func (x *step) beep() {
	local := x.c.Local(x.ev.At) % day
	if x.trusted() && local >= beepFrom && local < beepTo {
		x.sound(BuzzerLow, beepTime)
	}
}

// mute silences the buzzer, and the reminder for four hours.
func (x *step) mute() {
	s := x.s
	if s.BeepAt != 0 {
		s.BeepAt = max(s.BeepAt, s.second()+muteTime)
	}
	if s.Buzzer != BuzzerOff {
		x.sound(BuzzerOff, 0)
	}
}

// sound starts a pattern that ends after the given number of seconds.
func (x *step) sound(b Buzzer, seconds uint32) {
	s := x.s
	s.Buzzer, s.QuietAt = b, 0
	if b != BuzzerOff {
		s.QuietAt = s.second() + seconds
	}
	x.emit(EffectBuzzer).Buzzer = b
}

// message sends the customer a message.
func (x *step) message(m Message) {
	e := x.emit(EffectSMS)
	e.SMS, e.Balance = m, x.s.Shown()
}
