package wire

import (
	"fmt"
	"math"
)

// maxEnergy bounds every amount of energy in a record, in watt-hours: a million gigawatt-hours either way. Sums and
// differences of two such amounts cannot overflow.
const maxEnergy = 1_000_000_000_000_000

// energy returns a required amount. optEnergy returns an optional amount, 0 when missing.
func (f *fields) energy(key string) int64    { return f.within(key, -maxEnergy, maxEnergy) }
func (f *fields) optEnergy(key string) int64 { return f.optWithin(key, -maxEnergy, maxEnergy) }

// record reads the body of a kind.
func (f *fields) record(k Kind) Record {
	switch k {
	case KindBoot:
		return f.boot().Record()
	case KindReading:
		return f.reading().Record()
	case KindToken:
		return f.token().Record()
	case KindCommand:
		return f.command().Record()
	case KindEvent:
		return f.event().Record()
	default:
		return f.close().Record()
	}
}

func (f *fields) boot() Boot {
	b := Boot{
		Memory: f.text("store"),
		Lowest: uint64(f.within("lowest", 1, MaxSeq)),
		Next:   uint64(f.within("next", 1, MaxSeq)),
		Boot:   uint64(f.within("boot", 0, math.MaxInt64)),
		Proto:  int(f.within("proto", 1, math.MaxInt32)),
		FW:     f.optText("fw"),
		Reset:  f.optText("reset"),
		Caps:   f.texts("caps"),
	}
	if !hex16(b.Memory) {
		f.fail("store", "not 16 hexadecimal digits")
	}
	if b.Lowest > b.Next {
		f.fail("lowest", "above next")
	}
	if in, has := f.inside("config"); has {
		b.Config = ConfigRef{Version: in.optWhole("version"), Hash: in.optText("hash")}
		f.fromInside("config", in)
	}
	if in, has := f.inside("key"); has {
		b.Key = &KeyRef{
			KRN: optional[int](&in, "krn", 9), KEN: optional[int](&in, "ken", 255),
			BaseDate: optional[int](&in, "base_date", 9999),
		}
		if in.find("sgc") != nil {
			s := in.text("sgc")
			b.Key.SGC = &s
		}
		if in.find("ti") != nil {
			s := in.text("ti")
			b.Key.TI = &s
		}
		f.fromInside("key", in)
	}
	return b
}

// fromInside takes over the reason of a failure in a nested map.
func (f *fields) fromInside(key string, in fields) {
	if *in.reason != "" {
		f.fail(key, *in.reason)
	}
}

func hex16(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(s) == 16
}

func (f *fields) reading() Reading {
	return Reading{
		Head:       f.head(),
		RegisterWh: f.energy("register_wh"),
		BalanceWh:  f.energy("balance_wh"),
		ECUsedWh:   f.optEnergy("ec_used_wh"),
		OverrunWh:  f.optEnergy("overrun_wh"),
		W:          f.optWithin("w", math.MinInt32, math.MaxInt32),
		MV:         f.optWithin("mv", math.MinInt32, math.MaxInt32),
		Relay:      f.text("relay"),
		Reasons:    f.texts("reasons"),
	}
}

func (f *fields) token() Token {
	return Token{
		Head:      f.head(),
		Request:   f.optText("request"),
		TID:       optional[uint32](f, "tid", 1<<24-1),
		BaseDate:  int(f.optWithin("base_date", 0, 9999)),
		Class:     optional[uint8](f, "class", 3),
		SubClass:  optional[uint8](f, "subclass", 15),
		Result:    f.text("result"),
		UnitsWh:   f.optEnergy("units_wh"),
		BalanceWh: f.energy("balance_wh"),
		Source:    f.text("source"),
	}
}

func (f *fields) command() CommandAnswer {
	return CommandAnswer{Head: f.head(), ID: f.text("id"), State: f.text("state"), Reason: f.optText("reason")}
}

func (f *fields) event() Event {
	e := Event{Head: f.head(), Code: int(f.within("code", 0, math.MaxInt32))}
	it := f.find("args")
	if it == nil {
		return e
	}
	v, err := plain(f.format, *it, f.depth)
	args, ok := v.(map[string]any)
	if err != nil || !ok {
		f.fail("args", "not a map of names and values")
		return e
	}
	e.Args = args
	return e
}

func (f *fields) close() Close {
	return Close{
		Head:         f.head(),
		Date:         f.text("date"),
		RegisterWh:   f.energy("register_wh"),
		UsedWh:       f.optEnergy("used_wh"),
		MinBalanceWh: f.optEnergy("min_balance_wh"),
		MaxBalanceWh: f.optEnergy("max_balance_wh"),
		MaxW:         f.optWithin("max_w", math.MinInt32, math.MaxInt32),
		OffMin:       f.optWithin("off_min", 0, math.MaxInt32),
		TokensWh:     f.optEnergy("tokens_wh"),
		Events:       f.optWithin("events", 0, math.MaxInt32),
		Gap:          f.flag("gap"),
	}
}

// plain converts a value to nil, bool, int64, string, []any or map[string]any. A number that is not an int64 becomes
// its text, because this package has no floating point.
func plain(format Format, it item, depth int) (any, error) {
	switch it.kind {
	case itemNull:
		return nil, nil
	case itemBool:
		return it.n == 1, nil
	case itemInt:
		return it.n, nil
	case itemNumber:
		return numberText(format, it.raw)
	case itemText:
		return string(it.text), nil
	case itemList:
		return plainList(format, it.raw, depth)
	case itemMap:
		r := newReader(format, it.raw)
		m, err := r.members(depth, nil)
		if err != nil {
			return nil, err
		}
		if twice(m) {
			return nil, errTwice
		}
		out := make(map[string]any, len(m))
		for _, e := range m {
			if out[string(e.key)], err = plain(format, e.value, depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return nil, errSyntax // byte strings are not allowed in a record
}

func plainList(format Format, raw []byte, depth int) (any, error) {
	r := newReader(format, raw)
	if _, err := r.list(); err != nil {
		return nil, err
	}
	out := []any{}
	for {
		more, err := r.more()
		if err != nil || !more {
			return out, err
		}
		e, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		v, err := plain(format, e, depth+1)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
}

func numberText(format Format, raw []byte) (string, error) {
	if format == JSON {
		return string(raw), nil
	}
	var v any
	if err := numberMode().Unmarshal(raw, &v); err != nil {
		return "", err
	}
	return fmt.Sprint(v), nil
}
