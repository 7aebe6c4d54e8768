// Package bounded reads files that strangers hand in, and stops at limits: of elements, of depth, of one piece, and of what a packed file
// unpacks to. Without them, a file of a few kilobytes can take gigabytes of memory or minutes of processor time.
//
// [XML] reads XML piece by piece and holds no more than one piece. [Archive] opens the parts of a ZIP file. [Records] bounds a record of a text
// file, such as a row of CSV. [CheckTOML] and [CheckJSON] look at a text before it is read. A file beyond a limit ends with [*TooMuch], and XML that is wrong with [*Malformed].
package bounded

import "strconv"

// Limit says what is limited.
type Limit string

// Limits.
const (
	Elements Limit = "elements" // of XML or JSON
	Depth    Limit = "depth"    // elements of XML inside one another
	Piece    Limit = "piece"    // bytes of a tag, a text between two tags, a comment, or a record of a text file
	Unpacked Limit = "unpacked" // bytes that the parts of a packed file have in all
)

// TooMuch says which limit a file is beyond.
type TooMuch struct {
	Of   Limit
	Most int
	Line int // 0 if it is not known
}

func (t *TooMuch) Error() string {
	most := strconv.Itoa(t.Most)
	switch t.Of {
	case Elements:
		return "the file has more than " + most + " elements"
	case Depth:
		return "the file has more than " + most + " elements inside one another"
	case Piece:
		return "a part of the file without a break is longer than " + most + " bytes"
	}
	return "the file unpacks to more than " + most + " bytes"
}

// Malformed says where a file is not XML.
type Malformed struct {
	Line int
	Why  string
}

func (m *Malformed) Error() string { return "line " + strconv.Itoa(m.Line) + ": " + m.Why }
