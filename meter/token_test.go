package meter_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// last gives the meter a token and returns the answer.
func (r *rig) last(digits string, from meter.Source, request string) (res meter.Result) {
	r.tb.Helper()
	before := r.seen
	r.seen = func(e meter.Effect) {
		if e.Kind == meter.EffectResult {
			res = e.Result
		}
		before(e)
	}
	r.token(digits, from, request)
	r.seen = before
	return res
}

// opened gives the meter an opened token from a source and returns the answer.
func (r *rig) opened(o sts.Opened, from meter.Source) (code sts.Result) {
	r.tb.Helper()
	r.seen = func(e meter.Effect) {
		if e.Kind == meter.EffectResult {
			code = e.Result.Code
		}
	}
	r.step(meter.Event{Kind: meter.EventToken, Opened: o, Source: from})
	return code
}

// TestTokenRulesStandInOrder makes each rule fail together with all rules after it: the first one decides the answer.
func TestTokenRulesStandInOrder(t *testing.T) {
	const old = 100 // a TID below everything a meter of 2026 remembers
	// Each step breaks one more rule, from the last to the first; the token is credit with an amount above all limits.
	token := sts.Opened{Result: sts.Accept, HasTID: true, TID: testTID(t, testStart())}
	amount, err := sts.EncodeTenths(10)
	if err != nil {
		t.Fatal(err)
	}
	big, err := sts.EncodeTenths(16_384)
	if err != nil {
		t.Fatal(err)
	}
	token.Amount = amount
	r := newRig(t)
	s := &r.state
	for _, rule := range []struct {
		want  sts.Result
		spoil func()
	}{
		{sts.OverflowError, func() { r.cfg.MaxBalance = 999 }},
		{sts.RangeError, func() { token.Amount = big }},
		{sts.OldError, func() { token.TID = old }},
		{sts.UsedError, func() { token.TID = s.TIDs.TIDs()[0] }},
		{sts.KeyExpiredError, func() { s.Key.KEN = 1 }},
		{sts.DDTKError, func() { s.Key.Type = sts.DDTK }},
		{sts.FunctionError, func() { token.SubClass = sts.CreditWater }},
		{sts.CRCError, func() { token.Result = sts.CRCError }},
		{sts.Busy, func() { s.Flags |= meter.FlagPending }},
		{sts.Locked, func() { s.Guards[meter.SMS-1].Until = 600 }},
		{sts.FunctionError, func() { token.Class = 3 }},
		{sts.FormatError, func() { token.Result = sts.FormatError }},
	} {
		rule.spoil()
		before := *s
		got := r.opened(token, meter.SMS)
		if got != rule.want {
			t.Errorf("got %s, want %s", got, rule.want)
		}
		if rule.want != sts.CRCError && (s.TIDs != before.TIDs || s.Balance != before.Balance) {
			t.Errorf("%s has consumed something", rule.want)
		}
	}
}

func TestOtherCreditIsNotElectricity(t *testing.T) {
	r := newRig(t)
	for sub := sts.CreditWater; sub <= sts.CurrencyTime; sub++ {
		o := sts.Opened{Result: sts.Accept, SubClass: sub, HasTID: true, TID: testTID(t, testStart()), Amount: 10}
		if got := r.opened(o, meter.Keypad); got != sts.FunctionError {
			t.Errorf("credit of sub-class %d: %s, want function_error", sub, got)
		}
	}
}

func TestTheLargestTokenAndTheFullMeter(t *testing.T) {
	r := newRig(t)
	start := testTID(t, testStart())
	if got := r.last(testToken(t, start, 16_384), meter.Keypad, "").Code; got != sts.RangeError {
		t.Errorf("1638.4 kWh: %s, want range_error", got)
	}
	r.cfg.MaxBalance = unit.MaxToken
	if got := r.last(testToken(t, start+1, 16_383), meter.Keypad, ""); got.Code != sts.Accept || got.Units != unit.MaxToken {
		t.Errorf("1638.3 kWh into a meter for as much: %s %s, want accept", got.Code, got.Units)
	}
	if got := r.last(testToken(t, start+2, 1), meter.Keypad, "").Code; got != sts.OverflowError {
		t.Errorf("0.1 kWh more: %s, want overflow_error", got)
	}
	r.step(meter.Event{Kind: meter.EventEnergy, Energy: 100})
	if got := r.last(testToken(t, start+2, 1), meter.Keypad, "").Code; got != sts.Accept {
		t.Errorf("the same token when there is room: %s, want accept", got)
	}
}

// An overrun leaves room for a larger token. The token pays back the overrun first, and that part never becomes
// balance.
func TestOverflowCountsWhatIsPaidBack(t *testing.T) {
	r := newRig(t)
	r.state.Overrun, r.cfg.MaxBalance = 500, 500
	if got := r.last(testToken(t, testTID(t, testStart()), 10), meter.Keypad, "").Code; got != sts.Accept {
		t.Errorf("1 kWh with 0.5 overrun and room for 0.5: %s, want accept", got)
	}
}

func TestFiftyOneTokensAndEachAgain(t *testing.T) {
	r := newRig(t)
	start := testTID(t, testStart())
	digits := make([]string, sts.TIDStoreSize+1)
	for i := range digits {
		digits[i] = testToken(t, start+sts.TID(i), 1)
		if got := r.last(digits[i], meter.Keypad, "").Code; got != sts.Accept {
			t.Fatalf("token %d: %s, want accept", i, got)
		}
	}
	for i, d := range digits {
		want := sts.UsedError
		if i == 0 {
			want = sts.OldError // the newest TID replaced it
		}
		if got := r.last(d, meter.SMS, "").Code; got != want {
			t.Errorf("token %d again: %s, want %s", i, got, want)
		}
	}
	r.reboot(time.Minute)
	for i, d := range digits {
		if got := r.last(d, meter.Remote, fmt.Sprint("tok_", i)).Code; got == sts.Accept {
			t.Errorf("token %d was accepted again after a power cut", i)
		}
	}
	if r.state.Balance != 5100 {
		t.Errorf("balance %s, want 5.100 kWh", r.state.Balance)
	}
}

func TestTokensFromBeforeTheManufactureAreOld(t *testing.T) {
	r := newRig(t)
	made := r.state.TIDs.TIDs()[0]
	if got := r.last(testToken(t, made-1, 1), meter.Keypad, "").Code; got != sts.OldError {
		t.Errorf("the minute before: %s, want old_error", got)
	}
	if got := r.last(testToken(t, made, 1), meter.Keypad, "").Code; got != sts.UsedError {
		t.Errorf("the minute itself: %s, want used_error", got)
	}
	if got := r.last(testToken(t, made+1, 1), meter.Keypad, "").Code; got != sts.Accept {
		t.Errorf("the minute after: %s, want accept", got)
	}
}

// No clock window (docs/reference/tokens.md#what-a-meter-checks-in-order): a token loads at every time that the meter's
// clock may show.
func TestTheClockDoesNotMatter(t *testing.T) {
	r := newRig(t)
	r.clock = meter.ClockInvalid
	r.born = 0 // 1970
	if got := r.last(testToken(t, testTID(t, testStart().AddDate(10, 0, 0)), 1), meter.Keypad, "").Code; got != sts.Accept {
		t.Errorf("a token ten years ahead of a dead clock: %s, want accept", got)
	}
}

func TestARepeatedRequestGetsItsStoredAnswer(t *testing.T) {
	r := newRig(t)
	start := testTID(t, testStart())
	a, b := testToken(t, start, 10), testToken(t, start+1, 10)
	r.token(a, meter.Remote, "tok_a")
	for _, reboot := range []bool{false, true} {
		if reboot {
			r.reboot(time.Minute)
		}
		n := len(r.outbox)
		r.token(a, meter.Remote, "tok_a")
		rep := r.outbox[n]
		if rep.Result != sts.Accept || rep.Units != 1000 || rep.TID != start || len(r.outbox) != n+1 {
			t.Errorf("reboot %t: %s %s, %d reports, want accept 1.000 kWh and no more", reboot, rep.Result, rep.Units, len(r.outbox)-n)
		}
	}
	if r.state.Balance != 1000 {
		t.Errorf("balance %s, want 1.000 kWh", r.state.Balance)
	}
	// The same request with another token is another request.
	if got := r.last(b, meter.Remote, "tok_a").Code; got != sts.Accept || r.state.Balance != 2000 {
		t.Errorf("other digits under the same id: %s, balance %s, want accept, 2.000 kWh", got, r.state.Balance)
	}
	// A wrong push counts once, even if it is repeated many times.
	for range 9 {
		r.token(wrongToken(t, 0), meter.Remote, "tok_w")
	}
	if row := r.state.Guards[meter.Remote-1].Row; row != 1 {
		t.Errorf("nine repeats of one wrong push count %d times, want once", row)
	}
}

func TestAnswersThatMayChangeAreNotStored(t *testing.T) {
	r := newRig(t)
	digits := testToken(t, testTID(t, testStart()), 10)
	r.mem.fail = true
	if got := r.last(digits, meter.Remote, "tok_a").Code; got != sts.StorageError {
		t.Fatalf("with a failing memory: %s, want storage_error", got)
	}
	r.mem.fail = false
	if got := r.last(digits, meter.Remote, "tok_a").Code; got != sts.Accept {
		t.Errorf("the same request later: %s, want accept", got)
	}
}

func TestPulsesWhileTheRecordIsUnderWay(t *testing.T) {
	r := newRig(t)
	start := testTID(t, testStart())
	r.token(testToken(t, start, 1), meter.Keypad, "")
	r.lazy = true
	r.token(testToken(t, start+1, 10), meter.Keypad, "")
	r.step(meter.Event{Kind: meter.EventPulses, Pulses: 250})
	if s := &r.state; s.Balance != 0 || s.Overrun != 150 {
		t.Errorf("before the record is durable: balance %s, overrun %s, want 0 and 0.150 kWh", s.Balance, s.Overrun)
	}
	if got := r.last(testToken(t, start+2, 1), meter.SMS, "").Code; got != sts.Busy {
		t.Errorf("another token meanwhile: %s, want busy", got)
	}
	r.complete()
	if s := &r.state; s.Balance != 850 || s.Overrun != 0 {
		t.Errorf("after it: balance %s, overrun %s, want 0.850 kWh and 0", s.Balance, s.Overrun)
	}
	// No record is pending now, so an EventPersisted must not change the state.
	before := r.state
	r.step(meter.Event{Kind: meter.EventPersisted, OK: true, Record: meter.Record{
		Seq: before.Applied + 1, Kind: meter.RecordToken, Source: meter.Keypad, Result: sts.Accept, Units: 1000,
	}})
	if r.state != before {
		t.Error("an unexpected EventPersisted has changed the state")
	}
}

// A correct host never gives a record twice; if one does, the meter credits it once.
func TestARecordCannotBeReplayedTwice(t *testing.T) {
	r := newRig(t)
	s := &r.state
	rec := meter.Record{
		Seq: 1, Kind: meter.RecordToken, Source: meter.Keypad, Result: sts.Accept, HasTID: true,
		TID: testTID(t, testStart()), Units: 1000,
	}
	for _, seq := range []uint32{1, 1, 2} {
		rec.Seq = seq
		meter.Step(&r.cfg, s, meter.Event{Kind: meter.EventReplay, Record: rec}, nil)
	}
	if s.Balance != 1000 || s.Applied != 2 {
		t.Errorf("balance %s, applied %d, want 1.000 kWh, 2", s.Balance, s.Applied)
	}
}

func TestATokenFromNowhereIsIgnored(t *testing.T) {
	r := newRig(t)
	o := r.keys.Open(testToken(t, testTID(t, testStart()), 10))
	for _, from := range []meter.Source{0, meter.Remote + 1} {
		if got := r.opened(o, from); got != 0 || r.state.LockedFor(from) != 0 {
			t.Errorf("source %d: %s, want no answer", from, got)
		}
	}
}

func TestOnlySoundRecordsAreReadBack(t *testing.T) {
	token := meter.Record{Kind: meter.RecordToken, Source: meter.SMS, Result: sts.Accept, HasTID: true, Units: 100}
	for name, c := range map[string]struct {
		change func(*meter.Record)
		want   bool
	}{
		"as it was made":     {func(*meter.Record) {}, true},
		"from nowhere":       {func(r *meter.Record) { r.Source = 9 }, false},
		"too much":           {func(r *meter.Record) { r.Units = unit.MaxToken + 1 }, false},
		"negative":           {func(r *meter.Record) { r.Units = -1 }, false},
		"without a TID":      {func(r *meter.Record) { r.HasTID = false }, false},
		"a wrong one":        {func(r *meter.Record) { r.Result, r.Units = sts.CRCError, 0 }, true},
		"a wrong one, units": {func(r *meter.Record) { r.Result = sts.CRCError }, false},
		"a used one":         {func(r *meter.Record) { r.Result = sts.UsedError }, false},
		"a command":          {func(r *meter.Record) { r.Kind, r.Command = meter.RecordCommand, meter.CommandRead }, true},
		"an unknown command": {func(r *meter.Record) { r.Kind, r.Command = meter.RecordCommand, 99 }, false},
		"no command":         {func(r *meter.Record) { r.Kind = meter.RecordCommand }, false},
		"a configuration":    {func(r *meter.Record) { r.Kind = meter.RecordConfig }, true},
		"of another kind":    {func(r *meter.Record) { r.Kind = 77 }, false},
	} {
		r := token
		c.change(&r)
		if got := r.Sound(); got != c.want {
			t.Errorf("%s: sound %t, want %t", name, got, c.want)
		}
	}
}

func TestNoKeyInStateOrEventsOrText(t *testing.T) {
	r := newRig(t)
	digits := testToken(t, testTID(t, testStart()), 10)
	r.keypad(digits[:19])
	for _, v := range []any{r.keys, &r.keys, r.panel, &r.panel} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
			text := fmt.Sprintf(verb, v)
			if !strings.Contains(text, "masked") {
				t.Errorf("%s of %T is %q, want a mask", verb, v, text)
			}
		}
	}
	json, err := r.keys.MarshalJSON()
	if err != nil || !strings.Contains(string(json), "masked") {
		t.Errorf("JSON of the keys is %s, %v", json, err)
	}
	if !r.keys.Reveal().Equal(testKey(t)) || r.keys.Info().Base != sts.Base2014 {
		t.Error("the keys do not give back what they were made of")
	}
}
