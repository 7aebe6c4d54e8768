package sale_test

import (
	"encoding/hex"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// kinds returns the kinds of lines that a sale can have.
func kinds() []sale.LineKind {
	return []sale.LineKind{sale.LineFee, sale.LineFixed, sale.LineDebt, sale.LineFree, sale.LineEnergy, sale.LineLevy, sale.LineVAT, sale.LineCarry,
		sale.LineCarryIn, sale.LineWallet}
}

// everything returns a sale with a value in each field and a line of every kind.
func everything() *sale.Sale {
	s := &sale.Sale{}
	s.Lines, s.Tokens, s.Change = make([]sale.Line, len(kinds())), make([]sale.Token, 2), make([]sale.Token, 1)
	s.Deliver, s.Asked.Charges = make([]string, 2), make([]tariff.Charge, 1)
	for i := range s.Lines {
		s.Lines[i].Steps, s.Lines[i].Left = make([]sale.Step, 2), new(money.Minor)
	}
	n := 0
	atoms(reflect.ValueOf(s).Elem(), "Sale", func(_ string, v reflect.Value) { n++; set(v, n) })
	for i, kind := range kinds() {
		s.Lines[i].Kind = kind
	}
	return s
}

// atoms calls visit for each element of a value: texts, numbers, booleans, times and identities.
func atoms(v reflect.Value, path string, visit func(path string, v reflect.Value)) {
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		visit(path, v)
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				atoms(v.Field(i), path+"."+v.Type().Field(i).Name, visit)
			}
		}
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() != reflect.Uint8:
		for i := range v.Len() {
			atoms(v.Index(i), fmt.Sprintf("%s[%d]", path, i), visit)
		}
	case v.Kind() == reflect.Pointer && !v.IsNil():
		atoms(v.Elem(), path, visit)
	default:
		visit(path, v)
	}
}

// set sets a value to its n-th variant.
func set(v reflect.Value, n int) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d", n))
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(n % 100))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(n % 100))
	case reflect.Array:
		for i := range v.Len() {
			v.Index(i).SetUint(uint64(n+i) % 256)
		}
	case reflect.Slice:
		v.SetBytes([]byte(fmt.Sprintf("bytes %d", n)))
	case reflect.Struct: // a time
		v.Set(reflect.ValueOf(time.Unix(int64(n), 0).UTC()))
	}
}

// unsealed returns the fields that the seal of a sale does not cover, with the reasons.
func unsealed() map[string]string {
	return map[string]string{
		"Meter.N": "the meter's identity is sealed", "Meter.Number": "the same", "Meter.Simulated": "the meter's row has evidence of its own",
		"Mode": "it is the account's", "State": "it changes", "Failure": "only a sale that was never completed has one",
		"PressKey": "for showing", "Change": "tokens of a key change are the meter's, not the sale's",
		"Tokens.Sale": "the sale is sealed", "Tokens.State": "it changes", "Tokens.Result": "it changes",
		"Tokens.Tail":      "it only finds a token, and a token from before it gets it later",
		"Tokens.Elsewhere": "it is false for every token of a sale",
	}
}

// TestTheSealOfASaleCoversEveryFigure changes one field after the other of a sale with every kind of
// line. Each change must change the seal, except for the fields in unsealed.
func TestTheSealOfASaleCoversEveryFigure(t *testing.T) {
	leaf := everything().Leaf()
	index := regexp.MustCompile(`\[\d+\]`)
	seen := map[string]bool{}
	total := 0
	atoms(reflect.ValueOf(everything()).Elem(), "Sale", func(string, reflect.Value) { total++ })
	for k := range total {
		s, n, path := everything(), 0, ""
		atoms(reflect.ValueOf(s).Elem(), "Sale", func(p string, v reflect.Value) {
			if n == k {
				path = p
				set(v, 5000+n+50)
			}
			n++
		})
		field := index.ReplaceAllString(strings.TrimPrefix(path, "Sale."), "")
		if strings.HasPrefix(field, "Change.") {
			field = "Change"
		}
		seen[field] = true
		if is, want := s.Leaf() != leaf, unsealed()[field] == ""; is != want {
			t.Errorf("%s: the seal covers it: %t, want %t", path, is, want)
		}
	}
	for field := range unsealed() {
		if !seen[field] {
			t.Errorf("a sale has no %s: take it off unsealed()", field)
		}
	}
}

// TestTheSealOfASaleCoversItsShape: the seal depends on the number of lines, steps and tokens, on whether a charge is still unpaid, and on
// the border between one text and the next.
func TestTheSealOfASaleCoversItsShape(t *testing.T) {
	leaf := everything().Leaf()
	for name, change := range map[string]func(s *sale.Sale){
		"a line less":             func(s *sale.Sale) { s.Lines = s.Lines[1:] },
		"lines in another order":  func(s *sale.Sale) { s.Lines[0], s.Lines[1] = s.Lines[1], s.Lines[0] },
		"a step less":             func(s *sale.Sale) { s.Lines[4].Steps = s.Lines[4].Steps[:1] },
		"nothing runs down":       func(s *sale.Sale) { s.Lines[2].Left = nil },
		"nothing is left":         func(s *sale.Sale) { s.Lines[2].Left = new(money.Minor) },
		"a token less":            func(s *sale.Sale) { s.Tokens = s.Tokens[:1] },
		"tokens in another order": func(s *sale.Sale) { s.Tokens[0], s.Tokens[1] = s.Tokens[1], s.Tokens[0] },
		"a charge less":           func(s *sale.Sale) { s.Asked.Charges = nil },
		"a letter moved to the next text": func(s *sale.Sale) {
			s.Lines[2].Ref, s.Lines[2].Label = s.Lines[2].Ref+s.Lines[2].Label[:1], s.Lines[2].Label[1:]
		},
	} {
		s := everything()
		if change(s); s.Leaf() == leaf {
			t.Errorf("%s: the seal is the same", name)
		}
	}
}

// TestTheSealOfASaleNeverChanges: stored sales are checked against the seal forever.
func TestTheSealOfASaleNeverChanges(t *testing.T) {
	left := money.Minor(3800)
	s := sale.Sale{ClientRef: "till3-1", Tender: money.Amount{Minor: 10_000, Currency: "KES"}, CarryIn: 3, CarryOut: 1, Units: 28_700, Free: 1000, Month: "2026-11",
		ReceiptNo: "main-000001", Till: "main", By: "till 3", PricedAt: time.Unix(1_795_000_000, 0), CompletedAt: time.Unix(1_795_000_001, 0)}
	for i, kind := range kinds() {
		n := sale.Line{Kind: kind, Amount: money.Minor(100 * (i + 1)), VAT: money.Minor(i)}
		switch kind {
		case sale.LineDebt:
			n.Ref, n.Label, n.Left = "debt_1", "meter", &left
		case sale.LineFree, sale.LineEnergy:
			n.Steps = []sale.Step{{Units: unit.Energy(1000 * i), Rate: 2_500_000, Amount: money.Minor(250 * i)}}
		}
		s.Lines = append(s.Lines, n)
	}
	leaf := s.Leaf()
	if got, want := hex.EncodeToString(leaf[:]), "69027be5c6d4eb5af9819b120ad14c4e689c59b4922aeaa45c24c5f7e2748295"; got != want {
		t.Errorf("the seal is %s, want %s", got, want)
	}
}
