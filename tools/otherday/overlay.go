package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// secondsFile is the name of the file with the seconds that are added to the time.
const secondsFile = "seconds"

// The lines of package time that change.
const (
	nowLine  = "\tsec, nsec, mono := runtimeNow()\n"
	nowShift = nowLine + "\tif !runtimeIsBubbled() {\n\t\tsec += otherDay\n\t}\n"
)

// reader is added to package time. It imports nothing that the package does not import already.
const reader = `
// otherDay is added to the seconds of the machine's clock.
var otherDay = readOtherDay(%q)

func readOtherDay(name string) (seconds int64) {
	fd, err := open(name)
	if err != nil {
		return 0
	}
	defer closefd(fd)
	text := make([]byte, 20)
	n, err := read(fd, text)
	if err != nil || n <= 0 {
		return 0
	}
	back := text[0] == '-'
	for _, c := range text[:n] {
		if '0' <= c && c <= '9' {
			seconds = seconds*10 + int64(c-'0')
		}
	}
	if back {
		return -seconds
	}
	return seconds
}
`

// writeOverlay writes a changed copy of package time into a folder, and the file for -overlay, whose path it returns.
func writeOverlay(dir, goroot string) (string, error) {
	original := filepath.Join(goroot, "src", "time", "time.go")
	src, err := os.ReadFile(original)
	if err != nil {
		return "", err
	}
	changed, err := change(string(src), filepath.Join(dir, secondsFile))
	if err != nil {
		return "", fmt.Errorf("%s: %w", original, err)
	}
	copied, overlay := filepath.Join(dir, "time.go.txt"), filepath.Join(dir, "overlay.json")
	text, err := json.Marshal(map[string]map[string]string{"Replace": {original: copied}})
	if err != nil {
		return "", err
	}
	if err := write(copied, []byte(changed)); err != nil {
		return "", err
	}
	return overlay, write(overlay, text)
}

// change makes time.Now add the seconds of a file.
func change(src, file string) (string, error) {
	if n := strings.Count(src, nowLine); n != 1 {
		return "", fmt.Errorf("time.Now has another form in this version of Go: %q occurs %d times", strings.TrimSpace(nowLine), n)
	}
	return strings.Replace(src, nowLine, nowShift, 1) + fmt.Sprintf(reader, file), nil
}

// write writes a file unless it has this text already.
func write(path string, text []byte) error {
	if was, err := os.ReadFile(path); err == nil && bytes.Equal(was, text) {
		return nil
	}
	return os.WriteFile(path, text, 0o644)
}
