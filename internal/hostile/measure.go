package hostile

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"syscall"
	"time"

	"github.com/paywatt/paywatt/internal/tier"
)

// Limits of what one hostile file may cost.
const (
	MaxTime   = time.Second // of processor time, on a machine that does nothing else
	MaxMemory = 100 << 20   // bytes more than before
)

// Below ./check long these limits are larger, because ./check also runs on a slow machine with other work. There a garbage collector
// that waits for a processor starts late, and the process holds more. ./check long checks the limits themselves.
const (
	slower = 20 // times as long. Without a limit in the reader a hostile file takes minutes
	larger = 2  // times as much memory. Without a limit in the reader a hostile workbook takes 250 MB and more
)

// Cost is what a call cost: processor time of the whole process with its garbage collector, and the largest growth of the memory that the
// process holds.
type Cost struct {
	Time   time.Duration
	Memory int64
}

// TooMuch reports whether a cost is above the limits.
func (c Cost) TooMuch() bool {
	longest, most := MaxTime, int64(MaxMemory)
	if !tier.IsLong() {
		longest *= slower
		most *= larger
	}
	return c.Time > longest || c.Memory > most
}

// sampled is how often memory is looked at. Memory goes back to the system slowly, so a coarse look finds the peak.
const sampled = 2 * time.Millisecond

// Measure runs a call and returns what it cost.
func Measure(do func()) Cost {
	const ordinary = 100 // the percentage that Go has without GOGC, and so has a server
	defer debug.SetGCPercent(debug.SetGCPercent(ordinary))
	debug.FreeOSMemory()
	before, began := held(), spent()
	over, peak := make(chan struct{}), make(chan int64)
	go func() {
		most := int64(0)
		tick := time.NewTicker(sampled)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				most = max(most, held())
			case <-over:
				peak <- max(most, held())
				return
			}
		}
	}()
	do()
	took := spent() - began
	close(over)
	return Cost{took, max(0, <-peak-before)}
}

// held returns how much memory of the system the process holds.
func held() int64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64()) - int64(s[1].Value.Uint64())
}

// spent returns the processor time of the process.
func spent() time.Duration {
	runtime.Gosched()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
