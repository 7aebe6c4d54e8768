package device_test

import (
	"slices"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/device/history"
	"github.com/paywatt/paywatt/meter"
)

// rings are a meter's histories, oldest first, including what menu 5 hides.
type rings struct {
	days, months []meter.Row
	tokens       []history.Token
	events       [][]byte // the events, encoded as in the log
}

// ringsOf rebuilds a meter's histories from its entries, without the mark that hides them.
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

// every collects the elements that a function returns for 0, 1, 2 and so on, until the function reports that there are no more.
// It returns the elements in reverse order.
func every[E any](at func(int) (E, bool)) (out []E) {
	for e, is := at(0); is; e, is = at(len(out)) {
		out = append(out, e)
	}
	slices.Reverse(out)
	return out
}
