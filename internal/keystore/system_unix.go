//go:build unix

package keystore

import "io/fs"

// othersMayRead reports whether the file's mode lets somebody other than its owner read it.
func othersMayRead(info fs.FileInfo) bool { return info.Mode().Perm()&0o077 != 0 }
