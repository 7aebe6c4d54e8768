package outbound

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
)

// Settings reads the configuration and the secrets of a provider. Unknown fields are errors; the error about secrets does not show them.
func Settings(s payment.Setup, config, secrets any) error {
	if err := strictly(s.Config, config); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	if err := strictly(s.Secrets, secrets); err != nil {
		return errors.New("secrets: not a JSON object with the fields of this kind of provider")
	}
	return nil
}

// strictly reads JSON without unknown fields.
func strictly(text []byte, to any) error {
	if len(text) == 0 {
		text = []byte("{}")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(to)
}

// Address checks a field with a web address. An address that may be missing is given its default before.
func Address(field, address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return fmt.Errorf("config: %s is not a web address", field)
	}
	return nil
}

// Number is a whole number that providers write as a JSON number or as a text.
type Number int64

// UnmarshalJSON reads a number, a text with a number, or null, which is 0.
func (n *Number) UnmarshalJSON(text []byte) error {
	inner := strings.Trim(string(text), `"`)
	if inner == "null" || inner == "" {
		*n = 0
		return nil
	}
	v, err := strconv.ParseInt(inner, 10, 64)
	if err != nil {
		return errors.New("not a whole number")
	}
	*n = Number(v)
	return nil
}

// errAmount says that an amount does not fit.
var errAmount = errors.New("the amount is not one of this currency")

// Units returns an amount in units with a number of decimals, which may differ from the decimals of its currency. An amount that is no whole
// number of units is an error.
func Units(a money.Amount, decimals int) (int64, error) {
	c, known := money.CurrencyOf(a.Currency)
	if !known {
		return 0, errAmount
	}
	return rescale(int64(a.Minor), c.Exp, decimals)
}

// AmountOf returns the amount of units with a number of decimals in a currency, whose code may be in small letters.
func AmountOf(units int64, decimals int, currency string) (money.Amount, error) {
	c, known := money.CurrencyOf(strings.ToUpper(currency))
	if !known {
		return money.Amount{}, errAmount
	}
	minor, err := rescale(units, decimals, c.Exp)
	return money.Amount{Minor: money.Minor(minor), Currency: c.Code}, err
}

// rescale changes the number of decimals of a number exactly.
func rescale(n int64, from, to int) (int64, error) {
	if n > int64(money.MaxMinor) || n < 0 {
		return 0, errAmount
	}
	if from > to {
		by := money.PowerOfTen(from - to)
		if n%by != 0 {
			return 0, errAmount
		}
		return n / by, nil
	}
	if n *= money.PowerOfTen(to - from); n > int64(money.MaxMinor) {
		return 0, errAmount
	}
	return n, nil
}
