package device

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/paywatt/paywatt/internal/device/memory"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/panel"
	"github.com/paywatt/paywatt/sts"
)

// Modem is the GSM modem of a meter, as its device and the device's driver need it. Package post implements it.
type Modem interface {
	// Tasks returns what the modem wants done on the goroutine of the device. An error of a task comes from the memory and
	// is permanent.
	Tasks() <-chan Task
	// Power switches the modem with the mains. While it is off, none of its tasks waits for the device.
	Power(on bool)
	// Bars is the signal strength, 1 to 4, or 0 for no network. Any goroutine may call it.
	Bars() int
	// Wake tells the modem that there are letters to send. It does not wait.
	Wake()
}

// Task is a function to run on the goroutine of a device.
type Task func(*Device) error

// Arrival is a message that the modem holds.
type Arrival struct {
	// Identity stays the same however often the network and the modem deliver the message.
	Identity [identitySize]byte
	// From is the sender's number. It proves nothing.
	From, Text string
}

// Letter is a message that waits to be sent.
type Letter struct {
	ID uint64
	SMS
	// at is the powered-on second at which it was written.
	at uint64
}

// Limits of the mail.
const (
	identitySize = 16
	// rememberedArrivals is how many messages are recognised: more than a SIM holds, so that a repeated message is never
	// taken for a new one.
	rememberedArrivals = 64
	// rememberedReplies is how many answers the meter remembers. It must not be less than the number of answers that
	// [panel.Gate] counts.
	rememberedReplies = 48
	// maxLetters is how many messages can wait to be sent; a new one replaces the oldest.
	maxLetters = 64
	// letterLife is for how many powered-on seconds a message stays worth sending.
	letterLife = 24 * 60 * 60
)

// testClass is the class of tokens that change nothing.
const testClass = 1

// errNotKept is returned for a message that the meter could not make durable. The modem keeps the message and delivers
// it again.
var errNotKept = errors.New("message not stored")

// smsState is what the meter knows of its text messages even after a power cut: which messages it has handled, whom it has
// answered, and what it still has to send. It does not hold the incoming texts, because they contain tokens: the SIM keeps each
// text until it is handled.
type smsState struct {
	taken   []taken
	replies []reply
	letters []Letter
	// These are the IDs of the newest letter and of the newest durable letter. Only durable letters may be sent.
	last, durable uint64
}

// taken says how many tokens of a message were handled, or that the whole message was handled.
type taken struct {
	identity [identitySize]byte
	tokens   uint8
	whole    bool
}

// reply is an answer that the limits have allowed.
type reply struct {
	sender, at uint64
	kind       panel.AnswerKind
}

// mailEntry is a frame of the mail: all effects of one token or one request, so that a power cut leaves all of them or
// none.
type mailEntry struct {
	taken  *taken
	reply  *reply
	letter *Letter
}

// Flags of an entry.
const (
	mailTaken    = 1
	mailWhole    = 2
	mailReply    = 4
	mailRejected = 8
	mailLetter   = 16
	mailToken    = 32 // the answer is about a token
)

func (e mailEntry) frame() memory.Frame {
	b := []byte{0}
	if t := e.taken; t != nil {
		b[0] |= mailTaken
		if t.whole {
			b[0] |= mailWhole
		}
		b = append(append(b, t.identity[:]...), t.tokens)
	}
	if r := e.reply; r != nil {
		b[0] |= mailReply
		switch r.kind {
		case panel.Rejection:
			b[0] |= mailRejected
		case panel.ToToken:
			b[0] |= mailToken
		}
		b = binary.LittleEndian.AppendUint64(b, r.sender)
		b = binary.LittleEndian.AppendUint64(b, r.at)
	}
	if l := e.letter; l != nil {
		b[0] |= mailLetter
		b = binary.LittleEndian.AppendUint64(b, l.ID)
		b = binary.LittleEndian.AppendUint64(b, l.at)
		to := l.To[:min(len(l.To), 255)]
		b = append(append(append(b, byte(len(to))), to...), l.Text...)
	}
	return memory.Frame{Kind: frameMail, Data: b}
}

// load reads an entry from the log. It ignores an entry that is too short.
func (m *smsState) load(b []byte) {
	if len(b) == 0 {
		return
	}
	flags, b := b[0], b[1:]
	var e mailEntry
	if flags&mailTaken != 0 {
		if len(b) < identitySize+1 {
			return
		}
		e.taken = &taken{identity: [identitySize]byte(b), tokens: b[identitySize], whole: flags&mailWhole != 0}
		b = b[identitySize+1:]
	}
	if flags&mailReply != 0 {
		if len(b) < 16 {
			return
		}
		e.reply = &reply{sender: binary.LittleEndian.Uint64(b), at: binary.LittleEndian.Uint64(b[8:])}
		switch {
		case flags&mailRejected != 0:
			e.reply.kind = panel.Rejection
		case flags&mailToken != 0:
			e.reply.kind = panel.ToToken
		}
		b = b[16:]
	}
	if flags&mailLetter != 0 {
		if len(b) < 17 || len(b) < 17+int(b[16]) {
			return
		}
		to := b[17 : 17+int(b[16])]
		e.letter = &Letter{ID: binary.LittleEndian.Uint64(b), at: binary.LittleEndian.Uint64(b[8:]), SMS: SMS{To: string(to), Text: string(b[17+len(to):])}}
	}
	m.add(e)
}

// add applies an entry. The entry may be in the log twice, if the log was rewritten after a write that seemed to fail.
func (m *smsState) add(e mailEntry) {
	if t := e.taken; t != nil {
		if have := m.find(t.identity); have != nil {
			*have = *t
		} else {
			m.taken = newest(append(m.taken, *t), rememberedArrivals)
		}
	}
	if r := e.reply; r != nil {
		m.replies = newest(append(m.replies, *r), rememberedReplies)
	}
	if l := e.letter; l != nil && l.ID > m.last {
		m.last = l.ID
		m.letters = newest(append(m.letters, *l), maxLetters)
	}
}

// newest returns the last n elements.
func newest[T any](all []T, n int) []T { return all[max(0, len(all)-n):] }

func (m *smsState) find(identity [identitySize]byte) *taken {
	for i := range m.taken {
		if m.taken[i].identity == identity {
			return &m.taken[i]
		}
	}
	return nil
}

// settle removes the letters up to a letter that was sent or has expired.
func (m *smsState) settle(id uint64) {
	for len(m.letters) > 0 && m.letters[0].ID <= id {
		m.letters = m.letters[1:]
	}
	m.last = max(m.last, id)
}

func settledFrame(id uint64) memory.Frame {
	return memory.Frame{Kind: frameSettled, Data: binary.LittleEndian.AppendUint64(nil, id)}
}

// frames returns the whole mail for a rewrite of the log.
func (m *smsState) frames() []memory.Frame {
	// Begin with the number up to which all letters are settled, so that no number is reused.
	settled := m.last
	if len(m.letters) > 0 {
		settled = m.letters[0].ID - 1
	}
	frames := []memory.Frame{settledFrame(settled)}
	for i := range m.taken {
		frames = append(frames, mailEntry{taken: &m.taken[i]}.frame())
	}
	for i := range m.replies {
		frames = append(frames, mailEntry{reply: &m.replies[i]}.frame())
	}
	for i := range m.letters {
		frames = append(frames, mailEntry{letter: &m.letters[i]}.frame())
	}
	return frames
}

// gate returns the limits of answers with all remembered answers, so that switching the mains off and on does not lift
// them.
func (m *smsState) gate() (g panel.Gate) {
	for _, r := range m.replies {
		g.Allow(r.sender, r.at, r.kind)
	}
	return g
}

// Attach gives the meter a modem. From now on the modem is switched with the mains.
func (d *Device) Attach(m Modem) {
	d.modem = m
	m.Power(d.on)
	m.Wake()
}

// Tasks returns the tasks of the modem. Without a modem it returns nil, a channel that never delivers.
func (d *Device) Tasks() <-chan Task {
	if d.modem == nil {
		return nil
	}
	return d.modem.Tasks()
}

// underWay is the message that is being handled.
type underWay struct {
	entry mailEntry
	// reported is the result of the newest token report to the server.
	reported meter.Result
	// answered says that the meter has tried to answer the sender.
	answered bool
	// failed says that the memory could not store the token.
	failed bool
}

// Deliver handles a message from the modem. If it returns nil, all effects of the message are durable and the modem may
// delete it. After an error the modem must deliver the message again. A message that changes nothing and gets no answer
// is not stored, so a flood of such messages writes nothing to the memory.
func (d *Device) Deliver(a Arrival) error {
	if !d.on {
		return fmt.Errorf("%w: the modem is dead", ErrOff)
	}
	if d.broken != nil {
		return d.broken
	}
	have := taken{identity: a.Identity}
	if t := d.mail.find(a.Identity); t != nil {
		have = *t
	}
	r := panel.ParseSMS(a.Text)
	if have.whole {
		return d.flushLog() // make sure that all of it is durable
	}
	if r.Kind == panel.RequestNone || r.Kind != panel.RequestToken && !d.registered(a.From) {
		return nil
	}
	d.smsFrom = a.From
	defer func() { d.smsFrom, d.under = "", nil }()
	if r.Kind != panel.RequestToken {
		d.under = &underWay{}
		d.asked(a.From, r.Kind)
		have.whole = true
		d.keepMail(have)
		return d.flushLog()
	}
	tokens := r.RevealTokens()
	for n := int(have.tokens); n < len(tokens); n++ {
		d.under = &underWay{}
		d.token(tokens[n], meter.SMS, d.requests.add(arrivalID(a.Identity, n)))
		if d.broken != nil {
			return d.broken
		}
		if d.under.failed {
			return fmt.Errorf("%w: the token was not written", errNotKept)
		}
		if !d.under.answered {
			d.tellToken(d.under.reported) // the token was loaded before a power cut: repeat the answer
		}
		have.tokens, have.whole = uint8(n+1), n+1 == len(tokens)
		d.keepMail(have)
	}
	return d.flushLog()
}

// arrivalID is the request id of the n-th token of a message. The core gives the same request the same answer. A power
// cut may come between the token's record and the message's own record. Even then the recharge is not reported as used,
// and a wrong token is not counted twice.
func arrivalID(identity [identitySize]byte, n int) string {
	return fmt.Sprintf("sms:%s/%d", base64.RawURLEncoding.EncodeToString(identity[:]), n)
}

// keepMail stores how much of a message was handled, with the answer to it. It is durable with the next flush.
func (d *Device) keepMail(t taken) {
	e := d.under.entry
	e.taken = &t
	d.writeMail(e)
}

func (d *Device) writeMail(e mailEntry) {
	d.mail.add(e)
	if err := d.c.Log.Append(e.frame()); err != nil {
		d.rewrite = true
	}
	d.appended++
}

// mailDurable is called when all letters are durable. It allows them to be sent, and wakes the modem.
func (d *Device) mailDurable() {
	if d.mail.durable == d.mail.last {
		return
	}
	d.mail.durable = d.mail.last
	if d.modem != nil {
		d.modem.Wake()
	}
}

// Letter returns the next durable message to send. It drops messages that have expired.
func (d *Device) Letter() (Letter, bool) {
	for len(d.mail.letters) > 0 && d.mail.letters[0].ID <= d.mail.durable {
		l := d.mail.letters[0]
		if d.poweredSecond() < l.at+letterLife {
			return l, true
		}
		d.log.Warn("message not sent in time", logkey.Meter, d.c.Number)
		d.Settle(l.ID)
	}
	return Letter{}, false
}

// Settle removes a message that was sent or cannot be sent. Until the next flush makes this durable, a power cut brings
// the message back: an answer may be sent twice but is never lost.
func (d *Device) Settle(id uint64) {
	d.mail.settle(id)
	if err := d.c.Log.Append(settledFrame(id)); err != nil {
		d.rewrite = true
	}
	d.appended++
}

// poweredSecond is the powered-on time in seconds.
func (d *Device) poweredSecond() uint64 { return (d.state.On + d.clock.up) / 1000 }

// mailReport handles a token's report to the server. For a token by SMS it stores the result. If the message
// comes again, the core only reports to the server, and Deliver answers the sender with the stored result. For a token
// accepted at the keypad it notifies the registered numbers, before the record is written to the log: a power cut
// between the two can repeat the notice but not lose it.
func (d *Device) mailReport(r *meter.Report) {
	if r.Kind != meter.ReportToken {
		return
	}
	result := meter.Result{Code: r.Result, Source: r.Source, Class: r.Class, SubClass: r.SubClass, Units: r.Units, Balance: d.state.Shown()}
	switch {
	case r.Source == meter.SMS && d.under != nil:
		d.under.reported = result
	case r.Source == meter.Keypad:
		d.tellToken(result)
	}
}

// tellToken reports a token's result. The sender of a token by SMS always gets an answer. A token accepted at the
// keypad is reported to the customer and to every other registered number, which is the authority's. A token that was
// refused or changed nothing appears on the display only. A token that the server pushed is answered to the server.
func (d *Device) tellToken(r meter.Result) {
	switch {
	case r.Source == meter.SMS:
		d.answerSMS(r)
	case r.Source == meter.Keypad && r.Code == sts.Accept && r.Class != testClass:
		for i, to := range d.c.Phones {
			text := panel.AnswerToken(d.config.Language, r, true)
			if i > 0 {
				text = panel.Report(d.config.Language, r, d.masked)
			}
			d.reply(to, text, panel.RequestToken, panel.ToToken)
		}
	}
}

// answerSMS answers the sender of a token. If the memory could not store the token there is no answer, because the
// modem delivers the message again.
func (d *Device) answerSMS(r meter.Result) {
	if d.smsFrom == "" {
		return
	}
	if d.under != nil {
		if d.under.failed = r.Code == sts.StorageError && !d.state.Frozen; d.under.failed {
			return
		}
		d.under.answered = true
	}
	known := d.registered(d.smsFrom)
	kind := panel.ToToken
	if !known && r.Code != sts.Accept {
		kind = panel.Rejection
	}
	d.reply(d.smsFrom, panel.AnswerToken(d.config.Language, r, known), panel.RequestToken, kind)
}

// reply sends an answer if the limits allow one. The limits never affect what the message itself has done.
func (d *Device) reply(to, text string, request panel.RequestKind, kind panel.AnswerKind) {
	r := reply{sender: panel.Sender(meter.Handle(to), request), at: d.poweredSecond(), kind: kind}
	if !d.gate.Allow(r.sender, r.at, kind) {
		return
	}
	if d.under != nil {
		d.under.entry = mailEntry{reply: &r, letter: d.letter(to, text)} // stored together with the message
		return
	}
	d.writeMail(mailEntry{reply: &r, letter: d.letter(to, text)})
}

// letter records a message for TakeSMS and returns it for the modem to send. It returns nil without a modem, except
// during a start, when the modem is not attached yet.
func (d *Device) letter(to, text string) *Letter {
	if len(d.smsOut) < maxSMSOut {
		d.smsOut = append(d.smsOut, SMS{To: to, Text: text})
	}
	if d.modem == nil && !d.starting {
		return nil
	}
	return &Letter{ID: d.mail.last + 1, SMS: SMS{To: to, Text: text}, at: d.poweredSecond()}
}

// send sends a message that was not requested.
func (d *Device) send(to, text string) {
	if l := d.letter(to, text); l != nil {
		d.writeMail(mailEntry{letter: l})
	}
}
