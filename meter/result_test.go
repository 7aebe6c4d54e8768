package meter_test

import (
	"testing"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
)

// This test produces every result that a meter can give, and checks the name and the number that meters show for it.
func TestEveryAnswerWithItsNumber(t *testing.T) {
	tid := testTID(t, testStart())
	credit := func(tid sts.TID, tenths int64) func(*rig) string {
		return func(*rig) string { return testToken(t, tid, tenths) }
	}
	sections := func(kt sts.KeyType, enter int) func(*rig) string {
		return func(r *rig) string {
			set := keySet(t, testKey(t), sts.KeyChange{
				Key: aKey(t, sts.EA07, 2), KEN: 255, KRN: 2, KT: kt, TI: "01", SGC: "123456",
			})
			for _, digits := range set[:enter-1] {
				r.last(digits, meter.Keypad, "")
			}
			return set[enter-1]
		}
	}
	seen := map[sts.Result]bool{}
	for _, c := range []struct {
		name   string
		status uint8
		digits func(*rig) string
	}{
		{"accept", 1, credit(tid, 10)},
		{"kct_1st", 2, sections(sts.DUTK, 1)},
		{"kct_nth", 3, sections(sts.DUTK, 2)},
		{"overflow_error", 4, func(r *rig) string { r.cfg.MaxBalance = 999; return testToken(t, tid, 10) }},
		{"key_type_error", 5, sections(sts.DCTK, 3)},
		{"format_error", 6, func(*rig) string { return "1234" }},
		{"range_error", 7, credit(tid, 16_384)},
		{"function_error", 8, func(*rig) string { return manageFor(t, testKey(t), sts.ManageWaterFactor, tid, 1) }},
		{"old_error", 9, credit(5, 10)},
		{"used_error", 10, func(r *rig) string { r.last(testToken(t, tid, 10), meter.Keypad, ""); return testToken(t, tid, 10) }},
		{"key_expired_error", 11, func(r *rig) string { r.state.Key.KEN = 1; return testToken(t, tid, 10) }},
		{"ddtk_error", 12, func(r *rig) string { r.state.Key.Type = sts.DDTK; return testToken(t, tid, 10) }},
		{"crc_error", 13, func(*rig) string { return wrongToken(t, 2) }},
		{"mfr_code_error", 14, func(*rig) string { return testFor(t, sts.TestShort, 4, 9) }},
		{"locked", 15, func(r *rig) string { r.state.Guards[meter.Keypad-1].Until = 600; return testToken(t, tid, 10) }},
		{"busy", 16, func(r *rig) string {
			r.lazy = true
			r.token(testToken(t, tid, 10), meter.SMS, "")
			return testToken(t, tid, 10)
		}},
		{"storage_error", 0, func(r *rig) string { r.mem.fail = true; return testToken(t, tid, 10) }},
	} {
		r := newRig(t)
		digits := c.digits(r)
		n := len(r.outbox)
		got := r.last(digits, meter.Keypad, "").Code
		status, has := got.Status()
		if got.String() != c.name || status != c.status && has || has != (c.status != 0) {
			t.Errorf("got %s %d, want %s %d", got, status, c.name, c.status)
		}
		if rep := r.outbox[n]; rep.Kind != meter.ReportToken || rep.Result != got {
			t.Errorf("%s: the server is told %s", c.name, rep.Result)
		}
		if got != sts.Accept && got != sts.KCT1st && got != sts.KCTNth {
			args := r.outbox[n+1].Args()
			if number, named := args["status"]; args["result"] != c.name || named != has || has && number != int64(c.status) {
				t.Errorf("%s: event 302 %v", c.name, args)
			}
		}
		seen[got] = true
	}
	if want := int(sts.StorageError); len(seen) != want {
		t.Errorf("%d answers, want all %d", len(seen), want)
	}
}
