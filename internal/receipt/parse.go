package receipt

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// ErrForm means that a file is not a receipt in the JSON form.
var ErrForm = errors.New("not a receipt in JSON form")

// maxDepth is the greatest number of nested levels in a receipt. A receipt with its proof needs four.
const maxDepth = 8

// Printed is a receipt that somebody presents.
type Printed struct {
	Receipt Receipt
	Proof   json.RawMessage // the receipt's member proof; nil if it has none
	// Altered names the members that [JSON] would write differently: texts that do not match their figures, wrong sums, and unknown
	// members. A receipt that Paywatt wrote has none.
	Altered []string
}

// ParseJSON reads the output of [JSON], with its members in any order and with any blanks. It computes again every figure that
// follows from other figures, so that each part of the receipt is checked.
func ParseJSON(b []byte) (Printed, error) {
	got, err := treeOf(b)
	if err != nil {
		return Printed{}, err
	}
	var d struct {
		apiv1.Receipt
		Proof json.RawMessage `json:"proof"`
	}
	if err := json.Unmarshal(b, &d); err != nil {
		return Printed{}, fmt.Errorf("%w: %w", ErrForm, err)
	}
	p := Printed{Proof: d.Proof}
	if p.Receipt, err = modelOf(d.Receipt); err != nil {
		return Printed{}, err
	}
	again, err := JSON(p.Receipt)
	if err != nil {
		return Printed{}, err
	}
	want, err := treeOf(again)
	if err != nil {
		return Printed{}, err
	}
	delete(got, "proof")
	compare("", got, want, &p.Altered)
	slices.Sort(p.Altered)
	return p, nil
}

// modelOf returns the receipt from which a document was written.
func modelOf(d apiv1.Receipt) (Receipt, error) {
	at, err := time.Parse(time.RFC3339, d.At)
	if err != nil {
		return Receipt{}, fmt.Errorf("%w: \"at\" is not a time", ErrForm)
	}
	cur, ok := money.CurrencyOf(d.Currency)
	if !ok {
		return Receipt{}, fmt.Errorf("%w: currency %q is not known", ErrForm, d.Currency)
	}
	_, epoch, _ := strings.Cut(d.No, "/")
	r := Receipt{Title: d.Title, Copy: d.Copy, Reversed: slices.Contains(d.Marks, string(MarkReversed)), Reverses: d.Reverses, Cancelled: d.Cancelled != nil && *d.Cancelled, Test: d.Test, No: d.No,
		Epoch: epoch, Fiscal: d.Fiscal, At: at, Utility: d.Utility, Address: d.Address, Contact: d.Contact, VATNo: d.VATNo, Sale: d.Sale,
		ClientRef: d.ClientRef, Vendor: d.Vendor, Till: d.Till, Operator: d.Operator, Customer: d.Customer, Account: d.Account, Place: d.Place,
		Meter: d.Meter, STS: STS(d.STS), TariffName: d.Tariff, Version: d.TariffVersion, Currency: cur, Units: unit.Energy(d.UnitsWh),
		Others: parts(d.Others), Levies: parts(d.Levies), Tendered: money.Minor(d.TenderMinor), Net: money.Minor(d.NetMinor),
		VATBps: money.Bps(d.VATBps), VAT: money.Minor(d.VATMinor),
		CarryIn: money.Minor(d.CarryInMinor), CarryOut: money.Minor(d.CarryMinor), Change: money.Minor(d.ChangeMinor),
		PressKey: d.PressKey, Message: d.Message, Today: d.Today, Erased: d.Erased}
	if d.BalanceMinor != nil {
		booked, err := time.Parse(time.RFC3339, d.BalanceAt)
		if err != nil {
			return Receipt{}, fmt.Errorf("%w: \"balance_at\" is not a time", ErrForm)
		}
		r.Balance = &Balance{Amount: money.Minor(*d.BalanceMinor), At: booked}
	}
	for _, t := range d.Tokens {
		digits, result := sts.ParseToken(t.Digits)
		if result != sts.Accept {
			digits = sts.Token{} // the digits are masked; any other text is reported as altered
		}
		one := Token{Kind: t.Kind, Digits: digits}
		if one.Kind != KeyChange { // a key change carries no units
			one.Units = unit.Energy(t.UnitsWh)
		}
		r.Tokens = append(r.Tokens, one)
	}
	for _, s := range d.Steps {
		r.Steps = append(r.Steps, Step{Units: unit.Energy(s.UnitsWh), Rate: money.MicroRate(s.RateMicro), Amount: money.Minor(s.AmountMinor)})
	}
	if err := r.Price(); err != nil {
		return Receipt{}, fmt.Errorf("%w: %w", ErrForm, err)
	}
	return r, nil
}

func parts(all []apiv1.ReceiptPart) []Part {
	var out []Part
	for _, p := range all {
		out = append(out, Part{Kind: p.Kind, Ref: p.Ref, Label: p.Label, Amount: money.Minor(p.AmountMinor), VAT: money.Minor(p.VATMinor),
			Left: (*money.Minor)(p.LeftMinor)})
	}
	return out
}

// treeOf reads a JSON object and refuses a duplicate name, because some readers show the first value of such a name
// and others the last.
func treeOf(b []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	v, err := value(d, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForm, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: more data follows the receipt", ErrForm)
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%w: it is not a JSON object", ErrForm)
	}
	return object, nil
}

func value(d *json.Decoder, depth int) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	delim, compound := t.(json.Delim)
	if !compound {
		return t, nil
	}
	if depth == maxDepth {
		return nil, errors.New("it is nested too deeply")
	}
	if delim == '[' {
		list := []any{}
		for d.More() {
			v, err := value(d, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err
	}
	object := map[string]any{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		key, _ := name.(string) // the decoder accepts only a string as a name
		if _, twice := object[key]; twice {
			return nil, fmt.Errorf("the field %q appears twice", key)
		}
		if object[key], err = value(d, depth+1); err != nil {
			return nil, err
		}
	}
	_, err = d.Token()
	return object, err
}

// compare lists the places at which two trees differ.
func compare(at string, got, want any, out *[]string) {
	switch w := want.(type) {
	case map[string]any:
		if g, ok := got.(map[string]any); ok {
			for name, v := range w {
				compare(join(at, name), g[name], v, out)
			}
			for name := range g {
				if _, known := w[name]; !known {
					*out = append(*out, join(at, name))
				}
			}
			return
		}
	case []any:
		if g, ok := got.([]any); ok && len(g) == len(w) {
			for i := range w {
				compare(at+"["+strconv.Itoa(i)+"]", g[i], w[i], out)
			}
			return
		}
	default:
		if got == want {
			return
		}
	}
	*out = append(*out, at)
}

func join(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}
