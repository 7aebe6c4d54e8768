package wallet_test

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
	"pgregory.net/rapid"
)

// TestPartsAreReadAsTheyWereWritten compares the reader of the stored parts with encoding/json, for all that FormatParts can write.
func TestPartsAreReadAsTheyWereWritten(t *testing.T) {
	amount := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-1000, 100_000), rapid.SampledFrom([]int64{0, math.MaxInt64, math.MinInt64}))
	name := rapid.OneOf(rapid.SampledFrom([]string{"", `\`, `"`, "<"}), rapid.StringMatching(`[a-z "\\<é]{0,6}`))
	part := rapid.Custom(func(t *rapid.T) tariff.Part {
		return tariff.Part{Name: name.Draw(t, "name"), Units: unit.Energy(amount.Draw(t, "units")), Rate: money.MicroRate(amount.Draw(t, "rate"))}
	})
	all := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) wallet.Part {
		return wallet.Part{Version: id.ID(rapid.SliceOfN(rapid.Byte(), len(id.ID{}), len(id.ID{})).Draw(t, "version")),
			Debit: money.Minor(amount.Draw(t, "debit")), Parts: rapid.SliceOfN(part, 0, 3).Draw(t, "parts")}
	}), 0, 3)
	rapid.Check(t, func(t *rapid.T) {
		parts := all.Draw(t, "all")
		text, err := wallet.FormatParts(parts)
		if err != nil {
			t.Fatal(err)
		}
		got, err := wallet.ParseParts(text)
		var want []wallet.Part
		if text != "" {
			_ = json.Unmarshal([]byte(text), &want) // json.Marshal wrote it
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s is read as %v, %v; want %v", text, got, err, want)
		}
	})
}

// TestPlainPartsAreReadQuickly checks that an ordinary text does not need encoding/json.
func TestPlainPartsAreReadQuickly(t *testing.T) {
	text, err := wallet.FormatParts([]wallet.Part{{Version: id.ID{1, 255}, Debit: -7, Parts: []tariff.Part{{Units: 7080, Rate: 2_500_000}, {Name: "night", Units: 1}}}, {Parts: []tariff.Part{{}}}})
	if err != nil {
		t.Fatal(err)
	}
	var read, want []wallet.Part
	quick := testing.AllocsPerRun(100, func() { read, err = wallet.ParseParts(text) })
	slow := testing.AllocsPerRun(100, func() { want = nil; _ = json.Unmarshal([]byte(text), &want) })
	if err != nil || !reflect.DeepEqual(read, want) || 2*quick > slow {
		t.Fatalf("%s is read as %v, %v with %.0f allocations; encoding/json makes %.0f", text, read, err, quick, slow)
	}
}

// TestDamagedPartsAreRefused checks that damage is an error, and never other amounts.
func TestDamagedPartsAreRefused(t *testing.T) {
	whole, err := wallet.FormatParts([]wallet.Part{{Debit: 1770, Parts: []tariff.Part{{Units: 7080, Rate: 2_500_000}}}})
	if err != nil {
		t.Fatal(err)
	}
	for i := 1; i < len(whole); i++ {
		if got, err := wallet.ParseParts(whole[:i]); err == nil {
			t.Errorf("%s is read as %v", whole[:i], got)
		}
		for _, damaged := range []string{whole[:i] + "x" + whole[i+1:], whole[:i] + "0" + whole[i:]} {
			var want []wallet.Part
			wrong := json.Unmarshal([]byte(damaged), &want)
			if got, err := wallet.ParseParts(damaged); (err == nil) != (wrong == nil) || err == nil && !reflect.DeepEqual(got, want) {
				t.Errorf("%s is read as %v, %v; encoding/json reads %v, %v", damaged, got, err, want, wrong)
			}
		}
	}
}
