package main

import (
	"encoding/json"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
)

// benches lists what can be measured, a constructor per file.
func benches() []func(console) *cobra.Command {
	return []func(console) *cobra.Command{
		newBenchVend,
		newBenchToken,
		newBenchMeter,
		newBenchStore,
		newBenchDisk,
		newBenchIngest,
		newBenchConnections,
	}
}

// newBenchCommand measures. Every bench measures its own baseline in the same run, because a rate without one says more
// about the machine than about the program.
func newBenchCommand(c console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure this machine against a baseline taken in the same run",
		Long: "Every bench writes one JSON object: rate, baseline, baseline_rate, ratio (rate to baseline), cpu_ratio (the same per\n" +
			"second of CPU), p50_ms, p99_ms, and further figures under others.",
	}
	for _, add := range benches() {
		cmd.AddCommand(add(c))
	}
	profiled(cmd)
	return cmd
}

// measured is what a bench writes.
type measured struct {
	Bench        string         `json:"bench"`
	Rate         float64        `json:"rate"`
	Unit         string         `json:"unit"`
	Baseline     string         `json:"baseline"`
	BaselineRate float64        `json:"baseline_rate"`
	Ratio        float64        `json:"ratio"`
	CPURatio     float64        `json:"cpu_ratio"` // 0 where this system does not tell processor times
	P50          float64        `json:"p50_ms"`
	P99          float64        `json:"p99_ms"`
	Others       map[string]any `json:"others"`
}

// write completes the ratios and writes the object. cpu and baseCPU are seconds of CPU per piece of work.
func (m measured) write(c console, cpu, baseCPU float64) error {
	if m.BaselineRate > 0 {
		m.Ratio = rounded(m.Rate / m.BaselineRate)
	}
	if cpu > 0 {
		m.CPURatio = rounded(baseCPU / cpu)
	}
	m.Rate, m.BaselineRate = rounded(m.Rate), rounded(m.BaselineRate)
	m.Others["cpu_us"], m.Others["baseline_cpu_us"] = rounded(cpu*1e6), rounded(baseCPU*1e6)
	return json.NewEncoder(c.out).Encode(m)
}

// rounded keeps four decimals, for people.
func rounded(f float64) float64 { return float64(int64(f*1e4+0.5)) / 1e4 }

// percentile is the value below which p percent of durations lie, in milliseconds; the slice gets sorted.
func percentile(ds []time.Duration, p int) float64 {
	if len(ds) == 0 {
		return 0
	}
	slices.Sort(ds)
	return rounded(float64(ds[min(len(ds)-1, len(ds)*p/100)].Microseconds()) / 1000)
}

// spent measures wall and processor time from its call to that of the function it returns.
func spent() func() (wall, cpu float64) {
	began, cpu := time.Now(), cpuOfSelf()
	return func() (float64, float64) { return time.Since(began).Seconds(), (cpuOfSelf() - cpu).Seconds() }
}

// inBenchFolder runs a bench in a folder of its own below dir, which it removes afterwards.
func inBenchFolder(dir string, run func(dir string) error) error {
	own, err := os.MkdirTemp(dir, "paywatt-bench-")
	if err != nil {
		return &failure{code: exitFailed, what: "No folder for the bench could be made: " + err.Error() + ".", not: "Nothing was measured.",
			try: "Name a folder that can be written to with --dir."}
	}
	defer func() { _ = os.RemoveAll(own) }() // what is left of it says nothing
	return run(own)
}
