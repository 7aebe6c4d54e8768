package meter

import (
	"fmt"
	"io"
	"strconv"

	"github.com/paywatt/paywatt/sts"
)

// KeyInfo is the public description of a key. It is not secret and is part of State.
type KeyInfo struct {
	// Base is the date from which TIDs count.
	Base sts.BaseDate
	// Type is the key's type; credit is refused under a default key.
	Type sts.KeyType
	// KEN is the key's expiry number, 255 for never.
	KEN uint8
	// EA is the algorithm; [NewKeys] sets it from the key itself.
	EA sts.EA
	// Named means that KRN and TI are known. SGC is then known too, unless it is 0. A meter with a bare key knows none
	// of the three. A meter whose key was changed by two tokens no longer knows its supply group.
	Named bool
	// KRN is the key revision, TI the tariff index, SGC the supply group code.
	KRN, TI uint8
	SGC     uint32
}

// Keys holds the secrets of a meter: the key that opens its tokens, and the sections of a key change that wait for the
// rest of their set. It is separate from State and has its own memory record, so that states, events and recorded
// histories never contain key material. It prints only as a mask.
type Keys struct {
	current sts.Key
	info    KeyInfo
	// pending may hold sections that no longer count: State.Sections says which sections count.
	pending sts.KeySections
	changes uint16
	// previous is the key before the last change, the zero Key for none. It recognizes a section that comes late or
	// again.
	previous sts.Key
}

// NewKeys returns the keys of a meter that is made with this decoder key.
func NewKeys(current sts.Key, info KeyInfo) Keys {
	return RestoreKeys(current, info, sts.KeySections{}, 0)
}

// RestoreKeys returns keys read from a memory.
func RestoreKeys(current sts.Key, info KeyInfo, pending sts.KeySections, changes uint16) Keys {
	info.EA = current.EA()
	return Keys{current: current, info: info, pending: pending, changes: changes}
}

// After returns the keys with the given key as the key before the last change.
func (k Keys) After(previous sts.Key) Keys {
	k.previous = previous
	return k
}

// Previous returns the key before the last change, or the zero Key if there is none. The memory stores this key. Like
// Reveal, Previous exposes a secret.
func (k *Keys) Previous() sts.Key { return k.previous }

// late reports whether a token is an old section of a key change: the key before the last change opens it, and the
// current key does not. Such a token has no effect, and entering it again is not a guess.
func (k *Keys) late(t sts.Token) bool {
	if k.previous == (sts.Key{}) || sts.Open(k.current, t).Result != sts.CRCError {
		return false
	}
	_, is := sts.OpenSection(k.previous, t)
	return is
}

// Open reads the digits of a token, as typed or received, ignoring blanks and dashes. It returns the contents of the
// token. Step's answer to EventToken says whether the meter accepts the token.
func (k *Keys) Open(digits string) sts.Opened {
	t, result := sts.ParseToken(digits)
	if result != sts.Accept {
		return sts.Opened{Result: result}
	}
	return sts.Open(k.current, t)
}

// Change describes a section of a key change to Step, without key material. It is the zero value for every other token.
type Change struct {
	// Result is KCT1st for a section that begins a set, KCTNth for a section that fits the waiting sections, and Accept
	// for the section that completes the set. It is RangeError when the complete set describes an impossible key, and
	// UsedError for a section under the key before the last change.
	Result sts.Result
	// Again means that the section is among the sections that already wait.
	Again bool
	// Rollover means that the complete set changes the base date, so that all TIDs begin anew.
	Rollover bool
	// Waiting is the set of sections that waited before this section. Sections is the set to which this section now
	// belongs. In both, bit n-1 stands for section n.
	Waiting, Sections uint8
	// Key is the key of the complete set.
	Key KeyInfo
}

// Take reads the digits of a token that may be a section of a key change. It returns the Change for the event, and the
// keys as they will be if Step takes the section. For a token that is not a section, Take returns the zero Change and
// the unchanged keys. The host holds the returned keys until Step asks for a record, and makes them durable together
// with that record. A section that does not fit the waiting sections begins a new set, and the old sections are
// forgotten. The tokens do not say which set they belong to. Sections of two sets may happen to fit, and then make a
// key unknown to the issuer. So whoever issues a second set must take back the first.
func (k *Keys) Take(s *State, digits string) (Change, Keys) {
	t, result := sts.ParseToken(digits)
	if result != sts.Accept {
		return Change{}, *k
	}
	section, is := sts.OpenSection(k.current, t)
	if !is && k.late(t) {
		return Change{Result: sts.UsedError}, *k
	}
	if !is {
		return Change{}, *k
	}
	next := *k
	next.pending = k.waiting(s.Sections)
	change := Change{Waiting: s.Sections, Again: next.pending.Section(section.Number()) == section}
	if !next.pending.Add(section) {
		next.pending = sts.KeySections{}
		next.pending.Add(section)
	}
	for n := range maxSections {
		if next.pending.Section(n+1).Number() != 0 {
			change.Sections |= 1 << n
		}
	}
	next.judge(&change)
	return change, next
}

// maxSections is the number of sections of the longest set.
const maxSections uint8 = 4

// waiting returns the pending sections that still count. The parameter sections is State.Sections.
func (k *Keys) waiting(sections uint8) sts.KeySections {
	var p sts.KeySections
	for n := range maxSections {
		if sections>>n&1 == 1 && !p.Add(k.pending.Section(n+1)) {
			return sts.KeySections{} // no memory holds such sections
		}
	}
	return p
}

// judge sets the result for the pending sections, and makes the new key of a complete set.
func (k *Keys) judge(change *Change) {
	switch n := k.pending.Len(); {
	case n < k.need() && n == 1:
		change.Result = sts.KCT1st
	case n < k.need():
		change.Result = sts.KCTNth
	case k.install(change):
		change.Result, change.Key = sts.Accept, k.info
	default:
		change.Result = sts.RangeError
	}
}

// need returns how many sections the set has, or more than the maximum while that is unknown.
func (k *Keys) need() int {
	switch first := k.pending.Section(1); {
	case k.current.EA() == sts.EA11:
		return int(maxSections)
	case first.Number() == 0:
		return int(maxSections) + 1
	case first.Three():
		return 3
	}
	return 2
}

// install replaces the current key with that of a complete set. It returns false if the set describes an impossible
// key.
func (k *Keys) install(change *Change) bool {
	set, sound := k.pending.Complete()
	if !sound {
		return false
	}
	info := KeyInfo{
		Base: k.info.Base, Type: set.KT, KEN: set.KEN, Named: true, KRN: set.KRN, TI: k.pending.Section(2).TI(),
	}
	if set.SGC != "" {
		sgc, err := strconv.ParseUint(set.SGC, 10, 32)
		if err != nil {
			return false
		}
		info.SGC = uint32(sgc)
	}
	if set.Rollover {
		// The tokens say only that the base date changes to a later one.
		later, is := info.Base.Successor()
		if !is {
			return false
		}
		info.Base, change.Rollover = later, true
	}
	*k = RestoreKeys(set.Key, info, sts.KeySections{}, min(k.changes, 1<<16-2)+1).After(k.current)
	return true
}

// Info returns the public description of the key; it is for [New].
func (k *Keys) Info() KeyInfo { return k.info }

// Changes returns how often the key was changed since the meter was made.
func (k *Keys) Changes() uint16 { return k.changes }

// Pending returns the sections of a key change, for the memory record. They print as a mask, like Keys.
func (k *Keys) Pending() sts.KeySections { return k.pending }

// Reveal returns the decoder key, for the memory record. Nothing else exposes it.
func (k *Keys) Reveal() sts.Key { return k.current }

const maskedKeys = "meter.Keys(masked)"

// String returns a mask.
func (k Keys) String() string { return maskedKeys }

// GoString returns a mask.
func (k Keys) GoString() string { return maskedKeys }

// Format writes a mask, whatever the verb.
func (k Keys) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, maskedKeys) }

// MarshalText returns a mask.
func (k Keys) MarshalText() ([]byte, error) { return []byte(maskedKeys), nil }

// MarshalJSON returns a mask.
func (k Keys) MarshalJSON() ([]byte, error) { return []byte(`"` + maskedKeys + `"`), nil }
