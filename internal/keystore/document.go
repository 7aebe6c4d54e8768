package keystore

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"

	"github.com/paywatt/paywatt/internal/spelling"
	"github.com/paywatt/paywatt/sts"
)

// Limits of a key store file. The bounds of the key derivation stop a planted file from using up the server.
const (
	maxFile     = 1 << 20
	maxKeys     = 1000
	maxTime     = 64
	maxMemoryKB = 1 << 20
	saltSize    = 16
)

const (
	formatName    = "paywatt-keystore"
	formatVersion = 1
)

// Params are the costs of turning the passphrase into a key by argon2id (RFC 9106). The file stores them, so raising them later does not
// lock anybody out.
type Params struct {
	Time      uint32 // number of passes
	MemoryKiB uint32
	Threads   uint8
}

// DefaultParams returns the second recommended set of RFC 9106: 3 passes over 64 MiB, about 0.1 s.
func DefaultParams() Params { return Params{Time: 3, MemoryKiB: 64 << 10, Threads: 4} }

func (p Params) valid() bool {
	return p.Time >= 1 && p.Time <= maxTime && p.Threads >= 1 && p.MemoryKiB >= 8*uint32(p.Threads) && p.MemoryKiB <= maxMemoryKB
}

// document is the file: facts in plain text, sealed keys, and a seal over everything.
type document struct {
	Format  string  `json:"format"`
	Version int     `json:"version"`
	KDF     kdf     `json:"kdf"`
	Keys    []entry `json:"keys"`
	// Seal is an empty text sealed with everything above as associated data. It shows a wrong passphrase before any key is used, and shows
	// if somebody without the passphrase added, removed or changed an entry.
	Seal sealed `json:"seal"`
}

type kdf struct {
	Name      string `json:"name"`
	Time      uint32 `json:"time"`
	MemoryKiB uint32 `json:"memory_kib"`
	Threads   uint8  `json:"threads"`
	Salt      []byte `json:"salt"`
}

func (k kdf) params() Params {
	return Params{Time: k.Time, MemoryKiB: k.MemoryKiB, Threads: k.Threads}
}

type entry struct {
	SGC      string `json:"sgc"`
	KRN      uint8  `json:"krn"`
	KT       uint8  `json:"kt"`
	DKGA     uint8  `json:"dkga"`
	BaseDate uint16 `json:"base_date"`
	KEN      uint8  `json:"ken"`
	Test     bool   `json:"test"`
	Key      sealed `json:"key"`
}

type sealed struct {
	Nonce []byte `json:"nonce"`
	Box   []byte `json:"box"`
}

func (e entry) fact() Fact {
	return Fact{SGC: e.SGC, KRN: e.KRN, KT: sts.KeyType(e.KT), DKGA: sts.DKGA(e.DKGA), BaseDate: sts.BaseDate(e.BaseDate),
		KEN: e.KEN, Test: e.Test}
}

func newDocument(p Params) (document, error) {
	if !p.valid() {
		return document{}, fmt.Errorf("argon2id parameters out of range: %+v", p)
	}
	salt := make([]byte, saltSize)
	if _, err := rand.Read(salt); err != nil {
		return document{}, err
	}
	return document{Format: formatName, Version: formatVersion,
		KDF: kdf{Name: "argon2id", Time: p.Time, MemoryKiB: p.MemoryKiB, Threads: p.Threads, Salt: salt}, Keys: []entry{}}, nil
}

var errFormat = errors.New("not a key store of this version")

func parseDocument(b []byte) (document, error) {
	var d document
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return document{}, fmt.Errorf("%w: %w", errFormat, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return document{}, fmt.Errorf("%w: more data follows its end", errFormat)
	}
	if d.Format != formatName || d.Version != formatVersion || d.KDF.Name != "argon2id" {
		return document{}, fmt.Errorf("%w: format %q version %d", errFormat, d.Format, d.Version)
	}
	if !d.KDF.params().valid() || len(d.KDF.Salt) != saltSize || len(d.Keys) > maxKeys {
		return document{}, fmt.Errorf("%w: numbers out of range", errFormat)
	}
	for _, e := range d.Keys {
		if no := e.fact().problem(); no.Refused() || !e.Key.wellFormed() {
			return document{}, fmt.Errorf("%w: entry of supply group %q: %s", errFormat, e.SGC, no.What)
		}
	}
	if !d.Seal.wellFormed() {
		return document{}, fmt.Errorf("%w: no seal", errFormat)
	}
	return d, nil
}

func (d document) encode() ([]byte, error) {
	b, err := json.MarshalIndent(d, "", "  ")
	return append(b, '\n'), err
}

func (s sealed) wellFormed() bool {
	return len(s.Nonce) == chacha20poly1305.NonceSizeX && len(s.Box) >= chacha20poly1305.Overhead
}

// kek is the key derived from the passphrase. It seals the entries and the file.
type kek struct{ aead cipher.AEAD }

func (k kdf) derive(passphrase []byte) (*kek, error) {
	raw := argon2.IDKey(passphrase, k.Salt, k.Time, k.MemoryKiB, k.Threads, chacha20poly1305.KeySize)
	defer clear(raw)
	aead, err := chacha20poly1305.NewX(raw)
	if err != nil {
		return nil, err
	}
	return &kek{aead: aead}, nil
}

func (k *kek) seal(plain, aad []byte) (sealed, error) {
	nonce := make([]byte, chacha20poly1305.NonceSizeX)
	if _, err := rand.Read(nonce); err != nil {
		return sealed{}, err
	}
	return sealed{Nonce: nonce, Box: k.aead.Seal(nil, nonce, plain, aad)}, nil
}

func (k *kek) open(s sealed, aad []byte) ([]byte, error) {
	if !s.wellFormed() {
		return nil, errFormat
	}
	return k.aead.Open(nil, s.Nonce, s.Box, aad)
}

// aad returns the facts as associated data of a sealed key. So nobody can move a key to another supply group or turn a test key into a
// real one.
func (f Fact) aad() []byte {
	b := append(make([]byte, 0, 128), formatName...)
	number := func(name string, n uint64) { b = strconv.AppendUint(append(b, name...), n, 10) }
	number(" ", formatVersion)
	b = append(append(b, " key sgc="...), f.SGC...)
	number(" krn=", uint64(f.KRN))
	number(" kt=", uint64(f.KT))
	number(" dkga=", uint64(f.DKGA))
	number(" base=", uint64(f.BaseDate))
	number(" ken=", uint64(f.KEN))
	return strconv.AppendBool(append(b, " test="...), f.Test)
}

// aad returns everything in the file except the seal itself, each part after its length.
func (d document) aad() []byte {
	h := sha256.New()
	part := func(b []byte) {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(b))))
		h.Write(b)
	}
	part(fmt.Appendf(nil, "%s %d file time=%d memory=%d threads=%d keys=%d", formatName, formatVersion, d.KDF.Time,
		d.KDF.MemoryKiB, d.KDF.Threads, len(d.Keys)))
	part(d.KDF.Salt)
	for _, e := range d.Keys {
		part(e.fact().aad())
		part(e.Key.Nonce)
		part(e.Key.Box)
	}
	return h.Sum(nil)
}

// deriveKey derives the key from a passphrase, in the form of it that opens the seal or an entry. If none does, it returns the key of the last form. It
// derives at most two keys: the file does not say in which form an earlier version took the passphrase.
func (d document) deriveKey(passphrase []byte) (k *kek, err error) {
	forms := spelling.Forms(passphrase)
	defer func() {
		for _, form := range forms {
			clear(form)
		}
	}()
	for _, form := range forms {
		k, err = d.KDF.derive(form)
		if err != nil {
			return nil, err
		}
		if d.verify(k) || d.opensAny(k) {
			return k, nil
		}
	}
	return k, nil
}

// verify reports whether the key opens the file's seal.
func (d document) verify(k *kek) bool {
	_, err := k.open(d.Seal, d.aad())
	return err == nil
}

// with returns the file with one more key and a new seal.
func (d document) with(k *kek, f Fact, key []byte) (document, error) {
	box, err := k.seal(key, f.aad())
	if err != nil {
		return document{}, err
	}
	next := d
	next.Keys = append(append([]entry{}, d.Keys...), entry{SGC: f.SGC, KRN: f.KRN, KT: uint8(f.KT), DKGA: uint8(f.DKGA),
		BaseDate: uint16(f.BaseDate), KEN: f.KEN, Test: f.Test, Key: box})
	next.Seal, err = k.seal(nil, next.aad())
	return next, err
}

// opensAny reports whether the key opens an entry. If it opens an entry but not the seal, the passphrase is right
// and the file was altered.
func (d document) opensAny(k *kek) bool {
	for _, e := range d.Keys {
		if raw, err := k.open(e.Key, e.fact().aad()); err == nil {
			clear(raw)
			return true
		}
	}
	return false
}
