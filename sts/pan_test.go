package sts_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/paywatt/paywatt/sts"
)

func TestMeterNumbersBecomePANs(t *testing.T) {
	for _, c := range []struct{ drn, pan, issuer string }{
		{"12345678903", "600727123456789030", "600727"},
		{"00000000000", "600727000000000009", "600727"},
		{"11111111115", "600727111111111153", "600727"},
		{"0100000000008", "000001000000000082", "0000"},
		{"5978376591527", "000059783765915278", "0000"},
		{"1234 5678 903", "600727123456789030", "600727"},
	} {
		p, err := sts.ParseNumber(c.drn)
		if err != nil || p.String() != c.pan || p.Issuer() != c.issuer {
			t.Errorf("ParseNumber(%q) = %s of %s, %v, want %s of %s", c.drn, p, p.Issuer(), err, c.pan, c.issuer)
		}
		back, err := sts.ParsePAN(c.pan)
		if err != nil || back != p {
			t.Errorf("ParsePAN(%s) = %s, %v, want %s", c.pan, back, err, p)
		}
	}
}

func TestWrongMeterNumbersAreRefused(t *testing.T) {
	for drn, want := range map[string]error{
		"12345678904": sts.ErrLuhn, "11111111113": sts.ErrLuhn, "21345678903": sts.ErrLuhn, "0100000000009": sts.ErrLuhn,
		"": sts.ErrNumber, "1234567890": sts.ErrNumber, "123456789012": sts.ErrNumber, "12345678901234": sts.ErrNumber,
		"1234567890x": sts.ErrNumber, "1234567890123456789": sts.ErrNumber, "1234567890٣": sts.ErrNumber,
	} {
		if p, err := sts.ParseNumber(drn); !errors.Is(err, want) || p != (sts.PAN{}) {
			t.Errorf("ParseNumber(%q) = %s, %v, want %v", drn, p, err, want)
		}
	}
	for pan, want := range map[string]error{
		"600727123456789038": sts.ErrLuhn,   // wrong check digit of the PAN
		"600727123456789045": sts.ErrLuhn,   // wrong check digit of the meter number
		"600728123456789036": sts.ErrNumber, // another issuer
		"60072712345678903":  sts.ErrNumber, "6007271234567890300": sts.ErrNumber, "": sts.ErrNumber,
	} {
		if p, err := sts.ParsePAN(pan); !errors.Is(err, want) || p != (sts.PAN{}) {
			t.Errorf("ParsePAN(%q) = %s, %v, want %v", pan, p, err, want)
		}
	}
}

func TestNoMeterHasNoNumber(t *testing.T) {
	var none sts.PAN
	if got := none.String() + none.Number() + none.Issuer(); got != "" {
		t.Errorf("the zero PAN prints %q", got)
	}
	if got := number(t, "0100000000008").Number(); got != "0100000000008" {
		t.Errorf("Number() = %s", got)
	}
}

func TestPANsTravelAsText(t *testing.T) {
	type meter struct{ PAN sts.PAN }
	for _, want := range []meter{{number(t, "12345678903")}, {}} {
		raw, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got meter
		if err := json.Unmarshal(raw, &got); err != nil || got != want {
			t.Errorf("%s comes back as %s, %v", raw, got.PAN, err)
		}
	}
	var got meter
	if err := json.Unmarshal([]byte(`{"PAN":"600727123456789038"}`), &got); !errors.Is(err, sts.ErrLuhn) {
		t.Errorf("a PAN with a wrong check digit: %v, want %v", err, sts.ErrLuhn)
	}
}

func TestCheckDigits(t *testing.T) {
	for body, want := range map[string]byte{"1234567890": '3', "7861754265922": '0', "60072700000000000": '9', "0": '0', "5": '9'} {
		if got, err := sts.Luhn(body); err != nil || got != want {
			t.Errorf("Luhn(%s) = %c, %v, want %c", body, got, err, want)
		}
	}
	for _, body := range []string{"", "12a", "1 2", "-1"} {
		if _, err := sts.Luhn(body); !errors.Is(err, sts.ErrNumber) {
			t.Errorf("Luhn(%q): %v, want %v", body, err, sts.ErrNumber)
		}
	}
}
