package smpp

import "fmt"

// DecodeBind reads the body of a bind, which only a centre receives.
func DecodeBind(body []byte) (Bind, error) {
	r := &reader{b: body}
	b := Bind{SystemID: r.text(maxSystemID), Password: r.text(maxPassword), SystemType: r.text(maxSystem)}
	b.Version, b.TON, b.NPI = r.octet(), r.octet(), r.octet()
	b.Range = r.text(maxRange)
	if r.err != nil {
		return Bind{}, fmt.Errorf("decode bind: %w", r.err)
	}
	return b, nil
}
