package main

import (
	"errors"
	"os"
	"runtime/pprof"

	"github.com/spf13/cobra"
)

// profiled gives every bench of the noun the option --cpuprofile.
func profiled(noun *cobra.Command) {
	var path string
	noun.PersistentFlags().StringVar(&path, "cpuprofile", "", "write a profile of the processor's time to this file, for go tool pprof")
	for _, bench := range noun.Commands() {
		run := bench.RunE
		bench.RunE = func(cmd *cobra.Command, args []string) error {
			if path == "" {
				return run(cmd, args)
			}
			return underProfiler(path, func() error { return run(cmd, args) })
		}
	}
}

// underProfiler runs something under the profiler. What it measures is a little slower then.
func underProfiler(path string, run func() error) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return &failure{code: exitFailed, what: "The profile cannot be written: " + err.Error() + ".", not: "Nothing was measured.",
			try: "Name a file in a folder that can be written to."}
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := pprof.StartCPUProfile(f); err != nil {
		return &failure{code: exitFailed, what: "The profiler does not start: " + err.Error() + ".", not: "Nothing was measured."}
	}
	defer pprof.StopCPUProfile()
	return run()
}
