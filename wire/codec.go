package wire

import (
	"encoding/json"
	"errors"
	"reflect"

	"github.com/fxamacker/cbor/v2"
)

// Limits inside a payload.
const (
	// maxDepth is the greatest depth to which lists and maps may be nested, including the payload's own array.
	maxDepth = 8
	// maxElements is the largest number of entries in one list or map; an array of records is also limited to
	// MaxRecords.
	maxElements = 128
	// maxText is the longest text of a field in bytes.
	maxText = 256
)

var (
	errEmpty  = errors.New("payload is empty")
	errFormat = errors.New("payload begins as neither JSON nor CBOR")
	errLarge  = errors.New("payload is larger than 16 KiB")
)

// formatOf tells JSON from CBOR by the first byte. A JSON record or list begins with blanks, { or [; a CBOR map or
// array begins with a byte from 0x80 to 0xBF.
func formatOf(payload []byte) (Format, error) {
	if len(payload) == 0 {
		return 0, errEmpty
	}
	switch c := payload[0]; {
	case c == '{', c == '[', c == ' ', c == '\t', c == '\r', c == '\n':
		return JSON, nil
	case c >= 0x80 && c <= 0xBF:
		return CBOR, nil
	}
	return 0, errFormat
}

// marshal writes a value in the chosen format; both formats use the json tags.
func marshal(f Format, v any) ([]byte, error) {
	if f == CBOR {
		return encMode().Marshal(v)
	}
	return json.Marshal(v)
}

// unmarshal reads one value from a whole payload, in the format its first byte shows.
func unmarshal(payload []byte, v any) error {
	if len(payload) > MaxPayload {
		return errLarge
	}
	f, err := formatOf(payload)
	if err != nil {
		return err
	}
	if f == CBOR {
		return decMode().Unmarshal(payload, v)
	}
	return json.Unmarshal(payload, v)
}

// decMode reads CBOR strictly: bounded depth and counts, definite lengths, no tags, no duplicate keys, no NaN.
func decMode() cbor.DecMode {
	mode, err := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		MaxNestedLevels:   maxDepth,
		MaxArrayElements:  maxElements,
		MaxMapPairs:       maxElements,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		IntDec:            cbor.IntDecConvertSignedOrFail,
		DefaultMapType:    reflect.TypeFor[map[string]any](),
		FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
		NaN:               cbor.NaNDecodeForbidden,
		Inf:               cbor.InfDecodeForbidden,
	}.DecMode()
	if err != nil {
		panic(err) // only wrong options of our own can bring this about
	}
	return mode
}

// numberMode reads any single number.
func numberMode() cbor.DecMode {
	mode, err := cbor.DecOptions{
		BigIntDec: cbor.BigIntDecodePointer,
		NaN:       cbor.NaNDecodeForbidden,
		Inf:       cbor.InfDecodeForbidden,
	}.DecMode()
	if err != nil {
		panic(err) // only wrong options of our own can bring this about
	}
	return mode
}

// encMode writes CBOR deterministically (RFC 8949, section 4.2.1), so that the same body always has the same signature.
func encMode() cbor.EncMode {
	mode, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic(err) // only wrong options of our own can bring this about
	}
	return mode
}
