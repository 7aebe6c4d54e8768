package wire

import (
	"errors"
	"fmt"
	"log/slog"
)

// Ack tells the meter that all records up to Seq are durable in the server, so that the meter may delete them.
type Ack struct {
	Seq uint64 `json:"seq"`
	// Rewind asks for all records above Seq again, including acknowledged records, because the server restored an
	// older copy.
	Rewind bool `json:"rewind,omitempty"`
}

// TokenDown delivers a token. It is not signed: a token authenticates itself. If the same Request comes again, the
// meter answers with the stored result.
type TokenDown struct {
	Request string
	// Digits are the 20 digits of the token, unchecked; the meter decides whether they are a token.
	Digits Digits
}

// Digits is a token on its way to a meter. It prints as a mask; only Reveal and EncodeTokenDown expose the digits.
type Digits string

// tokenDown is the form of TokenDown on the wire.
type tokenDown struct {
	Request string `json:"request"`
	Digits  string `json:"digits"`
}

// ErrDown is wrapped by every error about a message to a meter that cannot be read.
var ErrDown = errors.New("message to the meter is unreadable")

// Reveal returns the digits.
func (d Digits) Reveal() string { return string(d) }

// String masks the digits.
func (Digits) String() string { return maskedDigits }

// GoString masks the digits.
func (Digits) GoString() string { return maskedDigits }

// LogValue masks the digits.
func (Digits) LogValue() slog.Value { return slog.StringValue(maskedDigits) }

// MarshalText masks the digits in JSON, CBOR and every other text form.
func (Digits) MarshalText() ([]byte, error) { return []byte(maskedDigits), nil }

const maskedDigits = "(token)"

// EncodeAck writes an acknowledgement.
func EncodeAck(f Format, a Ack) ([]byte, error) { return marshal(f, a) }

// DecodeAck reads an acknowledgement in either format.
func DecodeAck(payload []byte) (Ack, error) {
	var a Ack
	if err := unmarshal(payload, &a); err != nil {
		return Ack{}, fmt.Errorf("%w: ack: %w", ErrDown, err)
	}
	if a.Seq > MaxSeq {
		return Ack{}, fmt.Errorf("%w: ack: seq %d too large", ErrDown, a.Seq)
	}
	return a, nil
}

// EncodeTokenDown writes a token delivery. The result contains the digits.
func EncodeTokenDown(f Format, t TokenDown) ([]byte, error) {
	return marshal(f, tokenDown{Request: t.Request, Digits: t.Digits.Reveal()})
}

// DecodeTokenDown reads a token delivery in either format.
func DecodeTokenDown(payload []byte) (TokenDown, error) {
	var t tokenDown
	if err := unmarshal(payload, &t); err != nil {
		return TokenDown{}, fmt.Errorf("%w: token: %w", ErrDown, err)
	}
	if t.Request == "" {
		return TokenDown{}, fmt.Errorf("%w: token: request is missing", ErrDown)
	}
	if len(t.Request) > maxText || len(t.Digits) > maxText {
		return TokenDown{}, fmt.Errorf("%w: token: a field is longer than %d bytes", ErrDown, maxText)
	}
	return TokenDown{Request: t.Request, Digits: Digits(t.Digits)}, nil
}
