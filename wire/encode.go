package wire

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// ErrEncode is wrapped by the errors of EncodeUp and JoinUp: these records cannot go into one payload.
var ErrEncode = errors.New("records do not make a payload")

// EncodeUp writes records of one kind, in order: a single record without a list, several records as a list. More than
// MaxRecords, more than MaxPayload bytes, mixed kinds and a record without its body are errors.
func EncodeUp(f Format, recs ...Record) ([]byte, error) {
	if len(recs) == 0 || len(recs) > MaxRecords {
		return nil, fmt.Errorf("%w: %d of them, want 1 to %d", ErrEncode, len(recs), MaxRecords)
	}
	bodies := make([]any, len(recs))
	for i, r := range recs {
		if r.Kind != recs[0].Kind {
			return nil, fmt.Errorf("%w: %s beside %s", ErrEncode, r.Kind, recs[0].Kind)
		}
		body, ok := r.body()
		if !ok {
			return nil, fmt.Errorf("%w: a %s without its body", ErrEncode, r.Kind)
		}
		bodies[i] = body
	}
	var v any = bodies
	if len(bodies) == 1 {
		v = bodies[0]
	}
	b, err := marshal(f, v)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", recs[0].Kind, err)
	}
	if len(b) > MaxPayload {
		return nil, fmt.Errorf("%w: %w", ErrEncode, errLarge)
	}
	return b, nil
}

// JoinUp makes one payload from records of one kind that were each encoded in this format. The limits are those of
// EncodeUp. A meter stores its records encoded and sends a backlog with JoinUp.
func JoinUp(f Format, encoded ...[]byte) ([]byte, error) {
	if len(encoded) == 0 || len(encoded) > MaxRecords {
		return nil, fmt.Errorf("%w: %d of them, want 1 to %d", ErrEncode, len(encoded), MaxRecords)
	}
	if len(encoded) == 1 {
		return encoded[0], nil
	}
	var b []byte
	var err error
	if f == CBOR {
		list := make([]cbor.RawMessage, len(encoded))
		for i, e := range encoded {
			list[i] = e
		}
		b, err = encMode().Marshal(list)
	} else {
		list := make([]json.RawMessage, len(encoded))
		for i, e := range encoded {
			list[i] = e
		}
		b, err = json.Marshal(list)
	}
	if err != nil {
		return nil, fmt.Errorf("join records: %w", err)
	}
	if len(b) > MaxPayload {
		return nil, fmt.Errorf("%w: %w", ErrEncode, errLarge)
	}
	return b, nil
}

// body returns the body that belongs to the kind; an empty list is written as an empty list, never as null.
func (r Record) body() (any, bool) {
	switch r.Kind {
	case KindBoot:
		if r.Boot != nil && r.Boot.Caps == nil {
			b := *r.Boot
			b.Caps = []string{}
			return &b, true
		}
		return r.Boot, r.Boot != nil
	case KindReading:
		if r.Reading != nil && r.Reading.Reasons == nil {
			b := *r.Reading
			b.Reasons = []string{}
			return &b, true
		}
		return r.Reading, r.Reading != nil
	case KindToken:
		return r.Token, r.Token != nil
	case KindCommand:
		return r.Command, r.Command != nil
	case KindEvent:
		return r.Event, r.Event != nil
	case KindClose:
		return r.Close, r.Close != nil
	}
	return nil, false
}
