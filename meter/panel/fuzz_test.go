package panel_test

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/panel"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
)

// FuzzPanel presses any keys at any times, with any events at the meter, and sends the panel any message. The method
// sound checks the display and the typed digits after every key.
func FuzzPanel(f *testing.F) {
	f.Add(uint8(0), []byte("12345678901234567890#"), "*01#")
	f.Add(uint8(1), []byte("*1*2##*32011260815#*4*5##*9a!b"), "*02#1234")
	f.Add(uint8(5), []byte("03##~~~1#d{e}f|g01#06###*\x80\xff"), "\xff*06#")
	f.Add(uint8(0), []byte("G06####"), "") // every icon
	f.Fuzz(func(t *testing.T, kind uint8, keys []byte, sms string) {
		d := newRig(t)
		d.c.Language, d.p.Size, d.h = meter.Language(kind%4), panel.Size(kind/4%2), eleven()
		if kind/8%2 == 1 {
			d.h = nil
		}
		for _, k := range keys[:min(len(keys), 300)] {
			d.happens(k)
			p := d.press(string(rune(k)))
			d.sound(t, p)
			d.answered(p)
			d.sound(t, panel.Press{})
		}
		r := panel.ParseSMS(sms)
		if answer := panel.Answer(d.m(), r.Kind); len(answer) > 4*160 || len(strings.Join(r.RevealTokens(), "")) > 3*len(sms) {
			t.Errorf("%q is answered by %q", sms, answer)
		}
	})
}

// happens lets time pass, or gives an event that is not a key press.
func (d *rig) happens(k byte) {
	switch {
	case k >= 0xc0:
		d.up += uint64(k-0xc0) * 1000
	case k >= 0x80:
		d.notice(meter.Effect{Kind: meter.EffectSMS, SMS: meter.Message(k % 9)})
	case k >= 'a' && k <= 'z':
		d.show(meter.Result{Code: sts.Result(k - 'a'), Source: meter.Source(k % 4), Class: k % 3, SubClass: k % 6, Units: 1_000_000, Control: uint64(k)})
	case k >= 'A' && k <= 'Z':
		d.s.Reasons, d.s.Relay = supply.Reasons(k), supply.Relay(k%3)
		d.signal, d.card, d.s.LED, d.s.Latched = int(k%5), k%2 == 0, meter.LED(k%3), meter.Tampers(k%4)
		d.s.EC, d.s.Overload, d.s.Clock = meter.EC(k%5), meter.Overload(k%4), meter.Clock(k%3)
	case k == '!':
		d.s.Balance, d.s.Register, d.s.Power = -1_000_000_000_000, 9_999_999_999_999, 2_000_000_000
	}
}

// answered gives the panel the core's answer to its request.
func (d *rig) answered(p panel.Press) {
	switch p.Event {
	case meter.EventToken:
		d.show(meter.Result{Code: sts.CRCError, Source: meter.Keypad})
	case meter.EventClock:
		d.notice(meter.Effect{Kind: meter.EffectClock, Clock: meter.ClockAnswer(p.At % 7)})
	case meter.EventActivate:
		d.notice(meter.Effect{Kind: meter.EffectEmergency, EC: meter.ECAnswer(d.up % 9), Source: meter.Keypad})
	case meter.EventClear:
		d.notice(meter.Effect{Kind: meter.EffectClear})
	}
}

// sound fails the test if the panel breaks one of its rules.
func (d *rig) sound(t *testing.T, p panel.Press) {
	t.Helper()
	lines := d.lines()
	if len(lines) != d.p.Size.Height() {
		t.Fatalf("%d lines on a display of %s", len(lines), d.p.Size)
	}
	for _, l := range lines {
		if fault := faulty(l, d.p.Size); fault != "" {
			t.Errorf("line %q %s", l, fault)
		}
	}
	typed := d.p.RevealTyped()
	if len(typed) > sts.TokenDigits+1 || strings.Trim(typed, "0123456789+") != "" {
		t.Errorf("the entry is %q", typed)
	}
	if p.Event == meter.EventToken && typed == "" {
		t.Error("a token of nothing")
	}
}
