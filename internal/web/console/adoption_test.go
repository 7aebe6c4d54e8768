package console_test

import "testing"

// TestThePageOfDevices: without a listener it says how to start one, and it refuses what cannot be done.
func TestThePageOfDevices(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	g.get("/devices").is(200).says("This server has no listener for devices.", "No device is adopted yet.")
	g.post("/devices", "form", "x", "act", "adopt", "name", "kitchen", "meter", "04140001001").is(422).says("The form is from another session.")
	g.get("/office").is(200).link(t, "/devices")
}
