package access

import (
	"bytes"
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"image/png"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
)

// A second factor is a secret that a person's authenticator app shares with the server. The app shows a new code of six digits every 30 s
// (RFC 6238).
const (
	codePeriod = 30 * time.Second
	codeDigits = 6
	// codeSkew is by how many periods the clock of a telephone may be wrong, in both directions.
	codeSkew = 1
	// factorSize is the length of the shared secret in bytes: 160 bits (RFC 4226 §4).
	factorSize = 20
	// recoveryCodes is how many codes a person gets for the day on which the telephone is lost. Each works once.
	recoveryCodes = 8
	// recoverySize is the length of a recovery code in bytes: 80 bits.
	recoverySize = 10
	// qrSize is the width of the QR code in pixels.
	qrSize = 264
)

func plainBase32() *base32.Encoding { return base32.StdEncoding.WithPadding(base32.NoPadding) }

// NewFactor makes the secret of a second factor, in the base32 form that people type into an app.
func NewFactor(rnd io.Reader) (Secret, error) {
	text, err := randomBase32(rnd, factorSize)
	return SecretOf(text), err
}

func randomBase32(rnd io.Reader, size int) (string, error) {
	raw := make([]byte, size)
	if _, err := io.ReadFull(rnd, raw); err != nil {
		return "", fmt.Errorf("generate a second factor: %w", err)
	}
	return plainBase32().EncodeToString(raw), nil
}

// CheckCode reports whether the code belongs to the secret now, and in which period of 30 s since 1970. A code of the period last or of an
// earlier one is refused, so that a code works only once.
func CheckCode(factor Secret, code string, now time.Time, last int64) (period int64, ok bool, err error) {
	code = strings.Join(strings.Fields(code), "")
	for skew := int64(-codeSkew); skew <= codeSkew; skew++ {
		at := now.Add(time.Duration(skew) * codePeriod)
		want, err := totp.GenerateCodeCustom(factor.Reveal(), at, totp.ValidateOpts{Period: uint(codePeriod / time.Second), Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err != nil {
			return 0, false, fmt.Errorf("compute a code: %w", err)
		}
		n := at.Unix() / int64(codePeriod/time.Second)
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 && n > last {
			period, ok = n, true
		}
	}
	return period, ok, nil
}

// FactorURL is the text of the QR code from which an authenticator app reads the secret.
func FactorURL(factor Secret, site, email string) string {
	q := url.Values{"secret": {factor.Reveal()}, "issuer": {site}}
	return (&url.URL{Scheme: "otpauth", Host: "totp", Path: "/" + site + ":" + email, RawQuery: strings.ReplaceAll(q.Encode(), "+", "%20")}).String() // apps show a plus sign as it is
}

// FactorQR is the QR code of [FactorURL] as a PNG image.
func FactorQR(factor Secret, site, email string) ([]byte, error) {
	key, err := otp.NewKeyFromURL(FactorURL(factor, site, email))
	if err != nil {
		return nil, fmt.Errorf("draw a QR code: %w", err)
	}
	img, err := key.Image(qrSize, qrSize)
	if err != nil {
		return nil, fmt.Errorf("draw a QR code: %w", err)
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		return nil, fmt.Errorf("draw a QR code: %w", err)
	}
	return out.Bytes(), nil
}

// NewRecoveryCodes makes the codes for the day on which the telephone is lost, as "ABCD-EFGH-IJKL-MNOP".
func NewRecoveryCodes(rnd io.Reader) ([]Secret, error) {
	out := make([]Secret, recoveryCodes)
	for i := range out {
		text, err := randomBase32(rnd, recoverySize)
		if err != nil {
			return nil, err
		}
		out[i] = SecretOf(text[:4] + "-" + text[4:8] + "-" + text[8:12] + "-" + text[12:])
	}
	return out, nil
}

// recoveryForm is the form of a typed recovery code in which codes are compared. It is empty for a text that is none.
func recoveryForm(typed string) string {
	text := strings.ToUpper(strings.Join(strings.FieldsFunc(typed, func(r rune) bool { return r == '-' || r == ' ' }), ""))
	if raw, err := plainBase32().DecodeString(text); err != nil || len(raw) != recoverySize {
		return ""
	}
	return text[:4] + "-" + text[4:8] + "-" + text[8:12] + "-" + text[12:]
}
