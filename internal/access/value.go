package access

import (
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/unit"
)

// Value is what a [Fact] says: a text, an amount of money, or a number of a unit. Pages write it in the reader's language and time zone.
type Value struct {
	Text     string      `json:"text,omitempty"`
	Minor    money.Minor `json:"minor,omitempty"`
	Currency string      `json:"currency,omitempty"` // of an amount or a price
	Unit     Unit        `json:"unit,omitempty"`     // what Number counts; empty for a text and an amount
	Number   int64       `json:"number,omitempty"`
	Of       string      `json:"of,omitempty"` // section of the catalogue's names that has the Text; empty for a text of no catalogue
}

// Unit says what the number of a [Value] counts.
type Unit string

// Units.
const (
	UnitPrice    Unit = "price"    // millionths of the currency for a kilowatt-hour
	UnitEnergy   Unit = "energy"   // watt-hours
	UnitPower    Unit = "power"    // watts
	UnitShare    Unit = "share"    // basis points
	UnitDuration Unit = "duration" // seconds
	UnitMoment   Unit = "moment"   // seconds since 1970
	UnitYesNo    Unit = "yes-no"   // 1 for yes
)

// IsZero reports whether there is no value.
func (v Value) IsZero() bool { return v == Value{} }

// size returns the number of an amount or of a unit. That of a text is 0.
func (v Value) size() int64 {
	if v.Unit == "" {
		return int64(v.Minor)
	}
	return v.Number
}

// Amount returns an amount of money.
func (v Value) Amount() money.Amount { return money.Amount{Minor: v.Minor, Currency: v.Currency} }

// Moment returns a moment.
func (v Value) Moment() time.Time { return time.Unix(v.Number, 0).UTC() }

// Says makes the value of a text.
func Says(text string) Value { return Value{Text: text} }

// Named makes the value of a text that the catalogue has, in a section of its names. There is none for an empty text.
func Named(section, text string) Value {
	if text == "" {
		return Value{}
	}
	return Value{Text: text, Of: section}
}

// Pays makes the value of an amount of money.
func Pays(a money.Amount) Value { return Value{Minor: a.Minor, Currency: a.Currency} }

// Costs makes the value of a price for a kilowatt-hour.
func Costs(r money.MicroRate, currency string) Value {
	return Value{Unit: UnitPrice, Number: int64(r), Currency: currency}
}

// Counts makes the value of a number of a unit.
func Counts(u Unit, n int64) Value { return Value{Unit: u, Number: n} }

// Moments makes the value of a moment, in whole seconds. There is none for a zero time.
func Moments(at time.Time) Value {
	if at.IsZero() {
		return Value{}
	}
	return Value{Unit: UnitMoment, Number: at.Unix()}
}

// Answers makes the value of yes or no.
func Answers(yes bool) Value {
	if yes {
		return Value{Unit: UnitYesNo, Number: 1}
	}
	return Value{Unit: UnitYesNo}
}

// String returns the value in English, with times in UTC.
func (v Value) String() string {
	switch v.Unit {
	case UnitPrice:
		c, _ := money.CurrencyOf(v.Currency)
		return money.FormatRate(money.MicroRate(v.Number), c) + " " + v.Currency + " per kWh"
	case UnitEnergy:
		return unit.Energy(v.Number).KWh(1) + " kWh"
	case UnitPower:
		return strconv.FormatInt(v.Number, 10) + " W"
	case UnitShare:
		return money.Bps(v.Number).Percent()
	case UnitDuration:
		return (time.Duration(v.Number) * time.Second).String()
	case UnitMoment:
		return v.Moment().Format(time.RFC3339)
	case UnitYesNo:
		if v.Number != 0 {
			return "yes"
		}
		return "no"
	}
	if v.Currency != "" {
		return v.Amount().String()
	}
	return v.Text
}

// fieldValue returns the value of a field of a document. The end of a field's name says the unit of its number.
func fieldValue(path, text, currency string) Value {
	switch text {
	case "true", "false":
		return Answers(text == "true")
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return Says(text)
	}
	for end, v := range map[string]Value{
		"_micro": Costs(money.MicroRate(n), currency), "_minor": Pays(money.Amount{Minor: money.Minor(n), Currency: currency}),
		"_wh": Counts(UnitEnergy, n), "_w": Counts(UnitPower, n), "_bps": Counts(UnitShare, n), "_s": Counts(UnitDuration, n),
	} {
		if strings.HasSuffix(path, end) && (currency != "" || v.Currency == "" && end != "_micro" && end != "_minor") {
			return v
		}
	}
	return Says(text)
}
