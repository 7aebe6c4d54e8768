package registry_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/registry"
)

func TestTheOneTokenOfAPastedText(t *testing.T) {
	const token = "23716100501183194197"
	for text, want := range map[string]string{
		token: token, "2371 6100 5011 8319 4197": token, "2371-6100-5011-8319-4197": token,
		"Token 2371 6100 5011 8319 4197. 34.7 kWh for meter 04140001001, KES 100.00": token,
		"units 20 2371 6100 5011 8319 4197 34":                                       token,
		"*02#23716100501183194197#":                                                  token,
		"2371 6100 5011 8319 4197 again 23716100501183194197":                        token,
		"first 2371 6100 5011 8319 4197 second 1234 5678 9012 3456 7890":             "",
		"23716100501183194197 1":                                                     token,
		"237161005011831941971":                                                      "",
		"2371 6100 5011 8319 419":                                                    "",
		"2371 61005011 8319 4197":                                                    "",
		"23 7161005011831941 97":                                                     "",
		"2371  6100 5011 8319 4197":                                                  "",
		"04140001001":                                                                "", "": "", "amina": "", "2371 ": "",
	} {
		if got, found := registry.TokenIn(text); got != want || found != (want != "") {
			t.Errorf("%q: %q, %t; want %q", text, got, found, want)
		}
	}
}
