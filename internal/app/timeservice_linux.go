package app

import "golang.org/x/sys/unix"

// timeService reports whether the system says that a time service keeps its clock: the kernel's state after adjtimex(2),
// which needs no rights when it is only read. The kernel forgets it when the clock is set by hand, and hours after the
// service has last adjusted it.
func timeService() bool {
	state, err := unix.Adjtimex(new(unix.Timex))
	return err == nil && state != unix.TIME_ERROR
}
