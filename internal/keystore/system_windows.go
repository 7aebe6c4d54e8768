package keystore

import "io/fs"

// othersMayRead always returns false: on Windows the mode bits of a file say nothing about its access list.
func othersMayRead(fs.FileInfo) bool { return false }
