// Package profiles holds the device profiles that come with Paywatt, one file each. A profile describes the messages of
// a device that does not know Paywatt. The package contains only [Files]; internal/profile reads them and documents
// every key.
package profiles

import "embed"

// Files are the profiles by file name.
//
//go:embed *.toml
var Files embed.FS
