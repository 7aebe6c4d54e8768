package access_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base32"
	"image/png"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
)

// rfc6238 is the secret of RFC 6238, appendix B. The codes there have eight digits; apps show the last six.
func rfc6238() access.Secret {
	return access.SecretOf(base32.StdEncoding.EncodeToString([]byte("12345678901234567890")))
}

// TestCodesOfRFC6238: the codes of the standard are right in their period and in the ones beside it, and only once.
func TestCodesOfRFC6238(t *testing.T) {
	for at, code := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130"} {
		period := at / 30
		for _, c := range []struct {
			off, last int64
			want      bool
		}{{0, 0, true}, {30, 0, true}, {-30, 0, true}, {61, 0, false}, {-61, 0, false}, {0, period - 1, true}, {0, period, false}, {30, period, false}} {
			got, ok, err := access.CheckCode(rfc6238(), code[:3]+" "+code[3:], time.Unix(at+c.off, 0), c.last)
			if err != nil || ok != c.want || ok && got != period {
				t.Errorf("%s at %d%+d after period %d: %d %t %v, want %t", code, at, c.off, c.last, got, ok, err, c.want)
			}
		}
	}
	for _, wrong := range []string{"", "28708", "2870822", "287083", "94287082"} {
		if _, ok, err := access.CheckCode(rfc6238(), wrong, time.Unix(59, 0), 0); ok || err != nil {
			t.Errorf("%q is right: %t, %v", wrong, ok, err)
		}
	}
	if _, _, err := access.CheckCode(access.SecretOf("1?"), "287082", time.Unix(59, 0), 0); err == nil {
		t.Error("an unreadable secret makes no error")
	}
}

func TestNewFactor(t *testing.T) {
	f, err := access.NewFactor(rand.Reader)
	if err != nil || len(f.Reveal()) != 32 {
		t.Fatalf("%d characters, %v", len(f.Reveal()), err)
	}
	at := access.FactorURL(f, "Kisumu Power & Co", "amina@example.org")
	if want := "otpauth://totp/Kisumu%20Power%20&%20Co:amina@example.org?issuer=Kisumu%20Power%20%26%20Co&secret="; !strings.HasPrefix(at, want) {
		t.Errorf("the address is %s, want %s", strings.Replace(at, f.Reveal(), "…", 1), want)
	}
	img, err := access.FactorQR(f, "Kisumu Power & Co", "amina@example.org")
	if err != nil {
		t.Fatal(err)
	}
	if p, err := png.Decode(bytes.NewReader(img)); err != nil || p.Bounds().Dx() < 200 {
		t.Errorf("the image: %v", err)
	}
	codes, err := access.NewRecoveryCodes(rand.Reader)
	if err != nil || len(codes) != 8 || len(codes[0].Reveal()) != 19 || codes[0].Reveal() == codes[1].Reveal() {
		t.Errorf("%d recovery codes, %v", len(codes), err)
	}
	if _, err := access.NewFactor(io.LimitReader(rand.Reader, 19)); err == nil {
		t.Error("no error without randomness")
	}
}
