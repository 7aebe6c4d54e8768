package tariff

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/unit"
)

// Document is a tariff as requests, answers and the database write it (contract §3): exactly one of flat_micro, blocks,
// tou and seasons. The doc tags are the words of the API's reference.
type Document struct {
	Currency string `json:"currency" example:"KES" doc:"ISO 4217; the tenant's, once it has one"`
	VATBps   int64  `json:"vat_bps" example:"1500" doc:"Tax in basis points: 1500 is 15 %. All prices and amounts of a tariff are without it"`
	PriceDocument
	Plan    *PlanDocument    `json:"plan,omitempty" doc:"An amount for an energy or for a period, instead of a price; answered as the price or the fixed charge it comes to"`
	PlanWh  unit.Energy      `json:"plan_wh,omitempty" doc:"Energy that people buy at a time, of a plan or beside a price: unless the tenant names amounts, wallets are warned at a fifth and a twentieth of what it costs"`
	Seasons []SeasonDocument `json:"seasons,omitempty" doc:"Prices by the time of year, instead of one price; for wallet meters only"`

	Levies          []LevyDocument  `json:"levies,omitempty" doc:"Collected for others with every kWh, on top of the price"`
	Fixed           []FixedDocument `json:"fixed,omitempty" doc:"Charges that fall due with time"`
	VendFee         *FeeDocument    `json:"vend_fee,omitempty" doc:"Taken of every purchase before anything else"`
	FreeUnits       *FreeDocument   `json:"free_units,omitempty" doc:"Free basic units of every month, on a token of their own"`
	Rounding        Rounding        `json:"rounding,omitempty" enum:"carry,nearest,income" doc:"What happens to money that buys no whole 0.1 kWh; default carry"`
	MinVendMinor    money.Minor     `json:"min_vend_minor,omitempty" doc:"Smallest purchase"`
	MaxVendMinor    money.Minor     `json:"max_vend_minor,omitempty" doc:"Largest purchase; 0 for none"`
	MaxDeductionBps int64           `json:"max_deduction_bps,omitempty" doc:"Ceiling of what charges and debts take of a purchase together; default what the utility has set, else 7000"`
}

// PriceDocument is one price: flat, in blocks or by time of use.
type PriceDocument struct {
	FlatMicro *money.MicroRate `json:"flat_micro,omitempty" example:"2500000" doc:"One price for all: millionths of the major unit per kWh"`
	Blocks    []BlockDocument  `json:"blocks,omitempty" doc:"Steps by the month's units, instead of flat_micro"`
	TOU       *TOUDocument     `json:"tou,omitempty" doc:"Prices by the time of use, instead of flat_micro; for wallet meters only"`
}

// BlockDocument is a block as it is written: a limit of null means none.
type BlockDocument struct {
	UpToWh    *unit.Energy    `json:"up_to_wh" doc:"Units of the month up to which it holds, a multiple of 100 Wh; null on the last"`
	RateMicro money.MicroRate `json:"rate_micro" example:"2500000" doc:"Millionths of the major unit per kWh"`
}

// TOUDocument is a price by time of use as it is written.
type TOUDocument struct {
	Rates     []RateDocument    `json:"rates"`
	Otherwise string            `json:"otherwise" doc:"Name of the rate outside all windows"`
	Windows   []WindowDocument  `json:"windows"`
	Holidays  []HolidayDocument `json:"holidays,omitempty"`
}

// RateDocument is a named rate as it is written.
type RateDocument struct {
	Name      string          `json:"name" example:"peak"`
	RateMicro money.MicroRate `json:"rate_micro" example:"3600000" doc:"Millionths of the major unit per kWh"`
}

// WindowDocument is a part of some days as it is written.
type WindowDocument struct {
	Days []string `json:"days" doc:"mon tue wed thu fri sat sun holiday"`
	From string   `json:"from" example:"06:00" doc:"Local time"`
	To   string   `json:"to" example:"09:00" doc:"Local time, up to 24:00; a window that passes midnight is written as two"`
	Rate string   `json:"rate" example:"peak" doc:"Name of a rate"`
}

// HolidayDocument is a holiday as it is written.
type HolidayDocument struct {
	Date string `json:"date" example:"2026-12-25"`
	As   string `json:"as,omitempty" doc:"The day whose windows hold: mon to sun, or holiday, which is the default"`
}

// SeasonDocument is a season as it is written.
type SeasonDocument struct {
	Name string `json:"name" example:"winter"`
	From string `json:"from" example:"06-01" doc:"First day, MM-DD; it lasts until the next one begins"`
	PriceDocument
}

// LevyDocument is a levy as it is written: one of rate_micro and percent_bps.
type LevyDocument struct {
	Name       string          `json:"name" example:"rural"`
	RateMicro  money.MicroRate `json:"rate_micro,omitempty" doc:"Millionths of the major unit per kWh"`
	PercentBps int64           `json:"percent_bps,omitempty" doc:"Of the price of energy; the rate it makes is rounded half up to a millionth"`
	Untaxed    bool            `json:"untaxed,omitempty"`
}

// FixedDocument is a fixed charge as it is written.
type FixedDocument struct {
	Name        string      `json:"name" example:"service"`
	AmountMinor money.Minor `json:"amount_minor" doc:"Of each month or day, without tax"`
	Per         Period      `json:"per" enum:"month,day"`
	Untaxed     bool        `json:"untaxed,omitempty"`
	Uncapped    bool        `json:"uncapped,omitempty" doc:"Outside the ceiling of max_deduction_bps"`
	Priority    int         `json:"priority,omitempty" doc:"Default 20"`
}

// FeeDocument is the fee of a purchase as it is written.
type FeeDocument struct {
	AmountMinor money.Minor `json:"amount_minor" doc:"Without tax; outside the ceiling of max_deduction_bps"`
	Untaxed     bool        `json:"untaxed,omitempty"`
	Priority    int         `json:"priority,omitempty" doc:"Default 10"`
}

// FreeDocument are the free units as they are written.
type FreeDocument struct {
	UnitsWh        unit.Energy     `json:"units_wh" doc:"Of every local month; a multiple of 100 Wh"`
	FundedMicro    money.MicroRate `json:"funded_micro,omitempty" doc:"What a programme pays for each kWh"`
	CountsInBlocks *bool           `json:"counts_in_blocks,omitempty" doc:"Whether they fill the first blocks; default true"`
}

// dayNames are the names of the types of days, in their order.
const dayNames = "mon tue wed thu fri sat sun holiday"

// dayOf finds a type of day by its name.
func dayOf(name string) (Day, bool) {
	i := slices.Index(strings.Fields(dayNames), name)
	return Day(max(i, 0)), i >= 0
}

// String is the name of a type of day, as documents write it.
func (d Day) String() string { return strings.Fields(dayNames)[d] }

// String is the time of day, "06:30".
func (c Clock) String() string { return fmt.Sprintf("%02d:%02d", c/60, c%60) }

// clockOf reads a time of day.
func clockOf(text string) (Clock, bool) {
	if text == endOfDay.String() {
		return endOfDay, true
	}
	t, err := time.Parse("15:04", text)
	return Clock(t.Hour()*60 + t.Minute()), err == nil && len(text) == 5
}

// Body reads the document and validates it.
func (d Document) Body() (Body, refusal.Refusal) {
	b := Body{Currency: d.Currency, VATBps: bps(d.VATBps), Rounding: d.Rounding, MinVend: d.MinVendMinor, MaxVend: d.MaxVendMinor,
		MaxDeduction: bps(d.MaxDeductionBps)}
	var no refusal.Refusal
	if no = d.unfold(); no.Refused() {
		return Body{}, no
	}
	b.Plan = d.PlanWh
	if len(d.Seasons) == 0 || d.given() > 0 {
		if b.Blocks, b.TOU, no = d.read(); no.Refused() {
			return Body{}, no
		}
	}
	for _, s := range d.Seasons {
		season := Season{Name: s.Name}
		if t, err := time.Parse("01-02", s.From); err == nil && len(s.From) == 5 {
			season.From = MonthDay{t.Month(), t.Day()}
		}
		if season.Blocks, season.TOU, no = s.read(); no.Refused() {
			no.What = "Season " + s.Name + ": " + no.What
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

// bps keeps what does not fit a ratio outside every valid range, so that the rule refuses it by name.
func bps(n int64) money.Bps {
	const far = 1 << 30
	return money.Bps(min(max(n, -far), far))
}

// extras reads what there is besides the price.
func (d Document) extras(b *Body) {
	for _, l := range d.Levies {
		b.Levies = append(b.Levies, Levy{Name: l.Name, Rate: l.RateMicro, Percent: bps(l.PercentBps), Untaxed: l.Untaxed})
	}
	for _, f := range d.Fixed {
		b.Fixed = append(b.Fixed, FixedCharge{Name: f.Name, Amount: f.AmountMinor, Per: f.Per, Untaxed: f.Untaxed,
			Uncapped: f.Uncapped, Priority: f.Priority})
	}
	if f := d.VendFee; f != nil {
		b.Fee = VendFee{Amount: f.AmountMinor, Untaxed: f.Untaxed, Priority: f.Priority}
	}
	if f := d.FreeUnits; f != nil {
		b.Free = Free{Units: f.UnitsWh, Funded: f.FundedMicro, Apart: f.CountsInBlocks != nil && !*f.CountsInBlocks}
	}
}

// given counts the prices that are there.
func (d PriceDocument) given() int {
	n := 0
	for _, there := range []bool{d.FlatMicro != nil, len(d.Blocks) > 0, d.TOU != nil} {
		if there {
			n++
		}
	}
	return n
}

// read reads one price.
func (d PriceDocument) read() ([]Block, *TOU, refusal.Refusal) {
	if n := d.given(); n != 1 {
		return nil, nil, invalid(fmt.Sprintf("%d of flat_micro, blocks and tou are given.", n), "Give exactly one of them, or seasons that do, or a plan.")
	}
	if d.TOU != nil {
		t, no := d.TOU.read()
		return nil, t, no
	}
	if d.FlatMicro != nil {
		return []Block{{Rate: *d.FlatMicro}}, nil, refusal.Refusal{}
	}
	var blocks []Block
	for i, k := range d.Blocks {
		block := Block{Rate: k.RateMicro}
		if k.UpToWh != nil {
			if block.UpTo = *k.UpToWh; block.UpTo <= 0 {
				return nil, nil, invalid(fmt.Sprintf("The limit of block %d is %d Wh.", i+1, block.UpTo), "Write null for no limit.")
			}
		}
		blocks = append(blocks, block)
	}
	return blocks, nil, refusal.Refusal{}
}

// read reads a price by time of use. What names nothing becomes an index that [Body.Validate] refuses.
func (d TOUDocument) read() (*TOU, refusal.Refusal) {
	t := TOU{}
	rate := func(name string) int {
		return slices.IndexFunc(d.Rates, func(r RateDocument) bool { return r.Name == name })
	}
	for _, r := range d.Rates {
		t.Rates = append(t.Rates, Rate{Name: r.Name, Rate: r.RateMicro})
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
			return nil, invalid(fmt.Sprintf("Window %d has a day or a time that is not known.", i+1),
				"Write each day once, of "+dayNames+", and times as 06:00.")
		}
		t.Windows = append(t.Windows, window)
	}
	for _, h := range d.Holidays {
		as, ok := Feast, true
		if h.As != "" {
			as, ok = dayOf(h.As)
		}
		if !ok {
			return nil, invalid(fmt.Sprintf("The holiday %s is as a day that is not known.", h.Date), "Write one of "+dayNames+".")
		}
		t.Holidays = append(t.Holidays, Holiday{Date: Date(h.Date), As: as})
	}
	return &t, refusal.Refusal{}
}

// Document writes the tariff; a single block is written as a flat price.
func (b Body) Document() Document {
	d := Document{Currency: b.Currency, VATBps: int64(b.VATBps), Rounding: b.Rounding, MinVendMinor: b.MinVend, MaxVendMinor: b.MaxVend,
		MaxDeductionBps: int64(b.MaxDeduction), PriceDocument: priceDocument(b.Blocks, b.TOU), PlanWh: b.Plan}
	for _, s := range b.Seasons {
		d.Seasons = append(d.Seasons, SeasonDocument{Name: s.Name, From: fmt.Sprintf("%02d-%02d", s.From.Month, s.From.Day),
			PriceDocument: priceDocument(s.Blocks, s.TOU)})
	}
	for _, l := range b.Levies {
		d.Levies = append(d.Levies, LevyDocument{Name: l.Name, RateMicro: l.Rate, PercentBps: int64(l.Percent), Untaxed: l.Untaxed})
	}
	for _, f := range b.Fixed {
		d.Fixed = append(d.Fixed, FixedDocument{Name: f.Name, AmountMinor: f.Amount, Per: f.Per, Untaxed: f.Untaxed,
			Uncapped: f.Uncapped, Priority: f.Priority})
	}
	if b.Fee.Amount != 0 {
		d.VendFee = &FeeDocument{AmountMinor: b.Fee.Amount, Untaxed: b.Fee.Untaxed, Priority: b.Fee.Priority}
	}
	if b.Free.Units != 0 {
		counts := !b.Free.Apart
		d.FreeUnits = &FreeDocument{UnitsWh: b.Free.Units, FundedMicro: b.Free.Funded, CountsInBlocks: &counts}
	}
	return d
}

func priceDocument(blocks []Block, tou *TOU) PriceDocument {
	var d PriceDocument
	switch {
	case tou != nil:
		d.TOU = tou.document()
		return d
	case len(blocks) == 1:
		d.FlatMicro = &blocks[0].Rate
		return d
	}
	for i := range blocks {
		block := BlockDocument{RateMicro: blocks[i].Rate}
		if blocks[i].UpTo != 0 {
			block.UpToWh = &blocks[i].UpTo
		}
		d.Blocks = append(d.Blocks, block)
	}
	return d
}

func (t *TOU) document() *TOUDocument {
	d := TOUDocument{Otherwise: t.Rates[t.Otherwise].Name, Windows: []WindowDocument{}}
	for _, r := range t.Rates {
		d.Rates = append(d.Rates, RateDocument{Name: r.Name, RateMicro: r.Rate})
	}
	for _, w := range t.Windows {
		window := WindowDocument{From: w.From.String(), To: w.To.String(), Rate: t.Rates[w.Rate].Name}
		for day := range days {
			if w.Days.Has(day) {
				window.Days = append(window.Days, day.String())
			}
		}
		d.Windows = append(d.Windows, window)
	}
	for _, h := range t.Holidays {
		d.Holidays = append(d.Holidays, HolidayDocument{Date: string(h.Date), As: h.As.String()})
	}
	return &d
}

// Encode writes a tariff for keeping.
func Encode(b Body) ([]byte, error) {
	text, err := json.Marshal(b.Document())
	if err != nil {
		return nil, fmt.Errorf("write tariff: %w", err)
	}
	return text, nil
}

// Parse reads a tariff that somebody wrote. A field that is not known is refused: it would otherwise be a price that
// does not hold.
func Parse(text []byte) (Body, refusal.Refusal) {
	var d Document
	in := json.NewDecoder(bytes.NewReader(text))
	in.DisallowUnknownFields()
	err := in.Decode(&d)
	if err == nil && in.More() {
		err = fmt.Errorf("there is more than one document")
	}
	if err != nil {
		return Body{}, invalid("The tariff cannot be read: "+err.Error()+".", "Give one JSON document with the fields of the API's reference.")
	}
	return d.Body()
}

// Decode reads what [Encode] wrote. A kept tariff that no longer validates is an error: it was valid when it was
// published, so the text has changed.
func Decode(text []byte) (Body, error) {
	b, r := Parse(text)
	if r.Refused() {
		return Body{}, fmt.Errorf("read tariff: %s", r.What)
	}
	return b, nil
}
