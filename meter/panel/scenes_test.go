package panel_test

import (
	"fmt"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/panel"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// scenes returns everything a panel can show.
func scenes() []scene {
	all := []scene{
		{"home", 3, func(*rig) {}},
		{"home, large figures", 3, func(d *rig) { d.s.Balance, d.s.Register, d.s.Power = 4_999_990, 99_999_999, 1_000_000 }},
		{"home, every sign", 1, everySign},
		{"home, everything owed", 1, func(d *rig) { d.s.Balance, d.s.ECUsed, d.s.Overrun = 0, 5000, 1234 }},
		{"home, wallet mode", 3, func(d *rig) { wallet(d, 17_391) }},
		{"home, wallet mode, large figures", 1, func(d *rig) { wallet(d, 999_999_990) }},
		{"home, wallet mode, lease used up", 3, func(d *rig) { wallet(d, 0); d.off(supply.Lease) }},
		{"emergency credit, wallet mode", 1, func(d *rig) { wallet(d, 17_391); d.keys("03#") }},
		{"menu", 3, func(d *rig) { d.keys("*") }},
		{"menu while the load is off", 3, func(d *rig) { d.s.Reasons = supply.Of(supply.Local); d.keys("*") }},
		{"menu, a choice there is not", 1, func(d *rig) { d.keys("*9") }},
		{"menu 1, nothing typed", 1, func(d *rig) { d.keys("*1") }},
		{"entry of 3 digits", 1, func(d *rig) { d.keys("123") }},
		{"entry of 13 digits", 1, func(d *rig) { d.keys("1234567890123") }},
		{"entry of 20 digits", 1, func(d *rig) { d.keys("12345678901234567890") }},
		{"entry of 21 digits", 1, func(d *rig) { d.keys("123456789012345678901") }},
		{"menu 4", 1, func(d *rig) { d.keys("*4") }},
		{"menu 4 while the load is off", 1, func(d *rig) { d.off(supply.Local); d.keys("*4") }},
		{"menu 4, load switched off", 1, func(d *rig) { d.off(supply.Local); d.keys("*4#") }},
		{"menu 4, load switched on", 1, func(d *rig) { d.keys("*4#") }},
		{"menu 4, load on but no credit", 1, func(d *rig) { d.off(supply.Credit); d.keys("*4#") }},
		{"menu 5", 1, func(d *rig) { d.keys("*5") }},
		{"menu 5, once more", 1, func(d *rig) { d.keys("*5#") }},
		{"menu 5, cleared", 1, func(d *rig) { d.keys("*5##"); d.notice(meter.Effect{Kind: meter.EffectClear}) }},
	}
	for _, more := range [][]scene{states(), historyScenes(), clockScenes(), results(), management(), tests(), codes(), emergency(), warnings()} {
		all = append(all, more...)
	}
	return all
}

// off opens the relay for the given reasons.
func (d *rig) off(reasons ...supply.Reason) {
	d.s.Reasons, d.s.Relay, d.s.Power = supply.Of(reasons...), supply.Open, 0
}

// wallet puts the meter in wallet mode with the energy left in its lease.
func wallet(d *rig, left unit.Energy) {
	d.s.Flags, d.s.Balance = d.s.Flags|meter.FlagWallet, left
}

func everySign(d *rig) {
	d.signal, d.card = 4, true
	d.s.LED, d.s.EC, d.s.Latched, d.s.Clock = meter.LEDFast, meter.ECActive, 1, meter.ClockInvalid
}

// states returns a scene for each state of the supply. After five seconds the home page shows the word for the state.
func states() (all []scene) {
	for _, c := range []struct {
		title string
		play  func(*rig)
	}{
		{"on", func(*rig) {}},
		{"no credit", func(d *rig) { d.off(supply.Credit) }},
		{"switched off by the authority", func(d *rig) { d.off(supply.Remote) }},
		{"switched off here", func(d *rig) { d.off(supply.Local) }},
		{"tamper", func(d *rig) { d.off(supply.Tamper) }},
		{"overload, closes by itself", func(d *rig) {
			d.off(supply.Overload)
			d.s.Overload, d.s.TripAt = meter.OverloadTripped, 1
		}},
		{"overload, waits for #", func(d *rig) {
			d.off(supply.Overload)
			d.s.Overload, d.c.LockManual = meter.OverloadLocked, true
		}},
		{"lease ended", func(d *rig) { d.off(supply.Lease) }},
		{"fault", func(d *rig) { d.off(supply.Fault) }},
		{"not in service", func(d *rig) { d.off(supply.NotActivated) }},
		{"test of the switch", func(d *rig) { d.off(supply.Test) }},
		{"armed", func(d *rig) { d.s.Relay, d.s.Confirm = supply.Armed, true }},
		{"wait after a power cut", func(d *rig) { d.off(); d.s.MoveAt = 61 }},
		{"keypad locked", func(d *rig) { d.s.Guards[meter.Keypad-1].Until = 605 }},
		{"keypad locked for a day", func(d *rig) { d.s.Guards[meter.Keypad-1].Until = 86_405 }},
		{"memory of a newer format", func(d *rig) { d.s.Frozen = true }},
		{"lifeline", func(d *rig) { d.s.Flags, d.c.Lifeline = meter.FlagLifeline, 200 }},
	} {
		all = append(all, scene{"supply: " + c.title, 1, func(d *rig) { c.play(d); d.up = 5000 }})
	}
	return all
}

// kept is a History with contents that a test sets.
type kept struct {
	cleared      unit.Energy
	days, months []panel.UseRow
	rows         []panel.TokenRow
	card         []panel.CardRow
	cardGone     bool
}

func (k *kept) Cleared() unit.Energy { return k.cleared }

func (k *kept) Day(n int) (panel.UseRow, bool)   { return nth(k.days, n) }
func (k *kept) Month(n int) (panel.UseRow, bool) { return nth(k.months, n) }

func nth(rows []panel.UseRow, n int) (panel.UseRow, bool) {
	if n >= len(rows) {
		return panel.UseRow{}, false
	}
	return rows[n], true
}

func (k *kept) CardMonths() (int, bool)       { return len(k.card), !k.cardGone }
func (k *kept) CardMonth(n int) panel.CardRow { return k.card[n] }

func (k *kept) Token(n int) (panel.TokenRow, bool) {
	if n >= len(k.rows) {
		return panel.TokenRow{}, false
	}
	return k.rows[n], true
}

// eleven returns one token more than the page lists, with every outcome among them.
func eleven() *kept {
	const at, token = 1_795_161_600, "1234 **** **** **** 5678"
	k := &kept{days: []panel.UseRow{{Date: rigDay - 1, Used: 4560}}}
	for i, r := range []panel.TokenRow{
		{Code: sts.Accept, Units: 34_700}, {Code: sts.Accept, Units: unit.MaxToken}, {Code: sts.UsedError},
		{Code: sts.CRCError}, {Code: sts.OldError}, {Code: sts.KCT1st, Class: 2}, {Code: sts.Accept, Class: 2},
		{Code: sts.Accept, Class: 2, Units: -8120}, {Code: sts.FormatError}, {Code: sts.Accept, Units: 100}, {Code: sts.Accept},
	} {
		r.At, r.Masked, r.Source = at-int64(i)*86_400, token, meter.Keypad
		k.rows = append(k.rows, r)
	}
	k.rows[8].Masked = ""
	k.rows[9].At = 0
	return k
}

// shelf returns a history with every kind of row after the tokens.
func shelf() *kept {
	return &kept{
		days:   []panel.UseRow{{Date: rigDay - 1, Used: 4560}, {Date: rigDay - 2, Used: 99_999_999}},
		months: []panel.UseRow{{Date: rigDay - 50, Used: 123_456}},
		card: []panel.CardRow{
			{Month: rigDay - 50, Used: 123_456, Found: true}, {Month: rigDay - 80, Used: 123_456, Found: true, Spoilt: 3},
			{Month: rigDay - 110, Used: 1_234_567, Found: true, Spoilt: 120}, {Month: rigDay - 140, Spoilt: 1}, {Month: rigDay - 170},
			{Month: rigDay - 200, Used: 123_456_789_012, Found: true, Spoilt: 12},
		},
	}
}

func historyScenes() []scene {
	return []scene{
		{"menu 2", 15, func(d *rig) { d.h = eleven(); d.keys("*2") }},
		{"menu 2, days, months and memory card", 10, func(d *rig) { d.h = shelf(); d.keys("*299") }},
		{"menu 2, the memory card cannot be read", 1, func(d *rig) { d.h = &kept{cardGone: true}; d.keys("*299") }},
		{"menu 2 of a new meter", 4, func(d *rig) { d.h = &kept{}; d.s.Day.Used, d.s.Month.Used = 0, 0; d.keys("*2") }},
		{"menu 2, no history kept", 3, func(d *rig) { d.keys("*2") }},
	}
}

func clockScenes() []scene {
	all := []scene{
		{"menu 3", 1, func(d *rig) { d.keys("*3") }},
		{"menu 3 while the clock is invalid", 1, func(d *rig) { d.s.Clock = meter.ClockInvalid; d.keys("*3") }},
		{"menu 3, 5 digits", 1, func(d *rig) { d.keys("*321112") }},
		{"menu 3, 10 digits", 1, func(d *rig) { d.keys("*32011260815") }},
		{"menu 3, # too early", 1, func(d *rig) { d.keys("*32011#") }},
		{"menu 3, no such day", 1, func(d *rig) { d.keys("*33002260815#") }},
	}
	for a := meter.ClockDone; a <= meter.ClockImpossible; a++ {
		all = append(all, scene{"menu 3, answer " + a.String(), 1, func(d *rig) {
			d.keys("*32011260815#")
			d.notice(meter.Effect{Kind: meter.EffectClock, Clock: a})
		}})
	}
	return all
}

func results() (all []scene) {
	for r := sts.Accept; r <= sts.StorageError; r++ {
		all = append(all, scene{"result " + r.String(), 2, func(d *rig) {
			d.s.Guards[meter.Keypad-1].Until = 600
			d.show(meter.Result{Code: r, Source: meter.Keypad, Units: 34_700})
		}})
	}
	return append(all, scene{"result range_error of a management token", 1, func(d *rig) {
		d.show(meter.Result{Code: sts.RangeError, Source: meter.Keypad, Class: 2})
	}})
}

func management() (all []scene) {
	for _, c := range []struct {
		title  string
		sub    uint8
		change func(*rig, *meter.Result)
	}{
		{"limit of 2,300 W set", sts.ManageMaxPower, func(d *rig, _ *meter.Result) { d.s.Limit = 2300 }},
		{"largest limit set", sts.ManageMaxPower, func(d *rig, _ *meter.Result) { d.s.Limit = 18_201_624 }},
		{"credit cleared", sts.ManageClearCredit, func(_ *rig, r *meter.Result) { r.Units = -8129 }},
		{"largest credit cleared", sts.ManageClearCredit, func(_ *rig, r *meter.Result) { r.Units = -1_000_000_000 }},
		{"tamper cleared", sts.ManageClearTamper, func(d *rig, _ *meter.Result) { d.s.Confirm, d.s.Relay = true, supply.Armed }},
		{"key changed", 4, func(d *rig, _ *meter.Result) { d.s.Key.Named, d.s.Key.KRN, d.s.Key.TI = true, 9, 7 }},
	} {
		all = append(all, scene{c.title, 1, func(d *rig) {
			r := meter.Result{Code: sts.Accept, Source: meter.Keypad, Class: 2, SubClass: c.sub}
			c.change(d, &r)
			d.show(r)
		}})
	}
	return all
}

// everyFact sets every value that a page can show.
func everyFact(d *rig) {
	d.c.LongNumber, d.s.Limit, d.s.Relay = true, 18_201_624, supply.Open
	d.s.Reasons = supply.Of(supply.Tamper, supply.Test)
	d.s.Key = meter.KeyInfo{Base: sts.Base2035, Type: sts.DCTK, KEN: 45, EA: sts.EA11, Named: true, KRN: 2, TI: 7, SGC: 12345}
}

func tests() (all []scene) {
	for n := meter.TestSwitch; n <= meter.TestNumber; n++ {
		if meter.KnownTests>>(n-1)&1 == 0 {
			continue
		}
		r := meter.Result{Code: sts.Accept, Source: meter.Keypad, Class: 1, Control: 1 << (n - 1)}
		all = append(all,
			scene{fmt.Sprintf("test %d", n), 1, func(d *rig) { d.show(r) }},
			scene{fmt.Sprintf("test %d, the rest known", n), 1, func(d *rig) { everyFact(d); d.show(r) }})
	}
	for _, from := range []meter.Source{meter.SMS, meter.Remote} {
		all = append(all, scene{"test 6 by " + from.String(), 1, func(d *rig) {
			d.show(meter.Result{Code: sts.Accept, Source: from, Class: 1, Control: 1 << (meter.TestInput - 1)})
		}})
	}
	return append(all, scene{"all tests", 4, func(d *rig) {
		d.show(meter.Result{Code: sts.Accept, Source: meter.Keypad, Class: 1, Control: meter.KnownTests})
	}})
}

func codes() (all []scene) {
	for _, c := range []struct {
		code, title string
		parts       int
	}{
		{"01", "credit", 1}, {"04", "last tokens", 2}, {"05", "usage", 3}, {"06", "state", 3}, {"10", "register", 1}, {"11", "power", 2},
		{"12", "meter and key", 3}, {"13", "tariff", 1}, {"14", "software and display", 2}, {"15", "help", 1},
	} {
		all = append(all, scene{"short code " + c.code + ", " + c.title, c.parts, func(d *rig) {
			d.h = eleven()
			everyFact(d)
			d.off(supply.Tamper, supply.Credit)
			d.keys(c.code + "#")
		}})
	}
	all = append(all, scene{"short code 06, every sign", 3, func(d *rig) { everySign(d); d.keys("06#") }})
	return append(all, scene{"short code 13, with the words of the maker", 2, func(d *rig) {
		d.setup.Tariff = "DOMESTIC 25.00 PER kWh, \\ é NIGHT 18.00"
		d.keys("13#")
	}}, scene{"short code 13, with the words of the utility", 2, func(d *rig) {
		d.setup.Tariff, d.texts.Tariff = "DOMESTIC 25.00", "KES 24.50 a kWh, at night 18.20"
		d.keys("13#")
	}}, scene{"short code 15, with the words of the utility", 1, func(d *rig) {
		d.texts.Help = "Call 0800 123 456 day and night"
		d.keys("15#")
	}}, scene{"short code 15, one long word", 1, func(d *rig) {
		d.texts.Help = "https://power.example/help/0800x"
		d.keys("15#")
	}})
}

func emergency() (all []scene) {
	for _, c := range []struct {
		title string
		play  func(*rig)
	}{
		{"none to be had", func(d *rig) { d.c.ECLimit = 0 }},
		{"not needed", func(*rig) {}},
		{"offered", func(d *rig) { d.s.EC = meter.ECOffered }},
		{"a large one offered", func(d *rig) { d.s.EC, d.c.ECLimit, d.s.Flags = meter.ECOffered, 99_999_999, meter.FlagInitial }},
		{"in use", func(d *rig) { d.s.EC, d.s.ECUsed = meter.ECActive, 2500 }},
		{"used up", func(d *rig) { d.s.EC, d.s.ECUsed = meter.ECExhausted, 5000 }},
	} {
		all = append(all, scene{"emergency credit: " + c.title, 1, func(d *rig) { c.play(d); d.keys("3#") }})
	}
	for a := meter.ECDone; a <= meter.ECStorage; a++ {
		all = append(all, scene{"emergency credit: answer " + a.String(), 1, func(d *rig) {
			if d.keys("03##"); a == meter.ECDone {
				d.s.EC = meter.ECActive
			}
			d.notice(meter.Effect{Kind: meter.EffectEmergency, EC: a, Source: meter.Keypad})
		}})
	}
	return all
}

func warnings() (all []scene) {
	for m := meter.MessageLow1; m <= meter.MessageEnding; m++ {
		all = append(all, scene{fmt.Sprintf("warning %d: %s", m, panel.Message(&panel.View{Config: &meter.Config{}}, m, 4990)), 3, func(d *rig) {
			d.s.Balance = 4990
			d.notice(meter.Effect{Kind: meter.EffectSMS, SMS: m})
		}})
	}
	return all
}
