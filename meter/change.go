package meter

import "github.com/paywatt/paywatt/sts"

// sectionsKept is the time limit of a key change, in seconds of powered-on time from its first section
// (docs/reference/tokens.md#key-change).
const sectionsKept = 24 * 60 * 60

// judgeSection judges a section of a key change. Keys has already decided whether the section fits the pending sections, and which key the
// sections make. judgeSection decides whether the meter may have that key.
func (x *step) judgeSection() sts.Result {
	s, change := x.s, &x.ev.Change
	switch {
	case change.Waiting != s.Sections:
		return sts.Busy // the sections have changed since the host looked at the token
	case change.Result == sts.KCT1st, change.Result == sts.KCTNth, change.Result == sts.RangeError:
		return change.Result
	case change.Result != sts.Accept:
		return sts.FunctionError // this host does not support key changes
	case !s.Key.Type.MayBecome(change.Key.Type):
		return sts.KeyTypeError
	}
	return sts.Accept
}

// refusedSection ends a key change whose complete set was refused. It forgets the sections, so that the next set starts
// afresh.
func (x *step) refusedSection(code sts.Result) {
	if code == sts.KeyTypeError || code == sts.RangeError {
		x.s.forgetSections()
		x.checkpoint()
	}
}

// applyKeys carries out a durable section. The host has replaced the old keys with those of the section, atomically
// with this record.
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
		// TIDs now count from another base date, so the old TIDs mean nothing.
		s.TIDs.Fill(0)
	}
	x.forgetTokenAnswers()
	x.remember(ringKey(r.Request, false, 0), uint8(sts.Accept))
	s.Guards[r.Source-1].Row = 0
	x.result(r)
	a, b := s.Key.packed()
	x.consequence(CodeKeyChanged, a, b)
}

// forgetSections ends a key change that was begun. The contents stay in Keys but no longer count.
func (s *State) forgetSections() { s.Sections, s.SectionsUntil = 0, 0 }

// forgetTokenAnswers removes the answers to tokens from the ring: under the new key the same digits are another token, so digits that were
// wrong may now be right. Answers to commands remain valid.
func (x *step) forgetTokenAnswers() {
	s := x.s
	for i, answer := range s.RingAnswers {
		if answer < answered {
			s.RingKeys[i], s.RingAnswers[i] = 0, 0
		}
	}
}
