package meterdoc

import "slices"

// Keys returns the values that people may set.
func Keys() []Key { return slices.Clone(keys[:]) }
