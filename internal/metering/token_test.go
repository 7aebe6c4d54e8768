package metering_test

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/wire"
)

// TestWhatAReportChangesAboutAToken checks the effect of each kind of result on a token in each state.
func TestWhatAReportChangesAboutAToken(t *testing.T) {
	const none = metering.AlarmCode("")
	for _, c := range []struct {
		have     metering.TokenState
		result   string
		state    metering.TokenState
		answered bool
		alarm    metering.AlarmCode
	}{
		{metering.TokenIssued, "accept", metering.TokenAccepted, true, none},
		{metering.TokenSent, "accept", metering.TokenAccepted, true, none},
		{metering.TokenRejected, "accept", metering.TokenAccepted, true, none},
		{metering.TokenSent, "used_error", metering.TokenAccepted, true, none},
		{metering.TokenSent, "kct_1st", metering.TokenSent, true, none},
		{metering.TokenSent, "kct_nth", metering.TokenSent, true, none},
		{metering.TokenIssued, "crc_error", metering.TokenRejected, true, none},
		{metering.TokenSent, "old_error", metering.TokenRejected, true, none},
		{metering.TokenSent, "overflow_error", metering.TokenSent, false, none},
		{metering.TokenSent, "locked", metering.TokenSent, false, none},
		{metering.TokenSent, "busy", metering.TokenSent, false, none},
		{metering.TokenSent, "storage_error", metering.TokenSent, false, none},
		{metering.TokenSent, "of a newer meter", metering.TokenSent, false, none},
		{metering.TokenHeard, "accept", metering.TokenAccepted, true, none},
		{metering.TokenHeard, "used_error", metering.TokenAccepted, true, none},
		{metering.TokenHeard, "crc_error", metering.TokenRejected, true, none},
		{metering.TokenHeard, "locked", metering.TokenSent, false, none}, // a signed report replaces the word of the SMS
		{metering.TokenHeard, "of a newer meter", metering.TokenSent, false, none},
		{metering.TokenHeard, "kct_1st", metering.TokenSent, true, none},
		{metering.TokenAccepted, "crc_error", metering.TokenAccepted, true, none},
		{metering.TokenAccepted, "locked", metering.TokenAccepted, false, none},
		{metering.TokenReversed, "accept", metering.TokenReversed, true, metering.AlarmReversedUsed},
		{metering.TokenReversed, "used_error", metering.TokenReversed, true, none},
		{metering.TokenReversed, "crc_error", metering.TokenReversed, true, none},
		{metering.TokenReversedUnconfirmed, "accept", metering.TokenReversedUnconfirmed, true, metering.AlarmReversedUsed},
		{metering.TokenReversedUnconfirmed, "used_error", metering.TokenReversedUnconfirmed, true, metering.AlarmReversedUsed},
		{metering.TokenReversedUnconfirmed, "crc_error", metering.TokenReversedUnconfirmed, true, none},
		{metering.TokenReversedUnconfirmed, "busy", metering.TokenReversedUnconfirmed, false, none},
		{metering.TokenReserved, "accept", metering.TokenReserved, true, metering.AlarmGhostCredit},
		{metering.TokenReserved, "used_error", metering.TokenReserved, true, none},
		{metering.TokenFailed, "accept", metering.TokenFailed, true, metering.AlarmGhostCredit},
		{metering.TokenFailed, "crc_error", metering.TokenFailed, true, none},
	} {
		v := metering.JudgeToken(c.have, c.result)
		alarm := none
		if v.Alarm != nil {
			alarm = v.Alarm.Code
		}
		if v.State != c.state || v.Answered != c.answered || alarm != c.alarm {
			t.Errorf("%s, %s: %s, answered %t, alarm %q; want %s, %t, %q", c.have, c.result, v.State, v.Answered, alarm, c.state, c.answered, c.alarm)
		}
	}
	for _, result := range []string{"format_error", "crc_error", "mfr_code_error", "range_error", "function_error", "old_error", "key_expired_error", "key_type_error", "ddtk_error"} {
		if got := metering.EffectOf(result); got != metering.Refused {
			t.Errorf("%s: %d, want refused", result, got)
		}
	}
}

// TestWhatAnSMSChangesAboutAToken checks tokens in every state. An SMS makes no token accepted or rejected, changes only an unanswered
// credit token, and never ends the delivery.
func TestWhatAnSMSChangesAboutAToken(t *testing.T) {
	const none, used = metering.AlarmCode(""), metering.AlarmReversedUsed
	for _, c := range []struct {
		have, state    metering.TokenState
		accepted, used metering.AlarmCode // the alarm after an SMS with accept, and after an SMS with used_error
	}{
		{metering.TokenReserved, metering.TokenReserved, none, none},
		{metering.TokenIssued, metering.TokenHeard, none, none},
		{metering.TokenSent, metering.TokenHeard, none, none},
		{metering.TokenHeard, metering.TokenHeard, none, none},
		{metering.TokenAccepted, metering.TokenAccepted, none, none},
		{metering.TokenRejected, metering.TokenRejected, none, none},
		{metering.TokenFailed, metering.TokenFailed, none, none},
		{metering.TokenReversed, metering.TokenReversed, used, none},
		{metering.TokenReversedUnconfirmed, metering.TokenReversedUnconfirmed, used, used},
	} {
		for result, want := range map[string]metering.AlarmCode{"accept": c.accepted, "used_error": c.used} {
			for class, state := range []metering.TokenState{c.state, c.have, c.have} {
				v := metering.HearToken(metering.OwnToken{State: c.have, Class: uint8(class)}, result)
				alarm := none
				if v.Alarm != nil {
					alarm = v.Alarm.Code
				}
				if v.State != state || v.Answered || alarm != want {
					t.Errorf("%s, class %d, an SMS says %s: %s, answered %t, alarm %q; want %s, false, %q", c.have, class, result, v.State, v.Answered, alarm, state, want)
				}
			}
		}
	}
}

// TestOnlyAnAcceptedTokenIsAGhost checks that a report that proves nothing raises no alarm.
func TestOnlyAnAcceptedTokenIsAGhost(t *testing.T) {
	tid, classes := uint32(17), []uint8{0, 1, 2, 3}
	for _, c := range []struct {
		name   string
		result string
		tid    *uint32
		class  *uint8
		want   metering.AlarmCode
		words  string
	}{
		{"credit", "accept", &tid, &classes[0], metering.AlarmGhostCredit, "500 Wh (TID 17)"},
		{"management", "accept", &tid, &classes[2], metering.AlarmGhostToken, "(TID 17)"},
		{"a test token", "accept", &tid, &classes[1], "", ""},
		{"a class that is none", "accept", &tid, &classes[3], "", ""},
		{"used before", "used_error", &tid, &classes[0], "", ""},
		{"refused", "crc_error", &tid, &classes[0], "", ""},
		{"without a TID", "accept", nil, &classes[0], "", ""},
		{"without a class", "accept", &tid, nil, "", ""},
		{"of which nothing could be read", "crc_error", nil, nil, "", ""},
		{"accepted, of which nothing could be read", "accept", nil, nil, "", ""},
	} {
		a := metering.Ghost(&wire.Token{Result: c.result, TID: c.tid, Class: c.class, UnitsWh: 500})
		if c.want == "" && a != nil || c.want != "" && (a == nil || a.Code != c.want || !strings.Contains(a.Text, c.words)) {
			t.Errorf("%s: %+v, want %q", c.name, a, c.want)
		}
	}
}
