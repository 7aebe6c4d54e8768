package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/meter/journal"
)

func newVmeterMemory(c console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "memory",
		Short: "Check the memory of a meter",
		Args:  cobra.NoArgs,
	}
	fields := false
	check := &cobra.Command{
		Use:   "check FILE|DIR",
		Short: "Check memories and test vectors of the public format",
		Long: "Check memories and test vectors of the public format (docs/reference/meter-memory.md). FILE is a memory of 4,096 bytes, as in\n" +
			"the folder of vmeter --state, or a JSON list of vectors, such as meter/journal/testdata/vectors.json. For a DIR the command\n" +
			"checks the file memory and all files that end in .bin, .eeprom or .json. Each is explained and marked pass or fail.\n" +
			"--fields shows every field, with keys masked. The last line has the counts. A memory passes if a meter can start from it\n" +
			"without losing data.",
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return checkMemories(c, args[0], fields) },
	}
	check.Flags().BoolVar(&fields, "fields", false, "print every field")
	cmd.AddCommand(check)
	return cmd
}

// memoryFiles are the files to check.
func memoryFiles(name string) ([]string, error) {
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &exit.Failure{Code: exit.NotFound, What: name + " was not found.", Not: "No checks were made.", Try: "Check the path."}
	}
	if err != nil {
		return nil, &exit.Failure{Code: exit.Failed, What: name + " cannot be read: " + err.Error() + ".", Not: "No checks were made.", Try: "Check who may read it."}
	}
	if !info.IsDir() {
		return []string{name}, nil
	}
	var files []string
	for _, end := range [...]string{"memory", "*.bin", "*.eeprom", "*.json"} {
		found, err := filepath.Glob(filepath.Join(name, end))
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", name, err)
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		return nil, &exit.Failure{Code: exit.NotFound, What: name + " contains no memory and no file of vectors.",
			Not: "No checks were made.", Try: "Give a file, or a folder with files that end in .bin, .eeprom or .json."}
	}
	return files, nil
}

func checkMemories(c console, name string, fields bool) error {
	files, err := memoryFiles(name)
	if err != nil {
		return err
	}
	passed, failed := 0, 0
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return &exit.Failure{Code: exit.Failed, What: "The file cannot be read: " + err.Error() + ".",
				Not: fmt.Sprintf("Only %d were checked.", passed+failed), Try: "Check who may read it."}
		}
		p, f := 0, 0
		if strings.HasSuffix(file, ".json") {
			p, f, err = checkMemoryVectors(c, b)
			if err != nil {
				return &exit.Failure{Code: exit.Usage, What: fmt.Sprintf("%s is not a list of vectors: %v.", file, err),
					Not: fmt.Sprintf("Only %d were checked.", passed+failed), Try: "Give a JSON list in the form of meter/journal/testdata/vectors.json."}
			}
		} else if checkImage(c, file, b, fields) {
			p = 1
		} else {
			f = 1
		}
		passed, failed = passed+p, failed+f
	}
	fmt.Fprintf(c.out, "%d passed, %d failed\n", passed, failed)
	if failed > 0 {
		return &exit.Failure{Code: exit.Failed, What: fmt.Sprintf("%d of %d checks failed.", failed, passed+failed), Not: "No changes were made.", Try: "Look at the lines marked fail."}
	}
	return nil
}

func checkMemoryVectors(c console, b []byte) (passed, failed int, err error) {
	var vectors []journal.Vector
	if err := json.Unmarshal(b, &vectors); err != nil {
		return 0, 0, err
	}
	for _, v := range vectors {
		if err := v.Check(); err != nil {
			failed++
			fmt.Fprintf(c.out, "fail  %s %s: %v\n", v.Kind, v.Name, err)
			continue
		}
		passed++
		fmt.Fprintf(c.out, "pass  %s %s, version %d\n", v.Kind, v.Name, v.Version)
	}
	return passed, failed, nil
}

// image is a memory that is opened for reading only.
type image []byte

func (m image) ReadAt(p []byte, at int64) (int, error) {
	if at >= int64(len(m)) {
		return 0, nil
	}
	return copy(p, m[at:]), nil
}

func (image) WriteAt([]byte, int64) (int, error) { return 0, errors.New("the memory is only read") }

func (image) Sync() error { return nil }

// checkImage explains a memory and reports whether a meter can start from it without losing anything.
func checkImage(c console, name string, b []byte, fields bool) bool {
	fmt.Fprintf(c.out, "%s: %d bytes\n", name, len(b))
	for _, part := range journal.Inspect(b) {
		state := fmt.Sprintf("version %d, generation %d", part.Version, part.Generation)
		switch {
		case part.Blank && part.Kind == journal.KindRecord:
			continue
		case part.Blank:
			state = "blank"
		case part.Problem != "":
			state = part.Problem
		}
		fmt.Fprintf(c.out, "  0x%03x %s: %s\n", part.Offset, part.Kind, state)
		if !fields {
			continue
		}
		for _, f := range part.Fields {
			fmt.Fprintf(c.out, "    %4d %2d  %-22s %s\n", f.Offset, f.Size, f.Name, f.Shown)
		}
	}
	_, l, err := journal.Open(image(b))
	switch {
	case err != nil:
		fmt.Fprintf(c.out, "fail  %v\n", err)
		return false
	case l.State.Frozen:
		fmt.Fprintln(c.out, "fail  it was written by a newer version; a meter of this version counts on, but does not change it")
		return false
	case l.Damage != 0:
		fmt.Fprintln(c.out, "fail  a meter can start from it, but a part is damaged")
		return false
	}
	s := &l.State
	fmt.Fprintf(c.out, "pass  meter %d: register %s, credit %s, configuration %d, relay %s, %d log records to replay\n",
		l.Config.Number, s.Register, s.Shown(), l.Config.Version, s.Relay, len(l.Replay))
	return true
}
