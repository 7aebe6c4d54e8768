package pgtest

import (
	"os"
	"os/exec"
	osuser "os/user"
	"strconv"
	"syscall"
)

// ids returns the numbers of the cluster's user; ok is false if this process is not root; the cluster then runs as the user of this
// process.
func ids() (uid, gid int, ok bool, err error) {
	if os.Geteuid() != 0 {
		return 0, 0, false, nil
	}
	u, err := osuser.Lookup(user)
	if err != nil {
		return 0, 0, false, err
	}
	if uid, err = strconv.Atoi(u.Uid); err != nil {
		return 0, 0, false, err
	}
	gid, err = strconv.Atoi(u.Gid)
	return uid, gid, true, err
}

// own makes the cluster's user the owner of a folder.
func own(dir string) error {
	uid, gid, ok, err := ids()
	if err != nil || !ok {
		return err
	}
	return os.Chown(dir, uid, gid)
}

// bind makes a program run as the cluster's user and end with this program.
func bind(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGINT}
	if uid, gid, ok, err := ids(); err == nil && ok {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
}
