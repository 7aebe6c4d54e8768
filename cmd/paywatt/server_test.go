package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/logtest"
)

// server runs paywatt serve on free ports until the script ends or says "server stop": server [ARG...]. It waits for
// the ready line and sets PAYWATT_URL and MQTT. Each warning in its log fails the script, except those that the script names: see warns.
func server(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: server [ARG...]")
	}
	if len(args) == 1 && args[0] == "stop" {
		stopServer(ts)
		return
	}
	bin := lookPath(ts, "paywatt")
	cmd := exec.Command(bin, append([]string{"serve", "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"}, args...)...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "PAYWATT_PASSPHRASE_FILE", "PAYWATT_DATA"} {
		if v := ts.Getenv(name); v != "" {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	log, err := os.Create(ts.MkAbs("server.log"))
	ts.Check(err)
	var said bytes.Buffer
	cmd.Stderr = io.MultiWriter(log, &said)
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
		for _, line := range logtest.Unexpected(said.String(), expected(ts)...) {
			ts.Fatalf("the script does not expect this in the server's log: %s", line)
		}
	})
	first := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(out).ReadString('\n')
		first <- line
	}()
	select {
	case line := <-first:
		var http, mqtt string
		if _, err := fmt.Sscanf(line, "http=%s mqtt=%s", &http, &mqtt); err != nil {
			b, _ := os.ReadFile(ts.MkAbs("server.log"))
			ts.Fatalf("the first line of serve is %q: %v\n%s", line, err, b)
		}
		ts.Setenv("PAYWATT_URL", "http://"+http)
		ts.Setenv("HTTP", http)
		ts.Setenv("MQTT", mqtt)
		ts.Setenv("SERVER_PID", fmt.Sprint(cmd.Process.Pid))
	case <-time.After(await.Limit):
		ts.Fatalf("%s: after %v serve is not ready", await.NotInTime, await.Limit)
	}
}

// expectedWarnings is the variable with the texts of the warnings that a script expects, one in each line.
const expectedWarnings = "EXPECTED_WARNINGS"

// warns names a warning that the script's servers may log, by a part of its line: warns TEXT.
func warns(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || args[0] == "" {
		ts.Fatalf("usage: warns TEXT")
	}
	ts.Setenv(expectedWarnings, strings.TrimPrefix(ts.Getenv(expectedWarnings)+"\n"+args[0], "\n"))
}

// expected lists the warnings that the script expects. There are none without a call of warns: an empty text would be part of every line.
func expected(ts *testscript.TestScript) []string {
	return slices.DeleteFunc(strings.Split(ts.Getenv(expectedWarnings), "\n"), func(text string) bool { return text == "" })
}

// stopServer asks the server to end and waits until its folder is free again.
func stopServer(ts *testscript.TestScript) {
	var pid int
	_, err := fmt.Sscan(ts.Getenv("SERVER_PID"), &pid)
	ts.Check(err)
	p, err := os.FindProcess(pid)
	ts.Check(err)
	ts.Check(p.Signal(syscall.SIGTERM))
	ended := time.After(await.Limit)
	for {
		b, err := os.ReadFile(ts.MkAbs("server.log"))
		ts.Check(err)
		if strings.Contains(string(b), "server stopped") {
			return
		}
		select {
		case <-ended:
			ts.Fatalf("%s: after %v the server has not stopped:\n%s", await.NotInTime, await.Limit, b)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func lookPath(ts *testscript.TestScript, name string) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		p := filepath.Join(dir, name)
		if info, err := os.Stat(p); err == nil && !info.IsDir() {
			return p
		}
	}
	ts.Fatalf("no %s in PATH", name)
	return ""
}

// readenv sets a variable to a file's text: readenv NAME FILE.
func readenv(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: readenv NAME FILE")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
}

// touch writes the time of this process's clock into a file: touch FILE. The file system's clock may be another: see tools/otherday.
func touch(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: touch FILE")
	}
	now := time.Now()
	ts.Check(os.Chtimes(ts.MkAbs(args[0]), now, now))
}

// newer makes a database look as if a later version had written it: newer FILE. The schema's number is in the file's header
// (SQLite file format, user version at offset 60).
func newer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: newer FILE")
	}
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_RDWR, 0)
	ts.Check(err)
	var version [4]byte
	binary.BigEndian.PutUint32(version[:], 9999)
	_, err = f.WriteAt(version[:], 60)
	ts.Check(err)
	ts.Check(f.Close())
}
