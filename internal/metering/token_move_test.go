package metering_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/metering"
)

// TestEveryMoveOfEveryState checks the state after each move. A row lists the states in the order of the moves; a dot means that the state
// stays the same.
func TestEveryMoveOfEveryState(t *testing.T) {
	const moves = metering.MoveReclaimed + 1
	const words = `
		                      made    failed  sent  heard  accepted  rejected  unheard  used      cancelled  reversed              reclaimed
		reserved              issued  failed  .     .      .         .         .        .         .          .                     .
		issued                .       .       sent  heard  accepted  rejected  .        accepted  reversed   reversed_unconfirmed  .
		sent                  .       .       .     heard  accepted  rejected  .        accepted  reversed   reversed_unconfirmed  .
		heard                 .       .       .     .      accepted  rejected  sent     accepted  reversed   reversed_unconfirmed  .
		accepted              .       .       .     .      .         .         .        .         reversed   reversed_unconfirmed  .
		rejected              .       .       .     .      accepted  .         .        accepted  reversed   reversed_unconfirmed  .
		failed                .       .       .     .      .         .         .        .         .          .                     .
		reversed              .       .       .     .      .         .         .        accepted  .          .                     .
		reversed_unconfirmed  .       .       .     .      .         .         .        .         reversed   .                     accepted`
	rows := strings.Split(strings.TrimSpace(words), "\n")
	states := []metering.TokenState{metering.TokenReserved, metering.TokenIssued, metering.TokenSent, metering.TokenHeard, metering.TokenAccepted,
		metering.TokenRejected, metering.TokenFailed, metering.TokenReversed, metering.TokenReversedUnconfirmed}
	if len(rows) != len(states)+1 {
		t.Fatalf("%d rows for %d states", len(rows)-1, len(states))
	}
	for i, row := range rows[1:] {
		cells := strings.Fields(row)
		if len(cells) != int(moves)+1 || cells[0] != string(states[i]) {
			t.Fatalf("row %d is of %s with %d moves, want %s with %d", i, cells[0], len(cells)-1, states[i], moves)
		}
		for m := range moves {
			want := metering.TokenState(cells[m+1])
			leads := want != "."
			if !leads {
				want = states[i]
			}
			if got := states[i].After(m); got != want {
				t.Errorf("%s after %s is %s, want %s", states[i], strings.Fields(rows[0])[m], got, want)
			}
			if slices.Contains(m.From(), states[i]) != leads {
				t.Errorf("%s leads on from %v; from %s: want %t", strings.Fields(rows[0])[m], m.From(), states[i], leads)
			}
		}
	}
}

// TestWhatProvesThatAMeterHasAToken checks which results are proof. A meter that was told to cancel a token answers used_error whether it
// loaded or cancelled the token.
func TestWhatProvesThatAMeterHasAToken(t *testing.T) {
	for _, c := range []struct {
		result string
		told   bool
		want   bool
	}{{"accept", false, true}, {"accept", true, true}, {"used_error", false, true}, {"used_error", true, false}, {"crc_error", false, false},
		{"crc_error", true, false}, {"locked", false, false}, {"kct_1st", false, false}, {"sms_accept", false, false}, {"", false, false}} {
		if got := metering.HasIt(c.result, c.told); got != c.want {
			t.Errorf("%q, told to cancel it: %t: %t, want %t", c.result, c.told, got, c.want)
		}
	}
}
