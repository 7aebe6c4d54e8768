package api

import (
	"strings"
	"testing"

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
		var into vendRequest
		p := decode([]byte(body), &into)
		if p == nil || p.Code != refusal.InvalidRequest || !strings.Contains(p.Detail, "twice") {
			t.Errorf("%s: got %v, want that a field stands twice", body, p)
		}
	}
	for _, body := range []string{
		`{"meter":"meter","tender":{"amount_minor":1,"currency":"meter"},"client_ref":"tender","deliver":["meter","meter"]}`,
		`{}`,
	} {
		var into vendRequest
		if p := decode([]byte(body), &into); p != nil {
			t.Errorf("%s: got %v, want none", body, p)
		}
	}
}
