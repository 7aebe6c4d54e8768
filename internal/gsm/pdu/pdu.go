// Package pdu reads and writes short messages as GSM modems exchange them in PDU mode: SUBMIT (from a phone to the service centre), DELIVER
// (from the service centre to a phone) and STATUS-REPORT (the outcome of a SUBMIT). It reads and writes each kind, because Paywatt is on
// both sides. The modems of the utility and of the meter read DELIVERs, and the emulated network writes them.
//
// Start with Compose, which turns a text into the bodies of the messages that it needs, and with Assembler, which joins parts
// that arrived in any order. A frame is what a modem shows in hexadecimal: the service centre's address followed by the message
// itself (TPDU). SplitFrame and JoinFrame split and build it.
//
// The codec is pure and lossless: a decoded message encodes to an equal message. It follows 3GPP TS 23.040 (messages) and TS
// 23.038 (alphabets). It does not support national language tables and compression.
package pdu

import (
	"errors"
	"fmt"
	"strings"
)

// Sizes of user data and address fields (TS 23.040 §9.2.3.24, §9.1.2.5).
const (
	MaxOctets  = 140 // octets of user data in one message, header included
	MaxSeptets = 160 // septets of user data in one message, header included
	MaxDigits  = 20  // digits in an address
	// MaxFrame bounds a frame: service centre 12, the longest fixed part of a message 36, user data 140, rounded up.
	MaxFrame = 200
)

// Errors of the codec. Callers need to distinguish only damaged input and a message that cannot be written; the wrapping text
// says where the fault is.
var (
	// ErrShort means that the input ends inside a field.
	ErrShort = errors.New("message ends inside a field")
	// ErrMalformed means that a field has a value that the standard does not allow.
	ErrMalformed = errors.New("malformed field")
	// ErrTooLong means that a value does not fit its field.
	ErrTooLong = errors.New("value does not fit its field")
)

// Type is the kind of a message (TP-MTI), seen from the side that reads it.
type Type uint8

// The kinds of message. A DELIVER and a SUBMIT differ only by direction, which the reader must know.
const (
	TypeDeliver Type = 0
	TypeSubmit  Type = 1
	TypeReport  Type = 2
)

// TypeOf reads the kind of a message from its first octet; 3 is reserved and reads as DELIVER (TS 23.040 §9.2.3.1).
func TypeOf(tpdu []byte) (Type, error) {
	if len(tpdu) == 0 {
		return 0, ErrShort
	}
	if t := Type(tpdu[0] & 3); t != 3 {
		return t, nil
	}
	return TypeDeliver, nil
}

// Bits of the first octet.
const (
	bitMore       = 0x04 // DELIVER and STATUS-REPORT: 1 = no more messages are waiting
	bitDuplicates = 0x04 // SUBMIT: 1 = reject duplicates
	bitReport     = 0x20 // SUBMIT: report requested; DELIVER: report wanted by the sender; STATUS-REPORT: answers a COMMAND
	bitHeader     = 0x40
	bitReplyPath  = 0x80
	maskValidity  = 0x18
)

// Submit is a message on its way from a phone to the service centre.
type Submit struct {
	RejectDuplicates bool
	ReplyPath        bool
	Report           bool  // ask for a delivery report
	Reference        uint8 // TP-MR; 0 = the modem fills it in
	To               Address
	PID              uint8
	Validity         Validity
	Body             Body
}

// Deliver is a message on its way from the service centre to a phone.
type Deliver struct {
	More      bool // more messages are waiting at the service centre
	ReplyPath bool
	Report    bool // the sender asked for a report
	From      Address
	PID       uint8
	At        Stamp // when the service centre took the message
	Body      Body
}

// StatusReport is the outcome of a submitted message.
type StatusReport struct {
	More      bool
	Command   bool  // the report answers a COMMAND, not a SUBMIT
	Reference uint8 // the reference that the modem returned for the message
	To        Address
	At        Stamp // when the service centre took the message
	Done      Stamp // when the message reached the state
	Status    Status
}

// Status is the state of a submitted message (TP-ST).
type Status uint8

// States that Paywatt itself writes; other values are stored as received.
const (
	StatusDelivered     Status = 0x00
	StatusTrying        Status = 0x20
	StatusNotObtainable Status = 0x43
	StatusExpired       Status = 0x46
)

// Delivered reports whether the recipient has the message; "forwarded" (01) and "replaced" (02) count too.
func (s Status) Delivered() bool { return s < 0x20 }

// Trying reports whether the service centre is still trying; another report will follow.
func (s Status) Trying() bool { return s >= 0x20 && s < 0x40 }

// Failed reports whether the service centre has given the message up.
func (s Status) Failed() bool { return s >= 0x40 }

// String returns the state in words.
func (s Status) String() string {
	switch {
	case s.Delivered():
		return "delivered"
	case s.Trying():
		return "trying"
	default:
		return fmt.Sprintf("failed (%02X)", uint8(s))
	}
}

// reader reads fields from the front of a message.
type reader struct {
	b   []byte
	err error
}

func (r *reader) octet() byte {
	b := r.take(1)
	if b == nil {
		return 0
	}
	return b[0]
}

// take returns the next n octets, or nil with err set.
func (r *reader) take(n int) []byte {
	if r.err != nil {
		return nil
	}
	if n > len(r.b) {
		r.err = ErrShort
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) stamp() Stamp {
	var s Stamp
	copy(s[:], r.take(len(s)))
	return s
}

// Encode writes the TPDU.
func (s Submit) Encode() ([]byte, error) {
	first := byte(TypeSubmit) | s.Validity.format()<<3
	first |= flag(s.RejectDuplicates, bitDuplicates) | flag(s.Report, bitReport) | flag(s.ReplyPath, bitReplyPath)
	first |= flag(len(s.Body.Header) > 0, bitHeader)
	out, err := appendAddress([]byte{first, s.Reference}, s.To)
	if err != nil {
		return nil, fmt.Errorf("encode submit to a number: %w", err)
	}
	out = append(out, s.PID, byte(s.Body.DCS))
	if out, err = s.Validity.appendTo(out); err != nil {
		return nil, fmt.Errorf("encode submit: validity: %w", err)
	}
	if out, err = s.Body.appendTo(out); err != nil {
		return nil, fmt.Errorf("encode submit: %w", err)
	}
	return out, nil
}

// DecodeSubmit reads a SUBMIT. Octets after its end are ignored, as the standard requires.
func DecodeSubmit(tpdu []byte) (Submit, error) {
	r := &reader{b: tpdu}
	first := r.octet()
	if r.err == nil && Type(first&3) != TypeSubmit {
		return Submit{}, fmt.Errorf("decode submit: first octet %02X: %w", first, ErrMalformed)
	}
	s := Submit{RejectDuplicates: first&bitDuplicates != 0, Report: first&bitReport != 0, ReplyPath: first&bitReplyPath != 0}
	s.Reference = r.octet()
	s.To = r.address()
	s.PID = r.octet()
	s.Body.DCS = DCS(r.octet())
	s.Validity = r.validity(first & maskValidity >> 3)
	r.body(&s.Body, first&bitHeader != 0)
	if r.err != nil {
		return Submit{}, fmt.Errorf("decode submit: %w", r.err)
	}
	return s, nil
}

// Encode writes the TPDU.
func (d Deliver) Encode() ([]byte, error) {
	first := byte(TypeDeliver) | flag(!d.More, bitMore) | flag(d.Report, bitReport) | flag(d.ReplyPath, bitReplyPath)
	first |= flag(len(d.Body.Header) > 0, bitHeader)
	out, err := appendAddress([]byte{first}, d.From)
	if err != nil {
		return nil, fmt.Errorf("encode deliver from a number: %w", err)
	}
	out = append(out, d.PID, byte(d.Body.DCS))
	out = append(out, d.At[:]...)
	if out, err = d.Body.appendTo(out); err != nil {
		return nil, fmt.Errorf("encode deliver: %w", err)
	}
	return out, nil
}

// DecodeDeliver reads a DELIVER. Octets after its end are ignored.
func DecodeDeliver(tpdu []byte) (Deliver, error) {
	r := &reader{b: tpdu}
	first := r.octet()
	if t := Type(first & 3); r.err == nil && t != TypeDeliver && t != 3 {
		return Deliver{}, fmt.Errorf("decode deliver: first octet %02X: %w", first, ErrMalformed)
	}
	d := Deliver{More: first&bitMore == 0, Report: first&bitReport != 0, ReplyPath: first&bitReplyPath != 0}
	d.From = r.address()
	d.PID = r.octet()
	d.Body.DCS = DCS(r.octet())
	d.At = r.stamp()
	r.body(&d.Body, first&bitHeader != 0)
	if r.err != nil {
		return Deliver{}, fmt.Errorf("decode deliver: %w", r.err)
	}
	return d, nil
}

// Encode writes the TPDU.
func (s StatusReport) Encode() ([]byte, error) {
	first := byte(TypeReport) | flag(!s.More, bitMore) | flag(s.Command, bitReport)
	out, err := appendAddress([]byte{first, s.Reference}, s.To)
	if err != nil {
		return nil, fmt.Errorf("encode status report of a number: %w", err)
	}
	out = append(out, s.At[:]...)
	out = append(out, s.Done[:]...)
	return append(out, byte(s.Status)), nil
}

// DecodeStatusReport reads a STATUS-REPORT. The optional fields after the state are ignored.
func DecodeStatusReport(tpdu []byte) (StatusReport, error) {
	r := &reader{b: tpdu}
	first := r.octet()
	if r.err == nil && Type(first&3) != TypeReport {
		return StatusReport{}, fmt.Errorf("decode status report: first octet %02X: %w", first, ErrMalformed)
	}
	s := StatusReport{More: first&bitMore == 0, Command: first&bitReport != 0}
	s.Reference = r.octet()
	s.To = r.address()
	s.At = r.stamp()
	s.Done = r.stamp()
	s.Status = Status(r.octet())
	if r.err != nil {
		return StatusReport{}, fmt.Errorf("decode status report: %w", r.err)
	}
	return s, nil
}

// SplitFrame splits the service centre's address from a frame; the zero Address means the one stored in the SIM.
func SplitFrame(frame []byte) (centre Address, tpdu []byte, err error) {
	r := &reader{b: frame}
	field := r.take(int(r.octet()))
	if r.err != nil {
		return Address{}, nil, fmt.Errorf("split frame: %w", r.err)
	}
	if len(field) > 1+MaxDigits/2 {
		return Address{}, nil, fmt.Errorf("split frame: service centre of %d octets: %w", len(field), ErrMalformed)
	}
	if len(field) > 0 {
		// The length of this field counts octets, so it includes the filler. After an odd number of digits, addressOf stops at
		// the filler. After a name of seven characters, the filler reads as an "@". No centre's name ends in "@".
		centre = addressOf(field[0], field[1:], 2*(len(field)-1))
		if centre.Type == Alphanumeric {
			centre.Text = strings.TrimRight(centre.Text, "@")
		}
	}
	return centre, r.b, nil
}

// JoinFrame puts the service centre's address before a message; the zero Address writes 00, "use the stored one".
func JoinFrame(centre Address, tpdu []byte) ([]byte, error) {
	if centre.Text == "" {
		return append([]byte{0}, tpdu...), nil
	}
	field, err := appendAddress(nil, centre)
	if err != nil {
		return nil, fmt.Errorf("join frame: %w", err)
	}
	field[0] = byte(len(field) - 1)
	return append(field, tpdu...), nil
}

func flag(on bool, bit byte) byte {
	if on {
		return bit
	}
	return 0
}
