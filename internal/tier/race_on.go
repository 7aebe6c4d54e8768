//go:build race

package tier

// Race reports whether the race detector watches this program.
const Race = true
