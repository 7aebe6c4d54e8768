// Package id makes and reads the identities of business objects: UUIDv7 from an injected clock and randomness,
// 16 bytes inside, a prefix and base32 outside ("mtr_01jd...").
//
// Identities sort by the time they were made. Nothing here reads a clock or a random source of its own.
package id

import (
	"encoding/base32"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"time"
)

// ID is a UUIDv7: 48 bits of Unix milliseconds, then 74 random bits. The zero ID names nothing.
type ID [16]byte

// Prefixes of the identities that leave the system.
const (
	Meter    = "mtr_"
	Vend     = "vnd_"
	Token    = "tok_"
	Customer = "cus_"
	Account  = "acc_"
	Point    = "spt_"
	Tariff   = "trf_"
	Version  = "trv_"
	Command  = "cmd_"
	Key      = "key_"
	Journal  = "jrn_"
	Person   = "usr_"
	Quote    = "qot_"
	Vendor   = "ven_"
	Audit    = "aud_"
	Reversal = "rev_"
	Approval = "apr_"
	Alarm    = "alm_"
	Job      = "job_"
	Debt     = "dbt_"
	Charge   = "chg_"
	Held     = "qtn_" // an entry of the quarantine
	Login    = "int_" // of a program at the integration broker
	Message  = "msg_" // to or from a telephone
)

// ErrMalformed says that a text is no identity of the wanted kind.
var ErrMalformed = errors.New("malformed identity")

// New makes an identity for the moment now from 10 bytes of rnd.
func New(now time.Time, rnd io.Reader) (ID, error) {
	var i ID
	if _, err := io.ReadFull(rnd, i[6:]); err != nil {
		return ID{}, err
	}
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(now.UnixMilli()))
	copy(i[:6], ms[2:])
	i[6] = i[6]&0x0f | 0x70
	i[8] = i[8]&0x3f | 0x80
	return i, nil
}

// Series makes identities that sort in the order in which they were made, those of one millisecond too: the first twelve
// of their random bits count (RFC 9562 §6.2, method 1). A database that keeps its rows in this order adds new ones at
// the end of a page instead of between others. The zero Series is ready; it belongs to one goroutine.
type Series struct{ last ID }

// maxCount is the highest that twelve bits count to. A series begins each millisecond in the lower half.
const maxCount = 1<<12 - 1

// New makes the next identity for the moment now from 10 bytes of rnd. Beyond some 2,000 in one millisecond, and where
// the clock goes back, the order begins anew.
func (s *Series) New(now time.Time, rnd io.Reader) (ID, error) {
	i, err := New(now, rnd)
	if err != nil {
		return ID{}, err
	}
	count := binary.BigEndian.Uint16(i[6:]) & (maxCount >> 1)
	if last := binary.BigEndian.Uint16(s.last[6:]) & maxCount; [6]byte(i[:6]) == [6]byte(s.last[:6]) && last < maxCount {
		count = last + 1
	}
	binary.BigEndian.PutUint16(i[6:], 0x7000|count)
	s.last = i
	return i, nil
}

// FromBytes reads the 16 stored bytes; anything of another length gives the zero ID.
func FromBytes(b []byte) ID {
	var i ID
	if len(b) == len(i) {
		copy(i[:], b)
	}
	return i
}

// First is the lowest of all identities that were made at a moment or later. It is not the zero ID, however early the moment.
func First(at time.Time) (i ID) {
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(max(at.UnixMilli(), 1)))
	copy(i[:6], ms[2:])
	return i
}

// IsZero reports whether i names nothing.
func (i ID) IsZero() bool { return i == ID{} }

// Time is the moment the identity was made, to the millisecond.
func (i ID) Time() time.Time {
	var ms [8]byte
	copy(ms[2:], i[:6])
	return time.UnixMilli(int64(binary.BigEndian.Uint64(ms[:]))).UTC()
}

// alphabet is Crockford's for base32: no i, l, o, u, sorts as the bytes do.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// textSize is how many base32 characters 16 bytes take.
const textSize = 26

// Text writes the identity with its prefix, 26 base32 characters behind it. It is written by hand, because a sale makes a
// dozen texts and setting up an encoding takes longer than writing one.
func (i ID) Text(prefix string) string {
	b := append(make([]byte, 0, len(prefix)+textSize), prefix...)
	high, low := binary.BigEndian.Uint64(i[:8]), binary.BigEndian.Uint64(i[8:])
	for range textSize {
		b = append(b, alphabet[high>>59])
		high, low = high<<5|low>>59, low<<5
	}
	return string(b)
}

// Parse reads what Text wrote; letter case does not matter.
func Parse(prefix, s string) (ID, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	if !strings.HasPrefix(s, prefix) {
		return ID{}, ErrMalformed
	}
	b, err := base32.NewEncoding(alphabet).WithPadding(base32.NoPadding).DecodeString(s[len(prefix):])
	if err != nil || len(b) != 16 {
		return ID{}, ErrMalformed
	}
	return ID(b), nil
}
