package device

import (
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/panel"
	"github.com/paywatt/paywatt/unit"
)

// fullSignal is the signal of a meter without a modem of its own that has a connection.
const fullSignal = 4

// look is the meter as its panel sees it.
func (d *Device) look() *panel.View {
	m := &panel.View{
		Config: &d.config, State: &d.state, Up: d.clock.up, Setup: d.c.Setup, History: past{d},
		Card: d.parts.Card != nil && d.card.looked,
	}
	switch {
	case d.modem != nil:
		m.Signal = d.modem.Bars()
	case d.state.Flags.Has(meter.FlagOnline):
		m.Signal = fullSignal
	}
	return m
}

// past is the history as the panel's pages show it: without what menu 5 has hidden.
type past struct{ d *Device }

// Cleared is the total register when menu 5 was used last.
func (p past) Cleared() unit.Energy { return p.d.rings.Cleared().Register }

// Day is the n-th newest closed day.
func (p past) Day(n int) (panel.UseRow, bool) { return useRow(p.d.rings.Day(n)) }

// Month is the n-th newest closed month.
func (p past) Month(n int) (panel.UseRow, bool) { return useRow(p.d.rings.Month(n)) }

func useRow(row meter.Row, is bool) (panel.UseRow, bool) {
	return panel.UseRow{Date: row.Date, Used: row.Used}, is
}

// Token is the n-th newest token.
func (p past) Token(n int) (panel.TokenRow, bool) {
	t, is := p.d.rings.Token(n)
	if !is {
		return panel.TokenRow{}, false
	}
	row := panel.TokenRow{At: t.At, Masked: t.Masked, Source: t.Source, Code: t.Result, Class: t.Class, Units: t.Units}
	if t.Clock == meter.ClockInvalid {
		row.At = 0
	}
	return row, true
}

// Icons are the signs beside the display; none without mains.
func (d *Device) Icons() panel.Icons {
	if !d.on {
		return panel.Icons{}
	}
	return d.panel.Icons(d.look())
}

// Display is the size of the display.
func (d *Device) Display() panel.Size { return d.c.Display }

// CoverOpen reports whether the tamper switch of the cover is open.
func (d *Device) CoverOpen() bool { return d.parts.Tamper.Open().Has(meter.TamperCover) }

// asked answers a message that asks for something other than a recharge. Only registered numbers are answered.
func (d *Device) asked(from string, kind panel.RequestKind) {
	if !d.registered(from) {
		return
	}
	if kind == panel.RequestEmergency {
		d.smsFrom = from
		d.give(meter.Event{Kind: meter.EventActivate, Source: meter.SMS})
		d.smsFrom = ""
		return
	}
	d.reply(from, panel.Answer(d.look(), kind), false)
}

// answerEmergency answers the sender who wants to use the emergency credit.
func (d *Device) answerEmergency(e *meter.Effect) {
	if e.Source == meter.SMS && d.smsFrom != "" {
		d.reply(d.smsFrom, panel.AnswerEmergency(d.look(), e.EC), false)
	}
}
