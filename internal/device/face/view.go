package face

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/meter/panel"
)

// View is what a face shows.
type View struct {
	Number string   `json:"number"`
	Time   string   `json:"time"`
	LCD    []string `json:"lcd"`
	// Icons lists the lit signs beside the display in words. Signs is a line of text with the same signs in short form.
	Icons []string `json:"icons"`
	Signs string   `json:"-"`
	// Supply, Light and Sound each hold a sign and a word, so that colour is never the only cue.
	Supply string `json:"supply"`
	// State is the severity of Supply: ok, warn, bad or off.
	State string `json:"state"`
	Light string `json:"light"`
	Sound string `json:"sound"`
	// Tamper says that the cover is open.
	Tamper bool `json:"tamper"`
	// Register is the total register.
	Register string       `json:"register"`
	Load     int64        `json:"load"`
	Speed    int          `json:"speed"`
	Power    bool         `json:"power"`
	Server   string       `json:"server"`
	Waiting  int          `json:"waiting"`
	Sent     []device.SMS `json:"sent"`
	// Said is the result of the last token, for users of a screen reader.
	Said string `json:"said"`
}

// Look returns the current view.
func (m *Driver) Look() View {
	m.sent = append(m.sent, m.dev.TakeSMS()...)
	if n := len(m.sent); n > maxSent {
		m.sent = m.sent[n-maxSent:]
	}
	v := m.dev.View()
	out := View{
		Number: m.dev.Number(), Time: strings.Replace(strings.TrimSuffix(v.T, "Z"), "T", " ", 1) + " UTC", LCD: v.LCD,
		Light: light(v.LED), Sound: sound(v.Buzzer), Register: fmt.Sprintf("%d.%03d kWh", v.RegisterWh/1000, v.RegisterWh%1000),
		Load: int64(m.dev.Load()), Speed: m.speed, Power: m.dev.On(), Sent: slices.Clone(m.sent), Server: "none, this meter is offline",
		Waiting: m.dev.Box().Marks().Waiting(),
	}
	icons := m.dev.Icons()
	out.Icons, out.Signs = iconWords(icons), icons.String()
	out.Tamper = m.dev.CoverOpen()
	out.Supply, out.State = supplyWord(v, out.Power)
	if v.LastToken != "" {
		out.Said = "Last token: " + strings.ReplaceAll(v.LastToken, "_", " ") + "."
	}
	if m.net != nil {
		out.Server = "not connected"
		if m.net.Status().Connected {
			out.Server = "connected"
		}
	}
	return out
}

// Equal reports whether two views look the same.
func (v View) Equal(w View) bool {
	lists := slices.Equal(v.LCD, w.LCD) && slices.Equal(v.Icons, w.Icons) && slices.Equal(v.Sent, w.Sent)
	v.LCD, w.LCD, v.Icons, w.Icons, v.Sent, w.Sent = nil, nil, nil, nil, nil, nil
	return lists && fmt.Sprint(v) == fmt.Sprint(w)
}

// iconWords returns the lit signs as words, in the order of the display.
func iconWords(i panel.Icons) []string {
	words := []string{}
	add := func(lit bool, word string) {
		if lit {
			words = append(words, word)
		}
	}
	add(i.Relay, "supply on")
	add(i.Low, "low credit")
	add(i.Emergency, "emergency credit")
	add(i.Tamper, "tamper")
	add(i.Signal > 0, fmt.Sprintf("signal %d of 4", i.Signal))
	add(i.Card, "memory card")
	add(i.NoClock, "clock not set")
	return words
}

func supplyWord(v device.View, power bool) (word, state string) {
	switch {
	case !power:
		return "○ No mains", "off"
	case v.Relay == "closed" && v.LED != "off":
		return "▲ On, low credit", "warn"
	case v.Relay == "closed":
		return "● On", "ok"
	case v.Relay == "armed":
		return "▲ Press # to switch on", "warn"
	case len(v.Reasons) == 0:
		return "■ Off, waiting", "bad"
	}
	return "■ Off: " + strings.ToLower(strings.ReplaceAll(strings.Join(v.Reasons, ", "), "_", " ")), "bad"
}

func light(led string) string {
	switch led {
	case "slow":
		return "◐ blinking slowly"
	case "fast":
		return "◑ blinking fast"
	}
	return "○ off"
}

func sound(buzzer string) string {
	switch buzzer {
	case "low":
		return "3 beeps"
	case "tone":
		return "continuous tone"
	case "accepted":
		return "2 short beeps"
	case "rejected":
		return "1 long beep"
	case "ending":
		return "beeps, the supply ends soon"
	case "alarm":
		return "alarm"
	}
	return "silent"
}

// Problem turns an error into a text for a person: what did not happen, and what to do.
func Problem(err error) string {
	switch {
	case errors.Is(err, device.ErrOff):
		return "The meter has no mains. Switch it on first."
	case errors.Is(err, device.ErrBroken):
		return "The meter's memory has failed and it does nothing more. Start it again."
	}
	return "That did not work: " + err.Error() + "."
}
