package access

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/paywatt/paywatt/internal/access/weak"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/spelling"
)

// Lengths of a person's password in characters (ASVS 6.2.1, 6.2.9). There is no rule about its characters: length is what
// counts.
const (
	MinPassword = 12
	MaxPassword = 128
)

// Argon is the cost of hashing a person's password with argon2id (RFC 9106). It is encoded in every hash, so that it can be
// raised later. Hashing is slow and takes MemoryKiB each time, so callers that hash for strangers must bound how many run at
// once.
type Argon struct {
	Time      uint32 // number of passes
	MemoryKiB uint32
	Threads   uint8
}

// DefaultArgon is the second recommended set of RFC 9106: 3 passes over 64 MiB.
func DefaultArgon() Argon { return Argon{Time: 3, MemoryKiB: 64 << 10, Threads: 4} }

const (
	argonSalt = 16
	argonHash = 32
	// Bounds of the cost in a stored hash, so that a planted row cannot exhaust the server.
	maxArgonTime   = 64
	maxArgonMemory = 1 << 20 // in KiB
)

// ErrPasswordHash says that a stored password hash cannot be read.
var ErrPasswordHash = errors.New("unreadable password hash")

// CheckPassword is the refusal of a bad password; the zero Refusal if the password is good enough.
func CheckPassword(password string) refusal.Refusal {
	password = string(spelling.Composed([]byte(password)))
	n := utf8.RuneCountInString(password)
	switch {
	case n < MinPassword:
		return refuse.PasswordTooShort(MinPassword)
	case n > MaxPassword:
		return refuse.PasswordTooLong(MaxPassword)
	case weak.Password(password):
		return refuse.PasswordTooCommon()
	}
	return refusal.Refusal{}
}

// composedMark follows the costs in a hash of a password in its composed form. Hashes of earlier versions lack it: they may be of the password as it was
// typed.
const composedMark = ",f=nfc"

// HashPassword hashes a password for storage, in the usual text form "$argon2id$v=19$m=...,t=...,p=...,f=nfc$salt$hash". All keyboards on which the
// password looks the same give the same hash.
func HashPassword(password string, a Argon, rnd io.Reader) (string, error) {
	salt := make([]byte, argonSalt)
	if _, err := io.ReadFull(rnd, salt); err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return a.encode(salt, a.hash(spelling.Composed([]byte(password)), salt)), nil
}

func (a Argon) hash(password, salt []byte) []byte {
	return argon2.IDKey(password, salt, a.Time, a.MemoryKiB, a.Threads, argonHash)
}

func (a Argon) encode(salt, hash []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d%s$%s$%s", argon2.Version, a.MemoryKiB, a.Time, a.Threads, composedMark,
		b64.EncodeToString(salt), b64.EncodeToString(hash))
}

// decoyHash is a hash without a known password. Comparing a password with this hash takes as long as with any other hash that this version made, so the
// time of an answer does not tell an unknown name from a wrong password. Only a hash of an earlier version takes twice as long, and only for a password
// with accents.
func decoyHash(a Argon, rnd io.Reader) (string, error) {
	raw := make([]byte, argonSalt+argonHash)
	if _, err := io.ReadFull(rnd, raw); err != nil {
		return "", fmt.Errorf("make a decoy hash: %w", err)
	}
	return a.encode(raw[:argonSalt], raw[argonSalt:]), nil
}

// VerifyPassword reports whether the password gives the hash. It compares the hashes in constant time. A password with accents is tried in its composed
// form, and for a hash of an earlier version in one other form: a wrong password costs one hash, or at most two.
func VerifyPassword(encoded, password string) (bool, error) {
	stored, err := parseHash(encoded)
	if err != nil {
		return false, err
	}
	forms := [][]byte{spelling.Composed([]byte(password))}
	if !stored.isComposed {
		forms = spelling.Forms([]byte(password))
	}
	for _, form := range forms {
		if subtle.ConstantTimeCompare(stored.cost.hash(form, stored.salt), stored.hash) == 1 {
			return true, nil
		}
	}
	return false, nil
}

// storedHash is a password hash as it was stored.
type storedHash struct {
	cost       Argon
	salt, hash []byte
	isComposed bool // whether it is certainly of the composed form
}

func parseHash(encoded string) (storedHash, error) {
	part := strings.Split(encoded, "$")
	if len(part) != 6 || part[0] != "" || part[1] != "argon2id" || part[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return storedHash{}, ErrPasswordHash
	}
	costs, isComposed := strings.CutSuffix(part[3], composedMark)
	var a Argon
	if _, err := fmt.Sscanf(costs, "m=%d,t=%d,p=%d", &a.MemoryKiB, &a.Time, &a.Threads); err != nil {
		return storedHash{}, ErrPasswordHash
	}
	b64 := base64.RawStdEncoding.Strict()
	salt, serr := b64.DecodeString(part[4])
	hash, herr := b64.DecodeString(part[5])
	if serr != nil || herr != nil || len(salt) < 8 || len(hash) != argonHash ||
		a.Time < 1 || a.Time > maxArgonTime || a.Threads < 1 || a.MemoryKiB < 8*uint32(a.Threads) || a.MemoryKiB > maxArgonMemory {
		return storedHash{}, ErrPasswordHash
	}
	return storedHash{cost: a, salt: salt, hash: hash, isComposed: isComposed}, nil
}
