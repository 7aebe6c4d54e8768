package app

import (
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// timeService reports whether a time service synchronises the system's clock, from the kernel's state by adjtimex(2). Reading
// it needs no privileges. The kernel resets the state when the clock is set by hand, and hours after the service's last
// adjustment.
func timeService() bool {
	state, err := unix.Adjtimex(new(unix.Timex))
	return err == nil && state != unix.TIME_ERROR
}

// bootTime reads the identity of the boot and the time since then, also while the machine slept. Setting the clock does not change it.
func bootTime() (boot string, up time.Duration) {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", 0
	}
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return "", 0
	}
	return strings.TrimSpace(string(text)), time.Duration(t.Nano())
}
