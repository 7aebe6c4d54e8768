package provider

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strings"

	"github.com/paywatt/paywatt/internal/provider/airtel"
	"github.com/paywatt/paywatt/internal/provider/flutterwave"
	"github.com/paywatt/paywatt/internal/provider/momo"
	"github.com/paywatt/paywatt/internal/provider/mpesa"
	"github.com/paywatt/paywatt/internal/provider/paystack"
	"github.com/paywatt/paywatt/internal/provider/sms"
	"github.com/paywatt/paywatt/internal/provider/stripe"
	"github.com/paywatt/paywatt/internal/provider/webhook"
	"github.com/paywatt/paywatt/internal/reach"
)

// CheckTyped refuses what a person typed if somebody who reads it could take it for something else: a field that is not spelled exactly as the kind's,
// because encoding/json ignores the size of letters and even takes U+017F for an s; a web address with a user, or whose host is not written in ASCII
// ([reach.OtherLetters]). Either text may be empty. Settings that were stored by an earlier version are not checked, and stay in use. Whether
// the fields have good values is judged by [Open]. The error shows nothing of the secrets.
func CheckTyped(kind string, config, secrets []byte) error {
	configType, secretsType := formsOf(kind)
	typed, err := exactly(config, configType)
	if err != nil {
		return fmt.Errorf("config: %w", err)
	}
	if err := checkAddresses(typed); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	if _, err := exactly(secrets, secretsType); err != nil {
		return errors.New("secrets: not a JSON object with the fields of this kind of provider, spelled exactly as the documentation has them")
	}
	return nil
}

// formsOf returns the types that the settings of a kind are read into. A kind without settings, and an unknown one, have no fields.
func formsOf(kind string) (config, secrets reflect.Type) {
	switch kind {
	case airtel.Kind:
		return reflect.TypeFor[airtel.Config](), reflect.TypeFor[airtel.Secrets]()
	case flutterwave.Kind:
		return reflect.TypeFor[flutterwave.Config](), reflect.TypeFor[flutterwave.Secrets]()
	case momo.Kind:
		return reflect.TypeFor[momo.Config](), reflect.TypeFor[momo.Secrets]()
	case mpesa.Kind:
		return reflect.TypeFor[mpesa.Config](), reflect.TypeFor[mpesa.Secrets]()
	case paystack.Kind:
		return reflect.TypeFor[paystack.Config](), reflect.TypeFor[paystack.Secrets]()
	case sms.Kind:
		return reflect.TypeFor[sms.Config](), reflect.TypeFor[sms.Secrets]()
	case stripe.Kind:
		return reflect.TypeFor[stripe.Config](), reflect.TypeFor[stripe.Secrets]()
	case webhook.Kind:
		return reflect.TypeFor[webhook.Config](), reflect.TypeFor[webhook.Secrets]()
	}
	return reflect.TypeFor[struct{}](), reflect.TypeFor[struct{}]()
}

// exactly reads JSON whose fields have exactly the names of a type's.
func exactly(text []byte, as reflect.Type) (value any, err error) {
	if len(text) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(text, &value); err != nil {
		return nil, errors.New("not JSON")
	}
	return value, sameNames(value, as)
}

// sameNames compares the names of fields with those of a type.
func sameNames(value any, as reflect.Type) error {
	switch v := value.(type) {
	case map[string]any:
		if as.Kind() != reflect.Struct {
			return nil // the decoder says that the value has the wrong form
		}
		fields := map[string]reflect.Type{}
		for i := range as.NumField() {
			name, _, _ := strings.Cut(as.Field(i).Tag.Get("json"), ",")
			fields[name] = as.Field(i).Type
		}
		for name, inner := range v {
			field, known := fields[name]
			if !known {
				return fmt.Errorf("there is no field %q", name)
			}
			if err := sameNames(inner, field); err != nil {
				return err
			}
		}
	case []any:
		for _, inner := range v {
			if as.Kind() != reflect.Slice {
				return nil
			}
			if err := sameNames(inner, as.Elem()); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkAddresses checks the fields that are web addresses.
func checkAddresses(config any) error {
	fields, _ := config.(map[string]any)
	for name, field := range fields {
		text, _ := field.(string)
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" {
			continue // whether it must be an address is judged when the provider is opened
		}
		if err := reach.CheckLetters(u.Hostname()); err != nil {
			return err
		}
		if u.User != nil {
			return fmt.Errorf("%s is an address with a user", name)
		}
	}
	return nil
}
