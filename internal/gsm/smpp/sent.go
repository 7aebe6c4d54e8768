package smpp

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/notify"
)

// Limits of the memory that matches receipts to messages.
const (
	maxSent       = 4096
	receiptWindow = 72 * time.Hour
)

// MessageIDs tells how a centre writes the message_id in a submit_sm_resp and in its receipt. Some centres write one in
// hexadecimal and the other in decimal.
type MessageIDs string

// The known notations.
const (
	IDsEither        MessageIDs = ""            // detect: an id that matches no message is tried in the other base
	IDsSame          MessageIDs = "same"        // the same notation in answer and receipt
	IDsAnswerHex     MessageIDs = "answer-hex"  // hexadecimal in the answer, decimal in the receipt
	IDsReceiptHex    MessageIDs = "receipt-hex" // decimal in the answer, hexadecimal in the receipt
	longestNumericID            = 16            // hexadecimal digits of a 64-bit number
)

// canonical removes the differences between the centres' notations from an id. An id with characters that cannot be printed, which the
// protocol allows, becomes its digest, because ids are stored and shown.
func canonical(id string) string {
	if strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r > '~' }) {
		digest := notify.IdentityOf("message_id", id)
		id = hex.EncodeToString(digest[:])
	}
	id = strings.ToLower(strings.TrimSpace(id))
	if short := strings.TrimLeft(id, "0"); short != "" {
		return short
	}
	return id
}

// decimal rewrites a hexadecimal id in decimal; it leaves any other text as it is.
func decimal(id string) string {
	if n, err := strconv.ParseUint(id, 16, 64); err == nil && len(id) <= longestNumericID {
		return strconv.FormatUint(n, 10)
	}
	return id
}

// hexadecimal rewrites a decimal id in hexadecimal; it leaves any other text as it is.
func hexadecimal(id string) string {
	if n, err := strconv.ParseUint(id, 10, 64); err == nil {
		return strconv.FormatUint(n, 16)
	}
	return id
}

// ofAnswer returns the reference for the message_id of an answer: in the receipt's notation if that is known.
func (w MessageIDs) ofAnswer(id string) string {
	id = canonical(id)
	switch w {
	case IDsAnswerHex:
		return decimal(id)
	case IDsReceiptHex:
		return hexadecimal(id)
	}
	return id
}

// message is a message waiting for its receipts.
type message struct {
	id    string
	to    string
	parts []bool // delivered, for each part
	refs  []string
	at    time.Time
}

// sentMessages finds the message of a receipt. It belongs to one Client, which locks it.
type sentMessages struct {
	way   MessageIDs
	byRef map[string]*message
	order []string // references, oldest first
}

// add remembers the reference of one accepted part.
func (s *sentMessages) add(m *message, part int, ref string, now time.Time) {
	if s.byRef == nil {
		s.byRef = map[string]*message{}
	}
	for len(s.order) > 0 {
		old := s.byRef[s.order[0]]
		if len(s.order) < maxSent && old != nil && now.Sub(old.at) <= receiptWindow {
			break
		}
		delete(s.byRef, s.order[0])
		s.order = s.order[1:]
	}
	m.refs[part] = ref
	if _, again := s.byRef[ref]; !again {
		s.order = append(s.order, ref)
	}
	s.byRef[ref] = m // if the centre reuses an id, the id means the newer message
}

// find returns the message and its part for the id of a receipt.
func (s *sentMessages) find(id string) (m *message, part int, ref string) {
	ref = canonical(id)
	for _, t := range append([]string{ref}, s.otherSpellings(ref)...) {
		if m := s.byRef[t]; m != nil {
			return m, slices.Index(m.refs, t), t
		}
	}
	return nil, 0, ref
}

// otherSpellings returns how the centre's answer may have written the reference of a receipt: the answer was in hexadecimal and the receipt is in
// decimal, or the other way round.
func (s *sentMessages) otherSpellings(ref string) (others []string) {
	if s.way != IDsEither {
		return nil
	}
	for _, other := range []string{hexadecimal(ref), decimal(ref)} {
		if other != ref {
			others = append(others, other)
		}
	}
	return others
}

// take turns a receipt into the report for the whole message: delivered if every part is delivered, failed if one part failed.
func (s *sentMessages) take(r Receipt) notify.Report {
	m, part, ref := s.find(r.ID)
	out := notify.Report{Reference: ref, State: r.State, Why: r.Word, At: r.Done}
	if r.State == notify.Delivered {
		out.Why = ""
	}
	if m == nil {
		copy(out.Also[:], s.otherSpellings(ref))
		return out
	}
	out.ID, out.To = m.id, m.to
	if part >= 0 && r.State == notify.Delivered {
		m.parts[part] = true
		if slices.Contains(m.parts, false) {
			out.State, out.Why = notify.Trying, "a part of "+strconv.Itoa(len(m.parts))+" was delivered"
		}
	}
	return out
}
