package device_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/device/memory"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

const number = "12345678903"

func testNow() time.Time { return time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC) }

func testKey(t testing.TB) sts.Key {
	t.Helper()
	k, err := sts.NewKey(sts.EA07, []byte{0x0A, 0xBC, 0x12, 0xDE, 0xF3, 0x45, 0x67, 0x89})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func testKeys(t testing.TB) *meter.Keys {
	t.Helper()
	k := meter.NewKeys(testKey(t), meter.KeyInfo{
		Base: sts.Base2014, Type: sts.DUTK, KEN: 255, Named: true, SGC: 123456, KRN: 1, TI: 1,
	})
	return &k
}

func linkKey(t testing.TB) wire.LinkKey {
	t.Helper()
	k, err := wire.NewLinkKey(bytes.Repeat([]byte{7}, wire.LinkKeySize))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// digits returns the token with this TID and number of tenths of a kWh.
func digits(t testing.TB, tid sts.TID, tenths int64) string {
	t.Helper()
	a, err := sts.EncodeTenths(tenths)
	if err != nil {
		t.Fatal(err)
	}
	token, err := sts.EncodeCredit(testKey(t), sts.Credit{TID: tid, Amount: a})
	if err != nil {
		t.Fatal(err)
	}
	return token.Reveal()
}

// wrongDigits returns a token of class 0 for another meter, which opens under no key of this test.
func wrongDigits(t testing.TB) string {
	t.Helper()
	k, err := sts.NewKey(sts.EA07, []byte{1, 2, 3, 4, 5, 6, 7, 8})
	if err != nil {
		t.Fatal(err)
	}
	token, err := sts.EncodeCredit(k, sts.Credit{TID: 5_900_000, Amount: 1})
	if err != nil {
		t.Fatal(err)
	}
	return token.Reveal()
}

// medium is a memory that outlives its device. It can be torn at any byte, and can be full.
type medium struct {
	image []byte
	// log is the durable log. pending holds the bytes appended since the last sync.
	log, pending []byte
	// budget is how many bytes can still be written before the mains fails; negative for no limit.
	budget int
	// full makes every write that needs more room fail. worn makes every write to the image fail.
	full, worn bool
}

// cut is the panic value of a medium when the mains fails.
type cut struct{}

var (
	errFull = errors.New("no space left")
	errWorn = errors.New("input/output error")
)

func newMedium() *medium { return &medium{budget: -1} }

// write copies as much of b as the budget allows.
func (m *medium) write(dst *[]byte, at int, b []byte) {
	n := len(b)
	if m.budget >= 0 {
		n = min(n, m.budget)
		m.budget -= n
	}
	if end := at + n; end > len(*dst) {
		*dst = append(*dst, make([]byte, end-len(*dst))...)
	}
	copy((*dst)[at:], b[:n])
	if n < len(b) {
		panic(cut{})
	}
}

func (m *medium) ReadAt(b []byte, at int64) (int, error) {
	if at >= int64(len(m.image)) {
		return 0, io.EOF
	}
	n := copy(b, m.image[at:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (m *medium) WriteAt(b []byte, at int64) (int, error) {
	if m.worn {
		return 0, errWorn
	}
	m.write(&m.image, int(at), b)
	return len(b), nil
}

// tornLog is the log of a medium.
type tornLog struct{ *medium }

func encode(frames []memory.Frame) []byte {
	r := memory.NewRAM()
	if err := r.Replace(frames); err != nil {
		panic(err)
	}
	b, _ := r.Bytes()
	return b
}

func (l tornLog) Append(f memory.Frame) error {
	l.pending = append(l.pending, encode([]memory.Frame{f})...)
	return nil
}

func (l tornLog) Sync() error {
	if l.full {
		return errFull
	}
	b := l.pending
	l.pending = nil
	l.write(&l.log, len(l.log), b)
	return nil
}

func (l tornLog) Commit(f memory.Frame) error {
	if l.full {
		return errFull
	}
	return errors.Join(l.Append(f), l.Sync())
}

func (l tornLog) Replace(frames []memory.Frame) error {
	if l.full {
		return errFull
	}
	var side []byte // the new file; it replaces the old one only when it is complete
	l.write(&side, 0, encode(frames))
	l.log, l.pending = side, nil
	return nil
}

func (l tornLog) Size() int64  { return int64(len(l.log) + len(l.pending)) }
func (l tornLog) Close() error { return nil }
func (m *medium) Sync() error  { return nil }
func (m *medium) lose()        { m.pending, m.budget, m.full, m.worn = nil, -1, false, false }
func (m *medium) clone() *medium {
	return &medium{image: bytes.Clone(m.image), log: bytes.Clone(m.log), budget: -1}
}

// config returns a configuration on a medium; change it before open.
func config(t testing.TB, m *medium) device.Config {
	t.Helper()
	_, found := memory.LoadRAM(m.log)
	m.log = m.log[:len(m.log)-found.Torn]
	return device.Config{
		Number: number, Keys: testKeys(t), LinkKey: linkKey(t), HasLink: true, Phones: []string{"+254700000001"},
		Image: m, Log: tornLog{m}, Found: found, Rand: bytes.NewReader([]byte("12345678")), Now: testNow(),
	}
}

func open(t testing.TB, m *medium) *device.Device {
	t.Helper()
	d, err := device.Open(config(t, m))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// advance lets time pass.
func advance(t testing.TB, d *device.Device, by time.Duration) {
	t.Helper()
	must(t, d.Advance(by, nil))
}

// enter types a token and returns the result.
func enter(t testing.TB, d *device.Device, digits string) string {
	t.Helper()
	must(t, d.Keys("*1"+digits+"#"))
	return d.View().LastToken
}

// records returns all records of the outbox, decoded.
func records(t testing.TB, d *device.Device) []wire.Record {
	t.Helper()
	var all []wire.Record
	for _, e := range d.Box().All() {
		good, bad, err := wire.DecodeUp(e.Kind, e.Data)
		if err != nil || len(bad) > 0 || len(good) != 1 || good[0].Head.Seq != e.Seq {
			t.Fatalf("record %d cannot be read: %+v %v", e.Seq, bad, err)
		}
		all = append(all, good[0])
	}
	return all
}

// last returns the newest record of a kind.
func last(t testing.TB, d *device.Device, k wire.Kind) wire.Record {
	t.Helper()
	all := records(t, d)
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Kind == k {
			return all[i]
		}
	}
	t.Fatalf("no record of kind %s", k)
	return wire.Record{}
}

func load(t testing.TB, d *device.Device, w unit.Power) {
	t.Helper()
	must(t, d.SetLoad(w))
}
