package sheet

import "strings"

// Harmless keeps a spreadsheet from taking a text for a formula: it puts an apostrophe in front. A plain number or phone
// number cannot be a formula and stays as it is.
func Harmless(s string) string {
	if s == "" || !strings.ContainsRune("=+-@\t\r", rune(s[0])) || strings.Trim(s[1:], "0123456789 ") == "" && s[0] != '=' && s[0] != '@' {
		return s
	}
	return "'" + s
}
