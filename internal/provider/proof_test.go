package provider_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/provider"
)

// TestASecretThatIsKept: for each kind whose provider gives the secret that proves its calls, only that secret counts.
func TestASecretThatIsKept(t *testing.T) {
	for _, c := range []struct {
		kind, before, after string
		kept                bool
	}{
		{"stripe", `{"key":"a","signing":"s"}`, `{"key":"b","signing":"s"}`, true},
		{"stripe", `{"key":"a","signing":"s"}`, `{"key":"b","SIGNING":"s"}`, true},
		{"stripe", `{"key":"a","signing":"s"}`, `{"key":"a","signing":"t"}`, false},
		{"paystack", `{"key":"a"}`, `{"key":"a"}`, true},
		{"paystack", `{"key":"a"}`, `{"key":"b"}`, false},
		{"flutterwave", `{"key":"a","hash":"h"}`, `{"key":"b","hash":"h"}`, true},
		{"flutterwave", `{"key":"a","hash":"h"}`, `{"key":"a","hash":"i"}`, false},
		{"airtel", `{"client_id":"i","client_secret":"c","hash":"h"}`, `{"client_id":"i","client_secret":"c","hash":"h"}`, true},
		{"airtel", `{"client_id":"i","client_secret":"c"}`, `{"client_id":"i","client_secret":"c"}`, false}, // it proves nothing: the server asks back
		{"mpesa", `{"consumer_key":"a","passkey":"p"}`, `{"consumer_key":"a","passkey":"p"}`, false},
		{"stripe", ``, `{"key":"b","signing":"s"}`, false},
		{"stripe", `{"signing":"s"}`, `no JSON`, false},
	} {
		if got := provider.SameProof(c.kind, []byte(c.before), []byte(c.after)); got != c.kept {
			t.Errorf("%s %s, then %s: kept %t", c.kind, c.before, c.after, got)
		}
	}
}
