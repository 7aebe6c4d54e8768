package bench

import (
	"bytes"
	"os"
	"strconv"
)

// Figures of a process's status: its resident memory now, and at its highest.
const (
	residentNow  = "VmRSS:"
	residentMost = "VmHWM:"
)

// readStatus returns a figure of this process's status in bytes. It returns 0 where the system does not tell.
func readStatus(name string) int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, after, _ := bytes.Cut(text, []byte(name))
	f := bytes.Fields(after)
	if len(f) == 0 {
		return 0
	}
	kb, _ := strconv.ParseInt(string(f[0]), 10, 64) // 0 for a text that is no number
	return kb << 10
}
