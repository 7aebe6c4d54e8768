//go:build !race

package device_test

// usualStride tears every so many bytes of the writes of forty tokens.
const usualStride = 29
