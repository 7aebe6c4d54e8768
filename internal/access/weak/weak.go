// Package weak knows passwords that many people use and that guessers try first.
package weak

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The list is sorted and in lower case, one password a line, and compressed. NOTICE.md says where it comes from.
//
//go:embed passwords.txt.gz
var compressed []byte

// List returns the list. Unpacking it takes some milliseconds, less than the hash of a password.
func List() string {
	r, err := gzip.NewReader(bytes.NewReader(compressed))
	if err == nil {
		var all []byte
		if all, err = io.ReadAll(r); err == nil {
			return string(all)
		}
	}
	panic("the embedded list of passwords is damaged: " + err.Error())
}

// shortest is the length of the shortest password on the list. The server's own rule refuses shorter passwords anyway.
const shortest = 6

// local are words that guessers of this program's passwords try. The list does not have them.
var local = [...]string{"paywatt", "prepaid", "prepayment", "electricity", "supervisor", "nairobi", "godisgood"}

// Password reports whether a password is easy to guess: it is on the list, it is a listed one between digits and signs, or it
// repeats one short piece. Letter case does not matter.
func Password(password string) bool {
	p := strings.ToLower(password)
	word := strings.TrimFunc(p, func(r rune) bool { return !unicode.IsLetter(r) })
	list := List()
	return listed(list, p) || listed(list, word) || repeats(p)
}

func listed(passwords, p string) bool {
	for _, w := range local {
		if p == w {
			return true
		}
	}
	if len(p) < shortest || strings.Contains(p, "\n") {
		return false
	}
	// Binary search over the text, which needs no list of its lines.
	low, high := 0, len(passwords)
	for low < high {
		mid := (low + high) / 2
		start := strings.LastIndexByte(passwords[:mid], '\n') + 1
		end := start + strings.IndexByte(passwords[start:], '\n')
		switch strings.Compare(passwords[start:end], p) {
		case 0:
			return true
		case -1:
			low = end + 1
		default:
			high = start
		}
	}
	return false
}

// maxPiece is the longest piece, in characters, whose repetition makes no good password.
const maxPiece = 6

// repeats reports whether the text is one short piece over and over, as "aaaaaaaa" and "abc1abc1abc1".
func repeats(p string) bool {
	end := 0
	for range maxPiece {
		_, size := utf8.DecodeRuneInString(p[end:])
		if end += size; end >= len(p) {
			return false
		}
		if len(p)%end == 0 && strings.Count(p, p[:end]) == len(p)/end {
			return true
		}
	}
	return false
}
