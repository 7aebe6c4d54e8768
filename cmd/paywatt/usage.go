package main

import (
	"fmt"
	"strings"

	"github.com/paywatt/paywatt/internal/exit"
	"github.com/spf13/cobra"
)

// rootHelp is what paywatt --help says before the list of commands.
const rootHelp = `Prepaid electricity: sell STS tokens, meter, and settle, in one binary.

Begin with paywatt demo. Commands that ask a server find it by the environment: PAYWATT_URL (its address) and PAYWATT_KEY
(what paywatt apikey create prints). Others work on the data folder (--data). The key store's passphrase comes from the
file that PAYWATT_PASSPHRASE_FILE names, or from a prompt. Results go to standard output, messages to standard error.

Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 refused by a rule, 5 unreachable.`

// unknownVerb is the failure of a noun with a verb that it does not have; cobra alone would show its help and succeed, and
// a script would believe that something was done.
func unknownVerb(root *cobra.Command, args []string) *exit.Failure {
	cmd, rest, err := root.Find(args)
	if err != nil || cmd == root || cmd.Runnable() || len(rest) == 0 || rest[0] == "help" || strings.HasPrefix(rest[0], "-") {
		return nil
	}
	verbs := cmd.SuggestionsFor(rest[0])
	if len(verbs) == 0 {
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				verbs = append(verbs, sub.Name())
			}
		}
	}
	return &exit.Failure{Code: exit.Usage, What: fmt.Sprintf("There is no command %s %s.", cmd.CommandPath(), rest[0]), Not: "Nothing was done.",
		Try: "Try " + cmd.CommandPath() + " " + strings.Join(verbs, ", ") + "; " + cmd.CommandPath() + " --help explains them."}
}

// misused is the failure of a command line that cobra refused: an unknown command or option, a value that cannot be
// read, too many words or too few.
func misused(cmd *cobra.Command, err error) *exit.Failure {
	f := &exit.Failure{Code: exit.Usage, What: err.Error(), Not: "Nothing was done.", Try: "Run " + cmd.CommandPath() + " --help for its words and options."}
	words, line := cmd.Flags().Args(), strings.TrimSuffix(cmd.UseLine(), " [flags]")
	switch {
	case strings.HasPrefix(f.What, "accepts "), strings.HasPrefix(f.What, "requires at least "):
		f.What = fmt.Sprintf("It is %s, and %d words follow the command.", line, len(words))
		if len(words) == 1 {
			f.What = fmt.Sprintf("It is %s, and one word follows the command: %s.", line, words[0])
		}
		if len(words) == 0 {
			f.What = fmt.Sprintf("It is %s, and nothing follows the command.", line)
		}
	case strings.HasPrefix(f.What, "unknown command ") && cmd.HasParent():
		f.What = fmt.Sprintf("It is %s, and takes no further word.", line)
	case strings.HasPrefix(f.What, "invalid argument "):
		what, why, ok := strings.Cut(f.What, " flag: ")
		switch {
		case strings.HasSuffix(why, "invalid syntax"):
			why = "it is not a whole number"
		case strings.HasSuffix(why, "out of range"):
			why = "it is too large or too small"
		}
		if ok {
			f.What = what + ": " + why
		}
	}
	if !strings.HasSuffix(f.What, ".") {
		f.What += "."
	}
	f.What = strings.ToUpper(f.What[:1]) + f.What[1:]
	return f
}
