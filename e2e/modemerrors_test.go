package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/gsm/bus"
	"github.com/paywatt/paywatt/internal/tier"
)

// The test shows how other programs' daemons handle "+CMS ERROR: 38, network out of order". The single commands of gammu and gnokii are in
// TestOtherProgramsUseTheModem.
func TestOtherProgramsMeetError38(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	peers := []struct {
		name     string
		failures int
		test     func(*testing.T, *radio, string, string)
	}{{"gammu-smsd", 2, gammuSMSD38}, {"smstools", 3, smstools38}, {"Kannel", 2, kannel38}}
	var args []string
	for i := range peers {
		args = append(args, "--number", fmt.Sprintf("+25570000027%d", i))
	}
	r := startRadio(t, args...)
	var running sync.WaitGroup
	for i, p := range peers {
		number, phone := fmt.Sprintf("+25570000027%d", i), fmt.Sprintf("+25571100027%d", i)
		if _, err := r.Messages(t.Context(), phone, 0, 0); err != nil { // this call creates the phone
			t.Fatal(err)
		}
		var fail []int
		for range p.failures {
			fail = append(fail, 38)
		}
		r.change(t, number, bus.Change{Fail: fail})
		running.Go(func() { t.Run(p.name, func(t *testing.T) { p.test(t, r, number, phone) }) })
	}
	running.Wait()
}

// once expects a phone to have a text exactly once.
func (r *radio) once(t *testing.T, phone, text string) {
	t.Helper()
	all, err := r.Messages(t.Context(), phone, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, m := range all {
		if m.Text == text {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%s has the text %d times, want once: %+v", phone, n, all)
	}
}

// gammu-smsd logs the number of the error and retries.
func gammuSMSD38(t *testing.T, r *radio, number, phone string) {
	dir, rc := smsdPlace(t, r, number, "retrytimeout=1\ndebuglevel=1\n")
	if out, code := program(t, "", "gammu-smsd-inject", "-c", rc, "TEXT", phone, "-text", recharge); code != 0 {
		t.Fatalf("inject: exit %d: %s", code, out)
	}
	daemon(t, "gammu-smsd", "-c", rc)
	r.wantText(t, phone, number, recharge)
	if n := strings.Count(contents(dir+"/log"), "status=38, reference=-1"); n != 2 {
		t.Errorf("error 38 was logged %d times, want 2:\n%s", n, contents(dir+"/log"))
	}
	r.once(t, phone, recharge)
}

// smstools gives up after three attempts and reports FAILED.
func smstools38(t *testing.T, r *radio, number, phone string) {
	dir := smstoolsPlace(t, r, number, "errorsleeptime = 1\n", "incoming = no\n")
	smstoolsSends(t, dir, phone)
	daemon(t, "smsd", "-c"+dir+"/conf", "-t")
	await.True(t, "the event FAILED", func() bool { return strings.Contains(contents(dir+"/events"), "FAILED "+dir+"/failed/m1") })
	if n := strings.Count(contents(dir+"/log"), "+CMS ERROR: 38 (Network out of order)"); n != 3 {
		t.Errorf("error 38 was logged %d times, want 3:\n%s", n, contents(dir+"/log"))
	}
	if all, err := r.Messages(t.Context(), phone, 0, 0); err != nil || len(all) != 0 {
		t.Errorf("the phone has %+v, %v", all, err)
	}
}

// Kannel logs the error and retries every sms-resend-freq seconds, without end and without a report.
func kannel38(t *testing.T, r *radio, number, phone string) {
	const text = "try again"
	k := startKannel(t, modemGroup(r.ptys[number], number), "")
	k.customer(t, 1270, phone)
	sent := k.send(t, phone, text)
	r.wantText(t, phone, number, text)
	if n := strings.Count(contents(k.dir+"/bearerbox.log"), "+CMS ERROR: Network out of order (38)"); n != 2 {
		t.Errorf("error 38 was logged %d times, want 2:\n%s", n, contents(k.dir+"/bearerbox.log"))
	}
	if m := k.awaitState(t, sent, "delivered"); len(m.Attempts) != 1 || m.Attempts[0].Report != "delivered" {
		t.Errorf("the server knows of the attempts %+v", m.Attempts)
	}
	r.once(t, phone, text)
}
