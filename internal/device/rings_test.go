package device_test

import (
	"slices"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/device/history"
	"github.com/paywatt/paywatt/meter"
)

// rings are the histories that a meter keeps, oldest first, also what menu 5 hides.
type rings struct {
	days, months []meter.Row
	tokens       []history.Token
	events       [][]byte // as the log has them
}

// ringsOf reads the histories of a meter back from its log, without the mark that hides them.
func ringsOf(d *device.Device) (out rings) {
	mark, event := history.ClearEntry(history.Cleared{})[0], history.EventEntry(history.Event{})[0]
	var all history.Rings
	for _, e := range d.History().Entries() {
		if e[0] == event {
			out.events = append(out.events, e)
		}
		if e[0] != mark {
			all.Load(e)
		}
	}
	out.days, out.months, out.tokens = every(all.Day), every(all.Month), every(all.Token)
	return out
}

// every lists what at gives for 0, 1, 2 …, the last of them first.
func every[E any](at func(int) (E, bool)) (out []E) {
	for e, is := at(0); is; e, is = at(len(out)) {
		out = append(out, e)
	}
	slices.Reverse(out)
	return out
}
