package config_test

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/config"
)

func routesOf(t *testing.T, tables ...map[string]any) ([]config.Route, error) {
	t.Helper()
	c, err := config.Merge(config.Sources{File: map[string]any{"sms_route": tables}, FilePath: "paywatt.toml",
		Flags: map[string][]string{"sms_modem": {"/dev/ttyUSB0=+254700000100"}}})
	return c.Routes(), err
}

func TestRoutesAreReadInTheirOrder(t *testing.T) {
	all, err := routesOf(t, map[string]any{"name": "kenya", "kind": "modem", "port": "/dev/ttyUSB1", "prefixes": []any{"+254"}, "cost_micro": int64(800_000)},
		map[string]any{"name": "post", "kind": "http", "meters": false})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 3 || all[0].Name != "modem1" || all[0].Keys["port"] != "/dev/ttyUSB0" || all[0].Keys["number"] != "+254700000100" {
		t.Fatalf("got %+v, want the modem of --sms-modem first and two of the file behind it", all)
	}
	if r := all[1]; r.Name != "kenya" || r.Cost != 800_000 || len(r.Prefixes) != 1 || r.Prefixes[0] != "+254" || !r.Meters {
		t.Errorf("got %+v, want kenya with its prefix and cost, and meters' messages by it", r)
	}
	if all[2].Meters {
		t.Error("meters is false, and messages to meters go by the route")
	}
}

// TestALogStandsAlone: a log among other routes would swallow messages, which would then count as sent.
func TestALogStandsAlone(t *testing.T) {
	log, other := map[string]any{"name": "paper", "kind": "log"}, map[string]any{"name": "second", "kind": "log"}
	if _, err := routesOf(t, log); err == nil || !strings.Contains(err.Error(), "must be the only route") {
		t.Errorf("a log behind a modem: got error %v, want one that says it stands alone", err)
	}
	c, err := config.Merge(config.Sources{File: map[string]any{"sms_route": []map[string]any{log, other}}, FilePath: "paywatt.toml"})
	if err != nil || len(c.Routes()) != 2 {
		t.Fatalf("two logs: got %v and %v, want both", c.Routes(), err)
	}
	if c.Routes()[0].Meters {
		t.Error("messages to meters go by a log: their answers never come")
	}
}

func TestRoutesThatCannotBeRightAreNamed(t *testing.T) {
	good := func(change func(map[string]any)) []map[string]any {
		r := map[string]any{"name": "kenya", "kind": "modem", "port": "/dev/ttyUSB1"}
		change(r)
		return []map[string]any{r}
	}
	for want, tables := range map[string][]map[string]any{
		"kind is":       good(func(r map[string]any) { r["kind"] = "pigeon" }),
		"name is":       good(func(r map[string]any) { r["name"] = "../in" }),
		"no key pigeon": good(func(r map[string]any) { r["pigeon"] = "x" }),
		"needs a port":  good(func(r map[string]any) { delete(r, "port") }),
		"the prefix":    good(func(r map[string]any) { r["prefixes"] = []any{"254"} }),
		"cost_micro":    good(func(r map[string]any) { r["cost_micro"] = int64(-1) }),
		"meters must":   good(func(r map[string]any) { r["meters"] = "yes" }),
		"two routes":    good(func(r map[string]any) { r["name"] = "modem1" }),
		"at most":       make([]map[string]any, config.MaxRoutes+1),
	} {
		_, err := routesOf(t, tables...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one that says %q", err, want)
		}
	}
}
