// Package id makes and reads the ids of business objects: UUIDv7 from an injected clock and randomness. An id is 16 bytes in the program.
// Outside, it is written as a prefix and base32 ("mtr_01jd...").
//
// Ids sort by the time they were made. The caller provides the clock and the random source.
package id

import (
	"encoding/base32"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"time"
)

// ID is a UUIDv7: 48 bits of Unix milliseconds, then 74 random bits. The zero ID stands for no object.
type ID [16]byte

// Prefixes of the ids that leave the system.
const (
	Meter          = "mtr_"
	Vend           = "vnd_"
	Token          = "tok_"
	Customer       = "cus_"
	Account        = "acc_"
	Point          = "spt_"
	Tariff         = "trf_"
	Version        = "trv_"
	TariffChange   = "tch_" // another tariff for an account
	Command        = "cmd_"
	Key            = "key_"
	Journal        = "jrn_"
	Person         = "usr_"
	Quote          = "qot_"
	Vendor         = "ven_"
	Audit          = "aud_"
	Reversal       = "rev_"
	Approval       = "apr_"
	Alarm          = "alm_"
	Job            = "job_"
	Debt           = "dbt_"
	Charge         = "chg_"
	Held           = "qtn_" // a record held for review
	Login          = "int_" // a program's login at the integration broker
	Session        = "ses_" // a person's login session
	Adopted        = "adp_" // an unmodified device that is a meter
	DevicePassword = "dpw_" // a password of unmodified devices
	Device         = "dev_" // a browser in which a person signs in with a PIN
	Own            = "own_" // a meter or a telephone that a person has recorded as their own
	Day            = "day_" // a closed day of the books
	Shift          = "shf_" // a person's use of a till between opening and closing it
	Import         = "imp_" // a file of meters or customers that was imported
	Swap           = "swp_" // a meter that took the place of another one
	Message        = "msg_" // a message to or from a telephone
	Provider       = "prv_" // a payment provider
	Call           = "pcl_" // what a payment provider sent
	Payment        = "pay_" // money that a payment provider took
	StatementFile  = "stf_" // a statement file of a payment provider
	Reconciliation = "rec_" // the comparison of one day of a payment provider
	Difference     = "dif_" // what does not agree in a reconciliation
	VoucherBatch   = "vbt_" // a number of vouchers of one value
	VoucherIssue   = "vci_" // an issue of the codes of vouchers
	PageLink       = "lnk_" // a link to a customer's page
	PaymentRequest = "prq_" // asks a customer to pay
	Webhook        = "whk_" // an address that gets events
	Event          = "evt_" // something that happened, for webhooks
	Delivery       = "dlv_" // an event for one webhook
	PaperText      = "ppt_" // what papers say about somebody since a moment
)

// ErrMalformed means that a text is not an id of the wanted kind.
var ErrMalformed = errors.New("malformed identity")

// New makes an id for the moment now from 10 bytes of rnd.
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

// Series makes ids that sort in the order in which they were made, also within a millisecond. The first twelve of their random bits are a
// counter (RFC 9562 §6.2, method 1). A database that keeps its rows in this order adds new ones at the end of a page instead of between
// others. The zero Series is ready; it belongs to one goroutine.
type Series struct{ last ID }

// maxCount is the highest twelve-bit number. A series begins each millisecond with a number in the lower half.
const maxCount = 1<<12 - 1

// New makes the next id for the moment now from 10 bytes of rnd. After some 2,000 ids in one millisecond, or if the clock
// goes back, the order starts again.
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

// FromBytes reads 16 stored bytes; a slice of another length gives the zero ID.
func FromBytes(b []byte) ID {
	var i ID
	if len(b) == len(i) {
		copy(i[:], b)
	}
	return i
}

// First returns the lowest possible id of a moment or later. It is never the zero ID, even for the earliest moment.
func First(at time.Time) (i ID) {
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(max(at.UnixMilli(), 1)))
	copy(i[:6], ms[2:])
	return i
}

// IsZero reports whether i is the zero ID.
func (i ID) IsZero() bool { return i == ID{} }

// Time returns when the id was made, to the millisecond.
func (i ID) Time() time.Time {
	var ms [8]byte
	copy(ms[2:], i[:6])
	return time.UnixMilli(int64(binary.BigEndian.Uint64(ms[:]))).UTC()
}

// alphabet is Crockford's alphabet for base32. It has no i, l, o and u, and texts sort as their bytes do.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// textSize is the number of base32 characters that 16 bytes take.
const textSize = 26

// Text returns the id as its prefix and 26 base32 characters. It encodes by hand, because a sale writes a dozen ids and
// setting up an encoding takes longer than writing an id.
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
