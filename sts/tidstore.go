package sts

import (
	"cmp"
	"slices"
)

// TIDStoreSize is the number of TIDs that a meter remembers. It is common knowledge, but unproven, that a meter must
// remember at least 50.
const TIDStoreSize = 50

// TIDStore is the meter's list of accepted TIDs: the newest 50, of classes 0 and 2 together. It ensures that a token
// works only once; the rule is from the page on the TID of sts.org.za. The zero value is the store after a key change
// with rollover: all zeros. It is a plain, comparable value without pointers, so an assignment copies the whole store.
type TIDStore struct {
	tids [TIDStoreSize]packedTID // ascending
}

// packedTID holds the 24 bits of a TID, most significant byte first, because a meter has little memory.
type packedTID [3]byte

func pack(t TID) packedTID { return packedTID{byte(t >> 16), byte(t >> 8), byte(t)} }

func (p packedTID) tid() TID { return TID(p[0])<<16 | TID(p[1])<<8 | TID(p[2]) }

// find returns the index of a TID, or where it would be inserted.
func (s *TIDStore) find(t TID) (int, bool) {
	return slices.BinarySearchFunc(s.tids[:], t, func(p packedTID, t TID) int { return cmp.Compare(p.tid(), t) })
}

// NewTIDStore returns a store with these TIDs, read in any order from a meter's memory (ours, not of the standard).
func NewTIDStore(tids [TIDStoreSize]TID) TIDStore {
	slices.Sort(tids[:])
	var s TIDStore
	for i, t := range tids {
		s.tids[i] = pack(t)
	}
	return s
}

// Fill fills the whole store with one TID. A new meter uses the minute of its manufacture, so that it refuses every
// older token. After a key change with rollover the TID is 0.
func (s *TIDStore) Fill(t TID) {
	for i := range s.tids {
		s.tids[i] = pack(t)
	}
}

// Check checks the TID of a token: it returns [UsedError] if the TID was accepted before, [OldError] if it is older
// than the oldest remembered one, otherwise [Accept]. Tokens may come out of order.
func (s *TIDStore) Check(t TID) Result {
	if _, found := s.find(t); found {
		return UsedError
	}
	if t < s.tids[0].tid() {
		return OldError
	}
	return Accept
}

// Add stores an accepted TID, replacing the oldest. A TID that [TIDStore.Check] would not accept changes nothing,
// because it cannot be accepted again anyway. A TID above [MaxTID], which no token carries, changes nothing either.
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
