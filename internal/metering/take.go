package metering

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/wire"
)

// FirstEpoch is the store epoch of a database that was never restored.
const FirstEpoch = 1

// maxPast is the number of former memories that are remembered for each meter. A memory that is put back continues where it stopped,
// instead of sending every record again.
const maxPast = 8

// Info is a meter's last boot message as stored, with the server's own notes.
type Info struct {
	wire.Boot
	Server Notes `json:"server"`
}

// Notes are the server's own notes about the meter's memory.
type Notes struct {
	// Epoch is the last store epoch in which no acknowledged record was missing from the store. While it is below the database's own epoch,
	// a restore may have lost such records. The server then answers boots with rewind until it has the meter's records again.
	Epoch int64 `json:"epoch"`
	// RewindTo is the meter's last record at the first rewind: the rewind is complete once the watermark has reached it.
	RewindTo uint64 `json:"rewind_to,omitempty"`
	// Past holds the former memories, newest first.
	Past []Past `json:"past,omitempty"`
	// Booted is the time at which the boot message was received; zero in an older server's notes.
	Booted time.Time `json:"booted,omitzero"`
}

// Past is a former memory of the meter, and how far it had come.
type Past struct {
	Memory    string `json:"store"`
	Watermark uint64 `json:"watermark"`
	Bits      uint64 `json:"bits,omitempty"`
}

// ParseInfo reads the stored form. Invalid text gives an empty Info, because a fault in the notes must never block a meter.
func ParseInfo(text string) Info {
	var i Info
	if err := json.Unmarshal([]byte(text), &i); err != nil {
		return Info{}
	}
	return i
}

// Text returns the stored form.
func (i Info) Text() (string, error) {
	b, err := json.Marshal(i)
	return string(b), fault.Wrap(err, "write boot notes")
}

// AlarmCode names a condition that a person should look at. Console and notifications translate it; never rename one.
type AlarmCode string

// Alarms about meters' records.
const (
	// AlarmMemoryReplaced: the meter came back with another memory, so the undelivered records of the old memory are lost.
	AlarmMemoryReplaced AlarmCode = "memory-replaced"
	// AlarmRecordsLost: the meter no longer has records that the server never received.
	AlarmRecordsLost AlarmCode = "records-lost"
	// AlarmMemoryBack: the meter's numbering went backwards in the same memory; new records may look like old ones.
	AlarmMemoryBack AlarmCode = "memory-went-back"
	// AlarmUnreadable: the meter sends records that cannot be read, not even their numbers.
	AlarmUnreadable AlarmCode = "unreadable-record"
	// AlarmQuarantine: a record is held for a person's decision.
	AlarmQuarantine AlarmCode = "quarantined-record"
	// AlarmQuarantineFull: the meter has the largest allowed number of records that wait for a decision. More records are only counted.
	AlarmQuarantineFull AlarmCode = "quarantine-full"
	// AlarmGhostCredit: the meter accepted a credit token that was not sold here.
	AlarmGhostCredit AlarmCode = "ghost-credit"
	// AlarmGhostToken: the meter accepted a management token that was not issued here.
	AlarmGhostToken AlarmCode = "ghost-token"
	// AlarmReversedUsed: the meter accepted a token whose sale was reversed.
	AlarmReversedUsed AlarmCode = "reversed-token-used"
	// AlarmReversedLate: the meter cancelled a sale's tokens after the reversal had been given up. The money was still returned.
	AlarmReversedLate AlarmCode = "reversed-late"
	// AlarmReversalUnconfirmed: a sale's money was given back, but its meter has not confirmed that the token will never load.
	AlarmReversalUnconfirmed AlarmCode = "reversal-unconfirmed"
	// AlarmUnitsOwed: the meter cancelled a token of a sale that was not reversed; its units were replaced, or a person must
	// replace them.
	AlarmUnitsOwed AlarmCode = "units-owed"
	// AlarmPersonUnusual: somebody's actions are unusual in speed or size (access.Unusual).
	AlarmPersonUnusual AlarmCode = "person-unusual"
	// AlarmPaymentOwn: a payment bought energy for a meter or a telephone that a person of the utility has recorded as their own.
	AlarmPaymentOwn AlarmCode = "payment-own"
	// AlarmLockout: somebody tried wrong tokens until the meter locked its token entry.
	AlarmLockout AlarmCode = "token-lockout"
	// AlarmRatingHeld: a register is impossible, so nothing is charged until a person decides.
	AlarmRatingHeld AlarmCode = "rating-held"
	// AlarmOpenRelay: energy was counted while the meter reported an open relay.
	AlarmOpenRelay AlarmCode = "energy-while-off"
	// AlarmReplacedCounts: a meter counts energy after another one took its place, so somebody still uses it.
	AlarmReplacedCounts AlarmCode = "replaced-meter-counts"
	// AlarmReplacedToken: a meter took a token that was counted as unused when another meter took its place.
	AlarmReplacedToken AlarmCode = "replaced-meter-token"
	// AlarmSwapTokens: the issuer refused the tokens that a new meter should get for what was left in the old one.
	AlarmSwapTokens AlarmCode = "replaced-meter-owed"
	// AlarmTamper: a tamper switch of the meter tripped.
	AlarmTamper AlarmCode = "tamper"
	// AlarmMeterSilent means that a meter was not heard for a long time. The package silence decides when.
	AlarmMeterSilent AlarmCode = "meter-silent"
)

// Lasts reports whether an alarm describes a state that each further record only confirms. Such an alarm is open once for each meter, and names the
// newest record. Every other alarm is about an event of its own.
func (c AlarmCode) Lasts() bool { return c == AlarmUnreadable || c == AlarmQuarantine }

// Alarm is an alarm to raise. The store has at most one open alarm per meter, server, code and text; see also [AlarmCode.Lasts].
type Alarm struct {
	Code AlarmCode
	Text string
	// Server is the name of the server that the alarm is about. It is empty for an alarm about a meter or about the shared database,
	// and if the database has only one server.
	Server string
}

// Decision is the result of [Live.Take] for one record.
type Decision struct {
	Outcome
	// Reason says why a record was quarantined or dropped; Doubt is the kind of doubt about a quarantined record.
	Reason string
	Doubt  Doubt
	Alarm  *Alarm
	// Clear is the code of an alarm that no longer applies.
	Clear AlarmCode
}

// Take decides about one record and moves the window. The store writes a Stored record to its table and a Quarantined record to quarantine.
// Any other outcome changes only the meter's row. Records of one meter must be taken in the order in which they were received, because a
// boot message may change the memory of the records after it.
func (l *Live) Take(r *Record, epoch int64) Decision {
	if r.Bad != nil && !r.Bad.HasSeq {
		l.seen(r.ReceivedAt, 0, false)
		return l.outcome(Dropped, Decision{Reason: r.Bad.Reason, Alarm: &Alarm{Code: AlarmUnreadable, Text: alarmtext.Unreadable(r.Bad.Reason)}})
	}
	if r.Bad == nil && r.Rec.Kind == wire.KindBoot {
		return l.boot(r, epoch)
	}
	if r.Memory != "" && r.Memory != l.Memory {
		// The connection opened with a memory that another connection has replaced since.
		return l.outcome(Beyond, Decision{})
	}
	seq, suspicion := r.Rec.Head.Seq, r.suspect()
	if r.Bad != nil {
		seq = r.Bad.Seq
	}
	switch l.Window.Take(seq) {
	case Seen:
		l.seen(r.ReceivedAt, 0, false)
		return l.outcome(Duplicate, Decision{})
	case Ahead:
		l.seen(r.ReceivedAt, 0, false)
		return l.outcome(Beyond, Decision{})
	}
	if reason := suspicion.Text; suspicion != (Suspicion{}) {
		l.seen(r.ReceivedAt, 0, false)
		alarm := &Alarm{Code: AlarmQuarantine, Text: alarmtext.Quarantined(int64(seq), reason)}
		return l.outcome(Quarantined, Decision{Reason: reason, Doubt: suspicion.Doubt, Alarm: alarm})
	}
	l.seen(r.ReceivedAt, r.Rec.Head.At, r.Rec.Head.Clock != wire.ClockInvalid)
	l.fresh = append(l.fresh, &r.Rec)
	return l.outcome(Stored, eventAlarm(r.Rec.Event))
}

// outcome sets the outcome of the record.
func (l *Live) outcome(k OutcomeKind, d Decision) Decision {
	d.Kind, d.Watermark = k, l.Window.Watermark
	return d
}

// boot takes the message that opens a connection. It has no number and is never a duplicate.
func (l *Live) boot(r *Record, epoch int64) Decision {
	b := r.Rec.Boot
	var d Decision
	if l.Info == nil {
		l.Info = &Info{}
	}
	notes := l.Info.Server
	if b.Memory != l.Memory {
		l.Settle(nil, time.Time{}, r.ReceivedAt) // the old memory's records of this batch still count
		d.Alarm = l.newMemory(b, &notes, epoch)
	} else {
		d.Alarm = l.sameMemory(b)
	}
	if notes.Epoch < epoch {
		switch last := max(b.Next, 1) - 1; {
		case notes.RewindTo == 0 && last > l.Window.Watermark:
			notes.RewindTo, d.Rewind = last, true
		case l.Window.Watermark < notes.RewindTo:
			d.Rewind = true
		default:
			notes.Epoch, notes.RewindTo = epoch, 0
		}
	}
	l.Boot, notes.Booted = b.Boot, r.ReceivedAt
	l.Info = &Info{Boot: *b, Server: notes}
	l.seen(r.ReceivedAt, 0, false)
	return l.outcome(Stored, d)
}

// newMemory starts a window at the lowest number that the meter still has, or continues the window of a memory that it had before. A gap
// raises an alarm and is never filled with invented records.
func (l *Live) newMemory(b *wire.Boot, notes *Notes, epoch int64) *Alarm {
	first := l.Memory == "" && l.Window == Window{}
	if !first {
		notes.Past = append([]Past{{Memory: l.Memory, Watermark: l.Window.Watermark, Bits: l.Window.Bits}}, notes.Past...)
	}
	start := Window{Watermark: max(b.Lowest, 1) - 1}
	for i, p := range notes.Past {
		if p.Memory == b.Memory {
			start = Window{Watermark: p.Watermark, Bits: p.Bits}
			notes.Past = append(notes.Past[:i:i], notes.Past[i+1:]...)
			break
		}
	}
	notes.Past = notes.Past[:min(len(notes.Past), maxPast)]
	notes.RewindTo = 0
	// In the first epoch the server has every record that this memory counts as acknowledged. After a restore it may not.
	notes.Epoch = epoch
	if epoch > FirstEpoch {
		notes.Epoch = epoch - 1
	}
	old := l.Memory
	l.Memory, l.Window, l.was, l.fresh, l.ReadingSeq = b.Memory, start, start, nil, 0
	lost := l.Window.Skip(max(b.Lowest, 1) - 1)
	switch {
	case !first && old == "":
		return &Alarm{Code: AlarmMemoryReplaced, Text: alarmtext.MemoryUnnamed(b.Memory)}
	case !first:
		return &Alarm{Code: AlarmMemoryReplaced, Text: alarmtext.MemoryReplaced(b.Memory, old)}
	case start.Watermark > 0 || lost > 0:
		return &Alarm{Code: AlarmRecordsLost, Text: alarmtext.RecordsLostAtStart(int64(b.Lowest), int64(b.Lowest)-1)}
	}
	return nil
}

// sameMemory looks for records that can no longer arrive, and for a numbering that went backwards.
func (l *Live) sameMemory(b *wire.Boot) *Alarm {
	if b.Next <= l.Window.Highest() {
		return &Alarm{Code: AlarmMemoryBack, Text: alarmtext.MemoryBack(int64(b.Next), int64(l.Window.Highest()))}
	}
	if lost := l.Window.Skip(max(b.Lowest, 1) - 1); lost > 0 {
		return &Alarm{Code: AlarmRecordsLost, Text: alarmtext.RecordsLost(int64(lost), int64(b.Lowest))}
	}
	return nil
}

// eventLockout is an event code with a special alarm.
const eventLockout = 303

// eventAlarm raises or clears the alarm of an event.
func eventAlarm(e *wire.Event) Decision {
	switch {
	case e == nil:
		return Decision{}
	case e.Code == eventLockout:
		return Decision{Alarm: &Alarm{Code: AlarmLockout, Text: alarmtext.Lockout()}}
	case e.Code >= eventTamperFirst && e.Code <= eventTamperLast:
		return Decision{Alarm: &Alarm{Code: AlarmTamper, Text: alarmtext.Tamper(alarmtext.Switch(strconv.Itoa(e.Code)))}}
	case e.Code == eventTamperClear:
		return Decision{Clear: AlarmTamper}
	}
	return Decision{}
}
