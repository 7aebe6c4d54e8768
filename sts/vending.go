package sts

import (
	"errors"
	"fmt"
	"time"
)

// MaxCreditTenths is the largest amount on one token, in tenths of a unit: 1,638.3 units. Every amount up to this limit
// has an exact code. The limit is ours, the same for vending and meters; larger amounts are split, see [AppendSplit].
const MaxCreditTenths int64 = mantissaMask

var (
	// ErrKeyType reports an operation that the key type forbids: credit under a default key, anything under the
	// manufacturer's initialisation key, or a key change that [KeyType.MayBecome] forbids.
	ErrKeyType = errors.New("not allowed with this type of key")
	// ErrKeyExpired reports a token that the meter would refuse with [KeyExpiredError]: its TID is past the expiry
	// number of the key (CTSA16).
	ErrKeyExpired = errors.New("the key has expired")
)

// AppendSplit appends to dst the amounts of the tokens that together carry t tenths of a unit: full tokens of
// [MaxCreditTenths] first, then the rest (a rule of ours). Each amount has an exact code, so the sum is exactly t.
// The error is [ErrRange] for t below 1 or above [MaxTenths]; dst is then returned unchanged. [MaxTenths] takes 1,112
// tokens.
func AppendSplit(dst []Amount, t int64) ([]Amount, error) {
	if t < 1 || t > MaxTenths {
		return dst, fmt.Errorf("sts: split %d tenths over tokens: %w", t, ErrRange)
	}
	for ; t > MaxCreditTenths; t -= MaxCreditTenths {
		dst = append(dst, Amount(MaxCreditTenths))
	}
	return append(dst, Amount(t)), nil
}

// Holding is the key that a meter holds, with everything a vending system must know about it. The type is ours; its
// rules come from CTSA15 and CTSA16. Its methods check the rules of the vending side. The plain encoders do not; they
// are for tests and meters.
type Holding struct {
	Key Key // the decoder key
	Attributes
	KEN uint8 // key expiry number, 255 for never
}

// Hold derives the key of a meter from its vending key (CTSA01). The errors are those of [DeriveKey].
func Hold(vk VendingKey, a Attributes, ken uint8) (Holding, error) {
	k, err := DeriveKey(vk, a)
	if err != nil {
		return Holding{}, err
	}
	return Holding{Key: k, Attributes: a, KEN: ken}, nil
}

// MayCredit returns nil if credit with this TID may be made under the key. The errors are [ErrKeyType] under an
// initialisation or a default key, [ErrKeyExpired] past the expiry number (CTSA16), and [ErrField] for a TID of more
// than 24 bits.
func (h *Holding) MayCredit(t TID) error {
	if h.KT == DDTK {
		return fmt.Errorf("sts: credit under a %s: %w", h.KT, ErrKeyType)
	}
	return h.MayManage(t)
}

// MayManage returns nil if a management token with this TID may be made under the key. The errors are [ErrKeyType]
// under an initialisation key, [ErrKeyExpired] past the expiry number (CTSA16), and [ErrField]. A default key allows
// management.
func (h *Holding) MayManage(t TID) error {
	switch {
	case h.KT == DITK || h.KT > DCTK:
		return fmt.Errorf("sts: token under a %s: %w", h.KT, ErrKeyType)
	case t > MaxTID:
		return fmt.Errorf("sts: TID %d: %w", t, ErrField)
	case t.Expired(h.KEN):
		return fmt.Errorf("sts: TID %d under a key with expiry number %d: %w", t, h.KEN, ErrKeyExpired)
	}
	return nil
}

// Batch is a series of credit tokens under one key, such as a sheet of vouchers (ours).
type Batch struct {
	SubClass uint8     // CreditElectricity to CreditTime
	Amounts  []Amount  // one for each token, at most MaxCreditTenths
	RND      []byte    // one byte for each amount; its lower 4 bits are the token's RND
	Last     TID       // the newest TID of the key, 0 for none
	Now      time.Time // the clock of the vending system
}

// AppendCredits makes the tokens of a batch and appends them to dst, under the rules of [BaseDate.Next] (CTSA09) and
// [Holding.MayCredit]. The TID of each token is one minute after that of the token before; reserved minutes are
// skipped. It returns the newest TID, which the caller must store with the key before it shows any token. If there is
// an error, no token is made: dst is returned unchanged and the TID is Last. The errors are those of [EncodeCredit],
// [Holding.MayCredit] and [BaseDate.Next], and [ErrRange] for an amount above [MaxCreditTenths]. It allocates only
// space in dst.
func (h *Holding) AppendCredits(dst []Token, b Batch) ([]Token, TID, error) {
	made, tid := dst, b.Last
	if len(b.RND) != len(b.Amounts) {
		return dst, b.Last, fmt.Errorf("sts: batch of %d tokens with %d random numbers: %w", len(b.Amounts), len(b.RND), ErrField)
	}
	for i, amount := range b.Amounts {
		var err error
		if i == 0 {
			tid, err = h.BaseDate.Next(tid, b.Now)
		} else {
			tid, err = h.BaseDate.after(tid)
		}
		if err == nil {
			err = h.MayCredit(tid)
		}
		if err == nil && amount.Tenths() > MaxCreditTenths {
			err = fmt.Errorf("sts: token %d of a batch carries %d tenths: %w", i+1, amount.Tenths(), ErrRange)
		}
		if err != nil {
			return dst, b.Last, err
		}
		t, err := EncodeCredit(h.Key, Credit{SubClass: b.SubClass, RND: b.RND[i] & maxRND, TID: tid, Amount: amount})
		if err != nil {
			return dst, b.Last, err
		}
		made = append(made, t)
	}
	return made, tid, nil
}

// ChangeTo makes the tokens that change the meter's key from h.Key to next.Key. It calls [EncodeKeyChange] and applies
// the rules of the vending side. [KeyType.MayBecome] must allow the types, and the new key must not have expired at the
// time now. The rollover bit is set exactly when the base date moves to a later one (CTSA15). An expired key may be
// changed to a valid one (CTSA16). If tellSGC is true, an EA07 meter gets its supply group in a third token; EA11
// tokens always carry it. Never go back to an earlier key of the meter: nothing else stops a replayed key change.
//
// The errors are [ErrKeyType], [ErrKeyExpired], [ErrBaseDate] for an earlier base date and for a clock outside the
// range of the new base date, [ErrField] for another meter or the key that the meter already holds, and those of
// [EncodeKeyChange].
func (h *Holding) ChangeTo(next *Holding, now time.Time, tellSGC bool) ([]Token, error) {
	switch {
	case h.PAN != next.PAN:
		return nil, fmt.Errorf("sts: key change from meter %s to meter %s: %w", h.PAN, next.PAN, ErrField)
	case h.Key.ea != 0 && h.Key.Equal(next.Key):
		return nil, fmt.Errorf("sts: key change of meter %s to the key it holds: %w", h.PAN, ErrField)
	case !h.KT.MayBecome(next.KT):
		return nil, fmt.Errorf("sts: key change from %s to %s: %w", h.KT, next.KT, ErrKeyType)
	case next.BaseDate < h.BaseDate:
		return nil, fmt.Errorf("sts: key change from base date %s back to %s: %w", h.BaseDate, next.BaseDate, ErrBaseDate)
	}
	t, err := next.BaseDate.TIDAt(now)
	if err != nil {
		return nil, err
	}
	if t.Expired(next.KEN) {
		return nil, fmt.Errorf("sts: key change to a key with expiry number %d: %w", next.KEN, ErrKeyExpired)
	}
	c := KeyChange{Key: next.Key, KEN: next.KEN, KRN: next.KRN, KT: next.KT, TI: next.TI, Rollover: next.BaseDate > h.BaseDate}
	if tellSGC || next.Key.ea == EA11 {
		c.SGC = next.SGC
	}
	return EncodeKeyChange(h.Key, c)
}
