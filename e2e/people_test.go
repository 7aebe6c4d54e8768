package e2e

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/app/apptest"
)

// personKey makes a confirmed person, and returns an API key of that person with the same name.
func (p *place) personKey(t testing.TB, name, role string) string {
	t.Helper()
	url := ""
	for _, v := range p.env {
		if store, is := strings.CutPrefix(v, "PAYWATT_STORE="); is {
			url = store
		}
	}
	key, err := apptest.Key(t.Context(), p.dir, url, apptest.Person{Email: name + "@example.org", Role: access.Role(role), KeyName: name})
	if err != nil {
		t.Fatal(err)
	}
	return key
}
