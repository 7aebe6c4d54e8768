package notify

import (
	"slices"
	"time"

	"github.com/paywatt/paywatt/unit"
)

// A meter's answer does not say which token it is about, and may be lost, late, doubled or out of order. So an answer counts
// only if it can be about exactly one token. If it can be about several, the meter is asked for its last tokens, which show
// each token's ends. What an answer proves stays true however late it comes: a token that was loaded stays loaded. It proves
// nothing about a token that it does not mention.

const (
	// AnswerHorizon is how long an answer about a token is expected after the token was sent: longer than networks hold a
	// message and than a meter holds an answer over a power cut.
	AnswerHorizon = 30 * 24 * time.Hour
	// MaxHistory is how many earlier tokens of a meter are compared, newest first. If there are that many there may be more, so
	// then every answer that does not name its token is doubtful.
	MaxHistory = 200
)

// Pushed is a token that is or was on its way to a meter by SMS, or another token of the same meter that must not be confused
// with it.
type Pushed struct {
	// Message identifies the token in what [Match] returns; any unique text.
	Message string
	// First and Last are the first and last four digits ([EndsOf] a masked token).
	First, Last string
	Class       uint8
	KeyChange   bool // one token of a key change
	Units       unit.Energy
	// Unread means that the server cannot read the token, which another system issued: class and units are unknown, and any
	// answer can be about it.
	Unread bool
	// BySMS means that a message with the token may have left, so that answers about it may come.
	BySMS bool
	// InMeter means that the token is known to be in the meter, from the meter's own record or an answer.
	InMeter bool
	// Over means that nothing more is sent for the token automatically: its messages have ended, or its sale was reversed.
	Over bool
	// Loaded is the answer that the meter has loaded this token, if one came; a meter says so once.
	Loaded *MeterReply
}

// Finding is what an answer proves.
type Finding struct {
	// About is the message that was answered: it waits no longer. It is empty if that is not certain.
	About string
	// InMeter are messages whose tokens are in the meter.
	InMeter []string
	// Rejected means that the meter did not load the token of About. The token keeps its state: it may be loaded later or by
	// other routes, and the sender's number proves nothing. A person should look.
	Rejected bool
	// Ask means that the answer can be about several tokens, or names none: ask the meter for its last tokens
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

// Match returns what a meter's answer proves. waiting is the message that waits for an answer, or nil; earlier are the meter's
// other tokens of the last [AnswerHorizon], up to [MaxHistory] of them.
func Match(waiting *Pushed, earlier []Pushed, r MeterReply) Finding {
	if r.Kind == ReplyTokens || r.Kind == ReplyTyped {
		return matchRows(waiting, earlier, r)
	}
	if r.Kind == ReplyOther || r.Kind == ReplyBalance {
		return Finding{}
	}
	var may []*Pushed // all tokens that the answer can be about
	open := false     // one of them is not known to be in the meter
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
		return Finding{About: waiting.Message, InMeter: []string{waiting.Message}, Ask: open} // it only repeats what is known
	case fits:
		return Finding{Ask: true}
	case len(may) == 1 && len(earlier) < MaxHistory:
		return r.about(may[0])
	}
	return Finding{Ask: open}
}

// about is what an answer says about the one token that it can be about. "Used" names neither digits nor units, so a forger of
// the meter's number can say it about any token. It does not end the sending unless other evidence shows the token in the
// meter: the meter is asked for its list, which has digits that a forger does not know. If nothing more is sent for
// the token, there is no question either, and "used" is believed.
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

// mayBe reports whether an answer that does not name its token can be about this one.
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

// matchRows looks for tokens in the list of a meter's last tokens. Only a keypad report can match a token that no message
// brought, and such a report matches no other token.
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

// inRows reports whether rows prove that a token was loaded, and whether they show only refusals of it. If several tokens
// of the meter have the same ends, which is very rare, there must be as many rows as such tokens.
func (p *Pushed) inRows(all []Pushed, rows []ReplyRow) (loaded, refused bool) {
	twins, alike := 0, 0 // tokens with the same ends, and those among them whose rows look the same; both include the token itself
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
	// GiveUp ends the tries: the token stays valid by every other route, and by this one if a person sends it again.
	GiveUp
)

// MaxMeterTries is the most messages that are sent to a meter for one token.
const MaxMeterTries = 12

// NextStep returns the next step after no answer, or an answer that proves nothing about this token. tries counts the messages
// sent for this token; asked means that there was a doubtful answer since the token was last sent. Questions without a useful
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
