package bench

import (
	"bytes"
	"os"
	"runtime/debug"
	"strconv"
)

// grown runs work and returns by how many bytes the memory of this process grew meanwhile at most: its resident memory at its highest, less
// what it was before. It returns 0 where the system does not tell.
func grown(work func() error) (int64, error) {
	debug.FreeOSMemory()
	before := fromStatus("VmRSS:")
	err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // the highest value begins again at the present one
	if no := work(); no != nil || err != nil {
		return 0, no
	}
	return max(0, fromStatus("VmHWM:")-before), nil
}

// fromStatus returns a figure of this process's status in bytes.
func fromStatus(name string) int64 {
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
