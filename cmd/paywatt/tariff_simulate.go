package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// simulateOptions are the options of tariff simulate.
type simulateOptions struct {
	draft, amount, bought, csv, from, to, tz string
	rises                                    int
}

func newTariffSimulate(c console) *cobra.Command {
	var o simulateOptions
	cmd := &cobra.Command{
		Use:   "simulate NAME --draft FILE",
		Short: "Compare a draft with the tariff in force",
		Long: "Compare a draft with the version of NAME that is in force: for one purchase, or for past consumption. Consumption is what\n" +
			"customers bought on the tariff in the months from --from to --to, or a CSV file with the columns meter,month,kwh. The draft\n" +
			"and the result are not stored.",
		Example: "  paywatt tariff simulate domestic --draft next.json --amount 100 --bought 40\n" +
			"  paywatt tariff simulate domestic --draft next.json --from 2026-01 --to 2026-10\n" +
			"  paywatt tariff simulate domestic --draft next.json --csv readings.csv -o json",
		Args: cobra.ExactArgs(1),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			return c.simulate(cmd, api, o, args[0])
		}),
	}
	f := cmd.Flags()
	f.StringVar(&o.draft, "draft", "", "file with the draft: the JSON of POST /v1/tariffs without a name; - for standard input (needed)")
	f.StringVar(&o.amount, "amount", "", "amount of one purchase to compare")
	f.StringVar(&o.bought, "bought", "0", "energy already bought in the month of that purchase, in kWh")
	f.StringVar(&o.csv, "csv", "", "file with the consumption to compare: meter,month,kwh with a header line; - for standard input")
	f.StringVar(&o.from, "from", "", "first month of the purchases to compare, such as 2026-01")
	f.StringVar(&o.to, "to", "", "last month of the purchases to compare, such as 2026-10")
	f.StringVar(&o.tz, "tz", "UTC", "time zone of the months of a CSV file")
	f.IntVar(&o.rises, "rises", 10, "number of the biggest rises to list")
	return cmd
}

func (c console) simulate(cmd *cobra.Command, api *client.Client, o simulateOptions, name string) error {
	price, body, err := c.readDraft(o.draft)
	if err != nil {
		return err
	}
	cur, _ := money.CurrencyOf(body.Currency)
	q := apiv1.Simulation{Tariff: name, Draft: price, From: o.from, To: o.to, Rises: o.rises}
	if o.amount != "" {
		minor, err := money.Parse(o.amount, cur)
		wh, ok := exactly(o.bought, int64(unit.KilowattHour))
		if err != nil || !ok {
			return usage("--amount "+o.amount+" or --bought "+o.bought+" cannot be read.", "Write --amount 100.00 --bought 40.5.")
		}
		q.Purchase = &apiv1.SimulatedPurchase{TenderMinor: int64(minor), MonthBeforeWh: wh}
	}
	if o.amount == "" && o.csv == "" && o.from == "" {
		return usage("No purchase and no consumption is given.", "Give --amount, --csv, or --from and --to.")
	}
	s, err := api.SimulateTariff(cmd.Context(), q)
	if err != nil {
		return err
	}
	if o.csv != "" {
		if s.Comparison, err = c.replayFile(cmd, api, o, name, body); err != nil {
			return err
		}
	}
	return c.show(cmd, s, simulationTable(s, cur))
}

// readDraft reads a draft of a tariff and reports its errors before the server is asked.
func (c console) readDraft(path string) (apiv1.Price, tariff.Body, error) {
	text, err := c.readInput(path)
	if err != nil {
		return apiv1.Price{}, tariff.Body{}, usage("The draft cannot be read: "+err.Error()+".", "Give a file that you may read, or - for standard input.")
	}
	body, no := tariff.Parse(text)
	if no.Refused() {
		return apiv1.Price{}, tariff.Body{}, &exit.Failure{Code: exit.Refused, What: no.What, Not: "The tariff was not published or simulated.", Try: no.Try}
	}
	var price apiv1.Price
	if err := json.Unmarshal(text, &price); err != nil {
		return apiv1.Price{}, tariff.Body{}, usage("The draft is not a tariff: "+err.Error()+".", "Correct the draft.")
	}
	return price, body, nil
}

// maxInput bounds a file that is read whole: a CSV of [tariff.MaxUses] lines fits.
const maxInput = 64 << 20

// readInput reads a file, or standard input for "-".
func (c console) readInput(path string) ([]byte, error) {
	in := c.in
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	if err == nil && len(text) > maxInput {
		err = fmt.Errorf("it is longer than %d bytes", maxInput)
	}
	return text, err
}

// replayFile prices the consumption in a CSV file under the tariff in force and under the draft, and compares the results. The client does
// this itself, because the file may be larger than a request to the server.
func (c console) replayFile(cmd *cobra.Command, api *client.Client, o simulateOptions, name string, draft tariff.Body) (*apiv1.Comparison, error) {
	zone, err := localday.LoadZone(o.tz)
	if err != nil {
		return nil, usage(fmt.Sprintf("--tz %q is not a time zone.", o.tz), "Write it as Africa/Nairobi.")
	}
	uses, err := c.readUses(o.csv)
	if err != nil {
		return nil, err
	}
	present, err := c.inForce(cmd, api, name)
	if err != nil {
		return nil, err
	}
	done := c.progress(cmd, "Comparing the consumption", func() string { return strconv.Itoa(len(uses)) + " rows" })
	cmp, err := tariff.Compare(present, draft, uses, zone, o.rises)
	done()
	if err != nil {
		return nil, &exit.Failure{Code: exit.Refused, What: "The consumption cannot be compared: " + err.Error() + ".", Not: "The simulation did not run.", Try: "Check the months of the file and the currency of the draft."}
	}
	return new(cmp.Body()), nil
}

// inForce returns the version of a tariff that is in force.
func (c console) inForce(cmd *cobra.Command, api *client.Client, name string) (tariff.Body, error) {
	versions, err := every(func(p apiv1.Page) (apiv1.List[apiv1.Tariff], error) {
		return api.TariffVersions(cmd.Context(), apiv1.TariffFilter{Tariff: name, Page: p})
	})
	if err != nil {
		return tariff.Body{}, err
	}
	for _, v := range versions {
		if v.Standing != "in force" {
			continue
		}
		body, no := tariff.Document(v.Price).Body()
		if no.Refused() {
			return tariff.Body{}, &exit.Failure{Code: exit.Failed, What: no.What, Not: no.Not, Try: no.Try}
		}
		return body, nil
	}
	return tariff.Body{}, &exit.Failure{Code: exit.Refused, What: "No version of " + name + " is in force.", Not: "The simulation did not run.", Try: "Wait until one begins, or publish one."}
}

// readUses reads CSV lines of meter,month,kwh.
func (c console) readUses(path string) ([]tariff.MonthUse, error) {
	text, err := c.readInput(path)
	if err != nil {
		return nil, usage("The file cannot be read: "+err.Error()+".", "Give a file that you may read with --csv, or - for standard input.")
	}
	in := csv.NewReader(bytes.NewReader(text))
	in.FieldsPerRecord = 3
	var uses []tariff.MonthUse
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return uses, nil
		}
		line, _ := in.FieldPos(0)
		if err != nil {
			return nil, usage("The file is not a CSV file of meter,month,kwh: "+err.Error()+".", "Correct the line.")
		}
		if line == 1 && row[0] == "meter" {
			continue
		}
		wh, ok := exactly(row[2], int64(unit.KilowattHour))
		if _, err := time.Parse(tariff.MonthForm, row[1]); err != nil || !ok {
			return nil, usage("Line "+strconv.Itoa(line)+" is not of the form meter,month,kwh.", "Write it as 04140001001,2026-01,123.4.")
		}
		uses = append(uses, tariff.MonthUse{Meter: row[0], Month: row[1], Units: unit.Energy(wh)})
	}
}

func simulationTable(s apiv1.SimulationResult, cur money.Currency) table {
	t := table{head: []string{"what", "now", "draft", "change"}}
	amount := func(m int64) string { return money.Format(money.Minor(m), cur) }
	both := func(what string, before, after int64) {
		t.add(what, amount(before), amount(after), amount(after-before))
	}
	if p := s.Purchase; p != nil {
		kwh := func(wh int64) string { return unit.Energy(wh).KWh(1) }
		t.add("purchase: kWh", kwh(p.Before.UnitsWh), kwh(p.After.UnitsWh), kwh(p.After.UnitsWh-p.Before.UnitsWh))
		both("purchase: energy without tax", p.Before.NetMinor, p.After.NetMinor)
		both("purchase: fee", p.Before.FeeMinor, p.After.FeeMinor)
		both("purchase: levies", p.Before.LevyMinor, p.After.LevyMinor)
		both("purchase: VAT of energy", p.Before.VATMinor, p.After.VATMinor)
		both("purchase: change carried forward", p.Before.CarryMinor, p.After.CarryMinor)
		if p.Before.Refused+p.After.Refused != "" {
			t.add("purchase: refused", p.Before.Refused, p.After.Refused, "")
		}
	}
	if k := s.Comparison; k != nil {
		both("paid by customers", k.PaidBeforeMinor, k.PaidAfterMinor)
		both("revenue without tax and levies", k.RevenueBeforeMinor, k.RevenueAfterMinor)
		t.add("months whose charges hit the ceiling, %", hundredths(k.CappedBeforeBps), hundredths(k.CappedAfterBps), hundredths(k.CappedAfterBps-k.CappedBeforeBps))
		t.add("meters", k.Meters, k.Meters, "")
		t.add("months of all meters", k.Months, k.Months, "")
		t.add("meters that pay less", "", k.Winners, "")
		t.add("meters that pay more", "", k.Losers, "")
		t.add("meters that pay the same", "", k.Same, "")
		for _, r := range k.Rises {
			both("rise of "+r.Meter, r.BeforeMinor, r.AfterMinor)
		}
	}
	return t
}
