package wire

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// LinkKey is the secret of one meter with which messages to it are signed. It prints as a mask; only Reveal exposes it.
type LinkKey struct{ k [LinkKeySize]byte }

// LinkKeySize is the length of a link key in bytes.
const LinkKeySize = 32

// macSize is the number of bytes of the HMAC-SHA-256 that are sent.
const macSize = 16

// ErrLinkKey is returned for text or bytes that are not a link key. It never contains the text or the bytes.
var ErrLinkKey = errors.New("a link key is 64 hexadecimal digits (32 bytes)")

// ErrMAC is returned by Open for a message that was not signed with this key for this topic, and for a message that
// cannot be parsed. So a forger cannot tell the two cases apart.
var ErrMAC = errors.New("message to the meter is not authentic")

// NewLinkKey makes a link key of 32 bytes.
func NewLinkKey(b []byte) (LinkKey, error) {
	if len(b) != LinkKeySize {
		return LinkKey{}, ErrLinkKey
	}
	return LinkKey{k: [LinkKeySize]byte(b)}, nil
}

// ParseLinkKey reads a link key from hexadecimal digits, the form of link_key and --link-key.
func ParseLinkKey(text string) (LinkKey, error) {
	b, err := hex.DecodeString(text)
	if err != nil {
		return LinkKey{}, ErrLinkKey // the decoder's own error would quote a digit of the secret
	}
	return NewLinkKey(b)
}

// Reveal returns the key's bytes.
func (k LinkKey) Reveal() []byte { return bytes.Clone(k.k[:]) }

// Equal compares two link keys in constant time.
func (k LinkKey) Equal(o LinkKey) bool { return subtle.ConstantTimeCompare(k.k[:], o.k[:]) == 1 }

const maskedKey = "(link key)"

// Format masks the key for every verb.
func (LinkKey) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, maskedKey) }

// LogValue masks the key.
func (LinkKey) LogValue() slog.Value { return slog.StringValue(maskedKey) }

// MarshalText masks the key in JSON, CBOR and every other text form.
func (LinkKey) MarshalText() ([]byte, error) { return []byte(maskedKey), nil }

// mac returns the first half of HMAC-SHA-256(key, topic ‖ 00 ‖ b). It covers the topic, so that a body signed for one
// meter or one kind of message cannot be replayed as another.
func (k LinkKey) mac(topic string, b []byte) [macSize]byte {
	h := hmac.New(sha256.New, k.k[:])
	h.Write([]byte(topic))
	h.Write([]byte{0})
	h.Write(b)
	return [macSize]byte(h.Sum(nil)[:macSize])
}

// The envelope in its two forms: text in JSON, byte strings in CBOR.
type (
	envelopeText struct {
		B   string `json:"b"`
		MAC string `json:"mac"`
	}
	envelopeBytes struct {
		B   []byte `json:"b"`
		MAC []byte `json:"mac"`
	}
)

// Sign wraps a body (see EncodeBody) for one topic of one meter. The parameter f is the format of the envelope; the
// body is CBOR in both formats.
func Sign(f Format, k LinkKey, topic string, body []byte) ([]byte, error) {
	mac := k.mac(topic, body)
	if f == CBOR {
		return marshal(CBOR, envelopeBytes{B: body, MAC: mac[:]})
	}
	return marshal(JSON, envelopeText{B: base64.RawURLEncoding.EncodeToString(body), MAC: hex.EncodeToString(mac[:])})
}

// Open checks the signature of a message that arrived on a topic and returns its body, still encoded (see DecodeBody).
// It does not read the body before the signature is verified.
func Open(k LinkKey, topic string, envelope []byte) ([]byte, error) {
	b, mac, err := splitEnvelope(envelope)
	if err != nil {
		return nil, ErrMAC
	}
	want := k.mac(topic, b)
	if !hmac.Equal(mac, want[:]) {
		return nil, ErrMAC
	}
	return b, nil
}

func splitEnvelope(envelope []byte) (b, mac []byte, err error) {
	f, err := formatOf(envelope)
	if err != nil {
		return nil, nil, err
	}
	if f == CBOR {
		var e envelopeBytes
		err = unmarshal(envelope, &e)
		return e.B, e.MAC, err
	}
	var e envelopeText
	if err = unmarshal(envelope, &e); err != nil {
		return nil, nil, err
	}
	if b, err = base64.RawURLEncoding.Strict().DecodeString(e.B); err != nil {
		return nil, nil, err
	}
	mac, err = hex.DecodeString(e.MAC)
	return b, mac, err
}
