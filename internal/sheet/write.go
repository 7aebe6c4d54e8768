package sheet

import (
	"encoding/csv"
	"io"
)

// NewWriter returns a writer of comma-separated values as RFC 4180 and spreadsheets have them: each line ends with CR LF.
func NewWriter(w io.Writer) *csv.Writer {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	return out
}
