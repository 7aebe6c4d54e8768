// Package spelling knows the forms in which systems write the same text in Unicode. A keyboard may send é as one character, or as an e and an
// accent. People see no difference, but a hash of the text differs.
package spelling

import (
	"bytes"

	"golang.org/x/text/unicode/norm"
)

// Composed returns a copy of a text in the form that is hashed: composed characters (NFC, Unicode Standard Annex #15), as RFC 8265 §4.2 asks of
// passwords.
func Composed(text []byte) []byte { return norm.NFC.Append(nil, text...) }

// Forms returns copies of a text in the forms in which it may have been hashed, at most two, because each costs a slow hash: composed, and the form in
// which it was typed. Earlier versions hashed a text as it was typed. If it was typed composed, the second form is the decomposed one, which another
// keyboard sends. Where the text is wiped after its use, wipe the copies too.
func Forms(text []byte) [][]byte {
	composed := Composed(text)
	if !bytes.Equal(composed, text) {
		return [][]byte{composed, bytes.Clone(text)}
	}
	decomposed := norm.NFD.Append(nil, text...)
	if !bytes.Equal(decomposed, text) {
		return [][]byte{composed, decomposed}
	}
	clear(decomposed)
	return [][]byte{composed}
}
