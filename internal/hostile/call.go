package hostile

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Lists lists bodies of JSON of some bytes that have long lists of small values where a reader looks for a list of objects. Path names the fields
// that lead to the list, the last one too.
func Lists(size int, head string, path ...string) map[string][]byte {
	open, end := "{"+head, ""
	for i, name := range path {
		if i > 0 {
			open += "{"
		}
		open += `"` + name + `":`
		end += "}"
	}
	where := " at " + strings.Join(path, ".")
	return map[string][]byte{
		"empty objects" + where:          filled(open+"[", "{},", "{}]"+end, size),
		"nothing" + where:                filled(open+"[", "null,", "null]"+end, size),
		"zeros" + where:                  filled(open+"[", "0,", "0]"+end, size),
		"empty lists" + where:            filled(open+"[", "[],", "[]]"+end, size),
		"lists of empty objects" + where: filled(open+"[[", "{},", "{}]]"+end, size),
		"lists inside lists" + where:     nested(open, "[", "]", end, size),
		"objects inside objects" + where: nested(open, `{"a":`, "}", end, size)[:size],
		"a long number" + where:          filled(open, "9", end, size),
		"a long text" + where:            filled(open+`"`, "x", `"`+end, size),
		"a text of escapes" + where:      filled(open+`"`, `\u00e9`, `"`+end, size),
	}
}

// Query lists queries of an address of some bytes that are meant to cost much. Fixed are parameters that a reader needs.
func Query(size int, fixed string) map[string]string {
	fill := func(head, piece, tail string) string { return string(filled(fixed+head, piece, tail, size)) }
	return map[string]string{
		"parameters without a name": fill("", "&=", ""),
		"separators":                fill("", "&", ""),
		"parameters of their own":   string(numbered(fixed, "&a%[1]d=1", "", size)),
		"one name again and again":  fill("", "&text=1", ""),
		"semicolons":                fill("&text=", ";", ""),
		"escapes":                   fill("&coding=2&text=", "%d8%00", ""),
		"broken escapes":            fill("&text=", "%", ""),
		"one text":                  fill("&text=", "x", ""),
		"a header of elements":      fill("&coding=1&text=x&udh=", "%70%00", ""),
		"a header in hexadecimal":   fill("&coding=1&text=x&udh=", "7000", ""),
		"a part of 255":             fill("&coding=1&udh=%05%00%03%07%ff%01&text=", "x", ""),
		"long numbers":              fill("&from=", "9", ""),
	}
}

// Form lists bodies of a form of some bytes that are meant to cost much.
func Form(size int) map[string][]byte {
	out := map[string][]byte{}
	for name, text := range Query(size, "a=1") {
		out[name] = []byte(text)
	}
	return out
}

// Answers lists HTTP answers that are meant to cost much to whoever asks: what they send after the request. An answer may write for as long as
// the asker reads. Body is one of the forms of a body that the asker expects.
func Answers() map[string]http.HandlerFunc {
	endless := func(piece string) http.HandlerFunc {
		block := []byte(strings.Repeat(piece, 8192))
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for r.Context().Err() == nil {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		}
	}
	raw := func(write func(send func(string) bool)) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer c.Close()
			write(func(text string) bool { _, err := c.Write([]byte(text)); return err == nil })
		}
	}
	flood := func(head, piece string) http.HandlerFunc {
		block := strings.Repeat(piece, 1+(64<<10)/len(piece))
		return raw(func(send func(string) bool) {
			for ok := send(head); ok; ok = send(block) {
			}
		})
	}
	return map[string]http.HandlerFunc{
		"an endless list":        endless(`[`),
		"an endless text":        endless(`x`),
		"endless objects":        endless(`{"a":`),
		"a packed body of 1 GB":  packed("gzip", 1<<30),
		"a body packed twice":    packed("gzip, gzip", 64<<20),
		"an endless header":      flood("HTTP/1.1 200 OK\r\nX: ", "x"),
		"endless headers":        flood("HTTP/1.1 200 OK\r\n", "X-A: b\r\n"),
		"endless early answers":  flood("", "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"),
		"endless chunk sizes":    flood("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "0"),
		"chunks of one byte":     flood("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"),
		"endless chunk trailers": flood("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "X-A: b\r\n"),
		"a length of 2⁶² bytes": raw(func(send func(string) bool) {
			send("HTTP/1.1 200 OK\r\nContent-Length: 4611686018427387904\r\n\r\n[")
		}),
		"no answer": raw(func(func(string) bool) {}),
	}
}

// packed answers with so many zero bytes, packed.
func packed(encoding string, size int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", encoding)
		z := gzip.NewWriter(w)
		block := make([]byte, 1<<20)
		for range size >> 20 {
			if _, err := z.Write(block); err != nil {
				return
			}
		}
		_ = z.Close() // the asker may be gone
	}
}

// AnswerOf answers every request with a body.
func AnswerOf(body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body) // the asker may be gone
	}
}

// Unit is a unit of SMPP: a command and its body.
type Unit struct {
	Command uint32
	Body    []byte
}

// deliverCommand is deliver_sm.
const deliverCommand = 5

// Units lists floods of SMPP: the unit of each number, as a hostile centre sends them.
func Units(longest int) map[string]func(n int) Unit {
	// delivered writes a deliver_sm from one of 256 senders. Rest follows behind sm_default_msg_id: the text with its length, and options.
	delivered := func(from byte, class, coding byte, rest []byte) Unit {
		body := append([]byte{0, 1, 1}, fmt.Sprintf("2547110%05d\x00", from)...)
		body = append(body, "\x01\x0115555\x00"...)
		body = append(body, class, 0, 0, 0, 0, 0, 0, coding, 0)
		return Unit{deliverCommand, append(body, rest...)}
	}
	short := func(text []byte) []byte { return append([]byte{byte(len(text))}, text...) }
	option := func(tag, length int, value []byte) []byte {
		return append([]byte{byte(tag >> 8), byte(tag), byte(length >> 8), byte(length)}, value...)
	}
	payload := func(text []byte) []byte { return append([]byte{0}, option(0x0424, len(text), text)...) }
	room := longest - 120
	part := func(n, octets int) []byte { return concat(byte(n>>8), 255, byte(n%255)+1, octets) }
	return map[string]func(n int) Unit{
		"messages":                  func(n int) Unit { return delivered(byte(n), 0, 0, short(fmt.Appendf(nil, "BAL %d", n))) },
		"parts that never end":      func(n int) Unit { return delivered(byte(n), 0x40, 0, short(part(n, 140))) },
		"parts of one sender":       func(n int) Unit { return delivered(1, 0x40, 0, short(part(n, 140))) },
		"long parts that never end": func(n int) Unit { return delivered(byte(n/255), 0x40, 4, payload(part(n, room))) },
		"parts that contradict one another": func(n int) Unit {
			return delivered(1, 0x40, 4, short(append(concat(7, 255, 1, 0), byte(n), byte(n>>8))))
		},
		"parts with long options": func(n int) Unit {
			return delivered(byte(n/255), 0x40, 0, append(short(part(n, 140)), option(0x1400, room-200, make([]byte, room-200))...))
		},
		"parts by options": func(n int) Unit {
			rest := append([]byte{0}, option(0x020c, 2, []byte{byte(n >> 16), byte(n >> 8)})...)
			rest = append(rest, option(0x020e, 1, []byte{255})...)
			rest = append(rest, option(0x020f, 1, []byte{byte(n%255) + 1})...)
			return delivered(byte(n>>8), 0, 0, append(rest, option(0x0424, room-60, make([]byte, room-60))...))
		},
		"headers of many elements": func(int) Unit {
			return delivered(1, 0x40, 4, payload(append([]byte{254}, bytes.Repeat([]byte{0x70, 0}, (room-1)/2)...)))
		},
		"options that claim much": func(int) Unit { return delivered(1, 0, 0, append(short(nil), option(0x0424, 0xffff, nil)...)) },
		"thousands of empty options": func(int) Unit {
			return delivered(1, 0, 0, append(short(nil), bytes.Repeat(option(0x1400, 0, nil), room/4)...))
		},
		"receipts of nothing":           func(n int) Unit { return delivered(1, 4, 0, short(fmt.Appendf(nil, "id:%d stat:DELIVRD", n))) },
		"receipts with long words":      func(int) Unit { return delivered(1, 4, 0, payload(bytes.Repeat([]byte(" stat:x"), room/7))) },
		"answers that nobody asked for": func(int) Unit { return Unit{0x80000004, bytes.Repeat([]byte{'x'}, room)} },
		"commands that nobody knows":    func(n int) Unit { return Unit{uint32(n)&0xffff | 0x10000, make([]byte, room)} },
		"zero bytes":                    func(int) Unit { return Unit{deliverCommand, make([]byte, room)} },
	}
}

// Calls lists the parameters of a hook of Kannel, in which many calls bring parts.
func Calls(key string) map[string]func(n int) string {
	from := func(n int) string {
		return "key=" + key + "&to=15555&ts=2026-11-20+08%3a00%3a00&from=%2b2547110" + fmt.Sprintf("%05d", n%256)
	}
	text := url.QueryEscape(strings.Repeat("x", 4000))
	return map[string]func(n int) string{
		"parts that never end": func(n int) string {
			return from(n) + fmt.Sprintf("&udh=050003%02xff%02x&text=%d", byte(n>>8), n%255+1, n)
		},
		"long parts that never end": func(n int) string {
			return from(n/255) + fmt.Sprintf("&udh=050003%02xff%02x&text=", byte(n>>8), n%255+1) + text
		},
		"parts that repeat":                 func(int) string { return from(1) + "&udh=05000307ff01&text=x" },
		"parts that contradict one another": func(n int) string { return from(1) + fmt.Sprintf("&udh=05000307ff01&text=%d", n) },
	}
}
