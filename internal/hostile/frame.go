package hostile

import (
	"bytes"
	"encoding/hex"
	"strings"
)

// manyFrames is how many frames a flood has. A modem delivers about one in a second.
const manyFrames = 10_000

// frames are hostile frames of a GSM modem, one a line. A flood of one sender is a file of many frames.
func frames() []File {
	s := &fileList{kind: PDU}
	flood := func(quick bool, name string, make func(n int) []byte) {
		build := func() []byte {
			var b bytes.Buffer
			for n := range manyFrames {
				b.WriteString(hex.EncodeToString(make(n)))
				b.WriteByte('\n')
			}
			return b.Bytes()
		}
		if quick {
			s.quick(name, build)
		} else {
			s.add(name, build)
		}
	}
	flood(true, "parts of messages that never end", func(n int) []byte { return deliver(byte(n), 0x40, 0, concat(byte(n>>8), 255, byte(n%255)+1, 140)) })
	flood(false, "parts of messages of many senders", func(n int) []byte { return deliver(byte(n), 0x40, 0, concat(1, 255, 1, 140)) })
	flood(false, "parts with references of 16 bits", func(n int) []byte {
		return deliver(1, 0x40, 4, append([]byte{6, 8, 4, byte(n >> 8), byte(n), 255, 1}, bytes.Repeat([]byte{0xff}, 133)...))
	})
	flood(true, "parts that contradict one another", func(n int) []byte { return deliver(1, 0x40, 4, append(concat(7, 255, 1, 0), byte(n), byte(n>>8))) })
	flood(false, "parts that repeat", func(int) []byte { return deliver(1, 0x40, 0, concat(7, 255, 9, 140)) })
	flood(false, "last parts alone", func(n int) []byte { return deliver(1, 0x40, 8, concat(byte(n), 255, 255, 139)) })
	flood(false, "parts of alphabets that change", func(n int) []byte { return deliver(1, 0x40, byte(n%3*4), concat(byte(n>>7), 255, byte(n%255)+1, 139)) })
	flood(false, "parts without a number", func(int) []byte { return deliver(1, 0x40, 0, concat(7, 0, 0, 140)) })
	flood(false, "headers of many elements", func(int) []byte {
		return deliver(1, 0x40, 4, append([]byte{138}, bytes.Repeat([]byte{0x70, 0}, 69)...))
	})
	flood(false, "headers of many part numbers", func(n int) []byte {
		return deliver(1, 0x40, 4, append([]byte{135}, bytes.Repeat([]byte{0, 3, byte(n), 255, 1}, 27)...))
	})
	flood(false, "headers beyond their message", func(int) []byte { return deliver(1, 0x40, 0, []byte{255, 0, 3, 1, 2, 1}) })
	flood(false, "headers of elements beyond them", func(int) []byte { return deliver(1, 0x40, 4, []byte{3, 0, 255, 1}) })
	flood(false, "headers of the whole message", func(int) []byte { return deliver(1, 0x40, 0, append([]byte{139}, make([]byte, 139)...)) })
	flood(false, "lengths of 255", func(n int) []byte { f := deliver(byte(n), 0, 0, make([]byte, 140)); f[len(f)-141] = 255; return f })
	flood(false, "lengths beyond the frame", func(int) []byte { f := deliver(1, 0, 4, []byte{1}); f[len(f)-2] = 140; return f })
	flood(false, "addresses of 255 digits", func(int) []byte { return append([]byte{0, 4, 255, 0x91}, make([]byte, 200)...) })
	flood(false, "service centres of 255 octets", func(int) []byte { return append([]byte{255}, make([]byte, 300)...) })
	flood(false, "names as addresses", func(int) []byte { return append([]byte{0, 4, 20, 0xd0}, bytes.Repeat([]byte{0xff}, 170)...) })
	flood(false, "escapes without letters", func(int) []byte {
		return deliver(1, 0, 0, bytes.Repeat([]byte{0x9b, 0xcd, 0x66, 0xb3, 0xd9, 0x6c, 0x36}, 20))
	})
	flood(false, "halves of letters", func(int) []byte { return deliver(1, 0, 8, bytes.Repeat([]byte{0xd8, 0}, 70)) })
	flood(false, "odd octets of UCS-2", func(int) []byte { return deliver(1, 0, 8, bytes.Repeat([]byte{0x30}, 139)) })
	flood(false, "stamps that are none", func(int) []byte {
		f := deliver(1, 0, 0, []byte{1})
		copy(f[len(f)-9:], bytes.Repeat([]byte{0xff}, 7))
		return f
	})
	flood(false, "reports of nothing", func(n int) []byte { return append([]byte{0, 6, byte(n), 10, 0x91}, bytes.Repeat([]byte{0xff}, 25)...) })
	flood(false, "reports that end early", func(n int) []byte { return []byte{0, 6, byte(n)} })
	flood(false, "empty frames", func(int) []byte { return []byte{0} })
	s.quick("one frame of 8 MB", func() []byte { return []byte(strings.Repeat("00", 4<<20)) })
	s.add("one frame of 8 MB of letters", func() []byte { return []byte(strings.Repeat("xy", 4<<20)) })
	s.add("one frame of 8 MB behind a message", func() []byte {
		return []byte(hex.EncodeToString(deliver(1, 0, 0, make([]byte, 100))) + strings.Repeat("ff", 4<<20))
	})
	s.add("lines of nothing", func() []byte { return []byte(strings.Repeat("\n", 1<<20)) })
	return s.all
}

// deliver writes a frame of a DELIVER from a number that ends with a digit of two. The length of its user data is that of octets, also for septets.
func deliver(from, bits, coding byte, data []byte) []byte {
	f := []byte{0, 0x04 | bits, 12, 0x91, 0x52, 0x74, 0x00, 0x00, 0x00, from, 0, coding, 0x62, 0x11, 0x02, 0x11, 0, 0, 0x21}
	length := len(data)
	if coding == 0 {
		length = len(data) * 8 / 7
	}
	return append(append(f, byte(length)), data...)
}

// concat writes the header of a part, and fills the user data to some octets.
func concat(reference, total, seq byte, octets int) []byte {
	out := []byte{5, 0, 3, reference, total, seq}
	return append(out, bytes.Repeat([]byte{0x41}, max(0, octets-len(out)))...)
}
