package registry

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A paper keeps what it said. Names and addresses may change after a sale, so papers show those of their own time: the store has a row for each
// change of such a text. This file has the types of these texts, and reads texts of the time before the store had rows from the audit log.

// Letterhead is what papers say about the utility, and the time zone in which they are dated.
type Letterhead struct {
	Name  string `json:"name"`
	VATNo string `json:"vat_no,omitempty"`
	ReceiptHead
	TZ string `json:"tz"`
}

// PaperHead is the letterhead of the papers of some moment.
type PaperHead struct {
	Letterhead
	Today bool // nothing says what the letterhead was then: it is today's
}

// PaperText is a name or an address on the papers of some moment.
type PaperText struct {
	Text   string
	Today  bool // nothing says what the text was then: it is today's
	Erased bool // the text was erased, because the person asked for it
}

// AccountTexts are what the papers of an account say about it.
type AccountTexts struct{ Customer, Place PaperText }

// Today reports whether one of the texts is today's, because nothing says what it was.
func (a AccountTexts) Today() bool { return a.Customer.Today || a.Place.Today }

// The beginning of what the audit log says about settings, see [Settings.summary]. Names stand there without quotes, so a name could hold the
// text that follows it. Then the shortest and the longest reading differ, and none of them counts.
var (
	shortestSummary = regexp.MustCompile(`(?s)^name=(.*?) currency=(?:[A-Z]{3})? tz=(\S*) vat_no=(.*?) four_eyes=(?:default|true|false)\b`)
	longestSummary  = regexp.MustCompile(`(?s)^name=(.*) currency=(?:[A-Z]{3})? tz=(\S*) vat_no=(.*) four_eyes=(?:default|true|false)\b`)
)

// receiptSummary begins the head of receipts in that text. Older versions had none.
const receiptSummary = " receipt={"

// LetterheadOf reads the letterhead from what the audit log says about the settings. It returns false if the text can be read in two ways.
func LetterheadOf(summary string) (l Letterhead, ok bool) {
	read := shortestSummary.FindStringSubmatch(summary)
	if read == nil || !slices.Equal(read, longestSummary.FindStringSubmatch(summary)) {
		return Letterhead{}, false
	}
	l.Name, l.TZ, l.VATNo = read[1], read[2], read[3]
	_, rest, has := strings.Cut(summary[len(read[0]):], receiptSummary)
	if !has {
		return l, true
	}
	for _, to := range []*string{&l.Address, &l.Contact, &l.Message} {
		rest = strings.TrimPrefix(rest, " ")
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			return Letterhead{}, false
		}
		if *to, err = strconv.Unquote(quoted); err != nil {
			return Letterhead{}, false
		}
		rest = rest[len(quoted):]
	}
	return l, strings.HasPrefix(rest, "}")
}

// CustomerNameOf returns what the papers before a change of a customer said, as far as the audit log knows it. The log has no names. It knows whether
// there was one. The parameter today is the customer's name as it is now.
func CustomerNameOf(summary, today string) PaperText {
	switch named, known := strings.CutPrefix(summary, "name="); {
	case known && strings.HasPrefix(named, "false "):
		return PaperText{}
	case known && today == "":
		return PaperText{Erased: true}
	}
	return PaperText{Text: today, Today: true}
}
