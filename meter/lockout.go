package meter

// The figures of docs/reference/meter-rules.md#wrong-tokens.
const (
	guardRow    = 5  // wrong tokens in a row until the channel locks; as many more lock it again
	guardWindow = 10 // wrong tokens within a day until the channel locks
	guardFirst  = 10 * 60
	guardDay    = 24 * 60 * 60
	guardUnit   = 2 // seconds in a unit of Guard.Ages and Guard.Last
	guardNever  = 1<<16 - 1
	guardNone   = 1<<32 - 1 // Guard.Last before the first wrong token
)

func (g *Guard) clear() {
	*g = Guard{Last: guardNone}
	for i := range g.Ages {
		g.Ages[i] = guardNever
	}
}

// Locked reports whether the channel refuses tokens of class 0 and 2 now.
func (s *State) Locked(from Source) bool { return s.LockedFor(from) > 0 }

// LockedFor returns the powered-on time in milliseconds until the channel is open again, 0 if it is open now.
func (s *State) LockedFor(from Source) uint64 {
	if !from.known() {
		return 0
	}
	until := uint64(s.Guards[from-1].Until) * 1000
	if now := s.powered(); until > now {
		return until - now
	}
	return 0
}

// wrong counts a wrong token. The parameter now is the powered-on time in milliseconds. The result is the number of
// seconds for which this token locks the channel, 0 if it does not lock the channel.
//
// Five wrong tokens in a row lock the channel for 10 minutes. Each further five double that time, up to a day. The tenth
// wrong token within a day locks the channel until the oldest of the ten is a day old. If both limits apply, the longer
// lock holds.
func (g *Guard) wrong(now uint64) (lock uint32) {
	at := uint32(now / (1000 * guardUnit))
	g.shift(at)
	if g.Row < 1<<8-1 {
		g.Row++
	}
	second := uint32((now + 999) / 1000)
	if g.Row%guardRow == 0 {
		lock = min(uint32(guardFirst)<<min(g.Row/guardRow-1, 8), guardDay)
	}
	if oldest := uint32(g.Ages[len(g.Ages)-1]) * guardUnit; oldest < guardDay {
		lock = max(lock, guardDay-oldest)
	}
	if lock > 0 {
		g.Until = max(g.Until, second+lock)
	}
	return lock
}

// shift makes room for a wrong token. The parameter at is its time in units of 2 s.
func (g *Guard) shift(at uint32) {
	by, first := at-g.Last, g.Last == guardNone
	for i := len(g.Ages) - 1; i > 0; i-- {
		g.Ages[i] = uint16(min(uint32(g.Ages[i-1])+by, guardNever))
	}
	g.Ages[0] = uint16(min(by, guardNever))
	if first {
		g.Ages[0] = guardNever
	}
	g.Last = at
}

// Kept returns the times of the wrong tokens as a memory stores them. The result last is the time of the newest wrong
// token. The result ages holds the ages of the ten newest wrong tokens at that time, newest first, so the first age is
// 0. If there was no wrong token, the time is 0 and every age is the largest value.
func (g *Guard) Kept() (last uint32, ages [guardWindow]uint16) {
	copy(ages[1:], g.Ages[:])
	if g.Last == guardNone {
		ages[0] = guardNever
		return 0, ages
	}
	return g.Last, ages
}

// Keep is the inverse of Kept.
func (g *Guard) Keep(last uint32, ages [guardWindow]uint16) {
	copy(g.Ages[:], ages[1:])
	g.Last = last
	if ages[0] == guardNever {
		g.Last = guardNone
	}
}
