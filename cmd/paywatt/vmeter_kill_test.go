package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/sts"
)

const (
	killNumber = "12345678903"
	killKey    = "0ABC12DEF3456789"
)

// killMeter is the real program with commands on its standard input. It can be killed at any moment.
type killMeter struct {
	t     *testing.T
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
}

func startKillMeter(t *testing.T, state string) *killMeter {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The test binary runs the program if it is called by the program's name (TestMain).
	cmd := exec.Command(exe)
	cmd.Args = []string{"paywatt", "vmeter", killNumber, "--script", "--offline", "--state", state, "--key", killKey}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return &killMeter{t: t, cmd: cmd, in: in, lines: bufio.NewScanner(out)}
}

// send writes a command; it ignores the error of a killed meter.
func (m *killMeter) send(command string) { _, _ = fmt.Fprintln(m.in, command) }

// read returns the next state line, or false if the meter died before the line was complete.
func (m *killMeter) read() (device.View, bool) {
	m.t.Helper()
	if !m.lines.Scan() {
		return device.View{}, false
	}
	var v device.View
	if err := json.Unmarshal(m.lines.Bytes(), &v); err != nil {
		return device.View{}, false // the line was cut in the middle
	}
	return v, true
}

// kill ends the process at once, without a chance to clean up. It returns the states that the process had written by then, because a person
// could have read them.
func (m *killMeter) kill() (last []device.View) {
	m.t.Helper()
	if err := m.cmd.Process.Kill(); err != nil {
		m.t.Fatal(err)
	}
	for {
		v, ok := m.read()
		if !ok {
			break
		}
		last = append(last, v)
	}
	_ = m.cmd.Wait() // it reports that the process was killed
	return last
}

// quit ends the meter in an orderly way.
func (m *killMeter) quit() {
	m.t.Helper()
	if err := m.in.Close(); err != nil {
		m.t.Fatal(err)
	}
	if err := m.cmd.Wait(); err != nil {
		m.t.Errorf("the meter ended with %v", err)
	}
}

// killLedger is the test's record of the tokens, each of 1 kWh.
type killLedger struct {
	t        *testing.T
	rnd      *rand.Rand
	key      sts.Key
	next     sts.TID
	typed    []string        // tokens typed in the previous round
	accepted map[string]bool // tokens that a state line reported as accepted
}

func (l *killLedger) token() string {
	l.t.Helper()
	l.next++
	a, err := sts.EncodeTenths(10)
	if err != nil {
		l.t.Fatal(err)
	}
	token, err := sts.EncodeCredit(l.key, sts.Credit{TID: l.next, Amount: a})
	if err != nil {
		l.t.Fatal(err)
	}
	return token.Reveal()
}

const killFirstTID = 5_871_715

// TestKillingTheMeterNeverLosesOrDoublesAToken kills the program at random moments while tokens are typed, and also tears the
// end of its log. After each restart it types every token of the previous round again, and each token must have been credited
// exactly once.
func TestKillingTheMeterNeverLosesOrDoublesAToken(t *testing.T) {
	const seed = 20261120
	state := filepath.Join(t.TempDir(), "state")
	key, err := sts.NewKey(sts.EA07, []byte{0x0A, 0xBC, 0x12, 0xDE, 0xF3, 0x45, 0x67, 0x89})
	if err != nil {
		t.Fatal(err)
	}
	l := &killLedger{t: t, rnd: rand.New(rand.NewPCG(seed, 0)), key: key, next: killFirstTID, accepted: map[string]bool{}}
	for round := range tier.MeterKills.N() {
		m := startKillMeter(t, state)
		l.again(m)
		l.typeAndKill(m)
		tearLog(t, l.rnd, state)
		if t.Failed() {
			t.Fatalf("seed %d, round %d", seed, round)
		}
	}
	m := startKillMeter(t, state)
	l.again(m)
	m.quit()
	t.Logf("%d kills, %d tokens, %d of them seen accepted", tier.MeterKills.N(), l.next-killFirstTID, len(l.accepted))
}

// again types the tokens of the previous round, and compares the balance with the sum of all tokens.
func (l *killLedger) again(m *killMeter) {
	l.t.Helper()
	for _, digits := range l.typed {
		m.send("key *1" + digits + "#")
		v, ok := m.read()
		if !ok || (v.LastToken != "accept" && v.LastToken != "used_error") {
			l.t.Fatalf("a token again: %+v, %v", v, ok)
		}
		if l.accepted[digits] && v.LastToken == "accept" {
			l.t.Error("a token that had been shown as accepted was accepted again")
		}
	}
	m.send("show")
	if v, ok := m.read(); !ok || v.BalanceWh != int64(l.next-killFirstTID)*1000 {
		l.t.Errorf("balance %d Wh for %d tokens of 1 kWh", v.BalanceWh, l.next-killFirstTID)
	}
}

// typeAndKill types up to five tokens and kills the meter after some answers and a further random moment.
func (l *killLedger) typeAndKill(m *killMeter) {
	l.t.Helper()
	l.typed = make([]string, 1+l.rnd.IntN(5))
	for i := range l.typed {
		l.typed[i] = l.token()
		m.send("key *1" + l.typed[i] + "#")
	}
	var seen []device.View
	for range l.rnd.IntN(len(l.typed)) {
		v, ok := m.read()
		if !ok {
			l.t.Fatal("the meter ended by itself")
		}
		seen = append(seen, v)
	}
	<-time.After(time.Duration(l.rnd.IntN(2000)) * time.Microsecond)
	for i, v := range append(seen, m.kill()...) {
		if v.LastToken != "accept" {
			l.t.Errorf("token: %+v", v)
		}
		l.accepted[l.typed[i]] = true
	}
}

// tearLog leaves half a frame at the end of the log, as a power cut in the middle of a write does.
func tearLog(t *testing.T, rnd *rand.Rand, state string) {
	t.Helper()
	if rnd.IntN(2) == 0 {
		return
	}
	f, err := os.OpenFile(filepath.Join(state, "outbox"), os.O_WRONLY|os.O_APPEND, 0)
	if os.IsNotExist(err) {
		return // the meter was killed before it made a memory
	}
	if err != nil {
		t.Fatal(err)
	}
	torn := "\xa5\x5a\x02" + strings.Repeat("\x00torn", 1+rnd.IntN(40))
	if _, err := f.WriteString(torn[:1+rnd.IntN(len(torn))]); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
