package meter

import "github.com/paywatt/paywatt/sts"

// sectionsKept is how long a key change may take, in seconds of powered-on time from its first section
// (docs/reference/tokens.md#key-change).
const sectionsKept = 24 * 60 * 60

// judgeSection judges a section of a key change. Whether it fits to those that wait, and what key they make together,
// only Keys can say; whether the meter may have that key is decided here.
func (x *step) judgeSection() sts.Result {
	s, change := x.s, &x.ev.Change
	switch {
	case change.Waiting != s.Sections:
		return sts.Busy // the sections have changed since the host looked at the token
	case change.Result == sts.KCT1st, change.Result == sts.KCTNth, change.Result == sts.RangeError:
		return change.Result
	case change.Result != sts.Accept:
		return sts.FunctionError // a host that knows nothing of key changes
	case !s.Key.Type.MayBecome(change.Key.Type):
		return sts.KeyTypeError
	}
	return sts.Accept
}

// refusedSection ends a key change whose set is complete and cannot be: without its sections the next set finds the
// meter as if there had been none.
func (x *step) refusedSection(code sts.Result) {
	if code == sts.KeyTypeError || code == sts.RangeError {
		x.s.forgetSections()
		x.checkpoint()
	}
}

// applyKeys carries out a durable section. The host has put the keys that belong to it in the place of the old ones, in
// one piece with this record.
func (x *step) applyKeys(r *Record) {
	s := x.s
	if r.Result != sts.Accept {
		if r.Result == sts.KCT1st || s.SectionsUntil == 0 {
			s.SectionsUntil = uint32((s.powered()+999)/1000) + sectionsKept
		}
		s.Sections = r.Sections
		x.result(r)
		return
	}
	s.Key = r.Key
	s.forgetSections()
	if r.Rollover {
		// TIDs count from another date now; none of the old ones says anything.
		s.TIDs.Fill(0)
	}
	x.forgetTokenAnswers()
	x.remember(ringKey(r.Request, false, 0), uint8(sts.Accept))
	s.Guards[r.Source-1].Row = 0
	x.result(r)
	a, b := s.Key.packed()
	x.consequence(CodeKeyChanged, a, b)
}

// forgetSections ends a key change that was begun. The contents stay in Keys, where they do not count any more.
func (s *State) forgetSections() { s.Sections, s.SectionsUntil = 0, 0 }

// forgetTokenAnswers takes the answers to tokens out of the ring: with the new key the same digits are another token, and
// what was wrong may be right. The answers to commands stay true.
func (x *step) forgetTokenAnswers() {
	s := x.s
	for i, answer := range s.RingAnswers {
		if answer < answered {
			s.RingKeys[i], s.RingAnswers[i] = 0, 0
		}
	}
}
