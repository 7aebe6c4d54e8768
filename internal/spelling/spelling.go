// Package spelling knows the forms in which systems write the same text in Unicode. A keyboard may send é as one character, or as an e and an
// accent. People see no difference, but a hash of the text differs.
package spelling

import (
	"bytes"
	"slices"

	"golang.org/x/text/unicode/norm"
)

// Composed returns a copy of a text in the form that is hashed: composed characters (NFC, Unicode Standard Annex #15), as RFC 8265 §4.2 asks of
// passwords.
func Composed(text []byte) []byte { return norm.NFC.Append(nil, text...) }

// Forms returns copies of a text in the forms in which it may have been hashed: composed, as it was typed, and decomposed. It returns each once,
// and composed first. Earlier versions hashed a text as it was typed. Where the text is wiped after its use, wipe the copies too.
func Forms(text []byte) [][]byte {
	forms := [][]byte{Composed(text)}
	for _, other := range [][]byte{bytes.Clone(text), norm.NFD.Append(nil, text...)} {
		if slices.ContainsFunc(forms, func(have []byte) bool { return bytes.Equal(have, other) }) {
			clear(other)
			continue
		}
		forms = append(forms, other)
	}
	return forms
}
