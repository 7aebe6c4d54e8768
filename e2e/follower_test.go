package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/codeblock"
)

// follower follows a page in its own bash, in a new folder, with the real binary as paywatt on the PATH. Each command finds what earlier
// commands left in the environment and in the folder.
type follower struct {
	t     *testing.T
	dir   string
	in    io.Writer
	done  chan string // the exit code of each command
	count int
	last  ranCommand
	swap  *strings.Replacer // replaces texts of the page as a reader would
	hosts *strings.Replacer
	// expected are texts of warnings that following the page causes in a log.
	expected []string
}

// ranCommand is a command that ran.
type ranCommand struct{ command, output string }

// shown prints the rest of the last output line that begins with a name, such as a secret. bus prints the address of the emulated
// network. block prints the text of one block of a page, by its kind and its number among the blocks of that kind, from 0.
//
// personkey makes a confirmed person with a role, and prints an API key of that person.
const shown = `personkey() { curl -sf -o /dev/null -d 'password=two cows and a bicycle' \
	$PAYWATT_URL$(PAYWATT_KEY=$(cat $KEYED/key) paywatt person invite $1 --role $2 -o json | grep -o '/invite/[^"]*') && paywatt person confirm $1 --data ./paywatt-data > /dev/null &&
	paywatt apikey create --role $2 --person $1; }
shown() { cat $(ls -tr step.*) | grep -a "^$1" | tail -n 1 | sed -E "s/^$1 *//; s/ (pty|mqtt)=.*//"; }
bus() { cat step.* | sed -nE 's/^http=([^ ]*)$/\1/p' | tail -n 1; }
block() { awk -v kind="$2" -v n="$3" 'BEGIN {fence = sprintf("%c%c%c", 96, 96, 96)} index($0, fence) == 1 {inside = 0}
inside; $0 == fence kind && n-- == 0 {inside = 1}' "$PAGES/$1"; }`

// newFollower opens the shell. The host replaces 127.0.0.1 on the pages, so that their ports are free. swap holds pairs: a text
// of the pages and the text that replaces it.
func newFollower(t *testing.T, bin, host string, swap ...string) *follower {
	t.Helper()
	r := &follower{t: t, dir: t.TempDir(), done: make(chan string)}
	r.swap, r.hosts = strings.NewReplacer(swap...), strings.NewReplacer("127.0.0.1:", host+":", "0.0.0.0:", host+":")
	path := filepath.Join(r.dir, "bin")
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"bin/paywatt": bin, "examples": "../examples"} {
		to, err := filepath.Abs(to)
		if err == nil {
			err = os.Symlink(to, filepath.Join(r.dir, name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	pages, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bash", "--norc", "--noprofile")
	cmd.Dir = r.dir
	own := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "PAYWATT_") })
	cmd.Env = append(own, "PATH="+path+":/usr/bin:/bin:/usr/sbin:"+os.Getenv("PATH"), "TZ=UTC", "LC_ALL=C.UTF-8", "TMPDIR="+r.dir, "PAGES="+pages,
		"HOST="+host, "PAYWATT_HTTP="+host+":8080", "PAYWATT_MQTT="+host+":1883")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r.in = in
	t.Cleanup(r.judgeLogs) // after the servers have ended
	t.Cleanup(func() {
		for i := max(1, r.count-12); t.Failed() && i <= r.count; i++ {
			t.Logf("command %d: %s", i, r.read(filepath.Join(r.dir, fmt.Sprintf("step.%03d", i))))
		}
	})
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			r.done <- lines.Text()
		}
		close(r.done)
	}()
	t.Cleanup(func() {
		_, _ = fmt.Fprintln(in, "kill $(jobs -p) 2>/dev/null; wait")
		_ = in.Close()
		ended := time.AfterFunc(10*time.Second, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
		_ = cmd.Wait()
		ended.Stop()
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // ends the commands that did not end with their shell
	})
	r.runs(shown)
	return r
}

// judgeLogs fails the test if a command has written a warning or an error of a log that the visit does not expect.
func (r *follower) judgeLogs() {
	l := &serverLogs{t: r.t, expected: r.expected}
	for _, form := range []string{"step.*", "*.log"} {
		files, err := filepath.Glob(filepath.Join(r.dir, form))
		if err != nil {
			r.t.Error(err)
		}
		for _, file := range files {
			_, _ = io.WriteString(l.newLog(), r.read(file)) // it never fails
		}
	}
	l.judge(r.t)
}

// runs runs commands as a page has them, and fails the test unless each ends with 0.
func (r *follower) runs(commands ...string) {
	r.t.Helper()
	for _, command := range commands {
		if code := r.tries(command); code != "0" {
			r.t.Fatalf("exit %s: %s\n%s", code, r.last.command, r.last.output)
		}
	}
}

// tries runs one command and returns its exit code.
func (r *follower) tries(command string) (code string) {
	r.t.Helper()
	r.count++
	file := filepath.Join(r.dir, fmt.Sprintf("step.%03d", r.count))
	r.last.command = strings.TrimSpace(r.hosts.Replace(r.swap.Replace(command)))
	if meter := r.last.command; strings.HasPrefix(meter, "paywatt vmeter") && !strings.Contains(meter, "--script") && !strings.Contains(meter, "--legacy") {
		r.last.command += " --panel 127.0.0.1:0" // the follower has no terminal for its display
	}
	into := " </dev/null >" + file + " 2>&1"
	whole := "{ " + r.last.command + "\n}" + into
	ask := whole + "; echo $?\n"
	switch lasts := lasting.MatchString(r.last.command); {
	case lasts && strings.Contains(r.last.command, "|"):
		ask = whole + " & echo 0\n"
	case lasts: // without a shell around it, so that ending the job ends the command
		ask = into + " " + r.last.command + " & echo 0\n"
	}
	if _, err := io.WriteString(r.in, ask); err != nil {
		r.t.Fatal(err)
	}
	select {
	case code = <-r.done:
	case <-time.After(await.Limit):
		r.t.Errorf("%s: after %v still not ended: %s", await.NotInTime, await.Limit, r.last.command)
		code = "none"
	}
	if (strings.Contains(r.last.command, "serve") || strings.HasPrefix(r.last.command, "paywatt provider")) && lasting.MatchString(r.last.command) {
		await.True(r.t, r.last.command+" is ready", func() bool { return strings.Contains(r.read(file), "http=") })
	}
	r.last.output = r.read(file)
	return code
}

// lasting matches a command that runs until somebody ends it. A person runs it in another terminal.
var lasting = regexp.MustCompile(`^paywatt (modem )?serve\b|^paywatt provider simulate |^paywatt demo$|^(\./)?paywatt vmeter |^paywatt modem watch|python3 |^mosquitto(_sub)? `)

// read returns the present content of a file of the folder.
func (r *follower) read(file string) string {
	b, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.t.Error(err)
	}
	return string(b)
}

// follows runs the commands of a block and compares what they print with what the page shows. Some commands show the progress of another
// process. Such a command is run again until it prints what the page shows.
func (r *follower) follows(b codeblock.Block, v visit) {
	r.t.Helper()
	for _, s := range b.Steps() {
		want := s.Output
		if b.Kind == "json" {
			s, want = codeblock.Step{}, b.Text
		}
		code := "0"
		if s.Command != "" {
			code = r.tries(s.Command)
		}
		refused := v.refused != nil && strings.HasPrefix(s.Command, v.refused[0])
		for deadline := time.Now().Add(await.Limit); !refused && want != "" && !sameText(r.last.output, want, v.exact) && ripens.MatchString(r.last.command); {
			if time.Now().After(deadline) {
				break
			}
			<-time.After(100 * time.Millisecond)
			code = r.tries(r.last.command)
		}
		if refused {
			if !strings.Contains(r.last.output, "Code "+v.refused[1]) {
				r.t.Errorf("%s: got %s, want the refusal %s", b.Where(), r.last.output, v.refused[1])
			}
			continue
		}
		if code != "0" && !strings.HasPrefix(want, "paywatt: ") && !strings.HasPrefix(want, "FAIL ") {
			r.t.Fatalf("%s: exit %s: %s\n%s", b.Where(), code, r.last.command, r.last.output)
		}
		if want != "" && !sameText(r.last.output, want, v.exact) {
			r.t.Errorf("%s: %s\nprints\n%s\nthe page shows\n%s", b.Where(), r.last.command, r.last.output, want)
		}
	}
}

// ripens matches a command that may be repeated.
var ripens = regexp.MustCompile(`paywatt \w+ (list|show|usage|supply|readings|alarms|journals) |paywatt \w+ (list|alarms)$|/metrics`)

// changing lists the forms of text that differ from one run to the next, with the word that replaces each.
var changing = []struct {
	form *regexp.Regexp
	word string
}{
	{regexp.MustCompile(`\b[a-z]{3}_[0-9a-z]{26}\b`), "ID"},
	{regexp.MustCompile(`\breq_[0-9a-f]{24}\b`), "REQUEST"},
	{regexp.MustCompile(`\bcli-[A-Z2-7]{26}\b`), "REFERENCE"},
	{regexp.MustCompile(`\b[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z`), "TIME"},
	{regexp.MustCompile(`\b[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2} UTC`), "TIME"},
	{regexp.MustCompile(`\b[0-9]{4}-[0-9]{2}-[0-9]{2}\b`), "DAY"},
	{regexp.MustCompile(`\b[0-9]{4}( [0-9]{4}){4}\b|\b[0-9]{20}\b`), "TOKEN"},
	{regexp.MustCompile(`"tid":[0-9]+`), `"tid":N`},
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "KEY"},
	{regexp.MustCompile(`password +[A-Za-z0-9_-]{43}`), "password SECRET"},
	{regexp.MustCompile(`\b127\.[0-9.]+:[0-9]+`), "ADDRESS"},
	{regexp.MustCompile(`/dev/pts/[0-9]+`), "PTY"},
	{regexp.MustCompile(`(?m)^(paywatt_[a-z_]+(?:\{.*\})?) [0-9]+$`), "$1 N"},
}

// sameText compares an output with the output on a page. It ignores the widths of columns and, unless exact is set, identities, times and
// secrets. A line with only "…" on the page stands for any number of lines.
func sameText(got, want string, exact bool) bool {
	if strings.HasPrefix(want, "{") {
		got, want = got[strings.LastIndex(got, "\n{")+1:], unspaced(want)
	}
	for _, c := range changing {
		if !exact {
			got, want = c.form.ReplaceAllString(got, c.word), c.form.ReplaceAllString(want, c.word)
		}
	}
	plain := func(text string) string {
		var lines []string
		for line := range strings.Lines(text) {
			if fields := strings.Fields(line); len(fields) > 0 {
				lines = append(lines, strings.Join(fields, " "))
			}
		}
		return strings.Join(lines, "\n")
	}
	form := strings.ReplaceAll(regexp.QuoteMeta(plain(want)), "…", "(?s:.*)")
	return regexp.MustCompile("^" + form + "$").MatchString(plain(got))
}

// unspaced is JSON without the line breaks and indentation between its values.
func unspaced(text string) string { return regexp.MustCompile(`\n\s*`).ReplaceAllString(text, "") }
