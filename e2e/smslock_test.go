package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
)

// A stranger guesses by SMS until that channel of the meter is locked. The server's own message is rejected too, because its sender cannot
// be proved, and waits for the next day. A token pushed over the meter's connection loads at once, and so does a token typed at the keypad.
func TestGuessingBySMSLocksNoOtherWay(t *testing.T) {
	t.Parallel()
	const ours, theirs, stranger = "+255700000280", "+255700000281", "+255711000280"
	r := startRadio(t, "--number", ours, "--number", theirs)
	p, srv, a := smsPlace(t, freePorts(t, 1)[0], fmt.Sprintf("[[sms_route]]\nname = \"modem1\"\nkind = \"modem\"\nport = %q\nnumber = %q\n", r.ptys[ours], ours))
	m := a.meter(t, number(1403))
	a.must(t, 200, "POST", "/v1/meters/"+m.number+"/sim", map[string]any{"sim_phone": theirs}, "Idempotency-Key", "sim-"+m.number)
	vm := p.meterProcess(t, t.TempDir(), srv.mqtt, m, "--modem", r.ptys[theirs], "--phone", ours)
	vm.must(t, "sync")

	const guesses = 10
	for i := range guesses {
		wrong := p.run(t, "", "token", "encode", "--key", "0123456789abcdef", "--ea", "07", "--units", "9.9", "--tid", fmt.Sprint(6_500_000+i), "-o", "json")
		var made struct{ Token string }
		if err := json.Unmarshal([]byte(wrong), &made); err != nil || made.Token == "" {
			t.Fatalf("%v: %s", err, wrong)
		}
		if err := r.Send(t.Context(), stranger, theirs, "*02#"+made.Token); err != nil {
			t.Fatal(err)
		}
	}
	await.True(t, "the server is told of the lock", func() bool {
		return strings.Contains(string(a.must(t, 200, "GET", "/v1/alarms", nil).body), "token-lockout")
	})
	var told []string
	await.True(t, "the stranger has three answers", func() bool {
		heard, err := r.Messages(t.Context(), stranger, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		told = nil
		for _, x := range heard { // delivery reports have no text
			if x.Text != "" {
				told = append(told, x.Text)
			}
		}
		return len(told) >= 3
	})
	if want := []string{"Token rejected.", "Token rejected.", "Token rejected."}; !slices.Equal(told, want) {
		t.Errorf("%d guesses are answered by %q, want %q", guesses, told, want)
	}

	bySMS := a.mustVend(t, m.number, 10_000, "locked-000001", "meter_sms")
	message := a.must(t, 200, "GET", "/v1/messages?sale="+bySMS.text(t, "id"), nil).text(t, "data", 0, "id")
	await.True(t, "the message to the locked meter waits for another day", func() bool {
		x := a.must(t, 200, "GET", "/v1/messages/"+message, nil)
		var got struct {
			State, Failure string
			NextAt         time.Time `json:"next_at"`
		}
		if err := json.Unmarshal(x.body, &got); err != nil {
			t.Fatal(err)
		}
		return got.State == "queued" && strings.Contains(got.Failure, "rejects") && time.Until(got.NextAt) > 23*time.Hour
	})
	if before := vm.must(t, "show").BalanceWh; before != 0 {
		t.Errorf("the locked channel has loaded %d Wh", before)
	}
	byPush := a.mustVend(t, m.number, 10_000, "locked-000002", "mqtt")
	tokenIs(t, a, byPush, "accepted")
	both := bySMS.num(t, "units_wh") + byPush.num(t, "units_wh")
	if got := vm.must(t, "key *1"+bySMS.text(t, "tokens", 0, "digits")+"#"); got.LastToken != "accept" || got.BalanceWh != both {
		t.Errorf("typed at the keypad: %s, %d Wh, want accept and %d", got.LastToken, got.BalanceWh, both)
	}
	vm.must(t, "sync")
	tokenIs(t, a, bySMS, "accepted")
}
