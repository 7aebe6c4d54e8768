package config

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// SMSRoute is the key of the tables that describe the routes for messages, in the order in which they are tried.
const SMSRoute = "sms_route"

// MaxRoutes is how many routes for messages there can be.
const MaxRoutes = 16

// RouteKind is the kind of a route for messages.
type RouteKind string

// Kinds of routes.
const (
	RouteModem  RouteKind = "modem"  // a GSM modem at a serial port of this machine
	RouteKannel RouteKind = "kannel" // a Kannel gateway
	RouteSMPP   RouteKind = "smpp"   // a message centre
	RouteHTTP   RouteKind = "http"   // a gateway that speaks HTTP
	RouteLog    RouteKind = "log"    // this server's log: no message leaves
)

// Route is one route for messages: the fields that all kinds have, and the keys of its kind as written.
type Route struct {
	Name     string
	Kind     RouteKind
	Cost     int64    // cost of one message part, in millionths of the currency's unit
	Prefixes []string // prefixes of the numbers to which the route may send; empty for all numbers
	Meters   bool     // whether messages to meters may use it; true unless it is a log
	Keys     map[string]string
}

// routeKeys are the keys of each kind besides the common ones.
var routeKeys = map[RouteKind][]string{
	RouteModem:  {"port", "baud", "number", "pin_file", "centre"},
	RouteLog:    {},
	RouteKannel: {"url", "user", "password_file", "smsc", "from", "callback", "hook_secret_file", "plain_http"},
	RouteSMPP: {"address", "tls", "system_id", "password_file", "system_type", "range", "source", "pair", "window", "alphabet", "payload", "message_ids",
		"enquire", "timeout"},
	RouteHTTP: {"url", "secret_file", "from", "plain_http"},
}

// readRoutes reads the tables of a decoded settings file.
func readRoutes(v any) ([]Route, error) {
	tables, err := tablesOf(v, SMSRoute)
	if err != nil {
		return nil, err
	}
	if len(tables) > MaxRoutes {
		return nil, fmt.Errorf("has %d tables, at most %d", len(tables), MaxRoutes)
	}
	out := make([]Route, len(tables))
	for i, t := range tables {
		if out[i], err = readRoute(t); err != nil {
			return nil, &FileError{Key: SMSRoute, Table: i + 1, Err: fmt.Errorf("number %d: %w", i+1, err)}
		}
	}
	return out, oneNameEach(out)
}

func readRoute(t map[string]any) (Route, error) {
	r := Route{Keys: map[string]string{}}
	kind, _ := t["kind"].(string)
	r.Kind = RouteKind(kind)
	known, ok := routeKeys[r.Kind]
	if !ok {
		return r, fmt.Errorf("kind is %q, want modem, kannel, smpp, http or log", kind)
	}
	r.Meters = r.Kind != RouteLog
	for _, key := range sortedKeys(t) {
		var err error
		switch v := t[key]; key {
		case "kind":
		case "name":
			r.Name, _ = v.(string)
		case "cost_micro":
			r.Cost, ok = v.(int64)
			if !ok || r.Cost < 0 || r.Cost > math.MaxInt32*1000 {
				err = errors.New("cost_micro must be the cost of one part, in millionths of the currency's unit")
			}
		case "prefixes":
			r.Prefixes, err = fileTexts(v, List)
		case "meters":
			if r.Meters, ok = v.(bool); !ok {
				err = errors.New("meters must be true or false")
			}
		default:
			if !slices.Contains(known, key) {
				err = fmt.Errorf("a route of kind %s has no key %s", kind, key)
			}
			r.Keys[key] = fmt.Sprint(v)
		}
		if err != nil {
			return r, err
		}
	}
	return r, r.check()
}

// check says what is wrong with a route.
func (r Route) check() error {
	if !isRouteName(r.Name) {
		return fmt.Errorf("name is %q, want 1 to 32 of a-z, 0-9 and -, because paths and alarms contain it", r.Name)
	}
	for _, p := range r.Prefixes {
		if len(p) < 2 || p[0] != '+' || strings.Trim(p[1:], "0123456789") != "" {
			return fmt.Errorf("route %s: the prefix %q must be the start of a number with its country code, such as +254", r.Name, p)
		}
	}
	if r.Kind == RouteModem && r.Keys["port"] == "" {
		return fmt.Errorf("route %s: a modem needs a port, such as /dev/ttyUSB0", r.Name)
	}
	return nil
}

func isRouteName(s string) bool {
	return len(s) >= 1 && len(s) <= 32 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// goTogether says what is wrong with a list of routes: a log among other routes would swallow all messages as soon as the
// other routes are down.
func goTogether(all []Route) error {
	logs := 0
	for _, r := range all {
		if r.Kind == RouteLog {
			logs++
		}
	}
	if logs > 0 && logs < len(all) {
		return fmt.Errorf("%w %s: a log route sends nothing and must be the only route: remove it, or remove the others", ErrSetting, SMSRoute)
	}
	return oneNameEach(all)
}

func oneNameEach(all []Route) error {
	seen := map[string]bool{}
	for _, r := range all {
		if seen[r.Name] {
			return fmt.Errorf("two routes have the name %s", r.Name)
		}
		seen[r.Name] = true
	}
	return nil
}

// ParseModem reads PTY[=NUMBER], the short form of a route of kind modem.
func ParseModem(text string) (port, number string, err error) {
	port, number, named := strings.Cut(text, "=")
	digits := strings.TrimPrefix(number, "+")
	switch {
	case port == "":
		return "", "", fmt.Errorf("%q is not PORT[=NUMBER]", text)
	case named && (digits == "" || strings.Trim(digits, "0123456789") != ""):
		return "", "", fmt.Errorf("%q: the number must be digits with the country code, after a +", text)
	}
	return port, number, nil
}

// Routes returns all routes for messages: those of the file in its order, and before them the modems of sms_modem, named
// modem1, modem2 and so on.
func (c Config) Routes() []Route {
	var out []Route
	for i, text := range c.List(SMSModem) {
		if port, number, err := ParseModem(text); err == nil {
			out = append(out, Route{Name: fmt.Sprintf("modem%d", i+1), Kind: RouteModem, Meters: true, Keys: map[string]string{"port": port, "number": number}})
		}
	}
	return append(out, c.routes...)
}
