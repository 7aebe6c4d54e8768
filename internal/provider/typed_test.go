package provider_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/provider"
	"github.com/paywatt/paywatt/internal/reach"
)

// fieldsOf are a field of the config and a field of the secrets of each kind that has some, as JSON.
var fieldsOf = map[string][2]string{
	"airtel":      {`{"url":"https://openapi.airtel.africa"}`, `{"client_secret":"x"}`},
	"flutterwave": {`{"return_url":"https://shop.example.org"}`, `{"hash":"x"}`},
	"momo":        {`{"environment":"sandbox"}`, `{"api_user":"x"}`},
	"mpesa":       {`{"base_url":"https://api.safaricom.co.ke"}`, `{"consumer_secret":"x"}`},
	"paystack":    {`{"return_url":"https://shop.example.org"}`, `{"key":"x"}`},
	"sms":         {`{"patterns":[{"text":"x"}]}`, `{"secret":"x"}`},
	"stripe":      {`{"success_url":"https://shop.example.org"}`, `{"signing_old":"x"}`},
	"webhook":     {`{"ask_url":"https://pay.example.org/{id}"}`, `{"signing_old":"x"}`},
	"statement":   {"", ""},
}

// TestFieldsAreSpelledExactly: encoding/json takes a field in other letters for the one that is meant, and a reader or another program may not.
func TestFieldsAreSpelledExactly(t *testing.T) {
	for _, kind := range provider.Kinds() {
		fields, known := fieldsOf[kind]
		if !known {
			t.Errorf("no fields of the kind %s: add them", kind)
		}
		config, secrets := []byte(fields[0]), []byte(fields[1])
		if err := provider.CheckTyped(kind, config, secrets); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if err := provider.CheckTyped(kind, []byte(`{"more":1}`), nil); err == nil || !strings.Contains(err.Error(), "more") {
			t.Errorf("%s: an unknown field of the config: %v", kind, err)
		}
		if err := provider.CheckTyped(kind, nil, []byte(`{"rk_live_1":1}`)); err == nil || strings.Contains(err.Error(), "rk_live_1") {
			t.Errorf("%s: an unknown field of the secrets: %v, want an error that does not show it", kind, err)
		}
		large := func(b []byte) []byte { // the last name in large letters
			i := bytes.LastIndex(b, []byte(`":`))
			j := bytes.LastIndexByte(b[:i], '"')
			return append(append(bytes.Clone(b[:j]), bytes.ToUpper(b[j:i])...), b[i:]...)
		}
		if kind == "statement" {
			continue
		}
		if err := provider.CheckTyped(kind, large(config), nil); err == nil {
			t.Errorf("%s takes %s", kind, large(config))
		}
		if err := provider.CheckTyped(kind, nil, large(secrets)); err == nil {
			t.Errorf("%s takes %s", kind, large(secrets))
		}
	}
	if err := provider.CheckTyped("webhook", nil, []byte("{\"\u017figning\":\"x\"}")); err == nil {
		t.Error("a field with the letter U+017F for its s was taken")
	}
}

// TestAnAddressSaysWhichHostIsCalled: whoever approves an address reads it.
func TestAnAddressSaysWhichHostIsCalled(t *testing.T) {
	for address, want := range map[string]string{
		"https://api.s\u0430faricom.co.ke":                "api.xn--sfaricom-16g.co.ke",
		"HTTPS://api.s%D0%B0faricom.co.ke/":               "api.xn--sfaricom-16g.co.ke",
		"https://api.safaricom.co.ke@pay.example.org/":    "user",
		"https://api.safaricom.co.ke:443@pay.example.org": "user",
	} {
		err := provider.CheckTyped("mpesa", []byte(`{"base_url":"`+address+`"}`), nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
		if other := (*reach.OtherLetters)(nil); strings.HasPrefix(want, "api") != errors.As(err, &other) {
			t.Errorf("%s: %T", address, err)
		}
	}
}

// TestADrawnSecretIsTheOnlyOne: nothing that was typed signs beside it, however its field is spelled.
func TestADrawnSecretIsTheOnlyOne(t *testing.T) {
	for _, given := range []string{``, `{"signing":"a","signing_old":"b"}`, `{"Signing":"a","Signing_Old":"b"}`, "{\"\u017figning\":\"a\"}", `{"SIGNING_OLD":"b","bearer":"c"}`} {
		all, shown, err := provider.Draw("webhook", []byte(given), strings.NewReader(strings.Repeat("r", 32)))
		want := `{"signing":"` + shown + `"}`
		if strings.Contains(given, "bearer") {
			want = `{"signing":"` + shown + `","bearer":"c"}`
		}
		if err != nil || shown == "" || string(all) != want {
			t.Errorf("%s: drawn %s, want %s; %v", given, all, want, err)
		}
	}
	if all, shown, err := provider.Draw("sms", []byte(`{"Secret":"a"}`), strings.NewReader(strings.Repeat("r", 32))); err != nil || string(all) != `{"secret":"`+shown+`"}` {
		t.Errorf("sms: %s %v", all, err)
	}
	for _, given := range []string{`{"more":1}`, `[]`} {
		if _, _, err := provider.Draw("webhook", []byte(given), strings.NewReader(strings.Repeat("r", 32))); err == nil {
			t.Errorf("%s: no error", given)
		}
	}
}
