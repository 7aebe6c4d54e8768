package registry_test

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
)

// FuzzParseRef checks that a reference from any text names a meter either by its number or by its id, in the canonical form.
func FuzzParseRef(f *testing.F) {
	for _, s := range []string{"", number, "0414-0001 001", "0100000000008", id.ID{1, 2, 3}.Text(id.Meter), "MTR_", "mtr_\xff", "--", " 1 "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ref, no := registry.ParseRef(s)
		if no.Refused() {
			if ref != (registry.Ref{}) {
				t.Errorf("%q is refused and names %+v", s, ref)
			}
			return
		}
		if (ref.Number == "") == ref.ID.IsZero() && s != (id.ID{}).Text(id.Meter) {
			t.Errorf("%q names %+v", s, ref)
		}
		if ref.Number != "" && (strings.Trim(ref.Number, "0123456789") != "" || len(ref.Number) != 11 && len(ref.Number) != 13) {
			t.Errorf("%q gives the number %q", s, ref.Number)
		}
		canonical := ref.Number
		if canonical == "" {
			canonical = ref.ID.Text(id.Meter)
		}
		if again, no := registry.ParseRef(canonical); no.Refused() || again != ref {
			t.Errorf("%q gives %+v, and that read again %+v", s, ref, again)
		}
	})
}
