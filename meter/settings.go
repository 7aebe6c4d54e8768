package meter

import (
	"fmt"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// setting is one key of the configuration document.
type setting struct {
	name string
	// about is the text for the reference: meaning, unit, range.
	about string
	// put stores a value that a JSON or CBOR decoder has returned. It returns false if the value is not valid for this
	// key.
	put func(*Config, any) bool
	// sound reports whether the configuration holds a value that put could have set.
	sound func(*Config) bool
}

// settings is the list of all keys, in the order of the reference.
var settings = [...]setting{
	count("imp_per_kwh", "impulses of the meter chip per kilowatt-hour", 1, maxImp, func(c *Config) *uint32 { return &c.ImpPerKWh }),
	energyOf("low1_wh", "first warning", 0, func(c *Config) *unit.Energy { return &c.Low1 }),
	count("low1_days", "first warning when the credit lasts only this many days at the mean use of the last seven; at 0, low1_wh applies", 0, 60,
		func(c *Config) *uint8 { return &c.Low1Days }),
	energyOf("low2_wh", "second warning", 0, func(c *Config) *unit.Energy { return &c.Low2 }),
	yesNo("reminder_trip", "interrupt the supply for 30 s at the second warning", func(c *Config) *bool { return &c.Reminder }),
	energyOf("cutoff_wh", "the relay opens at and below it", 0, func(c *Config) *unit.Energy { return &c.Cutoff }),
	energyOf("clearance_wh", "the relay closes above it", 0, func(c *Config) *unit.Energy { return &c.Clearance }),
	energyOf("max_balance_wh", "highest balance that a token may lead to", 1, func(c *Config) *unit.Energy { return &c.MaxBalance }),
	energyOf("overrun_limit_wh", "overrun above which the meter reports event 211, 0 for never", 0, func(c *Config) *unit.Energy { return &c.OverrunLimit }),
	energyOf("ec_limit_wh", "emergency credit, 0 for none", 0, func(c *Config) *unit.Energy { return &c.ECLimit }),
	energyOf("ec_initial_limit_wh", "emergency credit the first time; at 0, ec_limit_wh applies", 0, func(c *Config) *unit.Energy { return &c.ECInitial }),
	energyOf("ec_threshold_wh", "credit at and below which emergency credit is offered", 0, func(c *Config) *unit.Energy { return &c.ECThreshold }),
	yesNo("ec_repay_before_reconnect", "used-up emergency credit must be paid back before the supply returns",
		func(c *Config) *bool { return &c.ECRepay }),
	count("power_limit_w", "highest load that is allowed for long, 0 for no limit", 0, maxPower, func(c *Config) *unit.Power { return &c.PowerLimit }),
	count("ec_power_limit_w", "the same while emergency credit is in use, 0 for power_limit_w", 0, maxPower, func(c *Config) *unit.Power { return &c.ECPower }),
	count("lifeline_w", "highest load after the credit has ended, 0 to cut the supply", 0, maxPower,
		func(c *Config) *unit.Power { return &c.Lifeline }),
	count("overload_trip_s", "time above the limit before the relay opens; at a load above one and a half times the limit, it opens after 1 s", 1, maxTrip,
		func(c *Config) *uint16 { return &c.TripAfter }),
	count("overload_retry_s", "time before the relay closes again", 5, maxTrip, func(c *Config) *uint16 { return &c.RetryAfter }),
	count("overload_max_trips", "number of the trip that locks the supply", 1, maxTrips, func(c *Config) *uint8 { return &c.Trips }),
	count("overload_window_s", "time within which the trips count", 60, maxTrip, func(c *Config) *uint16 { return &c.TripWindow }),
	count("overload_lockout_s", "time before a locked supply returns", 5, maxLock, func(c *Config) *uint16 { return &c.LockFor }),
	yesNo("overload_manual", "a locked supply returns only at a key press", func(c *Config) *bool { return &c.LockManual }),
	policyOf(TamperCover), policyOf(TamperTerminal), policyOf(TamperMagnet), policyOf(TamperReverse), policyOf(TamperBypass),
	policyOf(TamperPhaseLoss),
	yesNo("reverse_debit", "energy that flows the other way is taken from the credit", func(c *Config) *bool { return &c.ReverseDebit }),
	yesNo("net_metering", "energy that flows the other way is added to the credit", func(c *Config) *bool { return &c.NetMetering }),
	{"friendly", fmt.Sprintf("list of at most %d windows such as \"mon,tue 18:00-07:00\" or \"all 22:00-06:00\", local time", maxWindows),
		(*Config).putWindows, (*Config).soundWindows},
	{"special_days", fmt.Sprintf("list of at most %d days such as \"2026-12-25\" or \"2026-12-31 12:00-24:00\"", maxSpecial),
		(*Config).putSpecial, (*Config).soundSpecial},
	yesNo("friendly_when_clock_invalid", "any time is friendly while the clock is invalid", func(c *Config) *bool { return &c.FriendlyInvalid }),
	{"confirm_after", "list of reasons after which the supply returns only at a key press", (*Config).putConfirm,
		func(c *Config) bool { return c.ConfirmAfter.Known() }},
	count("tz_min", "local time minus UTC in minutes, without daylight saving", -14*60, 14*60, func(c *Config) *int16 { return &c.TZMinutes }),
	count("dst_shift_min", "minutes of daylight saving, 0 for none", 0, 120, func(c *Config) *uint8 { return &c.DST.Shift }),
	switchOf("dst_begin", "begin of daylight saving, in standard time, as month.week.weekday/hour:minute with week 5 for the last and weekday 0 for Sunday: \"3.5.0/02:00\"",
		func(c *Config) *Switch { return &c.DST.Begin }),
	switchOf("dst_end", "end of daylight saving, in daylight saving time: \"10.5.0/03:00\"", func(c *Config) *Switch { return &c.DST.End }),
	count("reading_s", "seconds between two readings, 0 for none", 0, 7*86400, func(c *Config) *uint32 { return &c.ReadingEvery }),
	{"payment_mode", "prepay_token (the meter keeps the credit) or prepay_wallet (the server keeps the money and gives leases)",
		(*Config).putMode, func(*Config) bool { return true }},
	{"lease_grace_wh", fmt.Sprintf("what may still be used of a lease once its time has run out, -1 for all of it; -1 to %d Wh", maxThreshold),
		(*Config).putGrace, func(c *Config) bool { return c.LeaseGrace >= LeaseStay && c.LeaseGrace <= maxThreshold }},
	{"language", "of display and messages: en, sw or fr", (*Config).putLanguage, func(c *Config) bool { return c.Language < languages }},
	displayText(keyTariffText, "text on the page of the tariff"),
	displayText(keyHelpText, "text on the help page, such as the telephone number of the utility"),
}

// Setting is one key of the configuration document, for its reference.
type Setting struct{ Name, About string }

// Settings returns all keys of the configuration document. It allocates; it is for documentation.
func Settings() []Setting {
	list := make([]Setting, 0, len(settings))
	for _, s := range settings {
		list = append(list, Setting{s.name, s.about})
	}
	return list
}

// count returns a key whose value is a whole number from least to most.
func count[T ~uint8 | ~uint16 | ~int16 | ~uint32 | ~int32](name, about string, least, most int64, at func(*Config) *T) setting {
	return setting{
		name, fmt.Sprintf("%s; %d to %d", about, least, most),
		func(c *Config, v any) bool {
			n, whole := integer(v)
			if !whole || n < least || n > most {
				return false
			}
			*at(c) = T(n)
			return true
		},
		func(c *Config) bool { n := int64(*at(c)); return n >= least && n <= most },
	}
}

// energyOf returns a key whose value is an energy in watt-hours.
func energyOf(name, about string, least int64, at func(*Config) *unit.Energy) setting {
	return setting{
		name, fmt.Sprintf("%s; %d to %d Wh", about, least, maxThreshold),
		func(c *Config, v any) bool {
			n, whole := integer(v)
			if !whole || n < least || n > maxThreshold {
				return false
			}
			*at(c) = unit.Energy(n)
			return true
		},
		func(c *Config) bool { n := int64(*at(c)); return n >= least && n <= maxThreshold },
	}
}

// yesNo returns a key whose value is true or false.
func yesNo(name, about string, at func(*Config) *bool) setting {
	return setting{
		name, about + "; true or false",
		func(c *Config, v any) bool {
			b, ok := v.(bool)
			*at(c) = b
			return ok
		},
		func(*Config) bool { return true },
	}
}

// policyOf returns the key for the policy of a kind of tampering.
func policyOf(k Tamper) setting {
	return setting{
		"tamper_" + tamperNames[k], "log, alarm or latch",
		func(c *Config, v any) bool {
			i := slices.Index(policyNames[:], text(v))
			c.Tamper[k] = Policy(max(i, 0))
			return i >= 0
		},
		func(c *Config) bool { return c.Tamper[k] < policies },
	}
}

// switchOf returns a key for a moment of the year.
func switchOf(name, about string, at func(*Config) *Switch) setting {
	return setting{
		name, about,
		func(c *Config, v any) bool {
			s, ok := parseSwitch(text(v))
			*at(c) = s
			return ok
		},
		func(c *Config) bool { s := *at(c); return s == Switch{} || s.sound() },
	}
}

// text returns the value if it is a string. For any other value it returns a string that no setting accepts.
func text(v any) string {
	s, ok := v.(string)
	if !ok {
		return "\x00"
	}
	return s
}

// entries reads a list of strings and calls the function take with each string. It returns false if the list has more
// entries than the parameter most, or if take returns false.
func entries(v any, most int, take func(i int, entry string) bool) bool {
	list, ok := v.([]any)
	if !ok || len(list) > most {
		return false
	}
	for i, e := range list {
		if !take(i, text(e)) {
			return false
		}
	}
	return true
}

func (c *Config) putConfirm(v any) bool {
	c.ConfirmAfter = 0
	return entries(v, 16, func(_ int, name string) bool {
		r, known := supply.ParseReason(name)
		c.ConfirmAfter = c.ConfirmAfter.With(r)
		return known
	})
}

func (c *Config) putLanguage(v any) bool {
	i := slices.Index(languageNames[:], text(v))
	c.Language = Language(max(i, 0))
	return i >= 0
}

// The payment modes, by the names that the server uses too.
const (
	modeToken  = "prepay_token"
	modeWallet = "prepay_wallet"
)

func (c *Config) putMode(v any) bool {
	c.Wallet = text(v) == modeWallet
	return c.Wallet || text(v) == modeToken
}

func (c *Config) putGrace(v any) bool {
	n, whole := integer(v)
	c.LeaseGrace = unit.Energy(n)
	return whole && n >= int64(LeaseStay) && n <= maxThreshold
}

func (c *Config) putWindows(v any) bool {
	c.Friendly = [maxWindows]Window{}
	return entries(v, maxWindows, func(i int, entry string) (ok bool) {
		c.Friendly[i], ok = supply.ParseWindow(entry)
		return ok
	})
}

func (c *Config) soundWindows() bool {
	for _, w := range c.Friendly {
		if w.Days >= 1<<7 || w.From >= 24*60 || w.To > 24*60 {
			return false
		}
	}
	return true
}

func (c *Config) putSpecial(v any) bool {
	c.Special = [maxSpecial]Special{}
	return entries(v, maxSpecial, func(i int, entry string) (ok bool) {
		c.Special[i], ok = supply.ParseSpecial(entry)
		return ok
	})
}

func (c *Config) soundSpecial() bool {
	for _, s := range c.Special {
		if s.To > 24*60 || s.Date != 0 && s.From >= s.To {
			return false
		}
	}
	return true
}

// parseSwitch reads a moment of the year such as 3.5.0/02:00.
func parseSwitch(text string) (s Switch, ok bool) {
	day, clock, _ := strings.Cut(text, "/")
	part := strings.Split(day, ".")
	if len(part) != 3 {
		return Switch{}, false
	}
	for i, at := range [...]*uint8{&s.Month, &s.Week, &s.Weekday} {
		if len(part[i]) < 1 || len(part[i]) > 2 {
			return Switch{}, false
		}
		for _, d := range []byte(part[i]) {
			if d < '0' || d > '9' {
				return Switch{}, false
			}
			*at = *at*10 + d - '0'
		}
	}
	s.Minute, ok = supply.ParseMinute(clock)
	return s, ok && s.sound()
}

// sound reports whether the moment exists in every year.
func (s Switch) sound() bool {
	return s.Month >= 1 && s.Month <= 12 && s.Week >= 1 && s.Week <= 5 && s.Weekday <= 6 && s.Minute <= 24*60
}
