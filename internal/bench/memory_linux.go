package bench

import (
	"os"
	"runtime/debug"
)

// grown runs work and returns by how many bytes the memory of this process grew meanwhile at most: its resident memory at its highest, less
// what it was before. It returns 0 where the system does not tell.
func grown(work func() error) (int64, error) {
	debug.FreeOSMemory()
	before := readStatus(residentNow)
	err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // the highest value begins again at the present one
	if no := work(); no != nil || err != nil {
		return 0, no
	}
	return max(0, readStatus(residentMost)-before), nil
}
