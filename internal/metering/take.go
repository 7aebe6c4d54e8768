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

// maxPast is how many former memories of a meter are remembered, so that one that is put back into the meter goes on
// where it stopped instead of sending everything twice.
const maxPast = 8

// Info is what the server keeps of a meter's last boot message, with its own notes beside it.
type Info struct {
	wire.Boot
	Server Notes `json:"server"`
}

// Notes are the server's own about the memory it talks to.
type Notes struct {
	// Epoch is the store epoch in which the meter last held everything acknowledged. While it lies below the
	// database's own, a restore may have lost acknowledged records and boot is answered with rewind.
	Epoch int64 `json:"epoch"`
	// RewindTo is the last record the meter had when it was first asked to rewind: the debt is paid once the
	// watermark has reached it.
	RewindTo uint64 `json:"rewind_to,omitempty"`
	// Past are former memories, newest first.
	Past []Past `json:"past,omitempty"`
	// Booted is when the boot message was received; zero in notes of an older server.
	Booted time.Time `json:"booted,omitzero"`
}

// Past is a memory the meter no longer has, and how far it had come.
type Past struct {
	Memory    string `json:"store"`
	Watermark uint64 `json:"watermark"`
	Bits      uint64 `json:"bits,omitempty"`
}

// ParseInfo reads the stored form; text that is none gives an empty Info, because a note of ours must never keep a
// meter from talking.
func ParseInfo(text string) Info {
	var i Info
	if err := json.Unmarshal([]byte(text), &i); err != nil {
		return Info{}
	}
	return i
}

// Text is the stored form.
func (i Info) Text() (string, error) {
	b, err := json.Marshal(i)
	return string(b), fault.Wrap(err, "write boot notes")
}

// AlarmCode names what a person should look at. Console and notifications translate it; never rename one.
type AlarmCode string

// Alarms about what meters send.
const (
	// AlarmMemoryReplaced: the meter came back with another memory, so what the old one had not delivered is lost.
	AlarmMemoryReplaced AlarmCode = "memory-replaced"
	// AlarmRecordsLost: the meter no longer has records that the server never got.
	AlarmRecordsLost AlarmCode = "records-lost"
	// AlarmMemoryBack: the meter's numbering went backwards in the same memory; new records may look like old ones.
	AlarmMemoryBack AlarmCode = "memory-went-back"
	// AlarmUnreadable: the meter sends what cannot be read, not even its number.
	AlarmUnreadable AlarmCode = "unreadable-record"
	// AlarmQuarantine: a record is held for a person's decision.
	AlarmQuarantine AlarmCode = "quarantined-record"
	// AlarmQuarantineFull: so many records of a meter wait for a decision that further ones are only counted.
	AlarmQuarantineFull AlarmCode = "quarantine-full"
	// AlarmGhostCredit: the meter accepted a credit token that nobody sold here.
	AlarmGhostCredit AlarmCode = "ghost-credit"
	// AlarmGhostToken: the meter accepted a management token that nobody issued here.
	AlarmGhostToken AlarmCode = "ghost-token"
	// AlarmReversedUsed: the meter accepted a token whose sale was reversed.
	AlarmReversedUsed AlarmCode = "reversed-token-used"
	// AlarmReversedLate: the meter cancelled the tokens of a sale after the reversal had been given up; the money went
	// back all the same.
	AlarmReversedLate AlarmCode = "reversed-late"
	// AlarmReversalUnconfirmed: a sale's money was given back, but its meter has not confirmed that the token will never load.
	AlarmReversalUnconfirmed AlarmCode = "reversal-unconfirmed"
	// AlarmUnitsOwed: the meter cancelled a token of a sale that stands; its units were replaced, or a person must.
	AlarmUnitsOwed AlarmCode = "units-owed"
	// AlarmLockout: somebody tried wrong tokens until the meter locked its entry.
	AlarmLockout AlarmCode = "token-lockout"
	// AlarmRatingHeld: a register cannot be true, so nothing is charged until a person has decided.
	AlarmRatingHeld AlarmCode = "rating-held"
	// AlarmOpenRelay: energy was counted while the meter said that its relay was open.
	AlarmOpenRelay AlarmCode = "energy-while-off"
	// AlarmTamper: a tamper switch of the meter tripped.
	AlarmTamper AlarmCode = "tamper"
)

// Alarm is one thing to raise; the store keeps one open alarm per meter and code.
type Alarm struct {
	Code AlarmCode
	Text string
}

// Decision is what is to be done with one record.
type Decision struct {
	Outcome
	// Reason is why a record goes to quarantine or was dropped, and Doubt what kind of doubt puts it into quarantine.
	Reason string
	Doubt  Doubt
	Alarm  *Alarm
	// Clear names an alarm that no longer holds.
	Clear AlarmCode
}

// Take decides about one record and moves the window. The store writes a Stored record to its table and a
// Quarantined one to quarantine; everything else leaves only the row behind. Records of one meter must be taken in the
// order in which they were received, for a boot message may change the memory the next ones belong to.
func (l *Live) Take(r *Record, epoch int64) Decision {
	if r.Bad != nil && !r.Bad.HasSeq {
		l.seen(r.ReceivedAt, 0, false)
		return l.outcome(Dropped, Decision{Reason: r.Bad.Reason, Alarm: &Alarm{AlarmUnreadable, alarmtext.Unreadable(r.Bad.Reason)}})
	}
	if r.Bad == nil && r.Rec.Kind == wire.KindBoot {
		return l.boot(r, epoch)
	}
	if r.Memory != "" && r.Memory != l.Memory {
		// Sent on a connection that opened with a memory which another connection has replaced since.
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
		return l.outcome(Quarantined, Decision{Reason: reason, Doubt: suspicion.Doubt, Alarm: &Alarm{AlarmQuarantine, alarmtext.Quarantined(int64(seq), reason)}})
	}
	l.seen(r.ReceivedAt, r.Rec.Head.At, r.Rec.Head.Clock != wire.ClockInvalid)
	l.fresh = append(l.fresh, &r.Rec)
	return l.outcome(Stored, eventAlarm(r.Rec.Event))
}

// outcome fills in what became of the record.
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
		l.Settle(nil, time.Time{}, r.ReceivedAt) // what the old memory sent in this batch still counts
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

// newMemory starts a window at the lowest number the meter still has, or goes on with that of a memory known from
// before. The hole is recorded as an alarm, never filled with inventions.
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
	// In the first epoch nothing this memory knows as acknowledged can be missing here. After a restore it can.
	notes.Epoch = epoch
	if epoch > FirstEpoch {
		notes.Epoch = epoch - 1
	}
	old := l.Memory
	l.Memory, l.Window, l.was, l.fresh, l.ReadingSeq = b.Memory, start, start, nil, 0
	lost := l.Window.Skip(max(b.Lowest, 1) - 1)
	switch {
	case !first && old == "":
		return &Alarm{AlarmMemoryReplaced, alarmtext.MemoryUnnamed(b.Memory)}
	case !first:
		return &Alarm{AlarmMemoryReplaced, alarmtext.MemoryReplaced(b.Memory, old)}
	case start.Watermark > 0 || lost > 0:
		return &Alarm{AlarmRecordsLost, alarmtext.RecordsLostAtStart(int64(b.Lowest), int64(b.Lowest)-1)}
	}
	return nil
}

// sameMemory looks for numbers that cannot come any more and for numbering that went backwards.
func (l *Live) sameMemory(b *wire.Boot) *Alarm {
	if b.Next <= l.Window.Highest() {
		return &Alarm{AlarmMemoryBack, alarmtext.MemoryBack(int64(b.Next), int64(l.Window.Highest()))}
	}
	if lost := l.Window.Skip(max(b.Lowest, 1) - 1); lost > 0 {
		return &Alarm{AlarmRecordsLost, alarmtext.RecordsLost(int64(lost), int64(b.Lowest))}
	}
	return nil
}

// Event codes that a person is told of at once.
const eventLockout = 303

// eventAlarm raises or clears what an event says.
func eventAlarm(e *wire.Event) Decision {
	switch {
	case e == nil:
		return Decision{}
	case e.Code == eventLockout:
		return Decision{Alarm: &Alarm{AlarmLockout, alarmtext.Lockout()}}
	case e.Code >= eventTamperFirst && e.Code <= eventTamperLast:
		return Decision{Alarm: &Alarm{AlarmTamper, alarmtext.Tamper(alarmtext.Switch(strconv.Itoa(e.Code)))}}
	case e.Code == eventTamperClear:
		return Decision{Clear: AlarmTamper}
	}
	return Decision{}
}
