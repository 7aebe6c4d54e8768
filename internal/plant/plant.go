// Package plant says which rule a test has switched off, so that the test can show that it notices.
//
// Only a program that was linked for tests can switch a rule off:
//
//	go build -tags faultinject -ldflags '-X github.com/paywatt/paywatt/internal/plant.allowed=rules-may-be-switched-off' ./cmd/paywatt
//
// The packages with the rules are compiled once for both programs. If they had files behind the build tag, the compiler would compile them, and
// everything that imports them, a second time.
package plant

import (
	"os"
	"strings"
)

// allowed is set by the linker, and empty in a release. A test looks for its value in both programs.
var allowed string

// Has reports whether the environment variable FAULT_INJECT, whose entries are separated by commas, has a fault.
func Has(fault string) bool {
	return allowed != "" && strings.Contains(","+os.Getenv("FAULT_INJECT")+",", ","+fault+",")
}

// HasFor reports the same of a fault in the rule of one object: "alone=meter.swap".
func HasFor(fault, object string) bool {
	return allowed != "" && Has(fault+"="+object) // a release makes no text of them
}
