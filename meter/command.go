package meter

import (
	"math"

	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
)

// answered marks the answer to a command in the ring; without it the entry is the result of a token.
const answered = 0x80

// ringKey returns the key of an answer in the ring. It combines the request and the TID, so that the same request with
// another token is a new request. 0 means that the answer need not be stored.
func ringKey(request uint64, hasTID bool, tid sts.TID) uint64 {
	const odd = 0x9e3779b97f4a7c15
	if request == 0 || !hasTID {
		return request
	}
	return request ^ (uint64(tid)+1)*odd
}

// stored returns the earlier answer to this request.
func (x *step) stored(key uint64) (answer uint8, found bool) {
	if key == 0 {
		return 0, false
	}
	for i, k := range x.s.RingKeys {
		if k == key {
			return x.s.RingAnswers[i], true
		}
	}
	return 0, false
}

// remember stores an answer, replacing the oldest.
func (x *step) remember(key uint64, answer uint8) {
	if key == 0 {
		return
	}
	s := x.s
	copy(s.RingKeys[:], s.RingKeys[1:])
	copy(s.RingAnswers[:], s.RingAnswers[1:])
	s.RingKeys[RingSize-1], s.RingAnswers[RingSize-1] = key, answer
}

// persist starts a log record. The record takes effect when the host reports it durable.
func (x *step) persist(r *Record) {
	r.Seq, r.Register = x.s.Applied+1, x.s.Register
	x.s.Flags |= FlagPending
	x.emit(EffectPersist).Record = *r
}

// persisted ends a log record. An EventPersisted for a record that is not pending (an old record, after a restart) is ignored.
func (x *step) persisted() {
	s, r := x.s, &x.ev.Record
	if !s.Busy() || r.Seq != s.Applied+1 {
		return
	}
	s.Flags &^= FlagPending
	switch {
	case x.ev.OK:
		x.apply(r)
	case r.Kind == RecordToken || r.Kind == RecordKeys:
		// The answer does not show whether the token was right or wrong.
		failed := *r
		failed.Seq, failed.Result, failed.Units = 0, sts.StorageError, 0
		x.result(&failed)
	case r.Kind == RecordTamper:
		x.applyTamper(r)
		x.checkpoint()
	case r.Kind == RecordEmergency:
		x.answerEmergency(ECStorage, r.Source)
	case r.Kind != RecordLocal:
		x.answerCommand(r, AnswerStorage)
	}
}

// apply carries out a durable record: now, or at start from the log.
func (x *step) apply(r *Record) {
	s := x.s
	if r.Seq <= s.Applied {
		return
	}
	s.Applied = r.Seq
	s.Counter = max(s.Counter, r.Counter)
	if x.ev.Kind != EventReplay && r.Result != sts.CRCError {
		// Until the next snapshot, only the log record holds this change.
		x.checkpoint()
	}
	switch r.Kind {
	case RecordToken:
		x.applyToken(r)
	case RecordKeys:
		x.applyKeys(r)
	case RecordCommand:
		x.applyCommand(r)
	case RecordConfig:
		x.applyConfig(r)
	case RecordLocal:
		s.Reasons = s.Reasons.Without(supply.Local)
		if r.Value != 0 {
			x.set(supply.Local)
		}
		x.moveUnlessReplay()
	case RecordTamper:
		x.applyTamper(r)
	case RecordEmergency:
		x.applyEmergency(r)
	}
}

// moveUnlessReplay moves the relay, except while the log is being replayed.
func (x *step) moveUnlessReplay() {
	if x.ev.Kind != EventReplay {
		x.moveRelay()
	}
}

// command answers a signed command, or starts its log record. A repeated id gets the stored answer.
func (x *step) command() {
	ev := x.ev
	if x.s.Busy() || x.repeated() {
		return
	}
	r := Record{
		Kind: RecordCommand, Command: ev.Command, Force: ev.Force, Counter: ev.Counter, Request: ev.Request,
		Refused: x.refusal(),
	}
	switch {
	case ev.Counter <= x.s.Counter:
		x.answerCommand(&r, AnswerCounter)
		return
	case r.Refused != AnswerNone:
		// The command is refused for good, but it uses up its counter like any other.
	case ev.Command == CommandCancelToken:
		r.HasTID, r.TID = true, ev.TID
	case ev.Command == CommandClearTamper:
		r.Value = uint32(x.s.clearable())
	case ev.Command == CommandClearCredit:
		r.Units = -x.s.Balance
	case ev.Command == CommandSetTime:
		r.Value = uint32(ev.NewAt)
	case ev.Command == CommandLease:
		r.Lease, r.Value, r.Units = ev.Lease.Seq, ev.Lease.TTL, ev.Lease.Max-x.s.Register
	}
	x.persist(&r)
}

// refusal returns why a command cannot be carried out, or AnswerNone if it can be.
func (x *step) refusal() Answer {
	s, ev := x.s, x.ev
	switch {
	case ev.Refused != AnswerNone:
		return ev.Refused
	case ev.Command == CommandUnknown:
		return AnswerUnknown
	case ev.Command == CommandSetTime && (ev.NewAt <= 0 || ev.NewAt >= math.MaxUint32):
		return AnswerClock
	case ev.Command == CommandClearCredit && s.Wallet():
		return AnswerMode
	case ev.Command == CommandLease:
		return s.judgeLease(ev.Lease)
	case ev.Command != CommandCancelToken:
		return AnswerNone
	case ev.Base != s.Key.Base:
		return AnswerBaseDate
	}
	switch s.TIDs.Check(ev.TID) {
	case sts.UsedError:
		return AnswerUsed
	case sts.OldError:
		return AnswerOld
	}
	return AnswerNone
}

// repeated answers a message whose id was answered before.
func (x *step) repeated() bool {
	answer, again := x.stored(x.ev.Request)
	if !again || answer < answered {
		return false
	}
	x.reportAnswer(&Record{Request: x.ev.Request}, Answer(answer&^answered))
	return true
}

// applyCommand carries out a durable command.
func (x *step) applyCommand(r *Record) {
	s, answer := x.s, AnswerDone
	if r.Refused != AnswerNone {
		x.answerCommand(r, r.Refused)
		return
	}
	switch r.Command {
	case CommandConnect:
		s.Reasons = s.Reasons.Without(supply.Remote)
		if r.Force {
			s.Confirm = false
		}
	case CommandDisconnect:
		x.set(supply.Remote)
	case CommandCancelToken:
		s.TIDs.Add(r.TID)
	case CommandRead:
		if x.ev.Kind != EventReplay {
			x.report(ReportReading)
		}
	case CommandClearTamper:
		if !x.clearTamper(r, clearedByCommand) {
			answer = AnswerTamper
		}
	case CommandClearCredit:
		x.clearCredit(r)
	case CommandResetDemand:
		s.Day.Peak = 0
	case CommandSetTime:
		if x.ev.Kind != EventReplay { // in a replay, the time in the record is out of date
			x.setClock(int64(r.Value), ClockServer)
		}
	case CommandLease:
		x.applyLease(r)
	}
	x.moveUnlessReplay()
	x.answerCommand(r, answer)
	if x.ev.Kind != EventReplay {
		x.settle()
	}
}

// clearCredit removes the credit that the meter had when the record was begun. The record holds a difference, so a replay after a power cut
// gives the same state. Energy used while the record was written counts as used without credit. Earlier emergency credit and overrun stay
// owed.
func (x *step) clearCredit(r *Record) { x.debit(-r.Units) }

// config starts the log record of a new configuration.
func (x *step) config() {
	ev := x.ev
	if x.s.Busy() || x.repeated() {
		return
	}
	r := Record{Kind: RecordConfig, Value: ev.Version, Wallet: ev.Wallet, Counter: ev.Counter, Request: ev.Request}
	refused := ev.Refused
	if refused == AnswerNone && ev.Wallet && !x.s.Wallet() && x.s.Balance > 0 {
		refused = AnswerMode
	}
	switch {
	case ev.Counter <= x.s.Counter:
		x.answerCommand(&r, AnswerCounter)
		return
	case refused != AnswerNone:
		r = Record{Kind: RecordCommand, Command: CommandConfig, Refused: refused, Counter: ev.Counter, Request: ev.Request}
	}
	x.persist(&r)
}

// applyConfig applies the effects of a new configuration, which the host has already put in force.
func (x *step) applyConfig(r *Record) {
	x.rescale()
	if r.Wallet != x.s.Wallet() {
		x.changeMode(r)
	}
	if x.ev.Kind != EventReplay {
		x.s.NextAt = 0 // the windows may have changed
		x.calendar()
		x.settle()
	}
	x.answerCommand(r, AnswerDone)
	x.consequence(CodeConfig, int64(r.Value), 0)
}

// answerCommand reports the answer to a command to the server and remembers it.
func (x *step) answerCommand(r *Record, a Answer) {
	if a != AnswerCounter && a != AnswerStorage {
		x.remember(r.Request, answered|uint8(a))
	}
	if x.ev.Kind == EventReplay && x.ev.Reported {
		return
	}
	x.reportAnswer(r, a)
	if r.Kind == RecordCommand && r.Command == CommandClearCredit && a == AnswerDone {
		x.event(CodeCreditCleared, -int64(r.Units), int64(x.s.Register))
	}
	if r.Kind == RecordCommand && a != AnswerCounter {
		x.event(CodeCommand, int64(r.Command), int64(a))
	}
}

func (x *step) reportAnswer(r *Record, a Answer) {
	p := x.report(ReportCommand)
	p.Request, p.Answer = r.Request, a
	if a != AnswerStorage {
		p.Log = r.Seq // 0 if the answer needed no record
	}
}
