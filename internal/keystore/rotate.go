package keystore

import (
	"fmt"
	"path/filepath"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// ChangePassphrase seals all keys anew under another passphrase. The file has either all keys under the old passphrase or all under the new
// one, even after a power cut. Other processes are locked from their next request on, until they get the new passphrase. The store must be
// unlocked, and must have a file.
func (s *Store) ChangePassphrase(next []byte) (refusal.Refusal, error) {
	if isShort(next) {
		return refuse.KeyStorePassphraseShort(MinPassphrase), nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var no refusal.Refusal
	err := withLock(filepath.Join(s.dir, lockName), func() (err error) {
		no, err = s.changeLocked(next)
		return err
	})
	return no, fault.Wrap(err, "change the passphrase")
}

// changeLocked does the work of ChangePassphrase. The caller holds the store's lock and the folder's lock.
func (s *Store) changeLocked(passphrase []byte) (refusal.Refusal, error) {
	if err := s.refresh(); err != nil {
		return refusal.Refusal{}, err
	}
	if s.doc == nil || !s.trust {
		return refuse.KeyStoreLockedForChange(), nil
	}
	next, key, err := s.doc.under(s.kek, s.params, passphrase)
	if err != nil {
		return refusal.Refusal{}, err
	}
	b, err := next.encode()
	if err == nil {
		err = replace(s.Path(), b)
	}
	if err != nil {
		return refusal.Refusal{}, err
	}
	s.kek, s.short = key, false
	return refusal.Refusal{}, s.refresh()
}

// under returns the document with all keys sealed under another passphrase and a new salt.
func (d document) under(old *kek, p Params, passphrase []byte) (document, *kek, error) {
	next, err := newDocument(p)
	if err != nil {
		return document{}, nil, err
	}
	key, err := next.KDF.derive(passphrase)
	if err != nil {
		return document{}, nil, err
	}
	for _, e := range d.Keys {
		raw, err := old.open(e.Key, e.fact().aad())
		if err != nil {
			return document{}, nil, fmt.Errorf("open the key of %s: %w", e.fact(), err)
		}
		next, err = next.with(key, e.fact(), raw)
		clear(raw)
		if err != nil {
			return document{}, nil, err
		}
	}
	if len(d.Keys) == 0 {
		next.Seal, err = key.seal(nil, next.aad())
	}
	return next, key, err
}
