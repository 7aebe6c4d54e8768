package meter_test

import (
	"hash/maphash"
	"math/bits"
	"reflect"
	"slices"
	"unsafe"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/journal"
)

// printer makes fingerprints: it reads structs as words, under masks that leave out the padding between fields and the
// fields that make no difference.
type printer struct {
	state  [unsafe.Sizeof(meter.State{}) / 8]uint64
	record [unsafe.Sizeof(meter.Record{}) / 8]uint64
	told   [unsafe.Sizeof(told{}) / 8]uint64
	cut    [unsafe.Sizeof(told{}) / 8]uint64 // the part of told that a power cut leaves
}

// Fingerprints leave out pure counters (starts, generations, sequence, edges of tamper switches, exported energy), the
// connection, and all sounds and displays for the customer. These are only reported and decide nothing. Worlds that
// differ only in them have the same future; TestWhatIsLeftOutDecidesNothing checks this.
var leftOut = [...]string{
	"Day.Used", "Day.Tokens", "Day.Min", "Day.Max", "Day.Peak", "Day.Off", "Day.Events", "Day.Clock", "Month", "Offset", "NextAt",
	"LastAt", "Seq", "Boots", "Unclean", "LED", "Buzzer", "QuietAt", "BeepAt", "Export", "Tampered", "Online",
	"Week", // only with low1_days, which no configuration of the searches has
}

func newPrinter(leftOut ...string) *printer {
	p := &printer{}
	mask(p.state[:], reflect.TypeFor[meter.State](), leftOut...)
	if online := (meter.State{Flags: meter.FlagOnline}); slices.Contains(leftOut, "Online") {
		for i, word := range words(&online) {
			p.state[i] &^= word
		}
	}
	mask(p.record[:], reflect.TypeFor[meter.Record]())
	mask(p.told[:], reflect.TypeFor[told](), "next")
	mask(p.cut[:], reflect.TypeFor[told](), "next", "half", "unsaved")
	return p
}

// mask sets all bits of every field, except the fields whose names the last parameter lists.
func mask(words []uint64, of reflect.Type, but ...string) {
	b := unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), 8*len(words))
	var walk func(t reflect.Type, at uintptr, name string)
	walk = func(t reflect.Type, at uintptr, name string) {
		switch {
		case slices.Contains(but, name):
		case t.Kind() == reflect.Struct:
			for f := range t.Fields() {
				walk(f.Type, at+f.Offset, join(name, f.Name))
			}
		case t.Kind() == reflect.Array:
			for i := range t.Len() {
				walk(t.Elem(), at+uintptr(i)*t.Elem().Size(), name)
			}
		default:
			for i := range t.Size() {
				b[at+i] = 0xff
			}
		}
	}
	walk(of, 0, "")
}

func join(outer, name string) string {
	if outer == "" {
		return name
	}
	return outer + "." + name
}

// trail is an unfinished fingerprint: four independent chains of multiplications, which the processor runs in parallel.
type trail [4]uint64

func (h *trail) fold(words, under []uint64) {
	a, b, c, d := h[0], h[1], h[2], h[3]
	i := 0
	for ; i+4 <= len(words); i += 4 {
		a = mix(a^words[i]&under[i], 0x9e3779b97f4a7c15)
		b = mix(b^words[i+1]&under[i+1], 0xd6e8feb86659fd93)
		c = mix(c^words[i+2]&under[i+2], 0xa0761d6478bd642f)
		d = mix(d^words[i+3]&under[i+3], 0xe7037ed1a0b428db)
	}
	h[0], h[1], h[2], h[3] = b, c, d, a
	for ; i < len(words); i++ {
		h.add(words[i] & under[i])
	}
}

func (h *trail) add(w uint64) {
	h[0], h[1], h[2], h[3] = h[1], h[2], h[3], mix(h[0]^w, 0x8ebc6af09c88c6e3)
}

func (h *trail) sum() uint64 {
	return mix(mix(mix(mix(h[0], 0x589965cc75374cc3)^h[1], 0x1d8e4e27c47d124f)^h[2], 0xeb44accab455d165)^h[3], 0x9e3779b97f4a7c15)
}

// mix multiplies to 128 bits and folds them, so that every bit reaches every other bit.
func mix(v, by uint64) uint64 {
	hi, lo := bits.Mul64(v^0x2d358dccaa6c78a5, by|1)
	return hi ^ lo
}

func words[T any](v *T) []uint64 {
	return unsafe.Slice((*uint64)(unsafe.Pointer(v)), unsafe.Sizeof(*v)/8)
}

// fingerprint covers everything in a world that can make a difference to an invariant.
func (l *lab) fingerprint(w *world) uint64 {
	h := trail{1, 2, 3, 4}
	h.fold(words(&w.s), l.print.state[:])
	if w.under.Kind != 0 {
		h.fold(words(&w.under), l.print.record[:])
	}
	h.fold(words(&w.told), l.print.told[:])
	h.add(l.keyPrint(w))
	h.add(l.durable(w))
	return h.sum()
}

// cutPrint covers everything in a world that a power cut leaves.
func (l *lab) cutPrint(w *world, how int) uint64 {
	h := trail{5, 6, 7, uint64(how)}
	if w.under.Kind != 0 && how != before {
		h.fold(words(&w.under), l.print.record[:])
		if w.under.Seq >= journal.LogRecords {
			h.fold(words(&w.s), l.print.state[:]) // Append may write a snapshot before the record
		}
	}
	h.fold(words(&w.told), l.print.cut[:])
	h.add(l.keyPrint(w))
	h.add(l.durable(w))
	return h.sum()
}

// durable returns a hash of the memory's contents.
func (l *lab) durable(w *world) uint64 {
	if w.mem.durable == 0 {
		_, loaded, _ := l.open(w)
		w.mem.durable = l.saying(&loaded)
	}
	return w.mem.durable
}

func (l *lab) saying(loaded *journal.Loaded) uint64 {
	h := trail{9, 10, 11, 12}
	h.fold(words(&loaded.State), l.print.state[:])
	h.add(uint64(loaded.Config.Version))
	if l.change != nil {
		h.add(maphash.Comparable(l.seed, loaded.Keys))
	}
	for i := range loaded.Replay {
		h.fold(words(&loaded.Replay[i].Record), l.print.record[:])
	}
	return h.sum()
}
