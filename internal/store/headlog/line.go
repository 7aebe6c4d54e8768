package headlog

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/paywatt/paywatt/internal/access"
)

// line is one line of the file: a head, a hand-over of the seal key, or a note that the heads before it were lost.
type line struct {
	Tenant access.Tenant `json:"tenant,omitempty"`
	Note   string        `json:"note,omitempty"`

	HandOver string `json:"handover,omitempty"` // the signed statement

	Lost time.Time `json:"lost,omitzero"` // when the loss of earlier heads was found
	Seal int64     `json:"seal,omitempty"`
}

// content is the parsed file.
type content struct {
	newest map[access.Tenant]string // the last head of each tenant
	handed map[string]bool          // the hand-overs of the seal key
	broken []int                    // numbers of broken lines
	torn   int64                    // bytes of an incomplete line at the end of the file
}

// read parses every line of the file.
func read(text []byte) content {
	c := content{newest: make(map[access.Tenant]string), handed: make(map[string]bool)}
	c.torn = int64(len(text) - whole(text))
	n := 0
	for one := range bytes.Lines(text[:whole(text)]) {
		n++
		if len(bytes.TrimSpace(one)) == 0 {
			continue
		}
		var l line
		if json.Unmarshal(one, &l) != nil {
			c.broken = append(c.broken, n)
		} else if l.Note != "" {
			c.newest[l.Tenant] = l.Note
		} else if l.HandOver != "" {
			c.handed[l.HandOver] = true
		}
	}
	return c
}

// whole returns the length of the whole lines. The last line is incomplete if it has no end, or if it has holes that the disk filled with
// zeros. Both happen when a power cut lets only a part of a write reach the disk.
func whole(text []byte) int {
	end := bytes.LastIndexByte(text, '\n') + 1
	if end < len(text) || end == 0 {
		return end
	}
	if last := bytes.LastIndexByte(text[:end-1], '\n') + 1; bytes.IndexByte(text[last:], 0) >= 0 {
		return last
	}
	return end
}
