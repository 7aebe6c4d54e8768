package statement

import (
	"strings"
	"unicode"
)

// This file says what counts as a name of a row, and when two files mean the same name.

// NameKind says who gave a row a name.
type NameKind int

// Kinds of names, the strongest first.
const (
	Own      NameKind = iota // the provider's own id, which stands for one movement for ever: M-Pesa's receipt
	Bank                     // the bank's reference of the movement: AcctSvcrRef of the details, or what follows // in field 61
	Entry                    // the bank's reference of the entry that holds the movement: AcctSvcrRef of the entry
	Transfer                 // the transfer's id between the banks: TxId
	EndToEnd                 // the sender's reference that all banks pass on: EndToEndId
	Customer                 // the reference before // in field 61
	NameKinds
)

// Names are the names that a file gives a row, by their kind. An empty one is none.
type Names [NameKinds]string

// none are texts that banks write where there is no name. They are compared without blanks, signs and case.
func none(bare string) bool {
	switch bare {
	case "NONREF", "NOREF", "NOREFERENCE", "NONE", "NOTPROVIDED", "NOTPROV", "NOTAVAILABLE", "NOTSPECIFIED", "UNKNOWN", "UNDEFINED", "NA", "NIL", "NULL", "EMPTY", "BLANK",
		"REF", "REFERENCE", "NONREFERENCE", "KEINE", "UNBEKANNT", "INCONNU", "SANSREFERENCE", "NOTPROVIDEDBYBANK":
		return true
	}
	return strings.Trim(bare, "0") == "" || strings.Trim(bare, "X") == ""
}

// NameOf returns the name that a text is, as names are compared: without blanks at the ends, and in capital letters. It returns "" for a text
// that stands for no name, such as NONREF, NOTPROVIDED, zeros or dashes.
func NameOf(text string) string {
	bare := strings.Map(func(c rune) rune {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			return unicode.ToUpper(c)
		}
		return -1
	}, text)
	if none(bare) {
		return ""
	}
	return strings.ToUpper(strings.Join(strings.Fields(text), " "))
}

// swiftName is how many characters field 61 of MT940 has for a name. A longer one is cut, at its end or at its beginning.
const swiftName = 16

// SameName reports whether two names, as [NameOf] returns them, are one: they are equal, or one is the part of the other that fits in MT940.
func SameName(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	return a == b || len(a) == swiftName && (strings.HasPrefix(b, a) || strings.HasSuffix(b, a))
}
