package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/calibration"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/unit"
)

// calibrateHelp says where the options of meter calibrate and of sim load-test are explained.
const calibrateHelp = "Run the command with --help to see its options."

// calibrateOptions are the options of meter calibrate, as they were typed.
type calibrateOptions struct {
	load                               int32
	pulses, imp, kwhYear               int64
	seconds, volts, basic, most, price string
}

func newMeterCalibrate(c console) *cobra.Command {
	var o calibrateOptions
	cmd := &cobra.Command{
		Use:   "calibrate --load W --seconds S --pulses N",
		Short: "Find a meter's constant and error from counted impulses",
		Long: `Find a meter's constant and its error from impulses counted at a known load. No server is needed.

Run a steady load whose power a reference meter shows. Count the impulses of the metering chip and measure the time. Write
the time with as many decimals as the watch measures: 133 means half a second to either side, 133.00 five milliseconds.
With --imp, the present constant of the meter, the command computes the error of the meter as it is now.`,
		Example: "  paywatt meter calibrate --load 2000 --seconds 900.0 --pulses 803 --imp 1600 --volts 230 --price 25.40",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return o.run(c, cmd) },
	}
	f := cmd.Flags()
	f.Int32Var(&o.load, "load", 0, "load in watts, as the reference meter shows it (needed)")
	f.StringVar(&o.seconds, "seconds", "", "time of the count in seconds, with the decimals that were measured (needed)")
	f.Int64Var(&o.pulses, "pulses", 0, "impulses counted in that time (needed)")
	f.StringVar(&o.volts, "volts", "", "voltage in volts, from which the limit of class 1 follows")
	f.Int64Var(&o.imp, "imp", 0, "present constant of the meter, in impulses per kilowatt-hour")
	f.StringVar(&o.basic, "ib", "5", "basic current of the meter, in amperes")
	f.StringVar(&o.most, "imax", "80", "highest current of the meter, in amperes")
	f.Int64Var(&o.kwhYear, "kwh-year", 0, "use of the customer in a year, in kWh (default: this load all year)")
	f.StringVar(&o.price, "price", "", "price of a kilowatt-hour, to show the error in money")
	return cmd
}

// calibrated is the result of meter calibrate.
type calibrated struct {
	ImpPerKWh   string `json:"imp_per_kwh"` // the measured constant, with decimals
	Setting     int64  `json:"setting"`     // the whole constant to configure
	Prescale    int64  `json:"prescale"`
	ErrorPPM    int64  `json:"error_ppm"`
	DoubtPPM    int64  `json:"doubt_ppm"`
	Milliampere int64  `json:"current_ma,omitempty"`
	LimitPPM    *int64 `json:"limit_ppm,omitempty"`
	Verdict     string `json:"verdict"`
	YearWh      int64  `json:"year_wh"`
	AstrayWh    int64  `json:"astray_wh"`
	Astray      string `json:"astray_money,omitempty"`
}

func (o calibrateOptions) run(c console, cmd *cobra.Command) error {
	count, err := o.count()
	if err != nil {
		return err
	}
	made, err := o.made()
	if err != nil {
		return err
	}
	r, err := calibration.Measure(count)
	if err != nil {
		return usage("The figures cannot be a measurement: "+strings.TrimPrefix(err.Error(), calibration.ErrCount.Error()+": ")+".", calibrateHelp)
	}
	e := r.Residue
	if o.imp != 0 {
		if o.imp < 0 || o.imp > calibration.MaxConstant {
			return usage(fmt.Sprintf("--imp must be 1 to %d.", calibration.MaxConstant), calibrateHelp)
		}
		e = r.ErrorWith(o.imp)
	}
	millivolts, err := thousandths("--volts", o.volts)
	if err != nil {
		return err
	}
	ma := calibration.Milliamperes(count.Load, millivolts)
	out := calibrated{ImpPerKWh: twoDecimals(r.Constant), Setting: r.Setting, Prescale: r.Prescale, ErrorPPM: int64(e), DoubtPPM: int64(r.Doubt),
		Milliampere: ma, Verdict: string(made.Judge(e, r.Doubt, ma))}
	if limit, ok := made.Limit(ma); ok {
		out.LimitPPM = (*int64)(&limit)
	}
	if err := o.year(&out, e); err != nil {
		return err
	}
	return c.show(cmd, out, o.table(out))
}

// year adds to the result how much energy, and money, the error costs in a year.
func (o calibrateOptions) year(out *calibrated, e calibration.Millionths) error {
	year := calibration.PerYear(unit.Power(o.load))
	if o.kwhYear < 0 || o.kwhYear > 1_000_000_000 {
		return usage("--kwh-year must be 0 to 1,000,000,000.", calibrateHelp)
	}
	if o.kwhYear > 0 {
		year = unit.Energy(o.kwhYear) * unit.KilowattHour
	}
	astray, err := calibration.EnergyError(year, e)
	if err != nil {
		return usage("The error of a year cannot be computed: "+err.Error()+".", calibrateHelp)
	}
	out.YearWh, out.AstrayWh = int64(year), int64(astray)
	out.Astray, err = worth(astray, o.price)
	return err
}

// worth returns what an energy costs at a price per kilowatt-hour, as text with two decimals, rounded towards zero; ""
// without a price.
func worth(e unit.Energy, price string) (string, error) {
	if price == "" {
		return "", nil
	}
	perKWh, err := thousandths("--price", price)
	if err != nil {
		return "", err
	}
	size := max(e, -e)
	cents, err := money.MulDiv(int64(size), perKWh, int64(unit.KilowattHour)*10, money.Floor)
	if err != nil {
		return "", usage("--price is too high for so much energy.", calibrateHelp)
	}
	return fmt.Sprintf("%d.%02d", cents/100, cents%100), nil
}

func (o calibrateOptions) table(r calibrated) table {
	t := fields("impulses per kWh", r.ImpPerKWh, "set imp_per_kwh to", fmt.Sprint(r.Setting))
	if r.Prescale > 1 {
		t.add("behind a prescaler of", fmt.Sprintf("%d (a meter takes at most %d impulses per kWh)", r.Prescale, calibration.MaxConstant))
	}
	of := "with this setting"
	if o.imp != 0 {
		of = fmt.Sprintf("of the meter as it is (%d)", o.imp)
	}
	t.add("error "+of, fmt.Sprintf("%s ± %s", millionths(r.ErrorPPM), strings.TrimPrefix(millionths(r.DoubtPPM), "+")))
	if r.Milliampere > 0 {
		t.add("current", fmt.Sprintf("%d.%03d A", r.Milliampere/1000, r.Milliampere%1000))
	}
	limit := "none at this current"
	if r.LimitPPM != nil {
		limit = "± " + strings.TrimPrefix(millionths(*r.LimitPPM), "+")
	}
	t.add("class 1 allows", limit)
	t.add("verdict", r.Verdict)
	t.add("in a year", astrayWords(r.AstrayWh, r.YearWh, r.Astray))
	return t
}

// astrayWords says who loses how much.
func astrayWords(astray, year int64, worth string) string {
	if astray == 0 {
		return fmt.Sprintf("the meter counts %s kWh without an error", kilowattHours(year))
	}
	words := "%s kWh of %s are given away"
	if astray > 0 {
		words = "%s kWh too much on %s are charged to the customer"
	}
	s := fmt.Sprintf(words, kilowattHours(max(astray, -astray)), kilowattHours(year)+" kWh")
	if worth != "" {
		s += ", worth " + worth
	}
	return s
}

// kilowattHours shows energy in kilowatt-hours with one decimal, rounded down.
func kilowattHours(wh int64) string { return fmt.Sprintf("%d.%d", wh/1000, wh%1000/100) }

// millionths shows millionths as a percentage with two decimals, rounded half away from zero, with its sign.
func millionths(ppm int64) string {
	sign, size := "+", ppm
	if ppm < 0 {
		sign, size = "-", -ppm
	}
	size = (size + 50) / 100
	if size == 0 {
		sign = ""
	}
	return fmt.Sprintf("%s%d.%02d %%", sign, size/100, size%100)
}

// twoDecimals shows millionths as a decimal number with two decimals, rounded half up.
func twoDecimals(v int64) string {
	v = (v + 5_000) / 10_000
	return fmt.Sprintf("%d.%02d", v/100, v%100)
}

// count reads the measurement. The time may be wrong by half a unit of its last decimal.
func (o calibrateOptions) count() (calibration.Count, error) {
	if o.load == 0 || o.seconds == "" || o.pulses == 0 {
		return calibration.Count{}, usage("--load, --seconds and --pulses are needed.", calibrateHelp)
	}
	millis, err := thousandths("--seconds", o.seconds)
	if err != nil {
		return calibration.Count{}, err
	}
	_, decimals, _ := strings.Cut(o.seconds, ".")
	within := (time.Second / 2).Milliseconds()
	for range decimals {
		within = (within + 9) / 10
	}
	return calibration.Count{Load: unit.Power(o.load), Millis: millis, Within: within, Pulses: o.pulses}, nil
}

func (o calibrateOptions) made() (calibration.Range, error) {
	basic, err := thousandths("--ib", o.basic)
	if err != nil {
		return calibration.Range{}, err
	}
	most, err := thousandths("--imax", o.most)
	if err == nil && (basic <= 0 || most < basic) {
		err = usage("--ib must be greater than 0 and at most --imax.", calibrateHelp)
	}
	return calibration.Range{Basic: basic, Max: most}, err
}

// thousandths reads a number with at most three decimals, up to a billion; "" is 0.
func thousandths(option, text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	whole, decimals, dot := strings.Cut(text, ".")
	bad := usage(fmt.Sprintf("%s must be a number greater than 0 with at most three decimals, not %q.", option, text), calibrateHelp)
	if len(whole) < 1 || len(whole) > 9 || len(decimals) > 3 || dot && decimals == "" {
		return 0, bad
	}
	var n int64
	for _, d := range whole + decimals + "000"[len(decimals):] {
		if d < '0' || d > '9' {
			return 0, bad
		}
		n = n*10 + int64(d-'0')
	}
	if n == 0 {
		return 0, bad
	}
	return n, nil
}
