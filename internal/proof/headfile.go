package proof

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/paywatt/paywatt/internal/seal"
)

// HeadFile is a signed head in the form in which it is printed, mailed and stored. The note comes first, then a line with the public key
// of the log. Further lines can prove that the log grew from an older head: the size of that head, and the hashes of the proof. If the key
// has followed other keys, their hand-overs are in the file too. A file with only the note is a head file as well.
type HeadFile struct {
	Name  string     // name of the file, for messages
	Note  string     // the signed note
	Key   string     // public line of the key; empty if the file has none
	Since int64      // size of the older head; 0 without an older head
	Path  [][32]byte // proof that the log grew from that size

	HandOvers []seal.HandOver // how earlier keys of the log handed over to Key
}

// These words begin the lines after the note.
const (
	keyWord   = "key "
	sinceWord = "since "
	pathWord  = "path "
)

// maxHeadFile limits the size of a head file in bytes. A note, a key, the longest path and sixty hand-overs fit into it.
const maxHeadFile = 64 << 10

// Text returns the content of the file.
func (h HeadFile) Text() string {
	var b strings.Builder
	b.WriteString(h.Note)
	if h.Key != "" {
		b.WriteString(keyWord + h.Key + "\n")
	}
	for _, o := range h.HandOvers {
		b.WriteString(o.Line() + "\n")
	}
	if h.Since > 0 {
		b.WriteString(sinceWord + strconv.FormatInt(h.Since, 10) + "\n")
		for _, text := range texts(h.Path) {
			b.WriteString(pathWord + text + "\n")
		}
	}
	return b.String()
}

// IsHeadFileLine reports whether a line of a head file comes after the note and does not belong to the note.
func IsHeadFileLine(line string) bool {
	for _, word := range []string{keyWord, sinceWord, pathWord} {
		if strings.HasPrefix(line, word) {
			return true
		}
	}
	return seal.IsHandOverLine(line)
}

// ParseHeadFile reads a text that [HeadFile.Text] wrote. It checks the signatures of hand-overs, but not that of the head.
func ParseHeadFile(name, text string) (HeadFile, error) {
	h := HeadFile{Name: name}
	text = strings.ReplaceAll(text, "\r\n", "\n") // mail and editors may add carriage returns
	if len(text) > maxHeadFile {
		return h, fmt.Errorf("%w: %s is longer than a head can be; give one head", ErrForm, name)
	}
	var path []string
	signed := false
	for line := range strings.Lines(strings.TrimLeft(text, "\n \t\ufeff")) {
		line = strings.TrimRight(line, "\n")
		switch {
		case !signed:
			h.Note += line + "\n"
			signed = strings.HasPrefix(line, "\u2014 ") // the signature ends the note
		case strings.TrimSpace(line) == "":
		case strings.HasPrefix(line, keyWord):
			h.Key = strings.TrimSpace(line[len(keyWord):])
		case strings.HasPrefix(line, sinceWord):
			n, err := strconv.ParseInt(strings.TrimSpace(line[len(sinceWord):]), 10, 64)
			if err != nil || n < 1 {
				return h, fmt.Errorf("%w: %s: the line \"since\" has no valid size", ErrForm, name)
			}
			h.Since = n
		case strings.HasPrefix(line, pathWord):
			path = append(path, strings.TrimSpace(line[len(pathWord):]))
		case seal.IsHandOverLine(line):
			o, err := seal.ParseHandOverLine(line)
			if err != nil {
				return h, fmt.Errorf("%w: %s: a hand-over of the seal key is not signed by both keys", ErrForm, name)
			}
			h.HandOvers = append(h.HandOvers, o)
		default:
			return h, fmt.Errorf("%w: %s contains more than one head, or a line that belongs to no head: %.40q", ErrForm, name, line)
		}
	}
	if !signed {
		return h, fmt.Errorf("%w: %s has no signature", ErrForm, name)
	}
	var err error
	if h.Path, err = hashes(path); err != nil {
		return h, fmt.Errorf("%s: %w", name, err)
	}
	return h, nil
}

// PublicKey finds the public line of a seal key in a text: the line alone, a file that contains the line, or a head file.
func PublicKey(text string) (string, bool) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(strings.TrimPrefix(line, keyWord))
		if _, err := note.NewVerifier(line); err == nil {
			return line, true
		}
	}
	return "", false
}
