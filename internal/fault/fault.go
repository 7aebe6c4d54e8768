// Package fault adds to an error what the program was doing. The message reads from the outside to the inside: "list debts: read row: disk
// I/O error". Start at [Wrap]. A refusal is not an error; see package refusal.
package fault

import "fmt"

// Wrap prefixes an error with what the program was doing: "list debts: …". A nil error stays nil, so a function can end with
//
//	return out, fault.Wrap(err, "list debts of %s", name)
//
// The arguments are evaluated even if there is no error. Where that would slow down sales or readings, test the error first.
func Wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), err)
}
