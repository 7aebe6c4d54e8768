package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/exit"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// rootHelp is what paywatt --help says before the list of commands.
const rootHelp = `Run prepaid electricity from one binary: sell STS tokens, read meters and settle accounts.

Begin with paywatt demo. Commands that ask a server read its address from PAYWATT_URL and the key from PAYWATT_KEY.
paywatt apikey create prints such a key. Other commands work on the data folder (--data). The passphrase of the key store
comes from the file that PAYWATT_PASSPHRASE_FILE names, or from a prompt. Results go to standard output, messages to
standard error. An error says what happened, what did not happen and what to do.

Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 refused by a rule, 5 unreachable.`

// notRun says what did not happen if a command line is wrong.
const notRun = "The command did not run."

// usage is the failure for a command line that cannot be carried out as written.
func usage(what, try string) *exit.Failure {
	return &exit.Failure{Code: exit.Usage, What: what, Not: notRun, Try: try}
}

// failed turns the error of a command into the failure that is printed. Every error reaches the terminal through it.
func failed(err error) *exit.Failure {
	var f *exit.Failure
	switch {
	case errors.As(err, &f):
		if f.Not == "" && f.Code == exit.Usage {
			f.Not = notRun
		}
		return f
	case errors.Is(err, context.Canceled):
		return &exit.Failure{Code: exit.Failed, What: "The command was interrupted.", Not: "It did not finish.", Try: "Run it again if you still need it."}
	}
	return &exit.Failure{Code: exit.Failed, What: sentenceOf(err), Not: "The command did not finish.",
		Try: "Correct the cause and run it again. paywatt doctor checks the data folder."}
}

// sentenceOf writes an error as a sentence.
func sentenceOf(err error) string {
	s := strings.TrimRight(err.Error(), ".")
	if s == "" {
		return "The command failed for an unknown reason."
	}
	if first, _, _ := strings.Cut(s, " "); strings.ContainsAny(first, `/\\.`) {
		return s + "." // the name of a file
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

// printFailure writes a failure: what happened, then indented lines that say what did not happen and what to do.
func printFailure(w io.Writer, f *exit.Failure) {
	fmt.Fprintln(w, "paywatt: "+strings.Join(f.Lines(), "\n  "))
}

// strict makes every command of a tree report wrong options, options that exclude each other, and argument counts as failures.
func strict(cmd *cobra.Command) {
	cmd.SetFlagErrorFunc(wrongFlag)
	if count := cmd.Args; count != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			err := count(cmd, args)
			switch f := (*exit.Failure)(nil); {
			case err == nil:
				return wrongGroup(cmd.ValidateFlagGroups())
			case errors.As(err, &f):
				return err
			}
			return wrongCount(cmd, args)
		}
	}
	for _, sub := range cmd.Commands() {
		strict(sub)
	}
}

// unknownCommand returns the failure for a command that does not exist, or nil. Without it cobra prints the help of a noun
// and succeeds, and a script believes that the command ran.
func unknownCommand(root *cobra.Command, args []string) *exit.Failure {
	if len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
		return nil // cobra adds its completion command only when it runs
	}
	if len(args) > 1 && args[0] == "help" {
		args = args[1:] // cobra itself would print its help and succeed
	}
	cmd, rest, err := root.Find(args)
	word := ""
	switch {
	case err != nil:
		if _, e := fmt.Sscanf(err.Error(), "unknown command %q", &word); e != nil {
			return nil
		}
	case cmd == root || len(rest) == 0 || rest[0] == "help" || strings.HasPrefix(rest[0], "-"):
		return nil
	case cmd.Runnable(): // it takes arguments, but no argument that looks like a subcommand: paywatt vend recipt
		if nearest(rest[0], subcommands(cmd)) == "" {
			return nil
		}
		word = rest[0]
	default:
		word = rest[0]
	}
	return usage(fmt.Sprintf("There is no command %s %s.", cmd.CommandPath(), word), didYouMean(commandLike(cmd, word))+commandsOf(cmd))
}

// commandLike returns the subcommand nearest to a word; "" if none is near.
func commandLike(cmd *cobra.Command, word string) string {
	if cmd.SuggestionsMinimumDistance <= 0 {
		cmd.SuggestionsMinimumDistance = maxTypos
	}
	like := cmd.SuggestionsFor(word)
	if near := nearest(word, like); near != "" || len(like) == 0 {
		return near
	}
	return like[0]
}

// commandsOf returns a sentence that says where the commands are listed. For a noun it also lists them, because they are few.
func commandsOf(cmd *cobra.Command) string {
	see := "Run " + cmd.CommandPath() + " --help for its commands"
	if !cmd.HasParent() {
		return see + "."
	}
	return see + ": " + alternativesText(subcommands(cmd)) + "."
}

// subcommands are the names of a command's subcommands.
func subcommands(cmd *cobra.Command) (names []string) {
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	return names
}

// wrongCount is the failure for too many or too few arguments.
func wrongCount(cmd *cobra.Command, args []string) *exit.Failure {
	line, words := strings.TrimSuffix(cmd.UseLine(), " [flags]"), wordsOf(cmd)
	see := "Write " + line + ". Run " + cmd.CommandPath() + " --help for the arguments and options."
	switch {
	case len(args) > 0 && len(words) == 0:
		return usage(fmt.Sprintf("%s takes no arguments, but %q was given.", cmd.CommandPath(), strings.Join(args, " ")), see)
	case len(args) < len(words):
		missing := slices.DeleteFunc(words[len(args):], func(word string) bool {
			return strings.Contains(cmd.Use, "["+word) || strings.Contains(cmd.Use, word+"]")
		})
		return usage("Missing after "+cmd.CommandPath()+": "+strings.Join(missing, " ")+".", see)
	}
	return usage(fmt.Sprintf("%s takes only %s, but %d arguments were given.", cmd.CommandPath(), strings.Join(words, " "), len(args)), see)
}

// wrongGroup is the failure for options that exclude each other, from the error of their group; nil for no error.
func wrongGroup(err error) error {
	if err == nil {
		return nil
	}
	_, group, _ := strings.Cut(err.Error(), "[")
	group, _, _ = strings.Cut(group, "]")
	return usage("--"+strings.ReplaceAll(group, " ", " and --")+" exclude each other.", "Give one of them.")
}

// wrongFlag is the failure for an unknown option, or for an option with a wrong value.
func wrongFlag(cmd *cobra.Command, err error) error {
	see := "Run " + cmd.CommandPath() + " --help for the options."
	var unknown *pflag.NotExistError
	var missing *pflag.ValueRequiredError
	var wrong *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "":
		return usage(cmd.CommandPath()+" has no option -"+unknown.GetSpecifiedName()+".", see)
	case errors.As(err, &unknown):
		near := nearest(unknown.GetSpecifiedName(), flagNames(cmd))
		if near != "" {
			near = "--" + near
		}
		return usage(cmd.CommandPath()+" has no option --"+unknown.GetSpecifiedName()+".", didYouMean(near)+see)
	case errors.As(err, &missing):
		return usage("The option --"+missing.GetFlag().Name+" has no value.", "Write a value after it. "+see)
	case errors.As(err, &wrong):
		return wrongValue(wrong, see)
	}
	return usage(sentenceOf(err), see)
}

// wrongValue is the failure for an option whose value cannot be read.
func wrongValue(e *pflag.InvalidValueError, see string) *exit.Failure {
	var f *exit.Failure
	if errors.As(e, &f) {
		return f // the failure of an option that explains its own values
	}
	option := fmt.Sprintf("--%s %q ", e.GetFlag().Name, e.GetValue())
	if errors.Is(e, strconv.ErrRange) {
		return usage(option+"is too large or too small.", see)
	}
	switch e.GetFlag().Value.Type() {
	case "duration":
		return usage(option+"is not a duration.", "Write it with its unit, such as 30s, 10m or 2h.")
	case "bool":
		return usage(option+"is neither true nor false.", "Give the option without a value, or with =true or =false.")
	case "float64":
		return usage(option+"is not a number.", "Write it as 0.2.")
	}
	return usage(option+"is not a whole number.", "Write it with digits alone, such as 42.")
}

// flagNames are the names of the options that a command takes.
func flagNames(cmd *cobra.Command) (names []string) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	return names
}
