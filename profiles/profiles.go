// Package profiles holds the device profiles that come with Paywatt, a file each: how a device that knows nothing of
// Paywatt speaks. Its only content is [Files]; internal/profile reads them and says what every key means.
package profiles

import "embed"

// Files are the profiles by file name.
//
//go:embed *.toml
var Files embed.FS
