package e2e

import (
	"testing"

	"github.com/paywatt/paywatt/internal/await"
)

// devicePages are the pages of devices that do not know Paywatt: one of them talks and belongs to no meter.
func (o *office) devicePages(t *testing.T) []pageState {
	d := o.owner
	plug := &shelfPlug{kind: "tasmota", name: "kitchen", client: "DVES_8A3F21", wh: 70_000}
	return []pageState{
		{"devices", func() {
			if plug.c == nil {
				plug.plugIn(t, o.devicesAt)
			}
			await.True(t, "the device is listed", func() bool {
				d.visit("/devices")
				return ask[bool](d, `document.querySelector("main").innerText.includes("kitchen")`)
			})
		}},
		{"devices, refused", func() {
			d.visit("/devices")
			d.fill(`input[name="meter"]`, number(1002)) // a token meter takes no such device
			d.keys(enterKey)
			d.until(`document.querySelector("[role=alert]")`)
		}},
	}
}
