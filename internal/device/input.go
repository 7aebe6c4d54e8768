package device

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/journal"
	"github.com/paywatt/paywatt/meter/panel"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

var (
	// ErrOff is returned for an input that a meter without mains cannot notice.
	ErrOff = errors.New("the meter has no mains")
	// ErrInput is returned for an invalid input.
	ErrInput = errors.New("no such input")
)

// requests maps the handles that the core uses back to the texts of ids.
type requests struct {
	ids  [rememberedIDs]string
	next int
}

// rememberedIDs is larger than the number of answers that the core remembers, so that a stored answer finds its text.
const rememberedIDs = 4 * meter.RingSize

func (r *requests) add(id string) uint64 {
	if id == "" {
		return 0
	}
	h := meter.Handle(id)
	if r.text(h) == "" {
		r.ids[r.next] = id
		r.next = (r.next + 1) % len(r.ids)
	}
	return h
}

func (r *requests) text(handle uint64) string {
	for _, id := range r.ids {
		if id != "" && meter.Handle(id) == handle {
			return id
		}
	}
	return ""
}

// Keys presses keys one after the other: 0 to 9, * and #.
func (d *Device) Keys(keys string) error {
	if strings.Trim(keys, "0123456789*#") != "" {
		return fmt.Errorf("%w: keys are 0 to 9, * and #", ErrInput)
	}
	if !d.on {
		return fmt.Errorf("%w: the keypad is dead", ErrOff)
	}
	for _, key := range []byte(keys) {
		d.key(key)
	}
	return d.broken
}

func (d *Device) key(key byte) {
	d.give(meter.Event{Kind: meter.EventKey})
	press := d.panel.Key(d.look(), key)
	switch press.Event {
	case 0:
	case meter.EventToken:
		d.token(d.panel.RevealTyped(), meter.Keypad, 0)
	default:
		d.give(meter.Event{Kind: press.Event, Source: meter.Keypad, NewAt: press.At, ClockBy: meter.ClockMenu})
	}
}

// token passes the digits to the core, opened with the key. For a key change, nextKeys holds the resulting keys until
// the core accepts it.
func (d *Device) token(digits string, from meter.Source, request uint64) {
	change, keys := d.keys.Take(&d.state, digits)
	d.nextKeys, d.masked = &keys, mask(digits)
	d.give(meter.Event{Kind: meter.EventToken, Opened: d.keys.Open(digits), Change: change, Source: from, Request: request})
	d.nextKeys, d.masked = nil, ""
}

// mask returns a token as the history may show it: the first and last four digits.
func mask(digits string) string {
	t, result := sts.ParseToken(digits)
	if result != sts.Accept {
		return ""
	}
	return t.String()
}

// SMS receives a message that only the caller has. Its effects are durable with the next flush. For a message that a
// modem still holds, use Deliver.
func (d *Device) SMS(from, text string) error {
	if !d.on {
		return fmt.Errorf("%w: the modem is dead", ErrOff)
	}
	r := panel.ParseSMS(text)
	switch r.Kind {
	case panel.RequestToken:
		d.smsFrom = from
		for _, token := range r.RevealTokens() {
			d.token(token, meter.SMS, 0)
		}
		d.smsFrom = ""
	case panel.RequestNone:
	default:
		d.asked(from, r.Kind)
	}
	return d.broken
}

func (d *Device) registered(number string) bool {
	return slices.Contains(d.c.Phones, number)
}

// notify sends the customer a message that was not requested.
func (d *Device) notify(m meter.Message, balance unit.Energy) {
	if text := panel.Message(d.look(), m, balance); text != "" && len(d.c.Phones) > 0 {
		d.send(d.c.Phones[0], text)
	}
}

// maxSMSOut bounds the messages that wait for TakeSMS.
const maxSMSOut = 1000

// TakeSMS returns the messages that the meter has sent since the last call: an empty list, not nil, if there are none.
func (d *Device) TakeSMS() []SMS {
	out := append([]SMS{}, d.smsOut...)
	d.smsOut = d.smsOut[:0]
	return out
}

// Power switches the mains off or on. Switching it on restarts the meter from its memory, as a new process would.
func (d *Device) Power(on bool) error {
	switch {
	case d.broken != nil || on == d.on:
		return d.broken
	case !on:
		if d.modem != nil {
			d.modem.Power(false)
		}
		d.offAt = d.clock.at
		d.give(meter.Event{Kind: meter.EventPowerFail})
		d.on = false
		d.parts.mains(false)
		return d.Flush()
	}
	j, l, err := journal.Open(d.c.Image)
	if err != nil {
		d.fail(err)
		return d.broken
	}
	err = d.wake(j, l, meter.ResetPower, offFor(d.clock.at, d.offAt))
	if d.modem != nil {
		d.modem.Power(true)
	}
	return err
}

// offFor returns for how many seconds the mains was off. It returns 0 if the calendar was set back meanwhile, because
// the duration is then unknown.
func offFor(now, since int64) int64 { return max(0, now-since) / 1000 }

// Read records a reading now.
func (d *Device) Read() error {
	if !d.on {
		return ErrOff
	}
	d.give(meter.Event{Kind: meter.EventRead})
	return d.broken
}

// Close saves the meter so that its next start is a clean one. It does not close the memory, which belongs to the
// caller.
func (d *Device) Close() error {
	if d.broken != nil {
		return d.broken
	}
	if err := d.flushLog(); err != nil {
		return err
	}
	// A start is clean if the state was saved with this mark. The core sets the mark when the mains fails. The end of the
	// process is not a mains failure, so Close sets the mark.
	s := d.state
	s.Saved = true
	if err := d.journal.Save(&s); err != nil {
		return fmt.Errorf("save meter %s: %w", d.c.Number, err)
	}
	return nil
}
