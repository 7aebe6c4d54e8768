package bounded

import "io"

// Records bounds the records that another reader takes from a file. That reader calls Next between two records. It may read ahead, so a limit
// should leave room for a buffer of it.
type Records struct {
	in   io.Reader
	most int
	left int
}

// NewRecords bounds the records of a file to some bytes each.
func NewRecords(in io.Reader, most int) *Records { return &Records{in, most, most} }

// Next begins another record.
func (r *Records) Next() { r.left = r.most }

// Read reads bytes of the present record.
func (r *Records) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, &TooMuch{Of: Piece, Most: r.most}
	}
	n, err := r.in.Read(p[:min(len(p), r.left)])
	r.left -= n
	return n, err
}
