package wire_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/paywatt/paywatt/wire"
	"pgregory.net/rapid"
)

const energyLimit = 1_000_000_000_000_000

func drawHead(t *rapid.T) wire.Head {
	return wire.Head{
		Seq:   rapid.Uint64Range(1, wire.MaxSeq).Draw(t, "seq"),
		At:    rapid.Int64().Draw(t, "at"),
		Up:    rapid.Uint64Range(0, 1<<63-1).Draw(t, "up"),
		Clock: rapid.SampledFrom([]wire.Clock{wire.ClockValid, wire.ClockHoldover, wire.ClockInvalid}).Draw(t, "clock"),
	}
}

func drawText(t *rapid.T, name string) string {
	return rapid.StringN(1, 40, 256).Draw(t, name)
}

// drawPlain draws a value that an event's argument may have.
func drawPlain(t *rapid.T, depth int) any {
	kinds := 5
	if depth > 3 {
		kinds = 4
	}
	switch rapid.IntRange(0, kinds).Draw(t, "kind of value") {
	case 0:
		return nil
	case 1:
		return rapid.Bool().Draw(t, "bool")
	case 2, 3:
		return rapid.Int64().Draw(t, "int")
	case 4:
		return drawText(t, "text")
	default:
		list := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "len") {
			list = append(list, drawPlain(t, depth+1))
		}
		return list
	}
}

func drawRecord(t *rapid.T, k wire.Kind) wire.Record {
	wh := func(name string) int64 { return rapid.Int64Range(-energyLimit, energyLimit).Draw(t, name) }
	small := func(name string) int64 { return rapid.Int64Range(0, 1<<31-1).Draw(t, name) }
	h := drawHead(t)
	switch k {
	case wire.KindReading:
		r := wire.Reading{
			Head: h, RegisterWh: wh("register"), BalanceWh: wh("balance"), ECUsedWh: wh("ec"), OverrunWh: wh("overrun"),
			W: small("w"), MV: small("mv"), Relay: drawText(t, "relay"),
		}
		for range rapid.IntRange(0, 3).Draw(t, "reasons") {
			r.Reasons = append(r.Reasons, drawText(t, "reason"))
		}
		return r.Record()
	case wire.KindToken:
		return wire.Token{
			Head: h, Request: rapid.StringN(0, 20, 256).Draw(t, "request"), TID: ptr(rapid.Uint32Range(0, 1<<24-1).Draw(t, "tid")),
			BaseDate: rapid.SampledFrom([]int{1993, 2014, 2035}).Draw(t, "base"), Class: ptr(rapid.Uint8Range(0, 3).Draw(t, "class")),
			SubClass: ptr(rapid.Uint8Range(0, 15).Draw(t, "subclass")), Result: drawText(t, "result"), UnitsWh: wh("units"),
			BalanceWh: wh("balance"), Source: drawText(t, "source"),
		}.Record()
	case wire.KindCommand:
		return wire.CommandAnswer{Head: h, ID: drawText(t, "id"), State: drawText(t, "state"), Reason: rapid.StringN(0, 20, 256).Draw(t, "reason")}.Record()
	case wire.KindEvent:
		e := wire.Event{Head: h, Code: int(small("code"))}
		for i := range rapid.IntRange(0, 4).Draw(t, "args") {
			if e.Args == nil {
				e.Args = map[string]any{}
			}
			e.Args[fmt.Sprintf("%d%s", i, rapid.StringN(0, 8, 32).Draw(t, "name"))] = drawPlain(t, 0)
		}
		return e.Record()
	default:
		return wire.Close{
			Head: h, Date: drawText(t, "date"), RegisterWh: wh("register"), UsedWh: wh("used"), MinBalanceWh: wh("min"),
			MaxBalanceWh: wh("max"), MaxW: small("w"), OffMin: small("off"), TokensWh: wh("tokens"), Events: small("events"),
			Gap: rapid.Bool().Draw(t, "gap"),
		}.Record()
	}
}

func TestEveryRecordComesBackAsItWent(t *testing.T) {
	kinds := []wire.Kind{wire.KindReading, wire.KindToken, wire.KindCommand, wire.KindEvent, wire.KindClose}
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.SampledFrom(kinds).Draw(t, "kind")
		recs := make([]wire.Record, rapid.IntRange(1, 3).Draw(t, "count"))
		for i := range recs {
			recs[i] = drawRecord(t, k)
		}
		for ext, f := range formats {
			payload, err := wire.EncodeUp(f, recs...)
			if err != nil {
				t.Fatalf("%s: %v", ext, err)
			}
			good, bad, err := wire.DecodeUp(k, payload)
			if err != nil || len(bad) != 0 {
				t.Fatalf("%s: bad %+v err %v\n%s", ext, bad, err, payload)
			}
			if !reflect.DeepEqual(withoutRaw(good), recs) {
				t.Fatalf("%s: payload %q\ngot  %s\nwant %s", ext, payload, deep(good[0]), deep(recs[0]))
			}
		}
	})
}

// FuzzDecodeUp checks that no input makes the reader panic. Every accepted record is within every limit, is
// well-formed for an independent reader of the same format, and can be written again.
func FuzzDecodeUp(f *testing.F) {
	for _, rec := range samples() {
		for _, format := range formats {
			b, err := wire.EncodeUp(format, rec)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(rec.Kind), b)
		}
	}
	f.Add("event", []byte(`[{"seq":1,"at":0,"up":0,"clock":"valid","code":1},{"seq":2]`))
	f.Add("reading", []byte("\x82\xa0\xa0"))
	f.Fuzz(func(t *testing.T, kind string, payload []byte) {
		good, bad, err := wire.DecodeUp(wire.Kind(kind), payload)
		if err != nil && (len(good) != 0 || len(bad) != 0) {
			t.Fatalf("an error beside %d records", len(good))
		}
		if err == nil && len(good)+len(bad) == 0 {
			t.Fatal("neither a record nor a complaint")
		}
		if len(good) > wire.MaxRecords {
			t.Fatalf("%d records", len(good))
		}
		for _, r := range good {
			if !wellFormed(r.Raw) {
				t.Fatalf("took %q, which another reader refuses", r.Raw)
			}
			again(t, wire.Kind(kind), r)
		}
		for _, b := range bad {
			if b.Reason == "" || (b.HasSeq && (b.Seq == 0 || b.Seq > wire.MaxSeq)) {
				t.Fatalf("bad record %+v", b)
			}
		}
	})
}

func wellFormed(raw []byte) bool {
	if raw[0] == '{' {
		return json.Valid(raw)
	}
	return cbor.Wellformed(raw) == nil
}

// again writes a record in both formats and reads it back.
func again(t *testing.T, kind wire.Kind, r wire.Record) {
	t.Helper()
	r.Raw = nil
	for _, f := range formats {
		b, err := wire.EncodeUp(f, r)
		if err != nil {
			return // a text with many escapes may exceed the payload limit
		}
		back, bad, err := wire.DecodeUp(kind, b)
		if err != nil || len(bad) != 0 || len(back) != 1 {
			t.Fatalf("written again: bad %+v err %v\n%s", bad, err, b)
		}
		if back[0].Head != r.Head {
			t.Fatalf("head changed: %+v, %+v", r.Head, back[0].Head)
		}
	}
}

// FuzzOpen checks that only envelopes made by Sign open, and that every opened body is either decoded or refused
// without a panic.
func FuzzOpen(f *testing.F) {
	k, err := wire.ParseLinkKey(keyText)
	if err != nil {
		f.Fatal(err)
	}
	body, err := wire.EncodeBody(wire.Command{SignedHeader: wire.SignedHeader{ID: "a", Counter: 1}, Type: "connect"})
	if err != nil {
		f.Fatal(err)
	}
	for _, format := range formats {
		b, err := wire.Sign(format, k, "m/1/down/command", body)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, body)
	}
	f.Fuzz(func(t *testing.T, envelope, inner []byte) {
		if got, err := wire.Open(k, "m/1/down/command", envelope); err == nil && string(got) != string(body) {
			t.Fatalf("opened a body nobody signed: %x", got)
		}
		for _, format := range formats {
			b, err := wire.Sign(format, k, "m/1/down/lease", inner)
			if err != nil {
				t.Fatal(err)
			}
			if len(b) > wire.MaxPayload {
				continue
			}
			got, err := wire.Open(k, "m/1/down/lease", b)
			if err != nil || string(got) != string(inner) {
				t.Fatalf("a signed body did not open: %v", err)
			}
		}
		if c, err := wire.DecodeBody[wire.Command](inner); err == nil && (c.ID == "" || c.Counter == 0) {
			t.Fatalf("took an order without a name: %+v", c)
		}
		if c, err := wire.DecodeBody[wire.Config](inner); err == nil && c.ID == "" {
			t.Fatalf("took a configuration without a name: %+v", c)
		}
	})
}

func BenchmarkDecodeUpReading(b *testing.B) {
	for ext, f := range formats {
		payload, err := wire.EncodeUp(f, samples()["reading"])
		if err != nil {
			b.Fatal(err)
		}
		b.Run(ext, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(payload)))
			for b.Loop() {
				if good, _, err := wire.DecodeUp(wire.KindReading, payload); err != nil || len(good) != 1 {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEncodeUpReading(b *testing.B) {
	rec := samples()["reading"]
	for ext, f := range formats {
		b.Run(ext, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := wire.EncodeUp(f, rec); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestReadingCostsFewAllocations limits the allocations of the path that every reading takes.
func TestReadingCostsFewAllocations(t *testing.T) {
	for ext, f := range formats {
		payload, err := wire.EncodeUp(f, samples()["reading"])
		if err != nil {
			t.Fatal(err)
		}
		got := testing.AllocsPerRun(100, func() {
			if _, _, err := wire.DecodeUp(wire.KindReading, payload); err != nil {
				t.Fatal(err)
			}
		})
		if got > 6 {
			t.Errorf("%s: %.0f allocations for one reading, want at most 6", ext, got)
		}
	}
}
