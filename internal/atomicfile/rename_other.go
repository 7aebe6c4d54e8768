//go:build !linux

package atomicfile

// renameNew gives a file or folder a name that must be free. It returns fs.ErrExist if the name is taken.
func renameNew(from, to string) error { return renameChecked(from, to) }
