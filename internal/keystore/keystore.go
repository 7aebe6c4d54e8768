// Package keystore holds the two kinds of keys that must not be in the database: the vending keys of the supply groups, sealed under a
// passphrase in one file ([Store]), and the data key under which the server seals token digits, stored answers and link keys ([DataKey]).
//
// A vending key leaves the store only inside a token or, for a virtual meter under a key marked as a test key, as that meter's decoder
// key. Keys have no printable form, and no command shows one. A test searches every file of a working server's folder for their bytes. The
// package cannot protect keys in memory: Go may have copied a buffer before it was wiped, so whoever can read the memory of the process
// can read the keys in use. Only a separate signer will change that.
//
// Any number of processes can share the file. A process that changes the file holds a lock. It writes and syncs a temporary file and
// renames it over the old file. Every reader checks the file's stamp before it answers, so a running server uses a new key from its next
// request on.
package keystore

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"unicode/utf8"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/spelling"
	"github.com/paywatt/paywatt/sts"
)

// FileName is the key store's file in the data folder.
const FileName = "keystore"

const lockName = "keystore.lock"

// Sentinel errors.
var (
	// ErrPassphrase means that the passphrase does not open the key store.
	ErrPassphrase = errors.New("the passphrase does not open the key store; nothing was changed: check the passphrase, its letter case and the keyboard layout")
	// ErrEmptyPassphrase means that the passphrase is empty.
	ErrEmptyPassphrase = errors.New("the passphrase is empty; nothing was changed: give one of 12 characters or more")
	// ErrAltered means that the file's seal does not match its content.
	ErrAltered = errors.New("the key store was altered by somebody without its passphrase; none of its keys is used: restore it from a backup")
)

// Fact is everything about a vending key except the key itself. It can be read without the passphrase.
type Fact struct {
	SGC      string       // supply group code, 6 digits
	KRN      uint8        // key revision number, 1 to 9
	KT       sts.KeyType  // key type of the meter keys that are derived from this key: DDTK, DUTK or DCTK
	DKGA     sts.DKGA     // derivation algorithm, which also determines the key's length
	BaseDate sts.BaseDate // base date of this key revision
	KEN      uint8        // key expiry number; 255 never expires
	Test     bool         // a test key: its meters are virtual meters or test meters
}

// Same reports whether both facts name the same vending key.
func (f Fact) Same(o Fact) bool { return f.SGC == o.SGC && f.KRN == o.KRN && f.KT == o.KT }

// String names the key for messages and lists.
func (f Fact) String() string {
	s := fmt.Sprintf("supply group %s, revision %d, type %d", f.SGC, f.KRN, uint8(f.KT))
	if f.Test {
		s += " (test)"
	}
	return s
}

// problem returns the reason why the fact is not valid.
func (f Fact) problem() refusal.Refusal {
	switch {
	case !isSGC(f.SGC):
		return refuse.VendingKeySgcInvalid()
	case f.KRN < 1 || f.KRN > 9:
		return refuse.VendingKeyKrnInvalid()
	case f.KT == sts.DITK:
		return refuse.VendingKeyOfInitialisation()
	case f.KT > sts.DCTK:
		return refuse.VendingKeyKtInvalid()
	case f.DKGA.KeySize() == 0:
		return refuse.VendingKeyDkgaInvalid()
	case !f.BaseDate.Valid():
		return refuse.VendingKeyBaseDateInvalid()
	}
	return refusal.Refusal{}
}

// unusable returns why no meter can be registered under the fact. Files of older versions may hold such a key.
func (f Fact) unusable() refusal.Refusal {
	if no := f.problem(); no.Refused() || f.DKGA.Makes(f.KT) {
		return no
	}
	return refuse.VendingKeyWithoutMeters(f.DKGA.String(), uint8(f.KT))
}

func isSGC(s string) bool {
	if len(s) != 6 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// Config holds the settings of a Store; its zero value works.
type Config struct {
	// Params are the costs for a key store that this process creates; an existing file has its own. Zero means DefaultParams. Tests lower
	// them.
	Params Params
}

// Store holds the vending keys of one data folder. Its methods may be called from any goroutine.
type Store struct {
	dir    string
	params Params

	mu    sync.Mutex
	read  stamp
	doc   *document
	pass  []byte // passphrase from before the file existed; it opens or creates the file and is then wiped
	kek   *kek   // nil while locked
	trust bool   // kek opened the seal of doc
	short bool   // the passphrase is shorter than MinPassphrase
}

// Open opens the key store of the data folder, which must exist. A missing file is not an error: the store is then locked until Unlock,
// and empty until the first key is added.
func Open(dir string, c Config) (*Store, error) {
	if c.Params == (Params{}) {
		c.Params = DefaultParams()
	}
	if info, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("open key store: %w", err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("open key store: %s is not a folder", dir)
	}
	s := &Store{dir: dir, params: c.Params}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s, s.refresh()
}

const maskedStore = "keystore.Store(masked)"

// Format masks the store for every verb: it may hold a passphrase and keys in fields that fmt would print.
func (s *Store) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, maskedStore) }

// LogValue masks the store in logs.
func (s *Store) LogValue() slog.Value { return slog.StringValue(maskedStore) }

// Path returns where the file is or will be.
func (s *Store) Path() string { return filepath.Join(s.dir, FileName) }

// look does the same as refresh, for a caller that does not hold s.mu. It checks the file before it takes the lock, so that nobody waits
// for the check.
func (s *Store) look() error {
	now, err := stampOf(s.Path())
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && s.isRead(now) {
		return nil
	}
	return s.refresh()
}

// isRead reports whether the file has not changed since it was read. The parameter now is the file's present stamp. The caller holds s.mu.
func (s *Store) isRead(now stamp) bool { return now.same(s.read) && now.exists() == (s.doc != nil) }

// refresh reads the file again if it has changed since it was read. The caller holds s.mu.
func (s *Store) refresh() error {
	now, err := stampOf(s.Path())
	if err != nil {
		return fmt.Errorf("check key store: %w", err)
	}
	if s.isRead(now) {
		return nil
	}
	if !now.exists() {
		s.doc, s.read, s.trust = nil, now, false
		return errors.New("the key store's file has disappeared; its keys are not used: put it back from a backup")
	}
	b, err := readLimited(s.Path(), maxFile)
	if err != nil {
		return fmt.Errorf("read key store: %w", err)
	}
	doc, err := parseDocument(b)
	if err != nil {
		return fmt.Errorf("read key store %s: %w", s.Path(), err)
	}
	s.doc, s.read = &doc, now
	return s.unseal()
}

// unseal tries this process's passphrase, or the key derived from it, on the file just read. If neither opens the file, the store is
// locked, which is not an error. The caller holds s.mu.
func (s *Store) unseal() error {
	s.trust = false
	if s.pass != nil {
		k, err := s.doc.deriveKey(s.pass)
		if err != nil {
			return err
		}
		s.forgetPassphrase()
		s.kek = k
	}
	if s.kek == nil {
		return nil
	}
	if s.trust = s.doc.verify(s.kek); !s.trust {
		s.kek = nil // another passphrase, or an altered file: in both cases, use no key of the file
	}
	return nil
}

func (s *Store) forgetPassphrase() {
	clear(s.pass)
	s.pass = nil
}

// Locked reports whether the store is locked: the keys cannot be used because the right passphrase is missing or the file cannot be read.
// A store with a passphrase but no file yet is not locked, but empty.
func (s *Store) Locked() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refresh() != nil {
		return true
	}
	return !s.open()
}

// open reports whether keys can be used, or the first key can be added. The caller holds s.mu and has refreshed.
func (s *Store) open() bool { return s.doc == nil && s.pass != nil || s.doc != nil && s.trust }

// Unlock opens the store for this process. If there is no file yet, the store holds the passphrase until the first key creates one. Unlock
// copies the passphrase; the caller must wipe the original. It returns ErrPassphrase, ErrEmptyPassphrase, ErrAltered, or the error of
// reading the file.
func (s *Store) Unlock(passphrase []byte) error {
	if len(passphrase) == 0 {
		return ErrEmptyPassphrase
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refresh(); err != nil {
		return err
	}
	if s.doc == nil {
		s.forgetPassphrase()
		s.pass, s.short = append([]byte(nil), passphrase...), isShort(passphrase)
		return nil
	}
	k, err := s.doc.deriveKey(passphrase)
	if err != nil {
		return fmt.Errorf("unlock key store: %w", err)
	}
	if !s.doc.verify(k) {
		if s.doc.opensAny(k) {
			return ErrAltered
		}
		return ErrPassphrase
	}
	s.kek, s.trust, s.short = k, true, isShort(passphrase)
	return nil
}

// MinPassphrase is the least number of characters of a passphrase that protects real vending keys.
const MinPassphrase = 12

func isShort(passphrase []byte) bool {
	composed := spelling.Composed(passphrase)
	defer clear(composed)
	return utf8.RuneCount(composed) < MinPassphrase
}

// Lock drops the passphrase and everything derived from it.
func (s *Store) Lock() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetPassphrase()
	s.kek, s.trust = nil, false
}

// List lists the facts of the vending keys, in the order in which they were added. It needs no passphrase.
func (s *Store) List() ([]Fact, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refresh(); err != nil {
		return nil, err
	}
	return s.facts(), nil
}

func (s *Store) facts() []Fact {
	if s.doc == nil {
		return nil
	}
	out := make([]Fact, len(s.doc.Keys))
	for i, e := range s.doc.Keys {
		out[i] = e.fact()
	}
	return out
}

// Add seals a vending key with its facts and stores it durably. Every process with this folder uses it from its next request on. Add
// refuses a key while the store is locked or full. It also refuses a key that exists already, and a key that would mix test and real keys
// in one revision of a supply group. The first key creates the file under the passphrase that Unlock got.
func (s *Store) Add(f Fact, key sts.VendingKey) (refusal.Refusal, error) {
	raw := key.Reveal()
	defer clear(raw)
	if no := f.unusable(); no.Refused() {
		return no, nil
	}
	if want := f.DKGA.KeySize(); len(raw) != want {
		return refuse.VendingKeySizeWrong(f.DKGA.String(), int64(want), int64(len(raw))), nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var no refusal.Refusal
	err := withLock(filepath.Join(s.dir, lockName), func() (err error) {
		no, err = s.addLocked(f, raw)
		return err
	})
	return no, fault.Wrap(err, "add vending key")
}

// addLocked does the work of Add. The caller holds the store's lock and the folder's lock.
func (s *Store) addLocked(f Fact, raw []byte) (refusal.Refusal, error) {
	if err := s.refresh(); err != nil {
		return refusal.Refusal{}, err
	}
	if no := s.mayAdd(f); no.Refused() {
		return no, nil
	}
	doc, key, err := s.base()
	if err != nil {
		return refusal.Refusal{}, err
	}
	next, err := doc.with(key, f, raw)
	if err != nil {
		return refusal.Refusal{}, err
	}
	b, err := next.encode()
	if err != nil {
		return refusal.Refusal{}, err
	}
	if err := replace(s.Path(), b); err != nil {
		return refusal.Refusal{}, err
	}
	return refusal.Refusal{}, s.refresh()
}

// base returns the document to which a key is added, and the kek of that document. It returns the document and kek of the file or, without
// a file, new ones under the passphrase.
func (s *Store) base() (document, *kek, error) {
	if s.doc != nil {
		return *s.doc, s.kek, nil
	}
	doc, err := newDocument(s.params)
	if err != nil {
		return document{}, nil, err
	}
	composed := spelling.Composed(s.pass)
	defer clear(composed)
	k, err := doc.KDF.derive(composed)
	return doc, k, err
}

func (s *Store) mayAdd(f Fact) refusal.Refusal {
	if !s.open() {
		return refuse.KeyStoreLockedForChange()
	}
	if s.short && !f.Test {
		return refuse.KeyStorePassphraseShort(MinPassphrase)
	}
	all := s.facts()
	if len(all) >= maxKeys {
		return refuse.KeyStoreFull(maxKeys)
	}
	for _, have := range all {
		if have.Same(f) {
			return refuse.VendingKeyExists(f.SGC, f.KRN, uint8(f.KT))
		}
		if have.SGC != f.SGC || have.KRN != f.KRN || have.Test == f.Test {
			continue
		}
		if have.Test {
			return refuse.RevisionOfTestKeys(f.KRN, f.SGC)
		}
		return refuse.RevisionOfRealKeys(f.KRN, f.SGC)
	}
	return refusal.Refusal{}
}
