package journal

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"github.com/paywatt/paywatt/meter"
)

// The kinds of parts a memory has.
const (
	KindSnapshot = "snapshot"
	KindConfig   = "config"
	KindKeys     = "keys"
	KindRecord   = "record"
)

// Part describes one part of a memory for people: what it is, whether it is valid, and its fields.
type Part struct {
	// Kind is one of the kinds above; Offset and Size locate the part.
	Kind         string
	Offset, Size int
	// Blank means that this part was never written. Problem says why the part is invalid, "" if it is valid.
	Blank   bool
	Problem string
	// Version and Generation come from the header; for a log record they are its version and the generation it names.
	Version    uint16
	Generation uint32
	// Fields are all fields of the body.
	Fields []Value
}

// Value is a field with its value; secrets are masked.
type Value struct {
	Field
	Shown string
}

// Inspect explains a whole memory, part by part. It accepts any bytes and judges each part alone; [Open] judges them
// together.
func Inspect(image []byte) []Part {
	var parts []Part
	for _, p := range [...]struct {
		place
		kind string
	}{{snapshots(), KindSnapshot}, {configs(), KindConfig}, {keyring(), KindKeys}} {
		for i := range 2 {
			at := p.at + i*p.size
			part := inspect(p.kind, cutOut(image, at, p.size))
			part.Offset = at
			parts = append(parts, part)
		}
	}
	for i := range LogRecords {
		at := logAt + i*entrySize
		part := inspect(KindRecord, cutOut(image, at, entrySize))
		part.Offset = at
		parts = append(parts, part)
	}
	return parts
}

// cutOut returns a part of an image, with zeros beyond its end.
func cutOut(image []byte, at, size int) []byte {
	b := make([]byte, size)
	if at < len(image) {
		copy(b, image[at:])
	}
	return b
}

// inspect explains one part.
func inspect(kind string, b []byte) Part {
	part := Part{Kind: kind, Size: len(b), Blank: blank(b)}
	if part.Blank {
		return part
	}
	body, newest := b, uint16(recordVersion)
	if kind == KindRecord {
		part.Version, part.Generation = uint16(b[4]), binary.LittleEndian.Uint32(b[36:])
		if !wholeEntry(b) {
			part.Problem = "bad CRC: it has not happened"
			return part
		}
	} else {
		p := placeOf(kind)
		h, ok := readHead(b, p.mark)
		if !ok {
			part.Problem = "no mark, bad length or bad CRC"
			return part
		}
		body, newest = b[headSize:h.length], p.version
		part.Version, part.Generation = h.version, h.generation
	}
	if part.Version == 0 || part.Version > newest {
		part.Problem = "version " + strconv.Itoa(int(part.Version)) + " is not known"
		return part
	}
	for _, f := range layoutOf(kind, part.Version, body) {
		if f.Offset+f.Size > len(body) {
			part.Problem = "shorter than its fields"
			return part
		}
		part.Fields = append(part.Fields, Value{f, f.value(body[f.Offset:][:f.Size])})
	}
	part.Problem = sense(kind, part.Version, body)
	return part
}

func placeOf(kind string) place {
	switch kind {
	case KindConfig:
		return configs()
	case KindKeys:
		return keyring()
	}
	return snapshots()
}

// value formats the value of a field.
func (f Field) value(b []byte) string {
	switch {
	case f.Secret:
		return "(secret)"
	case f.Text:
		return string(bytes.TrimRight(b, "\x00"))
	}
	return f.plain(b)
}

// plain formats a number, or the bytes of a field that is not a number.
func (f Field) plain(b []byte) string {
	if f.Text || len(b) > 8 {
		return hex.EncodeToString(b)
	}
	var wide [8]byte
	copy(wide[:], b)
	n := binary.LittleEndian.Uint64(wide[:])
	if f.Signed {
		shift := 64 - 8*len(b)
		return strconv.FormatInt(int64(n<<shift)>>shift, 10)
	}
	return strconv.FormatUint(n, 10)
}

// layoutOf returns the field table of a body of a version. The table of a log record depends on the kind of the
// record, which the body holds.
func layoutOf(kind string, version uint16, body []byte) []Field {
	c := cursor{b: bytes.Clone(body), list: true}
	readBody(&c, kind, version)
	return c.fields
}

// readBody reads a body of any kind.
func readBody(c *cursor, kind string, version uint16) (sound bool) {
	switch kind {
	case KindConfig:
		cfg := meter.DefaultConfig()
		configBody(c, &cfg, version)
		return cfg.Sound()
	case KindKeys:
		var k keys
		k.body(c, version)
		_, err := k.value()
		return err == nil
	case KindRecord:
		e := entry{}
		e.body(c)
		return e.Sound()
	}
	var s snapshot
	s.body(c, version)
	return s.sound()
}

// sense returns what is wrong with the values of a body, "" if they are valid.
func sense(kind string, version uint16, body []byte) string {
	c := cursor{b: bytes.Clone(body)}
	if !readBody(&c, kind, version) {
		return "its values cannot be those of a meter"
	}
	return ""
}

// Vector is a public test vector: a part of a memory as bytes, and the same as fields. Fields that are 0 or empty may
// be missing. Bad means that an implementation must reject the bytes.
type Vector struct {
	Name    string            `json:"name"`
	Kind    string            `json:"kind"`
	Version uint16            `json:"version"`
	Hex     string            `json:"hex"`
	Bad     bool              `json:"bad,omitempty"`
	Fields  map[string]string `json:"fields,omitempty"`
}

// ErrVector is wrapped by the errors of Check.
var ErrVector = errors.New("vector does not hold")

// Check compares a vector with this package. If the vector is bad, this package must reject its bytes. Otherwise this
// package must read from the bytes the vector's version and exactly the vector's fields.
func (v Vector) Check() error {
	b, err := hex.DecodeString(v.Hex)
	if err != nil {
		return fmt.Errorf("%w: hex: %w", ErrVector, err)
	}
	size := entrySize
	if v.Kind != KindRecord {
		size = placeOf(v.Kind).size
	}
	if len(b) > size {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrVector, len(b), size)
	}
	b = cutOut(b, 0, size)
	part := inspect(v.Kind, b)
	switch {
	case v.Bad && part.Problem == "":
		return fmt.Errorf("%w: the bytes are believed", ErrVector)
	case v.Bad:
		return nil
	case part.Blank:
		return fmt.Errorf("%w: the bytes are blank", ErrVector)
	case part.Problem != "":
		return fmt.Errorf("%w: %s", ErrVector, part.Problem)
	case part.Version != v.Version:
		return fmt.Errorf("%w: version %d, want %d", ErrVector, part.Version, v.Version)
	}
	return v.compare(part, b)
}

// compare compares the fields of a part.
func (v Vector) compare(part Part, b []byte) error {
	known := map[string]bool{}
	at := headSize
	if v.Kind == KindRecord {
		at = 0
	}
	for _, f := range part.Fields {
		known[f.Name] = true
		stands := b[at+f.Offset:][:f.Size]
		got, want := f.plain(stands), v.Fields[f.Name]
		if f.Text {
			got = string(bytes.TrimRight(stands, "\x00"))
		} else if want == "" {
			want = f.plain(make([]byte, f.Size))
		}
		if got != want {
			return fmt.Errorf("%w: %s is %q, want %q", ErrVector, f.Name, got, want)
		}
	}
	for name := range v.Fields {
		if !known[name] {
			return fmt.Errorf("%w: there is no field %q", ErrVector, name)
		}
	}
	return nil
}

// NewVector makes the vector of a part of a memory. It includes the keys, so use it only with public test keys.
func NewVector(name, kind string, b []byte) Vector {
	part := inspect(kind, b)
	v := Vector{Name: name, Kind: kind, Version: part.Version, Bad: part.Problem != "", Fields: map[string]string{}}
	at := headSize
	if kind == KindRecord {
		at = 0
	}
	end := len(b)
	if kind != KindRecord && !v.Bad {
		end = int(binary.LittleEndian.Uint16(b[6:]))
	}
	v.Hex = hex.EncodeToString(b[:end])
	for _, f := range part.Fields {
		stands := b[at+f.Offset:][:f.Size]
		plain := f.plain(stands)
		if f.Text {
			plain = string(bytes.TrimRight(stands, "\x00"))
		}
		if plain != f.plain(make([]byte, f.Size)) && plain != "" {
			v.Fields[f.Name] = plain
		}
	}
	return v
}
