package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/BurntSushi/toml"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/paywatt/paywatt/internal/bounded"
	"github.com/paywatt/paywatt/internal/config"
	"github.com/paywatt/paywatt/internal/exit"
)

// maxSettings bounds the settings file in bytes.
const maxSettings = 1 << 20

// settingFlags adds a flag for every setting of the server.
func settingFlags(f *pflag.FlagSet) {
	for _, s := range config.Settings() {
		switch {
		case s.Client:
		case s.Key == config.LogLevel:
			level := s.Default
			choiceFlag(f, &level, s.FlagName(), s.Help, config.LogLevels())
		case s.Kind == config.List:
			f.StringArray(s.FlagName(), nil, s.Help)
		case s.Kind == config.Switch:
			f.Bool(s.FlagName(), s.Default == "true", s.Help)
		default:
			f.String(s.FlagName(), s.Default, s.Help)
		}
	}
}

// settings merges defaults, file, environment and flags. The data folder is found first, because the settings file is in it.
func (c console) settings(cmd *cobra.Command) (config.Config, error) {
	set, _, err := c.readAll(cmd)
	if err != nil {
		return config.Config{}, settingFailure(err)
	}
	return set, nil
}

// readAll reads and merges the settings. It also returns what it read, so that a mistake can be explained.
func (c console) readAll(cmd *cobra.Command) (set config.Config, src config.Sources, err error) {
	src = config.Sources{Env: c.settingVariables(), Flags: givenSettings(cmd.Flags())}
	first, err := config.Merge(src)
	if err != nil {
		return config.Config{}, src, err
	}
	src.FilePath = filepath.Join(first.Text(config.Data), config.FileName)
	if src.File, err = readSettings(src.FilePath); err != nil {
		return config.Config{}, src, err
	}
	set, err = config.Merge(src)
	return set, src, err
}

// settingVariables returns the environment variables that are settings. PAYWATT_BIN, the path of a binary under test, is not a setting.
func (c console) settingVariables() []string {
	if c.environ == nil {
		return nil
	}
	var out []string
	for _, line := range c.environ() {
		if strings.HasPrefix(line, config.EnvPrefix) && !strings.HasPrefix(line, config.EnvPrefix+"BIN=") {
			out = append(out, line)
		}
	}
	return out
}

// givenSettings returns the flags that were given, by the key of their setting.
func givenSettings(f *pflag.FlagSet) map[string][]string {
	out := map[string][]string{}
	for _, s := range config.Settings() {
		flag := f.Lookup(s.FlagName())
		if flag == nil || !flag.Changed {
			continue
		}
		if list, ok := flag.Value.(pflag.SliceValue); ok {
			out[s.Key] = list.GetSlice()
			continue
		}
		out[s.Key] = []string{flag.Value.String()}
	}
	return out
}

// readSettings decodes the settings file. A missing file is not an error.
func readSettings(path string) (map[string]any, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, nil // an invalid data folder is explained when it is opened
	}
	if err == nil && info.Size() > maxSettings {
		err = fmt.Errorf("longer than %d bytes", maxSettings)
	}
	var text []byte
	if err == nil {
		text, err = os.ReadFile(path)
	}
	if err == nil {
		err = bounded.CheckTOML(string(text))
	}
	var out map[string]any
	if err == nil {
		_, err = toml.Decode(string(text), &out)
	}
	if err != nil {
		return nil, &config.FileError{Err: fmt.Errorf("read %s: %w", path, err)}
	}
	return out, nil
}

// settingFailure reports everything that is wrong with the settings.
func settingFailure(err error) *exit.Failure {
	return &exit.Failure{Code: exit.Usage, What: "The settings cannot be used: " + strings.TrimRight(strings.ReplaceAll(err.Error(), "\n", "; "), ".") + ".",
		Not: notRun, Try: "Correct them. paywatt config show --origin shows where each value comes from."}
}
