package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/api"
	"github.com/paywatt/paywatt/internal/diagnosis"
	"github.com/paywatt/paywatt/sts"
)

// doctorSays is what the tests read of a diagnosis.
type doctorSays struct {
	Verdict  string
	Findings []struct{ Code, Text, Do string }
	Token    string
	Kind     string
	UnitsWh  int64 `json:"units_wh"`
	Meter    string
	Key      *struct {
		SGC, TI    string
		KRN        int
		Registered bool
	}
	Sold     bool
	ID, Vend string
	Typing   *struct {
		Tried    int
		OneDigit int `json:"one_digit"`
		Swapped  int
		Sold     int
		Meant    []string
	}
	Keys string
}

func (w *world) diagnose(key, digits, number string) doctorSays {
	w.t.Helper()
	body := fmt.Sprintf(`{"digits":%q}`, digits)
	if number != "" {
		body = fmt.Sprintf(`{"digits":%q,"number":%q}`, digits, number)
	}
	d := decode[doctorSays](w.t, w.want(200, w.ask("POST", "/v1/token-diagnoses", key, body)))
	if len(d.Findings) == 0 || d.Findings[0].Code != d.Verdict || d.Findings[0].Text == "" || d.Findings[0].Do == "" {
		w.t.Errorf("incomplete diagnosis: %+v", d)
	}
	return d
}

// swapped exchanges the first two neighbouring digits that differ, from a position on.
func swapped(digits string, from int) string {
	for i := from; i < len(digits)-1; i++ {
		if digits[i] != digits[i+1] {
			return digits[:i] + digits[i+1:i+2] + digits[i:i+1] + digits[i+2:]
		}
	}
	return digits
}

func TestTheDoctorKnowsWhatWasSold(t *testing.T) {
	w := begin(t)
	s := decode[sale](t, w.want(201, w.sell("sale-0001", order("10000"))))
	digits := s.Tokens[0].Digits
	d := w.diagnose(w.key, digits, meterNumber)
	if d.Verdict != "ready" || !d.Sold || d.Vend != s.ID || d.UnitsWh != s.UnitsWh || d.Kind != "electricity credit" || d.Meter != meterNumber ||
		d.Token != digits[:4]+" **** **** **** "+digits[16:] || d.Key == nil || d.Key.SGC != "123456" || d.Key.KRN != 1 || d.Key.TI != "01" || !d.Key.Registered || d.Typing != nil || d.Keys != "not_asked" {
		t.Errorf("the token as sold: %+v", d)
	}
	var typed string
	for from := 4; from < 16; from += 4 { // once in about 350 times another digit would fit as well
		typed = swapped(digits, from)
		if d = w.diagnose(w.key, typed, ""); d.Verdict == "swapped_digits" {
			break
		}
	}
	if d.Verdict != "swapped_digits" || d.Typing == nil || d.Typing.Swapped != 1 || d.Typing.Sold != 1 || len(d.Typing.Meant) != 1 || d.Typing.Meant[0] != digits {
		t.Errorf("two digits swapped: %+v", d)
	}
	// A key that may not see digits gets only counts, in every field.
	a := w.want(200, w.ask("POST", "/v1/token-diagnoses", w.newKey(access.Support), fmt.Sprintf(`{"digits":%q}`, typed)))
	if d := decode[doctorSays](t, a); d.Verdict != "swapped_digits" || d.Typing.Swapped != 1 || d.Typing.Meant == nil || len(d.Typing.Meant) != 0 ||
		strings.Contains(string(a.body), digits) || strings.Contains(string(a.body), typed) {
		t.Errorf("for support: %s", a.body)
	}
	// A seller's key sees its own sales but no meter's key.
	w.want(201, w.post("/v1/vendors", `{"name":"Corner shop","code":"V9"}`))
	w.want(201, w.ask("POST", "/v1/vendors/V9/deposits", w.key, `{"amount":{"amount_minor":50000,"currency":"KES"},"reference":"V9"}`, "Idempotency-Key", "deposit-V9"))
	seller := w.vendorKey("V9")
	digits = decode[sale](t, w.want(201, w.ask("POST", "/v1/vends", seller, order("10000"), "Idempotency-Key", "sale-0002"))).Tokens[0].Digits
	if d := w.diagnose(seller, digits, meterNumber); d.Verdict != "ready" || !d.Sold || d.Key != nil {
		t.Errorf("for a seller: %+v", d)
	}
	if d := w.diagnose(seller, "23716100501183194197", meterNumber); d.Verdict != "not_yours" || d.Keys != "not_asked" {
		t.Errorf("for a seller, not sold: %+v", d)
	}
}

// unsold makes a token with the meter's key. The server does not know this token.
func unsold(t *testing.T, ti string) string {
	t.Helper()
	vk, err := sts.NewVendingKey([]byte(strings.Repeat("\xab", 8)))
	if err != nil {
		t.Fatal(err)
	}
	pan, err := sts.ParseNumber(meterNumber)
	if err != nil {
		t.Fatal(err)
	}
	h, err := sts.Hold(vk, sts.Attributes{SGC: "123456", KRN: 1, KT: sts.DUTK, TI: ti, EA: sts.EA07, DKGA: sts.DKGA02, BaseDate: sts.Base2014, PAN: pan}, 255)
	if err != nil {
		t.Fatal(err)
	}
	tokens, _, err := h.AppendCredits(nil, sts.Batch{Amounts: []sts.Amount{250}, RND: []byte{9}, Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	return tokens[0].Reveal()
}

func TestTheDoctorTriesTheKeysOfTheMeterAskedFor(t *testing.T) {
	w := begin(t)
	if d := w.diagnose(w.key, unsold(t, "01"), meterNumber); d.Verdict != "not_sold" || d.Sold || d.UnitsWh != 25_000 || d.Keys != "used" || !d.Key.Registered {
		t.Errorf("under the meter's key: %+v", d)
	}
	if d := w.diagnose(w.key, unsold(t, "02"), meterNumber); d.Verdict != "other_key" || d.Key == nil || d.Key.TI != "02" || d.Key.Registered {
		t.Errorf("under another tariff index: %+v", d)
	}
	if d := w.diagnose(w.key, unsold(t, "01"), ""); d.Verdict != "no_meter_given" || d.Keys != "not_asked" || d.Key != nil {
		t.Errorf("without a number: %+v", d)
	}
	if d := w.diagnose(w.key, "12345678901234567890", meterNumber); d.Verdict != "fits_nothing" || d.Typing.Tried < 150 {
		t.Errorf("digits of no token: %+v", d)
	}
	if d := w.diagnose(w.key, "1234 5678", meterNumber); d.Verdict != "no_token" || d.Token != "" {
		t.Errorf("too few digits: %+v", d)
	}
	if d := w.diagnose(w.key, "56493153725450313471", ""); d.Verdict != "test_token" || d.Kind != "test or display" {
		t.Errorf("a test token: %+v", d)
	}
	for body, want := range map[string]string{
		`{"digits":"23716100501183194197","number":"04140001019"}`: "404 meter-not-found", `{"digits":"23716100501183194197","number":"04140001002"}`: "422 meter-number-invalid",
		`{"digits":23716100501183194197}`: "400 invalid-request", `{"token":"2"}`: "400 invalid-request",
	} {
		a := w.post("/v1/token-diagnoses", body)
		if code, _ := w.problem(a); fmt.Sprint(a.status, " ", code) != want {
			t.Errorf("%s: got %d %s, want %s", body, a.status, code, want)
		}
	}
}

func TestTheDoctorWithALockedKeyStoreSaysSo(t *testing.T) {
	w := begin(t)
	s := decode[sale](t, w.want(201, w.sell("sale-0001", order("10000"))))
	w.stop()
	w.serve(false, api.Limits{})
	if d := w.diagnose(w.key, s.Tokens[0].Digits, meterNumber); d.Verdict != "ready" {
		t.Errorf("a sold token: %+v", d)
	}
	if d := w.diagnose(w.key, unsold(t, "01"), meterNumber); d.Verdict != "keystore_locked" || d.Keys != "locked" || d.Kind != "" {
		t.Errorf("a token that was not sold: %+v", d)
	}
}

func TestTheDoctorDoesNotHelpAGuesser(t *testing.T) {
	w := begin(t)
	body := `{"digits":"12345678901234567890","number":"` + meterNumber + `"}`
	for range diagnosis.MeterGuesses {
		w.want(200, w.post("/v1/token-diagnoses", body))
	}
	a := w.want(429, w.post("/v1/token-diagnoses", body))
	if code, _ := w.problem(a); code != "rate-limited" || len(a.header.Get("Retry-After")) < 4 {
		t.Errorf("got %s, Retry-After %q, want rate-limited and some hours", code, a.header.Get("Retry-After"))
	}
	if log := w.log.String(); strings.Contains(log, "12345678901234567890") {
		t.Error("the log holds the digits")
	}
}
