// Package bench measures this machine: sales, readings, connections, tokens, decisions of the meter core and durable
// writes per second. Every bench measures its own baseline in the same run, because a rate without a baseline says more
// about the machine than about the program.
//
// Start at [Vend], [StoreBench], [Ingest], [Token] and [Meter]; the command line is `paywatt bench`.
package bench

import (
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/atomicfile"
	"github.com/paywatt/paywatt/internal/exit"
)

// Say reports what a bench is doing, one line at a time.
type Say func(format string, args ...any)

// Measured is the result of a bench.
type Measured struct {
	Bench        string         `json:"bench"`
	Rate         float64        `json:"rate"`
	Unit         string         `json:"unit"`
	Baseline     string         `json:"baseline"`
	BaselineRate float64        `json:"baseline_rate"`
	Ratio        float64        `json:"ratio"`
	CPURatio     float64        `json:"cpu_ratio"` // 0 if this system does not report processor times
	P50          float64        `json:"p50_ms"`
	P99          float64        `json:"p99_ms"`
	Others       map[string]any `json:"others"`
}

// with fills in the ratios. cpu and baseCPU are seconds of CPU per unit of work.
func (m Measured) with(cpu, baseCPU float64) Measured {
	if m.BaselineRate > 0 {
		m.Ratio = rounded(m.Rate / m.BaselineRate)
	}
	if cpu > 0 {
		m.CPURatio = rounded(baseCPU / cpu)
	}
	m.Rate, m.BaselineRate = rounded(m.Rate), rounded(m.BaselineRate)
	m.Others["cpu_us"], m.Others["baseline_cpu_us"] = rounded(cpu*1e6), rounded(baseCPU*1e6)
	return m
}

// rounded rounds to four decimals, for display.
func rounded(f float64) float64 { return float64(int64(f*1e4+0.5)) / 1e4 }

// percentile returns the value below which p percent of the durations lie, in milliseconds. It sorts the slice.
func percentile(ds []time.Duration, p int) float64 {
	if len(ds) == 0 {
		return 0
	}
	slices.Sort(ds)
	return rounded(float64(ds[min(len(ds)-1, len(ds)*p/100)].Microseconds()) / 1000)
}

// spent starts a measurement and returns a function that returns the wall and processor time since then.
func spent() func() (wall, cpu float64) {
	began, cpu := time.Now(), cpuOfSelf()
	return func() (float64, float64) { return time.Since(began).Seconds(), (cpuOfSelf() - cpu).Seconds() }
}

// inFolder runs a bench in its own folder below dir, and removes the folder afterwards.
func inFolder(dir string, run func(dir string) (Measured, error)) (Measured, error) {
	own, err := atomicfile.NewPrivateFolder(dir)
	if err != nil {
		return Measured{}, &exit.Failure{Code: exit.Failed, What: "The folder for the bench could not be made: " + err.Error() + ".", Not: "Nothing was measured.",
			Try: "Give a folder that you may write to with --dir."}
	}
	defer func() { _ = own.Remove() }() // an error here does not matter
	return run(own.Dir())
}
