package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/device/flight"
	"github.com/paywatt/paywatt/internal/exit"
)

// replayView is the result of a replay as JSON.
type replayView struct {
	Events   int64  `json:"events"`
	Boots    int64  `json:"boots"`
	Hash     string `json:"hash"`
	Recorded string `json:"recorded"`
	Checks   int64  `json:"checks"`
	// Unchecked events come after the last recorded hash.
	Unchecked int64 `json:"unchecked"`
	Matches   bool  `json:"matches"`
}

func newReplayCommand(c console) *cobra.Command {
	return &cobra.Command{
		Use:   "replay FILE",
		Short: "Replay a recorded meter history and compare the result",
		Long: "Replay a meter history that paywatt vmeter --record FILE has recorded. The same events must lead to the same state. Every\n" +
			"hash in the recording is compared, and the replay stops at the first difference.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return replay(c, cmd, args[0]) },
	}
}

func replay(c console, cmd *cobra.Command, name string) error {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return &exit.Failure{Code: exit.NotFound, What: "Recording " + name + " was not found.", Not: "The recording was not replayed.", Try: "Check the path."}
	}
	if err != nil {
		return &exit.Failure{Code: exit.Failed, What: "The recording cannot be read: " + err.Error() + ".", Not: "The recording was not replayed.", Try: "Check the file and who may read it."}
	}
	defer f.Close()
	done := c.progress(cmd, "Replaying", nil)
	r, err := flight.Replay(f)
	done()
	if err != nil {
		return &exit.Failure{Code: exit.Failed, What: "The recording cannot be replayed: " + err.Error() + ".", Not: "The replay has no result.",
			Try: "Record with paywatt vmeter --record FILE, and replay with the same version."}
	}
	v := replayView{Events: r.Events, Boots: r.Boots, Hash: r.Hash, Recorded: r.Recorded, Checks: r.Checks,
		Unchecked: r.Unchecked, Matches: r.Matches()}
	err = c.show(cmd, v, fields("events", strconv.FormatInt(v.Events, 10), "boots", strconv.FormatInt(v.Boots, 10), "hash", v.Hash,
		"recorded", v.Recorded, "checks", strconv.FormatInt(v.Checks, 10),
		"events after the last hash", strconv.FormatInt(v.Unchecked, 10), "matches", strconv.FormatBool(v.Matches)))
	switch {
	case err != nil:
		return err
	case r.Checks == 0:
		return &exit.Failure{Code: exit.Failed, What: "The recording has no hash to compare with.", Not: "The replay was not compared.",
			Try: "Record for longer: this recording ends before the first hash."}
	case !v.Matches:
		return &exit.Failure{Code: exit.Failed,
			What: fmt.Sprintf("After event %d the state differs from the recorded one.", r.Differs), Not: "The replay stopped there.",
			Try: "Replay it with the version that recorded it. If the state still differs, report it with the file."}
	}
	return nil
}
