//go:build !linux

package sqlite_test

import "testing"

// smallDisk returns a page limit: on this system a test cannot make a file system in memory.
func smallDisk(t *testing.T) disk { return pageLimit(t) }
