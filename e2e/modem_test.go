package e2e

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/gsm/bus"
	"github.com/paywatt/paywatt/internal/gsm/network"
)

// radio is a running `paywatt modem serve`.
type radio struct {
	*bus.Client
	ptys map[string]string // pseudo-terminals of the modems by number
	stop func()            // ends the process, as if the cable were pulled out
}

// events returns everything that happened on its network.
func (r *radio) events(t *testing.T) (all []network.Event) {
	t.Helper()
	if err := r.Do(t.Context(), http.MethodGet, "/events?after=0&wait=0s", nil, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// change makes something happen to a modem.
func (r *radio) change(t *testing.T, number string, x bus.Change) {
	t.Helper()
	if err := r.Do(t.Context(), http.MethodPost, "/modems/"+url.PathEscape(number), x, nil); err != nil {
		t.Fatal(err)
	}
}

// weather sets how reliably messages are delivered from now on.
func (r *radio) weather(t *testing.T, w bus.Weather) {
	t.Helper()
	if err := r.Do(t.Context(), http.MethodPut, "/weather", w, nil); err != nil {
		t.Fatal(err)
	}
}

// startRadio starts emulated modems and waits until they are ready. Their ports are links in the test's own folder: the system gives the number of a
// pseudo-terminal that was closed to the next one, and a server that opens its port again would find a modem of another test.
func startRadio(t *testing.T, args ...string) *radio {
	t.Helper()
	links, linked := map[string]string{}, slices.Contains(args, "--pty")
	for i, a := range args {
		if a == "--number" && !linked {
			link := filepath.Join(t.TempDir(), "modem")
			links[args[i+1]], args = link, append(args, "--pty", link)
		}
	}
	cmd := exec.Command(paywatt(t), append([]string{"modem", "serve"}, args...)...)
	log := &buffer{}
	cmd.Env, cmd.Stderr = os.Environ(), log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, cmd: cmd, log: log, exited: make(chan struct{})}
	r := &radio{ptys: map[string]string{}, stop: s.stop}
	lines := bufio.NewScanner(out)
	for want := 1 + strings.Count(strings.Join(args, " "), "--number"); want > 0 && lines.Scan(); want-- {
		if addr, ok := strings.CutPrefix(lines.Text(), "http="); ok {
			r.Client = bus.NewClient(addr)
			continue
		}
		var number, pty string
		if _, err := fmt.Sscanf(lines.Text(), "modem=%s pty=%s", &number, &pty); err != nil {
			t.Fatalf("modem serve says %q", lines.Text())
		}
		r.ptys[number] = cmp.Or(links[number], pty)
	}
	go func() {
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
		close(s.exited)
	}()
	t.Cleanup(s.stop)
	if r.Client == nil || len(r.ptys) == 0 {
		t.Fatalf("modem serve did not start: %s", log)
	}
	return r
}

// wantText waits until a phone has a text from a number.
func (r *radio) wantText(t *testing.T, phone, from, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), await.Limit)
	defer cancel()
	var all []network.Message
	for after := uint64(0); ctx.Err() == nil; {
		got, err := r.Messages(ctx, phone, after, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range got {
			all, after = append(all, m), m.N
			if m.From == from && m.Text == text && m.Report == "" {
				return
			}
		}
	}
	t.Fatalf("%s: %s never got %q from %s; it has %+v", await.NotInTime, phone, text, from, all)
}

// used returns how many messages a modem's SIM holds.
func (r *radio) used(t *testing.T, number string) int {
	t.Helper()
	all, err := r.Modems(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		if m.Number == number {
			return m.Used
		}
	}
	t.Fatalf("no modem %s", number)
	return 0
}

// program runs another program to its end.
func program(t *testing.T, stdin, name string, args ...string) (out string, code int) {
	t.Helper()
	needed(t, name)
	ctx, cancel := context.WithTimeout(t.Context(), await.Limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	b, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", name, err)
	}
	return string(b), cmd.ProcessState.ExitCode()
}

// daemon runs another program, and all programs that it starts, until the test ends. Then it kills them, because some take long to end and
// are not needed any more.
func daemon(t *testing.T, name string, args ...string) *buffer {
	t.Helper()
	needed(t, name)
	log := &buffer{}
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // kills the process group, which may have ended already
		_ = cmd.Wait()
	})
	return log
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func contents(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(b)
}

func TestTheDriverUsesAModemOfAnotherProcess(t *testing.T) {
	t.Parallel()
	const number, phone = "+255700000150", "+255711000150"
	r := startRadio(t, "--number", number, "--boot", "50ms")
	if err := r.Send(t.Context(), phone, number, "first"); err != nil {
		t.Fatal(err)
	}
	out, code := program(t, "", paywatt(t), "modem", "send", phone, "*02#12345678901234567890", "--port", r.ptys[number], "--report", await.Limit.String(), "-o", "json")
	if code != 0 || !strings.Contains(out, `"state": "delivered"`) || !strings.Contains(out, `"outcome": "accepted"`) {
		t.Errorf("exit %d: %s", code, out)
	}
	r.wantText(t, phone, number, "*02#12345678901234567890")
	if n := r.used(t, number); n != 1 {
		t.Errorf("%d messages in the SIM after sending, want the one that came before", n)
	}
	r.change(t, number, bus.Change{Fail: []int{30}})
	if out, code = program(t, "", paywatt(t), "modem", "send", phone, "x", "--port", r.ptys[number]); code != 4 || !strings.Contains(out, "+CMS ERROR: 30") {
		t.Errorf("refused by the network: exit %d: %s", code, out)
	}
	if out, code = program(t, "", paywatt(t), "modem", "send", "+255799999999", "x", "--port", r.ptys[number], "--report", await.Limit.String()); code != 0 || !strings.Contains(out, "failed (43)") {
		t.Errorf("to a number that nobody holds: exit %d: %s", code, out)
	}
	if out, code = program(t, "", paywatt(t), "modem", "send", phone, "x", "--port", r.ptys[number]+"9", "--wait", "100ms"); code != 5 {
		t.Errorf("no such port: exit %d: %s", code, out)
	}
	log := daemon(t, paywatt(t), "modem", "watch", "--port", r.ptys[number], "--delete")
	await.True(t, "the first message printed", func() bool { return strings.Contains(log.String(), "first") })
	await.True(t, "the first message deleted", func() bool { return r.used(t, number) == 0 })
	r.change(t, number, bus.Change{Reset: true})
	if err := r.Send(t.Context(), phone, number, "second"); err != nil {
		t.Fatal(err)
	}
	await.True(t, "the second message printed", func() bool { return strings.Contains(log.String(), "second") })
	if out, code = program(t, "", paywatt(t), "modem", "phone", phone, number, "third", "--bus", strings.TrimPrefix(r.URL, "http://")); code != 0 {
		t.Errorf("phone: exit %d: %s", code, out)
	}
	await.True(t, "the third message printed", func() bool { return strings.Contains(log.String(), "third") })
}

// listens waits until a program listens on a port of this machine.
func listens(t *testing.T, who string, port int) {
	t.Helper()
	await.True(t, who, func() bool {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}
