package payment

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/reach"
)

// TestWhichAddressesAProviderReaches: a provider that was stored before providers said whether private addresses may be called goes on as it was, if
// somebody ever enabled it. No provider is called before that.
func TestWhichAddressesAProviderReaches(t *testing.T) {
	enabled, later := time.Time{}, noon().Add(time.Hour)
	for _, c := range []struct {
		what     string
		config   string
		disabled time.Time // it was added at noon
		want     reach.Reach
		approved bool
	}{
		{"stored before, enabled", `{"base_url":"http://10.0.0.7"}`, enabled, reach.Anywhere, true},
		{"stored before, enabled and then disabled", `{"base_url":"http://10.0.0.7"}`, later, reach.Anywhere, true},
		{"stored before, never enabled", `{"base_url":"http://10.0.0.7"}`, noon(), reach.Nowhere, false},
		{"without private addresses", `{"allow_private":false,"base_url":"http://10.0.0.7"}`, enabled, reach.Internet, true},
		{"without private addresses, disabled", `{"allow_private":false,"base_url":"http://10.0.0.7"}`, later, reach.Internet, true},
		{"with private addresses", `{"allow_private":true,"base_url":"http://10.0.0.7"}`, enabled, reach.Anywhere, true},
		{"with private addresses, never enabled", `{"allow_private":true,"base_url":"http://10.0.0.7"}`, noon(), reach.Nowhere, false},
	} {
		r := newRows(t)
		p := r.provider
		p.Config, p.AddedAt, p.DisabledAt = []byte(c.config), noon(), c.disabled
		if p.Approved() != c.approved {
			t.Errorf("%s: approved is %v, want %v", c.what, p.Approved(), c.approved)
		}
		w := r.worker()
		if _, err := w.ps.adapter(p); err != nil || r.setup.Reach != c.want || string(r.setup.Config) != `{"base_url":"http://10.0.0.7"}` {
			t.Errorf("%s: it may reach %v with %s, want %v: %v", c.what, r.setup.Reach, r.setup.Config, c.want, err)
		}
	}
}
