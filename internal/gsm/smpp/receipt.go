package smpp

import (
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/notify"
)

// Receipt is a delivery receipt.
type Receipt struct {
	ID    string // message_id, as the centre writes it
	State notify.ReportState
	Word  string // the state in the centre's words, with its error number
	Done  time.Time
}

// receiptOf reads a delivery receipt: the optional parameters if the centre sends them (SMPP 3.4 §5.3.2.12, §5.3.2.35), else
// the text. The standard gives the text's form only as an example (appendix B), but every centre follows it. It returns false
// if m is not a receipt.
func receiptOf(m Message, text string) (Receipt, bool) {
	if kind := m.Class & classType; kind != classReceipt && kind != classNotice {
		return Receipt{}, false
	}
	fields := receiptFields(text)
	r := Receipt{ID: fields["id"], Word: fields["stat"]}
	if v, ok := m.Option(TagReceiptedID); ok {
		r.ID = strings.TrimRight(string(v), "\x00")
	}
	r.State = stateOfWord(fields["stat"])
	if v, ok := m.Option(TagMessageState); ok && len(v) == 1 {
		r.State = stateOfNumber(v[0])
		if r.Word == "" {
			r.Word = "state " + strconv.Itoa(int(v[0]))
		}
	}
	if e := fields["err"]; e != "" && strings.Trim(e, "0") != "" {
		r.Word += ", error " + e
	}
	for _, layout := range []string{"0601021504", "060102150405"} {
		if at, err := time.Parse(layout, fields["done date"]); err == nil {
			r.Done = at // most centres write their own time zone without naming it
		}
	}
	if r.ID == "" || len(r.ID) > maxID {
		return Receipt{}, false
	}
	r.Word = strings.ToValidUTF8(r.Word[:min(len(r.Word), 40)], "")
	return r, true
}

// receiptFields parses "id:… sub:… submit date:… done date:… stat:… err:… text:…". It leaves out the message's own text, which
// comes last: it may hold a token.
func receiptFields(text string) map[string]string {
	out := map[string]string{}
	lower := lowered(text)
	for _, name := range []string{"id", "stat", "err", "done date"} {
		at := fieldAt(lower, name)
		if at < 0 {
			continue
		}
		value, _, _ := strings.Cut(strings.TrimLeft(text[at:], " "), " ")
		out[name] = value
	}
	return out
}

// lowered writes A to Z in lower case and leaves every other octet unchanged, so offsets in the result are also offsets in the text.
func lowered(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// fieldAt returns the offset of a field's value, for a field at the start or after a blank. It returns -1 if there is no such field.
func fieldAt(lower, name string) int {
	if end := strings.Index(lower, " text:"); end >= 0 {
		lower = lower[:end]
	}
	if strings.HasPrefix(lower, name+":") {
		return len(name) + 1
	}
	if i := strings.Index(lower, " "+name+":"); i >= 0 {
		return i + len(name) + 2
	}
	return -1
}

// stateOfWord reads stat (appendix B). ACCEPTD and UNKNOWN are not final: a later receipt may follow.
func stateOfWord(stat string) notify.ReportState {
	switch s := strings.ToUpper(stat); {
	case strings.HasPrefix(s, "DELIV"):
		return notify.Delivered
	case strings.HasPrefix(s, "EXPIR"), strings.HasPrefix(s, "DELET"), strings.HasPrefix(s, "UNDEL"), strings.HasPrefix(s, "REJEC"):
		return notify.Failed
	}
	return notify.Trying
}

// stateOfNumber reads message_state (SMPP 3.4 §5.2.28).
func stateOfNumber(n byte) notify.ReportState {
	switch n {
	case 2:
		return notify.Delivered
	case 3, 4, 5, 8: // expired, deleted, undeliverable, rejected
		return notify.Failed
	}
	return notify.Trying
}
