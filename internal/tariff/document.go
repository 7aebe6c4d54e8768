package tariff

import (
	"encoding/json"
	"fmt"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/unit"
)

// Document is a tariff as requests, answers and the database write it (contract §3): exactly one of flat_micro, blocks
// and tou.
type Document struct {
	Currency     string           `json:"currency"`
	VATBps       money.Bps        `json:"vat_bps"`
	FlatMicro    *money.MicroRate `json:"flat_micro,omitempty"`
	Blocks       []BlockDocument  `json:"blocks,omitempty"`
	TOU          json.RawMessage  `json:"tou,omitempty"`
	Rounding     Rounding         `json:"rounding,omitempty"`
	MinVendMinor money.Minor      `json:"min_vend_minor,omitempty"`
	MaxVendMinor money.Minor      `json:"max_vend_minor,omitempty"`
}

// BlockDocument is a block as it is written: a limit of null means none.
type BlockDocument struct {
	UpToWh    *unit.Energy    `json:"up_to_wh"`
	RateMicro money.MicroRate `json:"rate_micro"`
}

// Body reads the document and validates it.
func (d Document) Body() (Body, refusal.Refusal) {
	b := Body{Currency: d.Currency, VATBps: d.VATBps, Rounding: d.Rounding, MinVend: d.MinVendMinor, MaxVend: d.MaxVendMinor}
	tou := len(d.TOU) > 0 && string(d.TOU) != "null"
	given := 0
	for _, there := range []bool{d.FlatMicro != nil, len(d.Blocks) > 0, tou} {
		if there {
			given++
		}
	}
	if given != 1 {
		return Body{}, invalid(fmt.Sprintf("%d of flat_micro, blocks and tou are given.", given), "Give exactly one of them.")
	}
	b.TOU = tou
	if d.FlatMicro != nil {
		b.Blocks = []Block{{Rate: *d.FlatMicro}}
	}
	for i, k := range d.Blocks {
		block := Block{Rate: k.RateMicro}
		if k.UpToWh != nil {
			if block.UpTo = *k.UpToWh; block.UpTo <= 0 {
				return Body{}, invalid(fmt.Sprintf("The limit of block %d is %d Wh.", i+1, block.UpTo), "Write null for no limit.")
			}
		}
		b.Blocks = append(b.Blocks, block)
	}
	if r := b.Validate(); r.Refused() {
		return Body{}, r
	}
	return b, refusal.Refusal{}
}

// Document writes the tariff; a single block is written as a flat price.
func (b Body) Document() Document {
	d := Document{Currency: b.Currency, VATBps: b.VATBps, Rounding: b.Rounding, MinVendMinor: b.MinVend, MaxVendMinor: b.MaxVend}
	if len(b.Blocks) == 1 {
		d.FlatMicro = &b.Blocks[0].Rate
		return d
	}
	for i := range b.Blocks {
		block := BlockDocument{RateMicro: b.Blocks[i].Rate}
		if b.Blocks[i].UpTo != 0 {
			block.UpToWh = &b.Blocks[i].UpTo
		}
		d.Blocks = append(d.Blocks, block)
	}
	return d
}

// Encode writes a tariff for keeping.
func Encode(b Body) ([]byte, error) {
	text, err := json.Marshal(b.Document())
	if err != nil {
		return nil, fmt.Errorf("write tariff: %w", err)
	}
	return text, nil
}

// Decode reads what [Encode] wrote. A kept tariff that no longer validates is an error: it was valid when it was
// published, so the text has changed.
func Decode(text []byte) (Body, error) {
	var d Document
	if err := json.Unmarshal(text, &d); err != nil {
		return Body{}, fmt.Errorf("read tariff: %w", err)
	}
	b, r := d.Body()
	if r.Refused() {
		return Body{}, fmt.Errorf("read tariff: %s", r.What)
	}
	return b, nil
}
