package words

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/catalogue"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/unit"
)

// form is how a language writes: its direction, figures and dates. It comes from language.toml of the catalogue.
type form struct {
	name           string // the language in its own words
	rightToLeft    bool
	draft          bool // nobody who speaks the language well has read its pages
	decimal, group string
	sum, day       string // with places
	comma          string // stands between the parts of a list
}

// narrow is the space that separates groups of digits. It never breaks a line.
const narrow = "\u202f"

// The invisible characters around a part of a text that may run in the other direction: as its first letter does, or from left to right.
const (
	isolate    = "\u2068"
	isolateLTR = "\u2066"
	isolateEnd = "\u2069"
)

// formOf reads how a language writes.
func formOf(code string, read func(area string) (catalogue.File, error)) (form, error) {
	f, err := read("language")
	if err != nil {
		return form{}, err
	}
	said := func(section, name string) string {
		t, _ := f.Section(section).Text(name)
		return t.Say
	}
	out := form{name: said("language", "name"), rightToLeft: said("language", "direction") == "rtl", comma: said("language", "comma"), draft: f.Draft,
		decimal: said("figures", "decimal"), group: said("figures", "group"), sum: said("figures", "sum"), day: said("date", "day")}
	if out.group == "space" {
		out.group = narrow
	}
	if (out.decimal != "." && out.decimal != ",") || out.group == out.decimal || out.name == "" || out.comma == "" {
		return form{}, fmt.Errorf("language %s: decimal mark %q, group %q, name %q, comma %q", code, out.decimal, out.group, out.name, out.comma)
	}
	return out, nil
}

// Direction is the direction of writing for a page's attribute dir: "ltr" or "rtl".
func (t *Texts) Direction() string {
	if t.form.rightToLeft {
		return "rtl"
	}
	return "ltr"
}

// Draft reports whether nobody who speaks the language well has read its texts yet.
func (t *Texts) Draft() bool { return t.form.draft }

// LanguageName is the language in its own words: "Français".
func (t *Texts) LanguageName() string { return t.form.name }

// Plain returns the texts for paper and messages. They contain no invisible characters that isolate directions.
func (t *Texts) Plain() *Texts {
	plain := *t
	plain.plain = true
	if t.form.group == narrow {
		plain.form.group = " " // printers and telephones lack the narrow space
	}
	return &plain
}

// Latin returns the texts for a message whose alphabet has only Latin letters: in English, if the language has others.
func (t *Texts) Latin() *Texts {
	if t.form.rightToLeft {
		return t.english
	}
	return t
}

// isolates reports whether places get invisible characters, so that names and figures keep their direction in a text from right to left.
func (t *Texts) isolates() bool { return t.form.rightToLeft && !t.plain }

// ltr keeps figures from left to right in a text from right to left.
func (t *Texts) ltr(s string) string {
	if !t.isolates() || s == "" {
		return s
	}
	return isolateLTR + s + isolateEnd
}

// written writes a number such as "-1234567.50" with the groups and the decimal mark of the language.
func (t *Texts) written(plain string) string {
	sign, digits := "", plain
	if strings.HasPrefix(plain, "-") {
		sign, digits = "-", plain[1:]
	}
	whole, decimals, point := strings.Cut(digits, ".")
	var b strings.Builder
	b.WriteString(sign)
	for i := range len(whole) {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteString(t.form.group)
		}
		b.WriteByte(whole[i])
	}
	if point {
		b.WriteString(t.form.decimal + decimals)
	}
	return b.String()
}

// Count writes a whole number: "12,345".
func (t *Texts) Count(n int64) string { return t.ltr(t.written(strconv.FormatInt(n, 10))) }

// Figure writes an amount without the code of its currency: "1,000.00".
func (t *Texts) Figure(m money.Minor, c money.Currency) string {
	return t.ltr(t.written(money.Format(m, c)))
}

// Amount is [Texts.Figure] of an amount; empty if its currency is unknown.
func (t *Texts) Amount(a money.Amount) string {
	c, known := money.CurrencyOf(a.Currency)
	if !known {
		return ""
	}
	return t.Figure(a.Minor, c)
}

// Sum writes an amount with the code of its currency: "KES 1,000.00".
func (t *Texts) Sum(a money.Amount) string {
	c, known := money.CurrencyOf(a.Currency)
	if !known {
		return a.Currency
	}
	return t.ltr(strings.NewReplacer("{currency}", c.Code, "{amount}", t.written(money.Format(a.Minor, c))).Replace(t.form.sum))
}

// Rate writes a price per kilowatt-hour, without the code of its currency: "2.4541".
func (t *Texts) Rate(r money.MicroRate, c money.Currency) string {
	return t.ltr(t.written(money.FormatRate(r, c)))
}

// Price writes a price that may be finer than its currency, with the code of the currency: "KES 0.0075".
func (t *Texts) Price(r money.MicroRate, c money.Currency) string {
	return t.ltr(strings.NewReplacer("{currency}", c.Code, "{amount}", t.written(money.FormatRate(r, c))).Replace(t.form.sum))
}

// Percent writes a ratio: "1.5 %".
func (t *Texts) Percent(b money.Bps) string {
	return t.ltr(t.written(strings.TrimSuffix(b.Percent(), " %")) + " %")
}

// KWh writes energy in kilowatt-hours with 0 to 3 decimals, truncated towards zero, without the unit: "1,638.3".
func (t *Texts) KWh(e unit.Energy, decimals int) string { return t.ltr(t.written(e.KWh(decimals))) }

// Energy writes energy in kilowatt-hours with its unit: "1,638.3 kWh".
func (t *Texts) Energy(e unit.Energy, decimals int) string {
	return t.ltr(t.written(e.KWh(decimals)) + " kWh")
}

// Watts writes power with its unit, without groups as on meters: "1250 W".
func (t *Texts) Watts(w int64) string { return t.ltr(strconv.FormatInt(w, 10) + " W") }

// Day writes a stored date such as "2026-11-24". Any other text stays as it is.
func (t *Texts) Day(date string) string {
	at, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return date
	}
	return t.ltr(t.day(at))
}

func (t *Texts) day(at time.Time) string {
	return strings.NewReplacer("{year}", at.Format("2006"), "{month}", at.Format("01"), "{day}", at.Format("02")).Replace(t.form.day)
}

// Clock writes a moment in its own zone, with the zone's name, on a 24-hour clock.
func (t *Texts) Clock(at time.Time) string { return t.ltr(t.day(at) + " " + at.Format("15:04 MST")) }

// In returns the texts of a site in a time zone.
func (t *Texts) In(zone *time.Location) *Texts {
	there := *t
	there.zone = zone
	return &there
}

// Moment writes a moment in the zone of [Texts.In], or in UTC.
func (t *Texts) Moment(at time.Time) string {
	zone := time.UTC
	if t.zone != nil {
		zone = t.zone
	}
	return t.Clock(at.In(zone))
}

// Seconds is [Texts.Clock] with seconds.
func (t *Texts) Seconds(at time.Time) string {
	return t.ltr(t.day(at) + " " + at.Format("15:04:05 MST"))
}

// Minute writes the time of day, for places where the day is obvious.
func (t *Texts) Minute(at time.Time) string { return t.ltr(at.Format("15:04 MST")) }

// Typed writes an amount as a person would type it into a form: without groups and invisible characters. [Texts.Parse] reads it.
func (t *Texts) Typed(m money.Minor, c money.Currency) string { return t.Decimal(money.Format(m, c)) }

// Decimal writes a decimal number such as "2.5" into a form, with the decimal mark of the language.
func (t *Texts) Decimal(plain string) string { return strings.Replace(plain, ".", t.form.decimal, 1) }

// The marks that stand for the separators of Arabic, which mean the same in every language.
const arabicPoint, arabicGroup = '\x00', '\''

// latin writes a digit or separator of an Arabic or Persian keyboard as 0 to 9 or as one of the marks above. It drops invisible characters.
func latin(r rune) rune {
	switch {
	case r >= '٠' && r <= '٩':
		return '0' + r - '٠'
	case r >= '۰' && r <= '۹':
		return '0' + r - '۰'
	case r == '٫':
		return arabicPoint
	case r == '٬':
		return arabicGroup
	case r == '\u200e', r == '\u200f', r == '\u061c', r >= '\u2066' && r <= '\u2069': // marks and isolates of directions
		return -1
	}
	return r
}

// Parse reads an amount that a person typed on a page in the language, as [money.Parse] does. If the language has a decimal comma, "1000,50",
// "1 000,50" and "1.000,50" are 1000.50, and so is "1000.50", because some keyboards have no comma. "1.000" could be one or a thousand, so it
// is an error.
func (t *Texts) Parse(text string, c money.Currency) (money.Minor, error) {
	plain := strings.Map(latin, text)
	if t.form.decimal == "," {
		read, ok := withComma(plain)
		if !ok {
			return 0, fmt.Errorf("%q: %w: write digits, with a comma before the decimals", text, money.ErrSyntax)
		}
		plain = read
	}
	return money.Parse(strings.ReplaceAll(plain, string(arabicPoint), "."), c)
}

// withComma turns a number with a decimal comma into one with a point, and reports whether its separators have one meaning.
func withComma(text string) (string, bool) {
	whole, decimals, comma := strings.Cut(text, ",")
	switch points := strings.Count(whole, "."); {
	case strings.ContainsAny(decimals, ",."): // 1,000.50 and 1,000,000: an English number
		return "", false
	case comma && points > 0, points > 1: // the points separate groups
		if strings.ContainsAny(whole, " '\u00a0\u202f’") {
			return "", false
		}
		whole = strings.ReplaceAll(whole, ".", "'") // money.Parse checks that each group has three digits
	case points == 1 && strings.HasPrefix(whole, "0."): // no group begins with a zero
	case points == 1:
		after := strings.TrimRight(whole[strings.Index(whole, ".")+1:], " ABCDEFGHIJKLMNOPQRSTUVWXYZ")
		return whole, len(after) != 3
	}
	if comma {
		return whole + "." + decimals, true
	}
	return whole, true
}
