package panel

import (
	"time"

	"github.com/paywatt/paywatt/meter"
)

// clockDigits is the number of digits that menu 3 takes: day, month, two-digit year, hour, minute.
const clockDigits = 10

// local returns the local time of a moment as a UTC time.
func local(c *meter.Config, at int64) time.Time { return time.Unix(c.Local(at), 0).UTC() }

// now returns the meter's calendar time in Unix seconds.
func (m *View) now() int64 { return (int64(m.Up) + m.State.Offset) / 1000 }

// localTime returns the meter's local date and time, or says that the clock is invalid.
func (v *screen) localTime() string {
	if v.m.State.Clock == meter.ClockInvalid {
		return v.say(clockUnset)
	}
	return local(v.m.Config, v.m.now()).Format("02.01.2006 15:04")
}

// clock returns menu 3: the present time, and the time being typed, with letters for the digits still to come.
func (v *screen) clock() []pair {
	form := []byte(v.say(clockForm))
	typed := v.p.typed[:v.p.n]
	for i := 0; i < len(form) && len(typed) > 0; i++ {
		if c := form[i]; c != '.' && c != ':' && c != ' ' {
			form[i], typed = typed[0], typed[1:]
		}
	}
	first := v.localTime()
	if v.p.n > 0 {
		first = v.say(clockKeys)
	}
	if v.p.Size == Large {
		return []pair{{v.localTime(), string(form)}, {"", v.say(clockKeys)}}
	}
	return []pair{{first, string(form)}}
}

// setClock handles # in menu 3.
func (p *Panel) setClock(m *View) Press {
	if p.n < clockDigits {
		p.tell(m.Up, clockShort, clockShortHint)
		return Press{}
	}
	typed, err := time.Parse("0201061504", string(p.typed[:clockDigits]))
	at, is := moment(m.Config, typed)
	if err != nil || !is {
		p.tell(m.Up, clockWrong, clockAgainHint)
		return Press{}
	}
	p.turn(pageHome, m.Up)
	p.asked = true
	return Press{Event: meter.EventClock, At: at}
}

// moment returns the time at which the local clock shows the typed time. It returns false if daylight saving skips
// that time. If the clock shows the typed time twice, it returns the earlier time.
func moment(c *meter.Config, typed time.Time) (at int64, is bool) {
	standard := int64(c.TZMinutes) * 60
	for _, ahead := range [...]int64{standard + int64(c.DST.Shift)*60, standard} {
		if at = typed.Unix() - ahead; c.Local(at) == typed.Unix() {
			return at, true
		}
	}
	return 0, false
}

// noticeClock shows the answer to a time that was typed.
func (p *Panel) noticeClock(a meter.ClockAnswer, up uint64) {
	switch a {
	case meter.ClockDone:
		p.tell(up, clockSet, backHint)
	case meter.ClockTooFar:
		p.tell(up, clockFar, clockAgainHint)
	case meter.ClockBackward:
		p.tell(up, clockBackward, clockAgainHint)
	case meter.ClockOutranked:
		p.tell(up, clockKept, clockKeptHint)
	default:
		p.tell(up, clockWrong, clockAgainHint)
	}
}
