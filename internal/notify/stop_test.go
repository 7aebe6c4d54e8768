package notify_test

import (
	"crypto/sha256"
	"regexp"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/tier"
)

// hashes makes the codes of STOP.
type hashes struct{}

func (hashes) Hash(context string, data []byte) []byte {
	sum := sha256.Sum256([]byte(context + string(data)))
	return sum[:]
}

// stopCode asks for the end of warnings and returns the code in the answer.
func (o *office) stopCode(from string) string {
	o.t.Helper()
	got := o.receive(from, "STOP")
	if len(got) != 1 {
		o.t.Fatalf("STOP is answered by %q", got)
	}
	return regexp.MustCompile(`STOP (\d{6})`).FindStringSubmatch(got[0])[1]
}

// TestWarningsEndAndComeBack: STOP alone, whose sender may be forged, changes nothing. STOP with the code that went to the telephone ends
// the warnings, and START brings them back.
func TestWarningsEndAndComeBack(t *testing.T) {
	o := opened(t)
	code := o.stopCode(amina)
	ask := "To end warnings to this number, send STOP " + code + " within 12 hours. If you did not ask for this, do nothing: warnings still come."
	for _, text := range []string{"STOP", "STOP 1", "STOP 00" + code, "STOP " + o.stopCode(juma)} {
		o.want(amina, text, ask)
	}
	if len(o.stopped) != 0 || len(o.audit) != 0 {
		t.Errorf("a STOP without its code changes %v, %q", o.stopped, o.audit)
	}
	o.want(amina, "stop "+code[:3]+" "+code[3:]+".", "No more warnings to this number. Tokens, answers and the announcement of a cut-off still come. START brings warnings back.")
	if !o.stopped[amina] {
		t.Error("STOP with its code changes nothing")
	}
	o.receive(amina, "please do not start")
	if !o.stopped[amina] {
		t.Error("a sentence brings warnings back")
	}
	o.want(amina, "Start!", "Warnings come to this number again. STOP ends them.")
	if o.stopped[amina] || len(o.audit) != 2 {
		t.Errorf("after START warnings are stopped: %v; the audit log has %q", o.stopped[amina], o.audit)
	}
	for after, want := range map[time.Duration]bool{12 * time.Hour: true, 24*time.Hour + time.Minute: false} {
		o := opened(t)
		code := o.stopCode(amina)
		o.now = o.now.Add(after)
		if o.receive(amina, "STOP "+code); o.stopped[amina] != want {
			t.Errorf("%s later, the code works: %t, want %t", after, o.stopped[amina], want)
		}
	}
	o.receive(stranger, "STOP")
	if len(o.stopped) != 1 {
		t.Error("a stranger's STOP changes something")
	}
}

// TestAForgerUsesUpNoOtherWord: whoever sends one word all day in a customer's name keeps neither another word from being stored nor its
// answer from the customer.
func TestAForgerUsesUpNoOtherWord(t *testing.T) {
	tier.Slow(t)
	floods := []string{"BAL", "what?", "STOP", "12345678901234567890"}
	if tier.Race {
		floods = floods[:1] // the race detector takes ten times as long
	}
	for _, flood := range floods {
		o := opened(t)
		o.settled, o.left = money.Amount{Minor: 1, Currency: "KES"}, money.Amount{Minor: 1, Currency: "KES"}
		for range 8 {
			for range 2 * notify.MaxArrivals {
				o.receive(amina, flood)
			}
			o.now = o.now.Add(time.Hour)
		}
		for range notify.MaxArrivals + 1 {
			o.receive(amina, flood)
		}
		if got := o.receive(amina, flood); len(got) != 0 {
			t.Errorf("%s is still answered: %q", flood, got)
		}
		for _, word := range []string{"LAST", "START"} {
			if got := o.receive(amina, word); len(got) != 1 {
				t.Errorf("after a flood of %s, %s is answered by %q", flood, word, got)
			}
		}
	}
}
