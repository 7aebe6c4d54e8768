package keystore

import (
	"github.com/paywatt/paywatt/internal/diagnosis"
	"github.com/paywatt/paywatt/sts"
)

// Reader opens tokens for the token doctor. It derives decoder keys for one call only, and never returns a key.
type Reader struct{ s *Store }

var _ diagnosis.Keys = (*Reader)(nil)

// Reader returns a reader that uses the store's keys.
func (s *Store) Reader() *Reader { return &Reader{s: s} }

// Families lists the facts of the vending keys from which meter keys are derived.
func (r *Reader) Families() ([]diagnosis.Family, error) {
	facts, err := r.s.List()
	if err != nil {
		return nil, err
	}
	out := make([]diagnosis.Family, len(facts))
	for i, f := range facts {
		out[i] = diagnosis.Family{SGC: f.SGC, KRN: f.KRN, KT: f.KT, DKGA: f.DKGA, BaseDate: f.BaseDate}
	}
	return out, nil
}

// Explain runs the token doctor of package sts with the keys for these attributes.
func (r *Reader) Explain(digits string, of []sts.Attributes, likely func(key int, o sts.Opened) bool) (sts.Explanation, diagnosis.KeyUse, error) {
	keys, use := r.keys(of)
	defer clear(keys)
	return sts.Explain(digits, keys, likely), use, nil
}

// Open opens a token with each of the keys for these attributes.
func (r *Reader) Open(t sts.Token, of []sts.Attributes) ([]sts.Opened, diagnosis.KeyUse, error) {
	keys, use := r.keys(of)
	defer clear(keys)
	out := make([]sts.Opened, len(keys))
	for i, k := range keys {
		out[i] = sts.Open(k, t)
	}
	return out, use, nil
}

// keys derives decoder keys. For attributes without a vending key the result is the zero Key, which opens no token.
func (r *Reader) keys(of []sts.Attributes) ([]sts.Key, diagnosis.KeyUse) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	keys := make([]sts.Key, len(of))
	if r.s.refresh() != nil || !r.s.open() {
		return keys, diagnosis.KeysLocked
	}
	use := diagnosis.KeysMissing
	for i, a := range of {
		e, no := r.s.fitting(a)
		if no.Refused() {
			continue
		}
		k, err := r.s.derive(e, a)
		if err != nil {
			continue // the entry was altered, or needs an algorithm that this version does not support: treat it as missing
		}
		keys[i], use = k, diagnosis.KeysUsed
	}
	return keys, use
}
