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
		`{"\u212a":1,"k":2}`, // the Kelvin sign is read as a k
	} {
		var into apiv1.NewSale
		p := decode([]byte(body), &into)
		if p == nil || p.Code != string(refusal.InvalidRequest) || !strings.Contains(p.Detail, "twice") {
			t.Errorf("%s: got %v, want that a field stands twice", body, p)
		}
	}
	for _, body := range []string{
		`{"meter":"meter","tender":{"amount_minor":1,"currency":"meter"},"client_ref":"tender","deliver":["meter","meter"]}`,
	} {
		var into apiv1.NewSale
		if p := decode([]byte(body), &into); p != nil {
			t.Errorf("%s: got %v, want none", body, p)
		}
	}
}

// TestAnAmountThatIsNotSaidIsNotNothing: a tender of 0 claims the free units of a month, so 0 must be said.
func TestAnAmountThatIsNotSaidIsNotNothing(t *testing.T) {
	for _, body := range []string{`{}`, `{"meter":"1"}`, `{"meter":"1","tender":null}`, `{"meter":"1","tender":{}}`, `{"meter":"1","tender":{"currency":"KES"}}`,
		`{"meter":"1","tender":{"currency":"KES","amount_minor":null}}`} {
		var into apiv1.NewSale
		if p := decode([]byte(body), &into); p == nil || p.Code != string(refusal.AmountInvalid) || !strings.Contains(p.Detail, `"tender.amount_minor" is missing`) {
			t.Errorf("%s: got %v, want that the amount is missing", body, p)
		}
	}
	var into apiv1.NewSale
	if p := decode([]byte(`{"meter":"1","tender":{"currency":"KES","amount_minor":0}}`), &into); p != nil || into.Tender.AmountMinor != 0 {
		t.Errorf("0 was read as %d, %v", into.Tender.AmountMinor, p)
	}
}

func TestAPlaceIsNamedAsTheBodyNamesIt(t *testing.T) {
	var into apiv1.NewTariff
	p := decode([]byte(`{"name":"x","flat_micro":2.5}`), &into)
	if p == nil || !strings.Contains(p.Detail, `"flat_micro"`) || len(p.Errors) != 1 || p.Errors[0].Location != "body.flat_micro" {
		t.Errorf("got %+v, want the field flat_micro", p)
	}
}

// TestAWrongValueIsToldWhatIsWanted: in words, by the type of the field.
func TestAWrongValueIsToldWhatIsWanted(t *testing.T) {
	for _, c := range []struct {
		into             any
		body, says, want string
		code             refusal.Code
	}{
		{new(apiv1.NewDebt), `{"kind":5}`, `"kind" cannot be a number`, "a text in quotes", refusal.InvalidRequest},
		{new(apiv1.NewDebt), `{"uncapped":"yes"}`, `"uncapped" cannot be a text`, "true or false", refusal.InvalidRequest},
		{new(apiv1.NewDebt), `{"priority":true}`, `"priority" cannot be a truth value`,
			"a whole number that fits 64 bits, without quotes, decimals or exponent", refusal.InvalidRequest},
		{new(apiv1.NewSale), `{"deliver":"mqtt"}`, `"deliver" cannot be a text`, "another kind of value", refusal.InvalidRequest},
		{new(apiv1.NewDebt), `{"amount":{"amount_minor":"100"}}`, `"amount.amount_minor" cannot be a text`,
			"a whole number of minor units (10000 is 100.00), without quotes, decimals or exponent", refusal.AmountInvalid},
	} {
		p := decode([]byte(c.body), c.into)
		if p == nil || p.Code != string(c.code) || !strings.Contains(p.Detail, c.says) || !strings.HasSuffix(p.Detail, "Send "+c.want+".") ||
			len(p.Errors) != 1 || p.Errors[0].Message != "want "+c.want {
			t.Errorf("%s: got %+v, want %s: %s, send %s", c.body, p, c.code, c.says, c.want)
		}
	}
}
