package gateway

// frame finds the packet boundaries in a client's bytes, and checks the length of each packet before it is read.
type frame struct {
	begun bool // the first packet's length is known
	seen  int  // bytes of the current packet's header
	size  int  // the length read so far
	body  int  // bytes still missing from the packet after its header
}

// take reads the next bytes: for each packet its type, then a length of one to four bytes, low bits first. If a packet is too
// large or has a wrong form, take returns the number of bytes before that packet, and an error. Otherwise it returns the length
// of p.
func (f *frame) take(p []byte, l Limits) (good int, err error) {
	const connect, lengthEnd = 0x10, 5
	for i := 0; i < len(p); {
		if f.body > 0 {
			n := min(f.body, len(p)-i)
			f.body -= n
			i += n
			good = i
			continue
		}
		b := p[i]
		i++
		f.seen++
		if f.seen == 1 {
			if !f.begun && b != connect {
				return 0, errNoConnect
			}
			continue
		}
		f.size |= int(b&0x7f) << (7 * (f.seen - 2))
		limit := l.PacketSize
		if !f.begun {
			limit = l.ConnectSize
		}
		switch {
		case f.seen+f.size > limit:
			return good, &tooLarge{f.seen + f.size, limit}
		case b&0x80 == 0:
			f.begun, f.body, f.seen, f.size = true, f.size, 0, 0
			good = i
		case f.seen == lengthEnd:
			return good, errNoLength
		}
	}
	return len(p), nil
}
