package gateway

import (
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"

	"github.com/paywatt/paywatt/internal/gateway/packet"
)

// buffers are the read buffers of all connections. A connection holds one only while bytes of a packet are there, so that an idle
// client costs none.
type buffers struct{ small, large sync.Pool }

// smallBuffer holds most packets of a meter.
const smallBuffer = 1 << 10

func newBuffers(largest int) *buffers {
	sized := func(n int) sync.Pool { return sync.Pool{New: func() any { b := make([]byte, n); return &b }} }
	return &buffers{small: sized(smallBuffer), large: sized(max(largest, 2*smallBuffer))}
}

func (p *buffers) get(large bool) *[]byte {
	if large {
		return p.large.Get().(*[]byte)
	}
	return p.small.Get().(*[]byte)
}

func (p *buffers) put(b *[]byte) {
	if len(*b) > smallBuffer {
		p.large.Put(b)
		return
	}
	p.small.Put(b)
}

// input reads the packets of one connection. Only its reader uses it.
type input struct {
	conn       net.Conn
	raw        syscall.RawConn // nil if bytes cannot be waited for without a buffer
	pool       *buffers
	limit      int     // bytes of a packet
	buf        *[]byte // nil while no bytes are there
	begin, end int     // the bytes in buf that have been read and not given out
	first      [1]byte
}

func newInput(c net.Conn, pool *buffers, limit int) *input {
	in := &input{conn: c, pool: pool, limit: limit}
	in.raw = rawOf(c)
	return in
}

// next returns the next packet. The body is valid until the following call.
func (in *input) next() (packet.Header, []byte, error) {
	for {
		h, err := in.header()
		if err != nil {
			return packet.Header{}, nil, err
		}
		whole := h.Size + h.Body
		if h.Size > 0 && in.end-in.begin >= whole {
			body := (*in.buf)[in.begin+h.Size : in.begin+whole : in.begin+whole]
			in.begin += whole
			return h, body, nil
		}
		if err := in.more(whole); err != nil {
			return packet.Header{}, nil, err
		}
	}
}

// header reads the header of the packet that begins the buffered bytes, and checks its size. It has no size if bytes are missing.
func (in *input) header() (packet.Header, error) {
	if in.buf == nil {
		return packet.Header{}, nil
	}
	h, fault := packet.Next((*in.buf)[in.begin:in.end])
	if fault != packet.None {
		return h, fault
	}
	if whole := h.Size + h.Body; whole > in.limit {
		return h, &tooLarge{whole, in.limit}
	}
	return h, nil
}

// more reads more bytes of a packet that has whole bytes, as far as that is known.
func (in *input) more(whole int) error {
	if in.begin == in.end {
		in.free()
		return in.fill()
	}
	if in.begin > 0 {
		in.end = copy(*in.buf, (*in.buf)[in.begin:in.end])
		in.begin = 0
	}
	if whole > len(*in.buf) {
		large := in.pool.get(true)
		copy(*large, (*in.buf)[:in.end])
		in.pool.put(in.buf)
		in.buf = large
	}
	n, err := in.conn.Read((*in.buf)[in.end:])
	in.end += n
	return ended(n, err)
}

// fill waits for bytes without a buffer, then reads them into one.
func (in *input) fill() error {
	if in.raw != nil {
		return in.fillRaw()
	}
	n, err := in.conn.Read(in.first[:])
	if n == 0 {
		return ended(n, err)
	}
	in.buf, in.begin, in.end = in.pool.get(false), 0, 1
	(*in.buf)[0] = in.first[0]
	return nil
}

// empty reports whether no bytes of a packet have come.
func (in *input) empty() bool { return in.begin == in.end }

// free gives the buffer back.
func (in *input) free() {
	if in.buf != nil {
		in.pool.put(in.buf)
		in.buf = nil
	}
	in.begin, in.end = 0, 0
}

// ended returns the error that ends a connection, if the read gave no bytes.
func ended(n int, err error) error {
	switch {
	case n > 0:
		return nil
	case err == nil:
		return io.ErrNoProgress
	}
	return fmt.Errorf("read: %w", err)
}
