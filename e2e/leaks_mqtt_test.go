package e2e

import (
	"encoding/json"
	"net"
	"os/exec"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/await"
)

// command runs paywatt. Its arguments are in the machine's list of processes, so they must contain no secret.
func (v *vault) command(args ...string) string {
	v.Helper()
	v.said["arguments of paywatt "+strings.Join(args[:2], " ")] = []byte(strings.Join(args, "\x00"))
	return v.p.run(v, "", args...)
}

// login adds a login of a program that reads about a meter, and returns its name and password.
func (v *vault) login(meter string) (user, password string) {
	v.Helper()
	var login struct{ User, Password string }
	if err := json.Unmarshal([]byte(v.command("integration", "add", "--meter", meter, "--name", "home", "--data", v.p.dir, "-o", "json")), &login); err != nil {
		v.Fatal(err)
	}
	v.add("password of an integration", login.Password)
	return login.User, login.Password
}

// listen runs mosquitto_sub until the test ends. What it hears must contain no secret.
func (v *vault) listen(what, address, user, password, id string, topics ...string) *buffer {
	v.Helper()
	needed(v, "mosquitto_sub")
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		v.Fatal(err)
	}
	args := []string{"-h", host, "-p", port, "-u", user, "-P", password, "-i", id, "-q", "1", "-v"}
	for _, topic := range topics {
		args = append(args, "-t", topic)
	}
	heard, cmd := &buffer{}, exec.Command("mosquitto_sub", args...)
	cmd.Stdout, cmd.Stderr = heard, heard
	if err := cmd.Start(); err != nil {
		v.Fatal(err)
	}
	v.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	v.heard[what] = heard
	return heard
}

// messages sends a token to its meter over MQTT, while the meter and a program of a customer listen. Only the meter may get the digits.
func (v *vault) messages(m secrets, user, password string) {
	v.Helper()
	const toMeter = "MQTT to the meter"
	for _, msg := range [][2]string{
		{"boot", `{"store":"0123456789abcdef","lowest":1,"next":2,"boot":1,"proto":1,"fw":"mosquitto","reset":"power","caps":[]}`},
		{"reading", `{"seq":1,"at":1790000000,"up":1000,"clock":"valid","register_wh":4321,"balance_wh":1234,"w":0,"mv":230000,"relay":"closed","reasons":[]}`},
	} {
		if out, err := mosquitto(v.T, "mosquitto_pub", v.srv.mqtt, m, "-t", "m/"+m.number+"/up/"+msg[0], "-m", msg[1]); err != nil {
			v.Fatalf("publish %s: %v %s", msg[0], err, out)
		}
	}
	meter := v.listen(toMeter, v.srv.mqtt, m.number, m.password, m.number, "m/"+m.number+"/down/#")
	program := v.listen("MQTT to a customer's program", v.mirror, user, password, "dashboard", "paywatt/#", "homeassistant/#")
	await.True(v.T, "the meter is connected", func() bool {
		return v.owner.must(v, 200, "GET", "/v1/meters/"+m.number, nil).text(v, "connected") == "true"
	})
	digits := v.owner.mustVend(v, m.number, 5_000, "leaks-000003", "mqtt").text(v, "tokens", 0, "digits")
	v.add("token sent over MQTT", digits, toMeter)
	await.True(v.T, "the meter gets the token", func() bool { return strings.Contains(meter.String(), digits) })
	await.True(v.T, "the program gets the state", func() bool { return strings.Contains(program.String(), "paywatt/"+m.number+"/state") })
}

// TestTheScanHearsMQTT: digits in a message for somebody else than the meter are found.
func TestTheScanHearsMQTT(t *testing.T) {
	t.Parallel()
	all := []keepsake{spelled("token", "71340092551033782064", "MQTT to the meter")}
	message := []byte("paywatt/04140030010/state {\"token\":\"7134 0092 5510 3378 2064\"}\n")
	if got := leaksIn(message, "MQTT to a customer's program", all); len(got) != 1 {
		t.Errorf("found %v, want the token", got)
	}
	if got := leaksIn(message, "MQTT to the meter", all); len(got) != 0 {
		t.Errorf("the meter's own token is found as a leak: %v", got)
	}
}
