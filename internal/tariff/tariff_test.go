package tariff_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/tariff"
)

func TestDocumentsAsTheyArePosted(t *testing.T) {
	for _, c := range []struct {
		text string
		want tariff.Body
	}{
		{`{"currency":"KES","vat_bps":1500,"flat_micro":2500000}`, flat()},
		{`{"currency":"KES","vat_bps":1500,"blocks":[{"up_to_wh":50000,"rate_micro":1200000},{"up_to_wh":350000,"rate_micro":1600000},` +
			`{"up_to_wh":600000,"rate_micro":2300000},{"up_to_wh":null,"rate_micro":2750000}]}`, ibt()},
		{`{"currency":"KES","vat_bps":0,"blocks":[{"up_to_wh":100,"rate_micro":5},{"rate_micro":1}],"rounding":"nearest","min_vend_minor":5,"max_vend_minor":9}`,
			tariff.Body{Currency: "KES", Blocks: []tariff.Block{{UpTo: 100, Rate: 5}, {Rate: 1}}, Rounding: tariff.Nearest, MinVend: 5, MaxVend: 9}},
	} {
		got, err := tariff.Decode([]byte(c.text))
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("Decode(%s) = %+v, %v; want %+v", c.text, got, err, c.want)
			continue
		}
		kept, err := tariff.Encode(got)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := tariff.Decode(kept); err != nil || !reflect.DeepEqual(again, c.want) {
			t.Errorf("Decode(Encode) = %+v, %v; want %+v (text %s)", again, err, c.want, kept)
		}
	}
}

func TestBadTariffsAreRefusedWithTheirFault(t *testing.T) {
	for _, text := range []string{
		`{"currency":"KES","vat_bps":1500}`,
		`{"currency":"KES","vat_bps":1500,"flat_micro":1,"blocks":[{"up_to_wh":null,"rate_micro":1}]}`,
		`{"currency":"kes","vat_bps":1500,"flat_micro":1}`,
		`{"currency":"XYZ","vat_bps":1500,"flat_micro":1}`,
		`{"currency":"KES","vat_bps":-1,"flat_micro":1}`,
		`{"currency":"KES","vat_bps":10001,"flat_micro":1}`,
		`{"currency":"KES","vat_bps":0,"flat_micro":0}`,
		`{"currency":"KES","vat_bps":0,"flat_micro":-5}`,
		`{"currency":"KES","vat_bps":0,"flat_micro":1000000000001}`,
		`{"currency":"KES","vat_bps":0,"blocks":[{"up_to_wh":0,"rate_micro":1},{"up_to_wh":null,"rate_micro":1}]}`,
		`{"currency":"KES","vat_bps":0,"blocks":[{"up_to_wh":150,"rate_micro":1},{"up_to_wh":null,"rate_micro":1}]}`,
		`{"currency":"KES","vat_bps":0,"blocks":[{"up_to_wh":200,"rate_micro":1},{"up_to_wh":200,"rate_micro":1},{"up_to_wh":null,"rate_micro":1}]}`,
		`{"currency":"KES","vat_bps":0,"blocks":[{"up_to_wh":null,"rate_micro":1},{"up_to_wh":null,"rate_micro":1}]}`,
		`{"currency":"KES","vat_bps":0,"blocks":[{"up_to_wh":200,"rate_micro":1}]}`,
		`{"currency":"KES","vat_bps":0,"tou":{"peak":1}}`,
		`{"currency":"KES","vat_bps":0,"flat_micro":1,"rounding":"up"}`,
		`{"currency":"KES","vat_bps":0,"flat_micro":1,"min_vend_minor":10,"max_vend_minor":9}`,
		`{"currency":"KES","vat_bps":0,"flat_micro":1,"min_vend_minor":-1}`,
	} {
		var d tariff.Document
		if err := json.Unmarshal([]byte(text), &d); err != nil {
			t.Fatal(err)
		}
		if _, r := d.Body(); r.Code != refusal.TariffInvalid || r.What == "" || r.Not == "" || r.Try == "" {
			t.Errorf("%s: refusal %q %q, want %s with all three sentences", text, r.Code, r.Detail(), refusal.TariffInvalid)
		}
	}
	many := tariff.Body{Currency: "KES", Blocks: make([]tariff.Block, tariff.MaxBlocks+1)}
	if r := many.Validate(); !r.Refused() {
		t.Errorf("%d blocks were accepted", len(many.Blocks))
	}
	if _, err := tariff.Decode([]byte(`{"currency":"KES","flat_micro":0}`)); err == nil {
		t.Error("a kept tariff that does not validate was read")
	}
}

func TestTheDearestTariffStaysInsideTheArithmetic(t *testing.T) {
	b := tariff.Body{Currency: "CLF", VATBps: tariff.MaxVATBps,
		Blocks: []tariff.Block{{UpTo: tariff.MaxUpTo, Rate: tariff.MaxRate}, {Rate: tariff.MaxRate}}}
	if r := b.Validate(); r.Refused() {
		t.Fatal(r.Detail())
	}
	a, err := tariff.Allocate(tariff.Purchase{Body: b, Tender: money.MaxMinor, Month: tariff.MaxUpTo - 100})
	if err != nil || a.Refused() || a.Net+a.VAT+a.CarryOut != money.MaxMinor {
		t.Errorf("largest payment on the dearest tariff: %v %q, %d+%d+%d, want them to sum to %d",
			err, a.Detail(), a.Net, a.VAT, a.CarryOut, money.MaxMinor)
	}
}

func FuzzDocument(f *testing.F) {
	for _, s := range []string{`{"currency":"KES","vat_bps":1500,"flat_micro":2500000}`, `{"blocks":[{"up_to_wh":100,"rate_micro":1},{"up_to_wh":null,"rate_micro":1}]}`,
		`{"currency":"KES","blocks":[{"up_to_wh":-100,"rate_micro":9223372036854775807}]}`, `{"tou":{}}`, `null`, `{`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := tariff.Decode(text)
		if err != nil {
			return
		}
		kept, err := tariff.Encode(b)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := tariff.Decode(kept); err != nil || !reflect.DeepEqual(again, b) {
			t.Errorf("%s reads as %+v and again as %+v, %v", text, b, again, err)
		}
		if _, err := tariff.Allocate(tariff.Purchase{Body: b, Tender: money.MaxMinor, Carry: 1}); err != nil {
			t.Errorf("%s is published and cannot price a purchase: %v", text, err)
		}
	})
}
