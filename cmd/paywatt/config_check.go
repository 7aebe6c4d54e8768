package main

import (
	"cmp"
	"errors"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/config"
	"github.com/paywatt/paywatt/internal/exit"
)

// mistakeRow is a mistake in the settings file as config check prints it.
type mistakeRow struct {
	Line int    `json:"line,omitempty"`
	Text string `json:"text,omitempty"`
	What string `json:"what"`
}

func newConfigCheck(c console) *cobra.Command {
	cmd := &cobra.Command{
		Use: "check", Short: "Check the settings file and the other settings of the server", Args: cobra.NoArgs,
		Long: "Check the settings as paywatt serve would, without starting it. Each mistake in the settings file is shown with its line. Values that\n" +
			"may be secret are hidden. The exit code is 2 if there is a mistake.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			set, t, err := c.usable(cmd)
			if err != nil {
				return err
			}
			if t == nil {
				c.tell("The settings are right. Data folder: %s", set.Text(config.Data))
				return nil
			}
			rows, view := []mistakeRow{}, table{head: []string{"line", "text", "what is wrong"}}
			for _, m := range t.Mistakes {
				rows = append(rows, mistakeRow(m))
				view.add(lineNumber(m.Line), m.Text, m.What)
			}
			if err := c.show(cmd, rows, view); err != nil {
				return err
			}
			return &exit.Failure{Code: exit.Usage, What: "The settings file " + t.Path + " has mistakes.", Not: "paywatt serve would start in safe mode.", Try: "Correct the lines above."}
		},
	}
	settingFlags(cmd.Flags())
	return cmd
}

func lineNumber(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// mistakes says where the mistakes of a settings file are. It never shows a value that may be secret.
func mistakes(path string, wrong []*config.FileError) []app.Mistake {
	text, _ := os.ReadFile(path) // without its text the mistakes have no lines
	lines := strings.Split(string(text), "\n")
	var out []app.Mistake
	for _, w := range wrong {
		m := app.Mistake{Line: w.Line(string(text)), What: strings.TrimPrefix(w.Error(), config.ErrSetting.Error()+" ")}
		var syntax toml.ParseError
		if errors.As(w, &syntax) {
			m.Line = syntax.Position.Line
		}
		if m.Line > 0 && m.Line <= len(lines) {
			m.Text = config.Masked(lines[m.Line-1])
		}
		if syntax.Message != "" {
			m.What = unquoted(syntax.Message)
		}
		out = append(out, m)
	}
	slices.SortStableFunc(out, func(a, b app.Mistake) int { return cmp.Compare(a.Line, b.Line) })
	return out
}

// unquoted hides what a message of the parser quotes from the file, because that may be a piece of a secret.
func unquoted(message string) string {
	return regexp.MustCompile(`"(?:[^"\\]|\\.)*"|'[^']{2,}'`).ReplaceAllString(message, "…")
}
