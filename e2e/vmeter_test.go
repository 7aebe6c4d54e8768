package e2e

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
)

// state is the line a scripted meter writes after each command.
type state struct {
	T          time.Time `json:"t"`
	RegisterWh int64     `json:"register_wh"`
	BalanceWh  int64     `json:"balance_wh"`
	ECUsedWh   int64     `json:"ec_used_wh"`
	OverrunWh  int64     `json:"overrun_wh"`
	Relay      string    `json:"relay"`
	Reasons    []string  `json:"reasons"`
	LCD        []string  `json:"lcd"`
	LED        string    `json:"led"`
	Buzzer     string    `json:"buzzer"`
	SMSOut     []struct {
		To   string `json:"to"`
		Text string `json:"text"`
	} `json:"sms_out"`
	LastToken string `json:"last_token"`
}

// vmeter is a running `paywatt vmeter NUMBER --script`.
type vmeter struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	lines  chan string
	log    *buffer
	exited chan struct{}
}

var errGone = errors.New("the meter process ended")

// startMeter starts a scripted meter whose memory is in dir.
func (p *place) startMeter(dir, mqtt string, s secrets, more ...string) (*vmeter, error) {
	args := []string{"vmeter", s.number, "--script", "--state", dir, "--key", s.decoderKey, "--ea", "07"}
	if mqtt == "" {
		args = append(args, "--offline")
	} else {
		args = append(args, "--mqtt", "mqtt://"+mqtt, "--password", s.password, "--link-key", s.linkKey)
	}
	return scripted(p.bin, append(args, more...))
}

// scripted starts a device that a script drives.
func scripted(bin string, args []string) (*vmeter, error) {
	cmd := exec.Command(bin, args...)
	cmd.Env = os.Environ()
	m := &vmeter{cmd: cmd, lines: make(chan string, 16), log: &buffer{}, exited: make(chan struct{})}
	cmd.Stderr = m.log
	var err error
	if m.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		r := bufio.NewScanner(out)
		for r.Scan() {
			m.lines <- r.Text()
		}
		close(m.lines)
		_ = cmd.Wait()
		close(m.exited)
	}()
	return m, nil
}

func (p *place) meterProcess(t testing.TB, dir, mqtt string, s secrets, more ...string) *vmeter {
	t.Helper()
	m, err := p.startMeter(dir, mqtt, s, more...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.kill)
	return m
}

func (m *vmeter) kill() {
	_ = m.cmd.Process.Kill()
	for range m.lines {
	}
	<-m.exited
}

// send gives one command and waits for its state line.
func (m *vmeter) send(command string, within time.Duration) (s state, err error) {
	err = m.sendFor(command, within, &s)
	return s, err
}

// sendFor is send for devices whose state line has other fields.
func (m *vmeter) sendFor(command string, within time.Duration, into any) error {
	if _, err := fmt.Fprintln(m.in, command); err != nil {
		return errGone
	}
	select {
	case line, ok := <-m.lines:
		if !ok {
			return errGone
		}
		if err := json.Unmarshal([]byte(line), into); err != nil {
			return fmt.Errorf("%q answered %q: %w", command, line, err)
		}
		return nil
	case <-time.After(within):
		return fmt.Errorf("%s: %q: no answer within %v\nstderr: %s", await.NotInTime, command, within, m.log)
	}
}

func (m *vmeter) must(t testing.TB, command string) state {
	t.Helper()
	s, err := m.send(command, await.Limit)
	if err != nil {
		t.Fatalf("%v, after the command %s\nstderr: %s", err, command, m.log)
	}
	return s
}

// quit ends the process in an orderly way.
func (m *vmeter) quit(t testing.TB) {
	t.Helper()
	_, _ = fmt.Fprintln(m.in, "quit")
	go func() {
		for range m.lines {
		}
	}()
	select {
	case <-m.exited:
	case <-time.After(await.Limit):
		t.Errorf("%s: after %v the meter has not quit\nstderr: %s", await.NotInTime, await.Limit, m.log)
		_ = m.cmd.Process.Kill()
	}
}

func has(list []string, want string) bool {
	for _, s := range list {
		if strings.EqualFold(s, want) {
			return true
		}
	}
	return false
}
