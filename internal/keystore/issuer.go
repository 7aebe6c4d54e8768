package keystore

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/sts"
)

// Issuer makes tokens from the vending keys of a Store, in this process and without waiting.
type Issuer struct {
	s      *Store
	looked bool // the file was already checked for the request that this issuer serves
}

var (
	_ vending.LocalIssuer = (*Issuer)(nil)
	_ vending.Checker     = (*Issuer)(nil)
	_ vending.Refresher   = (*Issuer)(nil)
	_ vending.Sealer      = (*DataKey)(nil)
)

// Issuer returns an issuer that uses the store's keys.
func (s *Store) Issuer() *Issuer { return &Issuer{s: s} }

// Local returns true. Issue does no input or output except to check the key store's file, so a whole sale can be one transaction.
func (i *Issuer) Local() bool { return true }

// Look returns an issuer for one request. It has checked the key store's file and does not check it again, unless that check failed. It
// uses the keys that the store read last. Another request may have read them in the meantime.
func (i *Issuer) Look() vending.Issuer { return i.At() }

// At does the same as Look, for code that wraps the issuer.
func (i *Issuer) At() *Issuer { return &Issuer{s: i.s, looked: i.s.look() == nil} }

// Check returns the refusal that Issue would give for an order, without making a token.
func (i *Issuer) Check(_ context.Context, o vending.IssueRequest) refusal.Refusal {
	key, no := i.decoderKey(o)
	if no.Refused() || o.Make != vending.MakeKeyChange {
		return no
	}
	_, no, err := i.section(key, o)
	if err != nil {
		return refuse.NewKeyUnfit()
	}
	return no
}

// Issue makes the token of an order. The same order always gives the same token, which depends only on the order and the vending keys.
// Before Issue returns the token, it opens the token again with the same key, because a token that a meter reads differently is lost money.
func (i *Issuer) Issue(_ context.Context, o vending.IssueRequest) (vending.Answer, error) {
	key, no := i.decoderKey(o)
	if no.Refused() {
		return vending.Answer{Outcome: vending.Declined, Refusal: no}, nil
	}
	var token sts.Token
	var err error
	switch o.Make {
	case vending.MakeCredit:
		token, err = sts.EncodeCredit(key, o.Credit)
	case vending.MakeManagement:
		token, err = sts.EncodeManagement(key, o.Manage)
	case vending.MakeKeyChange:
		if token, no, err = i.section(key, o); no.Refused() {
			return vending.Answer{Outcome: vending.Declined, Refusal: no}, nil
		}
	default:
		err = fmt.Errorf("unknown token kind %d", o.Make)
	}
	if err != nil {
		return vending.Answer{}, fmt.Errorf("issue token: %w", err)
	}
	if back := sts.Open(key, token); back.Result != sts.Accept || !asOrdered(back, o) {
		return vending.Answer{}, fmt.Errorf("issue token: it does not decrypt to what was ordered (%s)", back.Result)
	}
	return vending.Answer{Outcome: vending.Made, Token: token}, nil
}

// asOrdered reports whether an opened token matches its order. It does not compare the tokens of a key change, because they were checked
// when the set was made.
func asOrdered(back sts.Opened, o vending.IssueRequest) bool {
	switch o.Make {
	case vending.MakeCredit:
		return back.SubClass == o.Credit.SubClass && back.TID == o.Credit.TID && back.Amount == o.Credit.Amount
	case vending.MakeManagement:
		return back.Class == 2 && back.SubClass == o.Manage.SubClass && back.TID == o.Manage.TID && back.Value == o.Manage.Value
	}
	return back.Class == 2
}

// section returns one token of a key change. It makes the whole set by the rules of the vending side and takes one token of it.
func (i *Issuer) section(current sts.Key, o vending.IssueRequest) (sts.Token, refusal.Refusal, error) {
	to := o
	to.Attributes, to.KEN = o.Change.Next, o.Change.KEN
	next, no := i.decoderKey(to)
	if no.Refused() {
		return sts.Token{}, no, nil
	}
	from := sts.Holding{Key: current, Attributes: o.Attributes, KEN: o.KEN}
	set, err := from.ChangeTo(&sts.Holding{Key: next, Attributes: o.Change.Next, KEN: o.Change.KEN}, o.Change.At, false)
	switch {
	case errors.Is(err, sts.ErrKeyType):
		return sts.Token{}, refuse.NewKeyOfWrongType(strconv.Itoa(int(o.Attributes.KT)), strconv.Itoa(int(o.Change.Next.KT))), nil
	case errors.Is(err, sts.ErrKeyExpired):
		return sts.Token{}, refuse.NewKeyExpired(o.Change.KEN), nil
	case errors.Is(err, sts.ErrBaseDate):
		return sts.Token{}, refuse.NewKeyOfWrongBaseDate(o.Change.Next.BaseDate.String()), nil
	case errors.Is(err, sts.ErrField):
		return sts.Token{}, refuse.NewKeyUnfit(), nil
	case err != nil:
		return sts.Token{}, refusal.Refusal{}, err
	case o.Change.Section >= len(set):
		return sts.Token{}, refusal.Refusal{}, fmt.Errorf("a key change of %d tokens has no section %d", len(set), o.Change.Section)
	}
	return set[o.Change.Section], refusal.Refusal{}, nil
}

// decoderKey derives the meter key for an order, or returns why no token may be made under it.
func (i *Issuer) decoderKey(o vending.IssueRequest) (sts.Key, refusal.Refusal) {
	s := i.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := i.fresh(); err != nil {
		// The error names the server's folder, which sellers should not see.
		return sts.Key{}, refuse.KeyStoreUnreadable()
	}
	if !s.open() {
		return sts.Key{}, refuse.KeyStoreLocked()
	}
	e, no := s.fitting(o.Attributes)
	if no.Refused() {
		return sts.Key{}, no
	}
	if no := allowed(e.fact(), o); no.Refused() {
		return sts.Key{}, no
	}
	key, err := s.derive(e, o.Attributes)
	a := o.Attributes
	switch {
	case errors.Is(err, ErrAltered):
		return sts.Key{}, refuse.VendingKeyAltered(a.SGC, a.KRN, uint8(a.KT))
	case errors.Is(err, sts.ErrKey):
		return sts.Key{}, refuse.VendingKeyOfWrongLength(a.SGC, a.KRN, uint8(a.KT))
	case err != nil:
		return sts.Key{}, refuse.MeterKeyUnderivable(a.SGC, a.KRN, uint8(a.KT), a.TI, a.EA.String(), a.DKGA.String(), a.BaseDate.String())
	}
	return key, refusal.Refusal{}
}

// fresh reads the key store's file again if it has changed. The caller holds s.mu.
func (i *Issuer) fresh() error {
	if i.looked {
		return nil
	}
	return i.s.refresh()
}

// fitting finds the vending key from which this meter's key is derived, or returns the refusal if there is none. The caller holds s.mu.
func (s *Store) fitting(a sts.Attributes) (entry, refusal.Refusal) {
	want := Fact{SGC: a.SGC, KRN: a.KRN, KT: a.KT}
	if a.KT == sts.DITK {
		return entry{}, refuse.MeterKeyInitialisation()
	}
	if s.doc == nil {
		return entry{}, refuse.VendingKeyMissing(a.SGC, a.KRN, uint8(a.KT))
	}
	for _, e := range s.doc.Keys {
		f := e.fact()
		if !f.Same(want) {
			continue
		}
		if f.DKGA != a.DKGA {
			return entry{}, refuse.VendingKeyOfOtherDerivation(f.SGC, f.KRN, uint8(f.KT), f.DKGA.String(), a.DKGA.String())
		}
		if f.BaseDate != a.BaseDate {
			return entry{}, refuse.VendingKeyOfOtherBaseDate(f.SGC, f.KRN, uint8(f.KT), f.BaseDate.String(), a.BaseDate.String())
		}
		return e, refusal.Refusal{}
	}
	return entry{}, refuse.VendingKeyMissing(a.SGC, a.KRN, uint8(a.KT))
}

// allowed returns a refusal if a token may not be made under a vending key.
func allowed(f Fact, o vending.IssueRequest) refusal.Refusal {
	ken := min(f.KEN, o.KEN)
	tid := o.Credit.TID
	if o.Make == vending.MakeManagement {
		tid = o.Manage.TID
	}
	switch {
	case f.KT == sts.DDTK && o.Make == vending.MakeCredit:
		return refuse.MeterKeyDefault()
	case o.Simulated && !f.Test:
		// A virtual meter can be registered under any number. Under a real key its tokens would load in the real meter of that number,
		// although its sales are marked as tests.
		return refuse.SimulatedMeterUnderRealKey(f.SGC, f.KRN, uint8(f.KT))
	case o.Make != vending.MakeKeyChange && tid.Expired(ken): // a key change is allowed even under an expired key
		return refuse.VendingKeyExpired(f.SGC, f.KRN, uint8(f.KT), ken)
	}
	return refusal.Refusal{}
}

// derive opens the vending key for one derivation and wipes it. It caches nothing: a derivation costs about two microseconds, and a cache
// of meter keys would only be more to steal. The caller holds s.mu.
func (s *Store) derive(e entry, a sts.Attributes) (sts.Key, error) {
	raw, err := s.kek.open(e.Key, e.fact().aad())
	if err != nil {
		return sts.Key{}, ErrAltered
	}
	defer clear(raw)
	vk, err := sts.NewVendingKey(raw)
	if err != nil {
		return sts.Key{}, err
	}
	return sts.DeriveKey(vk, a)
}

// DecoderKey returns the decoder key of a meter under a test key, for running it as a virtual meter. It returns none under a real or
// unknown key, or while the store is locked.
func (s *Store) DecoderKey(a sts.Attributes) (sts.Key, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refresh() != nil || !s.open() {
		return sts.Key{}, false
	}
	e, no := s.fitting(a)
	if no.Refused() || !e.Test {
		return sts.Key{}, false
	}
	key, err := s.derive(e, a)
	return key, err == nil
}
