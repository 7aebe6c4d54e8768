package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
)

var update = flag.Bool("update", false, "rewrite the golden screens; read the diff")

// These constants are a meter that no test sells to, its key, and a token of 25.6 kWh for it.
const (
	faceNumber = "12345678903"
	faceKey    = "0ABC12DEF3456789"
	faceToken  = "20313347650588887731"
	facePhone  = "+254700000001"
)

// standingMeter makes the memory of a new meter with its clock stopped at 2026-11-20 08:00.
func standingMeter(t *testing.T, more ...string) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "meter")
	p := &place{bin: paywatt(t), env: os.Environ()}
	args := append([]string{"vmeter", faceNumber, "--script", "--offline", "--state", dir, "--key", faceKey, "--ea", "07"}, more...)
	p.run(t, "rtc 2026-11-20T08:00:00Z\nquit\n", args...)
	return dir
}

// terminal is a real terminal emulator, tmux, with one program in it.
type terminal struct {
	t      testing.TB
	socket string
}

// openTerminal starts a command line in a terminal of some columns and rows.
func openTerminal(t testing.TB, columns, rows int, env []string, command string) *terminal {
	t.Helper()
	needed(t, "tmux")
	s := &terminal{t: t, socket: filepath.Join(t.TempDir(), "tmux")}
	// A shell stays behind the command, so that its last output on the screen can be seen.
	script := command + `; echo "left with $?"; exec cat`
	cmd := exec.Command("tmux", "-S", s.socket, "-f", "/dev/null", "new-session", "-d", "-x", strconv.Itoa(columns), "-y", strconv.Itoa(rows), script)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("tmux: %v\n%s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("tmux", "-S", s.socket, "kill-server").Run() }) // tmux may have ended before
	return s
}

// ask runs a command of tmux and returns its output.
func (s *terminal) ask(args ...string) string {
	s.t.Helper()
	out, err := exec.Command("tmux", append([]string{"-S", s.socket}, args...)...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("tmux %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// text is the screen, without blanks at the ends of its lines.
func (s *terminal) text() string {
	s.t.Helper()
	lines := strings.Split(strings.TrimRight(s.ask("capture-pane", "-p"), "\n"), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

// types types characters as they are.
func (s *terminal) types(text string) { s.t.Helper(); s.ask("send-keys", "-l", text) }

// presses presses a key by its name.
func (s *terminal) presses(key string) { s.t.Helper(); s.ask("send-keys", key) }

func (s *terminal) resize(columns, rows int) {
	s.t.Helper()
	s.ask("resize-window", "-x", strconv.Itoa(columns), "-y", strconv.Itoa(rows))
}

// has waits until a text is on the screen.
func (s *terminal) has(want string) {
	s.t.Helper()
	for deadline := time.Now().Add(await.Limit); !strings.Contains(s.text(), want); {
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: no %q on the screen:\n%s", await.NotInTime, want, s.text())
		}
		<-time.After(20 * time.Millisecond)
	}
}

// golden waits until the screen equals the golden file. When that file is made, the marker shows that the screen is ready.
func (s *terminal) golden(name, marker string) {
	s.t.Helper()
	s.has(marker)
	file := filepath.Join("testdata", "terminal", name+".txt")
	if *update {
		<-time.After(500 * time.Millisecond) // the terminal may still get output
		if err := os.WriteFile(file, []byte(s.text()), 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatal(err)
	}
	for deadline := time.Now().Add(await.Limit); s.text() != string(want); {
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: the screen is not %s (go test ./e2e -run Terminal -update rewrites it):\n%s\nwant\n%s", await.NotInTime, file, s.text(), want)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// vmeterIn is the command line of a meter in a terminal with its time stopped.
func vmeterIn(t *testing.T, dir string, more ...string) string {
	args := append([]string{paywatt(t), "vmeter", faceNumber, "--offline", "--state", dir, "--speed", "0", "--phone", facePhone}, more...)
	return strings.Join(args, " ")
}

// TestTheMeterInATerminal drives the real binary through a pseudo-terminal of 80 by 24.
func TestTheMeterInATerminal(t *testing.T) {
	t.Parallel()
	s := openTerminal(t, 80, 24, []string{"LC_ALL=C.UTF-8"}, vmeterIn(t, standingMeter(t)))
	s.golden("1-new", "CREDIT  0.00 kWh")
	s.types(faceToken)
	s.golden("2-typed", "7731  20/20")
	s.types("#")
	s.golden("3-accepted", "ACCEPTED")
	s.presses("Escape")
	s.golden("4-menu", "1 RECHARGE")
	s.presses("Escape")
	s.golden("5-balance", "CREDIT 25.60 kWh")
	s.types(faceToken + "#")
	s.golden("6-used", "USED BEFORE")
	s.types(":*01#")
	s.presses("Enter")
	s.types("++l2300")
	s.presses("Enter")
	s.types("x")
	s.golden("7-world", "cover open")
	s.types("5")
	// The meter uses the terminal's own named colours, not the palette of 256 colours or 24-bit colours.
	if drawn := s.ask("capture-pane", "-e", "-p"); !strings.Contains(drawn, "\x1b[") || strings.Contains(drawn, "8;5;") || strings.Contains(drawn, "8;2;") {
		t.Errorf("colours that not every terminal has, or none: %q", drawn)
	}
	for _, size := range [][2]int{{50, 14}, {20, 5}, {11, 2}, {132, 43}, {79, 24}, {80, 23}} {
		s.resize(size[0], size[1])
		s.golden(fmt.Sprintf("8-window-%dx%d", size[0], size[1]), map[bool]string{true: "too small", false: "5"}[size[0] == 11])
	}
	s.resize(80, 24)
	s.golden("9-back", "1/20")
	s.types("q")
	s.leftClean(0)
}

// leftClean waits until the program has ended. It fails the test unless the terminal is as it was before: the ordinary screen, with a
// cursor, and only the program's last line on it.
func (s *terminal) leftClean(code int) {
	s.t.Helper()
	s.has("left with")
	if got, want := s.text(), fmt.Sprintf("left with %d\n", code); got != want {
		s.t.Errorf("after the end the screen is %q, want %q", got, want)
	}
	if got, want := s.ask("display-message", "-p", "#{alternate_on} #{cursor_flag}"), "0 1\n"; got != want {
		s.t.Errorf("alternate screen and cursor: %q, want %q", got, want)
	}
}

// TestTheMeterInAPlainTerminal: the screen has only ASCII if the locale has only ASCII or the user asks for it.
func TestTheMeterInAPlainTerminal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, locale string
		more         []string
	}{
		{"locale", "LC_ALL=C", nil}, {"option", "LC_ALL=C.UTF-8", []string{"--ascii"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := standingMeter(t, "--language", "fr")
			s := openTerminal(t, 80, 24, []string{c.locale}, vmeterIn(t, dir, append(c.more, "--display", "20x4")...))
			s.golden("ascii", "CREDIT      0.00 kWh")
			if text := s.text(); strings.ContainsFunc(text, func(r rune) bool { return r > '~' }) {
				t.Errorf("more than ASCII:\n%s", text)
			}
		})
	}
}

// TestAMeterInATerminalIsToldToEnd: a signal ends the meter as the key q does, and its memory is kept.
func TestAMeterInATerminalIsToldToEnd(t *testing.T) {
	t.Parallel()
	dir := standingMeter(t)
	pid := filepath.Join(t.TempDir(), "pid")
	command := fmt.Sprintf(`sh -c 'echo $$ > %s; exec "$@"' sh %s`, pid, vmeterIn(t, dir))
	s := openTerminal(t, 80, 24, []string{"LC_ALL=C.UTF-8"}, command)
	s.has("0.00 kWh")
	s.types(faceToken + "#")
	s.has("ACCEPTED")
	b, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(n, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.leftClean(0)
	again := openTerminal(t, 80, 24, []string{"LC_ALL=C.UTF-8"}, vmeterIn(t, dir))
	again.has("CREDIT 25.60 kWh")
}
