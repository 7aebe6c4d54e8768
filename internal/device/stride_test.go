//go:build !race

package device_test

// usualStride is how many bytes apart the tests cut the writes of forty tokens.
const usualStride = 29
