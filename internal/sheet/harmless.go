package sheet

import "strings"

// exactDigits is how many digits of a number a spreadsheet keeps. The others become zeros.
const exactDigits = 15

// Harmless keeps a spreadsheet from changing a text. A text that would be a formula gets an apostrophe in front; a plain number or telephone
// number cannot be one and stays as it is. More digits than a spreadsheet keeps, as a token and a PIN have, are written in groups of four.
func Harmless(s string) string {
	switch {
	case isFormula(s):
		return "'" + s
	case len(s) > exactDigits && strings.Trim(s, "0123456789") == "":
		return groupDigits(s)
	}
	return s
}

// isFormula reports whether a spreadsheet may take a text for a formula.
func isFormula(s string) bool {
	if s == "" || !strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return false
	}
	return s[0] == '=' || s[0] == '@' || strings.Trim(s[1:], "0123456789 ") != ""
}

// groupDigits writes digits as they are printed and typed: four, a blank, four.
func groupDigits(s string) string {
	const group = 4
	var out strings.Builder
	for i, r := range s {
		if i > 0 && i%group == 0 {
			out.WriteByte(' ')
		}
		out.WriteRune(r)
	}
	return out.String()
}
