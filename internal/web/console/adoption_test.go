package console_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/config"
	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/profiles"
)

// TestThePageOfDevices: without a listener it says how to start one, and it refuses what cannot be done.
func TestThePageOfDevices(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	g.get("/devices").is(200).says("This server has no listener for devices.", "No device is adopted yet.")
	g.post("/devices", "form", "x", "act", "adopt", "name", "kitchen", "meter", "04140001001").is(422).says("The form is from another session.")
	g.get("/office").is(200).link(t, "/devices")
}

// TestAPersonChoosesTheDeviceOfAMeter: a meter with a listener of its own belongs to the device that a person names, with a reason. A meter
// without such a listener has no such page.
func TestAPersonChoosesTheDeviceOfAMeter(t *testing.T) {
	t.Parallel()
	const number = "04140001027"
	lib := profile.Library{}
	if err := lib.Load(profiles.Files); err != nil {
		t.Fatal(err)
	}
	w := folder(t)
	w.serve(app.Config{Passphrase: []byte(passphrase), Profiles: lib, Legacy: []config.Legacy{{Address: "127.0.0.1:0", Meter: number, Profile: "tasmota"}}})
	w.furnish()
	w.api("/v1/meters", `{"number":"`+number+`","mode":"prepay_wallet","tariff":"domestic","customer":{"name":"Ben"},"simulated":true}`)
	g := w.enter(ownerEmail)
	path := "/meters/" + number + "/device"
	g.get("/meters/"+number).is(200).link(t, path)
	page := g.get(path).is(200).says("No device was heard yet.", "Name of the device")
	form := page.value("form")
	g.post(path, "form", "x", "name", "kitchen", "reason", "new plug").is(422).says("The form is from another session.")
	g.post(path, "form", form, "name", "kitchen", "reason", "").is(422)
	g.post(path, "form", form, "name", "a/b", "reason", "new plug").is(422)
	g.post(path, "form", form, "name", "kitchen", "reason", "new plug").is(303)
	g.get(path).is(200).says("The meter belongs to the device kitchen.", "Waits for a first value")
	g.get("/meters/" + meterNumber + "/device").is(400).says("has no listener of its own")
}
