package pdu

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"slices"
	"strings"
	"time"
)

// Limits of reassembly. A sender who never finishes messages uses up only his own room.
const (
	MaxOpen       = 64 // unfinished messages of all senders
	MaxOpenSender = 4  // unfinished messages of one sender
	PartsExpire   = 24 * time.Hour
)

// Identity tells messages apart: a message that the network delivers again keeps its identity.
type Identity [16]byte

// Identify makes a message's identity from sender, service centre's time, coding and content.
func Identify(d Deliver) Identity {
	h := sha256.New()
	write := func(b ...byte) { h.Write([]byte{byte(len(b))}); h.Write(b) } // every field is at most 160 octets
	write(byte(d.From.Type), d.From.Plan)
	write([]byte(d.From.Text)...)
	write(d.At[:]...)
	write(d.PID, byte(d.Body.DCS))
	for _, e := range d.Body.Header {
		write(e.ID)
		write(e.Data...)
	}
	write(d.Body.Data...)
	return Identity(h.Sum(nil)[:16])
}

// Part is a message that arrived, with its slot.
type Part struct {
	Slot    int // the caller's name for the slot, such as an index in the SIM
	Deliver Deliver
}

// Whole is a message joined from its parts.
type Whole struct {
	From     Address
	At       Stamp // stamp of the first part that arrived
	DCS      DCS
	Text     string
	Slots    []int // the slots of all its parts, including repeated ones, ascending
	Missing  int   // parts that never came; 0 for a complete message
	Identity Identity
	Parts    []Identity // identities of the parts that arrived
}

// Assembler joins parts that come in any order. The parts stay in their slots (in the SIM) until the whole message is durable, so a restart
// loses nothing: the parts are read and added again.
type Assembler struct {
	open map[setKey]*partSet
	over []Whole // unfinished messages whose reference came again with different content
}

type setKey struct {
	from      Address
	reference uint16
	wide      bool
	total     uint8
}

type partSet struct {
	since time.Time
	parts map[uint8]Part
	slots []int
}

// Add takes one message. It returns a Whole for a message in one piece and for the last missing part.
func (a *Assembler) Add(p Part, now time.Time) (Whole, bool) {
	c, ok := p.Deliver.Body.Concat()
	if !ok || c.Total == 1 {
		set := &partSet{parts: map[uint8]Part{1: p}, slots: []int{p.Slot}}
		return set.join(1), true
	}
	if a.open == nil {
		a.open = map[setKey]*partSet{}
	}
	key := setKey{p.Deliver.From, c.Reference, c.Wide, c.Total}
	set := a.open[key]
	if set != nil && set.contradicts(c.Seq, p) {
		// The sender reuses its references, so the earlier message can never be completed.
		a.over = append(a.over, set.join(c.Total))
		set = nil
	}
	if set == nil {
		set = &partSet{since: now, parts: map[uint8]Part{}}
		a.open[key] = set
	}
	if !slices.Contains(set.slots, p.Slot) {
		set.slots = append(set.slots, p.Slot)
	}
	if _, again := set.parts[c.Seq]; !again {
		set.parts[c.Seq] = p
	}
	if len(set.parts) < int(c.Total) {
		return Whole{}, false
	}
	delete(a.open, key)
	return set.join(c.Total), true
}

// Expired gives up the sets that waited too long and those above the limits, and returns them, oldest first, so that their slots can be
// freed. If all is true it gives up every open set: incomplete messages must not block a nearly full SIM.
func (a *Assembler) Expired(now time.Time, all bool) []Whole {
	type entry struct {
		key setKey
		set *partSet
	}
	var entries []entry
	for k, s := range a.open {
		entries = append(entries, entry{k, s})
	}
	slices.SortFunc(entries, func(x, y entry) int { // newest first, so that the oldest exceed the limits
		return cmp.Or(y.set.since.Compare(x.set.since), slices.Compare(x.set.slots, y.set.slots))
	})
	out := a.over
	a.over = nil
	began := len(out)
	kept, bySender := 0, map[Address]int{}
	for _, e := range entries {
		if !all && now.Sub(e.set.since) < PartsExpire && kept < MaxOpen && bySender[e.key.from] < MaxOpenSender {
			kept++
			bySender[e.key.from]++
			continue
		}
		delete(a.open, e.key)
		out = append(out, e.set.join(e.key.total))
	}
	slices.Reverse(out[began:])
	return out
}

// Retain drops the parts that are no longer in their slots. The parameter present maps slots to messages. The other parts keep their
// waiting time.
func (a *Assembler) Retain(present map[int]Identity) {
	for key, set := range a.open {
		set.slots = slices.DeleteFunc(set.slots, func(slot int) bool { _, ok := present[slot]; return !ok })
		for seq, p := range set.parts {
			if id, ok := present[p.Slot]; !ok || id != Identify(p.Deliver) {
				delete(set.parts, seq)
			}
		}
		if len(set.parts) == 0 {
			delete(a.open, key)
		}
	}
}

// contradicts reports whether the same part is there already with different content.
func (s *partSet) contradicts(seq uint8, p Part) bool {
	old, ok := s.parts[seq]
	return ok && !bytes.Equal(old.Deliver.Body.Data, p.Deliver.Body.Data)
}

// join joins the parts that arrived. It joins the payloads before it decodes them, because careless senders split an escape or
// a surrogate pair between two parts. U+FFFD replaces a missing part.
func (s *partSet) join(total uint8) Whole {
	var w Whole
	var data []byte
	var text strings.Builder
	h := sha256.New()
	first := true
	for seq := uint8(1); ; seq++ {
		if p, ok := s.parts[seq]; ok {
			d := p.Deliver
			if first {
				w.From, w.At, w.DCS, first = d.From, d.At, d.Body.DCS, false
			}
			if d.Body.DCS.Alphabet() != w.DCS.Alphabet() { // parts may differ in alphabet (TS 23.040 allows it)
				text.WriteString(textOf(w.DCS.Alphabet(), data))
				w.DCS, data = d.Body.DCS, nil
			}
			data = append(data, d.Body.Data...)
			id := Identify(d)
			w.Parts = append(w.Parts, id)
			h.Write(id[:])
		} else {
			if len(data) > 0 {
				text.WriteString(textOf(w.DCS.Alphabet(), data))
				data = nil
			}
			text.WriteString("\uFFFD")
			w.Missing++
		}
		if seq == total {
			break
		}
	}
	text.WriteString(textOf(w.DCS.Alphabet(), data))
	w.Text = text.String()
	w.Slots = slices.Sorted(slices.Values(s.slots))
	w.Identity = Identity(h.Sum(nil)[:16])
	if total == 1 {
		w.Identity = w.Parts[0]
	}
	return w
}
