package keystore

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"

	"golang.org/x/crypto/chacha20poly1305"
)

// DataFileName is the data key's file in the data folder.
const DataFileName = "data.key"

const (
	dataKeySize   = 32 // of one key
	sealedVersion = 1  // first byte of every sealed text; a later form can have another
)

// ErrSealed means that a sealed text cannot be opened: it was altered, or belongs to another context or another data key.
var ErrSealed = errors.New("sealed text cannot be decrypted with this data key and context")

// DataKey seals small secrets of the database, so that a copy of the database alone shows no token digits, stored answers or link keys. Its
// file is in the data folder, not in the key store, because a server must sign commands and repeat answers while its key store is locked.
// Only the server's user can read the file. Back up both the database and this file, but not together.
//
// After a rotation ([BeginDataRotation]) it holds the older keys too. One of them is in use: everything new is sealed and hashed under it.
// The keys before it only open what they once sealed.
type DataKey struct {
	all      []dataVersion // the newest first
	inUse    int           // index in all
	rotating bool          // a rotation has begun and has not ended
}

// dataVersion is one key of the file.
type dataVersion struct {
	aead cipher.AEAD
	mac  []byte
}

// OpenData reads the data key of the folder, or makes one at first use. Several processes may call it at once; all get the same key.
func OpenData(dir string) (*DataKey, error) {
	path := filepath.Join(dir, DataFileName)
	raw, err := readLimited(path, int64(maxDataFile))
	if errors.Is(err, fs.ErrNotExist) {
		if raw, err = makeData(path); errors.Is(err, fs.ErrExist) {
			raw, err = readLimited(path, int64(maxDataFile))
		}
	}
	defer clear(raw)
	if err != nil {
		return nil, fmt.Errorf("open data key: %w", err)
	}
	file, ok := parseDataFile(raw)
	if !ok {
		return nil, fmt.Errorf("open data key: %s has %d bytes, want %d, or what a rotation writes: restore it from a backup", path, len(raw), dataKeySize)
	}
	if err := CheckPrivate(path); err != nil {
		return nil, fmt.Errorf("open data key: %w", err)
	}
	return newDataKey(file)
}

func makeData(path string) ([]byte, error) {
	raw := make([]byte, dataKeySize)
	if _, err := rand.Read(raw); err != nil {
		return nil, err
	}
	return raw, createOnce(path, raw)
}

// newDataKey opens the keys of a file. The newest is in use.
func newDataKey(file dataFile) (*DataKey, error) {
	d := &DataKey{rotating: file.rotating}
	for _, raw := range file.keys {
		v, err := newDataVersion(raw)
		if err != nil {
			return nil, err
		}
		d.all = append(d.all, v)
	}
	return d, nil
}

// newDataVersion splits a stored key into one for sealing and one for hashing.
func newDataVersion(raw []byte) (dataVersion, error) {
	seal, err := hkdf.Key(sha256.New, raw, nil, "paywatt data seal", chacha20poly1305.KeySize)
	if err != nil {
		return dataVersion{}, err
	}
	defer clear(seal)
	mac, err := hkdf.Key(sha256.New, raw, nil, "paywatt data hash", sha256.Size)
	if err != nil {
		return dataVersion{}, err
	}
	aead, err := chacha20poly1305.NewX(seal)
	return dataVersion{aead: aead, mac: mac}, err
}

// Seal encrypts plain with XChaCha20-Poly1305 and binds it to the context. It does not open in another context.
func (d *DataKey) Seal(context string, plain []byte) []byte {
	return d.all[d.inUse].seal(context, plain)
}

func (v dataVersion) seal(context string, plain []byte) []byte {
	out := make([]byte, 1+chacha20poly1305.NonceSizeX, 1+chacha20poly1305.NonceSizeX+len(plain)+chacha20poly1305.Overhead)
	out[0] = sealedVersion
	nonce := out[1 : 1+chacha20poly1305.NonceSizeX]
	_, _ = rand.Read(nonce) // crypto/rand.Read never returns an error; it crashes the process instead
	return v.aead.Seal(out, nonce, plain, []byte(context))
}

// Open decrypts a text that Seal made in the same context, under any key of the file. The only error is ErrSealed.
func (d *DataKey) Open(context string, sealed []byte) ([]byte, error) {
	plain, _, err := d.open(context, sealed)
	return plain, err
}

// OpenAndHash does the work of Open, and returns the keyed hash of the plain text under the key that sealed it.
func (d *DataKey) OpenAndHash(context string, sealed []byte, hashContext string) (hash []byte, err error) {
	plain, v, err := d.open(context, sealed)
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	return v.hash(hashContext, plain), nil
}

func (d *DataKey) open(context string, sealed []byte) ([]byte, dataVersion, error) {
	if len(sealed) < 1+chacha20poly1305.NonceSizeX || sealed[0] != sealedVersion {
		return nil, dataVersion{}, ErrSealed
	}
	nonce, box := sealed[1:1+chacha20poly1305.NonceSizeX], sealed[1+chacha20poly1305.NonceSizeX:]
	for _, v := range d.all {
		if plain, err := v.aead.Open(nil, nonce, box, []byte(context)); err == nil {
			return plain, v, nil
		}
	}
	return nil, dataVersion{}, ErrSealed
}

// Hash returns a keyed hash (HMAC-SHA-256, 32 bytes), so that a secret can be found again without being stored.
func (d *DataKey) Hash(context string, data []byte) []byte {
	return d.all[d.inUse].hash(context, data)
}

func (v dataVersion) hash(context string, data []byte) []byte {
	h := hmac.New(sha256.New, v.mac)
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(context))))
	_, _ = io.WriteString(h, context)
	h.Write(data)
	return h.Sum(nil)
}

const maskedData = "keystore.DataKey(masked)"

// Format masks the key for every verb.
func (d *DataKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, maskedData) }

// LogValue masks the key in logs.
func (d *DataKey) LogValue() slog.Value { return slog.StringValue(maskedData) }

// MarshalText masks the key in every text form.
func (d *DataKey) MarshalText() ([]byte, error) { return []byte(maskedData), nil }
