package api

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/refusal"
)

func TestAFieldThatStandsTwiceIsRefused(t *testing.T) {
	for _, body := range []string{
		`{"meter":"1","meter":"2"}`,
		`{"meter":"1","METER":"2"}`,
		`{"tender":{"amount_minor":1,"currency":"KES","amount_minor":2}}`,
		`{"tender":{"currency":"KES"},"deliver":["mqtt"],"Tender":{"currency":"KES"}}`,
		`{"tender":{"currency":"KES","\u0063urrency":"USD"}}`,
		`{"client_ref":"a","client_ref":"a"}`,
		`{"\u212a":1,"k":2}`, // JSON decoding treats the Kelvin sign as a k
	} {
		var into apiv1.NewSale
		p := decode([]byte(body), &into)
		if p.Code != refusal.InvalidRequest || !strings.Contains(p.What, "Duplicate field") {
			t.Errorf("%s: got %v, want a duplicate field", body, p)
		}
	}
	for _, body := range []string{
		`{"meter":"meter","tender":{"amount_minor":1,"currency":"meter"},"client_ref":"tender","deliver":["meter","meter"]}`,
	} {
		var into apiv1.NewSale
		if p := decode([]byte(body), &into); p.Refused() {
			t.Errorf("%s: got %v, want none", body, p)
		}
	}
}

// TestAnAmountThatIsNotSaidIsNotNothing: a missing amount does not count as 0. A tender of 0 claims the free units of a month, so 0 must be
// explicit.
func TestAnAmountThatIsNotSaidIsNotNothing(t *testing.T) {
	for _, body := range []string{`{}`, `{"meter":"1"}`, `{"meter":"1","tender":null}`, `{"meter":"1","tender":{}}`, `{"meter":"1","tender":{"currency":"KES"}}`,
		`{"meter":"1","tender":{"currency":"KES","amount_minor":null}}`} {
		var into apiv1.NewSale
		if p := decode([]byte(body), &into); p.Code != refusal.AmountInvalid || !strings.Contains(p.What, `"tender.amount_minor" is missing`) {
			t.Errorf("%s: got %v, want that the amount is missing", body, p)
		}
	}
	var into apiv1.NewSale
	if p := decode([]byte(`{"meter":"1","tender":{"currency":"KES","amount_minor":0}}`), &into); p.Refused() || into.Tender.AmountMinor != 0 {
		t.Errorf("0 was read as %d, %v", into.Tender.AmountMinor, p)
	}
}

func TestAPlaceIsNamedAsTheBodyNamesIt(t *testing.T) {
	var into apiv1.NewTariff
	x := &exchange{}
	p := x.unread(decode([]byte(`{"name":"x","flat_micro":2.5}`), &into))
	if !strings.Contains(p.Detail, `"flat_micro" must be a whole number that fits 64 bits (found: number 2.5). No changes were made.`) || len(p.Errors) != 1 || p.Errors[0].Location != "body.flat_micro" || !strings.Contains(p.Detail, p.Errors[0].Message) {
		t.Errorf("got %+v, want the field flat_micro", p)
	}
}

// TestAWrongValueIsToldWhatIsWanted: the refusal of a wrong value says in words which type the field has.
func TestAWrongValueIsToldWhatIsWanted(t *testing.T) {
	for _, c := range []struct {
		into             any
		body, says, want string
		code             refusal.Code
	}{
		{new(apiv1.NewDebt), `{"kind":5}`, `Field "kind" must be a string (found: number).`, "Write it in quotes.", refusal.InvalidRequest},
		{new(apiv1.NewDebt), `{"uncapped":"yes"}`, `Field "uncapped" must be true or false (found: string).`, "Write it without quotes.", refusal.InvalidRequest},
		{new(apiv1.NewDebt), `{"priority":true}`, `Field "priority" must be a whole number that fits 64 bits (found: bool).`,
			"Write it without quotes, decimals or exponent.", refusal.InvalidRequest},
		{new(apiv1.NewSale), `{"deliver":"mqtt"}`, `Field "deliver" has the wrong type (found: string).`, "Compare it with /docs.", refusal.InvalidRequest},
		{new(apiv1.NewDebt), `{"amount":{"amount_minor":"100"}}`, `Field "amount.amount_minor" must be a whole number of minor units (found: string).`,
			"Write 100.00 as 10000, without quotes, decimals or exponent.", refusal.AmountInvalid},
	} {
		p := decode([]byte(c.body), c.into)
		if p.Code != c.code || p.What != c.says || p.Try != c.want || p.field == "" {
			t.Errorf("%s: got %+v, want %s: %s %s", c.body, p, c.code, c.says, c.want)
		}
	}
}
