package listen

import (
	"bytes"
	"encoding/binary"
)

// This file limits the handshakes of TLS that the server computes at a time. One takes the processor about a millisecond, and thousands of
// strangers may send their first message in the same moment. They take turns, so that a client does not wait for all of them.
//
// A stranger has its turn from the moment in which it has sent a whole record until the server reads or writes next: in between, the server
// computes. So a stranger that is slow keeps no place. Only the first answer is dear, so a handshake is over for this file when it is written.

// phase is how far the handshake of a connection is.
type phase = int32

const (
	unknown  phase = iota // it has sent nothing
	shaking               // it has begun a handshake, and the server has not answered it
	answered              // it was answered, or it does not encrypt
)

// Records of TLS (RFC 8446 §5.1). A handshake begins with the type of its record, or with warnings, which the server passes over. No request of
// HTTP and no packet of MQTT begins with these bytes.
const (
	recordHead      = 5 // bytes: the type, the version and the length
	alertRecord     = 21
	handshakeRecord = 22
)

// records follows the records that a client sends.
type records struct {
	head [recordHead]byte
	had  int // bytes of the head
	left int // bytes of the record after its head
}

// take follows the next bytes, and reports whether a record of a handshake ends in them.
func (r *records) take(p []byte) (ends bool) {
	for len(p) > 0 {
		if r.had < recordHead {
			n := copy(r.head[r.had:], p)
			p = p[n:]
			r.had += n
			r.left = int(binary.BigEndian.Uint16(r.head[3:]))
		}
		n := min(r.left, len(p))
		p = p[n:]
		r.left -= n
		if r.had == recordHead && r.left == 0 {
			ends = ends || r.head[0] == handshakeRecord
			r.had = 0
		}
	}
	return ends
}

// retryRandom is in place of random bytes in a first answer that only asks for another message (RFC 8446 §4.1.3). It costs nothing.
var retryRandom = []byte{0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
	0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c}

// isAnswer reports whether what the server writes is the answer that it had to compute.
func isAnswer(p []byte) bool {
	const before = recordHead + 4 + 2 // and the head of the message, and the version
	return len(p) > before && p[0] == handshakeRecord && !bytes.HasPrefix(p[before:], retryRandom)
}

// awaitTurn waits until the server may compute what a stranger has sent, if that is the whole of a record.
func (c *Conn) awaitTurn(sent []byte) {
	if c.phase.Load() == unknown {
		begins := answered
		if sent[0] == handshakeRecord || sent[0] == alertRecord {
			begins = shaking
		}
		c.phase.Store(begins)
	}
	if c.phase.Load() != shaking || !c.records.take(sent) {
		return
	}
	w := c.crowd
	w.mu.Lock()
	if !c.stranger.Load() {
		w.mu.Unlock()
		return
	}
	t := w.handshakes.addWaiter(c)
	c.handshake = t
	w.mu.Unlock()
	<-t.may
}

// endTurn ends the turn of a connection, because the server reads, writes or closes it.
func (c *Conn) endTurn() {
	if c.phase.Load() != shaking {
		return
	}
	c.crowd.mu.Lock()
	defer c.crowd.mu.Unlock()
	c.dropTurn()
}

// dropTurn ends the turn of a connection. The caller holds mu.
func (c *Conn) dropTurn() {
	if t := c.handshake; t != nil {
		c.handshake = nil
		c.crowd.handshakes.dropWaiter(t)
	}
}
