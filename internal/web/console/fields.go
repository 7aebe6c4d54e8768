package console

import "strings"

// textInput is a labelled field for a line of text. Its name is also the id of its element.
type textInput struct {
	Name, Label, Value string
	Hint               string // shown below the field; empty for none
	Max                int    // characters
	Mode               string // keyboard of a telephone, such as decimal; empty for letters
	Required, Fixed    bool   // Fixed: shown, but nobody can change it
	Focus              bool
}

// choiceInput is a labelled field with a list to choose from.
type choiceInput struct {
	Name, Label, Value, Hint string
	From                     []choice
}

// commandLine writes a command as somebody types it in a shell: the words, then each option that has a value. Options are pairs of a name and a
// value.
func commandLine(words string, options ...string) string {
	var b strings.Builder
	b.WriteString(words)
	for i := 0; i+1 < len(options); i += 2 {
		if options[i+1] != "" {
			b.WriteString(" " + options[i] + " " + shellWord(options[i+1]))
		}
	}
	return b.String()
}

// shellWord quotes a word that a shell would split or change.
func shellWord(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:+,@%=") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
