package sts

import (
	"cmp"
	"slices"
)

// TIDStoreSize is the number of TIDs a meter remembers: at least 50, which is common knowledge and unproven.
const TIDStoreSize = 50

// TIDStore is the meter's memory of accepted TIDs: the newest 50, of classes 0 and 2 together. It is what makes a token
// work once; the rule is that of the page on the TID of sts.org.za. The zero value is the store after a key change with
// rollover: all zeros. It is a plain value, comparable, without pointers; copying it copies the memory.
type TIDStore struct {
	tids [TIDStoreSize]packedTID // ascending
}

// packedTID holds a TID in its 24 bits, most significant byte first: a meter has little memory.
type packedTID [3]byte

func pack(t TID) packedTID { return packedTID{byte(t >> 16), byte(t >> 8), byte(t)} }

func (p packedTID) tid() TID { return TID(p[0])<<16 | TID(p[1])<<8 | TID(p[2]) }

// find returns where a TID is, or where it would stand.
func (s *TIDStore) find(t TID) (int, bool) {
	return slices.BinarySearchFunc(s.tids[:], t, func(p packedTID, t TID) int { return cmp.Compare(p.tid(), t) })
}

// NewTIDStore returns a store that holds these TIDs, in any order, as a meter's memory record kept them (ours, not of
// the standard).
func NewTIDStore(tids [TIDStoreSize]TID) TIDStore {
	slices.Sort(tids[:])
	var s TIDStore
	for i, t := range tids {
		s.tids[i] = pack(t)
	}
	return s
}

// Fill forgets everything and fills the store with one TID: that of the manufacture, which makes every older token
// old, or 0 after a key change with rollover.
func (s *TIDStore) Fill(t TID) {
	for i := range s.tids {
		s.tids[i] = pack(t)
	}
}

// Check returns what the store says to a token: [UsedError] when the TID was accepted before, [OldError] when it is
// older than the oldest remembered, else [Accept]. Tokens may come out of order.
func (s *TIDStore) Check(t TID) Result {
	if _, found := s.find(t); found {
		return UsedError
	}
	if t < s.tids[0].tid() {
		return OldError
	}
	return Accept
}

// Add remembers an accepted TID in the place of the oldest. A TID that [TIDStore.Check] would not accept changes
// nothing, because it cannot be accepted again anyway; nor does one above [MaxTID], which no token carries.
func (s *TIDStore) Add(t TID) {
	i, found := s.find(t)
	if found || i == 0 || t > MaxTID {
		return
	}
	copy(s.tids[:i-1], s.tids[1:i])
	s.tids[i-1] = pack(t)
}

// TIDs returns the remembered TIDs, oldest first.
func (s *TIDStore) TIDs() (tids [TIDStoreSize]TID) {
	for i, p := range s.tids {
		tids[i] = p.tid()
	}
	return tids
}
