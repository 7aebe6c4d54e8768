//go:build !(linux || darwin || freebsd)

package sqlite

// spaceOf returns the space of the file system of dir; here always the zero space, for unknown.
func spaceOf(string) space { return space{} }
