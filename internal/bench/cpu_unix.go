//go:build unix

package bench

import (
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
	"time"
)

// cpuOfSelf returns the processor time that this process has used so far.
func cpuOfSelf() time.Duration { return cpuOf(syscall.RUSAGE_SELF) }

// cpuOfChildren returns the processor time of this process's children that have ended, including their own children.
func cpuOfChildren() time.Duration { return cpuOf(syscall.RUSAGE_CHILDREN) }

func cpuOf(who int) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// ids returns the user and group ids of a user, which root needs to run commands as that user. ok is false if this
// process is not root and cannot switch users.
func ids(name string) (uid, gid uint32, ok bool, err error) {
	if os.Geteuid() != 0 {
		return 0, 0, false, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return 0, 0, false, err
	}
	id, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return 0, 0, false, err
	}
	group, err := strconv.ParseUint(u.Gid, 10, 32)
	return uint32(id), uint32(group), true, err
}

// canRunAs returns an error if this process is root and cannot run programs as the user.
func canRunAs(name string) error {
	_, _, _, err := ids(name)
	return err
}

// runAs makes a command run as the user if this process is root.
func runAs(cmd *exec.Cmd, name string) error {
	uid, gid, ok, err := ids(name)
	if err == nil && ok {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
	}
	return err
}

// giveTo makes the user the owner of a folder if this process is root.
func giveTo(dir, name string) error {
	uid, gid, ok, err := ids(name)
	if err != nil || !ok {
		return err
	}
	return os.Chown(dir, int(uid), int(gid))
}
