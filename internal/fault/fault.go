// Package fault names what was being done when something broke, so that an error reads from the outside to the inside: "list
// debts: read row: disk I/O error". Start at [Wrap]. The "no" of a rule is not an error; see package refusal.
package fault

import "fmt"

// Wrap puts what was being done before an error: "list debts: …". A nil error stays nil, so a function can end with
//
//	return out, fault.Wrap(err, "list debts of %s", name)
//
// The arguments are worked out even when nothing broke; where they cost a sale or a reading time, test the error first.
func Wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), err)
}
