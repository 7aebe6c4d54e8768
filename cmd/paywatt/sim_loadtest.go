package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/calibration"
)

func newSimLoadTest(c console) *cobra.Command {
	var seed uint64
	var price string
	cmd := &cobra.Command{
		Use:   "load-test",
		Short: "Repeat a published load test with a calibrated meter",
		Long: `Repeat a published load test with a calibrated meter beside the published one.

The GSM prepayment meter that Paywatt grew from was tested with a watch, which measured how long its display takes to
count 0.01 kWh. "as built" is a virtual meter with the error curve and the spread that the published means imply. "calibrated" is
a meter whose constant was found by the rule of paywatt meter calibrate from a count of 133 s at 320 W. Both count with the
meter core, and the same seed gives the same figures. Revenue lost is that of the load all year, at --price.`,
		Example: "  paywatt sim load-test --seed 1 --price 25.40",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			t, err := calibration.LoadTest(seed)
			if err != nil {
				return err
			}
			out, err := loadTestOf(t, price)
			if err != nil {
				return err
			}
			if err := c.show(cmd, out, out.table()); err != nil {
				return err
			}
			return c.loadTestNotes(t, seed)
		},
	}
	cmd.Flags().Uint64Var(&seed, "seed", 1, "seed that decides every figure")
	cmd.Flags().StringVar(&price, "price", "", "price of a kilowatt-hour, to show the loss in money")
	return cmd
}

// loadTestRow is one load with the reading of each meter.
type loadTestRow struct {
	LoadW     int32        `json:"load_w"`
	Runs      int          `json:"runs"`
	TruthMS   int64        `json:"truth_ms"`
	Published loadTestCell `json:"published"`
	AsBuilt   loadTestCell `json:"as_built"`
	Class1    loadTestCell `json:"calibrated"`
}

type loadTestCell struct {
	MeanMS   int64  `json:"mean_ms"`
	DevMS    int64  `json:"deviation_ms"`
	ErrorPPM int64  `json:"error_ppm"`
	Verdict  string `json:"verdict"`
	AstrayWh int64  `json:"astray_wh_per_year"`
	Worth    string `json:"astray_money_per_year,omitempty"`
}

type loadTestOut struct {
	Rows []loadTestRow `json:"rows"`
}

func loadTestOf(t calibration.Columns, price string) (loadTestOut, error) {
	var out loadTestOut
	for i, p := range t.Published {
		row := loadTestRow{LoadW: int32(p.Load), Runs: p.Runs, TruthMS: p.Truth()}
		for _, cell := range []struct {
			of calibration.Row
			to *loadTestCell
		}{{p, &row.Published}, {t.AsBuilt[i], &row.AsBuilt}, {t.Calibrated[i], &row.Class1}} {
			var err error
			if *cell.to, err = loadTestCellOf(cell.of, price); err != nil {
				return out, err
			}
		}
		out.Rows = append(out.Rows, row)
	}
	return out, nil
}

func loadTestCellOf(r calibration.Row, price string) (loadTestCell, error) {
	e := r.Error()
	astray, err := calibration.EnergyError(calibration.PerYear(r.Load), e)
	if err != nil {
		return loadTestCell{}, err
	}
	cell := loadTestCell{MeanMS: r.Mean, DevMS: r.Dev, ErrorPPM: int64(e), AstrayWh: int64(astray),
		Verdict: string(calibration.DefaultRange().Judge(e, 0, 0))}
	cell.Worth, err = worth(astray, price)
	return cell, err
}

func (o loadTestOut) table() table {
	t := table{head: []string{"load", "n", "meter", "mean", "deviation", "error", "class 1", "in a year of this load"}}
	for _, r := range o.Rows {
		load := fmt.Sprintf("%d W", r.LoadW)
		t.add(load, "", "truth", inSeconds(r.TruthMS), "", "", "", kilowattHours(int64(r.LoadW)*8760)+" kWh")
		for _, m := range []struct {
			name string
			cell loadTestCell
		}{{"published", r.Published}, {"as built", r.AsBuilt}, {"calibrated", r.Class1}} {
			t.add(load, r.Runs, m.name, inSeconds(m.cell.MeanMS), inSeconds(m.cell.DevMS), millionths(m.cell.ErrorPPM), m.cell.Verdict, m.cell.words())
		}
	}
	return t
}

func (c loadTestCell) words() string {
	word := "lost"
	if c.AstrayWh > 0 {
		word = "overcharged"
	}
	s := fmt.Sprintf("%s kWh %s", kilowattHours(max(c.AstrayWh, -c.AstrayWh)), word)
	if c.Worth != "" {
		s += ", worth " + c.Worth
	}
	return s
}

// inSeconds shows milliseconds as seconds with two decimals, rounded half up.
func inSeconds(ms int64) string {
	ms = (ms + 5) / 10
	return fmt.Sprintf("%d.%02d s", ms/100, ms%100)
}

// loadTestNotes writes two notes to standard error. One says that the published load test used two constants that differ by a factor of
// ten. The other gives the constant of the calibrated meter.
func (c console) loadTestNotes(t calibration.Columns, seed uint64) error {
	r, err := calibration.Measure(calibration.PublishedCount())
	if err != nil {
		return err
	}
	c.tell("The source counted 132,673 impulses in 133 s at 320 W: %s per kWh. It takes them as 0.01 kWh (13,267,300 per kWh, error %s) and as 0.1 kWh (1,326,730 per kWh, error %s): its own constants differ by ten.",
		twoDecimals(r.Constant), millionths(int64(r.ErrorWith(13_267_300))), millionths(int64(r.ErrorWith(1_326_730))))
	c.tell("The calibrated meter: %d impulses in 133 s at 320 W, so imp_per_kwh %d. Seed %d repeats this run.", t.Count.Pulses, t.Result.Setting, seed)
	return nil
}
