package notify

import (
	"slices"
	"time"

	"github.com/paywatt/paywatt/unit"
)

// A meter's answer does not say which token it is about, and may be lost, late, doubled or out of order. So an answer counts only if it can
// be about exactly one token. If it can be about several, the meter is asked for its last tokens, which show each token's ends. A late
// answer proves as much as an early answer, because a token that was loaded stays loaded. An answer proves nothing about a token that it
// does not mention.

const (
	// AnswerHorizon is the time after the sending of a token in which an answer about it is expected. It is longer than networks hold a
	// message, and longer than a meter holds an answer over a power cut.
	AnswerHorizon = 30 * 24 * time.Hour
	// MaxHistory is the largest number of earlier tokens of a meter that are compared, newest first. If a meter has that many, it may have
	// more. Then every answer that does not name its token is doubtful.
	MaxHistory = 200
)

// Pushed is a token that is or was on its way to a meter by SMS. It can also be another token of the same meter, so that the two are not
// confused.
type Pushed struct {
	// Message identifies the token in what [Match] returns; any unique text.
	Message string
	// First and Last are the first and last four digits ([EndsOf] a masked token).
	First, Last string
	Class       uint8
	KeyChange   bool // one token of a key change
	Units       unit.Energy
	// Unread means that the server cannot read the token, because another system issued it. Its class and units are unknown, and any answer
	// can be about it.
	Unread bool
	// BySMS means that a message with the token may have left, so that answers about it may come.
	BySMS bool
	// InMeter means that the token is known to be in the meter, from the meter's own record or an answer.
	InMeter bool
	// Over means that nothing more is sent for the token automatically: its messages have ended, or its sale was reversed.
	Over bool
	// Loaded is the answer by which the meter reported that it has loaded this token; nil if no such answer came. A meter reports this only
	// once.
	Loaded *MeterReply
}

// Finding is the conclusion from an answer.
type Finding struct {
	// About is the message that was answered; it waits for no other answer. About is empty if the message is not certain.
	About string
	// InMeter holds the messages whose tokens are in the meter.
	InMeter []string
	// Rejected means that the meter did not load the token of About. The token keeps its state: it may be loaded later or by
	// other routes, and the sender's number proves nothing. A person should look.
	Rejected bool
	// Ask means that the answer does not show for certain which token it is about, or proves too little: ask the meter for its last tokens
	// ([AskLastTokens]).
	Ask bool
	// Stray means that the answer matches no token that was sent.
	Stray bool
}

// AskLastTokens is the message that asks a meter for its last tokens.
const AskLastTokens = "*04#"

// TokenCommand begins the message that brings a token to a meter.
const TokenCommand = "*02#"

// EndsOf returns the ends of a token in its masked form, "1234 **** **** **** 5678".
func EndsOf(masked string) (first, last string) {
	if len(masked) < 8 || !isDigits(masked[:4]) || !isDigits(masked[len(masked)-4:]) {
		return "", ""
	}
	return masked[:4], masked[len(masked)-4:]
}

// Match returns the conclusion from a meter's answer. The parameter waiting is the message that waits for an answer, or nil. The parameter
// earlier holds the meter's other tokens of the last [AnswerHorizon], up to [MaxHistory] of them.
func Match(waiting *Pushed, earlier []Pushed, r MeterReply) Finding {
	if r.Kind == ReplyTokens || r.Kind == ReplyTyped {
		return matchRows(waiting, earlier, r)
	}
	if r.Kind == ReplyOther || r.Kind == ReplyBalance {
		return Finding{}
	}
	var may []*Pushed // all tokens that the answer can be about
	open := false     // one of these tokens is not known to be in the meter
	for i := range earlier {
		if p := &earlier[i]; p.mayBe(r) {
			may, open = append(may, p), open || !p.InMeter
		}
	}
	fits := waiting != nil && waiting.mayBe(r)
	doubtful := len(may) > 0 || len(earlier) >= MaxHistory
	switch {
	case !fits && len(may) == 0:
		return Finding{Stray: true}
	case fits && !doubtful:
		return r.about(waiting)
	case fits && waiting.InMeter && r.Kind != ReplyRejected:
		return Finding{About: waiting.Message, InMeter: []string{waiting.Message}, Ask: open} // it only repeats a known fact
	case fits:
		return Finding{Ask: true}
	case len(may) == 1 && len(earlier) < MaxHistory:
		return r.about(may[0])
	}
	return Finding{Ask: open}
}

// about returns the conclusion from an answer that can be about this token only. The answer "used" names neither digits nor units, so a
// forger of the meter's number can send it about any token. So "used" does not end the sending unless other evidence shows the token in the
// meter: the meter is asked for its list, which has digits that a forger does not know. If nothing more is sent for the token, no question
// is sent either, and "used" counts.
func (r MeterReply) about(p *Pushed) Finding {
	f := Finding{About: p.Message}
	switch {
	case r.Kind == ReplyRejected:
		f.Rejected = !p.InMeter
		return f
	case r.Kind == ReplyUsed && !p.InMeter && !p.Over:
		return Finding{Ask: true}
	}
	f.InMeter = []string{p.Message}
	return f
}

// mayBe reports whether an answer that does not name its token can be about p.
func (p *Pushed) mayBe(r MeterReply) bool {
	if !p.BySMS {
		return false
	}
	switch r.Kind {
	case ReplyAccepted:
		return (p.Unread || p.Class == 0 && p.Units.Tenths() == r.Units.Tenths()) && (p.Loaded == nil || p.Loaded.same(r))
	case ReplyDone:
		return p.Unread || p.Class != 0
	case ReplyPart:
		return p.Unread || p.KeyChange
	}
	return true // any token can be reported used or rejected, any number of times
}

// same reports whether two answers have the same content. A network that doubles a message does not change it.
func (r MeterReply) same(as MeterReply) bool {
	return r.Kind == as.Kind && r.Units == as.Units && r.Balance == as.Balance && r.HasBalance == as.HasBalance
}

// matchRows looks for a meter's tokens in the rows of its answer. The list of the last tokens counts only for tokens that a
// message brought. A keypad report counts for every token.
func matchRows(waiting *Pushed, earlier []Pushed, r MeterReply) Finding {
	all := earlier
	if waiting != nil {
		all = append(slices.Clip(slices.Clone(earlier)), *waiting)
	}
	var f Finding
	for i := range all {
		p := &all[i]
		if !p.BySMS && r.Kind != ReplyTyped || p.First == "" {
			continue
		}
		loaded, refused := p.inRows(all, r.Rows)
		here := waiting != nil && p.Message == waiting.Message
		switch {
		case loaded:
			f.InMeter = append(f.InMeter, p.Message)
			if here {
				f.About = p.Message
			}
		case refused && here && !p.InMeter && r.Kind == ReplyTokens:
			f.About, f.Rejected = p.Message, true
		}
	}
	return f
}

// inRows reports whether rows prove that a token was loaded, and whether they show only refusals of it. Very rarely, several tokens of the
// meter have the same ends. A row cannot tell such tokens apart if they also have the same class and units, or if the server cannot read
// one of them. One of them then counts as loaded only if there is a row for each of them.
func (p *Pushed) inRows(all []Pushed, rows []ReplyRow) (loaded, refused bool) {
	twins, alike := 0, 0 // tokens with the ends of p, and those of them that a row cannot tell apart from p; both counts include p
	for i := range all {
		if q := &all[i]; q.First == p.First && q.Last == p.Last {
			twins++
			if q.Unread || p.Unread || q.Class == p.Class && q.Units.Tenths() == p.Units.Tenths() {
				alike++
			}
		}
	}
	added := 0
	for _, row := range rows {
		if row.First != p.First || row.Last != p.Last {
			continue
		}
		switch {
		case row.proves(p):
			added++
		case row.Result == RowUsed:
			loaded = loaded || twins == 1
		default:
			refused = refused || twins == 1
		}
	}
	return loaded || added >= alike, refused
}

// proves reports whether a row with the digits of a token shows that it was loaded.
func (row ReplyRow) proves(p *Pushed) bool {
	switch row.Result {
	case RowAdded:
		return p.Unread || p.Class == 0 && row.Units.Tenths() == p.Units.Tenths()
	case RowDone:
		return p.Unread || p.Class != 0
	case RowPart:
		return p.Unread || p.KeyChange
	}
	return false
}

// MeterStep is the next step for a token that was sent to a meter and not answered.
type MeterStep uint8

// The steps.
const (
	// SendToken sends the token, perhaps again: a token that arrives twice is loaded once, and its second answer says so.
	SendToken MeterStep = iota
	// SendAsk asks for the last tokens.
	SendAsk
	// GiveUp ends the tries. The token stays valid by every other route, and by this route if a person sends it again.
	GiveUp
)

// MaxMeterTries is the largest number of messages that are sent to a meter for one token.
const MaxMeterTries = 12

// NextStep returns the next step if no answer came, or only an answer that proves nothing about this token. The parameter tries counts the
// messages sent for this token. If asked is true, there was a doubtful answer since the token was last sent. Questions without a useful
// answer alternate with the token itself, which makes it the newest in the meter's list.
func NextStep(tries int, asked, lastWasAsk bool) MeterStep {
	switch {
	case tries >= MaxMeterTries:
		return GiveUp
	case asked && !lastWasAsk:
		return SendAsk
	}
	return SendToken
}
