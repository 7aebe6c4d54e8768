package notify

import (
	"slices"
	"time"

	"github.com/paywatt/paywatt/unit"
)

// A meter's answer does not say which token it is about, and may be lost, late, doubled or out of order. So an answer is
// believed only of the one token it can be about. Where it can be about several the meter is asked for its last tokens,
// which show each token's ends. What an answer proves stays true however late it comes: a token that was loaded stays
// loaded. What it does not mention proves nothing.

const (
	// AnswerHorizon is for how long after a token was sent to a meter an answer about it is still expected: longer than
	// networks keep a message and than a meter keeps an answer over a power cut.
	AnswerHorizon = 30 * 24 * time.Hour
	// MaxHistory is how many earlier tokens of a meter are compared, newest first. When as many are given there may be more,
	// and then every answer that does not name its token is doubtful.
	MaxHistory = 200
)

// Pushed is a token that is or was on its way to a meter by SMS, or another token of the same meter whose digits must not be
// taken for it.
type Pushed struct {
	// Message names it in what [Match] finds; any text that is unique among those given.
	Message string
	// First and Last are the first and last four digits ([EndsOf] a masked token).
	First, Last string
	Class       uint8
	KeyChange   bool // one token of a key change
	Units       unit.Energy
	// Unread says that nobody here can read the token, which was made elsewhere: class and units are not known, and any
	// answer can be about it.
	Unread bool
	// BySMS says that a message with it may have left the house, so that answers about it may come.
	BySMS bool
	// InMeter says that the token is known to be in the meter: by its own record, or an answer.
	InMeter bool
	// Over says that nothing is sent for the token by itself any more: its messages have ended, or its sale was reversed.
	Over bool
	// Loaded is the answer by which the meter said that it has loaded this token, if one came; a meter says so once.
	Loaded *MeterReply
}

// Finding is what follows from an answer.
type Finding struct {
	// About is the message that was answered: it waits no longer. Empty if that is not certain.
	About string
	// InMeter are messages whose tokens are in the meter.
	InMeter []string
	// Rejected says that the meter did not load the token of About. The token stays as it is: it may be loaded later, or by
	// other routes, and the sender's number proves nothing. A person should look.
	Rejected bool
	// Ask says that the answer can be about several tokens, or names none: ask the meter for its last tokens ([AskLastTokens]).
	Ask bool
	// Stray says that the answer fits no token that was sent.
	Stray bool
}

// AskLastTokens is the message that asks a meter for its last tokens.
const AskLastTokens = "*04#"

// TokenCommand begins the message that brings a token to a meter.
const TokenCommand = "*02#"

// EndsOf are the ends of a token in its masked form, "1234 **** **** **** 5678".
func EndsOf(masked string) (first, last string) {
	if len(masked) < 8 || !isDigits(masked[:4]) || !isDigits(masked[len(masked)-4:]) {
		return "", ""
	}
	return masked[:4], masked[len(masked)-4:]
}

// Match says what an answer of a meter proves. waiting is the one message that waits for an answer, nil if none does;
// earlier are the meter's other tokens of the last [AnswerHorizon], up to [MaxHistory] of them.
func Match(waiting *Pushed, earlier []Pushed, r MeterReply) Finding {
	if r.Kind == ReplyTokens || r.Kind == ReplyTyped {
		return matchRows(waiting, earlier, r)
	}
	if r.Kind == ReplyOther || r.Kind == ReplyBalance {
		return Finding{}
	}
	var may []*Pushed // all that it can be about
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
		return Finding{About: waiting.Message, InMeter: []string{waiting.Message}, Ask: open} // it says what is known
	case fits:
		return Finding{Ask: true}
	case len(may) == 1 && len(earlier) < MaxHistory:
		return r.about(may[0])
	}
	return Finding{Ask: open}
}

// about is what an answer says of the one token that it can be about. "Used" names neither digits nor units, so whoever
// forges the meter's number can say it of any token. It does not end the sending of one that nothing else says is in the
// meter: the meter is asked for its list, which has digits that a forger does not know. Where nothing more would be sent,
// so no question either, it is taken as it is.
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
	return true // every token can be found used or be rejected, however often
}

// same reports whether two answers are in the same words. A network that doubles a message does not change them.
func (r MeterReply) same(as MeterReply) bool {
	return r.Kind == as.Kind && r.Units == as.Units && r.Balance == as.Balance && r.HasBalance == as.HasBalance
}

// matchRows looks for tokens in the list of a meter's last tokens. Only a report of the keypad can match a token that no
// message brought, and such a report matches no other token.
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

// inRows says whether rows prove that a token was loaded, and whether they show nothing but refusals of it. Where another of
// the meter's tokens has the same ends, which hardly ever happens, only as many rows as there are such tokens prove it.
func (p *Pushed) inRows(all []Pushed, rows []ReplyRow) (loaded, refused bool) {
	twins, alike := 0, 0 // tokens with its ends, and those of them whose rows look like its own; itself among them
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

// proves reports whether a row with the digits of a token says that it was loaded.
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

// MeterStep is what to do next about a token that was sent to a meter and not answered.
type MeterStep uint8

// The steps.
const (
	// SendToken sends the token, once more if it was sent before: a token that arrives twice is loaded once, and its second
	// answer says so.
	SendToken MeterStep = iota
	// SendAsk asks for the last tokens.
	SendAsk
	// GiveUp ends the trying: the token stays good, by every other route and by this one when a person says so.
	GiveUp
)

// MaxMeterTries bounds the messages that one token costs on its way to a meter.
const MaxMeterTries = 12

// NextStep says what to send after no answer came, or one that proves nothing of this token. tries counts the messages sent
// for this token, asked whether an answer since it was last sent was doubtful. Asks that bring nothing alternate with the
// token itself, which makes it the newest in the meter's list.
func NextStep(tries int, asked, lastWasAsk bool) MeterStep {
	switch {
	case tries >= MaxMeterTries:
		return GiveUp
	case asked && !lastWasAsk:
		return SendAsk
	}
	return SendToken
}
