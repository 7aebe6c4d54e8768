package e2e

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/app/apptest"
)

// clock is the clock of the server of this place: nil where the server has the machine's or the database's own.
func (p *place) clock() func() time.Time {
	for _, v := range slices.Backward(p.env) {
		faults, is := strings.CutPrefix(v, "FAULT_INJECT=")
		if !is {
			continue
		}
		for fault := range strings.SplitSeq(faults, ",") {
			if text, is := strings.CutPrefix(fault, "clock="); is {
				shift, _ := time.ParseDuration(text)
				return func() time.Time { return time.Now().Add(shift) }
			}
			if path, is := strings.CutPrefix(fault, "clock-file="); is {
				return func() time.Time { return time.Now().Add(shiftIn(path)) }
			}
		}
		return nil
	}
	return nil
}

// shiftIn is the duration that a file holds; 0 without one.
func shiftIn(path string) time.Duration {
	text, _ := os.ReadFile(path)
	shift, _ := time.ParseDuration(strings.TrimSpace(string(text)))
	return shift
}

// personKey makes a confirmed person, and returns an API key of that person with the same name.
func (p *place) personKey(t testing.TB, name, role string) string {
	t.Helper()
	key, err := apptest.Key(t.Context(), p.dir, p.storeURL(), p.clock(), apptest.Person{Email: name + "@example.org", Role: access.Role(role), KeyName: name})
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// storeURL is the URL of the database of this place, empty where it has the folder's own.
func (p *place) storeURL() string {
	url := ""
	for _, v := range p.env {
		if store, is := strings.CutPrefix(v, "PAYWATT_STORE="); is {
			url = store
		}
	}
	return url
}
