package smpp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Sizes of a unit of the protocol (SMPP 3.4 §3.2, §5.2).
const (
	headerSize = 16
	// MaxPDU is the longest unit that the client reads. The protocol sets no limit. Ten parts in one message_payload are 1,400 octets, so a
	// longer unit is damaged or malicious and ends the connection.
	MaxPDU      = 8 * 1024
	maxShort    = 254 // octets of short_message
	maxAddress  = 20
	maxSystemID = 15
	maxPassword = 8
	maxSystem   = 12 // system_type
	maxID       = 64 // message_id
	maxRange    = 40 // address_range
	maxTags     = 32 // optional parameters of one unit
)

// Errors of the codec.
var (
	// ErrLength means that a unit's length is impossible: the rest of the connection cannot be read.
	ErrLength = errors.New("PDU of impossible length")
	// ErrShort means that a unit ends inside a field.
	ErrShort = errors.New("PDU ends inside a field")
	// ErrMalformed means that a field has an impossible value.
	ErrMalformed = errors.New("malformed field")
)

// Command is the type of a unit; the highest bit marks an answer (SMPP 3.4 §5.1.2.1).
type Command uint32

// The commands that this client sends or understands.
const (
	GenericNack     Command = 0x80000000
	BindReceiver    Command = 0x00000001
	BindTransmitter Command = 0x00000002
	SubmitSM        Command = 0x00000004
	DeliverSM       Command = 0x00000005
	Unbind          Command = 0x00000006
	BindTransceiver Command = 0x00000009
	EnquireLink     Command = 0x00000015

	answerBit Command = 0x80000000
)

// Answer returns the command that answers c.
func (c Command) Answer() Command { return c | answerBit }

// IsAnswer reports whether a unit answers another one.
func (c Command) IsAnswer() bool { return c&answerBit != 0 }

// PDU is one unit of the protocol. Its body may hold the digits of a token, so this package never prints it.
type PDU struct {
	Command  Command
	Status   Status
	Sequence uint32
	Body     []byte
}

// String names the unit without its body.
func (p PDU) String() string {
	return fmt.Sprintf("unit %08X, status %s, sequence %d, %d octets", uint32(p.Command), p.Status, p.Sequence, len(p.Body))
}

// GoString is the same as String: %#v would print the body.
func (p PDU) GoString() string { return p.String() }

// Encode writes the unit.
func (p PDU) Encode() []byte {
	out := make([]byte, headerSize, headerSize+len(p.Body))
	binary.BigEndian.PutUint32(out[0:], uint32(headerSize+len(p.Body)))
	binary.BigEndian.PutUint32(out[4:], uint32(p.Command))
	binary.BigEndian.PutUint32(out[8:], uint32(p.Status))
	binary.BigEndian.PutUint32(out[12:], p.Sequence)
	return append(out, p.Body...)
}

// ReadPDU reads one unit. It checks the length before it allocates.
func ReadPDU(r io.Reader) (PDU, error) {
	var head [headerSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return PDU{}, fmt.Errorf("read PDU: %w", err)
	}
	n := binary.BigEndian.Uint32(head[0:])
	if n < headerSize || n > MaxPDU {
		return PDU{}, fmt.Errorf("read PDU of %d octets: %w", n, ErrLength)
	}
	p := PDU{Command: Command(binary.BigEndian.Uint32(head[4:])), Status: Status(binary.BigEndian.Uint32(head[8:])),
		Sequence: binary.BigEndian.Uint32(head[12:]), Body: make([]byte, n-headerSize)}
	if _, err := io.ReadFull(r, p.Body); err != nil {
		return PDU{}, fmt.Errorf("read body of %d octets: %w", len(p.Body), err)
	}
	return p, nil
}

// Bind identifies a client to the centre when it connects (SMPP 3.4 §4.1).
type Bind struct {
	SystemID, Password, SystemType string
	Version                        uint8
	TON, NPI                       uint8
	Range                          string // addresses that the client serves; empty leaves them to the centre
}

// Encode writes the body of a bind.
func (b Bind) Encode() ([]byte, error) {
	w := &writer{}
	w.text("system_id", b.SystemID, maxSystemID)
	w.text("password", b.Password, maxPassword)
	w.text("system_type", b.SystemType, maxSystem)
	w.octets(b.Version, b.TON, b.NPI)
	w.text("address_range", b.Range, maxRange)
	return w.b, w.err
}

// EncodeText writes a body of one text, as most answers have: for a bind the centre's name, for a submit the message_id.
func EncodeText(s string) []byte { return append([]byte(s), 0) }

// DecodeText reads a body of one text. A refusal may have no body.
func DecodeText(body []byte) (string, error) {
	if len(body) == 0 {
		return "", nil
	}
	r := &reader{b: body}
	s := r.text(maxID)
	if r.err != nil {
		return "", fmt.Errorf("decode answer: %w", r.err)
	}
	return s, nil
}

// writer builds a body; after an error it does nothing.
type writer struct {
	b   []byte
	err error
}

func (w *writer) octets(o ...byte) { w.b = append(w.b, o...) }

func (w *writer) text(field, s string, most int) {
	if w.err == nil && (len(s) > most || bytes.IndexByte([]byte(s), 0) >= 0) {
		w.err = fmt.Errorf("%s of %d octets, at most %d without a zero: %w", field, len(s), most, ErrMalformed)
	}
	w.b = append(append(w.b, s...), 0)
}

// reader reads a body field by field; after an error it returns zeros.
type reader struct {
	b   []byte
	err error
}

func (r *reader) take(n int) []byte {
	if r.err != nil || n > len(r.b) {
		if r.err == nil {
			r.err = ErrShort
		}
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) octet() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) word() uint16 {
	if b := r.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

// text reads octets up to a zero.
func (r *reader) text(most int) string {
	end := bytes.IndexByte(r.b, 0)
	switch {
	case r.err != nil:
		return ""
	case end < 0:
		r.err = ErrShort
		return ""
	case end > most:
		r.err = fmt.Errorf("text of %d octets, at most %d: %w", end, most, ErrMalformed)
		return ""
	}
	s := string(r.b[:end])
	r.b = r.b[end+1:]
	return s
}
