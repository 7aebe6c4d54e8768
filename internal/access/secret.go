package access

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
)

// Secret is a text that is shown once and then known only by its stored form: an API key, a meter's MQTT password, a login. It has
// no printable form; only [Secret.Reveal] returns it.
type Secret struct {
	// The text is behind a pointer, because fmt prints only a pointer's address, even inside an unexported field.
	text *string
}

const masked = "(secret)"

// SecretOf wraps a secret from outside.
func SecretOf(text string) Secret { return Secret{text: &text} }

// secretBytes is the entropy of every generated secret: 256 bits, so that a fast hash protects it
// (docs/reference/http.md#keys-and-roles).
const secretBytes = 32

// NewSecret makes a secret of 256 bits from rnd: the prefix and 43 base64url characters.
func NewSecret(prefix string, rnd io.Reader) (Secret, error) {
	var b [secretBytes]byte
	if _, err := io.ReadFull(rnd, b[:]); err != nil {
		return Secret{}, fmt.Errorf("generate a secret: %w", err)
	}
	return SecretOf(prefix + base64.RawURLEncoding.EncodeToString(b[:])), nil
}

// Reveal returns the secret itself. Call it only where the text goes to its rightful owner.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// Hasher makes keyed hashes with the data key, which is not in the database.
type Hasher interface {
	Hash(context string, data []byte) []byte
}

// Contexts of stored forms. The form of a secret with an owner also depends on the owner, so it works in no other row.
const (
	FormKey     = "key"
	formSession = "session"
	formLink    = "link"
	formDevice  = "device"
)

// StoredForm is the form in which the store holds a random 256-bit secret: a keyed hash, so that somebody who can only write to
// the database cannot make the form of a secret of their own. The parameter of says what the secret is for. It is not a password
// hash: a secret that a person chose needs [HashPassword].
func StoredForm(h Hasher, of string, s Secret) [32]byte {
	return KeyedForm(h, of, sha256.Sum256([]byte(s.Reveal())))
}

// StoredForms returns the stored form of a secret, and then what rotations of the data key have made of its stored forms under older keys.
// Compare a given secret with all of them; store only the first.
func StoredForms(h Hasher, of string, s Secret) [][32]byte {
	out := [][32]byte{StoredForm(h, of, s)}
	rotated, ok := h.(interface {
		Carried(context string, data []byte) [][]byte
	})
	if !ok {
		return out
	}
	plain := sha256.Sum256([]byte(s.Reveal()))
	for _, form := range rotated.Carried(formContext(of), plain[:]) {
		out = append(out, [32]byte(form))
	}
	return out
}

func formContext(of string) string { return "secret " + of }

// KeyedForm is the stored form of a secret of which only the SHA-256 is known, as older versions stored it.
func KeyedForm(h Hasher, of string, plain [32]byte) [32]byte {
	return [32]byte(h.Hash(formContext(of), plain[:]))
}

// String masks the secret.
func (s Secret) String() string { return masked }

// Format masks the secret for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, masked) }

// LogValue masks the secret in logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(masked) }

// MarshalJSON masks the secret.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + masked + `"`), nil }
