package pdu

import (
	"fmt"
	"time"
)

// Stamp is the time of a message on the wire: seven octets of swapped digits, and the last octet gives the zone in quarter hours. A stamp
// is not decoded on arrival, because some services write impossible times, and because its octets help to identify a message.
type Stamp [7]byte

// Years that two digits can mean (the usual window; TS 23.040 leaves it open).
const (
	firstYear = 1990
	lastYear  = firstYear + 99
)

// StampOf writes a time. It writes the zone if it is a whole number of quarter hours, else it writes the time in UTC.
func StampOf(t time.Time) (Stamp, error) {
	_, offset := t.Zone()
	const quarter, most = 15 * 60, 79 // the most quarter hours that two digits with a sign can hold
	if offset%quarter != 0 || offset/quarter > most || offset/quarter < -most {
		t, offset = t.UTC(), 0
	}
	if y := t.Year(); y < firstYear || y > lastYear {
		return Stamp{}, fmt.Errorf("stamp of year %d: %w", y, ErrTooLong)
	}
	quarters, sign := offset/quarter, byte(0)
	if quarters < 0 {
		quarters, sign = -quarters, 0x08
	}
	return Stamp{swapped(t.Year() % 100), swapped(int(t.Month())), swapped(t.Day()), swapped(t.Hour()),
		swapped(t.Minute()), swapped(t.Second()), swapped(quarters) | sign}, nil
}

// Time reads the time in its zone; false if the octets are not a time.
func (s Stamp) Time() (time.Time, bool) {
	var n [6]int
	for i := range n {
		v, ok := unswapped(s[i])
		if !ok {
			return time.Time{}, false
		}
		n[i] = v
	}
	quarters, ok := unswapped(s[6] &^ 0x08)
	if !ok {
		return time.Time{}, false
	}
	if s[6]&0x08 != 0 {
		quarters = -quarters
	}
	year := 2000 + n[0]
	if year > lastYear {
		year -= 100
	}
	t := time.Date(year, time.Month(n[1]), n[2], n[3], n[4], n[5], 0, time.FixedZone("", quarters*15*60))
	if int(t.Month()) != n[1] || t.Day() != n[2] || t.Hour() != n[3] || t.Minute() != n[4] || t.Second() != n[5] {
		return time.Time{}, false
	}
	return t, true
}

// swapped writes two digits, the first one in the low half.
func swapped(n int) byte { return byte(n%10<<4 | n/10) }

func unswapped(b byte) (int, bool) {
	tens, ones := int(b&15), int(b>>4)
	return 10*tens + ones, tens < 10 && ones < 10
}

// Validity is the time for which the service centre may try; the zero value leaves it to the service centre.
type Validity struct {
	Format   ValidityFormat
	Relative uint8 // Format Relative
	Octets   Stamp // Format Absolute: a time; Format Enhanced: the seven octets as received
}

// ValidityFormat says how a validity is written (TP-VPF).
type ValidityFormat uint8

// The formats of validity.
const (
	NoValidity ValidityFormat = 0
	Enhanced   ValidityFormat = 1
	Relative   ValidityFormat = 2
	Absolute   ValidityFormat = 3
)

// Steps of the relative format.
const (
	day  = 24 * time.Hour
	week = 7 * day
)

// ValidFor is the shortest relative validity that lasts at least d; more than 63 weeks become 63 weeks.
func ValidFor(d time.Duration) Validity {
	for v := 0; v < 255; v++ {
		if relativeDuration(uint8(v)) >= d {
			return Validity{Format: Relative, Relative: uint8(v)}
		}
	}
	return Validity{Format: Relative, Relative: 255}
}

// relativeDuration is the duration of a relative validity (TS 23.040 §9.2.3.12.1).
func relativeDuration(v uint8) time.Duration {
	n := time.Duration(v)
	switch {
	case v <= 143:
		return (n + 1) * 5 * time.Minute
	case v <= 167:
		return 12*time.Hour + (n-143)*30*time.Minute
	case v <= 196:
		return (n - 166) * day
	default:
		return (n - 192) * week
	}
}

// Until is the end of the validity of a message that the service centre takes now; false if the message has no validity.
func (v Validity) Until(now time.Time) (time.Time, bool) {
	switch v.Format {
	case Relative:
		return now.Add(relativeDuration(v.Relative)), true
	case Absolute:
		return v.Octets.Time()
	default:
		return time.Time{}, false
	}
}

func (v Validity) format() byte { return byte(v.Format & 3) }

func (v Validity) appendTo(out []byte) ([]byte, error) {
	switch v.Format {
	case NoValidity:
		return out, nil
	case Relative:
		return append(out, v.Relative), nil
	case Absolute, Enhanced:
		return append(out, v.Octets[:]...), nil
	default:
		return nil, fmt.Errorf("format %d: %w", v.Format, ErrMalformed)
	}
}

func (r *reader) validity(format byte) Validity {
	v := Validity{Format: ValidityFormat(format)}
	switch v.Format {
	case Relative:
		v.Relative = r.octet()
	case Absolute, Enhanced:
		v.Octets = r.stamp()
	}
	return v
}
