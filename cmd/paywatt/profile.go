package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/profiles"
)

// profileFolder is the subfolder of the data folder with the utility's own profiles.
const profileFolder = "profiles"

func newProfileCommand(c console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "profile",
		Short: "List, show and check device profiles",
		Long: "List, show and check device profiles. A profile lets an Arduino, a Tasmota plug or a Shelly work as a meter without changes.\n" +
			"It is a TOML file with the topics of the device, the meaning of its messages, and how it is switched. To connect such a\n" +
			"device: paywatt serve --mqtt-legacy ADDR=METER:PROFILE. docs/guide/devices.md has the steps.",
	}
	cmd.AddCommand(newProfileList(c), newProfileShow(c), newProfileCheck(c))
	return cmd
}

// ownProfiles are the profiles that come with Paywatt.
func ownProfiles() (profile.Library, error) {
	l := profile.Library{}
	if err := l.Load(profiles.Files); err != nil {
		return nil, fmt.Errorf("load the profiles that come with Paywatt: %w", err)
	}
	return l, nil
}

// profilesOf returns the profiles that come with Paywatt and those in a data folder, if it exists.
func profilesOf(data string) (profile.Library, error) {
	l, err := ownProfiles()
	if err != nil {
		return nil, err
	}
	own := os.DirFS(filepath.Join(data, profileFolder))
	if _, err := fs.Stat(own, "."); errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err := l.Load(own); err != nil {
		return nil, badProfile(err, filepath.Join(data, profileFolder))
	}
	return l, nil
}

// badProfile lists the faults of a profile, each on a line.
func badProfile(err error, where string) *exit.Failure {
	return &exit.Failure{Code: exit.Usage, What: "A profile in " + where + " is not valid: " + strings.ReplaceAll(err.Error(), "\n", "\n  ") + ".",
		Not: "No profile was loaded.", Try: "Correct it, then run paywatt profile check FILE."}
}

// profileRow is a profile as profile list shows it.
type profileRow struct {
	Name   string `json:"name"`
	Title  string `json:"title"`
	Energy string `json:"energy"`
	Supply string `json:"supply"`
}

func newProfileList(c console) *cobra.Command {
	data := ""
	cmd := &cobra.Command{
		Use: "list", Short: "List the device profiles", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := profilesOf(data)
			if err != nil {
				return err
			}
			rows, t := []profileRow{}, table{head: []string{"name", "energy from", "switching", "device"}}
			for _, name := range l.Names() {
				p := l[name]
				r := profileRow{Name: name, Title: p.Title, Energy: cmp.Or(string(p.Energy.From), "none"), Supply: string(p.Supply.Kind)}
				rows = append(rows, r)
				t.add(r.Name, r.Energy, r.Supply, r.Title)
			}
			return c.show(cmd, rows, t)
		},
	}
	cmd.Flags().StringVar(&data, "data", "./paywatt-data", "data folder; profiles in its folder profiles are listed too")
	return cmd
}

func newProfileShow(c console) *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Print a profile that comes with Paywatt", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			b, err := fs.ReadFile(profiles.Files, profile.FileOf(args[0]))
			if err != nil {
				return &exit.Failure{Code: exit.NotFound, What: "Profile " + args[0] + " does not come with Paywatt.", Not: "No profile was printed.",
					Try: didYouMean(nearest(args[0], profileNames())) + "Run paywatt profile list for the names. Your own profiles are files in the data folder."}
			}
			_, err = c.out.Write(b)
			return err
		},
	}
}

func newProfileCheck(c console) *cobra.Command {
	record := ""
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Check a device profile, and play recorded messages to it",
		Long: "Check a device profile. Every mistake is printed with its key and how to correct it. FILE may also be the name of a profile\n" +
			"that comes with Paywatt. With --record the command plays recorded messages to the profile, and prints what each message\n" +
			"means and the register at the end. A recording has one JSON object per line, as mosquitto_sub writes it:\n\n" +
			"  mosquitto_sub -h BROKER -t '#' -F %j > capture.jsonl",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := profileFrom(args[0])
			if err != nil {
				return err
			}
			if record == "" {
				return c.show(cmd, profileRow{p.Name, p.Title, string(p.Energy.From), string(p.Supply.Kind)},
					fields("profile", p.Name, "device", p.Title, "energy from", string(p.Energy.From), "switching", string(p.Supply.Kind), "verdict", "valid"))
			}
			return c.playCapture(cmd, p, record)
		},
	}
	cmd.Flags().StringVar(&record, "record", "", "file of recorded messages to play, one JSON object per line")
	return cmd
}

// profileFrom reads a profile from a file, or finds a profile that comes with Paywatt by its name.
func profileFrom(name string) (*profile.Profile, error) {
	if !strings.ContainsAny(name, "./\\") {
		if b, err := fs.ReadFile(profiles.Files, profile.FileOf(name)); err == nil {
			return profile.Parse(profile.FileOf(name), string(b))
		}
	}
	b, err := readBounded(name, profile.MaxFile)
	if err != nil {
		return nil, err
	}
	p, err := profile.Parse(name, string(b))
	if err != nil {
		return nil, badProfile(err, name)
	}
	return p, nil
}

// readBounded reads a file of at most a limit of bytes.
func readBounded(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		code := exit.Failed
		if errors.Is(err, fs.ErrNotExist) {
			code = exit.NotFound
		}
		return nil, &exit.Failure{Code: code, What: "The file cannot be read: " + err.Error() + ".", Not: "No checks were made.", Try: "Check the path."}
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("it is longer than %d bytes", limit)
	}
	if err != nil {
		return nil, &exit.Failure{Code: exit.Failed, What: "The file " + name + " cannot be read: " + err.Error() + ".", Not: "No checks were made.", Try: "Check the file."}
	}
	return b, nil
}

// maxCaptureFile bounds the size of a capture file.
const maxCaptureFile = 64 << 20

// playedRow is one recorded message as profile check prints it.
type playedRow struct {
	At      time.Time       `json:"at"`
	Topic   string          `json:"topic"`
	Meaning profile.Meaning `json:"meaning"`
	Counted int64           `json:"counted_mwh"`
	GapS    int64           `json:"gap_s,omitempty"`
	Why     string          `json:"why,omitempty"`
	MWh     int64           `json:"register_mwh"`
}

func (c console) playCapture(cmd *cobra.Command, p *profile.Profile, name string) error {
	b, err := readBounded(name, maxCaptureFile)
	if err != nil {
		return err
	}
	capture, err := profile.ReadCapture(strings.NewReader(string(b)))
	if err != nil {
		return &exit.Failure{Code: exit.Usage, What: name + " is not a recording: " + err.Error() + ".", Not: "No message was played.",
			Try: "Record one with mosquitto_sub -t '#' -F %j. It has one JSON object per line."}
	}
	rows, t := []playedRow{}, table{head: []string{"at", "topic", "means", "value", "relay", "counted mWh", "register mWh"}}
	unreadable, measured := 0, 0
	var last profile.Register
	for _, one := range p.Play(capture) {
		m := one.Meaning
		if m.Kind == profile.Unreadable {
			unreadable++
		}
		if p.Reads(m) {
			measured++
		}
		rows = append(rows, playedRow{one.At, one.Topic, m, one.Step.CountedMWh, int64(one.Step.Gap / time.Second), one.Step.Why, one.Register.MWh})
		t.add(one.At.Format("15:04:05.000"), one.Topic, meansText(m), valueText(one), m.Relay, one.Step.CountedMWh, one.Register.MWh)
		last = one.Register
	}
	if err := c.show(cmd, rows, t); err != nil {
		return err
	}
	c.tell("%d messages, %d unreadable. The register is %d.%06d kWh. %d gaps of %d s in all were not counted.", len(rows), unreadable,
		last.MWh/1_000_000, last.MWh%1_000_000, last.Gaps, last.GapSec)
	if unreadable > 0 {
		return &exit.Failure{Code: exit.Failed, What: fmt.Sprintf("%d of %d messages cannot be read by this profile.", unreadable, len(rows)),
			Not: "Their energy was not counted.", Try: "Correct the pattern or the fields. The column value shows why."}
	}
	if p.Measures() && measured == 0 {
		return &exit.Failure{Code: exit.Failed, What: fmt.Sprintf("None of %d messages has a value to count energy from.", len(rows)),
			Not: "A device with this profile would be supplied for nothing.",
			Try: "Record the messages that the device sends while it measures, and name " + valueNeeded(p) + " in an [[up]] of the profile that means data."}
	}
	return nil
}

// valueNeeded names the quantity that a profile counts energy from.
func valueNeeded(p *profile.Profile) string {
	if p.Energy.From == profile.FromPower {
		return "power_w"
	}
	return "energy_wh, energy_kwh or energy_wmin"
}

func meansText(m profile.Meaning) string {
	if m.Kind == profile.Ignored {
		return "nothing"
	}
	return string(m.Kind)
}

// valueText shows the values of a message, why the message cannot be read, or why its interval was not counted.
func valueText(one profile.Played) string {
	m := one.Meaning
	var parts []string
	if m.V1 != nil && m.V2 != nil {
		parts = append(parts, m.V1.String()+":"+m.V2.String())
	}
	if m.PowerMW != nil {
		parts = append(parts, fmt.Sprintf("%d.%03d W", *m.PowerMW/1000, *m.PowerMW%1000))
	}
	if m.EnergyMWh != nil {
		parts = append(parts, fmt.Sprintf("%d mWh on the device", *m.EnergyMWh))
	}
	if m.Why != "" {
		parts = append(parts, m.Why)
	}
	if one.Step.Gap > 0 {
		parts = append(parts, fmt.Sprintf("gap of %s: %s", one.Step.Gap, one.Step.Why))
	}
	if len(parts) == 0 {
		return m.Text
	}
	return strings.Join(parts, ", ")
}

// profileNames are the names of the profiles that come with Paywatt, for the shell's completion.
func profileNames() []string {
	l, err := ownProfiles()
	if err != nil {
		return nil
	}
	return l.Names()
}
