//go:build !linux

package sqlite_test

import "testing"

// smallDisk is a page limit: this system has no file systems in memory that a test could make.
func smallDisk(t *testing.T) disk { return pageLimit(t) }
