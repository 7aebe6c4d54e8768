package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/atomicfile"
	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/sim"
)

// The modes of a simulation: how its meters are paid for.
const (
	simToken  = "token"
	simWallet = "wallet"
)

// simWalletOptions are the options that only wallet streets have.
type simWalletOptions struct {
	loss, first  int
	away         bool
	plant, trace string
}

func (o *simWalletOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.IntVar(&o.loss, "loss", 0, "share of messages that the network loses each way, in percent, with --mode wallet; as many are duplicated, a third as many delayed")
	f.BoolVar(&o.away, "away", false, "leave every fifth meter without a network for days, with --mode wallet")
	choiceFlag(f, &o.plant, "plant", "mistake that the server makes from the eleventh day, which the witness must find, with --mode wallet: "+alternativesText(sim.Plants()), sim.Plants())
	f.StringVar(&o.trace, "trace", "", "number of a meter whose history goes to standard error, with --mode wallet")
	f.IntVar(&o.first, "first", 0, "number of the first house of the street, with --mode wallet")
}

// checkMode refuses options that only streets of the other mode have.
func (o *simOptions) checkMode(cmd *cobra.Command) error {
	other := []string{"loss", "away", "plant", "trace", "first"}
	switch o.mode {
	case simToken:
	case simWallet:
		other = []string{"cut-every", "tamper-every", "offline-for", "url", "mqtt", "tariff", "sgc", "krn", "kt", "ti", "tender"}
	default:
		return usage(fmt.Sprintf("--mode cannot be %q.", o.mode), "Give token or wallet.")
	}
	if i := slices.IndexFunc(other, cmd.Flags().Changed); i >= 0 {
		return usage("--"+other[i]+" cannot be used with --mode "+o.mode+".", "Leave one of them out.")
	}
	return nil
}

// runWallet runs a street of wallet meters and reports what its witness found.
func (o *simOptions) runWallet(c console, cmd *cobra.Command) (err error) {
	street := sim.OrdinaryWallets(o.street.Meters, o.street.Days, o.street.Seed)
	street.Start, street.Loss, street.Away, street.First = o.street.Start, o.wallet.loss, o.wallet.away, o.wallet.first
	street.Plant, street.Trace = o.wallet.plant, o.wallet.trace
	if !street.Possible() {
		return usage("A value of the simulation is out of range.", fmt.Sprintf("Give 1 to %d --meters, 1 to %d --days, a --loss of 0 to %d, and with --plant one of its mistakes and at least %d --days.",
			sim.MaxWallets, sim.MaxDays, sim.MaxLoss, sim.LeastPlantDays))
	}
	temp, err := atomicfile.NewPrivateFolder(os.TempDir())
	if err != nil {
		return &exit.Failure{Code: exit.Failed, What: "The folder for the server could not be made: " + err.Error() + ".", Not: "The simulation did not run.",
			Try: "Set TMPDIR to a folder that you may write to."}
	}
	defer func() { err = errors.Join(err, temp.Remove()) }()
	street.Folder = temp.Dir()
	done := c.progress(cmd, "Simulating", nil)
	r, err := street.Run(cmd.Context())
	done()
	if cmd.Context().Err() != nil {
		return interrupted()
	}
	for _, event := range r.History {
		c.tell("%s", event)
	}
	if err != nil {
		return &exit.Failure{Code: exit.Failed, What: "The simulation stopped: " + err.Error() + ".", Not: "There is no result.", Try: "Report it with this command line."}
	}
	if street.Trace != "" && len(r.History) == 0 {
		return usage("The street has no meter "+street.Trace+".", "Give a number that a violation names, or the first one, 06000000007.")
	}
	if err := c.show(cmd, walletStreetOf(r), walletStreetTable(r)); err != nil {
		return err
	}
	return c.verdict(r)
}

// shownViolations is how many violations are printed.
const shownViolations = 10

// verdict reports the witness's verdict and fails if it found a violation.
func (c console) verdict(r sim.WalletStreetResult) error {
	if len(r.Violations) == 0 {
		c.tell("The witness found no violation.")
		return nil
	}
	for _, v := range r.Violations[:min(len(r.Violations), shownViolations)] {
		c.tell("%s", v)
	}
	return &exit.Failure{Code: exit.Failed, What: fmt.Sprintf("The witness found %d violations.", len(r.Violations)),
		Not: "The simulation did not pass.",
		Try: "Report them with the line that replays them: " + r.Replay}
}

// walletStreetView is the result of a street of wallet meters as JSON.
type walletStreetView struct {
	sim.WalletStreetResult
	DarkMinutes int64 `json:"off_minutes"`
	WithMoney   int64 `json:"off_with_money_minutes"`
}

func walletStreetOf(r sim.WalletStreetResult) walletStreetView {
	v := walletStreetView{WalletStreetResult: r, DarkMinutes: sim.Minutes(r.Dark), WithMoney: sim.Minutes(r.OffWithMoney)}
	v.Violations = append([]sim.Violation{}, r.Violations...) // an empty list, not null
	return v
}

func walletStreetTable(r sim.WalletStreetResult) table {
	return fields("meter-days", strconv.Itoa(r.MeterDays), "seconds", fmt.Sprintf("%.1f", r.Seconds), "records", count(r.Records),
		"messages lost", count(r.Lost), "leases", count(r.Leases), "cut-offs", count(r.Cuts), "connects", count(r.Connects),
		"keys pressed", count(r.Pressed), "registers held for a person", count(r.Held), "cut-offs by persons", count(r.Switched),
		"customers moved out", count(r.Moved), "relay changes", count(r.Changes), "supply off, minutes", count(sim.Minutes(r.Dark)),
		"off with money and lease left, minutes", count(sim.Minutes(r.OffWithMoney)), "beyond a lease Wh", count(int64(r.BeyondLease)),
		"most owed Wh", count(int64(r.MostOwed)), "used Wh", count(int64(r.Used)), "violations", strconv.Itoa(len(r.Violations)),
		"trace", r.Hash, "replay", r.Replay)
}
