package diagnosis_test

import (
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/diagnosis"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/storetest"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

func TestASoldTokenIsKnown(t *testing.T) {
	c := begin(t)
	k := c.meter(number, key(nil))[0]
	c.meter(another, key(nil))
	for _, s := range []struct {
		sale soldToken
		want string
	}{
		{soldToken{key: k, minutes: 1}, "ready"},
		{soldToken{key: k, minutes: 2, state: sale.TokenSent}, "ready"},
		{soldToken{key: k, minutes: 3, state: sale.TokenAccepted, result: "accept"}, "used"},
		{soldToken{key: k, minutes: 4, state: sale.TokenAccepted, result: "used_error"}, "used"},
		{soldToken{key: k, minutes: 5, state: sale.TokenRejected, result: "old_error"}, "rejected"},
		{soldToken{key: k, minutes: 6, state: sale.TokenRejected, result: "crc_error"}, "rejected"},
		{soldToken{key: k, minutes: 7, state: sale.TokenReversed}, "reversed"},
		{soldToken{key: k, minutes: 8, state: "reversed_unconfirmed"}, "reversed"},
	} {
		token := c.sold(number, s.sale)
		d := c.ask(token, "")
		if codes(d) != s.want || d.Sold == nil || d.Number != number || d.Keys != diagnosis.KeysNotAsked || d.Typing != nil || !d.Test ||
			d.Contents == nil || d.Contents.Units != 34_700*unit.WattHour || d.Contents.Kind != "electricity credit" || d.Key == nil || d.Key.KRN != 1 {
			t.Errorf("%s: %s, want %s: %+v", s.sale.state, codes(d), s.want, d)
		}
		if d := c.ask(token, another); codes(d) != "other_meter" && codes(d) != "other_meter "+s.want || d.Number != number {
			t.Errorf("%s asked for another meter: %s of meter %s", s.sale.state, codes(d), d.Number)
		}
	}
}

func TestAKeyChangeExplainsARefusedToken(t *testing.T) {
	c := begin(t)
	keys := c.meter(number, key(func(k *registry.Key) { k.State = "past" }), key(func(k *registry.Key) { k.KRN, k.State = 2, "current" }))
	if got := codes(c.ask(c.sold(number, soldToken{key: keys[0], minutes: 1}), "")); got != "superseded" {
		t.Errorf("under the past key: %s, want superseded", got)
	}
	if got := codes(c.ask(c.sold(number, soldToken{key: keys[0], minutes: 2, state: sale.TokenAccepted, result: "accept"}), "")); got != "used" {
		t.Errorf("entered before the change: %s, want used", got)
	}
	keys = c.meter(another, key(nil), key(func(k *registry.Key) { k.KRN, k.State = 2, "issued" }))
	if got := codes(c.ask(c.sold(another, soldToken{key: keys[0], minutes: 1}), "")); got != "before_key_change" {
		t.Errorf("under the old key while the change tokens wait: %s, want before_key_change", got)
	}
	if got := codes(c.ask(c.sold(another, soldToken{key: keys[1], minutes: 1}), "")); got != "after_key_change" {
		t.Errorf("under the new key: %s, want after_key_change", got)
	}
}

func TestExpiredKeysAndBaseDates(t *testing.T) {
	c := begin(t)
	k := c.meter(number, key(func(k *registry.Key) { k.KEN = 90 }))[0]
	if got := codes(c.ask(c.sold(number, soldToken{key: k, minutes: 1}), "")); got != "key_expired" {
		t.Errorf("past the expiry number: %s, want key_expired", got)
	}
	k = c.meter(another, key(nil))[0]
	c.clock = sts.Base2014.End().Add(-time.Hour)
	token := c.sold(another, soldToken{key: k, minutes: 1})
	c.clock = c.clock.Add(24 * time.Hour)
	if got := codes(c.ask(token, "")); got != "base_date_over" {
		t.Errorf("after the end of the base date: %s, want base_date_over", got)
	}
}

func TestATextMessageIsNoProof(t *testing.T) {
	c := begin(t)
	k := c.meter(number, key(nil))[0]
	d := c.ask(c.sold(number, soldToken{key: k, minutes: 1, state: sale.TokenHeard, result: metering.ResultHeard}), "")
	if codes(d) != "used" || !strings.Contains(d.Findings[0].Text.English, "A text message says") || !strings.Contains(d.Findings[0].Text.English, "not proven") || strings.Contains(d.Findings[0].Text.English, "the credit was added") {
		t.Errorf("a token that a text message says is in: %s, %+v; want used, by a text message, not proved", codes(d), d.Findings)
	}
}

func TestATypingErrorIsFoundAmongSoldTokens(t *testing.T) {
	c := begin(t)
	k := c.meter(number, key(nil))[0]
	c.meter(another, key(nil))
	token := c.sold(number, soldToken{key: k, minutes: 30})
	for _, swapped := range []bool{false, true} {
		wrong := slip(t, token, swapped)
		want, one, two := "mistyped_digit", 1, 0
		if swapped {
			want, one, two = "swapped_digits", 0, 1
		}
		for _, named := range []string{number, ""} {
			d := c.ask(wrong, named)
			if d.Verdict() != diagnosis.Code(want) || d.Typing == nil || d.Typing.OneDigit != one || d.Typing.Swapped != two || d.Typing.Sold != 1 ||
				len(d.Typing.Meant) != 1 || d.Typing.Meant[0] != token || d.Typing.Tried < 150 || d.Sold != nil || d.Contents != nil {
				t.Errorf("asked with %q: %s, %+v, want %s", named, codes(d), d.Typing, want)
			}
		}
		if d := c.ask(wrong, another); d.Verdict() != diagnosis.FitsNothing || d.Typing.Sold != 0 {
			t.Errorf("asked for another meter: %s, %+v", codes(d), d.Typing)
		}
	}
}

func TestDigitsThatWereNotSoldAreTriedUnderTheMetersKeys(t *testing.T) {
	c := begin(t)
	k := c.meter(number, key(nil))[0]
	c.meter(another, key(nil))
	token := c.token(number, k, 30)
	d := c.ask(token, number)
	if codes(d) != "not_sold" || d.Key == nil || !d.Registered || d.Keys != diagnosis.KeysUsed || d.Contents.Units != 34_700*unit.WattHour || d.Typing.Sold != 0 {
		t.Errorf("opens under the meter's key: %s, %+v", codes(d), d)
	}
	if d := c.ask(slip(t, token, false), number); d.Verdict() != diagnosis.MistypedDigit || d.Typing.OneDigit != 1 || d.Typing.Sold != 0 || len(d.Typing.Meant) != 0 {
		t.Errorf("one digit off what opens: %s, %+v: nothing that was not sold may be shown", codes(d), d.Typing)
	}
	if got := codes(c.ask(token, another)); got != "fits_nothing" {
		t.Errorf("for another meter: %s, want fits_nothing", got)
	}
	if got := codes(c.ask(token, "")); got != "no_meter_given" {
		t.Errorf("without a meter: %s, want no_meter_given", got)
	}
	c.said(k, 30, "accept")
	if d := c.ask(token, number); codes(d) != "used not_sold" || len(d.Reports) != 1 || d.Reports[0].Result != "accept" {
		t.Errorf("after the meter took it: %s, %+v", codes(d), d.Reports)
	}
}

func TestATokenUnderAnotherKeyOfTheMeterIsRecognised(t *testing.T) {
	c := begin(t)
	c.addKey("654321", 7, sts.Base2014, 0x77)
	registered := key(nil)
	c.meter(number, registered)
	for name, k := range map[string]registry.Key{
		"another tariff index": key(func(k *registry.Key) { k.TI = "37" }),
		"another revision":     key(func(k *registry.Key) { k.KRN = 2 }),
		"another supply group": key(func(k *registry.Key) { k.SGC, k.KRN = "654321", 7 }),
	} {
		d := c.ask(c.token(number, k, 30), number)
		if codes(d) != "other_key" || d.Registered || d.Key == nil || d.Key.TI != k.TI || d.Key.KRN != k.KRN || d.Key.SGC != k.SGC {
			t.Errorf("%s: %s, %+v", name, codes(d), d.Key)
		}
	}
	// With many keys a token sometimes opens by chance. Such a token is ignored unless its contents are plausible.
	old := key(func(k *registry.Key) { k.TI = "37" })
	if got := codes(c.ask(c.token(number, old, 3*366*24*60), number)); got != "fits_nothing" {
		t.Errorf("three years old under another key: %s, want fits_nothing", got)
	}
}

func TestALockedKeyStoreGivesAPartAndSaysSo(t *testing.T) {
	c := begin(t)
	k := c.meter(number, key(nil))[0]
	sold, unsold := c.sold(number, soldToken{key: k, minutes: 30}), c.token(number, k, 40)
	c.keys.Lock()
	if got := codes(c.ask(sold, number)); got != "ready" {
		t.Errorf("sold: %s, want ready", got)
	}
	if d := c.ask(unsold, number); codes(d) != "keystore_locked" || d.Keys != diagnosis.KeysLocked || d.Contents != nil {
		t.Errorf("not sold: %s, %+v", codes(d), d)
	}
	if d := c.ask(slip(t, sold, true), number); codes(d) != "swapped_digits keystore_locked" || len(d.Typing.Meant) != 1 {
		t.Errorf("mistyped: %s, %+v", codes(d), d.Typing)
	}
}

func TestMetersWithoutUsableKeys(t *testing.T) {
	c := begin(t)
	c.meter(number, key(func(k *registry.Key) { k.KRN = 9 }))
	c.meter(another)
	token := c.token(number, key(nil), 4000*24*60) // not plausible under any key
	if d := c.ask(token, number); codes(d) != "vending_key_missing" || d.Keys != diagnosis.KeysMissing {
		t.Errorf("without the vending key: %s, %s", codes(d), d.Keys)
	}
	if got := codes(c.ask(token, another)); got != "no_keys" {
		t.Errorf("a wallet meter: %s, want no_keys", got)
	}
}

func TestWhatNeedsNobodysKnowledge(t *testing.T) {
	c := begin(t)
	c.meter(number, key(nil))
	for digits, want := range map[string]string{
		"": "no_token", "2371 6100": "no_token", "99999999999999999999": "no_token", "2371610050118319419x": "no_token",
		"56493153725450313471": "test_token", "00000000000150997584": "test_token", "18446744073843772416": "test_token",
		"62276333675187476360": "no_meaning", // class 3
	} {
		if d := c.askAs(actor(access.Support), digits, ""); codes(d) != want {
			t.Errorf("%q: %s, want %s", digits, codes(d), want)
		}
	}
	d := c.askAs(actor(access.Support), "18446744073843772416", number)
	if d.Contents == nil || len(d.Contents.Tests) != 1 || !strings.Contains(d.Findings[0].Text.English, "key revision") {
		t.Errorf("test 4: %+v", d)
	}
	if d := c.askAs(actor(access.Owner), strings.Repeat("1", 200), ""); d.Code != refusal.InvalidRequest {
		t.Errorf("200 digits: %s, want %s", d.Code, refusal.InvalidRequest)
	}
	if d := c.askAs(actor(access.Owner), "23716100501183194197", another); d.Code != refusal.MeterNotFound {
		t.Errorf("an unknown meter: %s, want %s", d.Code, refusal.MeterNotFound)
	}
	if d := c.askAs(actor(access.Owner), "23716100501183194197", "04140001002"); d.Code != refusal.MeterNumberInvalid {
		t.Errorf("a number with a wrong check digit: %s, want %s", d.Code, refusal.MeterNumberInvalid)
	}
}

func TestALockedMeterIsTold(t *testing.T) {
	c := begin(t)
	k := c.meter(number, key(nil))[0]
	token := c.sold(number, soldToken{key: k, minutes: 30})
	c.said(k, 30, "crc_error")
	c.said(k, 30, "locked")
	if got := codes(c.ask(token, number)); got != "ready locked_out" {
		t.Errorf("got %s, want ready locked_out", got)
	}
	c.clock = c.clock.Add(25 * time.Hour)
	if got := codes(c.ask(token, number)); got != "ready" {
		t.Errorf("longer ago than a meter locks itself: %s, want ready", got)
	}
	c.said(k, 30, "locked")
	c.said(k, 30, "accept")
	if got := codes(c.ask(token, number)); got != "ready" {
		t.Errorf("after another answer: %s, want ready", got)
	}
}

// TestWhoMayKnowWhat asks the same questions with every role, and compares the answers.
func TestWhoMayKnowWhat(t *testing.T) {
	c := begin(t)
	k := c.meter(number, key(nil))[0]
	sold := c.sold(number, soldToken{key: k, minutes: 30})
	c.said(k, 30, "accept")
	unsold := c.token(number, k, 40)
	shops := c.sold(number, soldToken{key: k, minutes: 35, vendor: id.ID{7}})
	if d := c.askAs(actor(access.VendorAPI), sold.Reveal(), number); d.Code != refusal.Forbidden || len(d.Findings) != 0 {
		t.Errorf("a vendor's key of no vendor: %s, %+v, want forbidden", d.Code, d)
	}
	for _, role := range access.Roles() {
		by, sold := actor(role), sold
		if role == access.VendorAPI {
			by.Vendor, sold = id.ID{7}, shops
		}
		d := c.askAs(by, sold.Reveal(), number)
		if !role.May(access.ReadVends) {
			if d.Code != refusal.Forbidden || len(d.Findings) != 0 || d.Contents != nil {
				t.Errorf("%s: %s, %+v, want forbidden", role, d.Code, d)
			}
			continue
		}
		meters := role.May(access.ReadMeters)
		if d.Sold == nil || (d.Key != nil) != meters || (len(d.Reports) > 0) != meters {
			t.Errorf("%s, sold: sold %t, key %t, reports %d; may read meters %t", role, d.Sold != nil, d.Key != nil, len(d.Reports), meters)
		}
		d = c.askAs(by, slip(t, sold, false).Reveal(), number)
		if shown := len(d.Typing.Meant) > 0; shown != role.May(access.ShowTokens) || d.Typing.Sold != 1 {
			t.Errorf("%s, mistyped: correction shown %t, want %t: %+v", role, shown, role.May(access.ShowTokens), d.Typing)
		}
		d = c.askAs(by, unsold.Reveal(), number)
		if tried := d.Keys == diagnosis.KeysUsed; tried != meters || (d.Contents != nil) != meters || (d.Key != nil) != meters {
			t.Errorf("%s, not sold: keys %s, contents %t; may read meters %t", role, d.Keys, d.Contents != nil, meters)
		}
	}
}

func TestAVendorSeesItsOwnSalesOnly(t *testing.T) {
	c := begin(t)
	k := c.meter(number, key(nil))[0]
	mine, other := id.ID{7}, id.ID{8}
	own := c.sold(number, soldToken{key: k, minutes: 10, vendor: mine})
	theirs := c.sold(number, soldToken{key: k, minutes: 20, vendor: other, state: sale.TokenAccepted, result: "accept"})
	for _, role := range []access.Role{access.VendorAPI, access.Operator} {
		by := actor(role)
		by.Vendor = mine
		if d := c.askAs(by, own.Reveal(), number); codes(d) != "ready" || d.Sold == nil {
			t.Errorf("%s, its own: %s", role, codes(d))
		}
		// To a vendor, another vendor's token looks exactly like one that was never sold.
		nobody := c.token(number, k, 50)
		for _, tt := range []struct {
			name          string
			theirs, other sts.Token
		}{{"the token", theirs, nobody}, {"one digit off", slip(t, theirs, false), slip(t, nobody, false)}} {
			d, n := c.askAs(by, tt.theirs.Reveal(), number), c.askAs(by, tt.other.Reveal(), number)
			if codes(d) != "not_yours" || codes(n) != codes(d) || d.Sold != nil || d.Contents != nil || d.Key != nil || len(d.Reports) != 0 ||
				d.Typing.OneDigit+d.Typing.Swapped != 0 || d.Keys != diagnosis.KeysNotAsked {
				t.Errorf("%s, %s of another vendor: %s, %+v; of nobody: %s", role, tt.name, codes(d), d, codes(n))
			}
		}
	}
}

func TestGuessingIsLimitedAndSoldTokensAreNot(t *testing.T) {
	c := begin(t)
	k := c.meter(number, key(nil))[0]
	sold := c.sold(number, soldToken{key: k, minutes: 30})
	guess := c.token(number, k, 40)
	by := actor(access.Support)
	for n := range diagnosis.MeterGuesses {
		if d := c.askAs(by, guess.Reveal(), number); d.Refused() {
			t.Fatalf("question %d: %s", n+1, d.Detail())
		}
	}
	d := c.askAs(by, guess.Reveal(), number)
	if d.Code != refusal.RateLimited || d.RetryAfter <= 0 || d.RetryAfter > diagnosis.GuessWindow || len(d.Findings) != 0 || d.Contents != nil {
		t.Errorf("after %d questions about one meter: %s, wait %s", diagnosis.MeterGuesses, d.Code, d.RetryAfter)
	}
	if d := c.askAs(actor(access.Owner), guess.Reveal(), number); d.Code != refusal.RateLimited {
		t.Errorf("somebody else about the same meter: %s, want %s", d.Code, refusal.RateLimited)
	}
	if d := c.askAs(by, sold.Reveal(), number); codes(d) != "ready" {
		t.Errorf("a sold token: %s %s, want ready", d.Code, codes(d))
	}
	c.clock = c.clock.Add(diagnosis.GuessWindow)
	if d := c.askAs(by, guess.Reveal(), number); d.Refused() {
		t.Errorf("a day later: %s", d.Detail())
	}
}

// TestWhoMayNotTryKeysUsesUpNobodysQuestions checks that a vendor's questions do not count against the meter's limit.
// They try no key of the meter and say nothing about it, so they must not keep the utility from asking.
func TestWhoMayNotTryKeysUsesUpNobodysQuestions(t *testing.T) {
	c := begin(t)
	k := c.meter(number, key(nil))[0]
	guess := c.token(number, k, 40)
	vendor := actor(access.VendorAPI)
	vendor.Vendor = id.ID{7}
	for n := range diagnosis.MeterGuesses + 1 {
		if d := c.askAs(vendor, guess.Reveal(), number); codes(d) != "not_yours" {
			t.Fatalf("vendor's question %d: %s %s, want not_yours", n+1, d.Code, codes(d))
		}
	}
	if d := c.askAs(actor(access.Support), guess.Reveal(), number); codes(d) != "not_sold" {
		t.Errorf("support after a vendor's %d questions: %s %s, want not_sold", diagnosis.MeterGuesses+1, d.Code, codes(d))
	}
}

// TestEveryAnswerIsInTheAuditLog checks that the audit log has who asked about which meter and the verdict, but never
// the digits.
func TestEveryAnswerIsInTheAuditLog(t *testing.T) {
	c := begin(t)
	k := c.meter(number, key(nil))[0]
	sold := c.sold(number, soldToken{key: k, minutes: 30})
	wrong := slip(t, sold, false)
	c.ask(sold, number)
	c.ask(wrong, number)
	c.ask(wrong, "")
	var rows []access.Entry
	err := c.engine.View(t.Context(), store.FirstTenant, func(tx *store.Tx) (err error) {
		_, rows, err = storetest.AuditPage(tx, id.ID{}, 10)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	asked, shown := 0, 0
	for _, r := range rows {
		text := r.Object + r.After + r.Before + r.Reason
		for _, digits := range []string{sold.Reveal(), wrong.Reveal(), sold.RevealGrouped(), wrong.RevealGrouped()} {
			if strings.Contains(text, digits) {
				t.Errorf("the audit log holds digits: %+v", r)
			}
		}
		switch r.Action {
		case "token.diagnose":
			asked++
			if !strings.Contains(r.After, "verdict=") || !strings.Contains(r.After, "****") || r.Actor == "" {
				t.Errorf("row %+v", r)
			}
		case "token.show":
			shown++
		}
	}
	if asked != 3 || shown != 2 {
		t.Errorf("%d rows of questions and %d of digits shown, want 3 and 2", asked, shown)
	}
}

// countedKeys counts what questions cost: keys that are derived, and tokens that are opened.
type countedKeys struct {
	diagnosis.Keys
	derived, opened int
}

func (k *countedKeys) Explain(digits string, of []sts.Attributes, likely func(key int, o sts.Opened) bool) (sts.Explanation, diagnosis.KeyUse, error) {
	e, use, err := k.Keys.Explain(digits, of, likely)
	k.derived += len(of)
	k.opened += len(of) * (1 + e.Tried)
	return e, use, err
}

func (k *countedKeys) Open(t sts.Token, of []sts.Attributes) ([]sts.Opened, diagnosis.KeyUse, error) {
	k.derived += len(of)
	k.opened += len(of)
	return k.Keys.Open(t, of)
}

// TestAFruitlessQuestionIsCheap counts the work of the most expensive question: the doctor looks up every slip and tries every key. Deriving a
// key is the dearest part of it.
func TestAFruitlessQuestionIsCheap(t *testing.T) {
	c := begin(t)
	keys := &countedKeys{Keys: c.keys.Reader()}
	c.doctor = diagnosis.New(diagnosis.Config{Door: door{c.engine}, Keys: keys, Hasher: c.data, Now: func() time.Time { return c.clock }})
	c.meter(number, key(nil))
	token := c.token(number, key(nil), 4000*24*60)
	wrong := slip(t, slip(t, token, false), true)
	const slips, keysTried = 199, 1 + 99 + 1 // typing errors of a token; the meter's key, those of other tariff indices, and the other vending key
	for range diagnosis.MeterGuesses {
		*keys = countedKeys{Keys: keys.Keys}
		d := c.ask(wrong, number)
		if got := codes(d); got != "fits_nothing" {
			t.Fatalf("got %s, want fits_nothing", got)
		}
		if d.Typing.Tried < 150 || d.Typing.Tried > slips {
			t.Errorf("%d slips are looked up, want 150 to %d", d.Typing.Tried, slips)
		}
		if keys.derived != keysTried || keys.opened > slips+keysTried {
			t.Errorf("%d keys are derived and %d tokens opened, want %d and at most %d", keys.derived, keys.opened, keysTried, slips+keysTried)
		}
	}
}
