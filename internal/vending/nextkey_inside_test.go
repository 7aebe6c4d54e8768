package vending

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/sts"
)

// TestFactsOfANextKey checks each fact of a key change with a valid and an invalid value.
func TestFactsOfANextKey(t *testing.T) {
	for _, c := range []struct {
		next NextKey
		says string // the field that the refusal names; empty if accepted
	}{
		{NextKey{}, ""}, {NextKey{SGC: "000000"}, ""}, {NextKey{SGC: "999999"}, ""}, {NextKey{SGC: "12345"}, "sgc"}, {NextKey{SGC: "1234567"}, "sgc"},
		{NextKey{SGC: "12345/"}, "sgc"}, {NextKey{SGC: "12345:"}, "sgc"}, {NextKey{KRN: 1}, ""}, {NextKey{KRN: 9}, ""}, {NextKey{KRN: 10}, "krn"},
		{NextKey{TI: "00"}, ""}, {NextKey{TI: "99"}, ""}, {NextKey{TI: "1"}, "ti"}, {NextKey{TI: "100"}, "ti"}, {NextKey{TI: "a1"}, "ti"},
		{NextKey{KT: new(sts.DDTK)}, ""}, {NextKey{KT: new(sts.DUTK)}, ""}, {NextKey{KT: new(sts.DCTK)}, ""}, {NextKey{KT: new(sts.DITK)}, "kt"}, {NextKey{KT: new(sts.DCTK + 1)}, "kt"},
		{NextKey{DKGA: sts.DKGA02}, ""}, {NextKey{DKGA: sts.DKGA04}, ""}, {NextKey{DKGA: 1}, "dkga"}, {NextKey{DKGA: 3}, "dkga"}, {NextKey{DKGA: 5}, "dkga"},
		{NextKey{BaseDate: sts.Base1993}, ""}, {NextKey{BaseDate: sts.Base2014}, ""}, {NextKey{BaseDate: sts.Base2035}, ""}, {NextKey{BaseDate: 2015}, "base_date"},
	} {
		no := c.next.check()
		if no.Refused() != (c.says != "") || no.Refused() && (no.Code != refusal.InvalidRequest || !strings.HasPrefix(no.What, c.says+" ")) {
			t.Errorf("%+v: %q %s, want it to name %q", c.next, no.Code, no.What, c.says)
		}
	}
	if no := (*NextKey)(nil).check(); no.Refused() {
		t.Errorf("no next key: %s", no.Detail())
	}
}

// TestTheKeyThatFollows: the next key has the facts named in the request, and all other facts of the key before. It has no TIDs yet.
func TestTheKeyThatFollows(t *testing.T) {
	k := registry.Key{ID: [16]byte{1}, Meter: 4, SGC: "123456", KRN: 1, KT: sts.DUTK, TI: "01", KEN: 255, EA: sts.EA07, DKGA: sts.DKGA02, BaseDate: sts.Base2014, LastTID: 7}
	same := k
	same.ID, same.LastTID = [16]byte{}, 0
	if got := (NextKey{}).after(k); got != same || !sameKey(got, k) {
		t.Errorf("nothing is changed: %+v", got)
	}
	for name, c := range map[string]struct {
		next   NextKey
		change func(*registry.Key)
	}{
		"sgc": {NextKey{SGC: "654321"}, func(k *registry.Key) { k.SGC = "654321" }}, "krn": {NextKey{KRN: 2}, func(k *registry.Key) { k.KRN = 2 }},
		"kt": {NextKey{KT: new(sts.DCTK)}, func(k *registry.Key) { k.KT = sts.DCTK }}, "ti": {NextKey{TI: "02"}, func(k *registry.Key) { k.TI = "02" }},
		"ken":       {NextKey{KEN: new(uint8(0))}, func(k *registry.Key) { k.KEN = 0 }},
		"dkga":      {NextKey{DKGA: sts.DKGA04}, func(k *registry.Key) { k.DKGA = sts.DKGA04 }},
		"base date": {NextKey{BaseDate: sts.Base2035}, func(k *registry.Key) { k.BaseDate = sts.Base2035 }},
	} {
		want := same
		c.change(&want)
		if got := c.next.after(k); got != want || sameKey(got, k) {
			t.Errorf("another %s: %+v, want %+v; taken for the same key: %t", name, got, want, sameKey(got, k))
		}
	}
}
