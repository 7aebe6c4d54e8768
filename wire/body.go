package wire

import (
	"fmt"
)

// SignedHeader begins every signed body.
type SignedHeader struct {
	// ID names the message. The meter's answers repeat it, and a repeated message changes nothing.
	ID string `json:"id"`
	// Counter rises with every signed message to a meter. The meter stores the highest counter that it has taken.
	Counter uint64 `json:"counter"`
	// ExpiresAt is the Unix second after which the meter no longer carries the message out.
	ExpiresAt int64 `json:"expires_at"`
}

// Command asks the meter to do something: connect, disconnect, clear_tamper, clear_credit, read, reset_demand,
// cancel_token and future types. A meter answers an unknown type with failed.
type Command struct {
	SignedHeader
	Type string `json:"type"`
	// Args belong to the type: text, int64, uint64, bool, or lists and maps of them.
	Args map[string]any `json:"args,omitempty"`
}

// Config is the whole configuration of a meter. The meter applies all of it, or refuses it and names the first bad key.
type Config struct {
	SignedHeader
	// Version rises with every change; the meter repeats Hash in its boot message.
	Version int64  `json:"version"`
	Hash    string `json:"hash"`
	// Config holds every key of the document.
	Config map[string]any `json:"config"`
}

// Lease allows an online meter to consume up to a register value. The higher Seq wins.
type Lease struct {
	SignedHeader
	Seq           uint64 `json:"seq"`
	MaxRegisterWh int64  `json:"max_register_wh"`
	// TTLs is the duration of the lease in seconds of powered-on time.
	TTLs int64 `json:"ttl_s"`
}

// Time sets the meter's clock.
type Time struct {
	SignedHeader
	// At is the time to set in Unix seconds.
	At int64 `json:"at"`
}

// Body is one of the four signed bodies.
type Body interface {
	Command | Config | Lease | Time
}

// EncodeBody writes a body as deterministic CBOR, ready for Sign.
func EncodeBody[B Body](b B) ([]byte, error) { return marshal(CBOR, b) }

// DecodeBody reads a body that Open has returned. Unknown keys are ignored; a missing id or counter is an error.
func DecodeBody[B Body](body []byte) (B, error) {
	var b, none B
	if len(body) > MaxPayload {
		return none, fmt.Errorf("%w: body larger than %d bytes", ErrDown, MaxPayload)
	}
	if err := decMode().Unmarshal(body, &b); err != nil {
		return none, fmt.Errorf("%w: body: %w", ErrDown, err)
	}
	o := orderOf(b)
	switch {
	case o.ID == "" || len(o.ID) > maxText:
		return none, fmt.Errorf("%w: body: id missing or too long", ErrDown)
	case o.Counter == 0 || o.Counter > MaxSeq:
		return none, fmt.Errorf("%w: body: counter %d out of range", ErrDown, o.Counter)
	}
	return b, nil
}

func orderOf(b any) SignedHeader {
	switch b := b.(type) {
	case Command:
		return b.SignedHeader
	case Config:
		return b.SignedHeader
	case Lease:
		return b.SignedHeader
	case Time:
		return b.SignedHeader
	}
	return SignedHeader{}
}
