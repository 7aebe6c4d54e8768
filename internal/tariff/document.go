package tariff

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/unit"
)

// Document is a tariff in the form of requests, answers and the database. Exactly one of flat_micro, blocks, tou and seasons is set.
type Document apiv1.Price

// dayNames are the names of the types of days, in their order.
const dayNames = "mon, tue, wed, thu, fri, sat, sun, holiday"

// dayOf finds a type of day by its name.
func dayOf(name string) (Day, bool) {
	i := slices.Index(strings.Split(dayNames, ", "), name)
	return Day(max(i, 0)), i >= 0
}

// String returns the name of a type of day in documents.
func (d Day) String() string { return strings.Split(dayNames, ", ")[d] }

// String returns the time of day, "06:30".
func (c Clock) String() string { return fmt.Sprintf("%02d:%02d", c/60, c%60) }

// clockOf parses a time of day.
func clockOf(text string) (Clock, bool) {
	if text == endOfDay.String() {
		return endOfDay, true
	}
	t, err := time.Parse("15:04", text)
	return Clock(t.Hour()*60 + t.Minute()), err == nil && len(text) == 5
}

// Body converts the document to a tariff and validates it.
func (d Document) Body() (Body, refusal.Refusal) {
	b := Body{Currency: d.Currency, VATBps: bps(d.VATBps), Rounding: Rounding(d.Rounding), MinVend: money.Minor(d.MinVendMinor),
		MaxVend: money.Minor(d.MaxVendMinor), MaxDeduction: bps(d.MaxDeductionBps)}
	var no refusal.Refusal
	if no = d.unfold(); no.Refused() {
		return Body{}, no
	}
	b.Plan = unit.Energy(d.PlanWh)
	if len(d.Seasons) == 0 || d.given() > 0 {
		if b.Blocks, b.TOU, no = readPrice(outside, d.FlatMicro, d.Blocks, d.TOU); no.Refused() {
			return Body{}, no
		}
	}
	for i, s := range d.Seasons {
		season := Season{Name: s.Name}
		if t, err := time.Parse("01-02", s.From); err == nil && len(s.From) == 5 {
			season.From = MonthDay{t.Month(), t.Day()}
		}
		if season.Blocks, season.TOU, no = readPrice(location(i), s.FlatMicro, s.Blocks, s.TOU); no.Refused() {
			return Body{}, no
		}
		b.Seasons = append(b.Seasons, season)
	}
	d.extras(&b)
	if r := b.Validate(); r.Refused() {
		return Body{}, r
	}
	return b, refusal.Refusal{}
}

// bps converts a ratio. It limits a very large value to one that is still outside every valid range, so that validation names the field.
func bps(n int64) money.Bps {
	const far = 1 << 30
	return money.Bps(min(max(n, -far), far))
}

// given counts the prices that are set.
func (d Document) given() int { return given(d.FlatMicro, d.Blocks, d.TOU) }

func given(flat *int64, blocks []apiv1.Block, tou *apiv1.TOU) int {
	n := 0
	for _, there := range []bool{flat != nil, len(blocks) > 0, tou != nil} {
		if there {
			n++
		}
	}
	return n
}

// location is where in the document a price is: in the season with this index, or outside the seasons.
type location int

const outside location = -1

// field returns the name of a field of the price, such as seasons[0].blocks[1].rate_micro. It is only called for an error.
func (s location) field(format string, args ...any) string {
	name := fmt.Sprintf(format, args...)
	if s == outside {
		return name
	}
	return fmt.Sprintf("seasons[%d].%s", s, name)
}

// forms lists the fields of which exactly one must hold the price.
func (s location) forms() string {
	return strings.Join([]string{s.field("flat_micro"), s.field("blocks"), s.field("tou")}, ", ")
}

// readPrice reads one price: flat, in blocks or by time of use.
func readPrice(s location, flat *int64, steps []apiv1.Block, tou *apiv1.TOU) ([]Block, *TOU, refusal.Refusal) {
	if n := given(flat, steps, tou); n != 1 {
		return nil, nil, refuse.TariffPriceCount(int64(n), s.forms())
	}
	if tou != nil {
		t, no := readTOU(s, *tou)
		return nil, t, no
	}
	if flat != nil {
		return []Block{{Rate: money.MicroRate(*flat)}}, nil, refusal.Refusal{}
	}
	var blocks []Block
	for i, k := range steps {
		block := Block{Rate: money.MicroRate(k.RateMicro)}
		if k.UpToWh != nil {
			if block.UpTo = unit.Energy(*k.UpToWh); block.UpTo <= 0 {
				return nil, nil, refuse.TariffBlockLimitOutOfRange(s.field(blockLimit, i), int64(block.UpTo), int64(unit.Quantum), int64(MaxUpTo))
			}
		}
		blocks = append(blocks, block)
	}
	return blocks, nil, refusal.Refusal{}
}

// readTOU reads a price by time of use. An unknown name becomes an index that [Body.Validate] refuses.
func readTOU(s location, d apiv1.TOU) (*TOU, refusal.Refusal) {
	t := TOU{}
	rate := func(name string) int {
		return slices.IndexFunc(d.Rates, func(r apiv1.TOURate) bool { return r.Name == name })
	}
	for _, r := range d.Rates {
		t.Rates = append(t.Rates, Rate{Name: r.Name, Rate: money.MicroRate(r.RateMicro)})
	}
	t.Otherwise = rate(d.Otherwise)
	for i, w := range d.Windows {
		window := Window{Rate: rate(w.Rate)}
		var ok, end bool
		window.From, ok = clockOf(w.From)
		window.To, end = clockOf(w.To)
		for _, name := range w.Days {
			day, known := dayOf(name)
			ok = ok && known && !window.Days.Has(day)
			window.Days |= 1 << day
		}
		if !ok || !end {
			return nil, refuse.TariffWindowDayOrTimeUnknown(s.field(windowAt, i), dayNames)
		}
		t.Windows = append(t.Windows, window)
	}
	for i, h := range d.Holidays {
		as, ok := Feast, true
		if h.As != "" {
			as, ok = dayOf(h.As)
		}
		if !ok {
			return nil, refuse.TariffHolidayAsUnknown(s.field("tou.holidays[%d].as", i), dayNames)
		}
		t.Holidays = append(t.Holidays, Holiday{Date: Date(h.Date), As: as})
	}
	return &t, refusal.Refusal{}
}

// Document returns the tariff's document. A single block becomes a flat price.
func (b Body) Document() Document {
	d := Document{Currency: b.Currency, VATBps: int64(b.VATBps), Rounding: string(b.Rounding), MinVendMinor: int64(b.MinVend), MaxVendMinor: int64(b.MaxVend),
		MaxDeductionBps: int64(b.MaxDeduction), PlanWh: int64(b.Plan)}
	d.FlatMicro, d.Blocks, d.TOU = writePrice(b.Blocks, b.TOU)
	for _, s := range b.Seasons {
		season := apiv1.Season{Name: s.Name, From: fmt.Sprintf("%02d-%02d", s.From.Month, s.From.Day)}
		season.FlatMicro, season.Blocks, season.TOU = writePrice(s.Blocks, s.TOU)
		d.Seasons = append(d.Seasons, season)
	}
	b.addExtras(&d)
	return d
}

// writePrice writes one price: flat, in blocks or by time of use.
func writePrice(steps []Block, t *TOU) (flat *int64, blocks []apiv1.Block, tou *apiv1.TOU) {
	switch {
	case t != nil:
		return nil, nil, t.document()
	case len(steps) == 1:
		return (*int64)(&steps[0].Rate), nil, nil
	}
	for i := range steps {
		block := apiv1.Block{RateMicro: int64(steps[i].Rate)}
		if steps[i].UpTo != 0 {
			block.UpToWh = (*int64)(&steps[i].UpTo)
		}
		blocks = append(blocks, block)
	}
	return nil, blocks, nil
}

func (t *TOU) document() *apiv1.TOU {
	d := apiv1.TOU{Otherwise: t.Rates[t.Otherwise].Name, Windows: []apiv1.Window{}}
	for _, r := range t.Rates {
		d.Rates = append(d.Rates, apiv1.TOURate{Name: r.Name, RateMicro: int64(r.Rate)})
	}
	for _, w := range t.Windows {
		window := apiv1.Window{From: w.From.String(), To: w.To.String(), Rate: t.Rates[w.Rate].Name}
		for day := range days {
			if w.Days.Has(day) {
				window.Days = append(window.Days, day.String())
			}
		}
		d.Windows = append(d.Windows, window)
	}
	for _, h := range t.Holidays {
		d.Holidays = append(d.Holidays, apiv1.Holiday{Date: string(h.Date), As: h.As.String()})
	}
	return &d
}

// Encode encodes a tariff for the database.
func Encode(b Body) ([]byte, error) {
	text, err := json.Marshal(b.Document())
	if err != nil {
		return nil, fmt.Errorf("write tariff: %w", err)
	}
	return text, nil
}

// Parse reads a tariff that a person wrote. It refuses an unknown field, because that could be a price that would be ignored.
func Parse(text []byte) (Body, refusal.Refusal) {
	var d Document
	in := json.NewDecoder(bytes.NewReader(text))
	in.DisallowUnknownFields()
	err := in.Decode(&d)
	switch {
	case err != nil:
		return Body{}, refuse.TariffNotReadable(err.Error())
	case in.More():
		return Body{}, refuse.TariffOfManyDocuments()
	}
	return d.Body()
}

// Decode reads the result of [Encode]. A stored tariff that is no longer valid is an error: it was valid when it was published, so the text
// has changed.
func Decode(text []byte) (Body, error) {
	b, r := Parse(text)
	if r.Refused() {
		return Body{}, fmt.Errorf("read tariff: %s", r.What)
	}
	return b, nil
}
