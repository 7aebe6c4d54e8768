package notify

import (
	"slices"
	"strings"

	"github.com/paywatt/paywatt/unit"
)

// ReplyKind is the kind of a meter's message.
type ReplyKind uint8

// The kinds of a meter's messages.
const (
	// ReplyOther: not an answer to a token. A meter also warns its customer, and answers other requests.
	ReplyOther ReplyKind = iota
	// ReplyAccepted: a credit token was loaded now; Units is the energy that it added.
	ReplyAccepted
	// ReplyDone: a token without units was accepted, or the last token of a key change.
	ReplyDone
	// ReplyPart: one token of a key change was accepted; others are missing.
	ReplyPart
	// ReplyUsed: the meter already had the token.
	ReplyUsed
	// ReplyRejected: the token was not loaded.
	ReplyRejected
	// ReplyBalance: the balance only.
	ReplyBalance
	// ReplyTokens: the last tokens, newest first in Rows.
	ReplyTokens
	// ReplyTyped: a token was accepted at the keypad, reported without a request. Rows holds only that token.
	ReplyTyped
)

// MeterReply is a parsed meter message (docs/reference/meter-rules.md#text-messages). It comes from a telephone number, which
// proves nothing.
type MeterReply struct {
	Kind  ReplyKind
	Units unit.Energy // the energy of ReplyAccepted, in steps of 0.1 kWh
	// Balance is the credit after the token, truncated to 0.1 kWh; HasBalance says whether the meter reported it.
	Balance    unit.Energy
	HasBalance bool
	Rows       []ReplyRow
}

// RowResult is the result in a row of the last tokens.
type RowResult uint8

// The results of a row.
const (
	RowAdded RowResult = iota + 1 // Units were added
	RowUsed                       // the meter already had the token
	RowWrong                      // the token does not belong to this meter
	RowRefused
	RowDone // the token was accepted, without units
	RowPart // accepted as one token of a key change
)

// ReplyRow is a row of the last tokens.
type ReplyRow struct {
	// First and Last are the four digits at each end of the token; empty if the meter does not store them.
	First, Last string
	Result      RowResult
	Units       unit.Energy // the energy of RowAdded
}

// Limits of a meter's message.
const (
	maxReplyText = 640 // bytes
	maxReplyRows = 16
)

// ParseMeterReply reads a meter's message in any language of meters. Case, marks on letters and the kind of blanks do not matter, because
// gateways change them. Everything else must match exactly.
func ParseMeterReply(text string) MeterReply {
	if len(text) > maxReplyText {
		return MeterReply{}
	}
	text = foldReply(text)
	if list, is := cutAny(text, replyTokens); is {
		return parseRows(list)
	}
	if slices.Contains(replyNoTokens, text) {
		return MeterReply{Kind: ReplyTokens}
	}
	for _, k := range []struct {
		kind ReplyKind
		in   []string
	}{{ReplyAccepted, replyAccepted}, {ReplyDone, replyDone}, {ReplyPart, replyPart}, {ReplyUsed, replyUsed}, {ReplyRejected, replyRejected}, {ReplyBalance, nil}} {
		rest, units, is := text, unit.Energy(0), true
		if k.in != nil {
			rest, units, is = cutFigure(text, k.in)
		}
		if !is {
			continue
		}
		r := MeterReply{Kind: k.kind, Units: units}
		rest = strings.TrimSpace(rest)
		if rest == "" && k.in != nil {
			return r
		}
		if end, balance, is := cutFigure(rest, replyBalance); is && strings.Trim(end, " .") == "" {
			r.Balance, r.HasBalance = balance, true
			return r
		} else if first, last, named := cutEnds(end); is && named && (r.Kind == ReplyAccepted || r.Kind == ReplyDone) {
			row := ReplyRow{First: first, Last: last, Result: RowAdded, Units: units}
			if r.Kind == ReplyDone {
				row.Result = RowDone
			}
			return MeterReply{Kind: ReplyTyped, Balance: balance, HasBalance: true, Rows: []ReplyRow{row}}
		}
	}
	return MeterReply{}
}

// foldReply writes a text in the form for comparison: lower case, no marks, one blank between words, none before a sign.
func foldReply(text string) string {
	return strings.NewReplacer(" !", "!", " :", ":").Replace(strings.Join(strings.Fields(plainKeys(text)), " "))
}

// cutAny cuts one of several prefixes off.
func cutAny(text string, begins []string) (string, bool) {
	for _, s := range begins {
		if rest, is := strings.CutPrefix(text, s); is {
			return rest, true
		}
	}
	return text, false
}

// cutFigure cuts one of several prefixes off and returns the figure in that prefix, 0 if the prefix has none.
func cutFigure(text string, begins []string) (rest string, figure unit.Energy, is bool) {
	for _, s := range begins {
		before, after, has := strings.Cut(s, "%")
		if rest, is = strings.CutPrefix(text, before); !is {
			continue
		}
		if !has {
			return rest, 0, true
		}
		number, rest, _ := strings.Cut(rest, " ")
		figure, ok := parseKWh(number)
		if rest, is = strings.CutPrefix(" "+rest, after); is && ok {
			return rest, figure, true
		}
	}
	return text, 0, false
}

// maxReplyDigits is the largest number of digits before the point of a figure: far more than any meter counts.
const maxReplyDigits = 7

// parseKWh reads "34.7" or "-0.5": digits, a point, and one to three decimals. It truncates after the first decimal.
func parseKWh(s string) (unit.Energy, bool) {
	s, negative := strings.CutPrefix(s, "-")
	whole, decimals, point := strings.Cut(s, ".")
	if !point || whole == "" || decimals == "" || len(whole) > maxReplyDigits || len(decimals) > 3 {
		return 0, false
	}
	var n int64
	for _, c := range whole + decimals[:1] {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if strings.Trim(decimals, "0123456789") != "" {
		return 0, false
	}
	if negative {
		n = -n
	}
	return unit.FromTenths(n), true
}

// parseRows reads the rows after "Last tokens:". It skips a row that it does not understand: rows only ever prove that a token
// is in the meter, so a missing row proves nothing.
func parseRows(list string) MeterReply {
	r := MeterReply{Kind: ReplyTokens}
	for piece := range strings.SplitSeq(list, ";") {
		if row, is := parseRow(strings.TrimSpace(piece)); is && len(r.Rows) < maxReplyRows {
			r.Rows = append(r.Rows, row)
		}
	}
	return r
}

// parseRow reads "20.11 1234..5678 +34.7 kWh": the date and the digits may be missing.
func parseRow(s string) (row ReplyRow, is bool) {
	if first, rest, more := strings.Cut(s, " "); more && isDate(first) {
		s = rest
	}
	if ends, rest, more := strings.Cut(s, " "); more {
		if first, last, is := parseEnds(ends); is {
			row.First, row.Last, s = first, last, rest
		}
	}
	if figure, is := strings.CutSuffix(s, " kwh"); is {
		added := strings.HasPrefix(figure, "+")
		units, ok := parseKWh(strings.TrimPrefix(figure, "+"))
		row.Result, row.Units = RowAdded, units
		if !added {
			row.Result = RowDone // credit was removed by a token for that purpose
		}
		return row, ok
	}
	for result, words := range rowWords {
		if slices.Contains(words, s) {
			row.Result = result
			return row, true
		}
	}
	return ReplyRow{}, false
}

// cutEnds reads the token's ends after the balance: ". token 1234..5678".
func cutEnds(s string) (first, last string, is bool) {
	ends, is := cutAny(strings.TrimLeft(s, " ."), replyToken)
	if !is {
		return "", "", false
	}
	return parseEnds(strings.TrimRight(ends, " ."))
}

// parseEnds reads the ends of a token, "1234..5678".
func parseEnds(s string) (first, last string, is bool) {
	if len(s) != len("1234..5678") || s[4:6] != ".." || !isDigits(s[:4]) || !isDigits(s[6:]) {
		return "", "", false
	}
	return s[:4], s[6:], true
}

func isDate(s string) bool {
	return len(s) == 5 && s[2] == '.' && isDigits(s[:2]) && isDigits(s[3:])
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
