package meter

// Hash returns a number for the state: equal states have equal hashes, on every machine and in every version that has
// the same fields. It is for comparing runs, not against an adversary.
func Hash(s *State) uint64 {
	h := hash(14695981039346656037)
	h.add(uint64(s.Register), uint64(s.Balance), uint64(s.ECUsed), uint64(s.Overrun), uint64(s.PulseRem), uint64(s.Imp))
	for _, t := range s.TIDs.TIDs() {
		h.add(uint64(t))
	}
	for i := range s.Guards {
		g := &s.Guards[i]
		for _, a := range g.Ages {
			h.add(uint64(a))
		}
		h.add(uint64(g.Last), uint64(g.Until), uint64(g.Row))
	}
	for i, k := range s.RingKeys {
		h.add(k, uint64(s.RingAnswers[i]))
	}
	h.add(s.Seq, s.Counter, uint64(s.Applied), uint64(s.Boots), uint64(s.Unclean))
	h.add(bit(s.Saved), bit(s.Frozen), s.On, uint64(s.LastAt))
	k := &s.Key
	h.add(uint64(k.Base), uint64(k.Type), uint64(k.KEN), uint64(k.EA), bit(k.Named), uint64(k.KRN), uint64(k.TI), uint64(k.SGC))
	h.add(uint64(s.Sections), uint64(s.SectionsUntil), uint64(s.Limit))
	h.add(uint64(s.Reasons), bit(s.Confirm), uint64(s.Relay))
	h.add(bit(s.Low1.Below), bit(s.Low1.Fired), bit(s.Low2.Below), bit(s.Low2.Fired))
	h.add(s.Up, uint64(s.Offset), uint64(s.Unsaved), uint64(s.Power), uint64(s.Voltage))
	h.add(uint64(s.BeepAt), uint64(s.QuietAt), uint64(s.MoveAt), uint64(s.NextAt), uint64(s.LeaseSeq), uint64(s.LeaseAt))
	h.add(uint64(s.LED), uint64(s.Buzzer), uint64(s.Flags), uint64(s.EC), uint64(s.Overload), uint64(s.TripAt))
	h.add(uint64(s.Export), uint64(s.Latched), uint64(s.Asserted), uint64(s.Waiting), uint64(s.Tampered))
	h.add(uint64(s.Clock), uint64(s.SetBy), uint64(s.Moved), uint64(s.MovedAt), uint64(s.Closed))
	for _, gap := range s.TripGaps {
		h.add(uint64(gap))
	}
	for _, left := range s.Settling {
		h.add(uint64(left))
	}
	for _, used := range s.Week {
		h.add(uint64(used))
	}
	d := &s.Day
	h.add(uint64(d.Used), uint64(d.Tokens), uint64(d.Min), uint64(d.Max), uint64(d.Peak), uint64(d.Off), uint64(d.Date))
	h.add(uint64(d.Events), uint64(d.Clock), uint64(s.Month.Used), uint64(s.Month.Tokens))
	return uint64(h)
}

// hash mixes whole words: multiply, then fold the high half down so that every bit reaches every other bit.
type hash uint64

func (h *hash) add(words ...uint64) {
	for _, w := range words {
		v := (uint64(*h) ^ w) * 0x9e3779b97f4a7c15
		*h = hash(v ^ v>>32)
	}
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
