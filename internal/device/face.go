package device

import (
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/panel"
	"github.com/paywatt/paywatt/unit"
)

// fullSignal is the signal strength that a meter without a modem shows while it is connected.
const fullSignal = 4

// look returns the meter's state as its panel shows it.
func (d *Device) look() *panel.View {
	m := &panel.View{
		Config: &d.config, State: &d.state, Up: d.clock.up, Setup: d.c.Setup, Texts: d.texts, History: past{d},
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

// past is the history that the panel's pages show: without what menu 5 has hidden.
type past struct{ d *Device }

// Cleared returns the total register at the last use of menu 5.
func (p past) Cleared() unit.Energy { return p.d.rings.Cleared().Register }

// Day returns the n-th newest closed day.
func (p past) Day(n int) (panel.UseRow, bool) { return useRow(p.d.rings.Day(n)) }

// Month returns the n-th newest closed month.
func (p past) Month(n int) (panel.UseRow, bool) { return useRow(p.d.rings.Month(n)) }

func useRow(row meter.Row, is bool) (panel.UseRow, bool) {
	return panel.UseRow{Date: row.Date, Used: row.Used}, is
}

// Token returns the n-th newest token.
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

// Icons returns the signs beside the display; none without mains.
func (d *Device) Icons() panel.Icons {
	if !d.on {
		return panel.Icons{}
	}
	return d.panel.Icons(d.look())
}

// Display returns the size of the display.
func (d *Device) Display() panel.Size { return d.c.Display }

// CoverOpen reports whether the tamper switch of the cover is open.
func (d *Device) CoverOpen() bool { return d.parts.Tamper.Open().Has(meter.TamperCover) }

// asked answers a message other than a recharge. Only registered numbers get an answer.
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
	d.reply(from, panel.Answer(d.look(), kind), kind, panel.ToQuestion)
}

// answerEmergency answers the sender of a request for emergency credit.
func (d *Device) answerEmergency(e *meter.Effect) {
	if e.Source == meter.SMS && d.smsFrom != "" {
		d.reply(d.smsFrom, panel.AnswerEmergency(d.look(), e.EC), panel.RequestEmergency, panel.ToQuestion)
	}
}
