package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/gsm/bus"
	"github.com/paywatt/paywatt/internal/gsm/network"
	"github.com/paywatt/paywatt/internal/tier"
)

// happened counts the network's events of one kind for messages from one number to another. A delivery report counts as a message from the
// number to which the reported message went.
func (r *radio) happened(t *testing.T, kind network.Kind, from, to string) (n int) {
	t.Helper()
	all := r.events(t)
	for _, e := range all {
		if e.Kind == kind && "+"+e.From == from && "+"+e.To == to {
			n++
		}
	}
	return n
}

// awaitHappened waits until the network has done something exactly this many times.
func (r *radio) awaitHappened(t *testing.T, kind network.Kind, from, to string, times int) {
	t.Helper()
	await.True(t, fmt.Sprintf("%d times %s from %s to %s", times, kind, from, to), func() bool { return r.happened(t, kind, from, to) >= times })
	if n := r.happened(t, kind, from, to); n != times {
		t.Errorf("%s from %s to %s %d times, want %d", kind, from, to, n, times)
	}
}

// beside runs tests side by side, each with its own modem and telephone.
func beside(t *testing.T, first int, names []string, tests []func(*testing.T, *radio, string, string), args ...string) {
	t.Helper()
	number := func(i int) (string, string) {
		return fmt.Sprintf("+255700000%d", first+i), fmt.Sprintf("+255711000%d", first+i)
	}
	for i := range tests {
		n, _ := number(i)
		args = append(args, "--number", n)
	}
	r := startRadio(t, args...)
	var running sync.WaitGroup
	for i, test := range tests {
		n, phone := number(i)
		if _, err := r.Messages(t.Context(), phone, 0, 0); err != nil { // this call creates the phone
			t.Fatal(err)
		}
		running.Go(func() { t.Run(names[i], func(t *testing.T) { test(t, r, n, phone) }) })
	}
	running.Wait()
}

// A program requests a report only if its options or settings say so. Then the network makes the report, and the program shows it if it
// can. gammu-smsd and Kannel are tested in TestOtherProgramsUseTheModem.
func TestOtherProgramsTellOfDelivery(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	beside(t, 300, []string{"gammu", "smstools", "smstools as it comes", "gnokii"},
		[]func(*testing.T, *radio, string, string){gammuReports, smstoolsReports, smstoolsKeepsSilent, gnokiiAsks}, "--number", absent, "--delay", "20ms")
}

// absent is a modem that registers only when a test says so, so messages to it wait.
const absent = "+255700000399"

// gammu ends after sending, and the report goes to the modem's next reader: "gammu monitor".
func gammuReports(t *testing.T, r *radio, number, phone string) {
	rc := gammuConfig(t, r, number, "")
	if out, code := program(t, "", "gammu", "-c", rc, "sendsms", "TEXT", phone, "-text", "no report"); code != 0 {
		t.Errorf("without a report: exit %d: %s", code, out)
	}
	r.wantText(t, phone, number, "no report")
	register := func(registration int) {
		r.change(t, absent, bus.Change{Registration: &registration})
	}
	register(0)
	if out, code := program(t, "", "gammu", "-c", rc, "sendsms", "TEXT", absent, "-text", recharge, "-report"); code != 0 {
		t.Errorf("with a report: exit %d: %s", code, out)
	}
	log := daemon(t, "gammu", "-c", rc, "monitor")
	await.True(t, "gammu watches", func() bool { return strings.Contains(log.String(), "Enabling info about incoming SMS    : No error.") })
	register(1)
	await.True(t, "the report shown by gammu", func() bool {
		s := log.String()
		return strings.Contains(s, "SMS status report") && strings.Contains(s, "Delivery status      : Delivered") && strings.Contains(s, absent)
	})
	r.awaitHappened(t, network.Reported, absent, number, 1)
	if n := r.happened(t, network.Reported, phone, number); n != 0 {
		t.Errorf("%d reports that nobody asked for", n)
	}
}

// smstools passes a report to its event handler if two things are set: the modem shows reports, and smstools expects them.
func smstoolsReports(t *testing.T, r *radio, number, phone string) {
	dir := smstoolsPlace(t, r, number, "", "incoming = yes\nreport = yes\ninit = AT+CNMI=2,1,0,1,0\nusing_routed_status_report = yes\nrouted_status_report_cnma = no\n")
	smstoolsSends(t, dir, phone)
	daemon(t, "smsd", "-c"+dir+"/conf", "-t")
	r.wantText(t, phone, number, recharge)
	await.True(t, "the event REPORT", func() bool { return strings.Contains(contents(dir+"/events"), "REPORT "+dir+"/report/") })
	files, err := filepath.Glob(dir + "/report/M1.*")
	if err != nil || len(files) != 1 || !strings.Contains(contents(files[0]), "Status: 0,Ok,short message received by the SME") || !strings.Contains(contents(files[0]), "From: "+strings.TrimPrefix(phone, "+")) {
		t.Errorf("reports %q, %v", files, err)
	}
	r.awaitHappened(t, network.Reported, phone, number, 1)
}

// Here smstools runs without the last three settings of smstoolsReports. It requests the report because of "report = yes". But it never
// gets the report, because it does not set the modem to show reports. The test sees that smstools polls once more after the report exists.
func smstoolsKeepsSilent(t *testing.T, r *radio, number, phone string) {
	dir := smstoolsPlace(t, r, number, "", "incoming = yes\nreport = yes\n")
	smstoolsSends(t, dir, phone)
	daemon(t, "smsd", "-c"+dir+"/conf", "-t")
	r.wantText(t, phone, number, recharge)
	r.awaitHappened(t, network.Reported, phone, number, 1)
	if err := r.Send(t.Context(), phone, number, "after the report"); err != nil {
		t.Fatal(err)
	}
	await.True(t, "the message", func() bool { return strings.Contains(contents(dir+"/events"), "RECEIVED "+dir+"/incoming/") })
	if e := contents(dir + "/events"); strings.Contains(e, "REPORT") {
		t.Errorf("smstools tells of a report after all: %s", e)
	}
}

// gnokii requests a report only with -r. It cannot show a report from this modem: it reads reports from the SIM, where a
// SIM900 does not store them.
func gnokiiAsks(t *testing.T, r *radio, number, phone string) {
	rc := gnokiiConfig(t, r, number)
	for _, args := range [][]string{{"-r"}, nil} {
		text := fmt.Sprint("report ", len(args))
		if out, code := program(t, text, "gnokii", append([]string{"--config", rc, "--sendsms", phone}, args...)...); code != 0 || !strings.Contains(out, "Send succeeded") {
			t.Errorf("%s: exit %d: %s", text, code, out)
		}
		r.wantText(t, phone, number, text)
	}
	r.awaitHappened(t, network.Delivered, number, phone, 2)
	r.awaitHappened(t, network.Reported, phone, number, 1)
	if out, _ := program(t, "", "gnokii", "--config", rc, "--getsms", "SM", "1", "end"); strings.Contains(out, "Report") || r.used(t, number) != 0 {
		t.Errorf("%d things in the SIM: %s", r.used(t, number), out)
	}
}

// A SIM with three places gets seven messages. Four messages wait in the network until a program has read and deleted the
// first three, and each message arrives once. gammu is tested in TestOtherProgramsUseTheModem.
func TestOtherProgramsEmptyAFullSIM(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	beside(t, 310, []string{"gammu-smsd", "smstools", "gnokii", "Kannel"},
		[]func(*testing.T, *radio, string, string){fullSMSD, fullSmstools, fullGnokii, fullKannel}, "--slots", "3")
}

const manyTexts = 7

// fill sends a modem more than its SIM holds.
func fill(t *testing.T, r *radio, number, phone string) {
	t.Helper()
	for i := range manyTexts {
		if err := r.Send(t.Context(), phone, number, manyText(i)); err != nil {
			t.Fatal(err)
		}
	}
	await.True(t, "a full SIM", func() bool { return r.used(t, number) == 3 })
	await.True(t, "the others waiting", func() bool { return r.happened(t, network.Waiting, phone, number) >= manyTexts-3 })
	if n := r.happened(t, network.Delivered, phone, number); n != 3 {
		t.Errorf("%d messages are delivered to a SIM with three places", n)
	}
}

func manyText(i int) string { return fmt.Sprintf("text %d of many", i) }

// wantMany waits until each text is once in a program's output, and the SIM is empty.
func wantMany(t *testing.T, r *radio, number string, what func() string) {
	t.Helper()
	await.True(t, "the last text", func() bool {
		s := what()
		for i := range manyTexts {
			if !strings.Contains(s, manyText(i)) {
				return false
			}
		}
		return true
	})
	await.True(t, "an empty SIM", func() bool { return r.used(t, number) == 0 })
	for i := range manyTexts {
		if s := what(); strings.Count(s, manyText(i)) != 1 {
			t.Errorf("%q came %d times, want once: %s", manyText(i), strings.Count(s, manyText(i)), s)
		}
	}
}

func fullSMSD(t *testing.T, r *radio, number, phone string) {
	fill(t, r, number, phone)
	dir, rc := smsdPlace(t, r, number, "")
	// gammu-smsd passes all messages that it found in one poll to one call of this script.
	write(t, filepath.Join(dir, "onreceive"), "#!/bin/sh\nfor i in $(seq $SMS_MESSAGES); do eval echo \\\"\\$SMS_${i}_TEXT\\\"; done >> "+dir+"/received\n", 0o755)
	daemon(t, "gammu-smsd", "-c", rc)
	wantMany(t, r, number, func() string { return contents(dir + "/received") })
}

func fullSmstools(t *testing.T, r *radio, number, phone string) {
	fill(t, r, number, phone)
	dir := smstoolsPlace(t, r, number, "", "incoming = yes\n")
	daemon(t, "smsd", "-c"+dir+"/conf", "-t")
	wantMany(t, r, number, func() string {
		files, err := filepath.Glob(dir + "/incoming/M1.*")
		if err != nil {
			t.Fatal(err)
		}
		var all strings.Builder
		for _, f := range files {
			all.WriteString(contents(f) + "\n")
		}
		return all.String()
	})
}

// gnokii reads and deletes messages only when it is called.
func fullGnokii(t *testing.T, r *radio, number, phone string) {
	fill(t, r, number, phone)
	rc := gnokiiConfig(t, r, number)
	var all strings.Builder
	for have := 3; have < manyTexts+3; have += 3 {
		out, code := program(t, "", "gnokii", "--config", rc, "--getsms", "SM", "1", "3", "-d")
		if code != 0 && have < manyTexts {
			t.Errorf("read and delete: exit %d: %s", code, out)
		}
		all.WriteString(out)
		r.awaitHappened(t, network.Delivered, phone, number, min(have+3, manyTexts))
	}
	wantMany(t, r, number, all.String)
}

func fullKannel(t *testing.T, r *radio, number, phone string) {
	fill(t, r, number, phone)
	k := startKannel(t, modemGroup(r.ptys[number], number), "")
	wantMany(t, r, number, func() string {
		var all strings.Builder
		for _, m := range k.incoming(t) {
			all.WriteString(m.Text + "\n")
		}
		return all.String()
	})
}
