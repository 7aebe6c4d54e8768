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
	switch {
	case err == nil:
		return nil
	case len(args) == 0:
		return &during{format, err}
	}
	return &during{fmt.Sprintf(format, args...), err}
}

// during is an error with what the program was doing. Most are never printed, so the message is made when somebody asks for it.
type during struct {
	what string
	err  error
}

func (d *during) Error() string { return d.what + ": " + d.err.Error() }

func (d *during) Unwrap() error { return d.err }
